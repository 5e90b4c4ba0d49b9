//! The relays of Kea's `user_context`, rebuilt as the chain of messages they were.
//!
//! Kea with `store-extended-info` keeps for every lease, outermost relay first:
//! ```text
//! {"ISC": {"relay-info": [
//!   {"hop": 1, "link": "::", "peer": "3fff:0:2::53", "options": "0x0035...", "relay-id": "..."},
//!   {"hop": 0, "link": "3fff:0:2::1", "peer": "fe80::5", "options": "0x0025...", ...} ]}}
//! ```
//! (up to Kea 2.2 the list is called `relays`). From it the Relay-Forward messages are
//! rebuilt, each in the Relay Message option of the one around it, the innermost without
//! one: the octets of OPTION_LQ_RELAY_DATA (RFC 5007 §4.1.2.4; decisions.md, "Relay
//! identity"). The address the outermost message came from is not in the file; its
//! link-address stands in where it is set.
//!
//! The layout above is read straight from the line, escapes and all. Anything else goes
//! through a real JSON parser.

use std::net::Ipv6Addr;
use std::ops::Range;

use serde_json::Value;

use crate::kea::escape::{escaped, unescape};
use crate::problem::RelayFault;
use crate::text::{excerpt, parse_hex, parse_ipv6, parse_octets};
use leasebook_store::RelayData;
use leasebook_wire::code::{
    DEFAULT_NESTING_LIMIT, MessageType, OPTION_HEADER_OCTETS, OptionCode, RELAY_HEADER_OCTETS,
};

/// The most relays in a chain (WIRE-015, D-29).
pub(crate) const MAX_RELAYS: usize = DEFAULT_NESTING_LIMIT;

/// One Relay-Forward message.
#[derive(Clone, Debug)]
struct Hop {
    count: u8,
    link: Ipv6Addr,
    peer: Ipv6Addr,
    /// Its options in [`RelayInfoReader::options`].
    options: Range<usize>,
}

/// Reads user contexts; keeps its memory from one to the next.
#[derive(Debug, Default)]
pub(crate) struct RelayInfoReader {
    hops: Vec<Hop>,
    options: Vec<u8>,
    unescaped: Vec<u8>,
}

impl RelayInfoReader {
    /// Fills `relay` from the escaped `user_context`; false if it speaks of no relay.
    pub(crate) fn read(
        &mut self,
        context: &[u8],
        relay: &mut RelayData,
    ) -> Result<bool, RelayFault> {
        self.clear();
        if self.read_usual_layout(context).is_none() {
            self.clear();
            if !self.read_any_layout(context)? {
                return Ok(false);
            }
        }
        self.put_outermost_first();
        self.check_options()?;
        self.compose(relay)?;
        Ok(true)
    }

    fn clear(&mut self) {
        self.hops.clear();
        self.options.clear();
    }

    /// The layout of the module's documentation; `None` for whatever differs.
    fn read_usual_layout(&mut self, context: &[u8]) -> Option<()> {
        let mut at = Cursor(context);
        at.symbol(b'{')?;
        (at.string()? == b"ISC").then_some(())?;
        at.symbol(b':')?;
        at.symbol(b'{')?;
        (at.string()? == b"relay-info").then_some(())?;
        at.symbol(b':')?;
        at.symbol(b'[')?;
        loop {
            let hop = self.read_usual_hop(&mut at)?;
            if self.hops.len() == MAX_RELAYS {
                return None;
            }
            self.hops.push(hop);
            if at.comma().is_none() {
                break;
            }
        }
        at.symbol(b']')?;
        at.symbol(b'}')?;
        at.symbol(b'}')?;
        at.skip_space();
        at.0.is_empty().then_some(())
    }

    fn read_usual_hop(&mut self, at: &mut Cursor<'_>) -> Option<Hop> {
        let (mut hop, mut link, mut peer, mut options) = (None, None, None, None);
        at.symbol(b'{')?;
        loop {
            let key = at.string()?;
            at.symbol(b':')?;
            match key {
                b"hop" => hop = Some(at.small_number()?),
                b"link" => link = Some(parse_ipv6(at.string()?)?),
                b"peer" => peer = Some(parse_ipv6(at.string()?)?),
                b"options" => {
                    let start = self.options.len();
                    parse_hex(at.string()?.strip_prefix(b"0x")?, &mut self.options)?;
                    options = Some(start..self.options.len());
                }
                b"relay-id" | b"remote-id" => {
                    at.string()?;
                }
                _ => return None,
            }
            if at.comma().is_none() {
                break;
            }
        }
        at.symbol(b'}')?;
        Some(Hop {
            count: hop?,
            link: link?,
            peer: peer?,
            options: options?,
        })
    }

    /// Any JSON with `ISC` and in it `relay-info` or, older, `relays`.
    fn read_any_layout(&mut self, context: &[u8]) -> Result<bool, RelayFault> {
        self.unescaped.clear();
        unescape(context, &mut self.unescaped);
        let value: Value = serde_json::from_slice(&self.unescaped)
            .map_err(|error| RelayFault::NotJson(error.to_string()))?;
        let Value::Object(context) = value else {
            return Err(RelayFault::NotJson(excerpt(&self.unescaped)));
        };
        let Some(isc) = context.get("ISC") else {
            return Ok(false);
        };
        let Some(relays) = isc.get("relay-info").or_else(|| isc.get("relays")) else {
            return Ok(false);
        };
        let relays = relays
            .as_array()
            .filter(|relays| !relays.is_empty())
            .ok_or(RelayFault::NotAList)?;
        if relays.len() > MAX_RELAYS {
            return Err(RelayFault::TooMany(relays.len()));
        }
        for (index, relay) in relays.iter().enumerate() {
            let hop = self.read_any_hop(index, relay)?;
            self.hops.push(hop);
        }
        Ok(true)
    }

    fn read_any_hop(&mut self, index: usize, relay: &Value) -> Result<Hop, RelayFault> {
        let fault = |key| RelayFault::Element { index, key };
        let address = |key: &'static str| {
            relay
                .get(key)
                .and_then(Value::as_str)
                .and_then(|text| parse_ipv6(text.as_bytes()))
                .ok_or(fault(key))
        };
        let hop = relay
            .get("hop")
            .and_then(Value::as_u64)
            .and_then(|hop| u8::try_from(hop).ok())
            .ok_or(fault("hop"))?;
        let (link, peer) = (address("link")?, address("peer")?);
        let start = self.options.len();
        if let Some(options) = relay.get("options") {
            let text = options.as_str().ok_or(fault("options"))?;
            if !text.is_empty() && text != "0x" {
                parse_octets(text.as_bytes(), &mut self.options).ok_or(fault("options"))?;
            }
        } else {
            // Without its options a relay is still found by the ids Kea wrote beside them.
            self.restore_option(relay.get("remote-id"), OptionCode::REMOTE_ID)
                .ok_or(fault("remote-id"))?;
            self.restore_option(relay.get("relay-id"), OptionCode::RELAY_ID)
                .ok_or(fault("relay-id"))?;
        }
        Ok(Hop {
            count: hop,
            link,
            peer,
            options: start..self.options.len(),
        })
    }

    /// Appends an option whose data is hex; nothing if there is no value.
    fn restore_option(&mut self, value: Option<&Value>, code: OptionCode) -> Option<()> {
        let Some(value) = value else {
            return Some(());
        };
        let header = self.options.len();
        self.options.extend_from_slice(&code.0.to_be_bytes());
        self.options.extend_from_slice(&[0, 0]);
        parse_octets(value.as_str()?.as_bytes(), &mut self.options)?;
        let data = self.options.len() - header - OPTION_HEADER_OCTETS;
        let length = u16::try_from(data).ok()?;
        self.options[header + 2..header + 4].copy_from_slice(&length.to_be_bytes());
        Some(())
    }

    /// Hop counts fall from the outermost relay to the innermost. Kea writes them so; a
    /// list the other way round is turned.
    fn put_outermost_first(&mut self) {
        if self.hops.len() > 1 && self.hops.is_sorted_by(|one, next| one.count < next.count) {
            self.hops.reverse();
        }
    }

    /// Whether every relay's options are whole, and none is a Relay Message option, which
    /// would make two chains of one.
    fn check_options(&self) -> Result<(), RelayFault> {
        for (index, hop) in self.hops.iter().enumerate() {
            let options = &self.options[hop.options.clone()];
            let mut offset = 0;
            while offset < options.len() {
                let fault = RelayFault::Options { index, offset };
                let [high, low, len_high, len_low, ..] = options[offset..] else {
                    return Err(fault);
                };
                let end = offset
                    + OPTION_HEADER_OCTETS
                    + usize::from(u16::from_be_bytes([len_high, len_low]));
                if end > options.len()
                    || OptionCode(u16::from_be_bytes([high, low])) == OptionCode::RELAY_MSG
                {
                    return Err(fault);
                }
                offset = end;
            }
        }
        Ok(())
    }

    fn compose(&self, relay: &mut RelayData) -> Result<(), RelayFault> {
        relay.chain.clear();
        let innermost = self.hops.len().saturating_sub(1);
        // Octets of this message and all within it; those before have been written.
        let mut inside: usize = self
            .hops
            .iter()
            .map(|hop| RELAY_HEADER_OCTETS + hop.options.len())
            .sum::<usize>()
            + innermost * OPTION_HEADER_OCTETS;
        if u16::try_from(inside).is_err() {
            return Err(RelayFault::TooLong);
        }
        for (index, hop) in self.hops.iter().enumerate() {
            relay
                .chain
                .extend_from_slice(&[MessageType::RELAY_FORW.0, hop.count]);
            relay.chain.extend_from_slice(&hop.link.octets());
            relay.chain.extend_from_slice(&hop.peer.octets());
            relay
                .chain
                .extend_from_slice(&self.options[hop.options.clone()]);
            if index < innermost {
                inside -= RELAY_HEADER_OCTETS + hop.options.len() + OPTION_HEADER_OCTETS;
                let length = u16::try_from(inside).map_err(|_| RelayFault::TooLong)?;
                relay
                    .chain
                    .extend_from_slice(&OptionCode::RELAY_MSG.0.to_be_bytes());
                relay.chain.extend_from_slice(&length.to_be_bytes());
            }
        }
        relay.peer = self
            .hops
            .first()
            .map_or(Ipv6Addr::UNSPECIFIED, |outermost| outermost.link);
        Ok(())
    }
}

/// What is left of a user context, still escaped.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    #[inline]
    fn skip_space(&mut self) {
        while let [b' ', rest @ ..] = self.0 {
            self.0 = rest;
        }
    }

    #[inline]
    fn symbol(&mut self, symbol: u8) -> Option<()> {
        self.skip_space();
        let (&first, rest) = self.0.split_first()?;
        (first == symbol).then(|| self.0 = rest)
    }

    /// A comma, which Kea escapes.
    #[inline]
    fn comma(&mut self) -> Option<()> {
        self.skip_space();
        match self.0 {
            [b'&', ..] if escaped(self.0) == Some(b',') => self.0 = &self.0[5..],
            [b',', rest @ ..] => self.0 = rest,
            _ => return None,
        }
        Some(())
    }

    /// A string without any kind of escape.
    #[inline]
    fn string(&mut self) -> Option<&'a [u8]> {
        self.symbol(b'"')?;
        let end = memchr::memchr3(b'"', b'\\', b'&', self.0)?;
        let (string, rest) = self.0.split_at(end);
        let (&quote, rest) = rest.split_first()?;
        (quote == b'"').then(|| {
            self.0 = rest;
            string
        })
    }

    /// A number from 0 to 255.
    fn small_number(&mut self) -> Option<u8> {
        self.skip_space();
        let digits = self.0.iter().take_while(|octet| octet.is_ascii_digit());
        let (number, rest) = self.0.split_at(digits.count());
        self.0 = rest;
        crate::text::parse_u8(number)
    }
}

#[cfg(test)]
mod tests;

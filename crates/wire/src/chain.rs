//! Relay messages in relay messages.
//!
//! ```text
//! RELAY-FORW            level 0, outermost: the relay nearest to the server
//! └─ RELAY_MSG
//!    └─ RELAY-FORW      level 1, innermost: the relay nearest to the client
//!       └─ RELAY_MSG
//!          └─ SOLICIT   the client's message       (left out in a RelayPath)
//! ```
//!
//! The walk is a loop with a bound, not a recursion, so depth costs neither stack nor memory.

use std::net::Ipv6Addr;

use crate::code::{MessageType, OptionCode, RELAY_HEADER_OCTETS};
use crate::compose::Composer;
use crate::error::{ComposeError, OptionPath, ParseError, ParseErrorKind};
use crate::message::{ClientMessage, Message, RelayMessage};
use crate::options::RawOption;

/// A datagram as received: the relays' levels, if any, and the message within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayChain<'a> {
    /// Outermost and innermost level; the same one if there is only one.
    ends: Option<(RelayMessage<'a>, RelayMessage<'a>)>,
    depth: usize,
    message: ClientMessage<'a>,
}

impl<'a> RelayChain<'a> {
    /// Reads all levels, at most `limit` of them, and the message within (WIRE-015).
    ///
    /// A message that no relay touched is a chain without levels. An overrun at any level spoils
    /// the whole datagram (WIRE-020), and so does a level without RELAY_MSG (WIRE-014).
    pub fn parse(octets: &'a [u8], limit: usize) -> Result<Self, ParseError> {
        let mut message = Message::parse(octets)?;
        let mut ends = None;
        let mut depth = 0;
        loop {
            let level = match message {
                Message::Client(message) => {
                    return Ok(Self {
                        ends,
                        depth,
                        message,
                    });
                }
                Message::Relay(level) => level,
            };
            check_depth(&level, depth, limit)?;
            ends = Some((ends.map_or(level, |(outermost, _)| outermost), level));
            depth += 1;
            let option =
                inner_option(&level).ok_or(level.error(ParseErrorKind::RelayMessageMissing))?;
            message = Message::parse_within(option.data, option.reader().offset(), option.path())?;
        }
    }

    /// The levels, outermost first.
    #[inline]
    pub fn levels(&self) -> Levels<'a> {
        Levels {
            next: self.outermost(),
        }
    }

    /// How many relays the message came through.
    #[inline]
    pub const fn depth(&self) -> usize {
        self.depth
    }

    /// The level nearest to the server, none if no relay touched the message.
    #[inline]
    pub fn outermost(&self) -> Option<RelayMessage<'a>> {
        self.ends.map(|(outermost, _)| outermost)
    }

    /// The level nearest to the client.
    pub fn innermost(&self) -> Option<RelayMessage<'a>> {
        self.ends.map(|(_, innermost)| innermost)
    }

    /// The message all of this is about.
    #[inline]
    pub const fn message(&self) -> ClientMessage<'a> {
        self.message
    }

    /// The link-address that names the client's link: from the innermost level outwards the
    /// first that is not `::`. Source: RFC 8415 §13.1 (D-07).
    pub fn link_address(&self) -> Option<Ipv6Addr> {
        self.levels().link_address()
    }
}

/// Relay levels without the message within, as LQ_RELAY_DATA holds them (WIRE-014, WIRE-058).
///
/// Source: RFC 5007 §4.1.2.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayPath<'a> {
    outermost: RelayMessage<'a>,
    innermost: RelayMessage<'a>,
    depth: usize,
}

impl<'a> RelayPath<'a> {
    /// Reads a chain of at least one RELAY-FORW and at most `limit`, the innermost of which has
    /// no RELAY_MSG; a relayed message of any other type is an error.
    pub fn parse(octets: &'a [u8], limit: usize) -> Result<Self, ParseError> {
        Self::parse_within(octets, 0, OptionPath::ROOT, limit)
    }

    /// The same for a chain inside an option.
    pub fn parse_within(
        octets: &'a [u8],
        base: usize,
        path: OptionPath,
        limit: usize,
    ) -> Result<Self, ParseError> {
        let outermost = parse_forward(octets, base, path)?;
        let mut innermost = outermost;
        let mut depth = 0;
        loop {
            check_depth(&innermost, depth, limit)?;
            depth += 1;
            let Some(option) = inner_option(&innermost) else {
                return Ok(Self {
                    outermost,
                    innermost,
                    depth,
                });
            };
            let base = option.reader().offset();
            innermost = parse_forward(option.data, base, option.path())?;
        }
    }

    /// The levels, outermost first.
    #[inline]
    pub const fn levels(&self) -> Levels<'a> {
        Levels {
            next: Some(self.outermost),
        }
    }

    /// How many relays the client's message came through.
    #[inline]
    pub const fn depth(&self) -> usize {
        self.depth
    }

    /// The level nearest to the server.
    #[inline]
    pub const fn outermost(&self) -> RelayMessage<'a> {
        self.outermost
    }

    /// The level nearest to the client; its peer-address is the client's.
    #[inline]
    pub const fn innermost(&self) -> RelayMessage<'a> {
        self.innermost
    }

    /// As [`RelayChain::link_address`].
    pub fn link_address(&self) -> Option<Ipv6Addr> {
        self.levels().link_address()
    }

    /// The whole chain.
    #[inline]
    pub const fn octets(&self) -> &'a [u8] {
        self.outermost.octets()
    }

    /// Appends to `out` the chain of a RELAY-FORW as received, its innermost RELAY_MSG taken out
    /// and the lengths around it corrected (D-12). Everything else stays, in its order.
    ///
    /// Fails if `datagram` is no chain of RELAY-FORW around a message; `out` is then unchanged.
    /// Never longer than `datagram`.
    pub fn take_from(datagram: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), ComposeError> {
        let chain = RelayChain::parse(datagram, limit)?;
        let mut depth_left = chain.depth();
        for level in chain.levels() {
            require_forward(&level)?;
        }
        let Some(outermost) = chain.outermost() else {
            let found = chain.message().msg_type();
            return Err(wrong_type(found, 0, OptionPath::ROOT).into());
        };
        let mut composer = Composer::bare(out);
        compose_level(&mut composer, &outermost, &mut depth_left)?;
        composer.finish().map(|_| ())
    }
}

/// Walks over relay levels, outermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levels<'a> {
    next: Option<RelayMessage<'a>>,
}

impl Levels<'_> {
    /// From the innermost level outwards the first link-address that is not `::`.
    fn link_address(self) -> Option<Ipv6Addr> {
        self.map(|level| level.link_address())
            .filter(|address| !address.is_unspecified())
            .last()
    }
}

impl<'a> Iterator for Levels<'a> {
    type Item = RelayMessage<'a>;

    fn next(&mut self) -> Option<RelayMessage<'a>> {
        let level = self.next?;
        // All levels were read when the chain was parsed, so this ends where that ended.
        self.next = inner_option(&level).and_then(|option| {
            let is_relay = option
                .data
                .first()
                .is_some_and(|&msg_type| MessageType(msg_type).is_relay());
            let base = option.reader().offset();
            is_relay
                .then(|| RelayMessage::parse_within(option.data, base, option.path()).ok())
                .flatten()
        });
        Some(level)
    }
}

impl std::iter::FusedIterator for Levels<'_> {}

fn inner_option<'a>(level: &RelayMessage<'a>) -> Option<RawOption<'a>> {
    level.options().first(OptionCode::RELAY_MSG)
}

fn check_depth(level: &RelayMessage<'_>, depth: usize, limit: usize) -> Result<(), ParseError> {
    if depth < limit {
        Ok(())
    } else {
        Err(level.error(ParseErrorKind::TooDeep { limit }))
    }
}

fn parse_forward(
    octets: &[u8],
    base: usize,
    path: OptionPath,
) -> Result<RelayMessage<'_>, ParseError> {
    match octets.first() {
        Some(&found) if MessageType(found) != MessageType::RELAY_FORW => {
            Err(wrong_type(MessageType(found), base, path))
        }
        _ => RelayMessage::parse_within(octets, base, path),
    }
}

fn require_forward(level: &RelayMessage<'_>) -> Result<(), ParseError> {
    if level.msg_type() == MessageType::RELAY_FORW {
        return Ok(());
    }
    Err(level.error(ParseErrorKind::WrongMessageType {
        found: level.msg_type(),
        needed: MessageType::RELAY_FORW,
    }))
}

const fn wrong_type(found: MessageType, base: usize, path: OptionPath) -> ParseError {
    let needed = MessageType::RELAY_FORW;
    ParseError::new(
        base,
        path,
        ParseErrorKind::WrongMessageType { found, needed },
    )
}

/// Copies a level; its depth is that of the parsed chain, so the recursion has its bound.
fn compose_level(
    composer: &mut Composer<'_>,
    level: &RelayMessage<'_>,
    depth_left: &mut usize,
) -> Result<(), ComposeError> {
    *depth_left = depth_left.saturating_sub(1);
    let is_innermost = *depth_left == 0;
    let header = level.octets().get(..RELAY_HEADER_OCTETS);
    composer.put(header.unwrap_or_default());
    let inner = inner_option(level).map(|option| option.offset);
    for option in level.options() {
        if option.code == OptionCode::RELAY_MSG && is_innermost {
            // A repeated RELAY_MSG is left out as well: one that stayed would now be the first.
            continue;
        }
        if Some(option.offset) != inner {
            composer.option(option.code, option.data)?;
            continue;
        }
        let below =
            RelayMessage::parse_within(option.data, option.reader().offset(), option.path())?;
        composer.nested(option.code, |composer| {
            compose_level(composer, &below, depth_left)
        })?;
    }
    Ok(())
}

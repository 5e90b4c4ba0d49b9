//! What a REPLY grants and what a RELEASE gives back, as the relay reads it.

use std::net::Ipv6Addr;

use ipnet::Ipv6Net;
use leasebook_wire::code::{DEFAULT_NESTING_LIMIT, MessageType, OptionCode};
use leasebook_wire::option::{IaAddr, IaNa, IaPd, IaPrefix, PdExclude};
use leasebook_wire::{ClientMessage, DuidRef, RelayMessage};

/// Bits of an address.
const ADDRESS_BITS: u8 = 128;

/// The client's message within what is passed on, if we are the first router from the client:
/// directly, or within levels whose link-address is `::` (D-40, RELAY-049).
///
/// Returns it with the client's address: `peer`, or the innermost level's peer-address.
pub fn first_hop(content: &[u8], peer: Ipv6Addr) -> Option<(ClientMessage<'_>, Ipv6Addr)> {
    let (mut content, mut peer) = (content, peer);
    for _ in 0..DEFAULT_NESTING_LIMIT {
        let kind = MessageType(*content.first()?);
        if !kind.is_relay() {
            return Some((ClientMessage::parse(content).ok()?, peer));
        }
        let level = RelayMessage::parse(content).ok()?;
        if !level.link_address().is_unspecified() {
            return None;
        }
        (content, peer) = (level.relayed()?, level.peer_address());
    }
    None
}

/// The client's DUID.
pub fn client<'a>(message: &ClientMessage<'a>) -> Option<&'a [u8]> {
    let option = message.options().first(OptionCode::CLIENTID)?;
    DuidRef::parse(option).ok().map(DuidRef::octets)
}

/// A lease as a message has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leased {
    /// The client's name for the association.
    pub iaid: u32,
    /// The prefix; an address is a /128.
    pub prefix: Ipv6Net,
    /// The part of it that is the relay's own link to the client (PD_EXCLUDE, RFC 6603).
    pub excluded: Option<Ipv6Net>,
    /// Whether it is an address, of IA_NA.
    pub is_address: bool,
    /// Seconds; `u32::MAX` is for ever.
    pub preferred: u32,
    /// Seconds; `u32::MAX` is for ever, 0 ends it.
    pub valid: u32,
}

/// The leases of a message, those left out that a client has to discard: preferred above valid,
/// or an association whose T1 is above its T2 (RELAY-052).
pub fn leases<'a>(message: &ClientMessage<'a>) -> impl Iterator<Item = Leased> + use<'a> {
    let options = message.options();
    let prefixes = options.views::<IaPd<'a>>().flatten();
    let prefixes = prefixes.filter(|ia| is_sound(ia.t1, ia.t2)).flat_map(|ia| {
        let leases = ia.options.views::<IaPrefix<'a>>().flatten();
        leases.filter_map(move |lease| {
            Some(Leased {
                iaid: ia.iaid,
                prefix: Ipv6Net::new(lease.prefix, lease.prefix_len).ok()?,
                excluded: excluded(&lease),
                is_address: false,
                preferred: lease.preferred_lifetime,
                valid: lease.valid_lifetime,
            })
        })
    });
    let addresses = options.views::<IaNa<'a>>().flatten();
    let addresses = addresses
        .filter(|ia| is_sound(ia.t1, ia.t2))
        .flat_map(|ia| {
            let leases = ia.options.views::<IaAddr<'a>>().flatten();
            leases.filter_map(move |lease| {
                Some(Leased {
                    iaid: ia.iaid,
                    prefix: Ipv6Net::new(lease.address, ADDRESS_BITS).ok()?,
                    excluded: None,
                    is_address: true,
                    preferred: lease.preferred_lifetime,
                    valid: lease.valid_lifetime,
                })
            })
        });
    prefixes
        .chain(addresses)
        .filter(|lease| lease.preferred <= lease.valid)
}

/// The prefix that PD_EXCLUDE keeps out of a delegated one.
fn excluded(lease: &IaPrefix<'_>) -> Option<Ipv6Net> {
    let option = lease.options.views::<PdExclude<'_>>().flatten().next()?;
    let address = option.excluded_from(lease.prefix, lease.prefix_len)?;
    Ipv6Net::new(address, option.prefix_len()).ok()
}

fn is_sound(t1: u32, t2: u32) -> bool {
    t1 <= t2 || t1 == 0 || t2 == 0
}

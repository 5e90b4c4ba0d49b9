//! Next hop and interface of a recovered prefix, out of the chain its client's message came by.
//!
//! ```text
//!  client ── fe80::5e ──► access relay ──────► aggregation ──────► server
//!                         level 1 (innermost)  level 0 (outermost)
//!                         peer fe80::5e        peer = access relay
//! ```
//!
//! At the level that carries our Relay-ID, its peer-address is whom we heard the client from,
//! and its INTERFACE_ID or link-address names where. Source: D-43, RELAY-072 to RELAY-074.

use std::net::Ipv6Addr;

use leasebook_wire::code::OptionCode;
use leasebook_wire::{RelayMessage, RelayPath};

use super::config::Config;
use super::ports::{Fallback, PortNo, Ports};
use super::refuse::Unroutable;
use super::table::NextHop;

/// Relay levels of a chain that are looked at, as the chain was parsed with the same limit.
const LEVELS: usize = leasebook_wire::code::DEFAULT_NESTING_LIMIT;

/// Where a client's prefixes go, by the chain of relays its newest message passed.
///
/// `asked_on` is the port whose link-address was asked for, where that is how the binding was
/// found; it is what there is to go by without a chain.
pub fn place(
    config: &Config,
    ports: &Ports,
    path: Option<&RelayPath<'_>>,
    asked_on: Option<PortNo>,
) -> Result<NextHop, Unroutable> {
    let Some(path) = path else {
        return fallback(ports, asked_on.ok_or(Unroutable::NoRelayData)?);
    };
    let level = our_level(config, ports, path)?;
    let options = level.options();
    let interface_id = options.first(OptionCode::INTERFACE_ID);
    let port = interface_id
        .and_then(|id| ports.by_interface_id(id.data))
        .or_else(|| ports.by_link_address(level.link_address()))
        .ok_or(Unroutable::NoInterface)?;
    let peer = level.peer_address();
    if peer.is_unspecified() || peer.is_multicast() || peer.is_loopback() {
        return fallback(ports, port).map_err(|_| Unroutable::BadPeer(peer));
    }
    Ok(NextHop {
        port,
        via: Some(peer),
    })
}

fn fallback(ports: &Ports, port: PortNo) -> Result<NextHop, Unroutable> {
    let via = match ports.get(port).and_then(|port| port.fallback) {
        Some(Fallback::Interface) => None,
        Some(Fallback::Via(via)) => Some(via),
        None => return Err(Unroutable::NoRelayData),
    };
    Ok(NextHop { port, via })
}

/// The level at which we stand ourselves: the one with our Relay-ID, else the innermost whose
/// link-address is ours.
fn our_level<'a>(
    config: &Config,
    ports: &Ports,
    path: &RelayPath<'a>,
) -> Result<RelayMessage<'a>, Unroutable> {
    let mut levels: Vec<RelayMessage<'a>> = path.levels().take(LEVELS).collect();
    levels.reverse();
    let relay_id = |level: &RelayMessage<'a>| level.options().first(OptionCode::RELAY_ID);
    let is_ours =
        |level: &RelayMessage<'a>| relay_id(level).is_some_and(|id| config.is_ours(id.data));
    let has_our_link = |level: &RelayMessage<'a>| {
        let by_link = ports.by_link_address(level.link_address());
        by_link.is_some() && relay_id(level).is_none()
    };
    let at = levels.iter().position(is_ours);
    let at = match at {
        Some(at) => at,
        None if levels.iter().any(|level| relay_id(level).is_some()) => {
            return Err(Unroutable::OtherRelay);
        }
        None => levels
            .iter()
            .position(has_our_link)
            .ok_or(Unroutable::NoInterface)?,
    };
    let (nearer, ours) = levels.split_at(at);
    let foreign = |link: &Ipv6Addr| !link.is_unspecified();
    if let Some(link) = nearer.iter().map(RelayMessage::link_address).find(foreign) {
        return Err(Unroutable::NotFirst(link));
    }
    ours.first().copied().ok_or(Unroutable::NoInterface)
}

//! Where a prefix goes: the next hop and the interface, from the chain of relays.
//!
//! ```text
//!  client ── fe80::5e ──► access relay ──────► aggregation ──────► server
//!                         level 1 (innermost)  level 0 (outermost)
//!                         peer fe80::5e        peer = access relay
//! ```
//!
//! At the level that carries our Relay-ID, its peer-address is whom we heard the client
//! from. Source: D-43, RELAY-072, RELAY-073, RELAY-074.

use std::net::Ipv6Addr;

use ipnet::Ipv6Net;

use super::super::{RelayLevel, RelayPath};
use super::{InterfaceKey, RoutePolicy, is_interface_name};

/// Where packets for a prefix go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// The address.
    pub via: Ipv6Addr,
    /// The interface; the kernel finds it by the address if there is none.
    pub dev: Option<String>,
    /// Whether the address is to be taken for reachable on the interface though no route
    /// says so: where it is not link-local (D-43).
    pub on_link: bool,
}

/// Why a prefix gets no route.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotRouted {
    /// Every packet would go there.
    #[error("::/0 is never routed")]
    Everything,
    /// The prefix is in fe80::/10 or around it.
    #[error("it is link-local")]
    LinkLocal,
    /// The prefix is in ff00::/8 or around it.
    #[error("it is multicast")]
    Multicast,
    /// The router itself has an address in it.
    #[error("it covers our own address {0}")]
    OwnAddress(Ipv6Addr),
    /// Another client has it, or a part of it, or what it is a part of.
    #[error("it overlaps {0}, which another client has")]
    Overlaps(Ipv6Net),
    /// The binding came through other relays only (RELAY-072).
    #[error("its relays have other Relay-IDs than ours")]
    OtherRelay,
    /// A relay with a link of its own is between us and the client (D-43).
    #[error("the relay with link-address {0} is nearer to the client than we are")]
    NotFirst(Ipv6Addr),
    /// No relay data, and nothing configured instead (RELAY-074).
    #[error("the server told no relay data; --via gives a next hop for such prefixes")]
    NoRelayData,
    /// The chain tells nobody to send to.
    #[error("the relay's peer-address {0} is no next hop; --via gives one for such prefixes")]
    BadPeer(Ipv6Addr),
    /// The next hop needs an interface and there is none.
    #[error("the relays name no usable interface; --dev or --interface-map gives one")]
    NoInterface,
}

/// The next hop of a client whose message came by `path`.
pub fn next_hop(policy: &RoutePolicy, path: Option<&RelayPath>) -> Result<NextHop, NotRouted> {
    let level = match path.filter(|path| !path.levels.is_empty()) {
        Some(path) => Some(our_level(policy, path)?),
        None => None,
    };
    let dev = interface(policy, level);
    let peer = level.map(|level| level.peer);
    let via = match peer.filter(|peer| is_next_hop(*peer)) {
        Some(peer) => peer,
        None => policy
            .via
            .ok_or_else(|| peer.map_or(NotRouted::NoRelayData, NotRouted::BadPeer))?,
    };
    let from_chain = peer == Some(via);
    if dev.is_none() && (from_chain || via.is_unicast_link_local()) {
        return Err(NotRouted::NoInterface);
    }
    Ok(NextHop {
        via,
        on_link: dev.is_some() && !via.is_unicast_link_local(),
        dev,
    })
}

/// The level at which we stand ourselves.
///
/// The one with our Relay-ID. If no level has a Relay-ID, or we have none, the innermost with
/// a link-address, since lightweight relays between us and the client have `::` there; else
/// the innermost.
fn our_level<'a>(policy: &RoutePolicy, path: &'a RelayPath) -> Result<&'a RelayLevel, NotRouted> {
    let nearest_router = || {
        path.outwards()
            .find(|level| !level.link.is_unspecified())
            .or(path.innermost())
            .ok_or(NotRouted::NoRelayData)
    };
    let Some(own) = &policy.own_relay_id else {
        return nearest_router();
    };
    let mut nearer_link = None;
    for level in path.outwards() {
        if level.relay_id.as_ref() == Some(own) {
            return match nearer_link {
                Some(link) => Err(NotRouted::NotFirst(link)),
                None => Ok(level),
            };
        }
        if !level.link.is_unspecified() {
            nearer_link = nearer_link.or(Some(level.link));
        }
    }
    if path.levels.iter().any(|level| level.relay_id.is_some()) {
        return Err(NotRouted::OtherRelay);
    }
    nearest_router()
}

/// The interface towards the client: from the map, else the one given for everything, else
/// the Interface-ID where it can be a name.
fn interface(policy: &RoutePolicy, level: Option<&RelayLevel>) -> Option<String> {
    let mapped = |key: &InterfaceKey| {
        policy
            .interfaces
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, name)| name.clone())
    };
    let interface_id = level.and_then(|level| level.interface_id.as_ref());
    interface_id
        .and_then(|id| mapped(&InterfaceKey::InterfaceId(id.clone())))
        .or_else(|| level.and_then(|level| mapped(&InterfaceKey::LinkAddress(level.link))))
        .or_else(|| policy.dev.clone())
        .or_else(|| {
            interface_id
                .filter(|id| is_interface_name(id))
                .and_then(|id| String::from_utf8(id.clone()).ok())
        })
}

/// Whether packets can be sent to an address at all.
fn is_next_hop(address: Ipv6Addr) -> bool {
    !address.is_unspecified() && !address.is_multicast() && !address.is_loopback()
}

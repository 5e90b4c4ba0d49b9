//! Prefixes that are never routed. Source: RELAY-054, D-44, SEC-014.

use std::net::Ipv6Addr;

use ipnet::Ipv6Net;
use leasebook_store::binding::mask;

/// fe80::/10. Source: RFC 4291 §2.5.6.
const LINK_LOCAL: (Ipv6Addr, u8) = (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10);
/// ff00::/8. Source: RFC 4291 §2.7.
const MULTICAST: (Ipv6Addr, u8) = (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8);

/// Why a prefix gets no route.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unroutable {
    /// Every packet would go there.
    #[error("::/0 is never routed")]
    Everything,
    /// The prefix is in fe80::/10 or around it.
    #[error("it is link-local")]
    LinkLocal,
    /// The prefix is in ff00::/8 or around it.
    #[error("it is multicast")]
    Multicast,
    /// It is the unspecified or the loopback address.
    #[error("no host can have it")]
    NotAHost,
    /// The relay itself has an address in it.
    #[error("it covers our own address {0}")]
    OwnAddress(Ipv6Addr),
    /// Another client has it, or a part of it, or what it is a part of.
    #[error("it overlaps {0}, which another client has")]
    Overlaps(Ipv6Net),
    /// The client gave it back after the server had told it (RELAY-076).
    #[error("its client gave it back meanwhile")]
    Released,
    /// The binding came through other relays only (RELAY-072).
    #[error("its relays have other Relay-IDs than ours")]
    OtherRelay,
    /// A relay with a link of its own is between us and the client (D-43).
    #[error("the relay with link-address {0} is nearer to the client than we are")]
    NotFirst(Ipv6Addr),
    /// No relay data, and nothing configured instead (RELAY-074).
    #[error("the server told no relay data, and no fallback is configured for its link")]
    NoRelayData,
    /// The chain tells nobody to send to.
    #[error("the relay's peer-address {0} is no next hop")]
    BadPeer(Ipv6Addr),
    /// The interface it was on is not there, or not client-facing.
    #[error("the relays name no client-facing interface of ours")]
    NoInterface,
    /// The limit of the client or the port is reached.
    #[error("the limit of {0} prefixes is reached")]
    BeyondLimit(u32),
}

impl Unroutable {
    /// The word for counters and logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::LinkLocal => "link-local",
            Self::Multicast => "multicast",
            Self::NotAHost => "not-a-host",
            Self::OwnAddress(_) => "own-address",
            Self::Overlaps(_) => "overlap",
            Self::Released => "released",
            Self::OtherRelay => "other-relay",
            Self::NotFirst(_) => "not-first",
            Self::NoRelayData => "no-relay-data",
            Self::BadPeer(_) => "bad-peer",
            Self::NoInterface => "no-interface",
            Self::BeyondLimit(_) => "limit",
        }
    }
}

/// Refuses a prefix for what it is itself; `own` are the relay's addresses.
pub fn judge<'a>(
    prefix: Ipv6Net,
    own: impl IntoIterator<Item = &'a Ipv6Addr>,
) -> Result<(), Unroutable> {
    let key = (prefix.addr(), prefix.prefix_len());
    if key.1 == 0 {
        return Err(Unroutable::Everything);
    }
    if overlap(key, LINK_LOCAL) {
        return Err(Unroutable::LinkLocal);
    }
    if overlap(key, MULTICAST) {
        return Err(Unroutable::Multicast);
    }
    if prefix.contains(&Ipv6Addr::UNSPECIFIED) || prefix.contains(&Ipv6Addr::LOCALHOST) {
        return Err(Unroutable::NotAHost);
    }
    let covered = own.into_iter().find(|address| prefix.contains(*address));
    covered.map_or(Ok(()), |address| Err(Unroutable::OwnAddress(*address)))
}

/// Whether one of two prefixes contains the other.
fn overlap(one: (Ipv6Addr, u8), other: (Ipv6Addr, u8)) -> bool {
    let shorter = one.1.min(other.1);
    mask(one.0, shorter) == mask(other.0, shorter)
}

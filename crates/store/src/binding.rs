//! What a binding is: one client on one link, with every lease it has there.
//!
//! These are the owned, decoded types that the protocol decides with and that
//! imports and exports speak. The book keeps them encoded ([`crate::record`]).

use std::fmt;
use std::net::Ipv6Addr;

use leasebook_wire::Duid;

/// The link of the configuration that a binding is on.
///
/// A number the operator gives to each link and never uses again for another,
/// as Kea does with its subnet ids. Source: decisions.md, "Links".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u32);

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link {}", self.0)
    }
}

/// What is leased: one address, or one delegated prefix.
///
/// A prefix keeps only the bits inside its length (WIRE-039).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeaseName {
    /// An address of an IA_NA or IA_TA (RFC 8415 §21.6).
    Address(Ipv6Addr),
    /// A delegated prefix of an IA_PD (RFC 8415 §21.22).
    Prefix {
        /// The first address of the prefix; bits past `len` are zero.
        prefix: Ipv6Addr,
        /// The prefix length, 0 to 128 bits.
        len: u8,
    },
}

impl LeaseName {
    /// A prefix with the bits past its length cleared; lengths above 128 give `None`.
    pub fn prefix(prefix: Ipv6Addr, len: u8) -> Option<Self> {
        if len > 128 {
            return None;
        }
        Some(Self::Prefix {
            prefix: mask(prefix, len),
            len,
        })
    }

    /// Whether `address` is this address or lies in this prefix.
    pub fn contains(&self, address: Ipv6Addr) -> bool {
        match *self {
            Self::Address(own) => own == address,
            Self::Prefix { prefix, len } => mask(address, len) == prefix,
        }
    }
}

impl fmt::Display for LeaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Prefix { prefix, len } => write!(f, "{prefix}/{len}"),
        }
    }
}

/// `address` with all bits past the first `len` cleared; `len` is 0 to 128.
pub fn mask(address: Ipv6Addr, len: u8) -> Ipv6Addr {
    let keep = u128::MAX
        .checked_shl(128u32.saturating_sub(u32::from(len)))
        .unwrap_or(0);
    Ipv6Addr::from_bits(address.to_bits() & keep)
}

/// The kind of identity association a lease belongs to (RFC 8415 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IaKind {
    /// IA_NA, non-temporary addresses.
    Na,
    /// IA_TA, temporary addresses.
    Ta,
    /// IA_PD, delegated prefixes.
    Pd,
}

/// What a lease is to its server.
///
/// Only [`LeaseState::Bound`] leases are bindings that Leasequery tells
/// (BLQ-S-036); the others are kept so that allocation and the help desk know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeaseState {
    /// Leased to the client until its valid lifetime runs out.
    Bound,
    /// The client found the address in use; nobody gets it for a while (RFC 8415 §18.3.8).
    Declined,
    /// The client gave it back (RFC 8415 §18.3.7).
    Released,
    /// It ran out and the server took it back.
    Reclaimed,
    /// A self-made address that the client registered (RFC 9686); never a lease.
    Registered,
}

/// One lease of a binding.
///
/// Times are what the server granted, not what remains: what remains at `now` is
/// the lifetime less `now - clt`, never below zero and never above the grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The address or prefix.
    pub name: LeaseName,
    /// The kind of IA that holds it.
    pub kind: IaKind,
    /// The IA's identifier, unique per client and kind (RFC 8415 §12).
    pub iaid: u32,
    /// What the lease is to the server.
    pub state: LeaseState,
    /// When the client's last transaction committed something for this lease: Unix seconds.
    pub clt: u64,
    /// Preferred lifetime granted at `clt`: seconds, `u32::MAX` is infinity.
    pub preferred: u32,
    /// Valid lifetime granted at `clt`: seconds, `u32::MAX` is infinity.
    pub valid: u32,
}

impl Lease {
    /// Seconds of valid lifetime left at `now` (Unix seconds); `u32::MAX` is infinity.
    pub fn valid_left(&self, now: u64) -> u32 {
        remaining(self.valid, now.saturating_sub(self.clt))
    }

    /// Seconds of preferred lifetime left at `now`, never above the valid ones.
    pub fn preferred_left(&self, now: u64) -> u32 {
        remaining(self.preferred, now.saturating_sub(self.clt)).min(self.valid_left(now))
    }

    /// Whether Leasequery tells this lease at `now` (BLQ-S-036, D-09).
    pub fn is_live(&self, now: u64) -> bool {
        self.state == LeaseState::Bound && self.valid_left(now) > 0
    }

    /// Whether it keeps its address or prefix from no one any more at `now`: it was given or taken
    /// back, or its time is over, be it that of a lease, of a probation or of a registration.
    pub fn is_over(&self, now: u64) -> bool {
        match self.state {
            LeaseState::Bound | LeaseState::Declined | LeaseState::Registered => {
                self.valid_left(now) == 0
            }
            LeaseState::Released | LeaseState::Reclaimed => true,
        }
    }
}

/// What is left of a granted lifetime after `age` seconds; infinity stays (WIRE-028).
pub fn remaining(lifetime: u32, age: u64) -> u32 {
    if lifetime == u32::MAX {
        return lifetime;
    }
    u32::try_from(u64::from(lifetime).saturating_sub(age)).unwrap_or(0)
}

/// How the client's newest message came: the relays it passed (BLQ-S-041).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayData {
    /// The address the server received the datagram from, the outermost relay's; `::` if unknown.
    pub peer: Ipv6Addr,
    /// The RELAY-FORW message, outermost first, with the innermost OPTION_RELAY_MSG taken
    /// out, as in OPTION_LQ_RELAY_DATA (RFC 5007 §4.1.2.4, D-12).
    pub chain: Vec<u8>,
}

/// One client on one link with all its leases there: the unit of the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The link.
    pub link: LinkId,
    /// The client's DUID.
    pub client: Duid,
    /// All leases of the client on this link, in any order and state.
    pub leases: Vec<Lease>,
    /// The relays of the newest message that committed something; none if it came directly.
    pub relay: Option<RelayData>,
    /// Options the client was given or is known by, as DHCPv6 options in wire form
    /// (CLIENT_FQDN, CLIENT_LINKLAYER_ADDR, ...), told when a query's ORO names them.
    pub options: Vec<u8>,
}

impl Binding {
    /// The newest client transaction over all leases: Unix seconds, 0 without leases (D-10).
    pub fn clt(&self) -> u64 {
        self.leases.iter().map(|lease| lease.clt).max().unwrap_or(0)
    }

    /// Puts leases in the order replies tell them: addresses, then prefixes, each ascending (BLQ-S-066).
    pub fn sort_leases(&mut self) {
        self.leases.sort_by_key(|lease| lease.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_every_bit_past_the_length() {
        let address: Ipv6Addr = "2001:db8:ffff:ffff:ffff::1".parse().unwrap();
        assert_eq!(mask(address, 0), Ipv6Addr::UNSPECIFIED);
        assert_eq!(mask(address, 128), address);
        assert_eq!(mask(address, 56).to_string(), "2001:db8:ffff:ff00::");
    }

    /// BLQ-S-067, WIRE-028: what remains counts down, stops at zero, and infinity never changes.
    #[test]
    fn lifetimes_count_down_and_infinity_stays() {
        assert_eq!(remaining(100, 30), 70);
        assert_eq!(remaining(100, 1000), 0);
        assert_eq!(remaining(u32::MAX, u64::MAX), u32::MAX);
    }
}

//! Prefixes that are never routed. Source: RELAY-054, D-44, SEC-014.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::net::Ipv6Addr;

use ipnet::Ipv6Net;
use leasebook_store::binding::mask;

use super::NotRouted;

/// fe80::/10. Source: RFC 4291 §2.5.6.
const LINK_LOCAL: (Ipv6Addr, u8) = (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10);
/// ff00::/8. Source: RFC 4291 §2.7.
const MULTICAST: (Ipv6Addr, u8) = (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8);

/// Refuses a prefix for what it is itself.
pub(super) fn judge(prefix: Ipv6Addr, len: u8, own: &[Ipv6Addr]) -> Result<(), NotRouted> {
    if len == 0 {
        return Err(NotRouted::Everything);
    }
    if overlap((prefix, len), LINK_LOCAL) {
        return Err(NotRouted::LinkLocal);
    }
    if overlap((prefix, len), MULTICAST) {
        return Err(NotRouted::Multicast);
    }
    match own.iter().find(|address| mask(**address, len) == prefix) {
        Some(address) => Err(NotRouted::OwnAddress(*address)),
        None => Ok(()),
    }
}

/// Whether one of two prefixes contains the other.
fn overlap(one: (Ipv6Addr, u8), other: (Ipv6Addr, u8)) -> bool {
    let shorter = one.1.min(other.1);
    mask(one.0, shorter) == mask(other.0, shorter)
}

/// The prefixes that have a route, and whose they are.
///
/// About 50 octets for each. Those of different clients never overlap; a client's own may.
#[derive(Default)]
pub(super) struct Told {
    /// By first address, then length, so that what a prefix overlaps is next to it: a hash of
    /// the client's DUID.
    prefixes: BTreeMap<(Ipv6Addr, u8), u64>,
    /// The lengths there are among them: few, so a prefix around another is soon found.
    lengths: BTreeSet<u8>,
    /// Makes the hashes.
    hasher: RandomState,
}

impl Told {
    /// Notes a prefix, unless another client's overlaps it.
    pub(super) fn add(
        &mut self,
        prefix: Ipv6Addr,
        len: u8,
        client: &[u8],
    ) -> Result<(), NotRouted> {
        let owner = self.hasher.hash_one(client);
        let other = self
            .around(prefix, len, owner)
            .or_else(|| self.within(prefix, len, owner));
        if let Some((other, other_len)) = other {
            let net = Ipv6Net::new(other, other_len).unwrap_or_default();
            return Err(NotRouted::Overlaps(net));
        }
        self.prefixes.insert((prefix, len), owner);
        self.lengths.insert(len);
        Ok(())
    }

    /// Another client's prefix that contains this one, or is it.
    fn around(&self, prefix: Ipv6Addr, len: u8, owner: u64) -> Option<(Ipv6Addr, u8)> {
        self.lengths
            .range(..=len)
            .map(|shorter| (mask(prefix, *shorter), *shorter))
            .find(|key| self.prefixes.get(key).is_some_and(|other| *other != owner))
    }

    /// Another client's prefix within this one.
    fn within(&self, prefix: Ipv6Addr, len: u8, owner: u64) -> Option<(Ipv6Addr, u8)> {
        self.prefixes
            .range((prefix, len)..)
            .take_while(|((other, _), _)| mask(*other, len) == prefix)
            .find(|(_, other)| **other != owner)
            .map(|(key, _)| *key)
    }
}

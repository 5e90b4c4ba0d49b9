//! A recovery rehearsed against a relay that knows nothing, and compared (RELAY-085).

use std::sync::Arc;

use ipnet::Ipv6Net;

use super::machine::Relay;

/// How a rehearsed recovery differs from what is routed now (RELAY-085).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rehearsal {
    /// Routes that would be the same.
    pub same: u64,
    /// Routed now, and not after a recovery.
    pub missing: Vec<Ipv6Net>,
    /// Routed after a recovery, and not now.
    pub extra: Vec<Ipv6Net>,
    /// Routed by another next hop.
    pub elsewhere: Vec<Ipv6Net>,
}

impl Relay {
    /// A relay of the same settings and interfaces that knows nothing, to rehearse a recovery
    /// with (RELAY-085).
    #[must_use]
    pub fn rehearsal(&self) -> Self {
        let mut rehearsal = Self::new(Arc::clone(&self.config));
        rehearsal.ports = self.ports.clone();
        rehearsal.own.clone_from(&self.own);
        rehearsal
    }

    /// Where what two relays have routed differs: `self` as it is, `other` as rehearsed.
    pub fn compare(&self, other: &Self) -> Rehearsal {
        let mut difference = Rehearsal::default();
        for (prefix, hop) in self.table.wanted() {
            let found = other.table.get(prefix);
            match found.filter(|one| one.standing.is_routed()) {
                None => difference.missing.push(prefix),
                Some(one) if one.hop != Some(hop) => difference.elsewhere.push(prefix),
                Some(_) => difference.same += 1,
            }
        }
        let is_routed = |prefix| {
            let found = self.table.get(prefix);
            found.is_some_and(|one| one.standing.is_routed())
        };
        let others = other.table.wanted().map(|(prefix, _)| prefix);
        difference.extra = others.filter(|prefix| !is_routed(*prefix)).collect();
        difference
    }
}

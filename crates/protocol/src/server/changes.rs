//! Bindings as they are to be, before the store has them.

use std::collections::HashMap;

use leasebook_store::{Binding, Change, LeaseName, LinkId};

use super::batch::Held;

/// Octets of a binding without leases, relays and options, rounded up.
const BINDING_OCTETS: usize = 512;

/// Octets of a lease in a binding, which are kept as a reply tells them too, rounded up.
const LEASE_OCTETS: usize = 128;

/// Changed bindings, found by client and by lease.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Each changed client's binding as it is to be, in the order of first change.
    changed: Vec<Binding>,
    by_client: HashMap<LinkId, HashMap<Box<[u8]>, usize>>,
    /// Which changed client holds a lease; of others the store knows.
    by_lease: HashMap<LeaseName, usize>,
    /// What was put, in octets; what took the place of something counts as well.
    octets: usize,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.changed.is_empty()
    }

    /// Forgets all, keeping the memory.
    pub(super) fn clear(&mut self) {
        self.changed.clear();
        self.by_client.clear();
        self.by_lease.clear();
        self.octets = 0;
    }

    /// About how many octets a store writes of them, at most.
    pub(super) fn octets(&self) -> usize {
        self.octets
    }

    /// What a store is to do, in order.
    pub(super) fn to_commit(&self) -> Vec<Change> {
        let changes = self.changed.iter().map(|binding| {
            if binding.leases.is_empty() {
                Change::Remove {
                    link: binding.link,
                    client: binding.client.clone(),
                }
            } else {
                Change::Put(binding.clone())
            }
        });
        changes.collect()
    }

    /// The client's binding on the link, if it is changed.
    pub(super) fn of(&self, link: LinkId, client: &[u8]) -> Option<&Binding> {
        let at = self.by_client.get(&link)?.get(client)?;
        self.changed.get(*at)
    }

    /// Whether a changed client has the lease, in any state.
    pub(super) fn holds(&self, name: LeaseName) -> bool {
        self.by_lease.contains_key(&name)
    }

    /// The lease of just this name, if a changed client has it.
    pub(super) fn held(&self, name: LeaseName) -> Option<Held> {
        let binding = self.changed.get(*self.by_lease.get(&name)?)?;
        let lease = binding.leases.iter().find(|lease| lease.name == name)?;
        Some(Held {
            link: binding.link,
            client: binding.client.octets().into(),
            lease: *lease,
        })
    }

    /// Sets the client's binding on its link.
    pub(super) fn put(&mut self, binding: Binding) {
        let chain = binding.relay.as_ref().map_or(0, |relay| relay.chain.len());
        let leases = binding.leases.len() * LEASE_OCTETS;
        self.octets += BINDING_OCTETS + chain + binding.options.len() + leases;
        let of_link = self.by_client.entry(binding.link).or_default();
        let client = binding.client.octets().into();
        let at = *of_link.entry(client).or_insert(self.changed.len());
        if let Some(old) = self.changed.get(at) {
            for lease in &old.leases {
                if self.by_lease.get(&lease.name) == Some(&at) {
                    self.by_lease.remove(&lease.name);
                }
            }
        }
        for lease in &binding.leases {
            // A lease taken over from another client that is changed leaves that one.
            if let Some(before) = self
                .by_lease
                .insert(lease.name, at)
                .filter(|was| *was != at)
                && let Some(before) = self.changed.get_mut(before)
            {
                before.leases.retain(|held| held.name != lease.name);
            }
        }
        match self.changed.get_mut(at) {
            Some(place) => *place = binding,
            None => self.changed.push(binding),
        }
    }
}

//! What a burst of datagrams changes and answers.

use std::collections::HashMap;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::ops::Range;

use leasebook_store::{Binding, Change, Lease, LeaseName, LeaseStore, LinkId, StoreError};

/// How a datagram came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Source address and port; the scope of a link-local one is `interface`.
    pub from: SocketAddrV6,
    /// Destination address: unicast or one of the groups.
    pub to: Ipv6Addr,
    /// Index of the receiving interface, as the system numbers it.
    pub interface: u32,
}

/// A datagram to send, once the batch's changes are durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Destination; a link-local one goes out of `interface`.
    pub to: SocketAddrV6,
    /// The source address to use; `None` leaves it to the system, as after multicast.
    pub from: Option<Ipv6Addr>,
    /// The interface the message came in by, or by which who is told unasked was last heard;
    /// 0 if that is not known.
    pub interface: u32,
    /// Where in [`Batch::octets`] it lies.
    pub octets: Range<usize>,
    /// It tells of a change in this batch, and must not leave before the commit, nor if that
    /// fails (DHCP-S-039). Others may leave at any time.
    pub is_bound: bool,
}

impl Reply {
    /// Whether it is larger than every path takes in one piece (DHCP-S-047).
    pub fn is_large(&self) -> bool {
        self.octets.len() > UNFRAGMENTED_OCTETS
    }
}

/// Octets of the largest datagram that no path cuts: 1280 without the headers of IPv6 and UDP.
/// Source: RFC 8415 §18.3, RFC 8200 §5.
pub const UNFRAGMENTED_OCTETS: usize = 1232;

/// A lease and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The link of its binding.
    pub link: LinkId,
    /// The client.
    pub client: Box<[u8]>,
    /// The lease.
    pub lease: Lease,
}

/// Changes and replies of a burst of datagrams.
#[derive(Debug, Default)]
pub struct Batch {
    octets: Vec<u8>,
    replies: Vec<Reply>,
    /// Each changed client's binding as it is to be, in the order of first change.
    changed: Vec<Binding>,
    by_client: HashMap<LinkId, HashMap<Box<[u8]>, usize>>,
    /// Which changed client holds a lease; of others the store knows.
    by_lease: HashMap<LeaseName, usize>,
}

impl Batch {
    /// The octets of all replies; [`Reply::octets`] says which are whose.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The replies so far, in order.
    pub fn replies(&self) -> &[Reply] {
        &self.replies
    }

    /// Whether there is nothing to commit.
    pub fn is_unchanged(&self) -> bool {
        self.changed.is_empty()
    }

    /// Whether it changes the client's binding on the link.
    pub fn changes(&self, link: LinkId, client: &[u8]) -> bool {
        self.changed_of(link, client).is_some()
    }

    /// Takes the changes out, for the store, in order.
    pub fn take_changes(&mut self) -> Vec<Change> {
        self.by_client.clear();
        self.by_lease.clear();
        let changed = self.changed.drain(..);
        let changes = changed.map(|binding| {
            if binding.leases.is_empty() {
                Change::Remove {
                    link: binding.link,
                    client: binding.client,
                }
            } else {
                Change::Put(binding)
            }
        });
        changes.collect()
    }

    /// Empties it for the next burst, keeping its memory.
    pub fn clear(&mut self) {
        self.octets.clear();
        self.replies.clear();
        self.changed.clear();
        self.by_client.clear();
        self.by_lease.clear();
    }

    /// The client's binding on the link as this batch has it, else as the store has it.
    pub fn binding(
        &self,
        store: &dyn LeaseStore,
        link: LinkId,
        client: &[u8],
    ) -> Result<Option<Binding>, StoreError> {
        if let Some(found) = self.changed_of(link, client) {
            return Ok(Some(found.clone()));
        }
        let Some(record) = store.binding(link, client)? else {
            return Ok(None);
        };
        let mut binding = record.view().to_binding()?;
        // What another client got in this batch is no more this one's, not even as a memory.
        binding
            .leases
            .retain(|lease| !self.by_lease.contains_key(&lease.name));
        Ok(Some(binding))
    }

    /// The lease of just this name, in any state, and whose it is, as this batch has it, else as
    /// the store has it.
    pub fn held(
        &self,
        store: &dyn LeaseStore,
        name: LeaseName,
    ) -> Result<Option<Held>, StoreError> {
        if let Some(at) = self.by_lease.get(&name) {
            let binding = self.changed.get(*at);
            let lease = |binding: &Binding| {
                let lease = binding.leases.iter().find(|lease| lease.name == name)?;
                let (link, client) = (binding.link, binding.client.octets().into());
                let lease = *lease;
                Some(Held {
                    link,
                    client,
                    lease,
                })
            };
            return Ok(binding.and_then(lease));
        }
        let Some(record) = store.holder(name)? else {
            return Ok(None);
        };
        let view = record.view();
        // Of a client that this batch changed, only what the batch says counts.
        if self.changed_of(view.link(), view.client()).is_some() {
            return Ok(None);
        }
        let lease = view.leases().find(|lease| lease.name == name);
        Ok(lease.map(|lease| Held {
            link: view.link(),
            client: view.client().into(),
            lease,
        }))
    }

    /// Sets the client's binding on its link; replaces what the batch or the store has.
    pub fn put(&mut self, binding: Binding) {
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
            // A lease taken over from another client of this batch leaves that one.
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

    /// Adds a reply of these octets.
    pub fn reply(&mut self, mut reply: Reply, octets: &[u8]) {
        let start = self.octets.len();
        self.octets.extend_from_slice(octets);
        reply.octets = start..self.octets.len();
        self.replies.push(reply);
    }

    fn changed_of(&self, link: LinkId, client: &[u8]) -> Option<&Binding> {
        let at = self.by_client.get(&link)?.get(client)?;
        self.changed.get(*at)
    }
}

#[cfg(test)]
mod tests {
    use leasebook_store::{IaKind, LeaseState, MemoryStore};
    use leasebook_wire::Duid;

    use super::*;

    fn binding(client: u8, addresses: &[&str]) -> Binding {
        let leases = addresses.iter().map(|text| Lease {
            name: LeaseName::Address(text.parse().unwrap()),
            kind: IaKind::Na,
            iaid: 1,
            state: LeaseState::Bound,
            clt: 100,
            preferred: 50,
            valid: 60,
        });
        Binding {
            link: LinkId(1),
            client: Duid::new(&[0, 3, 0, 1, client]).unwrap(),
            leases: leases.collect(),
            relay: None,
            options: Vec::new(),
        }
    }

    fn name(text: &str) -> LeaseName {
        LeaseName::Address(text.parse().unwrap())
    }

    /// DHCP-S-027: later datagrams of a batch see what earlier ones took.
    #[test]
    fn what_was_taken_in_the_batch_has_a_holder_before_the_commit() {
        let store = MemoryStore::default();
        let mut batch = Batch::default();
        batch.put(binding(7, &["2001:db8::7"]));
        let held = batch.held(&store, name("2001:db8::7")).unwrap().unwrap();
        assert_eq!(*held.client, [0, 3, 0, 1, 7]);
        assert!(batch.held(&store, name("2001:db8::8")).unwrap().is_none());
    }

    /// DHCP-S-027: a lease given up in the batch has no holder, whatever the store still says.
    #[test]
    fn what_was_given_up_in_the_batch_has_no_holder() {
        let store = MemoryStore::default();
        store
            .commit(vec![Change::Put(binding(
                7,
                &["2001:db8::7", "2001:db8::8"],
            ))])
            .unwrap();
        let mut batch = Batch::default();
        batch.put(binding(7, &["2001:db8::8"]));
        assert!(batch.held(&store, name("2001:db8::7")).unwrap().is_none());
        let held = batch
            .binding(&store, LinkId(1), &[0, 3, 0, 1, 7])
            .unwrap()
            .unwrap();
        assert_eq!(held.leases.len(), 1);
    }

    /// DHCP-S-027: a lease that a client remembers and another got in the batch is the other's.
    #[test]
    fn what_another_got_in_the_batch_is_not_remembered() {
        let store = MemoryStore::default();
        let mut past = binding(7, &["2001:db8::7", "2001:db8::8"]);
        past.leases[0].state = LeaseState::Released;
        store.commit(vec![Change::Put(past)]).unwrap();
        let mut batch = Batch::default();
        batch.put(binding(8, &["2001:db8::7"]));
        let found = batch.binding(&store, LinkId(1), &[0, 3, 0, 1, 7]);
        let found = found.unwrap().unwrap();
        assert_eq!(found.leases.len(), 1);
        assert_eq!(found.leases[0].name, name("2001:db8::8"));
    }

    /// DHCP-S-027: one lease put for two clients stays with the later alone.
    #[test]
    fn a_lease_taken_over_leaves_its_former_client() {
        let mut batch = Batch::default();
        batch.put(binding(7, &["2001:db8::7"]));
        batch.put(binding(8, &["2001:db8::7"]));
        let changes = batch.take_changes();
        assert!(
            matches!(&changes[0], Change::Remove { client, .. } if client.octets().ends_with(&[7]))
        );
        assert!(matches!(&changes[1], Change::Put(binding) if binding.leases.len() == 1));
        assert!(batch.is_unchanged());
    }
}

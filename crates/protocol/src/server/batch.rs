//! What a burst of datagrams changes and answers.

use std::net::{Ipv6Addr, SocketAddrV6};
use std::ops::Range;

use leasebook_store::{Binding, Change, Lease, LeaseName, LeaseStore, LinkId, StoreError};

use super::changes::Changes;

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

/// Octets of changes that are enough for one commit. A journal takes at least 15 MiB at once, and
/// 64 datagrams may bring twice their 64 KiB each: the relays', and what of theirs is kept apart.
const LARGE_OCTETS: usize = 4 << 20;

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

/// Replies, and the octets of all of them.
#[derive(Debug, Default)]
pub struct Answers {
    octets: Vec<u8>,
    replies: Vec<Reply>,
}

impl Answers {
    /// The octets of all replies; [`Reply::octets`] says which are whose.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The replies, in the order in which they were decided.
    pub fn replies(&self) -> &[Reply] {
        &self.replies
    }

    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        self.octets.clear();
        self.replies.clear();
    }
}

/// Changes and replies of a burst of datagrams.
///
/// While its changes are on their way to the disk, a batch collects those that come next:
/// decisions see both, for what is on its way will be so, or nothing that was decided since
/// holds either ([`Server::abandoned`](super::Server::abandoned)).
#[derive(Debug, Default)]
pub struct Batch {
    answers: Answers,
    /// What is decided.
    own: Changes,
    /// What was decided before, and is not known to be durable.
    underway: Changes,
}

impl Batch {
    /// The octets of all replies; [`Reply::octets`] says which are whose.
    pub fn octets(&self) -> &[u8] {
        self.answers.octets()
    }

    /// The replies so far, in order.
    pub fn replies(&self) -> &[Reply] {
        self.answers.replies()
    }

    /// Takes the replies out, to be sent when it is their time; `empty` is used for the next.
    pub fn take_answers(&mut self, empty: Answers) -> Answers {
        std::mem::replace(&mut self.answers, empty)
    }

    /// Whether there is nothing to commit.
    pub fn is_unchanged(&self) -> bool {
        self.own.is_empty()
    }

    /// Whether there is as much to commit as one commit should have. What one burst of datagrams
    /// can add fits beside it into what a store takes at once, whatever clients send.
    pub fn is_large(&self) -> bool {
        self.own.octets() >= LARGE_OCTETS
    }

    /// Whether a change of the client's binding on the link is not yet known to be durable.
    pub fn changes(&self, link: LinkId, client: &[u8]) -> bool {
        self.newest(link, client).is_some()
    }

    /// The client's binding on the link as it was last decided, if that is not yet known to be
    /// durable.
    pub fn newest(&self, link: LinkId, client: &[u8]) -> Option<&Binding> {
        let own = self.own.of(link, client);
        own.or_else(|| self.underway.of(link, client))
    }

    /// The changes are on their way to the disk from now on; they are returned for it, in order.
    pub(super) fn begin_commit(&mut self) -> Vec<Change> {
        debug_assert!(self.underway.is_empty(), "one commit at a time");
        self.underway = std::mem::take(&mut self.own);
        self.underway.to_commit()
    }

    /// What was on its way is in the store.
    pub(super) fn committed(&mut self) {
        self.underway.clear();
    }

    /// Nothing that was on its way has happened, nor what was decided since.
    pub(super) fn abandoned(&mut self) {
        self.underway.clear();
        self.own.clear();
    }

    /// Empties it for the next burst, keeping its memory; what is on its way stays so.
    pub fn clear(&mut self) {
        self.answers.clear();
        self.own.clear();
    }

    /// The client's binding on the link as this batch has it, else as the store has it.
    pub fn binding(
        &self,
        store: &dyn LeaseStore,
        link: LinkId,
        client: &[u8],
    ) -> Result<Option<Binding>, StoreError> {
        if let Some(found) = self.own.of(link, client) {
            return Ok(Some(found.clone()));
        }
        // What another client got since is no more this one's, not even as a memory.
        if let Some(found) = self.underway.of(link, client) {
            let mut binding = found.clone();
            binding.leases.retain(|lease| !self.own.holds(lease.name));
            return Ok(Some(binding));
        }
        let Some(record) = store.binding(link, client)? else {
            return Ok(None);
        };
        let mut binding = record.view().to_binding()?;
        let is_others = |name| self.own.holds(name) || self.underway.holds(name);
        binding.leases.retain(|lease| !is_others(lease.name));
        Ok(Some(binding))
    }

    /// The lease of just this name, in any state, and whose it is, as this batch has it, else as
    /// the store has it.
    pub fn held(
        &self,
        store: &dyn LeaseStore,
        name: LeaseName,
    ) -> Result<Option<Held>, StoreError> {
        if self.own.holds(name) {
            return Ok(self.own.held(name));
        }
        if self.underway.holds(name) {
            let held = self.underway.held(name);
            // Of a client that was changed since, only the newest word counts.
            return Ok(held.filter(|held| self.own.of(held.link, &held.client).is_none()));
        }
        let Some(record) = store.holder(name)? else {
            return Ok(None);
        };
        let view = record.view();
        if self.changes(view.link(), view.client()) {
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
        self.own.put(binding);
    }

    /// Adds a reply of these octets.
    pub fn reply(&mut self, mut reply: Reply, octets: &[u8]) {
        let Answers {
            octets: all,
            replies,
        } = &mut self.answers;
        let start = all.len();
        all.extend_from_slice(octets);
        reply.octets = start..all.len();
        replies.push(reply);
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
        let changes = batch.begin_commit();
        assert!(
            matches!(&changes[0], Change::Remove { client, .. } if client.octets().ends_with(&[7]))
        );
        assert!(matches!(&changes[1], Change::Put(binding) if binding.leases.len() == 1));
        assert!(batch.is_unchanged());
    }

    /// DHCP-S-027: what is on its way to the disk is decided upon like what is there, and what came
    /// later hides it.
    #[test]
    fn what_is_underway_counts_until_something_newer_is_decided() {
        let store = MemoryStore::default();
        let mut batch = Batch::default();
        batch.put(binding(7, &["2001:db8::7", "2001:db8::9"]));
        batch.put(binding(6, &["2001:db8::6"]));
        assert_eq!(batch.begin_commit().len(), 2);
        assert!(batch.is_unchanged());
        let client = |number| [0, 3, 0, 1, number];
        let leases = |batch: &Batch, number| {
            let found = batch.binding(&store, LinkId(1), &client(number)).unwrap();
            found.map_or(0, |found| found.leases.len())
        };
        let holder = |batch: &Batch, text| {
            let held = batch.held(&store, name(text)).unwrap();
            held.map_or(0, |held| held.client[4])
        };
        assert!(batch.changes(LinkId(1), &client(7)));
        assert_eq!((leases(&batch, 7), holder(&batch, "2001:db8::7")), (2, 7));

        // One lease goes to another client, and a client gives all of its own up.
        batch.put(binding(8, &["2001:db8::7"]));
        batch.put(binding(6, &[]));
        assert_eq!((leases(&batch, 7), holder(&batch, "2001:db8::7")), (1, 8));
        assert_eq!((leases(&batch, 6), holder(&batch, "2001:db8::6")), (0, 0));
        assert_eq!(holder(&batch, "2001:db8::9"), 7);

        // The first commit is done: the store has the word where nothing newer was decided.
        batch.committed();
        assert!(!batch.changes(LinkId(1), &client(7)));
        assert_eq!((leases(&batch, 7), holder(&batch, "2001:db8::7")), (0, 8));
        assert_eq!(batch.begin_commit().len(), 2);
    }

    /// DHCP-S-039: if a commit fails, what was decided on its strength has not happened either.
    #[test]
    fn what_was_decided_behind_a_failed_commit_is_gone_with_it() {
        let store = MemoryStore::default();
        let mut batch = Batch::default();
        batch.put(binding(7, &["2001:db8::7"]));
        batch.begin_commit();
        batch.put(binding(8, &["2001:db8::8"]));
        batch.abandoned();
        assert!(batch.is_unchanged());
        for text in ["2001:db8::7", "2001:db8::8"] {
            assert!(batch.held(&store, name(text)).unwrap().is_none());
        }
    }

    /// SEC-005: a batch that large relays have made large says so, before a journal refuses it.
    #[test]
    fn a_batch_knows_when_it_is_large() {
        let mut batch = Batch::default();
        let mut count = 0;
        while !batch.is_large() {
            let mut large = binding(count, &["2001:db8::7"]);
            large.options = vec![0; 65_000];
            batch.put(large);
            count += 1;
        }
        assert!((60..=65).contains(&count), "{count}");
        batch.begin_commit();
        assert!(!batch.is_large());
    }
}

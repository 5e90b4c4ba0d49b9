//! Joins what several messages and servers say of the same clients.
//!
//! Different leases of one client are united (BLQ-R-039). The same lease from two sources
//! is taken from the newer client transaction: the smaller CLT age, corrected by how long
//! ago its message arrived; then the longer valid lifetime; then the server configured
//! first. What a server says later replaces what it said before (BLQ-R-040, D-24).
//!
//! Which clients are on which link is known as far as relay data tells. A message without
//! it is counted to the one link its client is known on, if it is one.
//!
//! Everything told is kept until the end, so memory grows with the number of leases: about
//! 52 octets for each and 80 for each client and link, growth and options not counted.
//! Whoever asks one server and needs no joining lets the events pass instead.
//!
//! ```text
//!   client ──► group (client on one link) ──► lease ──► lease ──► ...
//!                │      └─ options beside the leases
//!                ▼
//!              group (same client, other link)
//! ```

mod index;
mod joined;
mod rows;
mod take;

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use self::index::Index;
pub use self::joined::{Joined, JoinedLease};
use self::rows::{Client, DOUBTFUL, Group, Lease, Source, row_of};
use super::claim::Claim;
use crate::time::Now;

/// A server by its place in the configuration; the lower one is preferred (D-24).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Server(pub u16);

/// Collects claims and tells them joined.
#[derive(Debug)]
pub struct Reconciler {
    /// Makes the hashes of this table unlike those of any other, so that nobody can choose
    /// DUIDs that collide.
    seed: u64,
    keeps_options: bool,
    /// When the first claim arrived: all times are told from here.
    epoch: Option<Now>,
    octets: Vec<u8>,
    clients: Vec<Client>,
    client_index: Index,
    groups: Vec<Group>,
    links: BTreeMap<Ipv6Addr, u32>,
    link_addresses: Vec<Ipv6Addr>,
    leases: Vec<Lease>,
    lease_index: Index,
    /// Room to gather options in, kept so that it is not allocated anew each time.
    scratch: Vec<u8>,
    live: u64,
    settled: u64,
}

impl Reconciler {
    /// An empty table. `seed` must be unpredictable outside tests; `keeps_options` says
    /// whether options beside the leases, relay data among them, are kept too.
    pub fn new(seed: u64, keeps_options: bool) -> Self {
        Self {
            seed,
            keeps_options,
            epoch: None,
            octets: Vec::new(),
            clients: Vec::new(),
            client_index: Index::default(),
            groups: Vec::new(),
            links: BTreeMap::new(),
            link_addresses: Vec::new(),
            leases: Vec::new(),
            lease_index: Index::default(),
            scratch: Vec::new(),
            live: 0,
            settled: 0,
        }
    }

    /// Leases that [`Reconciler::bindings`] tells.
    pub fn lease_count(&self) -> u64 {
        self.live
    }

    /// How often a lease was told again, by the same server or another, and settled.
    pub fn settled_count(&self) -> u64 {
        self.settled
    }

    /// Octets of memory held, to tell the operator.
    pub fn memory_octets(&self) -> usize {
        let rows = [
            self.octets.capacity(),
            self.clients.capacity().saturating_mul(size_of::<Client>()),
            self.groups.capacity().saturating_mul(size_of::<Group>()),
            self.leases.capacity().saturating_mul(size_of::<Lease>()),
            self.client_index.octets(),
            self.lease_index.octets(),
        ];
        rows.into_iter().fold(0, usize::saturating_add)
    }

    /// Adds what `server` claims, in a message that arrived then.
    pub fn add(&mut self, server: Server, claim: &Claim<'_>, arrived: Now) -> Result<(), Full> {
        self.add_on(server, claim, arrived, None)
    }

    /// The same where the link is known by another way than relay data, which goes before it.
    pub fn add_on(
        &mut self,
        server: Server,
        claim: &Claim<'_>,
        arrived: Now,
        link: Option<Ipv6Addr>,
    ) -> Result<(), Full> {
        let epoch = *self.epoch.get_or_insert(arrived);
        let arrived = arrived.mono.since(epoch.mono).as_secs();
        let source = Source {
            server,
            arrived: u32::try_from(arrived).unwrap_or(u32::MAX),
            clt_age: claim.clt_age(),
        };
        let client = self.client(claim.client())?;
        let group = self.group(client, claim.link_address().or(link))?;
        self.take_options(group, claim, &source)?;
        for lease in claim.leases() {
            let mut row = source.row(lease.name, lease.preferred, lease.valid);
            if lease.is_doubtful {
                row.flags |= DOUBTFUL;
            }
            self.take_lease(client, group, row)?;
        }
        for name in claim.ended() {
            self.take_lease(client, group, source.row(name, 0, 0))?;
        }
        Ok(())
    }

    /// Every client and link with at least one lease, in the order first heard of.
    pub fn bindings(&self) -> impl Iterator<Item = Joined<'_>> {
        self.groups
            .iter()
            .filter_map(|group| self.joined(group))
            .filter(Joined::has_leases)
    }

    /// The same in the order of link, client DUID: equal claims give equal output.
    pub fn sorted_bindings(&self) -> impl Iterator<Item = Joined<'_>> {
        let mut order: Vec<&Group> = self.groups.iter().collect();
        order.sort_by_cached_key(|group| {
            let client = self.clients.get(row_of(group.client));
            let duid = client.map_or(&[][..], |client| self.span(client.duid));
            (self.link_of(group), duid)
        });
        order
            .into_iter()
            .filter_map(|group| self.joined(group))
            .filter(Joined::has_leases)
    }
}

/// More rows than 32 bits can number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than 4294967294 leases, clients or links were told; ask for fewer at a time")]
pub struct Full;

//! What the table tells.

use std::net::Ipv6Addr;

use leasebook_store::LeaseName;
use leasebook_wire::Options;

use super::rows::{ADDRESS, CONTESTED, DOUBTFUL, Group, Lease, SHARED, row_of};
use super::{Reconciler, Server};
use crate::time::{Mono, Now};

/// A client on one link with its leases, joined.
#[derive(Clone, Copy, Debug)]
pub struct Joined<'a> {
    book: &'a Reconciler,
    client: &'a [u8],
    link: Option<Ipv6Addr>,
    options: &'a [u8],
    first_lease: u32,
}

/// One lease as the best source has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinedLease {
    /// The address or prefix.
    pub name: LeaseName,
    /// The server it is taken from.
    pub server: Server,
    /// When the message arrived that it is taken from: ages and lifetimes count from here.
    pub arrived: Now,
    /// Seconds, on arrival, since the server had dealt with the client.
    pub clt_age: u32,
    /// Preferred seconds left on arrival; `u32::MAX` is infinity.
    pub preferred: u32,
    /// Valid seconds left on arrival, never 0; `u32::MAX` is infinity.
    pub valid: u32,
    /// As in [`crate::requestor::ClaimedLease::is_doubtful`].
    pub is_doubtful: bool,
    /// Two servers tell different ends of the same transaction (RELAY-083).
    pub is_contested: bool,
    /// Another client is told to have the same lease.
    pub is_shared: bool,
}

impl<'a> Joined<'a> {
    /// The client's DUID.
    pub fn client(&self) -> &'a [u8] {
        self.client
    }

    /// The link-address nearest to the client, if relay data told one.
    pub fn link_address(&self) -> Option<Ipv6Addr> {
        self.link
    }

    /// Options beside the leases from the client's newest message, if they are kept.
    pub fn options(&self) -> Options<'a> {
        // They were taken from a list that had been checked.
        Options::parse(self.options, 0).unwrap_or(Options::EMPTY)
    }

    /// Its leases, the last told first.
    pub fn leases(&self) -> impl Iterator<Item = JoinedLease> + use<'a> {
        let book = self.book;
        let mut next = self.first_lease;
        std::iter::from_fn(move || {
            let lease = book.leases.get(row_of(next))?;
            next = lease.next;
            Some(lease)
        })
        .filter(|lease| lease.is_live())
        .map(move |lease| book.told(lease))
    }

    /// Its leases in the order replies tell them: addresses, then prefixes, each ascending.
    pub fn sorted_leases(&self) -> Vec<JoinedLease> {
        let mut leases: Vec<_> = self.leases().collect();
        leases.sort_by_key(|lease| lease.name);
        leases
    }

    pub(super) fn has_leases(&self) -> bool {
        self.leases().next().is_some()
    }
}

impl Reconciler {
    pub(super) fn link_of(&self, group: &Group) -> Option<Ipv6Addr> {
        self.link_addresses.get(row_of(group.link)).copied()
    }

    pub(super) fn joined(&self, group: &Group) -> Option<Joined<'_>> {
        let client = self.clients.get(row_of(group.client))?;
        Some(Joined {
            book: self,
            client: self.span(client.duid),
            link: self.link_of(group),
            options: self.span(group.options),
            first_lease: group.first_lease,
        })
    }

    fn told(&self, lease: &Lease) -> JoinedLease {
        let epoch = self.epoch.unwrap_or_default();
        let name = Ipv6Addr::from(lease.name);
        JoinedLease {
            name: match lease.prefix_len {
                ADDRESS => LeaseName::Address(name),
                len => LeaseName::Prefix { prefix: name, len },
            },
            server: lease.server,
            arrived: Now {
                mono: Mono(epoch.mono.0.saturating_add(
                    u64::from(lease.arrived).saturating_mul(NANOSECONDS_PER_SECOND),
                )),
                wall: epoch.wall.saturating_add(u64::from(lease.arrived)),
            },
            clt_age: lease.clt_age,
            preferred: lease.preferred,
            valid: lease.valid,
            is_doubtful: lease.flags & DOUBTFUL != 0,
            is_contested: lease.flags & CONTESTED != 0,
            is_shared: lease.flags & SHARED != 0,
        }
    }
}

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;

//! The delegations: what is leased through this relay, whose it is, and when it ends.
//!
//! Wanted routes follow from it: every delegation that is [`Standing::Routed`] or
//! [`Standing::Marked`] has one, and a change of that is a [`RouteChange`] (RELAY-057).
//!
//! Costs: finding by prefix, and what contains it or is contained, is logarithmic in the number
//! of delegations; so are putting in and taking out. A delegation takes about 200 octets.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv6Addr;

use ipnet::Ipv6Net;
use leasebook_store::binding::mask;
use leasebook_wire::Xid;

use super::ports::PortNo;
use super::refuse::Unroutable;
use crate::time::Mono;

/// Where packets for a prefix go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// The interface.
    pub port: PortNo,
    /// The address on it; none is the interface itself.
    pub via: Option<Ipv6Addr>,
}

/// Who told of a delegation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A REPLY that was passed on.
    Learnt {
        /// Who sent it to us: the server, or a relay nearer to it.
        from: Ipv6Addr,
        /// Its transaction-id.
        xid: Xid,
    },
    /// The server with this place in the configuration, asked on recovery.
    Recovered(u16),
    /// What an earlier run of this relay left on disk; whatever else is told wins over it.
    Cached,
}

impl Source {
    /// Whether a client's exchange that passed through here told it.
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Learnt { .. })
    }
}

/// What became of a delegation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has its route.
    Routed,
    /// The same, though the server that told of it was doubtful and did not say more (RELAY-084).
    Marked,
    /// It waits for the server to confirm it, and has no route yet (RELAY-083).
    Waiting,
    /// The server denied it when asked again; not routed (RELAY-084).
    Denied,
    /// It is known and cannot be routed (RELAY-074).
    Unroutable(Unroutable),
}

impl Standing {
    /// Whether it has a route.
    pub const fn is_routed(&self) -> bool {
        matches!(self, Self::Routed | Self::Marked)
    }

    /// The word for tables and counters.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Routed => "routed",
            Self::Marked => "doubtful",
            Self::Waiting => "waiting",
            Self::Denied => "quarantined",
            Self::Unroutable(_) => "unroutable",
        }
    }
}

/// One prefix, or address as a /128, of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    /// The prefix.
    pub prefix: Ipv6Net,
    /// The client's DUID.
    pub client: Box<[u8]>,
    /// The client's name for its association; servers do not tell it on recovery (D-01).
    pub iaid: Option<u32>,
    /// Where packets go; none where nobody told.
    pub hop: Option<NextHop>,
    /// When it ceases to be preferred; none is never.
    pub preferred_until: Option<Mono>,
    /// When it ends; none is never.
    pub valid_until: Option<Mono>,
    /// Seconds on the monotonic clock when the server last heard the client; below 0 is before
    /// the relay began.
    pub heard: i64,
    /// When this relay was told the last time.
    pub told: Mono,
    /// Since when this relay has known that the client has it; told again, it stays.
    pub since: Mono,
    /// Who told.
    pub source: Source,
    /// What became of it.
    pub standing: Standing,
}

/// A change of what the kernel is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteChange {
    /// The prefix is to have this route, whatever it had.
    Set(Ipv6Net, NextHop),
    /// The prefix is to have none.
    Drop(Ipv6Net),
}

/// First address and length: what a prefix contains follows it in order.
type Key = (u128, u8);

fn key(prefix: Ipv6Net) -> Key {
    (prefix.addr().to_bits(), prefix.prefix_len())
}

/// All delegations.
#[derive(Clone, Debug, Default)]
pub struct Table {
    by_prefix: BTreeMap<Key, Delegation>,
    /// How many there are of each length that occurs.
    lengths: BTreeMap<u8, usize>,
    by_client: HashMap<Box<[u8]>, Vec<Key>>,
    by_end: BTreeSet<(Mono, Key)>,
    routed_on: HashMap<PortNo, u32>,
    routed: u32,
    version: u64,
    changes: Vec<RouteChange>,
}

impl Table {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_prefix.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_prefix.is_empty()
    }

    /// How many have a route.
    pub fn routed(&self) -> u32 {
        self.routed
    }

    /// A number that grows with every change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// How many have a route on a port.
    pub fn routed_on(&self, port: PortNo) -> u32 {
        self.routed_on.get(&port).copied().unwrap_or(0)
    }

    /// All of them, by prefix.
    pub fn iter(&self) -> impl Iterator<Item = &Delegation> {
        self.by_prefix.values()
    }

    /// Those from a place in the order on, for reading in parts.
    pub fn after(&self, prefix: Option<Ipv6Net>) -> impl Iterator<Item = &Delegation> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = prefix.map_or(Unbounded, |prefix| Excluded(key(prefix)));
        self.by_prefix.range((from, Unbounded)).map(|(_, one)| one)
    }

    /// The delegation of exactly this prefix.
    pub fn get(&self, prefix: Ipv6Net) -> Option<&Delegation> {
        self.by_prefix.get(&key(prefix))
    }

    /// The longest prefix around an address or prefix.
    pub fn around(&self, prefix: Ipv6Net) -> Option<&Delegation> {
        let lengths = self.lengths.range(..=prefix.prefix_len()).rev();
        lengths
            .map(|(len, _)| (mask(prefix.addr(), *len).to_bits(), *len))
            .find_map(|key| self.by_prefix.get(&key))
    }

    /// The client's delegations, on whatever port.
    pub fn of_client(&self, client: &[u8]) -> impl Iterator<Item = &Delegation> {
        let keys = self.by_client.get(client).into_iter().flatten();
        keys.filter_map(|key| self.by_prefix.get(key))
    }

    /// Delegations of other clients that are this prefix, contain it or are within it.
    pub fn overlapping<'a>(
        &'a self,
        prefix: Ipv6Net,
        client: &'a [u8],
    ) -> impl Iterator<Item = &'a Delegation> {
        let around = self.lengths.range(..prefix.prefix_len());
        let around = around.filter_map(move |(len, _)| {
            let key = (mask(prefix.addr(), *len).to_bits(), *len);
            self.by_prefix.get(&key)
        });
        let last = (prefix.broadcast().to_bits(), u8::MAX);
        let within = self.by_prefix.range(key(prefix)..=last);
        let within = within
            .map(|(_, one)| one)
            .filter(move |one| prefix.contains(&one.prefix));
        around
            .chain(within)
            .filter(move |one| *one.client != *client)
    }

    /// Puts one in, in place of what there was of the same prefix.
    pub fn put(&mut self, mut delegation: Delegation) {
        let prefix = delegation.prefix;
        let key = key(prefix);
        let before = self.forget(key);
        let same = before
            .as_ref()
            .filter(|one| one.client == delegation.client);
        if let Some(same) = same {
            delegation.since = same.since;
        }
        let hop = |one: &Delegation| one.hop.filter(|_| one.standing.is_routed());
        let (was, is) = (before.as_ref().and_then(hop), hop(&delegation));
        match (was, is) {
            (was, Some(is)) if was != Some(is) => self.changes.push(RouteChange::Set(prefix, is)),
            (Some(_), None) => self.changes.push(RouteChange::Drop(prefix)),
            _ => {}
        }
        if let Some(end) = delegation.valid_until {
            self.by_end.insert((end, key));
        }
        *self.lengths.entry(key.1).or_default() += 1;
        if let Some(hop) = is {
            *self.routed_on.entry(hop.port).or_default() += 1;
            self.routed += 1;
        }
        match self.by_client.get_mut(&delegation.client) {
            Some(keys) => keys.push(key),
            None => {
                self.by_client.insert(delegation.client.clone(), vec![key]);
            }
        }
        self.version += 1;
        self.by_prefix.insert(key, delegation);
    }

    /// Takes one out, and its route.
    pub fn remove(&mut self, prefix: Ipv6Net) -> Option<Delegation> {
        let ended = self.forget(key(prefix))?;
        if ended.standing.is_routed() && ended.hop.is_some() {
            self.changes.push(RouteChange::Drop(prefix));
        }
        Some(ended)
    }

    fn forget(&mut self, key: Key) -> Option<Delegation> {
        let gone = self.by_prefix.remove(&key)?;
        self.version += 1;
        if let Some(end) = gone.valid_until {
            self.by_end.remove(&(end, key));
        }
        if let Some(count) = self.lengths.get_mut(&key.1) {
            *count -= 1;
            if *count == 0 {
                self.lengths.remove(&key.1);
            }
        }
        if let Some(hop) = gone.hop.filter(|_| gone.standing.is_routed()) {
            if let Some(count) = self.routed_on.get_mut(&hop.port) {
                *count -= 1;
            }
            self.routed -= 1;
        }
        if let Some(keys) = self.by_client.get_mut(&gone.client) {
            keys.retain(|other| *other != key);
            if keys.is_empty() {
                self.by_client.remove(&gone.client);
            }
        }
        Some(gone)
    }

    /// When the next one ends.
    pub fn next_end(&self) -> Option<Mono> {
        self.by_end.first().map(|(end, _)| *end)
    }

    /// Takes out one that has ended by now, if there is any.
    pub fn pop_ended(&mut self, now: Mono) -> Option<Delegation> {
        let (end, key) = *self.by_end.first()?;
        if end > now {
            return None;
        }
        let (address, len) = key;
        let prefix = Ipv6Net::new(Ipv6Addr::from_bits(address), len).ok()?;
        self.remove(prefix)
    }

    /// Takes out what the kernel is to be told, in order.
    pub fn take_changes(&mut self) -> Vec<RouteChange> {
        std::mem::take(&mut self.changes)
    }

    /// Whether there is anything to tell the kernel.
    pub fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Every route there is to be.
    pub fn wanted(&self) -> impl Iterator<Item = (Ipv6Net, NextHop)> {
        let routed = self.iter().filter(|one| one.standing.is_routed());
        routed.filter_map(|one| Some((one.prefix, one.hop?)))
    }

    /// Asks for the routes of a port again: the interface was made anew, or came back.
    pub fn repeat(&mut self, port: PortNo) {
        let routes: Vec<_> = self.wanted().filter(|(_, hop)| hop.port == port).collect();
        let set = |(prefix, hop)| RouteChange::Set(prefix, hop);
        self.changes.extend(routes.into_iter().map(set));
    }
}

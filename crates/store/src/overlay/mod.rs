//! What changed since the last checkpoint, in memory.
//!
//! A key that an overlay holds, be it as gone, hides whatever older layers say of that key. So
//! a look-up is what overlays find, newest first, and then what the ledger finds under keys
//! that no overlay holds.
//!
//! Each key has a *slot*, numbered as they came. Single look-ups, which each message of a client
//! needs, find slots by hash; what scans walk through is put in [order](Order) when one comes.
//!
//! | file | its job |
//! |---|---|
//! | `places` | finding slots by what they hold |
//! | `order` | what is walked in order |
//! | `tables` | the ordered indexes |
//! | `shadows` | a stretch of several overlays, copied |

mod order;
mod places;
mod shadows;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{RwLock, RwLockReadGuard};

use crate::ahead::{STEPS_AHEAD, touch};
use crate::beginning::{Beginning, sort_by_beginning};
use crate::binding::{LeaseName, LinkId};
use crate::hash::hash;
use crate::index;
use crate::key;
use crate::record::Record;
use places::{Ends, Log, Places};

pub(crate) use order::Order;
pub(crate) use shadows::{Shadow, Shadows};

/// Records changed or gone.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    slots: Vec<Slot>,
    places: Places,
    ends: Ends,
    log: Log,
    /// How many leases of records are prefixes of each length.
    lengths: BTreeMap<u8, u64>,
    octets: usize,
    /// Of the group that is being resolved: what a request changed.
    undo: Undo,
    order: RwLock<Order>,
    /// What `order` takes, in octets.
    order_octets: AtomicUsize,
}

/// A key and what is said of it.
#[derive(Debug)]
struct Slot {
    key_hash: u64,
    held: Held,
    /// Of a record, while it is listed in [`Ends`]: when it ends, and where in that list it is.
    ends: Option<(u64, u32)>,
    /// The round of [`Order`] in which it was last said to have changed.
    round: u64,
}

#[derive(Clone, Debug)]
enum Held {
    Gone(Box<[u8]>),
    Record(Record),
}

/// How to take back what a request changed.
#[derive(Debug, Default)]
struct Undo {
    /// How many slots there were; those behind are new. None while nobody asks for it.
    slots: Option<usize>,
    /// What others had, oldest first.
    had: Vec<(u32, Held)>,
}

/// What an overlay says of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said<R> {
    /// Nothing: older layers know.
    Nothing,
    /// There is no record, whatever older layers say.
    Gone,
    /// This is the record.
    Record(R),
}

/// A client on a link as look-ups need it, made once for all layers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientName<'n> {
    link: LinkId,
    client: &'n [u8],
    hash: u64,
}

impl<'n> ClientName<'n> {
    pub(crate) fn new(link: LinkId, client: &'n [u8]) -> Self {
        let hash = hash(client);
        Self { link, client, hash }
    }
}

/// A lease as look-ups need it, made once for all layers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeaseTag {
    octets: [u8; 17],
    hash: u64,
}

impl LeaseTag {
    pub(crate) fn of(name: LeaseName) -> Self {
        let octets = index::lease_key(name);
        let hash = hash(&octets);
        Self { octets, hash }
    }

    /// Where it is in [`Index::Lease`](index::Index::Lease).
    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }
}

/// A record key as look-ups need it, made once for all layers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyName<'n> {
    octets: &'n [u8],
    hash: u64,
}

impl<'n> KeyName<'n> {
    pub(crate) fn new(octets: &'n [u8]) -> Self {
        let hash = hash(octets);
        Self { octets, hash }
    }
}

/// A key, and its record unless that is gone.
type Word<'a> = (&'a [u8], Option<&'a Record>);

/// What a key costs in memory besides its record's octets, roughly: slot, places, allocations.
const COST_OCTETS: usize = 256;

/// Entries of the log that may be out of date, besides one for each key.
const LOG_ROOM: usize = 64;

/// What a key costs that is in order: tree nodes.
const ORDER_OCTETS: usize = 192;

impl Held {
    fn key(&self) -> &[u8] {
        match self {
            Self::Gone(key) => key,
            Self::Record(record) => record.key(),
        }
    }

    fn record(&self) -> Option<&Record> {
        match self {
            Self::Gone(_) => None,
            Self::Record(record) => Some(record),
        }
    }

    fn octets(&self) -> usize {
        COST_OCTETS
            + match self {
                Self::Gone(key) => key.len(),
                Self::Record(record) => record.octets().len(),
            }
    }

    fn word(&self) -> Word<'_> {
        (self.key(), self.record())
    }
}

impl Overlay {
    /// An empty one with room for as many keys as another has.
    pub(crate) fn with_room(keys: usize) -> Self {
        Self {
            slots: Vec::with_capacity(keys),
            places: Places::with_room(keys),
            ..Self::default()
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// How many keys it holds.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Roughly how much memory it takes, in octets.
    pub(crate) fn octets(&self) -> usize {
        self.octets + self.order_octets.load(Ordering::Relaxed)
    }

    pub(crate) fn get(&self, key: KeyName<'_>) -> Said<&Record> {
        let slot = self.places.of_key(key.hash, &self.slots, key.octets);
        match slot.map(|slot| &self.slots[slot as usize].held) {
            None => Said::Nothing,
            Some(Held::Gone(_)) => Said::Gone,
            Some(Held::Record(record)) => Said::Record(record),
        }
    }

    pub(crate) fn holds(&self, key: KeyName<'_>) -> bool {
        self.places
            .of_key(key.hash, &self.slots, key.octets)
            .is_some()
    }

    /// The record of a client on a link, as far as this overlay knows.
    pub(crate) fn of_client(&self, name: &ClientName<'_>) -> Option<&Record> {
        let is_it = |slot| self.client_in(slot) == Some(name.client);
        let slot = self.places.of_client(name.hash, name.link, is_it)?;
        self.slots[slot as usize].held.record()
    }

    /// The first link from the one named on on which a client has a record, as far as this overlay
    /// knows.
    pub(crate) fn next_link(&self, name: &ClientName<'_>) -> Option<LinkId> {
        let is_it = |slot| self.client_in(slot) == Some(name.client);
        let links = self.places.links(name.hash, is_it);
        links.filter(|link| *link >= name.link).min()
    }

    /// The first record from change `seq` on, or of that change from the key on, but none of a
    /// change behind `last`: the log may have many out-of-date entries before there is one.
    pub(crate) fn next_changed(&self, seq: u64, key: &[u8], last: u64) -> Option<(u64, &[u8])> {
        let entries = self.log.from(seq).take_while(|(seq, _)| *seq <= last);
        let mut entries = entries.filter_map(|(seq, slot)| {
            let record = self.slots[slot as usize].held.record()?;
            (record.view().seq() == seq).then(|| (seq, record.key()))
        });
        entries.find(|entry| *entry >= (seq, key))
    }

    fn client_in(&self, slot: u32) -> Option<&[u8]> {
        key::client_of(self.slots[slot as usize].held.key())
    }

    /// The record that holds a lease, as far as this overlay knows.
    pub(crate) fn holder(&self, lease: &LeaseTag) -> Option<&Record> {
        let slot = self.places.of_lease(lease.hash, &lease.octets)?;
        self.slots[slot as usize].held.record()
    }

    /// All keys it holds, in order.
    pub(crate) fn records(&self) -> impl Iterator<Item = Shadow<'_>> {
        let key = |at: u32| self.slots[at as usize].held.key();
        let mut places: Vec<(Beginning, u32)> = (0..)
            .zip(&self.slots)
            .map(|(at, slot)| (Beginning::of(slot.held.key()), at))
            .collect();
        sort_by_beginning(&mut places, key);
        let slot = move |at: usize| {
            let (_, slot) = places.get(at)?;
            self.slots.get(*slot as usize)
        };
        (0..self.slots.len()).filter_map(move |at| {
            // In this order each record lies somewhere else: first where it is, then it itself.
            if let Some(later) = slot(at + 2 * STEPS_AHEAD) {
                std::hint::black_box(later.round);
            }
            if let Some(record) = slot(at + STEPS_AHEAD).and_then(|slot| slot.held.record()) {
                touch(record.octets());
            }
            let (key, record) = slot(at)?.held.word();
            Some((key, record.map(Record::view)))
        })
    }

    /// Records of which every bound lease has run out at `now` (Unix seconds), those that ended
    /// first in front, and when each did.
    pub(crate) fn ended(&self, now: u64) -> impl Iterator<Item = (u64, &Record)> {
        let ended = self.ends.until(now);
        ended.filter_map(|(ends_at, slot)| {
            let record = self.slots[slot as usize].held.record()?;
            Some((ends_at, record))
        })
    }

    /// Lengths of prefixes that its records hold.
    pub(crate) fn lengths(&self) -> impl Iterator<Item = u8> {
        self.lengths.keys().copied()
    }

    pub(crate) fn put(&mut self, record: Record) {
        let key_hash = hash(record.key());
        self.set(key_hash, Held::Record(record));
    }

    pub(crate) fn remove(&mut self, key: &[u8]) {
        self.set(hash(key), Held::Gone(key.into()));
    }

    /// Takes in what `newer` says, which is empty then: its word holds.
    pub(crate) fn absorb(&mut self, newer: &mut Self) {
        let mut slots = std::mem::take(&mut newer.slots);
        for slot in slots.drain(..) {
            self.set(slot.key_hash, slot.held);
        }
        // What it had room for is of use again.
        newer.slots = slots;
        newer.clear();
    }

    /// Lets it hold nothing, but keep its room.
    pub(crate) fn clear(&mut self) {
        self.slots.clear();
        self.places.clear();
        self.ends = Ends::default();
        self.log.clear();
        self.lengths.clear();
        self.octets = 0;
        self.undo = Undo::default();
        self.order.get_mut().clear();
        *self.order_octets.get_mut() = 0;
    }

    /// From now on, until the next call, [`Overlay::rewind`] takes back what is done.
    pub(crate) fn begin_request(&mut self) {
        self.undo.had.clear();
        self.undo.slots = Some(self.slots.len());
    }

    /// Takes back what was done since [`Overlay::begin_request`].
    pub(crate) fn rewind(&mut self) {
        let Undo { slots, mut had } = std::mem::take(&mut self.undo);
        for (slot, held) in had.drain(..).rev() {
            let hash = self.slots[slot as usize].key_hash;
            self.set(hash, held);
        }
        let first_new = slots.unwrap_or(self.slots.len());
        while self.slots.len() > first_new {
            let last = number(self.slots.len() - 1);
            self.forget(last);
            let Some(slot) = self.slots.pop() else { break };
            self.places.remove_key(slot.key_hash, last);
            self.octets -= slot.held.octets();
            self.order.get_mut().forget_change(last);
        }
        // Former entries of slots that are no more.
        let is_there = |slot: u32| (slot as usize) < first_new;
        self.log.tidy(|_, slot| is_there(slot));
    }

    /// Puts what changed in order, at most so many keys; true if nothing is left to do.
    pub(crate) fn put_in_order(&self, most: usize) -> bool {
        if self.order.read().is_complete() {
            return true;
        }
        let mut order = self.order.write();
        order.take_in(&self.slots, most);
        let octets = order.len() * ORDER_OCTETS;
        self.order_octets.store(octets, Ordering::Relaxed);
        order.is_complete()
    }

    /// Whether all of it is in order; no if somebody is just about it. Does not wait.
    pub(crate) fn is_in_order(&self) -> bool {
        let order = self.order.try_read();
        order.is_some_and(|order| order.is_complete())
    }

    /// What is in order.
    pub(crate) fn order(&self) -> RwLockReadGuard<'_, Order> {
        self.order.read()
    }

    fn set(&mut self, key_hash: u64, held: Held) {
        self.octets += held.octets();
        let found = self.places.of_key(key_hash, &self.slots, held.key());
        let at = if let Some(at) = found {
            self.forget(at);
            let before = std::mem::replace(&mut self.slots[at as usize].held, held);
            self.octets -= before.octets();
            if self.undo.slots.is_some_and(|slots| (at as usize) < slots) {
                self.undo.had.push((at, before));
            }
            at
        } else {
            let at = number(self.slots.len());
            self.slots.push(Slot {
                key_hash,
                held,
                ends: None,
                round: 0,
            });
            self.places.put_key(key_hash, at);
            at
        };
        self.enter(at);
        if self.log.len() > 2 * self.slots.len() + LOG_ROOM {
            let slots = &self.slots;
            self.log.tidy(|seq, slot| {
                let record = slots[slot as usize].held.record();
                record.is_some_and(|record| record.view().seq() == seq)
            });
        }
        let slot = &mut self.slots[at as usize];
        self.order.get_mut().changed(at, &mut slot.round);
    }

    /// Lets the record in a slot be found.
    fn enter(&mut self, at: u32) {
        let Some(record) = self.slots[at as usize].held.record() else {
            return;
        };
        let view = record.view();
        let client = (hash(view.client()), view.link());
        self.places.put_client(client, at, |slot| {
            key::client_of(self.slots[slot as usize].held.key()) == Some(view.client())
        });
        self.log.put(view.seq(), at);
        for lease in view.leases() {
            self.places.put_lease(LeaseTag::of(lease.name), at);
            if let LeaseName::Prefix { len, .. } = lease.name {
                *self.lengths.entry(len).or_default() += 1;
            }
        }
        if let Some(ends_at) = index::ends_at(&view) {
            let place = self.ends.put(ends_at, at);
            self.slots[at as usize].ends = Some((ends_at, place));
        }
    }

    /// Lets the record in a slot be found no more; what another record has taken meanwhile
    /// stays that one's.
    fn forget(&mut self, at: u32) {
        if let Some((ends_at, place)) = self.slots[at as usize].ends.take()
            && let Some(moved) = self.ends.remove(ends_at, place)
            && let Some((_, moved_to)) = &mut self.slots[moved as usize].ends
        {
            *moved_to = place;
        }
        let Some(record) = self.slots[at as usize].held.record() else {
            return;
        };
        let view = record.view();
        self.places.remove_client(hash(view.client()), at);
        self.log.remove(view.seq(), at);
        for lease in view.leases() {
            self.places.remove_lease(LeaseTag::of(lease.name), at);
            if let LeaseName::Prefix { len, .. } = lease.name {
                match self.lengths.get_mut(&len) {
                    Some(count) if *count > 1 => *count -= 1,
                    _ => {
                        self.lengths.remove(&len);
                    }
                }
            }
        }
    }
}

/// A slot's number: an overlay of 4 G keys does not fit into memory.
fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

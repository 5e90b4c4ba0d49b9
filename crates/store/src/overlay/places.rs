//! Finding slots by what they hold, each at one look.

use std::collections::BTreeMap;

use hashbrown::HashTable;

use super::{LeaseTag, Slot};
use crate::binding::LinkId;
use crate::hash::hash;

/// Tables of slots by key, by client and link, and by lease.
#[derive(Debug, Default)]
pub(super) struct Places {
    keys: HashTable<Place>,
    clients: HashTable<ClientPlace>,
    leases: HashTable<LeasePlace>,
}

/// A slot under a hash. The hash is kept so that a table that grows does not look at slots.
#[derive(Clone, Copy, Debug)]
struct Place {
    hash: u64,
    slot: u32,
}

/// The slot of a client on a link, under the hash of the client alone: so all links are together.
#[derive(Clone, Copy, Debug)]
struct ClientPlace {
    hash: u64,
    link: LinkId,
    slot: u32,
}

/// The slot of a lease's holder.
#[derive(Clone, Copy, Debug)]
struct LeasePlace {
    lease: [u8; 17],
    slot: u32,
}

impl LeasePlace {
    fn hash(&self) -> u64 {
        hash(&self.lease)
    }
}

impl Places {
    pub(super) fn with_room(keys: usize) -> Self {
        Self {
            keys: HashTable::with_capacity(keys),
            clients: HashTable::with_capacity(keys),
            leases: HashTable::with_capacity(keys),
        }
    }

    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.clients.clear();
        self.leases.clear();
    }

    pub(super) fn of_key(&self, hash: u64, slots: &[Slot], key: &[u8]) -> Option<u32> {
        let is_it = |place: &Place| {
            place.hash == hash
                && slots.get(place.slot as usize).map(|slot| slot.held.key()) == Some(key)
        };
        Some(self.keys.find(hash, is_it)?.slot)
    }

    pub(super) fn put_key(&mut self, hash: u64, slot: u32) {
        let place = Place { hash, slot };
        self.keys.insert_unique(hash, place, |place| place.hash);
    }

    pub(super) fn remove_key(&mut self, hash: u64, slot: u32) {
        let is_it = |place: &Place| place.hash == hash && place.slot == slot;
        if let Ok(entry) = self.keys.find_entry(hash, is_it) {
            entry.remove();
        }
    }

    /// `is_it` says whether a slot is the client's.
    pub(super) fn of_client(
        &self,
        hash: u64,
        link: LinkId,
        is_it: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let found = self.clients.find(hash, |place| {
            place.hash == hash && place.link == link && is_it(place.slot)
        });
        Some(found?.slot)
    }

    /// Links and slots of a client; `is_it` says whether a slot is the client's.
    pub(super) fn links(
        &self,
        hash: u64,
        is_it: impl Fn(u32) -> bool,
    ) -> impl Iterator<Item = LinkId> {
        let places = self.clients.iter_hash(hash);
        let its = places.filter(move |place| place.hash == hash && is_it(place.slot));
        its.map(|place| place.link)
    }

    /// In place of the slot that `is_same` knows as the same client's.
    pub(super) fn put_client(
        &mut self,
        (hash, link): (u64, LinkId),
        slot: u32,
        is_same: impl Fn(u32) -> bool,
    ) {
        let found = self.clients.find_mut(hash, |place| {
            place.hash == hash && place.link == link && is_same(place.slot)
        });
        if let Some(place) = found {
            place.slot = slot;
            return;
        }
        let place = ClientPlace { hash, link, slot };
        self.clients.insert_unique(hash, place, |place| place.hash);
    }

    /// Unless the client is in another slot.
    pub(super) fn remove_client(&mut self, hash: u64, slot: u32) {
        let is_it = |place: &ClientPlace| place.hash == hash && place.slot == slot;
        if let Ok(entry) = self.clients.find_entry(hash, is_it) {
            entry.remove();
        }
    }

    pub(super) fn of_lease(&self, hash: u64, lease: &[u8; 17]) -> Option<u32> {
        Some(self.leases.find(hash, |place| place.lease == *lease)?.slot)
    }

    /// In place of who held it.
    pub(super) fn put_lease(&mut self, lease: LeaseTag, slot: u32) {
        let is_it = |place: &LeasePlace| place.lease == lease.octets;
        if let Some(place) = self.leases.find_mut(lease.hash, is_it) {
            place.slot = slot;
            return;
        }
        let place = LeasePlace {
            lease: lease.octets,
            slot,
        };
        self.leases
            .insert_unique(lease.hash, place, LeasePlace::hash);
    }

    /// Unless another slot holds it.
    pub(super) fn remove_lease(&mut self, lease: LeaseTag, slot: u32) {
        let is_it = |place: &LeasePlace| place.slot == slot && place.lease == lease.octets;
        if let Ok(entry) = self.leases.find_entry(lease.hash, is_it) {
            entry.remove();
        }
    }
}

/// Slots by the second in which the last lease of their records ends. Few seconds have many.
#[derive(Debug, Default)]
pub(super) struct Ends(BTreeMap<u64, Vec<u32>>);

impl Ends {
    /// Lists a slot; returns its place among those that end together.
    pub(super) fn put(&mut self, ends_at: u64, slot: u32) -> u32 {
        let together = self.0.entry(ends_at).or_default();
        together.push(slot);
        super::number(together.len() - 1)
    }

    /// Takes out what is at a place; returns the slot that is there now instead.
    pub(super) fn remove(&mut self, ends_at: u64, place: u32) -> Option<u32> {
        let together = self.0.get_mut(&ends_at)?;
        if (place as usize) < together.len() {
            together.swap_remove(place as usize);
        }
        if together.is_empty() {
            self.0.remove(&ends_at);
            return None;
        }
        together.get(place as usize).copied()
    }

    /// Those that have ended at `now`, the first in front.
    pub(super) fn until(&self, now: u64) -> impl Iterator<Item = (u64, u32)> {
        let ended = self.0.range(..=now);
        ended.flat_map(|(ends_at, slots)| slots.iter().map(|slot| (*ends_at, *slot)))
    }
}

/// Slots in the order in which their records were changed; those that changed again may stand at
/// their former places, too.
#[derive(Debug, Default)]
pub(super) struct Log(Vec<(u64, u32)>);

impl Log {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// How many entries it has.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Change `seq` made the record in a slot what it is.
    pub(super) fn put(&mut self, seq: u64, slot: u32) {
        let entry = (seq, slot);
        let place = match self.0.last() {
            Some(last) if *last >= entry => self.0.partition_point(|one| *one < entry),
            _ => self.0.len(),
        };
        if self.0.get(place) != Some(&entry) {
            self.0.insert(place, entry);
        }
    }

    /// It is no more; an entry that is not the last stays for the time being.
    pub(super) fn remove(&mut self, seq: u64, slot: u32) {
        if self.0.last() == Some(&(seq, slot)) {
            self.0.pop();
        }
    }

    /// Takes out entries that are none any more.
    pub(super) fn tidy(&mut self, is_current: impl Fn(u64, u32) -> bool) {
        self.0.retain(|(seq, slot)| is_current(*seq, *slot));
    }

    /// Entries from change `seq` on.
    pub(super) fn from(&self, seq: u64) -> impl Iterator<Item = (u64, u32)> {
        let place = self.0.partition_point(|(one, _)| *one < seq);
        self.0.get(place..).unwrap_or_default().iter().copied()
    }
}

//! What scans walk through in order.
//!
//! A commit only notes which slots it changed. Whoever is about to walk first takes those in, some
//! at a time: so a book that nobody scans does not pay for trees, and one that is scanned all the
//! time pays in the thread that scans.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::tables::Tables;
use super::{Slot, Word};
use crate::index::{self, Found, Index};
use crate::record::Record;
use crate::short::Short;

/// Keys and index entries of an overlay, as far as they were taken in.
#[derive(Debug, Default)]
pub(crate) struct Order {
    keys: BTreeMap<Short, u32>,
    tables: Tables,
    /// By slot: the record whose entries are in `tables`.
    entered: Vec<Option<Record>>,
    /// Slots that changed since.
    changed: Vec<u32>,
    /// Moves whenever some of `changed` are taken in; a slot says in which round it was put there.
    round: u64,
}

impl Order {
    /// How many keys are in order.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Lets it be that of an empty overlay.
    pub(super) fn clear(&mut self) {
        let mut changed = std::mem::take(&mut self.changed);
        changed.clear();
        *self = Self {
            changed,
            ..Self::default()
        };
    }

    pub(super) fn is_complete(&self) -> bool {
        self.changed.is_empty()
    }

    /// A slot has changed, whose note of when it last did is `round`.
    pub(super) fn changed(&mut self, slot: u32, round: &mut u64) {
        // The first round is 1, so that a new slot has been in none.
        if *round != self.round + 1 {
            *round = self.round + 1;
            self.changed.push(slot);
        }
    }

    /// The newest slot is taken back, before anybody walked.
    pub(super) fn forget_change(&mut self, slot: u32) {
        if let Some(at) = self.changed.iter().rposition(|changed| *changed == slot) {
            self.changed.swap_remove(at);
        }
    }

    /// Takes in what changed in at most so many slots.
    pub(super) fn take_in(&mut self, slots: &[Slot], most: usize) {
        let from = self.changed.len().saturating_sub(most);
        self.round += 1;
        self.entered.resize(slots.len(), None);
        for at in self.changed.drain(from..) {
            let (Some(slot), Some(entered)) =
                (slots.get(at as usize), self.entered.get_mut(at as usize))
            else {
                continue;
            };
            if let Some(before) = entered.take() {
                index::entries(&before.view(), &mut |entry| self.tables.forget(&entry));
            }
            self.keys.insert(slot.held.key().into(), at);
            *entered = slot.held.record().cloned();
            if let Some(record) = entered {
                index::entries(&record.view(), &mut |entry| self.tables.enter(&entry));
            }
        }
    }

    /// The first index entry from `key` on.
    pub(crate) fn next(&self, index: Index, key: &[u8]) -> Option<Found<'_>> {
        self.tables.next(index, key)
    }

    /// Keys from `from` on, with what slots say of them.
    pub(super) fn from<'o>(
        &'o self,
        slots: &'o [Slot],
        from: &[u8],
    ) -> impl Iterator<Item = Word<'o>> + use<'o> {
        let range = (Bound::Included(from), Bound::Unbounded);
        let places = self.keys.range::<[u8], _>(range);
        places.filter_map(|(_, at)| Some(slots.get(*at as usize)?.held.word()))
    }
}

//! The indexes of an overlay that are walked in order.
//!
//! The others are not among them: the overlay itself knows what they would say.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::index::{Entry, Found, Index};
use crate::short::Short;

/// Entries by their keys.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tables {
    /// Those of which each is one record's.
    sets: [BTreeSet<Short>; 2],
    /// [`Index::Relay`], which records share.
    counts: BTreeMap<Short, u64>,
}

/// Where an index is kept.
enum Kept {
    Set(usize),
    Count,
    /// Not here.
    Elsewhere,
}

fn kept(index: Index) -> Kept {
    match index {
        Index::Hop => Kept::Set(0),
        Index::Remote => Kept::Set(1),
        Index::Relay => Kept::Count,
        Index::Client | Index::Lease | Index::Changed | Index::Ends | Index::Length => {
            Kept::Elsewhere
        }
    }
}

impl Tables {
    /// The first entry from `key` on; it has no value.
    pub(super) fn next(&self, index: Index, key: &[u8]) -> Option<Found<'_>> {
        let range = (Bound::Included(key), Bound::Unbounded);
        let key = match kept(index) {
            Kept::Set(at) => self.sets[at].range::<[u8], _>(range).next()?,
            Kept::Count => self.counts.range::<[u8], _>(range).next()?.0,
            Kept::Elsewhere => return None,
        };
        Some((key, &[]))
    }

    /// Takes an entry in; one that counts, once more.
    pub(super) fn enter(&mut self, entry: &Entry<'_>) {
        match kept(entry.index) {
            Kept::Set(at) => {
                self.sets[at].insert(entry.key.into());
            }
            Kept::Count => *self.counts.entry(entry.key.into()).or_default() += 1,
            Kept::Elsewhere => {}
        }
    }

    /// Takes an entry out; one that counts, once less.
    pub(super) fn forget(&mut self, entry: &Entry<'_>) {
        let key = entry.key;
        match kept(entry.index) {
            Kept::Set(at) => {
                self.sets[at].remove(key);
            }
            Kept::Count => match self.counts.get_mut(key) {
                Some(count) if *count > 1 => *count -= 1,
                _ => {
                    self.counts.remove(key);
                }
            },
            Kept::Elsewhere => {}
        }
    }
}

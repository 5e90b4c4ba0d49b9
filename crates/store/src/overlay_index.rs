//! The indexes of an overlay.
//!
//! Each kind of entry has a table that holds no more than it needs: what a commit waits for,
//! beside the disk, is the memory these trees lie in.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::index::{Entry, Index};
use crate::short::Short;

/// Entries of all indexes, by their keys.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tables {
    /// [`Index::Client`]: values are a relay tag.
    tags: BTreeMap<Short, [u8; 8]>,
    /// [`Index::Lease`]: values are record keys.
    keys: BTreeMap<Short, Short>,
    /// Those whose entries have no value.
    sets: [BTreeSet<Short>; 4],
    /// Those that count.
    counts: [BTreeMap<Short, u64>; 2],
}

/// Where an index is kept.
enum Kept {
    Tags,
    Keys,
    Set(usize),
    Count(usize),
}

fn kept(index: Index) -> Kept {
    match index {
        Index::Client => Kept::Tags,
        Index::Lease => Kept::Keys,
        Index::Hop => Kept::Set(0),
        Index::Remote => Kept::Set(1),
        Index::Changed => Kept::Set(2),
        Index::Ends => Kept::Set(3),
        Index::Relay => Kept::Count(0),
        Index::Length => Kept::Count(1),
    }
}

impl Tables {
    /// The value of an entry.
    pub(crate) fn find(&self, index: Index, key: &[u8]) -> Option<&[u8]> {
        match kept(index) {
            Kept::Tags => self.tags.get(key).map(|tag| &tag[..]),
            Kept::Keys => self.keys.get(key).map(|key| &**key),
            Kept::Set(at) => self.sets[at].get(key).map(|_| &[][..]),
            Kept::Count(at) => self.counts[at].get(key).map(|_| &[][..]),
        }
    }

    /// The first entry from `key` on.
    pub(crate) fn next(&self, index: Index, key: &[u8]) -> Option<(&[u8], &[u8])> {
        match kept(index) {
            Kept::Tags => first(&self.tags, key).map(|(key, tag)| (key, &tag[..])),
            Kept::Keys => first(&self.keys, key).map(|(key, value)| (key, &**value)),
            Kept::Set(at) => {
                let range = (Bound::Included(key), Bound::Unbounded);
                let key = self.sets[at].range::<[u8], _>(range).next()?;
                Some((key, &[]))
            }
            Kept::Count(at) => first(&self.counts[at], key).map(|(key, _)| (key, &[][..])),
        }
    }

    /// Takes an entry in, in place of another with its key; one that counts, once more.
    pub(crate) fn enter(&mut self, entry: &Entry<'_>) {
        let key = Short::from(entry.key);
        match kept(entry.index) {
            Kept::Tags => {
                let tag = entry.value.first_chunk().copied().unwrap_or_default();
                self.tags.insert(key, tag);
            }
            Kept::Keys => {
                self.keys.insert(key, entry.value.into());
            }
            Kept::Set(at) => {
                self.sets[at].insert(key);
            }
            Kept::Count(at) => *self.counts[at].entry(key).or_default() += 1,
        }
    }

    /// Takes an entry out unless it has another value; one that counts, once less.
    pub(crate) fn forget(&mut self, entry: &Entry<'_>) {
        let Entry { index, key, value } = *entry;
        match kept(index) {
            Kept::Tags => {
                if self.tags.get(key).is_some_and(|tag| tag[..] == *value) {
                    self.tags.remove(key);
                }
            }
            Kept::Keys => {
                if self.keys.get(key).is_some_and(|found| **found == *value) {
                    self.keys.remove(key);
                }
            }
            Kept::Set(at) => {
                self.sets[at].remove(key);
            }
            Kept::Count(at) => match self.counts[at].get_mut(key) {
                Some(count) if *count > 1 => *count -= 1,
                _ => {
                    self.counts[at].remove(key);
                }
            },
        }
    }

    /// Takes in all entries of another, each in place of one with its key; counts are added.
    pub(crate) fn absorb(&mut self, newer: Self) {
        self.tags.extend(newer.tags);
        self.keys.extend(newer.keys);
        for (set, newer) in self.sets.iter_mut().zip(newer.sets) {
            set.extend(newer);
        }
        for (counts, newer) in self.counts.iter_mut().zip(newer.counts) {
            for (key, more) in newer {
                *counts.entry(key).or_default() += more;
            }
        }
    }
}

/// The first of a table from `key` on.
fn first<'t, V>(table: &'t BTreeMap<Short, V>, key: &[u8]) -> Option<(&'t [u8], &'t V)> {
    let range = (Bound::Included(key), Bound::Unbounded);
    let (key, value) = table.range::<[u8], _>(range).next()?;
    Some((key, value))
}

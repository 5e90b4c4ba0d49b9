//! Index entries that come and go in one transaction, put in order.
//!
//! LMDB is several times faster when neighbours come one after the other, and fastest when they
//! come behind everything that is there. So entries are collected, sorted, and applied index
//! by index.

use std::collections::BTreeMap;

use heed::{PutFlags, RwTxn};

use super::Table;
use crate::ahead::{STEPS_AHEAD, touch};
use crate::beginning::Beginning;
use crate::index::{Entry, Index, entries};
use crate::record::RecordView;

/// What changes in all indexes.
pub(super) struct IndexChanges {
    tables: [Changes; Index::ALL.len()],
    counts: BTreeMap<(Index, Vec<u8>), i64>,
    old: EntryList,
    new: EntryList,
    /// How many records changed, and how many records and leases came more than went.
    changed: u64,
    bindings: i64,
    leases: i64,
}

impl IndexChanges {
    pub(super) fn new() -> Self {
        Self {
            tables: Default::default(),
            counts: BTreeMap::new(),
            old: EntryList::default(),
            new: EntryList::default(),
            changed: 0,
            bindings: 0,
            leases: 0,
        }
    }

    /// How many records changed, and by how much there are more records and leases.
    pub(super) fn counted(&self) -> (u64, i64, i64) {
        (self.changed, self.bindings, self.leases)
    }

    /// A record came, went, or took another's place: notes the entries that differ.
    pub(super) fn note(&mut self, old: Option<&RecordView<'_>>, new: Option<&RecordView<'_>>) {
        self.count(old, -1);
        self.count(new, 1);
        self.changed += u64::from(old.is_some() || new.is_some());
        if let (None, Some(new)) = (old, new) {
            // Most of a bulk load: nothing to compare with.
            entries(new, &mut |entry| self.add(&entry, true));
            return;
        }
        let mut lists = [std::mem::take(&mut self.old), std::mem::take(&mut self.new)];
        for (list, record) in lists.iter_mut().zip([old, new]) {
            list.fill(record);
        }
        let [old, new] = lists;
        let (mut at, mut before) = (new.iter().peekable(), old.iter().peekable());
        loop {
            let order = match (before.peek(), at.peek()) {
                (Some(old), Some(new)) => old.cmp(new),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (None, None) => break,
            };
            // Entries of both stay as they are.
            let gone = before.next_if(|_| order.is_le());
            let come = at.next_if(|_| order.is_ge());
            match (gone, come) {
                (Some(entry), None) => self.add(&entry, false),
                (None, Some(entry)) => self.add(&entry, true),
                _ => {}
            }
        }
        drop((at, before));
        (self.old, self.new) = (old, new);
    }

    fn count(&mut self, record: Option<&RecordView<'_>>, sign: i64) {
        if let Some(record) = record {
            self.bindings += sign;
            // At most 65 535.
            self.leases += sign * i64::try_from(record.lease_count()).unwrap_or(0);
        }
    }

    fn add(&mut self, entry: &Entry<'_>, comes: bool) {
        if entry.index.counts() {
            let slot = (entry.index, entry.key.to_vec());
            *self.counts.entry(slot).or_default() += if comes { 1 } else { -1 };
        } else if let Some(table) = self.tables.get_mut(entry.index as usize) {
            table.add(entry, comes);
        }
    }

    /// Makes the changes.
    pub(super) fn apply(
        self,
        txn: &mut RwTxn<'_>,
        indexes: &[Table; Index::ALL.len()],
    ) -> Result<(), heed::Error> {
        for (changes, table) in self.tables.into_iter().zip(indexes) {
            changes.apply(txn, *table)?;
        }
        for ((index, key), delta) in self.counts {
            let table = indexes[index as usize];
            let before = table.get(txn, &key)?.and_then(|value| value.first_chunk());
            let before = before.map_or(0, |value| u64::from_be_bytes(*value));
            match before.saturating_add_signed(delta) {
                0 => {
                    table.delete(txn, &key)?;
                }
                after => table.put(txn, &key, &after.to_be_bytes())?,
            }
        }
        Ok(())
    }
}

/// The entries of one record, sorted.
#[derive(Default)]
struct EntryList {
    octets: Vec<u8>,
    spans: Vec<(Index, usize, usize, usize)>,
}

impl EntryList {
    fn fill(&mut self, record: Option<&RecordView<'_>>) {
        self.octets.clear();
        self.spans.clear();
        let Some(record) = record else { return };
        entries(record, &mut |entry| {
            let key = self.octets.len();
            let value = key + entry.key.len();
            self.octets.extend_from_slice(entry.key);
            self.octets.extend_from_slice(entry.value);
            self.spans
                .push((entry.index, key, value, self.octets.len()));
        });
        let octets = &self.octets;
        self.spans
            .sort_unstable_by_key(|&span| Self::entry(octets, span));
    }

    fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        self.spans
            .iter()
            .map(|&span| Self::entry(&self.octets, span))
    }

    fn entry(octets: &[u8], span: (Index, usize, usize, usize)) -> Entry<'_> {
        let (index, key, value, end) = span;
        Entry {
            index,
            key: octets.get(key..value).unwrap_or_default(),
            value: octets.get(value..end).unwrap_or_default(),
        }
    }
}

/// What changes in one index.
#[derive(Default)]
struct Changes {
    octets: Vec<u8>,
    items: Vec<Item>,
}

/// An entry in `octets`; the beginning of its key lies here so that sorting need not look there.
#[derive(Clone, Copy)]
struct Item {
    beginning: Beginning,
    at: usize,
    key_len: u8,
    value_len: u8,
    comes: bool,
}

impl Changes {
    fn add(&mut self, entry: &Entry<'_>, comes: bool) {
        // Index keys have at most 150 octets and values at most 142.
        let octet = |len: usize| u8::try_from(len).unwrap_or(u8::MAX);
        self.items.push(Item {
            beginning: Beginning::of(entry.key),
            key_len: octet(entry.key.len()),
            value_len: octet(entry.value.len()),
            comes,
            at: self.octets.len(),
        });
        self.octets.extend_from_slice(entry.key);
        self.octets.extend_from_slice(entry.value);
    }

    fn key(&self, item: &Item) -> &[u8] {
        let end = item.at + usize::from(item.key_len);
        self.octets.get(item.at..end).unwrap_or_default()
    }

    fn value(&self, item: &Item) -> &[u8] {
        let start = item.at + usize::from(item.key_len);
        let end = start + usize::from(item.value_len);
        self.octets.get(start..end).unwrap_or_default()
    }

    fn apply(mut self, txn: &mut RwTxn<'_>, table: Table) -> Result<(), heed::Error> {
        let mut items = std::mem::take(&mut self.items);
        // Stable: what was collected in order, as most is, takes one look.
        items.sort_by(|a, b| {
            let beginnings = a.beginning.cmp(&b.beginning);
            beginnings
                .then_with(|| self.key(a).cmp(self.key(b)))
                .then_with(|| a.comes.cmp(&b.comes))
        });
        let mut last = table.last(txn)?.map(|(key, _)| key.to_vec());
        for (at, item) in items.iter().enumerate() {
            if let Some(later) = items.get(at + STEPS_AHEAD) {
                touch(self.key(later));
            }
            let key = self.key(item);
            if item.comes {
                let is_behind = last.as_deref().is_none_or(|last| last < key);
                if is_behind {
                    table.put_with_flags(txn, PutFlags::APPEND, key, self.value(item))?;
                    let last = last.get_or_insert_default();
                    last.clear();
                    last.extend_from_slice(key);
                } else {
                    table.put(txn, key, self.value(item))?;
                }
                continue;
            }
            // A lease that moves goes from one record and comes to another.
            let comes_again = items
                .get(at + 1)
                .is_some_and(|next| next.comes && self.key(next) == key);
            if !comes_again {
                table.delete(txn, key)?;
            }
        }
        Ok(())
    }
}

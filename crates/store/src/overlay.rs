//! What changed since the last checkpoint, in memory.
//!
//! A key in an overlay shadows all that older layers say of that key, removed ones
//! included. So an index hit of an older layer counts only if no newer layer has its key.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::index::{Table, entries, record_key};
use crate::record::Record;

/// One layer of changes.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    records: BTreeMap<Vec<u8>, Option<Record>>,
    index: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    octets: usize,
}

/// Octets a change takes in memory beside its record: keys, tree nodes, index entries.
const OVERHEAD_OCTETS: usize = 1024;

impl Overlay {
    /// The record with `key` now is `record`, or is gone.
    pub(crate) fn set(&mut self, key: Vec<u8>, record: Option<Record>) {
        if let Some(Some(old)) = self.records.get(&key) {
            for entry in entries(&old.view()) {
                // A lease that moved may already stand for its new holder, and others may need
                // to be found by the relay's link.
                let place = (entry.table, entry.key);
                if place.0 != Table::RelayLink && self.index.get(&place) == Some(&entry.value) {
                    self.index.remove(&place);
                }
            }
        }
        if let Some(record) = &record {
            self.octets += record.octets().len();
            for entry in entries(&record.view()) {
                self.index.insert((entry.table, entry.key), entry.value);
            }
        }
        self.octets += OVERHEAD_OCTETS;
        self.records.insert(key, record);
    }

    /// What this layer says of `key`: nothing, that it is gone, or its record.
    pub(crate) fn get(&self, key: &[u8]) -> Option<&Option<Record>> {
        self.records.get(key)
    }

    /// What this layer says of the keys from `from` up to and without `to`.
    pub(crate) fn range<'a>(
        &'a self,
        from: &[u8],
        to: Option<&[u8]>,
    ) -> impl Iterator<Item = (&'a [u8], &'a Option<Record>)> + use<'a> {
        let empty = to.is_some_and(|to| to <= from);
        let to = if empty { Some(from) } else { to };
        let bounds: (Bound<&[u8]>, Bound<&[u8]>) = (
            Bound::Included(from),
            to.map_or(Bound::Unbounded, Bound::Excluded),
        );
        self.records
            .range::<[u8], _>(bounds)
            .map(|(key, record)| (key.as_slice(), record))
    }

    /// Entries of `table` from `from` on that begin with `prefix`: entry key and value.
    pub(crate) fn entries<'a>(
        &'a self,
        table: Table,
        from: &[u8],
        prefix: &'a [u8],
    ) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        self.index
            .range((table, from.to_vec())..)
            .take_while(move |((found, key), _)| *found == table && key.starts_with(prefix))
            .map(|((_, key), value)| (key.as_slice(), value.as_slice()))
    }

    /// Record keys that entries of `table` from `from` on with `prefix` stand for.
    pub(crate) fn hits<'a>(
        &'a self,
        table: Table,
        from: &[u8],
        prefix: &'a [u8],
    ) -> impl Iterator<Item = Vec<u8>> + use<'a> {
        self.entries(table, from, prefix)
            .filter_map(move |(key, value)| record_key(table, key, value))
    }

    /// Changed keys.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Memory taken, roughly, in octets; counts what was replaced too.
    pub(crate) fn octets(&self) -> usize {
        self.octets
    }

    /// All changes, taken out.
    pub(crate) fn into_changes(self) -> impl Iterator<Item = (Vec<u8>, Option<Record>)> {
        self.records.into_iter()
    }

    /// All changes in the order of their keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Vec<u8>, &Option<Record>)> {
        self.records.iter()
    }
}

//! Is everything as it should be?

use std::collections::BTreeMap;
use std::fmt::Display;

use super::read::Reader;
use super::{DATA_FILE, Ledger, corrupt};
use crate::block::BlockView;
use crate::index::{Entry, Index, entries};
use crate::lease_store::StoreError;
use crate::record::RecordView;

impl Ledger {
    /// Walks all blocks and indexes; returns how many records there are, or the first thing
    /// wrong.
    ///
    /// Every record's entries are looked up in the indexes; since each entry is told by one
    /// record only, and there are as many as were looked up, none is too many either.
    pub(crate) fn verify(&self) -> Result<u64, StoreError> {
        let reader = self.read()?;
        let mut census = Census::default();
        let mut end: Option<Vec<u8>> = None;
        for block in reader.blocks()? {
            let (bound, octets) = block?;
            let damaged = |what: &dyn Display| self.damaged(bound, what);
            let block = BlockView::open_checked(octets).map_err(|error| damaged(&error))?;
            block.check().map_err(|error| damaged(&error))?;
            if block.key(0) < bound || end.as_deref().is_some_and(|end| end >= bound) {
                return Err(damaged(&"its records do not belong where it stands"));
            }
            end = Some(block.key(block.len() - 1).to_vec());
            for at in 0..block.len() {
                if let Some(record) = block.get(at) {
                    census
                        .take(&reader, &record)
                        .map_err(|what| damaged(&what))?;
                }
            }
        }
        self.compare(&reader, &census)?;
        Ok(census.bindings)
    }

    fn compare(&self, reader: &Reader<'_>, census: &Census) -> Result<(), StoreError> {
        let wrong = |what: String| Err(corrupt(&self.dir.join(DATA_FILE), what));
        let meta = reader.meta()?;
        let (bindings, leases) = (census.bindings, census.leases);
        if (meta.bindings, meta.leases) != (bindings, leases) {
            return wrong(format!(
                "it says {} bindings and {} leases and has {bindings} and {leases}",
                meta.bindings, meta.leases
            ));
        }
        for index in Index::ALL {
            let has = reader.len(index)?;
            let should = census.entries.get(&index).copied().unwrap_or(0);
            if has != should {
                return wrong(format!(
                    "its index {} has {has} entries and should have {should}",
                    index.name()
                ));
            }
        }
        for ((index, key), should) in &census.counts {
            let has = reader.find(*index, key)?;
            if has != Some(&should.to_be_bytes()) {
                return wrong(format!("its index {} counts wrong", index.name()));
            }
        }
        Ok(())
    }
}

/// What the records come to.
#[derive(Default)]
struct Census {
    bindings: u64,
    leases: u64,
    /// How many entries each index should have.
    entries: BTreeMap<Index, u64>,
    /// What counting entries should say.
    counts: BTreeMap<(Index, Vec<u8>), u64>,
}

impl Census {
    fn take(&mut self, reader: &Reader<'_>, record: &RecordView<'_>) -> Result<(), String> {
        self.bindings += 1;
        self.leases += record.lease_count() as u64;
        let mut wrong = None;
        entries(record, &mut |entry| {
            if entry.index.counts() {
                let count = self.counts.entry((entry.index, entry.key.to_vec()));
                let count = count.or_default();
                *count += 1;
                *self.entries.entry(entry.index).or_default() += u64::from(*count == 1);
                return;
            }
            *self.entries.entry(entry.index).or_default() += 1;
            wrong = wrong.take().or_else(|| look_up(reader, &entry));
        });
        wrong.map_or(Ok(()), Err)
    }
}

/// What is wrong with an entry in its index.
fn look_up(reader: &Reader<'_>, entry: &Entry<'_>) -> Option<String> {
    let name = entry.index.name();
    match reader.find(entry.index, entry.key) {
        Ok(Some(value)) if value == entry.value => None,
        Ok(Some(_)) => Some(format!("index {name} says another of a record")),
        Ok(None) => Some(format!("index {name} lacks a record")),
        Err(error) => Some(error.to_string()),
    }
}

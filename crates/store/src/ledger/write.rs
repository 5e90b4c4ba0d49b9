//! Applying changes to the ledger: one transaction, synced, all or nothing.

use std::ops::Bound;

use heed::RwTxn;

use super::block::{BLOCK_OCTETS, Block, FIXED_OCTETS, compose, cost};
use super::{Applied, Counts, Ledger, META_BINDINGS, META_LEASES, META_LOGGED, META_SEQ, failed};
use crate::index::{Entry, Table, entries};
use crate::lease_store::StoreError;
use crate::record::Record;

/// A change of one key: its record, or that it is gone.
pub(crate) type Change = (Vec<u8>, Option<Record>);

impl Ledger {
    /// Applies `changes`, in order of their keys and each key once; the ledger then holds
    /// every change up to `applied`. Durable on return; on an error nothing has changed.
    pub(crate) fn apply(&self, changes: &[Change], applied: Applied) -> Result<(), StoreError> {
        let mut txn = self
            .env
            .write_txn()
            .map_err(|e| failed(&self.dir, "begin a checkpoint", &e))?;
        let mut applying = Applying {
            counts: self.read()?.counts()?,
            ledger: self,
            gone: Vec::new(),
            new: Vec::new(),
        };
        let mut rest = changes;
        while !rest.is_empty() {
            rest = applying.blocks(&mut txn, rest)?;
        }
        applying.indexes(&mut txn)?;
        let mut counts = applying.counts;
        counts.applied = applied;
        self.write_counts(&mut txn, counts)?;
        txn.commit()
            .map_err(|e| failed(&self.dir, "write a checkpoint; is the disk full?", &e))
    }

    fn write_counts(&self, txn: &mut RwTxn<'_>, counts: Counts) -> Result<(), StoreError> {
        let numbers = [
            (META_SEQ, counts.applied.seq),
            (META_LOGGED, counts.applied.logged),
            (META_BINDINGS, counts.bindings),
            (META_LEASES, counts.leases),
        ];
        for (key, number) in numbers {
            self.meta
                .put(txn, key, &number.to_le_bytes())
                .map_err(|e| failed(&self.dir, "write a count", &e))?;
        }
        Ok(())
    }
}

/// One transaction's work.
struct Applying<'l> {
    ledger: &'l Ledger,
    counts: Counts,
    gone: Vec<Entry>,
    new: Vec<Entry>,
}

impl Applying<'_> {
    /// Applies the changes that belong to the next block, returns the others.
    fn blocks<'c>(
        &mut self,
        txn: &mut RwTxn<'_>,
        changes: &'c [Change],
    ) -> Result<&'c [Change], StoreError> {
        let Some((first, _)) = changes.first() else {
            return Ok(changes);
        };
        let (mut old_keys, mut old, mut upper) = self.block_of(txn, first)?;
        let mine = upper.as_ref().map_or(changes.len(), |upper| {
            changes.partition_point(|(key, _)| key < upper)
        });
        let (mine, rest) = changes.split_at(mine);
        let mut records = self.merge(old, mine);

        // What has become small takes its neighbour in, unless changes wait there.
        let octets = records.iter().map(cost).sum::<usize>();
        if octets < BLOCK_OCTETS / 3
            && let Some(next) = upper.take()
        {
            let following = self.next_key(txn, &next)?;
            let waiting = rest
                .first()
                .is_some_and(|(key, _)| following.as_ref().is_none_or(|following| key < following));
            if !waiting {
                old = self.read_block(txn, &next)?;
                records.extend(old);
                old_keys.push(next);
            }
        }
        self.replace(txn, &old_keys, &records)?;
        Ok(rest)
    }

    /// The block in which `key` stands or would stand: its own key, its records, and the
    /// key of the block behind it.
    #[allow(clippy::type_complexity)]
    fn block_of(
        &self,
        txn: &RwTxn<'_>,
        key: &[u8],
    ) -> Result<(Vec<Vec<u8>>, Vec<Record>, Option<Vec<u8>>), StoreError> {
        let fail = |e| failed(&self.ledger.dir, "find a block", &e);
        let blocks = self.ledger.blocks;
        let mut found = blocks.get_lower_than_or_equal_to(txn, key).map_err(fail)?;
        if found.is_none() {
            found = blocks.get_greater_than(txn, key).map_err(fail)?;
        }
        let Some((own, _)) = found else {
            return Ok((Vec::new(), Vec::new(), None));
        };
        let own = own.to_vec();
        let records = self.read_block(txn, &own)?;
        let upper = self.next_key(txn, &own)?;
        Ok((vec![own], records, upper))
    }

    fn next_key(&self, txn: &RwTxn<'_>, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let next = self.ledger.blocks.get_greater_than(txn, key);
        let next = next.map_err(|e| failed(&self.ledger.dir, "find a block", &e))?;
        Ok(next.map(|(key, _)| key.to_vec()))
    }

    fn read_block(&self, txn: &RwTxn<'_>, key: &[u8]) -> Result<Vec<Record>, StoreError> {
        let octets = self.ledger.blocks.get(txn, key);
        let octets = octets
            .map_err(|e| failed(&self.ledger.dir, "read a block", &e))?
            .unwrap_or_default();
        let block = Block::verified(octets).map_err(|what| self.ledger.damaged(key, what))?;
        Ok((0..block.len())
            .filter_map(|index| block.get(index))
            .map(|view| Record::from_view(&view))
            .collect())
    }

    /// The records of a block with the changes in their places; notes the index entries.
    fn merge(&mut self, old: Vec<Record>, changes: &[Change]) -> Vec<Record> {
        let mut merged = Vec::with_capacity(old.len() + changes.len());
        let mut old = old.into_iter().peekable();
        for (key, change) in changes {
            while let Some(before) = old.next_if(|record| record.view().key() < key.as_slice()) {
                merged.push(before);
            }
            let former = old.next_if(|record| record.view().key() == key.as_slice());
            self.note(former.as_ref(), change.as_ref());
            merged.extend(change.clone());
        }
        merged.extend(old);
        merged
    }

    /// Notes what the change of one record means for counts and indexes.
    fn note(&mut self, former: Option<&Record>, record: Option<&Record>) {
        let mut old = Vec::new();
        if let Some(former) = former {
            old = entries(&former.view());
            self.counts.bindings = self.counts.bindings.saturating_sub(1);
            self.counts.leases = self
                .counts
                .leases
                .saturating_sub(former.view().leases().count() as u64);
        }
        let mut new = Vec::new();
        if let Some(record) = record {
            new = entries(&record.view());
            self.counts.bindings += 1;
            self.counts.leases += record.view().leases().count() as u64;
        }
        // Both are in order; a renewal leaves all but a few entries as they are.
        let is_kept =
            |entry: &Entry| entry.table == Table::RelayLink || new.binary_search(entry).is_ok();
        self.gone
            .extend(old.iter().filter(|entry| !is_kept(entry)).cloned());
        self.new.extend(
            new.iter()
                .filter(|entry| old.binary_search(entry).is_err())
                .cloned(),
        );
    }

    /// Writes `records` in blocks of even fill in place of the blocks `old`.
    fn replace(
        &self,
        txn: &mut RwTxn<'_>,
        old: &[Vec<u8>],
        records: &[Record],
    ) -> Result<(), StoreError> {
        let fail = |e| failed(&self.ledger.dir, "write a block", &e);
        for key in old {
            self.ledger.blocks.delete(txn, key).map_err(fail)?;
        }
        let total = records.iter().map(cost).sum::<usize>();
        let room = BLOCK_OCTETS - FIXED_OCTETS;
        let even = total.div_ceil(total.div_ceil(room).max(1));
        let mut rest = records;
        while let Some(first) = rest.first() {
            let mut octets = cost(first);
            let mut count = 1;
            while let Some(next) = rest.get(count) {
                if octets >= even || octets + cost(next) > room {
                    break;
                }
                octets += cost(next);
                count += 1;
            }
            let (block, others) = rest.split_at(count);
            self.ledger
                .blocks
                .put(txn, first.view().key(), &compose(block))
                .map_err(fail)?;
            rest = others;
        }
        Ok(())
    }

    /// Brings the index tables up to date, in their order, so that each page is touched once.
    fn indexes(&mut self, txn: &mut RwTxn<'_>) -> Result<(), StoreError> {
        let fail = |e| failed(&self.ledger.dir, "write an index", &e);
        self.gone.sort_unstable();
        for entry in &self.gone {
            // A lease that moved may already stand for its new holder.
            let table = self.ledger.table(entry.table);
            let found = table.get(txn, &entry.key).map_err(fail)?;
            if found == Some(entry.value.as_slice()) {
                table.delete(txn, &entry.key).map_err(fail)?;
            }
        }
        self.new.sort_unstable();
        self.new.dedup();
        for entry in &self.new {
            self.ledger
                .table(entry.table)
                .put(txn, &entry.key, &entry.value)
                .map_err(fail)?;
        }
        Ok(())
    }
}

impl Ledger {
    fn damaged(&self, key: &[u8], what: &str) -> StoreError {
        let key: String = key.iter().map(|octet| format!("{octet:02x}")).collect();
        StoreError::Ledger {
            path: self.dir.clone(),
            action: "read a block",
            reason: format!(
                "the block at key {key} is damaged: {what}; restore the data directory, or export what can be read"
            ),
        }
    }

    /// Checks every block and that index entries and records agree, both ways.
    /// Returns how many records there are.
    pub(crate) fn verify(&self) -> Result<u64, StoreError> {
        let txn = self
            .env
            .read_txn()
            .map_err(|e| failed(&self.dir, "begin reading", &e))?;
        let fail = |e| failed(&self.dir, "verify", &e);
        let mut bindings = 0;
        let mut expected = vec![0u64; self.tables.len()];
        let whole = (Bound::<&[u8]>::Unbounded, Bound::Unbounded);
        let mut before: Vec<u8> = Vec::new();
        for item in self.blocks.range(&txn, &whole).map_err(fail)? {
            let (key, octets) = item.map_err(fail)?;
            let block = Block::verified(octets).map_err(|what| self.damaged(key, what))?;
            if block.key(0) != key || before.as_slice() >= key {
                return Err(self.damaged(key, "stands in the wrong place"));
            }
            for view in (0..block.len()).filter_map(|index| block.get(index)) {
                bindings += 1;
                before = view.key().to_vec();
                for entry in entries(&view) {
                    expected[entry.table as usize] += 1;
                    let found = self
                        .table(entry.table)
                        .get(&txn, &entry.key)
                        .map_err(fail)?;
                    if found != Some(entry.value.as_slice()) {
                        return Err(self.damaged(key, entry.table.name()));
                    }
                }
            }
        }
        for table in Table::ALL {
            let count = self.table(table).len(&txn).map_err(fail)?;
            if table != Table::RelayLink && count != expected[table as usize] {
                return Err(StoreError::Ledger {
                    path: self.dir.clone(),
                    action: "verify",
                    reason: format!(
                        "index {} has {count} entries, records have {}",
                        table.name(),
                        expected[table as usize]
                    ),
                });
            }
        }
        Ok(bindings)
    }
}

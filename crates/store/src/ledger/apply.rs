//! A checkpoint's transaction.

use heed::RwTxn;

use super::batch::IndexChanges;
use super::rewrite::rewrite;
use super::{Ledger, Meta, meta};
use crate::lease_store::StoreError;
use crate::overlay::Shadow;

/// Changes that are ready to become what the ledger says. Dropped, they never were.
pub(crate) struct Applied<'l> {
    ledger: &'l Ledger,
    txn: RwTxn<'l>,
    meta: Meta,
    changed: u64,
}

impl Ledger {
    /// Prepares to let the ledger say what `shadows` say, which come in the order of their
    /// keys, and to hold every change up to `applied_seq`.
    ///
    /// A record that says the same as the one that is there is left alone, number and all.
    pub(crate) fn apply<'c>(
        &self,
        shadows: impl Iterator<Item = Shadow<'c>>,
        applied_seq: u64,
    ) -> Result<Applied<'_>, StoreError> {
        let txn = self.env.write_txn();
        let mut txn = txn.map_err(|error| self.fail("begin a checkpoint", &error))?;
        let mut indexes = IndexChanges::new();
        rewrite(self, &mut txn, shadows, &mut indexes)?;
        let (changed, bindings, leases) = indexes.counted();
        indexes
            .apply(&mut txn, &self.indexes)
            .map_err(|error| self.fail("change its indexes", &error))?;
        let before = self.meta_in(&txn)?;
        let meta = Meta {
            book: before.book,
            applied_seq,
            bindings: before.bindings.saturating_add_signed(bindings),
            leases: before.leases.saturating_add_signed(leases),
        };
        self.meta
            .put(&mut txn, meta::KEY, meta.octets().as_slice())
            .map_err(|error| self.fail("change what it says", &error))?;
        Ok(Applied {
            ledger: self,
            txn,
            meta,
            changed,
        })
    }
}

impl Applied<'_> {
    /// How many records came, went, or are others.
    pub(crate) fn changed(&self) -> u64 {
        self.changed
    }

    /// Makes it so; returns when it is on stable storage. On an error the ledger is as it was.
    pub(crate) fn commit(self) -> Result<Meta, StoreError> {
        let committed = self.txn.commit();
        // However it went: what is read from now on is what is there now.
        self.ledger.readers.changed();
        committed.map_err(|error| self.ledger.fail("sync a checkpoint", &error))?;
        Ok(self.meta)
    }
}

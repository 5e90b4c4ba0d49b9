//! Looking up and walking in a read transaction.

use std::ops::Bound;

use heed::RoRange;
use heed::types::Bytes;

use super::readers::Txn;
use super::{Ledger, Meta};
use crate::block::BlockView;
use crate::index::{Found, Index};
use crate::lease_store::StoreError;
use crate::record::RecordView;

/// The ledger at one moment. Short-lived: pages that it sees are not used again meanwhile.
pub(crate) struct Reader<'l> {
    ledger: &'l Ledger,
    /// Taken out when this is dropped, and not before.
    txn: Option<Txn>,
    generation: u64,
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        if let Some(txn) = self.txn.take() {
            self.ledger.readers.give_back(txn, self.generation);
        }
    }
}

impl<'l> Reader<'l> {
    pub(super) fn new(ledger: &'l Ledger, txn: Txn, generation: u64) -> Self {
        Self {
            ledger,
            txn: Some(txn),
            generation,
        }
    }

    fn txn(&self) -> &Txn {
        match &self.txn {
            Some(txn) => txn,
            None => unreachable!("a reader that is being dropped"),
        }
    }

    pub(crate) fn meta(&self) -> Result<Meta, StoreError> {
        self.ledger.meta_in(self.txn())
    }

    /// The record with just this key.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<RecordView<'_>>, StoreError> {
        let Some((bound, octets)) = self.block_at(key)? else {
            return Ok(None);
        };
        Ok(self.open(bound, octets)?.find(key))
    }

    /// The value of an index entry.
    pub(crate) fn find(&self, index: Index, key: &[u8]) -> Result<Option<&[u8]>, StoreError> {
        let found = self.ledger.index(index).get(self.txn(), key);
        found.map_err(|error| self.ledger.fail("look up", &error))
    }

    /// The first index entry from `key` on.
    pub(crate) fn next(&self, index: Index, key: &[u8]) -> Result<Option<Found<'_>>, StoreError> {
        let table = self.ledger.index(index);
        // LMDB takes no empty keys, and the only key before this one is empty.
        let key = if key.is_empty() { &[0] } else { key };
        let found = table.get_greater_than_or_equal_to(self.txn(), key);
        found.map_err(|error| self.ledger.fail("look up", &error))
    }

    /// How many entries an index has.
    pub(super) fn len(&self, index: Index) -> Result<u64, StoreError> {
        let len = self.ledger.index(index).len(self.txn());
        len.map_err(|error| self.ledger.fail("count", &error))
    }

    /// All blocks, each with its bound.
    pub(super) fn blocks(
        &self,
    ) -> Result<impl Iterator<Item = Result<Found<'_>, StoreError>>, StoreError> {
        let fail = |error| self.ledger.fail("walk the blocks", &error);
        let blocks = self.ledger.blocks.iter(self.txn()).map_err(fail)?;
        Ok(blocks.map(move |block| block.map_err(fail)))
    }

    fn block_at(&self, key: &[u8]) -> Result<Option<Found<'_>>, StoreError> {
        // LMDB takes no empty keys; no record has one, so nothing is at or before it.
        if key.is_empty() {
            return Ok(None);
        }
        let found = self
            .ledger
            .blocks
            .get_lower_than_or_equal_to(self.txn(), key);
        found.map_err(|error| self.ledger.fail("find a block", &error))
    }

    fn open<'t>(&self, bound: &[u8], octets: &'t [u8]) -> Result<BlockView<'t>, StoreError> {
        BlockView::open(octets).map_err(|error| self.ledger.damaged(bound, &error))
    }
}

/// Goes through the blocks in order.
pub(crate) struct Walk<'t> {
    reader: &'t Reader<'t>,
    range: Option<RoRange<'t, Bytes, Bytes>>,
    upcoming: Option<Found<'t>>,
}

/// A stretch of keys with the block that holds what the ledger has there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'t> {
    /// None where the ledger has nothing.
    pub(crate) block: Option<BlockView<'t>>,
    /// Where the next piece begins; none if this is the last.
    pub(crate) end: Option<&'t [u8]>,
}

impl<'t> Walk<'t> {
    pub(crate) fn new(reader: &'t Reader<'t>) -> Self {
        Self {
            reader,
            range: None,
            upcoming: None,
        }
    }

    /// The piece that `key` is in.
    pub(crate) fn seek(&mut self, key: &[u8]) -> Result<Piece<'t>, StoreError> {
        let ledger = self.reader.ledger;
        let at = self.reader.block_at(key)?;
        let from = at.map_or(key, |(bound, _)| bound);
        let from = if from.is_empty() {
            Bound::Unbounded
        } else {
            Bound::Included(from)
        };
        let range = ledger
            .blocks
            .range(self.reader.txn(), &(from, Bound::Unbounded));
        self.range = Some(range.map_err(|error| ledger.fail("walk the blocks", &error))?);
        self.step()?;
        if at.is_some() {
            return self.next();
        }
        Ok(Piece {
            block: None,
            end: self.upcoming.map(|(bound, _)| bound),
        })
    }

    /// The piece behind the last one given, which had an end.
    pub(crate) fn next(&mut self) -> Result<Piece<'t>, StoreError> {
        let current = self.upcoming;
        self.step()?;
        let block = match current {
            Some((bound, octets)) => Some(self.reader.open(bound, octets)?),
            None => None,
        };
        Ok(Piece {
            block,
            end: self.upcoming.map(|(bound, _)| bound),
        })
    }

    fn step(&mut self) -> Result<(), StoreError> {
        let next = self.range.as_mut().and_then(Iterator::next).transpose();
        self.upcoming = next.map_err(|error| self.reader.ledger.fail("walk the blocks", &error))?;
        Ok(())
    }
}

//! Merging changes into blocks.
//!
//! A block is kept under its *bound*: the lowest key it may hold. It holds the keys up to the
//! next block's bound. Changes come in order of keys; each block that one of them falls into is
//! taken out, merged with all changes in its stretch, and written as one block or several.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::iter::Peekable;
use std::ops::Bound;

use heed::{PutFlags, RwTxn};

use super::batch::IndexChanges;
use super::{Ledger, Table};
use crate::block::{BLOCK_CAPACITY, BlockBuilder, BlockView, record_octets};
use crate::lease_store::StoreError;
use crate::overlay::Shadow;
use crate::record::{RecordView, Records};

/// A block with less than this is joined with the next one if both fit into one with room left.
const SMALL_OCTETS: usize = BLOCK_CAPACITY / 4;
const JOINED_OCTETS: usize = BLOCK_CAPACITY / 4 * 3;

/// A block as it was, and where its stretch ends.
struct Taken {
    bound: Vec<u8>,
    octets: Vec<u8>,
    /// The bound of the next block.
    until: Option<Vec<u8>>,
}

/// Makes `shadows`, which come in the order of their keys, what the blocks say, and notes in
/// `indexes` what that changes there.
pub(super) fn rewrite<'c>(
    ledger: &Ledger,
    txn: &mut RwTxn<'_>,
    shadows: impl Iterator<Item = Shadow<'c>>,
    indexes: &mut IndexChanges,
) -> Result<(), StoreError> {
    let fail = |error: heed::Error| ledger.fail("rewrite a block", &error);
    let mut shadows = shadows.peekable();
    let mut out = Output::new(ledger.blocks, txn).map_err(fail)?;
    // Records that go on into the next block, and room for those after them.
    let (mut carried, mut carried_next) = (Records::default(), Records::default());
    while let Some(&(key, _)) = shadows.peek() {
        let mut taken = take(ledger.blocks, out.txn, key).map_err(fail)?;
        out.bound = taken.as_ref().map(|taken| taken.bound.clone());
        carried.clear();
        loop {
            out.taken
                .extend(taken.as_ref().map(|taken| taken.bound.clone()));
            let mut packer = Packer::new(&mut out);
            for number in 0..carried.len() {
                packer.push(carried.get(number)).map_err(fail)?;
            }
            let changed = merge(ledger, taken.as_ref(), &mut shadows, &mut packer, indexes)?;
            if !changed && carried.len() == 0 && packer.is_first {
                // All of it says the same as before: the block may stay as it is.
                out.taken.pop_back();
                break;
            }
            let until = taken.as_ref().and_then(|taken| taken.until.as_deref());
            let next_change = shadows.peek().map(|(key, _)| *key);
            let next = match until {
                Some(until) => packer.take_next(until, next_change).map_err(fail)?,
                None => None,
            };
            if next.is_none() {
                packer.finish().map_err(fail)?;
                break;
            }
            carried_next.clear();
            for record in &packer.pending {
                carried_next.push_view(record);
            }
            std::mem::swap(&mut carried, &mut carried_next);
            taken = next;
        }
        out.delete_taken().map_err(fail)?;
    }
    Ok(())
}

/// One stretch: what the block has and what changes there, in order, into `packer`. Returns
/// whether anything does.
fn merge<'v, 'c: 'v>(
    ledger: &Ledger,
    taken: Option<&'v Taken>,
    shadows: &mut Peekable<impl Iterator<Item = Shadow<'c>>>,
    packer: &mut Packer<'v, '_, '_, '_>,
    indexes: &mut IndexChanges,
) -> Result<bool, StoreError> {
    let fail = |error: heed::Error| ledger.fail("rewrite a block", &error);
    let mut changed = false;
    let block = taken.map(|taken| {
        BlockView::open_checked(&taken.octets).map_err(|error| ledger.damaged(&taken.bound, &error))
    });
    let block = block.transpose()?;
    let until = taken.and_then(|taken| taken.until.as_deref());
    let mut old = (0..block.map_or(0, |block| block.len()))
        .filter_map(|at| block.and_then(|block| block.get(at)))
        .peekable();
    while let Some((key, new)) = shadows.next_if(|(key, _)| until.is_none_or(|until| *key < until))
    {
        while let Some(kept) = old.next_if(|old| old.key() < key) {
            packer.push(kept).map_err(fail)?;
        }
        let replaced = old.next_if(|old| old.key() == key);
        let kept = replaced.filter(|old| new.is_some_and(|new| new.says_the_same(old)));
        // Taking away what is not there is no change either.
        if kept.is_none() && (replaced.is_some() || new.is_some()) {
            changed = true;
            indexes.note(replaced.as_ref(), new.as_ref());
        }
        if let Some(record) = kept.or(new) {
            packer.push(record).map_err(fail)?;
        }
    }
    for kept in old {
        packer.push(kept).map_err(fail)?;
    }
    Ok(changed)
}

/// The block that `key` falls into; none if there is no block at all.
fn take(blocks: Table, txn: &RwTxn<'_>, key: &[u8]) -> Result<Option<Taken>, heed::Error> {
    let found = match blocks.get_lower_than_or_equal_to(txn, key)? {
        // Below every bound: the first block's stretch begins where it is needed.
        None => blocks.first(txn)?,
        found => found,
    };
    found
        .map(|(bound, octets)| take_out(blocks, txn, bound, octets))
        .transpose()
}

fn take_out(
    blocks: Table,
    txn: &RwTxn<'_>,
    bound: &[u8],
    octets: &[u8],
) -> Result<Taken, heed::Error> {
    let next = blocks.get_greater_than(txn, bound)?;
    Ok(Taken {
        bound: bound.to_vec(),
        octets: octets.to_vec(),
        until: next.map(|(bound, _)| bound.to_vec()),
    })
}

/// Where blocks are written.
struct Output<'x, 't> {
    blocks: Table,
    txn: &'x mut RwTxn<'t>,
    /// The highest bound of all, behind which blocks can be appended.
    last: Option<Vec<u8>>,
    /// What the next block's bound is at most.
    bound: Option<Vec<u8>>,
    /// Bounds of blocks that were taken and not written again yet, ascending.
    taken: VecDeque<Vec<u8>>,
    builder: BlockBuilder,
    octets: Vec<u8>,
}

impl<'x, 't> Output<'x, 't> {
    fn new(blocks: Table, txn: &'x mut RwTxn<'t>) -> Result<Self, heed::Error> {
        let last = blocks.last(txn)?.map(|(bound, _)| bound.to_vec());
        Ok(Self {
            blocks,
            txn,
            last,
            bound: None,
            taken: VecDeque::new(),
            builder: BlockBuilder::new(),
            octets: Vec::new(),
        })
    }

    /// Writes the block in the builder, whose first key is `first`.
    fn write(&mut self, first: &[u8]) -> Result<(), heed::Error> {
        self.builder.finish(&mut self.octets);
        // Keeping a bound saves taking it out of the tree.
        let kept = self.bound.take().filter(|bound| bound.as_slice() < first);
        let bound = kept.as_deref().unwrap_or(first);
        while let Some(taken) = self.taken.pop_front() {
            match taken.as_slice().cmp(bound) {
                Ordering::Less => self.delete(&taken)?,
                Ordering::Equal => break,
                Ordering::Greater => {
                    self.taken.push_front(taken);
                    break;
                }
            }
        }
        if self.last.as_deref().is_none_or(|last| last < bound) {
            let flags = PutFlags::APPEND;
            self.blocks
                .put_with_flags(self.txn, flags, bound, &self.octets)?;
            self.last = Some(bound.to_vec());
            return Ok(());
        }
        self.blocks.put(self.txn, bound, &self.octets)
    }

    fn delete_taken(&mut self) -> Result<(), heed::Error> {
        while let Some(taken) = self.taken.pop_front() {
            self.delete(&taken)?;
        }
        Ok(())
    }

    fn delete(&mut self, bound: &[u8]) -> Result<(), heed::Error> {
        self.blocks.delete(self.txn, bound)?;
        if self.last.as_deref() == Some(bound) {
            let last = self.blocks.last(self.txn)?;
            self.last = last.map(|(bound, _)| bound.to_vec());
        }
        Ok(())
    }
}

/// Packs the records of a stretch into blocks.
struct Packer<'v, 'o, 'x, 't> {
    out: &'o mut Output<'x, 't>,
    pending: Vec<RecordView<'v>>,
    pending_octets: usize,
    is_first: bool,
}

impl<'v, 'o, 'x, 't> Packer<'v, 'o, 'x, 't> {
    fn new(out: &'o mut Output<'x, 't>) -> Self {
        Self {
            out,
            pending: Vec::new(),
            pending_octets: 0,
            is_first: true,
        }
    }

    /// Adds a record; a block is written full when there is enough for another two.
    fn push(&mut self, record: RecordView<'v>) -> Result<(), heed::Error> {
        self.pending_octets += record_octets(&record);
        self.pending.push(record);
        if self.pending_octets > 3 * BLOCK_CAPACITY {
            self.write_one(BLOCK_CAPACITY)?;
        }
        Ok(())
    }

    /// Takes out the next block, which has the bound `until`, if what is pending should go on
    /// into it: because that is too little to stay alone, or because the next change is there,
    /// so that it is written anyway. So what many changes come to is packed full, and a change
    /// here and there moves no more than its block.
    fn take_next(
        &mut self,
        until: &[u8],
        next_change: Option<&[u8]>,
    ) -> Result<Option<Taken>, heed::Error> {
        if self.pending.is_empty() {
            return Ok(None);
        }
        let (blocks, txn) = (self.out.blocks, &*self.out.txn);
        let range = (Bound::Included(until), Bound::Unbounded);
        let mut following = blocks.range(txn, &range)?;
        let Some((_, octets)) = following.next().transpose()? else {
            return Ok(None);
        };
        let end = following.next().transpose()?.map(|(end, _)| end);
        drop(following);
        let is_small = self.is_first
            && self.pending_octets < SMALL_OCTETS
            && self.pending_octets + octets.len() <= JOINED_OCTETS;
        let is_changed = next_change.is_some_and(|change| end.is_none_or(|end| change < end));
        if !is_small && !is_changed {
            return Ok(None);
        }
        let next = Taken {
            bound: until.to_vec(),
            octets: octets.to_vec(),
            until: end.map(<[u8]>::to_vec),
        };
        while self.pending_octets > BLOCK_CAPACITY {
            self.write_one(BLOCK_CAPACITY)?;
        }
        Ok(Some(next))
    }

    /// Writes what is left, evenly, so that blocks have room for what comes between.
    fn finish(&mut self) -> Result<(), heed::Error> {
        while !self.pending.is_empty() {
            let blocks = self.pending_octets.div_ceil(BLOCK_CAPACITY - 64);
            self.write_one(self.pending_octets / blocks.max(1))?;
        }
        Ok(())
    }

    /// Writes one block of the first records, of about `wanted` octets if there are more.
    fn write_one(&mut self, wanted: usize) -> Result<(), heed::Error> {
        let mut count = 0;
        for record in &self.pending {
            let octets = record_octets(record);
            let enough = self.out.builder.octets() >= wanted && count > 0;
            if enough || !self.out.builder.has_room(octets) {
                break;
            }
            self.out.builder.push(record);
            self.pending_octets -= octets;
            count += 1;
        }
        let first = self.pending.first().map_or(&[][..], RecordView::key);
        self.out.write(first)?;
        self.pending.drain(..count);
        self.is_first = false;
        Ok(())
    }
}

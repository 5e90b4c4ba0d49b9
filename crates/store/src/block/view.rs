//! Reading blocks where they lie.

use super::{
    CRC_FROM, ENTRY_OCTETS, FLAG_RELAYS_AGREE, FLAG_REMOTES_AGREE, HEADER_OCTETS, MAGIC,
    PLACES_OCTETS,
};
use crate::record::{
    CorruptRecord, FLAG_MANY_IDS, HEAD_OCTETS, RecordView, size_at, u16_at, u32_at, u64_at,
};

/// A block, borrowed. Accessors are total: whatever the octets, they tell something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockView<'a> {
    octets: &'a [u8],
    count: usize,
}

/// Octets that are no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CorruptBlock {
    #[error("{octets} octets that do not begin as a block does")]
    NoBlock { octets: usize },
    #[error("the block says {said} octets and has {octets}")]
    Length { said: usize, octets: usize },
    #[error("the block's CRC is {said:08x}, its octets give {found:08x}")]
    Crc { said: u32, found: u32 },
    #[error("record {index}: {what}")]
    Record { index: usize, what: &'static str },
}

impl<'a> BlockView<'a> {
    /// Takes octets for a block if they begin as one and are as long as it says.
    #[inline]
    pub(crate) fn open(octets: &'a [u8]) -> Result<Self, CorruptBlock> {
        let count = usize::from(u16_at(octets, 2));
        let least = HEADER_OCTETS + count * ENTRY_OCTETS + PLACES_OCTETS;
        if octets.get(..2) != Some(&MAGIC) || octets.len() < least || count == 0 {
            return Err(CorruptBlock::NoBlock {
                octets: octets.len(),
            });
        }
        let said = size_at(octets, 8);
        if said != octets.len() {
            return Err(CorruptBlock::Length {
                said,
                octets: octets.len(),
            });
        }
        Ok(Self { octets, count })
    }

    /// Takes octets for a block after checking its CRC.
    pub(crate) fn open_checked(octets: &'a [u8]) -> Result<Self, CorruptBlock> {
        let block = Self::open(octets)?;
        let said = u32_at(octets, 4);
        let found = crc32c::crc32c(octets.get(CRC_FROM..).unwrap_or_default());
        if said != found {
            return Err(CorruptBlock::Crc { said, found });
        }
        Ok(block)
    }

    /// Checks everything that a builder lays down: places, order of keys, each record.
    pub(crate) fn check(&self) -> Result<(), CorruptBlock> {
        for index in 0..self.count {
            let wrong = |what| Err(CorruptBlock::Record { index, what });
            for field in 0..3 {
                if self.place(index, field) > self.place(index + 1, field) {
                    return wrong("its place is behind the next one's");
                }
            }
            if index > 0 && self.key(index - 1) >= self.key(index) {
                return wrong("its key is not above the one before");
            }
            let checked = self.get(index).map(|record| record.check());
            if let Some(Err(CorruptRecord { what, .. })) = checked {
                return wrong(what);
            }
        }
        Ok(())
    }

    /// How many records; at least one.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    #[inline]
    pub(crate) fn key(&self, index: usize) -> &'a [u8] {
        self.part(index, 0)
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<RecordView<'a>> {
        if index >= self.count {
            return None;
        }
        let head = self.head(index);
        let [key, frame, rest] = [0, 1, 2].map(|field| self.part(index, field));
        Some(RecordView::from_parts(head, key, frame, rest))
    }

    /// The entries of the records `from..to`: each its places, then its head.
    #[inline]
    pub(crate) fn entries(&self, from: usize, to: usize) -> &'a [u8] {
        self.octets
            .get(entry_at(from)..entry_at(to))
            .unwrap_or_default()
    }

    /// The frames of the records `from..to`, behind one another.
    #[inline]
    pub(crate) fn frames(&self, from: usize, to: usize) -> &'a [u8] {
        self.octets
            .get(self.place(from, 1)..self.place(to, 1))
            .unwrap_or_default()
    }

    /// The first record whose key is `key` or above; [`BlockView::len`] if none is.
    pub(crate) fn lower_bound(&self, key: &[u8]) -> usize {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            if self.key(middle) < key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// How many records are before `key`, in a block whose keys mostly all are.
    #[inline]
    pub(crate) fn count_before(&self, key: &[u8]) -> usize {
        if self.key(self.count - 1) < key {
            return self.count;
        }
        self.lower_bound(key)
    }

    /// The record with just this key.
    pub(crate) fn find(&self, key: &[u8]) -> Option<RecordView<'a>> {
        self.get(self.lower_bound(key))
            .filter(|record| record.key() == key)
    }

    /// [`RecordView::is_any_live`] of one record, without putting the record together.
    #[inline]
    pub(crate) fn is_any_live(&self, index: usize, now: u64) -> bool {
        let head = self.head(index);
        let left = u32_at(head, 12);
        let clt = u64_at(head, 0);
        left == u32::MAX || u64::from(left) > now.saturating_sub(clt)
    }

    /// [`RecordView::remote_tag`] of one record.
    #[inline]
    pub(crate) fn remote_tag(&self, index: usize) -> u64 {
        u64_at(self.head(index), 24)
    }

    /// [`RecordView::has_many_ids`] of one record.
    #[inline]
    pub(crate) fn has_many_ids(&self, index: usize) -> bool {
        let flags = self.head(index).get(33);
        flags.is_some_and(|flags| flags & FLAG_MANY_IDS != 0)
    }

    /// Equal relay tags on one link mean equal nearest Relay-IDs here.
    #[inline]
    pub(crate) fn relays_agree(&self) -> bool {
        u16_at(self.octets, 12) & FLAG_RELAYS_AGREE != 0
    }

    /// Equal remote tags mean equal nearest Remote-IDs here.
    #[inline]
    pub(crate) fn remotes_agree(&self) -> bool {
        u16_at(self.octets, 12) & FLAG_REMOTES_AGREE != 0
    }

    /// One look at the bounds for all fields of a head.
    #[inline]
    fn head(&self, index: usize) -> &'a [u8; HEAD_OCTETS] {
        let octets = self.octets.get(entry_at(index) + PLACES_OCTETS..);
        octets
            .and_then(|octets| octets.first_chunk())
            .unwrap_or(&[0; HEAD_OCTETS])
    }

    #[inline]
    fn part(&self, index: usize, field: usize) -> &'a [u8] {
        self.octets
            .get(self.place(index, field)..self.place(index + 1, field))
            .unwrap_or_default()
    }

    #[inline]
    fn place(&self, index: usize, field: usize) -> usize {
        size_at(self.octets, entry_at(index) + 4 * field)
    }
}

#[inline]
fn entry_at(index: usize) -> usize {
    HEADER_OCTETS + index * ENTRY_OCTETS
}

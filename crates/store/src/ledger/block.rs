//! A block: records that follow one another, laid out so that their frames are one run.
//!
//! ```text
//!  header(16)   version(2) count(2) crc32c(4) octets(4) 0(4)
//!  entries      (head(40) key_at(4) frame_at(4) rest_at(4)) * count
//!  end          key_at(4) frame_at(4) rest_at(4)           where the last record's parts end
//!  keys | frames | rests
//! ```
//!
//! Offsets count from the block's first octet. The checksum covers everything behind the
//! header. It is checked where blocks are changed or verified, not at each reading:
//! readers are total on any octets, and a checksum of a page costs as much as sending it.

use crate::record::{HEAD_OCTETS, Record, RecordView, size_at, u16_at, u32_at};

/// Octets of a block that fill one page of the ledger's engine, its own header taken off.
pub(crate) const BLOCK_OCTETS: usize = 4080;

const VERSION: u16 = 1;
const HEADER_OCTETS: usize = 16;
const OFFSETS_OCTETS: usize = 12;
const ENTRY_OCTETS: usize = HEAD_OCTETS + OFFSETS_OCTETS;

/// A block to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<'a> {
    octets: &'a [u8],
    count: usize,
}

impl<'a> Block<'a> {
    /// Takes octets as a block; what is too short for its count is an empty one.
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        let count = usize::from(u16_at(octets, 2));
        let fits = HEADER_OCTETS + count * ENTRY_OCTETS + OFFSETS_OCTETS <= octets.len();
        let known = u16_at(octets, 0) == VERSION;
        Self {
            octets,
            count: if fits && known { count } else { 0 },
        }
    }

    /// Takes octets as a block if checksum, order and every record are sound.
    pub(crate) fn verified(octets: &'a [u8]) -> Result<Self, &'static str> {
        let body = octets
            .get(HEADER_OCTETS..)
            .ok_or("shorter than its header")?;
        if u16_at(octets, 0) != VERSION {
            return Err("unknown version");
        }
        if size_at(octets, 8) != octets.len() {
            return Err("wrong length");
        }
        if crc32c::crc32c(body) != u32_at(octets, 4) {
            return Err("wrong checksum");
        }
        let block = Self::new(octets);
        if block.count == 0 {
            return Err("no records");
        }
        let mut before: Option<RecordView<'_>> = None;
        for index in 0..block.count {
            let record = block.get(index).ok_or("a record is missing")?;
            record.check().map_err(|error| error.what)?;
            if before.is_some_and(|before| before.key() >= record.key()) {
                return Err("records out of order");
            }
            before = Some(record);
        }
        Ok(block)
    }

    /// How many records.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The record at `index`.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<RecordView<'a>> {
        if index >= self.count {
            return None;
        }
        let at = HEADER_OCTETS + index * ENTRY_OCTETS;
        let head = self.octets.get(at..at + HEAD_OCTETS)?;
        let [key, frame, rest] = self.offsets(index);
        let [key_end, frame_end, rest_end] = self.offsets(index + 1);
        Some(RecordView::from_parts(
            head,
            self.octets.get(key..key_end)?,
            self.octets.get(frame..frame_end)?,
            self.octets.get(rest..rest_end)?,
        ))
    }

    /// The key of the record at `index`, empty if there is none.
    #[inline]
    pub(crate) fn key(&self, index: usize) -> &'a [u8] {
        let ([from, ..], [to, ..]) = (self.offsets(index), self.offsets(index + 1));
        self.octets.get(from..to).unwrap_or_default()
    }

    /// The frames of the records from `from` up to and without `to`, behind one another.
    #[inline]
    pub(crate) fn frames(&self, from: usize, to: usize) -> &'a [u8] {
        let ([_, start, _], [_, end, _]) = (self.offsets(from), self.offsets(to));
        self.octets.get(start..end).unwrap_or_default()
    }

    /// Where `key` stands or would stand.
    pub(crate) fn search(&self, key: &[u8]) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.key(middle).cmp(key) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// The record with just this key.
    pub(crate) fn find(&self, key: &[u8]) -> Option<RecordView<'a>> {
        self.search(key).ok().and_then(|index| self.get(index))
    }

    /// Where the parts of the record at `index` begin; at the count, where the last end.
    #[inline]
    fn offsets(&self, index: usize) -> [usize; 3] {
        let head = if index < self.count { HEAD_OCTETS } else { 0 };
        let at = HEADER_OCTETS + index.min(self.count) * ENTRY_OCTETS + head;
        [
            size_at(self.octets, at),
            size_at(self.octets, at + 4),
            size_at(self.octets, at + 8),
        ]
    }
}

/// Octets of a block beside its records' costs.
pub(crate) const FIXED_OCTETS: usize = HEADER_OCTETS + OFFSETS_OCTETS;

/// Octets a record takes in a block.
pub(crate) fn cost(record: &Record) -> usize {
    let [_, key, frame, rest] = record.view().parts();
    ENTRY_OCTETS + key.len() + frame.len() + rest.len()
}

/// The block of these records, which are in order.
pub(crate) fn compose(records: &[Record]) -> Vec<u8> {
    let parts: Vec<_> = records.iter().map(|record| record.view().parts()).collect();
    let total = |part: usize| parts.iter().map(|parts| parts[part].len()).sum::<usize>();
    let keys = HEADER_OCTETS + parts.len() * ENTRY_OCTETS + OFFSETS_OCTETS;
    let mut at = [keys, keys + total(1), keys + total(1) + total(2)];
    let end = at[2] + total(3);

    let mut octets = Vec::with_capacity(end);
    octets.resize(HEADER_OCTETS, 0);
    for parts in &parts {
        octets.extend_from_slice(parts[0]);
        for (at, part) in at.iter_mut().zip(&parts[1..]) {
            octets.extend_from_slice(&offset(*at));
            *at += part.len();
        }
    }
    at.iter()
        .for_each(|at| octets.extend_from_slice(&offset(*at)));
    for part in 1..4 {
        parts
            .iter()
            .for_each(|parts| octets.extend_from_slice(parts[part]));
    }
    let crc = crc32c::crc32c(&octets[HEADER_OCTETS..]);
    let count = u16::try_from(records.len()).unwrap_or(u16::MAX);
    octets[0..2].copy_from_slice(&VERSION.to_le_bytes());
    octets[2..4].copy_from_slice(&count.to_le_bytes());
    octets[4..8].copy_from_slice(&crc.to_le_bytes());
    octets[8..12].copy_from_slice(&offset(end));
    octets
}

/// A block never nears 4 GiB: one page, or one record of at most some hundred KiB.
fn offset(at: usize) -> [u8; 4] {
    u32::try_from(at).unwrap_or(u32::MAX).to_le_bytes()
}

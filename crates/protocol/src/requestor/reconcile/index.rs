//! A hash table of row numbers: 8 octets a slot, the keys stay in their rows.
//!
//! Open addressing with linear probing, a power of two of slots, at most three quarters
//! of them used. Rows are never taken out. Each slot has half of the hash beside the row,
//! so that neither probing nor growing touches rows that have another key: at millions of
//! rows, each touch is a cache miss.

/// Slots begin with so many once there is a row.
const FIRST_SLOTS: usize = 16;

/// Row numbers by hash.
#[derive(Debug, Default)]
pub(super) struct Index {
    slots: Vec<Slot>,
    rows: usize,
}

/// A row, or none.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Half of the row's hash.
    tag: u32,
    /// The row's number plus one; 0 is none.
    row: u32,
}

impl Index {
    /// The row of this hash for which `is_it` holds.
    pub(super) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len().checked_sub(1)?;
        let tag = tag(hash);
        let mut at = place(tag, mask);
        loop {
            let slot = self.slots.get(at)?;
            let row = slot.row.checked_sub(1)?;
            if slot.tag == tag && is_it(row) {
                return Some(row);
            }
            at = at.wrapping_add(1) & mask;
        }
    }

    /// Adds a row that is not there.
    pub(super) fn insert(&mut self, hash: u64, row: u32) {
        if self.rows.saturating_mul(4) >= self.slots.len().saturating_mul(3) {
            self.grow();
        }
        self.put(Slot {
            tag: tag(hash),
            row: row.saturating_add(1),
        });
        self.rows = self.rows.saturating_add(1);
    }

    /// Octets of memory held.
    pub(super) fn octets(&self) -> usize {
        self.slots.capacity().saturating_mul(size_of::<Slot>())
    }

    fn grow(&mut self) {
        let slots = self.slots.len().saturating_mul(2).max(FIRST_SLOTS);
        let old = std::mem::replace(&mut self.slots, vec![Slot::default(); slots]);
        for slot in old.into_iter().filter(|slot| slot.row > 0) {
            self.put(slot);
        }
    }

    fn put(&mut self, slot: Slot) {
        let Some(mask) = self.slots.len().checked_sub(1) else {
            return;
        };
        let mut at = place(slot.tag, mask);
        // A quarter of the slots is free, so this ends.
        while let Some(found) = self.slots.get_mut(at) {
            if found.row == 0 {
                *found = slot;
                return;
            }
            at = at.wrapping_add(1) & mask;
        }
    }
}

/// The half of a hash that is kept.
fn tag(hash: u64) -> u32 {
    let [.., a, b, c, d] = hash.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// The slot that a tag begins at.
fn place(tag: u32, mask: usize) -> usize {
    usize::try_from(tag).unwrap_or(0) & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_row_even_if_all_hashes_collide() {
        for hash_of in [|row: u32| u64::from(row) * 0x9e37_79b9, |_| 7] {
            let mut index = Index::default();
            for row in 0..500 {
                assert_eq!(index.find(hash_of(row), |found| found == row), None);
                index.insert(hash_of(row), row);
            }
            for row in 0..500 {
                assert_eq!(index.find(hash_of(row), |found| found == row), Some(row));
            }
        }
    }
}

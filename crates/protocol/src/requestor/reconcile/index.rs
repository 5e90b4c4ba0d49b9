//! A hash table of row numbers: 4 octets a slot, the keys stay in their rows.
//!
//! Open addressing with linear probing, a power of two of slots, at most three quarters
//! of them used. Rows are never taken out.

/// Slots begin with so many once there is a row.
const FIRST_SLOTS: usize = 16;

/// Row numbers by hash; 0 in a slot is none, n + 1 is row n.
#[derive(Debug, Default)]
pub(super) struct Index {
    slots: Vec<u32>,
    rows: usize,
}

impl Index {
    /// The row of this hash for which `is_it` holds.
    pub(super) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = place(hash, mask);
        loop {
            let row = self.slots.get(at)?.checked_sub(1)?;
            if is_it(row) {
                return Some(row);
            }
            at = at.wrapping_add(1) & mask;
        }
    }

    /// Adds a row that is not there; `hash_of` gives the hash of any row already added.
    pub(super) fn insert(&mut self, hash: u64, row: u32, hash_of: impl Fn(u32) -> u64) {
        if self.rows.saturating_mul(4) >= self.slots.len().saturating_mul(3) {
            self.grow(hash_of);
        }
        self.put(hash, row);
        self.rows = self.rows.saturating_add(1);
    }

    /// Octets of memory held.
    pub(super) fn octets(&self) -> usize {
        self.slots.capacity().saturating_mul(size_of::<u32>())
    }

    fn grow(&mut self, hash_of: impl Fn(u32) -> u64) {
        let slots = self.slots.len().saturating_mul(2).max(FIRST_SLOTS);
        let old = std::mem::replace(&mut self.slots, vec![0; slots]);
        for row in old.into_iter().filter_map(|slot| slot.checked_sub(1)) {
            self.put(hash_of(row), row);
        }
    }

    fn put(&mut self, hash: u64, row: u32) {
        let Some(mask) = self.slots.len().checked_sub(1) else {
            return;
        };
        let mut at = place(hash, mask);
        // A quarter of the slots is free, so this ends.
        while let Some(slot) = self.slots.get_mut(at) {
            if *slot == 0 {
                *slot = row.saturating_add(1);
                return;
            }
            at = at.wrapping_add(1) & mask;
        }
    }
}

/// The slot that a hash begins at.
fn place(hash: u64, mask: usize) -> usize {
    // On a machine with 32-bit addresses the low half is as good.
    usize::try_from(hash & u64::from(u32::MAX)).unwrap_or(0) & mask
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
                index.insert(hash_of(row), row, hash_of);
            }
            for row in 0..500 {
                assert_eq!(index.find(hash_of(row), |found| found == row), Some(row));
            }
        }
    }
}

//! Which of many numbered slots are taken: a bitmap with summaries.
//!
//! Level 0 has a bit for each slot; each level above has a bit for each word of the one below,
//! set when that word is full. So the next free slot is found with a look at a word or two of
//! each level, however full the pool is: 1 M slots need 4 levels and 133 KB.

/// Bits of a word, and how many a level is smaller than the one below.
const WORD_BITS: usize = 64;

/// Numbered slots, free at first.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    len: usize,
    taken: usize,
    /// Level 0 first; none before the first slot is taken.
    levels: Vec<Vec<u64>>,
}

impl Slots {
    pub(super) fn new(len: usize) -> Self {
        Self {
            len,
            taken: 0,
            levels: Vec::new(),
        }
    }

    pub(super) fn taken(&self) -> usize {
        self.taken
    }

    /// Marks a slot as taken; nothing happens if it is, or is none.
    pub(super) fn take(&mut self, slot: usize) {
        if slot >= self.len || self.is_taken(slot) {
            return;
        }
        if self.levels.is_empty() {
            self.levels = levels(self.len);
        }
        self.taken += 1;
        let mut at = slot;
        for level in &mut self.levels {
            let Some(word) = level.get_mut(at / WORD_BITS) else {
                return;
            };
            *word |= 1 << (at % WORD_BITS);
            if *word != u64::MAX {
                return;
            }
            at /= WORD_BITS;
        }
    }

    /// Marks a slot as free; nothing happens if it is, or is none.
    pub(super) fn give_back(&mut self, slot: usize) {
        if slot >= self.len || !self.is_taken(slot) {
            return;
        }
        self.taken -= 1;
        let mut at = slot;
        for level in &mut self.levels {
            let Some(word) = level.get_mut(at / WORD_BITS) else {
                return;
            };
            let was_full = *word == u64::MAX;
            *word &= !(1 << (at % WORD_BITS));
            if !was_full {
                return;
            }
            at /= WORD_BITS;
        }
    }

    pub(super) fn is_taken(&self, slot: usize) -> bool {
        let level = self.levels.first();
        let word = level.and_then(|level| level.get(slot / WORD_BITS));
        word.is_some_and(|word| word >> (slot % WORD_BITS) & 1 == 1)
    }

    /// The first free slot at `from` or behind, else the first of all; none if all are taken.
    pub(super) fn next_free(&self, from: usize) -> Option<usize> {
        if self.taken >= self.len {
            return None;
        }
        if self.levels.is_empty() {
            return Some(if from < self.len { from } else { 0 });
        }
        self.search(from).or_else(|| self.search(0))
    }

    /// Up the levels until one has something free behind, then down again.
    fn search(&self, from: usize) -> Option<usize> {
        let mut at = from;
        let mut height = 0;
        let mut found = loop {
            let word = self.levels.get(height)?.get(at / WORD_BITS);
            let free = word.map_or(0, |word| !word & (u64::MAX << (at % WORD_BITS)));
            if free != 0 {
                break at / WORD_BITS * WORD_BITS + free.trailing_zeros() as usize;
            }
            at = at / WORD_BITS + 1;
            height += 1;
        };
        for level in self.levels.get(..height)?.iter().rev() {
            let free = !level.get(found)?;
            found = found * WORD_BITS + free.trailing_zeros() as usize;
        }
        (found < self.len).then_some(found)
    }
}

/// Empty levels for `len` slots; what is behind the last slot counts as taken.
fn levels(len: usize) -> Vec<Vec<u64>> {
    let mut levels = Vec::new();
    let mut bits = len;
    loop {
        let mut level = vec![0; bits.div_ceil(WORD_BITS)];
        let over = bits % WORD_BITS;
        if over != 0
            && let Some(last) = level.last_mut()
        {
            *last = u64::MAX << over;
        }
        bits = level.len();
        levels.push(level);
        if bits <= 1 {
            return levels;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_free_slot_of_a_million_is_found_from_anywhere() {
        let mut slots = Slots::new(1_000_000);
        (0..1_000_000)
            .filter(|slot| *slot != 654_321)
            .for_each(|slot| slots.take(slot));
        for from in [0, 1, 654_320, 654_321, 654_322, 999_999] {
            assert_eq!(slots.next_free(from), Some(654_321));
        }
        slots.take(654_321);
        assert_eq!((slots.next_free(5), slots.taken()), (None, 1_000_000));
        slots.give_back(7);
        assert_eq!(slots.next_free(8), Some(7));
    }

    proptest! {
        #[test]
        fn it_finds_what_a_set_finds(
            len in 1_usize..9000,
            changes in prop::collection::vec((any::<bool>(), 0_usize..9000), 0..2000),
            from in 0_usize..9000,
        ) {
            let mut slots = Slots::new(len);
            let mut taken = BTreeSet::new();
            for (takes, slot) in changes {
                if takes {
                    slots.take(slot);
                    taken.extend(Some(slot).filter(|slot| *slot < len));
                } else {
                    slots.give_back(slot);
                    taken.remove(&slot);
                }
            }
            prop_assert_eq!(slots.taken(), taken.len());
            let mut free = (0..len).filter(|slot| !taken.contains(slot));
            let first = free.clone().next();
            let expected = free.find(|slot| *slot >= from).or(first);
            prop_assert_eq!(slots.next_free(from), expected);
        }
    }
}

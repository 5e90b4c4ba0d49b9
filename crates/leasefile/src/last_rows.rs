//! Which rows of a log are the last of their lease.
//!
//! A lease file is a log; only the last row of each lease counts, and a file of ten
//! million rows must not be held in memory to know which that is. So files are read
//! twice. The first time [`LastRowsBuilder`] remembers for each lease where it was last
//! seen: 21 octets and the table's slack, 24 to 48 octets per distinct lease. From that a
//! map of one bit per row is made ([`LastRows`]), the table is freed, and the second
//! reading gives only the rows whose bit is set.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// What identifies a lease in its file: of Kea's files its address, as Kea has it.
pub type LeaseKey = [u8; 16];

/// The number of a row over all files of a set, 40 bits of it in network order.
type Ordinal = [u8; 5];

/// Rows that can be told apart: 2^40, about a million million.
const MAX_ROWS: u64 = 1 << 40;

/// Tables the keys are spread over, so that growing one never doubles all of the memory.
const SHARDS: usize = 256;

type Table = HashMap<LeaseKey, Ordinal, BuildHasherDefault<KeyHasher>>;

/// Remembers where each lease was last seen.
#[derive(Debug)]
pub struct LastRowsBuilder {
    shards: Vec<Table>,
    /// One past the highest row noted.
    rows: u64,
}

impl LastRowsBuilder {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Table::default()).collect(),
            rows: 0,
        }
    }

    /// Notes that row `ordinal` is about the lease `key`.
    ///
    /// Rows are noted in rising order; of two of one lease the later note stays. Rows from
    /// 2^40 on cannot be told apart and are not noted: more than any disk holds.
    pub fn note(&mut self, key: LeaseKey, ordinal: u64) {
        if ordinal >= MAX_ROWS {
            return;
        }
        self.rows = self.rows.max(ordinal + 1);
        let [_, _, _, octets @ ..] = ordinal.to_be_bytes();
        let shard = usize::from(hash(&key).to_be_bytes()[0]);
        self.shards[shard].insert(key, octets);
    }

    /// Distinct leases seen.
    pub fn leases(&self) -> u64 {
        self.shards.iter().map(|shard| shard.len() as u64).sum()
    }

    /// The rows that are the last of their lease.
    pub fn finish(self) -> LastRows {
        let leases = self.leases();
        let words = usize::try_from(self.rows.div_ceil(64)).unwrap_or(usize::MAX);
        let mut bits = vec![0u64; words];
        for shard in self.shards {
            for [a, b, c, d, e] in shard.into_values() {
                let ordinal = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
                if let Some(word) = usize::try_from(ordinal / 64)
                    .ok()
                    .and_then(|word| bits.get_mut(word))
                {
                    *word |= 1 << (ordinal % 64);
                }
            }
        }
        LastRows { bits, leases }
    }
}

impl Default for LastRowsBuilder {
    fn default() -> Self {
        Self::new()
    }
}

/// A bit for every row: whether it is the last of its lease.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastRows {
    bits: Vec<u64>,
    leases: u64,
}

impl LastRows {
    /// Whether row `ordinal` is the last of its lease; false for rows never noted.
    #[inline]
    pub fn is_last(&self, ordinal: u64) -> bool {
        usize::try_from(ordinal / 64)
            .ok()
            .and_then(|word| self.bits.get(word))
            .is_some_and(|word| word >> (ordinal % 64) & 1 == 1)
    }

    /// Distinct leases: how many rows are the last of theirs.
    pub fn leases(&self) -> u64 {
        self.leases
    }
}

/// Spreads a key's octets over 64 bits.
///
/// Addresses of one network differ in few bits, so both halves are multiplied and folded.
/// Not proof against someone who chooses addresses to collide; whoever can write the lease
/// file has simpler ways to harm.
fn hash(key: &LeaseKey) -> u64 {
    let bits = u128::from_be_bytes(*key);
    let [high, low] = [bits >> 64, bits & u128::from(u64::MAX)];
    let product = (high ^ 0x9e37_79b9_7f4a_7c15) * (low ^ 0xd1b5_4a32_d192_ed03);
    let folded = product ^ (product >> 64) ^ low.rotate_left(23) ^ high;
    let mixed = (folded & u128::from(u64::MAX)) * 0xa076_1d64_78bd_642f;
    u64::try_from((mixed ^ (mixed >> 64)) & u128::from(u64::MAX)).unwrap_or(0)
}

/// [`hash`] for the tables, which take their share of it from other bits than the shards.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        if let Ok(key) = octets.try_into() {
            // The shard is the first octet: turned away from where the table looks first.
            self.0 = hash(key).rotate_left(8);
        }
    }

    // The length an array is hashed with says nothing here.
    fn write_usize(&mut self, _: usize) {}
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_row_of_each_lease_is_known_and_no_other() {
        let mut builder = LastRowsBuilder::new();
        for (ordinal, key) in [(2, 1u8), (3, 2), (4, 1), (200, 3), (201, 2)] {
            builder.note([key; 16], ordinal);
        }
        builder.note([9; 16], MAX_ROWS);
        let last = builder.finish();
        assert_eq!(last.leases(), 3);
        let found: Vec<u64> = (0..1000).filter(|&row| last.is_last(row)).collect();
        assert_eq!(found, [4, 200, 201]);
        assert!(!last.is_last(u64::MAX));
    }

    #[test]
    fn neighbouring_addresses_spread_over_the_shards() {
        let mut builder = LastRowsBuilder::new();
        for host in 0..25_600u128 {
            let address = Ipv6Addr::from_bits((0x3fff_0100 << 96) | (host << 72));
            builder.note(address.octets(), u64::try_from(host).unwrap());
        }
        let fullest = builder.shards.iter().map(Table::len).max().unwrap();
        let emptiest = builder.shards.iter().map(Table::len).min().unwrap();
        assert!(fullest < 200 && emptiest > 40, "{emptiest} to {fullest}");
    }

    proptest! {
        #[test]
        fn agrees_with_a_plain_map(keys in proptest::collection::vec(0u8..20, 0..300)) {
            let mut builder = LastRowsBuilder::new();
            let mut model = std::collections::BTreeMap::new();
            for (ordinal, key) in (0u64..).zip(&keys) {
                builder.note([*key; 16], ordinal);
                model.insert(*key, ordinal);
            }
            let last = builder.finish();
            for ordinal in 0..400 {
                prop_assert_eq!(last.is_last(ordinal), model.values().any(|&last| last == ordinal));
            }
        }
    }
}

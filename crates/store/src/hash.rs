//! Hashes of octets for tables in memory.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Differs from process to process, so that nobody can choose keys of which many collide: they
/// hold what clients send.
static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));

/// The hash of these octets in this process.
#[inline]
pub(crate) fn hash(octets: &[u8]) -> u64 {
    xxh3_64_with_seed(octets, *SEED)
}

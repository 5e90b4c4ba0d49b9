//! Asking for memory before it is needed.
//!
//! What is sorted by one thing lies in memory by another, so going through it in order misses
//! the cache at every step. The processor waits for one miss at a time if each step needs the
//! one before; reading a little of a later step early lets the misses overlap.

/// Octets that come into the cache together, on the machines this is for.
const LINE_OCTETS: usize = 64;

/// How many steps ahead is worth it: enough that what was asked for has come.
pub(crate) const STEPS_AHEAD: usize = 8;

/// Reads an octet of each line, so that they are there soon.
#[inline]
pub(crate) fn touch(octets: &[u8]) {
    let mut all = 0;
    for line in octets.iter().step_by(LINE_OCTETS) {
        all |= line;
    }
    std::hint::black_box(all);
}

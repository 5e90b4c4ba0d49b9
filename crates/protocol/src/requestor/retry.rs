//! How long to wait before trying again.

use std::time::Duration;

use super::config::Timers;

/// Parts of the whole by which a wait is varied, either way: 10 % (D-14).
const JITTER_PER_MILLE: u64 = 100;

/// The wait after so many failures in a row: the first wait, doubled each time, varied by
/// up to 10 % by `entropy`, never above the cap (BLQ-R-004).
pub(super) fn wait(timers: &Timers, failures: u32, entropy: u64) -> Duration {
    let doublings = failures.saturating_sub(1).min(u64::BITS - 1);
    let base = u32::try_from(1_u64 << doublings)
        .ok()
        .and_then(|factor| timers.first_retry.checked_mul(factor))
        .unwrap_or(timers.max_retry)
        .min(timers.max_retry);
    let span = 2 * JITTER_PER_MILLE + 1;
    let per_mille = (1000 - JITTER_PER_MILLE).saturating_add(entropy % span);
    let nanoseconds = base.as_nanos().saturating_mul(u128::from(per_mille)) / 1000;
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX)).min(timers.max_retry)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BLQ-R-004: 1 s, then doubled to at most 60 s, each varied by up to 10 %.
    #[test]
    fn waits_double_up_to_the_cap() {
        let timers = Timers::DRAFT;
        for (failures, secs) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 60)] {
            let exact = Duration::from_secs(secs);
            assert_eq!(wait(&timers, failures, 0), exact * 9 / 10);
            assert_eq!(wait(&timers, failures, 100), exact);
            assert_eq!(
                wait(&timers, failures, 200),
                (exact * 11 / 10).min(timers.max_retry)
            );
        }
        assert_eq!(wait(&timers, u32::MAX, 100), timers.max_retry);
    }
}

//! The instant that is handed to every machine.
//!
//! Two clocks, which never mix: the monotonic one runs timers, the wall clock turns
//! ages and remaining lifetimes into dates and back. Neither is read in this crate;
//! whoever drives a machine reads both at once and passes them in.

use std::time::Duration;

use serde::Serialize;

/// A point on the monotonic clock: nanoseconds since a moment that is fixed per process.
///
/// Only differences mean anything. It never runs back, and it holds 584 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Mono(pub u64);

impl Mono {
    /// The point `wait` later; the end of the clock if that is nearer.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(nanoseconds(wait)))
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Both clocks, read at the same moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Now {
    /// For timers: timeouts, back-off, idleness.
    pub mono: Mono,
    /// For leases: Unix time in whole seconds. It may run back when the clock is set.
    pub wall: u64,
}

/// Whole nanoseconds of `wait`; what does not fit (above 584 years) is the largest value.
fn nanoseconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_add_up_and_never_overflow() {
        let start = Mono(5);
        assert_eq!(start.after(Duration::from_secs(1)), Mono(1_000_000_005));
        assert_eq!(start.after(Duration::MAX), Mono(u64::MAX));
    }

    #[test]
    fn a_point_ahead_was_no_time_ago() {
        assert_eq!(Mono(5).since(Mono(9)), Duration::ZERO);
        assert_eq!(Mono(9).since(Mono(5)), Duration::from_nanos(4));
    }
}

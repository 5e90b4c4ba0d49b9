//! The two clocks, read at the same moment for the machines.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use leasebook_protocol::{Mono, Now};

/// Reads both clocks at once, and turns deadlines back into instants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Where the monotonic clock began.
    start: Instant,
}

impl Clock {
    /// Begins now.
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// Both clocks.
    pub(crate) fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        Now {
            mono: Mono::default().after(self.start.elapsed()),
            // A clock before 1970 tells nothing; ages are told by the monotonic one anyway.
            wall: wall.map_or(0, |since| since.as_secs()),
        }
    }

    /// The instant of a point on the monotonic clock.
    pub(crate) fn instant(&self, at: Mono) -> tokio::time::Instant {
        (self.start + Duration::from_nanos(at.0)).into()
    }
}

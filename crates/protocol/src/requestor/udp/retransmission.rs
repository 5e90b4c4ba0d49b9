//! When a query is sent again, and when it is given up (RFC 8415 §15).

use std::time::Duration;

use serde::Serialize;

use crate::time::Mono;

/// How often and how long a query is sent.
///
/// Source: RFC 5007 §4.1.4, RFC 8415 §15, LQ-UDP-027.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct UdpTimers {
    /// LQ_TIMEOUT, the IRT: the wait after the first message. Each later wait is twice as long.
    pub first: Duration,
    /// LQ_MAX_RT, the MRT: no wait is longer, but for its randomness.
    pub longest: Duration,
    /// LQ_MAX_RC, the MRC: messages sent in all, at least 1; 0 counts as 1.
    pub times: u32,
    /// The MRD: the query is given up this long after its first message; none waits out the
    /// last wait.
    pub give_up: Option<Duration>,
}

impl UdpTimers {
    /// 1 s, 10 s, 5 messages, no other end: given up after 25 s or so (RFC 5007 §4.1.4).
    pub const RFC5007: Self = Self {
        first: Duration::from_secs(1),
        longest: Duration::from_secs(10),
        times: 5,
        give_up: None,
    };
}

impl Default for UdpTimers {
    fn default() -> Self {
        Self::RFC5007
    }
}

/// One query's course.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Retransmission {
    /// When it was first sent.
    pub(super) began: Mono,
    /// How often it was sent.
    pub(super) sent: u32,
    /// The present wait, the RT.
    wait: Duration,
    /// When that has passed, or the query is to be given up.
    pub(super) due: Mono,
}

impl Retransmission {
    /// The query is sent for the first time.
    pub(super) fn begin(timers: &UdpTimers, now: Mono, entropy: u64) -> Self {
        let wait = vary(timers.first, timers.first, entropy);
        let mut begun = Self {
            began: now,
            sent: 1,
            wait,
            due: now,
        };
        begun.set_due(timers, now);
        begun
    }

    /// The time of `due` has come: whether the query is to be sent once more.
    pub(super) fn go_on(&mut self, timers: &UdpTimers, now: Mono, entropy: u64) -> bool {
        let is_late = timers
            .give_up
            .is_some_and(|after| self.began.after(after) <= now);
        if is_late || self.sent >= timers.times {
            return false;
        }
        self.sent = self.sent.saturating_add(1);
        // RT = 2 * RTprev + RAND * RTprev, and above MRT it is MRT + RAND * MRT.
        let doubled = vary(self.wait.saturating_mul(2), self.wait, entropy);
        self.wait = if doubled > timers.longest {
            vary(timers.longest, timers.longest, entropy)
        } else {
            doubled
        };
        self.set_due(timers, now);
        true
    }

    fn set_due(&mut self, timers: &UdpTimers, now: Mono) {
        let due = now.after(self.wait);
        let end = timers.give_up.map(|after| self.began.after(after));
        self.due = end.map_or(due, |end| due.min(end));
    }
}

/// `base` and a random part of `of`, from -10 % to +10 % in steps of a millionth: RAND.
fn vary(base: Duration, of: Duration, entropy: u64) -> Duration {
    const TENTH: u64 = 100_000;
    const WHOLE: u128 = 1_000_000;
    let above = u128::from(entropy % (2 * TENTH + 1));
    let of = of.as_nanos();
    let least = base.as_nanos().saturating_sub(of / 10);
    let nanoseconds = least.saturating_add(of.saturating_mul(above) / WHOLE);
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entropy of RAND -0.1, 0, and +0.1.
    const LEAST: u64 = 0;
    const NONE: u64 = 100_000;
    const MOST: u64 = 200_000;

    /// The waits until the query is given up, in milliseconds.
    fn waits(timers: &UdpTimers, entropy: u64) -> Vec<u128> {
        let mut now = Mono(5);
        let mut course = Retransmission::begin(timers, now, entropy);
        let mut waits = Vec::new();
        loop {
            waits.push(course.due.since(now).as_millis());
            now = course.due;
            if !course.go_on(timers, now, entropy) {
                return waits;
            }
        }
    }

    /// LQ-UDP-027: five messages, waits of 1 s doubled to at most 10 s, varied by a tenth.
    #[test]
    fn waits_are_those_of_the_rfc() {
        let timers = UdpTimers::RFC5007;
        assert_eq!(waits(&timers, NONE), [1000, 2000, 4000, 8000, 10_000]);
        assert_eq!(waits(&timers, LEAST), [900, 1710, 3249, 6173, 9000]);
        assert_eq!(waits(&timers, MOST), [1100, 2310, 4851, 11_000, 11_000]);
    }

    /// LQ-UDP-027: with a longest duration the query is given up at that moment.
    #[test]
    fn a_longest_duration_ends_it() {
        let timers = UdpTimers {
            give_up: Some(Duration::from_millis(2500)),
            ..UdpTimers::RFC5007
        };
        assert_eq!(waits(&timers, NONE), [1000, 1500]);
    }

    /// LQ-UDP-027: any settings and entropy end after as many messages as they say.
    #[test]
    fn any_settings_come_to_an_end() {
        let extremes = [Duration::ZERO, Duration::from_secs(1), Duration::MAX];
        for first in extremes {
            for longest in extremes {
                for times in [0, 1, 7] {
                    let timers = UdpTimers {
                        first,
                        longest,
                        times,
                        give_up: None,
                    };
                    let count = usize::try_from(times.max(1)).unwrap();
                    assert_eq!(waits(&timers, u64::MAX).len(), count);
                }
            }
        }
    }
}

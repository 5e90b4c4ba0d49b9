//! How often one sender is heard.
//!
//! A bucket of tokens that is one number: the moment at which it will be full again.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use crate::time::Mono;

/// Senders told apart; those that fall together share what each may send.
const PLACES: usize = 1 << 16;

/// Seconds of its rate that a sender may save up.
const BURST_SECS: u64 = 4;

/// Seconds that a sender may have to wait at most.
const MAX_OWED_SECS: u64 = 60;

const NANOS: u64 = 1_000_000_000;

/// A bucket for each sender, in bounded memory.
#[derive(Clone, Debug, Default)]
pub struct Rate {
    hasher: RandomState,
    /// When each bucket will be full again: nanoseconds on the monotonic clock.
    full_at: Vec<u64>,
}

impl Rate {
    /// Whether a message of `sender` is heard at `now`, with at most `per_second` on average and
    /// four seconds' worth at once; 0 is no limit.
    pub fn allows(&mut self, sender: &[u8], per_second: u32, now: Mono) -> bool {
        let bucket = self.bucket(sender, per_second);
        bucket.is_none_or(|full_at| spend(full_at, per_second, now))
    }

    /// Counts a message of `sender` that is taken whether or not it is above the rate, and says
    /// when the next is to be taken: at `now`, or later by what is too much. Never more than a
    /// minute is owed.
    pub fn charge(&mut self, sender: &[u8], per_second: u32, now: Mono) -> Mono {
        let Some(full_at) = self.bucket(sender, per_second) else {
            return now;
        };
        let cost = NANOS / u64::from(per_second);
        let most = now.0.saturating_add(MAX_OWED_SECS * NANOS);
        *full_at = (*full_at).max(now.0).saturating_add(cost).min(most);
        // The next costs as much again, and must find room for it.
        let room = (BURST_SECS * NANOS).saturating_sub(cost);
        Mono(full_at.saturating_sub(room).max(now.0))
    }

    /// The sender's bucket; none where there is no limit.
    fn bucket(&mut self, sender: &[u8], per_second: u32) -> Option<&mut u64> {
        if per_second == 0 {
            return None;
        }
        if self.full_at.is_empty() {
            self.full_at = vec![0; PLACES];
        }
        let places = u64::try_from(PLACES).unwrap_or(u64::MAX);
        let place = usize::try_from(self.hasher.hash_one(sender) % places).unwrap_or(0);
        self.full_at.get_mut(place)
    }
}

/// Whether one more message fits into a bucket that is full again at `full_at`, and takes its
/// place; 0 is no limit. Four seconds' worth may come at once, and always one message.
pub(crate) fn spend(full_at: &mut u64, per_second: u32, now: Mono) -> bool {
    if per_second == 0 {
        return true;
    }
    let cost = NANOS / u64::from(per_second);
    let next = (*full_at).max(now.0).saturating_add(cost);
    if next > now.0.saturating_add(BURST_SECS * NANOS).max(now.0 + cost) {
        return false;
    }
    *full_at = next;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_heard_at_its_rate_and_others_are_not_harmed() {
        let mut rate = Rate::default();
        let heard = |rate: &mut Rate, sender: &[u8], at| {
            (0..1000)
                .filter(|_| rate.allows(sender, 10, Mono(at)))
                .count()
        };
        assert_eq!(heard(&mut rate, b"one", 0), 40);
        assert_eq!(heard(&mut rate, b"other", 0), 40);
        assert_eq!(heard(&mut rate, b"one", NANOS), 10);
        assert!((0..1000).all(|_| rate.allows(b"one", 0, Mono(0))));
    }

    /// SEC-006: who is served all the same waits for what was too much, and no longer than a minute.
    #[test]
    fn a_sender_that_is_served_all_the_same_waits() {
        let mut rate = Rate::default();
        // Four seconds' worth at once.
        for _ in 0..7 {
            assert_eq!(rate.charge(b"one", 2, Mono(NANOS)), Mono(NANOS));
        }
        let half = NANOS / 2;
        assert_eq!(rate.charge(b"one", 2, Mono(NANOS)), Mono(NANOS + half));
        assert_eq!(rate.charge(b"one", 2, Mono(NANOS)), Mono(2 * NANOS));
        // Whoever waits as long goes on, at the rate.
        let next = rate.charge(b"one", 2, Mono(2 * NANOS));
        assert_eq!(next, Mono(2 * NANOS + half));
        assert_eq!(rate.charge(b"other", 2, Mono(NANOS)), Mono(NANOS));
        assert_eq!(rate.charge(b"one", 0, Mono(NANOS)), Mono(NANOS));
        let latest = (0..1000).map(|_| rate.charge(b"one", 2, Mono(0))).max();
        assert!(latest.unwrap() <= Mono(60 * NANOS));
    }
}

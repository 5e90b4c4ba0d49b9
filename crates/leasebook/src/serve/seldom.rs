//! Events that strangers can cause at will are told once a minute at most.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How often an event is told at most.
const EVERY: Duration = Duration::from_mins(1);

/// Counts what happened since an event was last told.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    times: u64,
}

impl Seldom {
    /// It happened: how many times since it was told, if it is to be told now.
    pub(crate) fn now(&self) -> Option<u64> {
        self.at(Instant::now())
    }

    fn at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock();
        state.times += 1;
        if state
            .last
            .is_some_and(|last| now.duration_since(last) < EVERY)
        {
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_once_a_minute_with_how_often_it_was() {
        let (seldom, start) = (Seldom::default(), Instant::now());
        assert_eq!(seldom.at(start), Some(1));
        assert_eq!(seldom.at(start + Duration::from_secs(1)), None);
        assert_eq!(seldom.at(start + Duration::from_secs(59)), None);
        assert_eq!(seldom.at(start + Duration::from_mins(1)), Some(3));
    }
}

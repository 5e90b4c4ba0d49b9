//! The highest rate without a drop.

use std::time::Duration;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Of each step of the search.
    pub(crate) step: Duration,
    /// Where the search begins, in exchanges a second.
    pub(crate) from: u32,
    /// Steps at most; 1 does not search at all.
    pub(crate) steps: u32,
    /// Rounds of what is measured beside.
    pub(crate) rounds: usize,
    /// Measure at this rate alone, and do not search.
    pub(crate) rate: Option<u32>,
}

impl Effort {
    /// Whether it is only to be seen that it runs.
    pub(crate) fn is_smoke(&self) -> bool {
        self.steps == 1
    }

    /// The rate at which all are compared: half of the slowest one's highest.
    pub(crate) fn equal_rate(&self, found: &[Highest]) -> u32 {
        let slowest = found.iter().map(|found| found.rate);
        let half = whole(slowest.fold(f64::MAX, f64::min) / 2.0).max(1);
        self.rate.unwrap_or(half)
    }
}

/// What one try was.
pub(crate) struct Tried {
    /// Exchanges begun in each second.
    pub(crate) rate: f64,
    pub(crate) is_clean: bool,
    /// Processor seconds that what is measured took for each exchange.
    pub(crate) each: f64,
}

/// What was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Highest {
    /// Exchanges a second.
    pub(crate) rate: f64,
    /// Whether it was the load that could give no more.
    pub(crate) is_of_load: bool,
    /// Processor seconds for each exchange at that rate.
    pub(crate) each: f64,
}

/// Looks for the highest rate at which one of two tries has no drop: twice as much each time until
/// it is too much, then in between.
pub(crate) fn highest(
    effort: Effort,
    mut attempt: impl FnMut(u32) -> anyhow::Result<Tried>,
) -> anyhow::Result<Highest> {
    let effort = effort.rate.map_or(effort, |from| Effort {
        from,
        steps: 1,
        ..effort
    });
    let mut best = Highest {
        rate: 0.0,
        is_of_load: false,
        each: 0.0,
    };
    let mut bad = None;
    let mut rate = effort.from;
    for _ in 0..effort.steps {
        let first = attempt(rate)?;
        let tried = if first.is_clean {
            first
        } else {
            attempt(rate)?
        };
        if !tried.is_clean {
            bad = Some(rate);
        } else if tried.rate > best.rate {
            (best.rate, best.each) = (tried.rate, tried.each);
        }
        best.is_of_load = tried.is_clean && tried.rate < 0.9 * f64::from(rate);
        if best.is_of_load {
            break;
        }
        rate = next(rate, best.rate, bad);
    }
    Ok(best)
}

fn next(rate: u32, good: f64, bad: Option<u32>) -> u32 {
    match bad {
        None => rate * 2,
        Some(bad) => whole(good).midpoint(bad).max(1),
    }
}

/// A rate without its fraction.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is a positive number below 2^32"
)]
pub(crate) fn whole(rate: f64) -> u32 {
    rate as u32
}

/// A count, for dividing by.
pub(crate) fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

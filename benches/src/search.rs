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
}

impl Effort {
    /// Whether it is only to be seen that it runs.
    pub(crate) fn is_smoke(&self) -> bool {
        self.steps == 1
    }
}

/// What one try was.
pub(crate) struct Tried {
    /// Exchanges begun in each second.
    pub(crate) rate: f64,
    pub(crate) is_clean: bool,
}

/// What was found.
#[derive(Clone, Copy)]
pub(crate) struct Highest {
    /// Exchanges a second.
    pub(crate) rate: f64,
    /// Whether it was the load that could give no more.
    pub(crate) is_of_load: bool,
}

/// Looks for the highest rate at which one of two tries has no drop: half as much again each
/// time until it is too much, then in between.
pub(crate) fn highest(
    effort: Effort,
    mut attempt: impl FnMut(u32) -> anyhow::Result<Tried>,
) -> anyhow::Result<Highest> {
    let (mut good, mut bad) = (0.0_f64, None::<u32>);
    let mut rate = effort.from;
    for _ in 0..effort.steps {
        let first = attempt(rate)?;
        let tried = if first.is_clean {
            first
        } else {
            attempt(rate)?
        };
        if tried.is_clean && tried.rate < 0.9 * f64::from(rate) {
            let rate = tried.rate.max(good);
            return Ok(Highest {
                rate,
                is_of_load: true,
            });
        }
        if tried.is_clean {
            good = good.max(tried.rate);
        } else {
            bad = Some(rate);
        }
        rate = next(rate, good, bad);
    }
    Ok(Highest {
        rate: good,
        is_of_load: false,
    })
}

fn next(rate: u32, good: f64, bad: Option<u32>) -> u32 {
    match bad {
        None => rate + rate / 2,
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

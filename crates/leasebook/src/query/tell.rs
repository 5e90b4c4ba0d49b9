//! What is told beside the result, on standard error.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use leasebook_protocol::requestor::{Account, Cause, Deviations, Outcome};

use crate::text::duration;

/// Tells the operator how it goes.
pub(super) struct Teller {
    /// Nothing but failures is told.
    pub(super) is_quiet: bool,
    /// Where progress is shown.
    progress: Option<ProgressBar>,
}

impl Teller {
    /// A teller; with progress only where somebody can watch it.
    pub(super) fn new(is_quiet: bool, shows_progress: bool) -> Self {
        let progress = (shows_progress && !is_quiet).then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { is_quiet, progress }
    }

    /// Shows how much has come.
    pub(super) fn progress(&self, leases: u64, since: Duration) {
        let Some(bar) = &self.progress else {
            return;
        };
        let rate = u128::from(leases) * 1000 / since.as_millis().max(1);
        let rate = HumanCount(u64::try_from(rate).unwrap_or(u64::MAX));
        bar.set_message(format!("{} leases, {rate} a second", HumanCount(leases)));
        bar.tick();
    }

    /// Takes the progress off the screen.
    pub(super) fn end_progress(&self) {
        if let Some(bar) = &self.progress {
            bar.finish_and_clear();
        }
    }

    /// An attempt failed and there will be another.
    pub(super) fn again(&self, server: &str, cause: &Cause, wait: Duration, repeats: bool) {
        if self.is_quiet {
            return;
        }
        // Tenths are as exact as anybody wants to know.
        let wait = duration::show(Duration::from_millis(tenths_ms(wait)));
        let repeats = if repeats {
            "; what came already will come again"
        } else {
            ""
        };
        self.line(&format!("{server}: {cause}; again in {wait}{repeats}"));
    }

    /// What came of one server.
    pub(super) fn summary(&self, server: &str, account: &Account, deviations: &Deviations) {
        let outcome = account.outcome();
        if self.is_quiet && outcome == Outcome::Complete {
            return;
        }
        let tally = account.tally();
        let mut line = format!("{server}: ");
        // Writing to a String cannot fail.
        let _ = match outcome {
            Outcome::Complete if tally.messages == 0 => write!(line, "complete, no binding"),
            Outcome::Complete => write!(line, "complete"),
            Outcome::Partial(cause) => write!(line, "partial: {cause}"),
            Outcome::Refused { status, text } if text.is_empty() => {
                write!(line, "refused: {status} ({})", status.0)
            }
            Outcome::Refused { status, text } => {
                write!(line, "refused: {status} ({}): {text}", status.0)
            }
            Outcome::Unanswered(cause) => write!(line, "no answer: {cause}"),
        };
        if tally.messages > 0 {
            let _ = write!(
                line,
                "; {} leases in {} messages, {}",
                HumanCount(tally.leases),
                HumanCount(tally.messages),
                HumanBytes(tally.octets)
            );
        }
        self.line(&line);
        if self.is_quiet {
            return;
        }
        for (kind, count) in deviations.seen() {
            let times = match count {
                1 => "once".to_owned(),
                count => format!("{} times", HumanCount(count)),
            };
            self.line(&format!("  {kind}, {times} ({})", kind.name()));
        }
    }

    /// One line, above the progress if that is shown.
    pub(super) fn line(&self, line: &str) {
        let write = || {
            // Where standard error is gone there is nobody left to tell.
            let _ = writeln!(io::stderr(), "{line}");
        };
        match &self.progress {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

/// Milliseconds, rounded up to tenths of a second.
fn tenths_ms(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis().div_ceil(100).saturating_mul(100)).unwrap_or(u64::MAX)
}

//! What came of one server, whatever was asked of it (BLQ-R-041).

use leasebook_wire::code::StatusCode;

use super::error::Cause;
use super::event::{Ending, Tally};

/// How it went with one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything asked was answered to the end; perhaps there was nothing to tell.
    Complete,
    /// What came is true as far as it goes, but not all came.
    Partial(Cause),
    /// The server answers what was asked with an error status.
    Refused {
        /// The status code.
        status: StatusCode,
        /// Its message; perhaps empty.
        text: String,
    },
    /// Nothing was answered.
    Unanswered(Cause),
}

/// Gathers how the queries of one server ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    answered: u64,
    partial: Option<Cause>,
    unanswered: Option<Cause>,
    refused: Option<(StatusCode, String)>,
    tally: Tally,
}

impl Account {
    /// Adds how one query ended. Of several failures of one kind the first is told.
    pub fn add(&mut self, ending: Ending, tally: Tally) {
        match ending {
            Ending::Complete | Ending::NoneFound => self.answered = self.answered.saturating_add(1),
            Ending::Refused { status, text } => {
                self.refused.get_or_insert((status, text));
            }
            Ending::Partial(cause) => {
                self.partial.get_or_insert(cause);
            }
            Ending::Unanswered(cause) => {
                self.unanswered.get_or_insert(cause);
            }
        }
        let sum = &mut self.tally;
        sum.attempts = sum.attempts.saturating_add(tally.attempts);
        sum.messages = sum.messages.saturating_add(tally.messages);
        sum.leases = sum.leases.saturating_add(tally.leases);
        sum.octets = sum.octets.saturating_add(tally.octets);
    }

    /// What came of all queries together.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// How it went: complete only if every query was; an answer beside a failure is partial.
    pub fn outcome(&self) -> Outcome {
        match (&self.partial, &self.unanswered, &self.refused) {
            (Some(cause), _, _) => Outcome::Partial(cause.clone()),
            (None, Some(cause), refused) if self.answered > 0 || refused.is_some() => {
                Outcome::Partial(cause.clone())
            }
            (None, Some(cause), _) => Outcome::Unanswered(cause.clone()),
            (None, None, Some((status, text))) => Outcome::Refused {
                status: *status,
                text: text.clone(),
            },
            (None, None, None) => Outcome::Complete,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(endings: &[Ending]) -> Outcome {
        let mut account = Account::default();
        for ending in endings {
            account.add(ending.clone(), Tally::default());
        }
        account.outcome()
    }

    /// BLQ-R-041: per server, complete, partial, refused and unreachable are told apart.
    #[test]
    fn tells_outcomes_apart() {
        let refused = Ending::Refused {
            status: StatusCode::NOT_ALLOWED,
            text: "no".into(),
        };
        let gone = Ending::Unanswered(Cause::ConnectTimeout { secs: 30 });
        assert_eq!(outcome(&[]), Outcome::Complete);
        assert_eq!(
            outcome(&[Ending::Complete, Ending::NoneFound]),
            Outcome::Complete
        );
        assert_eq!(
            outcome(&[Ending::Complete, refused.clone()]),
            Outcome::Refused {
                status: StatusCode::NOT_ALLOWED,
                text: "no".into()
            }
        );
        assert_eq!(
            outcome(&[gone.clone(), gone.clone()]),
            Outcome::Unanswered(Cause::ConnectTimeout { secs: 30 })
        );
        for first in [Ending::Complete, refused] {
            assert_eq!(
                outcome(&[first, gone.clone()]),
                Outcome::Partial(Cause::ConnectTimeout { secs: 30 })
            );
        }
        assert_eq!(
            outcome(&[gone, Ending::Partial(Cause::Closed)]),
            Outcome::Partial(Cause::Closed)
        );
    }
}

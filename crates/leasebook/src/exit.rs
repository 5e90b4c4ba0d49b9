//! How the program ends: the exit codes scripts rely on.

use std::process::ExitCode;

/// How a command ended, as the exit code tells it.
///
/// Ordered by how much a script has to worry: of several outcomes the greater number is
/// not always the worse one, so combine them by [`Exit::of_servers`], not by `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Everything asked for was done; every server asked answered in full.
    Complete = 0,
    /// A usage error, or something on this machine: a file, a directory, a socket.
    Local = 1,
    /// No server answered.
    NoServer = 2,
    /// Some server failed or its reply ended early; what came is in the output.
    Partial = 3,
    /// The server refused; its status is on standard error.
    Refused = 4,
}

/// How a query ended at one server. Source: BLQ-R-041.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServerOutcome {
    /// The reply is whole, be it empty.
    Complete,
    /// The reply began and ended early, or messages of it had to be dropped.
    Partial,
    /// The server answered with a status other than Success.
    Refused,
    /// No answer: no connection, or none of its messages was an answer.
    Unreachable,
}

impl Exit {
    /// The exit code for a query put to several servers.
    ///
    /// All complete: [`Exit::Complete`]. None answered: [`Exit::NoServer`]. Every server
    /// that answered refused: [`Exit::Refused`]. Anything else has some of the answer:
    /// [`Exit::Partial`].
    pub fn of_servers(outcomes: &[ServerOutcome]) -> Self {
        let count = |kind| outcomes.iter().filter(|one| **one == kind).count();
        let unreachable = count(ServerOutcome::Unreachable);
        let refused = count(ServerOutcome::Refused);
        if count(ServerOutcome::Complete) == outcomes.len() && !outcomes.is_empty() {
            Self::Complete
        } else if unreachable == outcomes.len() {
            Self::NoServer
        } else if refused + unreachable == outcomes.len() {
            Self::Refused
        } else {
            Self::Partial
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::{Exit, ServerOutcome};

    /// BLQ-R-041: each mix of outcomes has its exit code.
    #[test]
    fn outcomes_of_several_servers_make_one_exit_code() {
        use ServerOutcome::{Complete, Partial, Refused, Unreachable};
        let table: [(&[ServerOutcome], Exit); 9] = [
            (&[Complete], Exit::Complete),
            (&[Complete, Complete], Exit::Complete),
            (&[Complete, Unreachable], Exit::Partial),
            (&[Complete, Refused], Exit::Partial),
            (&[Partial], Exit::Partial),
            (&[Unreachable, Unreachable], Exit::NoServer),
            (&[Refused], Exit::Refused),
            (&[Refused, Unreachable], Exit::Refused),
            (&[], Exit::NoServer),
        ];
        for (outcomes, exit) in table {
            assert_eq!(Exit::of_servers(outcomes), exit, "{outcomes:?}");
        }
    }
}

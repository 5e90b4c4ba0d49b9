//! The signals that steer the server.

use std::io;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM or SIGINT: stop in order.
    Stop,
    /// SIGHUP: read limits and rights again.
    Reload,
}

/// Catches them from its making on.
pub struct Signals {
    /// SIGTERM.
    terminate: Stream,
    /// SIGINT.
    interrupt: Stream,
    /// SIGHUP.
    hang_up: Stream,
}

impl Signals {
    /// Begins to catch; must be called within the runtime.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one. Nothing is lost if the wait is given up.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_to_this_process_is_caught() {
        let mut signals = Signals::new().unwrap();
        let own = rustix::process::getpid();
        rustix::process::kill_process(own, rustix::process::Signal::HUP).unwrap();
        assert_eq!(signals.next().await, Signal::Reload);
        rustix::process::kill_process(own, rustix::process::Signal::TERM).unwrap();
        assert_eq!(signals.next().await, Signal::Stop);
    }
}

//! A query in bulk: the requestor of one server, and the gatherer of all.

use std::io::Write;
use std::sync::Arc;

use leasebook_protocol::requestor::{Action, Connection, Deviations, Input};
use leasebook_protocol::{Mono, Now};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::connect::Route;
use super::gather::Gather;
use super::task::{Machine, Task};
use crate::clock::Clock;

/// One server's requestor.
pub(super) struct Asking<W: Write> {
    /// The server's place among those given.
    pub(super) number: usize,
    /// The machine, with its queries asked.
    pub(super) machine: Connection,
    /// Where events go.
    pub(super) gather: Arc<Mutex<Gather<W>>>,
}

impl<W: Write> Asking<W> {
    /// Asks until all is answered or given up; what the server did wrong.
    pub(super) async fn run(
        self,
        route: Route,
        stop: watch::Receiver<bool>,
        clock: Clock,
    ) -> Deviations {
        let machine = self;
        let task = Task {
            machine,
            route,
            stop,
            clock,
        };
        task.run().await.machine.deviations().clone()
    }
}

impl<W: Write> Machine for Asking<W> {
    fn take(&mut self, now: Now, input: Input<'_>) {
        let (machine, number) = (&mut self.machine, self.number);
        let mut gather = self.gather.lock();
        machine.handle(now, input, &mut |event| gather.take(number, event, now));
        gather.flush();
        let has_failed = gather.has_failed();
        drop(gather);
        if has_failed && !self.machine.is_finished() {
            // Nobody takes what would still come.
            self.machine.handle(now, Input::Stop, &mut |_| {});
        }
    }

    fn poll(&mut self) -> Option<Action> {
        self.machine.poll()
    }

    fn deadline(&self) -> Option<Mono> {
        self.machine.deadline()
    }

    fn is_finished(&self) -> bool {
        self.machine.is_finished()
    }
}

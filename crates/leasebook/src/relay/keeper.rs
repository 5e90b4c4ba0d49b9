//! The thread that keeps the kernel's routes: changes in their order, and now and then all of them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use leasebook_protocol::relay::reconcile::RouteOp;

use super::kernel::{Failed, Marks, Routes};
use crate::log::events;
use crate::metrics::relay as counters;
use crate::serve::Seldom;
use crate::tell;

/// Work for the thread.
enum Work {
    /// Make these changes.
    Change(Vec<RouteOp>),
    /// Make the kernel's routes equal to these.
    Hold {
        wanted: Vec<RouteOp>,
        keeps_unknown: bool,
    },
}

/// The way to the thread; it ends with the last of these.
#[derive(Clone)]
pub(super) struct Keeper {
    work: Sender<Work>,
    progress: Arc<Progress>,
}

/// What was done so far.
#[derive(Debug, Default)]
pub(super) struct Progress {
    asked: AtomicU64,
    done: AtomicU64,
    failed: AtomicU64,
    is_lacking: AtomicBool,
}

impl Progress {
    /// Changes that were asked for and are not made yet.
    pub(super) fn waiting(&self) -> u64 {
        let done = self.done.load(Ordering::Acquire);
        self.asked.load(Ordering::Acquire).saturating_sub(done)
    }

    /// Changes that the kernel refused, since the start.
    pub(super) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Whether the kernel refused something since all was last held equal: another attempt is
    /// due.
    pub(super) fn is_lacking(&self) -> bool {
        self.is_lacking.load(Ordering::Relaxed)
    }
}

impl Keeper {
    /// Begins the thread.
    pub(super) fn begin(marks: Marks) -> io::Result<Self> {
        let mut routes = Routes::open(marks)?;
        routes.may_change()?;
        let (work, orders) = channel();
        let progress = Arc::new(Progress::default());
        let thread = Thread {
            routes,
            progress: Arc::clone(&progress),
            refused: Seldom::default(),
        };
        std::thread::Builder::new()
            .name("routes".to_owned())
            .spawn(move || thread.run(&orders))?;
        Ok(Self { work, progress })
    }

    /// Has changes made, in their order.
    pub(super) fn change(&self, ops: Vec<RouteOp>) {
        self.count(ops.len());
        // A thread that is gone has told why.
        let _ = self.work.send(Work::Change(ops));
    }

    /// Has all routes held equal to the wanted ones.
    pub(super) fn hold(&self, wanted: Vec<RouteOp>, keeps_unknown: bool) {
        self.count(1);
        let work = Work::Hold {
            wanted,
            keeps_unknown,
        };
        let _ = self.work.send(work);
    }

    /// How far the work is.
    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    fn count(&self, changes: usize) {
        let changes = u64::try_from(changes).unwrap_or(u64::MAX);
        self.progress.asked.fetch_add(changes, Ordering::AcqRel);
    }
}

struct Thread {
    routes: Routes,
    progress: Arc<Progress>,
    refused: Seldom,
}

impl Thread {
    fn run(mut self, orders: &Receiver<Work>) {
        while let Ok(work) = orders.recv() {
            match work {
                Work::Change(ops) => {
                    let done = self.routes.apply(&ops);
                    counters::count_routes(&ops);
                    match done {
                        Ok(failed) => self.failed(&failed),
                        Err(error) => self.broken(&error),
                    }
                    self.done(ops.len());
                }
                Work::Hold {
                    wanted,
                    keeps_unknown,
                } => {
                    self.progress.is_lacking.store(false, Ordering::Relaxed);
                    match self.routes.hold(&wanted, keeps_unknown) {
                        Ok(held) => {
                            if held.repaired > 0 {
                                tell!(
                                    events::RELAY_ROUTES_REPAIRED,
                                    wanted = wanted.len(),
                                    found = held.actual,
                                    changes = held.repaired
                                );
                            }
                            self.failed(&held.failed);
                        }
                        Err(error) => self.broken(&error),
                    }
                    self.done(1);
                }
            }
        }
    }

    fn done(&self, changes: usize) {
        let changes = u64::try_from(changes).unwrap_or(u64::MAX);
        self.progress.done.fetch_add(changes, Ordering::AcqRel);
    }

    fn failed(&mut self, failed: &[Failed]) {
        let Some(first) = failed.first() else {
            return;
        };
        self.progress.is_lacking.store(true, Ordering::Relaxed);
        let count = u64::try_from(failed.len()).unwrap_or(u64::MAX);
        self.progress.failed.fetch_add(count, Ordering::Relaxed);
        counters::count_refused_routes(count);
        if let Some(times) = self.refused.now() {
            let (prefix, error) = (first.op.prefix, &first.error);
            tell!(events::RELAY_ROUTE_FAILED, prefix = %prefix, error = %error, count, times);
        }
    }

    fn broken(&mut self, error: &io::Error) {
        self.progress.is_lacking.store(true, Ordering::Relaxed);
        if let Some(times) = self.refused.now() {
            tell!(events::RELAY_NETLINK_FAILED, error = %error, times);
        }
    }
}

//! The filter for what customers send (RELAY-059, RELAY-061, SEC-020): rules of nftables in a
//! table of our own, whose sets follow the delegations.
//!
//! ```text
//!  ingress (prerouting) ──► not a client-facing interface: passes
//!     │  link-local or unspecified source ───────────────┐
//!     ├─► own_sources: prefixes of the interface itself ─┤
//!     ├─► delegated_sources: delegated there ────────────┼─► loops ─► own_destinations: passes
//!     └─► counted and dropped                            │     └────► delegated_destinations:
//!                                                        │            counted, dropped
//! ```
//!
//! | module | its room |
//! |---|---|
//! | `rules` | the text that nft(8) reads |
//! | `nft` | running it |
//! | `watch` | who else touches our table |
//!
//! A thread of its own, for nft takes milliseconds. It gathers changes that come while it works, and
//! every run is one transaction: there is no moment without rules. Like routes, what is there
//! from an earlier run stays until every server has told everything (RELAY-064). Why nft(8) and not
//! a library, and why hashed sets by prefix length: docs/decisions/0006-filter.md.

mod nft;
mod rules;
mod watch;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use ipnet::Ipv6Net;

pub(super) use self::nft::{Nft, is_there};
use self::rules::{Elements, Rules};
use crate::config::relay::Filter as Settings;
use crate::log::events;
use crate::metrics::relay as counters;
use crate::serve::Seldom;
use crate::tell;

pub(super) use self::watch::watch;

/// How long changes gather: well within the second that is allowed (SEC-020).
const GATHER: Duration = Duration::from_millis(20);

/// The first wait after a failure, and the shortest time between two repairs.
const RETRY_FIRST: Duration = Duration::from_millis(500);

/// The longest wait after failures.
const RETRY_LAST: Duration = Duration::from_mins(1);

/// Where a prefix is delegated now; none is nowhere.
pub(super) type Change = (Ipv6Net, Option<Arc<str>>);

/// A client-facing interface, and the prefixes that are its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FilteredPort {
    /// The interface's name.
    pub(super) interface: String,
    /// The prefixes on it.
    pub(super) on_link: Vec<Ipv6Net>,
}

/// Work for the thread.
enum Work {
    Change(Vec<Change>),
    Ports(Vec<FilteredPort>),
    /// Everything is known: what is not, goes.
    Complete,
    /// Somebody else changed our table, or may have.
    Touched,
}

/// The way to the thread; it ends with the last of these, and the rules stay.
#[derive(Clone)]
pub(super) struct Filter {
    work: Sender<Work>,
}

impl Filter {
    /// Begins the thread.
    pub(super) fn begin(settings: &Settings) -> std::io::Result<Self> {
        let (work, orders) = channel();
        let nft = Nft::new(&settings.nft);
        let touch = work.clone();
        let watched = watch(&settings.table, nft.own(), move || {
            touch.send(Work::Touched).is_ok()
        });
        if let Err(error) = watched {
            // Without it the rules are right as long as nobody else touches them.
            tell!(events::RELAY_FILTER_UNWATCHED, error = %error);
        }
        let thread = Thread {
            rules: Rules::new(settings),
            nft,
            ports: Vec::new(),
            delegated: HashMap::new(),
            state: State::Absent,
            wait: RETRY_FIRST,
            failed: Seldom::default(),
        };
        std::thread::Builder::new()
            .name("filter".to_owned())
            .spawn(move || thread.run(&orders))?;
        Ok(Self { work })
    }

    /// Delegations that changed, in their order.
    pub(super) fn change(&self, changes: Vec<Change>) {
        // A thread that is gone has told why.
        let _ = self.work.send(Work::Change(changes));
    }

    /// The client-facing interfaces as they are now.
    pub(super) fn ports(&self, ports: Vec<FilteredPort>) {
        let _ = self.work.send(Work::Ports(ports));
    }

    /// Every server has told everything.
    pub(super) fn complete(&self) {
        let _ = self.work.send(Work::Complete);
    }
}

/// What of the rules is in the kernel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing of this run. What an earlier one left is kept.
    Absent,
    /// All we know, and perhaps more from an earlier run.
    Loaded,
    /// What we know and nothing else.
    Exact,
}

struct Thread {
    rules: Rules,
    nft: Nft,
    ports: Vec<FilteredPort>,
    delegated: HashMap<Ipv6Net, Arc<str>>,
    state: State,
    wait: Duration,
    failed: Seldom,
}

/// What a gathering of work comes to.
#[derive(Default)]
struct Turn {
    elements: Elements,
    has_new_ports: bool,
    is_complete: bool,
    is_touched: bool,
}

impl Thread {
    fn run(mut self, orders: &Receiver<Work>) {
        let mut is_exact = false;
        let mut retry_at = None;
        loop {
            let mut turn = Turn::default();
            match next(orders, retry_at) {
                Ok(Some(work)) => self.take(work, &mut turn),
                Ok(None) => turn.is_touched = true,
                Err(()) => return,
            }
            std::thread::sleep(GATHER);
            while let Ok(work) = orders.try_recv() {
                self.take(work, &mut turn);
            }
            is_exact |= turn.is_complete;
            // Nothing is put in before it is known where; that comes first of all.
            if self.ports.is_empty() && self.state == State::Absent {
                retry_at = None;
                continue;
            }
            let done = self.turn(&turn, is_exact);
            retry_at = match done {
                Ok(()) => {
                    self.wait = RETRY_FIRST;
                    None
                }
                Err(error) => Some(self.fail(&error)),
            };
        }
    }

    fn take(&mut self, work: Work, turn: &mut Turn) {
        match work {
            Work::Change(changes) => {
                for (prefix, interface) in changes {
                    self.change(prefix, interface, &mut turn.elements);
                }
            }
            Work::Ports(ports) => {
                turn.has_new_ports |= ports != self.ports;
                self.ports = ports;
            }
            Work::Complete => turn.is_complete = true,
            Work::Touched => turn.is_touched = true,
        }
    }

    fn change(&mut self, prefix: Ipv6Net, interface: Option<Arc<str>>, elements: &mut Elements) {
        let before = match &interface {
            Some(interface) => self.delegated.insert(prefix, Arc::clone(interface)),
            None => self.delegated.remove(&prefix),
        };
        if before == interface {
            return;
        }
        if let Some(before) = before {
            elements.take_out(prefix, before);
        }
        if let Some(interface) = interface {
            elements.put_in(prefix, interface);
        }
    }

    /// One transaction for all that has gathered.
    fn turn(&mut self, turn: &Turn, is_exact: bool) -> Result<(), String> {
        let wanted = if is_exact {
            State::Exact
        } else {
            State::Loaded
        };
        let needs_all = turn.is_touched || self.state == State::Absent || self.state != wanted;
        if needs_all {
            // What failed may have been half of what is known; all of it is put in again.
            self.state = State::Absent;
            let script = self.rules.all(&self.ports, &self.delegated, is_exact);
            self.nft.run(&script)?;
            self.state = wanted;
            tell!(
                events::RELAY_FILTER_LOADED,
                interfaces = self.ports.len(),
                delegations = self.delegated.len(),
                repaired = turn.is_touched
            );
            counters::count_filter("loaded");
            return Ok(());
        }
        let mut script = String::new();
        if turn.has_new_ports {
            self.rules.ports(&self.ports, &mut script);
        }
        if self.rules.follows_delegations() {
            self.rules.elements(&turn.elements, &mut script);
        }
        if script.is_empty() {
            return Ok(());
        }
        let done = self.nft.run(&script);
        if done.is_err() {
            self.state = State::Absent;
        }
        counters::count_filter("changed");
        done
    }

    /// Tells of a failure; when to try again.
    fn fail(&mut self, error: &str) -> Instant {
        counters::count_filter("failed");
        if let Some(times) = self.failed.now() {
            tell!(events::RELAY_FILTER_FAILED, error, times);
        }
        let at = Instant::now() + self.wait;
        self.wait = (self.wait * 2).min(RETRY_LAST);
        at
    }
}

/// The next work; none when it is time to try again. An error is the end.
fn next(orders: &Receiver<Work>, retry_at: Option<Instant>) -> Result<Option<Work>, ()> {
    let Some(at) = retry_at else {
        return orders.recv().map(Some).map_err(|_| ());
    };
    let wait = at.saturating_duration_since(Instant::now());
    match orders.recv_timeout(wait) {
        Ok(work) => Ok(Some(work)),
        Err(RecvTimeoutError::Timeout) => Ok(None),
        Err(RecvTimeoutError::Disconnected) => Err(()),
    }
}

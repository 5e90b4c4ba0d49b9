//! The machine of one server.
//!
//! ```text
//!             ask                     Connected
//!   Idle ───────────► Connecting ─────────────────► Open ──┐ queries, replies
//!    ▲ ▲                  │ failed, timeout          │ ▲───┘
//!    │ └─── Resting ◄─────┴──────────────────────────┤ cut, timeout, conduct,
//!    │      (back-off)        with something to retry │ with queries outstanding
//!    └───────────────────────────────────────────────┘ closed while idle
//! ```
//!
//! Rules of use: after [`Connection::ask`] and after every [`Connection::handle`], drain
//! [`Connection::poll`] and set a timer to [`Connection::deadline`]. Inputs that do not
//! fit the state, late ones after a close among them, are harmless. Time never runs back.

mod fail;
mod receive;
mod send;

use std::collections::VecDeque;
use std::fmt;

use leasebook_wire::{Deframer, Xid};

use super::ask::{Ask, AskError};
use super::config::{Config, MAX_WAITING};
use super::deviation::Deviations;
use super::error::Cause;
use super::event::{Action, Event, Input, QueryId, Tally};
use crate::time::{Mono, Now};

/// Where unpredictable numbers come from: transaction-ids and jitter (BLQ-R-011).
///
/// Every call gives 64 fresh bits. Outside tests it must be cryptographic (SEC-022).
pub type Entropy = Box<dyn FnMut() -> u64 + Send>;

/// Asks one server, one connection at a time.
pub struct Connection {
    config: Config,
    entropy: Entropy,
    link: Link,
    /// Queries not asked on the present connection, in order.
    waiting: VecDeque<Query>,
    /// Queries written, or being written, whose reply is not complete; at most the
    /// pipelining limit.
    outstanding: Vec<Outstanding>,
    actions: VecDeque<Action>,
    deviations: Deviations,
    /// Attempts failed since a query was last completed.
    failures: u32,
    next_query: u32,
    is_finishing: bool,
}

/// What there is of a connection.
#[derive(Debug)]
enum Link {
    /// None, and none asked for.
    Idle,
    /// Asked for; given up at this time.
    Connecting(Mono),
    /// Made.
    Open(Open),
    /// None, and none wanted before this time (BLQ-R-004).
    Resting(Mono),
    /// None, and no more queries.
    Finished,
}

/// A connection that is made.
#[derive(Debug)]
struct Open {
    inbox: Deframer,
    /// Octets handed out to be sent, and octets of them known to be written.
    handed: u64,
    written: u64,
    /// When octets last moved, in either direction (D-15).
    moved: Mono,
    /// The SERVERID wanted, else the first seen (D-03).
    server_id: Option<Box<[u8]>>,
    malformed: u32,
    unexpected: u32,
    /// A query was completed on it.
    has_served: bool,
    /// A failure on it was counted already.
    has_failed: bool,
    /// The sending side was ended.
    is_half_closed: bool,
}

/// One query, through all its attempts.
#[derive(Debug)]
struct Query {
    id: QueryId,
    ask: Ask,
    not_before: Mono,
    tally: Tally,
    /// Was asked anew once because an idle connection turned out closed.
    was_excused: bool,
}

/// A query that was sent.
#[derive(Debug)]
struct Outstanding {
    query: Query,
    xid: Xid,
    /// The octets handed out up to its end; it is written when that many are.
    ends_at: u64,
    has_reply: bool,
    spoilt: u64,
}

impl Connection {
    /// A requestor of one server; nothing is connected until something is asked.
    pub fn new(config: Config, entropy: Entropy) -> Self {
        Self {
            config,
            entropy,
            link: Link::Idle,
            waiting: VecDeque::new(),
            outstanding: Vec::new(),
            actions: VecDeque::new(),
            deviations: Deviations::default(),
            failures: 0,
            next_query: 0,
            is_finishing: false,
        }
    }

    // Getters

    /// What the server did wrong so far, over all connections.
    pub fn deviations(&self) -> &Deviations {
        &self.deviations
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Queries that have not ended.
    pub fn pending(&self) -> usize {
        self.waiting.len().saturating_add(self.outstanding.len())
    }

    /// Whether all that was asked has ended, no more can be asked, and the connection is closed.
    pub fn is_finished(&self) -> bool {
        matches!(self.link, Link::Finished)
    }

    // Commands

    /// Asks a query, at once or when its turn comes. Connects if need be (BLQ-R-044).
    pub fn ask(&mut self, now: Now, ask: Ask) -> Result<QueryId, AskError> {
        if self.is_finishing || self.is_finished() {
            return Err(AskError::Finishing);
        }
        if self.waiting.len() >= MAX_WAITING {
            return Err(AskError::QueueFull { limit: MAX_WAITING });
        }
        // Composed only to find out now, not later, whether it can be.
        ask.compose(Xid::from_number(0), &self.config, &mut Vec::new())?;
        let id = QueryId(self.next_query);
        self.next_query = self.next_query.wrapping_add(1);
        self.waiting.push_back(Query {
            id,
            ask,
            not_before: now.mono,
            tally: Tally::default(),
            was_excused: false,
        });
        self.go_on(now);
        Ok(id)
    }

    /// No more queries come: the connection is closed when those asked have ended (BLQ-R-043).
    pub fn finish(&mut self, now: Now) {
        self.is_finishing = true;
        self.go_on(now);
    }

    // Inputs

    /// Takes in what happened; what comes of it goes to `sink` before this returns.
    pub fn handle(&mut self, now: Now, input: Input<'_>, sink: &mut impl FnMut(Event<'_>)) {
        match input {
            Input::Connected => self.connected(now),
            Input::ConnectFailed(reason) => {
                let reason = reason.to_owned();
                self.connect_failed(now, &Cause::ConnectFailed { reason }, sink);
            }
            Input::Octets(octets) => self.receive(now, octets, sink),
            Input::Sent(octets) => {
                if let Link::Open(open) = &mut self.link {
                    open.written = open
                        .written
                        .saturating_add(u64::try_from(octets).unwrap_or(u64::MAX))
                        .min(open.handed);
                    open.moved = now.mono;
                }
            }
            Input::PeerClosed => {
                if let Link::Open(open) = &self.link {
                    let cause = open
                        .inbox
                        .finish()
                        .map_or_else(Cause::ClosedInMessage, |()| Cause::Closed);
                    self.lose(now, &cause, sink);
                }
            }
            Input::Broken(reason) => {
                let reason = reason.to_owned();
                self.lose(now, &Cause::Broken { reason }, sink);
            }
            Input::Timer => self.expire(now, sink),
            Input::Stop => self.stop(sink),
        }
        self.go_on(now);
    }

    // Outputs

    /// The next thing to do with the socket.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Input::Timer`] is due; none while nothing is waited for.
    pub fn deadline(&self) -> Option<Mono> {
        match &self.link {
            Link::Finished => None,
            Link::Connecting(until) => Some(*until),
            // With nothing waiting there is nothing to wake up for; what is asked meanwhile
            // waits for the end of the rest all the same.
            Link::Resting(until) => (!self.waiting.is_empty()).then_some(*until),
            Link::Idle => self.next_turn(),
            Link::Open(open) => {
                let stall = self.stall(open).map(|(at, _)| at);
                let turn = self.has_room().then(|| self.next_turn()).flatten();
                [stall, turn].into_iter().flatten().min()
            }
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("link", &self.link)
            .field("waiting", &self.waiting)
            .field("outstanding", &self.outstanding)
            .field("failures", &self.failures)
            .finish_non_exhaustive()
    }
}

impl Open {
    fn new(now: Mono, server_id: Option<&[u8]>) -> Self {
        Self {
            inbox: Deframer::new(),
            handed: 0,
            written: 0,
            moved: now,
            server_id: server_id.map(Into::into),
            malformed: 0,
            unexpected: 0,
            has_served: false,
            has_failed: false,
            is_half_closed: false,
        }
    }
}

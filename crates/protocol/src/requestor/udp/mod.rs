//! The machine of one server that is asked by single datagrams (RFC 5007).
//!
//! ```text
//!   ask ──► waiting ──► outstanding ──► ended: data, nothing, refused
//!              ▲         │ ▲  │ └─────► ended: no reply
//!              │         └─┘  │ sent again, at most 5 times
//!              └──────────────┘ LQ_CLIENT_LINK: once more for each link
//! ```
//!
//! A query that is answered by a list of links is asked again for each of them, and ends when
//! all of these have. Whoever asks several servers has a machine for each, and unites what they
//! tell by [`Reconciler`](super::Reconciler) (LQ-UDP-033).
//!
//! Rules of use: after [`UdpRequestor::ask`] and every [`UdpRequestor::handle`], drain
//! [`UdpRequestor::poll`] and set a timer to [`UdpRequestor::deadline`]. Only datagrams of the
//! server asked are to be handed in. No datagram ends more than its own query, since anyone
//! can send one: what is not a reply to what was asked is counted and dropped.
//!
//! Source: RFC 5007 §4.3, LQ-UDP-023 to LQ-UDP-033.

mod receive;
mod retransmission;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::mem;
use std::net::Ipv6Addr;

use leasebook_wire::Xid;
use serde::Serialize;

use self::retransmission::Retransmission;
pub use self::retransmission::UdpTimers;
use super::ask::{Ask, AskError};
use super::config::{Config, MAX_WAITING};
use super::connection::Entropy;
use super::deviation::Deviations;
use super::error::Cause;
use super::event::{Ending, Event, QueryId, Tally};
use crate::time::{Mono, Now};

/// Asks one server, each query in a datagram of its own.
pub struct UdpRequestor {
    config: Config,
    timers: UdpTimers,
    entropy: Entropy,
    /// Queries that have not ended.
    queries: BTreeMap<QueryId, Query>,
    /// What is to be asked yet, in order.
    waiting: VecDeque<Exchange>,
    /// What was asked and not answered yet; at most the pipelining limit.
    outstanding: Vec<Outstanding>,
    /// Transaction-ids answered lately: a reply to each message sent may come.
    answered: VecDeque<Xid>,
    outbox: VecDeque<Vec<u8>>,
    deviations: Deviations,
    /// What the system said of the last message that did not go well.
    trouble: String,
    next_query: u32,
}

/// What happened to the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum UdpInput<'a> {
    /// A datagram from the server.
    Datagram(&'a [u8]),
    /// A datagram could not be sent or delivered; the system's words. The query goes on, since
    /// what is in the way now may be gone when it is sent again.
    Trouble(&'a str),
    /// There is no socket to send from, or no address to send to; everything ends.
    NoWay(&'a str),
    /// The time of [`UdpRequestor::deadline`] has come, or may have.
    Timer,
    /// The caller wants no more: what is under way ends.
    Stop,
}

/// A query as the caller asked it.
#[derive(Debug)]
struct Query {
    tally: Tally,
    /// Exchanges that have not ended.
    open: usize,
    /// Some exchange was answered.
    is_answered: bool,
    /// How the first exchange failed that did.
    failure: Option<Ending>,
}

/// One LEASEQUERY and its REPLY: the query, or the same for one of the client's links.
#[derive(Clone, Debug)]
struct Exchange {
    query: QueryId,
    ask: Ask,
    is_follow_up: bool,
}

/// An exchange that was begun.
#[derive(Debug)]
struct Outstanding {
    exchange: Exchange,
    xid: Xid,
    octets: Vec<u8>,
    course: Retransmission,
}

/// Transaction-ids remembered after their reply.
const REMEMBERED: usize = 256;

impl UdpRequestor {
    /// A requestor of one server. Of `config` the identities, the options wanted and the
    /// pipelining limit count; timers and retries are those of `timers`.
    pub fn new(config: Config, timers: UdpTimers, entropy: Entropy) -> Self {
        Self {
            config,
            timers,
            entropy,
            queries: BTreeMap::new(),
            waiting: VecDeque::new(),
            outstanding: Vec::new(),
            answered: VecDeque::new(),
            outbox: VecDeque::new(),
            deviations: Deviations::default(),
            trouble: String::new(),
            next_query: 0,
        }
    }

    // Getters

    /// What came otherwise than it should so far.
    pub fn deviations(&self) -> &Deviations {
        &self.deviations
    }

    /// Queries that have not ended.
    pub fn pending(&self) -> usize {
        self.queries.len()
    }

    // Commands

    /// Asks a query, at once or when its turn comes (LQ-UDP-023).
    pub fn ask(&mut self, now: Now, ask: Ask) -> Result<QueryId, AskError> {
        if self.waiting.len() >= MAX_WAITING {
            return Err(AskError::QueueFull { limit: MAX_WAITING });
        }
        // Composed only to find out now, not later, whether it can be.
        ask.compose_datagram(Xid::from_number(0), &self.config, &mut Vec::new())?;
        let id = QueryId(self.next_query);
        self.next_query = self.next_query.wrapping_add(1);
        let query = Query {
            tally: Tally::default(),
            open: 1,
            is_answered: false,
            failure: None,
        };
        self.queries.insert(id, query);
        self.waiting.push_back(Exchange {
            query: id,
            ask,
            is_follow_up: false,
        });
        self.send_waiting(now);
        Ok(id)
    }

    // Inputs

    /// Takes in what happened; what comes of it goes to `sink` before this returns.
    pub fn handle(&mut self, now: Now, input: UdpInput<'_>, sink: &mut impl FnMut(Event<'_>)) {
        match input {
            UdpInput::Datagram(octets) => self.receive(now, octets, sink),
            UdpInput::Trouble(reason) => reason.clone_into(&mut self.trouble),
            UdpInput::Timer => self.expire(now, sink),
            UdpInput::NoWay(reason) => {
                let reason = reason.to_owned();
                self.stop(&Cause::ConnectFailed { reason }, sink);
            }
            UdpInput::Stop => self.stop(&Cause::Stopped, sink),
        }
        self.send_waiting(now);
    }

    // Outputs

    /// The next datagram to send to the server.
    pub fn poll(&mut self) -> Option<Vec<u8>> {
        self.outbox.pop_front()
    }

    /// When [`UdpInput::Timer`] is due; none while nothing is waited for.
    pub fn deadline(&self) -> Option<Mono> {
        self.outstanding.iter().map(|sent| sent.course.due).min()
    }

    // Inside

    fn send_waiting(&mut self, now: Now) {
        while self.outstanding.len() < self.config.pipelined()
            && let Some(exchange) = self.waiting.pop_front()
        {
            let xid = self.fresh_xid();
            let mut octets = Vec::new();
            // It could be composed when it was asked, and another link changes no length.
            let made = exchange
                .ask
                .compose_datagram(xid, &self.config, &mut octets);
            debug_assert!(made.is_ok(), "{made:?}");
            self.outbox.push_back(octets.clone());
            if let Some(query) = self.query(exchange.query) {
                query.tally.attempts = query.tally.attempts.saturating_add(1);
            }
            let course = Retransmission::begin(&self.timers, now.mono, (self.entropy)());
            self.outstanding.push(Outstanding {
                exchange,
                xid,
                octets,
                course,
            });
        }
    }

    /// A transaction-id that is neither waited for nor was lately (LQ-UDP-023).
    fn fresh_xid(&mut self) -> Xid {
        let [.., a, b, c] = (self.entropy)().to_be_bytes();
        let mut number = Xid([a, b, c]).number();
        // At most as many steps as ids in use, of which there are far fewer than numbers.
        loop {
            let xid = Xid::from_number(number);
            let is_used = self.outstanding.iter().any(|sent| sent.xid == xid);
            if !is_used && !self.answered.contains(&xid) {
                return xid;
            }
            number = number.wrapping_add(1);
        }
    }

    fn query(&mut self, id: QueryId) -> Option<&mut Query> {
        self.queries.get_mut(&id)
    }

    /// Sends again what is due, or gives it up (LQ-UDP-027).
    fn expire(&mut self, now: Now, sink: &mut impl FnMut(Event<'_>)) {
        let mut place = 0;
        while let Some(sent) = self.outstanding.get_mut(place) {
            if sent.course.due > now.mono {
                place += 1;
            } else if sent.course.go_on(&self.timers, now.mono, (self.entropy)()) {
                self.outbox.push_back(sent.octets.clone());
                let query = sent.exchange.query;
                if let Some(query) = self.query(query) {
                    query.tally.attempts = query.tally.attempts.saturating_add(1);
                }
                place += 1;
            } else {
                let sent = self.outstanding.remove(place);
                let cause = Cause::NoReply {
                    times: sent.course.sent,
                    secs: now.mono.since(sent.course.began).as_secs(),
                    trouble: self.trouble.clone(),
                };
                self.remember(sent.xid);
                self.end(sent.exchange.query, Err(Ending::Unanswered(cause)), sink);
            }
        }
    }

    /// Ends everything where it stands.
    fn stop(&mut self, cause: &Cause, sink: &mut impl FnMut(Event<'_>)) {
        self.outbox.clear();
        let outstanding = mem::take(&mut self.outstanding).into_iter();
        let sent = outstanding.map(|sent| sent.exchange);
        let waiting = mem::take(&mut self.waiting);
        for exchange in sent.chain(waiting) {
            let stopped = Ending::Unanswered(cause.clone());
            self.end(exchange.query, Err(stopped), sink);
        }
    }

    fn remember(&mut self, xid: Xid) {
        if self.answered.len() >= REMEMBERED {
            self.answered.pop_front();
        }
        self.answered.push_back(xid);
    }

    /// Asks the same once for each link of a list (LQ-UDP-030).
    fn follow(&mut self, exchange: &Exchange, links: &[Ipv6Addr]) {
        let Some(query) = self.query(exchange.query) else {
            return;
        };
        query.open = query.open.saturating_add(links.len());
        self.waiting.extend(links.iter().map(|&link| Exchange {
            query: exchange.query,
            ask: Ask {
                question: exchange.ask.question.clone(),
                link,
            },
            is_follow_up: true,
        }));
    }

    /// One exchange of a query has ended; with the last of them the query has.
    fn end(&mut self, id: QueryId, ended: Result<(), Ending>, sink: &mut impl FnMut(Event<'_>)) {
        let Some(mut query) = self.queries.remove(&id) else {
            return;
        };
        query.open = query.open.saturating_sub(1);
        match ended {
            Ok(()) => query.is_answered = true,
            Err(failure) => {
                query.failure.get_or_insert(failure);
            }
        }
        if query.open > 0 {
            self.queries.insert(id, query);
            return;
        }
        sink(Event::Ended {
            query: id,
            tally: query.tally,
            ending: query.ending(),
        });
    }
}

impl Query {
    /// How it ended, from how its exchanges did.
    fn ending(self) -> Ending {
        match self.failure {
            None if self.tally.messages > 0 => Ending::Complete,
            None => Ending::NoneFound,
            Some(failure) if !self.is_answered => failure,
            Some(Ending::Refused { status, text }) => {
                Ending::Partial(Cause::Status { status, text })
            }
            Some(Ending::Unanswered(cause)) => Ending::Partial(cause),
            Some(failure) => failure,
        }
    }
}

impl fmt::Debug for UdpRequestor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("UdpRequestor")
            .field("queries", &self.queries)
            .field("waiting", &self.waiting)
            .field("outstanding", &self.outstanding)
            .finish_non_exhaustive()
    }
}

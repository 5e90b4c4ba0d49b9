//! One query in progress on a connection.

use leasebook_store::{Cursor, Flow, LeaseStore, Progress, Query, Selector};
use leasebook_wire::code::{QueryType, StatusCode};
use leasebook_wire::{ComposeError, Xid};

use super::event::{CloseReason, Event, Outcome, QueryDone};
use super::judge::{Judgement, Prepared, Refusal};
use super::reply::{Recipient, Replier};
use crate::time::{Mono, Now};

/// A message that gets an answer, and how far the answer has come.
#[derive(Debug)]
pub(super) struct Work {
    kind: Kind,
    started: Mono,
    /// Octets of the message, which bound what is kept of it.
    asked_octets: usize,
    bindings: u64,
    octets: u64,
}

#[derive(Debug)]
enum Kind {
    Refusal(Refusal),
    NoActive(Refusal),
    NoTls(Xid),
    Answer(Box<Answer>),
}

#[derive(Debug)]
struct Answer {
    to: Recipient,
    query_type: QueryType,
    scan: Scan,
    /// For a query that must find something, the words if it does not (D-06).
    unless_found: Option<String>,
    /// No REPLY has been made yet.
    is_first: bool,
    /// Octets of the next turn.
    chunk: usize,
}

#[derive(Debug)]
enum Scan {
    Waiting(Query),
    Running(Cursor),
}

/// How a turn went.
#[derive(Debug)]
pub(super) enum Turn {
    /// There is more for another turn.
    More,
    /// It was the last.
    Done(Outcome),
    /// The store, or composing, failed.
    Failed(String),
}

/// Octets of a query's second turn; each later one has twice as many, up to [`MAX_CHUNK_OCTETS`].
/// Its first turn is the REPLY alone, so that a requestor hears at once.
const FIRST_CHUNK_OCTETS: usize = 4 * 1024;

/// The most octets of one turn, but for the run that goes over it (D-22).
const MAX_CHUNK_OCTETS: usize = 128 * 1024;

impl Work {
    /// The work a judgement makes; none if the message is dropped.
    pub(super) fn new(judgement: Judgement, now: Now, asked_octets: usize) -> Option<Self> {
        let kind = match judgement {
            Judgement::Drop(_) => return None,
            Judgement::Refuse(refusal) => Kind::Refusal(refusal),
            Judgement::NoActive(refusal) => Kind::NoActive(refusal),
            Judgement::NoTls(xid) => Kind::NoTls(xid),
            Judgement::Answer(prepared) => Kind::Answer(Box::new(Answer::new(prepared))),
        };
        Some(Self {
            kind,
            started: now.mono,
            asked_octets,
            bindings: 0,
            octets: 0,
        })
    }

    pub(super) fn xid(&self) -> Xid {
        match &self.kind {
            Kind::Refusal(refusal) | Kind::NoActive(refusal) => refusal.xid,
            Kind::NoTls(xid) => *xid,
            Kind::Answer(answer) => answer.to.xid,
        }
    }

    /// The type of a query that is being answered.
    pub(super) fn query_type(&self) -> Option<QueryType> {
        match &self.kind {
            Kind::Answer(answer) => Some(answer.query_type),
            _ => None,
        }
    }

    /// Octets of the message this is about.
    pub(super) fn octets(&self) -> usize {
        self.asked_octets
    }

    /// Whether its whole answer is ready, so that it is said even as the connection ends.
    pub(super) fn is_ready(&self) -> bool {
        !matches!(self.kind, Kind::Answer(_))
    }

    /// Counts octets made.
    pub(super) fn count(&mut self, octets: usize) {
        self.octets += u64::try_from(octets).unwrap_or(u64::MAX);
    }

    /// One turn: appends messages to `out`.
    pub(super) fn turn(
        &mut self,
        replier: &Replier<'_>,
        store: &dyn LeaseStore,
        out: &mut Vec<u8>,
    ) -> Turn {
        let (made, outcome) = match &mut self.kind {
            Kind::Refusal(refusal) => (
                replier.refusal(refusal, out),
                Outcome::Refused(refusal.status),
            ),
            Kind::NoActive(refusal) => (replier.refusal(refusal, out), Outcome::NoActive),
            Kind::NoTls(xid) => (replier.no_tls(*xid, out), Outcome::NoTls),
            Kind::Answer(answer) => return answer.turn(replier, store, out, &mut self.bindings),
        };
        // These are of bounded size and always can be made; if not, asking again is no help.
        Turn::Done(match made {
            Ok(()) => outcome,
            Err(_) => Outcome::Cut(CloseReason::StoreFailed),
        })
    }

    /// Ends a query by QueryTerminated: in DONE if its REPLY is made, else in REPLY (BLQ-S-086).
    pub(super) fn terminate(
        &mut self,
        replier: &Replier<'_>,
        why: CloseReason,
        out: &mut Vec<u8>,
    ) -> Turn {
        let status = Some((StatusCode::QUERY_TERMINATED, why.text()));
        if let Kind::Answer(answer) = &self.kind {
            // A message that cannot be made is left out: the close tells as much.
            let _ = if answer.is_first {
                replier.bare(&answer.to, status, out)
            } else {
                replier.done(&answer.to, status, out)
            };
        }
        Turn::Done(Outcome::Terminated(why))
    }

    pub(super) fn to_event(&self, outcome: Outcome) -> Event {
        Event::QueryDone(QueryDone {
            xid: self.xid(),
            query_type: self.query_type(),
            bindings: self.bindings,
            octets: self.octets,
            started: self.started,
            outcome,
        })
    }
}

impl Answer {
    fn new(prepared: Prepared) -> Self {
        let unless_found = match (&prepared.query.selector, prepared.must_find) {
            (Selector::Address(address), true) => {
                Some(format!("no configured link or lease has {address}"))
            }
            _ => None,
        };
        Self {
            to: Recipient {
                xid: prepared.xid,
                client_id: prepared.client_id,
                asked: prepared.asked,
                wants_base_time: prepared.wants_base_time,
            },
            query_type: prepared.query_type,
            scan: Scan::Waiting(prepared.query),
            unless_found,
            is_first: true,
            chunk: 1,
        }
    }

    fn turn(
        &mut self,
        replier: &Replier<'_>,
        store: &dyn LeaseStore,
        out: &mut Vec<u8>,
        bindings: &mut u64,
    ) -> Turn {
        if let Scan::Waiting(query) = &mut self.scan {
            let query = std::mem::replace(
                query,
                Query {
                    selector: Selector::All,
                    links: leasebook_store::Links::Of(Vec::new()),
                },
            );
            self.scan = Scan::Running(Cursor::new(query, store.last_seq()));
        }
        let Scan::Running(cursor) = &mut self.scan else {
            return Turn::More;
        };
        let (to, is_first) = (&self.to, &mut self.is_first);
        let end = out.len() + self.chunk;
        let mut made = Ok(());
        let progress = store.scan(cursor, replier.now, &mut |run| {
            match replier.run(to, &run, is_first, out) {
                Ok(told) => *bindings += told,
                Err(error) => made = Err(error),
            }
            if made.is_err() || out.len() >= end {
                Flow::Stop
            } else {
                Flow::Continue
            }
        });
        if let Err(error) = made {
            return Turn::Failed(error.to_string());
        }
        match progress {
            Err(error) => Turn::Failed(error.to_string()),
            Ok(Progress::More) => {
                if !self.is_first {
                    self.chunk = (self.chunk * 2).clamp(FIRST_CHUNK_OCTETS, MAX_CHUNK_OCTETS);
                }
                Turn::More
            }
            Ok(Progress::Done) => self.end(replier, out),
        }
    }

    /// DONE behind bindings, a bare REPLY or NotConfigured without (BLQ-S-052, BLQ-S-055).
    fn end(&self, replier: &Replier<'_>, out: &mut Vec<u8>) -> Turn {
        if !self.is_first {
            return done(replier.done(&self.to, None, out), Outcome::Answered);
        }
        let Some(text) = &self.unless_found else {
            return done(replier.bare(&self.to, None, out), Outcome::Answered);
        };
        let status = StatusCode::NOT_CONFIGURED;
        done(
            replier.bare(&self.to, Some((status, text)), out),
            Outcome::Refused(status),
        )
    }
}

fn done(made: Result<(), ComposeError>, outcome: Outcome) -> Turn {
    match made {
        Ok(()) => Turn::Done(outcome),
        Err(error) => Turn::Failed(error.to_string()),
    }
}

//! One TCP connection of a requestor, without the TCP.
//!
//! # Contract
//!
//! | kind | methods |
//! |---|---|
//! | inputs | [`octets`](Connection::octets), [`peer_closed_sending`](Connection::peer_closed_sending), [`sent`](Connection::sent), [`failed`](Connection::failed), [`timer`](Connection::timer) |
//! | commands | [`stop`](Connection::stop), [`reconfigure`](Connection::reconfigure), [`set_query_limit`](Connection::set_query_limit) |
//! | output | [`fill`](Connection::fill), [`poll_event`](Connection::poll_event) |
//! | getters | [`wants_read`](Connection::wants_read), [`wants_close`](Connection::wants_close), [`deadline`](Connection::deadline), [`queries_in_progress`](Connection::queries_in_progress) |
//!
//! The shell reads only while `wants_read`, calls `fill` when everything filled before has been
//! written, reports each write by `sent`, calls `timer` when the deadline is over, drains
//! `poll_event`, and closes when `wants_close`. Spurious calls are harmless.
//!
//! ```text
//!  octets ─► frames ─► judge ─► queries in progress ─► fill ─► socket
//!            (rest waits)        (at most the limit)    (fair turns)
//! ```
//!
//! # Memory
//!
//! A connection holds the part of one frame (64 KiB), what one read brought beyond the queries
//! in progress (what the shell reads at once), and the queries (320 KiB at most, however large
//! their options are). With reads of up to 64 KiB that is below 512 KiB. `fill` adds at most
//! [`FILL_OCTETS`] to the shell's buffer, and then one run of the store more: a block of
//! templates, or a single client, whose leases alone decide what it takes (29 octets each).

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use leasebook_store::LeaseStore;
use leasebook_wire::Deframer;

use super::config::{Config, MAX_QUERIES};
use super::event::{CloseReason, Event, Outcome};
use super::judge::{Dropped, Judge, Judgement};
use super::reply::Replier;
use super::work::{Turn, Work};
use crate::links::Links;
use crate::time::{Mono, Now};

/// Octets after which [`Connection::fill`] begins no further turn.
pub const FILL_OCTETS: usize = 128 * 1024;

/// Octets of queries in progress after which no more are read.
const QUERY_OCTETS: usize = 256 * 1024;

/// Foreign messages in a row, and malformed ones in all, that close a connection (D-17).
const STRIKES: u32 = 3;

/// Whether [`Connection::fill`] has more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FillState {
    /// Nothing to say until something comes in.
    Idle,
    /// Call again once what was filled is written; at once if nothing was filled, for a search
    /// may take several turns until it finds something.
    More,
}

/// The machine of one connection; the module says how it is driven.
#[derive(Debug)]
pub struct Connection {
    config: Arc<Config>,
    links: Arc<Links>,
    source: IpAddr,
    deframer: Deframer,
    /// Octets read that wait for a query to end; `unread_at` of them are used.
    unread: Vec<u8>,
    unread_at: usize,
    /// In the order of their turns.
    active: VecDeque<Work>,
    query_limit: usize,
    events: VecDeque<Event>,
    foreign_in_row: u32,
    malformed: u32,
    is_half_closed: bool,
    /// Why no more is read; the queries in progress end by [`Connection::fill`].
    closing: Option<CloseReason>,
    /// Nothing more is written.
    is_finished: bool,
    has_told_close: bool,
    unsent: usize,
    times: Times,
}

/// Since when which timer runs.
#[derive(Clone, Copy, Debug)]
struct Times {
    /// Accepted, while no query has come.
    first_query: Option<Mono>,
    /// The first octet of the frame that is not yet whole.
    frame: Option<Mono>,
    /// The last progress in writing, while something is unsent.
    write: Mono,
    /// No query in progress and nothing unsent.
    idle: Mono,
}

impl Connection {
    /// A connection from `source`, accepted at `now`.
    pub fn new(config: Arc<Config>, links: Arc<Links>, source: IpAddr, now: Now) -> Self {
        let query_limit = config.limits.queries_per_connection.max(1);
        Self {
            config,
            links,
            source,
            deframer: Deframer::new(),
            unread: Vec::new(),
            unread_at: 0,
            active: VecDeque::new(),
            query_limit,
            events: VecDeque::new(),
            foreign_in_row: 0,
            malformed: 0,
            is_half_closed: false,
            closing: None,
            is_finished: false,
            has_told_close: false,
            unsent: 0,
            times: Times {
                first_query: Some(now.mono),
                frame: None,
                write: now.mono,
                idle: now.mono,
            },
        }
    }

    /// Whether the shell is to read: while there is room for one more query (BLQ-S-077).
    pub fn wants_read(&self) -> bool {
        self.is_reading() && !self.is_half_closed && !self.has_unread() && self.has_room()
    }

    /// Whether the shell is to close, now that nothing is left to be written.
    pub fn wants_close(&self) -> bool {
        let is_over = self.closing.is_some() || (self.is_half_closed && !self.has_unread());
        self.is_finished || (is_over && self.active.is_empty() && self.unsent == 0)
    }

    /// Queries in progress, refusals that are not yet filled among them.
    pub fn queries_in_progress(&self) -> usize {
        self.active.len()
    }

    /// Takes octets that came from the peer.
    ///
    /// All of them are taken: what there is no room for waits inside, and `wants_read` is false
    /// until it is used up.
    pub fn octets(&mut self, now: Now, octets: &[u8]) {
        if !self.is_reading() || self.is_half_closed {
            return;
        }
        if self.has_unread() {
            self.unread.extend_from_slice(octets);
            return;
        }
        let used = self.read(now, octets);
        self.unread_at = 0;
        self.unread.clear();
        self.unread
            .extend_from_slice(octets.get(used..).unwrap_or_default());
    }

    /// Takes the end of the peer's stream: what was asked is answered, then the connection
    /// closed (BLQ-S-083, D-20). Part of a frame is forgotten.
    pub fn peer_closed_sending(&mut self, now: Now) {
        self.is_half_closed = true;
        self.resume(now);
        self.note_close();
    }

    /// Takes note that `count` octets of what was filled were written.
    pub fn sent(&mut self, now: Now, count: usize) {
        self.unsent = self.unsent.saturating_sub(count);
        if count > 0 {
            self.times.write = now.mono;
        }
        self.note_idle(now);
        self.note_close();
    }

    /// Takes note that the socket failed or was reset: everything ends at once (BLQ-S-084, D-20).
    pub fn failed(&mut self) {
        self.finish(CloseReason::SocketFailed);
    }

    /// When [`Connection::timer`] is to be called; `None` if no timer runs.
    pub fn deadline(&self) -> Option<Mono> {
        self.running().filter_map(|(at, _)| at).min()
    }

    /// Closes if a deadline is over (BLQ-S-009, BLQ-S-082); too early a call does nothing.
    ///
    /// Afterwards no deadline is over: where several were, the strongest has had its effect.
    pub fn timer(&mut self, now: Now) {
        // Either way out ends the timer that led there.
        while let Some(why) = self.over(now) {
            match why {
                // The socket takes nothing, so nothing can be said either (D-19).
                CloseReason::WriteTimeout => self.finish(why),
                why => self.stop(now, why),
            }
        }
    }

    /// What the earliest deadline that is over closes for.
    fn over(&self, now: Now) -> Option<CloseReason> {
        let over = self
            .running()
            .filter_map(|(at, why)| at.map(|at| (at, why)))
            .filter(|(at, _)| *at <= now.mono);
        over.min_by_key(|(at, _)| *at).map(|(_, why)| why)
    }

    /// Ends the queries in progress by QueryTerminated and then the connection (BLQ-S-085 to
    /// BLQ-S-087). Bounded in time by the write timer.
    pub fn stop(&mut self, _now: Now, why: CloseReason) {
        if self.closing.is_none() {
            self.closing = Some(why);
        }
        self.unread = Vec::new();
        self.unread_at = 0;
        self.note_close();
    }

    /// Takes new settings. If a query in progress is not permitted any more, the connection is
    /// stopped (BLQ-S-087).
    pub fn reconfigure(&mut self, now: Now, config: Arc<Config>, links: Arc<Links>) {
        self.query_limit = config.limits.queries_per_connection.max(1);
        let rights = config.rights(self.source);
        self.config = config;
        self.links = links;
        let mut types = self.active.iter().filter_map(Work::query_type);
        if types.any(|query_type| rights.is_none_or(|rights| !rights.contains(query_type))) {
            self.stop(now, CloseReason::RightTaken);
        }
    }

    /// Limits the queries in progress below what the settings say, as where other connections
    /// of the source have theirs (BLQ-S-078); 0 holds new ones back until it is raised.
    pub fn set_query_limit(&mut self, now: Now, limit: usize) {
        let was_held = !self.has_room();
        self.query_limit = limit.min(self.config.limits.queries_per_connection.max(1));
        if was_held && self.has_room() {
            // The peer could not be heard meanwhile: what it owes counts from now.
            self.times.frame = self.times.frame.map(|_| now.mono);
            self.times.first_query = self.times.first_query.map(|_| now.mono);
            self.times.idle = now.mono;
        }
        self.resume(now);
    }

    /// What happened, in order.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Appends octets for the socket to `out`: one turn for each query in progress, until
    /// [`FILL_OCTETS`] are there (BLQ-S-079, D-22).
    ///
    /// Where the store fails, the connection ends as by [`Connection::stop`] and an event tells
    /// the error.
    pub fn fill(&mut self, now: Now, store: &dyn LeaseStore, out: &mut Vec<u8>) -> FillState {
        let start = out.len();
        if self.is_finished {
            return FillState::Idle;
        }
        let config = Arc::clone(&self.config);
        let replier = Replier {
            server_id: &config.server_id,
            sensitive: &config.sensitive,
            now: now.wall,
        };
        for _ in 0..self.active.len() {
            if out.len() - start >= FILL_OCTETS {
                break;
            }
            let Some(mut work) = self.active.pop_front() else {
                break;
            };
            let before = out.len();
            let turn = match self.closing.filter(|_| !work.is_ready()) {
                Some(why) => work.terminate(&replier, why, out),
                None => work.turn(&replier, store, out),
            };
            work.count(out.len() - before);
            self.after_turn(now, work, turn);
        }
        self.note_filled(now, out.len() - start);
        self.resume(now);
        self.note_close();
        if self.active.is_empty() {
            FillState::Idle
        } else {
            FillState::More
        }
    }

    fn after_turn(&mut self, now: Now, work: Work, turn: Turn) {
        match turn {
            Turn::More => self.active.push_back(work),
            Turn::Failed(error) => {
                self.events.push_back(Event::StoreFailed { error });
                self.active.push_front(work);
                self.stop(now, CloseReason::StoreFailed);
            }
            Turn::Done(outcome) => {
                let closes = outcome == Outcome::NoActive;
                self.events.push_back(work.to_event(outcome));
                if closes {
                    self.stop(now, CloseReason::NoActiveLeasequery);
                }
            }
        }
    }

    fn note_filled(&mut self, now: Now, count: usize) {
        if self.unsent == 0 && count > 0 {
            self.times.write = now.mono;
        }
        self.unsent += count;
        self.note_idle(now);
    }

    /// Idleness counts from the last query's last octet.
    fn note_idle(&mut self, now: Now) {
        if self.unsent > 0 || !self.active.is_empty() {
            self.times.idle = now.mono;
        }
    }

    fn note_close(&mut self) {
        if self.wants_close() && !self.has_told_close {
            self.has_told_close = true;
            let why = self.closing.unwrap_or(CloseReason::PeerDone);
            self.events.push_back(Event::Closed { why });
        }
    }

    /// Ends everything without a word.
    fn finish(&mut self, why: CloseReason) {
        if self.is_finished {
            return;
        }
        for work in std::mem::take(&mut self.active) {
            self.events.push_back(work.to_event(Outcome::Cut(why)));
        }
        self.closing = Some(why);
        self.is_finished = true;
        self.unread = Vec::new();
        self.unread_at = 0;
        self.note_close();
    }

    fn is_reading(&self) -> bool {
        self.closing.is_none() && !self.is_finished
    }

    fn has_unread(&self) -> bool {
        self.unread_at < self.unread.len()
    }

    fn has_room(&self) -> bool {
        let octets: usize = self.active.iter().map(Work::octets).sum();
        self.active.len() < self.query_limit.min(MAX_QUERIES) && octets < QUERY_OCTETS
    }

    /// Goes on with octets that waited, now that there may be room.
    fn resume(&mut self, now: Now) {
        if !self.has_unread() || !self.has_room() || !self.is_reading() {
            return;
        }
        let unread = std::mem::take(&mut self.unread);
        let used = self.read(now, unread.get(self.unread_at..).unwrap_or_default());
        if !self.is_reading() {
            return;
        }
        self.unread_at += used;
        if self.unread_at < unread.len() {
            self.unread = unread;
        } else {
            self.unread_at = 0;
        }
    }

    /// Takes frames out of `octets` while there is room; says how many octets were used.
    fn read(&mut self, now: Now, octets: &[u8]) -> usize {
        let mut deframer = std::mem::take(&mut self.deframer);
        let mut rest = octets;
        let mut began = self.times.frame;
        while self.is_reading() && self.has_room() && !rest.is_empty() {
            let Some(message) = deframer.next(&mut rest) else {
                break;
            };
            began = None;
            self.message(now, message);
        }
        self.times.frame = deframer.is_in_frame().then(|| began.unwrap_or(now.mono));
        self.deframer = deframer;
        octets.len() - rest.len()
    }

    fn message(&mut self, now: Now, message: &[u8]) {
        let judge = Judge {
            config: &self.config,
            links: &self.links,
        };
        let work = match judge.judge(message, self.source) {
            Judgement::Drop(kind) => return self.dropped(now, kind),
            judgement => Work::new(judgement, now, message.len()),
        };
        let Some(work) = work else { return };
        if self.active.iter().any(|other| other.xid() == work.xid()) {
            return self.dropped(now, Dropped::TransactionInUse);
        }
        self.foreign_in_row = 0;
        self.times.first_query = None;
        self.times.idle = now.mono;
        self.active.push_back(work);
    }

    /// Counts what was dropped; equal ones that nobody polled yet make one event, so there are
    /// never more than there are kinds (SEC-005).
    fn dropped(&mut self, now: Now, kind: Dropped) {
        let told = self.events.iter_mut().find_map(|event| match event {
            Event::Dropped { kind: told, count } if *told == kind => Some(count),
            _ => None,
        });
        match told {
            Some(count) => *count += 1,
            None => self.events.push_back(Event::Dropped { kind, count: 1 }),
        }
        match kind {
            Dropped::Malformed => {
                self.malformed += 1;
                if self.malformed >= STRIKES {
                    self.stop(now, CloseReason::MalformedMessages);
                }
            }
            Dropped::Foreign(_) => {
                self.foreign_in_row += 1;
                if self.foreign_in_row >= STRIKES {
                    self.stop(now, CloseReason::ForeignMessages);
                }
            }
            _ => {}
        }
    }

    /// The timers, and what each closes for.
    fn running(&self) -> impl Iterator<Item = (Option<Mono>, CloseReason)> {
        let Times {
            first_query,
            frame,
            write,
            idle,
        } = self.times;
        let after = |since: Option<Mono>, wait: Duration| since.map(|since| since.after(wait));
        let timers = self.config.timers;
        let is_blocked = self.unsent > 0;
        let waits_for_peer = self.wants_read();
        let is_idle = waits_for_peer && !is_blocked && self.active.is_empty();
        let is_open = !self.is_finished;
        [
            (
                after(first_query.filter(|_| waits_for_peer), timers.data),
                CloseReason::FirstQueryTimeout,
            ),
            (
                after(frame.filter(|_| waits_for_peer), timers.data),
                CloseReason::FrameTimeout,
            ),
            (
                after((is_open && is_blocked).then_some(write), timers.data),
                CloseReason::WriteTimeout,
            ),
            (
                after(is_idle.then_some(idle), timers.idle),
                CloseReason::IdleTimeout,
            ),
        ]
        .into_iter()
    }
}

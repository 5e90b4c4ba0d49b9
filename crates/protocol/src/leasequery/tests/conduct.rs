//! Timers, closing, stopping, and peers that misbehave.

use super::*;
use crate::leasequery::config::QueryTypes;
use crate::leasequery::event::{CloseReason, Outcome};

fn closed(session: &mut Session) -> Option<CloseReason> {
    session
        .events
        .extend(std::iter::from_fn(|| session.connection.poll_event()));
    let found = session.events.iter().find_map(|event| match event {
        Event::Closed { why } => Some(*why),
        _ => None,
    });
    assert_eq!(found.is_some(), session.connection.wants_close());
    found
}

fn secs(session: &Session) -> Option<u64> {
    let deadline = session.connection.deadline()?;
    Some(deadline.since(Mono(0)).as_secs())
}

/// BLQ-S-009: a connection on which no query comes is closed after the data timeout.
#[test]
fn silence_after_accept_closes() {
    let mut session = Session::new(many(1));
    assert_eq!(secs(&session), Some(30));
    session.connection.timer(at(29));
    assert_eq!(closed(&mut session), None);
    session.connection.timer(at(30));
    assert_eq!(closed(&mut session), Some(CloseReason::FirstQueryTimeout));
}

/// BLQ-S-009, D-15: a frame begun must be whole within the data timeout, however slowly it comes.
#[test]
fn a_frame_that_never_ends_closes() {
    let mut config = config();
    config.timers.idle = Duration::from_mins(10);
    let mut session = Session::with(config, many(1));
    session.ask_at(5, &by_link(1));
    let ask = by_link(2);
    session.ask_at(10, &ask[..1]);
    session.ask_at(20, &ask[1..9]);
    session.ask_at(33, &ask[9..12]);
    session.connection.timer(at(39));
    assert_eq!(closed(&mut session), None);
    session.connection.timer(at(40));
    assert_eq!(closed(&mut session), Some(CloseReason::FrameTimeout));
}

/// BLQ-S-009, BLQ-S-080: a peer that takes nothing for the data timeout is cut off.
#[test]
fn a_peer_that_does_not_read_is_cut_off() {
    let mut session = Session::new(many(300));
    session.connection.octets(at(1), &by_link(1));
    let mut out = Vec::new();
    session.connection.fill(at(2), &session.store, &mut out);
    assert_eq!(secs(&session), Some(32));
    session.connection.sent(at(9), 1);
    assert_eq!(secs(&session), Some(39));
    session.connection.timer(at(39));
    assert_eq!(closed(&mut session), Some(CloseReason::WriteTimeout));
    let cut = Outcome::Cut(CloseReason::WriteTimeout);
    assert!(matches!(&session.events[0], Event::QueryDone(done) if done.outcome == cut));
    assert!(session.drain(40).is_empty());
}

/// BLQ-S-009: a peer that takes nothing and does not end its frame is cut off by one call, however late that comes.
#[test]
fn every_deadline_that_is_over_counts() {
    let mut session = Session::new(many(300));
    let begun = [by_link(1), by_link(2)[..9].to_vec()].concat();
    session.connection.octets(at(1), &begun);
    let mut out = Vec::new();
    session.connection.fill(at(2), &session.store, &mut out);
    assert_eq!(secs(&session), Some(31));
    session.connection.timer(at(40));
    assert!(closed(&mut session).is_some());
    assert_eq!(session.connection.deadline(), None);
}

/// BLQ-S-081, BLQ-S-082: after a reply the connection stays for the idle time; junk does not prolong it.
#[test]
fn an_idle_connection_is_closed() {
    let mut session = Session::new(many(1));
    session.ask_at(5, &by_link(1));
    assert_eq!(secs(&session), Some(35));
    session.ask_at(30, &message(MessageType::SOLICIT, 1, &[]));
    assert_eq!(secs(&session), Some(35));
    session.ask_at(31, &by_link(2));
    assert_eq!(secs(&session), Some(61));
    session.connection.timer(at(61));
    assert_eq!(closed(&mut session), Some(CloseReason::IdleTimeout));
}

/// BLQ-S-082, D-15: no timer runs against a requestor whose query is being searched.
#[test]
fn a_search_is_not_idle() {
    let mut session = Session::new(many(1));
    session.connection.octets(at(1), &by_link(1));
    assert!(
        session
            .connection
            .deadline()
            .is_none_or(|at| at > Mono(30_000_000_000))
    );
}

/// BLQ-S-083, D-20: after a half-close all that was asked is answered, then the connection closed.
#[test]
fn a_half_close_is_answered_in_full() {
    let mut session = Session::new(many(3));
    let asks: Vec<u8> = (1..=9).flat_map(by_link).collect();
    session
        .connection
        .octets(at(0), &[&asks[..], &by_link(10)[..7]].concat());
    session.connection.peer_closed_sending(at(0));
    assert!(!session.connection.wants_read() && !session.connection.wants_close());
    assert_eq!(session.drain(0).len(), 9 * 4);
    assert_eq!(closed(&mut session), Some(CloseReason::PeerDone));
}

/// BLQ-S-083: a half-close without a query closes.
#[test]
fn a_half_close_without_a_query_closes() {
    let mut session = Session::new(many(3));
    session.connection.octets(at(0), &by_link(10)[..7]);
    session.connection.peer_closed_sending(at(0));
    assert_eq!(closed(&mut session), Some(CloseReason::PeerDone));
}

/// BLQ-S-084, D-20: a socket that fails ends everything at once.
#[test]
fn a_failed_socket_ends_everything() {
    let mut session = Session::new(many(3));
    session.connection.octets(at(0), &by_link(1));
    session.connection.failed();
    session.connection.failed();
    assert_eq!(closed(&mut session), Some(CloseReason::SocketFailed));
    assert_eq!(session.events.len(), 2);
    assert_eq!(session.connection.deadline(), None);
}

/// BLQ-S-058, BLQ-S-085, BLQ-S-086, BLQ-S-087, D-19: a stop is told in DONE where a REPLY is out, else in REPLY.
#[test]
fn a_stop_is_told_by_query_terminated() {
    let mut session = Session::new(many(300));
    session.connection.octets(at(0), &by_link(1));
    let mut all = Vec::new();
    session.fill(0, &mut all);
    session.connection.octets(at(0), &by_link(2));
    session.connection.stop(at(0), CloseReason::Shutdown);
    assert!(!session.connection.wants_read());
    let got = session.drain(0);
    assert_eq!(kinds(&got), [DONE, REPLY]);
    for message in &got {
        assert_eq!(message.status(), StatusCode::QUERY_TERMINATED);
        assert_eq!(message.text(), "the server stops");
    }
    assert_eq!(got[0].codes(), [13]);
    assert_eq!(got[1].codes(), [2, 1, 13]);
    assert_eq!(closed(&mut session), Some(CloseReason::Shutdown));
}

/// BLQ-S-087: a stop of a connection whose peer does not read is bounded by the data timeout.
#[test]
fn a_stop_is_bounded_in_time() {
    let mut session = Session::new(many(300));
    session.connection.octets(at(0), &by_link(1));
    let mut out = Vec::new();
    session.connection.fill(at(0), &session.store, &mut out);
    session.connection.stop(at(1), CloseReason::Shutdown);
    session.connection.fill(at(1), &session.store, &mut out);
    session.connection.timer(at(30));
    assert!(session.connection.wants_close());
}

/// BLQ-S-087: a reload that takes the right to a query in progress ends it.
#[test]
fn a_right_taken_ends_the_query() {
    let mut session = Session::new(many(300));
    session.connection.octets(at(0), &by_link(1));
    let kept = Arc::new(config());
    session
        .connection
        .reconfigure(at(0), kept, Arc::new(links()));
    assert!(session.connection.wants_read());
    let mut less = config();
    for allow in &mut less.allow {
        allow.query_types = QueryTypes::of(&[QueryType::BY_ADDRESS]);
    }
    session
        .connection
        .reconfigure(at(0), Arc::new(less), Arc::new(links()));
    let got = session.drain(0);
    assert_eq!(got[0].status(), StatusCode::QUERY_TERMINATED);
    assert_eq!(closed(&mut session), Some(CloseReason::RightTaken));
}

/// BLQ-S-010: the third foreign message in a row closes; a query between begins anew.
#[test]
fn three_foreign_messages_in_a_row_close() {
    let mut session = Session::new(many(1));
    let foreign = message(MessageType::LEASEQUERY_DATA, 1, &[]);
    session.ask(&[foreign.clone(), foreign.clone(), by_link(1)].concat());
    session.ask(&[foreign.clone(), foreign.clone()].concat());
    assert_eq!(closed(&mut session), None);
    session.ask(&foreign);
    assert_eq!(closed(&mut session), Some(CloseReason::ForeignMessages));
}

/// BLQ-S-010: the third malformed message closes, whatever stands between.
#[test]
fn three_malformed_messages_close() {
    let mut session = Session::new(many(1));
    for xid in 1..=3 {
        assert_eq!(closed(&mut session), None);
        session.ask(&[by_link(xid), vec![0, 0]].concat());
    }
    assert_eq!(closed(&mut session), Some(CloseReason::MalformedMessages));
}

/// A book that cannot be read.
struct Broken(MemoryStore, std::sync::atomic::AtomicUsize);

impl LeaseStore for Broken {
    fn commit(&self, changes: Vec<Change>) -> Result<u64, leasebook_store::StoreError> {
        self.0.commit(changes)
    }

    fn last_seq(&self) -> u64 {
        self.0.last_seq()
    }

    fn scan(
        &self,
        cursor: &mut leasebook_store::Cursor,
        now: u64,
        visit: &mut dyn FnMut(leasebook_store::Run<'_>) -> leasebook_store::Flow,
    ) -> Result<leasebook_store::Progress, leasebook_store::StoreError> {
        let left = self.1.load(std::sync::atomic::Ordering::Relaxed);
        if left == 0 {
            let reason = "disk on fire".to_owned();
            return Err(leasebook_store::StoreError::ReadOnly { reason });
        }
        self.1.store(left - 1, std::sync::atomic::Ordering::Relaxed);
        self.0.scan(cursor, now, visit)
    }

    fn binding(
        &self,
        link: LinkId,
        client: &[u8],
    ) -> Result<Option<leasebook_store::Record>, leasebook_store::StoreError> {
        self.0.binding(link, client)
    }

    fn holder(
        &self,
        lease: LeaseName,
    ) -> Result<Option<leasebook_store::Record>, leasebook_store::StoreError> {
        self.0.holder(lease)
    }

    fn stats(&self) -> Result<leasebook_store::Stats, leasebook_store::StoreError> {
        self.0.stats()
    }
}

/// BLQ-S-058, BLQ-S-059, BLQ-S-085, D-19: where the book fails, the query is terminated and the connection closed.
#[test]
fn a_failing_book_terminates() {
    for (good, kind) in [(0, REPLY), (1, DONE)] {
        let store = Broken(many(300), good.into());
        let mut session = Session::new(MemoryStore::new());
        session.connection.octets(at(0), &by_link(1));
        let mut out = Vec::new();
        while session.connection.fill(at(0), &store, &mut out) == FillState::More {}
        session.connection.sent(at(0), out.len());
        let got = decode(&out);
        let last = got.last().unwrap();
        assert_eq!(
            (last.kind, last.status()),
            (kind, StatusCode::QUERY_TERMINATED)
        );
        assert_eq!(closed(&mut session), Some(CloseReason::StoreFailed));
        let error = &session.events[0];
        assert!(matches!(error, Event::StoreFailed { error } if error.contains("on fire")));
    }
}

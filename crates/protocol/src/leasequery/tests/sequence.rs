//! Which messages answer a query, in which order.

use super::*;
use crate::leasequery::event::Outcome;

/// BLQ-S-038, BLQ-S-046, BLQ-S-053, BLQ-S-055: nothing found is a bare REPLY and no DONE.
#[test]
fn nothing_found_is_a_bare_reply() {
    let got = Session::new(MemoryStore::new()).ask(&by_link(7));
    assert_eq!(kinds(&got), [REPLY]);
    assert_eq!((got[0].codes(), got[0].xid), (vec![2, 1], 7));
}

/// BLQ-S-045, BLQ-S-047, BLQ-S-052, BLQ-S-056, D-02, D-03: one binding is a REPLY with it and a DONE.
#[test]
fn one_binding_is_reply_and_done() {
    let got = Session::new(many(1)).ask(&by_link(7));
    assert_eq!(kinds(&got), [REPLY, DONE]);
    assert_eq!(got[0].codes(), [2, 1, 45]);
    let options = got[0].options();
    assert_eq!(options.first(OptionCode::SERVERID).unwrap().data, SERVER);
    assert_eq!(options.first(OptionCode::CLIENTID).unwrap().data, REQUESTOR);
}

/// BLQ-S-048, BLQ-S-049, BLQ-S-050, BLQ-S-051, BLQ-S-054, D-02, D-03: DATA and DONE have only what is theirs.
#[test]
fn more_bindings_are_data_each() {
    let got = Session::new(many(300)).ask(&by_link(7));
    assert_eq!(got.len(), 301);
    assert_eq!(got[0].kind, REPLY);
    assert!(
        got[1..300]
            .iter()
            .all(|got| got.kind == DATA && got.codes() == [45])
    );
    assert_eq!((got[300].kind, got[300].codes()), (DONE, vec![]));
    assert!(got.iter().all(|got| got.xid == 7));
    let mut clients: Vec<_> = got[..300].iter().map(|got| got.client().to_vec()).collect();
    clients.sort();
    clients.dedup();
    assert_eq!(clients.len(), 300);
}

/// BLQ-S-046, BLQ-S-057, BLQ-S-059, D-02, D-03, D-19: a refusal is one REPLY with both identities; the connection goes on.
#[test]
fn a_refused_query_is_one_reply() {
    let mut session = Session::new(many(1));
    let got = session.ask(&query(7, QueryType(99), "::", &[]));
    assert_eq!(kinds(&got), [REPLY]);
    assert_eq!((got[0].codes(), got[0].xid), (vec![2, 1, 13], 7));
    assert_eq!(got[0].status(), StatusCode::UNKNOWN_QUERY_TYPE);
    assert!(!got[0].text().is_empty());
    assert!(session.connection.wants_read() && !session.connection.wants_close());
    assert_eq!(session.ask(&by_link(8)).len(), 2);
}

/// BLQ-S-020: a transaction-id in use is dropped, and free again after DONE.
#[test]
fn a_reused_transaction_id_is_dropped() {
    let mut session = Session::new(many(3));
    let got = session.ask(&[by_link(7), by_link(7)].concat());
    assert_eq!(got.len(), 4);
    assert_eq!(session.ask(&by_link(7)).len(), 4);
    let dropped = session.events.iter();
    let dropped = dropped.filter(|event| matches!(event, Event::Dropped { count: 1, .. }));
    assert_eq!(dropped.count(), 1);
}

/// BLQ-S-076, BLQ-S-077, BLQ-S-078, D-22: pipelined queries are all answered, no more than the limit at once.
#[test]
fn pipelined_queries_are_all_answered() {
    let mut session = Session::new(many(3));
    let asks: Vec<u8> = (1..=50).flat_map(by_link).collect();
    session.connection.octets(at(0), &asks);
    assert_eq!(session.connection.queries_in_progress(), 4);
    assert!(!session.connection.wants_read());
    let got = session.drain(0);
    for xid in 1..=50 {
        let of_query: Vec<_> = got.iter().filter(|got| got.xid == xid).cloned().collect();
        assert_eq!(kinds(&of_query), [REPLY, DATA, DATA, DONE]);
    }
    assert!(session.connection.wants_read());
}

/// BLQ-S-078: with a limit of 1 a connection is sequential; a limit of 0 holds it back.
#[test]
fn one_query_at_once_makes_it_sequential() {
    let mut config = config();
    config.limits.queries_per_connection = 1;
    let mut session = Session::with(config, many(3));
    let got = session.ask(&[by_link(1), by_link(2)].concat());
    let order: Vec<_> = got.iter().map(|got| got.xid).collect();
    assert_eq!(order, [1, 1, 1, 1, 2, 2, 2, 2]);
    session.connection.set_query_limit(at(0), 0);
    assert!(session.ask(&by_link(3)).is_empty());
    assert_eq!(session.connection.deadline(), None);
    session.connection.set_query_limit(at(0), 9);
    assert_eq!(session.drain(0).len(), 4);
}

/// BLQ-S-079, D-22: replies in progress take turns.
#[test]
fn replies_are_interleaved() {
    let mut session = Session::new(many(2000));
    let got = session.ask(&[by_link(1), by_link(2)].concat());
    let order: Vec<_> = got.iter().map(|got| got.xid).collect();
    let end_of_first = order.iter().rposition(|xid| *xid == 1).unwrap();
    let begin_of_second = order.iter().position(|xid| *xid == 2).unwrap();
    assert_eq!(begin_of_second, 1);
    assert!(end_of_first > 2000);
}

/// BLQ-S-080: what is filled at once is bounded, however much there is to tell.
#[test]
fn a_fill_is_bounded() {
    let mut session = Session::new(many(3000));
    session
        .connection
        .octets(at(0), &[by_link(1), by_link(2), by_link(3)].concat());
    loop {
        let mut out = Vec::new();
        let state = session.connection.fill(at(0), &session.store, &mut out);
        assert!(out.len() <= 2 * crate::leasequery::connection::FILL_OCTETS);
        session.connection.sent(at(0), out.len());
        if state == FillState::Idle {
            break;
        }
    }
}

/// BLQ-S-062, D-21: what matches throughout is sent, what changes behind the scan is sent again.
#[test]
fn a_binding_that_changes_meanwhile_is_sent() {
    let mut session = Session::new(many(50));
    session.connection.octets(at(0), &by_link(1));
    let mut all = Vec::new();
    session.fill(0, &mut all);
    let change = binding(1, 1, vec![address("2001:db8:1::aaaa")]);
    session.store.commit(vec![Change::Put(change)]).unwrap();
    while session.fill(0, &mut all) == FillState::More {}
    let got = decode(&all);
    assert_eq!(got.last().unwrap().kind, DONE);
    let mut of_first = got
        .iter()
        .filter(|got| got.kind != DONE && got.client() == client(1));
    let newest = of_first.next_back().unwrap().leases();
    assert_eq!(newest[0].0, "2001:db8:1::aaaa");
    let told: std::collections::BTreeSet<_> = got[..got.len() - 1]
        .iter()
        .map(|got| got.client().to_vec())
        .collect();
    assert_eq!(told.len(), 50);
}

/// ALQ-003: LQ_BASE_TIME is in every message of a query that asks for it.
#[test]
fn base_time_is_in_every_message() {
    let codes = oro(&[OptionCode::LQ_BASE_TIME]);
    let ask = query(
        1,
        QueryType::BY_LINK_ADDRESS,
        "2001:db8:1::",
        &[(OptionCode::ORO, &codes)],
    );
    let got = Session::new(many(3)).ask(&ask);
    assert_eq!(got.len(), 4);
    for message in got {
        let time = message.options().first(OptionCode::LQ_BASE_TIME).unwrap();
        let expected = u32::try_from(BEGIN - 946_684_800).unwrap();
        assert_eq!(time.data, expected.to_be_bytes());
    }
}

/// ALQ-001: ACTIVELEASEQUERY gets NotSupported, then the close.
#[test]
fn active_leasequery_is_not_supported() {
    let mut session = Session::new(many(3));
    let id = (OptionCode::CLIENTID, REQUESTOR);
    let got = session.ask(&message(MessageType::ACTIVELEASEQUERY, 5, &[id]));
    assert_eq!((got.len(), got[0].kind, got[0].xid), (1, REPLY, 5));
    assert_eq!(got[0].status(), StatusCode::NOT_SUPPORTED);
    assert!(session.connection.wants_close());
}

/// ALQ-002: STARTTLS gets a REPLY with TLSConnectionRefused, and queries go on.
#[test]
fn starttls_is_refused() {
    let mut session = Session::new(many(1));
    let got = session.ask(&message(MessageType::STARTTLS, 5, &[]));
    assert_eq!(
        (got.len(), got[0].kind, got[0].xid),
        (1, MessageType::REPLY, 5)
    );
    assert_eq!(got[0].status(), StatusCode::TLS_CONNECTION_REFUSED);
    assert_eq!(session.ask(&by_link(6)).len(), 2);
}

/// BLQ-S-076: each query's end is told with its counts.
#[test]
fn events_tell_how_each_query_went() {
    let mut session = Session::new(many(3));
    session.connection.octets(at(0), &by_link(7));
    let mut all = Vec::new();
    while session.fill(0, &mut all) == FillState::More {}
    let [Event::QueryDone(done)] = &session.events[..] else {
        panic!("{:?}", session.events);
    };
    assert_eq!((done.bindings, done.octets), (3, all.len() as u64));
    assert_eq!(done.outcome, Outcome::Answered);
    assert_eq!(done.query_type, Some(QueryType::BY_LINK_ADDRESS));
}

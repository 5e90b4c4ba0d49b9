//! What is dropped, what is refused, and in which order that is decided.

use super::*;
use crate::leasequery::config::{Allow, QueryTypes, Unlisted};
use crate::leasequery::judge::{Dropped, Judge, Judgement, Prepared};
use leasebook_store::Selector;

fn judge_from(config: &Config, source: &str, frame: &[u8]) -> Judgement {
    let links = links();
    let judge = Judge {
        config,
        links: &links,
    };
    judge.judge(&frame[2..], source.parse().unwrap())
}

fn judge(frame: &[u8]) -> Judgement {
    judge_from(&config(), "::1", frame)
}

#[track_caller]
fn refused(judgement: Judgement) -> (StatusCode, String) {
    match judgement {
        Judgement::Refuse(refusal) => (refusal.status, refusal.text),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn prepared(judgement: Judgement) -> Prepared {
    match judgement {
        Judgement::Answer(prepared) => prepared,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn dropped(judgement: Judgement) -> Dropped {
    match judgement {
        Judgement::Drop(kind) => kind,
        other => panic!("{other:?}"),
    }
}

fn of_type(number: u8) -> Vec<u8> {
    query(1, QueryType(number), "::", &[])
}

/// BLQ-S-010, BLQ-S-011: whatever is no query is dropped, relayed and unknown types too.
#[test]
fn drops_every_other_message() {
    for kind in [1, 7, 15, 16, 17, 200] {
        let frame = message(MessageType(kind), 1, &[]);
        let expected = Dropped::Foreign(MessageType(kind));
        assert_eq!(dropped(judge(&frame)), expected);
    }
    let mut relayed = vec![0, 0, 12, 0];
    relayed.extend_from_slice(&[0; 32]);
    put(&mut relayed, OptionCode::RELAY_MSG, &by_link(1)[2..]);
    let expected = Dropped::Foreign(MessageType::RELAY_FORW);
    assert_eq!(dropped(judge(&relayed)), expected);
}

/// BLQ-S-010: a message too short for a header, or with an overrun, is malformed.
#[test]
fn drops_what_cannot_be_read() {
    for frame in [&[0, 0][..], &[0, 1, 14], &[0, 8, 14, 0, 0, 1, 0, 1, 0, 9]] {
        assert_eq!(dropped(judge(frame)), Dropped::Malformed);
    }
}

/// BLQ-S-012, D-13: CLIENTID is needed, with 1 to 130 octets.
#[test]
fn drops_queries_without_a_client_id() {
    let lq_query = [&[4_u8][..], &ip("2001:db8:1::1").octets()].concat();
    let lq_query = (OptionCode::LQ_QUERY, &lq_query[..]);
    let none = message(MessageType::LEASEQUERY, 1, &[lq_query]);
    assert_eq!(dropped(judge(&none)), Dropped::NoClientId);
    for len in [0, 131] {
        let id = vec![1; len];
        let options = [(OptionCode::CLIENTID, &id[..]), lq_query];
        let frame = message(MessageType::LEASEQUERY, 1, &options);
        assert_eq!(dropped(judge(&frame)), Dropped::NoClientId);
    }
    let id = [1; 130];
    let options = [(OptionCode::CLIENTID, &id[..]), lq_query];
    prepared(judge(&message(MessageType::LEASEQUERY, 1, &options)));
}

/// BLQ-S-013: a query for another server is dropped, one for this server answered.
#[test]
fn drops_queries_for_another_server() {
    for (server, is_ours) in [(SERVER, true), (&[0, 3, 0, 1, 1][..], false)] {
        let mut options = vec![(OptionCode::CLIENTID, REQUESTOR)];
        options.push((OptionCode::SERVERID, server));
        let lq_query = [&[4_u8][..], &ip("2001:db8:1::1").octets()].concat();
        options.push((OptionCode::LQ_QUERY, &lq_query));
        let judged = judge(&message(MessageType::LEASEQUERY, 1, &options));
        assert_eq!(judged == Judgement::Drop(Dropped::OtherServer), !is_ours);
    }
}

/// BLQ-S-014, D-13: exactly one LQ_QUERY; a short one is refused so that nobody waits.
#[test]
fn needs_exactly_one_whole_lq_query() {
    let id = (OptionCode::CLIENTID, REQUESTOR);
    let none = message(MessageType::LEASEQUERY, 1, &[id]);
    assert_eq!(dropped(judge(&none)), Dropped::NoQuery);
    let lq_query = (OptionCode::LQ_QUERY, &[4_u8; 17][..]);
    let two = message(MessageType::LEASEQUERY, 1, &[id, lq_query, lq_query]);
    assert_eq!(dropped(judge(&two)), Dropped::SeveralQueries);
    for len in [0, 16] {
        let octets = vec![4; len];
        let short = (OptionCode::LQ_QUERY, &octets[..]);
        let frame = message(MessageType::LEASEQUERY, 1, &[id, short]);
        assert_eq!(refused(judge(&frame)).0, StatusCode::MALFORMED_QUERY);
    }
}

/// BLQ-S-006, BLQ-S-015, BLQ-S-016, D-13: NotAllowed comes before UnknownQueryType before MalformedQuery.
#[test]
fn the_first_reason_in_order_decides() {
    let mut config = config();
    config.unlisted = Unlisted::Refuse;
    config.query_types = QueryTypes::of(&[QueryType::BY_RELAY_ID, QueryType::BY_CLIENTID]);
    config.allow.push(Allow {
        source: "2001:db8::/32".parse().unwrap(),
        query_types: QueryTypes::of(&[QueryType::BY_ADDRESS, QueryType::BY_RELAY_ID]),
    });
    let status = |source, number| refused(judge_from(&config, source, &of_type(number))).0;
    assert_eq!(status("3fff::1", 200), StatusCode::NOT_ALLOWED);
    assert_eq!(status("2001:db8::1", 2), StatusCode::NOT_ALLOWED);
    assert_eq!(status("2001:db8::1", 200), StatusCode::UNKNOWN_QUERY_TYPE);
    assert_eq!(status("2001:db8::1", 1), StatusCode::UNKNOWN_QUERY_TYPE);
    assert_eq!(status("2001:db8::1", 3), StatusCode::MALFORMED_QUERY);
    assert_eq!(status("::1", 0), StatusCode::UNKNOWN_QUERY_TYPE);
    // A link that is not configured does not hide that the required option is missing.
    let both = query(1, QueryType::BY_RELAY_ID, "3fff::1", &[]);
    assert_eq!(refused(judge(&both)).0, StatusCode::MALFORMED_QUERY);
}

/// BLQ-S-017: the required option must be there once and be readable.
#[test]
fn refuses_a_missing_repeated_or_unreadable_option() {
    let cases: [(u8, OptionCode, &[u8]); 6] = [
        (1, OptionCode::IAADDR, &[1; 23]),
        (1, OptionCode::IAADDR, &[0; 24]),
        (2, OptionCode::CLIENTID, &[]),
        (3, OptionCode::RELAY_ID, &[1; 131]),
        (5, OptionCode::REMOTE_ID, &[1; 4]),
        (5, OptionCode::REMOTE_ID, &[1; 3]),
    ];
    for (number, code, data) in cases {
        let frame = query(1, QueryType(number), "::", &[(code, data)]);
        let (status, text) = refused(judge(&frame));
        assert_eq!(status, StatusCode::MALFORMED_QUERY, "{number} {text}");
        let fine = [1; 24];
        let twice = query(1, QueryType(number), "::", &[(code, &fine), (code, &fine)]);
        assert_eq!(refused(judge(&twice)).0, StatusCode::MALFORMED_QUERY);
        let once = query(1, QueryType(number), "::", &[(code, &fine)]);
        prepared(judge(&once));
    }
    let mut overrun = vec![3];
    overrun.extend_from_slice(&[0; 16]);
    overrun.extend_from_slice(&[0, 53, 0, 9, 1]);
    let id = (OptionCode::CLIENTID, REQUESTOR);
    let options = [id, (OptionCode::LQ_QUERY, &overrun[..])];
    let frame = message(MessageType::LEASEQUERY, 1, &options);
    assert_eq!(refused(judge(&frame)).0, StatusCode::MALFORMED_QUERY);
}

/// BLQ-S-018, BLQ-S-035: a link-address on no configured link is NotConfigured for every type.
#[test]
fn refuses_a_link_nobody_configured() {
    let fine = [1; 24];
    for (number, code) in [(1, 5), (2, 1), (3, 53), (4, 99), (5, 37)] {
        let options = [(OptionCode(code), &fine[..])];
        let frame = query(1, QueryType(number), "3fff::1", &options);
        let (status, text) = refused(judge(&frame));
        assert_eq!(status, StatusCode::NOT_CONFIGURED);
        assert!(text.contains("3fff::1"), "{text}");
    }
}

/// BLQ-S-031, D-05: a query by link-address with `::` is malformed.
#[test]
fn refuses_every_link_at_once() {
    assert_eq!(refused(judge(&of_type(4))).0, StatusCode::MALFORMED_QUERY);
}

/// BLQ-S-060: every refusal says in words what was wrong.
#[test]
fn says_what_was_wrong() {
    assert!(refused(judge(&of_type(3))).1.contains("RELAY_ID"));
    assert!(refused(judge(&of_type(77))).1.contains("77"));
    let mut config = config();
    config.unlisted = Unlisted::Refuse;
    let text = refused(judge_from(&config, "3fff::1", &by_link(1))).1;
    assert!(text.contains("3fff::1"), "{text}");
}

/// BLQ-S-070, BLQ-S-071, BLQ-S-072, D-11: the inner ORO chooses, but never what is sensitive.
#[test]
fn reads_the_oro_inside_query_options_only() {
    let mut config = config();
    config.sensitive = vec![OptionCode::SUBSCRIBER_ID];
    let codes = [47, 38, 39, 1, 100, 47].map(OptionCode);
    let inner = oro(&codes);
    let mut lq_query = vec![4];
    lq_query.extend_from_slice(&ip("2001:db8:1::1").octets());
    put(&mut lq_query, OptionCode::ORO, &inner);
    let outer = oro(&[OptionCode(79)]);
    let options = [
        (OptionCode::CLIENTID, REQUESTOR),
        (OptionCode::ORO, &outer[..]),
        (OptionCode::LQ_QUERY, &lq_query[..]),
    ];
    let frame = message(MessageType::LEASEQUERY, 1, &options);
    let prepared = prepared(judge_from(&config, "::1", &frame));
    assert_eq!(prepared.asked, [47, 39].map(OptionCode));
    assert!(prepared.wants_base_time);
}

/// BLQ-S-024, BLQ-S-025: a link-address limits the search, else the address finds its links.
#[test]
fn an_address_finds_its_links() {
    let of = |frame: &[u8]| prepared(judge(frame));
    let links =
        |ids: &[u32]| leasebook_store::Links::of(ids.iter().map(|id| LinkId(*id)).collect());
    let limited = of(&by_address(1, "2001:db8:1::5", "2001:db8:2::1"));
    assert_eq!(limited.query.links, links(&[2]));
    let on_link = of(&by_address(1, "2001:db8:1::5", "::"));
    assert_eq!(
        (on_link.query.links, on_link.must_find),
        (links(&[1]), false)
    );
    let pool = of(&by_address(1, "2001:db8:f000::5", "::"));
    assert_eq!((pool.query.links, pool.must_find), (links(&[1]), false));
    assert!(of(&by_address(1, "3fff::5", "::")).must_find);
    let local = refused(judge(&by_address(1, "fe80::5", "::")));
    assert_eq!(local.0, StatusCode::NOT_CONFIGURED);
    let selector = Selector::Address(ip("fe80::5"));
    assert_eq!(
        of(&by_address(1, "fe80::5", "fe80::1")).query.selector,
        selector
    );
}

/// D-13: options that a query does not need are passed over, be they unknown or what another type requires.
#[test]
fn options_that_are_not_needed_are_passed_over() {
    let relay: &[u8] = &[0, 3, 0, 1, 7];
    let iaaddr = [&ip("2001:db8:1::9").octets()[..], &[0; 8]].concat();
    let options = [
        (OptionCode(4000), &b"unknown"[..]),
        (OptionCode::IAADDR, &iaaddr),
        (OptionCode::RELAY_ID, relay),
    ];
    let full = query(1, QueryType::BY_RELAY_ID, "::", &options);
    let bare = query(1, QueryType::BY_RELAY_ID, "::", &options[2..]);
    let asked = prepared(judge(&full));
    assert_eq!(asked.query.selector, Selector::RelayId(relay.to_vec()));
    assert_eq!(asked.query, prepared(judge(&bare)).query);
}

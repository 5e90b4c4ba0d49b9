//! Individual Leasequery: a datagram in, a datagram out.

use super::*;
use crate::leasequery::config::{Allow, QueryTypes, Unlisted};
use crate::leasequery::judge::Dropped;
use crate::leasequery::relayed::reply_port;
use crate::leasequery::udp::{
    LeftOut, Relayed, UNFRAGMENTED_OCTETS, UdpAnswer, UdpDropped, UdpOutcome, UdpResponder,
    UdpSettings,
};
use leasebook_wire::option::{LqClientLink, OptionView};
use leasebook_wire::{Message, RelayChain};

/// A server that is asked by UDP.
struct Server {
    config: Config,
    links: Links,
    settings: UdpSettings,
    store: MemoryStore,
}

impl Server {
    fn new(bindings: Vec<Binding>) -> Self {
        Self {
            config: config(),
            links: links(),
            settings: UdpSettings::default(),
            store: store(bindings),
        }
    }

    fn responder(&self) -> UdpResponder<'_> {
        UdpResponder {
            config: &self.config,
            links: &self.links,
            settings: self.settings,
            store: &self.store,
        }
    }

    fn raw(&self, source: &str, datagram: &[u8]) -> (UdpOutcome, Vec<u8>) {
        let mut out = b"before".to_vec();
        let source = source.parse().unwrap();
        let outcome = self.responder().answer(BEGIN, source, datagram, &mut out);
        let reply = out.strip_prefix(b"before").unwrap().to_vec();
        (outcome, reply)
    }

    /// The one reply to a query given as a frame, and what is told of it.
    #[track_caller]
    fn ask(&self, frame: &[u8]) -> (UdpOutcome, Got) {
        let (outcome, reply) = self.raw("::1", &frame[2..]);
        if let UdpOutcome::Answered(answer) = &outcome {
            assert_eq!(answer.octets, reply.len());
        }
        (outcome, got(&reply))
    }

    #[track_caller]
    fn answer(&self, frame: &[u8]) -> (UdpAnswer, Got) {
        match self.ask(frame) {
            (UdpOutcome::Answered(answer), got) => (answer, got),
            (other, _) => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn refusal(&self, frame: &[u8]) -> (StatusCode, Got) {
        match self.ask(frame) {
            (UdpOutcome::Refused { status, .. }, got) => {
                assert_eq!(status, got.status());
                assert!(!got.text().is_empty());
                (status, got)
            }
            (other, _) => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn dropped(&self, source: &str, datagram: &[u8]) -> UdpDropped {
        match self.raw(source, datagram) {
            (UdpOutcome::Dropped(why), reply) => {
                assert_eq!(reply, b"");
                why
            }
            (other, _) => panic!("{other:?}"),
        }
    }
}

#[track_caller]
fn got(reply: &[u8]) -> Got {
    let message = ClientMessage::parse(reply).unwrap();
    Got {
        kind: message.msg_type(),
        xid: message.xid().number(),
        options: message.options().octets().to_vec(),
    }
}

fn listed(got: &Got) -> Vec<String> {
    let option = got.options().first(OptionCode::LQ_CLIENT_LINK).unwrap();
    let links = LqClientLink::parse(option).unwrap();
    links.addresses().map(|link| link.to_string()).collect()
}

fn home() -> Server {
    Server::new(vec![
        binding(
            1,
            7,
            vec![address("2001:db8:1::7"), prefix("2001:db8:f000:700::", 56)],
        ),
        binding(1, 8, vec![address("2001:db8:1::8")]),
        binding(2, 8, vec![address("2001:db8:2::8")]),
    ])
}

/// Link-address and options of a relay.
type Relay<'a> = (&'a str, &'a [(OptionCode, &'a [u8])]);

/// A RELAY-FORW by each of `relays` (link-address, options), the innermost last, around `inner`.
fn relayed_by(relays: &[Relay<'_>], peer: &str, inner: &[u8]) -> Vec<u8> {
    let mut datagram = inner.to_vec();
    let count = relays.len();
    for (index, (link, options)) in relays.iter().rev().enumerate() {
        let mut level = vec![12, u8::try_from(index).unwrap()];
        level.extend_from_slice(&ip(link).octets());
        let own = if index == 0 {
            ip(peer)
        } else {
            ip("2001:db8:1::1")
        };
        level.extend_from_slice(&own.octets());
        for (code, data) in *options {
            put(&mut level, *code, data);
        }
        put(&mut level, OptionCode::RELAY_MSG, &datagram);
        datagram = level;
    }
    assert!(count > 0);
    datagram
}

/// LQ-UDP-010, LQ-UDP-014, LQ-UDP-016: the reply has both identities, the transaction-id, and
/// all the client's leases on the link.
#[test]
fn a_query_by_address_returns_the_client_that_has_it() {
    for asked in ["2001:db8:1::7", "2001:db8:f000:7ff::9"] {
        let (answer, got) = home().answer(&by_address(0x01_0203, asked, "::"));
        assert_eq!((got.kind, got.xid), (REPLY, 0x01_0203));
        assert_eq!(got.codes(), [2, 1, 45]);
        assert_eq!(
            got.options().first(OptionCode::SERVERID).unwrap().data,
            SERVER
        );
        assert_eq!(
            got.options().first(OptionCode::CLIENTID).unwrap().data,
            REQUESTOR
        );
        assert_eq!(got.client(), client(7));
        let expected = [
            ("2001:db8:1::7".to_owned(), 90, 190),
            ("2001:db8:f000:700::/56".to_owned(), 290, 390),
        ];
        assert_eq!(got.leases(), expected);
        assert_eq!(got.clt(), 10);
        assert_eq!((answer.bindings, answer.links), (1, 0));
        assert!(answer.left_out.is_nothing());
    }
}

/// LQ-UDP-012, LQ-UDP-013, LQ-UDP-019: nothing found on a known link is a bare success.
#[test]
fn nothing_found_is_a_bare_reply() {
    for frame in [
        by_address(1, "2001:db8:1::99", "::"),
        by_address(1, "2001:db8:1::7", "2001:db8:2::1"),
        by_client(1, 99, "::"),
        by_client(1, 7, "2001:db8:2::1"),
    ] {
        let (answer, got) = home().answer(&frame);
        assert_eq!(got.codes(), [2, 1]);
        assert_eq!(answer.bindings, 0);
    }
}

/// LQ-UDP-012, LQ-UDP-013: a place outside the configuration is NotConfigured.
#[test]
fn unknown_places_are_not_configured() {
    for frame in [
        by_address(1, "2001:db8:9::1", "::"),
        by_address(1, "2001:db8:1::7", "2001:db8:9::1"),
        by_client(1, 7, "2001:db8:9::1"),
        by_client(1, 7, "2001:db8:f000::1"),
    ] {
        assert_eq!(home().refusal(&frame).0, StatusCode::NOT_CONFIGURED);
    }
}

/// LQ-UDP-005, LQ-UDP-022: bulk types are refused, however well or badly they are asked.
#[test]
fn bulk_types_are_not_allowed() {
    let id = client(7);
    for (kind, link, options) in [
        (3, "::", &[(OptionCode::RELAY_ID, &id[..])][..]),
        (3, "2001:db8:9::1", &[]),
        (4, "2001:db8:1::1", &[]),
        (4, "::", &[]),
        (5, "::", &[(OptionCode::REMOTE_ID, b"\0\0\x0d\xe9inner")]),
    ] {
        let (status, got) = home().refusal(&query(9, QueryType(kind), link, options));
        assert_eq!(status, StatusCode::NOT_ALLOWED);
        assert_eq!((got.kind, got.codes()), (REPLY, vec![2, 1, 13]));
        assert!(got.text().contains("TCP"), "{}", got.text());
    }
    let mut server = home();
    server.config.query_types = QueryTypes::of(&[QueryType::BY_ADDRESS]);
    let (status, _) = server.refusal(&by_link(1));
    assert_eq!(status, StatusCode::NOT_ALLOWED);
}

/// LQ-UDP-006, LQ-UDP-007: unknown types and malformed queries get their status.
#[test]
fn unknown_and_malformed_queries_get_their_status() {
    for kind in [0, 6, 200] {
        let (status, _) = home().refusal(&query(1, QueryType(kind), "::", &[]));
        assert_eq!(status, StatusCode::UNKNOWN_QUERY_TYPE);
    }
    let id = client(7);
    let option = (OptionCode::CLIENTID, &id[..]);
    for options in [&[][..], &[option, option], &[(OptionCode::CLIENTID, &[])]] {
        let (status, _) = home().refusal(&query(1, QueryType::BY_CLIENTID, "::", options));
        assert_eq!(status, StatusCode::MALFORMED_QUERY);
    }
    let short = message(
        MessageType::LEASEQUERY,
        1,
        &[
            (OptionCode::CLIENTID, REQUESTOR),
            (OptionCode::LQ_QUERY, &[1]),
        ],
    );
    assert_eq!(home().refusal(&short).0, StatusCode::MALFORMED_QUERY);
}

/// LQ-UDP-003, LQ-UDP-004: what is no query for this server is dropped, replies too.
#[test]
fn what_is_no_query_is_dropped() {
    let server = home();
    for kind in [1, 15, 16, 17, 22, 23, 200] {
        let kind = MessageType(kind);
        let frame = message(kind, 1, &[(OptionCode::CLIENTID, REQUESTOR)]);
        let expected = UdpDropped::Message(Dropped::Foreign(kind));
        assert_eq!(server.dropped("::1", &frame[2..]), expected);
    }
    let lq_query = [&[2_u8][..], &[0; 16]].concat();
    let lq_query = (OptionCode::LQ_QUERY, &lq_query[..]);
    let id = (OptionCode::CLIENTID, REQUESTOR);
    let other = (OptionCode::SERVERID, &[0, 3, 0, 1, 1][..]);
    for (options, why) in [
        (&[lq_query][..], Dropped::NoClientId),
        (&[id], Dropped::NoQuery),
        (&[id, lq_query, lq_query], Dropped::SeveralQueries),
        (&[id, other, lq_query], Dropped::OtherServer),
    ] {
        let frame = message(MessageType::LEASEQUERY, 1, options);
        assert_eq!(server.dropped("::1", &frame[2..]), UdpDropped::Message(why));
    }
    for octets in [&[][..], &[14], &[14, 0, 0, 1, 0, 1, 0, 9], &[12, 0, 0, 0]] {
        let why = UdpDropped::Message(Dropped::Malformed);
        assert_eq!(server.dropped("::1", octets), why);
    }
}

/// LQ-UDP-008, LQ-UDP-009: only loopback may ask unless others are listed; who is not is
/// dropped or refused, and types can be kept to some.
#[test]
fn sources_and_their_types_are_restricted() {
    let mut server = home();
    let datagram = &by_client(1, 7, "::")[2..];
    assert_eq!(
        server.dropped("2001:db8::5", datagram),
        UdpDropped::NotListed
    );
    assert_eq!(
        server.dropped("2001:db8::5", b"noise"),
        UdpDropped::NotListed
    );
    server.config.unlisted = Unlisted::Refuse;
    let (_, reply) = server.raw("2001:db8::5", datagram);
    assert_eq!(got(&reply).status(), StatusCode::NOT_ALLOWED);
    server.config.allow = vec![Allow {
        source: "2001:db8::/64".parse().unwrap(),
        query_types: QueryTypes::of(&[QueryType::BY_ADDRESS]),
    }];
    let (_, reply) = server.raw("2001:db8::5", datagram);
    assert_eq!(got(&reply).status(), StatusCode::NOT_ALLOWED);
    let (outcome, _) = server.raw("2001:db8::5", &by_address(1, "2001:db8:1::7", "::")[2..]);
    assert!(matches!(outcome, UdpOutcome::Answered(_)));
}

/// LQ-UDP-015, LQ-UDP-017: a client on several links is told as their list, without data.
#[test]
fn a_client_on_several_links_is_told_as_their_list() {
    let (answer, got) = home().answer(&by_client(1, 8, "::"));
    assert_eq!(got.codes(), [2, 1, 48]);
    // Link 1 has only a link-local relay address, so its prefix names it.
    assert_eq!(listed(&got), ["2001:db8:1::", "2001:db8:2::"]);
    assert_eq!((answer.bindings, answer.links), (0, 2));
}

/// LQ-UDP-018: each listed address, sent back, gives the data of just that link.
#[test]
fn each_listed_address_selects_its_link() {
    let mut roaming = binding(2, 8, vec![address("2001:db8:2::8")]);
    let mut chain = vec![12, 0];
    chain.extend_from_slice(&ip("2001:db8:2::fe").octets());
    chain.extend_from_slice(&ip("fe80::c").octets());
    roaming.relay = Some(RelayData {
        peer: ip("2001:db8::99"),
        chain,
    });
    let server = Server::new(vec![binding(1, 8, vec![address("2001:db8:1::8")]), roaming]);
    let (_, list) = server.answer(&by_client(1, 8, "::"));
    // What the client came by goes before what is configured.
    assert_eq!(listed(&list), ["2001:db8:1::", "2001:db8:2::fe"]);
    for (link, lease) in listed(&list).iter().zip(["2001:db8:1::8", "2001:db8:2::8"]) {
        let (_, got) = server.answer(&by_client(2, 8, link));
        let leases: Vec<_> = got.leases().into_iter().map(|lease| lease.0).collect();
        assert_eq!(leases, [lease]);
    }
}

/// LQ-UDP-016, LQ-UDP-017: leases that ended do not make a second link.
#[test]
fn a_link_without_live_leases_does_not_count() {
    let mut ended = address("2001:db8:2::8");
    ended.clt = BEGIN - 1000;
    let server = Server::new(vec![
        binding(1, 8, vec![address("2001:db8:1::8")]),
        binding(2, 8, vec![ended]),
    ]);
    let (answer, got) = server.answer(&by_client(1, 8, "::"));
    assert_eq!((answer.bindings, got.leases().len()), (1, 1));
}

/// LQ-UDP-019: links that no address tells apart are told as one.
#[test]
fn links_that_share_an_address_are_told_as_one() {
    let mut server = home();
    let shared = |id| Link {
        id: LinkId(id),
        on_link: vec!["2001:db8::/32".parse().unwrap()],
        relay_addresses: Vec::new(),
        delegated: Vec::new(),
    };
    server.links = Links::new(vec![shared(1), shared(2)]);
    let (answer, got) = server.answer(&by_client(1, 8, "2001:db8::1"));
    assert_eq!(answer.bindings, 2);
    let leases: Vec<_> = got.leases().into_iter().map(|lease| lease.0).collect();
    assert_eq!(leases, ["2001:db8:1::8", "2001:db8:2::8"]);
}

/// LQ-UDP-015, LQ-UDP-021: a link that is not configured any more cannot be listed.
#[test]
fn links_no_longer_configured_are_counted() {
    let server = Server::new(vec![
        binding(1, 8, vec![address("2001:db8:1::8")]),
        binding(77, 8, vec![address("2001:db8:77::8")]),
    ]);
    let (answer, got) = server.answer(&by_client(1, 8, "::"));
    assert_eq!(got.leases()[0].0, "2001:db8:1::8");
    assert_eq!(answer.left_out.links, 1);
}

/// LQ-UDP-020: options asked for are told by the rules of TCP, sensitive ones never.
#[test]
fn options_asked_for_are_as_on_tcp() {
    let mut server = home();
    let mut known = binding(1, 9, vec![address("2001:db8:1::9")]);
    known.relay = Some(relayed());
    server.store = store(vec![known]);
    let codes = oro(&[
        OptionCode::LQ_RELAY_DATA,
        OptionCode::REMOTE_ID,
        OptionCode::RELAY_ID,
    ]);
    let id = client(9);
    let options = [(OptionCode::CLIENTID, &id[..]), (OptionCode::ORO, &codes)];
    let frame = query(5, QueryType::BY_CLIENTID, "::", &options);
    for sensitive in [vec![], vec![OptionCode::REMOTE_ID]] {
        server.config.sensitive.clone_from(&sensitive);
        let (_, by_udp) = server.answer(&frame);
        let mut config = config();
        config.sensitive = sensitive;
        let mut session = Session::with(
            config,
            store(vec![{
                let mut known = binding(1, 9, vec![address("2001:db8:1::9")]);
                known.relay = Some(relayed());
                known
            }]),
        );
        // On TCP a DONE follows.
        assert_eq!(by_udp, session.ask(&frame)[0]);
    }
}

/// LQ-UDP-021, D-33: what does not fit goes in this order: relay data, other options, leases.
#[test]
fn what_does_not_fit_is_left_out_in_order() {
    let mut server = home();
    server.settings.max_octets = UNFRAGMENTED_OCTETS;
    let id = client(9);
    let codes = oro(&[
        OptionCode::LQ_RELAY_DATA,
        OptionCode::INTERFACE_ID,
        OptionCode(39),
    ]);
    let options = [(OptionCode::CLIENTID, &id[..]), (OptionCode::ORO, &codes)];
    let frame = query(5, QueryType::BY_CLIENTID, "::", &options);
    let out = |options, leases| LeftOut {
        options,
        leases,
        links: 0,
    };
    for (leases, left_out, codes) in [
        (1, out(0, 0), &[1, 5, 46, 47, 18, 39][..]),
        (35, out(1, 0), &[46, 18, 39]),
        (40, out(2, 0), &[46, 18]),
        (43, out(3, 1), &[46]),
        (50, out(3, 8), &[46]),
    ] {
        let name = |n: u128| Ipv6Addr::from_bits(ip("2001:db8:1::").to_bits() + n);
        let held = (1..=leases).map(|n| lease(LeaseName::Address(name(n)), 100, 200));
        let mut known = binding(1, 9, held.collect());
        known.relay = Some(relayed());
        put(&mut known.options, OptionCode(39), &[b'x'; 60]);
        server.store = store(vec![known]);
        let (answer, got) = server.answer(&frame);
        assert_eq!(answer.left_out, left_out, "{leases} leases");
        assert!(answer.octets <= UNFRAGMENTED_OCTETS, "{answer:?}");
        let told: Vec<u16> = got.data().iter().map(|option| option.code.0).collect();
        assert_eq!(&told[told.len() - codes.len()..], codes, "{leases} leases");
        let count = usize::try_from(leases).unwrap() - left_out.leases;
        assert_eq!(got.leases().len(), count);
    }
}

/// LQ-UDP-021: a list of links is cut too, and that is counted.
#[test]
fn a_list_of_links_is_cut_to_fit() {
    let mut server = home();
    server.settings.max_octets = 0;
    let base = |id: u32| Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) | (u128::from(id) << 64));
    server.links = Links::new(
        (1..=100)
            .map(|id| Link {
                id: LinkId(id),
                on_link: vec![ipnet::Ipv6Net::new(base(id), 64).unwrap()],
                relay_addresses: Vec::new(),
                delegated: Vec::new(),
            })
            .collect(),
    );
    let everywhere = (1..=100).map(|id| {
        let name = Ipv6Addr::from_bits(base(id).to_bits() + 1);
        binding(id, 8, vec![lease(LeaseName::Address(name), 100, 200)])
    });
    server.store = store(everywhere.collect());
    let (answer, got) = server.answer(&by_client(1, 8, "::"));
    assert_eq!((answer.links, answer.left_out.links), (75, 25));
    assert_eq!(listed(&got).len(), 75);
    assert!(answer.octets <= UNFRAGMENTED_OCTETS);
}

/// LQ-UDP-002, SEC-008: relayed queries are dropped by default.
#[test]
fn relayed_queries_are_dropped_by_default() {
    let frame = by_client(1, 7, "::");
    let datagram = relayed_by(&[("2001:db8:1::1", &[])], "::1", &frame[2..]);
    assert_eq!(home().dropped("::1", &datagram), UdpDropped::Relayed);
}

/// LQ-UDP-002, LQ-UDP-011, D-32: where that is configured they are answered through the same relays.
#[test]
fn relayed_queries_are_answered_through_their_relays() {
    let mut server = home();
    server.settings.relayed = Relayed::Answer;
    let echo = oro(&[OptionCode(4242)]);
    let outer = [(OptionCode::RELAY_PORT, &[0, 0][..])];
    let inner = [
        (OptionCode::INTERFACE_ID, &b"port7"[..]),
        (OptionCode::REMOTE_ID, b"\0\0\0\x01x"),
        (OptionCode::ERO, &echo),
        (OptionCode(4242), b"echoed"),
    ];
    let frame = by_client(1, 7, "::");
    let relays = [("::", &outer[..]), ("2001:db8:1::1", &inner[..])];
    let datagram = relayed_by(&relays, "::1", &frame[2..]);
    let chain = RelayChain::parse(&datagram, 32).unwrap();
    assert_eq!(reply_port(&chain, 7777), 7777);
    let (outcome, reply) = server.raw("::1", &datagram);
    let UdpOutcome::Answered(answer) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((answer.bindings, answer.octets), (1, reply.len()));
    let back = RelayChain::parse(&reply, 32).unwrap();
    assert_eq!(back.depth(), 2);
    for (went, came) in chain.levels().zip(back.levels()) {
        assert_eq!(came.msg_type(), MessageType::RELAY_REPL);
        assert_eq!(came.hop_count(), went.hop_count());
        assert_eq!(came.link_address(), went.link_address());
        assert_eq!(came.peer_address(), went.peer_address());
    }
    let codes = |level: leasebook_wire::RelayMessage<'_>| -> Vec<u16> {
        level.options().iter().map(|option| option.code.0).collect()
    };
    assert_eq!(codes(back.outermost().unwrap()), [135, 9]);
    assert_eq!(codes(back.innermost().unwrap()), [18, 4242, 9]);
    assert_eq!(got(back.message().octets()).client(), client(7));
}

/// LQ-UDP-002, LQ-UDP-008: a relay gives nobody rights; it and the requestor need them.
#[test]
fn behind_a_relay_both_must_be_listed() {
    let mut server = home();
    server.settings.relayed = Relayed::Answer;
    let frame = by_client(1, 7, "::");
    let wrap = |peer| relayed_by(&[("::", &[])], peer, &frame[2..]);
    assert_eq!(
        server.dropped("::1", &wrap("fe80::5")),
        UdpDropped::NotListed
    );
    assert_eq!(
        server.dropped("2001:db8::5", &wrap("::1")),
        UdpDropped::NotListed
    );
    server.config.unlisted = Unlisted::Refuse;
    for (source, peer) in [("::1", "fe80::5"), ("2001:db8::5", "::1")] {
        let (outcome, reply) = server.raw(source, &wrap(peer));
        let status = StatusCode::NOT_ALLOWED;
        assert!(matches!(outcome, UdpOutcome::Refused { status: s, .. } if s == status));
        assert!(matches!(Message::parse(&reply), Ok(Message::Relay(_))));
    }
}

/// LQ-UDP-002, LQ-UDP-021: the limit is that of the whole datagram, relays included.
#[test]
fn the_limit_counts_the_relays() {
    let mut server = home();
    server.settings = UdpSettings {
        max_octets: UNFRAGMENTED_OCTETS,
        relayed: Relayed::Answer,
    };
    let name = |n: u128| Ipv6Addr::from_bits(ip("2001:db8:1::").to_bits() + n);
    let held = (1..=60).map(|n| lease(LeaseName::Address(name(n)), 100, 200));
    server.store = store(vec![binding(1, 7, held.collect())]);
    let frame = by_client(1, 7, "::");
    for (len, is_room) in [(400, true), (1120, false), (1200, false)] {
        let id = vec![b'i'; len];
        let options = [(OptionCode::INTERFACE_ID, &id[..])];
        let datagram = relayed_by(&[("::", &options)], "::1", &frame[2..]);
        if is_room {
            let (outcome, reply) = server.raw("::1", &datagram);
            assert!(matches!(outcome, UdpOutcome::Answered(answer) if answer.left_out.leases > 0));
            assert!(reply.len() <= UNFRAGMENTED_OCTETS);
        } else {
            assert_eq!(server.dropped("::1", &datagram), UdpDropped::NoRoom);
        }
    }
}

/// LQ-UDP-003, LQ-UDP-022: any octets give at most one reply, and never one that is too long.
#[test]
fn any_octets_give_at_most_one_reply() {
    use proptest::prelude::*;
    let mut server = home();
    server.settings.relayed = Relayed::Answer;
    let seeds = [
        by_client(1, 8, "::")[2..].to_vec(),
        by_address(1, "2001:db8:1::7", "::")[2..].to_vec(),
        relayed_by(
            &[("::", &[]), ("::", &[])],
            "::1",
            &by_client(1, 7, "::")[2..],
        ),
    ];
    let flips = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    proptest!(|(seed in 0..3_usize, flips in flips, cut in any::<prop::sample::Index>())| {
        let mut octets = seeds[seed].clone();
        for (at, value) in flips {
            let at = at.index(octets.len());
            octets[at] = value;
        }
        if cut.index(3) == 0 {
            octets.truncate(cut.index(octets.len()));
        }
        let (outcome, reply) = server.raw("::1", &octets);
        prop_assert_eq!(reply.is_empty(), matches!(outcome, UdpOutcome::Dropped(_)));
        if !reply.is_empty() {
            let chain = RelayChain::parse(&reply, 32).unwrap();
            prop_assert_eq!(chain.message().msg_type(), REPLY);
        }
    });
}

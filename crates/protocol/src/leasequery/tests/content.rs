//! What matches, and what CLIENT_DATA holds.

use super::*;

const RELAY_DATA: OptionCode = OptionCode::LQ_RELAY_DATA;

fn clients(got: &[Got]) -> Vec<Vec<u8>> {
    let with_data = got.iter().filter(|got| got.kind != DONE);
    let mut clients: Vec<_> = with_data.map(|got| got.client().to_vec()).collect();
    clients.sort();
    clients
}

fn of(numbers: &[u16]) -> Vec<Vec<u8>> {
    numbers.iter().map(|number| client(*number)).collect()
}

fn book() -> MemoryStore {
    let mut first = binding(
        1,
        1,
        vec![address("2001:db8:1::1"), prefix("2001:db8:f000::", 48)],
    );
    first.relay = Some(relayed());
    let second = binding(1, 2, vec![address("2001:db8:1::2")]);
    let mut elsewhere = binding(2, 1, vec![address("2001:db8:2::1")]);
    elsewhere.relay = Some(relayed());
    let unconfigured = binding(9, 3, vec![prefix("3fff:1::", 48), address("3fff:1::7")]);
    store(vec![first, second, elsewhere, unconfigured])
}

fn with_id(xid: u32, kind: QueryType, link: &str, code: OptionCode, id: &[u8]) -> Vec<u8> {
    query(xid, kind, link, &[(code, id)])
}

/// BLQ-S-022, BLQ-S-023, BLQ-S-025, BLQ-S-037, D-06: an address is found itself, or by the longest prefix.
#[test]
fn finds_the_client_of_an_address() {
    let mut session = Session::new(book());
    let got = session.ask(&by_address(1, "2001:db8:1::2", "::"));
    assert_eq!(clients(&got), of(&[2]));
    let got = session.ask(&by_address(2, "2001:db8:f000::77", "::"));
    assert_eq!(clients(&got), of(&[1]));
    assert_eq!(got[0].leases().len(), 2);
    assert_eq!(
        kinds(&session.ask(&by_address(3, "2001:db8:1::3", "::"))),
        [REPLY]
    );
}

/// BLQ-S-024: with a link-address only that link is looked at.
#[test]
fn an_address_is_sought_on_the_links_selected() {
    let mut session = Session::new(book());
    let got = session.ask(&by_address(1, "2001:db8:1::2", "2001:db8:2::1"));
    assert_eq!(kinds(&got), [REPLY]);
    assert_eq!(got[0].codes(), [2, 1]);
}

/// BLQ-S-025, D-06: an address of no configured link is known if leased, else NotConfigured.
#[test]
fn an_unconfigured_address_is_sought_among_leases() {
    let mut session = Session::new(book());
    let got = session.ask(&by_address(1, "3fff:1::9", "::"));
    assert_eq!(clients(&got), of(&[3]));
    let got = session.ask(&by_address(2, "3fff:2::9", "::"));
    assert_eq!(got[0].status(), StatusCode::NOT_CONFIGURED);
    assert_eq!(got.len(), 1);
}

/// BLQ-S-026, BLQ-S-027, BLQ-S-061: one message for each link of a client, never LQ_CLIENT_LINK.
#[test]
fn a_client_on_two_links_is_told_twice() {
    let mut session = Session::new(book());
    let got = session.ask(&by_client(1, 1, "::"));
    assert_eq!(kinds(&got), [REPLY, DATA, DONE]);
    assert!(got.iter().all(|got| !got.codes().contains(&48)));
    let got = session.ask(&by_client(2, 1, "2001:db8:2::1"));
    assert_eq!(kinds(&got), [REPLY, DONE]);
    assert_eq!(got[0].leases()[0].0, "2001:db8:2::1");
}

/// BLQ-S-028, BLQ-S-029, D-05, D-08: a Relay-ID at any hop finds its bindings, on all links or those selected.
#[test]
fn finds_what_is_behind_a_relay() {
    let mut session = Session::new(book());
    for id in [b"\0\x03\0\x01I", b"\0\x03\0\x01O"] {
        let ask = |link| with_id(1, QueryType::BY_RELAY_ID, link, OptionCode::RELAY_ID, id);
        assert_eq!(clients(&session.ask(&ask("::"))), of(&[1, 1]));
        assert_eq!(clients(&session.ask(&ask("2001:db8:1::1"))), of(&[1]));
    }
}

/// BLQ-S-030: a query by link-address finds all bindings of the link.
#[test]
fn finds_what_is_on_a_link() {
    let got = Session::new(book()).ask(&by_link(1));
    assert_eq!(clients(&got), of(&[1, 2]));
}

/// BLQ-S-032, BLQ-S-033, D-05, D-08: a Remote-ID at any hop finds its bindings, compared octet for octet.
#[test]
fn finds_what_is_behind_a_remote_id() {
    let mut session = Session::new(book());
    let ask = |id, link| with_id(1, QueryType::BY_REMOTE_ID, link, OptionCode::REMOTE_ID, id);
    for id in [&b"\0\0\x0d\xe9inner"[..], b"\0\0\x0d\xe9outer"] {
        assert_eq!(clients(&session.ask(&ask(id, "::"))), of(&[1, 1]));
        assert_eq!(clients(&session.ask(&ask(id, "2001:db8:2::9"))), of(&[1]));
    }
    for id in [
        &b"\0\0\x0d\xe8inner"[..],
        b"\0\0\x0d\xe9inne",
        b"\0\0\x0d\xe9inner\0",
    ] {
        assert_eq!(kinds(&session.ask(&ask(id, "::"))), [REPLY]);
    }
}

/// BLQ-S-036, BLQ-S-064, D-09: only leases with time left are told, and no released or declined ones.
#[test]
fn tells_live_leases_only() {
    let states = [
        LeaseState::Declined,
        LeaseState::Released,
        LeaseState::Reclaimed,
        LeaseState::Registered,
        LeaseState::Bound,
    ];
    let leases = states.iter().zip(1..).map(|(state, number)| Lease {
        state: *state,
        ..address(&format!("2001:db8:1::{number}"))
    });
    let ended = lease(LeaseName::Address(ip("2001:db8:1::9")), 5, 10);
    let gone = binding(1, 2, vec![ended]);
    let mut leases: Vec<_> = leases.collect();
    leases.push(Lease {
        name: LeaseName::Address(ip("2001:db8:1::8")),
        ..ended
    });
    let mut session = Session::new(store(vec![binding(1, 1, leases), gone]));
    let got = session.ask(&by_link(1));
    assert_eq!(kinds(&got), [REPLY, DONE]);
    let live = ("2001:db8:1::5".to_owned(), 90, 190);
    assert_eq!(got[0].leases(), [live]);
    // At 190 s the last one has nothing left.
    assert_eq!(session.ask_at(189, &by_link(2)).len(), 2);
    assert_eq!(session.ask_at(190, &by_link(3)).len(), 1);
}

/// BLQ-S-063, BLQ-S-065, BLQ-S-066, D-01: CLIENTID, IAADDR, IAPREFIX, CLT_TIME and options, in this order.
#[test]
fn client_data_is_in_order() {
    let leases = vec![
        prefix("2001:db8:f001::", 48),
        address("2001:db8:1::2"),
        prefix("2001:db8:f000::", 48),
        address("2001:db8:1::1"),
    ];
    let mut first = binding(1, 1, leases);
    first.relay = Some(relayed());
    let mut session = Session::new(store(vec![first]));
    let codes = oro(&[RELAY_DATA]);
    let ask = query(
        1,
        QueryType::BY_LINK_ADDRESS,
        "2001:db8:1::",
        &[(OptionCode::ORO, &codes)],
    );
    let got = session.ask(&ask);
    let codes: Vec<_> = got[0].data().iter().map(|option| option.code.0).collect();
    assert_eq!(codes, [1, 5, 5, 26, 26, 46, 47]);
    let names: Vec<_> = got[0].leases().into_iter().map(|lease| lease.0).collect();
    let expected = [
        "2001:db8:1::1",
        "2001:db8:1::2",
        "2001:db8:f000::/48",
        "2001:db8:f001::/48",
    ];
    assert_eq!(names, expected);
}

/// BLQ-S-067, BLQ-S-068: what remains is told, infinity stays, and CLT_TIME is the age.
#[test]
fn lifetimes_are_what_remains() {
    let infinite = lease(LeaseName::Address(ip("2001:db8:1::1")), u32::MAX, u32::MAX);
    let above = lease(LeaseName::Address(ip("2001:db8:1::2")), u32::MAX, 500);
    let past = lease(
        LeaseName::prefix(ip("2001:db8:f000::"), 48).unwrap(),
        12,
        1000,
    );
    for number in [1, 2] {
        // The first record of a query is composed, later ones come from templates.
        let leases = vec![infinite, above, past];
        let mut session = Session::new(store(vec![
            binding(1, number, leases),
            binding(1, 3 - number, vec![address("2001:db8:1::7")]),
        ]));
        let got = session.ask_at(5, &by_link(1));
        let told = got
            .iter()
            .find(|got| got.client() == client(number))
            .unwrap();
        let told: Vec<_> = told
            .leases()
            .iter()
            .map(|lease| (lease.1, lease.2))
            .collect();
        assert_eq!(told, [(u32::MAX, u32::MAX), (485, 485), (0, 985)]);
        assert_eq!((got[0].clt(), got[1].clt()), (15, 15));
    }
}

/// BLQ-S-067, BLQ-S-068: leases with ages of their own are told by those, the record by its newest.
#[test]
fn leases_of_different_ages_are_told_by_their_own() {
    let older = Lease {
        clt: BEGIN - 50,
        ..address("2001:db8:1::1")
    };
    let ahead = Lease {
        clt: BEGIN + 5,
        ..address("2001:db8:1::2")
    };
    let mut session = Session::new(store(vec![binding(1, 1, vec![older, ahead])]));
    let got = session.ask(&by_link(1));
    let told: Vec<_> = got[0]
        .leases()
        .iter()
        .map(|lease| (lease.1, lease.2))
        .collect();
    assert_eq!(told, [(50, 150), (100, 200)]);
    assert_eq!(got[0].clt(), 0);
}

/// BLQ-S-069, D-01: a record too large for one message is spread over several whole ones, and one DONE.
#[test]
fn a_large_record_is_spread_over_messages() {
    let base = ip("2001:db8:1::").to_bits();
    let leases = (1..=5000_u128).map(|number| {
        let name = LeaseName::Address(Ipv6Addr::from_bits(base + number));
        lease(name, 100, 200)
    });
    let mut large = binding(1, 1, leases.collect());
    large.relay = Some(relayed());
    let mut session = Session::new(store(vec![large]));
    let codes = oro(&[RELAY_DATA]);
    let ask = query(
        1,
        QueryType::BY_LINK_ADDRESS,
        "2001:db8:1::",
        &[(OptionCode::ORO, &codes)],
    );
    for ask in [by_link(1), ask] {
        let got = session.ask(&ask);
        assert_eq!(kinds(&got), [REPLY, DATA, DATA, DONE]);
        let told = &got[..3];
        assert!(
            told.iter()
                .all(|got| got.client() == client(1) && got.clt() == 10)
        );
        assert_eq!(
            told.iter().map(|got| got.leases().len()).sum::<usize>(),
            5000
        );
    }
    assert!(matches!(&session.events[0], Event::QueryDone(done) if done.bindings == 1));
}

fn asked_for(book: MemoryStore, config: Config, codes: &[u16]) -> Vec<(u16, Vec<u8>)> {
    let codes: Vec<_> = codes.iter().map(|code| OptionCode(*code)).collect();
    let codes = oro(&codes);
    let ask = query(
        1,
        QueryType::BY_LINK_ADDRESS,
        "2001:db8:1::",
        &[(OptionCode::ORO, &codes)],
    );
    let got = Session::with(config, book).ask(&ask);
    let data = got[0].data();
    let behind = data.iter().skip_while(|option| option.code.0 != 46).skip(1);
    behind
        .map(|option| (option.code.0, option.data.to_vec()))
        .collect()
}

fn one(relay: Option<RelayData>, options: &[u8]) -> MemoryStore {
    let mut only = binding(1, 1, vec![address("2001:db8:1::1")]);
    only.relay = relay;
    only.options = options.to_vec();
    store(vec![only])
}

/// BLQ-S-070, D-11: options come from the relay nearest to the client, or from what the client was given.
#[test]
fn tells_the_options_asked_for() {
    let mut own = Vec::new();
    put(&mut own, OptionCode::CLIENT_FQDN, b"\0\x01a\0");
    put(&mut own, OptionCode::REMOTE_ID, b"\0\0\0\0forged");
    put(
        &mut own,
        OptionCode::CLIENT_LINKLAYER_ADDR,
        b"\0\x01\x02\x03",
    );
    let told = asked_for(
        one(Some(relayed()), &own),
        config(),
        &[37, 18, 39, 79, 53, 999, 23],
    );
    let expected: [(u16, &[u8]); 5] = [
        (37, b"\0\0\x0d\xe9inner"),
        (18, b"port7"),
        (39, b"\0\x01a\0"),
        (79, b"\0\x01\x02\x03"),
        (53, b"\0\x03\0\x01I"),
    ];
    let expected = expected.map(|(code, data)| (code, data.to_vec()));
    assert_eq!(told, expected);
}

/// BLQ-S-072: a sensitive option is not told, nor inside relay data.
#[test]
fn sensitive_options_are_never_told() {
    let mut config = config();
    config.sensitive = vec![OptionCode::SUBSCRIBER_ID, OptionCode::CLIENT_FQDN];
    let mut own = Vec::new();
    put(&mut own, OptionCode::CLIENT_FQDN, b"\0\x01a\0");
    let told = asked_for(one(Some(relayed()), &own), config.clone(), &[39, 38, 47]);
    assert_eq!(told.len(), 1);
    let (code, data) = &told[0];
    assert_eq!(*code, 47);
    assert!(!data.windows(4).any(|octets| octets == b"anna"));
    assert!(data.windows(5).any(|octets| octets == b"port7"));
    let path = leasebook_wire::RelayPath::parse(&data[16..], 9).unwrap();
    assert_eq!(path.depth(), 2);
}

/// DHCP-S-093, BLQ-S-072: a client's key for RECONFIGURE is told to nobody, whoever asks for AUTH.
#[test]
fn a_reconfigure_key_is_never_told() {
    let mut own = Vec::new();
    put(
        &mut own,
        OptionCode::AUTH,
        &[3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 7, 1],
    );
    put(&mut own, OptionCode::CLIENT_FQDN, b"\0\x01a\0");
    let told = asked_for(one(None, &own), config(), &[11, 39]);
    assert_eq!(told, [(39, b"\0\x01a\0".to_vec())]);
}

/// BLQ-S-073, BLQ-S-074, BLQ-S-075, D-12: relay data as kept, if asked for and relayed, else none.
#[test]
fn relay_data_is_told_as_kept() {
    let relay = relayed();
    let told = asked_for(one(Some(relay.clone()), &[]), config(), &[47]);
    let expected = [&relay.peer.octets()[..], &relay.chain].concat();
    assert_eq!(told, [(47, expected)]);
    assert!(asked_for(one(Some(relay), &[]), config(), &[]).is_empty());
    assert!(asked_for(one(None, &[]), config(), &[47]).is_empty());
}

/// BLQ-S-019: lifetimes and inner options of the IAADDR in a query do not matter.
#[test]
fn only_the_address_of_a_queried_lease_is_read() {
    let mut iaaddr = ip("2001:db8:1::2").octets().to_vec();
    iaaddr.extend_from_slice(&[0xff; 8]);
    iaaddr.extend_from_slice(&[0, 13, 0, 2, 0]);
    let ask = query(
        1,
        QueryType::BY_ADDRESS,
        "::",
        &[(OptionCode::IAADDR, &iaaddr)],
    );
    assert_eq!(clients(&Session::new(book()).ask(&ask)), of(&[2]));
}

/// BLQ-S-021: no query changes the book.
#[test]
fn queries_change_nothing() {
    let mut session = Session::new(book());
    let before = (session.store.last_seq(), session.store.stats().unwrap());
    session.ask(
        &[
            by_link(1),
            by_client(2, 1, "::"),
            by_address(3, "2001:db8:1::1", "::"),
        ]
        .concat(),
    );
    assert_eq!(
        (session.store.last_seq(), session.store.stats().unwrap()),
        before
    );
}

/// D-09, D-10, BLQ-S-067, BLQ-S-068: where the clock ran back, no more is told than was granted, and no age.
#[test]
fn a_clock_that_ran_back_tells_no_more_than_was_granted() {
    let ahead = |mut lease: Lease| {
        lease.clt = BEGIN + 5000;
        lease
    };
    // One record goes out as its template, the other, with leases of two ages, is composed.
    let template = binding(1, 1, vec![ahead(address("2001:db8:1::1"))]);
    let composed = binding(
        1,
        2,
        vec![ahead(address("2001:db8:1::2")), address("2001:db8:1::3")],
    );
    let mut session = Session::new(store(vec![template, composed]));
    let got = session.ask(&by_link(1));
    assert_eq!(got[0].leases(), [("2001:db8:1::1".to_owned(), 100, 200)]);
    assert_eq!(got[0].clt(), 0);
    let leases = got[1].leases();
    assert_eq!(leases[0], ("2001:db8:1::2".to_owned(), 100, 200));
    assert_eq!(leases[1], ("2001:db8:1::3".to_owned(), 90, 190));
    assert_eq!(got[1].clt(), 0);
}

/// D-10, BLQ-S-068: a lease given back or declined counts for the client's others, too.
#[test]
fn a_lease_given_back_counts_for_the_others() {
    let mut given_back = address("2001:db8:1::2");
    (given_back.state, given_back.clt) = (LeaseState::Released, BEGIN - 2);
    let leases = vec![address("2001:db8:1::1"), given_back];
    let mut session = Session::new(store(vec![binding(1, 1, leases)]));
    let got = session.ask(&by_link(1));
    assert_eq!(got[0].leases(), [("2001:db8:1::1".to_owned(), 90, 190)]);
    assert_eq!(got[0].clt(), 2);
}

/// SEC-012: DHCP authentication in a query means nothing, and no reply has any.
#[test]
fn authentication_is_neither_heeded_nor_given() {
    let client = client(1);
    let mut lq_query = vec![QueryType::BY_CLIENTID.0];
    lq_query.extend_from_slice(&[0; 16]);
    put(&mut lq_query, OptionCode::CLIENTID, &client);
    put(&mut lq_query, OptionCode::ORO, &oro(&[OptionCode::AUTH]));
    let auth: &[u8] = &[3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 9, 9, 9, 9];
    let plain = [
        (OptionCode::CLIENTID, REQUESTOR),
        (OptionCode::LQ_QUERY, &lq_query[..]),
    ];
    let signed = [plain[0], (OptionCode::AUTH, auth), plain[1]];
    let ask = |options: &[(OptionCode, &[u8])]| {
        let mut session = Session::new(many(3));
        session.ask(&message(MessageType::LEASEQUERY, 1, options))
    };
    let got = ask(&plain);
    assert_eq!(kinds(&got), [REPLY, DONE]);
    assert_eq!(ask(&signed), got);
    for message in &got {
        assert!(!message.codes().contains(&OptionCode::AUTH.0));
    }
    assert!(got[0].data().first(OptionCode::AUTH).is_none());
}

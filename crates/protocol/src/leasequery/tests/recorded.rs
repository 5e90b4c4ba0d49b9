//! Queries as they were recorded from another implementation's requestor, answered as the RFCs say.

use super::*;

/// Relay 1 (link 1) and relay 2 (link 2, behind an outer hop) with two clients each.
fn session() -> Session {
    let link = |id: u32| Link {
        id: LinkId(id),
        on_link: vec![format!("3fff:0:{:x}::/64", id - 1).parse().unwrap()],
        relay_addresses: Vec::new(),
        delegated: vec![format!("3fff:{:x}::/32", 0x100 + id - 1).parse().unwrap()],
    };
    let links = Links::new((1..=3).map(link).collect());
    let mut bindings = Vec::new();
    for (id, number) in [(1, 5), (1, 7), (2, 5), (2, 7)] {
        bindings.push(recorded(id, number));
    }
    let store = store(bindings);
    let connection = Connection::new(Arc::new(config()), Arc::new(links), LOCALHOST, at(0));
    Session {
        connection,
        store,
        events: Vec::new(),
    }
}

fn recorded(id: u32, number: u8) -> Binding {
    let relay = u8::try_from(id - 1).unwrap();
    let mut level = vec![12, 0];
    level.extend_from_slice(&ip(&format!("3fff:0:{relay:x}::1")).octets());
    level.extend_from_slice(&ip(&format!("fe80::{relay:x}:{number:x}")).octets());
    let remote = format!("\0\0\r\u{0}olt{relay}/0/{number}").into_bytes();
    let mut remote = remote;
    remote[3] = 0xe9;
    put(&mut level, OptionCode::REMOTE_ID, &remote);
    put(
        &mut level,
        OptionCode::RELAY_ID,
        &[0, 3, 0, 1, 2, 0, 0, 0, 0, relay],
    );
    let chain = if relay == 1 {
        let mut outer = vec![12, 1];
        outer.extend_from_slice(&[0; 32]);
        put(
            &mut outer,
            OptionCode::RELAY_ID,
            &[0, 3, 0, 1, 2, 0, 0, 0, 0xaa, 1],
        );
        put(&mut outer, OptionCode::RELAY_MSG, &level);
        outer
    } else {
        level
    };
    Binding {
        link: LinkId(id),
        client: Duid::new(&[0, 3, 0, 1, 2, 1, 0, 0, relay, number]).unwrap(),
        leases: vec![
            address(&format!("3fff:0:{relay:x}::1:0:{number:x}")),
            prefix(
                &format!("3fff:{:x}:0:{number:x}00::", 0x100 + u16::from(relay)),
                56,
            ),
        ],
        relay: Some(RelayData {
            peer: ip("3fff::99"),
            chain,
        }),
        options: Vec::new(),
    }
}

macro_rules! recorded_query {
    ($name:literal) => {
        include_bytes!(concat!("data/", $name, ".query.bin"))
    };
}

/// BLQ-S-028, BLQ-S-029: recorded queries by relay-id, at the inner and the outer hop.
#[test]
fn recorded_queries_by_relay_id() {
    let mut session = session();
    for query in [
        &recorded_query!("by-relay-id")[..],
        recorded_query!("by-relay-id-on-link"),
        recorded_query!("by-relay-id-outer-hop"),
    ] {
        let got = session.ask(query);
        assert_eq!(kinds(&got), [REPLY, DATA, DONE]);
        assert!(got[..2].iter().all(|got| got.client()[8] == 1));
    }
    assert_eq!(
        kinds(&session.ask(recorded_query!("by-relay-id-none"))),
        [REPLY]
    );
    let got = session.ask(recorded_query!("by-relay-id-missing"));
    assert_eq!(got[0].status(), StatusCode::MALFORMED_QUERY);
}

/// BLQ-S-026, BLQ-S-030, BLQ-S-035: recorded queries by client-id and by link-address.
#[test]
fn recorded_queries_by_client_and_link() {
    let mut session = session();
    let got = session.ask(recorded_query!("by-client-id"));
    assert_eq!(kinds(&got), [REPLY, DONE]);
    let got = session.ask(recorded_query!("by-link-address"));
    assert_eq!(kinds(&got), [REPLY]);
    let got = session.ask(recorded_query!("by-link-address-unknown"));
    assert_eq!(got[0].status(), StatusCode::NOT_CONFIGURED);
}

/// BLQ-S-032, BLQ-S-073: recorded queries by remote-id, one of which asks for relay data.
#[test]
fn recorded_queries_by_remote_id() {
    let mut session = session();
    let got = session.ask(recorded_query!("by-remote-id"));
    assert_eq!(kinds(&got), [REPLY, DONE]);
    assert!(!got[0].data().contains(OptionCode::LQ_RELAY_DATA));
    let got = session.ask(recorded_query!("relay-data-asked"));
    assert!(got[0].data().contains(OptionCode::LQ_RELAY_DATA));
}

/// BLQ-S-016, BLQ-S-023: recorded queries by address, by one in a prefix, and of an unknown type.
#[test]
fn recorded_queries_by_address() {
    let mut session = session();
    let got = session.ask(recorded_query!("by-address"));
    assert_eq!(kinds(&got), [REPLY, DONE]);
    let got = session.ask(recorded_query!("by-address-in-prefix"));
    assert_eq!(kinds(&got), [REPLY, DONE]);
    assert_eq!(got[0].client()[8..], [1, 5]);
    let got = session.ask(recorded_query!("unknown-query-type"));
    assert_eq!(got[0].status(), StatusCode::UNKNOWN_QUERY_TYPE);
}

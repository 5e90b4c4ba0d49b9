use proptest::prelude::*;

use super::*;
use crate::kea::escape::escape;

fn read_raw(context: &[u8]) -> Result<Option<RelayData>, RelayFault> {
    let mut relay = RelayData {
        peer: Ipv6Addr::UNSPECIFIED,
        chain: vec![1, 2, 3],
    };
    let found = RelayInfoReader::default().read(context, &mut relay)?;
    Ok(found.then_some(relay))
}

fn read(context: &str) -> Result<Option<RelayData>, RelayFault> {
    let mut raw = Vec::new();
    escape(context.as_bytes(), &mut raw);
    read_raw(&raw)
}

const INNER: &str = r#"{"hop": 0, "link": "3fff:0:2::1", "options": "0x00120004706F6E30", "peer": "fe80::0:5", "relay-id": "0003"}"#;
const OUTER: &str = r#"{"hop": 1, "link": "::", "peer": "3fff:0:2::53", "options": "0x0035000A0003000102000000AA01"}"#;

fn two_hops() -> Vec<u8> {
    let mut chain = vec![12, 1];
    chain.extend([0; 16]);
    chain.extend("3fff:0:2::53".parse::<Ipv6Addr>().unwrap().octets());
    chain.extend([0, 0x35, 0, 10, 0, 3, 0, 1, 2, 0, 0, 0, 0xaa, 1]);
    chain.extend([0, 9, 0, 42]);
    chain.extend(one_hop());
    chain
}

fn one_hop() -> Vec<u8> {
    let mut chain = vec![12, 0];
    chain.extend("3fff:0:2::1".parse::<Ipv6Addr>().unwrap().octets());
    chain.extend("fe80::5".parse::<Ipv6Addr>().unwrap().octets());
    chain.extend(b"\0\x12\0\x04pon0");
    chain
}

#[test]
fn rebuilds_the_message_of_one_relay() {
    let relay = read(&format!(r#"{{"ISC": {{"relay-info": [{INNER}]}}}}"#));
    assert_eq!(
        relay,
        Ok(Some(RelayData {
            peer: "3fff:0:2::1".parse().unwrap(),
            chain: one_hop()
        }))
    );
}

/// D-12: the chain is rebuilt outermost first; the unknown source is `::`.
#[test]
fn rebuilds_the_chain_of_two_relays_in_either_order_and_in_every_layout() {
    let expected = Ok(Some(RelayData {
        peer: Ipv6Addr::UNSPECIFIED,
        chain: two_hops(),
    }));
    for list in [format!("{OUTER}, {INNER}"), format!("{INNER},{OUTER}")] {
        for context in [
            format!(r#"{{"ISC": {{"relay-info": [{list}]}}}}"#),
            format!(r#"{{"ISC": {{"relays": [{list}]}}}}"#),
            format!(
                r#"{{"a": [1, 2], "ISC": {{"client-classes": ["x"], "relay-info": [ {list} ]}} }}"#
            ),
            format!("{{\"ISC\":\n{{\"relay-info\":\t[{list}]}}}}"),
        ] {
            assert_eq!(read(&context), expected, "{context}");
        }
    }
}

#[test]
fn a_context_without_relays_is_no_fault() {
    for context in [
        "{}",
        r#"{"comment": "a \"quoted\" one"}"#,
        r#"{"ISC": {}}"#,
        r#"{"ISC": {"client-classes": ["x"]}}"#,
        r#"{"ISC": 5}"#,
    ] {
        assert_eq!(read(context), Ok(None), "{context}");
    }
}

#[test]
fn a_relay_without_options_is_found_by_its_ids() {
    let relay = read(r#"{"ISC": {"relay-info": [{"hop": 0, "link": "::", "peer": "fe80::1", "relay-id": "00030001", "remote-id": "0000000961"}]}}"#)
        .unwrap()
        .unwrap();
    assert_eq!(
        relay.chain[34..],
        [0, 37, 0, 5, 0, 0, 0, 9, 0x61, 0, 53, 0, 4, 0, 3, 0, 1]
    );
    let bare = read(r#"{"ISC": {"relay-info": [{"hop": 0, "link": "::", "peer": "fe80::1"}]}}"#);
    assert_eq!(bare.unwrap().unwrap().chain.len(), 34);
}

#[test]
fn says_what_is_wrong_with_relay_data() {
    let list = |element: &str| read(&format!(r#"{{"ISC": {{"relay-info": [{element}]}}}}"#));
    let element = |index, key| Err(RelayFault::Element { index, key });
    assert_eq!(list(""), Err(RelayFault::NotAList));
    assert_eq!(list("5"), element(0, "hop"));
    assert_eq!(
        list(r#"{"hop": 256, "link": "::", "peer": "::"}"#),
        element(0, "hop")
    );
    assert_eq!(
        list(r#"{"hop": 0, "link": "x", "peer": "::"}"#),
        element(0, "link")
    );
    assert_eq!(
        list(&format!(r#"{OUTER}, {{"hop": 0, "link": "::"}}"#)),
        element(1, "peer")
    );
    assert_eq!(
        list(r#"{"hop": 0, "link": "::", "peer": "::", "options": "0x001"}"#),
        element(0, "options")
    );
    assert_eq!(
        list(r#"{"hop": 0, "link": "::", "peer": "::", "options": "0x0012000470"}"#),
        Err(RelayFault::Options {
            index: 0,
            offset: 0
        })
    );
    assert_eq!(
        list(
            r#"{"hop": 0, "link": "::", "peer": "::", "options": "0x00120000000900017"}"#
                .replace("00017", "000107")
                .as_str()
        ),
        Err(RelayFault::Options {
            index: 0,
            offset: 4
        })
    );
    assert!(matches!(read("[]"), Err(RelayFault::NotJson(_))));
    assert!(matches!(
        read(r#"{"ISC": {"relay"#),
        Err(RelayFault::NotJson(_))
    ));
    let many = vec![OUTER; 33].join(",");
    assert_eq!(list(&many), Err(RelayFault::TooMany(33)));
    let long = format!(
        r#"{{"hop": 0, "link": "::", "peer": "::", "options": "0x0012FFFF{}"}}"#,
        "00".repeat(0xffff)
    );
    assert_eq!(list(&long), Err(RelayFault::TooLong));
}

proptest! {
    #[test]
    fn no_context_makes_the_reader_panic(context in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_raw(&context);
    }

    #[test]
    fn no_nearly_right_context_makes_the_reader_panic(cut in 0usize..400, at in 0usize..400, octet: u8) {
        let mut raw = Vec::new();
        escape(format!(r#"{{"ISC": {{"relay-info": [{OUTER}, {INNER}]}}}}"#).as_bytes(), &mut raw);
        raw.truncate(cut);
        if let Some(place) = raw.get_mut(at) {
            *place = octet;
        }
        let _ = read_raw(&raw);
    }
}

use proptest::prelude::*;

use super::*;

fn read(text: &[u8]) -> (Vec<Binding>, Vec<String>) {
    let mut reader = JsonLinesReader::new(Arc::from(Path::new("x.jsonl")), text);
    let (mut bindings, mut problems) = (Vec::new(), Vec::new());
    let mut report = |problem: Problem| problems.push(problem.to_string());
    while let Some((_, binding)) = reader.next_binding(&mut report).unwrap() {
        bindings.push(binding);
    }
    (bindings, problems)
}

const GOOD: &str = r#"{"link":7,"client":"00:03:00:01","leases":[{"address":"2001:db8::1","ia":"na","iaid":1,"state":"bound","clt":17,"preferred":1,"valid":2}]}"#;

#[test]
fn reads_a_line_with_the_least_it_needs() {
    let (bindings, problems) = read(format!("{GOOD}\n\n{GOOD}").as_bytes());
    assert_eq!((bindings.len(), problems.len()), (2, 0));
    assert_eq!(bindings[0].link, LinkId(7));
    assert_eq!(bindings[0].relay, None);
}

#[test]
fn names_line_and_key_of_what_is_wrong() {
    let cases = [
        (
            "00:03:00:01",
            "",
            "client: `` is not a DUID of 1 to 130 octets in hex",
        ),
        ("2001:db8::1", "x", "invalid IPv6 address syntax"),
        (
            r#""address":"2001:db8::1","#,
            "",
            "address or prefix: missing",
        ),
        (
            r#""address":"2001:db8::1""#,
            r#""prefix":"2001:db8::/129""#,
            "prefix: `2001:db8::/129` is not a prefix",
        ),
        (
            r#""na""#,
            r#""pd""#,
            "ia: `2001:db8::1` is not what its kind of IA holds",
        ),
        (r#""bound""#, r#""free""#, "unknown variant `free`"),
        (r#""link":7"#, r#""link":7,"lnk":8"#, "unknown field `lnk`"),
        (
            r#""link":7"#,
            r#""link":7,"options":"0""#,
            "options: `0` is not octets in hex",
        ),
        (
            r#""link":7"#,
            r#""link":7,"options":"002700ff""#,
            "options: not a list of DHCPv6 options: ",
        ),
        (
            r#""link":7"#,
            r#""link":7,"relay":{"peer":"::","chain":"0d00"}"#,
            "chain: not a chain of Relay-Forward messages: ",
        ),
    ];
    for (good, bad, expected) in cases {
        let (bindings, problems) =
            read(format!("{}\n{GOOD}\n", GOOD.replacen(good, bad, 1)).as_bytes());
        assert_eq!((bindings.len(), problems.len()), (1, 1), "{expected}");
        assert!(problems[0].starts_with("x.jsonl:1: "), "{problems:?}");
        assert!(problems[0].contains(expected), "{problems:?}");
    }
    let (bindings, problems) = read(format!("{GOOD}\n{}", &GOOD[..50]).as_bytes());
    assert_eq!(bindings.len(), 1);
    assert!(
        problems[0].contains("x.jsonl:2: the file ends within"),
        "{problems:?}"
    );
}

#[test]
fn gives_every_lease_of_a_binding_as_a_row() {
    let two = GOOD.replace("}]", r#"},{"prefix":"2001:db8:1::/56","ia":"pd","iaid":2,"state":"released","clt":18,"preferred":1,"valid":2}]"#);
    let text = format!(
        "{two}\n{}\n{GOOD}\n",
        r#"{"link":7,"client":"00:03:00:02","leases":[]}"#
    );
    let mut reader = JsonLinesReader::new(Arc::from(Path::new("x")), text.as_bytes());
    let mut row = LeaseRow::new();
    let mut seen = Vec::new();
    while reader
        .next(&mut row, &mut |problem| panic!("{problem}"))
        .unwrap()
    {
        seen.push((row.line, row.lease.to_string(), row.clt, row.link));
    }
    let link = LinkHint::Link(7);
    assert_eq!(
        seen,
        [
            (1, "2001:db8::1".to_owned(), 17, link),
            (1, "2001:db8:1::/56".to_owned(), 18, link),
            (3, "2001:db8::1".to_owned(), 17, link)
        ]
    );
}

fn leases() -> impl Strategy<Value = Lease> {
    let kind = prop_oneof![Just(IaKind::Na), Just(IaKind::Ta), Just(IaKind::Pd)];
    let state = prop_oneof![
        Just(LeaseState::Bound),
        Just(LeaseState::Declined),
        Just(LeaseState::Released),
        Just(LeaseState::Reclaimed),
        Just(LeaseState::Registered)
    ];
    (
        any::<u128>(),
        0u8..=128,
        kind,
        state,
        any::<(u32, u64, u32, u32)>(),
    )
        .prop_map(|(bits, len, kind, state, (iaid, clt, preferred, valid))| {
            let address = Ipv6Addr::from_bits(bits);
            let name = match kind {
                IaKind::Pd => LeaseName::prefix(address, len).unwrap(),
                _ => LeaseName::Address(address),
            };
            Lease {
                name,
                kind,
                iaid,
                state,
                clt,
                preferred,
                valid,
            }
        })
}

fn octets(range: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), range)
}

/// One DHCPv6 option.
fn option(code: u16, data: &[u8]) -> Vec<u8> {
    let mut option = code.to_be_bytes().to_vec();
    option.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    option.extend(data);
    option
}

/// A chain of one relay, its header made of 33 octets, with an Interface-ID.
fn chain(header: &[u8], data: &[u8]) -> Vec<u8> {
    let mut chain = vec![12];
    chain.extend(header);
    chain.extend(option(18, data));
    chain
}

proptest! {
    #[test]
    fn what_is_written_reads_back_equal(
        link: u32,
        client in octets(1..131),
        leases in proptest::collection::vec(leases(), 0..5),
        relay in proptest::option::of((any::<u128>(), octets(33..34), octets(0..80))),
        (code, options) in (10u16.., octets(0..40)),
    ) {
        let binding = Binding {
            link: LinkId(link),
            client: Duid::new(&client).unwrap(),
            leases,
            relay: relay.map(|(peer, header, data)| RelayData { peer: Ipv6Addr::from_bits(peer), chain: chain(&header, &data) }),
            options: option(code, &options),
        };
        let mut text = Vec::new();
        write_binding(&mut text, &binding).unwrap();
        prop_assert_eq!(memchr::memchr(b'\n', &text), Some(text.len() - 1));
        let (read, problems) = read(&text);
        prop_assert_eq!(problems, Vec::<String>::new());
        prop_assert_eq!(read, vec![binding]);
    }

    #[test]
    fn no_octets_make_the_reader_panic(text in octets(0..300)) {
        let _ = read(&text);
    }

    #[test]
    fn no_change_of_a_good_line_makes_the_reader_panic(at in 0usize..200, octet: u8) {
        let mut text = GOOD.as_bytes().to_vec();
        let length = text.len();
        text[at % length] = octet;
        let _ = read(&text);
    }
}

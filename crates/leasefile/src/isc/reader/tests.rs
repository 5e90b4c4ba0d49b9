use leasebook_store::LeaseState;
use proptest::prelude::*;

use super::*;

fn read(text: &[u8]) -> (Vec<LeaseRow>, Vec<String>) {
    let mut reader = IscReader::new(Arc::from(Path::new("dhcpd6.leases")), text);
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    let mut row = LeaseRow::new();
    let mut report = |problem: Problem| problems.push(problem.to_string());
    while reader.next(&mut row, &mut report).unwrap() {
        rows.push(row.clone());
    }
    (rows, problems)
}

const RECORDED: &[u8] = include_bytes!("../../../tests/data/dhcpd6.leases");

#[test]
fn reads_every_kind_of_block() {
    let (rows, problems) = read(RECORDED);
    assert_eq!(problems, [""; 0]);
    let seen: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row.lease.to_string(),
                row.kind,
                row.iaid,
                row.state,
                row.clt,
                row.valid,
            )
        })
        .collect();
    let text = |name: &str| name.to_owned();
    let (na, ta, pd) = (IaKind::Na, IaKind::Ta, IaKind::Pd);
    let clt = 1_768_384_862;
    assert_eq!(
        seen,
        [
            (text("2001:db8::1"), na, 1, LeaseState::Bound, clt, 43200),
            (
                text("2001:db8:100::/56"),
                pd,
                2,
                LeaseState::Bound,
                clt,
                43200
            ),
            (text("2001:db8::2"), na, 1, LeaseState::Bound, clt, u32::MAX),
            (text("2001:db8::3"), na, 1, LeaseState::Declined, clt, 2),
            (
                text("2001:db8::4"),
                ta,
                0x2423_2221,
                LeaseState::Reclaimed,
                clt,
                200
            ),
            (
                text("2001:db8::1"),
                na,
                1,
                LeaseState::Bound,
                clt + 21_600,
                43200
            ),
        ]
    );
    assert_eq!(rows[0].client, [0, 3, 0, 1, 2, 1, 0, 0, 0, 1]);
    assert_eq!(rows[4].client, [0, 3, 0, 1, b'\\', 1, 0, 0, 0, 3]);
    assert_eq!((rows[0].line, rows[1].line), (11, 21));
    assert_eq!(rows[0].preferred, 27000);
}

#[test]
fn knows_the_server_and_the_byte_order_of_the_iaid() {
    let text = String::from_utf8_lossy(RECORDED).replace("little-endian", "big-endian");
    let mut reader = IscReader::new(Arc::from(Path::new("x")), text.as_bytes());
    let mut row = LeaseRow::new();
    assert!(reader.next(&mut row, &mut |_| ()).unwrap());
    assert_eq!(row.iaid, 0x0100_0000);
    assert_eq!(reader.server_duid().unwrap()[..4], [0, 1, 0, 1]);
}

fn block(statements: &str) -> String {
    format!(
        "ia-na \"\\001\\000\\000\\000\\000\\003\\000\\001\" {{\n cltt epoch 1000;\n iaaddr 2001:db8::1 {{\n{statements}\n }}\n}}\n"
    )
}

const GOOD: &str = "binding state active; preferred-life 10; max-life 20; ends epoch 1020;";

#[test]
fn the_end_stands_where_the_times_contradict() {
    let row = |statements: &str| read(block(statements).as_bytes()).0.remove(0);
    assert_eq!(row(GOOD).clt, 1000);
    assert_eq!(row(&GOOD.replace("1020", "1015")).clt, 995);
    assert_eq!(row("binding state active; max-life 20;").clt, 1000);
    let infinite = row("binding state active; ends never;");
    assert_eq!((infinite.clt, infinite.valid), (1000, u32::MAX));
    let offset = row(&GOOD.replace("epoch 1020", "4 1970/01/01 01:17:00 +3600"));
    assert_eq!(offset.clt, 1000);
}

#[test]
fn a_wrong_statement_costs_its_lease_and_is_named() {
    let cases = [
        (
            GOOD.replace("active", "lost"),
            "4: binding state: `lost` is not active, expired, released or abandoned",
        ),
        (
            GOOD.replace("20;", "x;"),
            "4: max-life: `x` is not a number",
        ),
        (
            GOOD.replace("epoch 1020", "soon"),
            "4: `soon` is not a date",
        ),
        (GOOD.replace("max-life 20;", ""), "3: max-life: missing"),
        (
            GOOD.replace("binding state active;", ""),
            "3: binding state: missing",
        ),
    ];
    for (statements, expected) in cases {
        let text = format!("{}{}", block(&statements), block(GOOD));
        let (rows, problems) = read(text.as_bytes());
        assert_eq!((rows.len(), problems.len()), (1, 1), "{problems:?}");
        assert!(
            problems[0].starts_with(&format!("dhcpd6.leases:{expected}")),
            "{problems:?}"
        );
    }
    let (rows, problems) = read(block(GOOD).replace("2001:db8::1", "2001:db8::g").as_bytes());
    assert_eq!((rows.len(), problems.len()), (0, 1));
    assert!(
        problems[0].contains("iaaddr: `2001:db8::g` is not an IPv6 address"),
        "{problems:?}"
    );
    let (rows, problems) = read(
        block(GOOD)
            .replace("iaaddr 2001:db8::1", "iaprefix 2001:db8::/56")
            .as_bytes(),
    );
    assert_eq!((rows.len(), problems.len()), (0, 1), "{problems:?}");
}

#[test]
fn a_torn_block_is_reported_and_the_next_one_read() {
    let good = block(GOOD);
    for cut in 1..good.len() - 3 {
        let (rows, problems) = read(format!("{}\n{good}", &good[..cut]).as_bytes());
        assert!(!rows.is_empty(), "{cut}: {problems:?}");
        if cut >= 5 {
            assert!(!problems.is_empty(), "{cut}");
        }
    }
    let (rows, problems) = read(&good.as_bytes()[..good.len() - 3]);
    assert_eq!(rows.len(), 0);
    assert_eq!(
        problems,
        ["dhcpd6.leases:1: the file ends within the block that begins here; skipped"]
    );
}

#[test]
fn blocks_and_leases_are_told_apart_by_their_keys() {
    let key = |text: &str| {
        let mut reader = IscReader::new(Arc::from(Path::new("x")), text.as_bytes());
        assert!(reader.next_block(&mut |_| ()).unwrap());
        reader.block_key()
    };
    let one = block(GOOD);
    assert_eq!(key(&one), key(&block("")));
    assert_ne!(key(&one), key(&one.replace("ia-na", "ia-ta")));
    assert_ne!(key(&one), key(&one.replace("\\003", "\\004")));
    let address = "2001:db8::".parse().unwrap();
    let names = [
        LeaseName::Address(address),
        LeaseName::prefix(address, 56).unwrap(),
        LeaseName::prefix(address, 60).unwrap(),
    ];
    let keys: std::collections::HashSet<_> = names.into_iter().map(name_key).collect();
    assert_eq!(keys.len(), 3);
}

proptest! {
    #[test]
    fn no_octets_make_the_reader_panic(text in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&text);
    }

    #[test]
    fn no_mixture_of_its_words_makes_the_reader_panic(
        words in proptest::collection::vec(
            prop_oneof![
                Just("ia-na"), Just("\nia-pd"), Just("\"\\001\\000\\000\\000\\000\\003x\""), Just("{"), Just("}"), Just(";"),
                Just("iaaddr"), Just("iaprefix"), Just("2001:db8::1"), Just("::/0"), Just("binding state active;"), Just("cltt"),
                Just("ends"), Just("never;"), Just("epoch 5;"), Just("max-life"), Just("7"), Just("\"\\"), Just("\n"), Just("3 2026/01/14"),
            ],
            0..60,
        ),
    ) {
        let _ = read(words.join(" ").as_bytes());
    }

    #[test]
    fn no_change_of_a_good_file_makes_the_reader_panic(at in 0usize..2000, octet: u8) {
        let mut text = RECORDED.to_vec();
        let length = text.len();
        text[at % length] = octet;
        let _ = read(&text);
    }
}

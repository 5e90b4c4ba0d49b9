use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::row::LinkHint;
use leasebook_store::{IaKind, LeaseName, LeaseState};

const HEADER: &str = "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source,pool_id";

fn read(text: &[u8]) -> (Vec<LeaseRow>, Vec<String>) {
    let file = Arc::from(Path::new("leases.csv"));
    let mut reader = KeaReader::new(file, text).unwrap();
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    let mut row = LeaseRow::new();
    let mut report = |problem: Problem| problems.push(problem.to_string());
    while reader.next(&mut row, &mut report).unwrap() {
        rows.push(row.clone());
    }
    assert_eq!(reader.octets_read(), text.len() as u64);
    (rows, problems)
}

fn read_rows(rows: &str) -> (Vec<LeaseRow>, Vec<String>) {
    read(format!("{HEADER}\n{rows}").as_bytes())
}

const GOOD: &str =
    "2001:db8::1,00:03:00:01:02:01:00:00:00:00,3600,1796307723,7,1800,0,1,128,0,1,,,0,,,,0";

/// A good row with one cell replaced.
fn with(column: usize, cell: &str) -> String {
    let mut cells: Vec<&str> = GOOD.split(',').collect();
    cells[column] = cell;
    cells.join(",") + "\n"
}

#[test]
fn reads_every_column_of_a_row() {
    let (rows, problems) = read_rows(
        "2001:db8:1::,00:03:00:01:0a:0B,4294967295,6090410918,3,1800,2,4294967295,56,1,0,host&#x2cone.example.,02:01:00:00:ff:02,0,,6,1,9\n",
    );
    assert_eq!(problems, [""; 0]);
    let [row] = &rows[..] else { panic!() };
    assert_eq!(row.line, 2);
    let prefix = LeaseName::prefix("2001:db8:1::".parse().unwrap(), 56).unwrap();
    assert_eq!(
        (row.lease, row.kind, row.iaid),
        (prefix, IaKind::Pd, u32::MAX)
    );
    assert_eq!(row.client, [0, 3, 0, 1, 10, 11]);
    assert_eq!(row.link, LinkHint::SubnetId(3));
    assert_eq!(
        (row.clt, row.preferred, row.valid),
        (1_795_443_623, 1800, u32::MAX)
    );
    assert_eq!((row.fqdn_forward, row.fqdn_reverse), (true, false));
    assert_eq!(row.hostname, "host,one.example.");
    assert_eq!(row.hardware.as_ref().unwrap().kind, 6);
    assert_eq!(row.hardware.as_ref().unwrap().octets, [2, 1, 0, 0, 0xff, 2]);
    assert!(row.relay.is_none() && !row.deleted);
}

#[test]
fn rows_do_not_inherit_from_the_row_before() {
    let full = "2001:db8::1,00:03:00:01,3600,1796307723,7,1800,0,1,128,1,1,host,02:01,0,{\"ISC\": {\"relay-info\": [{\"hop\": 0&#x2c \"link\": \"::\"&#x2c \"peer\": \"fe80::1\"}]}},1,0,0";
    let (rows, problems) = read_rows(&format!("{full}\n{GOOD}\n{full}\n"));
    assert_eq!(problems, [""; 0]);
    let (alone, _) = read_rows(&format!("\n{GOOD}\n"));
    assert_eq!(rows[1], alone[0]);
    assert!(rows[0].relay.is_some());
    assert_eq!(rows[0].relay, rows[2].relay);
}

#[test]
fn reads_all_states_kinds_and_a_deletion() {
    let states = [
        LeaseState::Bound,
        LeaseState::Declined,
        LeaseState::Reclaimed,
        LeaseState::Released,
        LeaseState::Registered,
    ];
    for (digit, state) in states.into_iter().enumerate() {
        let (rows, _) = read_rows(&with(13, &digit.to_string()));
        assert_eq!(rows[0].state, state);
    }
    for (digit, kind) in [IaKind::Na, IaKind::Ta, IaKind::Pd].into_iter().enumerate() {
        let (rows, _) = read_rows(&with(6, &digit.to_string()));
        assert_eq!(rows[0].kind, kind);
    }
    assert!(read_rows(&with(2, "0")).0[0].deleted);
}

#[test]
fn reads_the_forgotten_client_of_a_declined_lease_only() {
    for duid in ["00:00:00", "00"] {
        let declined = with(1, duid).replace(",0,,,,0\n", ",1,,,,0\n");
        let (rows, problems) = read_rows(&declined);
        assert_eq!((rows.len(), problems.len()), (1, 0), "{declined}");
        assert!(!rows[0].has_client());
        let (rows, problems) = read_rows(&with(1, duid));
        assert_eq!(rows.len(), 0);
        assert_eq!(
            problems,
            ["leases.csv:2: duid: only a declined lease may have the empty DUID; skipped"]
        );
    }
}

#[test]
fn reads_the_end_of_an_infinite_lease_in_64_and_in_32_bits() {
    let infinite = |expire: &str| {
        let mut cells: Vec<&str> = GOOD.split(',').collect();
        (cells[2], cells[3]) = ("4294967295", expire);
        read_rows(&(cells.join(",") + "\n")).0[0].clt
    };
    assert_eq!(infinite("6090410918"), 1_795_443_623);
    assert_eq!(infinite("1795443622"), 1_795_443_623);
    assert_eq!(infinite("4294967295"), 0);
}

#[test]
fn names_line_column_and_reason_of_every_bad_row_and_goes_on() {
    let long_duid = vec!["00"; 131].join(":");
    let cases: [(usize, &str, &str); 17] = [
        (
            0,
            "2001:db8::g",
            "address: `2001:db8::g` is not an IPv6 address",
        ),
        (0, "", "address: `` is not an IPv6 address"),
        (
            0,
            "192.0.2.1",
            "address: `192.0.2.1` is not an IPv6 address",
        ),
        (1, "", "duid: `` is not a DUID of 1 to 130 octets in hex"),
        (1, "00:03:0", "duid: "),
        (
            1,
            &long_duid,
            "duid: `00:00:00:00:00:00:00:00:00:00:00:00:00:0…` is not a DUID",
        ),
        (
            2,
            "4294967296",
            "valid_lifetime: `4294967296` is not a number from 0 to 4294967295",
        ),
        (
            3,
            "soon",
            "expire: `soon` is not a number from 0 to 18446744073709551615",
        ),
        (
            3,
            "3599",
            "expire: it ends at 3599, before its own valid lifetime of 3600 s",
        ),
        (4, "-1", "subnet_id: `-1` is not a number"),
        (5, "", "pref_lifetime: `` is not a number"),
        (
            6,
            "3",
            "lease_type: `3` is not 0 (IA_NA), 1 (IA_TA) or 2 (IA_PD)",
        ),
        (7, "x", "iaid: `x` is not a number"),
        (9, "2", "fqdn_fwd: `2` is not 0 or 1"),
        (10, "", "fqdn_rev: `` is not 0 or 1"),
        (13, "5", "state: `5` is not a state from 0 to 4"),
        (13, "", "state: `` is not a state from 0 to 4"),
    ];
    for (column, cell, expected) in cases {
        let (rows, problems) = read_rows(&format!("{}{GOOD}\n", with(column, cell)));
        if expected == "duid: " {
            // A group of one digit is read as Kea reads it.
            assert_eq!((rows.len(), problems.len()), (2, 0));
            continue;
        }
        assert_eq!(rows.len(), 1, "{expected}");
        assert_eq!(problems.len(), 1);
        let whole = format!("leases.csv:2: {expected}");
        assert!(problems[0].starts_with(&whole), "{} / {whole}", problems[0]);
        assert!(problems[0].ends_with("; skipped"));
    }
    for len in ["0", "129", "x", ""] {
        let row = with(6, "2").replace(",128,", &format!(",{len},"));
        let (rows, problems) = read_rows(&row);
        assert_eq!(rows.len(), 0);
        assert_eq!(
            problems,
            [format!(
                "leases.csv:2: prefix_len: `{len}` is not a prefix length from 1 to 128; skipped"
            )]
        );
    }
}

#[test]
fn rows_with_too_few_or_too_many_columns_are_skipped() {
    let (rows, problems) = read_rows(&format!("{GOOD},\n,\n{}\n{GOOD}\n", &GOOD[..40]));
    assert_eq!((rows.len(), rows[0].line), (1, 5));
    assert_eq!(
        problems,
        [
            "leases.csv:2: 19 columns where the header has 18; skipped",
            "leases.csv:3: 2 columns where the header has 18; skipped",
            "leases.csv:4: 2 columns where the header has 18; skipped",
        ]
    );
    let (_, problems) = read_rows(&format!("{}\n", ",".repeat(100)));
    assert_eq!(
        problems,
        ["leases.csv:2: 101 columns where the header has 18; skipped"]
    );
}

#[test]
fn a_torn_last_line_is_reported_and_a_whole_one_without_newline_kept() {
    let (rows, problems) = read_rows(GOOD);
    assert_eq!(rows.len(), 1);
    assert_eq!(
        problems,
        [
            "leases.csv:2: the last line does not end with a newline; it may have been cut off; lease kept"
        ]
    );
    for cut in 1..GOOD.len() - 1 {
        let (rows, problems) = read_rows(&format!("{GOOD}\n{}", &GOOD[..cut]));
        assert_eq!((rows.len(), problems.len()), (1, 1));
        assert!(
            problems[0].starts_with("leases.csv:3: the file ends within this line"),
            "{problems:?}"
        );
    }
}

#[test]
fn lesser_faults_cost_the_field_not_the_lease() {
    let (rows, problems) = read_rows(&with(12, "zz"));
    assert!(rows[0].hardware.is_none());
    assert_eq!(
        problems,
        ["leases.csv:2: hwaddr: `zz` is not a hardware address in hex; lease kept without it"]
    );
    let (rows, problems) = read_rows(&with(11, "&#xff"));
    assert!(rows[0].hostname.is_empty());
    assert!(problems[0].contains("hostname: `&#xff` is not text in UTF-8"));
    let (rows, problems) = read_rows(&with(14, "{\"ISC\": "));
    assert!(rows[0].relay.is_none());
    assert!(problems[0].starts_with("leases.csv:2: user_context: not a JSON object: "));
    assert!(problems[0].ends_with("; lease kept without its relay data"));
    let (rows, problems) = read_rows(
        &with(6, "2")
            .replace("::1,", "::1:1,")
            .replace(",128,", ",64,"),
    );
    assert_eq!(
        rows[0].lease,
        LeaseName::prefix("2001:db8::".parse().unwrap(), 64).unwrap()
    );
    assert!(problems[0].contains("bits set behind its length of 64"));
}

#[test]
fn reads_the_files_of_every_version_of_kea() {
    let header: Vec<&str> = HEADER.split(',').collect();
    let row: Vec<&str> = GOOD.split(',').collect();
    for version in [12, 13, 14, 15, 17, 18] {
        // The last row as a newer Kea would append it.
        let text = format!(
            "{}\n{}\n{GOOD}\n",
            header[..version].join(","),
            row[..version].join(",")
        );
        let (rows, problems) = read(text.as_bytes());
        assert_eq!((rows.len(), problems.len()), (2, 0), "{problems:?}");
        assert_eq!(rows[0].state, LeaseState::Bound);
    }
    let reversed = |line: &str| line.split(',').rev().collect::<Vec<_>>().join(",");
    let (rows, _) = read(format!("{}\r\n{}\r\n", reversed(HEADER), reversed(GOOD)).as_bytes());
    assert_eq!(rows, read_rows(&format!("{GOOD}\n")).0);
}

#[test]
fn an_empty_file_has_no_leases_and_a_foreign_one_is_refused() {
    assert_eq!(read(b""), (vec![], vec![]));
    assert_eq!(read(HEADER.as_bytes()), (vec![], vec![]));
    let file: Arc<Path> = Arc::from(Path::new("leases.csv"));
    let refused = KeaReader::new(file, &b"address,hwaddr,client_id\n"[..]).map(|_| ());
    assert_eq!(
        refused.unwrap_err().to_string(),
        "leases.csv:1: the header has no column `duid`; is this a DHCPv6 lease file of Kea?"
    );
}

#[test]
fn reads_the_recorded_file_of_kea_3_3() {
    let (rows, problems) = read(include_bytes!("../../../tests/data/kea-leases6.csv"));
    assert_eq!((rows.len(), problems.len()), (244, 0), "{problems:?}");
    let mut by_subnet = HashMap::new();
    for row in &rows {
        *by_subnet.entry(row.link).or_insert(0) += 1;
    }
    assert_eq!(by_subnet.len(), 3);
    let chains = |least: usize| {
        rows.iter()
            .filter_map(|row| row.relay.as_ref())
            .filter(|relay| relay.chain.len() >= least)
            .count()
    };
    // 120 clients with two leases; eight leases are behind two relays.
    assert_eq!((chains(1), chains(120)), (240, 8));
    let strange: Vec<_> = rows.iter().filter(|row| row.relay.is_none()).collect();
    let states: Vec<_> = strange.iter().map(|row| row.state).collect();
    assert!(states.contains(&LeaseState::Declined) && states.contains(&LeaseState::Reclaimed));
    assert!(
        strange
            .iter()
            .any(|row| row.hostname == "host,one.example.org.")
    );
}

#[test]
fn reads_the_recorded_file_with_dead_leases() {
    let (rows, problems) = read(include_bytes!("../../../tests/data/kea-leases6-many.csv"));
    assert_eq!((rows.len(), problems.len()), (260, 0), "{problems:?}");
    let count = |state| rows.iter().filter(|row| row.state == state).count();
    assert_eq!(
        (count(LeaseState::Released), count(LeaseState::Reclaimed)),
        (3, 3)
    );
    assert_eq!(rows.iter().filter(|row| row.valid == u32::MAX).count(), 3);
}

proptest! {
    #[test]
    fn no_octets_make_the_reader_panic(text in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut whole = HEADER.as_bytes().to_vec();
        whole.push(b'\n');
        whole.extend_from_slice(&text);
        let _ = read(&whole);
        let _ = KeaReader::new(Arc::from(Path::new("x")), &text[..]);
    }

    #[test]
    fn no_change_of_a_good_row_makes_the_reader_panic(at in 0usize..120, octet: u8) {
        let mut whole = format!("{HEADER}\n{GOOD}\n{GOOD}\n").into_bytes();
        let start = HEADER.len() + 1;
        whole[start + at % GOOD.len()] = octet;
        let (rows, problems) = read(&whole);
        prop_assert!(!rows.is_empty() && rows.len() + problems.len() >= 2 || octet == b'\n' || octet == b'\r');
    }
}

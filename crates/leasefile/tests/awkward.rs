//! Every awkward row that Kea's lease files are known to have, in one set of files: `.2` by
//! a Kea 1.x, `.1` by a 2.x, the main file by a 3.x that was stopped within its last row.

use std::path::Path;

use leasebook_leasefile::{LeaseFiles, LeaseRow, LinkHint, Problem};
use leasebook_store::{IaKind, LeaseState};
use leasebook_wire::chain::RelayPath;
use leasebook_wire::code::{DEFAULT_NESTING_LIMIT, OptionCode};

fn read() -> (Vec<LeaseRow>, Vec<String>) {
    let main = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/awkward/kea-leases6.csv");
    let files = LeaseFiles::open(&[main]).unwrap();
    assert_eq!(files.list().count(), 3);
    let mut problems = Vec::new();
    let mut report = |problem: Problem| {
        let text = problem.to_string();
        let name = text.rfind("kea-leases6.csv").unwrap();
        problems.push(text[name..].to_owned());
    };
    let scan = files.scan(&mut report, &mut |_| ()).unwrap();
    let mut rows = files.rows(&scan);
    let mut row = LeaseRow::new();
    let mut given = Vec::new();
    while rows.next(&mut row, &mut report).unwrap() {
        given.push(row.clone());
    }
    (given, problems)
}

fn find<'a>(rows: &'a [LeaseRow], name: &str) -> &'a LeaseRow {
    let mut found = rows.iter().filter(|row| row.lease.to_string() == name);
    let row = found.next().unwrap_or_else(|| panic!("no {name}"));
    assert!(found.next().is_none(), "{name} twice");
    row
}

#[test]
fn of_every_lease_the_last_row_of_all_files_is_given() {
    let (rows, _) = read();
    let names: Vec<String> = rows.iter().map(|row| row.lease.to_string()).collect();
    assert_eq!(
        names,
        [
            "2001:db8:1::2",
            "2001:db8:1::1",
            "2001:db8:1::dead",
            "2001:db8:1::3",
            "2001:db8:1::4",
            "2001:db8:2::1",
            "2001:db8:2::2",
            "2001:db8:2::3",
            "2001:db8:2::4",
            "2001:db8:2::5",
            "2001:db8:2::6",
            "2001:db8:2::7",
            "2001:db8:2::8",
            "2001:db8:8100::/60",
        ]
    );
    assert!(find(&rows, "2001:db8:1::dead").deleted);
    assert_eq!(rows.iter().filter(|row| row.deleted).count(), 1);
    // The bad row of the main file does not hide the good one in `.2`.
    assert_eq!(find(&rows, "2001:db8:1::2").clt, 1_800_000_000);
    let renewed = find(&rows, "2001:db8:1::1");
    assert_eq!((renewed.clt, renewed.valid), (1_800_003_600, 7200));
}

#[test]
fn states_kinds_and_lifetimes_of_every_version_are_understood() {
    let (rows, _) = read();
    for (name, state) in [
        ("2001:db8:1::2", LeaseState::Bound),
        ("2001:db8:1::3", LeaseState::Declined),
        ("2001:db8:2::3", LeaseState::Bound),
        ("2001:db8:2::4", LeaseState::Reclaimed),
        ("2001:db8:2::5", LeaseState::Released),
        ("2001:db8:2::6", LeaseState::Registered),
    ] {
        assert_eq!(find(&rows, name).state, state, "{name}");
    }
    assert!(!find(&rows, "2001:db8:1::3").has_client());
    assert_eq!(find(&rows, "2001:db8:2::2").kind, IaKind::Ta);
    assert_eq!(find(&rows, "2001:db8:8100::/60").kind, IaKind::Pd);
    let infinite = find(&rows, "2001:db8:1::4");
    assert_eq!((infinite.clt, infinite.valid), (1_800_000_000, u32::MAX));
    let named = find(&rows, "2001:db8:1::1");
    assert_eq!(named.hostname, "a,b.example.org.");
    assert!(named.fqdn_forward && !named.fqdn_reverse);
    assert_eq!(named.hardware.as_ref().unwrap().octets, [2, 1, 0, 0, 0, 10]);
}

#[test]
fn one_client_is_on_two_links_with_several_leases_on_each() {
    let (rows, _) = read();
    let client = &find(&rows, "2001:db8:1::1").client;
    for (subnet, leases) in [(1, 3), (2, 6)] {
        let on_link = rows
            .iter()
            .filter(|row| row.client == *client && row.link == LinkHint::SubnetId(subnet));
        assert_eq!(on_link.count(), leases);
    }
}

/// D-12: the chain is rebuilt from Kea's relay-info, relay-ids on every hop.
#[test]
fn chains_are_rebuilt_from_both_layouts_of_relay_info() {
    let (rows, _) = read();
    let chain = |name: &str| find(&rows, name).relay.clone().unwrap();
    let three = chain("2001:db8:2::1");
    assert!(three.peer.is_unspecified());
    let path = RelayPath::parse(&three.chain, DEFAULT_NESTING_LIMIT).unwrap();
    let relay_ids: Vec<u8> = path
        .levels()
        .map(|level| {
            *level
                .options()
                .first(OptionCode::RELAY_ID)
                .unwrap()
                .data
                .last()
                .unwrap()
        })
        .collect();
    assert_eq!(relay_ids, [3, 2, 1]);
    let innermost = path.innermost();
    assert_eq!(
        innermost.peer_address(),
        "fe80::a".parse::<std::net::Ipv6Addr>().unwrap()
    );
    let old = chain("2001:db8:1::1");
    assert_eq!(
        old.peer,
        "2001:db8:1::fffe".parse::<std::net::Ipv6Addr>().unwrap()
    );
    assert_eq!(old.chain[34..], [0, 18, 0, 2, 0xab, b',']);
}

#[test]
fn everything_wrong_is_told_once_with_file_line_and_column() {
    let (_, problems) = read();
    assert_eq!(
        problems,
        [
            "kea-leases6.csv:10: 19 columns where the header has 18; skipped",
            "kea-leases6.csv:11: address: `2001:db8:2::g` is not an IPv6 address; skipped",
            "kea-leases6.csv:13: expire: `soon` is not a number from 0 to 18446744073709551615; skipped",
            "kea-leases6.csv:15: the file ends within this line, which has 14 of 18 columns; skipped",
            "kea-leases6.csv:8: user_context: relay 0 from the outside has no usable `options`; lease kept without its relay data",
            "kea-leases6.csv:9: hwaddr: `zz` is not a hardware address in hex; lease kept without it",
        ]
    );
}

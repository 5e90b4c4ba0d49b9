use std::io::Write;

use super::*;
use crate::problem::Problem;

const HEADER: &str = "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context";

/// A Kea row for address `address` of IAID `iaid`.
fn row(address: &str, iaid: u32, valid: u32) -> String {
    format!("{address},00:03:00:01,{valid},1796307723,7,1800,0,{iaid},128,0,0,,,0,\n")
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, String)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            std::fs::write(folder.path(name), text).unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }
}

/// Lease, IAID and whether deleted of every row given; problems of the scan and after.
type Outcome = (Vec<(String, u32, bool)>, Vec<String>, Vec<String>);

fn read(files: &LeaseFiles) -> Outcome {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let mut last_progress = 0;
    let scan = files
        .scan(
            &mut |problem: Problem| first.push(problem.fault.to_string()),
            &mut |octets| last_progress = octets,
        )
        .unwrap();
    assert_eq!(last_progress, files.octets());
    let mut rows = files.rows(&scan);
    let mut row = LeaseRow::new();
    let mut given = Vec::new();
    while rows
        .next(&mut row, &mut |problem: Problem| {
            second.push(problem.fault.to_string());
        })
        .unwrap()
    {
        given.push((row.lease.to_string(), row.iaid, row.deleted));
    }
    assert_eq!(rows.octets_read(), files.octets());
    assert!(given.len() as u64 <= scan.leases && scan.leases <= scan.rows);
    (given, first, second)
}

fn kea(rows: &[String]) -> String {
    format!("{HEADER}\n{}", rows.concat())
}

fn given(expected: &[(&str, u32, bool)]) -> Vec<(String, u32, bool)> {
    expected
        .iter()
        .map(|&(name, iaid, deleted)| (name.to_owned(), iaid, deleted))
        .collect()
}

#[test]
fn the_last_row_of_an_address_counts_and_a_bad_one_does_not_hide_it() {
    let folder = Folder::new(&[(
        "leases.csv",
        kea(&[
            row("2001:db8::1", 1, 60),
            row("2001:db8::2", 2, 60),
            row("2001:db8::1", 3, 60),
            row("2001:db8::3", 4, 60),
            row("2001:db8::3", 5, 0),
            row("2001:db8::1", 6, 60).replace("1796307723", "x"),
            row("2001:db8::2", 7, 60)
                .replace(",128,", ",64,")
                .replace(",0,7,64", ",2,7,64"),
        ]),
    )]);
    let files = LeaseFiles::open(&[folder.path("leases.csv")]).unwrap();
    let (rows, first, second) = read(&files);
    assert_eq!(
        rows,
        given(&[
            ("2001:db8::2", 2, false),
            ("2001:db8::1", 3, false),
            ("2001:db8::3", 5, true),
            ("2001:db8::/64", 7, false)
        ])
    );
    assert_eq!((first.len(), second.len()), (1, 1), "{first:?} {second:?}");
}

#[test]
fn the_files_of_an_interrupted_cleanup_are_read_as_one_log() {
    let folder = Folder::new(&[
        ("leases.csv", kea(&[row("2001:db8::1", 30, 60)])),
        (
            "leases.csv.1",
            kea(&[row("2001:db8::2", 20, 60), row("2001:db8::1", 21, 60)]),
        ),
        (
            "leases.csv.2",
            kea(&[row("2001:db8::3", 10, 60), row("2001:db8::2", 11, 60)]),
        ),
        ("leases.csv.output", kea(&[row("2001:db8::9", 99, 60)])),
    ]);
    let main = folder.path("leases.csv");
    let three = [
        ("2001:db8::3", 10, false),
        ("2001:db8::2", 20, false),
        ("2001:db8::1", 30, false),
    ];
    assert_eq!(read(&LeaseFiles::open(&[&main]).unwrap()).0, given(&three));
    // A member of the set named besides is not read twice.
    let twice = LeaseFiles::open(&[&main, &folder.path("leases.csv.2"), &main]).unwrap();
    assert_eq!(twice.list().count(), 3);
    std::fs::write(
        folder.path("leases.csv.completed"),
        kea(&[row("2001:db8::5", 1, 60)]),
    )
    .unwrap();
    let expected = [("2001:db8::5", 1, false), ("2001:db8::1", 30, false)];
    assert_eq!(
        read(&LeaseFiles::open(&[&main]).unwrap()).0,
        given(&expected)
    );
    std::fs::remove_file(&main).unwrap();
    assert_eq!(
        read(&LeaseFiles::open(&[&main]).unwrap()).0,
        given(&expected[..1])
    );
    // By its own name a member stands for itself.
    let one = LeaseFiles::open(&[folder.path("leases.csv.1")]).unwrap();
    assert_eq!(read(&one).0.len(), 2);
}

#[test]
fn what_the_server_writes_or_moves_after_opening_changes_nothing() {
    let folder = Folder::new(&[("leases.csv", kea(&[row("2001:db8::1", 1, 60)]))]);
    let main = folder.path("leases.csv");
    let files = LeaseFiles::open(&[&main]).unwrap();
    let mut log = std::fs::OpenOptions::new()
        .append(true)
        .open(&main)
        .unwrap();
    log.write_all(row("2001:db8::1", 2, 60).as_bytes()).unwrap();
    std::fs::rename(&main, folder.path("leases.csv.1")).unwrap();
    assert_eq!(read(&files).0, given(&[("2001:db8::1", 1, false)]));
}

#[test]
fn a_later_isc_block_replaces_the_earlier_with_all_its_leases() {
    let block = |client: &str, leases: &[&str]| {
        let leases: Vec<String> = leases
            .iter()
            .map(|lease| {
                format!(
                    " iaaddr {lease} {{ binding state active; max-life 60; ends epoch 1060; }}\n"
                )
            })
            .collect();
        let leases = leases.concat();
        format!("ia-na \"\\001\\000\\000\\000{client}\" {{\n cltt epoch 1000;\n{leases}}}\n")
    };
    let folder = Folder::new(&[
        (
            "dhcpd6.leases",
            [
                block("one", &["2001:db8::1", "2001:db8::2"]),
                block("two", &["2001:db8::3", "2001:db8::4"]),
                block("one", &["2001:db8::1"]),
                block("six", &["2001:db8::4"]),
                "ia-na \"torn off".to_owned(),
            ]
            .concat(),
        ),
        ("other.leases", block("two", &["2001:db8::5"])),
    ]);
    let main = folder.path("dhcpd6.leases");
    let (rows, first, second) = read(&LeaseFiles::open(&[&main]).unwrap());
    let expected = [
        ("2001:db8::3", 1, false),
        ("2001:db8::1", 1, false),
        ("2001:db8::4", 1, false),
    ];
    assert_eq!(rows, given(&expected));
    assert_eq!((first.len(), second.len()), (1, 0));
    let both = LeaseFiles::open(&[main, folder.path("other.leases")]).unwrap();
    let expected = [
        ("2001:db8::1", 1, false),
        ("2001:db8::4", 1, false),
        ("2001:db8::5", 1, false),
    ];
    assert_eq!(read(&both).0, given(&expected));
}

#[test]
fn files_of_different_formats_are_read_in_the_order_given() {
    let json = r#"{"link":7,"client":"00:03:00:01","leases":[{"address":"2001:db8::1","ia":"na","iaid":8,"state":"bound","clt":17,"preferred":1,"valid":2}]}"#;
    let folder = Folder::new(&[
        ("export.jsonl", format!("{json}\n{{}}\n")),
        ("leases.csv", kea(&[row("2001:db8::1", 1, 60)])),
    ]);
    std::fs::write(folder.path("export.jsonl"), format!("{json}\nx\n")).unwrap();
    let files =
        LeaseFiles::open(&[folder.path("leases.csv"), folder.path("export.jsonl")]).unwrap();
    let formats: Vec<Format> = files.list().map(|(_, format, _)| format).collect();
    assert_eq!(formats, [Format::KeaCsv, Format::JsonLines]);
    let (rows, first, second) = read(&files);
    assert_eq!(
        rows,
        given(&[("2001:db8::1", 1, false), ("2001:db8::1", 8, false)])
    );
    assert_eq!((first.len(), second.len()), (1, 0));
}

#[test]
fn says_which_file_cannot_be_opened_or_understood() {
    let folder = Folder::new(&[("kea-dhcp6.conf", "{ \"Dhcp6\": {} }".to_owned())]);
    let missing = LeaseFiles::open(&[folder.path("none")])
        .unwrap_err()
        .to_string();
    assert!(
        missing.starts_with("cannot open ") && missing.contains("none: "),
        "{missing}"
    );
    let unknown = LeaseFiles::open(&[folder.path("kea-dhcp6.conf")]).unwrap_err();
    assert!(matches!(unknown, ReadError::UnknownFormat { .. }));
    assert!(
        unknown
            .to_string()
            .contains("kea-dhcp6.conf: not a lease file")
    );
}

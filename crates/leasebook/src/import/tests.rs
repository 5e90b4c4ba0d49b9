use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use leasebook_store::{LeaseStore, LinkId, MemoryStore};

use super::links::ConfiguredLinks;
use super::{Notice, Summary, Watch, import};

#[derive(Default)]
struct Told(Vec<String>);

impl Watch for Told {
    fn notice(&mut self, notice: Notice) {
        self.0.push(notice.to_string());
    }

    fn progress(&mut self, done: u64, total: u64) {
        assert!(done <= total, "{done} of {total}");
    }
}

fn links(subnets: &[u32]) -> ConfiguredLinks {
    let mut text = String::new();
    for id in subnets {
        let number = id - 1;
        write!(
            text,
            "[[link]]\nid = {id}\nname = \"l{id}\"\non-link = [\"3fff:0:{number}::/64\"]\n"
        )
        .unwrap();
    }
    let loaded = crate::config::parse(&text, Path::new("links.toml")).unwrap();
    ConfiguredLinks::of(&loaded.config)
}

fn run(store: &MemoryStore, files: &[PathBuf], subnets: &[u32]) -> (Summary, Vec<String>) {
    let mut told = Told::default();
    let summary = import(store, &links(subnets), files, &mut told).unwrap();
    (summary, told.0)
}

const HEADER: &str = "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source,pool_id";

fn row(address: &str, client: &str, valid: u32, state: u8) -> String {
    let expire = 2_000_000_000 + u64::from(valid);
    format!(
        "{address},00:03:00:01:{client},{valid},{expire},1,{},0,1,128,0,0,,,{state},,,,0",
        valid / 2
    )
}

fn written(rows: &[String]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("kea-leases6.csv");
    std::fs::write(&file, format!("{HEADER}\n{}\n", rows.join("\n"))).unwrap();
    (dir, file)
}

fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/kea-3.3.1/kea-leases6.csv")
}

#[test]
fn a_recorded_file_comes_in_whole_and_again_changes_nothing() {
    let store = MemoryStore::new();
    let (first, told) = run(&store, &[recorded()], &[1, 2, 3]);
    assert_eq!((told, first.skipped), (Vec::new(), 0));
    let stats = store.stats().unwrap();
    assert_eq!(stats.leases, first.leases);
    assert_eq!(stats.bindings, first.written);
    let (again, _) = run(&store, &[recorded()], &[1, 2, 3]);
    assert_eq!(
        (again.written, again.removed, again.unchanged),
        (0, 0, first.written)
    );
    assert_eq!(store.last_seq(), stats.last_seq, "nothing was written");
}

#[test]
fn rows_of_an_unknown_subnet_are_told_and_skipped() {
    let store = MemoryStore::new();
    let (summary, told) = run(&store, &[recorded()], &[1, 3]);
    assert!(summary.skipped > 0 && summary.written > 0);
    assert!(
        told[0].contains("no link has kea-subnet-ids = [2]"),
        "{}",
        told[0]
    );
}

#[test]
fn the_last_row_of_a_lease_counts_and_an_ended_one_goes() {
    let store = MemoryStore::new();
    let rows = [
        row("3fff::1", "01", 100, 0),
        row("3fff::2", "01", 100, 0),
        row("3fff::1", "02", 100, 0),
        row("3fff::2", "01", 0, 0),
    ];
    let (_dir, file) = written(&rows);
    let (summary, _) = run(&store, &[file], &[1]);
    assert_eq!((summary.rows, summary.leases, summary.written), (4, 2, 1));
    let record = store.binding(LinkId(1), &[0, 3, 0, 1, 2]).unwrap();
    assert!(
        record.is_some(),
        "the lease went to the client of its last row"
    );
    assert!(
        store
            .binding(LinkId(1), &[0, 3, 0, 1, 1])
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_later_file_that_ends_a_lease_takes_it_out_of_the_book() {
    let store = MemoryStore::new();
    let (_one, first) = written(&[row("3fff::1", "01", 100, 0)]);
    let (_two, second) = written(&[row("3fff::1", "01", 0, 0)]);
    run(&store, &[first], &[1]);
    assert_eq!(store.stats().unwrap().bindings, 1);
    let (summary, _) = run(&store, &[second], &[1]);
    assert_eq!((summary.removed, store.stats().unwrap().bindings), (1, 0));
}

#[test]
fn a_lease_another_client_has_had_since_stays_there() {
    let store = MemoryStore::new();
    let newer = row("3fff::1", "02", 100, 0).replace("2000000100", "2000000200");
    let (_one, first) = written(&[newer]);
    let (_two, second) = written(&[row("3fff::1", "01", 100, 0)]);
    run(&store, &[first], &[1]);
    let (summary, _) = run(&store, &[second], &[1]);
    assert_eq!((summary.older, summary.written), (1, 0));
    assert!(
        store
            .binding(LinkId(1), &[0, 3, 0, 1, 2])
            .unwrap()
            .is_some()
    );
}

#[test]
fn bad_lines_are_told_by_number_and_stop_nothing() {
    let store = MemoryStore::new();
    let rows = [
        row("3fff::1", "01", 100, 0),
        "nonsense".to_owned(),
        row("3fff::zz", "02", 100, 0),
        row("3fff::3", "03", 100, 0),
    ];
    let (_dir, file) = written(&rows);
    let (summary, told) = run(&store, &[file], &[1]);
    assert_eq!((summary.skipped, summary.written), (2, 2));
    assert!(
        told[0].contains("kea-leases6.csv:3:") && told[1].contains("kea-leases6.csv:4: address"),
        "{told:?}"
    );
}

//! What can go wrong with the files of a book, and with the process that has it open.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader};
use std::net::Ipv6Addr;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use leasebook_store::book::repair;
use leasebook_store::{
    Binding, Book, BookOptions, Change, IaKind, Lease, LeaseName, LeaseState, LeaseStore, LinkId,
    StoreError,
};
use leasebook_wire::Duid;

/// Small enough that checkpoints come often.
const OPTIONS: BookOptions = BookOptions {
    overlay_octets: 40_000,
    load_octets: 1 << 20,
};

fn open(dir: &Path) -> Book {
    let (book, _) = Book::open(dir, OPTIONS, 7).unwrap();
    book
}

fn refused(dir: &Path) -> StoreError {
    Book::open(dir, OPTIONS, 7).map(drop).unwrap_err()
}

fn duid(number: u32) -> Duid {
    Duid::new(&[&[0, 3, 0, 1][..], &number.to_be_bytes()].concat()).unwrap()
}

fn binding(number: u32) -> Binding {
    Binding {
        link: LinkId(1),
        client: duid(number),
        leases: vec![Lease {
            name: LeaseName::Address(Ipv6Addr::from_bits(u128::from(number))),
            kind: IaKind::Na,
            iaid: 1,
            state: LeaseState::Bound,
            clt: 1000,
            preferred: 50,
            valid: 100,
        }],
        relay: None,
        options: Vec::new(),
    }
}

fn put(book: &Book, numbers: std::ops::Range<u32>) {
    for number in numbers {
        book.commit(vec![Change::Put(binding(number))]).unwrap();
    }
}

/// Whether the book has the clients of just these numbers.
fn has(book: &Book, numbers: std::ops::Range<u32>) {
    let count = u64::from(numbers.end - numbers.start);
    assert_eq!(book.stats().unwrap().bindings, count);
    for number in numbers {
        let record = book.binding(LinkId(1), duid(number).octets()).unwrap();
        assert_eq!(
            record.unwrap().view().to_binding().unwrap(),
            binding(number)
        );
    }
}

fn ledger_file(dir: &Path) -> PathBuf {
    dir.join("ledger/data.mdb")
}

/// Writes at every place where `old` is in the file, from `from` on.
fn overwrite(file: &Path, old: &[u8], at: usize, new: &[u8]) -> usize {
    let octets = fs::read(file).unwrap();
    let file = OpenOptions::new().write(true).open(file).unwrap();
    let places = octets.windows(old.len()).enumerate();
    let places = places.filter(|(_, window)| *window == old);
    let mut count = 0;
    for (place, _) in places {
        file.write_all_at(new, (place + at) as u64).unwrap();
        count += 1;
    }
    count
}

/// BLQ-S-044: what was acknowledged is there after the next opening, replayed or not.
#[test]
fn what_was_acknowledged_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let book = open(dir.path());
    put(&book, 0..50);
    book.checkpoint().unwrap();
    put(&book, 50..80);
    let seq = book.last_seq();
    drop(book);
    let (book, recovery) = Book::open(dir.path(), OPTIONS, 7).unwrap();
    assert_eq!(recovery.replayed, 30);
    assert_eq!(book.last_seq(), seq);
    has(&book, 0..80);
    book.close().unwrap();
    let (book, recovery) = Book::open(dir.path(), OPTIONS, 7).unwrap();
    assert_eq!(recovery.replayed, 0);
    assert_eq!(book.last_seq(), seq);
    has(&book, 0..80);
    assert_eq!(book.verify().unwrap(), 80);
}

#[test]
fn a_second_opening_is_refused_and_names_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let book = open(dir.path());
    put(&book, 0..1);
    let error = refused(dir.path());
    let own = std::process::id().to_string();
    assert!(matches!(&error, StoreError::InUse { pid, .. } if *pid == own));
    drop(book);
    has(&open(dir.path()), 0..1);
}

#[test]
fn a_ledger_that_is_gone_is_built_again_from_the_whole_journal() {
    let dir = tempfile::tempdir().unwrap();
    let book = open(dir.path());
    put(&book, 0..60);
    book.close().unwrap();
    fs::remove_dir_all(dir.path().join("ledger")).unwrap();
    let (book, recovery) = Book::open(dir.path(), OPTIONS, 8).unwrap();
    assert_eq!(recovery.replayed, 60);
    has(&book, 0..60);
    book.checkpoint().unwrap();
    assert_eq!(book.verify().unwrap(), 60);
}

#[test]
fn a_ledger_whose_making_was_cut_short_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let book = open(dir.path());
    put(&book, 0..20);
    drop(book);
    // The disk was full when LMDB began its file.
    fs::write(ledger_file(dir.path()), []).unwrap();
    has(&open(dir.path()), 0..20);
    // Or full after LMDB's first pages, which know of no transaction: looking for a book without
    // a journal makes these.
    fs::write(ledger_file(dir.path()), []).unwrap();
    let (journal, aside) = (dir.path().join("journal"), dir.path().join("aside"));
    fs::rename(&journal, &aside).unwrap();
    refused(dir.path());
    fs::rename(&aside, &journal).unwrap();
    assert!(fs::metadata(ledger_file(dir.path())).unwrap().len() > 0);
    has(&open(dir.path()), 0..20);
}

#[test]
fn a_ledger_that_held_what_no_journal_has_is_missed() {
    let dir = tempfile::tempdir().unwrap();
    let book = open(dir.path());
    book.load((0..60).map(binding)).unwrap();
    put(&book, 60..61);
    book.close().unwrap();
    fs::remove_dir_all(dir.path().join("ledger")).unwrap();
    for _ in 0..2 {
        let error = refused(dir.path()).to_string();
        assert!(error.contains("loaded in bulk"), "{error}");
    }
}

#[test]
fn a_book_without_its_journal_is_not_taken_for_a_whole_one() {
    let dir = tempfile::tempdir().unwrap();
    let book = open(dir.path());
    put(&book, 0..10);
    drop(book);
    fs::remove_dir_all(dir.path().join("journal")).unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    // Nor later, and nothing was changed by looking.
    let error = refused(dir.path()).to_string();
    assert!(error.contains("leases repair"), "{error}");
}

#[test]
fn repair_gives_a_book_without_its_journal_back_as_of_the_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let book = open(dir.path());
    put(&book, 0..10);
    book.checkpoint().unwrap();
    put(&book, 10..12);
    drop(book);
    fs::remove_dir_all(dir.path().join("journal")).unwrap();
    let report = repair(dir.path()).unwrap();
    assert_eq!(report.ledger_set_aside, None);
    assert_eq!(report.journal.last_seq, 10);
    let book = open(dir.path());
    has(&book, 0..10);
    put(&book, 10..11);
    has(&book, 0..11);
}

#[test]
fn what_is_no_ledger_is_refused_and_repair_sets_it_aside() {
    let dir = tempfile::tempdir().unwrap();
    let book = open(dir.path());
    put(&book, 0..10);
    book.close().unwrap();
    fs::write(ledger_file(dir.path()), vec![0x55; 100_000]).unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    let report = repair(dir.path()).unwrap();
    let aside = report.ledger_set_aside.unwrap();
    assert_eq!(fs::read(aside.join("data.mdb")).unwrap().len(), 100_000);
    has(&open(dir.path()), 0..10);
}

#[test]
fn a_ledger_that_was_cut_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let book = open(dir.path());
    put(&book, 0..200);
    book.close().unwrap();
    let file = OpenOptions::new()
        .write(true)
        .open(ledger_file(dir.path()))
        .unwrap();
    let octets = file.metadata().unwrap().len();
    file.set_len(octets / 2).unwrap();
    let error = refused(dir.path()).to_string();
    assert!(error.contains("it was cut"), "{error}");
}

#[test]
fn an_unknown_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let book = open(dir.path());
    put(&book, 0..10);
    book.close().unwrap();
    let file = ledger_file(dir.path());
    assert!(overwrite(&file, b"leasebook ledger", 16, &99u32.to_be_bytes()) > 0);
    let error = refused(dir.path()).to_string();
    assert!(error.contains("format 99"), "{error}");
}

#[test]
fn a_flipped_octet_in_a_block_is_reported_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let book = open(dir.path());
    put(&book, 0..40);
    book.close().unwrap();
    // In the frame of one record: its DUID behind CLIENTID.
    let own = duid(17);
    let client = [&[0, 1, 0, 8][..], own.octets()].concat();
    assert!(overwrite(&ledger_file(dir.path()), &client, 4, &[0xff]) > 0);
    let book = open(dir.path());
    let error = book.verify().unwrap_err().to_string();
    assert!(
        error.contains("is damaged") && error.contains("CRC"),
        "{error}"
    );
    // A checkpoint does not carry the damage on as if it were sound.
    let mut renewed = binding(16);
    renewed.leases[0].clt += 1;
    book.commit(vec![Change::Put(renewed.clone())]).unwrap();
    let error = book.checkpoint().unwrap_err().to_string();
    assert!(error.contains("is damaged"), "{error}");
    // What was acknowledged meanwhile is not lost.
    drop(book);
    let book = open(dir.path());
    let record = book.binding(LinkId(1), duid(16).octets()).unwrap();
    assert_eq!(record.unwrap().view().to_binding().unwrap(), renewed);
}

#[test]
fn another_books_journal_is_refused() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for (dir, fresh) in dirs.iter().zip([1, 2]) {
        let (book, _) = Book::open(dir.path(), OPTIONS, fresh).unwrap();
        put(&book, 0..5);
        book.close().unwrap();
    }
    let journal = |number: usize| dirs[number].path().join("journal");
    fs::remove_dir_all(journal(0)).unwrap();
    fs::rename(journal(1), journal(0)).unwrap();
    let error = refused(dirs[0].path());
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

#[test]
fn a_commit_makes_the_checkpoint_itself_if_nobody_does() {
    let dir = tempfile::tempdir().unwrap();
    let book = open(dir.path());
    assert!(!book.wants_checkpoint());
    put(&book, 0..300);
    // 300 changes take far more than twice the bound; what is in the ledger tells.
    assert!(book.verify().unwrap() > 0);
    has(&book, 0..300);
}

#[test]
fn more_than_the_journal_takes_at_once_is_refused_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (book, _) = Book::open(dir.path(), BookOptions::default(), 7).unwrap();
    put(&book, 0..3);
    let large = |number: u32| {
        let mut binding = binding(number);
        // An option of the greatest length there is.
        binding.options = [vec![0, 39, 0xff, 0xff], vec![0; 65_535]].concat();
        Change::Put(binding)
    };
    let error = book.commit((0..400).map(large).collect()).unwrap_err();
    assert!(matches!(error, StoreError::TooLarge(_)), "{error}");
    has(&book, 0..3);
    assert_eq!(book.last_seq(), 3);
    put(&book, 3..5);
    has(&book, 0..5);
    book.checkpoint().unwrap();
    assert_eq!(book.verify().unwrap(), 5);
}

#[test]
fn many_threads_commit_load_read_and_checkpoint_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let book = open(dir.path());
    std::thread::scope(|scope| {
        for thread in 0..4u32 {
            let book = &book;
            scope.spawn(move || {
                for number in 0..50 {
                    let number = thread * 1000 + number;
                    book.commit(vec![Change::Put(binding(number))]).unwrap();
                    let record = book.binding(LinkId(1), duid(number).octets()).unwrap();
                    assert!(record.is_some());
                }
            });
        }
        scope.spawn(|| {
            for from in 0..5 {
                let some = 10_000 + from * 100..10_000 + from * 100 + 100;
                assert_eq!(book.load(some.map(binding)).unwrap(), 100);
            }
        });
        scope.spawn(|| {
            for _ in 0..20 {
                book.checkpoint().unwrap();
            }
        });
    });
    assert_eq!(book.stats().unwrap().bindings, 700);
    book.checkpoint().unwrap();
    assert_eq!(book.verify().unwrap(), 700);
}

/// Where the child that is to be killed keeps its book; only there it runs.
const CHILD: &str = "LEASEBOOK_STORE_TEST_CHILD";

/// Not a test of its own: the child of the next one, which commits and tells what was
/// acknowledged, with checkpoints and loads in between, until it is killed.
#[test]
fn child_that_is_killed() {
    let Some(dir) = std::env::var_os(CHILD) else {
        return;
    };
    let book = open(Path::new(&dir));
    let first = u32::try_from(book.stats().unwrap().bindings).unwrap();
    for number in first.. {
        if number % 40 == 39 {
            book.load([binding(number)]).unwrap();
        } else {
            book.commit(vec![Change::Put(binding(number))]).unwrap();
        }
        println!("acknowledged {number}");
        if number % 16 == 15 {
            book.checkpoint().unwrap();
        }
    }
}

fn spawn_child(dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "child_that_is_killed",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// BLQ-S-044: a process killed at any moment has kept all that it acknowledged.
#[test]
fn a_killed_process_has_kept_what_it_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut kept = 0;
    for round in 0..12u32 {
        let mut child = spawn_child(dir.path());
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let numbers = lines.filter_map(|line| {
            let line = line.ok()?;
            let number = line.split("acknowledged ").nth(1)?;
            number.trim().parse::<u32>().ok()
        });
        // Each round at another place between a checkpoint and the next.
        let wanted = kept + 5 + round * 7;
        let mut last = None;
        let mut numbers = numbers;
        for number in numbers.by_ref() {
            last = Some(number);
            if number >= wanted {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it managed to say until then was acknowledged too.
        last = numbers.last().or(last);
        let book = open(dir.path());
        let bindings = u32::try_from(book.stats().unwrap().bindings).unwrap();
        assert!(
            bindings > last.unwrap(),
            "round {round}: {bindings} of {last:?}"
        );
        has(&book, 0..bindings);
        if round % 3 == 2 {
            book.checkpoint().unwrap();
        }
        book.verify().unwrap();
        kept = bindings;
    }
}

/// A file system of its own that is soon full, or none where that is not allowed.
struct SmallDisk {
    dir: tempfile::TempDir,
}

impl SmallDisk {
    fn mount(octets: u32) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={octets}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "none"])
            .arg(dir.path())
            .stderr(Stdio::null())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self { dir })
    }

    fn resize(&self, octets: u32) {
        let size = format!("remount,size={octets}");
        let status = Command::new("mount")
            .args(["-o", &size])
            .arg(self.dir.path())
            .status();
        assert!(status.unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process that another test is just starting may hold a file of it still.
        let umount = Command::new("umount").arg("-l").arg(self.dir.path()).status();
        drop(umount);
    }
}

#[test]
fn a_disk_too_full_for_a_new_book_is_told_and_left_so_that_it_works_later() {
    for kibibytes in [0, 4, 8, 40, 76, 84] {
        let Some(disk) = SmallDisk::mount((kibibytes + 4) << 10) else {
            eprintln!("skipped: mounting a small file system is not allowed here");
            return;
        };
        let data = disk.dir.path().join("data");
        let error = refused(&data);
        assert!(
            matches!(error, StoreError::Io { .. } | StoreError::Ledger { .. }),
            "{error}"
        );
        let said = error.to_string();
        let is_told = ["No space left", "the disk is full"];
        assert!(is_told.iter().any(|words| said.contains(words)), "{said}");
        disk.resize(8 << 20);
        let book = open(&data);
        put(&book, 0..3);
        drop(book);
        has(&open(&data), 0..3);
    }
}

#[test]
fn a_full_disk_refuses_changes_and_loses_none() {
    let Some(disk) = SmallDisk::mount(12 << 20) else {
        eprintln!("skipped: mounting a small file system is not allowed here");
        return;
    };
    let data = disk.dir.path().join("data");
    let options = BookOptions::default();
    let (book, _) = Book::open(&data, options, 7).unwrap();
    let mut kept = 0;
    let error = loop {
        let some = (kept..kept + 200).map(|number| Change::Put(binding(number)));
        match book.commit(some.collect()) {
            Ok(_) => kept += 200,
            Err(error) => break error,
        }
        if let Err(error) = book.checkpoint() {
            break error;
        }
        assert!(kept < 200_000, "the disk is never full");
    };
    assert!(
        matches!(error, StoreError::Io { .. } | StoreError::Ledger { .. }),
        "{error}"
    );
    has(&book, 0..kept);
    // A load finds no room either, and changes nothing.
    book.load((1_000_000..1_050_000).map(binding)).unwrap_err();
    has(&book, 0..kept);
    disk.resize(200 << 20);
    book.checkpoint().unwrap();
    put(&book, kept..kept + 10);
    has(&book, 0..kept + 10);
    drop(book);
    let (book, _) = Book::open(&data, options, 7).unwrap();
    has(&book, 0..kept + 10);
    book.checkpoint().unwrap();
    assert_eq!(book.verify().unwrap(), u64::from(kept + 10));
}

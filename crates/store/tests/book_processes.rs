//! What a full disk does to a book, and the end of its process at any moment.
//!
//! Other processes are begun here. Until a new process has become another program it holds the
//! files of this one, locks and all; so only one test runs at a time, and none of those that open
//! what they have just closed is in another file.

mod faults;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use leasebook_store::{Book, BookOptions, Change, LeaseStore, StoreError};

use faults::{binding, has, open, put, refused};

/// Held by the one test that runs.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
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
    let _alone = alone();
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
        let umount = Command::new("umount")
            .arg("-l")
            .arg(self.dir.path())
            .status();
        drop(umount);
    }
}

#[test]
fn a_disk_too_full_for_a_new_book_is_told_and_left_so_that_it_works_later() {
    let _alone = alone();
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
    let _alone = alone();
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

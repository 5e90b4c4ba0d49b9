//! What can go wrong with the files of a book.

mod faults;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt as _};
use std::path::Path;

use leasebook_store::book::{compact, repair};
use leasebook_store::{Book, BookOptions, Change, LeaseStore, LinkId, StoreError};

use faults::{OPTIONS, binding, duid, has, ledger_file, open, put, refused};

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

/// SEC-026: what holds clients' keys is readable by its user alone.
#[test]
fn nobody_else_may_read_a_book() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let book = open(&data);
    put(&book, 0..20);
    book.checkpoint().unwrap();
    let mut files = 0;
    let mut waiting = vec![data];
    while let Some(path) = waiting.pop() {
        let found = fs::metadata(&path).unwrap();
        let mode = found.permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
        if found.is_dir() {
            waiting.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else {
            files += 1;
        }
    }
    assert!(files >= 4, "{files} files");
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

#[test]
fn a_compacted_book_is_smaller_and_says_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let book = open(dir.path());
    for _ in 0..3 {
        book.load((0..4000).map(binding)).unwrap();
        book.load((4000..8000).map(binding)).unwrap();
        let link = LinkId(1);
        let clients = (2000..8000).map(duid);
        let removals = clients.map(|client| Change::Remove { link, client });
        book.commit(removals.collect()).unwrap();
        book.checkpoint().unwrap();
    }
    // In the journal alone, which is not touched.
    put(&book, 9000..9003);
    assert!(matches!(compact(dir.path()), Err(StoreError::InUse { .. })));
    drop(book);
    // What a try left that did not come to its end.
    let ledger = dir.path().join("ledger");
    fs::write(ledger.join("data.mdb.new"), b"rubbish").unwrap();

    let compacted = compact(dir.path()).unwrap();
    assert!(compacted.after < compacted.before, "{compacted:?}");
    let file = fs::metadata(ledger.join("data.mdb")).unwrap();
    assert_eq!(file.len(), compacted.after);
    assert!(!ledger.join("data.mdb.new").exists());
    let book = open(dir.path());
    assert_eq!(book.verify().unwrap(), 2000);
    assert_eq!(book.stats().unwrap().bindings, 2003);
    put(&book, 9003..9010);
    book.close().unwrap();
    let again = compact(dir.path()).unwrap();
    assert!(again.after <= again.before, "{again:?}");
    assert_eq!(open(dir.path()).verify().unwrap(), 2010);
}

#[test]
fn what_is_no_book_is_not_compacted() {
    let dir = tempfile::tempdir().unwrap();
    let error = compact(dir.path()).unwrap_err().to_string();
    assert!(error.contains("data.mdb"), "{error}");
    assert!(!dir.path().join("ledger").exists());
}

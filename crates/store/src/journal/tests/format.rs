//! What is written is read again.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::support::{BOOK, batch, commit, numbered, open, place, segment};
use crate::journal::{
    Batch, Journal, JournalError, MAX_REQUEST_OCTETS, Read, book_of, format, fuzz,
};
use crate::storage::{Disk, RealDisk, SimulatedDisk};

#[test]
fn everything_after_a_number_is_replayed_in_order() {
    let disk = SimulatedDisk::new();
    let mut journal = Journal::create(place(&disk, 1 << 20)).unwrap();
    assert_eq!(journal.last_seq(), 0);
    assert_eq!(commit(&mut journal, &["one"]).unwrap(), 1);
    assert_eq!(commit(&mut journal, &["two", "", "four"]).unwrap(), 4);
    assert_eq!(journal.last_seq(), 4);
    drop(journal);
    let all = numbered(1, &["one", "two", "", "four"]);
    for after in 0..=4_u64 {
        let (opened, replayed) = open(place(&disk, 1 << 20), after).unwrap();
        assert_eq!(replayed, all[usize::try_from(after).unwrap()..]);
        assert_eq!((opened.journal.last_seq(), opened.torn), (4, None));
    }
    let (mut opened, _) = open(place(&disk, 1 << 20), 2).unwrap();
    assert_eq!(commit(&mut opened.journal, &["five"]).unwrap(), 5);
}

#[test]
fn an_entry_has_the_drawn_octets() {
    let disk = SimulatedDisk::new();
    let mut journal = Journal::create(place(&disk, 1 << 20)).unwrap();
    commit(&mut journal, &["ab"]).unwrap();
    let octets = disk.octets(&segment(1)).unwrap();
    assert_eq!(octets[..12], *b"lbjournl\0\0\0\x01");
    assert_eq!(octets[16..32], BOOK.to_be_bytes());
    assert_eq!(octets[32..40], 1_u64.to_be_bytes());
    let entry = &octets[40..];
    assert_eq!(entry[..8], *b"jent\0\0\0\x07");
    assert_eq!(entry[8..16], 1_u64.to_be_bytes());
    assert_eq!(entry[16..20], 1_u32.to_be_bytes());
    assert_eq!(entry[28..35], *b"\0\0\0\x02ab\xe5");
    assert!(entry[35..].iter().all(|octet| *octet == 0));
}

#[test]
fn segments_follow_each_other_and_are_let_go() {
    let disk = SimulatedDisk::new();
    let mut journal = Journal::create(place(&disk, 500)).unwrap();
    let payloads: Vec<Vec<u8>> = (0..50_u8).map(|n| vec![n; 90]).collect();
    for payload in &payloads {
        commit(&mut journal, &[payload]).unwrap();
    }
    let names = || Disk::list(&disk, "/data/journal".as_ref()).unwrap();
    let before = names().len();
    assert!(before > 10);
    let (opened, replayed) = open(place(&disk, 500), 0).unwrap();
    assert_eq!(replayed, numbered(1, &payloads));
    assert_eq!(opened.journal.disk_octets(), {
        let length = |name: &String| {
            let path = std::path::Path::new("/data/journal").join(name);
            disk.octets(&path).unwrap().len() as u64
        };
        names().iter().map(length).sum::<u64>()
    });
    let mut journal = opened.journal;
    let released = journal.release(30).unwrap();
    assert_eq!(names().len(), before - released);
    assert!(journal.first_seq() > 20 && journal.first_seq() <= 31);
    let (_, replayed) = open(place(&disk, 500), 30).unwrap();
    assert_eq!(replayed, numbered(31, &payloads[30..]));
    let missing = open(place(&disk, 500), 10).unwrap_err();
    assert!(
        missing.to_string().contains("change 11 is needed"),
        "{missing}"
    );
    journal.release(u64::MAX).unwrap();
    assert_eq!(names().len(), 1);
    assert_eq!(open(place(&disk, 500), 50).unwrap().1, []);
}

#[test]
fn a_tail_follows_across_segments_while_they_are_written() {
    let disk = SimulatedDisk::new();
    let mut journal = Journal::create(place(&disk, 400)).unwrap();
    let mut tail = journal.tail(0);
    let mut told = Vec::new();
    for round in 0..40_u8 {
        journal
            .append(&mut batch(&[[round; 50], [round; 50]]))
            .unwrap();
        // Not synced, so not told yet.
        let mut early = 0;
        tail.read(&mut |_, _| {
            early += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(early, 0);
        journal.sync().unwrap();
        let mut stop_after = 1;
        while tail
            .read(&mut |seq, payload| {
                told.push((seq, payload.to_vec()));
                stop_after -= 1;
                if stop_after == 0 {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })
            .unwrap()
            == Read::Stopped
        {}
    }
    let all: Vec<_> = (0..40_u8).flat_map(|n| [[n; 50], [n; 50]]).collect();
    assert_eq!(told, numbered(1, &all));
    journal.release(60).unwrap();
    let error = journal
        .tail(5)
        .read(&mut |_, _| ControlFlow::Continue(()))
        .unwrap_err();
    assert!(
        matches!(error, JournalError::Released { wanted: 6, .. }),
        "{error}"
    );
}

#[test]
fn a_request_too_large_is_refused_and_the_rest_kept() {
    let mut small = batch(&["x"]);
    let error = small.push(&vec![0; MAX_REQUEST_OCTETS]).unwrap_err();
    assert_eq!(error.octets, MAX_REQUEST_OCTETS + 4 + 5);
    assert_eq!((small.count(), small.octets()), (1, 5));
    let mut largest = Batch::new();
    largest.push(&vec![7; MAX_REQUEST_OCTETS - 4]).unwrap();
    let disk = SimulatedDisk::new();
    let mut journal = Journal::create(place(&disk, 1 << 20)).unwrap();
    journal.append(&mut largest).unwrap();
    commit(&mut journal, &["behind"]).unwrap();
    let (_, replayed) = open(place(&disk, 1 << 20), 0).unwrap();
    assert_eq!(replayed.len(), 2);
}

#[test]
fn a_book_is_begun_once_and_knows_itself() {
    let disk = SimulatedDisk::new();
    assert_eq!(book_of(&disk, "/data/journal".as_ref()).unwrap(), None);
    drop(Journal::create(place(&disk, 400)).unwrap());
    assert_eq!(
        book_of(&disk, "/data/journal".as_ref()).unwrap(),
        Some(BOOK)
    );
    let again = Journal::create(place(&disk, 400));
    assert!(matches!(again, Err(JournalError::NotEmpty { .. })));
    let mut other = place(&disk, 400);
    other.book = 7;
    let error = open(other, 0).unwrap_err().to_string();
    assert!(
        error.contains("a segment of book 0123456789abcdef"),
        "{error}"
    );
}

#[test]
fn what_cannot_be_replayed_is_named() {
    let disk = SimulatedDisk::new();
    let mut journal = Journal::create(place(&disk, 400)).unwrap();
    commit(&mut journal, &["fine", "strange"]).unwrap();
    let refuse = &mut |seq, _: &[u8]| {
        if seq == 2 {
            Err("no such link".into())
        } else {
            Ok(())
        }
    };
    let error = Journal::open(place(&disk, 400), 0, refuse).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/data/journal/00000000000000000001.journal, offset 40: change 2 cannot be replayed: \
         no such link"
    );
}

#[test]
fn the_real_file_system_holds_a_journal_too() {
    let dir = tempfile::tempdir().unwrap();
    let mut place = place(&SimulatedDisk::new(), 3000);
    place.disk = Arc::new(RealDisk);
    place.dir = dir.path().join("journal");
    let mut journal = Journal::create(place.clone()).unwrap();
    let payloads: Vec<Vec<u8>> = (0..100_u8).map(|n| vec![n; 100]).collect();
    for pair in payloads.chunks(2) {
        commit(&mut journal, pair).unwrap();
    }
    drop(journal);
    let (_, replayed) = open(place, 0).unwrap();
    assert_eq!(replayed, numbered(1, &payloads));
}

#[test]
fn any_octets_are_read_without_panic() {
    assert_eq!(fuzz::replay_image(b""), 0);
    assert_eq!(fuzz::replay_image(b"\x02\0\0\0\x01a\0\0\0\0"), 2);
    let disk = SimulatedDisk::new();
    let mut journal = Journal::create(place(&disk, 2000)).unwrap();
    for n in 0..10_u8 {
        commit(&mut journal, &[[n; 40]]).unwrap();
    }
    let image = disk.octets(&segment(1)).unwrap();
    assert_eq!(fuzz::replay_image(&image), 10);
    for at in 0..image.len() {
        let mut damaged = image.clone();
        damaged[at] ^= 0x55;
        assert!(fuzz::replay_image(&damaged) <= 10);
        fuzz::replay_image(&image[..at]);
    }
}

proptest::proptest! {
    #[test]
    fn a_body_splits_into_what_was_pushed(
        payloads in proptest::collection::vec(proptest::collection::vec(0_u8.., 0..300), 1..20),
        first in 1..u64::MAX / 2,
    ) {
        let mut batch = batch(&payloads);
        let entry = batch.entry(77, first);
        let octets = entry.octets();
        let header = format::parse_entry_header(octets, 77).unwrap();
        proptest::prop_assert_eq!(header.first_seq, first);
        proptest::prop_assert_eq!(header.entry_octets(), octets.len() as u64);
        let body = &octets[format::ENTRY_HEADER..];
        let split: Vec<Vec<u8>> =
            header.payloads(77, body).unwrap().map(<[u8]>::to_vec).collect();
        proptest::prop_assert_eq!(split, payloads);
        proptest::prop_assert!(format::parse_entry_header(octets, 78).is_err());
    }
}

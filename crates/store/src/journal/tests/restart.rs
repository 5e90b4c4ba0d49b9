//! What opening makes sure of before anything is trusted.

use std::path::Path;

use super::support::{batch, commit, entry_starts, numbered, open, place, segment};
use crate::journal::{DamageKind, Journal, JournalError};
use crate::storage::{Disk, Fault, Mode, SimulatedDisk};

const SEGMENT_OCTETS: u64 = 4000;

fn begin(disk: &SimulatedDisk) -> Journal {
    Journal::create(place(disk, SEGMENT_OCTETS)).unwrap()
}

#[test]
fn what_a_killed_process_had_not_synced_is_synced_before_it_is_replayed() {
    for seed in 0..50 {
        let disk = SimulatedDisk::new();
        let mut journal = begin(&disk);
        commit(&mut journal, &["synced"]).unwrap();
        journal.append(&mut batch(&["written only"])).unwrap();
        drop(journal);
        let (_, replayed) = open(place(&disk, SEGMENT_OCTETS), 0).unwrap();
        assert_eq!(replayed, numbered(1, &["synced", "written only"]));
        let (_, again) = open(place(&disk.after_power_loss(seed), SEGMENT_OCTETS), 0).unwrap();
        assert_eq!(again, replayed);
    }
}

#[test]
fn what_a_failed_sync_left_in_memory_is_written_anew() {
    for _ in 0..50 {
        let disk = SimulatedDisk::new();
        let mut journal = begin(&disk);
        journal.append(&mut batch(&[[7; 3000]])).unwrap();
        drop(journal);
        // The process before was told that its sync failed, and was killed on the spot. The
        // kernel takes the file for written.
        let file = disk.open(&segment(1), Mode::Write).unwrap();
        disk.fault_at(disk.operations(), Fault::InputOutput);
        file.sync_data().unwrap_err();
        let (_, replayed) = open(place(&disk, SEGMENT_OCTETS), 0).unwrap();
        assert_eq!(replayed.len(), 1);
        let (_, again) = open(place(&disk.after_power_loss(1), SEGMENT_OCTETS), 0).unwrap();
        assert_eq!(again, replayed);
    }
}

#[test]
fn several_entries_before_a_sync_leave_only_the_last_in_doubt() {
    for operation in 0..40 {
        for seed in 0..20 {
            let disk = SimulatedDisk::new();
            let mut journal = begin(&disk);
            let base = disk.operations();
            disk.fault_at(base + operation, Fault::PowerLoss);
            let payloads: Vec<_> = (0..6_u8).map(|n| [n + 1; 700]).collect();
            for payload in &payloads {
                if journal.append(&mut batch(&[payload])).is_err() {
                    break;
                }
            }
            let after = disk.after_power_loss(seed);
            let (_, replayed) = open(place(&after, SEGMENT_OCTETS), 0).unwrap();
            assert_eq!(replayed, numbered(1, &payloads[..replayed.len()]));
            assert!(replayed.len() as u64 >= journal.last_seq());
        }
    }
}

#[test]
fn a_seal_that_a_crash_left_out_is_written_before_the_next_segment_is_used() {
    let disk = SimulatedDisk::new();
    let mut journal = begin(&disk);
    let mut last = 0;
    while Disk::list(&disk, Path::new("/data/journal")).unwrap().len() < 2 {
        last = commit(&mut journal, &[[1; 500]]).unwrap();
    }
    // As when power went after the second segment had its name, and before the seal.
    let image = disk.octets(&segment(1)).unwrap();
    let starts = entry_starts(&image);
    let seal = starts[starts.len() - 2];
    disk.put(&segment(1), image[..seal].to_vec());
    let header = disk.octets(&segment(last)).unwrap()[..40].to_vec();
    disk.put(&segment(last), header);
    for after in [0, last - 1] {
        let disk = disk.after_kill();
        let (mut opened, _) = open(place(&disk, SEGMENT_OCTETS), after).unwrap();
        assert_eq!(disk.octets(&segment(1)).unwrap(), image);
        commit(&mut opened.journal, &["acknowledged"]).unwrap();
        check_loss_of_last(&disk, last);
    }
}

#[test]
fn the_loss_of_the_last_segment_is_told_even_after_a_crash() {
    for seed in 0..50 {
        let disk = SimulatedDisk::new();
        let mut journal = begin(&disk);
        let mut last = 0;
        while Disk::list(&disk, Path::new("/data/journal")).unwrap().len() < 2 {
            last = commit(&mut journal, &[[1; 500]]).unwrap();
        }
        check_loss_of_last(&disk.after_power_loss(seed), last);
    }
}

fn check_loss_of_last(disk: &SimulatedDisk, last: u64) {
    disk.remove(&segment(last)).unwrap();
    match open(place(disk, SEGMENT_OCTETS), 0) {
        Err(JournalError::Damaged(damage)) => {
            assert_eq!(damage.kind, DamageKind::NextMissing { expected: last });
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_torn_tail_is_saved_before_it_is_cut_whenever_power_goes() {
    let disk = SimulatedDisk::new();
    let mut journal = begin(&disk);
    commit(&mut journal, &["whole"]).unwrap();
    commit(&mut journal, &[[9; 1500]]).unwrap();
    let image = disk.octets(&segment(1)).unwrap();
    let start = entry_starts(&image)[1];
    let torn = image[start..start + 900].to_vec();
    disk.put(&segment(1), image[..start + 900].to_vec());
    for operation in 0.. {
        let before = disk.after_kill();
        before.fault_at(operation, Fault::PowerLoss);
        let done = open(place(&before, SEGMENT_OCTETS), 0).is_ok();
        for seed in 0..20 {
            let after = before.after_power_loss(seed);
            let names = Disk::list(&after, Path::new("/data/journal")).unwrap();
            let saved = names.iter().any(|name| {
                name.contains(".torn")
                    && after
                        .octets(&Path::new("/data/journal").join(name))
                        .as_ref()
                        == Some(&torn)
            });
            let cut = after.octets(&segment(1)).unwrap().len() == start;
            assert!(saved || !cut, "operation {operation}");
        }
        if done {
            break;
        }
    }
}

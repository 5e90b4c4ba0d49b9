//! Devices that fail and disks that fill up while it runs.

use super::support::{Replayed, batches, commit, open, place};
use crate::journal::{Journal, JournalError};
use crate::storage::{Fault, SimulatedDisk};

const SEGMENT_OCTETS: u64 = 2500;

#[test]
fn a_full_disk_refuses_and_goes_on_when_there_is_space() {
    for capacity in 100..3000_u64 {
        let disk = SimulatedDisk::new();
        let mut journal = Journal::create(place(&disk, SEGMENT_OCTETS)).unwrap();
        disk.set_capacity(capacity);
        let mut kept = Vec::new();
        let mut refused = 0;
        for n in 0..40_u8 {
            match commit(&mut journal, &[[n; 70]]) {
                Ok(seq) => kept.push((seq, vec![n; 70])),
                Err(error @ JournalError::NoSpace { .. }) => {
                    let text = error.to_string();
                    assert!(text.contains("/data/journal") && text.contains("make space"));
                    refused += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert!(refused > 0);
        let (_, replayed) = open(place(&disk.after_kill(), SEGMENT_OCTETS), 0).unwrap();
        assert_eq!(replayed, kept);
        disk.unlimit();
        kept.push((
            commit(&mut journal, &["space again"]).unwrap(),
            b"space again".to_vec(),
        ));
        let after = disk.after_power_loss(capacity);
        let (_, replayed) = open(place(&after, SEGMENT_OCTETS), 0).unwrap();
        assert_eq!(replayed, kept);
    }
}

/// Appends all batches past failures; what was acknowledged, and what was in doubt when the
/// journal ended, if it did.
fn run(disk: &SimulatedDisk, batches: &[Vec<Vec<u8>>]) -> Option<(Replayed, Replayed)> {
    let mut journal = Journal::create(place(disk, SEGMENT_OCTETS)).ok()?;
    let mut kept = Vec::new();
    let mut doubtful = Vec::new();
    for batch in batches {
        let numbered = (journal.next_seq()..).zip(batch.iter().cloned());
        let numbered: Vec<_> = numbered.collect();
        match commit(&mut journal, batch) {
            Ok(_) => kept.extend(numbered),
            Err(JournalError::Poisoned { .. }) => {
                let first = doubtful.is_empty();
                if first {
                    doubtful = numbered;
                }
                assert!(journal.poisoned().is_some());
            }
            Err(_) => assert_eq!(journal.poisoned(), None),
        }
    }
    assert_eq!(journal.last_seq(), kept.last().map_or(0, |(seq, _)| *seq));
    Some((kept, doubtful))
}

#[test]
fn a_failure_of_any_operation_loses_nothing_and_keeps_nothing_refused() {
    let batches = batches(6, 25);
    let whole = SimulatedDisk::new();
    run(&whole, &batches).unwrap();
    let mut ended = 0;
    for fault in [Fault::InputOutput, Fault::NoSpace] {
        for operation in 0..whole.operations() {
            let disk = SimulatedDisk::new();
            disk.fault_at(operation, fault);
            let Some((kept, doubtful)) = run(&disk, &batches) else {
                continue;
            };
            ended += usize::from(!doubtful.is_empty());
            let mut disks = vec![disk.after_kill()];
            disks.extend((0..6).map(|seed| disk.after_power_loss(seed)));
            for after in disks {
                let (mut opened, replayed) = open(place(&after, SEGMENT_OCTETS), 0).unwrap();
                let with_doubtful = [kept.clone(), doubtful.clone()].concat();
                assert!(
                    replayed == kept || replayed == with_doubtful,
                    "{fault:?} at {operation}"
                );
                commit(&mut opened.journal, &["goes on"]).unwrap();
            }
        }
    }
    assert!(ended > 10);
}

#[test]
fn a_failed_sync_ends_the_journal() {
    let disk = SimulatedDisk::new();
    let mut journal = Journal::create(place(&disk, SEGMENT_OCTETS)).unwrap();
    commit(&mut journal, &["fine"]).unwrap();
    journal
        .append(&mut super::support::batch(&["lost"]))
        .unwrap();
    disk.fault_at(disk.operations(), Fault::InputOutput);
    let error = journal.sync().unwrap_err().to_string();
    assert!(error.contains("cannot sync /data/journal/"), "{error}");
    for _ in 0..2 {
        let again = commit(&mut journal, &["refused"]).unwrap_err();
        assert!(matches!(again, JournalError::Poisoned { .. }));
        assert_eq!(again.to_string(), error);
    }
    assert_eq!(journal.last_seq(), 1);
    let (_, replayed) = open(place(&disk.after_kill(), SEGMENT_OCTETS), 0).unwrap();
    assert_eq!(replayed, [(1, b"fine".to_vec())]);
}

//! Power goes at every single operation.

use super::support::{batches, commit, open, place};
use crate::journal::{DamageKind, Journal, JournalError};
use crate::storage::{Fault, SimulatedDisk};

/// Small segments, so that beginning one, sealing one and letting one go is under way at some
/// of the crashes.
const SEGMENT_OCTETS: u64 = 2500;

/// What a run did until it ended or power went.
#[derive(Default)]
struct Run {
    /// The newest acknowledged number.
    acknowledged: u64,
    /// The newest number that was asked for.
    attempted: u64,
    /// What the ledger would hold durably.
    checkpoint: u64,
    created: bool,
}

/// Appends the batches, letting segments go now and then, until something fails.
fn run(disk: &SimulatedDisk, batches: &[Vec<Vec<u8>>]) -> Run {
    let mut run = Run::default();
    let Ok(mut journal) = Journal::create(place(disk, SEGMENT_OCTETS)) else {
        return run;
    };
    run.created = true;
    for (index, batch) in batches.iter().enumerate() {
        run.attempted += batch.len() as u64;
        match commit(&mut journal, batch) {
            Ok(seq) => run.acknowledged = seq,
            Err(_) => return run,
        }
        if index % 7 == 6 {
            run.checkpoint = run.acknowledged;
            if journal.release(run.checkpoint).is_err() {
                return run;
            }
        }
    }
    run
}

/// Opens what a crash left, and checks it against what was asked and acknowledged.
fn check(disk: &SimulatedDisk, run: &Run, batches: &[Vec<Vec<u8>>]) -> Journal {
    let opened = open(place(disk, SEGMENT_OCTETS), run.checkpoint);
    if !run.created
        && let Err(JournalError::Damaged(damage)) = &opened
    {
        assert_eq!(damage.kind, DamageKind::NoSegments { expected: 1 });
        return Journal::create(place(disk, SEGMENT_OCTETS)).unwrap();
    }
    let (opened, replayed) = opened.unwrap();
    let last = opened.journal.last_seq();
    assert!(last >= run.acknowledged, "{last} < {}", run.acknowledged);
    assert!(last <= run.attempted);
    let mut border = 0;
    let mut whole = last == 0;
    for batch in batches {
        border += batch.len() as u64;
        whole |= border == last;
    }
    assert!(whole, "change {last} is the middle of a batch");
    let all = (1..).zip(batches.iter().flatten());
    let expected: Vec<_> = all
        .filter(|(seq, _)| (run.checkpoint + 1..=last).contains(seq))
        .map(|(seq, payload)| (seq, payload.clone()))
        .collect();
    assert_eq!(replayed, expected);
    opened.journal
}

/// Lets power go at each operation of a run, looks at several of the disks that may leave, and
/// works on with each.
fn sweep(batches: &[Vec<Vec<u8>>], losses: u64) {
    let whole = SimulatedDisk::new();
    run(&whole, batches);
    for operation in 0..=whole.operations() {
        let disk = SimulatedDisk::new();
        disk.fault_at(operation, Fault::PowerLoss);
        let ran = run(&disk, batches);
        check(&disk.after_kill(), &ran, batches);
        for seed in 0..losses {
            let after = disk.after_power_loss(seed * 1000 + operation);
            let mut journal = check(&after, &ran, batches);
            let seq = journal.last_seq();
            commit(&mut journal, &["after the crash"]).unwrap();
            let again = after.after_power_loss(seed);
            let (_, replayed) = open(place(&again, SEGMENT_OCTETS), seq).unwrap();
            assert_eq!(replayed, [(seq + 1, b"after the crash".to_vec())]);
        }
    }
}

#[test]
fn no_acknowledged_change_is_lost_whenever_power_goes() {
    sweep(&batches(1, 40), 8);
}

#[test]
fn power_going_again_while_opening_loses_nothing_either() {
    let batches = batches(2, 12);
    let whole = SimulatedDisk::new();
    run(&whole, &batches);
    for operation in 0..whole.operations() {
        let disk = SimulatedDisk::new();
        disk.fault_at(operation, Fault::PowerLoss);
        let ran = run(&disk, &batches);
        if !ran.created {
            continue;
        }
        for seed in 0..4 {
            for again in 0.. {
                let after = disk.after_power_loss(seed);
                after.fault_at(again, Fault::PowerLoss);
                let done = open(place(&after, SEGMENT_OCTETS), ran.checkpoint).is_ok();
                check(&after.after_power_loss(again + 77), &ran, &batches);
                check(&after.after_kill(), &ran, &batches);
                if done {
                    break;
                }
            }
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(12))]
    #[test]
    fn random_batches_survive_every_crash(
        batches in proptest::collection::vec(
            proptest::collection::vec(proptest::collection::vec(0_u8.., 0..900), 1..4),
            1..12,
        ),
    ) {
        sweep(&batches, 3);
    }
}

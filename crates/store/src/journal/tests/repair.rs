//! Setting damage aside.

use std::path::Path;

use super::support::{batches, commit, entry_starts, numbered, open, place, segment};
use crate::journal::{Journal, repair};
use crate::storage::{Disk, Fault, SimulatedDisk};

const SEGMENT_OCTETS: u64 = 900;

/// A sound journal of several segments and its payloads.
fn sound() -> (SimulatedDisk, Vec<Vec<u8>>, Vec<u64>) {
    let disk = SimulatedDisk::new();
    let mut journal = Journal::create(place(&disk, SEGMENT_OCTETS)).unwrap();
    let batches = batches(5, 12);
    for batch in &batches {
        commit(&mut journal, batch).unwrap();
    }
    let names = names(&disk);
    let firsts = names.iter().map(|name| name[..20].parse().unwrap());
    (disk.clone(), batches.concat(), firsts.collect())
}

fn names(disk: &SimulatedDisk) -> Vec<String> {
    Disk::list(disk, Path::new("/data/journal")).unwrap()
}

/// Repairs, and checks that what is before the damage is there and can be gone on from.
fn check(disk: &SimulatedDisk, payloads: &[Vec<u8>], after_seq: u64) {
    let before = open(place(disk, SEGMENT_OCTETS), after_seq);
    assert!(before.is_err());
    let repaired = repair(&place(disk, SEGMENT_OCTETS), after_seq).unwrap();
    let damage = repaired.damage.as_ref().expect("damage was found");
    assert_eq!(before.unwrap_err().to_string(), damage.to_string());
    let (mut opened, replayed) = open(place(disk, SEGMENT_OCTETS), after_seq).unwrap();
    assert_eq!(opened.journal.last_seq(), repaired.last_seq);
    assert!(repaired.last_seq >= after_seq);
    let (from, to) = (
        usize::try_from(after_seq).unwrap().min(payloads.len()),
        usize::try_from(repaired.last_seq)
            .unwrap()
            .min(payloads.len()),
    );
    assert_eq!(replayed, numbered(after_seq + 1, &payloads[from..to]));
    let seq = commit(&mut opened.journal, &["after repair"]).unwrap();
    assert_eq!(seq, repaired.last_seq + 1);
    let again = repair(&place(disk, SEGMENT_OCTETS), after_seq).unwrap();
    assert_eq!((again.damage, again.last_seq), (None, seq));
}

#[test]
fn a_sound_journal_is_left_alone() {
    let (disk, payloads, _) = sound();
    let before = disk.operations();
    let repaired = repair(&place(&disk, SEGMENT_OCTETS), 0).unwrap();
    assert_eq!(repaired.last_seq, payloads.len() as u64);
    assert_eq!((repaired.damage, disk.operations()), (None, before));
}

#[test]
fn damage_anywhere_can_be_repaired_and_nothing_is_deleted() {
    let (sound, payloads, firsts) = sound();
    for first in &firsts {
        let image = sound.octets(&segment(*first)).unwrap();
        let content = *entry_starts(&image).last().unwrap();
        for at in (0..content).step_by(3) {
            let disk = sound.after_kill();
            let mut damaged = image.clone();
            damaged[at] ^= 0x20;
            disk.put(&segment(*first), damaged.clone());
            if open(place(&disk, SEGMENT_OCTETS), 0).is_ok() {
                // In a seal, or taken for a torn tail.
                continue;
            }
            let count = names(&disk).len();
            check(&disk, &payloads, 0);
            let aside = names(&disk)
                .into_iter()
                .filter(|name| name.ends_with(".damaged"))
                .map(|name| disk.octets(&Path::new("/data/journal").join(name)).unwrap());
            let aside: Vec<_> = aside.collect();
            assert!(aside.contains(&damaged));
            assert!(names(&disk).len() >= count);
        }
    }
}

#[test]
fn what_is_lost_is_counted() {
    let (disk, payloads, firsts) = sound();
    let mut image = disk.octets(&segment(firsts[1])).unwrap();
    image[60] ^= 1;
    disk.put(&segment(firsts[1]), image);
    let repaired = repair(&place(&disk, SEGMENT_OCTETS), 0).unwrap();
    assert_eq!(repaired.last_seq, firsts[1] - 1);
    assert_eq!(repaired.lost_up_to_seq, Some(payloads.len() as u64));
    assert_eq!(repaired.set_aside.len(), firsts.len() - 1);
    let text = repaired.to_string();
    assert!(text.contains("kept everything up to change"), "{text}");
    assert!(text.contains("lost changes"), "{text}");
}

#[test]
fn a_missing_segment_can_be_repaired() {
    let (sound, payloads, firsts) = sound();
    for (index, first) in firsts.iter().enumerate() {
        let disk = sound.after_kill();
        disk.remove(&segment(*first)).unwrap();
        check(&disk, &payloads, 0);
        // When the ledger has all that was in it and the next is there, nothing is wrong;
        // where the last is missing, the ledger is ahead.
        let disk = sound.after_kill();
        disk.remove(&segment(*first)).unwrap();
        let after = firsts
            .get(index + 1)
            .map_or(payloads.len() as u64, |next| next - 1);
        if open(place(&disk, SEGMENT_OCTETS), after).is_err() {
            check(&disk, &payloads, after);
        }
    }
    let nothing = SimulatedDisk::new();
    check(&nothing, &payloads, 7);
}

#[test]
fn power_going_in_the_middle_of_a_repair_leaves_what_can_be_repaired() {
    let (sound, payloads, firsts) = sound();
    for (index, at) in [(1, 20), (1, 60), (2, 200), (0, 45)] {
        let mut image = sound.octets(&segment(firsts[index])).unwrap();
        image[at] ^= 1;
        let damaged = sound.after_kill();
        damaged.put(&segment(firsts[index]), image);
        let expected = repair(&place(&damaged.after_kill(), SEGMENT_OCTETS), 0).unwrap();
        for operation in 0.. {
            let disk = damaged.after_kill();
            disk.fault_at(operation, Fault::PowerLoss);
            let done = repair(&place(&disk, SEGMENT_OCTETS), 0).is_ok();
            for seed in 0..4 {
                let after = disk.after_power_loss(seed);
                repair(&place(&after, SEGMENT_OCTETS), 0).unwrap();
                let (opened, replayed) = open(place(&after, SEGMENT_OCTETS), 0).unwrap();
                assert_eq!(opened.journal.last_seq(), expected.last_seq);
                assert_eq!(replayed, numbered(1, &payloads[..replayed.len()]));
            }
            if done {
                break;
            }
        }
    }
}

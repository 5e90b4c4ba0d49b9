//! Files that are not what they were: torn, flipped, missing.

use super::support::{batches, commit, entry_starts, numbered, open, place, segment};
use crate::journal::{DamageKind, Journal, JournalError};
use crate::storage::{Disk, SimulatedDisk};

const SEGMENT_OCTETS: u64 = 8192;

/// A segment with these batches and its image without kept space.
fn image(batches: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let disk = SimulatedDisk::new();
    let mut journal = Journal::create(place(&disk, SEGMENT_OCTETS)).unwrap();
    for batch in batches {
        commit(&mut journal, batch).unwrap();
    }
    let mut image = disk.octets(&segment(1)).unwrap();
    image.truncate(*entry_starts(&image).last().unwrap());
    image
}

fn disk_with(image: Vec<u8>) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    disk.put(&segment(1), image);
    disk
}

/// The batches of `image` with the last one crossing several sectors.
fn torn_batches() -> Vec<Vec<Vec<u8>>> {
    let mut batches = batches(3, 3);
    batches.push(vec![vec![0xaa; 700], vec![0xbb; 900]]);
    batches
}

/// Checks that the last entry was cut as torn and everything before it is there.
fn check_torn(torn_image: &[u8], batches: &[Vec<Vec<u8>>], start: usize) {
    let disk = disk_with(torn_image.to_vec());
    let (mut opened, replayed) = open(place(&disk, SEGMENT_OCTETS), 0).unwrap();
    let kept: Vec<_> = batches[..batches.len() - 1].iter().flatten().collect();
    assert_eq!(replayed, numbered(1, &kept));
    let content = torn_image.iter().rposition(|octet| *octet != 0).unwrap() + 1;
    if content == start {
        assert_eq!(opened.torn, None);
        return;
    }
    let torn = opened.torn.take().unwrap();
    assert_eq!((torn.offset, torn.path), (start as u64, segment(1)));
    assert_eq!(
        disk.octets(&torn.saved).unwrap(),
        torn_image[start..content]
    );
    assert_eq!(disk.octets(&segment(1)).unwrap(), torn_image[..start]);
    // And it goes on behind the cut.
    let seq = commit(&mut opened.journal, &["next"]).unwrap();
    let (again, replayed) = open(place(&disk, SEGMENT_OCTETS), seq - 1).unwrap();
    assert_eq!((replayed, again.torn), (numbered(seq, &["next"]), None));
}

#[test]
fn a_tail_torn_at_any_octet_is_cut_saved_and_reported() {
    let batches = torn_batches();
    let image = image(&batches);
    let starts = entry_starts(&image);
    let start = starts[starts.len() - 2];
    for cut in start..image.len() {
        check_torn(&image[..cut], &batches, start);
        let mut kept_space = image[..cut].to_vec();
        kept_space.resize(image.len() + 600, 0);
        check_torn(&kept_space, &batches, start);
    }
}

#[test]
fn a_tail_that_lacks_any_of_its_sectors_is_torn() {
    let batches = torn_batches();
    let image = image(&batches);
    let starts = entry_starts(&image);
    let start = starts[starts.len() - 2];
    let sectors = start / 512..=(image.len() - 1) / 512;
    let count = sectors.clone().count();
    for lost in 1..1_u32 << count {
        let mut torn = image.clone();
        for (bit, sector) in sectors.clone().enumerate() {
            if lost & 1 << bit != 0 {
                let from = (sector * 512).max(start);
                let to = (sector * 512 + 512).min(torn.len());
                torn[from..to].fill(0);
            }
        }
        check_torn(&torn, &batches, start);
    }
}

#[test]
fn any_flipped_octet_is_reported_with_its_file_and_offset() {
    let batches = batches(4, 4);
    let mut image = image(&batches);
    let starts = entry_starts(&image);
    let (last, end) = (starts[starts.len() - 2], image.len());
    image.resize(end + 200, 0);
    let all = numbered(1, &batches.concat());
    for at in 0..image.len() {
        let entry = starts.iter().rev().find(|start| **start <= at);
        let entry = *entry.unwrap_or(&0) as u64;
        for flip in [1, 2, 4, 8, 16, 32, 64, 128, 255, image[at]] {
            if flip == 0 {
                continue;
            }
            let mut damaged = image.clone();
            damaged[at] ^= flip;
            let disk = disk_with(damaged);
            match open(place(&disk, SEGMENT_OCTETS), 0) {
                Err(JournalError::Damaged(damage)) => {
                    assert_eq!(damage.path, segment(1));
                    assert_eq!(damage.offset, entry, "octet {at}");
                    assert!(damage.to_string().contains("leases repair --data /data"));
                }
                Ok((opened, replayed)) => {
                    let torn = opened.torn.expect("cut and reported");
                    assert_eq!(torn.offset, entry, "octet {at}");
                    assert!(at >= last, "octet {at} is not in the last entry");
                    assert_eq!(replayed, all[..replayed.len()]);
                    if at >= end {
                        assert_eq!(replayed, all);
                    }
                }
                Err(other) => panic!("octet {at}: {other}"),
            }
        }
    }
}

#[test]
fn a_flipped_octet_of_the_last_entry_is_no_torn_tail() {
    let image = image(&[vec![vec![1; 50]], vec![vec![2; 50]]]);
    let start = entry_starts(&image)[1];
    for at in start..image.len() {
        let mut damaged = image.clone();
        damaged[at] ^= 0x40;
        let error = open(place(&disk_with(damaged), SEGMENT_OCTETS), 0).unwrap_err();
        let JournalError::Damaged(damage) = error else {
            panic!("octet {at}: {error}");
        };
        assert_eq!(damage.offset, start as u64);
    }
}

/// A disk whose journal has many segments, and the first numbers of these.
fn many_segments() -> (SimulatedDisk, Vec<u64>, u64) {
    let disk = SimulatedDisk::new();
    let mut journal = Journal::create(place(&disk, 600)).unwrap();
    let mut last = 0;
    for _ in 0..30 {
        last = commit(&mut journal, &[[7; 100], [8; 100]]).unwrap();
    }
    let names = Disk::list(&disk, "/data/journal".as_ref()).unwrap();
    let firsts = names.iter().map(|name| name[..20].parse().unwrap());
    (disk.clone(), firsts.collect(), last)
}

#[test]
fn any_missing_segment_is_told() {
    let (sound, firsts, last) = many_segments();
    assert!(firsts.len() > 5);
    for (index, first) in firsts.iter().enumerate() {
        let disk = sound.after_kill();
        disk.remove(&segment(*first)).unwrap();
        let error = open(place(&disk, 600), 0).unwrap_err();
        let JournalError::Damaged(damage) = error else {
            panic!("{error}");
        };
        let next = firsts.get(index + 1).copied();
        let kind = match (index, next) {
            (0, Some(next)) => DamageKind::StartMissing {
                expected: 1,
                found: next,
            },
            (_, Some(next)) => DamageKind::Gap {
                expected: *first,
                found: next,
            },
            (_, None) => DamageKind::NextMissing { expected: *first },
        };
        assert_eq!(damage.kind, kind);
        assert!(
            damage.to_string().contains("leases repair --data /data"),
            "{damage}"
        );
        // What the ledger holds is not needed any more.
        if let Some(next) = next {
            assert_eq!(
                open(place(&disk, 600), next - 1)
                    .unwrap()
                    .0
                    .journal
                    .last_seq(),
                last
            );
        }
    }
}

#[test]
fn a_journal_behind_the_ledger_is_told() {
    let (disk, _, last) = many_segments();
    open(place(&disk, 600), last).unwrap();
    let error = open(place(&disk, 600), last + 5).unwrap_err().to_string();
    assert!(
        error.contains("the journal ends with change 60, the ledger has 65 already"),
        "{error}"
    );
}

#[test]
fn damage_in_any_segment_is_told_where_it_is() {
    let (sound, firsts, _) = many_segments();
    for first in &firsts[..firsts.len() - 1] {
        let image = sound.octets(&segment(*first)).unwrap();
        let starts = entry_starts(&image);
        // The last entry is the seal, in which there is nothing.
        let seal = starts[starts.len() - 2];
        for at in 0..seal {
            let disk = sound.after_kill();
            let mut damaged = image.clone();
            damaged[at] ^= 0x10;
            disk.put(&segment(*first), damaged);
            let error = open(place(&disk, 600), 0).unwrap_err();
            let JournalError::Damaged(damage) = error else {
                panic!("{error}");
            };
            let entry = starts.iter().rev().find(|start| **start <= at);
            assert_eq!(damage.path, segment(*first));
            assert_eq!(damage.offset, *entry.unwrap_or(&0) as u64);
        }
    }
}

#[test]
fn another_version_is_refused_and_never_repaired() {
    let mut image = image(&[vec![vec![1; 50]]]);
    image[11] = 9;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&image[..12]), &image[16..40]);
    image[12..16].copy_from_slice(&crc.to_be_bytes());
    let disk = disk_with(image);
    let error = open(place(&disk, 600), 0).unwrap_err().to_string();
    assert!(
        error.contains("format version 9, this leasebook reads 1; use the version"),
        "{error}"
    );
    crate::journal::repair(&place(&disk, 600), 0).unwrap_err();
}

#[test]
fn a_sector_lost_before_good_entries_is_damage_and_no_torn_tail() {
    // Payloads of zeros look like lost sectors, too.
    for filling in [0, 0xaa] {
        let image = image(&[
            vec![vec![filling; 3000]],
            vec![vec![filling; 3000]],
            vec![vec![1; 3]],
        ]);
        let start = entry_starts(&image)[1];
        for at in [start, start + 30, start + 600, start + 2000] {
            let mut damaged = image.clone();
            damaged[at..at + 512].fill(0x00);
            if damaged == image {
                continue;
            }
            let opened = open(place(&disk_with(damaged), SEGMENT_OCTETS), 0);
            let Err(JournalError::Damaged(damage)) = opened else {
                panic!("octet {at}");
            };
            assert_eq!(damage.offset, start as u64);
        }
    }
}

//! What the tests of the journal share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::journal::{Batch, Journal, JournalError, Opened, Place, format};
use crate::storage::SimulatedDisk;

/// The random number of the book in all tests.
pub(super) const BOOK: u128 = 0x0123_4567_89ab_cdef_0011_2233_4455_6677;

/// Payloads with their sequence numbers, as replayed.
pub(super) type Replayed = Vec<(u64, Vec<u8>)>;

/// A journal's place on a simulated disk, with small segments.
pub(super) fn place(disk: &SimulatedDisk, segment_octets: u64) -> Place {
    Place {
        disk: Arc::new(disk.clone()),
        dir: PathBuf::from("/data/journal"),
        book: BOOK,
        segment_octets,
    }
}

/// The path of a segment on a simulated disk.
pub(super) fn segment(first_seq: u64) -> PathBuf {
    crate::journal::segment::path(Path::new("/data/journal"), first_seq)
}

pub(super) fn batch<P: AsRef<[u8]>>(payloads: &[P]) -> Batch {
    let mut batch = Batch::new();
    for payload in payloads {
        batch.push(payload.as_ref()).unwrap();
    }
    batch
}

/// Appends and syncs; the last sequence number.
pub(super) fn commit<P: AsRef<[u8]>>(
    journal: &mut Journal,
    payloads: &[P],
) -> Result<u64, JournalError> {
    let seqs = journal.append(&mut batch(payloads))?;
    journal.sync()?;
    Ok(seqs.end - 1)
}

/// Opens and collects what is replayed.
pub(super) fn open(place: Place, after_seq: u64) -> Result<(Opened, Replayed), JournalError> {
    let mut replayed = Vec::new();
    let opened = Journal::open(place, after_seq, &mut |seq, payload| {
        replayed.push((seq, payload.to_vec()));
        Ok(())
    })?;
    assert_eq!(opened.replayed, replayed.len() as u64);
    Ok((opened, replayed))
}

/// Payloads numbered from a sequence number.
pub(super) fn numbered<P: AsRef<[u8]>>(first_seq: u64, payloads: &[P]) -> Replayed {
    let payloads = payloads.iter().map(|payload| payload.as_ref().to_vec());
    (first_seq..).zip(payloads).collect()
}

/// Batches whose entries cross sectors and segments, from a seed.
pub(super) fn batches(seed: u64, count: usize) -> Vec<Vec<Vec<u8>>> {
    let mut state = seed;
    let mut below = |bound: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let mut batches = Vec::new();
    for _ in 0..count {
        let payloads = (0..=below(3)).map(|_| {
            let longest = if below(4) == 0 { 1500 } else { 60 };
            let len = below(longest);
            (0..len)
                .map(|_| u8::try_from(below(256)).unwrap())
                .collect()
        });
        batches.push(payloads.collect());
    }
    batches
}

/// Where the entries of a sound segment image begin, and where the last ends.
pub(super) fn entry_starts(image: &[u8]) -> Vec<usize> {
    let mut starts = vec![format::SEGMENT_HEADER];
    let mut at = format::SEGMENT_HEADER;
    while image.get(at..at + 4) == Some(b"jent") {
        let len: [u8; 4] = image[at + 4..at + 8].try_into().unwrap();
        at += format::ENTRY_HEADER + usize::try_from(u32::from_be_bytes(len)).unwrap();
        starts.push(at);
    }
    starts
}

//! What the tests of the journal share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::journal::{Batch, Journal, JournalError, Opened, Place};
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

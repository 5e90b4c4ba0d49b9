//! What a batch of changes looks like in the journal.
//!
//! ```text
//!  last_seq(8) count(4) ( 1 len(4) record | 0 len(4) key ) * count       little-endian
//! ```
//!
//! Changes are physical: records and keys as they result, so that replaying a batch twice
//! is as good as once.

use crate::overlay::Overlay;
use crate::record::{CorruptRecord, Record, size_at, u32_at};

const REMOVED: u8 = 0;
const RECORD: u8 = 1;

/// The journal's payload for the changes in `pending`, the newest numbered `seq`.
pub(super) fn compose(pending: &Overlay, seq: u64) -> Vec<u8> {
    let mut octets = seq.to_le_bytes().to_vec();
    octets.extend_from_slice(
        &u32::try_from(pending.len())
            .unwrap_or(u32::MAX)
            .to_le_bytes(),
    );
    for (key, change) in pending.iter() {
        let (tag, body) = match change {
            None => (REMOVED, key.as_slice()),
            Some(record) => (RECORD, record.octets()),
        };
        octets.push(tag);
        octets.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
        octets.extend_from_slice(body);
    }
    octets
}

/// Puts a payload's changes into `overlay`; returns the number of the newest.
pub(super) fn replay(payload: &[u8], overlay: &mut Overlay) -> Result<u64, CorruptRecord> {
    let short = |at| CorruptRecord {
        offset: at,
        what: "batch ends early",
    };
    let seq = payload
        .first_chunk()
        .copied()
        .map(u64::from_le_bytes)
        .ok_or(short(0))?;
    let count = u32_at(payload, 8);
    let mut rest = payload.get(12..).ok_or(short(8))?;
    for _ in 0..count {
        let at = payload.len() - rest.len();
        let tag = *rest.first().ok_or(short(at))?;
        let len = size_at(rest, 1);
        let (body, others) = rest
            .get(5..)
            .and_then(|rest| rest.split_at_checked(len))
            .ok_or(short(at))?;
        rest = others;
        if tag == REMOVED {
            overlay.set(body.to_vec(), None);
        } else {
            let record = Record::from_octets(body)?;
            overlay.set(record.view().key().to_vec(), Some(record));
        }
    }
    if rest.is_empty() {
        Ok(seq)
    } else {
        Err(short(payload.len() - rest.len()))
    }
}

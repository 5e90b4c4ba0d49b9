//! What changes look like in the journal: one payload for each sequence number.
//!
//! ```text
//!  put       1 bindings(8) leases(8) key_len(2) former key | record in the one-record form
//!  remove    2 bindings(8) leases(8) key
//!  loaded    3 bindings(8) leases(8)
//! ```
//!
//! Numbers are little-endian. Changes are physical, records and keys as they result, so that
//! replaying one twice is as good as once, and needs no look at what was there. `bindings` and
//! `leases` are the book's totals after the change, for the same reason. A former key is there
//! when the client's record moved, as when its relay changed. `loaded` says that what a bulk
//! load wrote under this number is in the ledger and not in the journal.

use crate::overlay::Overlay;
use crate::record::{CorruptRecord, Record, u16_at, u64_at};

const PUT: u8 = 1;
const REMOVE: u8 = 2;
const LOADED: u8 = 3;

const TOTALS_END: usize = 17;
const KEY_AT: usize = TOTALS_END + 2;

/// How much the book holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) bindings: u64,
    pub(super) leases: u64,
}

impl Totals {
    /// A record came, went, or took another's place; by the leases each has.
    pub(super) fn change(&mut self, former: Option<usize>, new: Option<usize>) {
        let one = |leases: Option<usize>| u64::from(leases.is_some());
        let all = |leases: Option<usize>| leases.unwrap_or(0) as u64;
        self.bindings = (self.bindings + one(new)).saturating_sub(one(former));
        self.leases = (self.leases + all(new)).saturating_sub(all(former));
    }
}

/// What one sequence number did.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    /// A record is there now; the client's former one stood under another key.
    Put {
        record: Record,
        former: Option<Vec<u8>>,
    },
    /// No record is under the key any more.
    Remove { key: Vec<u8> },
    /// A bulk load.
    Loaded,
}

impl Effect {
    /// Lays the payload out into `octets`, emptied before.
    pub(super) fn compose(&self, totals: Totals, octets: &mut Vec<u8>) {
        octets.clear();
        octets.push(match self {
            Self::Put { .. } => PUT,
            Self::Remove { .. } => REMOVE,
            Self::Loaded => LOADED,
        });
        octets.extend_from_slice(&totals.bindings.to_le_bytes());
        octets.extend_from_slice(&totals.leases.to_le_bytes());
        match self {
            Self::Put { record, former } => {
                let former = former.as_deref().unwrap_or_default();
                // A key has at most 142 octets.
                let len = u16::try_from(former.len()).unwrap_or(u16::MAX);
                octets.extend_from_slice(&len.to_le_bytes());
                octets.extend_from_slice(former);
                octets.extend_from_slice(record.octets());
            }
            Self::Remove { key } => octets.extend_from_slice(key),
            Self::Loaded => {}
        }
    }

    /// Reads a payload; checks everything in it.
    pub(super) fn parse(payload: &[u8]) -> Result<(Self, Totals), CorruptRecord> {
        let wrong = |offset, what| CorruptRecord { offset, what };
        let totals = Totals {
            bindings: u64_at(payload, 1),
            leases: u64_at(payload, 9),
        };
        let rest = payload
            .get(TOTALS_END..)
            .ok_or(wrong(payload.len(), "change ends early"))?;
        let effect = match payload.first() {
            Some(&PUT) => {
                let len = usize::from(u16_at(payload, TOTALS_END));
                let body = payload.get(KEY_AT..).unwrap_or_default();
                let (former, record) = body
                    .split_at_checked(len)
                    .ok_or(wrong(KEY_AT, "former key ends early"))?;
                Self::Put {
                    record: Record::from_octets(record)?,
                    former: (len > 0).then(|| former.to_vec()),
                }
            }
            Some(&REMOVE) => Self::Remove { key: rest.to_vec() },
            Some(&LOADED) => Self::Loaded,
            _ => return Err(wrong(0, "change of an unknown kind")),
        };
        Ok((effect, totals))
    }

    /// Makes the change in `overlay`.
    pub(super) fn apply(self, overlay: &mut Overlay) {
        match self {
            Self::Put { record, former } => {
                if let Some(former) = former {
                    overlay.remove(&former);
                }
                overlay.put(record);
            }
            Self::Remove { key } => overlay.remove(&key),
            Self::Loaded => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_gives_back_what_was_done() {
        let totals = Totals {
            bindings: 7,
            leases: 9,
        };
        let mut octets = Vec::new();
        Effect::Remove {
            key: b"some key".to_vec(),
        }
        .compose(totals, &mut octets);
        let (effect, read) = Effect::parse(&octets).unwrap();
        assert_eq!(read, totals);
        assert!(matches!(effect, Effect::Remove { key } if key == b"some key"));
    }

    #[test]
    fn payloads_of_nothing_known_are_refused() {
        for octets in [&[][..], &[1; 16], &[9; 40], &[1; 60]] {
            assert!(Effect::parse(octets).is_err());
        }
    }
}

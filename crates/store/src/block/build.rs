//! Making blocks.

use super::{
    BLOCK_CAPACITY, CRC_FROM, ENTRY_OCTETS, FLAG_RELAYS_AGREE, FLAG_REMOTES_AGREE, HEADER_OCTETS,
    MAGIC, PLACES_OCTETS,
};
use crate::key;
use crate::record::{IdKind, RecordView};

/// What a record takes in a block, besides header and sentinel.
pub(crate) fn record_octets(record: &RecordView<'_>) -> usize {
    let [_, key, frame, rest] = record.parts();
    ENTRY_OCTETS + key.len() + frame.len() + rest.len()
}

/// Collects records in the order of their keys and lays them out.
#[derive(Debug, Default)]
pub(crate) struct BlockBuilder {
    places: Vec<[usize; 3]>,
    heads: Vec<u8>,
    keys: Vec<u8>,
    frames: Vec<u8>,
    rests: Vec<u8>,
    relays: Agreement,
    remotes: Agreement,
}

/// Whether equal tags stood for equal octets so far.
#[derive(Debug, Default)]
struct Agreement {
    broken: bool,
    /// Tags seen, with what they stand for in `octets`.
    seen: Vec<(u64, usize, usize)>,
    octets: Vec<u8>,
}

impl Agreement {
    fn see(&mut self, tag: u64, id: &[u8]) {
        let known = self.seen.iter().find(|(seen, _, _)| *seen == tag);
        if let Some(&(_, from, to)) = known {
            self.broken |= self.octets.get(from..to) != Some(id);
            return;
        }
        let from = self.octets.len();
        self.octets.extend_from_slice(id);
        self.seen.push((tag, from, self.octets.len()));
    }

    fn clear(&mut self) {
        self.broken = false;
        self.seen.clear();
        self.octets.clear();
    }
}

impl BlockBuilder {
    /// An empty block.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// What the block will be long, in octets.
    pub(crate) fn octets(&self) -> usize {
        HEADER_OCTETS
            + PLACES_OCTETS
            + self.places.len() * ENTRY_OCTETS
            + self.keys.len()
            + self.frames.len()
            + self.rests.len()
    }

    /// Whether a record of that size ([`record_octets`]) still goes in.
    pub(crate) fn has_room(&self, record_octets: usize) -> bool {
        self.is_empty() || self.octets() + record_octets <= BLOCK_CAPACITY
    }

    /// Adds a record, whose key is above those before it.
    pub(crate) fn push(&mut self, record: &RecordView<'_>) {
        let [head, key, frame, rest] = record.parts();
        self.places
            .push([self.keys.len(), self.frames.len(), self.rests.len()]);
        self.heads.extend_from_slice(head);
        self.keys.extend_from_slice(key);
        self.frames.extend_from_slice(frame);
        self.rests.extend_from_slice(rest);
        self.see_ids(record);
    }

    /// Lays the block out into `out`, emptied before, and begins a new one.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        out.clear();
        let count = self.places.len();
        let keys = HEADER_OCTETS + count * ENTRY_OCTETS + PLACES_OCTETS;
        let frames = keys + self.keys.len();
        let rests = frames + self.frames.len();
        let end = rests + self.rests.len();
        let mut flags = 0;
        flags |= if self.relays.broken {
            0
        } else {
            FLAG_RELAYS_AGREE
        };
        flags |= if self.remotes.broken {
            0
        } else {
            FLAG_REMOTES_AGREE
        };

        out.reserve(end);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&place(end));
        out.extend_from_slice(&flags.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        let heads = self.heads.chunks_exact(ENTRY_OCTETS - PLACES_OCTETS);
        for (&[key, frame, rest], head) in self.places.iter().zip(heads) {
            out.extend_from_slice(&place(keys + key));
            out.extend_from_slice(&place(frames + frame));
            out.extend_from_slice(&place(rests + rest));
            out.extend_from_slice(head);
        }
        for sentinel in [frames, rests, end] {
            out.extend_from_slice(&place(sentinel));
        }
        for part in [&self.keys, &self.frames, &self.rests] {
            out.extend_from_slice(part);
        }
        let crc = crc32c::crc32c(out.get(CRC_FROM..).unwrap_or_default());
        if let Some(field) = out.get_mut(4..CRC_FROM) {
            field.copy_from_slice(&crc.to_le_bytes());
        }
        self.clear();
    }

    fn clear(&mut self) {
        self.places.clear();
        for part in [
            &mut self.heads,
            &mut self.keys,
            &mut self.frames,
            &mut self.rests,
        ] {
            part.clear();
        }
        self.relays.clear();
        self.remotes.clear();
    }

    fn see_ids(&mut self, record: &RecordView<'_>) {
        let (mut relay, mut remote) = (None, None);
        for (kind, id) in record.ids() {
            match kind {
                IdKind::Relay => relay = Some(id),
                IdKind::Remote => remote = Some(id),
            }
        }
        let tag = key::relay_of(record.key()).map_or(0, |tag| tag.0);
        self.relays.see(tag, relay.unwrap_or_default());
        self.remotes
            .see(record.remote_tag(), remote.unwrap_or_default());
    }
}

/// Records are refused beyond 4 GiB (`EncodeError::TooLong`), so places fit.
fn place(at: usize) -> [u8; 4] {
    u32::try_from(at).unwrap_or(u32::MAX).to_le_bytes()
}

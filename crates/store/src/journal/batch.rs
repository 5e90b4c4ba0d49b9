//! Payloads that belong together.

use super::format::{self, ENTRY_HEADER, MAX_BODY_OCTETS};

/// How much one request may put into a batch, in octets, with four more for each payload.
///
/// Less than [`MAX_BODY_OCTETS`] by what a group holds at most before it takes another request.
pub const MAX_REQUEST_OCTETS: usize = MAX_BODY_OCTETS - super::GROUP_FULL_OCTETS - 1;

/// Payloads to be appended as one entry: durable together or not at all.
///
/// They are laid out as on disk as they come, so that appending copies nothing.
#[derive(Debug)]
pub struct Batch {
    /// Room for the header, then the body without its end mark.
    octets: Vec<u8>,
    count: u32,
    /// Where `octets` must end, for the request being resolved.
    ceiling: usize,
}

/// A payload would make its request larger than the journal takes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the change needs {octets} octets in the journal, at most {MAX_REQUEST_OCTETS} can be kept \
     at once; split it"
)]
pub struct TooLarge {
    /// What the request would need with the payload, in octets.
    pub octets: usize,
}

impl Batch {
    /// A batch of nothing.
    pub fn new() -> Self {
        Self {
            octets: vec![0; ENTRY_HEADER],
            count: 0,
            ceiling: ENTRY_HEADER + MAX_REQUEST_OCTETS,
        }
    }

    /// Adds a payload; nothing is added when it does not fit.
    pub fn push(&mut self, payload: &[u8]) -> Result<(), TooLarge> {
        let end = self.octets.len() + 4 + payload.len();
        let len = u32::try_from(payload.len());
        let (Ok(len), true) = (len, end <= self.ceiling) else {
            let start = self.ceiling - MAX_REQUEST_OCTETS;
            return Err(TooLarge {
                octets: end - start,
            });
        };
        self.octets.extend_from_slice(&len.to_be_bytes());
        self.octets.extend_from_slice(payload);
        // Each payload takes four octets of at most 2^24, so this cannot overflow.
        self.count += 1;
        Ok(())
    }

    /// How many payloads it has.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Whether it has no payload.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// What the payloads need in the journal, in octets.
    pub fn octets(&self) -> usize {
        self.octets.len() - ENTRY_HEADER
    }

    /// Takes all payloads out.
    pub fn clear(&mut self) {
        self.octets.truncate(ENTRY_HEADER);
        self.count = 0;
        self.ceiling = ENTRY_HEADER + MAX_REQUEST_OCTETS;
        // One huge batch shall not hold its memory for ever.
        self.octets.shrink_to(super::GROUP_FULL_OCTETS);
    }

    /// Lets a request begin here, which may add [`MAX_REQUEST_OCTETS`]; the mark takes back
    /// what it adds.
    pub(super) fn begin_request(&mut self) -> Mark {
        self.ceiling = self.octets.len() + MAX_REQUEST_OCTETS;
        Mark {
            octets: self.octets.len(),
            count: self.count,
        }
    }

    /// Takes out what was added since the mark was made.
    pub(super) fn rewind(&mut self, mark: Mark) {
        self.octets.truncate(mark.octets);
        self.count = mark.count;
    }

    /// The whole entry as it goes to disk, until something is pushed.
    pub(super) fn entry(&mut self, salt: u32, first_seq: u64) -> Entry<'_> {
        self.octets.push(format::END_MARK);
        format::fill_entry_header(&mut self.octets, salt, first_seq, self.count);
        Entry(&mut self.octets)
    }

    /// What [`Batch::entry`] will be long, in octets.
    pub(super) fn entry_octets(&self) -> u64 {
        self.octets.len() as u64 + 1
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

/// A place in a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    octets: usize,
    count: u32,
}

/// A batch with header and end mark; the mark goes again when this is dropped.
pub(super) struct Entry<'a>(&'a mut Vec<u8>);

impl Entry<'_> {
    pub(super) fn octets(&self) -> &[u8] {
        self.0
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.0.pop();
    }
}

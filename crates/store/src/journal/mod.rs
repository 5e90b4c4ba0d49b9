//! The durable, ordered log of changes: the truth the ledger is rebuilt from.
//!
//! It keeps *payloads*, octets that mean nothing to it, in the order given and numbered from 1
//! without a gap (the *sequence number*). A [`Batch`] of payloads is one *entry*: after a crash
//! all of them are there or none. What [`Journal::sync`] returned for is there, whatever
//! happened since. [`Committer`] lets many threads share one sync.
//!
//! | file | its job |
//! |---|---|
//! | `batch` | payloads to be appended as one |
//! | `format` | octets of headers and entries |
//! | `scan` | reading one segment, and judging its end |
//! | `segment` | names of segments, making new ones |
//! | `open` | start-up: replay, cutting a torn tail |
//! | `append` | writing, syncing, letting segments go |
//! | `tail` | reading along while it is written |
//! | `repair` | setting damage aside |
//! | `committer` | group commit |
//! | `error` | what goes wrong, and what an operator can do |
//!
//! # On disk
//!
//! A directory of *segments*, each named by the sequence number of its first payload in 20
//! digits, so that names sort as numbers do: `00000000000000000001.journal`. All numbers are in
//! network order.
//!
//! ```text
//! segment                                    entry
//!  0 +-----------------------------+         0 +-----------------------------+
//!    | magic "lbjournl"            |           | magic "jent"                |
//!  8 +-----------------------------+         4 +-----------------------------+
//!    | format version, u32         |           | octets of the body, u32     |
//! 12 +-----------------------------+         8 +-----------------------------+
//!    | CRC-32C of the other 36, u32|           | first sequence number, u64  |
//! 16 +-----------------------------+        16 +-----------------------------+
//!    | book, 16 octets             |           | number of payloads, u32     |
//! 32 +-----------------------------+        20 +-----------------------------+
//!    | first sequence number, u64  |           | CRC-32C of the body, u32    |
//! 40 +-----------------------------+        24 +-----------------------------+
//!    | entry                       |           | CRC-32C of 0..24, u32       |
//!    +-----------------------------+        28 +-----------------------------+
//!    | entry ...                   |           | payload: octets u32, octets |
//!    +-----------------------------+           | payload ...                 |
//!    | zeros: space kept ready     |           | end mark, one octet 0xe5    |
//!    +-----------------------------+           +-----------------------------+
//! ```
//!
//! Both CRCs of an entry start from one of the book and the segment's first number. So an entry
//! of another book or segment is no entry here, nor is one that somebody smuggled into a payload.
//!
//! The header of an entry has its own CRC so that a damaged body does not make its length
//! doubtful, and so that looking for entries behind damage costs no body's CRC per trial.
//!
//! An entry without payloads is a *seal*: a segment ends with it once the next one exists. When
//! the last segment goes missing, the seal before it tells.
//!
//! # A crash or damage?
//!
//! Only the last entry of the last segment can be unsynced, because each entry is synced before
//! the next is written. A power loss may leave any sectors of it, so it must be told from
//! acknowledged entries that rotted:
//!
//! - Zeros to the end of the file: never written, the normal end.
//! - An entry that is not whole *and* of which a whole sector's part is zero or missing, or the
//!   end mark is, and nothing comes behind it: *torn*. It was never acknowledged. It is cut,
//!   saved beside the segment as `NAME.OFFSET.torn`, and reported in [`Opened::torn`].
//! - Anything else is *damage*: [`JournalError::Damaged`] says file, offset, what was found and
//!   expected, and the command that sets the damage aside. Nothing is replayed past it.
//!
//! So a single flipped octet in the last entry is damage and not a tail to be cut, unless it
//! makes the end mark zero.
//!
//! # A new data directory
//!
//! [`Journal::create`] first, then what names the book beside it (the ledger): a crash in between
//! leaves a journal without ledger, which [`book_of`] recognises and which replays from change 1.
//! The other order would leave a book without journal, and that looks like one that was lost;
//! [`Journal::open`] refuses it.
//!
//! # Failures while running
//!
//! A write that fails is undone; the journal works on when there is space again. A *sync* that
//! fails ends it: the kernel may have dropped what it could not write and report success next
//! time. From then on everything is refused ([`JournalError::Poisoned`]) until a restart, which
//! reads what is really there and writes the last entry anew before trusting it.

mod append;
mod batch;
mod cohort;
mod committer;
mod error;
mod format;
mod open;
mod repair;
mod scan;
mod segment;
mod tail;

pub mod fuzz;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::storage::{Disk, DiskFile};

pub use batch::{Batch, MAX_REQUEST_OCTETS, TooLarge};
pub use committer::{CommitError, Committed, Committer, GROUP_FULL_OCTETS, Resolver};
pub use error::{Damage, DamageKind, JournalError};
pub use format::{FORMAT_VERSION, MAX_BODY_OCTETS};
pub use open::{Opened, ReplayError, Torn};
pub use repair::{Repair, repair};
pub use segment::book_of;
pub use tail::{Read, Tail};

/// How large a segment becomes before the next is begun, in octets, if nothing else is said.
///
/// Large enough that beginning one (three syncs) does not show, small enough that letting one
/// go gives space back soon.
pub const DEFAULT_SEGMENT_OCTETS: u64 = 64 << 20;

/// Where a journal is and whose it is.
#[derive(Clone, Debug)]
pub struct Place {
    /// The file system.
    pub disk: Arc<dyn Disk>,
    /// The journal's directory, `DATA/journal`.
    pub dir: PathBuf,
    /// The random number of the book. Segments of another book are refused.
    pub book: u128,
    /// How large a segment becomes before the next is begun, in octets; an entry larger than
    /// that has a segment of its own.
    pub segment_octets: u64,
}

impl Place {
    /// A journal in `dir` of the machine's file system, with segments of
    /// [`DEFAULT_SEGMENT_OCTETS`].
    pub fn new(dir: &Path, book: u128) -> Self {
        Self {
            disk: Arc::new(crate::storage::RealDisk),
            dir: dir.to_owned(),
            book,
            segment_octets: DEFAULT_SEGMENT_OCTETS,
        }
    }
}

/// The open journal of a book, ready to be appended to.
///
/// Open it with [`Journal::create`] or [`Journal::open`]. Whoever opens it holds the lock of the
/// data directory; two journals on one directory would destroy each other.
#[derive(Debug)]
pub struct Journal {
    place: Place,
    /// First sequence number and octets of each segment before the active one, oldest first.
    closed: VecDeque<Closed>,
    active: Active,
    /// The number the next payload gets.
    next_seq: u64,
    /// Whether an entry was written since the last sync.
    unsynced: bool,
    /// Why nothing is taken any more.
    poison: Option<String>,
    /// The newest durable sequence number, for tails.
    durable: Arc<AtomicU64>,
}

/// A segment that is not written any more.
#[derive(Clone, Copy, Debug)]
struct Closed {
    first: u64,
    octets: u64,
}

/// The segment that is written.
#[derive(Debug)]
struct Active {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    first: u64,
    /// From what the CRCs of its entries start.
    salt: u32,
    /// Where the next entry goes, in octets.
    end: u64,
    /// Up to where entries are synced.
    synced_end: u64,
    /// Up to where space is kept ready, at least `end`.
    reserved: u64,
}

#[cfg(test)]
mod tests;

//! What goes wrong with a journal, and what an operator can do.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::TooLarge;
use super::format::{FORMAT_VERSION, MAX_BODY_OCTETS};
use crate::lease_store::StoreError;

/// Why the journal could not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Reading or writing failed. A change that was being appended is not there.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// Why it failed.
        source: Arc<io::Error>,
    },
    /// The disk is full. The change is not there; the journal works on when there is space.
    #[error(
        "no space left for the journal in {}: nothing was changed; make space on that file \
         system and try again ({source})",
        dir.display()
    )]
    NoSpace {
        /// The journal's directory.
        dir: PathBuf,
        /// The system's words.
        source: Arc<io::Error>,
    },
    /// The files hold what this journal did not write so, or lack what it wrote.
    #[error("{0}")]
    Damaged(#[from] Damage),
    /// The files are sound but what they hold could not be replayed.
    #[error("{}, offset {offset}: change {seq} cannot be replayed: {reason}", path.display())]
    Replay {
        /// The segment.
        path: PathBuf,
        /// Where the change's entry begins, in octets.
        offset: u64,
        /// The change.
        seq: u64,
        /// The words of who replays.
        reason: String,
    },
    /// An earlier failure ended the journal; a restart recovers what was acknowledged.
    #[error("the journal takes no changes since an earlier failure: {reason}; restart leasebook")]
    Poisoned {
        /// The earlier failure.
        reason: String,
    },
    /// The changes asked for were let go by a checkpoint.
    #[error("the journal begins with change {first}; change {wanted} was let go")]
    Released {
        /// The oldest change it still has.
        first: u64,
        /// The change asked for.
        wanted: u64,
    },
    /// A request would need more than an entry may hold.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// A new book was to be begun where there is one.
    #[error("{} has the journal of another book; use another data directory", dir.display())]
    NotEmpty {
        /// The journal's directory.
        dir: PathBuf,
    },
}

impl JournalError {
    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            action,
            path: path.to_owned(),
            source: Arc::new(source),
        }
    }

    pub(super) fn damaged(path: &Path, offset: u64, kind: DamageKind) -> Self {
        Self::Damaged(Damage {
            path: path.to_owned(),
            offset,
            kind,
        })
    }
}

impl From<JournalError> for StoreError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Io {
                action,
                path,
                source,
            } => Self::Io {
                action,
                path,
                source: io::Error::new(source.kind(), source.to_string()),
            },
            JournalError::NoSpace { ref dir, .. } => Self::Io {
                action: "write the journal in",
                path: dir.clone(),
                source: io::Error::new(io::ErrorKind::StorageFull, error.to_string()),
            },
            JournalError::Damaged(damage) => Self::Corrupt {
                what: damage.kind.to_string(),
                repair: damage.advice(),
                path: damage.path,
                offset: damage.offset,
            },
            JournalError::Replay {
                path,
                offset,
                seq,
                reason,
            } => Self::Corrupt {
                path,
                offset,
                what: format!("change {seq} cannot be replayed: {reason}"),
                repair: "use the version of leasebook that wrote it".to_owned(),
            },
            JournalError::Poisoned { reason } => Self::ReadOnly { reason },
            JournalError::NotEmpty { ref dir } => Self::Corrupt {
                path: dir.clone(),
                offset: 0,
                what: error.to_string(),
                repair: "nothing was changed".to_owned(),
            },
            JournalError::Released { .. } | JournalError::TooLarge(_) => Self::ReadOnly {
                reason: error.to_string(),
            },
        }
    }
}

/// Where the journal is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}, offset {offset}: {kind}; {}", path.display(), self.advice())]
pub struct Damage {
    /// The segment, or the directory where one is missing.
    pub path: PathBuf,
    /// Where in it, in octets.
    pub offset: u64,
    /// What is wrong there.
    pub kind: DamageKind,
}

impl Damage {
    /// What the operator can do.
    pub fn advice(&self) -> String {
        match self.kind {
            DamageKind::Version { .. } => "use the version of leasebook that wrote it".to_owned(),
            DamageKind::Book { .. } => {
                "move the file out of the data directory it does not belong to".to_owned()
            }
            _ => {
                // The segment is DATA/journal/FILE; where the directory itself is meant,
                // DATA/journal.
                let is_segment = self.path.extension().is_some();
                let data = self.path.ancestors().nth(if is_segment { 2 } else { 1 });
                let data = data.unwrap_or(&self.path).display();
                format!(
                    "restore the file, or run `leasebook leases repair --data {data}`, which sets \
                     the damage aside and keeps what is before it"
                )
            }
        }
    }
}

/// What is wrong with the files of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DamageKind {
    /// Shorter than the header of a segment.
    #[error("{octets} octets are no segment, {needed} at least needed")]
    SegmentShort {
        /// What there is, in octets.
        octets: usize,
        /// What a header needs, in octets.
        needed: usize,
    },
    /// Does not begin as a segment does.
    #[error("not a segment of a journal")]
    NotASegment,
    /// The CRC of the segment's header is not that of its octets.
    #[error("the header's checksum is {found:08x}, its octets give {computed:08x}")]
    SegmentCrc {
        /// As written there.
        found: u32,
        /// As it should be.
        computed: u32,
    },
    /// Written in another version of the format.
    #[error("format version {found}, this leasebook reads {FORMAT_VERSION}")]
    Version {
        /// Its version.
        found: u32,
    },
    /// A segment of another book.
    #[error("a segment of book {found:032x}, this is book {expected:032x}")]
    Book {
        /// Its book.
        found: u128,
        /// This book.
        expected: u128,
    },
    /// Name and header of a segment disagree about its first change.
    #[error("the header says the first change is {header}, the name says {name}")]
    Name {
        /// As in the header.
        header: u64,
        /// As in the name.
        name: u64,
    },
    /// The file ends inside an entry that was complete once.
    #[error("an entry of {needed} octets of which the file has {octets}")]
    EntryShort {
        /// What there is of it, in octets.
        octets: u64,
        /// What it needs, in octets.
        needed: u64,
    },
    /// Neither an entry nor zeros.
    #[error("octets that are no entry")]
    NotAnEntry,
    /// The CRC of an entry's header is not that of its octets.
    #[error("the checksum of an entry's header is {found:08x}, its octets give {computed:08x}")]
    EntryHeaderCrc {
        /// As written there.
        found: u32,
        /// As it should be.
        computed: u32,
    },
    /// An entry says it is longer than any can be, or empty.
    #[error("an entry of {octets} octets, 1 to {MAX_BODY_OCTETS} are possible")]
    EntryLength {
        /// What it says, in octets.
        octets: usize,
    },
    /// The CRC of an entry's body is not that of its octets.
    #[error("an entry's checksum is {found:08x}, its octets give {computed:08x}")]
    EntryCrc {
        /// As written in the header.
        found: u32,
        /// As it should be.
        computed: u32,
    },
    /// The payloads of an entry do not fill it.
    #[error("an entry of {count} changes does not hold as many")]
    Payloads {
        /// How many there should be.
        count: u32,
    },
    /// An entry does not follow the one before it.
    #[error("change {found} where change {expected} was expected")]
    Sequence {
        /// Its first change.
        found: u64,
        /// What it should be.
        expected: u64,
    },
    /// A segment does not begin where the one before it ends.
    #[error(
        "begins with change {found} where change {expected} was expected: a segment is missing"
    )]
    Gap {
        /// The first change missing.
        expected: u64,
        /// The first change of the segment.
        found: u64,
    },
    /// The last segment was completed, but the next is not there.
    #[error("the next segment, beginning with change {expected}, is missing")]
    NextMissing {
        /// The first change of the missing one.
        expected: u64,
    },
    /// The oldest segment begins after what must be replayed.
    #[error("the oldest segment begins with change {found}, change {expected} is needed")]
    StartMissing {
        /// The first change that must be replayed.
        expected: u64,
        /// The first change there is.
        found: u64,
    },
    /// There is no segment at all.
    #[error("no segment is there, change {expected} would come next")]
    NoSegments {
        /// The first change that must be replayed.
        expected: u64,
    },
    /// The journal ends before what the ledger has.
    #[error("the journal ends with change {journal}, the ledger has {ledger} already")]
    Behind {
        /// The newest change in the journal.
        journal: u64,
        /// The newest change in the ledger.
        ledger: u64,
    },
}

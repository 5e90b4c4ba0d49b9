//! The interface every engine of the book offers.

use std::fmt;
use std::path::PathBuf;

use leasebook_wire::Duid;

use crate::binding::{Binding, LeaseName, LinkId};
use crate::journal::TooLarge;
use crate::query::{Cursor, Flow, Progress, Run};
use crate::record::{CorruptRecord, EncodeError, Record};

/// A change of one binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// This is now the binding of that client on that link, in place of what was there.
    ///
    /// A lease in it that another binding holds is taken from that one, which goes when it
    /// was its last: no lease is ever bound twice (DHCP-S-027).
    Put(Binding),
    /// The client has nothing on the link any more; nothing happens if it had not.
    Remove {
        /// The link.
        link: LinkId,
        /// The client.
        client: Duid,
    },
}

/// The book of bindings.
///
/// Reading never waits for writing and writing never for reading longer than a chunk of a
/// scan takes. Times are Unix seconds and given by the caller.
pub trait LeaseStore: Send + Sync {
    /// Makes all changes durable and visible together, in order; returns the sequence number
    /// of the last. On an error none has happened.
    ///
    /// Blocks until the changes are on stable storage; callers at the same time share one sync.
    fn commit(&self, changes: Vec<Change>) -> Result<u64, StoreError>;

    /// The sequence number of the newest change; 0 in an empty book.
    fn last_seq(&self) -> u64;

    /// Tells `visit` the next records that answer the cursor's query at `now`, in runs, until
    /// it says [`Flow::Stop`], the answer ends, or a bounded amount of work is done.
    ///
    /// Every record that matches from the cursor's making to its end is told at least once;
    /// one that changes meanwhile may be told again (BLQ-S-062).
    ///
    /// `visit` copies and returns: it must not ask the store anything, and what it takes long
    /// for keeps pages of the store from being used again.
    fn scan(
        &self,
        cursor: &mut Cursor,
        now: u64,
        visit: &mut dyn FnMut(Run<'_>) -> Flow,
    ) -> Result<Progress, StoreError>;

    /// The record of a client on a link, whatever its leases' states.
    fn binding(&self, link: LinkId, client: &[u8]) -> Result<Option<Record>, StoreError>;

    /// The record that holds a lease of just this name, whatever its state.
    fn holder(&self, lease: LeaseName) -> Result<Option<Record>, StoreError>;

    /// Counts for operators.
    fn stats(&self) -> Result<Stats, StoreError>;
}

/// What the book holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Records: clients on links.
    pub bindings: u64,
    /// Leases in them, whatever their state.
    pub leases: u64,
    /// The newest change.
    pub last_seq: u64,
    /// Octets on disk: journal and ledger.
    pub disk_octets: u64,
}

/// Why the book could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The binding itself cannot be kept; our own or the importer's fault.
    #[error("cannot keep the binding: {0}")]
    Encode(#[from] EncodeError),
    /// Reading, writing or syncing failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A file holds what no leasebook wrote.
    #[error("{}, offset {offset}: {what}; {repair}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where in it, in octets.
        offset: u64,
        /// What is wrong there.
        what: String,
        /// What the operator can do.
        repair: String,
    },
    /// A record in the ledger is damaged.
    #[error("the ledger holds a damaged record: {0}")]
    CorruptRecord(#[from] CorruptRecord),
    /// Another process has the book open.
    #[error("{} is in use by process {pid}; stop it or use another data directory", path.display())]
    InUse {
        /// The data directory.
        path: PathBuf,
        /// The process that holds it, as it wrote into the lock file.
        pid: String,
    },
    /// The ledger's engine failed.
    #[error("the ledger in {} failed to {action}: {reason}", path.display())]
    Ledger {
        /// The data directory.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
        /// The engine's words.
        reason: String,
    },
    /// More changes than the journal takes at once; nothing of them has happened.
    #[error("{0}")]
    TooLarge(#[from] TooLarge),
    /// An earlier failure made the book read-only; restarting recovers what was acknowledged.
    #[error("the book takes no changes since an earlier failure: {reason}")]
    ReadOnly {
        /// The earlier failure.
        reason: String,
    },
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} bindings, {} leases, change {}, {} octets on disk",
            self.bindings, self.leases, self.last_seq, self.disk_octets
        )
    }
}

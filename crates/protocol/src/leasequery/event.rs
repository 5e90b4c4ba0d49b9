//! What a connection tells its shell, for logs and counters.

use leasebook_wire::Xid;
use leasebook_wire::code::{QueryType, StatusCode};

use super::judge::Dropped;
use crate::time::Mono;

/// Something that happened on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A query got its last message, or never will.
    QueryDone(QueryDone),
    /// Messages were dropped, `count` of them since the last such event was taken.
    Dropped {
        /// Why.
        kind: Dropped,
        /// How many.
        count: u64,
    },
    /// The store could not go on; the connection ends.
    StoreFailed {
        /// The store's words.
        error: String,
    },
    /// The connection is over; nothing follows.
    Closed {
        /// Why.
        why: CloseReason,
    },
}

/// How a query went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryDone {
    /// Its transaction-id.
    pub xid: Xid,
    /// By what was asked; `None` where the message was refused before that was looked at.
    pub query_type: Option<QueryType>,
    /// Records told.
    pub bindings: u64,
    /// Octets of its messages, sizes included.
    pub octets: u64,
    /// When it came.
    pub started: Mono,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a query ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Answered in full, be it with nothing.
    Answered,
    /// Refused with this status; the connection goes on.
    Refused(StatusCode),
    /// STARTTLS was answered with TLSConnectionRefused.
    NoTls,
    /// ACTIVELEASEQUERY was answered with NotSupported.
    NoActive,
    /// Ended by QueryTerminated.
    Terminated(CloseReason),
    /// Ended without a word.
    Cut(CloseReason),
}

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// The peer ended its sending side and has all its answers (BLQ-S-083).
    PeerDone,
    /// No query came within the data timeout (BLQ-S-009).
    FirstQueryTimeout,
    /// A frame was begun and not finished within the data timeout (BLQ-S-009).
    FrameTimeout,
    /// The peer took no octet for the data timeout (BLQ-S-009).
    WriteTimeout,
    /// No query for the idle time (BLQ-S-082).
    IdleTimeout,
    /// Another connection needed the place (BLQ-S-004).
    Displaced,
    /// Three messages in a row that do not belong here (D-17).
    ForeignMessages,
    /// Three messages that could not be read (D-17).
    MalformedMessages,
    /// ACTIVELEASEQUERY, which is not offered (ALQ-001).
    NoActiveLeasequery,
    /// The store failed (BLQ-S-085).
    StoreFailed,
    /// New settings take the right to a query in progress (BLQ-S-087).
    RightTaken,
    /// The server stops (BLQ-S-087).
    Shutdown,
    /// Writing failed or the peer reset the connection (BLQ-S-084).
    SocketFailed,
}

impl CloseReason {
    /// What QueryTerminated says to the requestor.
    pub const fn text(self) -> &'static str {
        match self {
            Self::PeerDone => "the connection is over",
            Self::FirstQueryTimeout => "no query came in time",
            Self::FrameTimeout => "a query was begun and not finished in time",
            Self::WriteTimeout => "the reply was not read in time",
            Self::IdleTimeout => "the connection was idle",
            Self::Displaced => "the place of the connection was needed",
            Self::ForeignMessages => "too many messages that are no query",
            Self::MalformedMessages => "too many messages that cannot be read",
            Self::NoActiveLeasequery => "active leasequery was asked for and is not offered",
            Self::StoreFailed => "the server could not read its bindings",
            Self::RightTaken => "the right to this query was taken away",
            Self::Shutdown => "the server stops",
            Self::SocketFailed => "the connection failed",
        }
    }
}

//! What became of a datagram, in values for counters and the log.

use leasebook_store::StoreError;
use leasebook_wire::code::{QueryType, StatusCode};

use super::super::judge::Dropped;

/// What became of a datagram.
#[derive(Debug)]
pub enum UdpOutcome {
    /// A REPLY was made that tells what the book has, be it nothing.
    Answered(UdpAnswer),
    /// A REPLY was made that tells a status.
    Refused {
        /// By what was asked; none if that could not be read.
        query_type: Option<QueryType>,
        /// Why not.
        status: StatusCode,
    },
    /// Nothing was made.
    Dropped(UdpDropped),
    /// The book could not be read; a REPLY with UnspecFail was made, so that another server is
    /// asked soon.
    Failed(StoreError),
}

/// What a successful REPLY tells, for counters and the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpAnswer {
    /// By what was asked.
    pub query_type: QueryType,
    /// Bindings told in CLIENT_DATA: 0 or 1, more only where the link-address selects links
    /// that nothing tells apart.
    pub bindings: usize,
    /// Links told in LQ_CLIENT_LINK.
    pub links: usize,
    /// What there was no room for (LQ-UDP-021).
    pub left_out: LeftOut,
    /// Octets of the datagram; above [`UNFRAGMENTED_OCTETS`](super::UNFRAGMENTED_OCTETS) it may be fragmented.
    pub octets: usize,
}

/// What was not told (LQ-UDP-021). Bulk queries on TCP tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Options asked for that did not fit.
    pub options: usize,
    /// Leases that did not fit.
    pub leases: usize,
    /// Links of the client that did not fit, or that no address stands for since they are not
    /// configured any more.
    pub links: usize,
}

impl LeftOut {
    /// Whether all was told.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Why a datagram was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UdpDropped {
    /// Its source may not ask, and such are not answered (`Unlisted::Close`, LQ-UDP-008).
    NotListed,
    /// It came through relays (LQ-UDP-002).
    Relayed,
    /// The message itself is no query for this server (LQ-UDP-003, LQ-UDP-004).
    Message(Dropped),
    /// What its relays need back leaves no room for a reply.
    NoRoom,
}

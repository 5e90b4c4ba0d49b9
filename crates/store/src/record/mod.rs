//! A binding as the book keeps it: ready to be sent.
//!
//! A record has four parts. In the journal and in memory they lie behind one another
//! (the *one-record form*); in the ledger's blocks each part lies with its like, so that
//! the frames of a block are one run of octets that goes to the socket with one copy.
//!
//! ```text
//!  key_len(2) 0(2) frame_len(4) rest_len(4) | head(40) | key | frame | rest      one-record form
//!
//!  head   clt(8) all_live(4) any_live(4) seq(8) remote_tag(8) duid_len(1) flags(1)
//!         addresses(2) prefixes(2) 0(2)
//!  key    link(4) relay tag(8) DUID                               see [`crate::key`]
//!  frame  a LEASEQUERY-DATA with its TCP size, all bound leases   see [`RecordView::frame`]
//!  rest   leases(2) ids(2) relay_len(4) options_len(4)
//!         lease(40) * leases | id(12) * ids | peer(16) chain | options
//! ```
//!
//! `all_live` and `any_live` are seconds after `clt` at which the first and the last bound
//! lease run out (`u32::MAX`: never), so that one comparison tells whether the frame may go
//! out as it is, must be made anew without the leases that ended, or not at all.

mod encode;
mod head;
mod layout;
mod many;
#[cfg(test)]
mod tests;
mod view;

use std::fmt;

pub use encode::{EncodeError, Record};
pub use head::Head;
pub use layout::{
    CLT_TIME_OCTETS, FRAME_PREFIX_OCTETS, HEAD_OCTETS, IAADDR_OCTETS, IAPREFIX_OCTETS,
    OPTION_HEADER_OCTETS,
};

pub(crate) use layout::{FLAG_MANY_IDS, size_at, u16_at, u32_at, u64_at};
pub(crate) use many::Records;
pub use view::{RecordView, RelayView};

/// Which identity a relay put into its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdKind {
    /// OPTION_RELAY_ID (RFC 5460 §5.4.1); the octets are the DUID.
    Relay,
    /// OPTION_REMOTE_ID (RFC 4649 §3); the octets are enterprise number and value.
    Remote,
}

impl IdKind {
    pub(crate) fn octet(self) -> u8 {
        match self {
            Self::Relay => 1,
            Self::Remote => 2,
        }
    }

    pub(crate) fn from_octet(octet: u8) -> Option<Self> {
        match octet {
            1 => Some(Self::Relay),
            2 => Some(Self::Remote),
            _ => None,
        }
    }
}

/// Octets of the book that are no record: the file was changed by something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CorruptRecord {
    /// Where in the record, in octets.
    pub offset: usize,
    /// What is wrong there.
    pub what: &'static str,
}

impl fmt::Display for CorruptRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "corrupt record, octet {}: {}", self.offset, self.what)
    }
}

impl std::error::Error for CorruptRecord {}

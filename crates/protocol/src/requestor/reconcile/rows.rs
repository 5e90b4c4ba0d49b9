//! The rows of the table, and how a lease told twice is settled.

use leasebook_store::LeaseName;

use super::{Full, Server};

/// No row: the end of a chain.
pub(super) const NONE: u32 = u32::MAX;

/// What a lease row has for a prefix length if it is an address.
pub(super) const ADDRESS: u8 = u8::MAX;

/// Seconds by which two tellings of one moment may differ, since each side rounds.
const ROUNDING_SECS: u64 = 1;

/// A place in `Reconciler::octets`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub(super) at: u64,
    pub(super) len: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    pub(super) duid: Span,
    pub(super) first_group: u32,
}

/// One client on one link.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) client: u32,
    /// [`NONE`] where the link is not known.
    pub(super) link: u32,
    pub(super) next: u32,
    pub(super) first_lease: u32,
    /// Options beside the leases, from the newest message.
    pub(super) options: Span,
    /// When the client was last dealt with, by the message the options are from.
    pub(super) transaction: i64,
}

/// One lease as the best source has it; 44 octets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    pub(super) name: [u8; 16],
    pub(super) group: u32,
    pub(super) next: u32,
    /// Seconds from the epoch to the message's arrival.
    pub(super) arrived: u32,
    pub(super) clt_age: u32,
    pub(super) preferred: u32,
    /// 0: the source says that the lease ended.
    pub(super) valid: u32,
    pub(super) server: Server,
    pub(super) prefix_len: u8,
    pub(super) flags: u8,
}

/// [`super::JoinedLease::is_doubtful`].
pub(super) const DOUBTFUL: u8 = 1;
/// [`super::JoinedLease::is_contested`].
pub(super) const CONTESTED: u8 = 2;
/// [`super::JoinedLease::is_shared`].
pub(super) const SHARED: u8 = 4;

/// Where a claim is from.
pub(super) struct Source {
    pub(super) server: Server,
    pub(super) arrived: u32,
    pub(super) clt_age: u32,
}

impl Source {
    /// When the client was last dealt with: seconds from the epoch, often before it.
    pub(super) fn transaction(&self) -> i64 {
        i64::from(self.arrived).saturating_sub(i64::from(self.clt_age))
    }

    pub(super) fn row(&self, name: LeaseName, preferred: u32, valid: u32) -> Lease {
        let (name, prefix_len) = match name {
            LeaseName::Address(address) => (address.octets(), ADDRESS),
            LeaseName::Prefix { prefix, len } => (prefix.octets(), len),
        };
        Lease {
            name,
            group: NONE,
            next: NONE,
            arrived: self.arrived,
            clt_age: self.clt_age,
            preferred,
            valid,
            server: self.server,
            prefix_len,
            flags: 0,
        }
    }
}

impl Lease {
    pub(super) fn is_live(&self) -> bool {
        self.valid > 0
    }

    pub(super) fn transaction(&self) -> i64 {
        i64::from(self.arrived).saturating_sub(i64::from(self.clt_age))
    }

    /// When it ends: seconds from the epoch; the end of time if it does not.
    fn end(&self) -> u64 {
        match self.valid {
            u32::MAX => u64::MAX,
            valid => u64::from(self.arrived).saturating_add(u64::from(valid)),
        }
    }

    /// Becomes `told` if that is the better source (D-24).
    pub(super) fn settle(&mut self, told: Self) {
        let shared = self.flags & SHARED;
        let is_other = told.server != self.server;
        let rank = |lease: &Self| {
            let server = std::cmp::Reverse(lease.server);
            (lease.transaction(), lease.end(), server)
        };
        let differ = is_other
            && told.transaction() == self.transaction()
            && told.end().abs_diff(self.end()) > ROUNDING_SECS;
        if !is_other || rank(&told) > rank(self) {
            *self = Self {
                group: self.group,
                next: self.next,
                flags: told.flags | shared,
                ..told
            };
        }
        if differ {
            self.flags |= CONTESTED;
        }
    }
}

/// The number of the row after `rows` others.
pub(super) fn next_row(rows: usize) -> Result<u32, Full> {
    u32::try_from(rows)
        .ok()
        .filter(|&row| row < NONE)
        .ok_or(Full)
}

pub(super) fn row_of(row: u32) -> usize {
    usize::try_from(row).unwrap_or(usize::MAX)
}

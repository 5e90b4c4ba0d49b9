//! How long a client waits for an answer, and how often it asks (RFC 8415 §15).

use crate::message::Said;

/// How a message is sent again (RFC 8415 §15, §7.6), in milliseconds; 0 is no limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) first: u64,
    pub(crate) longest: u64,
    pub(crate) times: u32,
    pub(crate) total: u64,
}

pub(crate) const fn patience(first: u64, longest: u64, times: u32, total: u64) -> Patience {
    Patience {
        first,
        longest,
        times,
        total,
    }
}

/// A message sent, and not answered yet.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) said: Said,
    pub(crate) patience: Patience,
    pub(crate) began: u64,
    pub(crate) wait: u64,
    pub(crate) sent: u32,
    pub(crate) next: u64,
}

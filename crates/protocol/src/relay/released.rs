//! What clients gave back a moment ago: a server that is being asked may have told it before.
//!
//! A bulk reply of a large book is seconds on its way, in the buffers of two machines. What is in it
//! of a client that released meanwhile is older than the release, and what was learnt live wins
//! (RELAY-076).

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use ipnet::Ipv6Net;

use super::machine::seconds;
use crate::time::Mono;

/// How long a release is remembered: longer than a reply is on its way.
const REMEMBERED: Duration = Duration::from_mins(10);

/// Releases remembered; beyond it the oldest is forgotten.
const MAX_RELEASES: usize = 1 << 16;

/// Releases, by prefix.
#[derive(Clone, Debug, Default)]
pub(super) struct Released {
    /// Whose it was, and when it was given back, in seconds of the monotonic clock.
    by_prefix: HashMap<Ipv6Net, (Box<[u8]>, i64)>,
    /// All of them, the oldest first; one that was taken again, or given back again, is here still.
    in_order: VecDeque<(Mono, Ipv6Net)>,
}

impl Released {
    /// A client gave a prefix back.
    pub(super) fn add(&mut self, now: Mono, prefix: Ipv6Net, client: &[u8]) {
        self.forget(now);
        if self.in_order.len() >= MAX_RELEASES
            && let Some((_, oldest)) = self.in_order.pop_front()
        {
            self.by_prefix.remove(&oldest);
        }
        let release = (Box::from(client), seconds(now));
        self.by_prefix.insert(prefix, release);
        self.in_order.push_back((now, prefix));
    }

    /// Somebody has the prefix again.
    pub(super) fn taken(&mut self, prefix: Ipv6Net) {
        self.by_prefix.remove(&prefix);
    }

    /// Whether the client gave it back after it was heard so; times as in [`super::Delegation`].
    pub(super) fn is_since(&self, prefix: Ipv6Net, client: &[u8], heard: i64) -> bool {
        let release = self.by_prefix.get(&prefix);
        release.is_some_and(|(whose, at)| **whose == *client && heard <= *at)
    }

    fn forget(&mut self, now: Mono) {
        while let Some((at, prefix)) = self.in_order.front().copied()
            && now.since(at) > REMEMBERED
        {
            self.in_order.pop_front();
            let is_it = |(_, then): &(Box<[u8]>, i64)| *then == seconds(at);
            if self.by_prefix.get(&prefix).is_some_and(is_it) {
                self.by_prefix.remove(&prefix);
            }
        }
    }
}

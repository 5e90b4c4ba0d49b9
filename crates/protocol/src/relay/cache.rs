//! What is kept on disk of the delegations, for a restart with no server in reach.
//!
//! Optional: a relay gets everything back from its servers (RELAY-065). What comes from here is
//! marked as such, whatever a server or a client's exchange tells wins over it, and it goes when
//! every server has told everything and none told it.

use std::net::Ipv6Addr;
use std::time::Duration;

use ipnet::Ipv6Net;

use super::machine::{Relay, seconds};
use super::refuse;
use super::table::{Delegation, NextHop, Source, Standing};
use crate::time::Mono;

/// A delegation as it is kept: relative to the moment it was written, for no clock but the wall
/// clock survives a reboot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The prefix; an address is a /128.
    pub prefix: Ipv6Net,
    /// The client's DUID.
    pub client: Box<[u8]>,
    /// The client's name for its association.
    pub iaid: Option<u32>,
    /// The name of the interface.
    pub interface: String,
    /// The address on it; none is the interface itself.
    pub via: Option<Ipv6Addr>,
    /// How long it stays preferred; none is for ever.
    pub preferred: Option<Duration>,
    /// How long it stays valid; none is for ever.
    pub valid: Option<Duration>,
    /// Seconds since the server heard the client.
    pub heard_secs_ago: i64,
}

impl Relay {
    /// A delegation as it is kept, if it is worth that: if it is routed.
    pub fn kept(&self, now: Mono, one: &Delegation) -> Option<Kept> {
        let hop = one.hop.filter(|_| one.standing.is_routed())?;
        let left = |end: Option<Mono>| end.map(|end| end.since(now));
        Some(Kept {
            prefix: one.prefix,
            client: one.client.clone(),
            iaid: one.iaid,
            interface: self.ports.name(hop.port).to_owned(),
            via: hop.via,
            preferred: left(one.preferred_until),
            valid: left(one.valid_until),
            heard_secs_ago: seconds(now).saturating_sub(one.heard),
        })
    }

    /// Takes back one that was kept; its times are those of `now`. It is not taken, and false is
    /// returned, if it has run out, is never routed (RELAY-054), is beyond a limit, or something
    /// is known there already.
    pub fn restore(&mut self, now: Mono, kept: &Kept) -> bool {
        let is_over = kept.valid.is_some_and(|left| left.is_zero());
        let is_known = self.table.get(kept.prefix).is_some();
        let is_anothers = {
            let mut others = self.table.overlapping(kept.prefix, &kept.client);
            others.next().is_some()
        };
        if is_over || is_known || is_anothers {
            return false;
        }
        let hop = NextHop {
            port: self.ports.number(&kept.interface),
            via: kept.via,
        };
        if refuse::judge(kept.prefix, self.own_addresses(Some(hop))).is_err() {
            return false;
        }
        if self
            .limit_reached(kept.prefix, &kept.client, hop.port)
            .is_some()
        {
            return false;
        }
        let end = |left: Option<Duration>| left.map(|left| now.after(left));
        self.table.put(Delegation {
            prefix: kept.prefix,
            client: kept.client.clone(),
            iaid: kept.iaid,
            hop: Some(hop),
            preferred_until: end(kept.preferred),
            valid_until: end(kept.valid),
            heard: seconds(now).saturating_sub(kept.heard_secs_ago),
            told: now,
            since: now,
            source: Source::Cached,
            standing: Standing::Routed,
        });
        true
    }

    /// Ends what is known from disk alone: every server has told everything, and none told this.
    /// Returns how many there were.
    pub fn forget_kept(&mut self) -> usize {
        let kept = self.table.iter().filter(|one| one.source == Source::Cached);
        let kept: Vec<Ipv6Net> = kept.map(|one| one.prefix).collect();
        for prefix in &kept {
            self.table.remove(*prefix);
        }
        kept.len()
    }
}

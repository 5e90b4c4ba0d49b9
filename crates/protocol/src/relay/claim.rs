//! What becomes of a lease that a server tells on recovery.
//!
//! ```text
//!  claim ──► never routable? ──► refused
//!    │       heard live since? ─► known already
//!    │       another client's? ─► asked about again
//!    │       older than its rest? ► asked about again, or routed and asked behind
//!    └─────► routed
//! ```
//!
//! Source: RELAY-072 to RELAY-084, D-24, D-43, D-44, decisions.md "Recovery by the relay".

use ipnet::Ipv6Net;
use leasebook_store::LeaseName;

use super::machine::{Relay, end, seconds};
use super::notice::Notice;
use super::place::place;
use super::ports::PortNo;
use super::refuse::{self, Unroutable};
use super::table::{Delegation, NextHop, Source, Standing};
use crate::requestor::{Binding, ClaimedLease};

/// Why a lease is asked about again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Doubt {
    /// The server heard the client as long ago as the lease has left, or longer.
    Old,
    /// It overlaps another client's, or another client has it.
    Overlap,
}

/// A lease that is to be asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The delegation as claimed.
    pub delegation: Delegation,
    /// Why it is asked about.
    pub doubt: Doubt,
}

/// Who tells, and in answer to what.
#[derive(Clone, Copy, Debug)]
pub struct Teller {
    /// The server's place in the configuration; of equal claims the first server's counts.
    pub server: u16,
    /// The port whose link-address was asked for, if that was the question.
    pub asked_on: Option<PortNo>,
    /// Whether the server has proved that its doubtful leases are good: they are routed first
    /// and asked about behind.
    pub is_trusted: bool,
}

/// What came of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Leases that were routed, or known already.
    pub taken: u32,
    /// Leases that were refused.
    pub refused: u32,
    /// Leases to ask about.
    pub pending: Vec<Pending>,
}

impl Relay {
    /// Judges what one message of a server claims.
    pub fn claim(&mut self, teller: Teller, binding: &Binding<'_>) -> Judged {
        let claim = &binding.claim;
        let path = claim.relay_path();
        let place = place(&self.config, &self.ports, path.as_ref(), teller.asked_on);
        let mut judged = Judged::default();
        for lease in claim.leases() {
            let Some(prefix) = self.wanted_prefix(lease.name) else {
                continue;
            };
            let delegation = delegation(teller, binding, &lease, prefix, place.as_ref().ok());
            match self.judge(teller, delegation, place.as_ref().err(), lease.is_doubtful) {
                Verdict::Taken => judged.taken += 1,
                Verdict::Refused(why) => {
                    judged.refused += 1;
                    self.refuse(prefix, claim.client(), why, Some(teller.server));
                }
                Verdict::Ask(pending) => judged.pending.push(*pending),
            }
        }
        judged
    }

    /// The prefix of a lease that gets a route: every delegated one, addresses by configuration.
    fn wanted_prefix(&self, name: LeaseName) -> Option<Ipv6Net> {
        match name {
            LeaseName::Prefix { prefix, len } => Ipv6Net::new(prefix, len).ok(),
            LeaseName::Address(address) if self.config.host_routes => Some(address.into()),
            LeaseName::Address(_) => None,
        }
    }

    fn judge(
        &mut self,
        teller: Teller,
        mut claimed: Delegation,
        misplaced: Option<&Unroutable>,
        is_doubtful: bool,
    ) -> Verdict {
        if let Err(why) = refuse::judge(claimed.prefix, self.own_addresses(claimed.hop)) {
            return Verdict::Refused(why);
        }
        match misplaced {
            Some(Unroutable::OtherRelay) => return Verdict::Refused(Unroutable::OtherRelay),
            Some(why) => claimed.standing = Standing::Unroutable(why.clone()),
            None => {}
        }
        if self
            .released
            .is_since(claimed.prefix, &claimed.client, claimed.heard)
        {
            return Verdict::Refused(Unroutable::Released);
        }
        if let Some(verdict) = self.against_known(&claimed) {
            return verdict;
        }
        let ask =
            |delegation: Delegation, doubt| Verdict::Ask(Box::new(Pending { delegation, doubt }));
        if claimed.standing.is_routed() {
            if !is_doubtful {
                self.displace_cached(&claimed);
            }
            if self.rival(&claimed).is_some() {
                return ask(claimed, Doubt::Overlap);
            }
            if is_doubtful && teller.is_trusted {
                let mut routed = claimed.clone();
                routed.standing = Standing::Marked;
                return match self.install(routed) {
                    Ok(()) => ask(claimed, Doubt::Old),
                    Err(why) => Verdict::Refused(why),
                };
            }
            if is_doubtful {
                // A route that works stays until the server has said more (RELAY-064).
                if !self.has_route(&claimed) {
                    let waiting = Delegation {
                        standing: Standing::Waiting,
                        ..claimed.clone()
                    };
                    self.table.put(waiting);
                }
                return ask(claimed, Doubt::Old);
            }
        } else if let Some(other) = self.rival(&claimed) {
            // It can have no route; still less may it take another's place.
            return Verdict::Refused(Unroutable::Overlaps(other));
        }
        match self.install(claimed) {
            Ok(()) => Verdict::Taken,
            Err(why) => Verdict::Refused(why),
        }
    }

    /// What another client has of the same addresses and this claim does not simply replace: what
    /// is routed, and what was heard later, though it has no route now.
    fn rival(&self, claimed: &Delegation) -> Option<Ipv6Net> {
        let is_rival = |other: &&Delegation| {
            let is_later = other.heard > claimed.heard && other.standing != Standing::Denied;
            other.standing.is_routed() || is_later
        };
        let mut others = self.table.overlapping(claimed.prefix, &claimed.client);
        others.find(is_rival).map(|other| other.prefix)
    }

    /// What is known already decides where it was heard later, or is live (RELAY-076, D-24).
    fn against_known(&self, claimed: &Delegation) -> Option<Verdict> {
        let live = |one: &&Delegation| one.source.is_live();
        let mut others = self.table.overlapping(claimed.prefix, &claimed.client);
        if let Some(other) = others.find(live) {
            return Some(Verdict::Refused(Unroutable::Overlaps(other.prefix)));
        }
        let known = self.table.get(claimed.prefix)?;
        if known.client != claimed.client || known.source == Source::Cached {
            return None;
        }
        let is_newer = claimed.heard > known.heard + AGE_GRAIN_SECS
            || (claimed.heard + AGE_GRAIN_SECS >= known.heard
                && !known.source.is_live()
                && rank(claimed) > rank(known));
        // What could not be routed is no reason not to route it now.
        let is_better = claimed.standing.is_routed() && !known.standing.is_routed();
        let was_denied = known.standing == Standing::Denied;
        (!is_newer && (!is_better || was_denied)).then_some(Verdict::Taken)
    }

    /// Whether the client has its route already.
    fn has_route(&self, claimed: &Delegation) -> bool {
        self.table
            .get(claimed.prefix)
            .is_some_and(|known| known.client == claimed.client && known.standing.is_routed())
    }

    /// Ends what the file on disk says of other clients, where a server knows better.
    fn displace_cached(&mut self, claimed: &Delegation) {
        let others = self.table.overlapping(claimed.prefix, &claimed.client);
        let cached = others.filter(|one| one.source == Source::Cached);
        let cached: Vec<Ipv6Net> = cached.map(|one| one.prefix).collect();
        for prefix in cached {
            self.end_displaced(prefix, claimed.prefix, &claimed.client);
        }
    }

    /// Puts a recovered delegation in, within the limits.
    fn install(&mut self, mut claimed: Delegation) -> Result<(), Unroutable> {
        if let Some(hop) = claimed.hop.filter(|_| claimed.standing.is_routed())
            && let Some((limit, is_clients)) =
                self.limit_reached(claimed.prefix, &claimed.client, hop.port)
        {
            self.notice(Notice::BeyondLimit {
                prefix: claimed.prefix,
                client: claimed.client.clone(),
                port: hop.port,
                limit,
                is_clients,
            });
            return Err(Unroutable::BeyondLimit(limit));
        }
        if let Some(known) = self.table.get(claimed.prefix)
            && known.client == claimed.client
        {
            // Servers do not tell it on recovery; it stays what it was.
            claimed.iaid = known.iaid;
        }
        self.table.put(claimed);
        Ok(())
    }

    /// What speaks against routing the leases of a message, without taking any: for an operator
    /// who asks why there is no route (RELAY-054, RELAY-072).
    pub fn objections(&self, binding: &Binding<'_>) -> Vec<(LeaseName, Unroutable)> {
        let claim = &binding.claim;
        let path = claim.relay_path();
        let place = place(&self.config, &self.ports, path.as_ref(), None);
        let overlap = |prefix| {
            let mut others = self.table.overlapping(prefix, claim.client());
            let other = others.find(|other| other.standing.is_routed());
            other.map(|other| Unroutable::Overlaps(other.prefix))
        };
        let objection = |lease: ClaimedLease| {
            let prefix = self.wanted_prefix(lease.name)?;
            let objection =
                refuse::judge(prefix, self.own_addresses(place.as_ref().ok().copied())).err();
            let objection = objection.or_else(|| place.as_ref().err().cloned());
            Some((lease.name, objection.or_else(|| overlap(prefix))?))
        };
        claim.leases().filter_map(objection).collect()
    }

    /// The server, asked again, says that the client has the lease; `again` is how it told so.
    pub fn confirmed(&mut self, pending: &Pending, again: Delegation) {
        let mut claimed = again;
        claimed.standing = pending.delegation.standing.clone();
        claimed.hop = claimed.hop.or(pending.delegation.hop);
        if let Some(known) = self.table.get(claimed.prefix)
            && known.source.is_live()
            && known.heard >= claimed.heard
        {
            return;
        }
        if self
            .released
            .is_since(claimed.prefix, &claimed.client, claimed.heard)
        {
            return;
        }
        let others: Vec<&Delegation> = self
            .table
            .overlapping(claimed.prefix, &claimed.client)
            .filter(|other| other.standing.is_routed())
            .collect();
        let stronger = others.iter().find(|other| match other.source {
            Source::Learnt { .. } => true,
            Source::Recovered(_) => other.heard >= claimed.heard,
            Source::Cached => false,
        });
        if let Some(other) = stronger {
            let why = Unroutable::Overlaps(other.prefix);
            self.refuse(claimed.prefix, &claimed.client, why, server(&claimed));
            return;
        }
        self.displace(claimed.prefix, &claimed.client.clone());
        if let Err(why) = self.install(claimed) {
            let delegation = &pending.delegation;
            self.refuse(
                delegation.prefix,
                &delegation.client,
                why,
                server(delegation),
            );
        }
    }

    /// The server, asked again, denies it: quarantined, unless it was heard live since
    /// (RELAY-084).
    pub fn denied(&mut self, pending: &Pending) {
        let claimed = &pending.delegation;
        // A server that denies what it told itself says nothing of what another one told.
        let is_anothers = |known: &Delegation| {
            let is_other =
                matches!(known.source, Source::Recovered(_)) && server(known) != server(claimed);
            is_other && known.standing.is_routed()
        };
        if let Some(known) = self.table.get(claimed.prefix)
            && (known.client != claimed.client || known.source.is_live() || is_anothers(known))
        {
            return;
        }
        self.notice(Notice::Denied {
            prefix: claimed.prefix,
            client: claimed.client.clone(),
            server: server(claimed).unwrap_or_default(),
        });
        self.table.put(Delegation {
            standing: Standing::Denied,
            ..claimed.clone()
        });
    }

    /// The server did not answer: an old lease is routed and marked, since a customer in the dark
    /// is worse than a route too many; an overlapping one is not.
    pub fn unanswered(&mut self, pending: &Pending) {
        let claimed = &pending.delegation;
        let waits = self.table.get(claimed.prefix).is_some_and(|known| {
            known.client == claimed.client && known.standing == Standing::Waiting
        });
        if pending.doubt == Doubt::Overlap || !waits {
            return;
        }
        let marked = Delegation {
            standing: Standing::Marked,
            ..claimed.clone()
        };
        if let Err(why) = self.install(marked) {
            self.table.remove(claimed.prefix);
            self.refuse(claimed.prefix, &claimed.client, why, server(claimed));
        }
    }

    /// The delegation that an answer about `prefix` tells, if it tells of the same client.
    pub fn retold(
        &self,
        teller: Teller,
        binding: &Binding<'_>,
        pending: &Pending,
    ) -> Option<Delegation> {
        let claim = &binding.claim;
        if *claim.client() != *pending.delegation.client {
            return None;
        }
        let path = claim.relay_path();
        let place = place(&self.config, &self.ports, path.as_ref(), teller.asked_on);
        let prefix = pending.delegation.prefix;
        let lease = claim
            .leases()
            .find(|lease| self.wanted_prefix(lease.name) == Some(prefix))?;
        Some(delegation(
            teller,
            binding,
            &lease,
            prefix,
            place.as_ref().ok(),
        ))
    }
}

/// By how many seconds the ages of one exchange may differ as two servers, or one server asked
/// twice, tell them: they are whole seconds, counted at different moments.
const AGE_GRAIN_SECS: i64 = 1;

enum Verdict {
    /// It is in the table, as told or as known better.
    Taken,
    Refused(Unroutable),
    Ask(Box<Pending>),
}

/// Of equal age: the longer lifetime, then the server configured first (D-24).
fn rank(one: &Delegation) -> (bool, Option<u64>, std::cmp::Reverse<u16>) {
    let end = one.valid_until.map(|end| end.0);
    let place = server(one).unwrap_or(u16::MAX);
    (end.is_none(), end, std::cmp::Reverse(place))
}

fn server(one: &Delegation) -> Option<u16> {
    match one.source {
        Source::Recovered(server) => Some(server),
        Source::Learnt { .. } | Source::Cached => None,
    }
}

fn delegation(
    teller: Teller,
    binding: &Binding<'_>,
    lease: &ClaimedLease,
    prefix: Ipv6Net,
    hop: Option<&NextHop>,
) -> Delegation {
    let arrived = binding.arrived.mono;
    Delegation {
        prefix,
        client: binding.claim.client().into(),
        iaid: None,
        hop: hop.copied(),
        preferred_until: end(arrived, lease.preferred),
        valid_until: end(arrived, lease.valid),
        heard: seconds(arrived).saturating_sub(i64::from(binding.claim.clt_age())),
        told: arrived,
        since: arrived,
        source: Source::Recovered(teller.server),
        standing: Standing::Routed,
    }
}

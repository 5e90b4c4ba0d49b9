//! Which leases an identity association gets.

use std::net::Ipv6Addr;

use leasebook_store::{Binding, IaKind, Lease, LeaseName, LeaseState};
use leasebook_wire::Options;
use leasebook_wire::code::StatusCode;
use leasebook_wire::option::PdExclude;

use super::asked::AskedIa;
use super::config::Lifetimes;
use super::exchange::Exchange;
use super::offers::{self, IaRef};
use super::pool::{FindError, PoolRef};

/// Leases of a client that ended and are remembered, at most (DHCP-S-028).
const MAX_REMEMBERED: usize = 8;

/// Seconds after which no message comes any more that was said before: longer than any datagram is
/// on its way.
const LATE_SECS: u64 = 60;

/// The longest lifetimes of a temporary address: a day and a week (DHCP-S-026). Source: RFC 8981
/// §3.8, TEMP_PREFERRED_LIFETIME and TEMP_VALID_LIFETIME of its forerunner RFC 4941 §5.
const LONGEST_TEMPORARY: Lifetimes = Lifetimes {
    preferred: 86_400,
    valid: 604_800,
};

/// A lease in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Granted {
    pub(super) name: LeaseName,
    /// Zeros take it from the client.
    pub(super) lifetimes: Lifetimes,
    pub(super) pool: Option<PoolRef>,
}

/// An IA in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AnsweredIa {
    pub(super) kind: IaKind,
    pub(super) iaid: u32,
    pub(super) leases: Vec<Granted>,
    pub(super) status: Option<(StatusCode, &'static str)>,
}

impl AnsweredIa {
    fn new(asked: &AskedIa<'_>) -> Self {
        Self {
            kind: asked.kind,
            iaid: asked.iaid,
            leases: Vec::new(),
            status: None,
        }
    }

    fn with_status(mut self, code: StatusCode, text: &'static str) -> Self {
        self.status = Some((code, text));
        self
    }

    /// Nothing is left for it (DHCP-S-061, DHCP-S-068).
    fn exhausted(self) -> Self {
        match self.kind {
            IaKind::Pd => self.with_status(StatusCode::NO_PREFIX_AVAIL, "no prefix is available"),
            _ => self.with_status(StatusCode::NO_ADDRS_AVAIL, "no address is available"),
        }
    }

    pub(super) fn no_binding(asked: &AskedIa<'_>) -> Self {
        Self::new(asked).with_status(StatusCode::NO_BINDING, "no binding for this IA")
    }
}

const TAKEN_AWAY: Lifetimes = Lifetimes {
    preferred: 0,
    valid: 0,
};

impl Exchange<'_> {
    /// The IA of a SOLICIT or REQUEST: what is bound to it, else something new
    /// (DHCP-S-060, DHCP-S-066 to DHCP-S-069).
    pub(super) fn grant(
        &mut self,
        asked: &AskedIa<'_>,
        is_request: bool,
    ) -> Result<AnsweredIa, FindError> {
        let answer = AnsweredIa::new(asked);
        let misplaced = |(name, _): &(LeaseName, Options<'_>)| !self.link.fits(*name, asked.kind);
        if is_request && asked.kind != IaKind::Pd && asked.named.iter().any(misplaced) {
            return Ok(answer.with_status(StatusCode::NOT_ON_LINK, "an address is not on the link"));
        }
        let bound = self.bound(asked);
        let keep: Vec<LeaseName> = bound
            .into_iter()
            .filter(|name| self.is_kept(*name, asked))
            .collect();
        if keep.is_empty() {
            return self.grant_new(answer, asked);
        }
        let other = self.in_place_of(&keep, asked, is_request)?;
        let Some(other) = other else {
            return Ok(self.give(answer, asked, &keep));
        };
        if !self.is_offer {
            for name in keep {
                self.end_lease(asked, name, LeaseState::Released);
            }
        }
        Ok(self.give(answer, asked, &[other]))
    }

    fn grant_new(
        &mut self,
        answer: AnsweredIa,
        asked: &AskedIa<'_>,
    ) -> Result<AnsweredIa, FindError> {
        let chosen = self.choose(asked)?;
        if chosen.is_empty() || self.held(asked) + chosen.len() > self.config.leases_per_client {
            return Ok(answer.exhausted());
        }
        Ok(self.give(answer, asked, &chosen))
    }

    /// The leases that the client has of those it may have, where none of this IA is kept
    /// (DHCP-S-034).
    fn held(&self, asked: &AskedIa<'_>) -> usize {
        // What the client has found in use is nobody's for a while, and its share of the pool.
        // What the configuration took from this IA is not: the client gets something in its place
        // as often as the operator takes something away, and not oftener.
        let is_its = |lease: &&Lease| {
            let is_of_ia = (lease.kind, lease.iaid) == (asked.kind, asked.iaid);
            lease.valid_left(self.now.wall) > 0
                && match lease.state {
                    LeaseState::Bound => !is_of_ia || self.is_kept(lease.name, asked),
                    LeaseState::Declined => true,
                    _ => false,
                }
        };
        let held = self.binding.leases.iter().filter(is_its).count();
        // An offer binds nothing; still one message is not offered more than its client may have.
        held.max(self.given.len())
    }

    /// The IA of a RENEW or REBIND (DHCP-S-073 to DHCP-S-082). `binds` says whether an IA
    /// without binding gets one. None if there is nothing to say of it.
    pub(super) fn extend(
        &mut self,
        asked: &AskedIa<'_>,
        binds: bool,
    ) -> Result<AnsweredIa, FindError> {
        let bound = self.bound(asked);
        let (keep, lost): (Vec<_>, Vec<_>) = bound
            .iter()
            .copied()
            .partition(|name| self.is_kept(*name, asked));
        let answer = AnsweredIa::new(asked);
        let mut answer = if !keep.is_empty() {
            self.give(answer, asked, &keep)
        } else if binds {
            self.grant_new(answer, asked)?
        } else if bound.is_empty() {
            AnsweredIa::no_binding(asked)
        } else {
            answer
        };
        let gone = lost.into_iter();
        let gone: Vec<_> = gone.filter(|name| self.is_let_go(asked, *name)).collect();
        for name in &gone {
            self.end_lease(asked, *name, LeaseState::Released);
        }
        // What the client believes in and does not have, it is told to let go (DHCP-S-076).
        let given: Vec<LeaseName> = answer.leases.iter().map(|lease| lease.name).collect();
        let named = asked.named.iter().map(|(name, _)| *name);
        for name in named.chain(gone) {
            let is_ours = !given.is_empty() || !self.link.fits(name, asked.kind);
            let is_told = answer.leases.iter().any(|lease| lease.name == name);
            if is_ours && !is_told {
                answer.leases.push(Granted {
                    name,
                    lifetimes: TAKEN_AWAY,
                    pool: None,
                });
            }
        }
        if !answer.leases.is_empty() && given.is_empty() {
            answer.status = None;
        }
        Ok(answer)
    }

    /// Whether the client cannot use a lease any more that it is to lose. While it names it, it may,
    /// for the answer that takes it away may be lost; so that is no one else's until its time is
    /// over, or a message that was said after it was given names it no more (DHCP-S-027).
    fn is_let_go(&self, asked: &AskedIa<'_>, name: LeaseName) -> bool {
        let mut leases = self.binding.leases.iter();
        let given = leases.find(|lease| lease.name == name);
        let is_newer = |lease: &Lease| lease.clt.saturating_add(LATE_SECS) <= self.now.wall;
        given.is_some_and(is_newer) && !asked.named.iter().any(|(named, _)| *named == name)
    }

    /// The IA of a RELEASE or DECLINE: the leases named that are bound to it come to `state`
    /// (DHCP-S-083 to DHCP-S-087). Gives the IA without binding, to be told of it.
    pub(super) fn end(&mut self, asked: &AskedIa<'_>, state: LeaseState) -> Option<AnsweredIa> {
        let bound = self.bound(asked);
        if bound.is_empty() {
            return Some(AnsweredIa::no_binding(asked));
        }
        let named = asked.named.iter().filter(|(name, _)| bound.contains(name));
        let named: Vec<_> = named.collect();
        // One that is not as it was given is enough for none to end.
        let is_as_given =
            |(name, options): &&(LeaseName, Options<'_>)| self.excludes_the_same(*name, *options);
        if !named.iter().all(is_as_given) {
            return Some(AnsweredIa::no_binding(asked));
        }
        for (name, _) in named {
            self.end_lease(asked, *name, state);
        }
        None
    }

    /// Whether the PD_EXCLUDE inside a released prefix is what was given (DHCP-S-036).
    fn excludes_the_same(&self, name: LeaseName, options: Options<'_>) -> bool {
        let LeaseName::Prefix { prefix, len } = name else {
            return true;
        };
        let Some(told) = options.view_or_absent::<PdExclude<'_>>() else {
            return true;
        };
        let pool = self.pools.pool_of(self.link.id, name);
        let given = pool.and_then(|pool| self.excluded(name, pool));
        given.is_some()
            && given
                == told
                    .excluded_from(prefix, len)
                    .map(|at| (at, told.prefix_len()))
    }

    /// The live leases bound to the IA.
    fn bound(&self, asked: &AskedIa<'_>) -> Vec<LeaseName> {
        let of_ia = |lease: &&Lease| {
            lease.kind == asked.kind && lease.iaid == asked.iaid && lease.is_live(self.now.wall)
        };
        self.binding
            .leases
            .iter()
            .filter(of_ia)
            .map(|lease| lease.name)
            .collect()
    }

    /// Whether a lease bound to the IA may stay so: the configuration still has it for this
    /// client.
    fn is_kept(&self, name: LeaseName, asked: &AskedIa<'_>) -> bool {
        self.link.fits(name, asked.kind)
            && (self.is_reserved_here(name, asked) || self.is_for_all(name))
    }

    /// Binds the leases to the IA, or keeps them on offer, and answers with them.
    fn give(
        &mut self,
        mut answer: AnsweredIa,
        asked: &AskedIa<'_>,
        names: &[LeaseName],
    ) -> AnsweredIa {
        for &name in names {
            let pool = self.pools.pool_of(self.link.id, name);
            let lifetimes = self.lifetimes(pool, asked.kind);
            answer.leases.push(Granted {
                name,
                lifetimes,
                pool,
            });
            self.given.push(name);
            if self.is_offer {
                self.offer(asked, name);
            } else {
                self.bind(asked, name, lifetimes);
            }
        }
        if !self.is_offer {
            let ended = self.offers.end(&self.ia_ref(asked));
            self.offer_ended(ended.filter(|name| !names.contains(name)));
        }
        answer
    }

    /// Keeps a lease from others for a while; one that is bound is kept from them already.
    fn offer(&mut self, asked: &AskedIa<'_>, name: LeaseName) {
        if self.config.offer_hold == 0 || self.is_bound_already(name) {
            return;
        }
        let until = offers::until(self.now.mono, self.config.offer_hold);
        let offer = (name, asked.len);
        let before = self.offers.keep(self.ia_ref(asked), offer, until);
        self.offer_ended(before);
    }

    /// Frees what the IAs of this message were offered, where nothing is kept: one that met what
    /// another was offered took it for leased.
    pub(super) fn forget_offers(&mut self) {
        for name in std::mem::take(&mut self.given) {
            if !self.is_bound_already(name) {
                self.offer_ended(Some(name));
            }
        }
    }

    fn bind(&mut self, asked: &AskedIa<'_>, name: LeaseName, lifetimes: Lifetimes) {
        if !self.is_bound_already(name) {
            self.take(name);
        }
        put_lease(
            &mut self.binding,
            Lease {
                name,
                kind: asked.kind,
                iaid: asked.iaid,
                state: LeaseState::Bound,
                clt: self.now.wall,
                preferred: lifetimes.preferred,
                valid: lifetimes.valid,
            },
        );
        self.is_changed = true;
    }

    /// Whether the client's binding has the lease as bound, so that it is counted as taken.
    fn is_bound_already(&self, name: LeaseName) -> bool {
        let mut leases = self.binding.leases.iter();
        leases.any(|lease| lease.name == name && lease.state == LeaseState::Bound)
    }

    fn offer_ended(&mut self, name: Option<LeaseName>) {
        if let Some(name) = name.filter(|name| !self.reserved.contains(name)) {
            self.pools.offer_ended(self.link.id, name);
        }
    }

    fn lifetimes(&self, pool: Option<PoolRef>, kind: IaKind) -> Lifetimes {
        let lifetimes = self.setting(pool, |settings| settings.lifetimes);
        let mut lifetimes = lifetimes.unwrap_or(Lifetimes::DEFAULT);
        if kind == IaKind::Ta {
            lifetimes.preferred = lifetimes.preferred.min(LONGEST_TEMPORARY.preferred);
            lifetimes.valid = lifetimes.valid.min(LONGEST_TEMPORARY.valid);
        }
        lifetimes.preferred = lifetimes.preferred.min(lifetimes.valid);
        lifetimes
    }

    /// Takes a lease from the IA it is bound to.
    fn end_lease(&mut self, asked: &AskedIa<'_>, name: LeaseName, state: LeaseState) {
        let probation = self.config.probation;
        let now = self.now.wall;
        let found = self.binding.leases.iter_mut().find(|lease| {
            lease.name == name && lease.kind == asked.kind && lease.iaid == asked.iaid
        });
        let Some(lease) = found else { return };
        lease.state = state;
        lease.clt = now;
        if state == LeaseState::Declined {
            (lease.preferred, lease.valid) = (0, probation);
            self.declined.push(name);
        } else {
            self.give_back(name);
        }
        self.is_changed = true;
    }

    pub(super) fn ia_ref(&self, asked: &AskedIa<'_>) -> IaRef {
        IaRef {
            link: self.link.id,
            client: self.binding.client.octets().into(),
            kind: asked.kind,
            iaid: asked.iaid,
        }
    }

    /// The part of a delegated prefix that its pool excludes, and its length (RFC 6603).
    pub(super) fn excluded(&self, name: LeaseName, pool: PoolRef) -> Option<(Ipv6Addr, u8)> {
        let (LeaseName::Prefix { prefix, len }, PoolRef::Prefixes(at)) = (name, pool) else {
            return None;
        };
        let exclude = self.link.prefix_pools.get(at)?.exclude?;
        let inside = u128::MAX.checked_shr(u32::from(len)).unwrap_or(0);
        let bits = prefix.to_bits() | (exclude.bits & inside);
        Some((Ipv6Addr::from_bits(bits), exclude.len))
    }

    /// Puts right what time did to the client's other leases, before they are written again.
    pub(super) fn settle(&mut self) {
        let now = self.now.wall;
        let mut ended = Vec::new();
        for lease in &mut self.binding.leases {
            if lease.state == LeaseState::Bound && lease.valid_left(now) == 0 {
                lease.state = LeaseState::Reclaimed;
                ended.push(lease.name);
            }
        }
        for name in ended {
            self.give_back(name);
        }
        let mut past: Vec<(u64, LeaseName)> = self
            .binding
            .leases
            .iter()
            .filter(|lease| lease.is_over(now))
            .map(|lease| (lease.clt, lease.name))
            .collect();
        if past.len() > MAX_REMEMBERED {
            past.sort_unstable();
            past.truncate(past.len() - MAX_REMEMBERED);
            self.binding
                .leases
                .retain(|lease| !past.iter().any(|(_, name)| *name == lease.name));
        }
    }
}

/// Puts a lease into the binding, in the place of what it had of that name.
fn put_lease(binding: &mut Binding, lease: Lease) {
    match binding
        .leases
        .iter_mut()
        .find(|held| held.name == lease.name)
    {
        Some(held) => *held = lease,
        None => binding.leases.push(lease),
    }
}

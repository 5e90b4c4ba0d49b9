//! One message of a client, from its link to its answer.

use std::collections::HashSet;

use leasebook_store::{Binding, IaKind, Lease, LeaseName, LeaseState, LeaseStore, RelayData};
use leasebook_wire::code::{DEFAULT_NESTING_LIMIT, MessageType, OptionCode, StatusCode};
use leasebook_wire::option::{ElapsedTime, IaAddr};
use leasebook_wire::{Composer, Duid, RelayPath};

use super::admit::Heard;
use super::asked::{AskedIa, asked};
use super::batch::Batch;
use super::config::{Class, Config, Reservation, ServedLink, Settings};
use super::grant::AnsweredIa;
use super::key::Kept;
use super::offers::Offers;
use super::outcome::Dropped;
use super::pool::{FindError, PoolRef, Pools};
use crate::time::Now;

/// The longest that an address is registered without being registered again: 30 days. Clients do
/// that when 80 % of its lifetime are over (RFC 9686 §4.6), and a registration costs its sender
/// nothing: the book must not keep one for as long as the sender likes.
const LONGEST_REGISTRATION_SECS: u32 = 30 * 86_400;

/// Everything one message is decided by, and what comes of it.
pub(super) struct Exchange<'a> {
    pub(super) config: &'a Config,
    pub(super) link: &'a ServedLink,
    pub(super) heard: &'a Heard<'a>,
    pub(super) now: Now,
    pub(super) store: &'a dyn LeaseStore,
    pub(super) batch: &'a Batch,
    pub(super) pools: &'a mut Pools,
    pub(super) offers: &'a mut Offers,
    pub(super) random: &'a mut dyn FnMut() -> u64,
    /// Marks made in the pools, to be taken back if the commit fails.
    pub(super) marks: &'a mut Vec<Mark>,
    /// All that is reserved, for whomever.
    pub(super) reserved: &'a HashSet<LeaseName>,
    pub(super) classes: Vec<&'a Class>,
    pub(super) class_names: Vec<String>,
    pub(super) reservations: Vec<&'a Reservation>,
    /// The client's binding on the link, as it is to be.
    pub(super) binding: Binding,
    pub(super) is_changed: bool,
    /// What IAs of the message get, so that no other of it gets the same.
    pub(super) given: Vec<LeaseName>,
    /// Nothing is bound, only offered.
    pub(super) is_offer: bool,
    /// What the client found in use by others.
    pub(super) declined: Vec<LeaseName>,
    /// The key that the answer tells the client, for RECONFIGURE.
    pub(super) told_key: Option<Kept>,
}

/// A change of what the pools think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) link: leasebook_store::LinkId,
    pub(super) name: LeaseName,
    pub(super) was_taken: bool,
}

/// What is answered, before it is composed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) kind: MessageType,
    pub(super) ias: Vec<AnsweredIa>,
    /// The status of the whole message.
    pub(super) status: Option<(StatusCode, &'static str)>,
    /// It has RAPID_COMMIT.
    pub(super) is_rapid: bool,
    /// It has options for the client, besides identities, IAs and status.
    pub(super) has_options: bool,
    /// The registered address of an ADDR-REG-REPLY.
    pub(super) registered: Option<std::net::Ipv6Addr>,
}

impl Answer {
    fn new(kind: MessageType, ias: Vec<AnsweredIa>) -> Self {
        Self {
            kind,
            ias,
            status: None,
            is_rapid: false,
            has_options: true,
            registered: None,
        }
    }

    fn with_status(mut self, code: StatusCode, text: &'static str) -> Self {
        self.status = Some((code, text));
        self.has_options = false;
        self
    }
}

impl Exchange<'_> {
    /// Decides the message.
    pub(super) fn decide(&mut self) -> Result<Answer, Dropped> {
        if self.is_others_turn() {
            return Err(Dropped::Excluded);
        }
        if self.heard.is_direct_unicast() && self.may_not_use_unicast() {
            return Ok(use_multicast());
        }
        match self.heard.message.msg_type() {
            MessageType::SOLICIT => self.solicit(),
            MessageType::REQUEST => self.request(),
            MessageType::RENEW => self.renew(),
            MessageType::REBIND => self.rebind(),
            MessageType::CONFIRM => self.confirm(),
            MessageType::RELEASE => Ok(self.end_all(LeaseState::Released)),
            MessageType::DECLINE => Ok(self.end_all(LeaseState::Declined)),
            MessageType::INFORMATION_REQUEST => Ok(Answer::new(MessageType::REPLY, Vec::new())),
            super::ADDR_REG_INFORM => self.register(),
            _ => Err(Dropped::Foreign),
        }
    }

    /// Whether another server may still answer, to which the client has not yet talked in vain for
    /// long enough (DHCP-S-014). Who does not tell since when is answered.
    fn is_others_turn(&self) -> bool {
        const HUNDREDTHS: u32 = 100;
        let options = self.heard.message.options();
        let elapsed: Option<ElapsedTime> = options.view_or_absent();
        let is_for_any = !options.contains(OptionCode::SERVERID)
            && self.heard.message.msg_type() != super::ADDR_REG_INFORM;
        is_for_any
            && elapsed.is_some_and(|elapsed| {
                u32::from(elapsed.0) < self.config.answer_after.saturating_mul(HUNDREDTHS)
            })
    }

    /// A client that was not told to use unicast (DHCP-S-009).
    fn may_not_use_unicast(&self) -> bool {
        let is_address_registration = self.heard.message.msg_type() == super::ADDR_REG_INFORM;
        !is_address_registration && self.options_of(OptionCode::UNICAST).next().is_none()
    }

    fn solicit(&mut self) -> Result<Answer, Dropped> {
        let options = self.heard.message.options();
        let is_rapid = options.contains(OptionCode::RAPID_COMMIT) && self.honours_rapid_commit();
        self.is_offer = !is_rapid;
        let ias = self.each(|exchange, ia| exchange.grant(ia, false).map(Some));
        if self.is_offer && self.config.offer_hold == 0 {
            self.forget_offers();
        }
        let ias = ias?;
        let kind = if is_rapid {
            MessageType::REPLY
        } else {
            MessageType::ADVERTISE
        };
        let mut answer = Answer::new(kind, ias);
        answer.is_rapid = is_rapid;
        Ok(answer)
    }

    fn honours_rapid_commit(&self) -> bool {
        self.setting(None, |settings| settings.rapid_commit)
            .unwrap_or(false)
    }

    fn request(&mut self) -> Result<Answer, Dropped> {
        let ias = self.each(|exchange, ia| exchange.grant(ia, true).map(Some))?;
        Ok(Answer::new(MessageType::REPLY, ias))
    }

    fn renew(&mut self) -> Result<Answer, Dropped> {
        let binds = self.config.bind_on_renew;
        let ias = self.each(|exchange, ia| exchange.extend(ia, binds).map(Some))?;
        Ok(Answer::new(MessageType::REPLY, ias))
    }

    fn rebind(&mut self) -> Result<Answer, Dropped> {
        let binds = self.config.bind_on_renew && self.honours_rapid_commit();
        let ias = self.each(|exchange, ia| exchange.extend(ia, binds).map(Some))?;
        if ias
            .iter()
            .all(|ia| ia.leases.is_empty() && ia.status.is_none())
        {
            return Err(Dropped::NothingToSay);
        }
        Ok(Answer::new(MessageType::REPLY, ias))
    }

    /// Whether all addresses fit the link (DHCP-S-071, DHCP-S-072).
    fn confirm(&self) -> Result<Answer, Dropped> {
        let asked = asked(self.heard.message.options(), true);
        let addresses = asked.iter().filter(|ia| ia.kind != IaKind::Pd);
        let mut addresses = addresses.flat_map(|ia| &ia.named).peekable();
        if addresses.peek().is_none() || self.link.on_link.is_empty() {
            return Err(Dropped::NothingToSay);
        }
        let reply = Answer::new(MessageType::REPLY, Vec::new());
        Ok(
            if addresses.all(|(name, _)| self.link.fits(*name, IaKind::Na)) {
                reply.with_status(StatusCode::SUCCESS, "all addresses are on the link")
            } else {
                reply.with_status(StatusCode::NOT_ON_LINK, "an address is not on the link")
            },
        )
    }

    fn end_all(&mut self, state: LeaseState) -> Answer {
        let hears_ta = true;
        let mut ias = Vec::new();
        for ia in asked(self.heard.message.options(), hears_ta) {
            if state == LeaseState::Declined && ia.kind == IaKind::Pd {
                continue;
            }
            ias.extend(self.end(&ia, state));
        }
        self.settle_if_changed();
        Answer::new(MessageType::REPLY, ias).with_status(StatusCode::SUCCESS, "done")
    }

    /// Records an address the client made itself (RFC 9686 §4.2.1): it must be the address the
    /// message came from, and be on the link or in a prefix delegated to the client.
    fn register(&mut self) -> Result<Answer, Dropped> {
        if !self.config.register_addresses {
            return Err(Dropped::Foreign);
        }
        let options = self.heard.message.options();
        let mut addresses = options.views::<IaAddr<'_>>().filter_map(Result::ok);
        let (Some(told), None) = (addresses.next(), addresses.next()) else {
            return Err(Dropped::Malformed);
        };
        let source = self.heard.chain.innermost();
        let source = source.map_or(*self.heard.arrival.from.ip(), |level| level.peer_address());
        let name = LeaseName::Address(told.address);
        let is_in_place = self.link.fits(name, IaKind::Na) || self.is_delegated(told.address);
        if source != told.address || !is_in_place || self.reserved.contains(&name) {
            return Err(Dropped::NothingToSay);
        }
        let held = self
            .batch
            .held(self.store, name)
            .map_err(|_| Dropped::StoreFailed)?;
        // What is leased, be it to this client, is no address that a client made itself; nor is
        // one that was found in use by others.
        let now = self.now.wall;
        let lease = held.map(|held| held.lease);
        let is_kept = |lease: Lease| {
            let is_kept = matches!(lease.state, LeaseState::Bound | LeaseState::Declined);
            is_kept && lease.valid_left(now) > 0
        };
        if lease.is_some_and(is_kept) {
            return Err(Dropped::NothingToSay);
        }
        self.binding.leases.retain(|lease| lease.name != name);
        // No client fills the book with addresses that cost it nothing (DHCP-S-034).
        let kept = self.binding.leases.iter();
        let is_in_use = |lease: &&Lease| {
            let is_told = matches!(lease.state, LeaseState::Bound | LeaseState::Registered);
            is_told && lease.valid_left(now) > 0
        };
        if kept.filter(is_in_use).count() >= self.config.leases_per_client {
            return Err(Dropped::NothingToSay);
        }
        let valid = told.valid_lifetime.min(LONGEST_REGISTRATION_SECS);
        self.binding.leases.push(Lease {
            name,
            kind: IaKind::Na,
            iaid: 0,
            state: LeaseState::Registered,
            clt: self.now.wall,
            preferred: told.preferred_lifetime.min(valid),
            valid,
        });
        // One whose end was not looked at yet still counts.
        if lease.is_none_or(|lease| lease.state != LeaseState::Registered) {
            self.take(name);
        }
        self.is_changed = true;
        self.settle();
        self.keep_relay_data();
        let mut answer = Answer::new(super::ADDR_REG_REPLY, Vec::new());
        answer.registered = Some(told.address);
        answer.has_options = false;
        Ok(answer)
    }

    /// Whether the address is in a prefix that the client has.
    fn is_delegated(&self, address: std::net::Ipv6Addr) -> bool {
        let mut leases = self.binding.leases.iter();
        leases.any(|lease| {
            lease.kind == IaKind::Pd && lease.is_live(self.now.wall) && lease.name.contains(address)
        })
    }

    /// Goes through the message's IAs, and settles the rest of the binding.
    fn each(
        &mut self,
        mut decide: impl FnMut(&mut Self, &AskedIa<'_>) -> Result<Option<AnsweredIa>, FindError>,
    ) -> Result<Vec<AnsweredIa>, Dropped> {
        let heard = self.heard;
        let mut ias = Vec::new();
        for ia in asked(heard.message.options(), self.config.obsolete.ia_ta) {
            ias.extend(decide(self, &ia)?);
        }
        self.settle_if_changed();
        Ok(ias)
    }

    fn settle_if_changed(&mut self) {
        if self.is_changed {
            self.settle();
            self.keep_relay_data();
            self.keep_options();
        }
    }

    /// The relays of this message replace those of the last (BLQ-S-042, DHCP-S-102).
    fn keep_relay_data(&mut self) {
        let Some(outermost) = self.heard.chain.outermost() else {
            self.binding.relay = None;
            return;
        };
        let mut chain = Vec::new();
        let taken = RelayPath::take_from(outermost.octets(), DEFAULT_NESTING_LIMIT, &mut chain);
        self.binding.relay = taken.is_ok().then(|| RelayData {
            peer: *self.heard.arrival.from.ip(),
            chain,
        });
    }

    /// What Leasequery may tell of the client besides its leases (D-11): its name, its
    /// link-layer address; and its key, which is told to no one else.
    fn keep_options(&mut self) {
        let key = self.key();
        let mut options = Vec::new();
        let mut kept = Composer::bare(&mut options);
        let innermost = self.heard.chain.innermost();
        if let Some(address) =
            innermost.and_then(|level| level.options().first(OptionCode::CLIENT_LINKLAYER_ADDR))
        {
            // It fits: it came in an option.
            let _ = kept.option(address.code, address.data);
        }
        if let Some(fqdn) = self.fqdn() {
            let _ = kept.add(&fqdn);
        }
        if let Some(key) = &key {
            let _ = key.put(&mut kept);
        }
        if kept.finish().is_ok() {
            self.binding.options = options;
        }
    }

    /// The client's key for RECONFIGURE, as it is to be kept: told in this answer if the client
    /// says that it accepts RECONFIGURE, gone if it says so no more (DHCP-S-070, DHCP-S-092).
    fn key(&mut self) -> Option<Kept> {
        if !self.config.reconfigure {
            return None;
        }
        let kept = Kept::of(&self.binding.options);
        let message = self.heard.message;
        if !matches!(
            message.msg_type(),
            MessageType::SOLICIT | MessageType::REQUEST | MessageType::RENEW | MessageType::REBIND
        ) {
            return kept;
        }
        if !self.accepts_reconfigure() {
            return None;
        }
        let mut key = kept.unwrap_or_else(|| Kept::draw(self.random));
        key.reserve(self.now.wall, 1);
        self.told_key = Some(key);
        Some(key)
    }

    /// Whether the client and the configuration would have RECONFIGURE (DHCP-S-064).
    pub(super) fn accepts_reconfigure(&self) -> bool {
        let options = self.heard.message.options();
        self.config.reconfigure && options.contains(OptionCode::RECONF_ACCEPT)
    }

    /// What the narrowest level says that says anything (see [`super::config`]).
    pub(super) fn setting<T>(
        &self,
        pool: Option<PoolRef>,
        get: impl Fn(&Settings) -> Option<T>,
    ) -> Option<T> {
        self.levels(pool).find_map(get)
    }

    /// The settings that hold for the client, narrowest first.
    pub(super) fn levels(&self, pool: Option<PoolRef>) -> impl Iterator<Item = &Settings> {
        let reservations = self
            .reservations
            .iter()
            .map(|reservation| &reservation.settings);
        let classes = self.classes.iter().map(|class| &class.settings);
        let pool = pool.and_then(|pool| pool.settings(self.link));
        reservations
            .chain(classes)
            .chain(pool)
            .chain([&self.link.settings, &self.config.settings])
    }

    /// The lease is in use from now on.
    pub(super) fn take(&mut self, name: LeaseName) {
        self.mark(name, true);
    }

    /// The lease may be given to others again, unless it is kept from them.
    pub(super) fn give_back(&mut self, name: LeaseName) {
        if self.is_for_all(name) {
            self.mark(name, false);
        }
    }

    fn mark(&mut self, name: LeaseName, is_taken: bool) {
        let link = self.link.id;
        if is_taken {
            self.pools.take(link, name);
        } else {
            self.pools.give_back(link, name);
        }
        self.marks.push(Mark {
            link,
            name,
            was_taken: !is_taken,
        });
    }
}

/// An empty binding of a client.
pub(super) fn nothing_yet(link: leasebook_store::LinkId, client: Duid) -> Binding {
    Binding {
        link,
        client,
        leases: Vec::new(),
        relay: None,
        options: Vec::new(),
    }
}

fn use_multicast() -> Answer {
    Answer::new(MessageType::REPLY, Vec::new())
        .with_status(StatusCode::USE_MULTICAST, "send it to the multicast group")
}

//! The server itself.

use std::collections::HashSet;
use std::sync::Arc;

use leasebook_store::{
    Binding, Change, IaKind, Lease, LeaseName, LeaseState, LeaseStore, LinkId, Record, StoreError,
};
use leasebook_wire::code::{DEFAULT_NESTING_LIMIT, MessageType};
use leasebook_wire::{Composer, Duid, RelayChain, RelayMessage};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::admit::{Heard, admit};
use super::batch::{Arrival, Batch};
use super::classify::{Classifier, Standing};
use super::config::{Config, ServedLink};
use super::ends::{End, Ends, end_of};
use super::exchange::{Answer, Exchange, Mark, nothing_yet};
use super::offers::Offers;
use super::outcome::{Did, Dropped, Outcome};
use super::place::Places;
use super::pool::{Pools, Usage};
use super::reconfigure::Reconfigures;
use super::wrap::{envelope, wrap};
use crate::rate::Rate;
use crate::time::Now;

/// The DHCPv6 server.
///
/// It remembers nothing that the book does not: pools are a guess of what is free, offers are
/// kept for seconds. Whoever drives it
///
/// 1. gives it datagrams with [`Server::datagram`], each decided against the book and the batch,
/// 2. commits the changes that [`Server::begin_commit`] gives, and says how that went with
///    [`Server::committed`] or [`Server::abandoned`],
/// 3. and only then sends those of the batch's replies that are bound to them.
///
/// Between the two, datagrams may be decided further, into the same batch.
#[derive(Debug)]
pub struct Server {
    pub(super) config: Arc<Config>,
    pub(super) places: Places,
    classifier: Classifier,
    reserved: HashSet<LeaseName>,
    pub(super) pools: Pools,
    offers: Offers,
    random: StdRng,
    clients: Rate,
    relays: Rate,
    /// What comes of the batch in progress.
    pending: Pending,
    /// What comes of those changes that are on their way to the disk.
    underway: Pending,
    /// When probations, and registrations of addresses, end.
    pub(super) ends: Ends,
    notices: Vec<Notice>,
    pub(super) reconfigures: Reconfigures,
}

/// Something the operator should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A client found an address in use; nobody gets it for the probation (DHCP-S-086).
    Declined {
        /// The link.
        link: LinkId,
        /// The client.
        client: Duid,
        /// The address.
        lease: LeaseName,
    },
    /// A client did not do what it was told by RECONFIGURE (DHCP-S-097).
    Unanswered {
        /// The link.
        link: LinkId,
        /// The client's DUID.
        client: Box<[u8]>,
    },
    /// A client got nothing, for all pools that it may use are empty.
    Exhausted {
        /// The link.
        link: LinkId,
        /// Of what.
        kind: IaKind,
    },
}

/// What rests on changes that are not durable yet.
#[derive(Debug, Default)]
struct Pending {
    /// What they changed in the pools: taken back if they fail.
    marks: Vec<Mark>,
    /// Probations and registrations that begin or go on, once they are durable.
    ends: Vec<End>,
    /// What the operator should know then.
    notices: Vec<Notice>,
}

impl Pending {
    /// Takes over what came later.
    fn append(&mut self, later: &mut Self) {
        self.marks.append(&mut later.marks);
        self.ends.append(&mut later.ends);
        self.notices.append(&mut later.notices);
    }
}

/// Notices kept at most until they are taken.
const MAX_NOTICES: usize = 256;

impl Server {
    /// A server of `config`; `seed` is what nobody can guess.
    pub fn new(config: Arc<Config>, seed: [u8; 32]) -> Self {
        let mut server = Self {
            config: Arc::clone(&config),
            places: Places::default(),
            classifier: Classifier::default(),
            reserved: HashSet::new(),
            pools: Pools::default(),
            offers: Offers::default(),
            random: StdRng::from_seed(seed),
            clients: Rate::default(),
            relays: Rate::default(),
            pending: Pending::default(),
            underway: Pending::default(),
            ends: Ends::default(),
            notices: Vec::new(),
            reconfigures: Reconfigures::default(),
        };
        server.reconfigure(config);
        server
    }

    /// Puts another configuration in force. Which leases are taken has to be told again by
    /// [`Server::occupy`]; until then the book is asked more often, and nothing is given twice.
    pub fn reconfigure(&mut self, config: Arc<Config>) {
        self.places = Places::new(&config).with_interfaces_of(&self.places);
        self.classifier = Classifier::new(&config);
        let links = config.links.iter().flat_map(|link| &link.reservations);
        let reserved = links.chain(&config.reservations);
        self.reserved = reserved
            .flat_map(|reservation| reservation.leases.clone())
            .collect();
        self.pools.reconfigure(&config);
        self.ends = Ends::default();
        self.config = config;
    }

    /// Which interfaces, by index, have directly attached clients of which link.
    pub fn set_interfaces(&mut self, interfaces: &[(u32, LinkId)]) {
        self.places.set_interfaces(interfaces);
    }

    /// Tells of a lease in the book; for each once after a start, in any order, and then
    /// [`Server::all_told`].
    pub fn occupy(&mut self, link: LinkId, lease: &Lease, now: u64) {
        let is_over = lease.valid_left(now) == 0;
        match lease.state {
            LeaseState::Released | LeaseState::Reclaimed => return,
            LeaseState::Declined if is_over => return,
            // It is free, but its client may still renew it: it counts until it is taken back.
            LeaseState::Bound | LeaseState::Registered if is_over => {
                self.pools.count(link, lease.name, true);
            }
            _ => self.pools.take(link, lease.name),
        }
        if let Some(until) = end_of(lease) {
            self.ends.set((link, lease.name, until));
        }
    }

    /// Every lease of the book has been told of.
    pub fn all_told(&mut self) {
        self.pools.complete();
    }

    /// The link of this number, if it is configured.
    pub(super) fn served(&self, link: LinkId) -> Option<&ServedLink> {
        self.config.links.get(self.places.at(link)?)
    }

    /// How full each pool is.
    pub fn usage(&self) -> impl Iterator<Item = Usage> {
        self.pools.usage()
    }

    /// Takes what the operator should know.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Decides one datagram, whatever its octets: changes and reply are added to `batch`.
    pub fn datagram(
        &mut self,
        now: Now,
        arrival: &Arrival,
        octets: &[u8],
        store: &dyn LeaseStore,
        batch: &mut Batch,
    ) -> Outcome {
        let kind = MessageType(octets.first().copied().unwrap_or(0));
        let (kind, hops, did) = match RelayChain::parse(octets, DEFAULT_NESTING_LIMIT) {
            Err(_) => (kind, 0, Err(Dropped::Malformed)),
            Ok(chain) => {
                let marks_before = self.pending.marks.len();
                let did = self.message(now, arrival, &chain, store, batch);
                if did.is_err() {
                    // What it did to the pools will not be in the book.
                    let undone = self.pending.marks.split_off(marks_before);
                    self.undo(undone);
                }
                (chain.message().msg_type(), chain.depth(), did)
            }
        };
        let did = did.map_or_else(Did::Dropped, Did::Answered);
        Outcome { kind, hops, did }
    }

    fn message(
        &mut self,
        now: Now,
        arrival: &Arrival,
        chain: &RelayChain<'_>,
        store: &dyn LeaseStore,
        batch: &mut Batch,
    ) -> Result<MessageType, Dropped> {
        let is_forward = |level: RelayMessage<'_>| level.msg_type() == MessageType::RELAY_FORW;
        if !chain.levels().all(is_forward) {
            return Err(Dropped::Foreign);
        }
        let config = Arc::clone(&self.config);
        let hears_unicast = config.obsolete.unicast;
        let heard = admit(arrival, chain, config.server_id.octets(), hears_unicast)?;
        if !self.is_in_time(&heard, now) {
            return Err(Dropped::TooOften);
        }
        let (pools, offers, reserved) = (&mut self.pools, &mut self.offers, &self.reserved);
        offers.expire(now.mono, &mut |link, name| {
            if !reserved.contains(&name) {
                pools.offer_ended(link, name);
            }
        });
        let place = self.places.of(chain, arrival).ok_or(Dropped::NoLink)?;
        let link = config.links.get(place).ok_or(Dropped::NoLink)?;
        let reservations = self.classifier.reservations(&config, place, &heard);
        let standing = Standing {
            link: &link.name,
            is_reserved: !reservations.is_empty(),
        };
        let classes = self.classifier.classes(&heard, standing);
        let classes: Vec<_> = classes
            .into_iter()
            .filter_map(|at| config.classes.get(at))
            .collect();
        let class_names: Vec<String> = classes.iter().map(|class| class.name.clone()).collect();
        if !is_allowed(link, &class_names) {
            return Err(Dropped::Excluded);
        }
        let binding = binding(&heard, link.id, store, batch).map_err(|_| Dropped::StoreFailed)?;
        let random = &mut self.random;
        let mut exchange = Exchange {
            config: &config,
            link,
            heard: &heard,
            now,
            store,
            batch,
            pools,
            offers,
            random: &mut || random.next_u64(),
            marks: &mut self.pending.marks,
            reserved: &self.reserved,
            classes,
            class_names,
            reservations,
            binding,
            is_changed: false,
            given: Vec::new(),
            is_offer: false,
            declined: Vec::new(),
            told_key: None,
        };
        let answer = exchange.decide()?;
        let mut octets = Vec::with_capacity(LIKELY_OCTETS);
        compose(&exchange, &answer, &mut octets)?;
        let Exchange {
            mut binding,
            is_changed,
            declined,
            ..
        } = exchange;
        self.notice(&answer, link.id, &binding.client, &declined);
        // What the client asked just before may be what this answer tells of.
        let is_bound = is_changed || batch.changes(link.id, binding.client.octets());
        let envelope = envelope(arrival, chain, config.to_source_port, is_bound);
        self.reconfigures
            .heard(link.id, binding.client.octets(), heard.message.msg_type());
        if chain.depth() > 0 && config.reconfigure {
            self.reconfigures.learn_way(link.id, &envelope);
        }
        if is_changed {
            self.reconfigures.overtaken(now.wall, &mut binding);
            self.hold(&binding, now);
            batch.put(binding);
        }
        batch.reply(envelope, &octets);
        Ok(answer.kind)
    }

    fn is_in_time(&mut self, heard: &Heard<'_>, now: Now) -> bool {
        let rates = self.config.rates;
        let client = heard.client.map_or(&[][..], |client| client.octets());
        let relay = heard.arrival.from.ip().octets();
        let is_relayed = heard.chain.depth() > 0;
        self.clients.allows(client, rates.per_client, now.mono)
            && (!is_relayed || self.relays.allows(&relay, rates.per_relay, now.mono))
    }

    fn notice(&mut self, answer: &Answer, link: LinkId, client: &Duid, declined: &[LeaseName]) {
        use leasebook_wire::code::StatusCode;
        for &lease in declined {
            let client = client.clone();
            self.pending.notices.push(Notice::Declined {
                link,
                client,
                lease,
            });
        }
        for ia in &answer.ias {
            let status = ia.status.map(|(code, _)| code);
            if matches!(
                status,
                Some(StatusCode::NO_ADDRS_AVAIL | StatusCode::NO_PREFIX_AVAIL)
            ) {
                self.tell(Notice::Exhausted {
                    link,
                    kind: ia.kind,
                });
            }
        }
    }

    /// The pools know what a changed binding has. That it was there before does not say that they
    /// knew: its record may just have moved to where all was told of already, or its lease have
    /// ended and not been taken back.
    fn hold(&mut self, binding: &Binding, now: Now) {
        for lease in &binding.leases {
            if !lease.is_over(now.wall) {
                self.pools.hold(binding.link, lease.name);
            }
            if let Some(until) = end_of(lease).filter(|until| *until >= now.wall) {
                self.pending.ends.push((binding.link, lease.name, until));
            }
        }
    }

    pub(super) fn tell(&mut self, notice: Notice) {
        if self.notices.len() < MAX_NOTICES {
            self.notices.push(notice);
        }
    }

    /// The batch's changes are on their way to the disk from now on: these are to be committed,
    /// in order. Until [`Server::committed`] or [`Server::abandoned`] there is no other commit.
    pub fn begin_commit(&mut self, batch: &mut Batch) -> Vec<Change> {
        self.underway.append(&mut self.pending);
        self.reconfigures.begin_commit();
        batch.begin_commit()
    }

    /// The changes that were on their way are durable.
    pub fn committed(&mut self, batch: &mut Batch) {
        self.underway.marks.clear();
        for end in self.underway.ends.drain(..) {
            self.ends.set(end);
        }
        for notice in std::mem::take(&mut self.underway.notices) {
            self.tell(notice);
        }
        self.reconfigures.committed();
        batch.committed();
    }

    /// The changes that were on their way could not be made: nothing of them has happened, and
    /// what the batch decided since, and may rest on them, does not hold either.
    pub fn abandoned(&mut self, batch: &mut Batch) {
        batch.abandoned();
        self.reconfigures.abandoned();
        self.underway.append(&mut self.pending);
        let undone = std::mem::take(&mut self.underway);
        self.undo(undone.marks);
    }

    /// Puts the pools back to what they were before these changes, the newest of which is the last.
    fn undo(&mut self, marks: Vec<Mark>) {
        for mark in marks.into_iter().rev() {
            if mark.was_taken {
                self.pools.take(mark.link, mark.name);
            } else {
                self.free(mark.link, mark.name);
            }
        }
    }

    /// Takes back the leases of `records` that have run out, and addresses whose probation is
    /// over; not all of them if that makes the batch [large](Batch::is_large). `records` are what
    /// [`Book::ended`](leasebook_store::Book::ended) gives.
    pub fn reclaim(
        &mut self,
        now: Now,
        records: &[Record],
        store: &dyn LeaseStore,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        self.end_probations(now, store, batch)?;
        for record in records {
            if batch.is_large() {
                break;
            }
            let view = record.view();
            let Some(mut binding) = batch.binding(store, view.link(), view.client())? else {
                continue;
            };
            let mut is_changed = false;
            for lease in &mut binding.leases {
                if lease.state == LeaseState::Bound && lease.valid_left(now.wall) == 0 {
                    lease.state = LeaseState::Reclaimed;
                    is_changed = true;
                    self.free(view.link(), lease.name);
                    let (link, name) = (view.link(), lease.name);
                    let was_taken = true;
                    self.pending.marks.push(Mark {
                        link,
                        name,
                        was_taken,
                    });
                }
            }
            if is_changed {
                batch.put(binding);
            }
        }
        Ok(())
    }

    /// Nobody has the lease any more; it is kept from all if it is reserved or excluded.
    pub(super) fn free(&mut self, link: LinkId, name: LeaseName) {
        let is_excluded = self.served(link).is_some_and(|link| link.excludes(name));
        if !self.reserved.contains(&name) && !is_excluded {
            self.pools.give_back(link, name);
        }
    }
}

/// Octets of most replies.
const LIKELY_OCTETS: usize = 512;

/// Whether the link's policy has the client (DHCP-S-013).
fn is_allowed(link: &ServedLink, classes: &[String]) -> bool {
    let is_in = |names: &[String]| names.iter().any(|name| classes.contains(name));
    (link.allow.is_empty() || is_in(&link.allow)) && !is_in(&link.deny)
}

fn binding(
    heard: &Heard<'_>,
    link: LinkId,
    store: &dyn LeaseStore,
    batch: &Batch,
) -> Result<Binding, StoreError> {
    let Some(client) = heard.client else {
        // Only for an INFORMATION-REQUEST, which binds nothing.
        return Ok(nothing_yet(link, Duid::uuid([0; 16])));
    };
    let found = batch.binding(store, link, client.octets())?;
    Ok(found.unwrap_or_else(|| nothing_yet(link, client.to_owned())))
}

fn compose(exchange: &Exchange<'_>, answer: &Answer, octets: &mut Vec<u8>) -> Result<(), Dropped> {
    let mut message = Composer::bare(octets);
    wrap(exchange.heard.chain, &mut message, &mut |message| {
        exchange.compose(answer, message)
    })
    .and_then(|()| message.finish())
    .map(|_| ())
    .map_err(|_| Dropped::TooLarge)
}

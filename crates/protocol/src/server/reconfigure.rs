//! Telling clients to ask anew: RECONFIGURE, and sending it again (RFC 8415 §18.3.11).

use std::collections::{BTreeSet, HashMap};
use std::net::{Ipv6Addr, SocketAddrV6};
use std::time::Duration;

use leasebook_store::{Binding, LeaseName, LeaseStore, LinkId, Record, RecordView, StoreError};
use leasebook_wire::code::{DEFAULT_NESTING_LIMIT, MessageType, OptionCode};
use leasebook_wire::option::{ReconfMsg, ReconfigureKey};
use leasebook_wire::{ComposeError, Composer, RelayMessage, RelayPath, Xid};

use super::batch::{Batch, Reply};
use super::key::{KEY_OCTETS, Kept};
use super::machine::{Notice, Server};
use super::wrap::{CLIENT_PORT, SERVER_PORT, wrap_levels};
use crate::time::{Mono, Now};

/// The wait for the first answer; each further wait is twice as long. Source: RFC 8415 §7.6.
const REC_TIMEOUT: Duration = Duration::from_secs(2);

/// How often a RECONFIGURE is sent in all. Source: RFC 8415 §7.6.
const REC_MAX_RC: u32 = 8;

/// Clients told and not yet heard from, at most.
const MAX_WAITING: usize = 1 << 16;

/// Relays remembered by the way they are answered, of which as many again may be less recent.
const MAX_WAYS: usize = 1 << 15;

/// Why a client is not told to ask anew.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotTold {
    /// The configuration does not use RECONFIGURE (DHCP-S-070).
    #[error("dhcp.reconfigure is false")]
    Off,
    /// The client has no lease on this link.
    #[error("the client has no lease")]
    NoLease,
    /// The configuration has the link no more: what the client asks would not be answered.
    #[error("its link is not in the configuration")]
    NoLink,
    /// The client never accepted RECONFIGURE, so it has no key (DHCP-S-092).
    #[error("the client does not accept RECONFIGURE")]
    NoKey,
    /// The client came without a relay and has no address here, only prefixes.
    #[error("the client is attached directly and has no leased address to be reached at")]
    NoAddress,
    /// Very many clients are being told already; later there is room again.
    #[error("too many clients are being told already")]
    Busy,
    /// The book could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

type Client = (LinkId, Box<[u8]>);

/// A client that was told to ask anew and has not yet.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    ask: ReconfMsg,
    /// Messages sent so far.
    sent: u32,
    /// The replay detection value of the first; each further one has one more.
    replay: u64,
    /// When the next is sent, or it is given up.
    next: Mono,
}

/// The clients being told.
#[derive(Debug, Default)]
pub(super) struct Reconfigures {
    waiting: HashMap<Client, Waiting>,
    due: BTreeSet<(Mono, Client)>,
    /// Those of the batch in progress: their replay detection values are not yet durable.
    fresh: Vec<Client>,
    /// The same of the batch that is on its way to the disk.
    underway: Vec<Client>,
    ways: Ways,
}

/// How relays are answered: each as it last was.
///
/// Those heard lately are remembered, all others forgotten, so that forged addresses cost
/// memory up to a bound, and no relay that still speaks.
#[derive(Debug, Default)]
struct Ways {
    recent: HashMap<(LinkId, Ipv6Addr), Way>,
    /// What was recent before.
    older: HashMap<(LinkId, Ipv6Addr), Way>,
}

/// Where a relay is answered, from which of our addresses, and by which interface.
#[derive(Clone, Copy, Debug)]
struct Way {
    to: SocketAddrV6,
    from: Option<Ipv6Addr>,
    interface: u32,
}

impl Ways {
    fn learn(&mut self, relay: (LinkId, Ipv6Addr), way: Way) {
        if self.recent.len() >= MAX_WAYS && !self.recent.contains_key(&relay) {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(relay, way);
    }

    fn of(&self, relay: (LinkId, Ipv6Addr)) -> Option<Way> {
        let recent = self.recent.get(&relay);
        recent.or_else(|| self.older.get(&relay)).copied()
    }
}

impl Reconfigures {
    /// Takes a client's message: what was asked for has come (DHCP-S-097).
    pub(super) fn heard(&mut self, link: LinkId, client: &[u8], kind: MessageType) -> bool {
        if self.waiting.is_empty() {
            return false;
        }
        let key = (link, Box::from(client));
        let is_asked = |waiting: &Waiting| waiting.ask.msg_type() == kind;
        self.waiting.get(&key).is_some_and(is_asked) && self.forget(&key)
    }

    /// A client that is still to be told gets an answer, with a newer replay detection value
    /// than those reserved for what it is told: reserves newer ones in the binding that is
    /// committed with the answer. Else the client would take none of them (DHCP-S-095).
    pub(super) fn overtaken(&mut self, now: u64, binding: &mut Binding) {
        if self.waiting.is_empty() {
            return;
        }
        let client = (binding.link, Box::from(binding.client.octets()));
        if let Some(waiting) = self.waiting.get_mut(&client)
            && let Some(mut kept) = Kept::of(&binding.options)
        {
            let left = REC_MAX_RC.saturating_sub(waiting.sent);
            let first = kept.reserve(now, left.into());
            waiting.replay = first.saturating_sub(waiting.sent.into());
            binding.options = kept.replace_in(&binding.options);
            self.fresh.push(client);
        }
    }

    /// Remembers how a relay is answered for clients of a link: its address alone tells neither
    /// its port nor the interface (DHCP-S-096).
    pub(super) fn learn_way(&mut self, link: LinkId, reply: &Reply) {
        let way = Way {
            to: reply.to,
            from: reply.from,
            interface: reply.interface,
        };
        self.ways.learn((link, *reply.to.ip()), way);
    }

    pub(super) fn begin_commit(&mut self) {
        self.underway.append(&mut self.fresh);
    }

    pub(super) fn committed(&mut self) {
        self.underway.clear();
    }

    pub(super) fn abandoned(&mut self) {
        self.begin_commit();
        for client in std::mem::take(&mut self.underway) {
            self.forget(&client);
        }
    }

    fn begin(&mut self, client: Client, waiting: Waiting) {
        self.forget(&client);
        self.due.insert((waiting.next, client.clone()));
        self.fresh.push(client.clone());
        self.waiting.insert(client, waiting);
    }

    fn forget(&mut self, client: &Client) -> bool {
        let Some(waiting) = self.waiting.remove(client) else {
            return false;
        };
        self.due.remove(&(waiting.next, client.clone()));
        true
    }

    /// Takes the next client whose time has come; it waits for its next time from now on.
    fn next(&mut self, now: Mono) -> Option<(Client, Waiting)> {
        let (at, client) = self.due.pop_first_if(now)?;
        let waiting = self.waiting.get_mut(&client)?;
        debug_assert_eq!(waiting.next, at);
        let told = *waiting;
        let wait = REC_TIMEOUT.saturating_mul(1 << told.sent.min(REC_MAX_RC));
        waiting.sent += 1;
        waiting.next = now.after(wait);
        self.due.insert((waiting.next, client.clone()));
        Some((client, told))
    }
}

/// [`BTreeSet::pop_first`] of what is due.
trait PopDue {
    fn pop_first_if(&mut self, now: Mono) -> Option<(Mono, Client)>;
}

impl PopDue for BTreeSet<(Mono, Client)> {
    fn pop_first_if(&mut self, now: Mono) -> Option<(Mono, Client)> {
        if self.first().is_some_and(|(at, _)| *at <= now) {
            return self.pop_first();
        }
        None
    }
}

impl Server {
    /// Begins to tell a client to send `ask`, by RECONFIGURE (DHCP-S-091 to DHCP-S-097).
    ///
    /// Nothing is sent yet: the replay detection values that the messages will have are
    /// reserved in `batch`, and once that is committed [`Server::send_reconfigures`] sends.
    pub fn reconfigure_client(
        &mut self,
        now: Now,
        (link, client): (LinkId, &[u8]),
        ask: ReconfMsg,
        store: &dyn LeaseStore,
        batch: &mut Batch,
    ) -> Result<(), NotTold> {
        if !self.config.reconfigure {
            return Err(NotTold::Off);
        }
        let Some(mut binding) = batch.binding(store, link, client)? else {
            return Err(NotTold::NoLease);
        };
        if self.served(link).is_none() {
            return Err(NotTold::NoLink);
        }
        if !binding.leases.iter().any(|lease| lease.is_live(now.wall)) {
            return Err(NotTold::NoLease);
        }
        let Some(mut kept) = Kept::of(&binding.options) else {
            return Err(NotTold::NoKey);
        };
        let is_address = |name: &LeaseName| matches!(name, LeaseName::Address(_));
        let live = binding
            .leases
            .iter()
            .filter(|lease| lease.is_live(now.wall));
        if binding.relay.is_none() && !live.map(|lease| &lease.name).any(is_address) {
            return Err(NotTold::NoAddress);
        }
        if self.reconfigures.waiting.len() >= MAX_WAITING {
            return Err(NotTold::Busy);
        }
        let waiting = Waiting {
            ask,
            sent: 0,
            replay: kept.reserve(now.wall, REC_MAX_RC.into()),
            next: now.mono,
        };
        binding.options = kept.replace_in(&binding.options);
        batch.put(binding);
        self.reconfigures.begin((link, client.into()), waiting);
        Ok(())
    }

    /// Adds to `batch` the RECONFIGURE messages whose time has come, at most `limit`; returns
    /// how many. Clients that did not answer the last of theirs are given up and told of by
    /// [`Notice::Unanswered`].
    pub fn send_reconfigures(
        &mut self,
        now: Now,
        limit: usize,
        store: &dyn LeaseStore,
        batch: &mut Batch,
    ) -> Result<usize, StoreError> {
        let mut sent = 0;
        while sent < limit
            && let Some((client, waiting)) = self.reconfigures.next(now.mono)
        {
            if waiting.sent >= REC_MAX_RC {
                self.reconfigures.forget(&client);
                self.tell(Notice::Unanswered {
                    link: client.0,
                    client: client.1,
                });
                continue;
            }
            let record = store.binding(client.0, &client.1)?;
            match record.and_then(|record| self.make(&record, &waiting, now)) {
                Some((reply, octets)) => {
                    batch.reply(reply, &octets);
                    sent += 1;
                }
                // It gave its leases up, or accepts no RECONFIGURE any more.
                None => {
                    self.reconfigures.forget(&client);
                }
            }
        }
        Ok(sent)
    }

    /// Clients that were told to ask anew and have not yet.
    pub fn reconfigures_waiting(&self) -> usize {
        self.reconfigures.waiting.len()
    }

    /// Whether the configuration uses RECONFIGURE at all (DHCP-S-070).
    pub fn uses_reconfigure(&self) -> bool {
        self.config.reconfigure
    }

    /// Whether this record's client can be told: it has a key (DHCP-S-092), and its link is one
    /// on which it would be answered.
    pub fn can_reconfigure(&self, record: &RecordView<'_>) -> bool {
        self.config.reconfigure
            && self.served(record.link()).is_some()
            && Kept::of(record.options()).is_some()
    }

    /// A live lease of this record for which the configuration has no room any more.
    pub fn misplaced(&self, record: &RecordView<'_>, now: u64) -> Option<LeaseName> {
        let mut live = record.leases().filter(|lease| lease.is_live(now));
        let Some(link) = self.served(record.link()) else {
            return live.next().map(|lease| lease.name);
        };
        live.find(|lease| !link.fits(lease.name, lease.kind) || link.excludes(lease.name))
            .map(|lease| lease.name)
    }

    /// The message, and where it goes (DHCP-S-096).
    fn make(&self, record: &Record, waiting: &Waiting, now: Now) -> Option<(Reply, Vec<u8>)> {
        let view = record.view();
        self.served(view.link())?;
        let kept = Kept::of(view.options())?;
        let replay = waiting.replay.checked_add(waiting.sent.into())?;
        let message = self.compose_reconfigure(view.client(), waiting.ask, (&kept, replay));
        let message = message.ok()?;
        let (way, octets) = if let Some(relay) = view.relay() {
            let plain = Way {
                to: SocketAddrV6::new(relay.peer, SERVER_PORT, 0, 0),
                from: None,
                interface: 0,
            };
            let way = self.reconfigures.ways.of((view.link(), relay.peer));
            (way.unwrap_or(plain), through(relay.chain, &message).ok()?)
        } else {
            let mut live = view.leases().filter(|lease| lease.is_live(now.wall));
            let address = live.find_map(|lease| match lease.name {
                LeaseName::Address(address) => Some(address),
                LeaseName::Prefix { .. } => None,
            })?;
            let way = Way {
                to: SocketAddrV6::new(address, CLIENT_PORT, 0, 0),
                from: None,
                interface: self.places.only_interface(view.link()).unwrap_or(0),
            };
            (way, message)
        };
        let reply = Reply {
            to: way.to,
            from: way.from,
            interface: way.interface,
            octets: 0..0,
            is_bound: false,
        };
        Some((reply, octets))
    }

    /// SERVERID, CLIENTID, RECONF_MSG and AUTH, whose HMAC comes last (DHCP-S-091).
    fn compose_reconfigure(
        &self,
        client: &[u8],
        ask: ReconfMsg,
        (kept, replay): (&Kept, u64),
    ) -> Result<Vec<u8>, ComposeError> {
        let mut octets = Vec::new();
        let mut message = Composer::client(&mut octets, MessageType::RECONFIGURE, Xid([0; 3]));
        message.option(OptionCode::SERVERID, self.config.server_id.octets())?;
        message.option(OptionCode::CLIENTID, client)?;
        message.add(&ask)?;
        message.reconfigure_key(replay, &ReconfigureKey::HmacMd5([0; KEY_OCTETS]))?;
        message.finish()?;
        let signature = kept.sign(&octets);
        if let Some(place) = octets.last_chunk_mut() {
            *place = signature;
        }
        Ok(octets)
    }
}

/// Puts RELAY-REPLs of the kept chain around a message (RFC 8415 §19.3).
fn through(chain: &[u8], message: &[u8]) -> Result<Vec<u8>, ComposeError> {
    let path = RelayPath::parse(chain, DEFAULT_NESTING_LIMIT)?;
    let levels: Vec<RelayMessage<'_>> = path.levels().collect();
    let mut octets = Vec::new();
    let mut composer = Composer::bare(&mut octets);
    wrap_levels(&levels, &mut composer, &mut |inner| {
        inner.put(message);
        Ok(())
    })?;
    composer.finish()?;
    Ok(octets)
}

//! A client: its exchanges, retransmissions and whims (RFC 8415 §15, §18.2).

use leasebook_store::{IaKind, LeaseName};
use leasebook_wire::code::{MessageType, StatusCode};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::message::{Heard, Ia, Key, Recall, Said, ToldIa};
use crate::path::Path;
use crate::patience::{Exchange, Patience, patience};
use crate::site::duid;

/// Longer than any datagram is on its way, so that no late one meets a new exchange, in
/// milliseconds.
const QUIET: u64 = 12_000;

/// A lease that the client may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) kind: IaKind,
    pub(crate) iaid: u32,
    pub(crate) name: LeaseName,
    /// Unix seconds at which it ends, counted from when the server decided.
    pub(crate) until: u64,
}

/// Both clocks as a client needs them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub(crate) ms: u64,
    pub(crate) wall: u64,
}

/// What a client does when no one asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whim {
    Release,
    /// It loses power, and all memory.
    Forget,
    /// Its link was down for a moment.
    Flap,
    /// It is on another link now.
    Move,
    Inform,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Switched off until then.
    Off(u64),
    Waiting,
    Bound,
}

pub(crate) struct Client {
    pub(crate) duid: Vec<u8>,
    pub(crate) path: Path,
    pub(crate) held: Vec<Held>,
    wants: Vec<(IaKind, u32)>,
    asks_rapid: bool,
    pub(crate) accepts_reconfigure: bool,
    /// What the newest REPLY told it to know RECONFIGURE by.
    key: Option<(u64, Key)>,
    phase: Phase,
    exchange: Option<Exchange>,
    advertised: Option<Heard>,
    server: Vec<u8>,
    /// When it renews and rebinds: milliseconds.
    times: (u64, u64),
    whim: Option<(u64, Whim)>,
    links: u16,
    random: StdRng,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "all that a client may come to say has one shape"
)]
impl Client {
    pub(crate) fn new(number: u16, path: Path, links: u16, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed ^ (u64::from(number) << 32));
        let mut wants = vec![(IaKind::Na, 1), (IaKind::Pd, 2), (IaKind::Na, 3)];
        wants.truncate([1, 2, 2, 2, 3][random.random_range(0..5)]);
        if random.random_bool(0.2) {
            wants.retain(|(kind, _)| *kind == IaKind::Pd);
            wants.push((IaKind::Pd, 4));
        }
        Self {
            duid: duid(number),
            path,
            held: Vec::new(),
            wants,
            asks_rapid: random.random_bool(0.3),
            accepts_reconfigure: random.random_bool(0.5),
            key: None,
            phase: Phase::Off(random.random_range(0..60_000)),
            exchange: None,
            advertised: None,
            server: Vec::new(),
            times: (0, 0),
            whim: None,
            links,
            random,
        }
    }

    /// When it has something to do next.
    pub(crate) fn wake_at(&self) -> u64 {
        if let Some(exchange) = &self.exchange {
            return exchange.next;
        }
        match self.phase {
            Phase::Off(until) => until,
            Phase::Waiting => 0,
            Phase::Bound => {
                let whim = self.whim.map_or(u64::MAX, |(at, _)| at);
                self.times.0.min(self.times.1).min(whim)
            }
        }
    }

    /// Does what is due; gives what it says.
    pub(crate) fn wake(&mut self, now: At) -> Option<Said> {
        self.held.retain(|held| held.until > now.wall);
        if now.ms < self.wake_at() {
            return None;
        }
        if self.exchange.is_some() {
            return self.again(now);
        }
        match self.phase {
            Phase::Off(_) | Phase::Waiting => self.solicit(now),
            Phase::Bound if self.held.is_empty() => self.solicit(now),
            Phase::Bound => match self.whim {
                Some((at, whim)) if at <= now.ms => self.follow(whim, now),
                _ if self.times.1 <= now.ms => self.rebind(now),
                _ => self.renew(now),
            },
        }
    }

    /// Takes a message that was decided at `decided` (Unix seconds); gives what it says to it.
    pub(crate) fn hear(&mut self, now: At, heard: &Heard, decided: u64) -> Option<Said> {
        let exchange = self.exchange.as_ref()?;
        // RFC 8415 §16: late answers to what was given up are nothing.
        if heard.xid != exchange.said.xid {
            return None;
        }
        let (kind, sent) = (exchange.said.kind, exchange.sent);
        match (kind, heard.kind) {
            (MessageType::SOLICIT, MessageType::ADVERTISE) => {
                leases(heard).next()?;
                self.advertised = Some(heard.clone());
                if sent > 1 { self.request(now) } else { None }
            }
            (MessageType::SOLICIT, MessageType::REPLY) => {
                assert!(heard.is_rapid && self.asks_rapid, "nobody asked for that");
                self.bind(now, heard, decided)
            }
            (MessageType::CONFIRM, MessageType::REPLY) => {
                self.exchange = None;
                if heard.status == StatusCode::NOT_ON_LINK {
                    self.held.clear();
                    return self.solicit(now);
                }
                None
            }
            (
                MessageType::REQUEST | MessageType::RENEW | MessageType::REBIND,
                MessageType::REPLY,
            ) => self.bind(now, heard, decided),
            (MessageType::RELEASE | MessageType::DECLINE, MessageType::REPLY) => {
                self.rest(now);
                None
            }
            (MessageType::INFORMATION_REQUEST, MessageType::REPLY) => {
                self.exchange = None;
                None
            }
            (asked, told) => panic!("{told} answers {asked}"),
        }
    }

    /// Does what a RECONFIGURE tells it to, unless it is busy or does not know it to be from its
    /// server (RFC 8415 §18.2.11).
    pub(crate) fn recalled(&mut self, now: At, recall: &Recall) -> Option<Said> {
        let (last, key) = self.key?;
        if recall.replay <= last || !recall.is_signed(&key) {
            return None;
        }
        self.key = Some((recall.replay, key));
        self.held.retain(|held| held.until > now.wall);
        if self.exchange.is_some() || self.phase != Phase::Bound || self.held.is_empty() {
            return None;
        }
        match recall.ask {
            MessageType::RENEW => self.renew(now),
            MessageType::REBIND => self.rebind(now),
            _ => self.inform(now),
        }
    }

    /// A REPLY with leases (RFC 8415 §18.2.10.1).
    fn bind(&mut self, now: At, heard: &Heard, decided: u64) -> Option<Said> {
        let asked = self.exchange.take()?.said.kind;
        if let Some((replay, key)) = heard.key {
            let last = self.key.map_or(0, |(last, _)| last);
            self.key = Some((replay.max(last), key));
        }
        let had: Vec<LeaseName> = self.held.iter().map(|held| held.name).collect();
        let mut times = (u64::MAX, u64::MAX);
        for ia in &heard.ias {
            self.take(ia, decided);
            if ia.leases.iter().any(|lease| lease.valid > 0) {
                times.0 = times.0.min(now.ms + u64::from(ia.times.0) * 1000);
                times.1 = times.1.min(now.ms + u64::from(ia.times.1) * 1000);
            }
        }
        let is_misplaced = heard
            .ias
            .iter()
            .any(|ia| ia.status == StatusCode::NOT_ON_LINK);
        if is_misplaced {
            self.held.clear();
            return self.solicit(now);
        }
        if self.held.is_empty() {
            self.rest(now);
            return None;
        }
        let is_unknown = heard
            .ias
            .iter()
            .any(|ia| ia.status == StatusCode::NO_BINDING);
        if is_unknown && asked != MessageType::REQUEST {
            self.server.clone_from(&heard.server);
            let patience = patience(1000, 30_000, 10, 0);
            return Some(self.ask(now, MessageType::REQUEST, patience));
        }
        if times.0 != u64::MAX {
            self.times = times;
        }
        self.server.clone_from(&heard.server);
        self.phase = Phase::Bound;
        if self.whim.is_none() {
            let whims = [
                Whim::Release,
                Whim::Forget,
                Whim::Flap,
                Whim::Flap,
                Whim::Move,
                Whim::Inform,
            ];
            let whim = whims[self.random.random_range(0..whims.len())];
            self.whim = Some((now.ms + self.random.random_range(5_000..900_000), whim));
        }
        // RFC 8415 §18.2.10.1: a new address that someone else uses is declined.
        let is_new = |held: &Held| held.kind == IaKind::Na && !had.contains(&held.name);
        let new = self.held.iter().find(|held| is_new(held)).copied();
        if let Some(new) = new.filter(|_| self.random.random_bool(0.02)) {
            return self.decline(now, new);
        }
        None
    }

    fn take(&mut self, ia: &ToldIa, decided: u64) {
        assert!(self.wants.contains(&(ia.kind, ia.iaid)), "an IA of no one");
        for lease in &ia.leases {
            self.held.retain(|held| {
                held.name != lease.name || (held.kind, held.iaid) != (ia.kind, ia.iaid)
            });
            if lease.valid > 0 {
                self.held.push(Held {
                    kind: ia.kind,
                    iaid: ia.iaid,
                    name: lease.name,
                    until: decided + u64::from(lease.valid),
                });
            }
        }
    }

    fn follow(&mut self, whim: Whim, now: At) -> Option<Said> {
        self.whim = None;
        match whim {
            Whim::Release => {
                let said = self.ask(now, MessageType::RELEASE, patience(1000, 0, 4, 0));
                self.held.clear();
                Some(said)
            }
            Whim::Forget => {
                self.held.clear();
                self.key = None;
                self.rest(now);
                None
            }
            Whim::Flap => self.confirm(now),
            Whim::Move => {
                self.path.link = self.path.link % self.links + 1;
                self.confirm(now)
            }
            Whim::Inform => self.inform(now),
        }
    }

    fn solicit(&mut self, now: At) -> Option<Said> {
        self.phase = Phase::Waiting;
        self.advertised = None;
        Some(self.ask(now, MessageType::SOLICIT, patience(1000, 120_000, 0, 0)))
    }

    fn request(&mut self, now: At) -> Option<Said> {
        self.server.clone_from(&self.advertised.as_ref()?.server);
        Some(self.ask(now, MessageType::REQUEST, patience(1000, 30_000, 10, 0)))
    }

    fn renew(&mut self, now: At) -> Option<Said> {
        let until_t2 = self.times.1.saturating_sub(now.ms).max(1);
        let patience = patience(10_000, 600_000, 0, until_t2);
        Some(self.ask(now, MessageType::RENEW, patience))
    }

    fn rebind(&mut self, now: At) -> Option<Said> {
        let last = self.held.iter().map(|held| held.until).max().unwrap_or(0);
        let rest = last.saturating_sub(now.wall).max(1) * 1000;
        Some(self.ask(now, MessageType::REBIND, patience(10_000, 600_000, 0, rest)))
    }

    fn inform(&mut self, now: At) -> Option<Said> {
        let patience = patience(1000, 30_000, 3, 0);
        Some(self.ask(now, MessageType::INFORMATION_REQUEST, patience))
    }

    /// RFC 8415 §18.2.3, §18.2.12: with a delegated prefix it is REBIND.
    fn confirm(&mut self, now: At) -> Option<Said> {
        if self.held.iter().any(|held| held.kind == IaKind::Pd) {
            return self.rebind(now);
        }
        Some(self.ask(now, MessageType::CONFIRM, patience(1000, 4000, 0, 10_000)))
    }

    fn decline(&mut self, now: At, lease: Held) -> Option<Said> {
        let kept = std::mem::replace(&mut self.held, vec![lease]);
        let said = self.ask(now, MessageType::DECLINE, patience(1000, 0, 4, 0));
        self.held = kept;
        self.held.retain(|held| held.name != lease.name);
        Some(said)
    }

    /// Silent for a while, then from the beginning or on with what it has.
    fn rest(&mut self, now: At) {
        self.exchange = None;
        self.advertised = None;
        let pause = QUIET + self.random.random_range(0..60_000);
        self.phase = Phase::Off(now.ms + pause);
    }

    fn ask(&mut self, now: At, kind: MessageType, patience: Patience) -> Said {
        let is_solicit = kind == MessageType::SOLICIT;
        let names_server = matches!(
            kind,
            MessageType::REQUEST | MessageType::RENEW | MessageType::RELEASE | MessageType::DECLINE
        );
        let said = Said {
            kind,
            xid: self.random.random_range(0..1 << 24),
            client: self.duid.clone(),
            server: names_server.then(|| self.server.clone()),
            ias: self.ias(kind),
            is_rapid: is_solicit && self.asks_rapid,
            accepts_reconfigure: self.accepts_reconfigure,
            elapsed: 0,
        };
        // The first SOLICIT is never sent again early, so that ADVERTISEs have their time.
        let early = if is_solicit { 0 } else { patience.first / 10 };
        let wait = patience.first + 1 + self.jitter(2 * patience.first) - early;
        self.exchange = Some(Exchange {
            said: said.clone(),
            patience,
            began: now.ms,
            wait,
            sent: 1,
            next: now.ms + wait,
        });
        said
    }

    fn ias(&self, kind: MessageType) -> Vec<Ia> {
        let names = |kind, iaid| {
            let held = self.held.iter();
            let held = held.filter(move |held| (held.kind, held.iaid) == (kind, iaid));
            held.map(|held| held.name).collect::<Vec<_>>()
        };
        let mut ias: Vec<Ia> = self
            .wants
            .iter()
            .map(|&(kind, iaid)| Ia {
                kind,
                iaid,
                names: names(kind, iaid),
            })
            .collect();
        match kind {
            MessageType::SOLICIT | MessageType::INFORMATION_REQUEST => {
                for ia in &mut ias {
                    ia.names.clear();
                }
                if kind == MessageType::INFORMATION_REQUEST {
                    ias.clear();
                }
            }
            MessageType::REQUEST => self.name_advertised(&mut ias),
            MessageType::CONFIRM | MessageType::DECLINE | MessageType::RELEASE => {
                ias.retain(|ia| !ia.names.is_empty());
            }
            _ => {}
        }
        ias
    }

    /// Puts in what was advertised.
    fn name_advertised(&self, ias: &mut [Ia]) {
        let told = self.advertised.iter().flat_map(|heard| &heard.ias);
        for told in told {
            let of = |ia: &&mut Ia| (ia.kind, ia.iaid) == (told.kind, told.iaid);
            if let Some(ia) = ias.iter_mut().find(of).filter(|ia| ia.names.is_empty()) {
                ia.names = told.leases.iter().map(|lease| lease.name).collect();
            }
        }
    }

    /// Sends again, or gives up (RFC 8415 §15).
    fn again(&mut self, now: At) -> Option<Said> {
        let exchange = self.exchange.as_ref()?;
        let kind = exchange.said.kind;
        if kind == MessageType::SOLICIT && self.advertised.is_some() {
            return self.request(now);
        }
        let Patience { times, total, .. } = exchange.patience;
        let is_over = (times > 0 && exchange.sent >= times)
            || (total > 0 && now.ms >= exchange.began + total);
        if is_over {
            return self.give_up(kind, now);
        }
        let wait = exchange.wait;
        let mut next = 2 * wait + self.jitter(2 * wait) - wait / 10;
        let exchange = self.exchange.as_mut()?;
        let Patience { longest, total, .. } = exchange.patience;
        if longest > 0 {
            next = next.min(longest);
        }
        exchange.wait = next;
        exchange.sent += 1;
        exchange.next = now.ms + next;
        if total > 0 {
            exchange.next = exchange.next.min(exchange.began + total);
        }
        exchange.said.elapsed = u16::try_from((now.ms - exchange.began) / 10).unwrap_or(u16::MAX);
        Some(exchange.said.clone())
    }

    fn give_up(&mut self, kind: MessageType, now: At) -> Option<Said> {
        self.exchange = None;
        match kind {
            MessageType::RENEW => self.rebind(now),
            MessageType::RELEASE | MessageType::DECLINE => {
                self.rest(now);
                None
            }
            MessageType::CONFIRM | MessageType::INFORMATION_REQUEST => None,
            MessageType::REBIND => {
                // All of it has ended, or its end is near enough.
                self.held.clear();
                self.solicit(now)
            }
            _ => self.solicit(now),
        }
    }

    /// Up to a tenth of `of`.
    fn jitter(&mut self, of: u64) -> u64 {
        self.random.random_range(0..=of / 10)
    }
}

/// All leases told that are not taken away.
fn leases(heard: &Heard) -> impl Iterator<Item = LeaseName> {
    let told = heard.ias.iter().flat_map(|ia| &ia.leases);
    told.filter(|lease| lease.valid > 0).map(|lease| lease.name)
}

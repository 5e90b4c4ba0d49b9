//! The clock, chance, and what is judged.

use std::collections::BTreeMap;
use std::net::SocketAddrV6;
use std::ops::AddAssign;

use ipnet::Ipv6Net;
use leasebook_wire::code::MessageType;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::client::{Client, Held, Intent};
use crate::host::{Host, server_address};
use crate::kernel::{Hop, Interface, Kernel};
use crate::message;
use crate::server::{Binding, Mood, Server};

/// Milliseconds of a step.
const STEP: u64 = 250;

/// How long things go wrong; how long it takes then until all must be right, which is longer than
/// any back-off and than the kernel is left alone for after it refused something; and how long it is
/// watched that it is, while clients go on as before.
const TROUBLE: u64 = 120_000;
const SETTLING: u64 = 80_000;
const WATCHED: u64 = 60_000;

/// By how much ends may differ: they are told in whole seconds.
const GRAIN: u64 = 2_000;

const PORTS: usize = 3;
const CLIENTS: u8 = 24;
/// Prefixes of a server: few, so that they go from one client to the next.
const SLOTS: u8 = 12;

/// What happened in a run, so that it is seen that something did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    crashes: u32,
    reboots: u32,
    exchanges: u32,
    releases: u32,
    moves: u32,
    outages: u32,
    flaps: u32,
    flushes: u32,
    live: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.crashes += more.crashes;
        self.reboots += more.reboots;
        self.exchanges += more.exchanges;
        self.releases += more.releases;
        self.moves += more.moves;
        self.outages += more.outages;
        self.flaps += more.flaps;
        self.flushes += more.flushes;
        self.live += more.live;
    }
}

impl Tally {
    pub(crate) fn assert_eventful(&self) {
        let counts = [
            self.crashes,
            self.reboots,
            self.releases,
            self.moves,
            self.outages,
            self.flaps,
            self.flushes,
        ];
        assert!(counts.iter().all(|count| *count >= 20), "{self:?}");
        assert!(self.exchanges > 1000 && self.live > 100, "{self:?}");
    }
}

pub(crate) struct World {
    seed: u64,
    chance: StdRng,
    now: u64,
    kernel: Kernel,
    servers: Vec<Server>,
    clients: Vec<Client>,
    host: Option<Host>,
    starts_at: u64,
    next_index: u32,
    tally: Tally,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut chance = StdRng::seed_from_u64(seed);
        let servers: Vec<Server> = (0..chance.random_range(1..=3)).map(Server::new).collect();
        let client = |number: u8| {
            let server = usize::from(number) % servers.len();
            Client::new(number, usize::from(number) % PORTS, server)
        };
        let interface = |index| Interface { index, is_up: true };
        Self {
            seed,
            now: 1_000_000,
            kernel: Kernel {
                interfaces: [10, 11, 12].map(interface).into(),
                ..Kernel::default()
            },
            clients: (0..CLIENTS).map(client).collect(),
            servers,
            host: None,
            starts_at: 0,
            next_index: 20,
            tally: Tally::default(),
            chance,
        }
    }

    pub(crate) fn run(mut self) -> Tally {
        let quiet_from = self.now + TROUBLE;
        while self.now < quiet_from {
            self.trouble();
            self.step(true);
        }
        self.calm();
        while self.now < quiet_from + SETTLING {
            self.step(false);
        }
        while self.now < quiet_from + SETTLING + WATCHED {
            self.step(false);
            self.judge();
        }
        self.tally
    }

    /// Whether something happens that does so once in `seconds`, on average.
    fn once_in(&mut self, seconds: u32) -> bool {
        self.chance.random_ratio(1, seconds * 4)
    }

    fn step(&mut self, is_troubled: bool) {
        self.now += STEP;
        for server in &mut self.servers {
            server.expire(self.now);
        }
        if self.host.is_none() && self.now >= self.starts_at {
            let entropy = self.chance.random_range(0..u64::MAX / 2);
            let host = Host::start(self.now, &mut self.kernel, &self.servers, entropy);
            self.host = Some(host);
        }
        for place in 0..self.clients.len() {
            let client = &mut self.clients[place];
            client.decide(self.now, PORTS, &mut self.chance);
            if client.intent.is_some() && client.tries_at <= self.now {
                client.tries_at = self.now + 1000;
                self.exchange(place, is_troubled);
            }
        }
        if let Some(host) = &mut self.host {
            host.turn(self.now, &mut self.kernel, &mut self.servers);
        }
        self.work(is_troubled);
    }

    /// The kernel works off what waits, or nothing of it this time. What was right before is right
    /// behind: no route that works is touched (RELAY-064).
    fn work(&mut self, is_troubled: bool) {
        let is_busy = is_troubled && self.chance.random_ratio(1, 4);
        let right = self.right();
        let before: Vec<_> = right
            .iter()
            .filter(|(prefix, hop)| self.kernel.routes.get(*prefix) == Some(*hop))
            .collect();
        let refuses = if is_troubled { 20 } else { 0 };
        if let Some(host) = &mut self.host
            && !is_busy
        {
            host.work(&mut self.kernel, refuses, &mut self.chance);
        }
        for (prefix, hop) in before {
            let now = self.kernel.routes.get(prefix);
            assert_eq!(
                now,
                Some(hop),
                "seed {}, {} ms: {prefix} was right and is touched",
                self.seed,
                self.now
            );
        }
    }

    /// The routes that are beyond doubt: their clients had replies that do not end for a while.
    fn right(&self) -> BTreeMap<Ipv6Net, Hop> {
        let mut right = BTreeMap::new();
        for client in &self.clients {
            let Some(held) = client.held else {
                continue;
            };
            let is_sure = held.until > self.now + GRAIN && client.intent != Some(Intent::Release);
            let binding = self.servers[client.server].ledger.get(&held.prefix);
            if let Some(binding) = binding.filter(|one| is_sure && one.client == client.number) {
                right.insert(held.prefix, self.hop(binding));
            }
        }
        right
    }

    fn hop(&self, binding: &Binding) -> Hop {
        let index = self.kernel.interfaces[binding.port].index;
        (index, Some(message::address(binding.client)))
    }

    /// A client's message, and the answer, as far as they come.
    fn exchange(&mut self, place: usize, is_lossy: bool) {
        let (is_lost, is_answer_lost) = (
            is_lossy && self.chance.random_ratio(1, 10),
            is_lossy && self.chance.random_ratio(1, 10),
        );
        let client = &self.clients[place];
        let Some(intent) = client.intent else {
            return;
        };
        let interface = self.kernel.interfaces[client.port].clone();
        let Some(host) = self.host.as_mut().filter(|_| interface.is_up) else {
            return;
        };
        let lease = client.held.map(|held| (held.prefix, 0));
        let said = message::exchange(intent.kind(), client.number, lease);
        let from = SocketAddrV6::new(message::address(client.number), 546, 0, 0);
        // An interface that was made anew is not known before it is looked at.
        let is_heard = host.hear(self.now, from, interface.index, &said);
        if !is_heard || is_lost || !self.servers[client.server].is_up {
            return;
        }
        let (number, port, server) = (client.number, client.port, client.server);
        let granted = self.serve(place, intent);
        if is_answer_lost {
            return;
        }
        let reply = message::exchange(MessageType::REPLY, number, granted);
        let who = (message::RELAY_ID, number, port);
        let reply = message::relayed(MessageType::RELAY_REPL, Some(&reply), who);
        let from = server_address(self.servers[server].number);
        let host = self.host.as_mut().unwrap();
        assert!(host.hear(self.now, from, 2, &reply));
        let client = &mut self.clients[place];
        client.intent = None;
        client.held = granted.map(|(prefix, valid)| Held {
            prefix,
            since: self.now,
            until: self.now + u64::from(valid) * 1000,
        });
        self.tally.exchanges += 1;
        self.tally.releases += u32::from(intent == Intent::Release);
        self.tally.moves += u32::from(intent == Intent::Rebind);
    }

    /// What the server makes of it: the prefix, and for how long.
    fn serve(&mut self, place: usize, intent: Intent) -> Option<(Ipv6Net, u32)> {
        let client = &self.clients[place];
        let server = &mut self.servers[client.server];
        let held = server.held_by(client.number);
        if intent == Intent::Release {
            server.ledger.remove(&held?);
            return None;
        }
        let first = self.chance.random_range(0..SLOTS);
        let mut free = (0..SLOTS).map(|slot| server.prefix((first + slot) % SLOTS));
        let prefix = held.or_else(|| free.find(|prefix| !server.ledger.contains_key(prefix)))?;
        let valid = self.chance.random_range(20..200);
        let binding = Binding {
            client: client.number,
            port: client.port,
            granted: self.now,
            valid,
        };
        server.ledger.insert(prefix, binding);
        Some((prefix, valid))
    }

    /// Whatever can go wrong.
    fn trouble(&mut self) {
        if self.host.is_some() && self.once_in(25) {
            self.host = None;
            self.starts_at = self.now + self.chance.random_range(0..8_000);
            for server in &mut self.servers {
                server.hang_up();
            }
            self.tally.crashes += 1;
            if self.chance.random_bool(0.5) {
                self.kernel.routes.clear();
                self.tally.reboots += 1;
            }
        }
        let port = self.chance.random_range(0..PORTS);
        if self.once_in(20) {
            if self.kernel.interfaces[port].is_up {
                self.kernel.take_down(port);
                self.tally.flaps += 1;
            } else {
                // The same again, or made anew.
                self.next_index += 1;
                let same = self.kernel.interfaces[port].index;
                let index = if self.chance.random_bool(0.5) {
                    same
                } else {
                    self.next_index
                };
                self.kernel.bring_up(port, index);
            }
        }
        if self.once_in(20) {
            let all: Vec<Ipv6Net> = self.kernel.routes.keys().copied().collect();
            let is_all = self.chance.random_bool(0.5);
            for prefix in all {
                if is_all || self.chance.random_bool(0.2) {
                    self.kernel.remove(prefix);
                }
            }
            self.tally.flushes += 1;
        }
        if self.once_in(15) {
            self.kernel.loses = true;
        }
        if self.once_in(3) {
            self.kernel.hear_again();
        }
        let place = self.chance.random_range(0..self.servers.len());
        if self.once_in(10) {
            let server = &mut self.servers[place];
            server.is_up = !server.is_up;
            self.tally.outages += u32::from(!server.is_up);
        }
        if self.once_in(10) {
            let moods = [Mood::Good, Mood::Slow, Mood::Terminates, Mood::Breaks];
            let mood = moods[self.chance.random_range(0..moods.len())];
            let server = &mut self.servers[place];
            server.mood = mood;
            server.tells_ghosts = self.chance.random_bool(0.5);
        }
    }

    /// Everything works again, but servers that tell ghosts go on with it.
    fn calm(&mut self) {
        for server in &mut self.servers {
            server.is_up = true;
            server.mood = Mood::Good;
        }
        for port in 0..PORTS {
            if !self.kernel.interfaces[port].is_up {
                let index = self.kernel.interfaces[port].index;
                self.kernel.bring_up(port, index);
            }
        }
        self.kernel.hear_again();
    }

    /// The kernel's routes are those of the live bindings, but for what ends just now.
    fn judge(&mut self) {
        let (mut live, mut ending) = (BTreeMap::new(), Vec::new());
        for server in &self.servers {
            for (prefix, binding) in &server.ledger {
                if binding.end() > self.now + GRAIN {
                    live.insert(*prefix, self.hop(binding));
                } else {
                    ending.push(*prefix);
                }
            }
            ending.extend(server.ended_since(self.now - GRAIN));
        }
        let mut routes = self.kernel.routes.clone();
        routes.retain(|prefix, _| !ending.contains(prefix));
        assert_eq!(routes, live, "seed {}, {} ms", self.seed, self.now);
        self.tally.live = live.len();
    }
}

//! The clock, the network, and what is judged after every step.

mod operator;
mod tally;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::net::Ipv6Addr;

use leasebook_protocol::server::Reply;
use leasebook_protocol::{Mono, Now};
use leasebook_store::storage::Fault;
use leasebook_store::{LeaseName, LinkId};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::client::{At, Client, Held};
use crate::host::{Fate, Host};
use crate::judge::Judge;
use crate::message::{Heard, Recall, Said};
use crate::path::{Attached, Datagram, Path};
use crate::requestor;
use crate::site::{CHANGES, LINKS, Plan, config};
use crate::variable;
use tally::Tally;

/// Unix seconds at which a run begins.
const BEGIN: u64 = 1_700_000_000;

/// The longest that a datagram is on its way, in milliseconds; a client's pause is longer.
const LONGEST_WAY: u64 = 5000;

/// The most datagrams of a burst.
const BURST: usize = 64;

/// How large a run is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) clients: u16,
    pub(crate) seconds: u64,
}

#[derive(Clone, Debug)]
enum Event {
    /// A client may have something to do.
    Wake(usize),
    /// A datagram of a client reaches the server.
    Arrive(Box<Flight>),
    /// The server looks into its socket.
    Turn,
    /// A reply reaches a client.
    Told {
        client: usize,
        octets: Vec<u8>,
        decided: u64,
    },
    /// A RECONFIGURE reaches a client, if it still is on this link.
    Recalled {
        client: usize,
        link: u16,
        recall: Box<Recall>,
    },
    /// The server's second.
    Tick,
    /// An operator has the server read another configuration.
    Reload(Plan),
    /// The server comes up.
    Start,
}

/// A client's message on its way.
#[derive(Clone, Debug)]
struct Flight {
    client: usize,
    said: Said,
    path: Path,
    datagram: Datagram,
}

pub(crate) struct World {
    seed: u64,
    shape: Shape,
    ms: u64,
    order: u64,
    events: BinaryHeap<Reverse<(u64, u64)>>,
    planned: HashMap<u64, Event>,
    inbox: Vec<Flight>,
    clients: Vec<Client>,
    /// When each client is woken next.
    wakes: Vec<u64>,
    /// What each client believes to have.
    believed: Vec<Vec<LeaseName>>,
    /// Who believes to have which lease, and until when.
    owners: HashMap<LeaseName, (usize, u64)>,
    host: Host,
    judge: Judge,
    watched: Option<usize>,
    random: StdRng,
    tally: Tally,
}

impl World {
    pub(crate) fn new(seed: u64, shape: &Shape) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let clients = (0..shape.clients).map(|number| {
            let attached = match random.random_range(0..10) {
                0..=2 => Attached::Directly,
                3..=6 => Attached::ByOne,
                other => Attached::ByTwo {
                    outer_is_set: other == 7,
                },
            };
            let path = Path {
                link: 1 + number % LINKS,
                attached,
                client: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 1, number),
                port: number.into(),
            };
            Client::new(number, path, LINKS, seed)
        });
        let clients: Vec<Client> = clients.collect();
        let mut world = Self {
            seed,
            shape: *shape,
            ms: 0,
            order: 0,
            events: BinaryHeap::new(),
            planned: HashMap::new(),
            inbox: Vec::new(),
            host: Host::new(config(shape.clients, seed, Plan::First), seed),
            judge: Judge::default(),
            watched: variable("LEASEBOOK_SIMULATION_CLIENT").and_then(|text| text.try_into().ok()),
            wakes: vec![u64::MAX; clients.len()],
            believed: vec![Vec::new(); clients.len()],
            clients,
            owners: HashMap::new(),
            random,
            tally: Tally::default(),
        };
        for client in 0..world.clients.len() {
            world.plan_wake(client);
        }
        world.plan(1000, Event::Tick);
        let mut changes = CHANGES;
        changes.shuffle(&mut world.random);
        let part = shape.seconds * 1000 / (changes.len() as u64 + 1);
        for (plan, begin) in changes.into_iter().zip((1..).map(|number| number * part)) {
            let at = begin + world.random.random_range(0..part);
            world.plan(at, Event::Reload(plan));
        }
        world
    }

    pub(crate) fn run(&mut self) {
        while let Some(Reverse((at, order))) = self.events.pop() {
            if at > self.shape.seconds * 1000 {
                break;
            }
            self.ms = at;
            let event = self.planned.remove(&order).unwrap();
            self.tally.steps += 1;
            self.step(event);
        }
        if !self.host.is_up() {
            self.host.start();
        }
        self.judge_all();
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Wake(client) if self.wakes[client] != self.ms => {}
            Event::Wake(client) => {
                self.wakes[client] = u64::MAX;
                let now = self.at();
                let said = self.clients[client].wake(now);
                self.after(client, said);
            }
            Event::Arrive(flight) => {
                if self.inbox.is_empty() {
                    // While one commit goes to disk the next burst gathers.
                    let patience = self.random.random_range(0..200);
                    self.plan(patience, Event::Turn);
                }
                self.inbox.push(*flight);
            }
            Event::Turn => self.turn(),
            Event::Told {
                client,
                octets,
                decided,
            } => self.told_to(client, &octets, decided),
            Event::Recalled {
                client,
                link,
                recall,
            } => self.recalled(client, link, &recall),
            Event::Reload(plan) => self.reload(plan),
            Event::Tick => self.tick(),
            Event::Start => {
                self.host.start();
                self.look_outside();
                self.judge_all();
            }
        }
    }

    fn tick(&mut self) {
        self.plan(1000, Event::Tick);
        if self.host.is_stuck() {
            self.tally.refusals += 1;
            self.host.restart_after_refusal();
            self.look_outside();
            self.judge_all();
        }
        let fate = self.fate(0.004);
        if self.host.tick(self.now(), fate) {
            self.crashed();
        }
        if self.host.is_up() {
            self.recall();
        }
        match self.random.random_range(0..400) {
            0 if self.host.is_up() => {
                self.host.stop();
                self.tally.stops += 1;
                let pause = self.random.random_range(0..20_000);
                self.plan(pause, Event::Start);
            }
            1 | 2 => self.host.reload(None),
            3..=6 if self.host.is_up() => self.query(),
            _ => {}
        }
    }

    fn query(&mut self) {
        let link = self.random.random_range(1..=LINKS);
        let (config, book) = (self.host.config(), self.host.book());
        self.tally.queried += requestor::compare(config, book, self.now(), link);
    }

    fn turn(&mut self) {
        let burst: Vec<Flight> = self.inbox.drain(..BURST.min(self.inbox.len())).collect();
        if !self.inbox.is_empty() {
            self.plan(1, Event::Turn);
        }
        if !self.host.is_up() {
            return;
        }
        let fate = self.fate(0.003);
        let datagrams: Vec<_> = burst.iter().map(|flight| flight.datagram.clone()).collect();
        let turn = self.host.turn(self.now(), &datagrams, fate);
        if turn.is_down {
            self.crashed();
        }
        for (place, reply) in turn.sent {
            let reply = &turn.batch.replies()[reply];
            let octets = &turn.batch.octets()[reply.octets.clone()];
            self.sent(&burst[place], reply, octets);
        }
    }

    fn crashed(&mut self) {
        self.tally.crashes += 1;
        self.inbox.clear();
        let pause = self.random.random_range(0..30_000);
        self.plan(pause, Event::Start);
    }

    fn fate(&mut self, chance: f64) -> Fate {
        if !self.random.random_bool(chance) {
            return Fate::Well;
        }
        let after = self.random.random_range(0..6);
        match self.random.random_range(0..6) {
            0..=2 => Fate::PowerLoss(after),
            3 => Fate::KilledBefore,
            4 => Fate::KilledAfter,
            _ if self.random.random_bool(0.5) => Fate::Refused(after, Fault::InputOutput),
            _ => Fate::Refused(after, Fault::NoSpace),
        }
    }

    /// Every reply goes back the way its request came, and answers just that.
    fn sent(&mut self, flight: &Flight, reply: &Reply, octets: &[u8]) {
        let octets = flight.path.back(reply, octets);
        let heard = Heard::parse(&octets);
        self.trace(flight.client, &|| {
            let said = &flight.said;
            format!(
                "on link {}: {said:?}\n    answered {heard:?}",
                flight.path.link
            )
        });
        let link = LinkId(flight.path.link.into());
        self.judge
            .reply(self.host.config(), link, &flight.said, &heard);
        let decided = self.now().wall;
        for _ in 0..self.copies() {
            let (client, octets) = (flight.client, octets.clone());
            let way = self.way();
            self.plan(
                way,
                Event::Told {
                    client,
                    octets,
                    decided,
                },
            );
        }
    }

    fn told_to(&mut self, client: usize, octets: &[u8], decided: u64) {
        self.tally.heard += 1;
        let heard = Heard::parse(octets);
        self.trace(client, &|| format!("hears {heard:?}"));
        let now = self.at();
        let said = self.clients[client].hear(now, &heard, decided);
        self.after(client, said);
    }

    /// Prints what concerns the client that a run is to be told of.
    fn trace(&self, client: usize, what: &dyn Fn() -> String) {
        if self.watched == Some(client) {
            println!("{} ms, client {client}, {}", self.ms, what());
        }
    }

    /// What a client believes now, and says.
    fn after(&mut self, client: usize, said: Option<Said>) {
        self.believe(client);
        if let Some(said) = said {
            *self.tally.said.entry(said.kind.0).or_default() += 1;
            for _ in 0..self.copies() {
                let path = self.clients[client].path.clone();
                let datagram = path.forward(&said.octets());
                let said = said.clone();
                let flight = Flight {
                    client,
                    said,
                    path,
                    datagram,
                };
                let way = self.way();
                self.plan(way, Event::Arrive(Box::new(flight)));
            }
        }
        self.plan_wake(client);
    }

    /// No lease is believed to be theirs by two clients.
    fn believe(&mut self, client: usize) {
        let wall = self.now().wall;
        let held: Vec<Held> = self.clients[client].held.clone();
        for name in std::mem::take(&mut self.believed[client]) {
            if self
                .owners
                .get(&name)
                .is_some_and(|(owner, _)| *owner == client)
            {
                self.owners.remove(&name);
            }
        }
        self.believed[client] = held.iter().map(|held| held.name).collect();
        for held in held.iter().filter(|held| held.until > wall) {
            let before = self.owners.insert(held.name, (client, held.until));
            if let Some((other, until)) = before
                && other != client
            {
                assert!(
                    until <= wall,
                    "{} is of client {other} until {until} and of client {client}, now {wall}",
                    held.name
                );
            }
        }
    }

    /// Everything that clients believe in is in the book, and a bulk query tells it.
    fn judge_all(&mut self) {
        let now = self.now();
        let book = self.host.book();
        let mut all = BTreeMap::new();
        for link in 1..=LINKS {
            all.extend(
                requestor::expected(book, now, (link, None))
                    .into_iter()
                    .map(|(client, names)| ((client, link), names)),
            );
        }
        for (name, (owner, until)) in &self.owners {
            if *until <= now.wall {
                continue;
            }
            let duid = &self.clients[*owner].duid;
            let is_kept = (1..=LINKS).any(|link| {
                let names = all.get(&(duid.clone(), link));
                names.is_some_and(|names| names.contains(name))
            });
            assert!(
                is_kept,
                "{name} was acknowledged to client {owner} until {until} and is lost"
            );
        }
        for link in 1..=LINKS {
            self.tally.queried += requestor::compare(self.host.config(), book, now, link);
        }
    }

    fn now(&self) -> Now {
        Now {
            mono: Mono(self.ms * 1_000_000),
            wall: BEGIN + self.ms / 1000,
        }
    }

    fn at(&self) -> At {
        At {
            ms: self.ms,
            wall: self.now().wall,
        }
    }

    fn plan(&mut self, after: u64, event: Event) {
        self.order += 1;
        self.events.push(Reverse((self.ms + after, self.order)));
        self.planned.insert(self.order, event);
    }

    fn plan_wake(&mut self, client: usize) {
        let at = self.clients[client].wake_at().max(self.ms);
        if self.wakes[client] != at {
            self.wakes[client] = at;
            self.plan(at - self.ms, Event::Wake(client));
        }
    }

    /// How often a datagram comes: lost, as sent, or doubled.
    fn copies(&mut self) -> usize {
        match self.random.random_range(0..100) {
            0..=4 => {
                self.tally.lost += 1;
                0
            }
            5..=9 => {
                self.tally.doubled += 1;
                2
            }
            _ => 1,
        }
    }

    /// How long a datagram is on its way; some are overtaken by many.
    fn way(&mut self) -> u64 {
        if self.random.random_bool(0.02) {
            return self.random.random_range(0..LONGEST_WAY);
        }
        self.random.random_range(0..40)
    }
}

//! The process around the relay, as the daemon has it: interfaces looked at, routes handed on in
//! their order and held equal, servers asked.

use std::collections::VecDeque;
use std::net::SocketAddrV6;
use std::sync::Arc;

use leasebook_protocol::relay::reconcile::{RouteOp, differences, operation};
use leasebook_protocol::relay::{Config, Outbox, Phase, Port, Relay, RouteChange, ServerRecovery};
use leasebook_protocol::requestor::{self, Action, Input};
use leasebook_protocol::server::Arrival;
use leasebook_protocol::{Mono, Now};
use leasebook_wire::Duid;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::kernel::{Change, Kernel};
use crate::message::{self, RELAY_ID};
use crate::server::{Sent, Server};

/// How often what the kernel refused is tried again, in milliseconds.
const TICK: u64 = 15_000;

/// Work for the kernel, in order.
enum Work {
    Change(Vec<RouteOp>),
    Hold {
        wanted: Vec<RouteOp>,
        keeps_unknown: bool,
    },
}

/// A server as it is asked.
struct Asked {
    recovery: ServerRecovery,
    /// When an attempt to connect ends.
    connects_at: Option<u64>,
    is_connected: bool,
    /// What is on its way from the server, and when it comes.
    inbox: VecDeque<(u64, Sent)>,
}

pub(crate) struct Host {
    pub(crate) relay: Relay,
    /// When the process began: where its monotonic clock has zero.
    began: u64,
    work: VecDeque<Work>,
    asked: Vec<Asked>,
    is_swept: bool,
    asks_again: bool,
    is_lacking: bool,
    next_tick: u64,
    entropy: u64,
}

impl Host {
    pub(crate) fn start(now: u64, kernel: &mut Kernel, servers: &[Server], entropy: u64) -> Self {
        let mut config = Config::new(Duid::new(RELAY_ID).unwrap());
        let addresses = servers.iter().map(|server| server_address(server.number));
        config.servers = addresses.collect();
        kernel.told.clear();
        let mut host = Self {
            relay: Relay::new(Arc::new(config)),
            began: now,
            work: VecDeque::new(),
            asked: Vec::new(),
            is_swept: false,
            asks_again: false,
            is_lacking: false,
            next_tick: now + TICK,
            entropy,
        };
        host.look(kernel);
        host.recover(now, servers);
        host
    }

    fn now(&self, now: u64) -> Now {
        Now {
            mono: Mono((now - self.began) * 1_000_000),
            // Whatever the other clock says, nothing may follow from it (RELAY-082).
            wall: now.wrapping_mul(0x9e37_79b9) % 4_000_000_000,
        }
    }

    /// A datagram of a client or server; whether the relay passed it on.
    pub(crate) fn hear(&mut self, now: u64, from: SocketAddrV6, by: u32, octets: &[u8]) -> bool {
        let arrival = Arrival {
            from,
            to: message::link_address(0),
            interface: by,
        };
        let mut out = Outbox::default();
        let now = self.now(now);
        let heard = self.relay.datagram(now, &arrival, &[], octets, &mut out);
        self.settle();
        heard.is_ok() && !out.datagrams.is_empty()
    }

    fn settle(&mut self) {
        let changes = self.relay.take_changes();
        let ports = self.relay.ports();
        let ops = changes.into_iter();
        let ops: Vec<RouteOp> = ops.filter_map(|change| operation(ports, change)).collect();
        if !ops.is_empty() {
            self.work.push_back(Work::Change(ops));
        }
        self.relay.take_notices();
    }

    fn hold(&mut self) {
        let ports = self.relay.ports();
        let wanted = self.relay.table().wanted();
        let wanted = wanted.map(|(prefix, hop)| RouteChange::Set(prefix, hop));
        let wanted = wanted.filter_map(|change| operation(ports, change));
        self.work.push_back(Work::Hold {
            wanted: wanted.collect(),
            keeps_unknown: !self.is_swept,
        });
    }

    /// Whether nothing is known behind an interface that is new.
    fn look(&mut self, kernel: &Kernel) -> bool {
        let up = kernel.interfaces.iter().enumerate();
        let up = up.filter(|(_, one)| one.is_up);
        let ports = up.map(|(number, one)| port(number, one.index)).collect();
        let own = (0..kernel.interfaces.len()).map(message::link_address);
        let fresh = self.relay.set_ports(ports, own.collect());
        self.settle();
        let table = self.relay.table();
        fresh.iter().any(|no| table.routed_on(*no) == 0)
    }

    fn recover(&mut self, now: u64, servers: &[Server]) {
        let now = self.now(now);
        self.asked.clear();
        for server in servers {
            let mut config = requestor::Config::new(Duid::new(RELAY_ID).unwrap());
            config.retries = u32::MAX;
            config.pipelined = 4;
            self.entropy += 1;
            let mut chance = StdRng::seed_from_u64(self.entropy);
            let entropy = Box::new(move || chance.random());
            let number = u16::from(server.number);
            let recovery = ServerRecovery::begin(now, number, config, entropy, &self.relay);
            self.asked.push(Asked {
                recovery: recovery.unwrap(),
                connects_at: None,
                is_connected: false,
                inbox: VecDeque::new(),
            });
        }
    }

    /// One turn: everything but the kernel.
    pub(crate) fn turn(&mut self, now: u64, kernel: &mut Kernel, servers: &mut [Server]) {
        let clock = self.now(now);
        self.relay.expire(clock.mono);
        self.settle();
        self.kernel_changed(now, kernel, servers);
        for (asked, server) in self.asked.iter_mut().zip(&mut *servers) {
            asked.turn(now, clock, server, &mut self.relay);
        }
        self.settle();
        self.progressed(now, servers);
        if now >= self.next_tick {
            self.next_tick = now + TICK;
            if std::mem::take(&mut self.is_lacking) {
                self.hold();
            }
        }
    }

    fn kernel_changed(&mut self, now: u64, kernel: &mut Kernel, servers: &[Server]) {
        let changes: Vec<Change> = kernel.told.drain(..).collect();
        if changes.is_empty() {
            return;
        }
        if changes.iter().any(|change| *change != Change::RouteGone) && self.look(kernel) {
            if self.is_settled() {
                self.recover(now, servers);
            } else {
                self.asks_again = true;
            }
        }
        self.hold();
    }

    fn is_settled(&self) -> bool {
        self.asked.iter().all(|one| one.recovery.is_settled())
    }

    fn progressed(&mut self, now: u64, servers: &[Server]) {
        let is_finished = self.asked.iter().all(|one| one.recovery.is_finished());
        let is_done = |one: &Asked| *one.recovery.phase() == Phase::Done;
        if is_finished && !self.is_swept && self.asked.iter().all(is_done) {
            self.is_swept = true;
            self.relay.forget_kept();
            self.settle();
            self.hold();
        }
        if self.asks_again && self.is_settled() {
            self.asks_again = false;
            self.recover(now, servers);
        }
    }

    /// Has the kernel do all that waits; it refuses one in `refuses`, if that is not 0.
    pub(crate) fn work(&mut self, kernel: &mut Kernel, refuses: u32, chance: &mut StdRng) {
        while let Some(work) = self.work.pop_front() {
            let ops = match work {
                Work::Change(ops) => ops,
                Work::Hold {
                    wanted,
                    keeps_unknown,
                } => differences(&kernel.actual(), &wanted, keeps_unknown),
            };
            for op in ops {
                let is_refused = refuses > 0 && chance.random_ratio(1, refuses);
                if is_refused || !kernel.apply(&op) {
                    self.is_lacking = true;
                }
            }
        }
    }
}

impl Asked {
    fn turn(&mut self, now: u64, clock: Now, server: &mut Server, relay: &mut Relay) {
        if self.recovery.deadline().is_some_and(|at| at <= clock.mono) {
            self.recovery.handle(clock, Input::Timer, relay);
        }
        if self.is_connected && !server.is_up {
            self.hang_up(server);
            self.recovery.handle(clock, Input::Broken("reset"), relay);
        }
        self.act(now, clock, server, relay);
        if self.connects_at.is_some_and(|at| at <= now) {
            self.connects_at = None;
            self.is_connected = server.is_up;
            if server.is_up {
                server.connect();
                self.recovery.handle(clock, Input::Connected, relay);
            } else {
                let refused = Input::ConnectFailed("refused");
                self.recovery.handle(clock, refused, relay);
            }
            self.act(now, clock, server, relay);
        }
        if self.is_connected {
            let most = if server.mood == crate::server::Mood::Slow {
                usize::from(now.is_multiple_of(3000))
            } else {
                8
            };
            let delay = now % 1000;
            let sent = server.say(now, most);
            self.inbox
                .extend(sent.into_iter().map(|sent| (now + delay, sent)));
        }
        while self.is_connected && self.inbox.front().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, Sent::Octets(octets))) = self.inbox.pop_front() {
                self.recovery.handle(clock, Input::Octets(&octets), relay);
            } else {
                self.hang_up(server);
                self.recovery.handle(clock, Input::PeerClosed, relay);
            }
            self.act(now, clock, server, relay);
        }
    }

    fn act(&mut self, now: u64, clock: Now, server: &mut Server, relay: &mut Relay) {
        while let Some(action) = self.recovery.poll() {
            match action {
                Action::Connect => self.connects_at = Some(now + 100),
                Action::Send(octets) => {
                    server.hear(&octets);
                    let sent = Input::Sent(octets.len());
                    self.recovery.handle(clock, sent, relay);
                }
                Action::CloseSending => {}
                Action::Close => self.hang_up(server),
            }
        }
    }

    fn hang_up(&mut self, server: &mut Server) {
        server.hang_up();
        self.is_connected = false;
        self.connects_at = None;
        self.inbox.clear();
    }
}

pub(crate) fn server_address(number: u8) -> SocketAddrV6 {
    let number = u16::from(number);
    let address = std::net::Ipv6Addr::new(0x2001, 0xdb8, 5, 0, 0, 0, 0, number + 1);
    SocketAddrV6::new(address, 547, 0, 0)
}

fn port(number: usize, index: u32) -> Port {
    let link_address = message::link_address(number);
    Port {
        name: message::interface(number),
        index,
        link_address,
        addresses: vec![link_address],
        interface_id: message::interface(number).into_bytes(),
        is_trusted: false,
        relays_leasequery: false,
        remote_id: None,
        subscriber_id: None,
        vlan: None,
        supplies: Vec::new(),
        tells_link_layer: false,
        fallback: None,
    }
}

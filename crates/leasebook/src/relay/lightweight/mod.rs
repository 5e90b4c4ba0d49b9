//! The lightweight relay of the ports of a bridge (RFC 6221): sockets, rules and counters around
//! its machine.
//!
//! | module | its room |
//! |---|---|
//! | `frame` | from a frame to a datagram with its addresses, and back |
//! | `rules` | rules of nftables that keep originals from passing |
//! | `socket` | packet sockets |

mod frame;
mod rules;
mod socket;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use leasebook_protocol::relay::lightweight::{
    BridgePort, ClientFacing, Leaving, Lightweight as Machine, MessageRates, Packet, Passed, Role,
};
use leasebook_protocol::relay::{Dropped, Heard};
use parking_lot::Mutex;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};

use self::socket::{FRAME_OCTETS, PortSocket};
use super::kernel::Interface;
use super::status::LightweightStatus;
use crate::clock::Clock;
use crate::config::relay::{Lightweight as Settings, RelayConfig};
use crate::log::events;
use crate::metrics::relay as counters;
use crate::serve::Seldom;
use crate::tell;

/// Frames that are taken from an interface before it is the next one's turn.
const MAX_FRAMES_AT_ONCE: usize = 64;

/// The pause after an interface could not be heard.
const PAUSE: Duration = Duration::from_millis(10);

/// The running lightweight relay.
pub(super) struct Lightweight {
    settings: Settings,
    port: u16,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    in_force: Arc<AtomicBool>,
    is_stopped: AtomicBool,
    wake: OwnedFd,
    clock: Clock,
    state: Mutex<State>,
    not_sent: Seldom,
}

struct State {
    machine: Machine,
    sockets: HashMap<u32, Arc<PortSocket>>,
    counts: HashMap<u32, Counts>,
    tally: counters::DatagramTally,
    leaving: Leaving,
    frame: Vec<u8>,
}

/// What an interface saw.
#[derive(Clone, Debug, Default)]
struct Counts {
    relayed: u64,
    returned: u64,
    dropped: BTreeMap<&'static str, u64>,
}

impl Lightweight {
    /// Begins to have originals dropped; interfaces are heard from [`Lightweight::look`] on.
    pub(super) fn begin(config: &RelayConfig, settings: &Settings) -> io::Result<Self> {
        let in_force = rules::keep(settings, &config.filter.nft, config.port)?;
        let rates = MessageRates {
            per_client: config.messages_per_client,
            per_port: config.messages_per_interface,
        };
        let state = State {
            machine: Machine::new(rates, config.client_port, config.port),
            sockets: HashMap::new(),
            counts: HashMap::new(),
            tally: counters::DatagramTally::default(),
            leaving: Leaving::default(),
            frame: Vec::new(),
        };
        let shared = Arc::new(Shared {
            in_force,
            is_stopped: AtomicBool::new(false),
            wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            clock: Clock::new(),
            state: Mutex::new(state),
            not_sent: Seldom::default(),
        });
        let running = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("lightweight".to_owned());
        Ok(Self {
            settings: settings.clone(),
            port: config.port,
            shared,
            thread: Some(thread.spawn(move || running.run())?),
        })
    }

    /// Takes the interfaces as they are now: hears new ones, and no longer those that are gone.
    pub(super) fn look(&mut self, interfaces: &[Interface]) {
        let mut ports = HashMap::new();
        for interface in interfaces.iter().filter(|one| one.is_up) {
            let (Some(role), name) = (role(&self.settings, interface), &interface.name) else {
                continue;
            };
            let Some(bridge) = interface.bridge else {
                tell!(events::RELAY_LIGHTWEIGHT_NO_BRIDGE, interface = name);
                continue;
            };
            if !self.hears(interface.index) && !self.open(interface) {
                continue;
            }
            let name = name.clone();
            ports.insert(interface.index, BridgePort { name, bridge, role });
        }
        let mut state = self.shared.state.lock();
        state.sockets.retain(|index, _| ports.contains_key(index));
        state.counts.retain(|index, _| ports.contains_key(index));
        state.machine.set_ports(ports);
        drop(state);
        self.shared.wake();
    }

    fn hears(&self, index: u32) -> bool {
        self.shared.state.lock().sockets.contains_key(&index)
    }

    fn open(&self, interface: &Interface) -> bool {
        let (index, name) = (interface.index, &interface.name);
        match PortSocket::open(name, self.port) {
            Ok(socket) => {
                let mut state = self.shared.state.lock();
                state.sockets.insert(index, Arc::new(socket));
                tell!(events::RELAY_LIGHTWEIGHT_JOINED, interface = name);
                true
            }
            Err(error) => {
                tell!(events::RELAY_INTERFACE_FAILED, interface = name, error = %error);
                false
            }
        }
    }

    /// How every interface is.
    pub(super) fn status(&self) -> Vec<LightweightStatus> {
        let state = self.shared.state.lock();
        let in_force = self.shared.in_force.load(Ordering::Acquire);
        let one = |(index, port): (&u32, &BridgePort)| {
            let counts = state.counts.get(index).cloned().unwrap_or_default();
            let dropped = counts.dropped.into_iter();
            LightweightStatus {
                interface: port.name.clone(),
                role: match &port.role {
                    Role::ClientFacing(facing) if facing.is_trusted => "trusted",
                    Role::ClientFacing(_) => "untrusted",
                    Role::NetworkFacing => "network",
                }
                .to_owned(),
                in_force,
                relayed: counts.relayed,
                returned: counts.returned,
                dropped: dropped
                    .map(|(why, times)| (why.to_owned(), times))
                    .collect(),
            }
        };
        let mut all: Vec<LightweightStatus> = state.machine.ports().iter().map(one).collect();
        all.sort_by(|a, b| a.interface.cmp(&b.interface));
        all
    }
}

impl Drop for Lightweight {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::Release);
        self.shared.wake();
        if let Some(thread) = self.thread.take() {
            // A panic there was told by the panic hook; here is nothing more to do.
            let _ = thread.join();
        }
    }
}

/// What an interface is for; none is nothing.
fn role(settings: &Settings, interface: &Interface) -> Option<Role> {
    let name = &interface.name;
    if settings.network.contains(name) {
        return Some(Role::NetworkFacing);
    }
    let mut all = settings.interfaces.iter();
    let found = all.find(|one| one.fits(name))?;
    Some(Role::ClientFacing(ClientFacing {
        interface_id: found.interface_id.fill(name, interface.vlan, &[]),
        is_trusted: found.trusted,
        remote_id: found.remote_id.clone(),
        subscriber_id: found.subscriber_id.clone(),
        vlan: interface.vlan,
    }))
}

impl Shared {
    /// Hears frames until it is to stop.
    fn run(&self) {
        let mut octets = vec![0; FRAME_OCTETS];
        while !self.is_stopped.load(Ordering::Acquire) {
            let sockets: Vec<(u32, Arc<PortSocket>)> = {
                let state = self.state.lock();
                let sockets = state.sockets.iter();
                sockets
                    .map(|(index, socket)| (*index, Arc::clone(socket)))
                    .collect()
            };
            let ports = sockets.iter().map(|(_, socket)| socket.as_fd());
            let fds = std::iter::once(self.wake.as_fd()).chain(ports);
            let mut fds: Vec<PollFd<'_>> = fds
                .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
                .collect();
            // An interrupted wait is one that ended early.
            let _ = poll(&mut fds, None);
            let mut woken = fds.iter().map(|fd| !fd.revents().is_empty());
            if woken.next() == Some(true) {
                let _ = rustix::io::read(&self.wake, &mut [0; 8]);
            }
            for ((index, socket), is_woken) in sockets.iter().zip(woken) {
                if is_woken {
                    self.hear(*index, socket, &mut octets);
                }
            }
        }
    }

    /// Takes what came by an interface, and leaves the rest for the next turn.
    fn hear(&self, index: u32, socket: &PortSocket, octets: &mut [u8]) {
        for _ in 0..MAX_FRAMES_AT_ONCE {
            let taken = match socket.receive(octets) {
                Ok(taken) => taken,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    // It is down, or gone, and is told once; who looks at the interfaces goes on.
                    std::thread::sleep(PAUSE);
                    return;
                }
            };
            let packet = octets.get(..taken).and_then(frame::parse);
            if let Some(packet) = packet
                && self.in_force.load(Ordering::Acquire)
            {
                self.take(index, &packet);
            }
        }
    }

    fn wake(&self) {
        // It can fail only if it is set already.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    fn take(&self, index: u32, packet: &Packet<'_>) {
        let now = self.clock.now().mono;
        let mut state = self.state.lock();
        let state = &mut *state;
        let Some(became) = state.machine.packet(now, index, packet, &mut state.leaving) else {
            return;
        };
        state.count(index, became);
        match became {
            Ok(_) => self.send(state, packet),
            Err(why) => {
                let from = packet.source;
                tracing::debug!(%from, why = why.name(), "frame dropped");
            }
        }
    }

    /// Sends what the machine made of a packet: only ports and content differ.
    fn send(&self, state: &mut State, packet: &Packet<'_>) {
        let packet = Packet {
            // What is taken is for the port of relays and servers, and comes from it then.
            source_port: packet.destination_port,
            destination_port: state.leaving.destination_port,
            octets: &state.leaving.octets,
            ..*packet
        };
        if !frame::compose(&packet, &mut state.frame) {
            return;
        }
        for index in &state.leaving.interfaces {
            let Some(socket) = state.sockets.get(index) else {
                continue;
            };
            if let Err(error) = socket.send(&state.frame) {
                counters::count_not_sent(1);
                if let Some(times) = self.not_sent.now() {
                    let error = error.to_string();
                    tell!(events::RELAY_NOT_SENT, failed = 1, error, times);
                }
            }
        }
    }
}

impl State {
    fn count(&mut self, index: u32, became: Result<Passed, Dropped>) {
        self.tally.count(&became.map(|passed| Heard {
            kind: passed.kind,
            is_reply: passed.is_reply,
            port: None,
        }));
        let index = match became {
            Ok(passed) => passed.client_facing,
            Err(_) => index,
        };
        let counts = self.counts.entry(index).or_default();
        match became {
            Ok(passed) if passed.is_reply => counts.returned += 1,
            Ok(_) => counts.relayed += 1,
            Err(why) => *counts.dropped.entry(why.name()).or_default() += 1,
        }
    }
}

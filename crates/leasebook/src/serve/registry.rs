//! The open connections: who is admitted, and how each is reached.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use leasebook_protocol::Mono;
use leasebook_protocol::leasequery::admission::{Admission, Closed, ConnectionId, Verdict};
use leasebook_protocol::leasequery::config::Limits;
use leasebook_protocol::leasequery::event::CloseReason;
use leasebook_protocol::rate::Rate;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::connection::{Command, source_of};
use super::settings::Settings;

/// All open connections.
pub(super) struct Registry {
    settings: Arc<Settings>,
    admission: Admission,
    open: HashMap<ConnectionId, Open>,
    next: u64,
    rate: Rate,
}

struct Open {
    source: IpAddr,
    commands: UnboundedSender<Command>,
}

/// A connection that is admitted.
pub(super) struct Admitted {
    pub(super) id: ConnectionId,
    pub(super) commands: UnboundedReceiver<Command>,
    pub(super) settings: Arc<Settings>,
    /// Whether another one gives way to it.
    pub(super) displaces: bool,
}

impl Registry {
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            admission: Admission::new(),
            open: HashMap::new(),
            next: 0,
            rate: Rate::default(),
        }
    }

    /// Judges a connection from `peer`, accepted at `now`.
    pub(super) fn accept(&mut self, peer: SocketAddr, now: Mono) -> Result<Admitted, Closed> {
        let id = ConnectionId(self.next);
        self.next += 1;
        let source = source_of(peer);
        let displaces = match self
            .admission
            .accept(&self.settings.config, id, source, now)
        {
            Verdict::Close(why) => return Err(why),
            Verdict::Admit => false,
            Verdict::AdmitInPlaceOf(other) => {
                self.send(other, Command::Stop(CloseReason::Displaced));
                true
            }
        };
        let (commands, received) = unbounded_channel();
        self.open.insert(id, Open { source, commands });
        self.share(source);
        Ok(Admitted {
            id,
            commands: received,
            settings: Arc::clone(&self.settings),
            displaces,
        })
    }

    /// Notes whether a connection has queries in progress.
    pub(super) fn attend(&mut self, id: ConnectionId, is_busy: bool, now: Mono) {
        if is_busy {
            self.admission.busy(id);
        } else {
            self.admission.idle(id, now);
        }
    }

    /// Counts `queries` of a connection; says when its source may ask the next (SEC-006).
    pub(super) fn charge(&mut self, id: ConnectionId, queries: u32, now: Mono) -> Mono {
        let Some(open) = self.open.get(&id) else {
            return now;
        };
        let limit = self.settings.config.limits.queries_per_second;
        let source = octets_of(open.source);
        let charges = (0..queries).map(|_| self.rate.charge(&source, limit, now));
        charges.last().unwrap_or(now)
    }

    /// Forgets a connection that has ended.
    pub(super) fn closed(&mut self, id: ConnectionId) {
        self.admission.closed(id);
        if let Some(open) = self.open.remove(&id) {
            self.share(open.source);
        }
    }

    /// New settings for all, and for those to come.
    pub(super) fn reconfigure(&mut self, settings: Arc<Settings>) {
        self.settings = settings;
        for open in self.open.values() {
            let _ = open
                .commands
                .send(Command::Reconfigure(Arc::clone(&self.settings)));
        }
        let sources: Vec<IpAddr> = self.open.values().map(|open| open.source).collect();
        for source in sources {
            self.share(source);
        }
    }

    /// Ends all.
    pub(super) fn stop(&mut self) {
        for open in self.open.values() {
            let _ = open.commands.send(Command::Stop(CloseReason::Shutdown));
        }
    }

    /// The limits in force.
    pub(super) fn limits(&self) -> Limits {
        self.settings.config.limits
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Divides a source's queries among its connections (BLQ-S-078).
    fn share(&self, source: IpAddr) {
        let limits = self.settings.config.limits;
        let connections = self.admission.of_source(source).max(1);
        let limit = (limits.queries_per_source / connections).max(1);
        for open in self.open.values().filter(|open| open.source == source) {
            let _ = open.commands.send(Command::QueryLimit(limit));
        }
    }

    /// A connection whose task has just ended hears nothing any more, and needs not.
    fn send(&self, id: ConnectionId, command: Command) {
        if let Some(open) = self.open.get(&id) {
            let _ = open.commands.send(command);
        }
    }
}

/// An address as a key.
pub(super) fn octets_of(source: IpAddr) -> Vec<u8> {
    match source {
        IpAddr::V4(source) => source.octets().to_vec(),
        IpAddr::V6(source) => source.octets().to_vec(),
    }
}

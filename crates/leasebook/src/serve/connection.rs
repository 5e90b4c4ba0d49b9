//! One connection: octets in, octets out, time.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use leasebook_protocol::Mono;
use leasebook_protocol::leasequery::Dropped;
use leasebook_protocol::leasequery::connection::{Connection, FillState};
use leasebook_protocol::leasequery::event::{CloseReason, Event, Outcome, QueryDone};
use leasebook_store::Book;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::UnboundedReceiver;

use super::settings::Settings;
use crate::clock::Clock;
use crate::config::QueryKind;
use crate::log::events;
use crate::metrics::{self, BulkCounters};
use crate::tell;

/// Octets read at once.
const READ_OCTETS: usize = 16 * 1024;

/// A send buffer that an unusually large record has grown is let go above this.
const KEPT_OCTETS: usize = 256 * 1024;

/// How long a closed connection is still listened to, so that what the peer sent too late does
/// not make the system throw away what we said last.
const LINGER: Duration = Duration::from_secs(1);

/// What the server tells a connection.
#[derive(Debug)]
pub(super) enum Command {
    /// End the queries in progress, then the connection.
    Stop(CloseReason),
    /// New settings are in force.
    Reconfigure(Arc<Settings>),
    /// How many queries may be in progress, from now on.
    QueryLimit(usize),
}

/// Says when a connection has queries in progress, and when it has none.
pub(super) trait Attend: Send + Sync {
    /// From now on there are some, or none.
    fn attend(&self, is_busy: bool);

    /// So many queries have ended; says when the next may be read.
    fn charge(&self, queries: u32) -> Mono;
}

/// What a connection's task works with.
pub(super) struct Drive<A> {
    pub(super) peer: SocketAddr,
    pub(super) book: Arc<Book>,
    pub(super) clock: Clock,
    pub(super) counters: BulkCounters,
    pub(super) commands: UnboundedReceiver<Command>,
    pub(super) attend: A,
}

/// Serves a connection to its end.
pub(super) async fn drive<A: Attend>(stream: TcpStream, settings: Arc<Settings>, drive: Drive<A>) {
    let now = drive.clock.now();
    let source = drive.peer.ip();
    let machine = Connection::new(
        Arc::clone(&settings.config),
        Arc::clone(&settings.links),
        source,
        now,
    );
    tell!(events::BLQ_CONNECTION_OPENED, peer = %drive.peer);
    drive.counters.connections.increment(1.0);
    let (read, write) = stream.into_split();
    let mut task = Task {
        machine,
        read,
        write,
        drive,
        out: Vec::new(),
        written: 0,
        is_busy: false,
        query_limit: usize::MAX,
        held: None,
        told: Told::default(),
    };
    task.run().await;
    task.end(now.mono).await;
}

struct Task<A> {
    machine: Connection,
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    drive: Drive<A>,
    /// What the machine said, of which `written` octets are with the system.
    out: Vec<u8>,
    written: usize,
    is_busy: bool,
    /// Queries that may be in progress, but for `held`.
    query_limit: usize,
    /// Until when none is read, for its source has asked too often.
    held: Option<Mono>,
    told: Told,
}

/// Sums for the line at the end.
#[derive(Default)]
struct Told {
    queries: u64,
    bindings: u64,
    octets: u64,
    dropped: u64,
    /// A message of a wrong type was told once.
    unexpected: bool,
    reason: Option<CloseReason>,
}

impl<A: Attend> Task<A> {
    async fn run(&mut self) {
        let mut inbox = vec![0; READ_OCTETS];
        loop {
            if self.fill() {
                // A long search without a hit: let the others have their turn.
                tokio::task::yield_now().await;
                continue;
            }
            let is_written = self.written == self.out.len();
            if is_written && self.machine.wants_close() {
                return;
            }
            let deadline = [self.machine.deadline(), self.held];
            let deadline = deadline.into_iter().flatten().min();
            let deadline = deadline.map(|at| self.drive.clock.instant(at));
            tokio::select! {
                read = self.read.read(&mut inbox), if self.machine.wants_read() => {
                    let now = self.drive.clock.now();
                    match read {
                        Ok(0) => self.machine.peer_closed_sending(now),
                        Ok(count) => self.machine.octets(now, &inbox[..count]),
                        Err(_) => self.machine.failed(),
                    }
                }
                written = self.write.write(&self.out[self.written..]), if !is_written => {
                    match written {
                        Ok(count) => self.sent(count),
                        Err(_) => self.failed(),
                    }
                }
                Some(command) = self.drive.commands.recv() => self.command(command),
                () = sleep_until(deadline) => {
                    self.let_go();
                    self.machine.timer(self.drive.clock.now());
                    if self.machine.wants_close() {
                        // Out of patience with a peer that takes nothing.
                        self.forget();
                    }
                }
            }
            if self.written == self.out.len() && !self.out.is_empty() {
                // A peer that reads as fast as we write never makes us wait; without a breath
                // here no socket, timer or signal of the whole process would be looked at.
                tokio::task::yield_now().await;
            }
        }
    }

    /// Takes more from the machine once all is written; true if it is searching still.
    fn fill(&mut self) -> bool {
        let mut is_searching = false;
        if self.written == self.out.len() {
            self.forget();
            let now = self.drive.clock.now();
            let state = self.machine.fill(now, &*self.drive.book, &mut self.out);
            is_searching = self.out.is_empty() && state == FillState::More;
        }
        let queries_before = self.told.queries;
        while let Some(event) = self.machine.poll_event() {
            self.event(event);
        }
        let ended = u32::try_from(self.told.queries - queries_before).unwrap_or(u32::MAX);
        if ended > 0 {
            self.charge(ended);
        }
        let is_busy = self.machine.queries_in_progress() > 0;
        if is_busy != self.is_busy {
            self.is_busy = is_busy;
            self.drive.attend.attend(is_busy);
        }
        is_searching
    }

    /// Counts queries that ended; where their source asks too often, the next ones wait.
    fn charge(&mut self, ended: u32) {
        let now = self.drive.clock.now();
        let next = self.drive.attend.charge(ended);
        if next > now.mono {
            if self.held.is_none() {
                let millis = next.since(now.mono).as_millis();
                tell!(events::BLQ_SOURCE_HELD, peer = %self.drive.peer, millis);
            }
            self.held = Some(next);
            self.machine.set_query_limit(now, 0);
        }
    }

    /// Reads on, if it was held and has waited long enough.
    fn let_go(&mut self) {
        let now = self.drive.clock.now();
        if self.held.is_some_and(|until| until <= now.mono) {
            self.held = None;
            self.machine.set_query_limit(now, self.query_limit);
        }
    }

    fn forget(&mut self) {
        self.written = 0;
        self.out.clear();
        if self.out.capacity() > KEPT_OCTETS {
            self.out = Vec::new();
        }
    }

    fn sent(&mut self, count: usize) {
        self.written += count;
        self.told.octets += count as u64;
        self.drive.counters.octets.increment(count as u64);
        self.machine.sent(self.drive.clock.now(), count);
    }

    fn failed(&mut self) {
        self.machine.failed();
        self.forget();
    }

    fn command(&mut self, command: Command) {
        let now = self.drive.clock.now();
        match command {
            Command::Stop(why) => self.machine.stop(now, why),
            Command::QueryLimit(limit) => {
                self.query_limit = limit;
                if self.held.is_none() {
                    self.machine.set_query_limit(now, limit);
                }
            }
            Command::Reconfigure(settings) => {
                let (config, links) = (Arc::clone(&settings.config), Arc::clone(&settings.links));
                self.machine.reconfigure(now, config, links);
                if self.held.is_some() {
                    self.machine.set_query_limit(now, 0);
                }
            }
        }
    }

    fn event(&mut self, event: Event) {
        let peer = self.drive.peer;
        match event {
            Event::QueryDone(done) => self.query_done(&done),
            Event::Dropped { kind, count } => {
                if let Dropped::Foreign(message) = kind
                    && !std::mem::replace(&mut self.told.unexpected, true)
                {
                    tell!(events::BLQ_MESSAGE_UNEXPECTED, peer = %peer, r#type = %message);
                }
                self.told.dropped += count;
                let kind = name_of(kind);
                metrics::count_dropped(kind, count);
                tell!(events::BLQ_MESSAGE_DROPPED, peer = %peer, kind, times = count);
            }
            Event::StoreFailed { error } => tell!(events::STORE_FAILED, error),
            Event::Closed { why } => self.told.reason = Some(why),
        }
    }

    fn query_done(&mut self, done: &QueryDone) {
        let peer = self.drive.peer;
        let took = self.drive.clock.now().mono.since(done.started);
        let kind = done.query_type.and_then(|asked| {
            QueryKind::ALL
                .into_iter()
                .find(|kind| kind.code() == asked.0)
        });
        let name = kind.map_or("unknown", QueryKind::name);
        let millis = took.as_secs_f64() * 1e3;
        let (bindings, octets) = (done.bindings, done.octets);
        self.told.queries += 1;
        self.told.bindings += bindings;
        self.drive.counters.bindings.increment(bindings);
        self.drive.counters.query_seconds.record(took.as_secs_f64());
        let outcome = match done.outcome {
            Outcome::Answered => {
                tell!(events::BLQ_QUERY_DONE, peer = %peer, r#type = name, bindings, octets, millis);
                "complete"
            }
            Outcome::Refused(status) => {
                tell!(events::BLQ_QUERY_REFUSED, peer = %peer, r#type = name, status = %status);
                "refused"
            }
            Outcome::NoTls | Outcome::NoActive => {
                tell!(events::BLQ_QUERY_REFUSED, peer = %peer, r#type = name, status = "not offered");
                "refused"
            }
            Outcome::Terminated(why) | Outcome::Cut(why) => {
                tell!(events::BLQ_QUERY_CUT, peer = %peer, r#type = name, bindings, octets, millis, reason = why.text());
                "cut"
            }
        };
        metrics::count_query(kind, outcome);
    }

    /// Says good-bye and tells how it was.
    async fn end(mut self, began: leasebook_protocol::Mono) {
        if self.is_busy {
            self.drive.attend.attend(false);
        }
        let _ = self.write.shutdown().await;
        // What still comes is read and forgotten, see [`LINGER`].
        let listen = async {
            let mut inbox = vec![0; READ_OCTETS];
            while matches!(self.read.read(&mut inbox).await, Ok(count) if count > 0) {}
        };
        let _ = tokio::time::timeout(LINGER, listen).await;
        self.drive.counters.connections.decrement(1.0);
        let Told {
            queries,
            bindings,
            octets,
            dropped,
            reason,
            ..
        } = self.told;
        tell!(
            events::BLQ_CONNECTION_CLOSED,
            peer = %self.drive.peer,
            queries,
            bindings,
            octets,
            dropped,
            millis = self.drive.clock.now().mono.since(began).as_secs_f64() * 1e3,
            reason = reason.map_or("the connection is over", CloseReason::text)
        );
    }
}

/// Waits until `deadline`; for ever if there is none.
async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// The kind of a dropped message in counters and logs.
pub(super) fn name_of(dropped: Dropped) -> &'static str {
    match dropped {
        Dropped::Malformed => "malformed",
        Dropped::Foreign(_) => "foreign",
        Dropped::NoClientId => "no-client-id",
        Dropped::OtherServer => "other-server",
        Dropped::NoQuery => "no-query",
        Dropped::SeveralQueries => "several-queries",
        Dropped::TransactionInUse => "transaction-in-use",
    }
}

/// The source that limits count for.
pub(super) fn source_of(peer: SocketAddr) -> IpAddr {
    peer.ip().to_canonical()
}

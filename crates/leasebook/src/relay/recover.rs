//! Asking servers for everything that was relayed by us.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipnet::Ipv6Net;
use leasebook_protocol::relay::recovery::Counts;
use leasebook_protocol::relay::{Phase, Relay, ServerRecovery};
use leasebook_protocol::requestor::{
    self, Action, Ask, AskError, Connection, Ending, Event, Input, Question,
};
use leasebook_protocol::{Mono, Now};
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::control::client_name;
use super::shared::Shared;
use super::status::ServerSays;
use crate::cli::values::Endpoint;
use crate::config::Timers;
use crate::config::relay::RelayConfig;
use crate::entropy::entropy;
use crate::log::events;
use crate::metrics::relay as counters;
use crate::query::connect::Route;
use crate::query::task::{Machine, Task};
use crate::tell;

/// Queries outstanding at once on one connection: what servers take by default.
const PIPELINED: usize = 4;

/// What stands for the answer of a server that was asked about a prefix and is silent.
const NOT_YET: &str = "it was asked, and is silent";

/// How far a recovery is.
#[derive(Clone, Debug)]
pub(super) struct ServerState {
    /// The server's place in the configuration.
    pub(super) server: u16,
    /// How far it is with it.
    pub(super) phase: Phase,
    /// What came of it.
    pub(super) counts: Counts,
    /// What the server did wrong, by kind.
    pub(super) deviations: u64,
    /// Nothing more will come.
    pub(super) is_finished: bool,
    /// There is no sense in waiting for it.
    pub(super) is_settled: bool,
    /// From the beginning to the end, or until now.
    pub(super) took: Duration,
}

/// A recovery from all servers, under way or over; dropping it stops it.
pub(super) struct Recovery {
    states: Arc<Mutex<Vec<ServerState>>>,
    stop: watch::Sender<bool>,
    changed: watch::Receiver<u64>,
    tasks: Vec<JoinHandle<()>>,
}

/// How servers are asked.
#[derive(Clone, Debug)]
pub(super) struct Manner {
    servers: Vec<(u16, Endpoint)>,
    source: Option<SocketAddr>,
    device: Option<String>,
    config: requestor::Config,
}

impl Manner {
    /// As the relay's configuration says.
    pub(super) fn of(config: &RelayConfig, relay: &Relay) -> Self {
        let timers = match config.recovery.timers {
            Timers::Draft => requestor::Timers::DRAFT,
            Timers::Rfc5460 => requestor::Timers::RFC5460,
        };
        let bulk = config.servers.iter().zip(0_u16..);
        let source = config.recovery.source.or(config.source);
        Self {
            servers: bulk
                .filter_map(|(server, place)| Some((place, server.bulk.clone()?)))
                .collect(),
            source: source.map(|address| SocketAddr::new(address.into(), 0)),
            device: config.vrf.servers.clone(),
            config: requestor::Config {
                timers,
                retries: u32::MAX,
                pipelined: PIPELINED,
                ..requestor::Config::new(relay.config().relay_id.clone())
            },
        }
    }

    /// The same, trying each server once.
    pub(super) fn once(mut self) -> Self {
        self.config.retries = 0;
        self
    }
}

impl Recovery {
    /// Begins to ask every server. With a `rehearsal` the bindings go there, and nothing is
    /// routed.
    pub(super) fn begin(
        manner: &Manner,
        shared: &Arc<Shared>,
        rehearsal: Option<&Arc<Mutex<Relay>>>,
    ) -> Result<Self, AskError> {
        let (stop, stopped) = watch::channel(false);
        let (change, changed) = watch::channel(0);
        let change = Arc::new(change);
        let states = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for (server, endpoint) in &manner.servers {
            let relay = shared.relay();
            let now = shared.clock.now();
            let entropy = entropy();
            let config = manner.config.clone();
            let recovery = ServerRecovery::begin(now, *server, config, entropy, &relay)?;
            drop(relay);
            states.lock().push(state(&recovery, Duration::ZERO));
            let machine = Recovering {
                place: states.lock().len() - 1,
                recovery,
                shared: Arc::clone(shared),
                rehearsal: rehearsal.map(Arc::clone),
                states: Arc::clone(&states),
                change: Arc::clone(&change),
                began: Instant::now(),
            };
            let route = Route {
                server: endpoint.clone(),
                source: manner.source,
                device: manner.device.clone(),
                timeout: manner.config.timers.connect,
            };
            let task = Task {
                machine,
                route,
                stop: stopped.clone(),
                clock: shared.clock,
            };
            tasks.push(tokio::spawn(async move {
                task.run().await;
            }));
        }
        Ok(Self {
            states,
            stop,
            changed,
            tasks,
        })
    }

    /// How far it is with each server.
    pub(super) fn states(&self) -> Vec<ServerState> {
        self.states.lock().clone()
    }

    /// Whether every server has answered or refused, and nothing more will come.
    pub(super) fn is_finished(&self) -> bool {
        self.states.lock().iter().all(|state| state.is_finished)
    }

    /// Whether there is no sense in waiting for it: who did not answer was tried in vain.
    pub(super) fn is_settled(&self) -> bool {
        self.states.lock().iter().all(|state| state.is_settled)
    }

    /// Whether every server told everything, so that what none told is no more. Where none is
    /// asked, none did.
    pub(super) fn is_complete(&self) -> bool {
        let states = self.states.lock();
        let is_done = |state: &ServerState| state.phase == Phase::Done;
        !states.is_empty() && states.iter().all(is_done)
    }

    /// Waits until the state of any server has changed; for ever once nothing more will come.
    pub(super) async fn progressed(&mut self) {
        if self.changed.changed().await.is_err() {
            pending::<()>().await;
        }
    }
}

impl Drop for Recovery {
    fn drop(&mut self) {
        // Without tasks nobody hears it, which is as well.
        let _ = self.stop.send(true);
        for task in &self.tasks {
            task.abort();
        }
    }
}

fn state(recovery: &ServerRecovery, took: Duration) -> ServerState {
    ServerState {
        server: recovery.server(),
        phase: recovery.phase().clone(),
        counts: recovery.counts(),
        deviations: recovery.deviations().total(),
        is_finished: recovery.is_finished(),
        is_settled: recovery.is_settled(),
        took,
    }
}

/// The recovery from one server, as the socket's machine.
struct Recovering {
    recovery: ServerRecovery,
    place: usize,
    shared: Arc<Shared>,
    rehearsal: Option<Arc<Mutex<Relay>>>,
    states: Arc<Mutex<Vec<ServerState>>>,
    change: Arc<watch::Sender<u64>>,
    began: Instant,
}

impl Recovering {
    /// Tells what changed, for those who wait and for the log.
    fn note(&self) {
        let new = state(&self.recovery, self.began.elapsed());
        let mut states = self.states.lock();
        let Some(old) = states.get_mut(self.place) else {
            return;
        };
        let is_news = old.phase != new.phase || old.is_finished != new.is_finished;
        *old = new.clone();
        drop(states);
        if !is_news {
            return;
        }
        self.change.send_modify(|times| *times += 1);
        if self.rehearsal.is_some() {
            return;
        }
        let server = self.shared.server(new.server);
        counters::count_recovery(&new.phase, new.took, new.is_finished);
        let millis = new.took.as_millis();
        match &new.phase {
            Phase::Asking | Phase::Done if !new.is_finished => {}
            Phase::Retrying(cause) => {
                tell!(events::RELAY_RECOVERY_RETRY, server, cause = %cause);
            }
            Phase::Asking | Phase::Done => {
                let counts = new.counts;
                tell!(
                    events::RELAY_RECOVERED,
                    server,
                    leases = counts.tally.leases,
                    taken = counts.taken,
                    refused = counts.refused,
                    confirmed = counts.confirmed,
                    denied = counts.denied,
                    deviations = new.deviations,
                    millis
                );
            }
            Phase::Refused(status, text) => {
                tell!(events::RELAY_RECOVERY_REFUSED, server, status = %status, text);
            }
            Phase::Failed(cause) => {
                tell!(events::RELAY_RECOVERY_FAILED, server, cause = %cause, millis);
            }
        }
    }
}

impl Machine for Recovering {
    fn take(&mut self, now: Now, input: Input<'_>) {
        if let Some(rehearsal) = &self.rehearsal {
            self.recovery.handle(now, input, &mut rehearsal.lock());
        } else {
            let mut relay = self.shared.relay();
            self.recovery.handle(now, input, &mut relay);
            self.shared.settle(&mut relay);
        }
        self.note();
    }

    fn poll(&mut self) -> Option<Action> {
        self.recovery.poll()
    }

    fn deadline(&self) -> Option<Mono> {
        self.recovery.deadline()
    }

    fn is_finished(&self) -> bool {
        self.recovery.is_finished()
    }
}

/// Asks every server what it holds of a prefix; answers gather in `says`.
pub(super) fn ask_about(
    config: &RelayConfig,
    shared: &Arc<Shared>,
    prefix: Ipv6Net,
    says: &Arc<Mutex<Vec<ServerSays>>>,
    done: oneshot::Sender<()>,
) {
    let manner = Manner::of(config, &shared.relay()).once();
    let mut tasks = Vec::new();
    // Nobody stops these: they end by themselves after one attempt.
    let (stop, stopped) = watch::channel(false);
    for (server, endpoint) in manner.servers {
        let mut requestor = Connection::new(manner.config.clone(), entropy());
        let now = shared.clock.now();
        let ask = Ask::everywhere(Question::Address(prefix.addr()));
        if requestor.ask(now, ask).is_err() {
            continue;
        }
        requestor.finish(now);
        says.lock().push(ServerSays {
            error: Some(NOT_YET.to_owned()),
            ..ServerSays::nothing(shared.server(server))
        });
        let machine = AskingAbout {
            requestor,
            server,
            shared: Arc::clone(shared),
            says: Arc::clone(says),
        };
        let route = Route {
            server: endpoint,
            source: manner.source,
            device: manner.device.clone(),
            timeout: manner.config.timers.connect,
        };
        let task = Task {
            machine,
            route,
            stop: stopped.clone(),
            clock: shared.clock,
        };
        tasks.push(tokio::spawn(task.run()));
    }
    tokio::spawn(async move {
        for task in tasks {
            // One that failed has said nothing, which is seen.
            let _ = task.await;
        }
        drop(stop);
        // Who asked may have left.
        let _ = done.send(());
    });
}

/// A question about one prefix to one server.
struct AskingAbout {
    requestor: Connection,
    /// The server's place in the configuration.
    server: u16,
    shared: Arc<Shared>,
    says: Arc<Mutex<Vec<ServerSays>>>,
}

impl Machine for AskingAbout {
    fn take(&mut self, now: Now, input: Input<'_>) {
        let says = &self.says;
        let server = self.shared.server(self.server);
        let nothing = || ServerSays::nothing(server);
        let is_kept =
            |one: &ServerSays| one.server != server || one.error.as_deref() != Some(NOT_YET);
        self.requestor.handle(now, input, &mut |event| match event {
            Event::Binding(binding) => {
                let claim = &binding.claim;
                let objections = self.shared.relay().objections(&binding);
                let objection = |name| {
                    let mut objections = objections.iter();
                    let found = objections.find(|(lease, _)| *lease == name);
                    found.map(|(_, why)| why.to_string())
                };
                let mut says = says.lock();
                says.retain(is_kept);
                says.extend(claim.leases().map(|lease| ServerSays {
                    lease: Some(lease.name.to_string()),
                    client: Some(client_name(claim.client())),
                    valid_secs: Some(lease.valid),
                    heard_secs_ago: Some(claim.clt_age()),
                    objection: objection(lease.name),
                    ..nothing()
                }));
            }
            Event::Ended { ending, .. } => {
                let error = match ending {
                    Ending::Complete => return,
                    Ending::NoneFound => None,
                    Ending::Refused { status, text } => Some(format!("{status}: {text}")),
                    Ending::Partial(cause) | Ending::Unanswered(cause) => Some(cause.to_string()),
                };
                let mut says = says.lock();
                says.retain(is_kept);
                says.push(ServerSays { error, ..nothing() });
            }
            Event::Interrupted { .. } | Event::Deviation { .. } => {}
        });
    }

    fn poll(&mut self) -> Option<Action> {
        self.requestor.poll()
    }

    fn deadline(&self) -> Option<Mono> {
        self.requestor.deadline()
    }

    fn is_finished(&self) -> bool {
        self.requestor.is_finished()
    }
}

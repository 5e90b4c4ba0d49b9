//! Asking servers, in bulk or by single datagrams: sockets, clocks and output around the requestor's machines.
//!
//! ```text
//!   Plan ──► one task for each server ──► Gather ──► show::Output
//!                 │ machine + socket         │
//!                 ▼                          └─ collects and joins, or writes as it comes
//!            summary on standard error
//! ```
//!
//! One server's bindings are written as they come where nothing can be told twice (see
//! [`Plan::streams`]); otherwise they are collected, joined by BLQ-R-039 and BLQ-R-040, and
//! written in the order of link and client. A signal ends everything as partial, and what
//! came is still written; a second one ends the program at once.

mod asking;
pub(crate) mod connect;
mod gather;
mod shown;
pub(crate) mod task;
mod tell;
mod udp;

use std::io::{self, IsTerminal as _, Write};
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use leasebook_protocol::requestor::{
    Account, Ask, AskError, Config, Connection, Deviations, Outcome, Question, UdpRequestor,
    UdpTimers,
};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::asking::Asking;
use self::connect::Route;
pub use self::gather::Failure;
use self::gather::{Gather, Manner};
use self::tell::Teller;
use self::udp::UdpTask;
use crate::cli::values::Endpoint;
use crate::clock::Clock;
use crate::entropy::entropy;
use crate::exit::{Exit, ServerOutcome};
use crate::show::routes::RoutePolicy;
use crate::show::{Format, Output};
use crate::signal::Signals;

/// How often progress is shown anew.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// The most servers asked at once; each costs a connection and a read buffer.
pub const MAX_SERVERS: usize = 1024;

/// What is asked of whom, and what becomes of the answers.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The servers; of equal answers the first one's counts (D-24).
    pub servers: Vec<Endpoint>,
    /// The queries, put to every server.
    pub asks: Vec<Ask>,
    /// How each server is asked.
    pub config: Config,
    /// Asked by single datagrams, and on these timers; none: over TCP.
    pub udp: Option<UdpTimers>,
    /// Where connections come from.
    pub source: Option<SocketAddr>,
    /// The form of the output.
    pub format: Format,
    /// For routes.
    pub policy: RoutePolicy,
    /// Only failures are told beside the result.
    pub is_quiet: bool,
    /// Progress is not shown, watched or not.
    pub hides_progress: bool,
}

/// Why a query cannot be put at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// It cannot be asked.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// More servers than are asked at once.
    #[error("{count} servers were given; at most {MAX_SERVERS} are asked at once")]
    TooManyServers {
        /// How many.
        count: usize,
    },
    /// The system gives no threads, timers or signals.
    #[error("cannot start: {0}")]
    Start(io::Error),
    /// What came cannot be handed on.
    #[error(transparent)]
    Gather(#[from] Failure),
}

impl Plan {
    /// Whether bindings are written as they come.
    ///
    /// From one server, if the form is not the table, where a client's leases belong
    /// together; and if nothing is told twice: one query, no retries. Routes may be told
    /// twice, since setting one again changes nothing.
    pub fn streams(&self) -> bool {
        self.servers.len() == 1
            && match self.format {
                Format::Table => false,
                Format::Json | Format::Csv => self.asks.len() == 1 && self.config.retries == 0,
                Format::Routes => true,
            }
    }

    /// The link that was asked for, if it is one.
    fn asked_link(&self) -> Option<Ipv6Addr> {
        let mut links = self.asks.iter().map(|ask| match ask.question {
            Question::LinkAddress(link) => link,
            _ => ask.link,
        });
        let first = links.next().filter(|link| !link.is_unspecified())?;
        links.all(|link| link == first).then_some(first)
    }

    /// Asks all servers, writes the result to `out`, tells the rest on standard error.
    pub fn run<W: Write + Send + 'static>(&self, out: W) -> Result<Exit, QueryError> {
        if self.servers.len() > MAX_SERVERS {
            let count = self.servers.len();
            return Err(QueryError::TooManyServers { count });
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(QueryError::Start)?;
        let ended = runtime.block_on(self.ask_all(out));
        // A look-up of a name that nobody waits for any more must not hold up the end.
        runtime.shutdown_background();
        ended
    }

    async fn ask_all<W: Write + Send + 'static>(&self, out: W) -> Result<Exit, QueryError> {
        let clock = Clock::new();
        let gather = Arc::new(Mutex::new(self.gather(out)));
        let (stop_sender, stop) = watch::channel(false);
        let mut tasks = Vec::new();
        for (number, server) in self.servers.iter().enumerate() {
            let (route, gather, stop) = (self.route(server), gather.clone(), stop.clone());
            tasks.push(match self.udp {
                None => tokio::spawn(
                    Asking {
                        number,
                        machine: self.machine(&clock)?,
                        gather,
                    }
                    .run(route, stop, clock),
                ),
                Some(timers) => tokio::spawn(
                    UdpTask {
                        number,
                        machine: self.udp_machine(timers, &clock)?,
                        route,
                        gather,
                        stop,
                        clock,
                    }
                    .run(),
                ),
            });
        }
        let watcher = tokio::spawn(watch_over(
            gather.clone(),
            stop_sender,
            Signals::new().map_err(QueryError::Start)?,
        ));
        let mut deviations = Vec::new();
        for task in tasks {
            deviations.push(task.await.unwrap_or_default());
        }
        end(watcher).await;
        let Some(gather) = Arc::into_inner(gather) else {
            // Every task has ended and the watcher too, so nobody else holds it.
            return Err(QueryError::Start(io::Error::other("a task did not end")));
        };
        let (accounts, teller) = gather.into_inner().finish(clock.now().mono)?;
        Ok(self.close(&teller, &accounts, &deviations))
    }

    fn gather<W: Write>(&self, out: W) -> Gather<W> {
        let streams = self.streams();
        let manner = Manner {
            servers: self.servers.iter().map(ToString::to_string).collect(),
            collect: (!streams).then(rand::random),
            asked_link: self.asked_link(),
        };
        // Lines of a streamed result and of the progress would disturb each other.
        let is_watched = io::stderr().is_terminal() && !(streams && io::stdout().is_terminal());
        let teller = Teller::new(self.is_quiet, is_watched && !self.hides_progress);
        let output = Output::new(self.format, out, self.policy.clone());
        Gather::new(output, manner, teller)
    }

    /// A machine with every query asked and none to follow.
    fn machine(&self, clock: &Clock) -> Result<Connection, AskError> {
        let mut machine = Connection::new(self.config.clone(), entropy());
        let now = clock.now();
        for ask in &self.asks {
            machine.ask(now, ask.clone())?;
        }
        machine.finish(now);
        Ok(machine)
    }

    /// The same for datagrams.
    fn udp_machine(&self, timers: UdpTimers, clock: &Clock) -> Result<UdpRequestor, AskError> {
        let mut machine = UdpRequestor::new(self.config.clone(), timers, entropy());
        let now = clock.now();
        for ask in &self.asks {
            machine.ask(now, ask.clone())?;
        }
        Ok(machine)
    }

    fn route(&self, server: &Endpoint) -> Route {
        Route {
            server: server.clone(),
            source: self.source,
            device: None,
            timeout: self.config.timers.connect,
        }
    }

    /// Tells what came of each server, and the exit code of all.
    fn close(&self, teller: &Teller, accounts: &[Account], deviations: &[Deviations]) -> Exit {
        let servers = self.servers.iter().zip(accounts).zip(deviations);
        for ((server, account), deviations) in servers {
            teller.summary(&server.to_string(), account, deviations);
        }
        let outcomes: Vec<_> = accounts
            .iter()
            .map(|account| match account.outcome() {
                Outcome::Complete => ServerOutcome::Complete,
                Outcome::Partial(_) => ServerOutcome::Partial,
                Outcome::Refused { .. } => ServerOutcome::Refused,
                Outcome::Unanswered(_) => ServerOutcome::Unreachable,
            })
            .collect();
        Exit::of_servers(&outcomes)
    }
}

/// Shows progress, and stops everything when a signal says so.
async fn watch_over<W: Write>(
    gather: Arc<Mutex<Gather<W>>>,
    stop: watch::Sender<bool>,
    mut signals: Signals,
) {
    let began = Instant::now();
    let mut ticks = tokio::time::interval(PROGRESS_EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                // A lock that is held is no reason to wait: the next tick comes soon.
                if let Some(gather) = gather.try_lock() {
                    gather.show_progress(began.elapsed());
                    if gather.has_failed() {
                        // Nobody takes what other servers would still send.
                        stop.send_replace(true);
                    }
                }
            }
            _ = signals.next() => {
                if stop.send_replace(true) {
                    std::process::exit(Exit::Partial as i32);
                }
            }
        }
    }
}

/// Ends a task that would go on for ever, and waits until it has let go of all it holds.
async fn end(watcher: JoinHandle<()>) {
    watcher.abort();
    // That it was given up is no news.
    let _ = watcher.await;
}

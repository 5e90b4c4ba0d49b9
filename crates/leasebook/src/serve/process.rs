//! The daemon around the service: files, signals, the service manager.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use leasebook_store::{Book, LeaseStore as _, StoreError};
use leasebook_wire::Duid;

use super::checkpoint::Checkpoints;
use super::desk::{Desk, asked};
use super::listen::ListenError;
use super::server::Server;
use super::settings::Settings;
use super::udp::{Listener, Setup, UdpError, UdpService};
use crate::book::OpenError;
use crate::config::{self, Config, ConfigError};
use crate::control::Control;
use crate::identity::{IdentityError, Role, identity};
use crate::log::{self, LogControl, LogError, events};
use crate::metrics::{self, MetricsError};
use crate::signal::{Signal, Signals};
use crate::{systemd, tell};

/// How long an orderly stop waits for peers to take what they are told.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// How often the number of bindings is counted for the metrics.
const COUNT_EVERY: Duration = Duration::from_secs(15);

/// What a server is started with.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// The configuration file, read again by a reload.
    pub config: PathBuf,
    /// The data directory instead of the configured one.
    pub data: Option<PathBuf>,
    /// Where to listen instead of where the configuration says.
    pub tcp: Vec<std::net::SocketAddr>,
    /// Where to listen for DHCPv6 instead of where the configuration says.
    pub udp: Vec<config::UdpAddress>,
}

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The configuration has nothing to listen on.
    #[error("nothing to listen on: set tcp or udp of [listen] in {}, or give --tcp or --udp", path.display())]
    NoListener {
        /// The configuration file.
        path: PathBuf,
    },
    /// There is no log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The book cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The book cannot be counted or closed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server has no identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Counters cannot be told.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// An address cannot be listened on.
    #[error("{0}")]
    Listen(String),
    /// The system refused a thread, a signal or a socket.
    #[error("cannot {action}: {source}")]
    System {
        /// What was being done.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl From<UdpError> for ServeError {
    fn from(error: UdpError) -> Self {
        Self::Listen(error.to_string())
    }
}

impl From<ListenError> for ServeError {
    fn from(error: ListenError) -> Self {
        Self::Listen(error.to_string())
    }
}

impl Start {
    /// Reads the configuration, with what the command line puts in its place.
    fn load(&self) -> Result<config::Loaded, ConfigError> {
        let mut loaded = config::load(&self.config)?;
        if let Some(data) = &self.data {
            loaded.config.data.clone_from(data);
        }
        if !self.tcp.is_empty() {
            loaded.config.listen.tcp.clone_from(&self.tcp);
        }
        if !self.udp.is_empty() {
            loaded.config.listen.udp.clone_from(&self.udp);
        }
        Ok(loaded)
    }
}

/// Runs the server until a signal ends it.
///
/// # Errors
/// If it cannot start, or the book cannot be closed.
pub fn run(start: &Start) -> Result<(), ServeError> {
    let loaded = start.load()?;
    let log = log::begin(loaded.config.log)?;
    let runtime = super::runtime().map_err(system("start the runtime"))?;
    runtime.block_on(serve(start, loaded, &log))
}

async fn serve(start: &Start, loaded: config::Loaded, log: &LogControl) -> Result<(), ServeError> {
    let config = loaded.config;
    // Signals are caught before anything is open, so that a stop in the middle of the start
    // is an orderly one too.
    let mut signals = Signals::new().map_err(system("catch signals"))?;
    warn(&loaded.warnings);
    if config.listen.tcp.is_empty() && config.listen.udp.is_empty() {
        return Err(ServeError::NoListener {
            path: start.config.clone(),
        });
    }
    if let Some(address) = config.metrics {
        metrics::begin(address)?;
        tell!(events::LBK_METRICS_LISTENING, address = %address);
    }
    let book = Arc::new(open(&config.data)?);
    let (server_id, origin) = identity(Role::Server, &config.data, config.server_id.as_ref())?;
    tell!(
        events::LBK_STARTED,
        version = env!("CARGO_PKG_VERSION"),
        config = %start.config.display(),
        data = %config.data.display(),
        server_id = %server_id,
        origin = ?origin
    );
    let checkpoints = Checkpoints::begin(Arc::clone(&book)).map_err(system("start a thread"))?;
    let tcp = &config.listen.tcp;
    let listeners = config.listen.udp.iter().map(Listener::open);
    let listeners = listeners.collect::<Result<Vec<_>, _>>()?;
    let server = Server::of(Arc::clone(&book), &config, server_id.clone(), tcp)?;
    let control = control(&config.data);
    let (udp, desk) = if listeners.is_empty() {
        let desk = control.map(Desk::new).transpose();
        (None, desk.map_err(system("wait for what operators ask"))?)
    } else {
        let setup = Setup::of(&config, &server_id);
        let udp = UdpService::begin(Arc::clone(&book), setup, listeners, control);
        (Some(udp.map_err(system("start a thread"))?), None)
    };
    let status = format!("serving {} bindings", book.stats()?.bindings);
    tell!(events::LBK_READY);
    systemd::ready(&status);

    let mut running = Running {
        start,
        log,
        server: &server,
        udp: udp.as_ref(),
        desk,
        server_id,
        config,
        status,
    };
    running.attend(&mut signals, &book).await;

    systemd::stopping();
    tell!(events::LBK_STOPPING, within_secs = STOP_WITHIN.as_secs());
    // Clients hear nothing more from here on, and ask again.
    drop(udp);
    server.stop(STOP_WITHIN).await;
    drop(checkpoints);
    // Tasks that a stubborn peer holds may still share the book; it is safe without them.
    book.checkpoint()?;
    tell!(events::LBK_STOPPED);
    Ok(())
}

/// The socket by which operators reach the server; it runs without one too.
fn control(data: &Path) -> Option<Control> {
    match Control::open(data) {
        Ok(control) => Some(control),
        Err(error) => {
            tell!(events::LBK_CONTROL_FAILED, error = %error);
            None
        }
    }
}

fn open(data: &Path) -> Result<Book, ServeError> {
    let began = Instant::now();
    let (book, recovery) = crate::book::open(data)?;
    if let Some(torn) = recovery.torn {
        tell!(
            events::STORE_TAIL_CUT,
            file = %torn.path.display(),
            offset = torn.offset,
            octets = torn.octets,
            saved = %torn.saved.display()
        );
    }
    let bindings = book.stats()?.bindings;
    metrics::tell_bindings(bindings);
    tell!(
        events::STORE_OPENED,
        data = %data.display(),
        bindings,
        replayed = recovery.replayed,
        millis = began.elapsed().as_secs_f64() * 1e3
    );
    Ok(book)
}

/// The server while it runs.
struct Running<'a> {
    start: &'a Start,
    log: &'a LogControl,
    server: &'a Server,
    udp: Option<&'a UdpService>,
    /// What answers operators where the thread of DHCPv6 does not.
    desk: Option<Desk>,
    server_id: Duid,
    config: Config,
    status: String,
}

impl Running<'_> {
    /// Follows signals until one says stop; keeps the service manager and counters informed.
    async fn attend(&mut self, signals: &mut Signals, book: &Book) {
        let watchdog = systemd::watchdog_interval();
        let mut alive = tokio::time::interval(watchdog.unwrap_or(Duration::from_hours(1)));
        let mut count = tokio::time::interval(COUNT_EVERY);
        loop {
            tokio::select! {
                signal = signals.next() => match signal {
                    Signal::Stop => return,
                    Signal::Reload => self.reload(),
                },
                () = asked(self.desk.as_ref()) => self.answer(book),
                _ = alive.tick() => systemd::alive(),
                _ = count.tick() => {
                    if let Ok(stats) = book.stats() {
                        metrics::tell_bindings(stats.bindings);
                    }
                }
            }
        }
    }

    fn answer(&self, book: &Book) {
        if let Some(desk) = &self.desk {
            desk.answer(book, &self.config.dhcp(self.server_id.clone()));
        }
    }

    /// Reads the configuration again; a wrong one changes nothing.
    fn reload(&mut self) {
        systemd::reloading();
        match self.start.load() {
            Ok(loaded) => {
                warn(&loaded.warnings);
                let settings = self.config.needs_restart(&loaded.config);
                if !settings.is_empty() {
                    tell!(events::LBK_RESTART_NEEDED, settings = settings.join(", "));
                }
                let new = Settings::of(&self.in_force(loaded.config), self.server_id.clone());
                self.server.reconfigure(new);
                if let Some(udp) = self.udp {
                    udp.reconfigure(Setup::of(&self.config, &self.server_id));
                }
                tell!(events::LBK_RELOADED, config = %self.start.config.display());
                metrics::count_reload("done");
            }
            Err(error) => {
                tell!(events::LBK_RELOAD_FAILED, error = %error);
                metrics::count_reload("failed");
            }
        }
        systemd::ready(&self.status);
    }

    /// What of a new configuration is taken over while running: all but what
    /// [`Config::needs_restart`] names.
    fn in_force(&mut self, new: Config) -> Config {
        self.log.change(new.log.level, new.log.clients);
        self.config.timers = new.timers;
        self.config.sensitive_options = new.sensitive_options;
        self.config.bulk = new.bulk;
        self.config.dhcp = new.dhcp;
        self.config.classes = new.classes;
        self.config.reservations = new.reservations;
        self.config.links = new.links;
        self.config.log.level = new.log.level;
        self.config.log.clients = new.log.clients;
        self.config.clone()
    }
}

fn warn(warnings: &[config::Warning]) {
    for warning in warnings {
        tell!(events::LBK_CONFIG_DOUBTFUL, what = %warning);
    }
}

fn system(action: &'static str) -> impl FnOnce(io::Error) -> ServeError {
    move |source| ServeError::System { action, source }
}

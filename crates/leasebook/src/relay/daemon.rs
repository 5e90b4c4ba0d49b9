//! The process: start, signals, changes in the kernel, stop.

use std::future::pending;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use leasebook_protocol::relay::{Rehearsal, Relay};
use leasebook_wire::Duid;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::control::{self, Control};
use super::datagrams::Datagrams;
use super::error::{RelayError, system};
use super::keeper::Keeper;
use super::kernel::{self, Change, Marks};
use super::order::Order;
use super::ports::ports;
use super::recover::{Manner, Recovery};
use super::servers::servers;
use super::shared::Shared;
use super::status::{InterfaceStatus, Recovered, ServerStatus, Status};
use crate::config::Loaded;
use crate::config::relay::{self as config, RelayConfig};
use crate::identity::{Role, identity};
use crate::log::{self, LogControl, events};
use crate::serve::udp::Listener;
use crate::signal::{Signal, Signals};
use crate::{metrics, systemd, tell};

/// The hop limit of relayed multicast (RELAY-009).
const GROUP_HOPS: u32 = 8;

/// How long changes in the kernel gather before they are looked at.
const GATHER: Duration = Duration::from_millis(50);

/// How often counters are told, and what the kernel refused is tried again.
const TELL_EVERY: Duration = Duration::from_secs(15);

/// Runs the relay until a signal ends it.
pub fn run(path: &Path) -> Result<(), RelayError> {
    let loaded = config::load(path)?;
    let log = log::begin(loaded.config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(system("start the runtime"))?;
    let ended = runtime.block_on(relay(path, loaded, &log));
    // A connection attempt or a look-up that hangs must not hold up the end.
    runtime.shutdown_background();
    ended
}

async fn relay(
    path: &Path,
    loaded: Loaded<RelayConfig>,
    log: &LogControl,
) -> Result<(), RelayError> {
    let config = loaded.config;
    let mut signals = Signals::new().map_err(system("catch signals"))?;
    for warning in &loaded.warnings {
        tell!(events::LBK_CONFIG_DOUBTFUL, what = %warning);
    }
    if let Some(address) = config.metrics {
        metrics::begin(address)?;
        tell!(events::LBK_METRICS_LISTENING, address = %address);
    }
    if config.relay_id.is_none() {
        std::fs::create_dir_all(&config.state).map_err(system("make the state directory"))?;
    }
    let (relay_id, origin) = identity(Role::Relay, &config.state, config.relay_id.as_ref())?;
    tell!(
        events::RELAY_STARTED,
        version = env!("CARGO_PKG_VERSION"),
        config = %path.display(),
        relay_id = %relay_id,
        origin = ?origin
    );
    let marks = Marks {
        protocol: config.routes.protocol,
        table: config.routes.table,
        metric: config.routes.metric,
    };
    let address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, config.port));
    let listener = Arc::new(Listener::open(&address.into())?);
    listener
        .set_group_hops(GROUP_HOPS)
        .map_err(system("set the hop limit"))?;
    // Watched before anything is looked at, so that nothing is missed in between.
    let (changes, changed) = mpsc::unbounded_channel();
    kernel::watch(marks, changes).map_err(system("watch the kernel's routes"))?;
    let keeper = Keeper::begin(marks).map_err(system("reach the kernel's routes"))?;
    let machine = config.machine(relay_id.clone(), servers(&config).await);
    let names = config
        .servers
        .iter()
        .map(|server| server.relay_to.to_string());
    let shared = Arc::new(Shared::new(
        Relay::new(Arc::new(machine)),
        keeper,
        names.collect(),
        &config.routes.aggregates,
    ));
    let parts = (Arc::clone(&shared), Arc::clone(&listener));
    let mut daemon = Daemon::new(path, config, relay_id, parts);
    daemon.look();
    let datagrams = Datagrams::begin(Arc::clone(&shared), listener);
    let datagrams = datagrams.map_err(system("start a thread"))?;
    tell!(events::RELAY_LISTENING, address = %address);
    daemon.recover("start");
    let (orders, ordered) = mpsc::unbounded_channel();
    let control = Control {
        shared: Arc::clone(&shared),
        orders,
        marks,
    };
    let control_path = daemon.config.control.clone();
    let socket = control::listen(&control_path, control).map_err(|source| RelayError::Control {
        path: control_path,
        source,
    })?;
    daemon.attend(&mut signals, log, changed, ordered).await;
    systemd::stopping();
    tell!(events::LBK_STOPPING, within_secs = 0);
    drop(socket);
    drop(datagrams);
    tell!(events::LBK_STOPPED);
    Ok(())
}

struct Daemon {
    path: PathBuf,
    config: RelayConfig,
    relay_id: Duid,
    shared: Arc<Shared>,
    listener: Arc<Listener>,
    recovery: Option<Recovery>,
    /// Who waits for the recovery to be over.
    waiting: Vec<oneshot::Sender<Result<Recovered, String>>>,
    /// The first recovery has settled.
    is_settled: bool,
    /// Every server has told everything, so what is not wanted was taken away.
    is_swept: bool,
    began: Instant,
}

impl Daemon {
    fn new(
        path: &Path,
        config: RelayConfig,
        relay_id: Duid,
        (shared, listener): (Arc<Shared>, Arc<Listener>),
    ) -> Self {
        Self {
            path: path.to_owned(),
            config,
            relay_id,
            shared,
            listener,
            recovery: None,
            waiting: Vec::new(),
            is_settled: false,
            is_swept: false,
            began: Instant::now(),
        }
    }

    async fn attend(
        &mut self,
        signals: &mut Signals,
        log: &LogControl,
        mut changed: mpsc::UnboundedReceiver<Change>,
        mut ordered: mpsc::UnboundedReceiver<Order>,
    ) {
        let watchdog = systemd::watchdog_interval();
        let mut alive = tokio::time::interval(watchdog.unwrap_or(Duration::from_hours(1)));
        let mut ticks = tokio::time::interval(TELL_EVERY);
        let ready_by = tokio::time::sleep(self.config.recovery.ready_within);
        tokio::pin!(ready_by);
        let mut is_ready = false;
        loop {
            if !is_ready && (self.is_settled || ready_by.is_elapsed()) {
                is_ready = true;
                tell!(events::LBK_READY);
                systemd::ready(&self.one_line());
            }
            tokio::select! {
                signal = signals.next() => match signal {
                    Signal::Stop => return,
                    Signal::Reload => {
                        self.reload(log).await;
                        systemd::ready(&self.one_line());
                    }
                },
                Some(change) = changed.recv() => {
                    tokio::time::sleep(GATHER).await;
                    self.kernel_changed(change, &mut changed);
                }
                Some(order) = ordered.recv() => self.order(order),
                () = progressed(&mut self.recovery) => self.progressed(),
                _ = alive.tick() => systemd::alive(),
                _ = ticks.tick() => {
                    metrics::relay::tell_delegations(self.shared.relay().table());
                    if self.shared.keeper().progress().is_lacking() {
                        self.shared.hold(!self.is_swept);
                    }
                    if is_ready {
                        systemd::status(&self.one_line());
                    }
                }
                () = &mut ready_by, if !is_ready => {}
            }
        }
    }

    /// Looks at the interfaces; joins groups on new ones, and asks for what is behind them.
    fn look(&mut self) -> bool {
        let interfaces = match kernel::interfaces() {
            Ok(interfaces) => interfaces,
            Err(error) => {
                tell!(events::RELAY_INTERFACES_UNKNOWN, error = %error);
                return false;
            }
        };
        let (ports, own) = ports(&self.config, &interfaces);
        let mut relay = self.shared.relay();
        let before: Vec<String> = relay
            .ports()
            .present()
            .map(|(_, port)| port.name.clone())
            .collect();
        let fresh = relay.set_ports(ports, own);
        let mut is_unknown = false;
        for no in &fresh {
            let Some(port) = relay.ports().get(*no) else {
                continue;
            };
            let interface = &port.name;
            match self.listener.join_relays(port.index) {
                Ok(()) => {
                    let link_address = port.link_address;
                    tell!(
                        events::RELAY_INTERFACE_JOINED,
                        interface,
                        link_address = %link_address
                    );
                    if link_address.is_unspecified() || link_address.is_unicast_link_local() {
                        tell!(events::RELAY_INTERFACE_UNADDRESSED, interface);
                    }
                }
                Err(error) => {
                    tell!(events::RELAY_INTERFACE_FAILED, interface, error = %error);
                }
            }
            is_unknown |= relay.table().routed_on(*no) == 0;
        }
        for name in before {
            let is_there = relay.ports().present().any(|(_, port)| port.name == name);
            if !is_there {
                tell!(events::RELAY_INTERFACE_GONE, interface = name);
            }
        }
        self.shared.settle(&mut relay);
        is_unknown
    }

    fn kernel_changed(&mut self, first: Change, more: &mut mpsc::UnboundedReceiver<Change>) {
        let (mut interfaces, mut routes) = (false, false);
        let mut change = Some(first);
        while let Some(one) = change {
            interfaces |= one != Change::RouteGone;
            routes |= one != Change::Interfaces;
            change = more.try_recv().ok();
        }
        if interfaces {
            let is_unknown = self.look();
            let is_over = self.recovery.as_ref().is_none_or(Recovery::is_finished);
            if is_unknown && is_over {
                self.recover("new interface");
            }
        }
        // An interface that goes down takes its routes with it, and tells nothing of them.
        if routes || interfaces {
            self.shared.hold(!self.is_swept);
        }
    }

    /// Asks all servers; a recovery under way is given up for it.
    fn recover(&mut self, cause: &str) {
        let manner = Manner::of(&self.config, &self.shared.relay());
        let servers = self
            .config
            .servers
            .iter()
            .filter(|server| server.bulk.is_some());
        tell!(events::RELAY_RECOVERING, servers = servers.count(), cause);
        self.recovery = None;
        match Recovery::begin(&manner, &self.shared, None) {
            Ok(recovery) => self.recovery = Some(recovery),
            Err(error) => {
                tell!(events::LBK_TASK_FAILED, what = "recovery", error = %error);
            }
        }
        self.progressed();
    }

    /// Looks how far the recovery is.
    fn progressed(&mut self) {
        let Some(recovery) = &self.recovery else {
            self.is_settled = true;
            return;
        };
        if recovery.is_settled() && !self.is_settled {
            self.is_settled = true;
            let relay = self.shared.relay();
            tell!(
                events::RELAY_SETTLED,
                routed = relay.table().routed(),
                known = relay.table().len(),
                millis = self.began.elapsed().as_millis()
            );
        }
        if !recovery.is_finished() {
            return;
        }
        let is_complete = recovery.is_complete();
        if is_complete && !self.is_swept {
            // Routes of an earlier run that nobody told of are no more.
            self.is_swept = true;
            self.shared.hold(false);
        }
        let outcome = control::recovered(self.server_states());
        for answer in self.waiting.drain(..) {
            // Who asked and left does not need it.
            let _ = answer.send(Ok(outcome.clone()));
        }
    }

    fn order(&mut self, order: Order) {
        match order {
            Order::Status(answer) => {
                let _ = answer.send(self.status());
            }
            Order::Recover {
                dry_run: false,
                answer,
            } => {
                self.waiting.clear();
                self.waiting.push(answer);
                self.recover("operator");
            }
            Order::Recover {
                dry_run: true,
                answer,
            } => self.rehearse(answer),
            Order::Ask { prefix, says, done } => {
                super::recover::ask_about(&self.config, &self.shared, prefix, &says, done);
            }
        }
    }

    /// A recovery that touches nothing, and what would differ after it (RELAY-085).
    fn rehearse(&self, answer: oneshot::Sender<Result<Recovered, String>>) {
        let (rehearsal, manner) = {
            let relay = self.shared.relay();
            let manner = Manner::of(&self.config, &relay).once();
            (Arc::new(Mutex::new(relay.rehearsal())), manner)
        };
        let mut recovery = match Recovery::begin(&manner, &self.shared, Some(&rehearsal)) {
            Ok(recovery) => recovery,
            Err(error) => {
                let _ = answer.send(Err(error.to_string()));
                return;
            }
        };
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            while !recovery.is_finished() {
                recovery.progressed().await;
            }
            let states = recovery.states();
            let status = states
                .iter()
                .map(|state| ServerStatus::of(shared.server(state.server), state));
            let outcome = control::recovered(status.collect());
            let Rehearsal {
                same,
                missing,
                extra,
                elsewhere,
            } = shared.relay().compare(&rehearsal.lock());
            let _ = answer.send(Ok(Recovered {
                same: Some(same),
                missing,
                extra,
                elsewhere,
                ..outcome
            }));
        });
    }

    fn server_states(&self) -> Vec<ServerStatus> {
        let states = self.recovery.as_ref().map(Recovery::states);
        let states = states.unwrap_or_default();
        let status = |state: &_| status_of(&self.shared, state);
        states.iter().map(status).collect()
    }

    fn status(&self) -> Status {
        let relay = self.shared.relay();
        let table = relay.table();
        let mut standing = std::collections::BTreeMap::new();
        for one in table.iter() {
            *standing.entry(one.standing.name().to_owned()).or_default() += 1;
        }
        let interfaces = relay.ports().present().map(|(no, port)| InterfaceStatus {
            interface: port.name.clone(),
            link_address: port.link_address.to_string(),
            routed: table.routed_on(no),
        });
        let progress = self.shared.keeper().progress();
        Status {
            relay_id: self.relay_id.to_string(),
            up_secs: self.began.elapsed().as_secs(),
            settled: self.is_settled,
            known: table.len(),
            routed: table.routed(),
            standing,
            routes_waiting: progress.waiting(),
            routes_refused: progress.failed(),
            interfaces: interfaces.collect(),
            servers: self.server_states(),
        }
    }

    /// What `systemctl status` shows.
    fn one_line(&self) -> String {
        let relay = self.shared.relay();
        let (known, routed) = (relay.table().len(), relay.table().routed());
        format!("{routed} of {known} delegations routed")
    }

    /// Reads the configuration again; a wrong one changes nothing.
    async fn reload(&mut self, log: &LogControl) {
        systemd::reloading();
        match config::load(&self.path) {
            Ok(loaded) => {
                for warning in &loaded.warnings {
                    tell!(events::LBK_CONFIG_DOUBTFUL, what = %warning);
                }
                let (old, new) = (&self.config, loaded.config);
                let fixed = [
                    ("relay-id", old.relay_id != new.relay_id),
                    ("state", old.state != new.state),
                    ("control", old.control != new.control),
                    ("port", old.port != new.port),
                    ("routes", old.routes != new.routes),
                    ("server", old.servers != new.servers),
                    ("metrics", old.metrics != new.metrics),
                ];
                let settings: Vec<&str> = fixed
                    .iter()
                    .filter(|(_, is_changed)| *is_changed)
                    .map(|(name, _)| *name)
                    .collect();
                if !settings.is_empty() {
                    tell!(events::LBK_RESTART_NEEDED, settings = settings.join(", "));
                }
                log.set_level(new.log.level);
                self.config = RelayConfig {
                    relay_id: old.relay_id.clone(),
                    state: old.state.clone(),
                    control: old.control.clone(),
                    port: old.port,
                    routes: old.routes.clone(),
                    servers: old.servers.clone(),
                    metrics: old.metrics,
                    ..new
                };
                let machine = self
                    .config
                    .machine(self.relay_id.clone(), servers(&self.config).await);
                self.shared.relay().reconfigure(Arc::new(machine));
                if self.look() {
                    self.recover("reload");
                }
                tell!(events::LBK_RELOADED, config = %self.path.display());
                metrics::count_reload("done");
            }
            Err(error) => {
                tell!(events::LBK_RELOAD_FAILED, error = %error);
                metrics::count_reload("failed");
            }
        }
    }
}

fn status_of(shared: &Shared, state: &super::recover::ServerState) -> ServerStatus {
    ServerStatus::of(shared.server(state.server), state)
}

/// Waits until the recovery is further than it was.
async fn progressed(recovery: &mut Option<Recovery>) {
    match recovery {
        Some(recovery) => recovery.progressed().await,
        None => pending().await,
    }
}

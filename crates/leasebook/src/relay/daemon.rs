//! The process: start, signals, changes in the kernel, stop.

use std::future::pending;
use std::net::SocketAddrV6;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use leasebook_protocol::relay::{Relay, RemoteIdText};
use leasebook_wire::Duid;
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use super::control::{self, Control};
use super::datagrams::Datagrams;
use super::error::{RelayError, system};
use super::filter::{self, Filter};
use super::keep::{self, Keeping};
use super::keeper::Keeper;
use super::kernel::{self, Change, Marks};
use super::lightweight::Lightweight;
use super::link_layer::LinkLayers;
use super::order::Order;
use super::ports::{filtered, ports};
use super::recover::Recovery;
use super::servers::{are_on_interfaces, servers};
use super::shared::Shared;
use super::sockets::{self, Sockets};
use super::status::Recovered;
use crate::config::Loaded;
use crate::config::relay::{self as config, RelayConfig};
use crate::identity::{Role, identity};
use crate::log::{self, LogControl, events};
use crate::serve::udp::Listener;
use crate::signal::{Signal, Signals};
use crate::{metrics, systemd, tell};

/// How long changes in the kernel gather before they are looked at.
const GATHER: Duration = Duration::from_millis(50);

/// How often counters are told, and what the kernel refused is tried again.
const TELL_EVERY: Duration = Duration::from_secs(15);

/// How often it is looked how far the recovery is, until the service counts as started.
const LOOK_EVERY: Duration = Duration::from_millis(50);

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
    let control = control::claim(&config.control)?;
    let interfaces = kernel::interfaces().map_err(system("read the interfaces"))?;
    let marks = Marks {
        protocol: config.routes.protocol,
        table: sockets::table(&config, &interfaces)?,
        metric: config.routes.metric,
    };
    let sockets = Sockets::open(&config)?;
    let link_layers = link_layers(&config);
    let filter = filter(&config)?;
    // Watched before anything is looked at, so that nothing is missed in between.
    let (changes, changed) = mpsc::unbounded_channel();
    kernel::watch(marks, changes).map_err(system("watch the kernel's routes"))?;
    let keeper = Keeper::begin(marks).map_err(|source| RelayError::Routes { source })?;
    let relayed_to = servers(&config).await;
    let machine = config.machine(relay_id.clone(), relayed_to.clone());
    let relay = Relay::new(Arc::new(machine));
    let shared = Arc::new(Shared::new(relay, keeper, filter, &config));
    let parts = (Arc::clone(&shared), Arc::clone(&sockets.clients));
    let mut daemon = Daemon::new(path, config, relay_id, parts);
    daemon.relayed_to = relayed_to;
    daemon.begin_lightweight()?;
    daemon.look();
    daemon.restore();
    let address = sockets.clients.address();
    let datagrams = Datagrams::begin(Arc::clone(&shared), sockets, link_layers);
    let datagrams = datagrams.map_err(system("start a thread"))?;
    tell!(events::RELAY_LISTENING, address = %address);
    daemon.recover("start");
    let keeping = daemon.keep().map_err(system("start a thread"))?;
    let (orders, ordered) = mpsc::unbounded_channel();
    let asked = Control {
        shared: Arc::clone(&shared),
        orders,
        marks,
    };
    let socket = control::answer(control, asked);
    daemon.attend(&mut signals, log, changed, ordered).await;
    systemd::stopping();
    tell!(events::LBK_STOPPING, within_secs = 0);
    drop(socket);
    drop(datagrams);
    drop(keeping);
    drop(daemon.lightweight.take());
    tell!(events::LBK_STOPPED);
    Ok(())
}

/// Whether clients' link-layer addresses are to be told anywhere.
pub(super) fn wants_link_layers(config: &RelayConfig) -> bool {
    let in_text =
        |text: &Option<RemoteIdText>| text.as_ref().is_some_and(RemoteIdText::tells_link_layer);
    config.interfaces.iter().any(|one| {
        let remote_id = one.remote_id.as_ref().map(|(_, text)| text.clone());
        one.client_link_layer || in_text(&remote_id) || in_text(&one.subscriber_id)
    })
}

/// The packet socket, where it is needed.
fn link_layers(config: &RelayConfig) -> Option<LinkLayers> {
    if !wants_link_layers(config) {
        return None;
    }
    LinkLayers::open(config.port)
        .map_err(|error| tell!(events::RELAY_LINK_LAYER_UNKNOWN, error = %error))
        .ok()
}

/// The filter, where one is configured; a table that is left from when one was is told.
fn filter(config: &RelayConfig) -> Result<Option<Filter>, RelayError> {
    let settings = config.filter.clone();
    if settings.is_on() {
        let filter = Filter::begin(&settings).map_err(system("start a thread"))?;
        return Ok(Some(filter));
    }
    std::thread::spawn(move || {
        let table = &settings.table;
        if filter::is_there(&settings.nft, table) {
            tell!(events::RELAY_FILTER_LEFT, table);
        }
    });
    Ok(None)
}

pub(super) struct Daemon {
    pub(super) path: PathBuf,
    pub(super) config: RelayConfig,
    pub(super) relay_id: Duid,
    pub(super) shared: Arc<Shared>,
    /// Where messages go: the servers' addresses that are known.
    pub(super) relayed_to: Vec<SocketAddrV6>,
    listener: Arc<Listener>,
    pub(super) lightweight: Option<Lightweight>,
    pub(super) recovery: Option<Recovery>,
    /// Why another one is to follow the one under way.
    pub(super) again: Option<&'static str>,
    /// Who waits for the recovery to be over.
    pub(super) waiting: Vec<oneshot::Sender<Result<Recovered, String>>>,
    /// The first recovery has settled.
    pub(super) is_settled: bool,
    /// Every server has told everything, so what is not wanted was taken away.
    pub(super) is_swept: bool,
    pub(super) began: Instant,
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
            relayed_to: Vec::new(),
            listener,
            lightweight: None,
            recovery: None,
            again: None,
            waiting: Vec::new(),
            is_settled: false,
            is_swept: false,
            began: Instant::now(),
        }
    }

    /// Begins the lightweight relay, where one is configured.
    fn begin_lightweight(&mut self) -> Result<(), RelayError> {
        if let Some(settings) = &self.config.lightweight {
            let begun = Lightweight::begin(&self.config, settings);
            self.lightweight = Some(begun.map_err(system("start a thread"))?);
        }
        Ok(())
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
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ready_by = tokio::time::sleep(self.config.recovery.ready_within);
        tokio::pin!(ready_by);
        let (mut is_ready, mut told) = (false, String::new());
        loop {
            if !is_ready && (self.has_routed() || ready_by.is_elapsed()) {
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
                    let interfaces_too = self.kernel_changed(change, &mut changed);
                    if interfaces_too && are_on_interfaces(&self.config) {
                        self.find_servers().await;
                    }
                }
                Some(order) = ordered.recv() => self.order(order),
                () = progressed(&mut self.recovery) => self.progressed(),
                _ = alive.tick() => systemd::alive(),
                _ = looks.tick(), if !is_ready => {
                    let line = self.one_line();
                    if line != told {
                        systemd::status(&line);
                        told = line;
                    }
                }
                _ = ticks.tick() => {
                    self.tell_counters();
                    if self.relayed_to.len() < self.config.servers.len() {
                        self.find_servers().await;
                    }
                    if self.shared.keeper().progress().is_lacking() {
                        self.shared.hold(!self.is_swept);
                    }
                    systemd::status(&self.one_line());
                }
                () = &mut ready_by, if !is_ready => {}
            }
        }
    }

    /// Whether the first recovery has settled, and the kernel has the routes that came of it.
    fn has_routed(&self) -> bool {
        self.is_settled && self.shared.keeper().progress().waiting() == 0
    }

    /// Routes again what the last run left on disk, where that is configured.
    fn restore(&self) {
        if self.config.recovery.keep_every.is_none() {
            keep::remove(&self.config.state);
            return;
        }
        let is_ours = |name: &str| self.config.interface(name).is_some();
        let taken = keep::restore(&self.config.state, &self.shared, &is_ours);
        if taken > 0 {
            tell!(events::RELAY_KEPT_ROUTED, delegations = taken);
        }
    }

    /// Begins to write delegations to disk, where that is configured.
    fn keep(&self) -> std::io::Result<Option<Keeping>> {
        let Some(every) = self.config.recovery.keep_every else {
            return Ok(None);
        };
        std::fs::create_dir_all(&self.config.state)?;
        let (state, shared) = (self.config.state.clone(), Arc::clone(&self.shared));
        Keeping::begin(state, every, shared).map(Some)
    }

    /// Looks at the interfaces; joins groups on new ones, and tells whether nothing is known
    /// behind any of them.
    pub(super) fn look(&mut self) -> bool {
        let interfaces = match kernel::interfaces() {
            Ok(interfaces) => interfaces,
            Err(error) => {
                tell!(events::RELAY_INTERFACES_UNKNOWN, error = %error);
                return false;
            }
        };
        if let Some(lightweight) = &mut self.lightweight {
            lightweight.look(&interfaces);
        }
        let (ports, own) = ports(&self.config, &interfaces);
        if let Some(filter) = self.shared.filter() {
            filter.ports(filtered(&ports, &interfaces));
        }
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

    /// Takes what changed in the kernel; whether interfaces may have.
    fn kernel_changed(
        &mut self,
        first: Change,
        more: &mut mpsc::UnboundedReceiver<Change>,
    ) -> bool {
        let (mut interfaces, mut routes) = (false, false);
        let mut change = Some(first);
        while let Some(one) = change {
            interfaces |= one != Change::RouteGone;
            routes |= one != Change::Interfaces;
            change = more.try_recv().ok();
        }
        if interfaces {
            let is_unknown = self.look();
            if is_unknown {
                self.recover_soon("new interface");
            }
        }
        // An interface that goes down takes its routes with it, and tells nothing of them.
        if routes || interfaces {
            self.shared.hold(!self.is_swept);
        }
        interfaces
    }

    /// Looks again for the servers that messages are relayed to.
    async fn find_servers(&mut self) {
        let found = servers(&self.config).await;
        if found != self.relayed_to {
            self.relayed_to = found;
            self.configure();
        }
    }

    /// Gives the machine the settings and the servers as they are now.
    pub(super) fn configure(&self) {
        let (id, servers) = (self.relay_id.clone(), self.relayed_to.clone());
        let machine = self.config.machine(id, servers);
        self.shared.relay().reconfigure(Arc::new(machine));
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
}

/// Waits until the recovery is further than it was.
async fn progressed(recovery: &mut Option<Recovery>) {
    match recovery {
        Some(recovery) => recovery.progressed().await,
        None => pending().await,
    }
}

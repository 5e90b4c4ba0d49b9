//! The service itself: listeners, connections, reload and stop. Knows no files or signals,
//! so that the demonstration and tests run it as the daemon does.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use leasebook_protocol::Mono;
use leasebook_protocol::leasequery::admission::{Closed, ConnectionId};
use leasebook_store::Book;
use leasebook_wire::Duid;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::connection::{Attend, Drive, drive};
use super::listen::listen;
use super::process::ServeError;
use super::registry::{Admitted, Registry};
use super::seldom::Seldom;
use super::settings::Settings;
use crate::clock::Clock;
use crate::config::Config;
use crate::log::events;
use crate::metrics::{self, BulkCounters};
use crate::tell;

/// A breath after a failed accept, so that being out of files does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often an orderly stop looks whether all connections have ended.
const STOP_LOOK: Duration = Duration::from_millis(10);

/// A running Bulk Leasequery service.
pub struct Server {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    addresses: Vec<SocketAddr>,
}

struct Shared {
    book: Arc<Book>,
    clock: Clock,
    counters: BulkCounters,
    registry: Mutex<Registry>,
    unlisted: Seldom,
    full: Seldom,
    accept_failed: Seldom,
}

impl Server {
    /// Begins to serve `book` on sockets that listen already; must be called within the
    /// runtime.
    pub(super) fn begin(
        book: Arc<Book>,
        settings: Settings,
        listeners: Vec<StdListener>,
    ) -> std::io::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(Shared {
            book,
            clock: Clock::new(),
            counters: BulkCounters::new(),
            registry: Mutex::new(Registry::new(Arc::new(settings))),
            unlisted: Seldom::default(),
            full: Seldom::default(),
            accept_failed: Seldom::default(),
        });
        let mut addresses = Vec::new();
        for listener in listeners {
            let listener = TcpListener::from_std(listener)?;
            let address = listener.local_addr()?;
            addresses.push(address);
            tell!(events::BLQ_LISTENING, address = %address);
            tokio::spawn(accept(Arc::clone(&shared), listener, stopped.clone()));
        }
        Ok(Self {
            shared,
            stop,
            addresses,
        })
    }

    /// Begins to serve `book` at `addresses` as a configuration says; must be called within
    /// the runtime.
    ///
    /// # Errors
    /// If an address cannot be listened on.
    pub fn of(
        book: Arc<Book>,
        config: &Config,
        server_id: Duid,
        addresses: &[SocketAddr],
    ) -> Result<Self, ServeError> {
        let listeners = addresses.iter().map(|address| listen(*address));
        let listeners = listeners.collect::<Result<Vec<_>, _>>()?;
        Self::begin(book, Settings::of(config, server_id), listeners).map_err(|source| {
            ServeError::System {
                action: "serve",
                source,
            }
        })
    }

    /// Where it listens, with the ports the system chose.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.shared.registry.lock().len()
    }

    /// Puts new limits, rights and timers in force, for open connections too.
    pub(super) fn reconfigure(&self, settings: Settings) {
        self.shared.registry.lock().reconfigure(Arc::new(settings));
    }

    /// Stops in order: no new connections, QueryTerminated to queries in progress, at most
    /// `within` for the peers to take it (BLQ-S-087).
    pub async fn stop(self, within: Duration) {
        // Without listeners nobody hears it, which is as well.
        let _ = self.stop.send(true);
        self.shared.registry.lock().stop();
        let all_closed = async {
            while self.connections() > 0 {
                tokio::time::sleep(STOP_LOOK).await;
            }
        };
        let _ = tokio::time::timeout(within, all_closed).await;
    }
}

/// Accepts until the server stops.
async fn accept(shared: Arc<Shared>, listener: TcpListener, mut stopped: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.wait_for(|stop| *stop) => return,
        };
        match accepted {
            Ok((stream, peer)) => shared.admit(stream, peer),
            Err(error) => {
                if let Some(times) = shared.accept_failed.now() {
                    tell!(events::BLQ_ACCEPT_FAILED, error = %error, times);
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

impl Shared {
    /// Serves the connection or closes it, before it has cost more than its socket (SEC-004).
    fn admit(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        let now = self.clock.now().mono;
        let admitted = self.registry.lock().accept(peer, now);
        match admitted {
            Ok(admitted) => self.serve(stream, peer, admitted),
            Err(why) => self.refuse(peer, why),
        }
    }

    fn serve(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, admitted: Admitted) {
        let Admitted {
            id,
            commands,
            settings,
            displaces,
        } = admitted;
        metrics::count_connection(if displaces { "evicted" } else { "opened" });
        // Messages are already gathered; waiting for more would only delay the first.
        let _ = stream.set_nodelay(true);
        let place = Place {
            shared: Arc::clone(self),
            id,
        };
        let work = Drive {
            peer,
            book: Arc::clone(&self.book),
            clock: self.clock,
            counters: self.counters.clone(),
            commands,
            attend: place,
        };
        tokio::spawn(drive(stream, settings, work));
    }

    fn refuse(&self, peer: SocketAddr, why: Closed) {
        let limits = {
            let registry = self.registry.lock();
            registry.limits()
        };
        match why {
            Closed::Unlisted => {
                metrics::count_connection("unlisted");
                if let Some(times) = self.unlisted.now() {
                    tell!(events::BLQ_SOURCE_UNLISTED, peer = %peer, times);
                }
            }
            Closed::Full => {
                metrics::count_connection("limit");
                if let Some(times) = self.full.now() {
                    let limit = limits.connections;
                    tell!(events::BLQ_LIMIT_REACHED, peer = %peer, scope = "all", limit, times);
                }
            }
            Closed::SourceFull => {
                metrics::count_connection("source-limit");
                if let Some(times) = self.full.now() {
                    let limit = limits.connections_per_source;
                    tell!(events::BLQ_LIMIT_REACHED, peer = %peer, scope = "source", limit, times);
                }
            }
        }
    }
}

/// A connection's place in the registry; given back when its task ends, however it ends.
struct Place {
    shared: Arc<Shared>,
    id: ConnectionId,
}

impl Attend for Place {
    fn attend(&self, is_busy: bool) {
        let now = self.shared.clock.now().mono;
        self.shared.registry.lock().attend(self.id, is_busy, now);
    }

    fn charge(&self, queries: u32) -> Mono {
        let now = self.shared.clock.now().mono;
        self.shared.registry.lock().charge(self.id, queries, now)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.registry.lock().closed(self.id);
    }
}

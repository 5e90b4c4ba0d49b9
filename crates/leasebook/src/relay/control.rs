//! The control socket: one request to a connection, answered by lines of JSON.
//!
//! Who may connect is decided by the rights of the socket's file (0660).

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::Ipv6Net;
use leasebook_protocol::relay::reconcile::{Actual, Target};
use leasebook_protocol::relay::{Delegation, Relay};
use leasebook_wire::DuidRef;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};

use super::error::RelayError;
use super::kernel::{Marks, Routes};
use super::order::Order;
use super::shared::Shared;
use super::status::{Cleared, Recovered, Refusal, Request, Route, ServerSays, Shown, Why};
use crate::log::events;
use crate::tell;

/// Octets of a request, at most.
const MAX_REQUEST_OCTETS: u64 = 4096;

/// Delegations read at once, so that clients need not wait long behind a listing.
const AT_ONCE: usize = 1000;

/// How long servers may take to say what they hold of a prefix.
const SERVERS_WITHIN: Duration = Duration::from_secs(3);

/// What a connection needs.
#[derive(Clone)]
pub(super) struct Control {
    /// The relay.
    pub(super) shared: Arc<Shared>,
    /// The way to the daemon.
    pub(super) orders: mpsc::UnboundedSender<Order>,
    /// How our routes are told from others.
    pub(super) marks: Marks,
}

/// The socket's file, which goes when this is dropped.
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Gone already is as well.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The control socket, ours and not answered on yet.
pub(super) struct Claimed {
    listener: UnixListener,
    file: SocketFile,
}

/// Takes the control socket, before anything else is touched: only one relay has it. Must be
/// called within the runtime.
pub(super) fn claim(path: &Path) -> Result<Claimed, RelayError> {
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(RelayError::Running(path.to_owned()));
    }
    let bind = || -> io::Result<Claimed> {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        // A file that nobody listens on is of a relay that was killed.
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        let file = SocketFile(path.to_owned());
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
        Ok(Claimed { listener, file })
    };
    bind().map_err(|source| RelayError::Control {
        path: path.to_owned(),
        source,
    })
}

/// Begins to answer.
pub(super) fn answer(Claimed { listener, file }: Claimed, control: Control) -> SocketFile {
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let control = control.clone();
                    tokio::spawn(async move {
                        // Who asked and left does not need an answer.
                        let _ = control.attend(stream).await;
                    });
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    });
    file
}

impl Control {
    async fn attend(self, stream: UnixStream) -> io::Result<()> {
        let (read, mut write) = stream.into_split();
        let mut line = String::new();
        let mut read = BufReader::new(read.take(MAX_REQUEST_OCTETS));
        read.read_line(&mut line).await?;
        let mut out = Vec::new();
        match serde_json::from_str::<Request>(&line) {
            Err(error) => put(
                &mut out,
                &Refusal {
                    error: format!("not understood: {error}"),
                },
            ),
            Ok(Request::Bindings) => return self.bindings(&mut write).await,
            Ok(request) => self.answer(request, &mut out).await,
        }
        write.write_all(&out).await
    }

    async fn answer(&self, request: Request, out: &mut Vec<u8>) {
        match request {
            Request::Status => match self.ask(Order::Status).await {
                Some(status) => put(out, &status),
                None => refuse(out, "the relay is stopping"),
            },
            Request::Routes => match self.routes() {
                Ok(routes) => routes.iter().for_each(|route| put(out, route)),
                Err(error) => refuse(out, &format!("cannot read the kernel's routes: {error}")),
            },
            Request::Recover { dry_run } => {
                tell!(events::RELAY_COMMAND, command = "recover", dry_run);
                let order = |answer| Order::Recover { dry_run, answer };
                match self.ask(order).await {
                    Some(Ok(recovered)) => put(out, &recovered),
                    Some(Err(error)) => refuse(out, &error),
                    None => refuse(out, "another recovery has begun, or the relay is stopping"),
                }
            }
            Request::Clear {
                lease,
                client,
                interface,
            } => match self.clear(lease, client.as_deref(), interface.as_deref()) {
                Ok(cleared) => put(out, &Cleared { cleared }),
                Err(error) => refuse(out, &error),
            },
            Request::Why { prefix } => {
                let why = self.why(prefix).await;
                put(out, &why);
            }
            // Answered in parts elsewhere.
            Request::Bindings => {}
        }
    }

    async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        self.orders.send(order(answer)).ok()?;
        answered.await.ok()
    }

    async fn bindings(&self, write: &mut (impl tokio::io::AsyncWrite + Unpin)) -> io::Result<()> {
        let mut last = None;
        loop {
            let mut out = Vec::new();
            let mut count = 0;
            {
                let relay = self.shared.relay();
                for one in relay.table().after(last).take(AT_ONCE) {
                    put(&mut out, &self.shown(one, &relay));
                    (last, count) = (Some(one.prefix), count + 1);
                }
            }
            write.write_all(&out).await?;
            if count < AT_ONCE {
                return Ok(());
            }
        }
    }

    fn shown(&self, one: &Delegation, relay: &Relay) -> Shown {
        let server = |place| self.shared.server(place).to_owned();
        Shown::of(one, relay, self.shared.clock.now(), &server)
    }

    fn routes(&self) -> io::Result<Vec<Route>> {
        let actual = Routes::open(self.marks)?.actual()?;
        let relay = self.shared.relay();
        Ok(actual.iter().map(|one| route(one, &relay)).collect())
    }

    fn clear(
        &self,
        lease: Option<Ipv6Net>,
        client: Option<&str>,
        interface: Option<&str>,
    ) -> Result<usize, String> {
        let mut relay = self.shared.relay();
        let prefixes: Vec<Ipv6Net> = match (lease, client, interface) {
            (Some(lease), None, None) => vec![lease],
            (None, Some(client), None) => {
                let duid: leasebook_wire::Duid = client
                    .parse()
                    .map_err(|_| format!("`{client}` is no DUID; write it in hex"))?;
                let of_client = relay.table().of_client(duid.octets());
                of_client.map(|one| one.prefix).collect()
            }
            (None, None, Some(interface)) => {
                let no = relay.ports().named(interface);
                let no = no.ok_or_else(|| format!("no interface `{interface}` is known"))?;
                let is_there = |one: &&Delegation| one.hop.is_some_and(|hop| hop.port == no);
                let there = relay.table().iter().filter(is_there);
                there.map(|one| one.prefix).collect()
            }
            _ => return Err("give one of a lease, a client and an interface".to_owned()),
        };
        let cleared = prefixes
            .iter()
            .filter(|prefix| relay.clear(**prefix))
            .count();
        self.shared.settle(&mut relay);
        tell!(events::RELAY_COMMAND, command = "clear", cleared);
        Ok(cleared)
    }

    async fn why(&self, prefix: Ipv6Net) -> Why {
        let says = Arc::new(Mutex::new(Vec::new()));
        let (done, all_done) = oneshot::channel();
        let order = Order::Ask {
            prefix,
            says: Arc::clone(&says),
            done,
        };
        if self.orders.send(order).is_ok() {
            // Who has not answered by then is told as such.
            let _ = tokio::time::timeout(SERVERS_WITHIN, all_done).await;
        }
        let servers = std::mem::take(&mut *says.lock());
        let actual = Routes::open(self.marks).and_then(|mut routes| routes.actual());
        let relay = self.shared.relay();
        let around = relay.table().around(prefix);
        let relays = around.map(|one| self.shown(one, &relay));
        let held = relays.as_ref().map_or(prefix, |one| one.prefix);
        let kernel = actual.unwrap_or_default();
        let kernel = kernel.iter().find(|one| one.prefix == held);
        let kernel = kernel.map(|one| route(one, &relay));
        Why {
            prefix,
            verdict: verdict(relays.as_ref(), kernel.as_ref(), &servers),
            relay: relays,
            kernel,
            servers,
        }
    }
}

/// Why it is routed, or not, in a sentence.
fn verdict(relay: Option<&Shown>, kernel: Option<&Route>, servers: &[ServerSays]) -> String {
    let told = servers.iter().any(|server| server.lease.is_some());
    match (relay, kernel) {
        (Some(one), Some(route)) if route.is_wanted => {
            let interface = one.interface.as_deref().unwrap_or("?");
            let next_hop = one.next_hop.as_deref().unwrap_or("the interface");
            format!("{} is routed to {next_hop} on {interface}", one.prefix)
        }
        (Some(one), _) if one.reason.is_some() && one.standing != "doubtful" => {
            let reason = one.reason.as_deref().unwrap_or_default();
            format!("{} is known and not routed: {reason}", one.prefix)
        }
        (Some(one), Some(_)) => format!("the kernel's route for {} is another one", one.prefix),
        (Some(one), None) => format!(
            "{} is to be routed, and the kernel has no route: its interface may be down, or the \
             kernel refused it",
            one.prefix
        ),
        (None, Some(_)) => "the kernel has a route of ours that this relay knows nothing of; it \
             goes when every server has answered"
            .to_owned(),
        (None, None) if told => match objection(servers) {
            Some(objection) => objection,
            None => "a server knows it and this relay does not: it was leased since the last \
                 recovery, or by a server that is not relayed to; `leasebook relay recover` asks \
                 again"
                .to_owned(),
        },
        (None, None) => "nobody knows it".to_owned(),
    }
}

/// What a server knows and this relay refuses, and why.
fn objection(servers: &[ServerSays]) -> Option<String> {
    servers.iter().find_map(|one| {
        let (lease, why) = (one.lease.as_ref()?, one.objection.as_ref()?);
        Some(format!(
            "{} knows {lease}, and this relay refuses it: {why}",
            one.server
        ))
    })
}

fn route(one: &Actual, relay: &Relay) -> Route {
    let wanted = relay.table().get(one.prefix);
    let wanted = wanted.filter(|wanted| wanted.standing.is_routed());
    let hop = wanted.and_then(|wanted| wanted.hop);
    match one.target {
        Some(Target::Interface { index, via }) => {
            let port = relay.ports().by_index(index);
            Route {
                prefix: one.prefix,
                interface: Some(port.map_or_else(
                    || index.to_string(),
                    |port| relay.ports().name(port).to_owned(),
                )),
                next_hop: via.map(|via| via.to_string()),
                is_wanted: hop.is_some_and(|hop| Some(hop.port) == port && hop.via == via),
            }
        }
        _ => Route {
            prefix: one.prefix,
            interface: None,
            next_hop: None,
            is_wanted: hop.is_none(),
        },
    }
}

fn put(out: &mut Vec<u8>, value: &impl Serialize) {
    // It fails only for maps whose keys are no texts, and there are none.
    if serde_json::to_writer(&mut *out, value).is_ok() {
        out.push(b'\n');
    }
}

fn refuse(out: &mut Vec<u8>, error: &str) {
    let error = error.to_owned();
    put(out, &Refusal { error });
}

/// The words for a client.
pub(super) fn client_name(octets: &[u8]) -> String {
    DuidRef::new(octets).map_or_else(|_| String::new(), |duid| duid.to_string())
}

/// What is told of a recovery that is over.
pub(super) fn recovered(servers: Vec<super::status::ServerStatus>) -> Recovered {
    Recovered {
        servers,
        same: None,
        missing: Vec::new(),
        extra: Vec::new(),
        elsewhere: Vec::new(),
    }
}

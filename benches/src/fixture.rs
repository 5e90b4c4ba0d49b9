//! A book of sample bindings, served on loopback.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use leasebook::sample::Sample;
use leasebook::serve::Server;
use leasebook_protocol::links::{Link, Links};
use leasebook_store::{Book, LinkId};
use leasebook_wire::Duid;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Connections the server takes; enough to tell what one of them costs.
pub(crate) const MAX_CONNECTIONS: usize = 1024;

/// The server's DUID.
pub(crate) const SERVER_ID: &[u8] = &[0, 3, 0, 1, 2, 0, 0, 0, 0, 9];

/// Unix seconds.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// The bindings every benchmark uses: behind one relay, all with one Remote-ID.
pub(crate) fn sample(clients: u32) -> Sample {
    Sample {
        clients,
        relays: 1,
        now: now(),
        one_remote_id: true,
    }
}

/// Makes a book in `data`.
pub(crate) fn fill(data: &Path, clients: u32) -> anyhow::Result<Book> {
    let (book, _) = leasebook::book::open(data)?;
    book.load(sample(clients).bindings())?;
    Ok(book)
}

/// A book with a server in front of it.
pub(crate) struct Served {
    pub(crate) clients: u32,
    pub(crate) book: Arc<Book>,
    pub(crate) address: SocketAddr,
    server: Option<Server>,
    runtime: Runtime,
    _dir: TempDir,
}

impl Served {
    /// Makes the book and begins to serve it.
    pub(crate) fn new(clients: u32) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let data = dir.path().join("data");
        let book = fill(&data, clients)?;
        Self::of(book, clients, dir)
    }

    /// Begins to serve a book that is in `dir`.
    pub(crate) fn of(book: Book, clients: u32, dir: TempDir) -> anyhow::Result<Self> {
        let book = Arc::new(book);
        let text = sample(clients).configuration(book.data(), &[]);
        let limits = format!("\n[bulk]\nmax-connections = {MAX_CONNECTIONS}\n");
        let config = leasebook::config::parse(&(text + &limits), Path::new("benchmark"))?.config;
        let runtime = leasebook::serve::runtime()?;
        let server_id = Duid::new(SERVER_ID)?;
        let loopback = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 0));
        let server = runtime
            .block_on(async { Server::of(Arc::clone(&book), &config, server_id, &[loopback]) })?;
        let address = server.addresses().first().copied().unwrap_or(loopback);
        Ok(Self {
            clients,
            book,
            address,
            server: Some(server),
            runtime,
            _dir: dir,
        })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.stop(Duration::from_secs(1)));
        }
    }
}

/// The one link of the sample, as the server knows it.
pub(crate) fn links() -> Links {
    let address = Sample::link_address(0);
    Links::new(vec![Link {
        id: LinkId(1),
        on_link: ipnet::Ipv6Net::new(address, 64).into_iter().collect(),
        relay_addresses: vec![address],
        delegated: Vec::new(),
    }])
}

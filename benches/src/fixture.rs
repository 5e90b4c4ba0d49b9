//! A book of sample bindings, served on loopback.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use leasebook::sample::Sample;
use leasebook::serve::Server;
use leasebook_store::Book;
use leasebook_wire::Duid;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Bindings made at a time.
const LOAD_BINDINGS: usize = 1 << 17;

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
    let mut bindings = sample(clients).bindings();
    loop {
        let some: Vec<_> = bindings.by_ref().take(LOAD_BINDINGS).collect();
        if some.is_empty() {
            return Ok(book);
        }
        book.load(some)?;
    }
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
        let book = Arc::new(fill(&data, clients)?);
        let text = sample(clients).configuration(&data, &[]);
        let limits = "\n[bulk]\nmax-connections = 64\n";
        let config = leasebook::config::parse(&(text + limits), Path::new("benchmark"))?.config;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let server_id = Duid::new(&[0, 3, 0, 1, 2, 0, 0, 0, 0, 9])?;
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

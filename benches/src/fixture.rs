//! A book of sample bindings, served on loopback.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use leasebook::sample::Sample;
use leasebook::serve::Server;
use leasebook_protocol::links::{Link, Links};
use leasebook_store::{
    Book, Cursor, Flow, LeaseStore as _, LinkId, Links as AnyLinks, Query, Selector, StoreError,
};
use leasebook_wire::code::OptionCode;
use leasebook_wire::{ComposeError, Composer, Duid};
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

/// Octets gathered, written and read at a time: as much as the server fills at once.
pub(crate) const CHUNK_OCTETS: usize = 128 * 1024;

/// Copies the frames that a query finds, a chunk at a time, into `out`, and throws them away: a bulk
/// reply without machine and socket. `goes_on` is told how many records each run has, and ends it.
pub(crate) fn copy_frames(
    book: &Book,
    selector: Selector,
    out: &mut Vec<u8>,
    goes_on: &mut dyn FnMut(u64) -> bool,
) -> Result<(), StoreError> {
    let query = Query {
        selector,
        links: AnyLinks::Any,
    };
    let mut cursor = Cursor::new(query, book.last_seq());
    let mut is_wanted = true;
    while is_wanted && !cursor.is_done() {
        out.clear();
        book.scan(&mut cursor, now(), &mut |run| {
            is_wanted = goes_on(run.len() as u64);
            out.extend_from_slice(run.frames());
            if is_wanted && out.len() < CHUNK_OCTETS {
                Flow::Continue
            } else {
                Flow::Stop
            }
        })?;
    }
    Ok(())
}

/// An IA_PD of one prefix of /56, with T1 and T2.
pub(crate) fn delegation(
    message: &mut Composer<'_>,
    times: [u32; 2],
    prefix: Ipv6Addr,
) -> Result<(), ComposeError> {
    message.ia_pd(1, times, |message| {
        message.nested(OptionCode::IAPREFIX, |message| {
            message.put_u32(3000);
            message.put_u32(4000);
            message.put_u8(56);
            message.put_ipv6(prefix);
            Ok(())
        })
    })
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

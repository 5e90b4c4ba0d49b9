//! `leasebook demo`: a server with sample bindings, a query, and what to try next.

mod reboot;

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use leasebook_protocol::requestor::{Ask, Config, Question};
use leasebook_store::{Book, LeaseStore as _};
use leasebook_wire::code::MessageType;
use leasebook_wire::{Deframer, Duid, Xid};

use crate::exit::Exit;
use crate::query::Plan;
use crate::sample::{MAX_RELAYS, Sample};
use crate::show::Format;

/// How to go on.
const EXAMPLES: &str = "\
Examples:
  leasebook demo
  leasebook demo --bindings 1000000 --keep
  sudo leasebook demo --reboot";

/// Start a server with sample bindings on this machine and query it.
///
/// Shows what came, how fast, and what to try next. Needs no configuration, no privileges and no network: ports are chosen by the system and
/// the store is in a temporary directory.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// How many sample bindings to make.
    #[arg(long, value_name = "COUNT", default_value_t = 100_000,
        value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    bindings: u32,
    /// Leave the server running until interrupted, to query it yourself.
    #[arg(long)]
    keep: bool,
    /// Cut the power of a relay that has this many routes, and count them as they come back; in a
    /// network namespace of its own, for root or where user namespaces are permitted.
    #[arg(long, conflicts_with = "keep")]
    reboot: bool,
}

/// Clients a relay of the demonstration has at the most.
const CLIENTS_PER_RELAY: u32 = 10_000;

/// Bindings made at a time.
const LOAD_BINDINGS: usize = 1 << 17;

/// Clients shown in the table.
const SHOWN_CLIENTS: u32 = 4;

/// Octets read at once.
const READ_OCTETS: usize = 256 * 1024;

/// Runs the demonstration.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    if args.reboot {
        return reboot::run(args.bindings);
    }
    let dir = tempfile::Builder::new()
        .prefix("leasebook-demo-")
        .tempdir()
        .context("cannot make a temporary directory")?;
    let data = dir.path().join("data");
    let relays = args
        .bindings
        .div_ceil(CLIENTS_PER_RELAY)
        .clamp(1, MAX_RELAYS);
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let sample = Sample {
        clients: args.bindings,
        relays,
        now,
        one_remote_id: false,
    };

    let began = Instant::now();
    let book = Arc::new(fill(&data, sample)?);
    let filled = began.elapsed();
    let stats = book.stats()?;
    say!(
        "A book of {} bindings ({} leases) behind {relays} relays,",
        stats.bindings,
        stats.leases
    )?;
    say!(
        "made in {filled:.0?}, {} MiB on disk, every one of them on stable storage.\n",
        stats.disk_octets >> 20
    )?;

    let runtime = crate::serve::runtime()?;
    let (server, config_path) = runtime.block_on(async { serve(&book, sample, dir.path()) })?;
    let address = *server
        .addresses()
        .first()
        .context("the server listens nowhere")?;

    say!("A few of its clients, asked by client-id on {address}:\n")?;
    show(address)?;
    say!("\nA relay that lost its routes asks for all it ever relayed (QUERY_BY_RELAY_ID):\n")?;
    let one = measure(address, Question::RelayId(Duid::new(&Sample::relay_id(0))?))?;
    say!("  {}", one.line())?;
    say!("\nThat is one connection and one query. What to try next:\n")?;
    next_steps(address, &config_path, args.keep)?;
    if args.keep {
        say!(
            "\nServing until interrupted (Ctrl-C); then {} goes.",
            dir.path().display()
        )?;
        io::stdout().flush()?;
        runtime.block_on(async {
            let mut signals = crate::signal::Signals::new()?;
            while signals.next().await != crate::signal::Signal::Stop {}
            io::Result::Ok(())
        })?;
    }
    runtime.block_on(server.stop(Duration::from_secs(1)));
    Ok(Exit::Complete)
}

/// Makes the book.
fn fill(data: &Path, sample: Sample) -> anyhow::Result<Book> {
    let (book, _) = crate::book::open(data)?;
    let mut bindings = sample.bindings();
    loop {
        let some: Vec<_> = bindings.by_ref().take(LOAD_BINDINGS).collect();
        if some.is_empty() {
            return Ok(book);
        }
        book.load(some)?;
    }
}

/// Serves it as `leasebook serve` would, and leaves a configuration for that.
fn serve(
    book: &Arc<Book>,
    sample: Sample,
    dir: &Path,
) -> anyhow::Result<(crate::serve::Server, std::path::PathBuf)> {
    let text = sample.configuration(&dir.join("data"), &[]);
    let path = dir.join("leasebook.toml");
    std::fs::write(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
    let config = crate::config::parse(&text, &path)?.config;
    let (server_id, _) =
        crate::identity::identity(crate::identity::Role::Server, &config.data, None)?;
    let loopback = [
        SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 0)),
        SocketAddr::from(([127, 0, 0, 1], 0)),
    ];
    let mut failure = None;
    for address in loopback {
        match crate::serve::Server::of(Arc::clone(book), &config, server_id.clone(), &[address]) {
            Ok(server) => return Ok((server, path)),
            Err(error) => failure = Some(error),
        }
    }
    match failure {
        Some(error) => Err(error.into()),
        None => bail!("there is no loopback address to listen on"),
    }
}

/// Shows some clients as `leasebook query` does.
fn show(address: SocketAddr) -> anyhow::Result<()> {
    let clients = (0..SHOWN_CLIENTS).map(|client| Duid::new(&Sample::client_id(0, client)));
    let asks = clients.map(|client| Ok(Ask::everywhere(Question::ClientId(client?))));
    let plan = Plan {
        servers: vec![
            address
                .to_string()
                .parse::<crate::cli::values::Server>()?
                .endpoint()
                .clone(),
        ],
        asks: asks.collect::<anyhow::Result<_>>()?,
        config: Config::new(crate::duid::generate::uuid()?),
        udp: None,
        source: None,
        format: Format::Table,
        policy: crate::show::routes::RoutePolicy::default(),
        is_quiet: true,
        hides_progress: true,
    };
    plan.run(io::stdout())?;
    Ok(())
}

/// How an answer came.
struct Measured {
    bindings: u64,
    octets: u64,
    first: Duration,
    all: Duration,
}

impl Measured {
    fn line(&self) -> String {
        #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
        let rate = self.bindings as f64 / self.all.as_secs_f64() / 1e6;
        format!(
            "{} bindings, {} KiB, in {:.1?}: {rate:.1} million a second; the first after {:.0?}",
            self.bindings,
            self.octets >> 10,
            self.all,
            self.first
        )
    }
}

/// Asks once and counts messages as they come, doing nothing else with them.
fn measure(address: SocketAddr, question: Question) -> anyhow::Result<Measured> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut query = Vec::new();
    let config = Config::new(crate::duid::generate::uuid()?);
    Ask::everywhere(question).compose(Xid([1, 2, 3]), &config, &mut query)?;
    let began = Instant::now();
    stream.write_all(&query)?;
    let mut measured = Measured {
        bindings: 0,
        octets: 0,
        first: Duration::ZERO,
        all: Duration::ZERO,
    };
    let mut inbox = vec![0; READ_OCTETS];
    let mut deframer = Deframer::new();
    loop {
        let count = stream.read(&mut inbox)?;
        if count == 0 {
            bail!("the server closed the connection before the end of its reply");
        }
        if measured.octets == 0 {
            measured.first = began.elapsed();
        }
        measured.octets += count as u64;
        let mut input = &inbox[..count];
        while let Some(message) = deframer.next(&mut input) {
            if message.first() == Some(&MessageType::LEASEQUERY_DONE.0) {
                measured.all = began.elapsed();
                return Ok(measured);
            }
            measured.bindings += 1;
        }
    }
}

fn next_steps(address: SocketAddr, config: &Path, is_kept: bool) -> anyhow::Result<()> {
    let relay = Duid::new(&Sample::relay_id(0))
        .map(|duid| duid.to_string())
        .unwrap_or_default();
    if !is_kept {
        say!(
            "  leasebook demo --keep                       leave this server running, then in another terminal:"
        )?;
    }
    let server = if is_kept {
        address.to_string()
    } else {
        "SERVER".to_owned()
    };
    say!("  leasebook query {server} relay-id {relay} --format routes | head")?;
    say!(
        "  leasebook query {server} link-address {} --format csv | wc -l",
        Sample::link_address(0)
    )?;
    say!("  leasebook query {server} address 3fff:100:0:100::1 --format json")?;
    if is_kept {
        say!("  leasebook check --config {}", config.display())?;
    }
    say!(
        "  leasebook migrate kea --config kea-dhcp6.conf --out leasebook.toml    your own leases, see README.md"
    )
}

//! Benchmarks: each prints our figure beside a limit or peer measured in the same run.
//!
//! ```text
//! cargo run --release -p leasebook-bench              all
//! cargo run --release -p leasebook-bench -- bulk      one
//! cargo run --release -p leasebook-bench -- --smoke   all in miniature, to see that they run
//! ```
//!
//! Machines are shared and noisy: only the ratios mean something, and each is taken from rounds
//! that alternate between the two sides.
#![forbid(unsafe_code)]

mod beside;
mod bulk;
mod commit;
mod datagrams;
mod dhcp;
mod disk;
mod field;
mod fixture;
mod learning;
mod machine;
mod pool;
mod relaying;
mod routes;
mod scale;
mod search;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use search::Effort;

/// Measures leasebook against limits of the same machine.
#[derive(Debug, Parser)]
#[command(name = "leasebook-bench", version)]
struct Args {
    /// Which benchmark.
    #[arg(value_enum, default_value_t = Which::All)]
    which: Which,
    /// Everything in miniature: that it runs, not how fast.
    #[arg(long)]
    smoke: bool,
    /// Bindings in the large book.
    #[arg(long, default_value_t = 1_000_000)]
    bindings: u32,
    /// Routes of the relay.
    #[arg(long, default_value_t = 100_000)]
    routes: u32,
    /// Exchanges a second in `dhcp` and `relaying`, instead of a search for the highest rate.
    #[arg(long)]
    rate: Option<u32>,
    /// Bindings in the largest book, for `scale` and `dhcp-large`.
    #[arg(long, default_value_t = 10_000_000)]
    most: u32,
    /// Does no more than load this many bindings into a new book at PATH.
    #[arg(long, hide = true, value_name = "PATH")]
    fill: Option<PathBuf>,
}

/// The benchmarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    /// Streaming a whole book over TCP, against a replay of the same octets and a plain scan.
    Bulk,
    /// Ten requestors at once, against one.
    Many,
    /// Group commit, against one sync each.
    Commit,
    /// Writers while a book is streamed, against writers alone.
    Beside,
    /// First answer, opening and memory, from ten thousand to ten million bindings.
    Scale,
    /// Routes back after a reboot of the relay, against `ip -6 -batch`; in a namespace.
    Routes,
    /// DHCPv6 exchanges, against Debian's Kea; in namespaces.
    Dhcp,
    /// DHCPv6 delays while a bulk query streams the book; in a namespace.
    DhcpBulk,
    /// DHCPv6 with the largest book: its rate, and the first answer after a start; in a namespace.
    DhcpLarge,
    /// Relaying, against Debian's relays; in namespaces.
    Relaying,
    /// Finding a free prefix in a pool of a million.
    Pool,
    /// Learning a delegation while a million are held.
    Learning,
    /// All but `scale`'s largest and those in namespaces.
    All,
}

fn main() -> anyhow::Result<()> {
    let mut args = Args::parse();
    if let Some(data) = &args.fill {
        return Ok(fixture::fill(data, args.bindings)?.close()?);
    }
    if args.smoke {
        (args.bindings, args.most, args.routes) = (2_000, 4_000, 1_000);
    } else if args.which == Which::All {
        args.most = args.bindings;
    }
    if let Some(done) = in_namespaces(&args) {
        return done;
    }
    let is = |which| args.which == which || args.which == Which::All;
    let rounds = |rounds| if args.smoke { 1 } else { rounds };
    if is(Which::Bulk) || is(Which::Many) {
        let served = fixture::Served::new(args.bindings)?;
        if is(Which::Bulk) {
            bulk::stream(&served, rounds(7))?;
        }
        if is(Which::Many) {
            bulk::many(&served, rounds(3))?;
        }
    }
    if is(Which::Beside) {
        let changes = if args.smoke { 50 } else { 2_000 };
        beside::streaming(args.bindings, changes, rounds(7))?;
    }
    if is(Which::Commit) {
        commit::group(if args.smoke { 200 } else { 40_000 }, rounds(5))?;
    }
    if is(Which::Scale) {
        let sizes = [10_000.min(args.most), args.bindings, args.most];
        scale::run(&sizes, args.smoke)?;
    }
    if is(Which::Pool) {
        let (finds, rounds) = if args.smoke { (100, 1) } else { (100_000, 7) };
        pool::allocation(finds, rounds)?;
    }
    if is(Which::Learning) {
        let more = if args.smoke { 100 } else { 20_000 };
        learning::learning(args.bindings, more)?;
    }
    Ok(())
}

/// Runs a benchmark that takes the process into a namespace, before there is a second thread;
/// none if another one is asked for.
fn in_namespaces(args: &Args) -> Option<anyhow::Result<()>> {
    let effort = if args.smoke {
        Effort {
            step: Duration::from_millis(100),
            from: 100,
            steps: 1,
            rounds: 1,
            rate: args.rate,
        }
    } else {
        Effort {
            step: Duration::from_secs(2),
            from: 2000,
            steps: 10,
            rounds: 3,
            rate: args.rate,
        }
    };
    let rounds = if args.smoke { 1 } else { 5 };
    let second = effort.step;
    Some(match args.which {
        Which::Routes => routes::cold_start(args.routes, rounds),
        Which::Dhcp => dhcp::exchanges(effort),
        Which::DhcpBulk => dhcp::beside_bulk(args.bindings, rounds, 2 * second),
        Which::DhcpLarge => dhcp::restart(args.most, effort.rounds, effort),
        Which::Relaying => relaying::relaying(effort),
        _ => return None,
    })
}

//! What the book costs a DHCPv6 server for each exchange: look-ups, commits, checkpoints.
//!
//! `cargo run --release -p leasebook-store --example exchanges -- [BINDINGS] [EXCHANGES] [DIRECTORY]`
//!
//! Fills a book with that many bindings (default none), in a temporary directory or the one
//! given, and then does what a server does for that many exchanges (default 400 000), 16 of them
//! to a commit: for SOLICIT and for REQUEST a look at the client and one at the lease, then a
//! change. Three of four clients are new, the fourth renews. A second thread makes checkpoints.

#![allow(
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "it measures time"
)]

use std::error::Error;
use std::fs;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use leasebook_store::{
    Binding, Book, BookOptions, Change, Cursor, Flow, IaKind, Lease, LeaseName, LeaseState,
    LeaseStore, LinkId, Links, Query, RelayData, Selector, StoreError,
};
use leasebook_wire::Duid;

const NOW: u64 = 1_800_000_000;

/// Exchanges that share a commit.
const BURST: u32 = 16;

const REMOTE_ID: &[u8] = b"\0\0\x0d\xe9olt1/0/7";

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let mut number = |default| {
        let arg = args.next().map(|arg| arg.replace('_', "").parse::<u32>());
        arg.unwrap_or(Ok(default))
    };
    let (bindings, exchanges) = (number(0)?, number(400_000)?);
    let temporary = tempfile::tempdir()?;
    let dir = args.next().map(PathBuf::from);
    let dir = dir.as_deref().unwrap_or(temporary.path());
    let (book, _) = Book::open(dir, BookOptions::default(), 7)?;
    let present = u32::try_from(book.stats()?.bindings)?;
    if present < bindings {
        book.load((present..bindings).filter_map(|number| binding(number, NOW)))?;
    }
    let first = bindings.max(present);
    let began = Instant::now();
    let stop = AtomicBool::new(false);
    let (spent, checkpoints) = std::thread::scope(|scope| {
        let checkpoints = scope.spawn(|| checkpoints(&book, &stop));
        let spent = exchange(&book, first, exchanges);
        stop.store(true, Ordering::Relaxed);
        (spent, checkpoints.join())
    });
    let mut spent = spent?;
    let checkpoints = checkpoints.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(exchanges);
    println!(
        "{first} bindings, {exchanges} exchanges in {:.2?}",
        began.elapsed()
    );
    println!(
        "processor time each: deciding {:.2} us, commit {:.2} us, checkpoints {:.2} us",
        each(spent.deciding),
        each(spent.committing),
        each(checkpoints.0)
    );
    println!(
        "checkpoints: {} of {:.0?} on average",
        checkpoints.2,
        checkpoints.1 / checkpoints.2.max(1)
    );
    println!("a burst's look-ups {}", spread(&mut spent.looks));
    println!("a commit           {}", spread(&mut spent.commits));
    for round in ["first", "second"] {
        let began = Instant::now();
        let mut cursor = Cursor::new(by_remote_id(), book.last_seq());
        book.scan(&mut cursor, NOW, &mut |_| Flow::Stop)?;
        println!("{round} query: first record after {:.1?}", began.elapsed());
    }
    println!("{}", book.stats()?);
    Ok(())
}

/// Finds every binding.
fn by_remote_id() -> Query {
    Query {
        selector: Selector::RemoteId(REMOTE_ID.to_vec()),
        links: Links::Any,
    }
}

/// Where the time went.
#[derive(Default)]
struct Spent {
    deciding: Duration,
    committing: Duration,
    looks: Vec<Duration>,
    commits: Vec<Duration>,
}

fn exchange(book: &Book, first: u32, exchanges: u32) -> Result<Spent, Box<dyn Error>> {
    let mut spent = Spent::default();
    let mut from = 0;
    while from < exchanges {
        let burst = (from..from + BURST).filter_map(|at| {
            let renews = at % 4 == 3 && first > 0;
            let number = if renews {
                at.wrapping_mul(2_654_435_761) % first
            } else {
                first + at
            };
            binding(number, NOW + 10)
        });
        let burst: Vec<Binding> = burst.collect();
        let (began, processor) = (Instant::now(), processor_time()?);
        for _ in ["SOLICIT", "REQUEST"] {
            for one in &burst {
                look(book, one)?;
            }
        }
        let (looked, decided) = (Instant::now(), processor_time()?);
        book.commit(burst.into_iter().map(Change::Put).collect())?;
        spent.committing += processor_time()?.saturating_sub(decided);
        spent.deciding += decided.saturating_sub(processor);
        spent.looks.push(looked - began);
        spent.commits.push(looked.elapsed());
        from += BURST;
    }
    Ok(spent)
}

fn look(book: &Book, one: &Binding) -> Result<(), StoreError> {
    std::hint::black_box(book.binding(one.link, one.client.octets())?);
    for lease in &one.leases {
        std::hint::black_box(book.holder(lease.name)?);
    }
    Ok(())
}

/// Processor time and time taken by checkpoints, and how many they were.
fn checkpoints(book: &Book, stop: &AtomicBool) -> Result<(Duration, Duration, u32), StoreError> {
    let (mut took, mut count) = (Duration::ZERO, 0);
    while !stop.load(Ordering::Relaxed) {
        if book.wants_checkpoint() {
            let began = Instant::now();
            book.checkpoint()?;
            took += began.elapsed();
            count += 1;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok((processor_time().unwrap_or_default(), took, count))
}

/// Processor time of this thread.
fn processor_time() -> Result<Duration, Box<dyn Error>> {
    let told = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = told.split(' ').next().unwrap_or_default().parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}

fn spread(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |permille: usize| {
        let at = (times.len() * permille / 1000).min(times.len().saturating_sub(1));
        times.get(at).copied().unwrap_or_default()
    };
    format!(
        "p50 {:.1?}, p99 {:.1?}, p99.9 {:.1?}, max {:.1?}",
        at(500),
        at(990),
        at(999),
        at(1000)
    )
}

fn binding(number: u32, clt: u64) -> Option<Binding> {
    let scattered = number.wrapping_mul(2_654_435_761);
    let [a, b, c, d] = scattered.to_be_bytes();
    let mut chain = vec![12, 0];
    chain.extend_from_slice(&[0; 32]);
    chain.extend(option(18, b"pon0"));
    chain.extend(option(37, REMOTE_ID));
    let prefix = (0x3fff_u128 << 112) | (u128::from(scattered) << 72);
    Some(Binding {
        link: LinkId(1),
        client: Duid::new(&[0, 3, 0, 1, 2, 0, a, b, c, d]).ok()?,
        leases: vec![Lease {
            name: LeaseName::prefix(Ipv6Addr::from_bits(prefix), 56)?,
            kind: IaKind::Pd,
            iaid: 1,
            state: LeaseState::Bound,
            clt,
            preferred: 3000,
            valid: 4000,
        }],
        relay: Some(RelayData {
            peer: Ipv6Addr::LOCALHOST,
            chain,
        }),
        options: Vec::new(),
    })
}

fn option(code: u16, data: &[u8]) -> Vec<u8> {
    let len = u16::try_from(data.len()).unwrap_or(u16::MAX);
    [&code.to_be_bytes()[..], &len.to_be_bytes(), data].concat()
}

//! How fast the book loads, opens, scans and commits.
//!
//! `cargo run --release -p leasebook-store --example scan -- [BINDINGS] [DIRECTORY] [load]`
//!
//! Makes a book of that many bindings (default one million) in a temporary directory or the one
//! given, where it stays and is used again next time; with a third argument it stops there. Bindings have an address and a prefix
//! (frames of 89 octets); half came through one relay, and all through lines of which each
//! Remote-ID names a thousand, except one that names every second binding.

#![allow(
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "it measures time"
)]

use std::error::Error;
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use leasebook_store::{
    Binding, Book, BookOptions, Change, Cursor, Flow, IaKind, Lease, LeaseName, LeaseState,
    LeaseStore, LinkId, Links, Progress, Query, RelayData, Selector,
};
use leasebook_wire::Duid;

const NOW: u64 = 1_800_000_000;

/// What a sender's buffer holds before it is written to the socket.
const BUFFER_OCTETS: usize = 128 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let count: u32 = args
        .next()
        .map_or(Ok(1_000_000), |count| count.replace('_', "").parse())?;
    let temporary = tempfile::tempdir()?;
    let dir = args.next().map(PathBuf::from);
    let dir = dir.as_deref().unwrap_or(temporary.path());
    if !dir.join("ledger").exists() {
        load(dir, count)?;
    }
    if args.next().is_some() {
        return Ok(());
    }
    let began = Instant::now();
    let (book, _) = Book::open(dir, BookOptions::default(), 7)?;
    first_answer(&book, began, count)?;
    println!("            {}", book.stats()?);
    for round in 0..3 {
        println!("round {round}");
        scans(&book, count)?;
    }
    commits(&book, count);
    println!("with what was committed in memory");
    scans(&book, count)?;
    let began = Instant::now();
    book.checkpoint()?;
    println!("checkpoint  {:.0} ms", milliseconds(began));
    println!("            {}", book.stats()?);
    Ok(())
}

fn load(dir: &Path, count: u32) -> Result<(), Box<dyn Error>> {
    let (book, _) = Book::open(dir, BookOptions::default(), 7)?;
    let began = Instant::now();
    let loaded = book.load((0..count).filter_map(|number| binding(number, NOW)))?;
    let seconds = began.elapsed().as_secs_f64();
    println!("load        {:.0} k/s", loaded as f64 / seconds / 1e3);
    let began = Instant::now();
    let again = book.load((0..count).filter_map(|number| binding(number, NOW)))?;
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "same again  {:.0} k/s, {again} changed",
        f64::from(count) / seconds / 1e3
    );
    book.close()?;
    Ok(())
}

/// How long from opening to the first record of the largest answer.
fn first_answer(book: &Book, began: Instant, count: u32) -> Result<(), Box<dyn Error>> {
    let opened = milliseconds(began);
    let mut cursor = Cursor::new(by_remote(0), book.last_seq());
    book.scan(&mut cursor, NOW, &mut |_| Flow::Stop)?;
    println!(
        "open        {opened:.1} ms, first answer after {:.1} ms, {count} bindings",
        milliseconds(began)
    );
    Ok(())
}

fn scans(book: &Book, count: u32) -> Result<(), Box<dyn Error>> {
    let all = Query {
        selector: Selector::All,
        links: Links::Any,
    };
    let relay = Query {
        selector: Selector::RelayId(relay_id(0)),
        links: Links::Any,
    };
    scan(book, "all", &all)?;
    scan(book, "link", &on_link(all))?;
    scan(book, "relay-id", &relay)?;
    scan(book, "remote-id", &by_remote(0))?;
    scan(book, "small group", &by_remote(count / 2_000))?;
    let duid = binding(count / 3, NOW).map(|binding| binding.client);
    let client = Selector::Client(duid.map_or(Vec::new(), |duid| duid.octets().to_vec()));
    let links = Links::Any;
    scan(
        book,
        "client",
        &Query {
            selector: client,
            links: links.clone(),
        },
    )?;
    let inside = Ipv6Addr::from_bits(prefix(count / 3) | 5);
    let selector = Selector::Address(inside);
    scan(book, "in a prefix", &Query { selector, links })?;
    Ok(())
}

fn scan(book: &Book, name: &str, query: &Query) -> Result<(), Box<dyn Error>> {
    let mut out: Vec<u8> = Vec::with_capacity(2 * BUFFER_OCTETS);
    let (mut records, mut runs, mut octets) = (0usize, 0usize, 0usize);
    let began = Instant::now();
    let mut first = None;
    let mut cursor = Cursor::new(query.clone(), book.last_seq());
    loop {
        let progress = book.scan(&mut cursor, NOW, &mut |run| {
            first.get_or_insert_with(|| began.elapsed());
            records += run.len();
            runs += 1;
            out.extend_from_slice(run.frames());
            if out.len() < BUFFER_OCTETS {
                return Flow::Continue;
            }
            octets += out.len();
            out.clear();
            Flow::Stop
        })?;
        if progress == Progress::Done {
            break;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{name:<12}{records} records in {runs} runs: {:.1} M/s, {:.2} GB/s, first after {:.0} us, all {:.1} ms",
        records as f64 / seconds / 1e6,
        (octets + out.len()) as f64 / seconds / 1e9,
        first.unwrap_or_default().as_secs_f64() * 1e6,
        seconds * 1e3
    );
    Ok(())
}

/// Renewals of random clients, by threads that each wait for theirs, in batches as a DHCP
/// server makes them.
fn commits(book: &Book, count: u32) {
    const BATCH: u32 = 32;
    const THREADS: u32 = 8;
    const ALL: u32 = 40_000;
    let next = AtomicU32::new(0);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let from = next.fetch_add(BATCH, Ordering::Relaxed);
                    if from >= ALL {
                        return;
                    }
                    let renewed = (from..from + BATCH).filter_map(|number| {
                        let number = number.wrapping_mul(2_654_435_761) % count;
                        binding(number, NOW + 10).map(Change::Put)
                    });
                    if let Err(error) = book.commit(renewed.collect()) {
                        eprintln!("{error}");
                        return;
                    }
                }
            });
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "commit      {:.1} k/s, {THREADS} threads with batches of {BATCH}",
        f64::from(ALL) / seconds / 1e3
    );
}

fn binding(number: u32, clt: u64) -> Option<Binding> {
    let lease = |name, kind| Lease {
        name,
        kind,
        iaid: 1,
        state: LeaseState::Bound,
        clt: clt - u64::from(number % 3600),
        preferred: 432_000,
        valid: 864_000,
    };
    let [a, b, c, d] = number.wrapping_mul(2_654_435_761).to_be_bytes();
    let remote = if number.is_multiple_of(2) {
        0
    } else {
        number / 1_000 + 1
    };
    let mut chain = vec![12, 0];
    chain.extend_from_slice(&[0; 32]);
    chain.extend(option(18, b"pon0"));
    chain.extend(option(37, &remote_id(remote)));
    chain.extend(option(53, &relay_id(number % 2 * (1 + number % 64))));
    Some(Binding {
        link: LinkId(1 + number % 2),
        client: Duid::new(&[0, 3, 0, 1, 2, 0, a, b, c, d]).ok()?,
        leases: vec![
            lease(
                LeaseName::Address(Ipv6Addr::from_bits((0x3fff << 112) | u128::from(number))),
                IaKind::Na,
            ),
            lease(
                LeaseName::prefix(Ipv6Addr::from_bits(prefix(number)), 64)?,
                IaKind::Pd,
            ),
        ],
        relay: Some(RelayData {
            peer: Ipv6Addr::LOCALHOST,
            chain,
        }),
        options: Vec::new(),
    })
}

fn prefix(number: u32) -> u128 {
    (0x3fff_0001 << 96) | (u128::from(number) << 64)
}

fn relay_id(number: u32) -> Vec<u8> {
    [&[0, 3, 0, 1, 2, 0][..], &number.to_be_bytes()].concat()
}

fn remote_id(number: u32) -> Vec<u8> {
    [b"\0\0\x0d\xe9olt1/0/", &number.to_be_bytes()[..]].concat()
}

fn option(code: u16, data: &[u8]) -> Vec<u8> {
    let len = u16::try_from(data.len()).unwrap_or(u16::MAX);
    [&code.to_be_bytes()[..], &len.to_be_bytes(), data].concat()
}

fn by_remote(number: u32) -> Query {
    Query {
        selector: Selector::RemoteId(remote_id(number)),
        links: Links::Any,
    }
}

fn on_link(query: Query) -> Query {
    Query {
        links: Links::of(vec![LinkId(1)]),
        ..query
    }
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

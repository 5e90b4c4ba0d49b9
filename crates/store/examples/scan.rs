//! How fast the book loads and scans: `cargo run --release -p leasebook-store --example scan [BINDINGS]`.

#![allow(
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "it measures time"
)]

use std::net::Ipv6Addr;
use std::time::Instant;

use leasebook_store::{
    Binding, Book, BookOptions, Cursor, Flow, IaKind, Lease, LeaseName, LeaseState, LeaseStore,
    LinkId, Links, Progress, Query, RelayData, Selector,
};
use leasebook_wire::Duid;

const NOW: u64 = 1_800_000_000;

fn option(code: u16, data: &[u8]) -> Vec<u8> {
    let len = u16::try_from(data.len()).unwrap_or(u16::MAX);
    [&code.to_be_bytes()[..], &len.to_be_bytes(), data].concat()
}

fn binding(number: u32) -> Option<Binding> {
    let lease = |name, kind| Lease {
        name,
        kind,
        iaid: 1,
        state: LeaseState::Bound,
        clt: NOW - u64::from(number % 3600),
        preferred: 432_000,
        valid: 864_000,
    };
    let [a, b, c, d] = number.to_be_bytes();
    let mixed = number.wrapping_mul(2_654_435_761).to_be_bytes();
    let address = Ipv6Addr::from_bits(0x3fff << 112 | u128::from(number));
    let prefix = Ipv6Addr::from_bits(0x3fff_0001 << 96 | u128::from(number) << 64);
    let mut chain = vec![12, 0];
    chain.extend_from_slice(&[0; 32]);
    chain.extend(option(18, b"pon0"));
    chain.extend(option(37, b"\0\0\x0d\xe9olt1/0/0"));
    chain.extend(option(53, &[0, 3, 0, 1, 2, 0, 0, 0, 0, 1]));
    Some(Binding {
        link: LinkId(1),
        client: Duid::new(&[
            0,
            3,
            0,
            1,
            mixed[0],
            mixed[1],
            mixed[2],
            mixed[3],
            a ^ b,
            c ^ d,
        ])
        .ok()?,
        leases: vec![
            lease(LeaseName::Address(address), IaKind::Na),
            lease(LeaseName::prefix(prefix, 64)?, IaKind::Pd),
        ],
        relay: Some(RelayData {
            peer: Ipv6Addr::LOCALHOST,
            chain,
        }),
        options: Vec::new(),
    })
}

fn scan(book: &Book, name: &str, selector: Selector) {
    let mut out: Vec<u8> = Vec::with_capacity(1 << 18);
    let (mut records, mut runs) = (0usize, 0usize);
    let query = Query {
        selector,
        links: Links::Any,
    };
    let began = Instant::now();
    let mut first = None;
    let mut cursor = Cursor::new(query, book.last_seq());
    loop {
        let progress = book.scan(&mut cursor, NOW, &mut |run| {
            first.get_or_insert_with(|| began.elapsed());
            records += run.len();
            runs += 1;
            out.extend_from_slice(run.frames());
            if out.len() < 128 << 10 {
                Flow::Continue
            } else {
                out.clear();
                Flow::Stop
            }
        });
        if !matches!(progress, Ok(Progress::More)) {
            break;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{name:<10} {records} records in {runs} runs: {:.1} M/s, first after {:.0} us",
        records as f64 / seconds / 1e6,
        first.unwrap_or_default().as_secs_f64() * 1e6
    );
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = std::env::args()
        .nth(1)
        .map_or(Ok(1_000_000), |count| count.parse())?;
    let dir = std::env::temp_dir().join("leasebook-scan-example");
    let _ = std::fs::remove_dir_all(&dir);
    let (book, _) = Book::open(&dir, BookOptions::default(), 7)?;
    let began = Instant::now();
    let mut left = (0..count).filter_map(binding);
    loop {
        let some: Vec<Binding> = left.by_ref().take(1 << 18).collect();
        if some.is_empty() {
            break;
        }
        book.load(some)?;
    }
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "load       {:.0} k/s, {}",
        f64::from(count) / seconds / 1e3,
        book.stats()?
    );
    for _ in 0..3 {
        scan(&book, "all", Selector::All);
        scan(
            &book,
            "relay-id",
            Selector::RelayId(vec![0, 3, 0, 1, 2, 0, 0, 0, 0, 1]),
        );
        scan(
            &book,
            "remote-id",
            Selector::RemoteId(b"\0\0\x0d\xe9olt1/0/0".to_vec()),
        );
    }
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

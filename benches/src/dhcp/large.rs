//! What a large book costs clients: a bulk query beside them, a book of millions, a restart.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use leasebook::sample::Sample;
use leasebook_protocol::requestor::{Ask, Config, Question};
use leasebook_wire::{Deframer, Duid, Xid};

use super::load::Load;
use super::site::Site;
use super::{Driver as _, Leases, Shape, highest};
use crate::field::{self, load_average, median};
use crate::fixture;
use crate::search::Effort;

/// What the load is while a large book is measured.
const SHAPE: Shape = Shape {
    leases: Leases::Prefix,
    hops: 1,
};

/// The load, in exchanges a second, beside which a bulk query streams.
const MODERATE: u32 = 2000;

/// p99 delays while a bulk query streams the whole book, against without.
pub(crate) fn beside_bulk(bindings: u32, rounds: usize, time: Duration) -> anyhow::Result<()> {
    field::enter()?;
    let mut site = filled(bindings)?;
    site.start_leasebook("")?;
    site.wait_for_answer()?;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    let streamed = AtomicU64::new(0);
    for _ in 0..rounds {
        alone.push(p99(&mut site, time)?);
        let stop = AtomicBool::new(false);
        let server = SocketAddr::from((site.far(), 547));
        let under_query = std::thread::scope(|scope| {
            let reader = scope.spawn(|| stream(server, &stop, &streamed));
            let under_query = p99(&mut site, time);
            stop.store(true, Ordering::Relaxed);
            match reader.join() {
                Ok(read) => read.and(under_query),
                Err(_) => anyhow::bail!("the requestor's thread ended early"),
            }
        })?;
        beside.push(under_query);
    }
    println!(
        "dhcp: delays at {MODERATE} prefix exchanges a second while one requestor streams a book of {bindings} again and again;\n\
         \x20 medians of {rounds} rounds, load average {}",
        load_average()
    );
    for (name, at) in [("ADVERTISE", 0), ("REPLY", 1)] {
        let of = |rounds: &[[f64; 2]]| {
            let values: Vec<f64> = rounds
                .iter()
                .filter_map(|round| round.get(at).copied())
                .collect();
            median(&values)
        };
        let (alone, beside) = (of(&alone), of(&beside));
        println!(
            "  p99 of {name:<9} {:>7.2} ms alone {:>7.2} ms beside the query: ratio {:.2} (goal 1.1)",
            alone * 1e3,
            beside * 1e3,
            beside / alone
        );
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let rate = streamed.into_inner() as f64 / (time.as_secs_f64() * rounds as f64);
    println!(
        "  meanwhile {:.2} M bindings a second went to the requestor\n",
        rate / 1e6
    );
    Ok(())
}

/// The highest rate with a large book against an empty one, and the first answer after a start.
pub(crate) fn restart(bindings: u32, rounds: usize, effort: Effort) -> anyhow::Result<()> {
    field::enter()?;
    let mut empty = Site::leasebook(1)?;
    let few = highest(&mut empty, SHAPE, "own", effort)?.rate;
    drop(empty);
    let began = Instant::now();
    let mut site = filled(bindings)?;
    let load = began.elapsed();
    let mut starts = Vec::new();
    for _ in 0..rounds {
        site.end();
        if !effort.is_smoke() {
            // As far as the system lets us, nothing of the book is in memory any more.
            let _ = std::fs::write("/proc/sys/vm/drop_caches", "1");
        }
        let began = Instant::now();
        site.start_leasebook("")?;
        site.wait_for_answer()?;
        starts.push(began.elapsed());
    }
    let many = highest(&mut site, SHAPE, "own", effort)?.rate;
    println!(
        "dhcp: a book of {bindings} bindings (made in {load:.0?}); load average {}",
        load_average()
    );
    println!(
        "  from exec to the first ADVERTISE, caches dropped: {:.0?} (median of {rounds}, goal 1 s)",
        median(&starts)
    );
    println!(
        "  highest rate without drops, prefix, one hop: {many:.0}/s; with an empty book {few:.0}/s: ratio {:.2} (goal 0.8)\n",
        many / few
    );
    Ok(())
}

/// A server, not yet started, whose book has so many bindings.
fn filled(bindings: u32) -> anyhow::Result<Site> {
    let site = Site::new("leasebook", 1)?;
    fixture::fill(&site.data(), bindings)?.close()?;
    Ok(site)
}

/// The p99 of both delays, in seconds.
fn p99(site: &mut Site, time: Duration) -> anyhow::Result<[f64; 2]> {
    let first = site.clients();
    let mut run = Load::new(site.near(), site.far(), SHAPE, first)?.run(MODERATE, time)?;
    let at = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        let rank = times.len() * 99 / 100;
        times.get(rank).copied().unwrap_or_default().as_secs_f64()
    };
    Ok([at(&mut run.advertised), at(&mut run.replied)])
}

/// Asks for the whole book again and again, and counts what comes.
fn stream(server: SocketAddr, stop: &AtomicBool, streamed: &AtomicU64) -> anyhow::Result<()> {
    // It would be on another machine: here it gives way to those that are measured.
    rustix::process::setpriority_process(None, LEAST_PRIORITY)?;
    let question = Question::RelayId(Duid::new(&Sample::relay_id(0))?);
    let mut query = Vec::new();
    let config = Config::new(Duid::new(&[0, 3, 0, 1, 2, 9])?);
    Ask::everywhere(question).compose(Xid([1, 2, 3]), &config, &mut query)?;
    let mut inbox = vec![0; 256 * 1024];
    while !stop.load(Ordering::Relaxed) {
        let mut connection = TcpStream::connect(server)?;
        connection.write_all(&query)?;
        let mut deframer = Deframer::new();
        let mut is_done = false;
        while !is_done && !stop.load(Ordering::Relaxed) {
            let count = connection.read(&mut inbox)?;
            anyhow::ensure!(count > 0, "the server ended a query early");
            let mut input = inbox.get(..count).unwrap_or_default();
            while let Some(message) = deframer.next(&mut input) {
                is_done |= message.first() == Some(&LEASEQUERY_DONE);
                streamed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    Ok(())
}

/// Of a thread that gives way to all others (setpriority(2)).
const LEAST_PRIORITY: i32 = 19;

/// The message that ends a reply.
const LEASEQUERY_DONE: u8 = 16;

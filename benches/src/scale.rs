//! What must not grow with the book.

use std::io::Read as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use leasebook::sample::Sample;
use leasebook_protocol::requestor::Question;
use leasebook_wire::Duid;

use crate::bulk::{Asked, first, send};
use crate::field::load_average;
use crate::fixture::{MAX_CONNECTIONS, Served};
use crate::machine::anonymous_octets;

/// Connections that only wait, for what one of them costs.
const IDLE: usize = 512;

/// Connections whose reply of the whole book nobody reads on.
const STUCK: usize = 64;

/// First answers, cold opening and memory for books of these sizes.
pub(crate) fn run(sizes: &[u32], is_smoke: bool) -> anyhow::Result<()> {
    println!(
        "scale: medians of 21 for the first octets of an answer; load average {}",
        load_average()
    );
    println!(
        "  {:>10} {:>11} {:>11} {:>9} {:>11} {:>11} {:>9} {:>9} {:>9}",
        "bindings",
        "one client",
        "whole relay",
        "open",
        "and answer",
        "load",
        "disk",
        "memory",
        "sends"
    );
    let mut done = Vec::new();
    for &size in sizes {
        if !done.contains(&size) {
            done.push(size);
            of(size, is_smoke)?;
        }
    }
    println!(
        "  open, and answer: file not in memory, until the book is open and until a requestor has its first octets;"
    );
    println!(
        "  memory: without the page cache (RssAnon), when it waits and while {STUCK} replies are under way"
    );
    println!(
        "  goals: first answers flat and under 1 ms; answer after opening under 1 s; memory flat, a connection under 1 MiB\n"
    );
    Ok(())
}

fn of(size: u32, is_smoke: bool) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let data = dir.path().join("data");
    let loaded = load(&data, size)?;
    let disk = octets_of(&data.join("ledger/data.mdb"))?;
    if !is_smoke {
        // As far as the system lets us, nothing of it is in memory any more.
        let _ = std::fs::write("/proc/sys/vm/drop_caches", "1");
    }
    let began = Instant::now();
    let (book, _) = leasebook::book::open(&data)?;
    let opened = began.elapsed();
    let served = Served::of(book, size, dir)?;
    let client = Sample::client_id(0, size / 2);
    let asked = Asked::plain(Question::ClientId(Duid::new(&client)?));
    let (mut stream, _) = send(&served, &asked)?;
    stream.read_exact(&mut [0])?;
    let answered = began.elapsed();
    drop(stream);
    let [client, relay] = first(&served)?;
    let waits = memory()?;
    let (idle, stuck) = connections(&served)?;
    println!(
        "  {size:>10} {client:>11.0?} {relay:>11.0?} {opened:>9.1?} {answered:>11.1?} {:>9}/s {:>5} MiB {:>9} {:>9}",
        (f64::from(size) / loaded.as_secs_f64()).round(),
        disk >> 20,
        mib(waits),
        mib(waits + stuck * STUCK as u64),
    );
    println!(
        "             a connection: {} KiB idle, {} KiB in the middle of a reply",
        idle >> 10,
        stuck >> 10
    );
    Ok(())
}

/// Loads a book in a process of its own, so that nothing of that is in the memory of this one.
fn load(data: &Path, size: u32) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let status = Command::new(std::env::current_exe()?)
        .arg("--fill")
        .arg(data)
        .args(["--bindings", &size.to_string()])
        .status()
        .context("cannot run this benchmark once more")?;
    ensure!(status.success(), "the process that loads the book failed");
    Ok(began.elapsed())
}

/// What one connection costs in memory: idle, and in the middle of a reply that nobody reads.
fn connections(served: &Served) -> anyhow::Result<(u64, u64)> {
    const { assert!(IDLE + STUCK < MAX_CONNECTIONS) };
    let before = memory()?;
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        // One answer, so that the server has seen it.
        let client = Sample::client_id(0, 1);
        let asked = Asked::plain(Question::ClientId(Duid::new(&client)?));
        let (mut stream, _) = send(served, &asked)?;
        stream.read_exact(&mut [0; 64])?;
        idle.push(stream);
    }
    let between = memory()?;
    let mut stuck = Vec::new();
    for _ in 0..STUCK {
        let asked = Asked::plain(Question::RelayId(Duid::new(&Sample::relay_id(0))?));
        let (mut stream, _) = send(served, &asked)?;
        stream.read_exact(&mut [0; 64])?;
        stuck.push(stream);
    }
    let after = memory()?;
    let each = |octets: u64, count: usize| octets / count as u64;
    Ok((
        each(between.saturating_sub(before), IDLE),
        each(after.saturating_sub(between), STUCK),
    ))
}

fn memory() -> anyhow::Result<u64> {
    anonymous_octets().context("the system does not tell how much memory this process has")
}

fn octets_of(file: &Path) -> anyhow::Result<u64> {
    let data = std::fs::metadata(file);
    Ok(data
        .with_context(|| format!("no ledger at {}", file.display()))?
        .len())
}

fn mib(octets: u64) -> String {
    format!("{}.{} MiB", octets >> 20, ((octets % (1 << 20)) * 10) >> 20)
}

//! What must not grow with the book.

use std::time::Instant;

use leasebook_store::LeaseStore;

use crate::bulk::first;
use crate::fixture::Served;

/// First answers, cold opening and memory for books of these sizes.
pub(crate) fn run(sizes: &[u32]) -> anyhow::Result<()> {
    println!(
        "scale: medians of 21 for the first octets of an answer; memory without the page cache (RssAnon)"
    );
    println!(
        "  {:>10} {:>12} {:>12} {:>12} {:>12} {:>10}",
        "bindings", "one client", "whole relay", "load", "reopen", "memory"
    );
    let mut done = Vec::new();
    for &size in sizes {
        if done.contains(&size) {
            continue;
        }
        done.push(size);
        let began = Instant::now();
        let served = Served::new(size)?;
        let loaded = began.elapsed();
        let [client, relay] = first(&served)?;
        let memory =
            anonymous_memory().map_or_else(|| "?".to_owned(), |kib| format!("{} MiB", kib >> 10));
        let reopened = reopen(size)?;
        println!(
            "  {size:>10} {client:>12.0?} {relay:>12.0?} {loaded:>12.1?} {reopened:>12.1?} {memory:>10}"
        );
    }
    println!(
        "  goals: first answers flat and under 1 ms; reopening, with a first answer, under 1 s; memory flat\n"
    );
    Ok(())
}

/// Opens a book of this size again and gets an answer out of it.
fn reopen(size: u32) -> anyhow::Result<std::time::Duration> {
    let dir = tempfile::tempdir()?;
    crate::fixture::fill(dir.path(), size)?.close()?;
    // As far as the system lets us, nothing of it is in memory any more.
    let _ = std::fs::write("/proc/sys/vm/drop_caches", "1");
    let began = Instant::now();
    let (book, _) = leasebook::book::open(dir.path())?;
    let client = leasebook::sample::Sample::client_id(0, size / 2);
    let found = book.binding(leasebook_store::LinkId(1), &client)?;
    anyhow::ensure!(found.is_some(), "a binding is gone after reopening");
    Ok(began.elapsed())
}

/// Memory of this process that is not backed by files, in KiB.
fn anonymous_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

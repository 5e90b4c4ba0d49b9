//! What group commit is worth on this machine.
//!
//! ```text
//! cargo run --release -p leasebook-store --example group_commit [DIR [SECONDS]]
//! ```
//!
//! Measures in one run, so that the ratio holds whatever the machine is doing: one thread that
//! syncs every change alone, then 64 threads that share syncs. DIR should be on the disk of
//! interest, since in a `tmpfs` a sync costs nothing; default: the current directory.

#![expect(
    clippy::disallowed_methods,
    reason = "a measurement reads the clock and waits"
)]

use std::error::Error;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use leasebook_store::journal::{Batch, Committer, Journal, Place, Resolver, TooLarge};

/// Octets of a change: a binding with one prefix, a relay and its options.
const PAYLOAD_OCTETS: usize = 300;

/// How often the two sides are measured, in turns.
const ROUNDS: usize = 5;

/// An engine that keeps nothing but counts.
#[derive(Default)]
struct Counting {
    groups: u64,
    changes: u64,
}

impl Resolver for Counting {
    type Request = [u8; PAYLOAD_OCTETS];
    type Answer = ();
    type Error = TooLarge;

    fn resolve(&mut self, request: Self::Request, batch: &mut Batch) -> Result<(), TooLarge> {
        batch.push(&request)
    }

    fn applied(&mut self, seqs: Range<u64>) {
        self.groups += 1;
        self.changes += seqs.end - seqs.start;
    }

    fn discarded(&mut self) {}
}

/// How long single commits took, and how many there were in a second.
struct Measured {
    latencies: Vec<Duration>,
    rate: f64,
}

impl Measured {
    fn show(&mut self, name: &str) {
        self.latencies.sort_unstable();
        let at = |permille: usize| {
            let index = self.latencies.len() * permille / 1000;
            let latency = self.latencies.get(index).or(self.latencies.last());
            latency.map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
        };
        println!(
            "{name:<28} {:>9.0}/s   p50 {:>7.3}  p99 {:>7.3}  p99.9 {:>7.3}  max {:>7.3} ms",
            self.rate,
            at(500),
            at(990),
            at(999),
            at(1000)
        );
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let dir = arguments
        .next()
        .map_or_else(|| PathBuf::from("."), PathBuf::from);
    let seconds = match arguments.next() {
        Some(text) => text.to_string_lossy().parse()?,
        None => 2.0,
    };
    let dir = dir.join(format!("group-commit-{}", std::process::id()));
    let time = Duration::from_secs_f64(seconds / f64::from(u32::try_from(ROUNDS)?));
    let result = measure(&dir, time);
    std::fs::remove_dir_all(&dir)?;
    result
}

fn measure(dir: &Path, time: Duration) -> Result<(), Box<dyn Error>> {
    let journal = Journal::create(Place::new(dir, 1))?;
    let committer = Arc::new(Committer::new(Counting::default(), journal));
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let mut alone = writers(&committer, 1, time)?;
        alone.show("a sync for each change");
        let before = committer.exclusively(|counting, _| (counting.groups, counting.changes));
        let mut shared = writers(&committer, 64, time)?;
        shared.show("64 writers sharing syncs");
        let after = committer.exclusively(|counting, _| (counting.groups, counting.changes));
        let ratio = shared.rate / alone.rate;
        let groups = (after.0 - before.0).max(1);
        let per_group = (after.1 - before.1) / groups;
        println!("{ratio:>28.1} times as many, {per_group} changes a sync\n");
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    println!("median ratio {:.1}", ratios[ROUNDS / 2]);
    Ok(())
}

/// Lets threads commit for a while, each as soon as its last commit is durable.
fn writers(
    committer: &Arc<Committer<Counting>>,
    threads: usize,
    time: Duration,
) -> Result<Measured, Box<dyn Error>> {
    let stop = Arc::new(AtomicBool::new(false));
    let start = Instant::now();
    let threads: Vec<_> = (0..threads)
        .map(|_| {
            let (committer, stop) = (Arc::clone(committer), Arc::clone(&stop));
            thread::spawn(move || {
                let mut latencies = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let begin = Instant::now();
                    committer
                        .commit([7; PAYLOAD_OCTETS])
                        .map_err(|error| error.to_string())?;
                    latencies.push(begin.elapsed());
                }
                Ok::<_, String>(latencies)
            })
        })
        .collect();
    thread::sleep(time);
    stop.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    for thread in threads {
        latencies.extend(thread.join().map_err(|_| "a writer panicked")??);
    }
    let count = f64::from(u32::try_from(latencies.len())?);
    let rate = count / start.elapsed().as_secs_f64();
    Ok(Measured { latencies, rate })
}

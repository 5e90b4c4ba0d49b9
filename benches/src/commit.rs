//! Durable changes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::bail;
use leasebook_store::storage::{Disk, RealDisk};
use leasebook_store::{Binding, Book, BookOptions, Change, LeaseStore};

use crate::disk::SteadyDisk;
use crate::field::{load_average, median};
use crate::fixture::sample;

/// Writers at once.
const WRITERS: u32 = 64;

/// More than all changes take, so that no checkpoint falls into the measurement.
const OVERLAY_OCTETS: usize = 4 << 30;

/// One writer, a sync for each change, against many that share syncs.
pub(crate) fn group(changes: u32, rounds: u32) -> anyhow::Result<()> {
    println!("commit: each change is on stable storage before it is acknowledged");
    let quick: Arc<dyn Disk> = Arc::new(SteadyDisk::quick());
    let own: Arc<dyn Disk> = Arc::new(RealDisk);
    on("a disk that syncs in 0.1 ms", &quick, changes, rounds)?;
    on("this machine's disk", &own, changes / 4, rounds)?;
    println!("  ratio: medians of {rounds} rounds of both in turns (goal 10 or more)\n");
    Ok(())
}

fn on(name: &str, disk: &Arc<dyn Disk>, changes: u32, rounds: u32) -> anyhow::Result<()> {
    let (mut alone, mut together) = (Written::default(), Written::default());
    let mut ratios = Vec::new();
    for _ in 0..rounds {
        let dir = tempfile::tempdir()?;
        let book = empty(dir.path(), Arc::clone(disk))?;
        let one = write(&book, 1, (changes / 50).max(20))?;
        let many = write(&book, WRITERS, changes)?;
        ratios.push(many.rate() / one.rate());
        alone.add(one);
        together.add(many);
    }
    println!("  on {name}, load average {}", load_average());
    println!(
        "    one writer, one sync each  {:>9.0}/s, {}",
        alone.rate(),
        alone.spread()
    );
    println!(
        "    {WRITERS} writers, shared syncs {:>9.0}/s, {}",
        together.rate(),
        together.spread()
    );
    println!("    ratio {:.1}", median(&ratios));
    Ok(())
}

fn empty(data: &Path, disk: Arc<dyn Disk>) -> anyhow::Result<Book> {
    let options = BookOptions {
        overlay_octets: OVERLAY_OCTETS,
        ..BookOptions::default()
    };
    Ok(Book::open_on(data, disk, options, 1)?.0)
}

/// How writing went.
#[derive(Default)]
pub(crate) struct Written {
    took: Duration,
    /// In order.
    waits: Vec<Duration>,
}

impl Written {
    /// Takes in another round.
    pub(crate) fn add(&mut self, other: Self) {
        self.took += other.took;
        self.waits.extend(other.waits);
        self.waits.sort_unstable();
    }

    fn rate(&self) -> f64 {
        f64::from(u32::try_from(self.waits.len()).unwrap_or(u32::MAX)) / self.took.as_secs_f64()
    }

    /// What so many in a thousand waited at most.
    pub(crate) fn at(&self, permille: usize) -> Duration {
        let at = self.waits.len() * permille / 1000;
        let at = at.min(self.waits.len().saturating_sub(1));
        self.waits.get(at).copied().unwrap_or_default()
    }

    pub(crate) fn spread(&self) -> String {
        format!(
            "p50 {:.2?}, p90 {:.2?}, p99 {:.2?}, p99.9 {:.2?}, max {:.2?}",
            self.at(500),
            self.at(900),
            self.at(990),
            self.at(999),
            self.at(1000)
        )
    }
}

/// `writers` threads make `changes` changes, each of a client of its own.
pub(crate) fn write(book: &Book, writers: u32, changes: u32) -> anyhow::Result<Written> {
    let each = changes.div_ceil(writers);
    // Made before: it is the book that is measured.
    let bindings = (0..writers).map(|_| (0..each).map(|_| fresh()).collect());
    let bindings: Vec<Vec<Binding>> = bindings.collect::<Option<_>>().unwrap_or_default();
    let began = Instant::now();
    let mut waits = std::thread::scope(|scope| {
        let threads: Vec<_> = bindings
            .into_iter()
            .map(|bindings| {
                scope.spawn(move || -> anyhow::Result<Vec<Duration>> {
                    let commit = |binding| {
                        let began = Instant::now();
                        book.commit(vec![Change::Put(binding)])?;
                        Ok(began.elapsed())
                    };
                    bindings.into_iter().map(commit).collect()
                })
            })
            .collect();
        let mut waits = Vec::new();
        for thread in threads {
            match thread.join() {
                Ok(some) => waits.extend(some?),
                Err(_) => bail!("a writer's thread ended early"),
            }
        }
        Ok(waits)
    })?;
    let took = began.elapsed();
    waits.sort_unstable();
    Ok(Written { took, waits })
}

/// A binding of a client that no other call gave.
fn fresh() -> Option<Binding> {
    static NEXT: AtomicU32 = AtomicU32::new(1 << 23);
    sample(1).binding(0, NEXT.fetch_add(1, Ordering::Relaxed))
}

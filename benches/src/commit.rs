//! Durable changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::bail;
use leasebook_store::{Book, Change, Cursor, Flow, LeaseStore, Links, Query, Selector};

use crate::fixture::{fill, now, sample};

/// Writers at once.
const WRITERS: u32 = 64;

/// One writer, a sync for each change, against many that share syncs.
pub(crate) fn group(changes: u32) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let book = fill(dir.path(), 1)?;
    let alone = write(&book, 1, (changes / 50).max(20))?;
    let together = write(&book, WRITERS, changes)?;
    println!("commit: each change is on stable storage before it is acknowledged");
    println!(
        "  one writer, one sync each  {:>9.0}/s, {}",
        alone.rate,
        alone.spread()
    );
    println!(
        "  {WRITERS} writers, shared syncs {:>9.0}/s, {}",
        together.rate,
        together.spread()
    );
    println!(
        "  ratio {:.1} (goal 10 or more)\n",
        together.rate / alone.rate
    );
    Ok(())
}

/// What a writer waits while the whole book is streamed again and again, against alone.
pub(crate) fn beside_streaming(bindings: u32, changes: u32) -> anyhow::Result<()> {
    const FEW: u32 = 8;
    let dir = tempfile::tempdir()?;
    let book = Arc::new(fill(dir.path(), bindings)?);
    let alone = write(&book, FEW, changes)?;
    let stop = AtomicBool::new(false);
    let streamed = std::thread::scope(|scope| {
        let reader = scope.spawn(|| stream(&book, &stop));
        let written = write(&book, FEW, changes);
        stop.store(true, Ordering::Relaxed);
        match reader.join() {
            Ok(Ok(streamed)) => written.map(|written| (written, streamed)),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => bail!("the reading thread ended early"),
        }
    })?;
    let (beside, scanned) = streamed;
    println!(
        "beside streaming: {FEW} writers on a book of {bindings}, alone and while it is scanned without pause"
    );
    println!("  alone          {}", alone.spread());
    println!(
        "  while scanned  {} ({scanned} records told meanwhile)",
        beside.spread()
    );
    println!(
        "  p99 ratio {:.2} (goal 1.1 or less)\n",
        beside.at(99).as_secs_f64() / alone.at(99).as_secs_f64()
    );
    Ok(())
}

/// Scans and copies, as a bulk reply does, until told to stop.
fn stream(book: &Book, stop: &AtomicBool) -> Result<u64, leasebook_store::StoreError> {
    let mut told = 0;
    let mut out: Vec<u8> = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let query = Query {
            selector: Selector::All,
            links: Links::Any,
        };
        let mut cursor = Cursor::new(query, book.last_seq());
        while !cursor.is_done() && !stop.load(Ordering::Relaxed) {
            out.clear();
            book.scan(&mut cursor, now(), &mut |run| {
                told += run.len() as u64;
                out.extend_from_slice(run.frames());
                if out.len() < 128 * 1024 {
                    Flow::Continue
                } else {
                    Flow::Stop
                }
            })?;
        }
    }
    Ok(told)
}

/// How writing went.
struct Written {
    rate: f64,
    waits: Vec<Duration>,
}

impl Written {
    fn at(&self, percent: usize) -> Duration {
        let at = (self.waits.len() * percent / 100).min(self.waits.len().saturating_sub(1));
        self.waits.get(at).copied().unwrap_or_default()
    }

    fn spread(&self) -> String {
        format!(
            "p50 {:.2?}, p99 {:.2?}, max {:.2?}",
            self.at(50),
            self.at(99),
            self.at(100)
        )
    }
}

/// `writers` threads make `changes` changes, each of a client of its own.
fn write(book: &Book, writers: u32, changes: u32) -> anyhow::Result<Written> {
    static NEXT: AtomicU32 = AtomicU32::new(1 << 23);
    let began = Instant::now();
    let mut waits = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..writers)
            .map(|_| {
                scope.spawn(move || -> anyhow::Result<Vec<Duration>> {
                    (0..changes / writers)
                        .map(|_| {
                            let client = NEXT.fetch_add(1, Ordering::Relaxed);
                            let Some(binding) = sample(1).binding(0, client) else {
                                bail!("no such sample");
                            };
                            let began = Instant::now();
                            book.commit(vec![Change::Put(binding)])?;
                            Ok(began.elapsed())
                        })
                        .collect()
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
    let rate = f64::from(u32::try_from(waits.len())?) / began.elapsed().as_secs_f64();
    waits.sort_unstable();
    Ok(Written { rate, waits })
}

//! What writers wait while the book is streamed.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::bail;
use leasebook_protocol::requestor::Question;
use leasebook_store::storage::{Disk, RealDisk};
use leasebook_store::{Book, BookOptions, Selector};

use crate::bulk::{Asked, send};
use crate::commit::{Written, write};
use crate::disk::SteadyDisk;
use crate::field::{load_average, median};
use crate::fixture::{CHUNK_OCTETS, Served, copy_frames, fill};

/// Writers at once.
const WRITERS: u32 = 8;

/// What an octet takes on a line of 1 Gbit/s, in nanoseconds.
const LINE_NANOSECONDS: u64 = 8;

/// The requestor is a thread of this process, though its place is another machine: it takes
/// what the others leave.
const NICEST: i32 = 19;

/// What goes on beside the writers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    /// The server streams to a requestor that takes so many nanoseconds for an octet, at least.
    Server(u64),
    /// A thread scans and copies without pause and without a socket.
    Scan,
    /// Two threads count and touch nothing of the book: what it costs that both processors are
    /// wanted, as by server and requestor.
    Count,
}

/// What a writer waits while the whole book is streamed again and again, against alone: on the
/// machine's disk, and on one of which no other work takes anything.
pub(crate) fn streaming(bindings: u32, changes: u32, rounds: u32) -> anyhow::Result<()> {
    let disks: [(&str, Arc<dyn Disk>); 2] = [
        ("a disk that syncs in 0.1 ms", Arc::new(SteadyDisk::quick())),
        ("this machine's disk", Arc::new(RealDisk)),
    ];
    for (name, disk) in disks {
        let dir = tempfile::tempdir()?;
        let data = dir.path().join("data");
        fill(&data, bindings)?.close()?;
        let (book, _) = Book::open_on(&data, disk, BookOptions::default(), 1)?;
        let served = Served::of(book, bindings, dir)?;
        println!(
            "beside streaming: {WRITERS} writers on a book of {bindings} on {name}, {rounds} rounds of all in turns, load average {}",
            load_average()
        );
        all_ways(&served, changes, rounds)?;
    }
    println!("  p99 ratio: of all rounds together, over alone (goal 1.1 or less)\n");
    Ok(())
}

fn all_ways(served: &Served, changes: u32, rounds: u32) -> anyhow::Result<()> {
    let ways = [
        ("alone", Beside::Nothing),
        (
            "server to a line of 1 Gbit/s",
            Beside::Server(LINE_NANOSECONDS),
        ),
        ("server to loopback", Beside::Server(0)),
        ("scan without pause", Beside::Scan),
        ("two threads that only count", Beside::Count),
    ];
    let mut all = ways.map(|_| (Written::default(), Vec::new()));
    for _ in 0..rounds {
        for ((_, beside), (written, told)) in ways.iter().zip(&mut all) {
            let began = Instant::now();
            let (round, records) = one(served, changes, *beside)?;
            let thousands = u32::try_from(records / 1000).unwrap_or(u32::MAX);
            told.push(f64::from(thousands) / 1000.0 / began.elapsed().as_secs_f64());
            written.add(round);
        }
    }
    let alone = all[0].0.at(990).as_secs_f64();
    for ((name, _), (written, told)) in ways.iter().zip(&all) {
        println!(
            "  {name:<29} {}; {:.1} M/s told; p99 ratio {:.2}",
            written.spread(),
            median(told),
            written.at(990).as_secs_f64() / alone
        );
    }
    Ok(())
}

/// Writes while something goes on beside; says how many records were told there.
fn one(served: &Served, changes: u32, beside: Beside) -> anyhow::Result<(Written, u64)> {
    let (stop, told) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| match beside {
            Beside::Nothing => Ok(()),
            Beside::Server(nanoseconds) => read(served, nanoseconds, &stop, &told),
            Beside::Scan => scan(served, &stop, &told),
            Beside::Count => {
                count(&stop);
                Ok(())
            }
        });
        if beside == Beside::Count {
            scope.spawn(|| count_nicely(&stop));
        }
        let written = write(&served.book, WRITERS, changes);
        stop.store(true, Ordering::Relaxed);
        match reader.join() {
            Ok(Ok(())) => Ok((written?, told.load(Ordering::Relaxed))),
            Ok(Err(error)) => Err(error),
            Err(_) => bail!("the reading thread ended early"),
        }
    })
}

fn count(stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        std::hint::spin_loop();
    }
}

/// As the requestor, which has the lowest rank.
fn count_nicely(stop: &AtomicBool) {
    let _ = rustix::process::nice(NICEST);
    count(stop);
}

/// Asks for the whole book again and again, and reads no faster than the line.
fn read(
    served: &Served,
    nanoseconds: u64,
    stop: &AtomicBool,
    told: &AtomicU64,
) -> anyhow::Result<()> {
    let _ = rustix::process::nice(NICEST);
    let address = leasebook::sample::Sample::link_address(0);
    let asked = Asked::plain(Question::LinkAddress(address));
    let mut inbox = vec![0; CHUNK_OCTETS];
    while !stop.load(Ordering::Relaxed) {
        let (mut stream, began) = send(served, &asked)?;
        let mut octets = 0;
        while !stop.load(Ordering::Relaxed) {
            let count = stream.read(&mut inbox)?;
            octets += count as u64;
            told.fetch_add(count as u64 / FRAME_OCTETS, Ordering::Relaxed);
            if inbox.get(..count).is_some_and(ends_with_done) {
                break;
            }
            let due = Duration::from_nanos(octets * nanoseconds);
            if let Some(wait) = due.checked_sub(began.elapsed()) {
                std::thread::sleep(wait);
            }
        }
    }
    Ok(())
}

/// Octets of a binding of the sample on the wire.
const FRAME_OCTETS: u64 = 90;

/// Whether these octets end with a DONE that says nothing else.
fn ends_with_done(octets: &[u8]) -> bool {
    octets.ends_with(&[0, 4, 16, 1, 2, 3])
}

/// Scans and copies, as a bulk reply does, until told to stop.
fn scan(served: &Served, stop: &AtomicBool, told: &AtomicU64) -> anyhow::Result<()> {
    let is_on = || !stop.load(Ordering::Relaxed);
    let mut out = Vec::new();
    while is_on() {
        copy_frames(&served.book, Selector::All, &mut out, &mut |records| {
            told.fetch_add(records, Ordering::Relaxed);
            is_on()
        })?;
    }
    Ok(())
}

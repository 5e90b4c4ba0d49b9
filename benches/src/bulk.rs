//! Streaming over TCP.

use std::io::{Read as _, Write as _};
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use leasebook::sample::Sample;
use leasebook::serve::THREADS;
use leasebook_protocol::leasequery::connection::{Connection, FillState};
use leasebook_protocol::requestor::{Ask, Config, Question};
use leasebook_protocol::{Mono, Now, leasequery};
use leasebook_store::Selector;
use leasebook_wire::code::OptionCode;
use leasebook_wire::{Deframer, Duid, RemoteId, Xid};

use crate::field::{load_average, median};
use crate::fixture::{CHUNK_OCTETS, SERVER_ID, Served, copy_frames, links, now, sample};
use crate::machine::{own_processor_time, processor_time};

/// Octets read at once.
const READ_OCTETS: usize = 256 * 1024;

/// A question, and whether relay data is asked for with it, as a relay in recovery does.
pub(crate) struct Asked {
    question: Question,
    relay_data: bool,
}

impl Asked {
    pub(crate) fn plain(question: Question) -> Self {
        Self {
            question,
            relay_data: false,
        }
    }
}

/// What one reply was.
struct Took {
    octets: usize,
    first: Duration,
    all: Duration,
}

/// Times of one way to move a whole book: on the wall, and of the processor that sends.
#[derive(Default)]
struct Times {
    wall: Vec<Duration>,
    processor: Vec<Duration>,
}

impl Times {
    /// Takes note of a round that took `wall`, and of the sender's processor time in it.
    fn note(&mut self, wall: Duration, processor: Duration) {
        self.wall.push(wall);
        self.processor.push(processor);
    }
}

/// Streams the whole book by each key, against a replay of the very same octets.
pub(crate) fn stream(served: &Served, rounds: u32) -> anyhow::Result<()> {
    println!(
        "bulk: {} bindings, one requestor that only reads; medians of {rounds} rounds, load average {}",
        served.clients,
        load_average()
    );
    println!(
        "  {:<13} {:>9} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8} {:>8}   {:>20}",
        "query",
        "stream",
        "replay",
        "machine",
        "scan",
        "/replay",
        "scan/",
        "scan/mc",
        "scan/rp",
        "ns: stream replay"
    );
    for (name, question, selector) in questions(served.clients)? {
        let reply = record(served, &question)?;
        let [mut streams, mut replays, mut machines, mut scans] =
            std::array::from_fn(|_| Times::default());
        for _ in 0..rounds {
            let (wall, processor) = replay(&reply)?;
            replays.note(wall, processor);
            let before = processor_time(THREADS);
            let took = ask(served, &question, reply.len())?;
            let processor = processor_time(THREADS).saturating_sub(before);
            streams.note(took.all, processor);
            let took = machine(served, &question, reply.len())?;
            machines.note(took, took);
            let took = scan(served, &selector)?;
            scans.note(took, took);
        }
        let clients = f64::from(served.clients);
        let rate = |times: &Times| clients / median(&times.wall).as_secs_f64() / 1e6;
        let (stream, replay) = (rate(&streams), rate(&replays));
        let (machine, scan) = (rate(&machines), rate(&scans));
        let cost = |times: &Times| median(&times.processor).as_secs_f64() * 1e9 / clients;
        println!(
            "  {name:<13} {stream:>7.2} M {replay:>7.2} M {machine:>7.2} M {scan:>7.2} M {:>8.2} {:>8.2} {:>8.2} {:>8.2}   {:>13.0} {:>6.0}",
            stream / replay,
            scan / stream,
            scan / machine,
            scan / replay,
            cost(&streams),
            cost(&replays),
        );
    }
    println!(
        "  bindings a second; /replay: our stream over a replay of the same octets on the same kind of socket (goal 0.5 or more);"
    );
    println!(
        "  machine: the same answer into a buffer instead of a socket; scan: copying the frames and no more;"
    );
    println!(
        "  scan/, scan/mc, scan/rp: how much longer stream, machine and replay take than the scan (goal 1.5 or less for the"
    );
    println!(
        "  first, which cannot be less than the last); ns: processor time of the sending thread for a binding\n"
    );
    Ok(())
}

/// Ten requestors at once, against one.
pub(crate) fn many(served: &Served, rounds: u32) -> anyhow::Result<()> {
    const REQUESTORS: u32 = 10;
    let question = Asked::plain(Question::RelayId(Duid::new(&Sample::relay_id(0))?));
    let octets = record(served, &question)?.len();
    let (mut ones, mut tens, mut spreads) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        ones.push(ask(served, &question, octets)?.all);
        let began = Instant::now();
        let times = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..REQUESTORS)
                .map(|_| scope.spawn(|| ask(served, &question, octets)))
                .collect();
            threads
                .into_iter()
                .map(|thread| match thread.join() {
                    Ok(took) => took.map(|took| took.all),
                    Err(_) => bail!("a requestor's thread ended early"),
                })
                .collect::<anyhow::Result<Vec<_>>>()
        })?;
        tens.push(began.elapsed());
        let (fast, slow) = (times.iter().min(), times.iter().max());
        if let (Some(fast), Some(slow)) = (fast, slow) {
            spreads.push(slow.as_secs_f64() / fast.as_secs_f64());
        }
    }
    spreads.sort_by(f64::total_cmp);
    let rate = |count: u32, time: Duration| {
        f64::from(count) * f64::from(served.clients) / time.as_secs_f64() / 1e6
    };
    let (one, ten) = (rate(1, median(&ones)), rate(REQUESTORS, median(&tens)));
    println!(
        "many: {REQUESTORS} requestors at once, each the whole book of {}; medians of {rounds} rounds",
        served.clients
    );
    println!(
        "  one alone {one:.2} M/s, {REQUESTORS} together {ten:.2} M/s: ratio {:.2} (goal 1 or more)",
        ten / one
    );
    println!(
        "  slowest over fastest of the {REQUESTORS}: {:.2}\n",
        spreads.get(spreads.len() / 2).copied().unwrap_or(0.0)
    );
    Ok(())
}

/// Time to the first octet of the answer about one client, and of the whole book's.
pub(crate) fn first(served: &Served) -> anyhow::Result<[Duration; 2]> {
    let client = Asked::plain(Question::ClientId(Duid::new(&Sample::client_id(
        0,
        served.clients / 2,
    ))?));
    let relay = Asked::plain(Question::RelayId(Duid::new(&Sample::relay_id(0))?));
    let mut medians = [Duration::ZERO; 2];
    for (median_of, question) in medians.iter_mut().zip([client, relay]) {
        let times = (0..21)
            .map(|_| Ok(ask_first(served, &question)?.first))
            .collect::<anyhow::Result<Vec<_>>>()?;
        *median_of = median(&times);
    }
    Ok(medians)
}

fn questions(clients: u32) -> anyhow::Result<Vec<(&'static str, Asked, Selector)>> {
    let relay = Sample::relay_id(0);
    let remote = sample(clients).remote_id(0, 0);
    let (enterprise, id) = remote.split_at(4);
    let enterprise = u32::from_be_bytes(enterprise.try_into()?);
    let relay_question = Question::RelayId(Duid::new(&relay)?);
    Ok(vec![
        (
            "relay-id",
            Asked::plain(relay_question.clone()),
            Selector::RelayId(relay.clone()),
        ),
        (
            "relay-id +47",
            Asked {
                question: relay_question,
                relay_data: true,
            },
            Selector::RelayId(relay),
        ),
        (
            "link-address",
            Asked::plain(Question::LinkAddress(Sample::link_address(0))),
            Selector::All,
        ),
        (
            "remote-id",
            Asked::plain(Question::RemoteId(RemoteId::new(enterprise, id)?)),
            Selector::RemoteId(remote),
        ),
    ])
}

/// One query, read to its DONE; the octets must be as many as before.
fn ask(served: &Served, question: &Asked, octets: usize) -> anyhow::Result<Took> {
    let (mut stream, began) = send(served, question)?;
    let took = read(&mut stream, began, octets)?;
    Ok(took)
}

/// One query whose first octets alone are waited for.
fn ask_first(served: &Served, question: &Asked) -> anyhow::Result<Took> {
    let (mut stream, began) = send(served, question)?;
    read(&mut stream, began, 1)
}

pub(crate) fn send(served: &Served, question: &Asked) -> anyhow::Result<(TcpStream, Instant)> {
    let query = compose(question)?;
    let mut stream = TcpStream::connect(served.address)?;
    stream.set_nodelay(true)?;
    let began = Instant::now();
    stream.write_all(&query)?;
    Ok((stream, began))
}

fn compose(question: &Asked) -> anyhow::Result<Vec<u8>> {
    let mut query = Vec::new();
    let mut config = Config::new(Duid::new(&[0, 3, 0, 1, 2, 9])?);
    config.wanted = Vec::new();
    if question.relay_data {
        config.wanted.push(OptionCode::LQ_RELAY_DATA);
    }
    Ask::everywhere(question.question.clone()).compose(Xid([1, 2, 3]), &config, &mut query)?;
    Ok(query)
}

/// Reads until `octets` are there.
fn read(stream: &mut TcpStream, began: Instant, octets: usize) -> anyhow::Result<Took> {
    let mut inbox = vec![0; READ_OCTETS];
    let mut took = Took {
        octets: 0,
        first: Duration::ZERO,
        all: Duration::ZERO,
    };
    while took.octets < octets {
        let count = stream.read(&mut inbox)?;
        if count == 0 {
            bail!("the stream ended after {} of {octets} octets", took.octets);
        }
        if took.octets == 0 {
            took.first = began.elapsed();
        }
        took.octets += count;
    }
    took.all = began.elapsed();
    Ok(took)
}

/// All octets of a reply, checked to have each binding once.
fn record(served: &Served, question: &Asked) -> anyhow::Result<Vec<u8>> {
    let (mut stream, _) = send(served, question)?;
    let mut reply = Vec::new();
    let mut inbox = vec![0; READ_OCTETS];
    let mut deframer = Deframer::new();
    let mut messages = 0u32;
    loop {
        let count = stream.read(&mut inbox)?;
        if count == 0 {
            bail!("the server ended the connection after {messages} messages");
        }
        reply.extend_from_slice(&inbox[..count]);
        let mut input = &inbox[..count];
        while let Some(message) = deframer.next(&mut input) {
            if message.first() == Some(&16) {
                if messages != served.clients {
                    bail!(
                        "{messages} bindings came, {} are in the book",
                        served.clients
                    );
                }
                return Ok(reply);
            }
            messages += 1;
        }
    }
}

/// The limit: a thread that writes the same octets, and a reader. How long it took, and how much
/// processor time the writer had.
fn replay(reply: &[u8]) -> anyhow::Result<(Duration, Duration)> {
    let listener = TcpListener::bind("[::1]:0")?;
    let address = listener.local_addr()?;
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || -> anyhow::Result<Duration> {
            let (mut stream, _) = listener.accept()?;
            stream.set_nodelay(true)?;
            // As the server does: begin when asked.
            stream.read_exact(&mut [0])?;
            let before = own_processor_time();
            for chunk in reply.chunks(CHUNK_OCTETS) {
                stream.write_all(chunk)?;
            }
            Ok(own_processor_time().saturating_sub(before))
        });
        let mut stream = TcpStream::connect(address)?;
        let began = Instant::now();
        stream.write_all(&[1])?;
        let took = read(&mut stream, began, reply.len())?.all;
        match writer.join() {
            Ok(processor) => processor.map(|processor| (took, processor)),
            Err(_) => bail!("the replaying thread ended early"),
        }
    })
}

/// The protocol's machine without a socket: the same answer, made into a buffer and forgotten.
fn machine(served: &Served, question: &Asked, octets: usize) -> anyhow::Result<Duration> {
    let query = compose(question)?;
    let config = leasequery::config::Config::new(Duid::new(SERVER_ID)?);
    let config = Arc::new(config);
    let links = Arc::new(links());
    let began = Instant::now();
    let now = || Now {
        mono: Mono::default().after(began.elapsed()),
        wall: now(),
    };
    let mut connection = Connection::new(config, links, Ipv6Addr::LOCALHOST.into(), now());
    connection.octets(now(), &query);
    let (mut out, mut made) = (Vec::new(), 0);
    while made < octets {
        out.clear();
        if connection.fill(now(), &*served.book, &mut out) == FillState::Idle && out.is_empty() {
            bail!("the answer ended after {made} of {octets} octets");
        }
        made += out.len();
        connection.sent(now(), out.len());
    }
    Ok(began.elapsed())
}

/// A scan that copies what would be sent and does nothing else.
fn scan(served: &Served, selector: &Selector) -> anyhow::Result<Duration> {
    let mut out = Vec::with_capacity(2 * CHUNK_OCTETS);
    let began = Instant::now();
    copy_frames(&served.book, selector.clone(), &mut out, &mut |_| true)?;
    Ok(began.elapsed())
}

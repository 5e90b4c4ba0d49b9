//! A server that plays a recorded reply, and the program that asks it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::Value;

/// The CLIENTID of the recorded conversations.
pub(super) const CLIENT_ID: &str = "00:03:00:01:02:00:00:00:00:99";

/// Recorded octets, such as `kea-3.3.1/by-relay-id.reply`.
pub(super) fn recorded(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(format!("{name}.bin"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The messages of a stream, each with its size.
pub(super) fn frames(mut octets: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let [high, low, ..] = octets {
        let size = 2 + usize::from(u16::from_be_bytes([*high, *low]));
        let (frame, rest) = octets.split_at(size);
        frames.push(frame.to_vec());
        octets = rest;
    }
    frames
}

/// The stream with every transaction-id replaced.
pub(super) fn with_xid(octets: &[u8], xid: &[u8]) -> Vec<u8> {
    let mut frames = frames(octets);
    for frame in &mut frames {
        frame[3..6].copy_from_slice(xid);
    }
    frames.concat()
}

/// What a server does with one connection, once it has the query.
#[derive(Clone, Debug)]
pub(super) enum Play {
    /// Sends all, in pieces of so many octets, and waits for the other side to close.
    All(Vec<u8>, usize),
    /// Sends so many octets of it and closes.
    Cut(Vec<u8>, usize),
    /// Sends so many octets of it and falls silent.
    Stall(Vec<u8>, usize),
}

/// A server on a port of its own; it plays one part for each connection, in order.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    queries: Receiver<(SocketAddr, Vec<u8>)>,
}

impl Server {
    pub(super) fn play(plays: Vec<Play>) -> Self {
        let listener = TcpListener::bind("[::1]:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (sender, queries) = channel();
        thread::spawn(move || {
            for play in plays {
                let Ok((mut stream, from)) = listener.accept() else {
                    return;
                };
                let Some(query) = read_query(&mut stream) else {
                    continue;
                };
                // The test may have ended, or the program closed: both are fine.
                let _ = sender.send((from, query.clone()));
                let _ = perform(&mut stream, &play, &query[3..6]);
            }
        });
        Self { address, queries }
    }

    /// A server that plays a recorded reply once.
    pub(super) fn of(name: &str) -> Self {
        Self::play(vec![Play::All(recorded(name), usize::MAX)])
    }

    /// The next query it was sent, and from where.
    pub(super) fn query(&self) -> (SocketAddr, Vec<u8>) {
        self.queries
            .recv_timeout(std::time::Duration::from_secs(20))
            .expect("a query")
    }
}

/// One framed query, whole.
fn read_query(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut query = vec![0; 2];
    stream.read_exact(&mut query).ok()?;
    let size = usize::from(u16::from_be_bytes([query[0], query[1]]));
    query.resize(2 + size, 0);
    stream.read_exact(&mut query[2..]).ok()?;
    Some(query)
}

fn perform(stream: &mut TcpStream, play: &Play, xid: &[u8]) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    match play {
        Play::All(octets, piece) => {
            for piece in with_xid(octets, xid).chunks(*piece) {
                stream.write_all(piece)?;
            }
        }
        Play::Cut(octets, count) => {
            stream.write_all(&with_xid(octets, xid)[..*count])?;
            return stream.shutdown(Shutdown::Write);
        }
        Play::Stall(octets, count) => stream.write_all(&with_xid(octets, xid)[..*count])?,
    }
    // Until the other side closes.
    stream.read_to_end(&mut Vec::new()).map(|_| ())
}

/// How the program ended and what it said.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

impl Ran {
    /// The objects of a JSON result, without the server's name, which differs from run to run.
    pub(super) fn objects(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| {
                let mut object: Value = serde_json::from_str(line).expect("an object a line");
                object.as_object_mut().expect("an object").remove("server");
                object
            })
            .collect()
    }

    /// Every lease of a JSON result.
    pub(super) fn leases(&self) -> Vec<Value> {
        self.objects()
            .iter()
            .flat_map(|object| object["leases"].as_array().expect("leases").clone())
            .collect()
    }
}

/// The program, asking; servers first, then the rest.
pub(super) fn command(servers: &[&Server], rest: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leasebook"));
    command
        .arg("query")
        .args(servers.iter().map(|server| server.address.to_string()))
        .args(rest)
        .args(["--client-id", CLIENT_ID])
        .stdin(Stdio::null());
    command
}

pub(super) fn ask(servers: &[&Server], rest: &[&str]) -> Ran {
    command(servers, rest)
        .output()
        .expect("the program runs")
        .into()
}

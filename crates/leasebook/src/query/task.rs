//! One server: the socket around a requestor's machine.
//!
//! ```text
//!   machine ── poll ──► connect, write, close
//!      ▲
//!      └── handle ◄── connected, octets, written, closed, timer, stop
//! ```

use std::future::pending;
use std::io;

use leasebook_protocol::requestor::{Action, Input};
use leasebook_protocol::{Mono, Now};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::connect::Route;
use crate::clock::Clock;

/// Octets read at once: large enough that a fast reply costs few system calls.
const READ_OCTETS: usize = 256 * 1024;

/// What asks a server, and does something with the answers.
pub(crate) trait Machine {
    /// Takes what happened.
    fn take(&mut self, now: Now, input: Input<'_>);
    /// The next thing to do with the socket.
    fn poll(&mut self) -> Option<Action>;
    /// When [`Input::Timer`] is due.
    fn deadline(&self) -> Option<Mono>;
    /// Whether nothing more will come of it.
    fn is_finished(&self) -> bool;
}

/// What is needed to ask one server.
pub(crate) struct Task<M> {
    /// The machine, with its queries asked.
    pub(crate) machine: M,
    /// The way to the server.
    pub(crate) route: Route,
    /// Turns true when no more is wanted.
    pub(crate) stop: watch::Receiver<bool>,
    /// The clocks.
    pub(crate) clock: Clock,
}

/// A connection attempt under way.
type Attempt = JoinHandle<Result<tokio::net::TcpStream, String>>;

/// The connection, if there is one.
#[derive(Default)]
struct Socket {
    attempt: Option<Attempt>,
    read: Option<OwnedReadHalf>,
    write: Option<OwnedWriteHalf>,
    outbox: Vec<u8>,
    /// The sending side is to be ended once the outbox is empty.
    is_last: bool,
}

/// What happened.
enum Happening {
    Attempted(Result<tokio::net::TcpStream, String>),
    Read(io::Result<usize>),
    Wrote(io::Result<usize>),
    Timer,
    Stop,
}

impl<M: Machine> Task<M> {
    /// Asks until all is answered or given up; the machine as it is then.
    pub(crate) async fn run(mut self) -> M {
        let mut socket = Socket::default();
        let mut buffer = vec![0; READ_OCTETS];
        loop {
            while let Some(action) = self.machine.poll() {
                socket.act(action, &self.route);
            }
            if self.machine.is_finished() {
                return self.machine;
            }
            let deadline = self.machine.deadline().map(|at| self.clock.instant(at));
            let happening = tokio::select! {
                stop = self.stop.wait_for(|stop| *stop) => {
                    // The sender lives as long as the tasks; without it nothing is wanted either.
                    let _ = stop;
                    Happening::Stop
                }
                attempted = attempt(&mut socket.attempt) => Happening::Attempted(attempted),
                read = read(&mut socket.read, &mut buffer) => Happening::Read(read),
                wrote = write(&mut socket.write, &socket.outbox) => Happening::Wrote(wrote),
                () = sleep_until(deadline) => Happening::Timer,
            };
            self.happened(happening, &mut socket, &mut buffer).await;
        }
    }

    async fn happened(&mut self, happening: Happening, socket: &mut Socket, buffer: &mut [u8]) {
        match happening {
            Happening::Stop => self.tell(Input::Stop),
            Happening::Attempted(Ok(stream)) => {
                socket.open(stream);
                self.tell(Input::Connected);
            }
            Happening::Attempted(Err(reason)) => self.tell(Input::ConnectFailed(&reason)),
            Happening::Read(result) => self.was_read(result, buffer),
            Happening::Wrote(Ok(octets)) => {
                socket.outbox.drain(..octets);
                self.tell(Input::Sent(octets));
                if let Err(error) = socket.end_if_last().await {
                    self.tell(Input::Broken(&error.to_string()));
                }
            }
            Happening::Wrote(Err(error)) => self.tell(Input::Broken(&error.to_string())),
            Happening::Timer => {
                // If we were held up ourselves, say by a slow reader of our output, octets may
                // wait in the socket: then it was not the server that was silent.
                let waiting = socket.read.as_ref().map(|half| half.try_read(buffer));
                match waiting {
                    Some(Ok(octets)) => self.was_read(Ok(octets), buffer),
                    _ => self.tell(Input::Timer),
                }
            }
        }
    }

    fn was_read(&mut self, result: io::Result<usize>, buffer: &[u8]) {
        match result {
            Ok(0) => self.tell(Input::PeerClosed),
            Ok(octets) => self.tell(Input::Octets(buffer.get(..octets).unwrap_or(buffer))),
            Err(error) => self.tell(Input::Broken(&error.to_string())),
        }
    }

    fn tell(&mut self, input: Input<'_>) {
        self.machine.take(self.clock.now(), input);
    }
}

impl Socket {
    fn act(&mut self, action: Action, route: &Route) {
        match action {
            Action::Connect => {
                let route = route.clone();
                self.attempt = Some(tokio::spawn(async move { route.connect().await }));
            }
            Action::Send(octets) => self.outbox.extend_from_slice(&octets),
            Action::CloseSending => self.is_last = true,
            Action::Close => {
                if let Some(attempt) = self.attempt.take() {
                    attempt.abort();
                }
                *self = Self::default();
            }
        }
    }

    fn open(&mut self, stream: tokio::net::TcpStream) {
        let (read, write) = stream.into_split();
        self.read = Some(read);
        self.write = Some(write);
    }

    async fn end_if_last(&mut self) -> io::Result<()> {
        if self.is_last
            && self.outbox.is_empty()
            && let Some(mut write) = self.write.take()
        {
            write.shutdown().await?;
        }
        Ok(())
    }
}

/// Waits for the attempt under way, which is none any more then.
async fn attempt(attempt: &mut Option<Attempt>) -> Result<tokio::net::TcpStream, String> {
    let Some(under_way) = attempt else {
        return pending().await;
    };
    let attempted = under_way
        .await
        .unwrap_or_else(|error| Err(format!("the attempt was given up: {error}")));
    *attempt = None;
    attempted
}

async fn read(half: &mut Option<OwnedReadHalf>, buffer: &mut [u8]) -> io::Result<usize> {
    match half {
        Some(half) => half.read(buffer).await,
        None => pending().await,
    }
}

async fn write(half: &mut Option<OwnedWriteHalf>, octets: &[u8]) -> io::Result<usize> {
    match half {
        Some(half) if !octets.is_empty() => half.write(octets).await,
        _ => pending().await,
    }
}

async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => pending().await,
    }
}

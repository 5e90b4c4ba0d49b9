//! One server that is asked by single datagrams: the socket around the machine.
//!
//! ```text
//!   machine ── poll ──► send
//!      ▲
//!      └── handle ◄── datagram, trouble, timer, stop
//! ```

use std::future::pending;
use std::io::{self, Write};
use std::sync::Arc;

use leasebook_protocol::requestor::{Deviations, UdpInput, UdpRequestor};
use leasebook_wire::code::MAX_MESSAGE_OCTETS;
use parking_lot::Mutex;
use tokio::net::UdpSocket;
use tokio::sync::watch;

use super::connect::Route;
use super::gather::Gather;
use crate::clock::Clock;

/// What is needed to ask one server by datagrams.
pub(super) struct UdpTask<W: Write> {
    /// The server's place among those given.
    pub(super) number: usize,
    /// The machine, with its queries asked.
    pub(super) machine: UdpRequestor,
    /// The way to the server.
    pub(super) route: Route,
    /// Where events go.
    pub(super) gather: Arc<Mutex<Gather<W>>>,
    /// Turns true when no more is wanted.
    pub(super) stop: watch::Receiver<bool>,
    /// The clocks.
    pub(super) clock: Clock,
}

/// What happened.
enum Happening {
    Opened(Result<UdpSocket, String>),
    Received(io::Result<usize>),
    Timer,
    Stop,
}

impl<W: Write> UdpTask<W> {
    /// Asks until all is answered or given up; what the server did wrong.
    pub(super) async fn run(mut self) -> Deviations {
        let mut socket = None;
        let mut buffer = vec![0; MAX_MESSAGE_OCTETS];
        while self.machine.pending() > 0 {
            let deadline = self.deadline();
            let happening = tokio::select! {
                stop = self.stop.wait_for(|stop| *stop) => {
                    // The sender lives as long as the tasks; without it nothing is wanted either.
                    let _ = stop;
                    Happening::Stop
                }
                opened = self.route.open_udp(), if socket.is_none() => Happening::Opened(opened),
                received = receive(socket.as_ref(), &mut buffer) => Happening::Received(received),
                () = sleep_until(deadline, socket.is_some()) => Happening::Timer,
            };
            match happening {
                Happening::Stop => self.tell(UdpInput::Stop),
                Happening::Opened(Ok(opened)) => socket = Some(opened),
                Happening::Opened(Err(reason)) => self.tell(UdpInput::NoWay(&reason)),
                Happening::Received(Ok(octets)) => {
                    let datagram = buffer.get(..octets).unwrap_or_default();
                    self.tell(UdpInput::Datagram(datagram));
                }
                Happening::Received(Err(error)) => {
                    self.tell(UdpInput::Trouble(&error.to_string()));
                }
                Happening::Timer => self.tell(UdpInput::Timer),
            }
            if let Some(socket) = &socket {
                self.send(socket).await;
            }
        }
        self.machine.deviations().clone()
    }

    /// Sends all there is to send. Failures are told; the query is sent again later anyway.
    async fn send(&mut self, socket: &UdpSocket) {
        while let Some(datagram) = self.machine.poll() {
            let mut sent = socket.send(&datagram).await;
            if sent.is_err() {
                // It may be what became of an earlier one, told only now; then this one has
                // not been tried yet.
                sent = socket.send(&datagram).await;
            }
            if let Err(error) = sent {
                self.tell(UdpInput::Trouble(&error.to_string()));
            }
        }
    }

    fn deadline(&self) -> Option<tokio::time::Instant> {
        self.machine.deadline().map(|at| self.clock.instant(at))
    }

    /// Tells the machine, and the gatherer what comes of it.
    fn tell(&mut self, input: UdpInput<'_>) {
        let now = self.clock.now();
        let (machine, number) = (&mut self.machine, self.number);
        let mut gather = self.gather.lock();
        machine.handle(now, input, &mut |event| gather.take(number, event, now));
        gather.flush();
        let has_failed = gather.has_failed();
        drop(gather);
        if has_failed {
            // Nobody takes what would still come.
            self.machine.handle(now, UdpInput::Stop, &mut |_| {});
        }
    }
}

async fn receive(socket: Option<&UdpSocket>, buffer: &mut [u8]) -> io::Result<usize> {
    match socket {
        Some(socket) => socket.recv(buffer).await,
        None => pending().await,
    }
}

/// Without a socket nothing has been sent that could be waited for.
async fn sleep_until(deadline: Option<tokio::time::Instant>, is_open: bool) {
    match deadline {
        Some(at) if is_open => tokio::time::sleep_until(at).await,
        _ => pending().await,
    }
}

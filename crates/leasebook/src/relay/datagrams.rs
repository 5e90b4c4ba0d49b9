//! The thread that hears clients and servers: bursts in, the machine, bursts out.
//!
//! One socket hears both, or two where clients and servers are in different VRFs; then what is for
//! a client leaves by the one, and what is for a server by the other.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use leasebook_protocol::relay::Outbox;
use leasebook_protocol::server::Reply;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use super::link_layer::LinkLayers;
use super::shared::Shared;
use super::sockets::Sockets;
use crate::log::events;
use crate::metrics::relay as counters;
use crate::serve::Seldom;
use crate::serve::udp::socket::{Inbox, Listener};
use crate::tell;

/// The longest wait: the thread looks then whether anything has run out.
const PATIENCE: Duration = Duration::from_secs(1);

/// The running thread; dropping it asks it to end and waits.
pub(super) struct Datagrams {
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Datagrams {
    /// Begins to relay.
    pub(super) fn begin(
        shared: Arc<Shared>,
        sockets: Sockets,
        link_layers: Option<LinkLayers>,
    ) -> io::Result<Self> {
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let stopped = Arc::clone(&stop);
        let worker = Worker {
            shared,
            sockets,
            link_layers,
            out: Outbox::default(),
            tally: counters::DatagramTally::default(),
            for_clients: Vec::new(),
            not_sent: Seldom::default(),
            not_heard: Seldom::default(),
        };
        let thread = std::thread::Builder::new()
            .name("relay".to_owned())
            .spawn(move || worker.run(&stopped))?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        // It can fail only if it is set already.
        let _ = rustix::io::write(&self.stop, &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            // A panic there was told by the panic hook; here is nothing more to do.
            let _ = thread.join();
        }
    }
}

struct Worker {
    shared: Arc<Shared>,
    sockets: Sockets,
    link_layers: Option<LinkLayers>,
    out: Outbox,
    tally: counters::DatagramTally,
    /// Of each datagram that leaves, whether it is for a client's link.
    for_clients: Vec<bool>,
    not_sent: Seldom,
    not_heard: Seldom,
}

impl Worker {
    fn run(mut self, stop: &OwnedFd) {
        let mut inbox = Inbox::new();
        loop {
            let patience = self.expire();
            match wait(&self.sockets, stop, patience) {
                Woken::Stop => return,
                Woken::Datagrams {
                    of_clients,
                    of_servers,
                } => {
                    if of_clients {
                        let listener = Arc::clone(&self.sockets.clients);
                        self.hear(&listener, &mut inbox, true);
                    }
                    if of_servers && let Some(listener) = self.sockets.servers.clone() {
                        self.hear(&listener, &mut inbox, false);
                    }
                }
                Woken::Nothing => {}
            }
        }
    }

    /// Ends what has run out; how long until the next may.
    fn expire(&mut self) -> Duration {
        let now = self.shared.clock.now().mono;
        let mut relay = self.shared.relay();
        relay.expire(now);
        self.shared.settle(&mut relay);
        relay
            .deadline()
            .map_or(PATIENCE, |end| end.since(now).min(PATIENCE))
    }

    fn hear(&mut self, listener: &Listener, inbox: &mut Inbox, of_clients: bool) {
        self.out.clear();
        self.for_clients.clear();
        if let Some(link_layers) = &mut self.link_layers {
            link_layers.hear();
        }
        let now = self.shared.clock.now();
        let (shared, out, tally) = (&self.shared, &mut self.out, &mut self.tally);
        let (for_clients, link_layers) = (&mut self.for_clients, &self.link_layers);
        let mut relay = shared.relay();
        let taken = inbox.take(listener, &mut |arrival, octets| {
            if !of_clients && relay.ports().by_index(arrival.interface).is_some() {
                // The socket of the clients' VRF hears it as well.
                return;
            }
            let link_layer = link_layers
                .as_ref()
                .and_then(|known| known.of(arrival.interface, *arrival.from.ip()));
            let link_layer = link_layer.map_or(&[][..], |address| address);
            let heard = relay.datagram(now, &arrival, link_layer, octets, out);
            let is_for_client = heard
                .as_ref()
                .is_ok_and(|heard| heard.is_reply && heard.port.is_some());
            for_clients.resize(out.datagrams.len(), is_for_client);
            tally.count(&heard);
            if let Err(why) = heard {
                let from = arrival.from;
                tracing::debug!(%from, why = why.name(), "datagram dropped");
            }
        });
        shared.settle(&mut relay);
        drop(relay);
        match taken {
            Ok(burst) => counters::count_unusable(burst.unusable),
            Err(error) => {
                if let Some(times) = self.not_heard.now() {
                    tell!(events::RELAY_SOCKET_FAILED, error = %error, times);
                }
                // A socket that fails at once would fail again at once.
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        self.send(true);
        self.send(false);
    }

    /// Sends what is for clients, or for servers.
    fn send(&mut self, to_clients: bool) {
        let all = self.out.datagrams.iter().zip(&self.for_clients);
        let datagrams = all.filter(|(_, for_client)| **for_client == to_clients);
        let datagrams: Vec<&Reply> = datagrams.map(|(datagram, _)| datagram).collect();
        if datagrams.is_empty() {
            return;
        }
        let listener = match &self.sockets.servers {
            Some(servers) if !to_clients => servers,
            _ => &self.sockets.clients,
        };
        let (failed, error) = listener.send(&datagrams, &self.out.octets);
        if failed > 0
            && let Some(times) = self.not_sent.now()
        {
            let error = error.map(|error| error.to_string());
            tell!(events::RELAY_NOT_SENT, failed, error, times);
        }
        counters::count_not_sent(failed);
    }
}

enum Woken {
    Stop,
    Datagrams { of_clients: bool, of_servers: bool },
    Nothing,
}

fn wait(sockets: &Sockets, stop: &OwnedFd, patience: Duration) -> Woken {
    // Where there is but one socket it is looked at twice, and its second answer is not used.
    let servers = sockets.servers.as_ref().unwrap_or(&sockets.clients);
    let mut fds = [
        PollFd::from_borrowed_fd(stop.as_fd(), PollFlags::IN),
        PollFd::from_borrowed_fd(sockets.clients.as_fd(), PollFlags::IN),
        PollFd::from_borrowed_fd(servers.as_fd(), PollFlags::IN),
    ];
    let timeout = Timespec::try_from(patience).ok();
    // An interrupted wait is one that ended early.
    let _ = poll(&mut fds, timeout.as_ref());
    let [is_stopped, of_clients, of_servers] = fds.map(|fd| !fd.revents().is_empty());
    if is_stopped {
        Woken::Stop
    } else if of_clients || of_servers {
        Woken::Datagrams {
            of_clients,
            of_servers,
        }
    } else {
        Woken::Nothing
    }
}

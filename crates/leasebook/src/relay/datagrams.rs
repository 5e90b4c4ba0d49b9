//! The thread that hears clients and servers: bursts in, the machine, bursts out.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use leasebook_protocol::relay::Outbox;
use leasebook_protocol::server::Reply;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use super::shared::Shared;
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
    pub(super) fn begin(shared: Arc<Shared>, listener: Arc<Listener>) -> io::Result<Self> {
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let stopped = Arc::clone(&stop);
        let worker = Worker {
            shared,
            listener,
            out: Outbox::default(),
            tally: counters::DatagramTally::default(),
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
    listener: Arc<Listener>,
    out: Outbox,
    tally: counters::DatagramTally,
    not_sent: Seldom,
    not_heard: Seldom,
}

impl Worker {
    fn run(mut self, stop: &OwnedFd) {
        let mut inbox = Inbox::new();
        loop {
            let patience = self.expire();
            match wait(&self.listener, stop, patience) {
                Woken::Stop => return,
                Woken::Datagrams => self.hear(&mut inbox),
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

    fn hear(&mut self, inbox: &mut Inbox) {
        self.out.clear();
        let now = self.shared.clock.now();
        let (shared, out, tally) = (&self.shared, &mut self.out, &mut self.tally);
        let mut relay = shared.relay();
        let taken = inbox.take(&self.listener, &mut |arrival, octets| {
            let heard = relay.datagram(now, &arrival, &[], octets, out);
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
        let datagrams: Vec<&Reply> = self.out.datagrams.iter().collect();
        let (failed, error) = self.listener.send(&datagrams, &self.out.octets);
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
    Datagrams,
    Nothing,
}

fn wait(listener: &Listener, stop: &OwnedFd, patience: Duration) -> Woken {
    let mut fds = [
        PollFd::from_borrowed_fd(stop.as_fd(), PollFlags::IN),
        PollFd::from_borrowed_fd(listener.as_fd(), PollFlags::IN),
    ];
    let timeout = Timespec::try_from(patience).ok();
    // An interrupted wait is one that ended early.
    let _ = poll(&mut fds, timeout.as_ref());
    let [stopped, readable] = fds;
    if !stopped.revents().is_empty() {
        Woken::Stop
    } else if readable.revents().is_empty() {
        Woken::Nothing
    } else {
        Woken::Datagrams
    }
}

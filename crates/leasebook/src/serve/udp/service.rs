//! The service as the daemon holds it: begun, set anew, ended.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use leasebook_store::Book;
use rustix::event::{EventfdFlags, eventfd};

use super::setup::Setup;
use super::socket::Listener;
use super::worker::Worker;
use crate::control::Control;
use crate::log::events;
use crate::tell;

/// What the daemon tells the thread.
pub(super) enum Command {
    /// New settings are in force.
    Reconfigure(Setup),
}

/// The running thread; dropping it asks it to end and waits.
pub(in crate::serve) struct UdpService {
    commands: Option<Sender<Command>>,
    wake: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl UdpService {
    /// Begins to serve clients and requestors of `book` on `listeners`.
    ///
    /// # Errors
    /// If the system refuses a thread or a random seed.
    pub(in crate::serve) fn begin(
        book: Arc<Book>,
        setup: Setup,
        listeners: Vec<Listener>,
        control: Option<Control>,
    ) -> io::Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        let (commands, orders) = channel();
        let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        for listener in &listeners {
            tell!(events::DHCP_LISTENING, address = %listener.address(), device = listener.device());
        }
        let parts = (book, control, Arc::clone(&wake));
        let mut worker = Worker::new(parts, setup, listeners, seed)?;
        // Whoever waits until this server is ready is heard at once, by multicast too.
        worker.look();
        let thread = std::thread::Builder::new()
            .name("dhcp".into())
            .spawn(move || worker.run(&orders))?;
        Ok(Self {
            commands: Some(commands),
            wake,
            thread: Some(thread),
        })
    }

    /// Puts new settings in force.
    pub(in crate::serve) fn reconfigure(&self, setup: Setup) {
        if let Some(commands) = &self.commands {
            // A thread that is gone has told why.
            let _ = commands.send(Command::Reconfigure(setup));
            set(&self.wake);
        }
    }
}

/// Wakes the thread that waits for this descriptor.
pub(super) fn set(wake: &OwnedFd) {
    // It can fail only if it is set already.
    let _ = rustix::io::write(wake, &1_u64.to_ne_bytes());
}

impl Drop for UdpService {
    fn drop(&mut self) {
        drop(self.commands.take());
        set(&self.wake);
        if let Some(thread) = self.thread.take() {
            // A panic there was told by the panic hook; here is nothing more to do.
            let _ = thread.join();
        }
    }
}

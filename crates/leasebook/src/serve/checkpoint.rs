//! The thread that brings changes into the ledger while the server runs.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use leasebook_store::Book;

use crate::log::events;
use crate::tell;

/// How often it looks whether there is enough to do.
const LOOK: Duration = Duration::from_millis(200);

/// However little has changed, after this long it goes to the ledger, so that a restart has
/// little to replay.
const AT_LATEST: Duration = Duration::from_mins(5);

/// The thread; dropping it asks it to end and waits.
pub(super) struct Checkpoints {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Begins.
    pub(super) fn begin(book: Arc<Book>) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name("checkpoint".into())
            .spawn(move || {
                let mut last = Instant::now();
                while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                    if !book.wants_checkpoint() && last.elapsed() < AT_LATEST {
                        continue;
                    }
                    if let Err(error) = book.checkpoint() {
                        // The changes are in the journal; the next look tries again.
                        tell!(events::STORE_FAILED, error = %error);
                    }
                    last = Instant::now();
                }
            })?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was told by the panic hook; here is nothing more to do.
            let _ = thread.join();
        }
    }
}

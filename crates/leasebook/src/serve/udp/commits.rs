//! The thread that commits, so that the one that hears clients never waits for a disk.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

use leasebook_store::{Book, Change, LeaseStore as _, StoreError};

/// The running thread; dropping it ends it once it is done with what it has.
pub(super) struct Commits {
    orders: Option<Sender<Vec<Change>>>,
    ended: Receiver<Result<u64, StoreError>>,
    is_underway: bool,
    thread: Option<JoinHandle<()>>,
}

impl Commits {
    /// Begins to commit to `book`; `wake` is set each time a commit has ended.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub(super) fn begin(book: Arc<Book>, wake: Arc<OwnedFd>) -> io::Result<Self> {
        let (orders, changes) = channel::<Vec<Change>>();
        let (done, ended) = channel();
        let thread = std::thread::Builder::new()
            .name("commit".into())
            .spawn(move || {
                while let Ok(changes) = changes.recv() {
                    if done.send(book.commit(changes)).is_err() {
                        return;
                    }
                    super::service::set(&wake);
                }
            })?;
        Ok(Self {
            orders: Some(orders),
            ended,
            is_underway: false,
            thread: Some(thread),
        })
    }

    /// Whether a commit was begun and its end not yet taken.
    pub(super) fn is_underway(&self) -> bool {
        self.is_underway
    }

    /// Begins to commit; none may be under way.
    pub(super) fn start(&mut self, changes: Vec<Change>) {
        debug_assert!(!self.is_underway, "one commit at a time");
        self.is_underway = true;
        if let Some(orders) = &self.orders {
            // A thread that is gone shows when its answer is looked for.
            let _ = orders.send(changes);
        }
    }

    /// How the commit under way ended; none if it has not, or there is none.
    pub(super) fn ended(&mut self) -> Option<Result<u64, StoreError>> {
        if !self.is_underway {
            return None;
        }
        let result = match self.ended.try_recv() {
            Ok(result) => result,
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => Err(gone()),
        };
        self.is_underway = false;
        Some(result)
    }

    /// The same, but waits until it has ended.
    pub(super) fn wait(&mut self) -> Option<Result<u64, StoreError>> {
        if !std::mem::take(&mut self.is_underway) {
            return None;
        }
        Some(self.ended.recv().unwrap_or_else(|_| Err(gone())))
    }
}

impl Drop for Commits {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was told by the panic hook; here is nothing more to do.
            let _ = thread.join();
        }
    }
}

fn gone() -> StoreError {
    StoreError::ReadOnly {
        reason: "the thread that commits ended early; restart the server".to_owned(),
    }
}

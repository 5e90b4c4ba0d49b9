//! The thread that commits, so that the one that hears clients does not wait for a slow disk.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use leasebook_store::{Book, Change, LeaseStore as _, StoreError};

/// Where commits lately took no longer than this, the next one is waited for: handing it over
/// would cost more processor time than it takes. One of them may take long after all; that keeps
/// those that follow away ([`LONGEST`]).
const QUICK: Duration = Duration::from_micros(250);

/// What one commit counts for in the mean, at most: after one that took so long or longer some
/// twenty quick ones go to the thread, so that a disk that stalls now and then is left to it.
const LONGEST: Duration = Duration::from_millis(16);

/// The running thread; dropping it ends it once it is done with what it has.
pub(super) struct Commits {
    book: Arc<Book>,
    /// What commits lately took.
    usual: Usual,
    orders: Option<Sender<Vec<Change>>>,
    ended: Receiver<Ended>,
    is_underway: bool,
    thread: Option<JoinHandle<()>>,
}

/// How a commit ended, and how long it took.
type Ended = (Result<u64, StoreError>, Duration);

impl Commits {
    /// Begins to commit to `book`; `wake` is set each time a commit has ended.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub(super) fn begin(book: Arc<Book>, wake: Arc<OwnedFd>) -> io::Result<Self> {
        let (orders, changes) = channel::<Vec<Change>>();
        let (done, ended) = channel();
        let own = Arc::clone(&book);
        let thread = std::thread::Builder::new()
            .name("commit".into())
            .spawn(move || {
                while let Ok(changes) = changes.recv() {
                    if done.send(commit(&own, changes)).is_err() {
                        return;
                    }
                    super::service::set(&wake);
                }
            })?;
        Ok(Self {
            book,
            usual: Usual::default(),
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

    /// Begins to commit; none may be under way. How it ended, if that is known at once.
    pub(super) fn start(&mut self, changes: Vec<Change>) -> Option<Result<u64, StoreError>> {
        debug_assert!(!self.is_underway, "one commit at a time");
        // Whoever finds a checkpoint overdue makes it.
        if self.usual.is_quick() && !self.book.wants_checkpoint() {
            let (result, took) = commit(&self.book, changes);
            self.usual.add(took);
            return Some(result);
        }
        self.is_underway = true;
        if let Some(orders) = &self.orders {
            // A thread that is gone shows when its answer is looked for.
            let _ = orders.send(changes);
        }
        None
    }

    /// How the commit under way ended; none if it has not, or there is none.
    pub(super) fn ended(&mut self) -> Option<Result<u64, StoreError>> {
        if !self.is_underway {
            return None;
        }
        let ended = match self.ended.try_recv() {
            Ok(ended) => Some(ended),
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => None,
        };
        Some(self.take(ended))
    }

    /// The same, but waits until it has ended.
    pub(super) fn wait(&mut self) -> Option<Result<u64, StoreError>> {
        if !self.is_underway {
            return None;
        }
        let ended = self.ended.recv().ok();
        Some(self.take(ended))
    }

    fn take(&mut self, ended: Option<Ended>) -> Result<u64, StoreError> {
        self.is_underway = false;
        let Some((result, took)) = ended else {
            return Err(gone());
        };
        self.usual.add(took);
        result
    }
}

fn commit(book: &Book, changes: Vec<Change>) -> Ended {
    let began = Instant::now();
    let result = book.commit(changes);
    (result, began.elapsed())
}

/// A mean of what commits took, in which each counts for an eighth of what is new.
#[derive(Debug, Default)]
struct Usual(Option<Duration>);

impl Usual {
    /// Whether the next one is expected to be over at once. Not before one was seen.
    fn is_quick(&self) -> bool {
        self.0.is_some_and(|usual| usual <= QUICK)
    }

    fn add(&mut self, took: Duration) {
        let usual = self.0.unwrap_or(took);
        let took = took.min(LONGEST);
        self.0 = Some(usual.saturating_sub(usual / 8) + took / 8);
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

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use leasebook_protocol::server::config::Config;
    use leasebook_protocol::server::{Batch, Server};
    use leasebook_store::{Binding, IaKind, Lease, LeaseName, LeaseState, LinkId, RelayData};
    use leasebook_wire::Duid;

    use super::super::socket::BATCH;
    use super::*;

    /// Commits are waited for as long as they are quick, and no longer when they are not.
    #[test]
    fn only_quick_commits_are_waited_for() {
        let mut usual = Usual::default();
        assert!(!usual.is_quick());
        usual.add(QUICK / 2);
        assert!(usual.is_quick());
        usual.add(100 * QUICK);
        assert!(!usual.is_quick());
        for _ in 0..16 {
            usual.add(QUICK / 2);
        }
        assert!(!usual.is_quick(), "it may stall again soon");
        for _ in 0..16 {
            usual.add(QUICK / 2);
        }
        assert!(usual.is_quick());
    }

    /// SEC-005: the largest batch that clients and their relays can make is committed.
    #[test]
    fn a_journal_takes_the_largest_batch() {
        let dir = tempfile::tempdir().unwrap();
        let (book, _) = crate::book::open(dir.path()).unwrap();
        let mut server = Server::new(Arc::new(Config::new(duid(0))), [7; 32]);
        let mut batch = Batch::default();
        let mut count = 0_u16;
        let mut put = |batch: &mut Batch| {
            batch.put(largest(count));
            count += 1;
        };
        while !batch.is_large() {
            put(&mut batch);
        }
        // One burst more.
        (0..BATCH).for_each(|_| put(&mut batch));
        let changes = server.begin_commit(&mut batch);
        assert_eq!(changes.len(), usize::from(count));
        book.commit(changes).unwrap();
    }

    fn duid(number: u16) -> Duid {
        let [high, low] = number.to_be_bytes();
        Duid::new(&[0, 3, 0, 1, high, low]).unwrap()
    }

    /// A binding of as much as a datagram can hold, twice: its relays, and options of theirs.
    fn largest(number: u16) -> Binding {
        let mut chain = vec![12; 1];
        chain.resize(34, 0);
        let mut options = Vec::new();
        for (code, to) in [(18_u16, &mut chain), (79, &mut options)] {
            to.extend_from_slice(&code.to_be_bytes());
            to.extend_from_slice(&65_000_u16.to_be_bytes());
            to.resize(to.len() + 65_000, 7);
        }
        let lease = Lease {
            name: LeaseName::Address(Ipv6Addr::from(u128::from(number) + 1)),
            kind: IaKind::Na,
            iaid: 1,
            state: LeaseState::Bound,
            clt: 100,
            preferred: 50,
            valid: 60,
        };
        Binding {
            link: LinkId(1),
            client: duid(number),
            leases: vec![lease],
            relay: Some(RelayData {
                peer: Ipv6Addr::LOCALHOST,
                chain,
            }),
            options,
        }
    }
}

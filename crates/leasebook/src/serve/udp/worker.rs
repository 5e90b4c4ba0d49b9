//! The thread that hears DHCPv6: bursts in, decisions, replies out.
//!
//! It does not wait for a slow disk: while a commit is under way it hears and decides on, and what
//! it decides then goes into the next one.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use leasebook_protocol::server::{Batch, Server};
use leasebook_store::{Book, StoreError};

use super::commits::Commits;
use super::interfaces::Interfaces;
use super::learning::Learning;
use super::outbox::Outbox;
use super::packets;
use super::pools::PoolWatch;
use super::recall::Recall;
use super::service::Command;
use super::setup::Setup;
use super::socket::{BATCH, Inbox, Listener};
use super::tally::Tally;
use super::wait::wait;
use super::ways::Ways;
use crate::clock::Clock;
use crate::control::Control;
use crate::log::events;
use crate::serve::seldom::Seldom;
use crate::tell;

/// How often leases that ended are taken back, and interfaces looked at.
const TICK: Duration = Duration::from_secs(1);

/// Records taken back in one commit, so that clients need not wait long behind it.
const RECLAIM_AT_ONCE: usize = 512;

/// Bursts taken from one socket before a commit begins, and before others are looked at.
const BURSTS_AT_ONCE: usize = 8;

/// Replies that wait for the next commit, at most: so many exchanges share it, and nobody's
/// answer is late for being one of too many.
const REPLIES_WAITING: usize = 8 * BATCH;

/// Octets of answers that are held, sent or not, until the next commit begins.
const OCTETS_ANSWERED: usize = 8 << 20;

pub(super) struct Worker {
    pub(super) book: Arc<Book>,
    pub(super) server: Server,
    pub(super) setup: Setup,
    pub(super) listeners: Vec<Listener>,
    pub(super) ways: Ways,
    interfaces: Interfaces,
    pools: PoolWatch,
    pub(super) clock: Clock,
    pub(super) batch: Batch,
    commits: Commits,
    pub(super) outbox: Outbox,
    pub(super) tally: Tally,
    /// None once the server knows which leases are taken.
    pub(super) learning: Option<Learning>,
    pub(super) control: Option<Control>,
    pub(super) recall: Recall,
    /// It is time to take leases back that have ended, or more have ended than went at once.
    is_reclaim_due: bool,
    woken: Arc<OwnedFd>,
    store_failed: Seldom,
    not_heard: Seldom,
    pub(super) exhausted: Seldom,
}

impl Worker {
    /// A worker that has not begun; `woken` is set when there is something for it to do.
    ///
    /// # Errors
    /// If the system refuses the thread that commits.
    pub(super) fn new(
        (book, control, woken): (Arc<Book>, Option<Control>, Arc<OwnedFd>),
        setup: Setup,
        listeners: Vec<Listener>,
        seed: [u8; 32],
    ) -> io::Result<Self> {
        Ok(Self {
            commits: Commits::begin(Arc::clone(&book), Arc::clone(&woken))?,
            book,
            server: Server::new(Arc::clone(&setup.dhcp), seed),
            setup,
            ways: Ways::new(&listeners),
            listeners,
            interfaces: Interfaces::default(),
            pools: PoolWatch::default(),
            clock: Clock::new(),
            batch: Batch::default(),
            outbox: Outbox::default(),
            tally: Tally::new(),
            learning: Some(Learning::begin(false)),
            control,
            recall: Recall::default(),
            is_reclaim_due: false,
            woken,
            store_failed: Seldom::default(),
            not_heard: Seldom::default(),
            exhausted: Seldom::default(),
        })
    }

    /// Serves until the daemon's end of `orders` is gone.
    pub(super) fn run(mut self, orders: &Receiver<Command>) {
        let mut inbox = Inbox::new();
        let mut ticked: Option<Instant> = None;
        loop {
            match orders.try_recv() {
                Ok(Command::Reconfigure(setup)) => self.reconfigure(setup),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => {
                    self.finish();
                    return;
                }
            }
            if ticked.is_none_or(|at| at.elapsed() >= TICK) {
                ticked = Some(Instant::now());
                self.tick();
            }
            self.collect();
            self.learn();
            let rest = ticked.map_or(TICK, |at| TICK.saturating_sub(at.elapsed()));
            let has_more_ended = self.is_reclaim_due && !self.commits.is_underway();
            let patience = if self.learning.is_some() || has_more_ended {
                Duration::ZERO
            } else {
                rest
            };
            self.turn(patience, &mut inbox);
        }
    }

    /// Waits, and hears whoever has something to say.
    fn turn(&mut self, patience: Duration, inbox: &mut Inbox) {
        let listeners = if self.is_full() {
            &[]
        } else {
            &*self.listeners
        };
        let heard = wait(listeners, self.control.as_ref(), &self.woken, patience);
        self.collect();
        if heard.is_asked {
            self.asked();
        }
        for at in heard.listeners {
            self.hear(at, inbox);
        }
    }

    /// Whether enough waits for the next commit: what more comes waits in the sockets.
    fn is_full(&self) -> bool {
        self.outbox.waiting() >= REPLIES_WAITING
            || self.batch.is_large()
            || self.batch.octets().len() >= OCTETS_ANSWERED
    }

    fn reconfigure(&mut self, setup: Setup) {
        self.finish();
        self.server.reconfigure(Arc::clone(&setup.dhcp));
        self.setup = setup;
        self.interfaces = Interfaces::default();
        // Pools may be new: which of their leases are taken is learnt again.
        self.learning = Some(Learning::begin(true));
        self.tick();
    }

    /// Takes what waits at a socket and decides it; answers what promises nothing new, and the
    /// rest when it is durable.
    fn hear(&mut self, at: usize, inbox: &mut Inbox) {
        for _ in 0..BURSTS_AT_ONCE {
            if self.is_full() {
                break;
            }
            let has_more = self.take(at, inbox);
            let senders = (&*self.listeners, &mut self.tally);
            self.outbox.heard(at, &self.batch, senders);
            if let Some(ended) = self.commits.ended() {
                self.commit_ended(ended);
            }
            if !has_more {
                break;
            }
        }
        // Not before: what waits already may share the commit.
        self.proceed();
    }

    /// Sends what waited for a commit that has ended, and begins the next.
    fn collect(&mut self) {
        if let Some(ended) = self.commits.ended() {
            self.commit_ended(ended);
        }
        self.proceed();
    }

    /// Takes a burst off a socket and decides it; true if there may be more.
    fn take(&mut self, at: usize, inbox: &mut Inbox) -> bool {
        let Some(listener) = self.listeners.get(at) else {
            return false;
        };
        let now = self.clock.now();
        let (server, queries) = (&mut self.server, &mut self.setup.queries);
        let (batch, tally, book) = (&mut self.batch, &mut self.tally, &*self.book);
        let ways = &mut self.ways;
        let taken = inbox.take(listener, &mut |arrival, octets| {
            ways.heard(&arrival, at);
            if queries.hear(now, &arrival, octets, book, (batch, tally)) {
                packets::heard(&arrival, octets, "leasequery");
            } else {
                let outcome = server.datagram(now, &arrival, octets, book, batch);
                tally.outcome(&outcome);
                packets::heard(&arrival, octets, outcome.name());
            }
        });
        match taken {
            Ok(burst) => {
                self.tally.unusable(burst.unusable);
                burst.has_more
            }
            Err(error) => {
                if let Some(times) = self.not_heard.now() {
                    tell!(events::DHCP_SOCKET_FAILED, error = %error, times);
                }
                // A socket that fails at once would fail again at once.
                std::thread::sleep(Duration::from_millis(10));
                false
            }
        }
    }

    /// Begins the next commit, if none is under way and there is something to commit.
    fn proceed(&mut self) {
        if self.commits.is_underway() {
            return;
        }
        if std::mem::take(&mut self.is_reclaim_due) {
            self.reclaim();
        }
        self.begin_commit();
    }

    /// Commits what is decided, if anything is; false if that has failed already.
    fn begin_commit(&mut self) -> bool {
        if self.batch.is_unchanged() {
            let senders = (&*self.listeners, &mut self.tally);
            self.outbox.unchanged(&mut self.batch, senders);
            return true;
        }
        let changes = self.server.begin_commit(&mut self.batch);
        self.outbox.commit_begun(&mut self.batch);
        let ended = self.commits.start(changes);
        ended.is_none_or(|ended| self.commit_ended(ended))
    }

    /// What the end of a commit brings: the replies that waited for it, or none. True if it did
    /// well.
    fn commit_ended(&mut self, ended: Result<u64, StoreError>) -> bool {
        match ended {
            Ok(_) => {
                self.server.committed(&mut self.batch);
                let senders = (&*self.listeners, &mut self.tally);
                self.outbox.committed(senders);
                true
            }
            Err(error) => {
                self.failed(&error);
                self.server.abandoned(&mut self.batch);
                self.outbox.abandoned(&mut self.batch, &self.tally);
                // Not again before the next tick.
                self.is_reclaim_due = false;
                false
            }
        }
    }

    /// Commits all that is decided, and waits until nothing is under way; false if a commit
    /// failed.
    pub(super) fn finish(&mut self) -> bool {
        let mut is_well = true;
        loop {
            if let Some(ended) = self.commits.wait() {
                is_well &= self.commit_ended(ended);
            }
            is_well &= self.begin_commit();
            if !self.commits.is_underway() {
                return is_well;
            }
        }
    }

    pub(super) fn failed(&mut self, error: &StoreError) {
        if self.store_failed.now().is_some() {
            tell!(events::STORE_FAILED, error = %error);
        }
    }

    /// What time alone brings: interfaces, ended leases, what is to be sent again.
    fn tick(&mut self) {
        self.look();
        self.is_reclaim_due = true;
        self.recall();
        self.notices();
        // Until all is learnt pools seem emptier than they are.
        if self.learning.is_none() {
            self.tally.usage(&self.server);
            let (config, warning) = (&self.setup.dhcp, self.setup.pool_warning);
            self.pools.look(&self.server, config, warning);
        }
    }

    /// Looks which interfaces there are.
    pub(super) fn look(&mut self) {
        let looked = self.interfaces.look(&self.setup, &self.listeners);
        if let Some(interfaces) = looked {
            self.server.set_interfaces(&interfaces);
        }
    }

    /// Takes leases back that have ended, some at a time, into the batch. No commit may be under
    /// way: what it has is not in the book yet.
    fn reclaim(&mut self) {
        let now = self.clock.now();
        let records = match self.book.ended(now.wall, RECLAIM_AT_ONCE) {
            Ok(records) => records,
            Err(error) => return self.failed(&error),
        };
        let book = &*self.book;
        let reclaimed = self.server.reclaim(now, &records, book, &mut self.batch);
        if let Err(error) = reclaimed {
            self.failed(&error);
        }
        // The commit brings the next piece.
        let has_more = records.len() == RECLAIM_AT_ONCE || self.batch.is_large();
        self.is_reclaim_due = has_more && !self.batch.is_unchanged();
    }

    /// Tells the server which leases of the book are taken, a piece at a time.
    fn learn(&mut self) {
        let Some(learning) = &mut self.learning else {
            return;
        };
        let now = self.clock.now();
        let server = (&mut self.server, &self.batch);
        match learning.go_on(now, server, &self.book, &mut self.recall) {
            Ok(false) => {}
            Ok(true) => self.learning = None,
            Err(error) => {
                self.failed(&error);
                self.learning = None;
            }
        }
    }
}

//! The thread that hears DHCPv6: bursts in, one commit, replies out.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use leasebook_protocol::server::{Batch, Notice, Reply, Server};
use leasebook_store::{Book, IaKind, LeaseName, LeaseStore as _, Progress, StoreError};
use leasebook_wire::code::MessageType;
use leasebook_wire::option::ReconfMsg;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use super::interfaces::Interfaces;
use super::packets;
use super::pools::PoolWatch;
use super::recall::Recall;
use super::setup::Setup;
use super::socket::{Inbox, Listener};
use super::tally::Tally;
use super::ways::Ways;
use crate::clock::Clock;
use crate::control::{Control, Request, Whom};
use crate::log::{clients, events};
use crate::page;
use crate::serve::seldom::Seldom;
use crate::tell;

/// How often leases that ended are taken back, and interfaces looked at.
const TICK: Duration = Duration::from_secs(1);

/// Records taken back in one commit, so that clients need not wait long behind it.
const RECLAIM_AT_ONCE: usize = 512;

/// Bursts taken before a commit while more than one is waiting: a commit then has so many
/// exchanges to share, and nobody waits long for it to begin.
const BURSTS_AT_ONCE: usize = 8;

/// RECONFIGURE messages sent in one turn.
const SENT_AT_ONCE: usize = 2048;

/// Pools of which an operator is told at once.
const POOLS_SHOWN: usize = 500;

/// What the daemon tells the thread.
enum Command {
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
        let mut worker = Worker {
            book,
            server: Server::new(Arc::clone(&setup.dhcp), seed),
            setup,
            ways: Ways::new(&listeners),
            listeners,
            interfaces: Interfaces::default(),
            pools: PoolWatch::default(),
            clock: Clock::new(),
            batch: Batch::default(),
            tally: Tally::new(),
            learnt: Some(Vec::new()),
            control,
            recall: Recall::default(),
            is_reloaded: false,
            misplaced: Misplaced::default(),
            has_more_ended: false,
            store_failed: Seldom::default(),
            not_sent: Seldom::default(),
            not_heard: Seldom::default(),
            exhausted: Seldom::default(),
        };
        // Whoever waits until this server is ready is heard at once, by multicast too.
        worker.look();
        let woken = Arc::clone(&wake);
        let thread = std::thread::Builder::new()
            .name("dhcp".into())
            .spawn(move || worker.run(&orders, &woken))?;
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
            self.wake();
        }
    }

    fn wake(&self) {
        // It can fail only if it is set already.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }
}

impl Drop for UdpService {
    fn drop(&mut self) {
        drop(self.commands.take());
        self.wake();
        if let Some(thread) = self.thread.take() {
            // A panic there was told by the panic hook; here is nothing more to do.
            let _ = thread.join();
        }
    }
}

struct Worker {
    book: Arc<Book>,
    server: Server,
    setup: Setup,
    listeners: Vec<Listener>,
    ways: Ways,
    interfaces: Interfaces,
    pools: PoolWatch,
    clock: Clock,
    batch: Batch,
    tally: Tally,
    /// How far the server has been told which leases are taken; none once it knows all. Until
    /// then the book is asked more often, and nothing is given twice.
    learnt: Option<Vec<u8>>,
    control: Option<Control>,
    recall: Recall,
    /// Whether, while learning, clients are looked for whose leases no longer fit.
    is_reloaded: bool,
    /// What was found, while learning, that the configuration has no room for.
    misplaced: Misplaced,
    /// More leases have ended than one turn takes back.
    has_more_ended: bool,
    store_failed: Seldom,
    not_sent: Seldom,
    not_heard: Seldom,
    exhausted: Seldom,
}

impl Worker {
    fn run(mut self, orders: &Receiver<Command>, woken: &OwnedFd) {
        let mut inbox = Inbox::new();
        let mut ticked: Option<Instant> = None;
        loop {
            match orders.try_recv() {
                Ok(Command::Reconfigure(setup)) => self.reconfigure(setup),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return,
            }
            if ticked.is_none_or(|at| at.elapsed() >= TICK) {
                ticked = Some(Instant::now());
                self.tick();
            } else if self.has_more_ended {
                self.reclaim();
            }
            self.learn();
            let rest = ticked.map_or(TICK, |at| TICK.saturating_sub(at.elapsed()));
            let patience = if self.learnt.is_some() || self.has_more_ended {
                Duration::ZERO
            } else {
                rest
            };
            let heard = wait(&self.listeners, self.control.as_ref(), woken, patience);
            if heard.is_asked {
                self.asked();
            }
            for at in heard.listeners {
                self.hear(at, &mut inbox);
            }
        }
    }

    fn reconfigure(&mut self, setup: Setup) {
        self.server.reconfigure(Arc::clone(&setup.dhcp));
        self.setup = setup;
        self.interfaces = Interfaces::default();
        // Pools may be new: which of their leases are taken is learnt again.
        self.learnt = Some(Vec::new());
        self.is_reloaded = true;
        self.misplaced = Misplaced::default();
        self.tick();
    }

    /// Does what an operator asks.
    fn asked(&mut self) {
        let Some(control) = self.control.take() else {
            return;
        };
        // Nothing was there after all, if it fails.
        let _ = control.serve(&mut |request| match request {
            Request::Reconfigure { ask, whom } => self.begin_recall(ask, &whom),
            Request::Show(whom) => {
                let now = self.clock.now().wall;
                let shown = page::pages(&self.book, &whom, now, &self.setup.dhcp);
                shown.map_err(|error| error.to_string())
            }
            Request::Stats => {
                let totals = page::totals(&self.book).map_err(|error| error.to_string())?;
                let usage = self.server.usage();
                let pools = page::pools(usage, &self.setup.dhcp, POOLS_SHOWN);
                Ok(format!("{totals}\n{pools}"))
            }
        });
        self.control = Some(control);
        self.recall();
    }

    fn begin_recall(&mut self, ask: ReconfMsg, whom: &Whom) -> Result<String, String> {
        let now = self.clock.now();
        self.batch.clear();
        let (server, book) = (&mut self.server, &*self.book);
        let begun = self
            .recall
            .begin((ask, whom), now, (server, book), &mut self.batch);
        let is_kept = self.commit();
        let begun = begun.and_then(|told| {
            let failed = "the store failed; the log says why".to_owned();
            if is_kept { Ok(told) } else { Err(failed) }
        });
        let outcome = begun.as_ref().map_or_else(String::as_str, String::as_str);
        let whom = whom.clone();
        let request = Request::Reconfigure { ask, whom };
        tell!(events::DHCP_RECONFIGURE_ASKED, request = %request, outcome);
        begun
    }

    /// Tells clients to ask anew, and those that did not so far, again.
    fn recall(&mut self) {
        let now = self.clock.now();
        let book = &*self.book;
        self.batch.clear();
        if !self.recall.is_empty() {
            let gone_on = self
                .recall
                .go_on(now, &mut self.server, book, &mut self.batch);
            if let Err(error) = gone_on {
                self.failed(&error);
            }
            self.commit();
            self.batch.clear();
        }
        if self.server.reconfigures_waiting() == 0 {
            return;
        }
        let book = &*self.book;
        let batch = &mut self.batch;
        match self
            .server
            .send_reconfigures(now, SENT_AT_ONCE, book, batch)
        {
            Ok(sent) => self.tally.reconfigures(sent),
            Err(error) => self.failed(&error),
        }
        let replies: Vec<&Reply> = self.batch.replies().iter().collect();
        let outcome = self
            .ways
            .send(&replies, self.batch.octets(), &self.listeners);
        self.sent(&replies, outcome);
    }

    /// Takes what waits at a socket and decides it; answers what promises nothing new, and the
    /// rest when it is durable.
    fn hear(&mut self, at: usize, inbox: &mut Inbox) {
        self.batch.clear();
        let mut bursts = 0;
        while bursts < BURSTS_AT_ONCE && self.take(at, inbox) {
            bursts += 1;
        }
        self.answer(at, &|reply| !reply.is_bound);
        if self.commit() {
            self.answer(at, &|reply| reply.is_bound);
        }
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

    /// Makes the batch's changes durable; false if that failed, and then none has happened.
    fn commit(&mut self) -> bool {
        if self.batch.is_unchanged() {
            return true;
        }
        let changes = self.batch.take_changes();
        match self.book.commit(changes) {
            Ok(_) => {
                self.server.committed();
                true
            }
            Err(error) => {
                self.failed(&error);
                self.server.abandoned();
                false
            }
        }
    }

    /// Sends those of the batch's replies that `is_due` has.
    fn answer(&mut self, at: usize, is_due: &dyn Fn(&Reply) -> bool) {
        let Some(listener) = self.listeners.get(at) else {
            return;
        };
        let replies = self.batch.replies().iter();
        let replies: Vec<&Reply> = replies.filter(|reply| is_due(reply)).collect();
        self.sent(&replies, listener.send(&replies, self.batch.octets()));
    }

    /// Counts and tells what was sent of the batch's replies.
    fn sent(&self, replies: &[&Reply], (failed, error): (usize, Option<io::Error>)) {
        self.tally.sent(replies.len() - failed, failed);
        let large = replies.iter().filter(|reply| reply.is_large()).count();
        self.tally.large(large);
        packets::told(replies, &self.batch);
        if let Some(error) = error
            && let Some(times) = self.not_sent.now()
        {
            tell!(events::DHCP_REPLY_NOT_SENT, error = %error, times);
        }
    }

    fn failed(&mut self, error: &StoreError) {
        if self.store_failed.now().is_some() {
            tell!(events::STORE_FAILED, error = %error);
        }
    }

    /// What time alone brings: interfaces, ended leases, what is to be sent again.
    fn tick(&mut self) {
        self.look();
        self.reclaim();
        self.recall();
        self.notices();
        self.tally.usage(&self.server);
        // Until all is learnt pools seem emptier than they are.
        if self.learnt.is_none() {
            let (config, warning) = (&self.setup.dhcp, self.setup.pool_warning);
            self.pools.look(&self.server, config, warning);
        }
    }

    /// Looks which interfaces there are.
    fn look(&mut self) {
        let looked = self.interfaces.look(&self.setup, &self.listeners);
        if let Some(interfaces) = looked {
            self.server.set_interfaces(&interfaces);
        }
    }

    /// Takes leases back that have ended, some at a time.
    fn reclaim(&mut self) {
        let now = self.clock.now();
        self.has_more_ended = false;
        match self.book.ended(now.wall, RECLAIM_AT_ONCE) {
            Ok(records) => {
                self.batch.clear();
                let book = &*self.book;
                let reclaimed = self.server.reclaim(now, &records, book, &mut self.batch);
                if let Err(error) = reclaimed {
                    self.failed(&error);
                }
                let is_kept = self.commit();
                self.has_more_ended = is_kept && records.len() == RECLAIM_AT_ONCE;
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Tells the operator what the server noticed.
    fn notices(&mut self) {
        for notice in self.server.take_notices() {
            match notice {
                Notice::Declined {
                    link,
                    client,
                    lease,
                } => {
                    tell!(events::DHCP_ADDRESS_DECLINED, link = link.0, client = %clients::client(client.octets()), address = %clients::lease(lease));
                }
                Notice::Unanswered { link, client } => {
                    tell!(
                        events::DHCP_RECONFIGURE_UNANSWERED,
                        link = link.0,
                        client = clients::client(&client)
                    );
                }
                Notice::Exhausted { link, kind } => {
                    if let Some(times) = self.exhausted.now() {
                        let kind = if kind == IaKind::Pd {
                            "prefixes"
                        } else {
                            "addresses"
                        };
                        tell!(events::DHCP_POOLS_EXHAUSTED, link = link.0, kind, times);
                    }
                }
            }
        }
    }

    /// Tells the server which leases of the book are taken, a piece at a time.
    fn learn(&mut self) {
        let Some(from) = &mut self.learnt else { return };
        let now = self.clock.now();
        let (server, recall) = (&mut self.server, &mut self.recall);
        let misplaced = &mut self.misplaced;
        let renew = ReconfMsg::new(MessageType::RENEW).filter(|_| self.is_reloaded);
        let progress = self.book.scan_all(from, &mut |run| {
            for record in run.iter() {
                for lease in record.leases() {
                    server.occupy(record.link(), &lease, now.wall);
                }
                let Some(lease) = server.misplaced(&record, now.wall) else {
                    continue;
                };
                misplaced.clients += 1;
                misplaced.example.get_or_insert(lease);
                if let Some(renew) = renew
                    && server.can_reconfigure(&record)
                {
                    misplaced.recalled += 1;
                    recall.push(&record, renew);
                }
            }
            leasebook_store::Flow::Continue
        });
        match progress {
            Ok(Progress::More) => {}
            Ok(Progress::Done) => {
                (self.learnt, self.is_reloaded) = (None, false);
                std::mem::take(&mut self.misplaced).tell();
            }
            Err(error) => {
                self.failed(&error);
                self.learnt = None;
            }
        }
    }
}

/// Clients with leases that the configuration has no room for.
#[derive(Debug, Default)]
struct Misplaced {
    clients: u64,
    /// Those of them that are told to renew.
    recalled: u64,
    example: Option<LeaseName>,
}

impl Misplaced {
    fn tell(self) {
        let Self {
            clients, recalled, ..
        } = self;
        if let Some(example) = self.example {
            tell!(events::DHCP_LEASES_MISPLACED, clients, recalled, example = %example);
        }
    }
}

/// What there is to do.
#[derive(Debug, Default)]
struct Heard {
    /// Listeners that have something.
    listeners: Vec<usize>,
    /// An operator asks for something.
    is_asked: bool,
}

/// Waits until a listener has something, somebody asks or wakes us, or patience ends.
fn wait(
    listeners: &[Listener],
    control: Option<&Control>,
    woken: &OwnedFd,
    patience: Duration,
) -> Heard {
    let mut fds: Vec<PollFd<'_>> = listeners
        .iter()
        .map(|listener| PollFd::from_borrowed_fd(listener.as_fd(), PollFlags::IN))
        .collect();
    let asked = control.map(|control| PollFd::from_borrowed_fd(control.as_fd(), PollFlags::IN));
    fds.push(PollFd::from_borrowed_fd(woken.as_fd(), PollFlags::IN));
    fds.extend(asked);
    let timeout = Timespec {
        tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: patience.subsec_nanos().into(),
    };
    // An interrupted wait is a short one.
    if poll(&mut fds, Some(&timeout)).is_err() {
        return Heard::default();
    }
    if fds
        .get(listeners.len())
        .is_some_and(|fd| !fd.revents().is_empty())
    {
        // Who set it may have been heard already.
        let _ = rustix::io::read(woken, &mut [0_u8; 8]);
    }
    let readable = fds.iter().take(listeners.len()).enumerate();
    let readable = readable.filter(|(_, fd)| !fd.revents().is_empty());
    let asked = fds.get(listeners.len() + 1);
    Heard {
        listeners: readable.map(|(at, _)| at).collect(),
        is_asked: asked.is_some_and(|fd| !fd.revents().is_empty()),
    }
}

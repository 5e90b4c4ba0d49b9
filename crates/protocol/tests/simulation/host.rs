//! The server, its book on a disk that forgets what was not synced, and the ways they die.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use leasebook_protocol::Now;
use leasebook_protocol::server::{Batch, Config, Did, Dropped, NotTold, Notice, Reply, Server};
use leasebook_store::book::Recovery;
use leasebook_store::storage::{Fault, SimulatedDisk};
use leasebook_store::{
    Book, BookOptions, Change, Flow, LeaseName, LeaseStore as _, LinkId, Progress,
};
use leasebook_wire::code::MessageType;
use leasebook_wire::option::ReconfMsg;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::path::Datagram;

/// So small that checkpoints, and the crashes in them, come often.
const OPTIONS: BookOptions = BookOptions {
    overlay_octets: 240_000,
    overlay_growth: 1,
    load_octets: 1 << 20,
};

/// Records taken back at once.
const RECLAIMED_AT_ONCE: usize = 64;

/// What becomes of a turn of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// All goes well.
    Well,
    /// Power goes away at the disk's operation so many from now, or right after the commit.
    PowerLoss(u64),
    /// The process ends before its commit.
    KilledBefore,
    /// The process ends when the commit is done, with some of the replies sent.
    KilledAfter,
    /// The disk refuses the operation so many from now.
    Refused(u64, Fault),
}

/// What a turn gave.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// Which datagrams were answered, by their place in the burst, and with which reply.
    pub(crate) sent: Vec<(usize, usize)>,
    pub(crate) batch: Batch,
    /// The host is down now.
    pub(crate) is_down: bool,
}

struct Running {
    server: Server,
    book: Book,
    /// How far the server was told what is taken, while it learns.
    learnt: Option<Vec<u8>>,
    /// It learns because of another configuration: clients out of place are recalled.
    is_reloaded: bool,
    recalls: VecDeque<Wanted>,
}

/// A client that is to be told to ask anew, and for what.
pub(crate) type Wanted = (LinkId, Vec<u8>, ReconfMsg);

pub(crate) struct Host {
    data: tempfile::TempDir,
    disk: SimulatedDisk,
    config: Arc<Config>,
    running: Option<Running>,
    /// Whether the newest commit happened, as far as the server was told before it died.
    is_kept: bool,
    random: StdRng,
    pub(crate) recovered: u64,
    pub(crate) torn: u64,
    pub(crate) checkpoints: u64,
    pub(crate) refused: u64,
    pub(crate) declined: u64,
    pub(crate) exhausted: u64,
    pub(crate) answered: u64,
    pub(crate) misplaced: u64,
    pub(crate) unanswered: u64,
}

impl Host {
    pub(crate) fn new(config: Config, seed: u64) -> Self {
        let mut host = Self {
            data: tempfile::tempdir().unwrap(),
            disk: SimulatedDisk::new(),
            config: Arc::new(config),
            running: None,
            is_kept: false,
            random: StdRng::seed_from_u64(seed),
            recovered: 0,
            torn: 0,
            checkpoints: 0,
            refused: 0,
            declined: 0,
            exhausted: 0,
            answered: 0,
            misplaced: 0,
            unanswered: 0,
        };
        host.start();
        host
    }

    /// Starts again on what the disk has.
    pub(crate) fn start(&mut self) {
        // What was to go wrong and did not come to it goes well.
        self.disk.fault_at(u64::MAX, Fault::InputOutput);
        let disk = Arc::new(self.disk.clone());
        let opened = Book::open_on(self.data.path(), disk, OPTIONS, 7);
        let (book, Recovery { replayed, torn }) =
            opened.unwrap_or_else(|error| panic!("the book cannot be opened: {error}"));
        self.recovered += replayed;
        self.torn += u64::from(torn.is_some());
        let mut server = Server::new(Arc::clone(&self.config), self.random.random());
        server.set_interfaces(&interfaces(&self.config));
        self.running = Some(Running {
            server,
            book,
            learnt: Some(Vec::new()),
            is_reloaded: false,
            recalls: VecDeque::new(),
        });
    }

    pub(crate) fn is_up(&self) -> bool {
        self.running.is_some()
    }

    /// The book; the host is up.
    pub(crate) fn book(&self) -> &Book {
        &self.running.as_ref().unwrap().book
    }

    /// A client's leases on a link, of whatever state; the host is up.
    pub(crate) fn leases(&self, link: u16, client: &[u8]) -> Vec<LeaseName> {
        let record = self.book().binding(LinkId(link.into()), client).unwrap();
        let record = record.unwrap();
        record.view().leases().map(|lease| lease.name).collect()
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Puts a configuration in force, the same or another: pools are learnt again.
    pub(crate) fn reload(&mut self, config: Option<Config>) {
        self.config = config.map_or_else(|| Arc::clone(&self.config), Arc::new);
        if let Some(running) = &mut self.running {
            running.server.reconfigure(Arc::clone(&self.config));
            running.server.set_interfaces(&interfaces(&self.config));
            running.learnt = Some(Vec::new());
            running.is_reloaded = true;
        }
    }

    /// Ends in good order.
    pub(crate) fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.book.close().unwrap();
        }
    }

    /// Decides a burst, commits it, and answers what the fate lets it. Some of it is decided while
    /// the commit of what came before is under way.
    pub(crate) fn turn(&mut self, now: Now, burst: &[Datagram], fate: Fate) -> Turn {
        let mut turn = Turn::default();
        let before = self.random.random_range(0..=burst.len());
        let (fate, later) = if self.random.random_bool(0.5) {
            (fate, Fate::Well)
        } else {
            (Fate::Well, fate)
        };
        self.decide(now, burst, 0..before, &mut turn);
        let early = turn.sent.len();
        let Some(running) = &mut self.running else {
            return turn;
        };
        let changes = running.server.begin_commit(&mut turn.batch);
        self.decide(now, burst, before..burst.len(), &mut turn);
        let first = self.finish(changes, &mut turn.batch, fate);
        let second = match first {
            Some(true) => self.commit(&mut turn.batch, later),
            // What was decided behind it has not happened either.
            failed => failed,
        };
        if second.is_none() {
            // Whether the commit happened or not, what was sent before is anyone's guess if it
            // did, and nothing if it did not.
            turn.is_down = true;
            let (durable, fate, sent) = match first {
                Some(_) => (early, later, turn.sent.len()),
                None => (0, fate, early),
            };
            // A book that failed before refuses: then it was killed behind a commit that was none.
            let most = if fate == Fate::KilledAfter && self.is_kept {
                sent
            } else {
                durable
            };
            turn.sent.truncate(self.random.random_range(durable..=most));
            return turn;
        }
        let replies = turn.batch.replies();
        let is_kept = |reply: usize| {
            let kept = if reply < early { first } else { second };
            kept == Some(true) || !replies[reply].is_bound
        };
        turn.sent.retain(|(_, reply)| is_kept(*reply));
        self.answered += turn.sent.len() as u64;
        turn
    }

    /// Decides some of a burst.
    fn decide(&mut self, now: Now, burst: &[Datagram], which: Range<usize>, turn: &mut Turn) {
        let Some(running) = &mut self.running else {
            return;
        };
        for place in which {
            let Datagram { arrival, octets } = &burst[place];
            let (server, book) = (&mut running.server, &running.book);
            let outcome = server.datagram(now, arrival, octets, book, &mut turn.batch);
            match outcome.did {
                Did::Answered(kind) => {
                    assert_ne!(kind, MessageType::RECONFIGURE);
                    turn.sent.push((place, turn.sent.len()));
                }
                // While it learns it may not know whether there is anything left.
                Did::Dropped(Dropped::Unsure) => assert!(running.learnt.is_some()),
                Did::Dropped(why) => {
                    let is_known = matches!(why, Dropped::NothingToSay | Dropped::NoLink);
                    assert!(is_known, "{outcome:?}");
                }
            }
        }
        assert_eq!(turn.batch.replies().len(), turn.sent.len());
    }

    /// Makes the batch durable; whether that went well, or none if the host is down.
    fn commit(&mut self, batch: &mut Batch, fate: Fate) -> Option<bool> {
        let changes = self.running.as_mut()?.server.begin_commit(batch);
        self.finish(changes, batch, fate)
    }

    /// Makes changes durable that are on their way; the rest is the same.
    fn finish(&mut self, changes: Vec<Change>, batch: &mut Batch, fate: Fate) -> Option<bool> {
        let operations = self.disk.operations();
        match fate {
            Fate::KilledBefore => {
                self.die(None);
                return None;
            }
            Fate::PowerLoss(after) => self.disk.fault_at(operations + after, Fault::PowerLoss),
            Fate::Refused(after, fault) => self.disk.fault_at(operations + after, fault),
            Fate::Well | Fate::KilledAfter => {}
        }
        let running = self.running.as_mut()?;
        let is_kept = changes.is_empty() || running.book.commit(changes).is_ok();
        self.is_kept = is_kept;
        if is_kept {
            running.server.committed(batch);
        } else {
            running.server.abandoned(batch);
        }
        if is_kept && running.book.wants_checkpoint() {
            // It may fail, and then is made later.
            self.checkpoints += u64::from(running.book.checkpoint().is_ok());
        }
        match fate {
            Fate::PowerLoss(_) => self.die(Some(())),
            Fate::KilledAfter => self.die(None),
            _ => self.refused += u64::from(!is_kept),
        }
        self.running.is_some().then_some(is_kept)
    }

    /// Ends without any order, with the power or without it.
    fn die(&mut self, power: Option<()>) {
        self.running = None;
        self.disk = match power {
            Some(()) => self.disk.after_power_loss(self.random.random()),
            None => self.disk.after_kill(),
        };
    }

    /// What time brings: leases taken back, pools learnt. True if the host went down.
    pub(crate) fn tick(&mut self, now: Now, fate: Fate) -> bool {
        let mut batch = Batch::default();
        let Some(running) = &mut self.running else {
            return false;
        };
        let records = running.book.ended(now.wall, RECLAIMED_AT_ONCE).unwrap();
        let (server, book) = (&mut running.server, &running.book);
        server.reclaim(now, &records, book, &mut batch).unwrap();
        for notice in server.take_notices() {
            match notice {
                Notice::Declined { .. } => self.declined += 1,
                Notice::Exhausted { .. } => self.exhausted += 1,
                Notice::Unanswered { .. } => self.unanswered += 1,
            }
        }
        let kept = self.commit(&mut batch, fate);
        self.learn(now);
        kept.is_none()
    }

    /// Begins to tell the clients that wait for it, and those that it is wanted of, to ask anew;
    /// gives what is sent. None if the host went down.
    pub(crate) fn recall(
        &mut self,
        now: Now,
        wanted: Option<Wanted>,
        fate: Fate,
    ) -> Option<Vec<(Reply, Vec<u8>)>> {
        let mut batch = Batch::default();
        let running = self.running.as_mut()?;
        running.recalls.extend(wanted);
        for _ in 0..RECLAIMED_AT_ONCE {
            let Some((link, client, ask)) = running.recalls.pop_front() else {
                break;
            };
            let whom = (link, &client[..]);
            let begun =
                running
                    .server
                    .reconfigure_client(now, whom, ask, &running.book, &mut batch);
            assert!(!matches!(begun, Err(NotTold::Off | NotTold::Store(_))));
        }
        if !batch.is_unchanged() {
            self.commit(&mut batch, fate)?;
        }
        let running = self.running.as_mut()?;
        let mut batch = Batch::default();
        let (server, book) = (&mut running.server, &running.book);
        let sent = server.send_reconfigures(now, RECLAIMED_AT_ONCE, book, &mut batch);
        assert_eq!(sent.unwrap(), batch.replies().len());
        let replies = batch.replies().iter();
        let sent = replies.map(|reply| {
            let octets = &batch.octets()[reply.octets.clone()];
            (reply.clone(), octets.to_vec())
        });
        Some(sent.collect())
    }

    /// Whether nothing is written any more: a restart is due.
    pub(crate) fn is_stuck(&self) -> bool {
        self.refused > 0 && self.running.is_some()
    }

    pub(crate) fn restart_after_refusal(&mut self) {
        self.refused = 0;
        self.running = None;
        self.start();
    }

    fn learn(&mut self, now: Now) {
        let Some(running) = &mut self.running else {
            return;
        };
        let Some(from) = &mut running.learnt else {
            return;
        };
        let (server, recalls) = (&mut running.server, &mut running.recalls);
        let renew = ReconfMsg::new(MessageType::RENEW).filter(|_| running.is_reloaded);
        let progress = running.book.scan_all(from, &mut |run| {
            for record in run.iter() {
                for lease in record.leases() {
                    server.occupy(record.link(), &lease, now.wall);
                }
                if let Some(renew) = renew
                    && server.misplaced(&record, now.wall).is_some()
                    && server.can_reconfigure(&record)
                {
                    self.misplaced += 1;
                    recalls.push_back((record.link(), record.client().to_vec(), renew));
                }
            }
            Flow::Stop
        });
        if progress.unwrap() == Progress::Done {
            (running.learnt, running.is_reloaded) = (None, false);
        }
    }
}

/// The interface of each link.
fn interfaces(config: &Config) -> Vec<(u32, LinkId)> {
    let links = config.links.iter();
    links.map(|link| (10 + link.id.0, link.id)).collect()
}

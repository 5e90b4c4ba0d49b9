//! The server, its book on a disk that forgets what was not synced, and the ways they die.

use std::sync::Arc;

use leasebook_protocol::Now;
use leasebook_protocol::server::{Batch, Config, Did, Dropped, Notice, Server};
use leasebook_store::book::Recovery;
use leasebook_store::storage::{Fault, SimulatedDisk};
use leasebook_store::{Book, BookOptions, Flow, LeaseStore as _, Progress};
use leasebook_wire::code::MessageType;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::path::Datagram;

/// So small that checkpoints, and the crashes in them, come often.
const OPTIONS: BookOptions = BookOptions {
    overlay_octets: 400_000,
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
}

pub(crate) struct Host {
    data: tempfile::TempDir,
    disk: SimulatedDisk,
    config: Arc<Config>,
    running: Option<Running>,
    random: StdRng,
    pub(crate) recovered: u64,
    pub(crate) torn: u64,
    pub(crate) checkpoints: u64,
    pub(crate) refused: u64,
    pub(crate) declined: u64,
    pub(crate) exhausted: u64,
    pub(crate) answered: u64,
}

impl Host {
    pub(crate) fn new(config: Config, seed: u64) -> Self {
        let mut host = Self {
            data: tempfile::tempdir().unwrap(),
            disk: SimulatedDisk::new(),
            config: Arc::new(config),
            running: None,
            random: StdRng::seed_from_u64(seed),
            recovered: 0,
            torn: 0,
            checkpoints: 0,
            refused: 0,
            declined: 0,
            exhausted: 0,
            answered: 0,
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
        let links = self.config.links.iter();
        let interfaces: Vec<_> = links.map(|link| (10 + link.id.0, link.id)).collect();
        server.set_interfaces(&interfaces);
        self.running = Some(Running {
            server,
            book,
            learnt: Some(Vec::new()),
        });
    }

    pub(crate) fn is_up(&self) -> bool {
        self.running.is_some()
    }

    /// The book; the host is up.
    pub(crate) fn book(&self) -> &Book {
        &self.running.as_ref().unwrap().book
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Puts the same configuration in force anew: pools are learnt again.
    pub(crate) fn reload(&mut self) {
        if let Some(running) = &mut self.running {
            running.server.reconfigure(Arc::clone(&self.config));
            running.learnt = Some(Vec::new());
        }
    }

    /// Ends in good order.
    pub(crate) fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.book.close().unwrap();
        }
    }

    /// Decides a burst, commits it, and answers what the fate lets it.
    pub(crate) fn turn(&mut self, now: Now, burst: &[Datagram], fate: Fate) -> Turn {
        let Some(running) = &mut self.running else {
            return Turn::default();
        };
        let mut turn = Turn::default();
        for (place, datagram) in burst.iter().enumerate() {
            let Datagram { arrival, octets } = datagram;
            let (server, book) = (&mut running.server, &running.book);
            let outcome = server.datagram(now, arrival, octets, book, &mut turn.batch);
            match outcome.did {
                Did::Answered(kind) => {
                    assert_ne!(kind, MessageType::RECONFIGURE);
                    turn.sent.push((place, turn.sent.len()));
                }
                // While it learns it may not know whether there is anything left.
                Did::Dropped(Dropped::Unsure) => assert!(running.learnt.is_some()),
                Did::Dropped(why) => assert_eq!(why, Dropped::NothingToSay, "{outcome:?}"),
            }
        }
        assert_eq!(turn.batch.replies().len(), turn.sent.len());
        let kept = self.commit(&mut turn.batch, fate);
        let Some(is_kept) = kept else {
            // Whether the commit happened or not, what was sent before is anyone's guess if it
            // did, and nothing if it did not.
            turn.is_down = true;
            let is_durable = fate == Fate::KilledAfter;
            let most = if is_durable { turn.sent.len() } else { 0 };
            turn.sent.truncate(self.random.random_range(0..=most));
            return turn;
        };
        let replies = turn.batch.replies();
        turn.sent
            .retain(|(_, reply)| is_kept || !replies[*reply].is_bound);
        self.answered += turn.sent.len() as u64;
        turn
    }

    /// Makes the batch durable; whether that went well, or none if the host is down.
    fn commit(&mut self, batch: &mut Batch, fate: Fate) -> Option<bool> {
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
        let changes = running.server.begin_commit(batch);
        let is_kept = changes.is_empty() || running.book.commit(changes).is_ok();
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
                Notice::Unanswered { .. } => panic!("nobody was told anything"),
            }
        }
        let kept = self.commit(&mut batch, fate);
        self.learn(now);
        kept.is_none()
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
        let server = &mut running.server;
        let progress = running.book.scan_all(from, &mut |run| {
            for record in run.iter() {
                for lease in record.leases() {
                    server.occupy(record.link(), &lease, now.wall);
                }
            }
            Flow::Stop
        });
        if progress.unwrap() == Progress::Done {
            running.learnt = None;
        }
    }
}

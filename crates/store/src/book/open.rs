//! Starting up: lock, ledger, what the journal has beyond it; and repairing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use parking_lot::{Mutex, RwLock};

use super::change_log::{Effect, Totals};
use super::resolve::{State, Writer};
use super::{Book, BookOptions, Layers, Shared};
use crate::journal::{self, Committer, Journal, Place, Torn, book_of};
use crate::lease_store::StoreError;
use crate::ledger::{Ledger, Meta};
use crate::lock::DataLock;
use crate::overlay::Overlay;
use crate::storage::{Disk, RealDisk};

/// What opening found that the operator should hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Changes replayed from the journal.
    pub replayed: u64,
    /// A half-written tail that was cut; nothing of it had been acknowledged.
    pub torn: Option<Torn>,
}

/// Where things are in a data directory.
struct Layout {
    ledger: PathBuf,
    journal: PathBuf,
    /// The file system of the journal.
    disk: Arc<dyn Disk>,
}

impl Layout {
    fn of(data: &Path, disk: Arc<dyn Disk>) -> Self {
        Self {
            ledger: data.join("ledger"),
            journal: data.join("journal"),
            disk,
        }
    }

    /// The number of the book whose journal is there.
    fn journal_book(&self) -> Result<Option<u128>, StoreError> {
        if self.disk.list(&self.journal).is_err() && !self.journal.exists() {
            return Ok(None);
        }
        Ok(book_of(&*self.disk, &self.journal)?)
    }

    /// Where the journal of this book is.
    fn place(&self, book: u128) -> Place {
        Place {
            disk: Arc::clone(&self.disk),
            ..Place::new(&self.journal, book)
        }
    }
}

impl Book {
    /// Opens the book in `data`, or begins one: takes the lock, opens the ledger, replays what
    /// the journal has beyond it. `fresh` is a random number that names a new book.
    ///
    /// A ledger that is gone, or whose making was cut short, is built again if the journal goes back to the first change.
    ///
    /// # Errors
    /// If another process has the book, a file is damaged or missing, or was written by
    /// another version. Nothing but a torn tail is ever changed on the way to an error.
    pub fn open(
        data: &Path,
        options: BookOptions,
        fresh: u128,
    ) -> Result<(Self, Recovery), StoreError> {
        Self::open_on(data, Arc::new(RealDisk), options, fresh)
    }

    /// As [`Book::open`], with the journal on `disk`: for simulations of what a crash leaves.
    ///
    /// The ledger is a file of the machine's all the same; it changes only in synced
    /// transactions.
    ///
    /// # Errors
    /// As [`Book::open`].
    pub fn open_on(
        data: &Path,
        disk: Arc<dyn Disk>,
        options: BookOptions,
        fresh: u128,
    ) -> Result<(Self, Recovery), StoreError> {
        let lock = DataLock::take(data)?;
        let layout = Layout::of(data, disk);
        let journal_book = layout.journal_book()?;
        let is_rebuilt = journal_book.is_some()
            && (!Ledger::exists(&layout.ledger) || Ledger::is_unborn(&layout.ledger));
        let (ledger, meta, journal) = match journal_book {
            // Nothing at all: a new book. The journal comes first, so that a book of which
            // only the ledger is there has lost its journal, and is not taken for a new one.
            None if !Ledger::exists(&layout.ledger) => {
                let journal = Journal::create(layout.place(fresh))?;
                let ledger = Ledger::create(&layout.ledger, fresh)?;
                let meta = ledger.read()?.meta()?;
                (ledger, meta, Some(journal))
            }
            Some(book) if is_rebuilt => {
                Ledger::refuse_leftovers(&layout.ledger)?;
                let ledger = Ledger::create(&layout.ledger, book)?;
                let meta = ledger.read()?.meta()?;
                (ledger, meta, None)
            }
            _ => {
                let (ledger, meta) = Ledger::open(&layout.ledger)?;
                (ledger, meta, None)
            }
        };
        let mut recovery = Recovery {
            replayed: 0,
            torn: None,
        };
        let mut replay = Replay::new(&meta, is_rebuilt);
        let journal = if let Some(journal) = journal {
            journal
        } else {
            let place = layout.place(meta.book);
            let opened = Journal::open(place, meta.applied_seq, &mut |seq, payload| {
                replay.change(seq, payload)
            });
            let opened = opened.inspect_err(|_| {
                if is_rebuilt {
                    // What was begun to be built must not look like a book next time.
                    let _ = fs::remove_dir_all(&layout.ledger);
                }
            })?;
            recovery.replayed = opened.replayed;
            recovery.torn = opened.torn;
            opened.journal
        };
        let shared = Arc::new(Shared {
            ledger,
            layers: RwLock::new(Layers {
                active: replay.overlay,
                frozen: None,
                state: replay.state,
                frozen_state: replay.state,
            }),
        });
        let enough = options.enough(shared.ledger.disk_octets());
        let book = Self {
            data: data.to_path_buf(),
            options,
            enough_octets: AtomicUsize::new(enough),
            committer: Committer::new(Writer::new(Arc::clone(&shared)), journal),
            shared,
            checkpoint: Mutex::new(()),
            _lock: lock,
        };
        Ok((book, recovery))
    }
}

/// Takes the journal's tail in.
struct Replay {
    overlay: Overlay,
    state: State,
    is_rebuilt: bool,
}

impl Replay {
    fn new(meta: &Meta, is_rebuilt: bool) -> Self {
        Self {
            overlay: Overlay::default(),
            state: State {
                seq: meta.applied_seq,
                totals: Totals {
                    bindings: meta.bindings,
                    leases: meta.leases,
                },
            },
            is_rebuilt,
        }
    }

    fn change(&mut self, seq: u64, payload: &[u8]) -> Result<(), journal::ReplayError> {
        let (effect, totals) = Effect::parse(payload)?;
        if self.is_rebuilt && matches!(effect, Effect::Loaded) {
            return Err(
                "the ledger is missing, and with it what was loaded in bulk by this \
                        change; restore the ledger from a backup"
                    .into(),
            );
        }
        effect.apply(&mut self.overlay);
        self.state = State { seq, totals };
        Ok(())
    }
}

/// What [`compact`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compacted {
    /// Octets of the ledger's file before.
    pub before: u64,
    /// Octets of it now.
    pub after: u64,
}

/// Gives back the space in the ledger of the book in `data` that nothing uses, as after a large
/// load. Needs room beside it for what is left; nobody may have the book open meanwhile.
///
/// # Errors
/// If the book is in use, cannot be opened, or the disk is full. The book is whole in any case.
pub fn compact(data: &Path) -> Result<Compacted, StoreError> {
    let _lock = DataLock::take(data)?;
    let layout = Layout::of(data, Arc::new(RealDisk));
    let [before, after] = Ledger::compact(&layout.ledger)?;
    Ok(Compacted { before, after })
}

/// What [`repair`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepairReport {
    /// Where the ledger that could not be used is now; none if it was sound.
    pub ledger_set_aside: Option<PathBuf>,
    /// What was done to the journal.
    pub journal: journal::Repair,
}

/// Makes the book in `data` openable again after damage, keeping all that can be kept.
///
/// A ledger that cannot be opened is set aside under another name, provided the journal goes
/// back to the first change and builds it again; a damaged journal is cut before the damage.
/// Nothing is deleted. Only for when an operator asks for it: what is lost stays lost.
pub fn repair(data: &Path) -> Result<RepairReport, StoreError> {
    let _lock = DataLock::take(data)?;
    let layout = Layout::of(data, Arc::new(RealDisk));
    let exists = layout.ledger.exists();
    let opened = exists.then(|| Ledger::open(&layout.ledger));
    let (book, applied_seq, ledger_set_aside) = match opened {
        Some(Ok((_, meta))) => (meta.book, meta.applied_seq, None),
        other => {
            let Some(book) = layout.journal_book()? else {
                return Err(match other {
                    Some(Err(error)) => error,
                    _ => StoreError::Corrupt {
                        path: data.to_path_buf(),
                        offset: 0,
                        what: "there is no book".to_owned(),
                        repair: "nothing was changed".to_owned(),
                    },
                });
            };
            // Opening with nothing in the ledger says whether the journal is enough.
            let place = layout.place(book);
            drop(Journal::open(place, 0, &mut |_, _| Ok(()))?);
            let aside = other.is_some().then(|| set_aside(&layout.ledger));
            (book, 0, aside.transpose()?)
        }
    };
    let journal = journal::repair(&layout.place(book), applied_seq)?;
    Ok(RepairReport {
        ledger_set_aside,
        journal,
    })
}

/// Gives the directory a name that is free.
fn set_aside(ledger: &Path) -> Result<PathBuf, StoreError> {
    let names = (1u32..).map(|number| ledger.with_extension(format!("damaged.{number}")));
    let free = names.into_iter().find(|name| !name.exists());
    let free = free.unwrap_or_else(|| ledger.with_extension("damaged"));
    fs::rename(ledger, &free).map_err(|source| StoreError::Io {
        action: "set aside",
        path: ledger.to_path_buf(),
        source,
    })?;
    Ok(free)
}

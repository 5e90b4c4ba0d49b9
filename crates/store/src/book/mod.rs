//! The durable book: journal, overlays and ledger as one [`LeaseStore`].
//!
//! ```text
//!  commit ──► resolve ──► journal ──► fsync ──► overlay (active) ──► acknowledged
//!                                                 │ checkpoint: frozen, then
//!                                                 ▼
//!                                               ledger, one synced transaction ──► journal segments go
//!  scan   ──► overlays over ledger, in short looks
//! ```
//!
//! Invariants:
//! - nothing enters an overlay that is not in the journal and synced;
//! - an overlay leaves memory only after the ledger has it, synced;
//! - journal segments go only after the ledger has what they hold;
//! - a reader takes the overlays first and the ledger second, so what moves from the one to
//!   the other meanwhile is seen twice, never not at all; newer layers shadow older ones.
//!
//! | module | its room |
//! |---|---|
//! | `change_log` | a batch of changes as octets |
//! | `resolve` | from changes asked for to records that change |
//! | `scan` | answering queries |
//! | `view` | one look at all layers |
//! | `writer` | the engine's part of a group commit |

mod change_log;
mod resolve;
mod scan;
mod view;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::binding::{Binding, LeaseName, LinkId};
use crate::journal::{CommitError, Committer, Journal, Place, Torn, book_of};
use crate::lease_store::{Change, LeaseStore, Stats, StoreError};
use crate::ledger::{Applied, Ledger};
use crate::lock::DataLock;
use crate::overlay::Overlay;
use crate::query::{Cursor, Flow, Progress, Run};
use crate::record::{Record, RecordView};
use crate::storage::RealDisk;
use scan::Scan;
use view::View;
use writer::Writer;

/// What an owner may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookOptions {
    /// Octets of changes kept in memory before a checkpoint is wanted. At twice as many a
    /// commit makes the checkpoint itself. Default 64 MiB.
    pub overlay_octets: usize,
}

impl Default for BookOptions {
    fn default() -> Self {
        Self {
            overlay_octets: 64 << 20,
        }
    }
}

/// The durable book in a data directory.
pub struct Book {
    data: PathBuf,
    options: BookOptions,
    shared: Arc<Shared>,
    committer: Committer<Writer>,
    /// Held while a checkpoint runs: one at a time.
    checkpoint: Mutex<()>,
    _lock: DataLock,
}

/// What readers and the writer share.
struct Shared {
    ledger: Ledger,
    layers: RwLock<Layers>,
}

/// What changed since the ledger's state, newest first.
#[derive(Default)]
struct Layers {
    active: Overlay,
    frozen: Option<Frozen>,
    last_seq: u64,
}

/// An overlay on its way into the ledger.
#[derive(Clone)]
struct Frozen {
    overlay: Arc<Overlay>,
    /// The newest change in it.
    last_seq: u64,
    /// The newest journal entry in it.
    logged: u64,
}

impl Layers {
    fn list(&self) -> Vec<&Overlay> {
        let mut list = vec![&self.active];
        list.extend(self.frozen.as_ref().map(|frozen| &*frozen.overlay));
        list
    }
}

/// What opening found that the operator should hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Journal entries replayed.
    pub replayed: u64,
    /// A half-written tail that was cut; nothing of it had been acknowledged.
    pub torn: Option<Torn>,
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Book")
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}

impl Book {
    /// Opens the book in `data`, or begins one: takes the lock, opens the ledger, replays what
    /// the journal has beyond it. `fresh` is a random number that names a new book.
    ///
    /// # Errors
    /// If another process has the book, a file is damaged or missing, or was written by
    /// another version. Nothing but a torn tail is ever changed on the way to an error.
    pub fn open(
        data: &Path,
        options: BookOptions,
        fresh: u128,
    ) -> Result<(Self, Recovery), StoreError> {
        let lock = DataLock::take(data)?;
        let journal_dir = data.join("journal");
        let kept = if journal_dir.exists() {
            book_of(&RealDisk, &journal_dir)?
        } else {
            None
        };
        let (ledger, book) = Ledger::open(&data.join("ledger"), kept.unwrap_or(fresh))?;
        let applied = ledger.read()?.counts()?.applied;
        let mut layers = Layers {
            last_seq: applied.seq,
            ..Layers::default()
        };
        let place = Place::new(&journal_dir, book);
        let (journal, recovery) = if kept.is_none() && applied == Applied::default() {
            (
                Journal::create(place)?,
                Recovery {
                    replayed: 0,
                    torn: None,
                },
            )
        } else {
            let opened = Journal::open(place, applied.logged, &mut |_, payload| {
                layers.last_seq = change_log::replay(payload, &mut layers.active)?;
                Ok(())
            })?;
            (
                opened.journal,
                Recovery {
                    replayed: opened.replayed,
                    torn: opened.torn,
                },
            )
        };
        let shared = Arc::new(Shared {
            ledger,
            layers: RwLock::new(layers),
        });
        let book = Self {
            data: data.to_path_buf(),
            options,
            committer: Committer::new(Writer::new(Arc::clone(&shared)), journal),
            shared,
            checkpoint: Mutex::new(()),
            _lock: lock,
        };
        Ok((book, recovery))
    }

    /// Runs `look` on one consistent look at the whole book.
    fn look<T>(
        &self,
        look: impl FnOnce(&View<'_>, u64) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let layers = self.shared.layers.read();
        let ledger = self.shared.ledger.read()?;
        let view = View {
            layers: layers.list(),
            ledger: &ledger,
        };
        look(&view, layers.last_seq)
    }

    /// Whether enough has changed for a checkpoint.
    pub fn wants_checkpoint(&self) -> bool {
        self.shared.layers.read().active.octets() >= self.options.overlay_octets
    }

    /// Brings what changed into the ledger and lets the journal's old segments go.
    ///
    /// Readers and writers go on meanwhile. Nothing happens if nothing changed.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        let _one = self.checkpoint.lock();
        let frozen = self
            .committer
            .exclusively(|_, journal| self.shared.freeze(journal));
        let Some(frozen) = frozen else {
            return Ok(());
        };
        self.shared.settle(&frozen)?;
        self.committer
            .exclusively(|_, journal| journal.release(frozen.logged))?;
        Ok(())
    }

    /// Takes in many bindings at once, as [`Change::Put`] each, without journal and overlay:
    /// in order of their keys into the ledger, durable on return. Made for imports.
    ///
    /// Other writers wait meanwhile, readers do not. Returns how many records were written.
    /// On an error some may have been taken in; each is whole or not there.
    pub fn load(&self, bindings: Vec<Binding>) -> Result<u64, StoreError> {
        let mut changed = 0;
        let mut rest = bindings;
        while !rest.is_empty() {
            let others = rest.split_off(rest.len().min(LOAD_BINDINGS));
            changed += self.load_some(std::mem::replace(&mut rest, others))?;
        }
        Ok(changed)
    }

    fn load_some(&self, bindings: Vec<Binding>) -> Result<u64, StoreError> {
        let _one = self.checkpoint.lock();
        self.committer.exclusively(|writer, journal| {
            // With nothing in the overlays the ledger is the whole book, and stays it: an older
            // frozen overlay first, then what came since.
            for _ in 0..2 {
                if let Some(frozen) = self.shared.freeze(journal) {
                    self.shared.settle(&frozen)?;
                }
            }
            let (changes, seq) = writer.resolve_all(bindings.into_iter().map(Change::Put))?;
            if changes.len() == 0 {
                return Ok(0);
            }
            let changes: Vec<_> = changes.into_changes().collect();
            let logged = journal.last_seq();
            self.shared
                .ledger
                .apply(&changes, Applied { seq, logged })?;
            writer.moved_to(seq);
            journal.release(logged)?;
            Ok(changes.len() as u64)
        })
    }

    /// Tells `visit` records from the key `from` on, whatever their leases' states, until it
    /// stops or a bounded amount of work is done; `from` moves behind what was told.
    pub fn visit_all(
        &self,
        from: &mut Vec<u8>,
        visit: &mut dyn FnMut(RecordView<'_>) -> Flow,
    ) -> Result<Progress, StoreError> {
        self.look(|view, _| scan::visit_all(view, from, visit))
    }

    /// Checks all of the ledger: blocks' checksums and order, and that indexes and records
    /// agree. Returns how many records it has; what is in the overlays is not counted.
    pub fn verify(&self) -> Result<u64, StoreError> {
        self.shared.ledger.verify()
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Brings everything into the ledger, so that the next opening has nothing to replay.
    pub fn close(self) -> Result<(), StoreError> {
        self.checkpoint()
    }
}

impl Shared {
    /// Sets the active overlay aside for the ledger; one left by a failed checkpoint is
    /// taken again first. The journal is held so that its position and the overlay agree.
    fn freeze(&self, journal: &Journal) -> Option<Frozen> {
        let mut layers = self.layers.write();
        if layers.frozen.is_none() && layers.active.len() > 0 {
            layers.frozen = Some(Frozen {
                overlay: Arc::new(std::mem::take(&mut layers.active)),
                last_seq: layers.last_seq,
                logged: journal.last_seq(),
            });
        }
        layers.frozen.clone()
    }

    /// Brings a frozen overlay into the ledger.
    fn settle(&self, frozen: &Frozen) -> Result<(), StoreError> {
        let changes: Vec<_> = frozen
            .overlay
            .iter()
            .map(|(key, record)| (key.clone(), record.clone()))
            .collect();
        let applied = Applied {
            seq: frozen.last_seq,
            logged: frozen.logged,
        };
        self.ledger.apply(&changes, applied)?;
        self.layers.write().frozen = None;
        Ok(())
    }
}

/// Bindings loaded in one transaction: bounds memory.
const LOAD_BINDINGS: usize = 1 << 17;

impl LeaseStore for Book {
    fn commit(&self, changes: Vec<Change>) -> Result<u64, StoreError> {
        if self.shared.layers.read().active.octets()
            >= self.options.overlay_octets.saturating_mul(2)
        {
            self.checkpoint()?;
        }
        match self.committer.commit(changes) {
            Ok(committed) => Ok(committed.answer),
            Err(CommitError::Journal(error)) => Err(error.into()),
            Err(CommitError::Refused(error)) => {
                Err(
                    Arc::into_inner(error).unwrap_or_else(|| StoreError::ReadOnly {
                        reason: "the reason is gone".into(),
                    }),
                )
            }
        }
    }

    fn last_seq(&self) -> u64 {
        self.shared.layers.read().last_seq
    }

    fn scan(
        &self,
        cursor: &mut Cursor,
        now: u64,
        visit: &mut dyn FnMut(Run<'_>) -> Flow,
    ) -> Result<Progress, StoreError> {
        self.look(|view, last_seq| {
            Scan {
                view,
                cursor,
                now,
                last_seq,
                visit,
            }
            .run()
        })
    }

    fn binding(&self, link: LinkId, client: &[u8]) -> Result<Option<Record>, StoreError> {
        self.look(|view, _| view.of_client(link.0, client))
    }

    fn holder(&self, lease: LeaseName) -> Result<Option<Record>, StoreError> {
        self.look(|view, _| view.holder(lease))
    }

    fn stats(&self) -> Result<Stats, StoreError> {
        let journal_octets = self
            .committer
            .exclusively(|_, journal| journal.disk_octets());
        self.look(|view, last_seq| {
            let counts = view.ledger.counts()?;
            let (mut bindings, mut leases) = (counts.bindings, counts.leases);
            // Counted exactly: what an overlay says of a key takes the place of the ledger's.
            for (key, said) in view.changes(&[], None) {
                let former = view.ledger.record(key)?;
                let count = |record: &Record| record.view().leases().count() as u64;
                bindings = bindings + u64::from(said.is_some()) - u64::from(former.is_some());
                leases = leases + said.as_ref().map_or(0, count) - former.as_ref().map_or(0, count);
            }
            Ok(Stats {
                bindings,
                leases,
                last_seq,
                disk_octets: self.shared.ledger.disk_octets() + journal_octets,
            })
        })
    }
}

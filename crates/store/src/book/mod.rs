//! The durable book: journal, overlays and ledger as one [`LeaseStore`].
//!
//! ```text
//!  commit ──► resolve ──► journal ──► fsync ──► overlay (active) ──► acknowledged
//!                                                 │ checkpoint: frozen, then
//!                                                 ▼
//!                                               ledger, one synced transaction ──► journal segments go
//!  scan   ──► overlays over ledger, in short looks
//!  load   ──► ledger, in sorted synced transactions
//! ```
//!
//! Invariants:
//! - nothing enters an overlay that is not in the journal and synced;
//! - an overlay leaves memory only after the ledger has it, synced;
//! - journal segments go only after the ledger has what they hold;
//! - a change's sequence number is its payload's in the journal;
//! - a reader takes the overlays first and the ledger second, so what moves from the one to
//!   the other meanwhile is seen twice, never not at all; newer layers hide older ones.
//!
//! | module | its room |
//! |---|---|
//! | `open` | starting up, and repairing |
//! | `change_log` | changes as octets in the journal |
//! | `resolve` | from changes asked for to changes that happen |
//! | `look` | beginning a look |
//! | `view` | one look at all layers |
//! | `plan` | where answers to a query may be |
//! | `scan` | telling them |
//! | `load` | many bindings at once |

mod change_log;
mod load;
mod look;
mod open;
mod plan;
mod resolve;
mod scan;
mod view;

use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};

use crate::binding::{LeaseName, LinkId};
use crate::index;
use crate::journal::{CommitError, Committer};
use crate::lease_store::{Change, LeaseStore, Stats, StoreError};
use crate::ledger::Ledger;
use crate::lock::DataLock;
use crate::overlay::Overlay;
use crate::query::{Cursor, Flow, Phase, Progress, Query, Run, Selector};
use crate::record::Record;
use resolve::{Prepared, State, Writer};
use scan::Scan;
use view::View;

pub use open::{Compacted, Recovery, RepairReport, compact, repair};

/// What an owner may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookOptions {
    /// Octets of memory for changes before a checkpoint is wanted, in a book that is small. At
    /// twice as many a commit makes the checkpoint itself. Default 64 MiB, about 120 000 changes.
    pub overlay_octets: usize,
    /// How many times as many a large book waits for at most, if that is a sixteenth of the ledger
    /// and an eighth of what the machine has free. There most changes fall on pages of their own,
    /// so the more come together the less is written for each. Default 4; 1 never waits for more.
    pub overlay_growth: usize,
    /// Octets of records that a bulk load sorts at once, at most; it takes about four times as
    /// much memory, so an eighth of what the machine has free is the limit in any case. Default
    /// 1 GiB, about three million bindings: the fewer the batches, the less is written twice.
    pub load_octets: usize,
}

impl Default for BookOptions {
    fn default() -> Self {
        Self {
            overlay_octets: 64 << 20,
            overlay_growth: 4,
            load_octets: 1 << 30,
        }
    }
}

impl BookOptions {
    /// Octets of memory for changes before a checkpoint is wanted, beside a ledger of so many.
    fn enough(&self, ledger_octets: u64) -> usize {
        let of_ledger = usize::try_from(ledger_octets / 16).unwrap_or(usize::MAX);
        if of_ledger <= self.overlay_octets {
            return self.overlay_octets;
        }
        let of_memory = load::free_octets().map_or(usize::MAX, |free| free / 8);
        let most = self.overlay_octets.saturating_mul(self.overlay_growth);
        most.min(of_ledger).min(of_memory).max(self.overlay_octets)
    }
}

/// The durable book in a data directory.
///
/// Made by [`Book::open`]. What is not brought into the ledger by [`Book::close`] or a
/// checkpoint is replayed from the journal by the next opening; dropping it loses nothing.
pub struct Book {
    data: PathBuf,
    options: BookOptions,
    shared: Arc<Shared>,
    committer: Committer<Writer>,
    /// Octets of memory for changes before a checkpoint is wanted, for the ledger as it is.
    enough_octets: AtomicUsize,
    /// Held while a checkpoint runs: one at a time.
    checkpoint: Mutex<()>,
    _lock: DataLock,
}

/// What readers and the writer share.
struct Shared {
    ledger: Ledger,
    layers: RwLock<Layers>,
}

/// What changed since the ledger's state.
struct Layers {
    active: Overlay,
    /// An overlay on its way into the ledger.
    frozen: Option<Arc<Overlay>>,
    /// Of all that is visible.
    state: State,
    /// Of what is in `frozen`.
    frozen_state: State,
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Book")
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}

impl Book {
    /// Whether enough has changed for a checkpoint.
    pub fn wants_checkpoint(&self) -> bool {
        let enough = self.enough_octets.load(Ordering::Relaxed);
        self.shared.layers.read().active.octets() >= enough
    }

    /// Brings what changed into the ledger and lets the journal's old segments go.
    ///
    /// Readers and writers go on meanwhile. Nothing happens if nothing changed. On an error
    /// nothing is lost: the changes stay in memory and in the journal, and the next checkpoint
    /// tries again.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        let _one = self.checkpoint.lock();
        self.settle_and_release()
    }

    /// Makes a checkpoint if there are so many octets of changes in memory; if one is under way,
    /// that may be enough.
    fn checkpoint_at(&self, octets: usize) -> Result<(), StoreError> {
        let is_too_much = || self.shared.layers.read().active.octets() >= octets;
        if !is_too_much() {
            return Ok(());
        }
        let _one = self.checkpoint.lock();
        if is_too_much() {
            self.settle_and_release()?;
        }
        Ok(())
    }

    /// One thread at a time.
    fn settle_and_release(&self) -> Result<(), StoreError> {
        if let Some(applied_seq) = self.settle()? {
            self.committer
                .exclusively(|_, journal| journal.release(applied_seq))?;
        }
        Ok(())
    }

    /// Brings the frozen overlay into the ledger, or freezes the active one and brings that;
    /// returns the newest change that the ledger has then. One thread at a time.
    fn settle(&self) -> Result<Option<u64>, StoreError> {
        let Some((overlay, state)) = self.shared.freeze() else {
            return Ok(None);
        };
        let applied = self.shared.ledger.apply(overlay.records(), state.seq)?;
        let meta = applied.commit()?;
        debug_assert_eq!(
            (meta.bindings, meta.leases),
            (state.totals.bindings, state.totals.leases)
        );
        let ledger_octets = self.shared.ledger.disk_octets();
        let enough = self.options.enough(ledger_octets);
        self.enough_octets.store(enough, Ordering::Relaxed);
        // Dropped here, when neither lock nor reader waits for it.
        let _gone = self.shared.layers.write().frozen.take();
        Ok(Some(state.seq))
    }

    /// Brings everything into the ledger, so that the next opening has nothing to replay.
    pub fn close(self) -> Result<(), StoreError> {
        // A frozen overlay that an earlier checkpoint could not bring in goes first.
        self.checkpoint()?;
        self.checkpoint()
    }

    /// The data directory.
    pub fn data(&self) -> &std::path::Path {
        &self.data
    }

    /// Tells `visit` records from the key `from` on, whatever their leases' states, until it
    /// stops or a bounded amount of work is done; `from` moves behind what was told and is
    /// empty at the beginning. For exports; records that change meanwhile may be missed or told
    /// twice.
    ///
    /// Unlike in answers to queries, a record told here need not have a live lease.
    pub fn scan_all(
        &self,
        from: &mut Vec<u8>,
        visit: &mut dyn FnMut(Run<'_>) -> Flow,
    ) -> Result<Progress, StoreError> {
        let query = Query {
            selector: Selector::All,
            links: crate::query::Links::Any,
        };
        Scan::new(&query, 0, visit).everything(&self.shared, from)
    }

    /// Records of which every bound lease has run out at `now` (Unix seconds), those that ended
    /// first in front, at most `limit`: for taking leases back.
    pub fn ended(&self, now: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.shared.look(None, |view| {
            let ended = view.ended(now, limit)?;
            let records = ended.iter().map(|(_, record)| Record::from_view(record));
            Ok(records.collect())
        })
    }

    /// All records of a client, link by link, whatever their leases' states: for the help desk.
    pub fn of_client(&self, client: &[u8]) -> Result<Vec<Record>, StoreError> {
        self.shared.look(None, |view| {
            let mut found = Vec::new();
            let mut link = LinkId(0);
            while let Some(on) = view.next_link(client, link)? {
                let record = view.of_client(on, client)?;
                found.extend(record.map(|record| Record::from_view(&record)));
                let Some(next) = on.0.checked_add(1) else {
                    break;
                };
                link = LinkId(next);
            }
            Ok(found)
        })
    }

    /// Checks all of the ledger: blocks' checksums and order, and that index entries and
    /// records agree, both ways. Returns how many records it has; what no checkpoint has
    /// brought in yet is not counted.
    ///
    /// The first thing wrong is the error. Takes as long as reading everything takes.
    pub fn verify(&self) -> Result<u64, StoreError> {
        self.shared.ledger.verify()
    }
}

impl Shared {
    /// Sets the active overlay aside for the ledger, unless one set aside before is still there;
    /// gives the one there is, and the state of the book with it.
    fn freeze(&self) -> Option<(Arc<Overlay>, State)> {
        // Made before, so that nobody waits: the next will hold about as much.
        let next = Overlay::with_room(self.layers.read().active.len());
        let mut layers = self.layers.write();
        if layers.frozen.is_none() && !layers.active.is_empty() {
            let active = std::mem::replace(&mut layers.active, next);
            layers.frozen = Some(Arc::new(active));
            layers.frozen_state = layers.state;
        }
        let frozen = layers.frozen.clone()?;
        Some((frozen, layers.frozen_state))
    }
}

impl LeaseStore for Book {
    fn commit(&self, changes: Vec<Change>) -> Result<u64, StoreError> {
        let enough = self.enough_octets.load(Ordering::Relaxed);
        self.checkpoint_at(enough.saturating_mul(2))?;
        // Here, where callers do not wait for each other, and before anything has happened.
        let mut room = Vec::new();
        let prepared: Result<Vec<Prepared>, StoreError> = changes
            .into_iter()
            .map(|change| Prepared::new(change, &mut room))
            .collect();
        match self.committer.commit(prepared?) {
            Ok(committed) => Ok(committed.seq),
            Err(CommitError::Journal(error)) => Err(error.into()),
            Err(CommitError::Refused(error)) => Err(error),
        }
    }

    fn last_seq(&self) -> u64 {
        self.shared.layers.read().state.seq
    }

    fn scan(
        &self,
        cursor: &mut Cursor,
        now: u64,
        visit: &mut dyn FnMut(Run<'_>) -> Flow,
    ) -> Result<Progress, StoreError> {
        scan_cursor(&self.shared, cursor, now, visit)
    }

    fn binding(&self, link: LinkId, client: &[u8]) -> Result<Option<Record>, StoreError> {
        self.shared.look(None, |view| {
            let found = view.of_client(link, client)?;
            Ok(found.map(|record| Record::from_view(&record)))
        })
    }

    fn holder(&self, lease: LeaseName) -> Result<Option<Record>, StoreError> {
        self.shared.look(None, |view| {
            let found = view.holder(lease)?;
            Ok(found.map(|record| Record::from_view(&record)))
        })
    }

    fn stats(&self) -> Result<Stats, StoreError> {
        let journal = self
            .committer
            .exclusively(|_, journal| journal.disk_octets());
        let State { seq, totals } = self.shared.layers.read().state;
        Ok(Stats {
            bindings: totals.bindings,
            leases: totals.leases,
            last_seq: seq,
            disk_octets: self.shared.ledger.disk_octets() + journal,
        })
    }
}

/// One call of [`LeaseStore::scan`].
fn scan_cursor(
    shared: &Shared,
    cursor: &mut Cursor,
    now: u64,
    visit: &mut dyn FnMut(Run<'_>) -> Flow,
) -> Result<Progress, StoreError> {
    let Cursor {
        query,
        began_at,
        phase,
    } = cursor;
    if let Selector::Address(address) = query.selector {
        if *phase != Phase::Done {
            shared.look(None, |view| {
                address_answer(view, query, address, now, visit)
            })?;
            *phase = Phase::Done;
        }
        return Ok(Progress::Done);
    }
    let mut scan = Scan::new(query, now, visit);
    if let Phase::Main { from } = phase {
        let progress = match &query.selector {
            Selector::Client(client) => {
                shared.look(None, |view| scan.of_client(view, client, from))?
            }
            _ => scan.keys(shared, from)?,
        };
        if progress == Progress::More {
            return Ok(Progress::More);
        }
        let first = began_at.saturating_add(1);
        *phase = Phase::Changes {
            from: index::tagged_key(first, &[]).octets().to_vec(),
        };
    }
    if let Phase::Changes { from } = phase {
        if shared.look(None, |view| scan.changes(view, from))? == Progress::More {
            return Ok(Progress::More);
        }
        *phase = Phase::Done;
    }
    Ok(Progress::Done)
}

/// The record that has the address itself as a live lease, else the one with the longest live
/// prefix around it (BLQ-S-023, D-06).
fn address_answer(
    view: &View<'_>,
    query: &Query,
    address: Ipv6Addr,
    now: u64,
    visit: &mut dyn FnMut(Run<'_>) -> Flow,
) -> Result<(), StoreError> {
    let lengths = view.lengths()?;
    let prefixes = lengths.iter().rev();
    let prefixes = prefixes.filter_map(|len| LeaseName::prefix(address, *len));
    for name in std::iter::once(LeaseName::Address(address)).chain(prefixes) {
        let Some(record) = view.holder(name)? else {
            continue;
        };
        let mut leases = record.leases();
        let is_live = leases.any(|lease| lease.name == name && lease.is_live(now));
        if is_live && query.links.contains(record.link()) {
            visit(Run::one(record));
            return Ok(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_ledger_is_worth_more_changes_up_to_a_limit() {
        let options = BookOptions {
            overlay_octets: 1000,
            overlay_growth: 5,
            ..BookOptions::default()
        };
        assert_eq!(options.enough(0), 1000);
        assert_eq!(options.enough(16 * 1000), 1000);
        assert_eq!(options.enough(16 * 3000), 3000);
        assert_eq!(options.enough(u64::MAX), 5000);
        let least = BookOptions {
            overlay_growth: 1,
            ..options
        };
        assert_eq!(least.enough(u64::MAX), 1000);
    }
}

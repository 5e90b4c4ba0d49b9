//! Many bindings at once, past journal and overlay: sorted, and straight into the ledger.
//!
//! The outcome is that of a [`Change::Put`](crate::Change::Put) each, in the order given; only
//! that all of a batch have one sequence number. In the journal stands no more than that it was
//! loaded, so that numbers there and here stay the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;

use super::Book;
use super::change_log::{Effect, Totals};
use super::resolve::{State, Writer, without};
use crate::ahead::{STEPS_AHEAD, touch};
use crate::beginning::Beginning;
use crate::binding::{Binding, LeaseName};
use crate::index::{self, Index};
use crate::journal::{Batch, Journal};
use crate::key::{BindingKey, RelayTag, client_of, link_of};
use crate::lease_store::StoreError;
use crate::ledger::Reader;
use crate::overlay::Shadow;
use crate::record::{Record, RecordView, Records};

impl Book {
    /// Takes in many bindings, as a [`Change::Put`](crate::Change::Put) each, without journal
    /// and overlay: sorted, straight into the ledger, durable on return. Made for imports.
    ///
    /// Other writers wait meanwhile, readers do not. Returns how many records are other than
    /// before; those that say what was there already are left alone. It works in batches of
    /// [`BookOptions::load_octets`](super::BookOptions::load_octets), and on an error those
    /// before are in.
    pub fn load(&self, bindings: impl IntoIterator<Item = Binding>) -> Result<u64, StoreError> {
        // One thread encodes the next batch while the other writes the one before.
        std::thread::scope(|scope| {
            let (send, receive) = mpsc::sync_channel::<Sorted>(0);
            let writer = scope.spawn(move || -> Result<u64, StoreError> {
                let mut changed = 0;
                while let Ok(batch) = receive.recv() {
                    changed += self.load_batch(batch)?;
                }
                Ok(changed)
            });
            let encoded = self.encode_batches(bindings, &send);
            drop(send);
            let written = writer.join();
            let written = written.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            encoded.map(|()| written)
        })
    }

    /// Sends encoded and sorted batches until there is nothing left or nobody takes them.
    fn encode_batches(
        &self,
        bindings: impl IntoIterator<Item = Binding>,
        send: &mpsc::SyncSender<Sorted>,
    ) -> Result<(), StoreError> {
        let limit = free_octets().map_or(usize::MAX, |free| (free / 8).max(LEAST_BATCH_OCTETS));
        let limit = limit.min(self.options.load_octets);
        let mut records = Records::default();
        for binding in bindings {
            records.push(&binding)?;
            if records.octets() >= limit {
                let batch = Sorted::new(std::mem::take(&mut records));
                if send.send(batch).is_err() {
                    // Its error is the one to tell.
                    return Ok(());
                }
            }
        }
        let _ = send.send(Sorted::new(records));
        Ok(())
    }

    fn load_batch(&self, batch: Sorted) -> Result<u64, StoreError> {
        if batch.records.len() == 0 {
            return Ok(0);
        }
        let _one = self.checkpoint.lock();
        self.committer.exclusively(|writer, journal| {
            // With nothing in the overlays the ledger is the whole book, and nobody can change
            // that: a frozen overlay first, then what came since.
            while self.settle()?.is_some() {}
            self.load_settled(batch, writer, journal)
        })
    }

    fn load_settled(
        &self,
        mut batch: Sorted,
        writer: &mut Writer,
        journal: &mut Journal,
    ) -> Result<u64, StoreError> {
        let seq = writer.state().seq + 1;
        batch.records.number_all(seq);
        let ledger = &self.shared.ledger;
        let applied = {
            let reader = ledger.read()?;
            let resolved = Resolving::new(&reader, &batch)?.resolve(seq)?;
            ledger.apply(resolved.shadows(), seq)?
        };
        let changed = applied.changed();
        if changed == 0 {
            return Ok(0);
        }
        // First the journal, so that the ledger is never ahead of it; should the next step
        // fail, the number was used for nothing.
        let mut payload = Vec::new();
        Effect::Loaded.compose(writer.state().totals, &mut payload);
        let mut batch = Batch::new();
        batch.push(&payload)?;
        journal.append(&mut batch)?;
        journal.sync()?;
        let used = State {
            seq,
            ..writer.state()
        };
        writer.moved_to(used);
        let meta = applied.commit()?;
        let totals = Totals {
            bindings: meta.bindings,
            leases: meta.leases,
        };
        writer.moved_to(State { seq, totals });
        journal.release(seq)?;
        Ok(changed)
    }
}

/// However little memory is free: below this, batches would cost more than they save.
const LEAST_BATCH_OCTETS: usize = 16 << 20;

/// What memory the machine has for the asking; none where it does not say.
pub(super) fn free_octets() -> Option<usize> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// Encoded bindings, and the orders in which they are looked at: all that can be done before
/// the batch in front is in.
struct Sorted {
    records: Records,
    /// By client and link, then in the order given; of each client on a link the last only.
    by_client: Vec<Place>,
    /// By lease, then in the order given.
    by_lease: Vec<Place>,
    /// By key, then in the order given.
    by_key: Vec<Place>,
}

/// A record's number, behind the beginning of what it is sorted by.
type Place = (Beginning, u32);

impl Sorted {
    fn new(records: Records) -> Self {
        let mut by_client = Vec::with_capacity(records.len());
        let mut by_lease = Vec::with_capacity(records.len());
        let mut by_key = Vec::with_capacity(records.len());
        // A batch of 4 G records does not fit into memory.
        let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
        for at in 0..count {
            let view = records.get(at as usize);
            let client = index::client_key(view.client(), view.link());
            by_client.push((Beginning::of(client.octets()), at));
            by_key.push((Beginning::of(view.key()), at));
            // All of their key: it has 17 octets.
            let leases = view.leases();
            let keys = leases.map(|lease| Beginning::of(&index::lease_key(lease.name)));
            by_lease.extend(keys.map(|key| (key, at)));
        }
        by_lease.sort_unstable();
        sort_places(&mut by_key, |at| records.get(at).key().to_vec());
        let client = |at: usize| {
            let view = records.get(at);
            let key = index::client_key(view.client(), view.link());
            key.octets().to_vec()
        };
        sort_places(&mut by_client, client);
        let same = |a: Place, b: Place| a.0 == b.0 && client(a.1 as usize) == client(b.1 as usize);
        let mut kept = Vec::with_capacity(by_client.len());
        for (number, one) in by_client.iter().enumerate() {
            let next = by_client.get(number + 1);
            if next.is_none_or(|next| !same(*one, *next)) {
                kept.push(*one);
            }
        }
        Self {
            records,
            by_client: kept,
            by_lease,
            by_key,
        }
    }

    fn get(&self, at: u32) -> RecordView<'_> {
        self.records.get(at as usize)
    }
}

/// Sorts by beginnings, by what `whole` gives where those are equal, and then as it was.
fn sort_places(places: &mut [Place], whole: impl Fn(usize) -> Vec<u8>) {
    places.sort_unstable();
    for group in places.chunk_by_mut(|a, b| a.0 == b.0) {
        if group.len() > 1 {
            group.sort_by_cached_key(|(_, at)| (whole(*at as usize), *at));
        }
    }
}

/// A batch on its way to what it comes to in a ledger.
struct Resolving<'r> {
    reader: &'r Reader<'r>,
    batch: &'r Sorted,
    /// Whether the ledger has nothing that could be in the way.
    is_first: bool,
    /// Which records of the batch shall be there as they are.
    is_given: Vec<bool>,
    /// What else the ledger shall say.
    extras: BTreeMap<Vec<u8>, Option<Record>>,
}

/// What a batch comes to.
struct Resolved<'r> {
    batch: &'r Sorted,
    is_given: Vec<bool>,
    extras: BTreeMap<Vec<u8>, Option<Record>>,
}

impl Resolved<'_> {
    /// What the ledger shall say, in the order of keys.
    fn shadows(&self) -> impl Iterator<Item = Shadow<'_>> {
        let by_key = &self.batch.by_key;
        let is_given = |at: u32| self.is_given.get(at as usize) == Some(&true);
        let given = by_key.iter().enumerate().inspect(|(place, _)| {
            if let Some((_, later)) = by_key.get(place + STEPS_AHEAD) {
                touch(self.batch.records.octets_of(*later as usize));
            }
        });
        let given = given.filter(move |(_, (_, at))| is_given(*at));
        let mut given = given.map(|(_, (_, at))| self.batch.get(*at)).peekable();
        let extras = self.extras.iter();
        let mut extras = extras
            .map(|(key, record)| (key.as_slice(), record.as_ref().map(Record::view)))
            .peekable();
        std::iter::from_fn(move || {
            let extra = extras.next_if(|(key, _)| given.peek().is_none_or(|one| *key < one.key()));
            extra.or_else(|| given.next().map(|one| (one.key(), Some(one))))
        })
    }
}

impl<'r> Resolving<'r> {
    fn new(reader: &'r Reader<'r>, batch: &'r Sorted) -> Result<Self, StoreError> {
        Ok(Self {
            reader,
            batch,
            is_first: reader.next(Index::Client, &[])?.is_none(),
            is_given: vec![false; batch.records.len()],
            extras: BTreeMap::new(),
        })
    }

    /// Records that are not the batch's own have the number `seq`.
    fn resolve(mut self, seq: u64) -> Result<Resolved<'r>, StoreError> {
        let lost = self.lost_leases()?;
        if !self.is_first {
            self.moved()?;
            self.victims(lost.of_ledger)?;
        }
        for (_, at) in &self.batch.by_client {
            let Some(names) = lost.of_batch.get(at) else {
                if let Some(is_given) = self.is_given.get_mut(*at as usize) {
                    *is_given = true;
                }
                continue;
            };
            let record = self.batch.get(*at);
            if let Some(left) = without(&record, |name| names.contains(&name))? {
                self.extras.insert(record.key().to_vec(), Some(left));
            } else if let Some(former) = former_key(self.reader, &record)? {
                // Its client has nothing any more, so nothing may stay of before.
                self.extras.insert(former, None);
            }
        }
        for record in self.extras.values_mut().flatten() {
            record.number(seq);
        }
        Ok(Resolved {
            batch: self.batch,
            is_given: self.is_given,
            extras: self.extras,
        })
    }

    /// Former records of clients whose records now stand elsewhere are gone.
    fn moved(&mut self) -> Result<(), StoreError> {
        for (_, at) in &self.batch.by_client {
            let record = self.batch.get(*at);
            let former = former_key(self.reader, &record)?;
            let moved = former.filter(|key| key.as_slice() != record.key());
            self.extras.extend(moved.map(|key| (key, None)));
        }
        Ok(())
    }

    /// Who loses which leases. Of the records in the batch that name a lease, the last has it,
    /// if it is its client's last; whoever had it before, there or in the ledger, has it no
    /// more. So it is, too, if all had come one after the other.
    fn lost_leases(&self) -> Result<Lost, StoreError> {
        let mut lost = Lost::default();
        for group in self.batch.by_lease.chunk_by(|a, b| a.0 == b.0) {
            let Some((beginning, last)) = group.last() else {
                continue;
            };
            if self.is_first && group.len() == 1 {
                continue;
            }
            let last = self.batch.get(*last);
            let mut names = last.leases().map(|lease| lease.name);
            let name = names.find(|name| Beginning::of(&index::lease_key(*name)) == *beginning);
            let Some(name) = name else { continue };
            for (_, at) in group {
                let other = self.batch.get(*at);
                if other.link() != last.link() || other.client() != last.client() {
                    lost.of_batch.entry(*at).or_default().push(name);
                }
            }
            self.lost_by_holder(name, group, &mut lost)?;
        }
        Ok(lost)
    }

    /// Whether the ledger's holder loses a lease to one of the `group` of records that name it.
    fn lost_by_holder(
        &self,
        name: LeaseName,
        group: &[Place],
        lost: &mut Lost,
    ) -> Result<(), StoreError> {
        let holder = self.reader.find(Index::Lease, &index::lease_key(name))?;
        let Some(holder) = holder else { return Ok(()) };
        let is_own = |at: u32| {
            let record = self.batch.get(at);
            link_of(holder) == Some(record.link()) && client_of(holder) == Some(record.client())
        };
        if !group.iter().all(|(_, at)| is_own(*at)) {
            let names = lost.of_ledger.entry(holder.to_vec()).or_default();
            names.push(name);
        }
        Ok(())
    }

    /// Holders in the ledger that lose leases and have no record of their own in the batch.
    fn victims(&mut self, lost: BTreeMap<Vec<u8>, Vec<LeaseName>>) -> Result<(), StoreError> {
        if lost.is_empty() {
            return Ok(());
        }
        let clients = self.batch.by_client.iter();
        let in_batch: BTreeSet<Vec<u8>> = clients
            .map(|(_, at)| {
                let record = self.batch.get(*at);
                let key = index::client_key(record.client(), record.link());
                key.octets().to_vec()
            })
            .collect();
        for (key, names) in lost {
            let Some(record) = self.reader.get(&key)? else {
                continue;
            };
            let client = index::client_key(record.client(), record.link());
            if !in_batch.contains(client.octets()) {
                let left = without(&record, |name| names.contains(&name))?;
                self.extras.insert(key, left);
            }
        }
        Ok(())
    }
}

/// Leases that someone has no more.
#[derive(Default)]
struct Lost {
    /// By the number of the record in the batch.
    of_batch: BTreeMap<u32, Vec<LeaseName>>,
    /// By the key of the record in the ledger.
    of_ledger: BTreeMap<Vec<u8>, Vec<LeaseName>>,
}

/// Where the ledger has the client's record.
fn former_key(reader: &Reader<'_>, record: &RecordView<'_>) -> Result<Option<Vec<u8>>, StoreError> {
    let entry = index::client_key(record.client(), record.link());
    let tag = reader.find(Index::Client, entry.octets())?;
    let tag = tag.and_then(|tag| tag.first_chunk().copied());
    Ok(tag.map(|tag| {
        let tag = RelayTag(u64::from_be_bytes(tag));
        BindingKey::new(record.link(), tag, record.client()).into_octets()
    }))
}

//! Many bindings at once, past journal and overlay: sorted, and straight into the ledger.
//!
//! The outcome is that of a [`Change::Put`](crate::Change::Put) each, in the order given; only
//! that all of a batch have one sequence number. In the journal stands no more than that it was
//! loaded, so that numbers there and here stay the same.

use std::collections::BTreeMap;
use std::sync::mpsc;

use super::Book;
use super::change_log::{Effect, Totals};
use super::resolve::{State, Writer, without};
use crate::binding::{Binding, LeaseName};
use crate::index::{self, Index};
use crate::journal::{Batch, Journal, JournalError};
use crate::key::{BindingKey, RelayTag, client_of, link_of};
use crate::lease_store::StoreError;
use crate::ledger::Reader;
use crate::record::{Record, RecordView};

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
            let (send, receive) = mpsc::sync_channel::<Vec<Record>>(0);
            let writer = scope.spawn(move || -> Result<u64, StoreError> {
                let mut changed = 0;
                while let Ok(records) = receive.recv() {
                    changed += self.load_batch(records)?;
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

    /// Sends encoded batches until there is nothing left or nobody takes them.
    fn encode_batches(
        &self,
        bindings: impl IntoIterator<Item = Binding>,
        send: &mpsc::SyncSender<Vec<Record>>,
    ) -> Result<(), StoreError> {
        let (mut records, mut octets) = (Vec::new(), 0);
        for binding in bindings {
            let record = Record::encode(&binding, 0)?;
            octets += record.octets().len();
            records.push(record);
            if octets >= self.options.load_octets {
                octets = 0;
                if send.send(std::mem::take(&mut records)).is_err() {
                    // Its error is the one to tell.
                    return Ok(());
                }
            }
        }
        let _ = send.send(records);
        Ok(())
    }

    fn load_batch(&self, records: Vec<Record>) -> Result<u64, StoreError> {
        if records.is_empty() {
            return Ok(0);
        }
        let _one = self.checkpoint.lock();
        self.committer.exclusively(|writer, journal| {
            // With nothing in the overlays the ledger is the whole book, and nobody can change
            // that: a frozen overlay first, then what came since.
            while self.settle()?.is_some() {}
            self.load_settled(records, writer, journal)
        })
    }

    fn load_settled(
        &self,
        records: Vec<Record>,
        writer: &mut Writer,
        journal: &mut Journal,
    ) -> Result<u64, StoreError> {
        let seq = writer.state().seq + 1;
        let ledger = &self.shared.ledger;
        let shadows = Resolving::new(&ledger.read()?, records).resolve(seq)?;
        let shadows = shadows
            .iter()
            .map(|(key, record)| (key.as_slice(), record.as_ref()));
        let applied = ledger.apply(shadows, seq)?;
        let changed = applied.changed();
        if changed == 0 {
            return Ok(0);
        }
        // First the journal, so that the ledger is never ahead of it; should the next step
        // fail, the number was used for nothing.
        let mut payload = Vec::new();
        Effect::Loaded.compose(writer.state().totals, &mut payload);
        let mut batch = Batch::new();
        batch.push(&payload).map_err(JournalError::from)?;
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

/// What a batch comes to: what the ledger shall say of which keys.
type Shadows = Vec<(Vec<u8>, Option<Record>)>;

/// A batch on its way to that.
struct Resolving<'r> {
    reader: &'r Reader<'r>,
    /// In the order given; none where a later one of the same client takes its place.
    records: Vec<Option<Record>>,
    /// By client and link, then in the order given.
    by_client: Vec<Sorted<32>>,
    /// By lease, then in the order given.
    by_lease: Vec<([u8; 17], u32)>,
}

/// A record's number with the beginning of what it is sorted by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Sorted<const N: usize> {
    beginning: [u8; N],
    at: u32,
}

impl<'r> Resolving<'r> {
    fn new(reader: &'r Reader<'r>, records: Vec<Record>) -> Self {
        let mut by_client = Vec::with_capacity(records.len());
        let mut by_lease = Vec::with_capacity(records.len());
        for (at, record) in records.iter().enumerate() {
            // A batch of 4 G records does not fit into memory.
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            let view = record.view();
            let key = index::client_key(view.client(), view.link());
            let mut beginning = [0; 32];
            for (to, octet) in beginning.iter_mut().zip(key.octets()) {
                *to = *octet;
            }
            by_client.push(Sorted { beginning, at });
            let leases = view.leases();
            by_lease.extend(leases.map(|lease| (index::lease_key(lease.name), at)));
        }
        Self {
            reader,
            records: records.into_iter().map(Some).collect(),
            by_client,
            by_lease,
        }
    }

    /// What the ledger shall say, in the order of keys; new records have the number `seq`.
    fn resolve(mut self, seq: u64) -> Result<Shadows, StoreError> {
        self.sort_by_client();
        let mut shadows = Shadows::new();
        let is_empty = self.reader.next(Index::Client, &[0])?.is_none();
        // Before superseded records go: what they had was taken from others all the same.
        let mut lost = self.lost_leases(is_empty)?;
        self.drop_superseded();
        if !is_empty {
            self.moved(&mut shadows)?;
            self.victims(&mut lost, &mut shadows)?;
        }
        for (at, record) in self.records.iter_mut().enumerate() {
            let Some(mut record) = record.take() else {
                continue;
            };
            if let Some(names) = lost.of_batch.get(&at) {
                let left = without(&record.view(), |name| names.contains(&name))?;
                let Some(left) = left else {
                    // Its client has nothing any more, so nothing may stay of before.
                    let former = former_key(self.reader, &record.view())?;
                    shadows.extend(former.map(|key| (key, None)));
                    continue;
                };
                record = left;
            }
            shadows.push((record.view().key().to_vec(), Some(record)));
        }
        for (_, record) in &mut shadows {
            if let Some(record) = record {
                record.number(seq);
            }
        }
        shadows.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        // A record that moved and lost everything is named gone twice.
        shadows.dedup_by(|(a, _), (b, _)| a == b);
        Ok(shadows)
    }

    fn client_key(&self, at: u32) -> Vec<u8> {
        let record = self.records.get(at as usize).and_then(Option::as_ref);
        record.map_or(Vec::new(), |record| {
            let view = record.view();
            index::client_key(view.client(), view.link())
                .octets()
                .to_vec()
        })
    }

    fn sort_by_client(&mut self) {
        let mut sorted = std::mem::take(&mut self.by_client);
        sorted.sort_unstable();
        // Only where beginnings are equal is the whole needed.
        for group in sorted.chunk_by_mut(|a, b| a.beginning == b.beginning) {
            if group.len() > 1 {
                group.sort_by_cached_key(|one| (self.client_key(one.at), one.at));
            }
        }
        self.by_client = sorted;
    }

    /// Of several records of one client on one link the last stays.
    fn drop_superseded(&mut self) {
        let mut superseded = Vec::new();
        for pair in self.by_client.windows(2) {
            if let [a, b] = pair
                && a.beginning == b.beginning
                && self.client_key(a.at) == self.client_key(b.at)
            {
                superseded.push(a.at);
            }
        }
        for at in &superseded {
            if let Some(record) = self.records.get_mut(*at as usize) {
                *record = None;
            }
        }
        self.by_client.retain(|one| {
            self.records
                .get(one.at as usize)
                .is_some_and(Option::is_some)
        });
    }

    /// Former records of clients whose records now stand elsewhere are gone.
    fn moved(&self, shadows: &mut Shadows) -> Result<(), StoreError> {
        for one in &self.by_client {
            let Some(Some(record)) = self.records.get(one.at as usize) else {
                continue;
            };
            let former = former_key(self.reader, &record.view())?;
            let moved = former.filter(|key| key.as_slice() != record.view().key());
            shadows.extend(moved.map(|key| (key, None)));
        }
        Ok(())
    }

    /// Who loses which leases. Of the records in the batch that name a lease, the last has it;
    /// whoever had it before, there or in the ledger, has it no more.
    fn lost_leases(&mut self, is_empty: bool) -> Result<Lost, StoreError> {
        self.by_lease.sort_unstable();
        let mut lost = Lost::default();
        let same_client = |a: &RecordView<'_>, b: &RecordView<'_>| {
            a.link() == b.link() && a.client() == b.client()
        };
        for group in self.by_lease.chunk_by(|a, b| a.0 == b.0) {
            let view = |at: u32| {
                let record = self.records.get(at as usize).and_then(Option::as_ref);
                record.map(Record::view)
            };
            let Some((lease, last)) = group.last() else {
                continue;
            };
            let Some(last) = view(*last) else { continue };
            let name = name_of(lease, &last);
            for (_, at) in group {
                if let Some(name) = name
                    && view(*at).is_some_and(|other| !same_client(&other, &last))
                {
                    lost.of_batch.entry(*at as usize).or_default().push(name);
                }
            }
            if is_empty {
                continue;
            }
            if let (Some(holder), Some(name)) = (self.reader.find(Index::Lease, lease)?, name) {
                let is_own = |at: u32| {
                    view(at).is_some_and(|own| {
                        link_of(holder) == Some(own.link())
                            && client_of(holder) == Some(own.client())
                    })
                };
                if !group.iter().all(|(_, at)| is_own(*at)) {
                    lost.of_ledger
                        .entry(holder.to_vec())
                        .or_default()
                        .push(name);
                }
            }
        }
        Ok(lost)
    }

    /// Holders in the ledger that lose leases and have no record of their own in the batch.
    fn victims(&self, lost: &mut Lost, shadows: &mut Shadows) -> Result<(), StoreError> {
        if lost.of_ledger.is_empty() {
            return Ok(());
        }
        let in_batch: std::collections::BTreeSet<Vec<u8>> = self
            .by_client
            .iter()
            .map(|one| self.client_key(one.at))
            .collect();
        for (key, names) in std::mem::take(&mut lost.of_ledger) {
            let Some(record) = self.reader.get(&key)? else {
                continue;
            };
            let client = index::client_key(record.client(), record.link());
            if in_batch.contains(client.octets()) {
                continue;
            }
            let left = without(&record, |name| names.contains(&name))?;
            shadows.push((key, left));
        }
        Ok(())
    }
}

/// Leases that someone has no more.
#[derive(Default)]
struct Lost {
    /// By the number of the record in the batch.
    of_batch: BTreeMap<usize, Vec<LeaseName>>,
    /// By the key of the record in the ledger.
    of_ledger: BTreeMap<Vec<u8>, Vec<LeaseName>>,
}

/// The lease of `record` that stands under `entry` in the index.
fn name_of(entry: &[u8; 17], record: &RecordView<'_>) -> Option<LeaseName> {
    let mut names = record.leases().map(|lease| lease.name);
    names.find(|name| index::lease_key(*name) == *entry)
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

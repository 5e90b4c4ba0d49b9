//! The book in memory: the model that other engines are compared with.
//!
//! Nothing here is durable and nothing is fast; it is right in the plainest way, so that
//! protocol tests need no disk and property tests have something to agree with.

use std::collections::BTreeMap;

use parking_lot::RwLock;

use crate::binding::{Binding, LeaseName, LinkId};
use crate::lease_store::{Change, LeaseStore, Stats, StoreError};
use crate::query::{Cursor, Flow, Phase, Progress, Run, Selector, covering};
use crate::record::Record;

/// A book that lives as long as the value.
#[derive(Debug, Default)]
pub struct MemoryStore {
    book: RwLock<Book>,
}

#[derive(Debug, Default)]
struct Book {
    records: BTreeMap<Vec<u8>, Record>,
    last_seq: u64,
}

impl MemoryStore {
    /// An empty book.
    pub fn new() -> Self {
        Self::default()
    }
}

impl LeaseStore for MemoryStore {
    fn commit(&self, changes: Vec<Change>) -> Result<u64, StoreError> {
        let mut book = self.book.write();
        let mut next = Book {
            records: book.records.clone(),
            last_seq: book.last_seq,
        };
        for change in changes {
            next.apply(change)?;
        }
        *book = next;
        Ok(book.last_seq)
    }

    fn last_seq(&self) -> u64 {
        self.book.read().last_seq
    }

    fn scan(
        &self,
        cursor: &mut Cursor,
        now: u64,
        visit: &mut dyn FnMut(Run<'_>) -> Flow,
    ) -> Result<Progress, StoreError> {
        let book = self.book.read();
        if let Phase::Main { from } = &cursor.phase {
            if let Selector::Address(_) = cursor.query.selector {
                let best = book.best_cover(cursor, now).cloned();
                cursor.phase = Phase::Done;
                if let Some(record) = best {
                    visit(Run::one(record.view()));
                }
                return Ok(Progress::Done);
            }
            for (key, record) in book.records.range(from.clone()..) {
                if !cursor.query.matches(&record.view(), now) {
                    continue;
                }
                cursor.phase = Phase::Main {
                    from: [key.as_slice(), &[0]].concat(),
                };
                if visit(Run::one(record.view())) == Flow::Stop {
                    return Ok(Progress::More);
                }
            }
            cursor.phase = Phase::Changes {
                from: (cursor.began_at + 1).to_be_bytes().to_vec(),
            };
        }
        while let Phase::Changes { from } = &mut cursor.phase {
            let changed = |record: &Record| {
                let view = record.view();
                [&view.seq().to_be_bytes(), view.key()].concat()
            };
            let entries = book.records.values();
            let entries = entries.map(|record| (changed(record), record));
            let next = entries
                .filter(|(entry, _)| entry >= from)
                .min_by(|(a, _), (b, _)| a.cmp(b));
            let Some((entry, record)) = next else {
                cursor.phase = Phase::Done;
                break;
            };
            *from = [entry.as_slice(), &[0]].concat();
            if cursor.query.matches(&record.view(), now)
                && visit(Run::one(record.view())) == Flow::Stop
            {
                return Ok(Progress::More);
            }
        }
        Ok(Progress::Done)
    }

    fn binding(&self, link: LinkId, client: &[u8]) -> Result<Option<Record>, StoreError> {
        Ok(self.book.read().of_client(link, client).cloned())
    }

    fn holder(&self, lease: LeaseName) -> Result<Option<Record>, StoreError> {
        Ok(self.book.read().holder(lease).cloned())
    }

    fn stats(&self) -> Result<Stats, StoreError> {
        let book = self.book.read();
        let leases = book
            .records
            .values()
            .map(|record| record.view().leases().count());
        Ok(Stats {
            bindings: book.records.len() as u64,
            leases: leases.sum::<usize>() as u64,
            last_seq: book.last_seq,
            disk_octets: 0,
        })
    }
}

impl Book {
    fn apply(&mut self, change: Change) -> Result<(), StoreError> {
        match change {
            Change::Put(binding) => {
                let record = Record::encode(&binding, 0)?;
                let former = self.of_client(binding.link, binding.client.octets());
                if former.is_some_and(|former| former.view().says_the_same(&record.view())) {
                    return Ok(());
                }
                for lease in &binding.leases {
                    self.take_from_others(lease.name, &binding)?;
                }
                self.remove(binding.link, binding.client.octets());
                self.insert(&binding)
            }
            Change::Remove { link, client } => {
                self.last_seq += u64::from(self.remove(link, client.octets()));
                Ok(())
            }
        }
    }

    fn take_from_others(&mut self, lease: LeaseName, newer: &Binding) -> Result<(), StoreError> {
        let Some(holder) = self.holder(lease) else {
            return Ok(());
        };
        let mut older = holder.view().to_binding()?;
        if older.link == newer.link && older.client == newer.client {
            return Ok(());
        }
        self.remove(older.link, older.client.octets());
        older.leases.retain(|kept| kept.name != lease);
        if older.leases.is_empty() {
            self.last_seq += 1;
            return Ok(());
        }
        self.insert(&older)
    }

    fn insert(&mut self, binding: &Binding) -> Result<(), StoreError> {
        self.last_seq += 1;
        let record = Record::encode(binding, self.last_seq)?;
        self.records.insert(record.view().key().to_vec(), record);
        Ok(())
    }

    fn remove(&mut self, link: LinkId, client: &[u8]) -> bool {
        let key = self
            .of_client(link, client)
            .map(|record| record.view().key().to_vec());
        key.is_some_and(|key| self.records.remove(&key).is_some())
    }

    fn of_client(&self, link: LinkId, client: &[u8]) -> Option<&Record> {
        self.records
            .values()
            .find(|record| record.view().link() == link && record.view().client() == client)
    }

    fn holder(&self, name: LeaseName) -> Option<&Record> {
        self.records
            .values()
            .find(|record| record.view().leases().any(|lease| lease.name == name))
    }

    fn best_cover(&self, cursor: &Cursor, now: u64) -> Option<&Record> {
        let Selector::Address(address) = cursor.query.selector else {
            return None;
        };
        self.records
            .values()
            .filter(|record| cursor.query.matches(&record.view(), now))
            .max_by_key(|record| covering(&record.view(), address, now))
    }
}

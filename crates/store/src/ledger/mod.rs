//! The ledger: what is, as of the last checkpoint, in blocks and index tables of one LMDB
//! file that is changed only by whole, synced transactions.

pub(crate) mod block;
mod map;
mod write;

use std::ops::Bound;
use std::path::{Path, PathBuf};

use heed::types::Bytes;
use heed::{Database, Env, RoTxn, WithoutTls};

use crate::index::{Table, record_key};
use crate::lease_store::StoreError;
use crate::record::Record;
use block::Block;

type Raw = Database<Bytes, Bytes>;

/// The format of the ledger's tables and blocks.
const FORMAT: u32 = 1;

const META_FORMAT: &[u8] = b"format";
const META_BOOK: &[u8] = b"book";
const META_SEQ: &[u8] = b"seq";
const META_LOGGED: &[u8] = b"logged";
const META_BINDINGS: &[u8] = b"bindings";
const META_LEASES: &[u8] = b"leases";

/// The ledger, open.
#[derive(Debug)]
pub(crate) struct Ledger {
    env: Env<WithoutTls>,
    dir: PathBuf,
    blocks: Raw,
    meta: Raw,
    tables: Vec<Raw>,
}

/// A short look at the ledger that no checkpoint disturbs.
pub(crate) struct Reading<'l> {
    pub(crate) ledger: &'l Ledger,
    txn: RoTxn<'l, WithoutTls>,
}

/// How far the ledger has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Applied {
    /// The newest change in it.
    pub(crate) seq: u64,
    /// The newest journal entry in it; later ones are replayed at the next opening.
    pub(crate) logged: u64,
}

/// Counts the ledger keeps of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// How far it has come.
    pub(crate) applied: Applied,
    /// Records.
    pub(crate) bindings: u64,
    /// Leases in them.
    pub(crate) leases: u64,
}

impl Ledger {
    /// Opens or makes the ledger in `dir`; `fresh_book` is the identity of a new one.
    pub(crate) fn open(dir: &Path, fresh_book: u128) -> Result<(Self, u128), StoreError> {
        let fail = |action| move |source| failed(dir, action, &source);
        std::fs::create_dir_all(dir).map_err(|source| StoreError::Io {
            action: "create the directory",
            path: dir.to_path_buf(),
            source,
        })?;
        let tables = u32::try_from(Table::ALL.len() + 2).unwrap_or(u32::MAX);
        let env = map::open(dir, tables).map_err(fail("open"))?;
        let mut txn = env.write_txn().map_err(fail("open"))?;
        let mut table = |name| {
            env.create_database::<Bytes, Bytes>(&mut txn, Some(name))
                .map_err(fail("open its tables"))
        };
        let blocks = table("blocks")?;
        let meta = table("meta")?;
        let tables = Table::ALL
            .iter()
            .map(|kind| table(kind.name()))
            .collect::<Result<Vec<_>, _>>()?;
        let ledger = Self {
            env: env.clone(),
            dir: dir.to_path_buf(),
            blocks,
            meta,
            tables,
        };
        let book = ledger.identify(&mut txn, fresh_book)?;
        txn.commit().map_err(fail("write its identity"))?;
        Ok((ledger, book))
    }

    fn identify(&self, txn: &mut heed::RwTxn<'_>, fresh_book: u128) -> Result<u128, StoreError> {
        let fail = |source| failed(&self.dir, "read its identity", &source);
        let format = self
            .meta
            .get(txn, META_FORMAT)
            .map_err(fail)?
            .map(<[u8]>::to_vec);
        let Some(format) = format else {
            self.meta
                .put(txn, META_FORMAT, &FORMAT.to_le_bytes())
                .map_err(fail)?;
            self.meta
                .put(txn, META_BOOK, &fresh_book.to_le_bytes())
                .map_err(fail)?;
            return Ok(fresh_book);
        };
        if format != FORMAT.to_le_bytes() {
            return Err(StoreError::Ledger {
                path: self.dir.clone(),
                action: "open",
                reason: format!(
                    "its format is {format:02x?}, this version reads {FORMAT}; use the leasebook that wrote it to export"
                ),
            });
        }
        let book = self.meta.get(txn, META_BOOK).map_err(fail)?;
        book.and_then(|octets| octets.first_chunk().copied())
            .map(u128::from_le_bytes)
            .ok_or_else(|| StoreError::Ledger {
                path: self.dir.clone(),
                action: "open",
                reason: "it has no identity; restore it from a copy".into(),
            })
    }

    /// Begins a look.
    pub(crate) fn read(&self) -> Result<Reading<'_>, StoreError> {
        let txn = self
            .env
            .read_txn()
            .map_err(|source| failed(&self.dir, "begin reading", &source))?;
        Ok(Reading { ledger: self, txn })
    }

    /// Octets of the file.
    pub(crate) fn disk_octets(&self) -> u64 {
        self.env.real_disk_size().unwrap_or(0)
    }

    fn table(&self, table: Table) -> Raw {
        // One per table, opened in the order of `Table::ALL`.
        self.tables[table as usize]
    }
}

impl<'l> Reading<'l> {
    /// The counts.
    pub(crate) fn counts(&self) -> Result<Counts, StoreError> {
        let number = |key| -> Result<u64, StoreError> {
            let octets = self
                .ledger
                .meta
                .get(&self.txn, key)
                .map_err(|e| self.failed("read a count", &e))?;
            Ok(octets
                .and_then(|octets| octets.first_chunk().copied())
                .map_or(0, u64::from_le_bytes))
        };
        Ok(Counts {
            applied: Applied {
                seq: number(META_SEQ)?,
                logged: number(META_LOGGED)?,
            },
            bindings: number(META_BINDINGS)?,
            leases: number(META_LEASES)?,
        })
    }

    /// The record with this key.
    pub(crate) fn record(&self, key: &[u8]) -> Result<Option<Record>, StoreError> {
        let found = self
            .ledger
            .blocks
            .get_lower_than_or_equal_to(&self.txn, key)
            .map_err(|e| self.failed("find a block", &e))?;
        Ok(found.and_then(|(_, octets)| {
            Block::new(octets)
                .find(key)
                .map(|view| Record::from_view(&view))
        }))
    }

    /// Blocks in order, beginning with the one in which `key` stands or would stand.
    pub(crate) fn blocks_from<'r>(
        &'r self,
        key: &[u8],
    ) -> Result<
        impl Iterator<Item = Result<(&'r [u8], Block<'r>), StoreError>> + use<'r, 'l>,
        StoreError,
    > {
        // The engine has no empty keys; no record's key is below one octet of zero.
        let key = if key.is_empty() { &[0] } else { key };
        let first = self
            .ledger
            .blocks
            .get_lower_than_or_equal_to(&self.txn, key)
            .map_err(|e| self.failed("find a block", &e))?
            .map_or(key, |(first, _)| first);
        let range = (Bound::Included(first), Bound::Unbounded);
        let iter = self
            .ledger
            .blocks
            .range(&self.txn, &range)
            .map_err(|e| self.failed("read blocks", &e))?;
        Ok(iter.map(|item| {
            let (key, octets) = item.map_err(|e| self.failed("read a block", &e))?;
            Ok((key, Block::new(octets)))
        }))
    }

    /// Entries of `table` from `from` on that begin with `prefix`.
    pub(crate) fn entries<'r>(
        &'r self,
        table: Table,
        from: &[u8],
        prefix: &[u8],
    ) -> Result<
        impl Iterator<Item = Result<(&'r [u8], &'r [u8]), StoreError>> + use<'r, 'l>,
        StoreError,
    > {
        let range = (Bound::Included(from), Bound::Unbounded);
        let iter = self
            .ledger
            .table(table)
            .range(&self.txn, &range)
            .map_err(|e| self.failed("read an index", &e))?;
        let prefix = prefix.to_vec();
        Ok(iter
            .map(|item| item.map_err(|e| self.failed("read an index", &e)))
            .take_while(move |item| {
                item.as_ref()
                    .map_or(true, |(key, _)| key.starts_with(&prefix))
            }))
    }

    /// Record keys that entries of `table` stand for.
    pub(crate) fn hits(
        &self,
        table: Table,
        from: &[u8],
        prefix: &[u8],
    ) -> Result<impl Iterator<Item = Result<Vec<u8>, StoreError>>, StoreError> {
        let entries = self.entries(table, from, prefix)?;
        Ok(entries.filter_map(move |item| match item {
            Ok((key, value)) => record_key(table, key, value).map(Ok),
            Err(error) => Some(Err(error)),
        }))
    }

    fn failed(&self, action: &'static str, source: &heed::Error) -> StoreError {
        failed(&self.ledger.dir, action, source)
    }
}

/// An engine's error in our words.
pub(super) fn failed(dir: &Path, action: &'static str, source: &heed::Error) -> StoreError {
    StoreError::Ledger {
        path: dir.to_path_buf(),
        action,
        reason: source.to_string(),
    }
}

//! What is: the records on disk, as of the last checkpoint.
//!
//! An LMDB environment of its own, `DATA/ledger`, with [blocks](crate::block) under the lowest
//! key each may hold, the [indexes](crate::index), and one record of [`Meta`]. It is changed by
//! whole transactions that are synced, and by nothing else (docs/decisions/0002): so it is
//! always a book that once was, and whatever came since is in the journal.
//!
//! | file | its job |
//! |---|---|
//! | `map` | opening the memory map |
//! | `meta` | what the ledger says of itself |
//! | `read` | looking up and walking in a read transaction |
//! | `readers` | read transactions that are used again |
//! | `apply` | a checkpoint's transaction |
//! | `rewrite` | merging changes into blocks |
//! | `batch` | index entries that come and go, put in order |
//! | `verify` | is everything as it should be |

mod apply;
mod batch;
mod compact;
mod map;
mod meta;
mod read;
mod readers;
mod rewrite;
mod verify;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use heed::types::Bytes;
use heed::{Database, Env, RoTxn, WithoutTls};

use crate::index::Index;
use crate::lease_store::StoreError;
use crate::storage::real::make_dir;

pub(crate) use meta::Meta;
pub(crate) use read::{Piece, Reader, Walk};
use readers::Readers;

type Table = Database<Bytes, Bytes>;

/// The open ledger.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// Before `env`, so that none is left when that is closed.
    readers: Readers,
    env: Env<WithoutTls>,
    dir: PathBuf,
    blocks: Table,
    indexes: [Table; Index::ALL.len()],
    meta: Table,
}

/// LMDB's file in the ledger's directory.
const DATA_FILE: &str = "data.mdb";
const LOCK_FILE: &str = "lock.mdb";

/// What an operator does about a ledger that is not what it should be.
const REPAIR: &str = "restore the data directory from a backup, or, if its journal goes back to \
                      change 1, set the ledger aside with `leasebook leases repair` and it is \
                      rebuilt";

impl Ledger {
    /// Whether there is a ledger's file in `dir`.
    pub(crate) fn exists(dir: &Path) -> bool {
        dir.join(DATA_FILE).exists()
    }

    /// Whether the ledger in `dir` was begun and never held anything: its making was cut short
    /// by a crash or a full disk, before the first transaction.
    pub(crate) fn is_unborn(dir: &Path) -> bool {
        let is_untouched = |env: Env<WithoutTls>| env.info().last_txn_id == 0;
        is_stub(dir) || (Self::exists(dir) && map::open(dir).is_ok_and(is_untouched))
    }

    /// Refuses to build a ledger anew over files that something else left in its directory.
    pub(crate) fn refuse_leftovers(dir: &Path) -> Result<(), StoreError> {
        let mut entries = match fs::read_dir(dir) {
            Ok(entries) => entries.flatten(),
            Err(_) => return Ok(()),
        };
        let is_foreign = |name: &std::ffi::OsStr| name != DATA_FILE && name != LOCK_FILE;
        match entries.find(|entry| is_foreign(&entry.file_name())) {
            None => Ok(()),
            Some(entry) => Err(corrupt(
                &entry.path(),
                "the ledger is missing and this is in its place".to_owned(),
            )),
        }
    }

    /// Makes an empty ledger in `dir`.
    pub(crate) fn create(dir: &Path, book: u128) -> Result<Self, StoreError> {
        make_dir(dir).map_err(|source| StoreError::Io {
            action: "make the directory",
            path: dir.to_owned(),
            source,
        })?;
        if is_stub(dir) {
            let file = dir.join(DATA_FILE);
            fs::remove_file(&file).map_err(|source| StoreError::Io {
                action: "remove the stub",
                path: file.clone(),
                source,
            })?;
        }
        let env = map::open(dir).map_err(|error| failure(dir, "create its file", &error))?;
        let fail = |error: heed::Error| failure(dir, "create its tables", &error);
        let mut txn = env.write_txn().map_err(fail)?;
        let mut table = |name| env.create_database(&mut txn, Some(name)).map_err(fail);
        let blocks = table("blocks")?;
        let meta = table("meta")?;
        let mut indexes = [blocks; Index::ALL.len()];
        for (slot, index) in indexes.iter_mut().zip(Index::ALL) {
            *slot = table(index.name())?;
        }
        let first = Meta {
            book,
            ..Meta::default()
        };
        meta.put(&mut txn, meta::KEY, first.octets().as_slice())
            .map_err(fail)?;
        txn.commit().map_err(fail)?;
        Ok(Self {
            readers: Readers::default(),
            env,
            dir: dir.to_owned(),
            blocks,
            indexes,
            meta,
        })
    }

    /// Opens the ledger in `dir` and reads its meta.
    pub(crate) fn open(dir: &Path) -> Result<(Self, Meta), StoreError> {
        let file = dir.join(DATA_FILE);
        let octets = fs::metadata(&file).map(|data| data.len());
        let octets = octets.map_err(|source| StoreError::Io {
            action: "read the ledger",
            path: file.clone(),
            source,
        })?;
        let env = map::open(dir).map_err(|error| match error {
            heed::Error::Mdb(heed::MdbError::Invalid | heed::MdbError::VersionMismatch) => {
                corrupt(&file, "it is no ledger".to_owned())
            }
            error => failure(dir, "open its file", &error),
        })?;
        refuse_cut(&env, &file, octets)?;
        // Slots of readers that a killed process left would hold pages for ever.
        env.clear_stale_readers()
            .map_err(|error| failure(dir, "clear stale readers", &error))?;

        let fail = |error: heed::Error| failure(dir, "open its tables", &error);
        let txn = env.read_txn().map_err(fail)?;
        let table = |name: &str| -> Result<Table, StoreError> {
            let table = env.open_database(&txn, Some(name)).map_err(fail)?;
            table.ok_or_else(|| corrupt(&file, format!("its table {name} is missing")))
        };
        let (blocks, meta) = (table("blocks")?, table("meta")?);
        let mut indexes = [blocks; Index::ALL.len()];
        for (slot, index) in indexes.iter_mut().zip(Index::ALL) {
            *slot = table(index.name())?;
        }
        // Tables opened in a transaction are kept only if it commits.
        txn.commit().map_err(fail)?;
        let ledger = Self {
            readers: Readers::default(),
            env,
            dir: dir.to_owned(),
            blocks,
            indexes,
            meta,
        };
        let said = ledger.read()?.meta()?;
        Ok((ledger, said))
    }

    /// A look at the ledger as it is now; until [`Applied::commit`] has returned, perhaps as it
    /// was before.
    ///
    /// [`Applied::commit`]: apply::Applied::commit
    pub(crate) fn read(&self) -> Result<Reader<'_>, StoreError> {
        let taken = self.readers.take(&self.env);
        let (txn, generation) = taken.map_err(|error| self.fail("begin reading", &error))?;
        Ok(Reader::new(self, txn, generation))
    }

    fn meta_in(&self, txn: &RoTxn<'_, WithoutTls>) -> Result<Meta, StoreError> {
        let octets = self.meta.get(txn, meta::KEY);
        let octets = octets.map_err(|error| self.fail("read what it says of itself", &error))?;
        Meta::parse(octets.unwrap_or_default())
            .map_err(|what| corrupt(&self.dir.join(DATA_FILE), what))
    }

    /// What its file takes, in octets.
    pub(crate) fn disk_octets(&self) -> u64 {
        self.env.real_disk_size().unwrap_or(0)
    }

    fn index(&self, index: Index) -> &Table {
        // `indexes` is as long as `Index::ALL`.
        &self.indexes[index as usize]
    }

    fn fail(&self, action: &'static str, error: &heed::Error) -> StoreError {
        failure(&self.dir, action, error)
    }

    fn damaged(&self, key: &[u8], what: &dyn std::fmt::Display) -> StoreError {
        let mut name = String::new();
        for octet in key {
            // Writing to a string does not fail.
            let _ = write!(name, "{octet:02x}");
        }
        corrupt(
            &self.dir.join(DATA_FILE),
            format!("the block at key {name} is damaged: {what}"),
        )
    }
}

/// Whether the file is too short for the two pages with which LMDB begins one.
fn is_stub(dir: &Path) -> bool {
    fs::metadata(dir.join(DATA_FILE)).is_ok_and(|data| data.len() < FIRST_OCTETS)
}

/// Two pages, of the smallest size there is.
const FIRST_OCTETS: u64 = 2 * 4096;

/// A file shorter than the pages it should have ends the process when they are read.
fn refuse_cut(env: &Env<WithoutTls>, file: &Path, octets: u64) -> Result<(), StoreError> {
    let pages = env.info().last_page_number as u64 + 1;
    let page_octets = u64::from(env.stat().page_size);
    if pages * page_octets <= octets || env.info().last_txn_id == 0 {
        return Ok(());
    }
    Err(corrupt(
        file,
        format!(
            "it was cut: it has {octets} octets and should have {}",
            pages * page_octets
        ),
    ))
}

fn failure(dir: &Path, action: &'static str, error: &heed::Error) -> StoreError {
    let mut reason = error.to_string();
    // LMDB takes a write that was cut short for an error of the device.
    if let heed::Error::Io(error) = error
        && error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
        && rustix::fs::statvfs(dir).is_ok_and(|disk| disk.f_bavail * disk.f_frsize < FULL_OCTETS)
    {
        reason.push_str("; the disk is full");
    }
    StoreError::Ledger {
        path: dir.to_owned(),
        action,
        reason,
    }
}

/// With less than this left a disk counts as full, in octets.
const FULL_OCTETS: u64 = 64 << 10;

fn corrupt(file: &Path, what: String) -> StoreError {
    StoreError::Corrupt {
        path: file.to_owned(),
        offset: 0,
        what,
        repair: REPAIR.to_owned(),
    }
}

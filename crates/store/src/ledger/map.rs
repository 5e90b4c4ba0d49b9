//! Opening the mapped file: the one place with `unsafe`.
//!
//! LMDB maps the ledger's file into memory, so the file must not be changed by anything
//! but LMDB while it is open, and not be opened twice in one process. Both hold: the data
//! directory is locked before this is called and the lock is held as long as the
//! environment lives ([`crate::lock`]); heed refuses a second opening in this process.
//! A file changed from outside in spite of the lock is the one way to read wrong octets;
//! readers of blocks and entries are total, so that gives wrong answers or errors, not
//! undefined lengths.

use std::path::Path;

use heed::{Env, EnvOpenOptions, WithoutTls};

/// Room for the ledger in the address space, not on disk: 1 TiB.
const MAP_OCTETS: usize = 1 << 40;

/// Readers at the same time: far more than tasks read at once.
const MAX_READERS: u32 = 1024;

/// Opens the ledger in the directory `dir`, which exists.
#[allow(unsafe_code)]
pub(super) fn open(dir: &Path, tables: u32) -> Result<Env<WithoutTls>, heed::Error> {
    let mut options = EnvOpenOptions::new().read_txn_without_tls();
    options
        .map_size(MAP_OCTETS)
        .max_readers(MAX_READERS)
        .max_dbs(tables);
    // SAFETY: the file is mapped by this process alone, see above.
    let env = unsafe { options.open(dir)? };
    // Readers that died with an earlier process hold no pages any more.
    env.clear_stale_readers()?;
    Ok(env)
}

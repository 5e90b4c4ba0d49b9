//! Giving back the space of pages that nothing uses any more.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use heed::CompactionOption;

use super::{DATA_FILE, Ledger};
use crate::lease_store::StoreError;

/// The new file until it is whole; one that a crash left is written over by the next try.
const NEW_FILE: &str = "data.mdb.new";

impl Ledger {
    /// Writes the ledger in `dir` anew without unused pages and puts that in its place, durably;
    /// nobody has it open. Returns the octets of the file before and after.
    ///
    /// On an error, and after a crash, the ledger is the old one or the new one, which say the
    /// same.
    pub(crate) fn compact(dir: &Path) -> Result<[u64; 2], StoreError> {
        let (path, new_path) = (dir.join(DATA_FILE), dir.join(NEW_FILE));
        let (ledger, said) = Self::open(dir)?;
        let before = octets_of(&path)?;
        let copied = ledger
            .env
            .copy_to_path(&new_path, CompactionOption::Enabled);
        let copied = copied.map_err(|error| ledger.fail("write itself anew", &error))?;
        drop(ledger);
        let replace = || -> io::Result<()> {
            copied.sync_all()?;
            fs::rename(&new_path, &path)?;
            File::open(dir)?.sync_all()
        };
        replace().map_err(|source| {
            // Best effort: where it is still there, the next try writes over it.
            let _ = fs::remove_file(&new_path);
            StoreError::Io {
                action: "replace",
                path: path.clone(),
                source,
            }
        })?;
        let (_, says) = Self::open(dir)?;
        debug_assert_eq!(said, says);
        Ok([before, octets_of(&path)?])
    }
}

fn octets_of(path: &Path) -> Result<u64, StoreError> {
    let data = fs::metadata(path).map_err(|source| StoreError::Io {
        action: "read the length of",
        path: path.to_path_buf(),
        source,
    })?;
    Ok(data.len())
}

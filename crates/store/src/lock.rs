//! One process at a time on a data directory.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::lease_store::StoreError;
use crate::storage::real::OWN_FILE;

/// The name of the lock file in the data directory.
const NAME: &str = "lock";

/// A held lock; the kernel lets it go when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct DataLock {
    _file: File,
}

impl DataLock {
    /// Takes the lock of `data`, making the directory if there is none.
    pub(crate) fn take(data: &Path) -> Result<Self, StoreError> {
        let path = data.join(NAME);
        let failed = |action| {
            let path = path.clone();
            move |source| StoreError::Io {
                action,
                path,
                source,
            }
        };
        make(data).map_err(|source| StoreError::Io {
            action: "make the directory",
            path: data.to_path_buf(),
            source,
        })?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(OWN_FILE)
            .open(&path)
            .map_err(failed("open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // Only who holds the lock knows better; without it the message says less.
                let _ = file.read_to_string(&mut pid);
                let pid = pid.trim();
                return Err(StoreError::InUse {
                    path: data.to_path_buf(),
                    pid: if pid.is_empty() {
                        "?".into()
                    } else {
                        pid.into()
                    },
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed("lock")(source)),
        }
        file.set_len(0).map_err(failed("write"))?;
        file.rewind().map_err(failed("write"))?;
        writeln!(file, "{}", std::process::id()).map_err(failed("write"))?;
        Ok(Self { _file: file })
    }
}

/// Makes the directory for its owner alone (SEC-026): the book holds keys of clients. One that is
/// there stays as it is, for whoever made it knows who may read it.
fn make(data: &Path) -> io::Result<()> {
    if data.is_dir() {
        return Ok(());
    }
    if let Some(above) = data.parent() {
        std::fs::create_dir_all(above)?;
    }
    DirBuilder::new().mode(0o700).recursive(true).create(data)
}

//! Opening the memory map: the one `unsafe` of the store.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use heed::{Env, EnvOpenOptions, WithoutTls};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::LOCK_FILE;
use crate::storage::real::OWN_FILE;

/// Address space for the map, in octets: tried in turn until the system grants one.
///
/// It is room to grow into, not memory and not disk. The first holds some thousand million
/// bindings; the others are for systems that limit address space (`ulimit -v`).
const MAP_OCTETS: [usize; 4] = [1 << 40, 1 << 37, 1 << 35, 1 << 33];

/// Readers at the same time: a scan chunk is one, so more than this many threads.
const MAX_READERS: u32 = 1024;

/// What LMDB's lock file takes for that many readers, generously, in octets.
const LOCK_OCTETS: u64 = 68 << 10;

/// Named databases: blocks, meta and the indexes.
const MAX_DATABASES: u32 = 16;

/// Maps the ledger in `dir`, which exists; LMDB makes its files there if they are missing.
///
/// The caller holds the lock of the data directory.
#[allow(unsafe_code)]
pub(super) fn open(dir: &Path) -> Result<Env<WithoutTls>, heed::Error> {
    reserve_lock_file(dir).map_err(heed::Error::Io)?;
    let mut refused = None;
    for octets in MAP_OCTETS {
        let mut options = EnvOpenOptions::new().read_txn_without_tls();
        options
            .map_size(octets)
            .max_readers(MAX_READERS)
            .max_dbs(MAX_DATABASES);
        // SAFETY: what makes a memory map unsafe is that its file may change under it.
        // - Another process: the caller holds the exclusive lock of the data directory, which
        //   every leasebook takes first, for as long as the environment lives; other programs
        //   are told by file modes (the directory is the service user's own) to keep away.
        // - Truncation, which would end the process by SIGBUS: nobody here shortens the file,
        //   and before a page is read `Ledger::open` compares the file's length with the
        //   newest page that the ledger knows.
        // - Our own writes: the map is read-only (no WRITEMAP), so stray writes fault; pages
        //   change only by write transactions, which never touch a page that a reader sees.
        // - Flags: none of the unsafe ones is set; locking and syncs are LMDB's own.
        // What is left is a disk that returns other octets than were written, in LMDB's own
        // pages. Blocks have CRCs and total accessors; LMDB's tree pages have neither.
        match unsafe { options.open(dir) } {
            Ok(env) => return Ok(env),
            Err(heed::Error::Io(error)) if error.kind() == std::io::ErrorKind::OutOfMemory => {
                refused = Some(heed::Error::Io(error));
            }
            Err(error) => return Err(error),
        }
    }
    Err(refused.unwrap_or_else(|| heed::Error::Io(std::io::ErrorKind::OutOfMemory.into())))
}

/// LMDB makes its lock file by setting a length and then writes to its map: where the disk is
/// full that ends the process by SIGBUS. So the space is taken beforehand, where that can fail.
fn reserve_lock_file(dir: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false);
    options.mode(OWN_FILE);
    let file = options.open(dir.join(LOCK_FILE))?;
    match fallocate(&file, FallocateFlags::empty(), 0, LOCK_OCTETS) {
        // A file system that cannot reserve.
        Err(Errno::OPNOTSUPP) => Ok(()),
        done => Ok(done?),
    }
}

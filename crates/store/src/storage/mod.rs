//! The few file operations that durability rests on, behind a trait.
//!
//! The journal and the checkpoints of the ledger speak to [`Disk`] and [`DiskFile`] only, so
//! that tests can put [`SimulatedDisk`] in the place of [`RealDisk`] and look at what a power
//! loss, a failing device or a full disk leaves behind at each single operation.
//!
//! What the trait promises, and no more:
//!
//! | after | this survives a power loss |
//! |---|---|
//! | [`DiskFile::write_all_at`], [`DiskFile::set_len`] | any part of it, or nothing |
//! | [`DiskFile::sync_data`] | the file's octets and length |
//! | [`Disk::open`] with [`Mode::Create`], [`Disk::rename`], [`Disk::remove`] | the old name or the new |
//! | [`Disk::sync_dir`] | the names in that directory |
//!
//! An end of the process alone (`kill -9`) loses nothing that a call returned for.
//!
//! A failed sync is final: the kernel may have dropped the octets it could not write and report
//! success next time. Whoever calls must not try again but stop using the file.

pub(crate) mod real;
mod simulated;

use std::fmt;
use std::io;
use std::path::Path;

pub use real::RealDisk;
pub use simulated::{Fault, SimulatedDisk};

/// A file system, as far as the store needs one.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Makes a directory and those above it; nothing happens if it is there.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// The names in a directory, sorted; names that are not Unicode are left out.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Opens a file.
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file another name, taking the place of a file that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// To read; it must exist.
    Read,
    /// To read and write; it must exist.
    Write,
    /// To read and write; made empty if it does not exist, emptied if it does.
    Create,
}

/// An open file.
pub trait DiskFile: fmt::Debug + Send + Sync {
    /// Its length in octets.
    fn len(&self) -> io::Result<u64>;

    /// Whether it has no octets.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills `into` from `offset` on; returns how many octets there were, fewer only at the end
    /// of the file.
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all octets at `offset`, lengthening the file where needed. On an error any part
    /// may have been written.
    fn write_all_at(&self, octets: &[u8], offset: u64) -> io::Result<()>;

    /// Cuts the file, or lengthens it with zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Lengthens the file with zeros to `len` and takes the space for them, so that writing
    /// there neither changes the length nor runs out of space. Never shortens it. A file system
    /// that cannot do that leaves the file as it is and says so with
    /// [`io::ErrorKind::Unsupported`].
    fn reserve(&self, len: u64) -> io::Result<()>;

    /// Waits until octets and length are on stable storage.
    fn sync_data(&self) -> io::Result<()>;
}

//! A disk of a known speed.

use std::io;
use std::path::Path;
use std::time::Duration;

use leasebook_store::storage::{Disk, DiskFile, Mode, RealDisk};

/// The machine's file system, but what is to be made durable takes a fixed time instead of the
/// disk's, which on a shared machine is a hundredfold longer in one second than in the next.
///
/// The thread that waits gives its processor away, as it does for a disk.
#[derive(Debug)]
pub(crate) struct SteadyDisk {
    sync: Duration,
}

impl SteadyDisk {
    /// A disk that syncs in 0.1 ms, as that of the quiet machine of decision 1 does: what is
    /// asked for is half of it, for the system's timers add 50 microseconds.
    pub(crate) fn quick() -> Self {
        Self {
            sync: Duration::from_micros(50),
        }
    }
}

impl Disk for SteadyDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_dir(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        RealDisk.list(dir)
    }

    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn DiskFile>> {
        let file = RealDisk.open(path, mode)?;
        let sync = self.sync;
        Ok(Box::new(SteadyFile { file, sync }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        std::thread::sleep(self.sync);
        Ok(())
    }
}

#[derive(Debug)]
struct SteadyFile {
    file: Box<dyn DiskFile>,
    sync: Duration,
}

impl DiskFile for SteadyFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(into, offset)
    }

    fn write_all_at(&self, octets: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(octets, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn reserve(&self, len: u64) -> io::Result<()> {
        self.file.reserve(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        std::thread::sleep(self.sync);
        Ok(())
    }
}

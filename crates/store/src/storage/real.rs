//! The file system of the machine.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::{Disk, DiskFile, Mode};

/// The file system of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        make_dir(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true);
        match mode {
            Mode::Read => {}
            Mode::Write => {
                options.write(true);
            }
            Mode::Create => {
                options.write(true).create(true).truncate(true);
                options.mode(OWN_FILE);
            }
        }
        Ok(Box::new(RealFile(options.open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

/// Makes a directory, and those around it that are missing, for its user alone: what is in it has
/// clients' keys (SEC-026).
pub(crate) fn make_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(OWN_DIR).create(path)
}

/// The modes of what only its user may read.
pub(crate) const OWN_FILE: u32 = 0o600;
const OWN_DIR: u32 = 0o700;

/// A file of the machine.
#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, mut into: &mut [u8], mut offset: u64) -> io::Result<usize> {
        let wanted = into.len();
        while !into.is_empty() {
            match self.0.read_at(into, offset) {
                Ok(0) => break,
                Ok(read) => {
                    into = into.get_mut(read..).unwrap_or_default();
                    offset += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(wanted - into.len())
    }

    fn write_all_at(&self, octets: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(octets, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn reserve(&self, len: u64) -> io::Result<()> {
        let present = self.len()?;
        if len <= present {
            return Ok(());
        }
        loop {
            match fallocate(&self.0, FallocateFlags::empty(), present, len - present) {
                Err(Errno::INTR) => {}
                Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                    return Err(io::ErrorKind::Unsupported.into());
                }
                other => return Ok(other?),
            }
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_reads_back_what_was_written_and_reserved() {
        let dir = tempfile::tempdir().unwrap();
        let disk = RealDisk;
        let inner = dir.path().join("a/b");
        disk.create_dir(&inner).unwrap();
        let file = disk.open(&inner.join("x"), Mode::Create).unwrap();
        file.write_all_at(b"octets", 3).unwrap();
        match file.reserve(4096) {
            Ok(()) => assert_eq!(file.len().unwrap(), 4096),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::Unsupported),
        }
        file.set_len(10).unwrap();
        file.sync_data().unwrap();
        disk.sync_dir(&inner).unwrap();
        let mut into = [9; 16];
        assert_eq!(file.read_at(&mut into, 0).unwrap(), 10);
        assert_eq!(&into[..10], b"\0\0\0octets\0");
        disk.rename(&inner.join("x"), &inner.join("y")).unwrap();
        assert_eq!(disk.list(&inner).unwrap(), ["y"]);
        disk.remove(&inner.join("y")).unwrap();
        assert!(disk.list(&inner).unwrap().is_empty());
        assert!(disk.open(&inner.join("y"), Mode::Write).is_err());
    }
}

//! Files that can be read but once, such as pipes: an import reads each twice, so they are copied
//! first.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

/// The name that stands for standard input.
const STANDARD_INPUT: &str = "-";

/// The files of an import, each of which can be read again.
#[derive(Debug)]
pub struct Spool {
    /// What is to be read, in the order given.
    pub files: Vec<PathBuf>,
    /// Copies without a name: gone when this is, even if the process is killed.
    copies: Vec<File>,
}

/// Why a file could not be copied.
#[derive(Debug, thiserror::Error)]
#[error("cannot copy {}, which can be read but once, to {}: {source}", file.display(), directory.display())]
pub struct SpoolError {
    file: PathBuf,
    directory: PathBuf,
    source: io::Error,
}

impl Spool {
    /// Copies what among `files` can be read but once to nameless files in `directory`; `-` is
    /// standard input.
    ///
    /// # Errors
    /// If it cannot be read, or there is no room for it.
    pub fn of(files: &[PathBuf], directory: &Path) -> Result<Self, SpoolError> {
        let mut spool = Self {
            files: Vec::new(),
            copies: Vec::new(),
        };
        for file in files {
            if is_read_once(file) {
                let copy = copy(file, directory).map_err(|source| SpoolError {
                    file: file.clone(),
                    directory: directory.to_owned(),
                    source,
                })?;
                let number = copy.as_raw_fd();
                spool.files.push(format!("/proc/self/fd/{number}").into());
                spool.copies.push(copy);
            } else {
                spool.files.push(file.clone());
            }
        }
        Ok(spool)
    }
}

/// A file that is not there is none: whoever opens it says so.
fn is_read_once(file: &Path) -> bool {
    file == Path::new(STANDARD_INPUT) || fs::metadata(file).is_ok_and(|data| !is_seekable(&data))
}

fn is_seekable(data: &fs::Metadata) -> bool {
    data.is_file() || data.is_dir()
}

fn copy(file: &Path, directory: &Path) -> io::Result<File> {
    let mut copy = tempfile::tempfile_in(directory)?;
    if file == Path::new(STANDARD_INPUT) {
        io::copy(&mut io::stdin().lock(), &mut copy)?;
    } else {
        io::copy(&mut File::open(file)?, &mut copy)?;
    }
    Ok(copy)
}

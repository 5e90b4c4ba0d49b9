//! The files: their names, and making new ones.

use std::io;
use std::path::{Path, PathBuf};

use super::format::{self, SEGMENT_HEADER};
use super::{Active, JournalError, Place};
use crate::storage::{Disk, Mode};

/// How the name of a segment ends.
const SUFFIX: &str = ".journal";

/// What is appended to the name of a segment that is being made.
const NEW: &str = ".new";

/// Digits of the first sequence number in the name of a segment: those of 2^64.
const DIGITS: usize = 20;

/// The path of the segment that begins with a sequence number.
pub(super) fn path(dir: &Path, first_seq: u64) -> PathBuf {
    dir.join(format!("{first_seq:020}{SUFFIX}"))
}

/// The first sequence numbers of the segments in a directory, in order; leftovers of making
/// one are named too.
pub(super) fn list(disk: &dyn Disk, dir: &Path) -> Result<Listing, JournalError> {
    let names = match disk.list(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        other => other.map_err(|error| JournalError::io("list", dir, error))?,
    };
    let mut listing = Listing::default();
    for name in names {
        if let Some(first) = first_seq(&name) {
            listing.segments.push(first);
        } else if name.strip_suffix(NEW).and_then(first_seq).is_some() {
            listing.leftovers.push(dir.join(name));
        }
    }
    listing.segments.sort_unstable();
    Ok(listing)
}

/// What is in the directory of a journal.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// First sequence numbers, in order.
    pub(super) segments: Vec<u64>,
    /// Files that were never given the name of a segment; they hold nothing.
    pub(super) leftovers: Vec<PathBuf>,
}

/// Which book the journal in a directory is of; `None` if there is none.
///
/// For a data directory whose ledger is gone: a journal that still begins with change 1 builds
/// it again.
pub fn book_of(disk: &dyn Disk, dir: &Path) -> Result<Option<u128>, JournalError> {
    let Some(first) = list(disk, dir)?.segments.first().copied() else {
        return Ok(None);
    };
    let path = path(dir, first);
    let read = || {
        let mut header = [0; SEGMENT_HEADER];
        let read = disk.open(&path, Mode::Read)?.read_at(&mut header, 0)?;
        Ok((header, read))
    };
    let (header, read) = read().map_err(|error| JournalError::io("read", &path, error))?;
    match format::parse_segment_header(&header[..read]) {
        Ok(header) => Ok(Some(header.book)),
        Err(kind) => Err(JournalError::damaged(&path, 0, kind)),
    }
}

/// A segment that is whole and durable but has not got its name yet.
pub(super) struct Unnamed {
    active: Active,
    new_path: PathBuf,
}

/// Makes a segment; nothing is left of it on an error.
pub(super) fn make(place: &Place, first_seq: u64) -> Result<Unnamed, JournalError> {
    let path = path(&place.dir, first_seq);
    let mut new_path = path.clone().into_os_string();
    new_path.push(NEW);
    let new_path = PathBuf::from(new_path);
    let write = || {
        let file = place.disk.open(&new_path, Mode::Create)?;
        file.write_all_at(&format::segment_header(place.book, first_seq), 0)?;
        file.sync_data()?;
        Ok(file)
    };
    let file = write().map_err(|error| {
        // Best effort: what stays is cleared away when the journal is opened next.
        let _ = place.disk.remove(&new_path);
        write_error("make", &new_path, &place.dir, error)
    })?;
    let end = SEGMENT_HEADER as u64;
    Ok(Unnamed {
        active: Active {
            file,
            path,
            first: first_seq,
            salt: format::salt(place.book, first_seq),
            end,
            synced_end: end,
            reserved: end,
        },
        new_path,
    })
}

impl Unnamed {
    /// Gives the segment its name, durably. On [`JournalError::NoSpace`] it has not got it, on
    /// any other error it may have it or not.
    pub(super) fn name(self, place: &Place) -> Result<Active, JournalError> {
        place
            .disk
            .rename(&self.new_path, &self.active.path)
            .map_err(|error| {
                let _ = place.disk.remove(&self.new_path);
                write_error("rename", &self.new_path, &place.dir, error)
            })?;
        place
            .disk
            .sync_dir(&place.dir)
            .map_err(|error| JournalError::io("sync", &place.dir, error))?;
        Ok(self.active)
    }
}

/// The error for a write that failed, telling a full disk from other reasons.
pub(super) fn write_error(
    action: &'static str,
    path: &Path,
    dir: &Path,
    error: io::Error,
) -> JournalError {
    if matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    ) {
        JournalError::NoSpace {
            dir: dir.to_owned(),
            source: std::sync::Arc::new(error),
        }
    } else {
        JournalError::io(action, path, error)
    }
}

fn first_seq(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    let plain = digits.len() == DIGITS && digits.bytes().all(|octet| octet.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

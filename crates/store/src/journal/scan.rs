//! Reading one segment, entry by entry, and judging its end.

use std::io;
use std::path::{Path, PathBuf};

use super::error::DamageKind;
use super::format::{
    self, ENTRY_HEADER, ENTRY_MAGIC, EntryHeader, MAX_BODY_OCTETS, Payloads, SEGMENT_HEADER,
};
use super::{JournalError, Place, segment};
use crate::storage::{DiskFile, Mode};

/// How much is read at once, in octets; more only for an entry that is longer.
const READ_AHEAD: usize = 256 << 10;

/// What a power loss takes or leaves as one, in octets; larger sectors are several of these.
const SECTOR: u64 = 512;

/// A segment being read.
#[derive(Debug)]
pub(super) struct Scan {
    window: Window,
    path: PathBuf,
    salt: u32,
    /// Where the next entry is.
    at: u64,
    /// The number it should begin with.
    expected: u64,
}

/// What comes next in a segment.
#[derive(Debug)]
pub(super) enum Step<'a> {
    /// An entry that holds.
    Entry {
        /// Where it begins.
        at: u64,
        /// Its header.
        header: EntryHeader,
        /// Its payloads.
        payloads: Payloads<'a>,
    },
    /// The seal: the next segment exists.
    Seal,
    /// Nothing but zeros to the end of the file, if anything.
    End,
    /// Something else, where [`Scan::at`] says.
    Bad(DamageKind),
}

impl Scan {
    /// Opens a segment and checks its header.
    pub(super) fn open(place: &Place, first_seq: u64) -> Result<Self, JournalError> {
        let path = segment::path(&place.dir, first_seq);
        let file = place
            .disk
            .open(&path, Mode::Read)
            .map_err(|error| JournalError::io("open", &path, error))?;
        Self::over(file, path, place.book, first_seq)
    }

    /// Reads a file that should be the segment of that book and number.
    pub(super) fn over(
        file: Box<dyn DiskFile>,
        path: PathBuf,
        book: u128,
        first_seq: u64,
    ) -> Result<Self, JournalError> {
        let mut window = Window::new(file);
        let octets = window
            .get(0, SEGMENT_HEADER)
            .map_err(|error| JournalError::io("read", &path, error))?;
        let header = format::parse_segment_header(octets);
        let header = header.map_err(|kind| JournalError::damaged(&path, 0, kind))?;
        if header.book != book {
            let kind = DamageKind::Book {
                found: header.book,
                expected: book,
            };
            return Err(JournalError::damaged(&path, 16, kind));
        }
        if header.first_seq != first_seq {
            let kind = DamageKind::Name {
                header: header.first_seq,
                name: first_seq,
            };
            return Err(JournalError::damaged(&path, 32, kind));
        }
        Ok(Self {
            window,
            path,
            salt: format::salt(book, first_seq),
            at: SEGMENT_HEADER as u64,
            expected: first_seq,
        })
    }

    /// Where the next entry is, in octets.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// The sequence number the next entry should begin with.
    pub(super) fn expected(&self) -> u64 {
        self.expected
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Forgets what was read ahead, for a file that is being written.
    pub(super) fn refresh(&mut self) {
        self.window.forget();
    }

    /// Goes back to an entry told before, which begins with `seq`.
    pub(super) fn return_to(&mut self, at: u64, seq: u64) {
        self.at = at;
        self.expected = seq;
    }

    /// Reads the next entry and goes behind it. Anything that is none is told again next time.
    pub(super) fn step(&mut self) -> Result<Step<'_>, JournalError> {
        let at = self.at;
        let path = &self.path;
        let failed = |error| JournalError::io("read", path, error);
        let head = self.window.get(at, ENTRY_HEADER).map_err(failed)?;
        if head.iter().all(|octet| *octet == 0) {
            let content = self.window.content_end(at).map_err(failed)?;
            return Ok(match content {
                None => Step::End,
                Some(_) => Step::Bad(DamageKind::NotAnEntry),
            });
        }
        let header = match format::parse_entry_header(head, self.salt) {
            Ok(header) => header,
            Err(kind) => return Ok(Step::Bad(kind)),
        };
        let next_seq = header
            .next_seq()
            .filter(|_| header.first_seq == self.expected);
        let Some(next_seq) = next_seq else {
            return Ok(Step::Bad(DamageKind::Sequence {
                found: header.first_seq,
                expected: self.expected,
            }));
        };
        let body_at = at + ENTRY_HEADER as u64;
        let body = self
            .window
            .get(body_at, header.body_octets)
            .map_err(failed)?;
        if body.len() < header.body_octets {
            return Ok(Step::Bad(DamageKind::EntryShort {
                octets: (ENTRY_HEADER + body.len()) as u64,
                needed: header.entry_octets(),
            }));
        }
        let payloads = match header.payloads(self.salt, body) {
            Ok(payloads) => payloads,
            Err(kind) => return Ok(Step::Bad(kind)),
        };
        self.at += header.entry_octets();
        self.expected = next_seq;
        if header.count == 0 {
            return Ok(Step::Seal);
        }
        Ok(Step::Entry {
            at,
            header,
            payloads,
        })
    }

    /// Whether what stands where [`Scan::at`] says, in the last segment, can be what a power
    /// loss left of an entry that was never synced; then where it ends, in octets. The rules
    /// are argued in the parent module.
    pub(super) fn torn_end(&mut self, kind: DamageKind) -> Result<Option<u64>, JournalError> {
        self.judge(kind)
            .map_err(|error| JournalError::io("read", &self.path, error))
    }

    /// Goes to the next place behind this one where an entry's header holds; false if there is
    /// none.
    pub(super) fn find_entry(&mut self) -> Result<bool, JournalError> {
        let found = self
            .window
            .find_header(self.at + 1, u64::MAX, self.salt)
            .map_err(|error| JournalError::io("read", &self.path, error))?;
        if let Some((at, header)) = found {
            self.return_to(at, header.first_seq);
        }
        Ok(found.is_some())
    }

    fn judge(&mut self, kind: DamageKind) -> io::Result<Option<u64>> {
        let at = self.at;
        let Some(content_end) = self.window.content_end(at)? else {
            return Ok(None);
        };
        let torn = match kind {
            DamageKind::EntryCrc { .. } | DamageKind::EntryShort { .. } => {
                let head = self.window.get(at, ENTRY_HEADER)?;
                match format::parse_entry_header(head, self.salt) {
                    Ok(header) => {
                        let end = at + header.entry_octets();
                        content_end < end
                            || (content_end == end && self.window.has_lost_sector(at, end)?)
                    }
                    // The file ends inside the header.
                    Err(_) => true,
                }
            }
            DamageKind::NotAnEntry
            | DamageKind::EntryHeaderCrc { .. }
            | DamageKind::EntryLength { .. } => {
                let octets = content_end - at;
                octets <= ENTRY_HEADER as u64
                    || (octets <= (ENTRY_HEADER + MAX_BODY_OCTETS) as u64
                        && self.window.has_lost_sector(at, content_end)?)
            }
            _ => false,
        };
        let alone = torn
            && self
                .window
                .find_header(at + 1, content_end, self.salt)?
                .is_none();
        Ok(alone.then_some(content_end))
    }
}

/// A file with what was read of it last.
#[derive(Debug)]
pub(super) struct Window {
    file: Box<dyn DiskFile>,
    octets: Vec<u8>,
    start: u64,
}

impl Window {
    pub(super) fn new(file: Box<dyn DiskFile>) -> Self {
        Self {
            file,
            octets: Vec::new(),
            start: 0,
        }
    }

    fn forget(&mut self) {
        self.octets.clear();
    }

    /// `wanted` octets at `at`, fewer only at the end of the file. Memory is bounded by what
    /// is wanted and by what the file has.
    fn get(&mut self, at: u64, wanted: usize) -> io::Result<&[u8]> {
        let inside = at
            .checked_sub(self.start)
            .and_then(|skip| usize::try_from(skip).ok());
        let held = inside.and_then(|skip| Some((skip, self.octets.get(skip..)?.len())));
        if let Some((skip, len)) = held
            && len >= wanted
        {
            return Ok(&self.octets[skip..skip + wanted]);
        }
        let there = self.file.len()?.saturating_sub(at);
        let size = wanted.max(READ_AHEAD) as u64;
        let size = usize::try_from(size.min(there)).map_err(io::Error::other)?;
        // Emptied first: after a failed read nothing of it may pass for octets of the file.
        self.octets.clear();
        let mut octets = std::mem::take(&mut self.octets);
        octets.resize(size, 0);
        let read = self.file.read_at(&mut octets, at)?;
        octets.truncate(read);
        self.octets = octets;
        self.start = at;
        Ok(&self.octets[..wanted.min(read)])
    }

    /// Where the octets from `at` on that are not zero end; `None` if there are none.
    fn content_end(&mut self, at: u64) -> io::Result<Option<u64>> {
        let mut end = self.file.len()?;
        while end > at {
            let start = end.saturating_sub(READ_AHEAD as u64).max(at);
            let wanted = usize::try_from(end - start).map_err(io::Error::other)?;
            let octets = self.get(start, wanted)?;
            if let Some(last) = octets.iter().rposition(|octet| *octet != 0) {
                return Ok(Some(start + last as u64 + 1));
            }
            end = start;
        }
        Ok(None)
    }

    /// Whether a sector's part of `at..end` is nothing but zeros.
    fn has_lost_sector(&mut self, at: u64, end: u64) -> io::Result<bool> {
        let mut start = at;
        while start < end {
            let sector_end = (start / SECTOR * SECTOR + SECTOR).min(end);
            let wanted = usize::try_from(sector_end - start).map_err(io::Error::other)?;
            let octets = self.get(start, wanted)?;
            if octets.iter().all(|octet| *octet == 0) {
                return Ok(true);
            }
            start = sector_end;
        }
        Ok(false)
    }

    /// The first entry's header that holds and begins in `from..to`.
    fn find_header(
        &mut self,
        from: u64,
        to: u64,
        salt: u32,
    ) -> io::Result<Option<(u64, EntryHeader)>> {
        let mut start = from;
        while start < to {
            let octets = self.get(start, READ_AHEAD)?;
            if octets.len() < ENTRY_HEADER {
                return Ok(None);
            }
            // The last starts that a whole header fits behind.
            let starts = octets.len() - ENTRY_HEADER + 1;
            for skip in 0..starts {
                let there = &octets[skip..];
                if there.starts_with(&ENTRY_MAGIC)
                    && let Ok(header) = format::parse_entry_header(there, salt)
                {
                    return Ok(Some((start + skip as u64, header)));
                }
            }
            start += starts as u64;
        }
        Ok(None)
    }

    /// Copies `from..to` of the file to the start of another.
    pub(super) fn copy(&mut self, from: u64, to: u64, into: &dyn DiskFile) -> io::Result<()> {
        let mut at = from;
        while at < to {
            let wanted =
                usize::try_from((to - at).min(READ_AHEAD as u64)).map_err(io::Error::other)?;
            let octets = self.get(at, wanted)?;
            if octets.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            into.write_all_at(octets, at - from)?;
            at += octets.len() as u64;
        }
        Ok(())
    }
}

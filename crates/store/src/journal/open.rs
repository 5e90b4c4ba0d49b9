//! Start-up: replay what the ledger lacks, cut a torn tail, be ready to append.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::error::DamageKind;
use super::format;
use super::scan::{Scan, Step, Window};
use super::segment::{self, Listing};
use super::{Active, Closed, Journal, JournalError, Place};
use crate::storage::Mode;

/// Why a payload could not be replayed.
pub type ReplayError = Box<dyn std::error::Error + Send + Sync>;

/// Takes a sequence number and its payload.
type Replay<'a> = dyn FnMut(u64, &[u8]) -> Result<(), ReplayError> + 'a;

/// A journal that was opened, and what was found.
#[derive(Debug)]
pub struct Opened {
    /// The journal, ready to be appended to.
    pub journal: Journal,
    /// How many payloads were replayed.
    pub replayed: u64,
    /// The torn tail that was cut, for the log.
    pub torn: Option<Torn>,
}

/// A tail that an unfinished write left; none of it had been acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The segment.
    pub path: PathBuf,
    /// Where it was cut, in octets.
    pub offset: u64,
    /// How many octets were cut.
    pub octets: u64,
    /// Where these octets were saved.
    pub saved: PathBuf,
}

impl std::fmt::Display for Torn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            path,
            offset,
            octets,
            saved,
        } = self;
        write!(
            f,
            "{}, offset {offset}: cut {octets} octets of a change that was never finished nor \
             acknowledged; they are kept in {}",
            path.display(),
            saved.display()
        )
    }
}

impl Journal {
    /// Begins the journal of a new book, with sequence number 1.
    ///
    /// Refuses where there is a journal already; [`book_of`](super::book_of) tells whose.
    pub fn create(place: Place) -> Result<Self, JournalError> {
        let dir = place.dir.clone();
        place
            .disk
            .create_dir(&dir)
            .map_err(|error| JournalError::io("make", &dir, error))?;
        if let Some(above) = dir.parent() {
            place
                .disk
                .sync_dir(above)
                .map_err(|error| JournalError::io("sync", above, error))?;
        }
        let listing = segment::list(&*place.disk, &dir)?;
        if !listing.segments.is_empty() {
            return Err(JournalError::NotEmpty { dir });
        }
        let active = segment::make(&place, 1)?.name(&place)?;
        Ok(Self::assemble(place, VecDeque::new(), active, 1))
    }

    /// Opens the journal of a book and tells `replay` every payload after `after_seq`, the
    /// newest one that the ledger holds durably, in order.
    ///
    /// Memory is bounded by the largest entry. What `replay` was told must not be made durable
    /// elsewhere before this has returned: only then is the newest entry surely on the disk.
    ///
    /// Fails without having changed anything but the torn tail when the files are not what they
    /// should be; `replay` may have been told what is before the damage.
    pub fn open(
        place: Place,
        after_seq: u64,
        replay: &mut Replay<'_>,
    ) -> Result<Opened, JournalError> {
        let Listing {
            segments,
            leftovers,
        } = segment::list(&*place.disk, &place.dir)?;
        for path in leftovers {
            place
                .disk
                .remove(&path)
                .map_err(|error| JournalError::io("remove", &path, error))?;
        }
        let start = start_index(&place, &segments, after_seq)?;
        let mut recovery = Recovery {
            place: &place,
            after_seq,
            replay,
            replayed: 0,
        };
        for pair in segments[start..].windows(2) {
            recovery.replay_closed(pair[0], pair[1])?;
        }
        let last = segments[segments.len() - 1];
        let tail = recovery.replay_last(last)?;
        let replayed = recovery.replayed;
        let journal_seq = tail.next_seq - 1;
        if journal_seq < after_seq {
            let kind = DamageKind::Behind {
                journal: journal_seq,
                ledger: after_seq,
            };
            return Err(JournalError::damaged(&tail.path, tail.end, kind));
        }
        let (active, torn) = make_ready(&place, last, &tail)?;
        let before = &segments[..segments.len() - 1];
        if tail.entry.is_none()
            && let Some(previous) = before.last()
        {
            reseal(&place, *previous, last)?;
        }
        let closed = measure(&place, before)?;
        let next_seq = tail.next_seq;
        Ok(Opened {
            journal: Self::assemble(place, closed, active, next_seq),
            replayed,
            torn,
        })
    }

    fn assemble(place: Place, closed: VecDeque<Closed>, active: Active, next_seq: u64) -> Self {
        Self {
            place,
            closed,
            active,
            next_seq,
            unsynced: false,
            poison: None,
            durable: Arc::new(AtomicU64::new(next_seq - 1)),
        }
    }
}

/// Which segment holds the change after `after_seq`, or will.
pub(super) fn start_index(
    place: &Place,
    segments: &[u64],
    after_seq: u64,
) -> Result<usize, JournalError> {
    let expected = after_seq.saturating_add(1);
    let after = segments.partition_point(|first| *first <= expected);
    if let Some(start) = after.checked_sub(1) {
        return Ok(start);
    }
    let kind = match segments.first() {
        None => DamageKind::NoSegments { expected },
        Some(found) => DamageKind::StartMissing {
            expected,
            found: *found,
        },
    };
    Err(JournalError::damaged(&place.dir, 0, kind))
}

/// A replay under way.
struct Recovery<'a, 'r> {
    place: &'a Place,
    after_seq: u64,
    replay: &'a mut Replay<'r>,
    replayed: u64,
}

/// The end of the last segment.
struct TailEnd {
    path: PathBuf,
    /// Where good entries end, in octets.
    end: u64,
    /// Where a torn entry behind them ends.
    torn_end: Option<u64>,
    next_seq: u64,
    /// Where the last entry begins, if there is one.
    entry: Option<u64>,
}

impl Recovery<'_, '_> {
    /// Replays a segment that is followed by the one that begins with `next_first`.
    fn replay_closed(&mut self, first: u64, next_first: u64) -> Result<(), JournalError> {
        let mut scan = Scan::open(self.place, first)?;
        loop {
            let path = scan.path().to_owned();
            let (at, expected) = (scan.at(), scan.expected());
            match scan.step()? {
                Step::Entry {
                    at,
                    header,
                    payloads,
                } => {
                    self.tell(&path, at, header.first_seq, payloads)?;
                }
                // All its entries are there. What follows can only be a seal that was being
                // written when power went.
                _ if expected == next_first => return Ok(()),
                Step::Bad(kind) => return Err(JournalError::damaged(&path, at, kind)),
                Step::End | Step::Seal => {
                    let kind = DamageKind::Gap {
                        expected,
                        found: next_first,
                    };
                    let next = segment::path(&self.place.dir, next_first);
                    return Err(JournalError::damaged(&next, 32, kind));
                }
            }
        }
    }

    /// Replays the last segment.
    fn replay_last(&mut self, first: u64) -> Result<TailEnd, JournalError> {
        let mut scan = Scan::open(self.place, first)?;
        let path = scan.path().to_owned();
        let mut entry = None;
        let torn_end = loop {
            let at = scan.at();
            match scan.step()? {
                Step::Entry {
                    at,
                    header,
                    payloads,
                } => {
                    entry = Some(at);
                    self.tell(&path, at, header.first_seq, payloads)?;
                }
                Step::End => break None,
                Step::Seal => {
                    let expected = scan.expected();
                    let kind = DamageKind::NextMissing { expected };
                    return Err(JournalError::damaged(&path, at, kind));
                }
                Step::Bad(kind) => match scan.torn_end(kind)? {
                    Some(torn_end) => break Some(torn_end),
                    None => return Err(JournalError::damaged(&path, at, kind)),
                },
            }
        };
        Ok(TailEnd {
            end: scan.at(),
            torn_end,
            next_seq: scan.expected(),
            entry,
            path,
        })
    }

    fn tell<'p>(
        &mut self,
        path: &std::path::Path,
        at: u64,
        first_seq: u64,
        payloads: impl Iterator<Item = &'p [u8]>,
    ) -> Result<(), JournalError> {
        for (seq, payload) in (first_seq..).zip(payloads) {
            if seq <= self.after_seq {
                continue;
            }
            (self.replay)(seq, payload).map_err(|reason| JournalError::Replay {
                path: path.to_owned(),
                offset: at,
                seq,
                reason: reason.to_string(),
            })?;
            self.replayed += 1;
        }
        Ok(())
    }
}

/// Cuts the last segment behind its good entries and makes sure these are on the disk.
fn make_ready(
    place: &Place,
    first: u64,
    tail: &TailEnd,
) -> Result<(Active, Option<Torn>), JournalError> {
    let path = &tail.path;
    let failed = |action| move |error| JournalError::io(action, path, error);
    let torn = match tail.torn_end {
        Some(torn_end) => Some(save_torn(place, tail, torn_end)?),
        None => None,
    };
    let file = place.disk.open(path, Mode::Write).map_err(failed("open"))?;
    let len = file.len().map_err(failed("measure"))?;
    if torn.is_some() {
        file.set_len(tail.end).map_err(failed("cut"))?;
    }
    if let Some(at) = tail.entry {
        // The kernel may hold the newest entry in memory only, and may even take it for written
        // after a sync that failed in an earlier process. Writing it anew makes sure.
        let octets = usize::try_from(tail.end - at).unwrap_or(usize::MAX);
        let mut entry = vec![0; octets];
        file.read_at(&mut entry, at).map_err(failed("read"))?;
        file.write_all_at(&entry, at).map_err(failed("write"))?;
    }
    file.sync_data().map_err(failed("sync"))?;
    place
        .disk
        .sync_dir(&place.dir)
        .map_err(|error| JournalError::io("sync", &place.dir, error))?;
    let reserved = if torn.is_some() { tail.end } else { len };
    let active = Active {
        file,
        path: path.clone(),
        first,
        salt: format::salt(place.book, first),
        end: tail.end,
        synced_end: tail.end,
        reserved,
    };
    Ok((active, torn))
}

/// Saves the octets that are going to be cut, durably.
fn save_torn(place: &Place, tail: &TailEnd, torn_end: u64) -> Result<Torn, JournalError> {
    let name = tail.path.file_name().unwrap_or_default().to_string_lossy();
    let base = format!("{name}.{}.torn", tail.end);
    let saved = unused_path(place, &base)?;
    let save = || {
        let mut from = Window::new(place.disk.open(&tail.path, Mode::Read)?);
        let into = place.disk.open(&saved, Mode::Create)?;
        from.copy(tail.end, torn_end, &*into)?;
        into.sync_data()?;
        place.disk.sync_dir(&place.dir)
    };
    save()
        .map_err(|error| segment::write_error("save a torn tail in", &saved, &place.dir, error))?;
    Ok(Torn {
        path: tail.path.clone(),
        offset: tail.end,
        octets: torn_end - tail.end,
        saved,
    })
}

/// A path in the journal's directory that no file has: the name, or it with a number.
pub(super) fn unused_path(place: &Place, name: &str) -> Result<PathBuf, JournalError> {
    let names = place
        .disk
        .list(&place.dir)
        .map_err(|error| JournalError::io("list", &place.dir, error))?;
    let mut candidate = name.to_owned();
    let mut number = 1_u64;
    while names.contains(&candidate) {
        number += 1;
        candidate = format!("{name}.{number}");
    }
    Ok(place.dir.join(candidate))
}

/// Writes the seal of a closed segment if a crash left it out, before anything is appended to
/// the next. A segment that is damaged, which the ledger does not need, is left alone.
fn reseal(place: &Place, first: u64, next_first: u64) -> Result<(), JournalError> {
    let mut scan = Scan::open(place, first)?;
    loop {
        let whole = scan.expected() == next_first;
        match scan.step()? {
            Step::Entry { .. } => {}
            Step::End | Step::Bad(_) if whole => break,
            Step::Seal | Step::End | Step::Bad(_) => return Ok(()),
        }
    }
    let path = scan.path();
    let salt = format::salt(place.book, first);
    let write = || {
        let file = place.disk.open(path, Mode::Write)?;
        write_seal(&*file, salt, scan.at(), next_first)
    };
    write().map_err(|error| segment::write_error("seal", path, &place.dir, error))
}

/// Ends a segment behind its entries, durably.
pub(super) fn write_seal(
    file: &dyn crate::storage::DiskFile,
    salt: u32,
    end: u64,
    next_first: u64,
) -> std::io::Result<()> {
    file.write_all_at(&format::seal(salt, next_first), end)?;
    file.set_len(end + format::SEAL_OCTETS)?;
    file.sync_data()
}

fn measure(place: &Place, segments: &[u64]) -> Result<VecDeque<Closed>, JournalError> {
    let measure = |first: &u64| {
        let path = segment::path(&place.dir, *first);
        let octets = place
            .disk
            .open(&path, Mode::Read)
            .and_then(|file| file.len());
        match octets {
            Ok(octets) => Ok(Closed {
                first: *first,
                octets,
            }),
            Err(error) => Err(JournalError::io("measure", &path, error)),
        }
    };
    segments.iter().map(measure).collect()
}

//! Setting damage aside, so that a book can be opened again without it.

use std::path::{Path, PathBuf};

use super::error::{Damage, DamageKind};
use super::open::unused_path;
use super::scan::{Scan, Step, Window};
use super::{JournalError, Place, segment};
use crate::storage::Mode;

/// What [`repair`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repair {
    /// What was found; `None` if the journal was sound, and nothing was changed.
    pub damage: Option<Damage>,
    /// The newest change that is kept.
    pub last_seq: u64,
    /// Entries behind the damage that could still be read and are lost to the book; the
    /// damaged one itself comes on top.
    pub lost_entries: u64,
    /// The newest change that was seen behind the damage, if one was: so many after
    /// [`Repair::last_seq`] are lost at least.
    pub lost_up_to_seq: Option<u64>,
    /// Where the files as they were found are now. Nothing is ever deleted.
    pub set_aside: Vec<PathBuf>,
}

impl std::fmt::Display for Repair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(damage) = &self.damage else {
            return write!(f, "the journal is sound up to change {}", self.last_seq);
        };
        write!(
            f,
            "{}, offset {}: {}; kept everything up to change {}, set {} files aside",
            damage.path.display(),
            damage.offset,
            damage.kind,
            self.last_seq,
            self.set_aside.len(),
        )?;
        match self.lost_up_to_seq {
            Some(seq) => write!(
                f,
                ", lost changes {} to {seq} at least ({} readable entries behind the damage)",
                self.last_seq.saturating_add(1),
                self.lost_entries
            ),
            None => f.write_str(", nothing readable was behind the damage"),
        }
    }
}

/// Makes a damaged journal openable: keeps everything before the damage, gives the files as
/// they were the name `NAME.damaged`, and tells what is lost.
///
/// `after_seq` is the newest change that the ledger holds durably. A sound journal is left as
/// it is, and so is its torn tail, which opening cuts. A crash in the middle leaves a journal
/// that is still damaged, and can be repaired again. Files of another version or another book
/// are no damage: the error says what to do.
pub fn repair(place: &Place, after_seq: u64) -> Result<Repair, JournalError> {
    place
        .disk
        .create_dir(&place.dir)
        .map_err(|error| JournalError::io("make", &place.dir, error))?;
    let segments = segment::list(&*place.disk, &place.dir)?.segments;
    let found = examine(place, &segments, after_seq)?;
    let Some(damage) = found.damage.clone() else {
        return Ok(Repair {
            last_seq: found.next_seq - 1,
            ..Repair::default()
        });
    };
    if let DamageKind::Version { .. } | DamageKind::Book { .. } = damage.kind {
        return Err(damage.into());
    }
    let last_seq = after_seq.max(found.next_seq - 1);
    let mut repair = Repair {
        last_seq,
        ..Repair::default()
    };
    for first in segments
        .iter()
        .filter(|first| **first >= found.damaged_first)
    {
        let from = (*first == found.damaged_first).then_some((found.at, found.next_seq));
        count_lost(place, *first, from, &mut repair);
    }
    // From the newest to the oldest, so that a crash on the way leaves a journal that ends with
    // the same damage.
    for first in segments.iter().rev() {
        if *first > found.damaged_first {
            set_aside(place, *first, &mut repair)?;
        }
    }
    match found.keep {
        Some(end) => shorten(place, found.damaged_first, end, &mut repair)?,
        None if segments.contains(&found.damaged_first) => {
            set_aside(place, found.damaged_first, &mut repair)?;
        }
        None => {}
    }
    begin_after(place, &found, last_seq)?;
    repair.damage = Some(damage);
    Ok(repair)
}

/// What an examination found.
struct Found {
    damage: Option<Damage>,
    /// The segment with the damage; or where the next one would begin.
    damaged_first: u64,
    /// Where in it good entries end; `None` if nothing of it can be kept.
    keep: Option<u64>,
    /// Where in it to look for entries that are lost.
    at: u64,
    /// The first change that is not kept.
    next_seq: u64,
}

/// Reads what opening would read, and stops at the first damage.
fn examine(place: &Place, segments: &[u64], after_seq: u64) -> Result<Found, JournalError> {
    let next = after_seq.saturating_add(1);
    let start = match super::open::start_index(place, segments, after_seq) {
        Ok(start) => start,
        Err(JournalError::Damaged(damage)) => {
            return Ok(Found {
                damage: Some(damage),
                damaged_first: next,
                keep: None,
                at: 0,
                next_seq: next,
            });
        }
        Err(error) => return Err(error),
    };
    let mut next_seq = segments[start];
    for (index, first) in segments.iter().enumerate().skip(start) {
        let following = segments.get(index + 1).copied();
        let mut found = examine_segment(place, *first, following, next_seq)?;
        if found.damage.is_some() {
            return Ok(found);
        }
        next_seq = found.next_seq;
        if following.is_none() {
            if next_seq < next {
                found.damage = Some(Damage {
                    path: segment::path(&place.dir, *first),
                    offset: found.at,
                    kind: DamageKind::Behind {
                        journal: next_seq - 1,
                        ledger: after_seq,
                    },
                });
            }
            return Ok(found);
        }
    }
    // Not reached: there is a segment to start with, and the last returns.
    Err(JournalError::damaged(
        &place.dir,
        0,
        DamageKind::NoSegments { expected: next },
    ))
}

/// Reads one segment, which begins with `expected` unless one before it is missing.
fn examine_segment(
    place: &Place,
    first: u64,
    following: Option<u64>,
    expected: u64,
) -> Result<Found, JournalError> {
    let path = segment::path(&place.dir, first);
    let mut found = Found {
        damage: None,
        damaged_first: first,
        keep: None,
        at: 0,
        next_seq: expected,
    };
    let damage = |offset, kind| {
        Some(Damage {
            path: path.clone(),
            offset,
            kind,
        })
    };
    if first != expected {
        let kind = DamageKind::Gap {
            expected,
            found: first,
        };
        found.damage = damage(32, kind);
        return Ok(found);
    }
    let mut scan = match Scan::open(place, first) {
        Ok(scan) => scan,
        Err(JournalError::Damaged(damage)) => {
            found.damage = Some(damage);
            return Ok(found);
        }
        Err(error) => return Err(error),
    };
    loop {
        found.at = scan.at();
        found.next_seq = scan.expected();
        found.keep = Some(found.at);
        let whole = following == Some(found.next_seq);
        match scan.step()? {
            Step::Entry { .. } => {}
            _ if whole => return Ok(found),
            Step::Seal if following.is_none() => {
                let kind = DamageKind::NextMissing {
                    expected: found.next_seq,
                };
                found.damage = damage(found.at, kind);
                return Ok(found);
            }
            // The gap is told of the segment behind it, if there is one.
            Step::End | Step::Seal => return Ok(found),
            Step::Bad(kind) => {
                let torn = following.is_none() && scan.torn_end(kind)?.is_some();
                found.damage = if torn { None } else { damage(found.at, kind) };
                return Ok(found);
            }
        }
    }
}

/// Counts what can be read of a segment that is set aside, from somewhere on. What cannot be
/// read at all counts for nothing; its file is kept all the same.
fn count_lost(place: &Place, first: u64, from: Option<(u64, u64)>, repair: &mut Repair) {
    let Ok(mut scan) = Scan::open(place, first) else {
        return;
    };
    if let Some((at, seq)) = from
        && at > 0
    {
        scan.return_to(at, seq);
    }
    loop {
        match scan.step() {
            Ok(Step::Entry { header, .. }) => {
                repair.lost_entries += 1;
                let last = header.next_seq().map(|next| next - 1);
                repair.lost_up_to_seq = repair.lost_up_to_seq.max(last);
            }
            Ok(Step::Seal) => {}
            Ok(Step::End) | Err(_) => return,
            Ok(Step::Bad(_)) => match scan.find_entry() {
                Ok(true) => {}
                Ok(false) | Err(_) => return,
            },
        }
    }
}

/// Gives a segment the name of a damaged one.
fn set_aside(place: &Place, first: u64, repair: &mut Repair) -> Result<(), JournalError> {
    let path = segment::path(&place.dir, first);
    let aside = aside_path(place, &path)?;
    let renamed = place.disk.rename(&path, &aside);
    renamed.map_err(|error| JournalError::io("rename", &path, error))?;
    let synced = place.disk.sync_dir(&place.dir);
    synced.map_err(|error| JournalError::io("sync", &place.dir, error))?;
    repair.set_aside.push(aside);
    Ok(())
}

/// Keeps of a segment what is before `end`; a copy of the whole of it is set aside. At no
/// moment is there no segment of that name.
fn shorten(place: &Place, first: u64, end: u64, repair: &mut Repair) -> Result<(), JournalError> {
    let path = segment::path(&place.dir, first);
    let aside = aside_path(place, &path)?;
    let copy = |into: &Path, end: Option<u64>| {
        let from = place.disk.open(&path, Mode::Read)?;
        let end = end.unwrap_or(from.len()?);
        let into = place.disk.open(into, Mode::Create)?;
        Window::new(from).copy(0, end, &*into)?;
        into.sync_data()?;
        place.disk.sync_dir(&place.dir)
    };
    let mut new = path.clone().into_os_string();
    new.push(".new");
    let new = PathBuf::from(new);
    let copied = copy(&aside, None).and_then(|()| copy(&new, Some(end)));
    copied.map_err(|error| segment::write_error("copy", &path, &place.dir, error))?;
    let renamed = place.disk.rename(&new, &path);
    renamed.map_err(|error| JournalError::io("rename", &new, error))?;
    let synced = place.disk.sync_dir(&place.dir);
    synced.map_err(|error| JournalError::io("sync", &place.dir, error))?;
    repair.set_aside.push(aside);
    Ok(())
}

/// Makes an empty segment to go on with where none is left that could be.
fn begin_after(place: &Place, found: &Found, last_seq: u64) -> Result<(), JournalError> {
    let goes_on = found.keep.is_some() && found.next_seq == last_seq + 1;
    if !goes_on {
        segment::make(place, last_seq + 1)?.name(place)?;
    }
    Ok(())
}

fn aside_path(place: &Place, path: &Path) -> Result<PathBuf, JournalError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    unused_path(place, &format!("{name}.damaged"))
}

//! Reading along: what changed since a sequence number, while the journal is written.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::scan::{Scan, Step};
use super::{Journal, JournalError, Place, segment};

/// A reader of the journal that never stops its writer.
///
/// It tells durable payloads only. Make as many as there are followers; each holds one file
/// open and one window of it in memory.
#[derive(Debug)]
pub struct Tail {
    place: Place,
    durable: Arc<AtomicU64>,
    after_seq: u64,
    scan: Option<Scan>,
}

/// Why [`Tail::read`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// There is no more that was durable when it began.
    CaughtUp,
    /// The visitor wanted no more.
    Stopped,
}

impl Journal {
    /// A reader of every payload after `after_seq`.
    pub fn tail(&self, after_seq: u64) -> Tail {
        Tail {
            place: self.place.clone(),
            durable: Arc::clone(&self.durable),
            after_seq,
            scan: None,
        }
    }
}

impl Tail {
    /// The newest sequence number that was told.
    pub fn after_seq(&self) -> u64 {
        self.after_seq
    }

    /// Tells `visit` the payloads that follow, with their sequence numbers, until there are no
    /// more or it breaks; what it was told then counts as told.
    ///
    /// [`JournalError::Released`] says that a checkpoint let go what it was to tell next: the
    /// follower must begin again from the book itself.
    pub fn read(
        &mut self,
        visit: &mut dyn FnMut(u64, &[u8]) -> ControlFlow<()>,
    ) -> Result<Read, JournalError> {
        let durable = self.durable.load(Ordering::Acquire);
        let mut scan = match self.scan.take() {
            Some(mut scan) => {
                scan.refresh();
                Some(scan)
            }
            None => None,
        };
        while self.after_seq < durable {
            let mut current = match scan.take() {
                Some(scan) => scan,
                None => self.find()?,
            };
            match self.read_segment(&mut current, durable, visit)? {
                SegmentRead::Stopped => {
                    self.scan = Some(current);
                    return Ok(Read::Stopped);
                }
                SegmentRead::CaughtUp => scan = Some(current),
                SegmentRead::Ended => {}
            }
        }
        self.scan = scan;
        Ok(Read::CaughtUp)
    }

    /// The segment that holds what is to be told next.
    fn find(&self) -> Result<Scan, JournalError> {
        let listing = segment::list(&*self.place.disk, &self.place.dir)?;
        let wanted = self.after_seq + 1;
        let at_or_before = |first: &&u64| **first <= wanted;
        let released = JournalError::Released {
            first: listing.segments.first().copied().unwrap_or_default(),
            wanted,
        };
        let Some(first) = listing.segments.iter().rev().find(at_or_before) else {
            return Err(released);
        };
        match Scan::open(&self.place, *first) {
            // It was there a moment ago.
            Err(JournalError::Io { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                Err(released)
            }
            other => other,
        }
    }

    fn read_segment(
        &mut self,
        scan: &mut Scan,
        durable: u64,
        visit: &mut dyn FnMut(u64, &[u8]) -> ControlFlow<()>,
    ) -> Result<SegmentRead, JournalError> {
        let path = scan.path().to_owned();
        while self.after_seq < durable {
            let at = scan.at();
            let expected = scan.expected();
            let (entry_at, header, payloads) = match scan.step()? {
                Step::Entry {
                    at,
                    header,
                    payloads,
                } => (at, header, payloads),
                Step::Bad(kind) if expected <= self.after_seq => {
                    return Err(JournalError::damaged(&path, at, kind));
                }
                // Everything up to `durable` is there, so it is in the next segment. The one
                // found again would be the same only if the file was changed from outside.
                Step::End | Step::Seal | Step::Bad(_) if expected == self.after_seq + 1 => {
                    return self.check_next(expected, &path, at);
                }
                Step::End | Step::Seal | Step::Bad(_) => {
                    let kind = super::DamageKind::NextMissing { expected };
                    return Err(JournalError::damaged(&path, at, kind));
                }
            };
            let mut stopped = false;
            for (seq, payload) in (header.first_seq..).zip(payloads) {
                if seq <= self.after_seq {
                    continue;
                }
                self.after_seq = seq;
                if visit(seq, payload).is_break() {
                    stopped = true;
                    break;
                }
            }
            if stopped {
                // The rest of the entry is told next time.
                scan.return_to(entry_at, header.first_seq);
                return Ok(SegmentRead::Stopped);
            }
        }
        Ok(SegmentRead::CaughtUp)
    }

    /// Whether the segment that begins with `first` is there to be read on.
    fn check_next(
        &self,
        first: u64,
        path: &std::path::Path,
        at: u64,
    ) -> Result<SegmentRead, JournalError> {
        let listing = segment::list(&*self.place.disk, &self.place.dir)?;
        if listing.segments.contains(&first) {
            return Ok(SegmentRead::Ended);
        }
        match listing.segments.first() {
            Some(oldest) if *oldest > first => Err(JournalError::Released {
                first: *oldest,
                wanted: first,
            }),
            _ => {
                let kind = super::DamageKind::NextMissing { expected: first };
                Err(JournalError::damaged(path, at, kind))
            }
        }
    }
}

/// Why reading a segment ended.
enum SegmentRead {
    Stopped,
    CaughtUp,
    Ended,
}

//! Writing entries, syncing them, and letting segments go.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::Ordering;

use super::format::{SEAL_OCTETS, SEGMENT_HEADER};
use super::open::write_seal;
use super::{Batch, Closed, Journal, JournalError, Place, segment};

/// How much space is kept ready ahead of the entries, in octets.
///
/// Writing into it changes no length, which made each sync a third cheaper where it was
/// measured, and it cannot run out. A few MiB cost an idle book nothing worth having.
const RESERVE_OCTETS: u64 = 4 << 20;

impl Journal {
    /// Writes the payloads of a batch as one entry, which is durable only after
    /// [`Journal::sync`]; returns their sequence numbers. An empty batch writes nothing.
    ///
    /// On an error nothing of the batch is there, and unless it is [`JournalError::Poisoned`]
    /// next time, the journal works on.
    pub fn append(&mut self, batch: &mut Batch) -> Result<Range<u64>, JournalError> {
        self.refuse_if_poisoned()?;
        if batch.is_empty() {
            return Ok(self.next_seq..self.next_seq);
        }
        // Never two unsynced entries: how a torn tail is told from damage rests on it.
        self.sync()?;
        let octets = batch.entry_octets();
        if self.active.end > SEGMENT_HEADER as u64
            && self.active.end + octets > self.place.segment_octets
        {
            self.begin_segment()?;
        }
        self.reserve(octets);
        let first = self.next_seq;
        let entry = batch.entry(self.active.salt, first);
        let written = self
            .active
            .file
            .write_all_at(entry.octets(), self.active.end);
        drop(entry);
        if let Err(error) = written {
            self.undo_write("undo a failed write in")?;
            let Self { active, place, .. } = self;
            return Err(segment::write_error(
                "write",
                &active.path,
                &place.dir,
                error,
            ));
        }
        self.active.end += octets;
        self.active.reserved = self.active.reserved.max(self.active.end);
        self.next_seq += u64::from(batch.count());
        self.unsynced = true;
        Ok(first..self.next_seq)
    }

    /// Waits until everything appended is on stable storage.
    ///
    /// An error ends the journal: what was appended since the last sync is lost to callers, and
    /// whether it is there shows only after a restart.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        self.refuse_if_poisoned()?;
        if !self.unsynced {
            return Ok(());
        }
        if let Err(error) = self.active.file.sync_data() {
            // So that a restart does not find in memory what may not be on the disk. If this
            // fails too, opening writes the entry anew or finds it torn.
            let _ = self.active.file.set_len(self.active.synced_end);
            self.active.end = self.active.synced_end;
            self.next_seq = self.last_seq() + 1;
            let failure = JournalError::io("sync", &self.active.path, error);
            return Err(self.poison(&failure));
        }
        self.unsynced = false;
        self.active.synced_end = self.active.end;
        self.durable.store(self.next_seq - 1, Ordering::Release);
        Ok(())
    }

    /// The newest durable sequence number; 0 before the first.
    pub fn last_seq(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    /// The sequence number that the next payload gets.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// The oldest sequence number it still has, or will have.
    pub fn first_seq(&self) -> u64 {
        self.closed
            .front()
            .map_or(self.active.first, |closed| closed.first)
    }

    /// What it takes on disk, in octets, kept space included.
    pub fn disk_octets(&self) -> u64 {
        let closed: u64 = self.closed.iter().map(|closed| closed.octets).sum();
        closed + self.active.reserved
    }

    /// Why it takes nothing any more; `None` while it does.
    pub fn poisoned(&self) -> Option<&str> {
        self.poison.as_deref()
    }

    /// Removes the segments that hold nothing after `up_to_seq`, which the ledger now holds
    /// durably; returns how many. The one being written always stays.
    pub fn release(&mut self, up_to_seq: u64) -> Result<usize, JournalError> {
        let mut released = 0;
        while let Some(closed) = self.closed.front() {
            let next = self
                .closed
                .get(1)
                .map_or(self.active.first, |next| next.first);
            if next > up_to_seq.saturating_add(1) {
                break;
            }
            let path = segment::path(&self.place.dir, closed.first);
            // Durably one after the other: what stays after a crash has no gap. Should one come
            // back after a failure here, that is harmless, so this does not end the journal.
            self.remove_segment(&path)?;
            self.closed.pop_front();
            released += 1;
        }
        Ok(released)
    }

    fn remove_segment(&self, path: &Path) -> Result<(), JournalError> {
        let Place { disk, dir, .. } = &self.place;
        disk.remove(path)
            .map_err(|error| JournalError::io("remove", path, error))?;
        disk.sync_dir(dir)
            .map_err(|error| JournalError::io("sync", dir, error))
    }

    /// Begins the next segment and seals this one. Everything is synced.
    fn begin_segment(&mut self) -> Result<(), JournalError> {
        let next = match segment::make(&self.place, self.next_seq)?.name(&self.place) {
            Ok(next) => next,
            Err(error @ JournalError::NoSpace { .. }) => return Err(error),
            // Whether the segment is there after a power loss is open now.
            Err(error) => return Err(self.poison(&error)),
        };
        let before = &self.active;
        let sealed = write_seal(&*before.file, before.salt, before.end, next.first);
        if let Err(error) = sealed {
            // First the seal, then the segment: a seal without a next segment would pass for
            // the loss of one.
            self.undo_write("undo a failed seal in")?;
            if let Err(failure) = self.remove_segment(&next.path) {
                return Err(self.poison(&failure));
            }
            let Self { active, place, .. } = self;
            return Err(segment::write_error(
                "seal",
                &active.path,
                &place.dir,
                error,
            ));
        }
        self.closed.push_back(Closed {
            first: before.first,
            octets: before.end + SEAL_OCTETS,
        });
        self.active = next;
        Ok(())
    }

    /// Keeps space ready for an entry and a seal behind it. Only an advantage: where it fails,
    /// the write that follows says why.
    fn reserve(&mut self, octets: u64) {
        let active = &mut self.active;
        let needed = active.end + octets + SEAL_OCTETS;
        if needed <= active.reserved {
            return;
        }
        let wanted = needed.next_multiple_of(RESERVE_OCTETS);
        let most = self.place.segment_octets.max(needed);
        if active.file.reserve(wanted.min(most)).is_ok() {
            active.reserved = wanted.min(most);
        }
    }

    /// Cuts off what a failed write left, durably, so that it cannot be mixed with what is
    /// written there next.
    fn undo_write(&mut self, action: &'static str) -> Result<(), JournalError> {
        let active = &mut self.active;
        active.reserved = active.end;
        let undone = active
            .file
            .set_len(active.end)
            .and_then(|()| active.file.sync_data());
        match undone {
            Ok(()) => Ok(()),
            Err(error) => {
                let failure = JournalError::io(action, &active.path, error);
                Err(self.poison(&failure))
            }
        }
    }

    fn poison(&mut self, failure: &JournalError) -> JournalError {
        let reason = failure.to_string();
        self.poison = Some(reason.clone());
        JournalError::Poisoned { reason }
    }

    fn refuse_if_poisoned(&self) -> Result<(), JournalError> {
        match &self.poison {
            None => Ok(()),
            Some(reason) => Err(JournalError::Poisoned {
                reason: reason.clone(),
            }),
        }
    }
}

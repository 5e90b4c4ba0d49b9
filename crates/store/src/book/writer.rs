//! The side of the book that writes: the engine's part of a group commit.

use std::ops::Range;
use std::sync::Arc;

use super::Shared;
use super::change_log;
use super::resolve::Resolving;
use crate::journal::{Batch, JournalError, Resolver};
use crate::lease_store::{Change, StoreError};
use crate::overlay::Overlay;

/// Resolves the requests of a group one after the other, each seeing those before it, and
/// shows them to readers when they are durable.
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    /// What the group changes so far; not visible to anyone.
    group: Overlay,
    /// The newest change of the group, or of the book between groups.
    seq: u64,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let seq = shared.layers.read().last_seq;
        Self {
            shared,
            group: Overlay::default(),
            seq,
        }
    }

    /// What `changes` come to on top of everything there is, and the newest number.
    pub(super) fn resolve_all(
        &self,
        changes: impl IntoIterator<Item = Change>,
    ) -> Result<(Overlay, u64), StoreError> {
        let layers = self.shared.layers.read();
        let reading = self.shared.ledger.read()?;
        let mut below = vec![&self.group];
        below.extend(layers.list());
        let mut resolving = Resolving::new(below, &reading, self.seq);
        for change in changes {
            resolving.change(change)?;
        }
        Ok((resolving.pending, resolving.seq))
    }

    /// The book has come to `seq` by another way than a commit.
    pub(super) fn moved_to(&mut self, seq: u64) {
        self.seq = seq;
        self.shared.layers.write().last_seq = seq;
    }
}

impl Resolver for Writer {
    type Request = Vec<Change>;
    /// The newest change of the request.
    type Answer = u64;
    type Error = Arc<StoreError>;

    fn resolve(&mut self, request: Vec<Change>, batch: &mut Batch) -> Result<u64, Arc<StoreError>> {
        let (pending, seq) = self.resolve_all(request)?;
        if pending.len() > 0 {
            let payload = change_log::compose(&pending, seq);
            batch
                .push(&payload)
                .map_err(|error| StoreError::from(JournalError::from(error)))?;
            pending
                .into_changes()
                .for_each(|(key, record)| self.group.set(key, record));
            self.seq = seq;
        }
        Ok(seq)
    }

    fn applied(&mut self, _seqs: Range<u64>) {
        let group = std::mem::take(&mut self.group);
        let mut layers = self.shared.layers.write();
        for (key, record) in group.into_changes() {
            layers.active.set(key, record);
        }
        layers.last_seq = self.seq;
    }

    fn discarded(&mut self) {
        self.group = Overlay::default();
        self.seq = self.shared.layers.read().last_seq;
    }
}

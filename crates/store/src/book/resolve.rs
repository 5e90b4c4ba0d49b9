//! From changes asked for to changes that happen, and the engine's part of a group commit.
//!
//! The leader of a group resolves each request against the book and what the group has
//! resolved so far, which nobody else sees before it is durable.

use std::ops::Range;
use std::sync::Arc;

use leasebook_wire::Duid;

use super::Shared;
use super::change_log::{Effect, Totals};
use crate::binding::{LeaseName, LinkId};
use crate::journal::{Batch, Resolver};
use crate::lease_store::{Change, StoreError};
use crate::overlay::Overlay;
use crate::record::{Record, RecordView};
use crate::short::Short;

/// A change that was found possible before anybody had to wait for it.
pub(super) enum Prepared {
    Put(Record),
    Remove { link: LinkId, client: Duid },
}

impl Prepared {
    /// `room` is what to work in.
    pub(super) fn new(change: Change, room: &mut Vec<u8>) -> Result<Self, StoreError> {
        Ok(match change {
            Change::Put(binding) => Self::Put(Record::encode_by(&binding, 0, room)?),
            Change::Remove { link, client } => Self::Remove { link, client },
        })
    }
}

/// The side of the book that writes.
pub(super) struct Writer {
    shared: Arc<Shared>,
    /// What the group changes.
    group: Overlay,
    state: State,
    payload: Vec<u8>,
}

/// Where the book has come to.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub(super) seq: u64,
    pub(super) totals: Totals,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let state = shared.layers.read().state;
        Self {
            shared,
            group: Overlay::default(),
            state,
            payload: Vec::new(),
        }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// The book has come to `state` by another way than a commit.
    pub(super) fn moved_to(&mut self, state: State) {
        self.state = state;
        self.shared.layers.write().state = state;
    }

    fn put(&mut self, record: Record, batch: &mut Batch) -> Result<(), StoreError> {
        let new = record.view();
        let Some(found) = self.look_at(&new)? else {
            return Ok(());
        };
        let own = found.former.as_ref().map(|former| &*former.key);
        if found.is_contested {
            for lease in new.leases() {
                self.take_from_others(lease.name, own, batch)?;
            }
        }
        let former_leases = found.former.as_ref().map(|former| former.leases);
        self.state
            .totals
            .change(former_leases, Some(new.lease_count()));
        let former = found.former.map(|former| former.key);
        let moved = former.filter(|key| **key != *new.key());
        let moved = moved.map(|key| key.to_vec());
        self.push(
            Effect::Put {
                record,
                former: moved,
            },
            batch,
        )
    }

    /// What is in the way of a record; none if it is there already.
    fn look_at(&self, new: &RecordView<'_>) -> Result<Option<Found>, StoreError> {
        self.shared.look(Some(&self.group), |view| {
            let former = view.of_client(new.link(), new.client())?;
            if former.is_some_and(|former| former.says_the_same(new)) {
                return Ok(None);
            }
            let own = former.map(|former| former.key());
            let mut is_contested = false;
            for lease in new.leases() {
                let holder = view.holder_key(lease.name)?;
                is_contested |= holder.is_some() && holder != own;
            }
            let former = former.map(|former| Former {
                key: former.key().into(),
                leases: former.lease_count(),
            });
            Ok(Some(Found {
                former,
                is_contested,
            }))
        })
    }

    /// Takes a lease from whoever else holds it, who goes if it was its last.
    fn take_from_others(
        &mut self,
        lease: LeaseName,
        own: Option<&[u8]>,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let holder = self.shared.look(Some(&self.group), |view| {
            let holder = view.holder(lease)?;
            let other = holder.filter(|holder| Some(holder.key()) != own);
            Ok(other.map(|holder| Record::from_view(&holder)))
        })?;
        let Some(holder) = holder else { return Ok(()) };
        let had = holder.view().lease_count();
        let Some(left) = without(&holder.view(), |name| name == lease)? else {
            self.state.totals.change(Some(had), None);
            let key = holder.view().key().to_vec();
            return self.push(Effect::Remove { key }, batch);
        };
        self.state
            .totals
            .change(Some(had), Some(left.view().lease_count()));
        let (record, former) = (left, None);
        self.push(Effect::Put { record, former }, batch)
    }

    fn remove(&mut self, link: LinkId, client: &[u8], batch: &mut Batch) -> Result<(), StoreError> {
        let former = self.shared.look(Some(&self.group), |view| {
            let former = view.of_client(link, client)?;
            Ok(former.map(|former| (former.key().to_vec(), former.lease_count())))
        })?;
        let Some((key, leases)) = former else {
            return Ok(());
        };
        self.state.totals.change(Some(leases), None);
        self.push(Effect::Remove { key }, batch)
    }

    /// Numbers the effect, gives it to the journal's batch, and lets the group see it.
    fn push(&mut self, mut effect: Effect, batch: &mut Batch) -> Result<(), StoreError> {
        if let Effect::Put { record, .. } = &mut effect {
            record.number(self.state.seq + 1);
        }
        effect.compose(self.state.totals, &mut self.payload);
        batch.push(&self.payload)?;
        self.state.seq += 1;
        effect.apply(&mut self.group);
        Ok(())
    }
}

/// What a new record meets.
struct Found {
    former: Option<Former>,
    /// Some lease of it is another record's.
    is_contested: bool,
}

/// What the writer needs to know of a client's former record.
struct Former {
    key: Short,
    leases: usize,
}

/// The record without the leases that `is_gone` names; none if nothing is left.
pub(super) fn without(
    record: &RecordView<'_>,
    is_gone: impl Fn(LeaseName) -> bool,
) -> Result<Option<Record>, StoreError> {
    let mut binding = record.to_binding()?;
    binding.leases.retain(|lease| !is_gone(lease.name));
    if binding.leases.is_empty() {
        return Ok(None);
    }
    Ok(Some(Record::encode(&binding, 0)?))
}

impl Resolver for Writer {
    type Request = Vec<Prepared>;
    type Answer = ();
    type Error = StoreError;

    fn resolve(&mut self, request: Vec<Prepared>, batch: &mut Batch) -> Result<(), StoreError> {
        let state = self.state;
        self.group.begin_request();
        let mut request = request.into_iter();
        let result = request.try_for_each(|change| match change {
            Prepared::Put(record) => self.put(record, batch),
            Prepared::Remove { link, client } => self.remove(link, client.octets(), batch),
        });
        if result.is_err() {
            self.state = state;
            self.group.rewind();
        }
        result
    }

    fn applied(&mut self, seqs: Range<u64>) {
        debug_assert!(seqs.is_empty() || seqs.end == self.state.seq + 1);
        let mut layers = self.shared.layers.write();
        layers.active.absorb(&mut self.group);
        layers.state = self.state;
    }

    fn discarded(&mut self) {
        self.group.clear();
        self.state = self.shared.layers.read().state;
    }
}

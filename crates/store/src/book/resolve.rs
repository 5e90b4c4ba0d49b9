//! From changes asked for to records that change: finds the former record, takes leases
//! from other holders, numbers what results.

use super::view::View;
use crate::binding::{Binding, LeaseName};
use crate::lease_store::{Change, StoreError};
use crate::overlay::Overlay;
use crate::record::Record;

/// Changes being resolved; earlier ones of the same batch are seen by later ones.
pub(super) struct Resolving<'r> {
    pub(super) layers: Vec<&'r Overlay>,
    pub(super) ledger: &'r crate::ledger::Reading<'r>,
    pub(super) pending: Overlay,
    pub(super) seq: u64,
}

impl<'r> Resolving<'r> {
    /// Nothing resolved yet; `seq` is the newest change so far.
    pub(super) fn new(
        layers: Vec<&'r Overlay>,
        ledger: &'r crate::ledger::Reading<'r>,
        seq: u64,
    ) -> Self {
        Self {
            layers,
            ledger,
            pending: Overlay::default(),
            seq,
        }
    }

    /// Resolves one change; on an error nothing of it is kept.
    pub(super) fn change(&mut self, change: Change) -> Result<(), StoreError> {
        match change {
            Change::Put(mut binding) => {
                binding.sort_leases();
                self.put(&binding)
            }
            Change::Remove { link, client } => {
                if let Some(former) = self.view().of_client(link.0, client.octets())? {
                    self.seq += 1;
                    self.pending.set(former.view().key().to_vec(), None);
                }
                Ok(())
            }
        }
    }

    fn put(&mut self, binding: &Binding) -> Result<(), StoreError> {
        let former = self
            .view()
            .of_client(binding.link.0, binding.client.octets())?;
        // Encoded before anything is taken from others: a binding that cannot be kept changes nothing.
        let record = Record::encode(binding, self.seq + 1)?;
        if former
            .as_ref()
            .is_some_and(|former| former.view().says_the_same(&record.view()))
        {
            return Ok(());
        }
        for lease in &binding.leases {
            let is_held = former
                .as_ref()
                .is_some_and(|former| holds(former, lease.name));
            if !is_held {
                self.take(lease.name)?;
            }
        }
        self.seq += 1;
        let record = Record::encode(binding, self.seq)?;
        let key = record.view().key().to_vec();
        if let Some(former) = former.filter(|former| former.view().key() != key.as_slice()) {
            self.pending.set(former.view().key().to_vec(), None);
        }
        self.pending.set(key, Some(record));
        Ok(())
    }

    /// Takes a lease from whoever holds it.
    fn take(&mut self, lease: LeaseName) -> Result<(), StoreError> {
        let Some(holder) = self.view().holder(lease)? else {
            return Ok(());
        };
        let mut binding = holder.view().to_binding()?;
        binding.leases.retain(|held| held.name != lease);
        self.seq += 1;
        let key = holder.view().key().to_vec();
        if binding.leases.is_empty() {
            self.pending.set(key, None);
        } else {
            let record = Record::encode(&binding, self.seq)?;
            self.pending.set(key, Some(record));
        }
        Ok(())
    }

    fn view(&self) -> View<'_> {
        let mut layers = vec![&self.pending];
        layers.extend(&self.layers);
        View {
            layers,
            ledger: self.ledger,
        }
    }
}

fn holds(record: &Record, lease: LeaseName) -> bool {
    record.view().leases().any(|held| held.name == lease)
}

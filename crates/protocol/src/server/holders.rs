//! Whether a lease is free for an IA.

use leasebook_store::{Binding, LeaseName, LeaseState, LeaseStore, StoreError};

use super::batch::Batch;
use super::offers::{IaRef, Offers};

/// Who holds what, when an IA asks.
pub(super) struct Holders<'a> {
    pub(super) ia: &'a IaRef,
    /// The client's binding as it is to be.
    pub(super) binding: &'a Binding,
    /// What other IAs of the message get.
    pub(super) given: &'a [LeaseName],
    pub(super) store: &'a dyn LeaseStore,
    pub(super) batch: &'a Batch,
    pub(super) offers: &'a Offers,
    pub(super) now: u64,
}

impl Holders<'_> {
    /// Whether the IA may be given the lease: nobody has it, on any link (DHCP-S-027), no other
    /// IA of the client either (DHCP-S-066), nor has it on offer.
    pub(super) fn is_free(&self, name: LeaseName) -> Result<bool, StoreError> {
        if let Some(is_free) = self.seems_free(name) {
            return Ok(is_free);
        }
        let Some(held) = self.batch.held(self.store, name)? else {
            return Ok(true);
        };
        let is_own = held.link == self.ia.link && held.client == self.ia.client;
        // Of its own only what the binding says counts.
        Ok(is_own || held.lease.is_over(self.now))
    }

    /// The same as far as it can be said without the book.
    pub(super) fn seems_free(&self, name: LeaseName) -> Option<bool> {
        if self.given.contains(&name) || self.offers.is_others(name, self.ia) {
            return Some(false);
        }
        let own = self
            .binding
            .leases
            .iter()
            .find(|lease| lease.name == name)?;
        let is_of_ia = (own.kind, own.iaid) == (self.ia.kind, self.ia.iaid);
        Some((own.state == LeaseState::Bound && is_of_ia) || own.is_over(self.now))
    }
}

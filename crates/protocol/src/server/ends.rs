//! When addresses are free again that no client leases: declined ones, and registered ones.

use std::collections::{BTreeSet, HashMap};

use leasebook_store::{Lease, LeaseName, LeaseState, LeaseStore, LinkId, StoreError};

use super::batch::{Batch, Held};
use super::machine::Server;
use crate::time::Now;

/// Addresses whose end is looked at in one turn, at most: each may be a change of the book.
const ENDS_AT_ONCE: usize = 4096;

/// The end of each probation and of each registration: one for each address, the newest known.
#[derive(Debug, Default)]
pub(super) struct Ends {
    of: HashMap<(LinkId, LeaseName), u64>,
    in_order: BTreeSet<(u64, LinkId, LeaseName)>,
}

/// An address that ends, and when: Unix seconds.
pub(super) type End = (LinkId, LeaseName, u64);

impl Ends {
    /// The address ends then, and not when it was to end before.
    pub(super) fn set(&mut self, (link, name, until): End) {
        self.remove(link, name);
        self.of.insert((link, name), until);
        self.in_order.insert((until, link, name));
    }

    pub(super) fn remove(&mut self, link: LinkId, name: LeaseName) {
        if let Some(until) = self.of.remove(&(link, name)) {
            self.in_order.remove(&(until, link, name));
        }
    }

    /// Of the addresses that have ended the first.
    pub(super) fn first_over(&self, now: u64) -> Option<(LinkId, LeaseName)> {
        let (until, link, name) = *self.in_order.first()?;
        (until <= now).then_some((link, name))
    }

    /// How many addresses end some time.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        debug_assert_eq!(self.of.len(), self.in_order.len());
        self.in_order.len()
    }
}

impl Server {
    /// Frees addresses whose probation or registration is over, some at a time; a registration
    /// leaves the book then.
    pub(super) fn end_probations(
        &mut self,
        now: Now,
        store: &dyn LeaseStore,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        for _ in 0..ENDS_AT_ONCE {
            if batch.is_large() {
                break;
            }
            let Some((link, name)) = self.ends.first_over(now.wall) else {
                return Ok(());
            };
            let held = batch.held(store, name)?;
            let is_over = |held: &Held| held.lease.valid_left(now.wall) == 0;
            if let Some(held) = &held
                && held.lease.state == LeaseState::Registered
                && is_over(held)
                && let Some(mut binding) = batch.binding(store, held.link, &held.client)?
            {
                binding.leases.retain(|lease| lease.name != name);
                batch.put(binding);
            }
            self.ends.remove(link, name);
            match held {
                // Somebody leased it since, and it counts for that one too.
                Some(held) if held.lease.state == LeaseState::Bound => {
                    self.pools.count(link, name, false);
                }
                Some(held)
                    if !is_over(&held)
                        && let Some(until) = end_of(&held.lease) =>
                {
                    self.ends.set((held.link, name, until));
                }
                _ => self.free(link, name),
            }
        }
        Ok(())
    }
}

/// When a lease ends that is a client's own making, or nobody's: Unix seconds. None of others,
/// whose end the book knows.
pub(super) fn end_of(lease: &Lease) -> Option<u64> {
    matches!(lease.state, LeaseState::Declined | LeaseState::Registered)
        .then(|| lease.clt.saturating_add(lease.valid.into()))
}

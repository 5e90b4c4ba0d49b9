//! One consistent look at the whole book: overlays over the ledger.

use std::collections::BTreeMap;

use crate::binding::LeaseName;
use crate::index::{self, Table};
use crate::lease_store::StoreError;
use crate::ledger::Reading;
use crate::overlay::Overlay;
use crate::record::Record;

/// The layers, newest first, and the ledger under them.
pub(super) struct View<'v> {
    pub(super) layers: Vec<&'v Overlay>,
    pub(super) ledger: &'v Reading<'v>,
}

impl<'v> View<'v> {
    /// The record with this key, whatever its leases' states.
    pub(super) fn record(&self, key: &[u8]) -> Result<Option<Record>, StoreError> {
        for layer in &self.layers {
            if let Some(said) = layer.get(key) {
                return Ok(said.clone());
            }
        }
        self.ledger.record(key)
    }

    /// The record of a client on a link.
    pub(super) fn of_client(&self, link: u32, client: &[u8]) -> Result<Option<Record>, StoreError> {
        let entry = index::client_key(client, Some(link));
        self.first(Table::Client, &entry)
    }

    /// The record that holds just this lease.
    pub(super) fn holder(&self, lease: LeaseName) -> Result<Option<Record>, StoreError> {
        self.first(Table::Lease, &index::lease_key(lease))
    }

    /// The record behind the one valid entry with this key.
    fn first(&self, table: Table, entry: &[u8]) -> Result<Option<Record>, StoreError> {
        let key = self.next_hit(table, entry, entry)?;
        key.map_or(Ok(None), |key| self.record(&key))
    }

    /// The lowest record key among the valid entries of `table` from `from` on that begin
    /// with `prefix`.
    pub(super) fn next_hit(
        &self,
        table: Table,
        from: &[u8],
        prefix: &[u8],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let mut lowest: Option<Vec<u8>> = None;
        let mut consider = |key: Vec<u8>| {
            if lowest.as_ref().is_none_or(|lowest| key < *lowest) {
                lowest = Some(key);
            }
        };
        for (depth, layer) in self.layers.iter().enumerate() {
            let hit = layer
                .hits(table, from, prefix)
                .find(|key| !self.is_shadowed(key, depth));
            hit.into_iter().for_each(&mut consider);
        }
        for hit in self.ledger.hits(table, from, prefix)? {
            let hit = hit?;
            if !self.is_shadowed(&hit, self.layers.len()) {
                consider(hit);
                break;
            }
        }
        Ok(lowest)
    }

    /// Whether a layer newer than the one at `depth` has something to say of `key`.
    pub(super) fn is_shadowed(&self, key: &[u8], depth: usize) -> bool {
        self.layers
            .iter()
            .take(depth)
            .any(|layer| layer.get(key).is_some())
    }

    /// The links on which records keyed by this relay may be, from `link` on: the lowest.
    pub(super) fn next_relay_link(&self, tag: u64, link: u32) -> Result<Option<u32>, StoreError> {
        let prefix = tag.to_be_bytes();
        let from = index::tagged(tag, &link.to_be_bytes());
        let read = |key: &[u8]| {
            key.get(8..)
                .and_then(|link| link.first_chunk().copied())
                .map(u32::from_be_bytes)
        };
        let mut lowest: Option<u32> = None;
        for layer in &self.layers {
            let found = layer.entries(Table::RelayLink, &from, &prefix).next();
            lowest = [lowest, found.and_then(|(key, _)| read(key))]
                .into_iter()
                .flatten()
                .min();
        }
        if let Some(found) = self
            .ledger
            .entries(Table::RelayLink, &from, &prefix)?
            .next()
        {
            lowest = [lowest, read(found?.0)].into_iter().flatten().min();
        }
        Ok(lowest)
    }

    /// The prefix lengths in use, longest first.
    pub(super) fn prefix_lengths(&self) -> Result<Vec<u8>, StoreError> {
        let mut lengths = Vec::new();
        let mut from = 0u8;
        while let Some(found) = self.next_length(from)? {
            lengths.push(found);
            from = found + 1;
        }
        lengths.reverse();
        Ok(lengths)
    }

    /// The shortest prefix length in use from `from` on.
    fn next_length(&self, from: u8) -> Result<Option<u8>, StoreError> {
        let mut found: Vec<u8> = Vec::new();
        for layer in &self.layers {
            let entry = layer.entries(Table::Lease, &[from], &[]).next();
            found.extend(entry.and_then(|(key, _)| key.first()));
        }
        if let Some(entry) = self.ledger.entries(Table::Lease, &[from], &[])?.next() {
            found.extend(entry?.0.first());
        }
        Ok(found.into_iter().min().filter(|len| *len <= 128))
    }

    /// What the layers say of the keys from `from` up to and without `to`, newest first
    /// where several speak of one.
    pub(super) fn changes(
        &self,
        from: &[u8],
        to: Option<&[u8]>,
    ) -> BTreeMap<&'v [u8], &'v Option<Record>> {
        let mut changes = BTreeMap::new();
        for layer in self.layers.iter().rev() {
            changes.extend(layer.range(from, to));
        }
        changes
    }

    /// Up to `limit` valid changes numbered above `after` and up to `until`, in order.
    pub(super) fn changed(
        &self,
        after: u64,
        until: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let from = (after + 1).to_be_bytes();
        let number = |key: &[u8]| key.first_chunk().copied().map_or(0, u64::from_be_bytes);
        let mut found = Vec::new();
        for (depth, layer) in self.layers.iter().enumerate() {
            let entries = layer.entries(Table::Changed, &from, &[]);
            let valid = entries.filter(|(_, key)| !self.is_shadowed(key, depth));
            found.extend(
                valid
                    .take(limit)
                    .map(|(seq, key)| (number(seq), key.to_vec())),
            );
        }
        let mut taken = 0;
        for entry in self.ledger.entries(Table::Changed, &from, &[])? {
            let (seq, key) = entry?;
            if taken >= limit || number(seq) > until {
                break;
            }
            if !self.is_shadowed(key, self.layers.len()) {
                found.push((number(seq), key.to_vec()));
                taken += 1;
            }
        }
        found.retain(|(seq, _)| *seq <= until);
        found.sort_unstable();
        found.truncate(limit);
        Ok(found)
    }
}

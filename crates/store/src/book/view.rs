//! One consistent look at the whole book: overlays over the ledger.

use crate::binding::{LeaseName, LinkId};
use crate::index::{self, Found, Index};
use crate::key::{BindingKey, RelayTag};
use crate::lease_store::StoreError;
use crate::ledger::Reader;
use crate::overlay::{Overlay, Said};
use crate::record::RecordView;

/// The layers, newest first, and the ledger under them.
#[derive(Clone, Copy)]
pub(super) struct View<'v> {
    pub(super) overlays: &'v [&'v Overlay],
    pub(super) reader: &'v Reader<'v>,
}

impl<'v> View<'v> {
    /// The record with this key.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<RecordView<'v>>, StoreError> {
        for overlay in self.overlays {
            match overlay.get(key) {
                Said::Nothing => {}
                Said::Gone => return Ok(None),
                Said::Record(record) => return Ok(Some(record.view())),
            }
        }
        self.reader.get(key)
    }

    /// The record of a client on a link.
    pub(super) fn of_client(
        &self,
        link: LinkId,
        client: &[u8],
    ) -> Result<Option<RecordView<'v>>, StoreError> {
        let entry = index::client_key(client, link);
        let key = |value: &[u8]| {
            let tag = value.first_chunk().copied().map_or(0, u64::from_be_bytes);
            BindingKey::new(link, RelayTag(tag), client).into_octets()
        };
        match self.find(Index::Client, entry.octets(), key)? {
            Some(key) => self.get(&key),
            None => Ok(None),
        }
    }

    /// The record that holds just this lease.
    pub(super) fn holder(&self, lease: LeaseName) -> Result<Option<RecordView<'v>>, StoreError> {
        match self.holder_key(lease)? {
            Some(key) => self.get(&key),
            None => Ok(None),
        }
    }

    /// The key of the record that holds just this lease.
    pub(super) fn holder_key(&self, lease: LeaseName) -> Result<Option<Vec<u8>>, StoreError> {
        self.find(Index::Lease, &index::lease_key(lease), <[u8]>::to_vec)
    }

    /// The record key of an index entry, of the newest layer whose word on that key holds.
    fn find(
        &self,
        index: Index,
        entry: &[u8],
        record_key: impl Fn(&[u8]) -> Vec<u8>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        for (at, overlay) in self.overlays.iter().enumerate() {
            if let Some(value) = overlay.find(index, entry) {
                let key = record_key(value);
                if !self.overlays.iter().take(at).any(|newer| newer.holds(&key)) {
                    return Ok(Some(key));
                }
            }
        }
        let found = self.reader.find(index, entry)?.map(record_key);
        Ok(found.filter(|key| !self.overlays.iter().any(|overlay| overlay.holds(key))))
    }

    /// The least index entry from `from` on that any layer has. It may be out of date: a layer
    /// may have another word on its record.
    pub(super) fn next(&self, index: Index, from: &[u8]) -> Result<Option<Found<'v>>, StoreError> {
        let mut least = self.reader.next(index, from)?;
        for overlay in self.overlays {
            if let Some(entry) = overlay.next(index, from) {
                let is_less = least.is_none_or(|(key, _)| entry.0 <= key);
                least = if is_less { Some(entry) } else { least };
            }
        }
        Ok(least)
    }

    /// The least record key from `from` on under `tag` in an index that begins with numbers.
    pub(super) fn next_tagged(
        &self,
        index: Index,
        tag: u64,
        from: &[u8],
    ) -> Result<Option<&'v [u8]>, StoreError> {
        let entry = self.next(index, index::tagged_key(tag, from).octets())?;
        let split = entry.and_then(|(entry, _)| index::split_tagged(entry));
        Ok(split.filter(|(found, _)| *found == tag).map(|(_, key)| key))
    }
}

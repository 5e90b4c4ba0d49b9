//! One consistent look at the whole book: overlays over the ledger.

use std::ops::Deref;

use crate::binding::{LeaseName, LinkId};
use crate::index::{self, Found, Index};
use crate::key::RelayTag;
use crate::lease_store::StoreError;
use crate::ledger::Reader;
use crate::overlay::{ClientName, KeyName, LeaseTag, Order, Overlay, Said};
use crate::record::{Record, RecordView};

/// The layers, newest first, and the ledger under them.
#[derive(Clone, Copy)]
pub(super) struct View<'v> {
    pub(super) overlays: &'v [&'v Overlay],
    pub(super) reader: &'v Reader<'v>,
}

impl<'v> View<'v> {
    /// The record with this key.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<RecordView<'v>>, StoreError> {
        let name = KeyName::new(key);
        for overlay in self.overlays {
            match overlay.get(name) {
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
        let name = ClientName::new(link, client);
        if let Some(record) = self.newest(|overlay| overlay.of_client(&name)) {
            return Ok(Some(record.view()));
        }
        let entry = index::client_key(client, link);
        let tag = self.reader.find(Index::Client, entry.octets())?;
        let Some(tag) = tag else { return Ok(None) };
        let tag = tag.first_chunk().copied().map_or(0, u64::from_be_bytes);
        self.settled(index::record_key(link, RelayTag(tag), client).octets())
    }

    /// The record that holds just this lease.
    pub(super) fn holder(&self, lease: LeaseName) -> Result<Option<RecordView<'v>>, StoreError> {
        let tag = LeaseTag::of(lease);
        if let Some(record) = self.newest(|overlay| overlay.holder(&tag)) {
            return Ok(Some(record.view()));
        }
        match self.reader.find(Index::Lease, tag.octets())? {
            Some(key) => self.settled(key),
            None => Ok(None),
        }
    }

    /// The key of the record that holds just this lease.
    pub(super) fn holder_key(&self, lease: LeaseName) -> Result<Option<&'v [u8]>, StoreError> {
        let tag = LeaseTag::of(lease);
        if let Some(record) = self.newest(|overlay| overlay.holder(&tag)) {
            return Ok(Some(record.key()));
        }
        let key = self.reader.find(Index::Lease, tag.octets())?;
        Ok(key.filter(|key| !self.is_held(key)))
    }

    /// What overlays find, of the newest whose word on the record's key holds.
    fn newest(&self, find: impl Fn(&'v Overlay) -> Option<&'v Record>) -> Option<&'v Record> {
        self.overlays.iter().enumerate().find_map(|(at, overlay)| {
            let record = find(overlay)?;
            let newer = self.overlays.get(..at).unwrap_or_default();
            // Most are found in the newest that has anything.
            let is_hidden = newer.iter().any(|newer| !newer.is_empty()) && {
                let key = KeyName::new(record.key());
                newer.iter().any(|newer| newer.holds(key))
            };
            (!is_hidden).then_some(record)
        })
    }

    /// The ledger's record with a key that one of its indexes gave, if its word on that holds.
    fn settled(&self, key: &[u8]) -> Result<Option<RecordView<'v>>, StoreError> {
        if self.is_held(key) {
            return Ok(None);
        }
        self.reader.get(key)
    }

    /// Whether an overlay holds the key.
    fn is_held(&self, key: &[u8]) -> bool {
        let key = KeyName::new(key);
        self.overlays.iter().any(|overlay| overlay.holds(key))
    }

    /// The first link from `from` on where a layer says that the client has a record; that may be
    /// out of date.
    pub(super) fn next_link(
        &self,
        client: &[u8],
        from: LinkId,
    ) -> Result<Option<LinkId>, StoreError> {
        let name = ClientName::new(from, client);
        let known = self.overlays.iter();
        let known = known.filter_map(|overlay| overlay.next_link(&name)).min();
        let entry = index::client_key(client, from);
        let found = self.reader.next(Index::Client, entry.octets())?;
        // The entry ends with the link; everything before is the client.
        let own = entry.octets().split_last_chunk::<4>();
        let split = found.and_then(|(found, _)| found.split_last_chunk::<4>());
        let split = split.filter(|(prefix, _)| own.is_some_and(|(own, _)| own == *prefix));
        let settled = split.map(|(_, link)| LinkId(u32::from_be_bytes(*link)));
        Ok([known, settled].into_iter().flatten().min())
    }

    /// The first record from change `seq` on, or of that change from the key on, that any layer
    /// has. It may be out of date: a layer may have another word on it.
    pub(super) fn next_changed(
        &self,
        seq: u64,
        key: &[u8],
    ) -> Result<Option<(u64, &'v [u8])>, StoreError> {
        let from = index::tagged_key(seq, key);
        let settled = self.reader.next(Index::Changed, from.octets())?;
        let settled = settled.and_then(|(entry, _)| index::split_tagged(entry));
        // The older a layer the older are its changes, so it says how far newer ones are looked at.
        let first = self.overlays.iter().rev().fold(settled, |first, overlay| {
            let last = first.map_or(u64::MAX, |(seq, _)| seq);
            let found = overlay.next_changed(seq, key, last);
            [first, found].into_iter().flatten().min()
        });
        Ok(first)
    }

    /// Records of which every bound lease has run out at `now`, those that ended first in front,
    /// at most `limit`.
    pub(super) fn ended(
        &self,
        now: u64,
        limit: usize,
    ) -> Result<Vec<(u64, RecordView<'v>)>, StoreError> {
        let mut found = Vec::new();
        for (at, overlay) in self.overlays.iter().enumerate() {
            let newer = self.overlays.get(..at).unwrap_or_default();
            let current = overlay.ended(now).filter(|(_, record)| {
                let key = KeyName::new(record.key());
                !newer.iter().any(|newer| newer.holds(key))
            });
            let views = current.map(|(ends_at, record)| (ends_at, record.view()));
            found.extend(views.take(limit));
        }
        let (mut from, mut of_ledger) = (Vec::new(), 0);
        while of_ledger < limit
            && let Some((entry, _)) = self.reader.next(Index::Ends, &from)?
            && let Some((ends_at, key)) = index::split_tagged(entry)
            && ends_at <= now
        {
            from = super::plan::behind(entry);
            if let Some(record) = self.settled(key)? {
                found.push((ends_at, record));
                of_ledger += 1;
            }
        }
        found.sort_by(|(a, one), (b, other)| (a, one.key()).cmp(&(b, other.key())));
        found.truncate(limit);
        Ok(found)
    }

    /// Lengths of prefixes that are leases, ascending; one may be told that is not in use any more.
    pub(super) fn lengths(&self) -> Result<Vec<u8>, StoreError> {
        let mut lengths: Vec<u8> = self
            .overlays
            .iter()
            .flat_map(|overlay| overlay.lengths())
            .collect();
        let mut from = Vec::new();
        while let Some((length, _)) = self.reader.next(Index::Length, &from)? {
            lengths.extend(length.first());
            from = super::plan::behind(length);
        }
        lengths.sort_unstable();
        lengths.dedup();
        Ok(lengths)
    }
}

/// A look that can walk: all layers are in order.
#[derive(Clone, Copy)]
pub(super) struct Walking<'v> {
    view: View<'v>,
    /// The overlays that hold something, newest first.
    orders: &'v [(&'v Overlay, &'v Order)],
}

impl<'v> Walking<'v> {
    pub(super) fn new(view: View<'v>, orders: &'v [(&'v Overlay, &'v Order)]) -> Self {
        Self { view, orders }
    }

    /// The overlays, newest first, with what is in order of each.
    pub(super) fn orders(&self) -> &'v [(&'v Overlay, &'v Order)] {
        self.orders
    }

    /// The least index entry from `from` on that any layer has. It may be out of date: a layer
    /// may have another word on its record. For indexes that are walked, and keys alone.
    pub(super) fn next(&self, index: Index, from: &[u8]) -> Result<Option<Found<'v>>, StoreError> {
        let mut least = self.view.reader.next(index, from)?;
        for (_, order) in self.orders {
            if let Some(entry) = order.next(index, from) {
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

impl<'v> Deref for Walking<'v> {
    type Target = View<'v>;

    fn deref(&self) -> &View<'v> {
        &self.view
    }
}

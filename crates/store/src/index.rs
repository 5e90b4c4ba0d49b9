//! What finds records by something else than their key.
//!
//! [`entries`] derives every index entry from a record, for memory and for the ledger alike, so
//! that both always agree; `verify` derives them once more and compares.
//!
//! | index | key | value | finds |
//! |---|---|---|---|
//! | `Client` | DUID length(1) DUID link(4) | relay tag(8) | a client's record on a link |
//! | `Lease` | 0xff address(16), or length(1) prefix(16) | record key | who holds a lease |
//! | `Hop` | relay tag(8) record key | | Relay-IDs other than the one in the key |
//! | `Remote` | remote tag(8) record key | | Remote-IDs of any hop |
//! | `Changed` | sequence number(8) record key | | what changed since |
//! | `Ends` | Unix seconds(8) record key | | when the last lease runs out |
//! | `Relay` | relay tag(8) link(4) | how many(8) | on which links a relay's own ranges are |
//! | `Length` | prefix length(1) | how many(8) | which prefix lengths are in use |
//!
//! Numbers are in network order, so that they sort. The last two count.

use std::net::Ipv6Addr;

use crate::binding::{LeaseName, LinkId};
use crate::key::{self, MAX_KEY_OCTETS, RelayTag, RemoteTag};
use crate::record::{IdKind, RecordView};

/// One of the indexes; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(crate) enum Index {
    Client,
    Lease,
    Hop,
    Remote,
    Changed,
    Ends,
    Relay,
    Length,
}

impl Index {
    /// All of them, each at the place of its number.
    pub(crate) const ALL: [Self; 8] = [
        Self::Client,
        Self::Lease,
        Self::Hop,
        Self::Remote,
        Self::Changed,
        Self::Ends,
        Self::Relay,
        Self::Length,
    ];

    /// Whether several records share an entry, which says how many they are.
    pub(crate) fn counts(self) -> bool {
        matches!(self, Self::Relay | Self::Length)
    }

    /// Its name in the ledger: part of the file format.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Lease => "lease",
            Self::Hop => "hop",
            Self::Remote => "remote",
            Self::Changed => "changed",
            Self::Ends => "ends",
            Self::Relay => "relay",
            Self::Length => "length",
        }
    }
}

/// An entry of an index; counting ones have no value here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry<'a> {
    pub(crate) index: Index,
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
}

/// What a table has: a key and its value.
pub(crate) type Found<'a> = (&'a [u8], &'a [u8]);

/// Tells `visit` every entry of a record; an index may be told several times, an entry of one
/// that does not count only once.
pub(crate) fn entries(record: &RecordView<'_>, visit: &mut dyn FnMut(Entry<'_>)) {
    let key = record.key();
    let own = key::relay_of(key).unwrap_or(RelayTag::NONE);
    let client = client_key(record.client(), record.link());
    visit(Entry {
        index: Index::Client,
        key: client.octets(),
        value: &own.0.to_be_bytes(),
    });
    lease_entries(record, visit);
    id_entries(record, own, visit);
    let mut tagged = |index, tag: u64| {
        visit(Entry {
            index,
            key: tagged_key(tag, key).octets(),
            value: &[],
        });
    };
    tagged(Index::Changed, record.seq());
    if let Some(ends_at) = ends_at(record) {
        tagged(Index::Ends, ends_at);
    }
    if own != RelayTag::NONE {
        visit(Entry {
            index: Index::Relay,
            key: relay_key(own, record.link()).octets(),
            value: &[],
        });
    }
}

fn lease_entries(record: &RecordView<'_>, visit: &mut dyn FnMut(Entry<'_>)) {
    for lease in record.leases() {
        visit(Entry {
            index: Index::Lease,
            key: &lease_key(lease.name),
            value: record.key(),
        });
        if let LeaseName::Prefix { len, .. } = lease.name {
            visit(Entry {
                index: Index::Length,
                key: &[len],
                value: &[],
            });
        }
    }
}

fn id_entries(record: &RecordView<'_>, own: RelayTag, visit: &mut dyn FnMut(Entry<'_>)) {
    // A chain has at most 32 levels, mostly one: looking back is cheaper than remembering.
    let tag = |kind, id| match kind {
        IdKind::Relay => RelayTag::of(id).0,
        IdKind::Remote => RemoteTag::of(id).0,
    };
    for (at, (kind, id)) in record.ids().enumerate() {
        let this = tag(kind, id);
        let is_own = kind == IdKind::Relay && this == own.0;
        let is_known = || {
            let mut before = record.ids().take(at);
            before.any(|(other, id)| other == kind && tag(other, id) == this)
        };
        if is_own || is_known() {
            continue;
        }
        let index = match kind {
            IdKind::Relay => Index::Hop,
            IdKind::Remote => Index::Remote,
        };
        visit(Entry {
            index,
            key: tagged_key(this, record.key()).octets(),
            value: &[],
        });
    }
}

/// When the record's last bound lease runs out (Unix seconds), as [`Index::Ends`] has it; none
/// if that never happens or no lease is bound.
pub(crate) fn ends_at(record: &RecordView<'_>) -> Option<u64> {
    let has_bound = record.address_count() + record.prefix_count() > 0 || record.is_oversize();
    record.ends_at().filter(|_| has_bound)
}

/// An index key, made without allocating.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IndexKey {
    octets: [u8; MAX_INDEX_KEY_OCTETS],
    len: usize,
}

/// The longest: a tag and a record key.
const MAX_INDEX_KEY_OCTETS: usize = 8 + MAX_KEY_OCTETS;

impl IndexKey {
    fn join(parts: &[&[u8]]) -> Self {
        let mut key = Self {
            octets: [0; MAX_INDEX_KEY_OCTETS],
            len: 0,
        };
        for part in parts {
            // Record keys are at most `MAX_KEY_OCTETS`; a damaged one is cut and finds nothing.
            let room = key.octets.get_mut(key.len..).unwrap_or_default();
            let len = part.len().min(room.len());
            if let (Some(to), Some(from)) = (room.get_mut(..len), part.get(..len)) {
                to.copy_from_slice(from);
            }
            key.len += len;
        }
        key
    }

    pub(crate) fn octets(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }
}

/// Where a client's record on `link` is in [`Index::Client`].
pub(crate) fn client_key(client: &[u8], link: LinkId) -> IndexKey {
    let len = u8::try_from(client.len()).unwrap_or(u8::MAX);
    IndexKey::join(&[&[len], client, &link.0.to_be_bytes()])
}

/// A record's key.
pub(crate) fn record_key(link: LinkId, relay: RelayTag, client: &[u8]) -> IndexKey {
    IndexKey::join(&[&link.0.to_be_bytes(), &relay.0.to_be_bytes(), client])
}

/// Where the holder of a lease is in [`Index::Lease`].
pub(crate) fn lease_key(name: LeaseName) -> [u8; 17] {
    let (kind, address): (u8, Ipv6Addr) = match name {
        LeaseName::Address(address) => (ADDRESS, address),
        LeaseName::Prefix { prefix, len } => (len, prefix),
    };
    let mut key = [kind; 17];
    if let Some(octets) = key.last_chunk_mut::<16>() {
        *octets = address.octets();
    }
    key
}

/// In the place of a prefix length: an address.
const ADDRESS: u8 = 0xff;

/// Where a record is in the indexes that begin with a number.
pub(crate) fn tagged_key(tag: u64, record_key: &[u8]) -> IndexKey {
    IndexKey::join(&[&tag.to_be_bytes(), record_key])
}

/// Where a link is in [`Index::Relay`].
pub(crate) fn relay_key(tag: RelayTag, link: LinkId) -> IndexKey {
    IndexKey::join(&[&tag.0.to_be_bytes(), &link.0.to_be_bytes()])
}

/// The number before the rest of an index key, and the rest.
pub(crate) fn split_tagged(key: &[u8]) -> Option<(u64, &[u8])> {
    let (tag, rest) = key.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*tag), rest))
}

//! Which index entries a record has: the one place that says so.
//!
//! | table | key | value |
//! |---|---|---|
//! | `Client` | DUID length (1), DUID, link (4) | relay tag (8) |
//! | `Lease` | 255 for an address, else the prefix length (1); address (16) | record key |
//! | `RelayLink` | relay tag of the record's own key (8), link (4) | |
//! | `Relay` | tag of a Relay-ID on a further hop (8), record key | |
//! | `Remote` | tag of a Remote-ID (8), record key | |
//! | `Changed` | sequence number (8) | record key |
//! | `Ends` | Unix second the last bound lease ends (8), record key | |
//!
//! Numbers are in network order so that entries sort as they are asked for.
//! `RelayLink` entries say where a relay's records may be; they are never taken away,
//! since an empty range costs one look.

use crate::binding::LeaseName;
use crate::key::{RelayTag, RemoteTag, relay_of};
use crate::record::{IdKind, RecordView};

/// The tables, in the order of their numbers in the overlay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Table {
    Client,
    Lease,
    RelayLink,
    Relay,
    Remote,
    Changed,
    Ends,
}

impl Table {
    pub(crate) const ALL: [Self; 7] = [
        Self::Client,
        Self::Lease,
        Self::RelayLink,
        Self::Relay,
        Self::Remote,
        Self::Changed,
        Self::Ends,
    ];

    /// The name of the table in the ledger.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Lease => "lease",
            Self::RelayLink => "relay-link",
            Self::Relay => "relay",
            Self::Remote => "remote",
            Self::Changed => "changed",
            Self::Ends => "ends",
        }
    }
}

/// One index entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) table: Table,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

/// All entries of a record, in order and without repetition.
pub(crate) fn entries(record: &RecordView<'_>) -> Vec<Entry> {
    let own = record.key();
    let tag = relay_of(own).unwrap_or(RelayTag::NONE);
    let link = record.link().0.to_be_bytes();
    let mut entries = Vec::with_capacity(8);
    let mut add = |table, key: Vec<u8>, value: &[u8]| {
        entries.push(Entry {
            table,
            key,
            value: value.to_vec(),
        });
    };
    add(
        Table::Client,
        client_key(record.client(), Some(record.link().0)),
        &tag.0.to_be_bytes(),
    );
    for lease in record.leases() {
        add(Table::Lease, lease_key(lease.name), own);
    }
    if tag != RelayTag::NONE {
        add(
            Table::RelayLink,
            [&tag.0.to_be_bytes()[..], &link].concat(),
            &[],
        );
    }
    for (kind, id) in record.ids() {
        match kind {
            IdKind::Relay if RelayTag::of(id) != tag => {
                add(Table::Relay, tagged(RelayTag::of(id).0, own), &[]);
            }
            IdKind::Relay => {}
            IdKind::Remote => add(Table::Remote, tagged(RemoteTag::of(id).0, own), &[]),
        }
    }
    add(Table::Changed, record.seq().to_be_bytes().to_vec(), own);
    if let Some(ends) = record.ends_at() {
        add(Table::Ends, tagged(ends, own), &[]);
    }
    entries.sort_unstable();
    entries.dedup();
    entries
}

/// The key of a client's entries; without a link the prefix of all of them.
pub(crate) fn client_key(client: &[u8], link: Option<u32>) -> Vec<u8> {
    let mut key = Vec::with_capacity(5 + client.len());
    key.push(u8::try_from(client.len()).unwrap_or(u8::MAX));
    key.extend_from_slice(client);
    key.extend(link.into_iter().flat_map(u32::to_be_bytes));
    key
}

/// The key of a lease's entry.
pub(crate) fn lease_key(lease: LeaseName) -> Vec<u8> {
    let (kind, address) = match lease {
        LeaseName::Address(address) => (ADDRESS, address),
        LeaseName::Prefix { prefix, len } => (len, prefix),
    };
    [&[kind][..], &address.octets()].concat()
}

/// First octet of an address's entry; prefixes have their length there.
const ADDRESS: u8 = 255;

/// A number and a record's key.
pub(crate) fn tagged(number: u64, key: &[u8]) -> Vec<u8> {
    [&number.to_be_bytes()[..], key].concat()
}

/// The record's key that an entry of `Client` stands for.
pub(crate) fn client_entry_to_key(entry_key: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    let len = usize::from(*entry_key.first()?);
    let client = entry_key.get(1..1 + len)?;
    let link = entry_key.get(1 + len..)?;
    Some([link, value, client].concat())
}

/// The record's key that an entry stands for, in whichever table.
pub(crate) fn record_key(table: Table, entry_key: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    match table {
        Table::Client => client_entry_to_key(entry_key, value),
        Table::Lease | Table::Changed => Some(value.to_vec()),
        Table::Relay | Table::Remote | Table::Ends => Some(entry_key.get(8..)?.to_vec()),
        Table::RelayLink => None,
    }
}

//! What can be asked of the book, and how far an answer has come.

use std::net::Ipv6Addr;

use crate::binding::LinkId;
use crate::block::{BlockView, PLACES_OCTETS};
use crate::key::{RelayTag, RemoteTag};
use crate::record::{HEAD_OCTETS, Head, IdKind, RecordView};

/// Which bindings are wanted (RFC 5460 §5.3, RFC 5007 §3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Every binding of the links.
    All,
    /// Those whose newest relayed message carried this Relay-ID at any hop (BLQ-S-028, D-08).
    RelayId(Vec<u8>),
    /// Those whose newest relayed message carried this Remote-ID at any hop: enterprise
    /// number (4 octets, network order) and value (BLQ-S-032).
    RemoteId(Vec<u8>),
    /// Those of the client with this DUID (BLQ-S-026).
    Client(Vec<u8>),
    /// The one whose live lease is this address, else the live prefix around it that is
    /// longest (BLQ-S-023, D-06).
    Address(Ipv6Addr),
}

/// On which links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Links {
    /// On all, configured or not.
    Any,
    /// On these, ascending and without repetition.
    Of(Vec<LinkId>),
}

impl Links {
    /// These links, put in order.
    pub fn of(mut links: Vec<LinkId>) -> Self {
        links.sort_unstable();
        links.dedup();
        Self::Of(links)
    }

    /// Whether `link` is among them.
    pub fn contains(&self, link: LinkId) -> bool {
        match self {
            Self::Any => true,
            Self::Of(links) => links.binary_search(&link).is_ok(),
        }
    }
}

/// A question to the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Which bindings.
    pub selector: Selector,
    /// On which links.
    pub links: Links,
}

impl Query {
    /// Whether `record` is an answer at `now` (Unix seconds): live, on the links, and selected.
    ///
    /// For [`Selector::Address`] this says whether a live lease covers the address; which of
    /// several such records has the longest match is for the engine to find.
    pub fn matches(&self, record: &RecordView<'_>, now: u64) -> bool {
        if !record.is_any_live(now) || !self.links.contains(record.link()) {
            return false;
        }
        match &self.selector {
            Selector::All => true,
            Selector::RelayId(id) => carries(record, IdKind::Relay, id),
            Selector::RemoteId(id) => {
                let tag = record.remote_tag();
                let possible = record.has_many_ids() || tag == RemoteTag::of(id).0;
                possible && carries(record, IdKind::Remote, id)
            }
            Selector::Client(client) => record.client() == client.as_slice(),
            Selector::Address(address) => covering(record, *address, now).is_some(),
        }
    }

    /// The relay tag that the wanted records' keys carry, where one relay-id is asked for.
    pub fn relay_tag(&self) -> Option<RelayTag> {
        match &self.selector {
            Selector::RelayId(id) => Some(RelayTag::of(id)),
            _ => None,
        }
    }
}

/// How well `record`'s best live lease covers `address`: 129 for the address itself, else
/// the length of the longest prefix around it; `None` if none does.
pub fn covering(record: &RecordView<'_>, address: Ipv6Addr, now: u64) -> Option<u8> {
    use crate::binding::LeaseName;
    record
        .leases()
        .filter(|lease| lease.is_live(now) && lease.name.contains(address))
        .map(|lease| match lease.name {
            LeaseName::Address(_) => 129,
            LeaseName::Prefix { len, .. } => len,
        })
        .max()
}

fn carries(record: &RecordView<'_>, kind: IdKind, id: &[u8]) -> bool {
    record
        .ids()
        .any(|(found, octets)| found == kind && octets == id)
}

/// How far an answer has come; belongs to one query and holds no transaction, so a slow
/// reader costs these few octets and nothing else (architecture, decision 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The question.
    pub query: Query,
    /// The book's newest change when the answer began; later ones are told at the end.
    pub began_at: u64,
    pub(crate) phase: Phase,
}

impl Cursor {
    /// At the beginning; `last_seq` is the book's newest change now.
    pub fn new(query: Query, last_seq: u64) -> Self {
        Self {
            query,
            began_at: last_seq,
            phase: Phase::Main { from: Vec::new() },
        }
    }

    /// Whether everything has been told.
    pub fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }
}

/// What is being told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The book in order of keys, from `from` on.
    Main { from: Vec<u8> },
    /// What changed meanwhile, in order of change and key (D-21): from the sequence number (8
    /// octets, network order) and the key on that lie behind one another in `from`.
    Changes { from: Vec<u8> },
    /// Nothing any more.
    Done,
}

/// Whether a visitor wants more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Stop after what was just given.
    Stop,
}

/// Whether a scan has more to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The cursor stands in the middle; scan again.
    More,
    /// Everything has been told.
    Done,
}

/// Records that follow one another in the book and all answer the query.
///
/// At `now` every one has a live lease, but some of its leases may have ended
/// ([`RecordView::is_all_live`] tells).
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    records: Records<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Records<'a> {
    One(RecordView<'a>),
    Block {
        block: BlockView<'a>,
        from: usize,
        to: usize,
    },
}

impl<'a> Run<'a> {
    /// A run of one.
    pub fn one(record: RecordView<'a>) -> Self {
        Self {
            records: Records::One(record),
        }
    }

    /// The records of `block` from `from` up to and without `to`.
    pub(crate) fn block(block: BlockView<'a>, from: usize, to: usize) -> Self {
        Self {
            records: Records::Block { block, from, to },
        }
    }

    /// How many records; at least one.
    #[inline]
    pub fn len(&self) -> usize {
        match self.records {
            Records::One(_) => 1,
            Records::Block { from, to, .. } => to - from,
        }
    }

    /// Never: a run has at least one record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The record at `index`, counted from 0.
    #[inline]
    pub fn get(&self, index: usize) -> Option<RecordView<'a>> {
        match self.records {
            Records::One(record) => (index == 0).then_some(record),
            Records::Block { block, from, to } => {
                if from + index < to {
                    block.get(from + index)
                } else {
                    None
                }
            }
        }
    }

    /// The records in order.
    pub fn iter(&self) -> impl Iterator<Item = RecordView<'a>> + use<'a> {
        let run = *self;
        (0..run.len()).filter_map(move |index| run.get(index))
    }

    /// The heads of the records, in order.
    #[inline]
    pub fn heads(&self) -> impl Iterator<Item = Head> + use<'a> {
        // One kind of iterator for both, or each step would have to ask which it is.
        let (octets, before_head) = match self.records {
            Records::One(record) => (record.head_octets(), 0),
            Records::Block { block, from, to } => (block.entries(from, to), PLACES_OCTETS),
        };
        octets
            .chunks_exact(before_head + HEAD_OCTETS)
            .map(|entry| Head::new(entry.last_chunk().unwrap_or(&[0; HEAD_OCTETS])))
    }

    /// The [frames](RecordView::frame) of all records, one behind the other.
    #[inline]
    pub fn frames(&self) -> &'a [u8] {
        match self.records {
            Records::One(record) => record.frame(),
            Records::Block { block, from, to } => block.frames(from, to),
        }
    }
}

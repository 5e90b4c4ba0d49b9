//! Making a record from a binding.

use std::borrow::Cow;
use std::sync::Arc;

use leasebook_wire::code::{MessageType, OptionCode};
use leasebook_wire::options::Options;

use super::layout::{
    FLAG_INACTIVE, FLAG_MANY_IDS, FLAG_OVERSIZE, FLAG_UNIFORM, HEAD_OCTETS, LENGTHS_OCTETS, SEQ_AT,
};
use super::{IdKind, RecordView};
use crate::binding::{Binding, IaKind, Lease, LeaseName, LeaseState, RelayData};
use crate::key::{RelayTag, RemoteTag};

/// Octets of a relay message before its options (RFC 8415 §9).
const RELAY_HEADER_OCTETS: usize = 34;

/// Relay levels looked at for identities; more are refused on receipt (D-29).
const MAX_RELAY_LEVELS: usize = 32;

/// Room for most records, in octets.
const LIKELY_OCTETS: usize = 512;

/// A record in its one-record form, shared and cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record(Arc<[u8]>);

impl Record {
    /// Encodes `binding`, changed by the journal's change `seq`.
    ///
    /// Leases are put in order and a second lease of the same name is refused, as is what
    /// cannot be written: no leases at all, or tables longer than their counts can say.
    pub fn encode(binding: &Binding, seq: u64) -> Result<Self, EncodeError> {
        Self::encode_by(binding, seq, &mut Vec::with_capacity(LIKELY_OCTETS))
    }

    /// As [`Record::encode`], with room to work in, for whoever encodes several.
    pub(crate) fn encode_by(
        binding: &Binding,
        seq: u64,
        room: &mut Vec<u8>,
    ) -> Result<Self, EncodeError> {
        room.clear();
        Self::encode_onto(binding, seq, room)?;
        Ok(Self(room.as_slice().into()))
    }

    /// As [`Record::encode`], but puts the octets behind those in `out`; nothing on an error.
    pub(crate) fn encode_onto(
        binding: &Binding,
        seq: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let start = out.len();
        let encoded = encode(binding, seq, out);
        if encoded.is_err() {
            out.truncate(start);
        }
        encoded
    }

    /// Takes octets in the one-record form, checked.
    pub fn from_octets(octets: &[u8]) -> Result<Self, super::CorruptRecord> {
        RecordView::parse(octets)?;
        Ok(Self(octets.into()))
    }

    /// Copies a record out of wherever it lies.
    pub fn from_view(view: &RecordView<'_>) -> Self {
        let lengths: usize = view.parts().iter().map(|part| part.len()).sum();
        let mut octets = Vec::with_capacity(LENGTHS_OCTETS + lengths);
        view.put(&mut octets);
        Self(octets.into())
    }

    /// Makes the journal's change `seq` the one that made it what it is.
    pub(crate) fn number(&mut self, seq: u64) {
        let at = LENGTHS_OCTETS + SEQ_AT;
        if let Some(field) = Arc::make_mut(&mut self.0).get_mut(at..at + 8) {
            field.copy_from_slice(&seq.to_le_bytes());
        }
    }

    /// Where it stands: [`RecordView::key`].
    pub(crate) fn key(&self) -> &[u8] {
        let start = LENGTHS_OCTETS + HEAD_OCTETS;
        let len = usize::from(super::u16_at(&self.0, 0));
        self.0.get(start..start + len).unwrap_or_default()
    }

    /// The octets of the one-record form.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// The record, to be read.
    pub fn view(&self) -> RecordView<'_> {
        RecordView::trusted(&self.0)
    }
}

/// Why a binding cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A record without leases is no binding.
    #[error("the binding of client {client} has no lease")]
    NoLease {
        /// The client's DUID.
        client: String,
    },
    /// The same address or prefix twice in one binding.
    #[error("lease {lease} occurs twice in one binding")]
    DuplicateLease {
        /// The lease.
        lease: LeaseName,
    },
    /// A prefix in an address association, or the other way round.
    #[error("lease {lease} does not fit its kind of association")]
    WrongKind {
        /// The lease.
        lease: LeaseName,
    },
    /// The relay chain is not a RELAY-FORW message.
    #[error("the relay chain is malformed: {reason}")]
    BadChain {
        /// What is wrong with it.
        reason: String,
    },
    /// Options in `options` overrun.
    #[error("the kept options are malformed: {reason}")]
    BadOptions {
        /// What is wrong with them.
        reason: String,
    },
    /// A table is longer than the format can say.
    #[error("{what}: {len} octets or entries are more than a record can hold")]
    TooLong {
        /// Which table.
        what: &'static str,
        /// How long it is.
        len: usize,
    },
}

/// A relay identity found in the chain, and where.
struct ChainId {
    kind: IdKind,
    at: usize,
    len: usize,
}

fn encode(binding: &Binding, seq: u64, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let leases = &*sorted(&binding.leases)?;
    let ids = binding.relay.as_ref().map_or(Ok(Vec::new()), chain_ids)?;
    let start = out.len();
    out.extend_from_slice(&[0; LENGTHS_OCTETS + HEAD_OCTETS]);
    let key = out.len();
    put_key(out, binding, &ids);
    let frame = out.len();
    put_frame(out, binding.client.octets(), leases);
    let rest = out.len();
    put_rest(out, binding, leases, &ids)?;
    let head = head(&HeadInput {
        binding,
        leases,
        ids: &ids,
        has_frame: frame < rest,
        seq,
    });
    let lengths = [
        count_u32(frame - key, "key")?,
        count_u32(rest - frame, "frame")?,
        count_u32(out.len() - rest, "tables")?,
    ];
    let parts = lengths.iter().flat_map(|len| len.to_le_bytes());
    for (to, octet) in out.iter_mut().skip(start).zip(parts.chain(head)) {
        *to = octet;
    }
    Ok(())
}

/// The leases that are bound, in order.
fn bound(leases: &[Lease]) -> impl Iterator<Item = &Lease> + Clone {
    leases
        .iter()
        .filter(|lease| lease.state == LeaseState::Bound)
}

fn sorted(leases: &[Lease]) -> Result<Cow<'_, [Lease]>, EncodeError> {
    let mut leases = Cow::Borrowed(leases);
    if !leases.is_sorted_by_key(|lease| lease.name) {
        leases.to_mut().sort_by_key(|lease| lease.name);
    }
    for pair in leases.windows(2) {
        if let [a, b] = pair
            && a.name == b.name
        {
            return Err(EncodeError::DuplicateLease { lease: a.name });
        }
    }
    for lease in &*leases {
        let is_prefix = matches!(lease.name, LeaseName::Prefix { .. });
        if is_prefix != (lease.kind == IaKind::Pd) {
            return Err(EncodeError::WrongKind { lease: lease.name });
        }
    }
    Ok(leases)
}

/// Every Relay-ID and Remote-ID of the chain, outermost first (BLQ-S-039, D-08).
fn chain_ids(relay: &RelayData) -> Result<Vec<ChainId>, EncodeError> {
    let bad = |reason: String| EncodeError::BadChain { reason };
    let mut ids = Vec::new();
    let mut level = relay.chain.as_slice();
    let mut base = 0;
    for _ in 0..MAX_RELAY_LEVELS {
        let octets = level.get(RELAY_HEADER_OCTETS..).ok_or_else(|| {
            bad(format!(
                "octet {base}: a relay message has at least {RELAY_HEADER_OCTETS} octets, here {}",
                level.len()
            ))
        })?;
        let options = Options::parse(octets, base + RELAY_HEADER_OCTETS)
            .map_err(|error| bad(error.to_string()))?;
        for (code, kind, at_least) in [
            (OptionCode::RELAY_ID, IdKind::Relay, 1),
            (OptionCode::REMOTE_ID, IdKind::Remote, 5),
        ] {
            if let Some(option) = options
                .first(code)
                .filter(|option| option.data.len() >= at_least)
            {
                ids.push(ChainId {
                    kind,
                    at: option.offset + 4,
                    len: option.data.len(),
                });
            }
        }
        let Some(inner) = options.first(OptionCode::RELAY_MSG) else {
            return Ok(ids);
        };
        base = inner.offset + 4;
        level = inner.data;
    }
    Err(bad(format!("more than {MAX_RELAY_LEVELS} relays")))
}

/// The [key](crate::key) carries the Relay-ID nearest to the client: the delegating relay's own.
fn put_key(out: &mut Vec<u8>, binding: &Binding, ids: &[ChainId]) {
    let relay = innermost(binding, ids, IdKind::Relay).map_or(RelayTag::NONE, RelayTag::of);
    out.extend_from_slice(&binding.link.0.to_be_bytes());
    out.extend_from_slice(&relay.0.to_be_bytes());
    out.extend_from_slice(binding.client.octets());
}

fn innermost<'a>(binding: &'a Binding, ids: &[ChainId], kind: IdKind) -> Option<&'a [u8]> {
    let chain = &binding.relay.as_ref()?.chain;
    let id = ids.iter().rev().find(|id| id.kind == kind)?;
    chain.get(id.at..id.at + id.len)
}

/// Nothing when no lease is bound or the leases do not fit one message.
fn put_frame(out: &mut Vec<u8>, client: &[u8], leases: &[Lease]) {
    let start = out.len();
    out.extend_from_slice(&[0, 0, MessageType::LEASEQUERY_DATA.0, 0, 0, 0]);
    put_header(out, OptionCode::CLIENT_DATA, 0);
    put_header(out, OptionCode::CLIENTID, client.len());
    out.extend_from_slice(client);
    let before = out.len();
    for lease in bound(leases) {
        put_lease(out, lease);
    }
    let has_leases = out.len() > before;
    put_header(out, OptionCode::CLT_TIME, 4);
    out.extend_from_slice(&[0; 4]);

    let octets = out.len() - start;
    let lengths = (u16::try_from(octets - 2), u16::try_from(octets - 10));
    let (Ok(size), Ok(data), true) = (lengths.0, lengths.1, has_leases) else {
        out.truncate(start);
        return;
    };
    for (at, len) in [(start, size), (start + 8, data)] {
        if let Some(field) = out.get_mut(at..at + 2) {
            field.copy_from_slice(&len.to_be_bytes());
        }
    }
}

fn put_lease(octets: &mut Vec<u8>, lease: &Lease) {
    let preferred = lease.preferred.min(lease.valid);
    match lease.name {
        LeaseName::Address(address) => {
            put_header(octets, OptionCode::IAADDR, 24);
            octets.extend_from_slice(&address.octets());
            octets.extend_from_slice(&preferred.to_be_bytes());
            octets.extend_from_slice(&lease.valid.to_be_bytes());
        }
        LeaseName::Prefix { prefix, len } => {
            put_header(octets, OptionCode::IAPREFIX, 25);
            octets.extend_from_slice(&preferred.to_be_bytes());
            octets.extend_from_slice(&lease.valid.to_be_bytes());
            octets.push(len);
            octets.extend_from_slice(&prefix.octets());
        }
    }
}

/// The callers' lengths are bounded: a DUID's 130 octets, a lease's 25.
fn put_header(octets: &mut Vec<u8>, code: OptionCode, len: usize) {
    octets.extend_from_slice(&code.0.to_be_bytes());
    octets.extend_from_slice(&u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes());
}

struct HeadInput<'a> {
    binding: &'a Binding,
    leases: &'a [Lease],
    ids: &'a [ChainId],
    has_frame: bool,
    seq: u64,
}

fn head(input: &HeadInput<'_>) -> [u8; HEAD_OCTETS] {
    let HeadInput {
        binding,
        leases,
        ids,
        has_frame,
        seq,
    } = input;
    let bound = bound(leases);
    let count = bound.clone().count();
    // What the bound leases have left counts from the newest of them; a lease given back or
    // declined later is a transaction all the same (D-10), and then the frame does not do.
    let newest = binding.clt();
    let clt = bound.clone().map(|lease| lease.clt).max().unwrap_or(newest);
    let lives = bound.clone().map(|lease| left_at(lease, clt));
    let addresses = bound
        .clone()
        .filter(|lease| lease.kind != IaKind::Pd)
        .count();
    let remote = innermost(binding, ids, IdKind::Remote).map_or(RemoteTag::NONE, RemoteTag::of);
    let many = [IdKind::Relay, IdKind::Remote]
        .iter()
        .any(|kind| ids.iter().filter(|id| id.kind == *kind).count() > 1);

    let mut flags = 0;
    let mut set = |flag, on| flags |= if on { flag } else { 0 };
    set(FLAG_UNIFORM, bound.clone().all(|lease| lease.clt == newest));
    set(FLAG_MANY_IDS, many);
    set(FLAG_OVERSIZE, !has_frame && count > 0);
    set(FLAG_INACTIVE, count != leases.len());

    let mut head = [0; HEAD_OCTETS];
    let mut put = |at: usize, octets: &[u8]| head[at..at + octets.len()].copy_from_slice(octets);
    put(0, &clt.to_le_bytes());
    put(8, &lives.clone().min().unwrap_or(0).to_le_bytes());
    put(12, &lives.max().unwrap_or(0).to_le_bytes());
    put(SEQ_AT, &seq.to_le_bytes());
    put(24, &remote.0.to_le_bytes());
    put(
        32,
        &[
            u8::try_from(binding.client.octets().len()).unwrap_or(0),
            flags,
        ],
    );
    // An oversize record's counts do not fit and are not used: it has no frame.
    put(34, &u16::try_from(addresses).unwrap_or(0).to_le_bytes());
    put(
        36,
        &u16::try_from(count - addresses).unwrap_or(0).to_le_bytes(),
    );
    head
}

/// Valid seconds left to `lease` at `clt`, which is not before the lease's own.
fn left_at(lease: &Lease, clt: u64) -> u32 {
    lease.valid_left(clt)
}

fn put_rest(
    octets: &mut Vec<u8>,
    binding: &Binding,
    leases: &[Lease],
    ids: &[ChainId],
) -> Result<(), EncodeError> {
    if leases.is_empty() {
        return Err(EncodeError::NoLease {
            client: binding.client.to_string(),
        });
    }
    Options::parse(&binding.options, 0).map_err(|error| EncodeError::BadOptions {
        reason: error.to_string(),
    })?;
    let relay_len = binding
        .relay
        .as_ref()
        .map_or(0, |relay| 16 + relay.chain.len());
    octets.extend_from_slice(&count_u16(leases.len(), "leases")?.to_le_bytes());
    octets.extend_from_slice(&count_u16(ids.len(), "relay identities")?.to_le_bytes());
    octets.extend_from_slice(&count_u32(relay_len, "relay chain")?.to_le_bytes());
    octets.extend_from_slice(&count_u32(binding.options.len(), "options")?.to_le_bytes());
    for lease in leases {
        put_table_lease(octets, lease);
    }
    for id in ids {
        octets.extend_from_slice(&[id.kind.octet(), 0, 0, 0]);
        octets.extend_from_slice(&count_u32(id.at, "relay chain")?.to_le_bytes());
        octets.extend_from_slice(&count_u32(id.len, "relay chain")?.to_le_bytes());
    }
    if let Some(relay) = &binding.relay {
        octets.extend_from_slice(&relay.peer.octets());
        octets.extend_from_slice(&relay.chain);
    }
    octets.extend_from_slice(&binding.options);
    Ok(())
}

fn put_table_lease(octets: &mut Vec<u8>, lease: &Lease) {
    let kind = match lease.kind {
        IaKind::Na => 0,
        IaKind::Ta => 1,
        IaKind::Pd => 2,
    };
    let state = match lease.state {
        LeaseState::Bound => 0,
        LeaseState::Declined => 1,
        LeaseState::Released => 2,
        LeaseState::Reclaimed => 3,
        LeaseState::Registered => 4,
    };
    let (address, len) = match lease.name {
        LeaseName::Address(address) => (address, 128),
        LeaseName::Prefix { prefix, len } => (prefix, len),
    };
    octets.extend_from_slice(&[kind, state, len, 0]);
    octets.extend_from_slice(&lease.iaid.to_le_bytes());
    octets.extend_from_slice(&lease.clt.to_le_bytes());
    octets.extend_from_slice(&lease.preferred.to_le_bytes());
    octets.extend_from_slice(&lease.valid.to_le_bytes());
    octets.extend_from_slice(&address.octets());
}

fn count_u16(len: usize, what: &'static str) -> Result<u16, EncodeError> {
    u16::try_from(len).map_err(|_| EncodeError::TooLong { what, len })
}

fn count_u32(len: usize, what: &'static str) -> Result<u32, EncodeError> {
    u32::try_from(len).map_err(|_| EncodeError::TooLong { what, len })
}

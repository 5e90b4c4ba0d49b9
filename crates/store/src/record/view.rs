//! Reading a record without decoding it.

use std::net::Ipv6Addr;

use leasebook_wire::Duid;

use super::layout::{
    FLAG_INACTIVE, FLAG_MANY_IDS, FLAG_OVERSIZE, FLAG_UNIFORM, HEAD_OCTETS, ID_OCTETS,
    LEASE_OCTETS, LENGTHS_OCTETS, REST_HEAD_OCTETS, SEQ_AT, size_at, u16_at, u32_at, u64_at,
};
use super::{CorruptRecord, Head, IdKind};
use crate::binding::{Binding, IaKind, Lease, LeaseName, LeaseState, LinkId, RelayData};
use crate::key;

/// A record in the book, borrowed: head, key, frame and rest, wherever each lies.
///
/// Accessors are total: on a record that passed [`RecordView::parse`] (or a block's own
/// check) they tell the truth, on others something harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordView<'a> {
    head: &'a [u8],
    key: &'a [u8],
    frame: &'a [u8],
    rest: &'a [u8],
}

impl<'a> RecordView<'a> {
    /// Reads the one-record form and checks every length and enumerated value in it.
    pub fn parse(octets: &'a [u8]) -> Result<Self, CorruptRecord> {
        let short = |at| CorruptRecord {
            offset: at,
            what: "record ends early",
        };
        let (lengths, body) = octets
            .split_at_checked(LENGTHS_OCTETS + HEAD_OCTETS)
            .ok_or(short(octets.len()))?;
        let key_len = usize::from(u16_at(lengths, 0));
        let (key, body) = body.split_at_checked(key_len).ok_or(short(0))?;
        let (frame, body) = body.split_at_checked(size_at(lengths, 4)).ok_or(short(4))?;
        let (rest, body) = body.split_at_checked(size_at(lengths, 8)).ok_or(short(8))?;
        if !body.is_empty() {
            return Err(CorruptRecord {
                offset: octets.len() - body.len(),
                what: "octets behind the record",
            });
        }
        let head = lengths.get(LENGTHS_OCTETS..).unwrap_or_default();
        let view = Self {
            head,
            key,
            frame,
            rest,
        };
        view.check()?;
        Ok(view)
    }

    /// Splits octets that were checked when they were made; anything wrong gives empty parts.
    pub(crate) fn trusted(octets: &'a [u8]) -> Self {
        let start = LENGTHS_OCTETS + HEAD_OCTETS;
        let key_end = start + usize::from(u16_at(octets, 0));
        let frame_end = key_end + size_at(octets, 4);
        let part = |from, to| octets.get(from..to).unwrap_or_default();
        Self {
            head: part(LENGTHS_OCTETS, start),
            key: part(start, key_end),
            frame: part(key_end, frame_end),
            rest: part(frame_end, octets.len()),
        }
    }

    /// Puts a view together from parts that lie apart, as in a block; unchecked.
    pub(crate) fn from_parts(
        head: &'a [u8],
        key: &'a [u8],
        frame: &'a [u8],
        rest: &'a [u8],
    ) -> Self {
        Self {
            head,
            key,
            frame,
            rest,
        }
    }

    /// Checks what the accessors rely on: lengths agree, enumerated values are known.
    pub(crate) fn check(&self) -> Result<(), CorruptRecord> {
        let wrong = |what| Err(CorruptRecord { offset: 0, what });
        if self.head.len() != HEAD_OCTETS {
            return wrong("head has the wrong length");
        }
        if self.key.len() <= key::KEY_PREFIX_OCTETS || self.key.len() > key::MAX_KEY_OCTETS {
            return wrong("key has an impossible length");
        }
        let leases = usize::from(u16_at(self.rest, 0));
        let ids = usize::from(u16_at(self.rest, 2));
        let relay = size_at(self.rest, 4);
        let options = size_at(self.rest, 8);
        let expected = REST_HEAD_OCTETS + leases * LEASE_OCTETS + ids * ID_OCTETS + relay + options;
        if self.rest.len() != expected || (relay > 0 && relay < 16) {
            return wrong("tables and their lengths disagree");
        }
        if self
            .lease_octets()
            .any(|octets| decode_lease(octets).is_none())
        {
            return wrong("a lease has an unknown kind or state");
        }
        Ok(())
    }

    /// Where the record stands: link, relay tag, client.
    pub fn key(&self) -> &'a [u8] {
        self.key
    }

    /// The link.
    pub fn link(&self) -> LinkId {
        key::link_of(self.key).unwrap_or(LinkId(0))
    }

    /// What patching the frame needs.
    #[inline]
    pub fn head(&self) -> Head {
        Head::new(self.head.first_chunk().unwrap_or(&[0; HEAD_OCTETS]))
    }

    pub(crate) fn head_octets(&self) -> &'a [u8] {
        self.head
    }

    /// The client's DUID, as octets.
    pub fn client(&self) -> &'a [u8] {
        key::client_of(self.key).unwrap_or_default()
    }

    /// The newest client transaction: Unix seconds (D-10).
    pub fn clt(&self) -> u64 {
        let newest = self.newest_bound();
        if self.flag(FLAG_INACTIVE) {
            // A lease given back or declined counts for the others, too.
            let all = self.leases().map(|lease| lease.clt);
            return all.max().unwrap_or(0).max(newest);
        }
        newest
    }

    /// The newest transaction of the bound leases, from which their lifetimes count in the head.
    #[inline]
    fn newest_bound(&self) -> u64 {
        u64_at(self.head, 0)
    }

    /// Seconds since [`RecordView::clt`] at `now`; 0 if the clock ran back (BLQ-S-068).
    pub fn age(&self, now: u64) -> u64 {
        now.saturating_sub(self.clt())
    }

    /// Whether every bound lease has valid lifetime left at `now`, so the frame is true as it is.
    #[inline]
    pub fn is_all_live(&self, now: u64) -> bool {
        lives(
            u32_at(self.head, 8),
            now.saturating_sub(self.newest_bound()),
        )
    }

    /// Whether at least one bound lease has valid lifetime left at `now`.
    #[inline]
    pub fn is_any_live(&self, now: u64) -> bool {
        lives(
            u32_at(self.head, 12),
            now.saturating_sub(self.newest_bound()),
        )
    }

    /// When the last lease runs out: Unix seconds, `None` if never.
    pub fn ends_at(&self) -> Option<u64> {
        let left = u32_at(self.head, 12);
        (left != u32::MAX).then(|| self.newest_bound() + u64::from(left))
    }

    /// The journal's sequence number of the change that made the record what it is.
    #[inline]
    pub fn seq(&self) -> u64 {
        u64_at(self.head, SEQ_AT)
    }

    /// The tag of the Remote-ID nearest to the client, 0 if there is none.
    #[inline]
    pub fn remote_tag(&self) -> u64 {
        u64_at(self.head, 24)
    }

    /// Octets of the client's DUID, 1 to 130.
    #[inline]
    pub fn client_len(&self) -> usize {
        self.key.len().saturating_sub(key::KEY_PREFIX_OCTETS)
    }

    /// Every bound lease has the record's CLT, and so the frame, patched, tells it right.
    #[inline]
    pub fn is_uniform(&self) -> bool {
        self.flag(FLAG_UNIFORM)
    }

    /// The chain has several Relay-IDs or several Remote-IDs.
    #[inline]
    pub fn has_many_ids(&self) -> bool {
        self.flag(FLAG_MANY_IDS)
    }

    /// The bound leases do not fit one message; [`RecordView::frame`] is empty.
    #[inline]
    pub fn is_oversize(&self) -> bool {
        self.flag(FLAG_OVERSIZE)
    }

    /// Some lease is not bound.
    #[inline]
    pub fn has_inactive(&self) -> bool {
        self.flag(FLAG_INACTIVE)
    }

    /// IAADDR options in the frame.
    #[inline]
    pub fn address_count(&self) -> usize {
        usize::from(u16_at(self.head, 34))
    }

    /// IAPREFIX options in the frame; they follow the IAADDRs.
    #[inline]
    pub fn prefix_count(&self) -> usize {
        usize::from(u16_at(self.head, 36))
    }

    /// A whole LEASEQUERY-DATA with its TCP size, with all bound leases, to be patched.
    ///
    /// ```text
    /// size(2) 17 xid(3) 0 45 len(2) | CLIENTID | IAADDR * n | IAPREFIX * m | CLT_TIME
    /// ```
    ///
    /// Transaction-id and CLT are 0 and lifetimes are those granted. Empty if no lease is
    /// bound or the record is [oversize](RecordView::is_oversize).
    #[inline]
    pub fn frame(&self) -> &'a [u8] {
        self.frame
    }

    /// How many leases it has, whatever their state.
    pub fn lease_count(&self) -> usize {
        usize::from(u16_at(self.rest, 0))
    }

    /// All leases in the order of their names, whatever their state.
    pub fn leases(&self) -> impl Iterator<Item = Lease> + use<'a> {
        self.lease_octets().filter_map(decode_lease)
    }

    /// The datagram's source and the relay chain, if the client's message was relayed.
    pub fn relay(&self) -> Option<RelayView<'a>> {
        let octets = self.relay_octets();
        let (peer, chain) = octets.split_first_chunk::<16>()?;
        Some(RelayView {
            peer: Ipv6Addr::from(*peer),
            chain,
        })
    }

    /// Relay-IDs and Remote-IDs of the chain, outermost first.
    pub fn ids(&self) -> impl Iterator<Item = (IdKind, &'a [u8])> + use<'a> {
        let chain = self.relay().map_or(&[][..], |relay| relay.chain);
        let start = REST_HEAD_OCTETS + usize::from(u16_at(self.rest, 0)) * LEASE_OCTETS;
        let count = usize::from(u16_at(self.rest, 2));
        let table = self.rest.get(start..).unwrap_or_default();
        table
            .chunks_exact(ID_OCTETS)
            .take(count)
            .filter_map(move |entry| {
                let kind = IdKind::from_octet(*entry.first()?)?;
                let at = size_at(entry, 4);
                let id = chain.get(at..at.checked_add(size_at(entry, 8))?)?;
                Some((kind, id))
            })
    }

    /// Options the client was given or is known by, in wire form.
    pub fn options(&self) -> &'a [u8] {
        let len = size_at(self.rest, 8);
        let start = self.rest.len().saturating_sub(len);
        self.rest.get(start..).unwrap_or_default()
    }

    /// Decodes everything.
    pub fn to_binding(self) -> Result<Binding, CorruptRecord> {
        let client = Duid::new(self.client()).map_err(|_| CorruptRecord {
            offset: 0,
            what: "client is no DUID",
        })?;
        Ok(Binding {
            link: self.link(),
            client,
            leases: self.leases().collect(),
            relay: self.relay().map(|relay| RelayData {
                peer: relay.peer,
                chain: relay.chain.to_vec(),
            }),
            options: self.options().to_vec(),
        })
    }

    /// Whether `other` says the same, the number of its change apart.
    pub(crate) fn says_the_same(&self, other: &RecordView<'_>) -> bool {
        let but_seq = |head: &'a [u8]| (head.get(..SEQ_AT), head.get(SEQ_AT + 8..));
        let other_head = (other.head.get(..SEQ_AT), other.head.get(SEQ_AT + 8..));
        but_seq(self.head) == other_head
            && self.key == other.key
            && self.frame == other.frame
            && self.rest == other.rest
    }

    /// Puts the one-record form behind what is in `out`.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        for part in [self.key, self.frame, self.rest] {
            // Whoever encoded it refused what is longer.
            let len = u32::try_from(part.len()).unwrap_or(u32::MAX);
            out.extend_from_slice(&len.to_le_bytes());
        }
        for part in self.parts() {
            out.extend_from_slice(part);
        }
    }

    pub(crate) fn parts(&self) -> [&'a [u8]; 4] {
        [self.head, self.key, self.frame, self.rest]
    }

    fn flag(&self, flag: u8) -> bool {
        self.head.get(33).is_some_and(|flags| flags & flag != 0)
    }

    fn lease_octets(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let count = usize::from(u16_at(self.rest, 0));
        let table = self.rest.get(REST_HEAD_OCTETS..).unwrap_or_default();
        table.chunks_exact(LEASE_OCTETS).take(count)
    }

    fn relay_octets(&self) -> &'a [u8] {
        let end = self.rest.len().saturating_sub(size_at(self.rest, 8));
        let start = end.saturating_sub(size_at(self.rest, 4));
        self.rest.get(start..end).unwrap_or_default()
    }
}

/// The relays of a record's newest message, borrowed; see [`RelayData`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayView<'a> {
    /// The address the server received the datagram from; `::` if unknown.
    pub peer: Ipv6Addr,
    /// The RELAY-FORW chain without the innermost OPTION_RELAY_MSG.
    pub chain: &'a [u8],
}

#[inline]
fn lives(left_at_clt: u32, age: u64) -> bool {
    left_at_clt == u32::MAX || u64::from(left_at_clt) > age
}

/// ```text
/// kind(1) state(1) prefix-len(1) 0 iaid(4) | clt(8) | preferred(4) valid(4) | address(16)
/// ```
fn decode_lease(octets: &[u8]) -> Option<Lease> {
    let kind = match octets.first()? {
        0 => IaKind::Na,
        1 => IaKind::Ta,
        2 => IaKind::Pd,
        _ => return None,
    };
    let state = match octets.get(1)? {
        0 => LeaseState::Bound,
        1 => LeaseState::Declined,
        2 => LeaseState::Released,
        3 => LeaseState::Reclaimed,
        4 => LeaseState::Registered,
        _ => return None,
    };
    let address = Ipv6Addr::from(*octets.get(24..)?.first_chunk::<16>()?);
    let name = match kind {
        IaKind::Pd => LeaseName::prefix(address, *octets.get(2)?)?,
        IaKind::Na | IaKind::Ta => LeaseName::Address(address),
    };
    Some(Lease {
        name,
        kind,
        state,
        iaid: u32_at(octets, 4),
        clt: u64_at(octets, 8),
        preferred: u32_at(octets, 16),
        valid: u32_at(octets, 20),
    })
}

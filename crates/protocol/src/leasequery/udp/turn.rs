//! One query: what the book has for it, and the one reply that tells as much as fits.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use leasebook_store::record::OPTION_HEADER_OCTETS;
use leasebook_store::{
    Cursor, Flow, Lease, LinkId, Progress, Query, Record, RecordView, Selector, StoreError,
};
use leasebook_wire::code::{DEFAULT_NESTING_LIMIT, MessageType, OptionCode, StatusCode};
use leasebook_wire::{ComposeError, Composer, Options, RelayChain, RelayPath};

use super::super::judge::{Dropped, Judgement, Prepared};
use super::super::reply::{
    BASE_TIME_OCTETS, CLT_TIME_OCTETS, Recipient, Replier, octets_of, put_client_data, put_option,
};
use super::outcome::{LeftOut, UdpAnswer, UdpDropped, UdpOutcome};
use super::{UdpResponder, query_type};
use crate::links::Links;

/// One query's answer in the making.
pub(super) struct Turn<'a> {
    pub(super) responder: &'a UdpResponder<'a>,
    pub(super) replier: Replier<'a>,
    /// Octets the reply may have.
    pub(super) room: usize,
}

/// What the store has for a query.
#[derive(Default)]
struct Found {
    /// The records to tell as data, by link: one, or several if they are told as one.
    records: BTreeMap<LinkId, Record>,
    /// Every link with a match, and the address that stands for it.
    links: BTreeMap<LinkId, Option<Ipv6Addr>>,
}

/// How several records that match become one answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Several {
    /// They cannot be: what is told later is newer.
    Never,
    /// All links are asked: each is listed.
    Listed,
    /// The link-address selects links that it does not tell apart: told as one link.
    United,
}

impl Turn<'_> {
    /// Does what the judgement says: appends the reply to `out`, if there is one.
    pub(super) fn take(
        &self,
        judgement: Judgement,
        chain: &RelayChain<'_>,
        out: &mut Vec<u8>,
    ) -> Result<UdpOutcome, ComposeError> {
        match judgement {
            Judgement::Drop(why) => Ok(UdpOutcome::Dropped(UdpDropped::Message(why))),
            // These go on TCP only (RFC 7653 §5).
            Judgement::NoActive(_) | Judgement::NoTls(_) => {
                let kind = chain.message().msg_type();
                let why = UdpDropped::Message(Dropped::Foreign(kind));
                Ok(UdpOutcome::Dropped(why))
            }
            Judgement::Refuse(refusal) => {
                let kind = MessageType::LEASEQUERY_REPLY;
                let reply = Composer::client(out, kind, refusal.xid);
                self.replier.refuse(&refusal, reply)?;
                Ok(UdpOutcome::Refused {
                    query_type: query_type(chain),
                    status: refusal.status,
                })
            }
            Judgement::Answer(prepared) => self.answer(&prepared, out),
        }
    }

    fn answer(&self, prepared: &Prepared, out: &mut Vec<u8>) -> Result<UdpOutcome, ComposeError> {
        let to = &Recipient::from(prepared);
        let found = match self.find(&prepared.query) {
            Ok(found) => found,
            Err(error) => {
                let text = "the server cannot read its bindings; ask another";
                self.end(to, Some((StatusCode::UNSPEC_FAIL, text)), out)?;
                return Ok(UdpOutcome::Failed(error));
            }
        };
        let mut answer = UdpAnswer {
            query_type: prepared.query_type,
            bindings: 0,
            links: 0,
            left_out: LeftOut::default(),
            octets: 0,
        };
        let named: Vec<Ipv6Addr> = found.links.values().copied().flatten().collect();
        if named.len() > 1 {
            answer.left_out.links = found.links.len() - named.len();
            self.put_links(to, named, &mut answer, out)?;
        } else if let Some(newest) = newest(&found.records) {
            answer.bindings = found.records.len();
            answer.left_out.links = found.links.len().saturating_sub(1);
            let leases = self.leases(&found.records);
            self.put_data(to, (&newest.view(), leases), &mut answer, out)?;
        } else if let (Selector::Address(address), true) =
            (&prepared.query.selector, prepared.must_find)
        {
            let status = StatusCode::NOT_CONFIGURED;
            let text = format!("no configured link or lease has {address}");
            self.end(to, Some((status, &text)), out)?;
            return Ok(UdpOutcome::Refused {
                query_type: Some(prepared.query_type),
                status,
            });
        } else {
            self.end(to, None, out)?;
        }
        Ok(UdpOutcome::Answered(answer))
    }

    /// A REPLY without data.
    fn end(
        &self,
        to: &Recipient,
        status: Option<(StatusCode, &str)>,
        out: &mut Vec<u8>,
    ) -> Result<(), ComposeError> {
        self.replier.end(to, status, self.begin(to, out)?)
    }

    fn begin<'v>(
        &self,
        to: &Recipient,
        out: &'v mut Vec<u8>,
    ) -> Result<Composer<'v>, ComposeError> {
        let mut reply = Composer::client(out, MessageType::LEASEQUERY_REPLY, to.xid);
        self.replier.identities(to, &mut reply)?;
        Ok(reply)
    }

    fn find(&self, query: &Query) -> Result<Found, StoreError> {
        let several = match (&query.selector, &query.links) {
            (Selector::Client(_), leasebook_store::Links::Any) => Several::Listed,
            (Selector::Client(_), leasebook_store::Links::Of(links)) if links.len() > 1 => {
                Several::United
            }
            _ => Several::Never,
        };
        let store = self.responder.store;
        let mut cursor = Cursor::new(query.clone(), store.last_seq());
        let mut found = Found::default();
        let mut visit = |run: leasebook_store::Run<'_>| {
            for record in run.iter() {
                found.take(&record, several, self.responder.links);
            }
            Flow::Continue
        };
        while store.scan(&mut cursor, self.replier.now, &mut visit)? == Progress::More {}
        Ok(found)
    }

    /// The live leases in the order in which they are told.
    fn leases(&self, records: &BTreeMap<LinkId, Record>) -> Vec<Lease> {
        let now = self.replier.now;
        let mut leases = Vec::new();
        for record in records.values() {
            leases.extend(record.view().leases().filter(|lease| lease.is_live(now)));
        }
        if records.len() > 1 {
            leases.sort_by_key(|lease| lease.name);
        }
        leases
    }

    /// A REPLY with LQ_CLIENT_LINK (LQ-UDP-017).
    fn put_links(
        &self,
        to: &Recipient,
        mut named: Vec<Ipv6Addr>,
        answer: &mut UdpAnswer,
        out: &mut Vec<u8>,
    ) -> Result<(), ComposeError> {
        // Links that nothing tells apart have the same address, and one query tells them all.
        named.sort_unstable();
        named.dedup();
        let mut reply = self.begin(to, out)?;
        let fit = self.left(to, &reply).saturating_sub(OPTION_HEADER_OCTETS) / ADDRESS_OCTETS;
        answer.left_out.links += named.len().saturating_sub(fit);
        named.truncate(fit);
        answer.links = named.len();
        reply.lq_client_link(&named)?;
        self.replier.end(to, None, reply)
    }

    /// A REPLY with CLIENT_DATA (LQ-UDP-016, LQ-UDP-020).
    fn put_data(
        &self,
        to: &Recipient,
        (record, leases): (&RecordView<'_>, Vec<Lease>),
        answer: &mut UdpAnswer,
        out: &mut Vec<u8>,
    ) -> Result<(), ComposeError> {
        let mut reply = self.begin(to, out)?;
        let limit = self.left(to, &reply);
        let needed = 2 * OPTION_HEADER_OCTETS
            + record.client_len()
            + leases.iter().map(octets_of).sum::<usize>()
            + CLT_TIME_OCTETS;
        let (extras, unmade) = self.replier.extras(to, record);
        let (extras, unfit) = fitting(extras, limit.saturating_sub(needed));
        answer.left_out.options = unmade + unfit;
        let mut leases = leases.into_iter().peekable();
        let now = self.replier.now;
        put_client_data(&mut reply, record, &mut leases, (&extras, now, limit))?;
        answer.left_out.leases = leases.count();
        self.replier.end(to, None, reply)
    }

    /// Octets left for an option behind what `reply` holds.
    fn left(&self, to: &Recipient, reply: &Composer<'_>) -> usize {
        let behind = if to.wants_base_time {
            BASE_TIME_OCTETS
        } else {
            0
        };
        self.room.saturating_sub(reply.len() + behind)
    }
}

impl Found {
    fn take(&mut self, record: &RecordView<'_>, several: Several, links: &Links) {
        let link = record.link();
        match several {
            Several::United => {}
            Several::Never => self.records.clear(),
            Several::Listed => {
                let name = name_of(record, links);
                self.links.insert(link, name);
                // Data is told of one link only, so one record is enough to keep: one on a link
                // that can be asked for, else the newest.
                let rank = |link, clt| (self.links.get(&link).is_some_and(Option::is_some), clt);
                let kept = self.records.first_key_value();
                let kept = kept.map(|(link, kept)| rank(*link, kept.view().clt()));
                if kept.is_some_and(|kept| kept > rank(link, record.clt())) {
                    return;
                }
                self.records.clear();
            }
        }
        self.records.insert(link, Record::from_view(record));
    }
}

/// The address that stands for the record's link (LQ-UDP-018, D-34); `None` if none does.
fn name_of(record: &RecordView<'_>, links: &Links) -> Option<Ipv6Addr> {
    let came_by = record.relay().and_then(|relay| {
        let path = RelayPath::parse(relay.chain, DEFAULT_NESTING_LIMIT).ok()?;
        path.link_address()
    });
    came_by
        .filter(|address| !address.is_unicast_link_local())
        .filter(|address| links.is_alone(record.link(), *address))
        .or_else(|| links.name_of(record.link()))
}

fn newest(records: &BTreeMap<LinkId, Record>) -> Option<&Record> {
    records.values().max_by_key(|record| record.view().clt())
}

/// Of these options those that fit `room` octets, in their order, and how many do not. Relay
/// data, mostly the largest, is the first to go.
fn fitting(extras: Vec<u8>, room: usize) -> (Vec<u8>, usize) {
    if extras.len() <= room {
        return (extras, 0);
    }
    let options = Options::parse(&extras, 0).unwrap_or_default();
    let octets = |data: &[u8]| OPTION_HEADER_OCTETS + data.len();
    let (mut left, mut left_out) = (room, 0);
    let mut fits: Vec<bool> = Vec::new();
    for option in options {
        let is_in = option.code != OptionCode::LQ_RELAY_DATA && octets(option.data) <= left;
        left -= if is_in { octets(option.data) } else { 0 };
        fits.push(is_in);
    }
    let mut told = Vec::with_capacity(room.min(extras.len()));
    for (option, is_in) in options.iter().zip(fits) {
        let is_relay = option.code == OptionCode::LQ_RELAY_DATA && octets(option.data) <= left;
        if is_in || is_relay {
            put_option(&mut told, option.code, option.data);
        } else {
            left_out += 1;
        }
    }
    (told, left_out)
}

/// Octets of an IPv6 address.
const ADDRESS_OCTETS: usize = 16;

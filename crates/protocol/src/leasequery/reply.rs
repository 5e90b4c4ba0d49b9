//! Composing answers: REPLY, DATA and DONE as TCP frames, and CLIENT_DATA for any transport.
//!
//! A record in the book holds its LEASEQUERY-DATA nearly ready: only the transaction-id, the
//! lifetimes and the CLT are not yet true. A run of such records is copied at once and patched
//! in place (the *template path*); a record with leases that ended, with ages of their own, or
//! with options asked for is composed lease by lease (the *composed path*). Both give the same
//! octets where both apply.

use std::iter::Peekable;

use leasebook_store::record::{IAADDR_OCTETS, IAPREFIX_OCTETS, OPTION_HEADER_OCTETS};
use leasebook_store::{Lease, LeaseName, RecordView, Run};
use leasebook_wire::code::{
    DEFAULT_NESTING_LIMIT, MAX_MESSAGE_OCTETS, MessageType, OptionCode, RELAY_HEADER_OCTETS,
    StatusCode,
};
use leasebook_wire::option::{LqBaseTime, StatusCodeOption};
use leasebook_wire::{ComposeError, Composer, Duid, Options, RelayPath, Xid};

use super::judge::{Prepared, Refusal};
use super::template::{add_relay_data, patch, short};

/// Who answers, and when.
#[derive(Clone, Copy, Debug)]
pub struct Replier<'a> {
    /// The SERVERID of every REPLY (BLQ-S-046).
    pub server_id: &'a Duid,
    /// Options taken out of relay chains too (BLQ-S-072).
    pub sensitive: &'a [OptionCode],
    /// The moment of making the messages: Unix seconds.
    pub now: u64,
}

/// To whom an answer goes and what it is to hold; the part of [`Prepared`] that is needed to the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The query's transaction-id.
    pub xid: Xid,
    /// The requestor's CLIENTID as received.
    pub client_id: Duid,
    /// Codes wanted in CLIENT_DATA.
    pub asked: Vec<OptionCode>,
    /// Whether every message carries LQ_BASE_TIME.
    pub wants_base_time: bool,
}

impl From<&Prepared> for Recipient {
    fn from(prepared: &Prepared) -> Self {
        Self {
            xid: prepared.xid,
            client_id: prepared.client_id.clone(),
            asked: prepared.asked.clone(),
            wants_base_time: prepared.wants_base_time,
        }
    }
}

impl Replier<'_> {
    /// Appends the REPLY of a query that is refused: its status, no data (BLQ-S-057).
    pub fn refusal(&self, refusal: &Refusal, out: &mut Vec<u8>) -> Result<(), ComposeError> {
        let reply = Composer::framed(out, MessageType::LEASEQUERY_REPLY, refusal.xid);
        self.refuse(refusal, reply)
    }

    /// Ends the REPLY begun in `reply` as that of a query that is refused.
    pub(super) fn refuse(
        &self,
        refusal: &Refusal,
        mut reply: Composer<'_>,
    ) -> Result<(), ComposeError> {
        reply.option(OptionCode::SERVERID, self.server_id.octets())?;
        if let Some(client_id) = &refusal.client_id {
            reply.option(OptionCode::CLIENTID, client_id.octets())?;
        }
        reply.add(&StatusCodeOption::new(refusal.status, &refusal.text))?;
        reply.finish().map(|_| ())
    }

    /// Appends the REPLY (7) to STARTTLS of a server that offers no TLS (ALQ-002).
    pub fn no_tls(&self, xid: Xid, out: &mut Vec<u8>) -> Result<(), ComposeError> {
        let mut reply = Composer::framed(out, MessageType::REPLY, xid);
        reply.option(OptionCode::SERVERID, self.server_id.octets())?;
        let text = "this server offers no TLS";
        reply.add(&StatusCodeOption::new(
            StatusCode::TLS_CONNECTION_REFUSED,
            text,
        ))?;
        reply.finish().map(|_| ())
    }

    /// Appends a REPLY without data: nothing found (BLQ-S-055), or a failure before the first
    /// record (BLQ-S-057).
    pub fn bare(
        &self,
        to: &Recipient,
        status: Option<(StatusCode, &str)>,
        out: &mut Vec<u8>,
    ) -> Result<(), ComposeError> {
        let mut reply = Composer::framed(out, MessageType::LEASEQUERY_REPLY, to.xid);
        self.identities(to, &mut reply)?;
        self.end(to, status, reply)
    }

    /// Appends the DONE of a query, with a status only after a failure (BLQ-S-054, BLQ-S-058).
    pub fn done(
        &self,
        to: &Recipient,
        status: Option<(StatusCode, &str)>,
        out: &mut Vec<u8>,
    ) -> Result<(), ComposeError> {
        let done = Composer::framed(out, MessageType::LEASEQUERY_DONE, to.xid);
        self.end(to, status, done)
    }

    /// Ends a message whose identities are there, if it needs any.
    pub(super) fn end(
        &self,
        to: &Recipient,
        status: Option<(StatusCode, &str)>,
        mut message: Composer<'_>,
    ) -> Result<(), ComposeError> {
        if let Some((code, text)) = status {
            message.add(&StatusCodeOption::new(code, text))?;
        }
        self.base_time(to, &mut message)?;
        message.finish().map(|_| ())
    }

    /// Appends the records of `run`: the first of the query as REPLY, others as DATA
    /// (BLQ-S-047, BLQ-S-048). `is_first` is turned off once the REPLY is there.
    ///
    /// Returns how many records were told; one whose last lease ended is not (BLQ-S-036).
    pub fn run(
        &self,
        to: &Recipient,
        run: &Run<'_>,
        is_first: &mut bool,
        out: &mut Vec<u8>,
    ) -> Result<u64, ComposeError> {
        let is_plain = to.asked.is_empty() && !to.wants_base_time;
        if is_plain && !*is_first {
            let start = out.len();
            out.extend_from_slice(run.frames());
            if self.patch_run(to.xid, run, out.get_mut(start..).unwrap_or_default()) {
                return Ok(u64::try_from(run.len()).unwrap_or(u64::MAX));
            }
            // Some lease has ended or has an age of its own: one by one, then.
            out.truncate(start);
        }
        // Relays in recovery ask for just this (BLQ-R-012), so it has its own short way.
        let wants_relay = to.asked == [OptionCode::LQ_RELAY_DATA]
            && !to.wants_base_time
            && self.sensitive.is_empty();
        let mut told = 0;
        for record in run.iter() {
            if (is_plain || wants_relay) && !*is_first && self.is_template(&record) {
                let start = out.len();
                out.extend_from_slice(record.frame());
                let frame = out.get_mut(start..).unwrap_or_default();
                let is_true = patch(frame, &record.head(), to.xid, self.now).is_some();
                if is_true && (is_plain || add_relay_data(start, &record, out)) {
                    told += 1;
                    continue;
                }
                out.truncate(start);
            }
            told += u64::from(self.record(to, &record, is_first, out)?);
        }
        Ok(told)
    }

    /// Whether the record's frame only needs patching.
    fn is_template(&self, record: &RecordView<'_>) -> bool {
        record.is_all_live(self.now) && record.is_uniform() && !record.frame().is_empty()
    }

    /// Makes the copied frames true; `false` if they cannot be, for a record that is no template
    /// or whose head says otherwise.
    fn patch_run(&self, xid: Xid, run: &Run<'_>, frames: &mut [u8]) -> bool {
        let mut rest = frames;
        for head in run.heads() {
            if !head.is_template(self.now) {
                return false;
            }
            match patch(rest, &head, xid, self.now) {
                Some(next) => rest = next,
                None => return false,
            }
        }
        rest.is_empty()
    }

    /// Composes one record in as many messages as it takes, mostly one (BLQ-S-069); says
    /// whether there was a live lease to tell.
    fn record(
        &self,
        to: &Recipient,
        record: &RecordView<'_>,
        is_first: &mut bool,
        out: &mut Vec<u8>,
    ) -> Result<bool, ComposeError> {
        let now = self.now;
        let mut leases = record
            .leases()
            .filter(|lease| lease.is_live(now))
            .peekable();
        if leases.peek().is_none() {
            return Ok(false);
        }
        let (extras, _) = self.extras(to, record);
        let mut extras = extras.as_slice();
        while leases.peek().is_some() {
            let kind = if *is_first {
                MessageType::LEASEQUERY_REPLY
            } else {
                MessageType::LEASEQUERY_DATA
            };
            let mut message = Composer::framed(out, kind, to.xid);
            if *is_first {
                self.identities(to, &mut message)?;
            }
            let limit = MAX_MESSAGE_OCTETS - message.len() - BASE_TIME_OCTETS;
            put_client_data(&mut message, record, &mut leases, (extras, now, limit))?;
            self.base_time(to, &mut message)?;
            message.finish()?;
            *is_first = false;
            // Large extras come once, or a client with many leases would be told in many times
            // its size; what is small is repeated, so that each message stands for itself.
            if extras.len() > REPEATED_EXTRAS_OCTETS {
                extras = &[];
            }
        }
        Ok(true)
    }

    /// SERVERID and the requestor's CLIENTID (BLQ-S-046).
    pub(super) fn identities(
        &self,
        to: &Recipient,
        reply: &mut Composer<'_>,
    ) -> Result<(), ComposeError> {
        reply.option(OptionCode::SERVERID, self.server_id.octets())?;
        reply.option(OptionCode::CLIENTID, to.client_id.octets())
    }

    fn base_time(&self, to: &Recipient, message: &mut Composer<'_>) -> Result<(), ComposeError> {
        if to.wants_base_time {
            message.add(&LqBaseTime::from_unix(self.now))?;
        }
        Ok(())
    }

    /// The options asked for that the book has of this record, as octets (BLQ-S-070). What
    /// would leave no room for a lease is left out; how many these are comes second.
    pub(super) fn extras(&self, to: &Recipient, record: &RecordView<'_>) -> (Vec<u8>, usize) {
        let mut extras = Vec::new();
        let mut left_out = 0;
        let relay = record.relay();
        let path =
            relay.and_then(|relay| RelayPath::parse(relay.chain, DEFAULT_NESTING_LIMIT).ok());
        let own = Options::parse(record.options(), 0).unwrap_or_default();
        for &code in &to.asked {
            if code == OptionCode::LQ_RELAY_DATA {
                if let (Some(relay), Some(path)) = (relay, path) {
                    let mut data = relay.peer.octets().to_vec();
                    data.extend_from_slice(&self.told_chain(path));
                    left_out += usize::from(!put_extra(&mut extras, code, &data));
                }
                continue;
            }
            // AUTH is the client's key for RECONFIGURE, and nobody else's.
            if code == OptionCode::AUTH || self.sensitive.contains(&code) {
                continue;
            }
            let of_relay = path
                .filter(|_| FROM_RELAYS.contains(&code))
                .and_then(|path| {
                    let levels = path.levels();
                    levels
                        .filter_map(|level| level.options().first(code))
                        .last()
                });
            let of_own = own.all(code).filter(|_| of_relay.is_none());
            for option in of_relay.into_iter().chain(of_own) {
                left_out += usize::from(!put_extra(&mut extras, code, option.data));
            }
        }
        (extras, left_out)
    }

    /// The chain as kept (BLQ-S-075), without options that are never told (BLQ-S-072).
    fn told_chain(&self, path: RelayPath<'_>) -> Vec<u8> {
        if self.sensitive.is_empty() {
            return path.octets().to_vec();
        }
        let levels: Vec<_> = path.levels().collect();
        let mut inner: Option<Vec<u8>> = None;
        for level in levels.iter().rev() {
            let header = level.octets().get(..RELAY_HEADER_OCTETS);
            let mut told = header.unwrap_or_default().to_vec();
            for option in level.options() {
                if option.code == OptionCode::RELAY_MSG {
                    if let Some(inner) = inner.take() {
                        put_option(&mut told, option.code, &inner);
                    }
                } else if option.code == OptionCode::RSOO {
                    put_option(&mut told, option.code, &self.told_options(option.data));
                } else if !self.sensitive.contains(&option.code) {
                    put_option(&mut told, option.code, option.data);
                }
            }
            inner = Some(told);
        }
        inner.unwrap_or_default()
    }

    fn told_options(&self, octets: &[u8]) -> Vec<u8> {
        let mut told = Vec::new();
        for option in Options::parse(octets, 0).unwrap_or_default() {
            if !self.sensitive.contains(&option.code) {
                put_option(&mut told, option.code, option.data);
            }
        }
        told
    }
}

/// Options that relays add: taken from the level nearest to the client (D-11).
const FROM_RELAYS: [OptionCode; 5] = [
    OptionCode::INTERFACE_ID,
    OptionCode::REMOTE_ID,
    OptionCode::SUBSCRIBER_ID,
    OptionCode::RELAY_ID,
    OptionCode::CLIENT_LINKLAYER_ADDR,
];

/// Octets of LQ_BASE_TIME with its header (RFC 7653 §6.3.1).
pub(super) const BASE_TIME_OCTETS: usize = 8;

/// Octets of CLT_TIME with its header (RFC 5007 §4.1.2.3).
pub(super) const CLT_TIME_OCTETS: usize = 8;

/// The most octets of options asked for beside leases: the largest message less headers, two
/// DUIDs of 130 octets, the client's own, and one lease.
const MAX_EXTRAS_OCTETS: usize = MAX_MESSAGE_OCTETS - 512;

/// Above this, options asked for come in the first message of a split record only.
const REPEATED_EXTRAS_OCTETS: usize = 32_768;

/// Puts CLIENT_DATA with as many of `leases` as fit `limit` octets, header included, and at
/// least one: CLIENTID, IAADDR by address, IAPREFIX by prefix, CLT_TIME, then the extras
/// (BLQ-S-063 to BLQ-S-068). `leases` are live ones in the order of their names.
///
/// The last argument is (extras, now as Unix seconds, limit).
pub fn put_client_data(
    message: &mut Composer<'_>,
    record: &RecordView<'_>,
    leases: &mut Peekable<impl Iterator<Item = Lease>>,
    (extras, now, limit): (&[u8], u64, usize),
) -> Result<(), ComposeError> {
    message.client_data(|data| {
        let start = data.len() - OPTION_HEADER_OCTETS;
        data.option(OptionCode::CLIENTID, record.client())?;
        let behind = CLT_TIME_OCTETS + extras.len();
        let mut is_first = true;
        while let Some(lease) = leases
            .next_if(|lease| is_first || data.len() - start + octets_of(lease) + behind <= limit)
        {
            is_first = false;
            put_lease(data, &lease, now)?;
        }
        data.nested(OptionCode::CLT_TIME, |clt| {
            clt.put_u32(short(record.age(now)));
            Ok(())
        })?;
        data.put(extras);
        Ok(())
    })
}

pub(super) fn octets_of(lease: &Lease) -> usize {
    match lease.name {
        LeaseName::Address(_) => IAADDR_OCTETS,
        LeaseName::Prefix { .. } => IAPREFIX_OCTETS,
    }
}

fn put_lease(data: &mut Composer<'_>, lease: &Lease, now: u64) -> Result<(), ComposeError> {
    let (preferred, valid) = (lease.preferred_left(now), lease.valid_left(now));
    match lease.name {
        LeaseName::Address(address) => data.nested(OptionCode::IAADDR, |option| {
            option.put_ipv6(address);
            option.put_u32(preferred);
            option.put_u32(valid);
            Ok(())
        }),
        LeaseName::Prefix { prefix, len } => data.nested(OptionCode::IAPREFIX, |option| {
            option.put_u32(preferred);
            option.put_u32(valid);
            option.put_u8(len);
            option.put_ipv6(prefix);
            Ok(())
        }),
    }
}

/// Whether there was room.
fn put_extra(extras: &mut Vec<u8>, code: OptionCode, data: &[u8]) -> bool {
    let fits = extras.len() + OPTION_HEADER_OCTETS + data.len() <= MAX_EXTRAS_OCTETS;
    if fits {
        put_option(extras, code, data);
    }
    fits
}

/// `data` came out of an option or is smaller than what did, so its length fits.
pub(super) fn put_option(out: &mut Vec<u8>, code: OptionCode, data: &[u8]) {
    let Ok(len) = u16::try_from(data.len()) else {
        return;
    };
    out.extend_from_slice(&code.0.to_be_bytes());
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(data);
}

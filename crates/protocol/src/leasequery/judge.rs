//! Judging one message of a requestor: drop it, refuse it, or answer it.
//!
//! Knows nothing of TCP or UDP: octets and their source go in, a [`Judgement`] comes out.
//! No store is needed: what depends on the leases there are is said in [`Prepared`]. Nothing
//! here can change a binding (BLQ-S-021).

use std::net::{IpAddr, Ipv6Addr};

use leasebook_store::{Query, Selector};
use leasebook_wire::code::{MessageType, OptionCode, QueryType, StatusCode};
use leasebook_wire::option::{LqQuery, OptionView, Oro};
use leasebook_wire::{ClientMessage, Duid, DuidRef, Message, Options, RemoteIdRef, Xid};

use super::config::{Config, QueryTypes};
use crate::links::Links;

/// What is to be done about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Nothing is answered.
    Drop(Dropped),
    /// A REPLY with this status and nothing else; the connection stays open (BLQ-S-059).
    Refuse(Refusal),
    /// The answer is what the store finds.
    Answer(Prepared),
    /// ACTIVELEASEQUERY: a LEASEQUERY-REPLY with NotSupported, then the close (ALQ-001).
    NoActive(Refusal),
    /// STARTTLS: a REPLY (7) with TLSConnectionRefused, and the connection goes on (ALQ-002).
    NoTls(Xid),
}

/// Why a message was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// Not a message: too short, or an option overruns (D-17).
    Malformed,
    /// A message type that has no business here (BLQ-S-010, BLQ-S-011).
    Foreign(MessageType),
    /// No CLIENTID, or one of 0 or more than 130 octets (BLQ-S-012).
    NoClientId,
    /// For another server (BLQ-S-013).
    OtherServer,
    /// No LQ_QUERY (BLQ-S-014).
    NoQuery,
    /// Several LQ_QUERY (BLQ-S-014).
    SeveralQueries,
    /// Its transaction-id is in use by a query being answered (BLQ-S-020).
    TransactionInUse,
}

/// A query that is answered by a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The query's transaction-id.
    pub xid: Xid,
    /// The requestor's CLIENTID as received; absent only for ACTIVELEASEQUERY without one.
    pub client_id: Option<Duid>,
    /// Why, as a code.
    pub status: StatusCode,
    /// Why, in words about this query (BLQ-S-060).
    pub text: String,
}

/// A query to be answered from the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The query's transaction-id.
    pub xid: Xid,
    /// The requestor's CLIENTID as received.
    pub client_id: Duid,
    /// By what is asked.
    pub query_type: QueryType,
    /// The question to the store.
    pub query: Query,
    /// Codes wanted in CLIENT_DATA: the ORO inside query-options, each code once, what is
    /// never told already left out (BLQ-S-070, BLQ-S-071, BLQ-S-072). At most [`MAX_ASKED`].
    pub asked: Vec<OptionCode>,
    /// Whether every message of the answer carries LQ_BASE_TIME (ALQ-003, D-11).
    pub wants_base_time: bool,
    /// Where nothing found means NotConfigured instead of a bare REPLY: an address that no
    /// configured link covers is known only if a lease has it (BLQ-S-025, D-06).
    pub must_find: bool,
}

/// The most option codes kept of an ORO; more than there are options to tell (SEC-005).
pub const MAX_ASKED: usize = 64;

/// What is in CLIENT_DATA anyway, has its place elsewhere, or never comes on TCP (BLQ-S-061).
const NEVER_ADDED: [OptionCode; 8] = [
    OptionCode::CLIENTID,
    OptionCode::IAADDR,
    OptionCode::IAPREFIX,
    OptionCode::PD_EXCLUDE,
    OptionCode::CLIENT_DATA,
    OptionCode::CLT_TIME,
    OptionCode::LQ_CLIENT_LINK,
    OptionCode::LQ_BASE_TIME,
];

/// What judging needs to know besides the message.
#[derive(Clone, Copy, Debug)]
pub struct Judge<'a> {
    /// The settings.
    pub config: &'a Config,
    /// The configured links.
    pub links: &'a Links,
}

impl Judge<'_> {
    /// Judges the message `octets` (without a TCP size) that came from `source`.
    pub fn judge(&self, octets: &[u8], source: IpAddr) -> Judgement {
        let message = match Message::parse(octets) {
            Ok(Message::Client(message)) => message,
            Ok(Message::Relay(message)) => {
                return Judgement::Drop(Dropped::Foreign(message.msg_type()));
            }
            Err(_) => return Judgement::Drop(unreadable(octets)),
        };
        match message.msg_type() {
            MessageType::LEASEQUERY => self.leasequery(message, source),
            MessageType::ACTIVELEASEQUERY => Judgement::NoActive(Refusal {
                xid: message.xid(),
                client_id: client_id(message.options()).map(DuidRef::to_owned),
                status: StatusCode::NOT_SUPPORTED,
                text: "this server offers no active leasequery".to_owned(),
            }),
            MessageType::STARTTLS => Judgement::NoTls(message.xid()),
            other => Judgement::Drop(Dropped::Foreign(other)),
        }
    }

    fn leasequery(&self, message: ClientMessage<'_>, source: IpAddr) -> Judgement {
        let options = message.options();
        let Some(client_id) = client_id(options).map(DuidRef::to_owned) else {
            return Judgement::Drop(Dropped::NoClientId);
        };
        if let Some(server) = options.first(OptionCode::SERVERID)
            && server.data != self.config.server_id.octets()
        {
            return Judgement::Drop(Dropped::OtherServer);
        }
        let mut queries = options.all(OptionCode::LQ_QUERY);
        let (Some(lq_query), second) = (queries.next(), queries.next()) else {
            return Judgement::Drop(Dropped::NoQuery);
        };
        if second.is_some() {
            return Judgement::Drop(Dropped::SeveralQueries);
        }
        let judged = self.permit(lq_query.data, source).and_then(|()| {
            let asked = LqQuery::parse(lq_query)
                .map_err(|error| Reason::malformed(format!("LQ_QUERY cannot be read: {error}")))?;
            let (query, must_find) = self.question(&asked)?;
            Ok(Prepared {
                xid: message.xid(),
                client_id: client_id.clone(),
                query_type: asked.query_type,
                query,
                asked: self.asked(asked.options),
                wants_base_time: names_base_time(options) || names_base_time(asked.options),
                must_find,
            })
        });
        match judged {
            Ok(prepared) => Judgement::Answer(prepared),
            Err(reason) => Judgement::Refuse(Refusal {
                xid: message.xid(),
                client_id: Some(client_id),
                status: reason.status,
                text: reason.text,
            }),
        }
    }

    /// NotAllowed, then UnknownQueryType (BLQ-S-006, BLQ-S-015, BLQ-S-016). The type stands in
    /// the first octet of LQ_QUERY, also where the rest cannot be read.
    fn permit(&self, lq_query: &[u8], source: IpAddr) -> Result<(), Reason> {
        let Some(rights) = self.config.rights(source) else {
            let text = format!("{} may not ask this server", source.to_canonical());
            return Err(Reason::new(StatusCode::NOT_ALLOWED, text));
        };
        let Some(query_type) = lq_query.first().copied().map(QueryType) else {
            return Ok(());
        };
        let is_real = QueryTypes::ALL.contains(query_type);
        if is_real && !rights.contains(query_type) {
            let text = format!("{} may not ask {query_type}", source.to_canonical());
            return Err(Reason::new(StatusCode::NOT_ALLOWED, text));
        }
        if !self.config.query_types.contains(query_type) {
            let text = if is_real {
                format!("{query_type} is switched off here")
            } else {
                format!("query-type {} is unknown here", query_type.0)
            };
            return Err(Reason::new(StatusCode::UNKNOWN_QUERY_TYPE, text));
        }
        Ok(())
    }

    /// MalformedQuery, then NotConfigured, else the question and whether it must find
    /// something (BLQ-S-017, BLQ-S-018).
    fn question(&self, asked: &LqQuery<'_>) -> Result<(Query, bool), Reason> {
        let selector = selector(asked)?;
        let link_address = asked.link_address;
        if !link_address.is_unspecified() {
            let found = self.links.select(link_address);
            if found.is_empty() {
                let text = format!("link-address {link_address} is on no configured link");
                return Err(Reason::new(StatusCode::NOT_CONFIGURED, text));
            }
            let links = leasebook_store::Links::of(found);
            return Ok((Query { selector, links }, false));
        }
        let Selector::Address(address) = selector else {
            let links = leasebook_store::Links::Any;
            return Ok((Query { selector, links }, false));
        };
        // Any link may have a link-local address, so it needs a link-address (D-06).
        if address.is_unicast_link_local() {
            let text = format!("link-local address {address} needs a link-address");
            return Err(Reason::new(StatusCode::NOT_CONFIGURED, text));
        }
        let found = self.links.select_for_address(address);
        let must_find = found.is_empty();
        let links = if must_find {
            leasebook_store::Links::Any
        } else {
            leasebook_store::Links::of(found)
        };
        Ok((Query { selector, links }, must_find))
    }

    /// The codes of the ORO, what is never told left out. An ORO that cannot be read asks
    /// for nothing (D-30).
    fn asked(&self, query_options: Options<'_>) -> Vec<OptionCode> {
        let mut asked = Vec::new();
        let oro = query_options.view_or_absent::<Oro<'_>>();
        for code in oro.iter().flat_map(Oro::codes) {
            let is_told = !NEVER_ADDED.contains(&code) && !self.config.sensitive.contains(&code);
            if is_told && asked.len() < MAX_ASKED && !asked.contains(&code) {
                asked.push(code);
            }
        }
        asked
    }
}

/// Status and words.
struct Reason {
    status: StatusCode,
    text: String,
}

impl Reason {
    fn new(status: StatusCode, text: String) -> Self {
        Self { status, text }
    }

    fn malformed(text: String) -> Self {
        Self::new(StatusCode::MALFORMED_QUERY, text)
    }
}

/// A message of four octets or more whose type does not belong here is foreign, whatever is
/// wrong with its options; all else that cannot be read is malformed.
fn unreadable(octets: &[u8]) -> Dropped {
    match octets.first_chunk::<4>() {
        Some(&[kind, ..]) if !is_ours(MessageType(kind)) => Dropped::Foreign(MessageType(kind)),
        _ => Dropped::Malformed,
    }
}

fn is_ours(kind: MessageType) -> bool {
    [
        MessageType::LEASEQUERY,
        MessageType::ACTIVELEASEQUERY,
        MessageType::STARTTLS,
    ]
    .contains(&kind)
}

/// CLIENTID with 1 to 130 octets; the first counts if there are several (WIRE-023).
fn client_id(options: Options<'_>) -> Option<DuidRef<'_>> {
    let option = options.first(OptionCode::CLIENTID)?;
    DuidRef::new(option.data).ok()
}

fn names_base_time(options: Options<'_>) -> bool {
    options
        .view_or_absent::<Oro<'_>>()
        .is_some_and(|oro| oro.contains(OptionCode::LQ_BASE_TIME))
}

/// What the query asks by, from its required option (RFC 5007 §4.1.2.1, RFC 5460 §5.3).
fn selector(asked: &LqQuery<'_>) -> Result<Selector, Reason> {
    let options = asked.options;
    match asked.query_type {
        QueryType::BY_ADDRESS => {
            let option = required(options, OptionCode::IAADDR)?;
            let (address, _) = option
                .split_first_chunk::<16>()
                .filter(|_| option.len() >= 24)
                .ok_or_else(|| Reason::malformed("IAADDR is shorter than 24 octets".to_owned()))?;
            let address = Ipv6Addr::from(*address);
            if address.is_unspecified() {
                return Err(Reason::malformed("IAADDR has the address ::".to_owned()));
            }
            Ok(Selector::Address(address))
        }
        QueryType::BY_CLIENTID => duid(options, OptionCode::CLIENTID).map(Selector::Client),
        QueryType::BY_RELAY_ID => duid(options, OptionCode::RELAY_ID).map(Selector::RelayId),
        QueryType::BY_REMOTE_ID => {
            let data = required(options, OptionCode::REMOTE_ID)?;
            let remote = RemoteIdRef::from_octets(data)
                .map_err(|error| Reason::malformed(format!("REMOTE_ID: {error}")))?;
            Ok(Selector::RemoteId(remote.to_owned().to_octets()))
        }
        QueryType::BY_LINK_ADDRESS if asked.link_address.is_unspecified() => {
            Err(Reason::malformed(
                "QUERY_BY_LINK_ADDRESS needs a link-address other than ::".to_owned(),
            ))
        }
        _ => Ok(Selector::All),
    }
}

fn duid(options: Options<'_>, code: OptionCode) -> Result<Vec<u8>, Reason> {
    let data = required(options, code)?;
    match DuidRef::new(data) {
        Ok(duid) => Ok(duid.octets().to_vec()),
        Err(error) => Err(Reason::malformed(format!("{code}: {error}"))),
    }
}

/// The data of the one option of this code.
fn required(options: Options<'_>, code: OptionCode) -> Result<&[u8], Reason> {
    let mut all = options.all(code);
    match (all.next(), all.next()) {
        (Some(option), None) => Ok(option.data),
        (None, _) => Err(Reason::malformed(format!("query-options have no {code}"))),
        (Some(_), Some(_)) => Err(Reason::malformed(format!(
            "query-options have {code} more than once"
        ))),
    }
}

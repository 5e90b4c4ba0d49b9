//! Individual Leasequery over UDP: one datagram in, at most one out.
//!
//! What a query is worth is judged as on TCP, and what CLIENT_DATA holds is made by the same
//! code ([`judge`](super::judge), [`reply`](super::reply)); here is what differs:
//!
//! - types of Bulk Leasequery are refused, and DATA and DONE are never made;
//! - a client found on several links is told as the list of these links;
//! - the whole answer must fit one datagram, so something may have to be left out.
//!
//! ```text
//! datagram ─ source listed? ─ relays? ─ judge ─ the store's records ─┬─ 0: bare REPLY
//!                                                                    ├─ 1 link: CLIENT_DATA
//!                                                                    └─ more: LQ_CLIENT_LINK
//! ```
//!
//! Nothing is kept from one query to the next: a query that is sent again is answered again.
//!
//! Source: RFC 5007 §4.4, group LQ-UDP of the requirements.

mod outcome;
mod turn;

use std::fmt;
use std::net::IpAddr;

use leasebook_store::LeaseStore;
use leasebook_wire::RelayChain;
use leasebook_wire::code::{
    DEFAULT_NESTING_LIMIT, MAX_UDP_MESSAGE_OCTETS, MessageType, OptionCode, QueryType, StatusCode,
};

pub use self::outcome::{LeftOut, UdpAnswer, UdpDropped, UdpOutcome};
use self::turn::Turn;
use super::config::{Config, QueryTypes, Unlisted};
use super::judge::{Dropped, Judge, Judgement, Prepared, Refusal};
use super::relayed::wrap_reply;
use super::reply::Replier;
use crate::links::Links;

/// What is set for UDP alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpSettings {
    /// The longest datagram sent, in octets of UDP payload (LQ-UDP-021, D-33).
    ///
    /// 1232 to 65 527, by default 65 527: everything in one datagram, fragmented where needed.
    /// 1232 is for paths that lose fragments. What is outside the range counts as its end.
    pub max_octets: usize,
    /// What becomes of queries that came through relays.
    pub relayed: Relayed,
}

impl Default for UdpSettings {
    fn default() -> Self {
        Self {
            max_octets: MAX_UDP_MESSAGE_OCTETS,
            relayed: Relayed::Drop,
        }
    }
}

/// Octets that fit every IPv6 path in one packet: 1280 less the headers of IPv6 and UDP; the
/// smallest limit, and above it a reply may be fragmented (RFC 8200 §5, D-33).
pub const UNFRAGMENTED_OCTETS: usize = 1232;

/// What becomes of a LEASEQUERY that came through relays (LQ-UDP-002).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Relayed {
    /// It is dropped: relays may pass on queries of anyone (RFC 5007 §5).
    #[default]
    Drop,
    /// It is answered through the same relays. Then both must be listed, the relay that sent
    /// the datagram and the requestor, which is the peer-address of the innermost level; and
    /// both must have the right to ask what is asked.
    Answer,
}

/// Answers queries that come by UDP.
#[derive(Clone, Copy)]
pub struct UdpResponder<'a> {
    /// The settings, the same as on TCP; limits and timers of connections do not count.
    pub config: &'a Config,
    /// The configured links.
    pub links: &'a Links,
    /// The settings for UDP.
    pub settings: UdpSettings,
    /// The book.
    pub store: &'a dyn LeaseStore,
}

impl<'a> UdpResponder<'a> {
    /// Answers the `datagram` that came from `source`: appends to `out` the datagram that goes
    /// back to it, or nothing if it is dropped. `now` is Unix seconds.
    ///
    /// It goes to the port that [`reply_port`](super::relayed::reply_port) says, from the
    /// address that was asked (LQ-UDP-011).
    pub fn answer(
        &self,
        now: u64,
        source: IpAddr,
        datagram: &[u8],
        out: &mut Vec<u8>,
    ) -> UdpOutcome {
        // First of all, since it is cheap and anyone can send.
        if !self.is_heard(source) {
            return UdpOutcome::Dropped(UdpDropped::NotListed);
        }
        match RelayChain::parse(datagram, DEFAULT_NESTING_LIMIT) {
            Ok(chain) => self.answer_chain(now, source, &chain, out),
            Err(_) => UdpOutcome::Dropped(UdpDropped::Message(self.unreadable(datagram, source))),
        }
    }

    /// The same for a datagram that was read already.
    pub fn answer_chain(
        &self,
        now: u64,
        source: IpAddr,
        chain: &RelayChain<'_>,
        out: &mut Vec<u8>,
    ) -> UdpOutcome {
        let asker = match self.asker(source, chain) {
            Ok(asker) => asker,
            Err(why) => return UdpOutcome::Dropped(why),
        };
        let judgement = self.judge().judge(chain.message().octets(), asker);
        let judgement = self.narrow(judgement, source, chain);
        let Some(room) = self.room(chain) else {
            return UdpOutcome::Dropped(UdpDropped::NoRoom);
        };
        let turn = Turn {
            responder: self,
            replier: Replier {
                server_id: &self.config.server_id,
                sensitive: &self.config.sensitive,
                now,
            },
            room,
        };
        let start = out.len();
        let made = if chain.depth() == 0 {
            turn.take(judgement, chain, out)
        } else {
            let mut reply = Vec::new();
            let made = turn.take(judgement, chain, &mut reply);
            made.and_then(|outcome| {
                if reply.len() > room {
                    return Ok(UdpOutcome::Dropped(UdpDropped::NoRoom));
                }
                if !reply.is_empty() {
                    wrap_reply(chain, &reply, out)?;
                }
                Ok(outcome)
            })
        };
        match made {
            Ok(UdpOutcome::Answered(mut answer)) => {
                answer.octets = out.len() - start;
                UdpOutcome::Answered(answer)
            }
            Ok(outcome) => outcome,
            // All parts have bounded sizes and were made to fit, so this means too small a room.
            Err(_) => UdpOutcome::Dropped(UdpDropped::NoRoom),
        }
    }

    fn judge(&self) -> Judge<'a> {
        Judge {
            config: self.config,
            links: self.links,
        }
    }

    fn is_heard(&self, source: IpAddr) -> bool {
        self.config.unlisted == Unlisted::Refuse || self.config.rights(source).is_some()
    }

    /// Whose rights count beside the source's own: the requestor's, also behind relays.
    fn asker(&self, source: IpAddr, chain: &RelayChain<'_>) -> Result<IpAddr, UdpDropped> {
        let mut asker = source;
        if let Some(innermost) = chain.innermost() {
            if let Some(level) = chain
                .levels()
                .find(|level| level.msg_type() != MessageType::RELAY_FORW)
            {
                return Err(UdpDropped::Message(Dropped::Foreign(level.msg_type())));
            }
            if self.settings.relayed == Relayed::Drop {
                return Err(UdpDropped::Relayed);
            }
            asker = IpAddr::V6(innermost.peer_address());
        }
        if self.is_heard(source) && self.is_heard(asker) {
            Ok(asker)
        } else {
            Err(UdpDropped::NotListed)
        }
    }

    /// Refuses what goes on TCP only (LQ-UDP-005) or what the relay may not ask, whatever else
    /// is right or wrong with it.
    fn narrow(&self, judgement: Judgement, source: IpAddr, chain: &RelayChain<'_>) -> Judgement {
        let (xid, client_id) = match &judgement {
            Judgement::Answer(Prepared { xid, client_id, .. }) => (*xid, Some(client_id.clone())),
            Judgement::Refuse(refusal) if refusal.status != StatusCode::NOT_ALLOWED => {
                (refusal.xid, refusal.client_id.clone())
            }
            _ => return judgement,
        };
        let Some(query_type) = query_type(chain) else {
            return judgement;
        };
        let rights = self.config.rights(source);
        let text = if query_type.is_bulk_only() {
            format!("{query_type} is asked on TCP, not UDP (RFC 5460 §4)")
        } else if rights.is_none_or(|rights| is_known(query_type) && !rights.contains(query_type)) {
            format!("{} may not ask {query_type}", source.to_canonical())
        } else {
            return judgement;
        };
        Judgement::Refuse(Refusal {
            xid,
            client_id,
            status: StatusCode::NOT_ALLOWED,
            text,
        })
    }

    /// Octets a reply may have before it is wrapped; `None` if the relays need all.
    fn room(&self, chain: &RelayChain<'_>) -> Option<usize> {
        let max = self.settings.max_octets;
        let max = max.clamp(UNFRAGMENTED_OCTETS, MAX_UDP_MESSAGE_OCTETS);
        if chain.depth() == 0 {
            return Some(max);
        }
        let mut wrapping = Vec::new();
        wrap_reply(chain, &[], &mut wrapping).ok()?;
        max.checked_sub(wrapping.len())
    }

    fn unreadable(&self, datagram: &[u8], source: IpAddr) -> Dropped {
        match datagram.first() {
            Some(&kind) if MessageType(kind).is_relay() => Dropped::Malformed,
            _ => match self.judge().judge(datagram, source) {
                Judgement::Drop(why) => why,
                _ => Dropped::Malformed,
            },
        }
    }
}

impl fmt::Debug for UdpResponder<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("UdpResponder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// The first octet of LQ_QUERY, also where the rest cannot be read.
fn query_type(chain: &RelayChain<'_>) -> Option<QueryType> {
    let lq_query = chain.message().options().first(OptionCode::LQ_QUERY)?;
    lq_query.data.first().copied().map(QueryType)
}

/// Whether rights can be given for the type; others are answered by UnknownQueryType.
fn is_known(query_type: QueryType) -> bool {
    QueryTypes::ALL.contains(query_type)
}

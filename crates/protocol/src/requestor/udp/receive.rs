//! What the server sends, judged datagram by datagram.

use std::net::Ipv6Addr;

use leasebook_wire::Duid;
use leasebook_wire::code::MessageType;

use super::super::claim::Claim;
use super::super::config::MAX_WAITING;
use super::super::deviation::Deviation;
use super::super::error::Cause;
use super::super::event::{Binding, Ending, Event};
use super::super::judge::Message;
use super::{Exchange, UdpRequestor};
use crate::time::Now;

/// The most links of one list that are asked for: as many as LQ_CLIENT_LINK holds.
const MAX_LINKS: usize = 4095;

impl UdpRequestor {
    pub(super) fn receive(&mut self, now: Now, octets: &[u8], sink: &mut impl FnMut(Event<'_>)) {
        let Ok(message) = Message::read(octets, &mut self.deviations) else {
            return self.note(Deviation::MalformedMessage, sink);
        };
        let Some(place) = self.place(&message, sink) else {
            return;
        };
        let sent = self.outstanding.remove(place);
        self.remember(sent.xid);
        let exchange = sent.exchange;
        if let Some(query) = self.query(exchange.query) {
            let octets = u64::try_from(octets.len()).unwrap_or(u64::MAX);
            query.tally.octets = query.tally.octets.saturating_add(octets);
        }
        let ended = self.take(now, &exchange, &message, sink);
        self.end(exchange.query, ended, sink);
    }

    /// Which exchange the message is the reply of; others are counted and dropped
    /// (LQ-UDP-028).
    fn place(&mut self, message: &Message<'_>, sink: &mut impl FnMut(Event<'_>)) -> Option<usize> {
        let wanted = self.config.server_id.as_ref().map(Duid::octets);
        let place = self
            .outstanding
            .iter()
            .position(|sent| sent.xid == message.xid);
        let kind = if message.kind != MessageType::LEASEQUERY_REPLY {
            Deviation::UnexpectedType
        } else if place.is_none() {
            if self.answered.contains(&message.xid) {
                // The reply to a message that was sent again for nothing.
                return None;
            }
            Deviation::UnknownReply
        } else if message.server_id.is_none() {
            Deviation::ReplyWithoutServerId
        } else if wanted.is_some() && message.server_id != wanted {
            Deviation::OtherServerId
        } else if message.client_id != Some(self.config.client_id.octets()) {
            Deviation::ReplyWithoutClientId
        } else {
            return place;
        };
        self.note(kind, sink);
        None
    }

    /// Data, a list of links, nothing, or a status (LQ-UDP-029).
    fn take(
        &mut self,
        now: Now,
        exchange: &Exchange,
        message: &Message<'_>,
        sink: &mut impl FnMut(Event<'_>),
    ) -> Result<(), Ending> {
        if message.is_failure() {
            if message.client_data.is_some() {
                self.note(Deviation::ErrorWithClientData, sink);
            }
            return Err(Ending::Refused {
                status: message.status.0,
                text: message.status_text(),
            });
        }
        if let Some(list) = message.client_link {
            self.list(exchange, list, sink)?;
        }
        if let Some(body) = message.client_data {
            self.binding(now, exchange, body, sink)?;
        }
        Ok(())
    }

    /// The links to ask for. A list where one link was asked for leads nowhere, and one that
    /// cannot be read is none (LQ-UDP-030, WIRE-027). Links for which there is no room among
    /// what waits are not asked for, and the result is partial (SEC-005).
    fn list(
        &mut self,
        exchange: &Exchange,
        list: &[u8],
        sink: &mut impl FnMut(Event<'_>),
    ) -> Result<(), Ending> {
        let (addresses, rest) = list.as_chunks::<16>();
        let mut links: Vec<Ipv6Addr> = addresses.iter().copied().map(Ipv6Addr::from).collect();
        links.retain(|link| !link.is_unspecified());
        links.sort_unstable();
        links.dedup();
        links.truncate(MAX_LINKS);
        let kind = if exchange.is_follow_up {
            Deviation::ClientLink
        } else if links.is_empty() || !rest.is_empty() {
            Deviation::MalformedOption
        } else {
            let count = links.len();
            links.truncate(MAX_WAITING.saturating_sub(self.waiting.len()));
            self.follow(exchange, &links);
            return (links.len() == count).then_some(()).ok_or_else(useless);
        };
        self.note(kind, sink);
        Err(useless())
    }

    /// Hands on the client's leases on one link. Data that nothing can be made of does not
    /// mean that there is none (LQ-UDP-031).
    fn binding(
        &mut self,
        now: Now,
        exchange: &Exchange,
        body: &[u8],
        sink: &mut impl FnMut(Event<'_>),
    ) -> Result<(), Ending> {
        let claim = match Claim::read(body, &mut self.deviations) {
            Ok(claim) => claim,
            Err(kind) => {
                self.tell(kind, sink);
                return Err(useless());
            }
        };
        if claim.relay_data().is_some() && !self.config.wants_relay_data() {
            self.deviations.count(Deviation::RelayDataUnasked);
        }
        if let Some(query) = self.query(exchange.query) {
            let tally = &mut query.tally;
            tally.messages = tally.messages.saturating_add(1);
            tally.leases = tally.leases.saturating_add(u64::from(claim.lease_count()));
        }
        sink(Event::Binding(Binding {
            query: exchange.query,
            claim,
            link: exchange.is_follow_up.then_some(exchange.ask.link),
            arrived: now,
        }));
        Ok(())
    }

    /// Counts a deviation and tells it.
    fn note(&mut self, kind: Deviation, sink: &mut impl FnMut(Event<'_>)) {
        self.deviations.count(kind);
        self.tell(kind, sink);
    }

    /// Tells a deviation that was counted, at the first, tenth, hundredth ... time.
    fn tell(&self, kind: Deviation, sink: &mut impl FnMut(Event<'_>)) {
        let times = self.deviations.of(kind);
        let power = times.checked_ilog10();
        if power.is_some_and(|power| 10_u64.pow(power) == times) {
            sink(Event::Deviation { kind, times });
        }
    }
}

/// How an exchange ends whose reply told nothing that can be used.
fn useless() -> Ending {
    Ending::Partial(Cause::Malformed { messages: 1 })
}

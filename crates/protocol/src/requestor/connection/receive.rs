//! What the server sends, judged message by message.

use std::mem;
use std::time::Duration;

use leasebook_wire::Xid;
use leasebook_wire::code::{MessageType, StatusCode};

use super::super::claim::Claim;
use super::super::deviation::{Deviation, Reaction};
use super::super::error::{Cause, is_refusal};
use super::super::event::{Binding, Ending, Event};
use super::super::judge::{Malformed, Message};
use super::fail::end;
use super::{Connection, Link, Open, Outstanding};
use crate::time::Now;

/// The least wait after QueryTerminated (BLQ-R-035).
const TERMINATED_WAIT: Duration = Duration::from_secs(1);

/// Malformed messages in all, or unexpected ones in a row, that close a connection (D-17).
const STRIKES: u32 = 3;

/// An error here closes the connection: the kind is counted by whoever gets it.
type Verdict = Result<(), Deviation>;

impl Connection {
    /// Takes octets of the stream, whole messages and pieces of them.
    pub(super) fn receive(&mut self, now: Now, octets: &[u8], sink: &mut impl FnMut(Event<'_>)) {
        let Link::Open(open) = &mut self.link else {
            return;
        };
        if octets.is_empty() {
            return;
        }
        open.moved = now.mono;
        let mut inbox = mem::take(&mut open.inbox);
        let mut rest = octets;
        while let Some(message) = inbox.next(&mut rest) {
            if let Err(kind) = self.judge(now, message, sink) {
                self.note(kind, sink);
                self.lose(now, &Cause::Conduct(kind), sink);
                return;
            }
        }
        if let Link::Open(open) = &mut self.link {
            open.inbox = inbox;
        }
    }

    /// One message.
    fn judge(&mut self, now: Now, octets: &[u8], sink: &mut impl FnMut(Event<'_>)) -> Verdict {
        let message = match Message::read(octets, &mut self.deviations) {
            Ok(message) => message,
            Err(malformed) => return self.malformed(malformed, sink),
        };
        if message.client_link.is_some() {
            self.deviations.count(Deviation::ClientLink);
        }
        let place = self.place(message.xid);
        if let Some(sent) = place.and_then(|place| self.outstanding.get_mut(place)) {
            let octets = u64::try_from(octets.len()).unwrap_or(u64::MAX);
            sent.query.tally.octets = sent.query.tally.octets.saturating_add(octets);
        }
        match message.kind {
            MessageType::LEASEQUERY_REPLY => self.reply(now, place, &message, sink)?,
            MessageType::LEASEQUERY_DATA => self.data(now, place, &message, sink)?,
            MessageType::LEASEQUERY_DONE => self.done(now, place, &message, sink)?,
            _ => return self.unexpected(sink),
        }
        if let Link::Open(open) = &mut self.link {
            open.unexpected = 0;
        }
        Ok(())
    }

    /// LEASEQUERY-REPLY (BLQ-R-018, BLQ-R-020, BLQ-R-021, BLQ-R-027).
    fn reply(
        &mut self,
        now: Now,
        place: Option<usize>,
        message: &Message<'_>,
        sink: &mut impl FnMut(Event<'_>),
    ) -> Verdict {
        let Some(place) = place else {
            self.note(Deviation::UnknownReply, sink);
            return Ok(());
        };
        if message.server_id.is_none() {
            self.note(Deviation::ReplyWithoutServerId, sink);
            return Ok(());
        }
        if message.client_id != Some(self.config.client_id.octets()) {
            self.note(Deviation::ReplyWithoutClientId, sink);
            return Ok(());
        }
        self.check(message)?;
        let Some(sent) = self.outstanding.get_mut(place) else {
            return Ok(());
        };
        if mem::replace(&mut sent.has_reply, true) {
            return Err(Deviation::SecondReply);
        }
        match message.client_data {
            Some(body) => self.binding(now, place, body, sink),
            None => self.complete(now, place, message, sink),
        }
        Ok(())
    }

    /// LEASEQUERY-DATA (BLQ-R-022, BLQ-R-023, BLQ-R-025).
    fn data(
        &mut self,
        now: Now,
        place: Option<usize>,
        message: &Message<'_>,
        sink: &mut impl FnMut(Event<'_>),
    ) -> Verdict {
        let Some((place, sent)) = self.sent(place) else {
            self.note(Deviation::UnknownData, sink);
            return Ok(());
        };
        if !sent.has_reply {
            return Err(Deviation::DataBeforeReply);
        }
        self.check(message)?;
        match message.client_data {
            Some(body) => self.binding(now, place, body, sink),
            None => self.note(Deviation::DataWithoutClientData, sink),
        }
        Ok(())
    }

    /// LEASEQUERY-DONE (BLQ-R-024, BLQ-R-026, BLQ-R-029).
    fn done(
        &mut self,
        now: Now,
        place: Option<usize>,
        message: &Message<'_>,
        sink: &mut impl FnMut(Event<'_>),
    ) -> Verdict {
        let Some((place, sent)) = self.sent(place) else {
            return Err(Deviation::UnknownDone);
        };
        if !sent.has_reply {
            return Err(Deviation::DoneBeforeReply);
        }
        self.check(message)?;
        if let Some(body) = message.client_data {
            // No server should, but the lease of a customer is not lost over it.
            self.binding(now, place, body, sink);
        }
        self.complete(now, place, message, sink);
        Ok(())
    }

    /// The rules for every message that answers a query (D-03, D-23).
    fn check(&mut self, message: &Message<'_>) -> Verdict {
        if message.is_failure() && message.client_data.is_some() {
            return Err(Deviation::ErrorWithClientData);
        }
        let Link::Open(open) = &mut self.link else {
            return Ok(());
        };
        match (message.server_id, &open.server_id) {
            (None, _) => Ok(()),
            (Some(id), None) => {
                open.server_id = Some(id.into());
                Ok(())
            }
            (Some(id), Some(first)) if id == &**first => Ok(()),
            (Some(_), Some(_)) => Err(Deviation::OtherServerId),
        }
    }

    /// Hands on the leases of one message.
    fn binding(&mut self, now: Now, place: usize, body: &[u8], sink: &mut impl FnMut(Event<'_>)) {
        let claim = match Claim::read(body, &mut self.deviations) {
            Ok(claim) => claim,
            Err(kind) => {
                if kind.reaction() == Reaction::Spoil
                    && let Some(sent) = self.outstanding.get_mut(place)
                {
                    sent.spoilt = sent.spoilt.saturating_add(1);
                }
                self.tell(kind, sink);
                return;
            }
        };
        if claim.relay_data().is_some() && !self.config.wants_relay_data() {
            self.deviations.count(Deviation::RelayDataUnasked);
        }
        let Some(sent) = self.outstanding.get_mut(place) else {
            return;
        };
        let tally = &mut sent.query.tally;
        tally.messages = tally.messages.saturating_add(1);
        tally.leases = tally.leases.saturating_add(u64::from(claim.lease_count()));
        sink(Event::Binding(Binding {
            query: sent.query.id,
            claim,
            link: None,
            arrived: now,
        }));
    }

    /// The reply has come to its end, by a REPLY without CLIENT_DATA or by a DONE.
    fn complete(
        &mut self,
        now: Now,
        place: usize,
        message: &Message<'_>,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        if place >= self.outstanding.len() {
            return;
        }
        let sent = self.outstanding.remove(place);
        let is_done = message.kind == MessageType::LEASEQUERY_DONE;
        let status = message.status.0;
        if message.is_failure() && (is_done || status == StatusCode::QUERY_TERMINATED) {
            self.terminated(now, sent, message, sink);
            return;
        }
        self.failures = 0;
        if let Link::Open(open) = &mut self.link {
            open.has_served = true;
            open.has_failed = false;
        }
        let messages = sent.spoilt;
        let ending = if message.is_failure() {
            Ending::Refused {
                status,
                text: message.status_text(),
            }
        } else if messages > 0 {
            Ending::Partial(Cause::Malformed { messages })
        } else if is_done {
            Ending::Complete
        } else {
            Ending::NoneFound
        };
        end(&sent.query, ending, sink);
    }

    /// The server could not finish: again, after the back-off (BLQ-R-035), or partial.
    fn terminated(
        &mut self,
        now: Now,
        sent: Outstanding,
        message: &Message<'_>,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        let is_new = match &mut self.link {
            Link::Open(open) => !mem::replace(&mut open.has_failed, true),
            _ => true,
        };
        let status = message.status.0;
        let wait = if is_refusal(status) {
            Duration::ZERO
        } else {
            self.back_off(is_new).max(TERMINATED_WAIT)
        };
        let text = message.status_text();
        let cause = Cause::Status { status, text };
        self.retry_or_end(sent.query, true, &cause, now.mono.after(wait), sink);
    }

    /// A message that is none (D-17, WIRE-064).
    fn malformed(&mut self, message: Malformed, sink: &mut impl FnMut(Event<'_>)) -> Verdict {
        self.note(Deviation::MalformedMessage, sink);
        // Whose it was may be unknown: then every query may have lost something.
        let place = message.xid.and_then(|xid| self.place(xid));
        for (other, sent) in self.outstanding.iter_mut().enumerate() {
            if place.is_none_or(|place| place == other) {
                sent.spoilt = sent.spoilt.saturating_add(1);
            }
        }
        let strikes = self.open().map_or(0, |open| strike(&mut open.malformed));
        if strikes >= STRIKES {
            return Err(Deviation::TooManyMalformed);
        }
        Ok(())
    }

    /// A message of a type that has no place here (BLQ-R-019, D-17).
    fn unexpected(&mut self, sink: &mut impl FnMut(Event<'_>)) -> Verdict {
        self.note(Deviation::UnexpectedType, sink);
        let strikes = self.open().map_or(0, |open| strike(&mut open.unexpected));
        if strikes >= STRIKES {
            return Err(Deviation::TooManyUnexpected);
        }
        Ok(())
    }

    fn open(&mut self) -> Option<&mut Open> {
        match &mut self.link {
            Link::Open(open) => Some(open),
            _ => None,
        }
    }

    /// Where the query of this transaction-id stands among the outstanding.
    fn place(&self, xid: Xid) -> Option<usize> {
        self.outstanding.iter().position(|sent| sent.xid == xid)
    }

    fn sent(&self, place: Option<usize>) -> Option<(usize, &Outstanding)> {
        place.and_then(|place| Some((place, self.outstanding.get(place)?)))
    }

    /// Counts a deviation and tells it.
    fn note(&mut self, kind: Deviation, sink: &mut impl FnMut(Event<'_>)) {
        self.deviations.count(kind);
        self.tell(kind, sink);
    }

    /// Tells a deviation that was counted, unless it has been told often enough.
    fn tell(&self, kind: Deviation, sink: &mut impl FnMut(Event<'_>)) {
        let times = self.deviations.of(kind);
        if times
            .checked_ilog10()
            .is_some_and(|power| 10_u64.pow(power) == times)
        {
            sink(Event::Deviation { kind, times });
        }
    }
}

/// One more strike; how many there are now.
fn strike(count: &mut u32) -> u32 {
    *count = count.saturating_add(1);
    *count
}

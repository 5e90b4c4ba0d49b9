//! Connecting, waiting for turns, sending; the timers of all three.

use leasebook_wire::{Duid, Xid};

use super::super::error::Cause;
use super::super::event::{Action, Event};
use super::{Connection, Link, Open, Outstanding, Query};
use crate::time::{Mono, Now};

impl Connection {
    pub(super) fn connected(&mut self, now: Now) {
        if matches!(self.link, Link::Connecting(_)) {
            let wanted = self.config.server_id.as_ref().map(Duid::octets);
            self.link = Link::Open(Open::new(now.mono, wanted));
        }
    }

    /// Brings forward whatever can be: connects, sends, closes.
    pub(super) fn go_on(&mut self, now: Now) {
        match &self.link {
            Link::Idle | Link::Resting(_) if self.is_finishing && self.waiting.is_empty() => {
                self.link = Link::Finished;
            }
            Link::Idle if self.next_turn().is_some_and(|at| at <= now.mono) => {
                self.link = Link::Connecting(now.mono.after(self.config.timers.connect));
                self.actions.push_back(Action::Connect);
            }
            Link::Open(_) => self.send(now),
            Link::Resting(until) if *until <= now.mono => {
                self.link = Link::Idle;
                self.go_on(now);
            }
            Link::Idle | Link::Connecting(_) | Link::Resting(_) | Link::Finished => {}
        }
    }

    /// Sends the queries whose turn it is, and ends what has nothing more to do.
    fn send(&mut self, now: Now) {
        let mut octets = Vec::new();
        while self.has_room()
            && let Some(place) = self
                .waiting
                .iter()
                .position(|query| query.not_before <= now.mono)
            && let Some(query) = self.waiting.remove(place)
        {
            self.write(query, &mut octets);
        }
        let Link::Open(open) = &mut self.link else {
            return;
        };
        if !octets.is_empty() {
            open.moved = now.mono;
            self.actions.push_back(Action::Send(octets));
        }
        if self.outstanding.is_empty() {
            if self.is_finishing && self.waiting.is_empty() {
                self.link = Link::Finished;
                self.actions.push_back(Action::Close);
            } else if open.is_half_closed {
                // What waits is to be repeated, and this connection takes no more.
                self.link = Link::Idle;
                self.actions.push_back(Action::Close);
                self.go_on(now);
            }
        } else if self.is_finishing
            && self.config.half_close
            && self.waiting.is_empty()
            && !open.is_half_closed
        {
            open.is_half_closed = true;
            self.actions.push_back(Action::CloseSending);
        }
    }

    /// Appends the octets of `query`, under a fresh transaction-id.
    fn write(&mut self, mut query: Query, octets: &mut Vec<u8>) {
        let xid = self.draw_xid();
        let before = octets.len();
        // It was composed once when it was asked, so it can be now.
        if query.ask.compose(xid, &self.config, octets).is_err() {
            return;
        }
        let added = octets.len().saturating_sub(before);
        if let Link::Open(open) = &mut self.link {
            query.tally.attempts = query.tally.attempts.saturating_add(1);
            open.handed = open
                .handed
                .saturating_add(u64::try_from(added).unwrap_or(u64::MAX));
            self.outstanding.push(Outstanding {
                query,
                xid,
                ends_at: open.handed,
                has_reply: false,
                spoilt: 0,
            });
        }
    }

    /// A transaction-id unlike all that are outstanding (BLQ-R-011).
    fn draw_xid(&mut self) -> Xid {
        let mut value = (self.entropy)();
        loop {
            let xid = xid_of(value);
            if self.outstanding.iter().all(|other| other.xid != xid) {
                return xid;
            }
            // At most MAX_PIPELINED of 2^24 values are taken, so this ends soon even if the
            // source does not give anything new.
            value = (self.entropy)().wrapping_add(value).wrapping_add(1);
        }
    }

    /// Whether one more query may be sent on the open connection.
    pub(super) fn has_room(&self) -> bool {
        match &self.link {
            Link::Open(open) => {
                !open.is_half_closed && self.outstanding.len() < self.config.pipelined()
            }
            _ => false,
        }
    }

    /// When the next waiting query may be asked.
    pub(super) fn next_turn(&self) -> Option<Mono> {
        self.waiting.iter().map(|query| query.not_before).min()
    }

    /// When the open connection has stood still too long, and what to call that (D-15).
    ///
    /// While any query is written whole, a reply is waited for; else it is the server that
    /// does not take the query.
    pub(super) fn stall(&self, open: &Open) -> Option<(Mono, Cause)> {
        let wait = self.config.timers.data;
        let secs = wait.as_secs();
        let at = open.moved.after(wait);
        if self
            .outstanding
            .iter()
            .any(|sent| sent.ends_at <= open.written)
        {
            Some((at, Cause::DataTimeout { secs }))
        } else if open.written < open.handed {
            Some((at, Cause::SendTimeout { secs }))
        } else {
            None
        }
    }

    pub(super) fn expire(&mut self, now: Now, sink: &mut impl FnMut(Event<'_>)) {
        match &self.link {
            Link::Connecting(until) if *until <= now.mono => {
                let secs = self.config.timers.connect.as_secs();
                self.actions.push_back(Action::Close);
                self.connect_failed(now, &Cause::ConnectTimeout { secs }, sink);
            }
            Link::Open(open) => {
                if let Some((at, cause)) = self.stall(open)
                    && at <= now.mono
                {
                    self.lose(now, &cause, sink);
                }
            }
            _ => {}
        }
    }
}

/// A transaction-id of the low bits of `value`.
fn xid_of(value: u64) -> Xid {
    let [.., a, b, c] = value.to_be_bytes();
    Xid([a, b, c])
}

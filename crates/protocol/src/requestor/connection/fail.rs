//! Failing, and trying again.

use std::mem;
use std::time::Duration;

use super::super::error::Cause;
use super::super::event::{Action, Ending, Event};
use super::super::retry;
use super::{Connection, Link, Query};
use crate::time::{Mono, Now};

impl Connection {
    /// The connection could not be made: an attempt at everything that waits.
    pub(super) fn connect_failed(
        &mut self,
        now: Now,
        cause: &Cause,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        if !matches!(self.link, Link::Connecting(_)) {
            return;
        }
        let again_at = now.mono.after(self.back_off(true));
        self.link = Link::Resting(again_at);
        for mut query in mem::take(&mut self.waiting) {
            query.tally.attempts = query.tally.attempts.saturating_add(1);
            self.retry_or_end(query, false, cause, again_at, sink);
        }
    }

    /// The connection is over; what was outstanding on it was cut.
    pub(super) fn lose(&mut self, now: Now, cause: &Cause, sink: &mut impl FnMut(Event<'_>)) {
        let (has_served, has_failed) = match &self.link {
            Link::Open(open) => (open.has_served, open.has_failed),
            _ => return,
        };
        self.link = Link::Idle;
        self.actions.push_back(Action::Close);
        let mut cut = mem::take(&mut self.outstanding);
        if cut.is_empty() {
            return;
        }
        // The server may close an idle connection at any time; a query that crossed with
        // that is not a failed one (BLQ-R-044). Once, lest a server that always closes loops.
        if has_served
            && matches!(cause, Cause::Closed | Cause::Broken { .. })
            && cut
                .iter()
                .all(|sent| !sent.has_reply && !sent.query.was_excused)
        {
            for mut sent in cut.into_iter().rev() {
                sent.query.was_excused = true;
                self.waiting.push_front(sent.query);
            }
            return;
        }
        let again_at = now.mono.after(self.back_off(!has_failed));
        self.link = Link::Resting(again_at);
        let others = mem::take(&mut self.waiting);
        for sent in cut.drain(..) {
            self.retry_or_end(sent.query, sent.has_reply, cause, again_at, sink);
        }
        self.waiting.extend(others);
    }

    /// Puts a query back to be asked whole, or ends it.
    pub(super) fn retry_or_end(
        &mut self,
        mut query: Query,
        has_reply: bool,
        cause: &Cause,
        again_at: Mono,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        if query.tally.attempts <= self.config.retries && cause.is_worth_a_retry() {
            query.not_before = again_at;
            sink(Event::Interrupted {
                query: query.id,
                cause: cause.clone(),
                again_at,
            });
            self.waiting.push_back(query);
            return;
        }
        let ending = if has_reply || query.tally.messages > 0 {
            Ending::Partial(cause.clone())
        } else {
            Ending::Unanswered(cause.clone())
        };
        end(&query, ending, sink);
    }

    /// The wait after a failure; `is_new` where it has not been counted yet (BLQ-R-004, D-14).
    pub(super) fn back_off(&mut self, is_new: bool) -> Duration {
        if is_new {
            self.failures = self.failures.saturating_add(1);
        }
        retry::wait(&self.config.timers, self.failures, (self.entropy)())
    }

    /// Ends everything where it stands.
    pub(super) fn stop(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        let cause = Cause::Stopped;
        if matches!(self.link, Link::Connecting(_) | Link::Open(_)) {
            self.actions.push_back(Action::Close);
        }
        self.link = Link::Finished;
        for sent in mem::take(&mut self.outstanding) {
            self.retry_or_end(sent.query, sent.has_reply, &cause, Mono(0), sink);
        }
        for query in mem::take(&mut self.waiting) {
            self.retry_or_end(query, false, &cause, Mono(0), sink);
        }
    }
}

/// Tells that a query has ended.
pub(super) fn end(query: &Query, ending: Ending, sink: &mut impl FnMut(Event<'_>)) {
    sink(Event::Ended {
        query: query.id,
        ending,
        tally: query.tally,
    });
}

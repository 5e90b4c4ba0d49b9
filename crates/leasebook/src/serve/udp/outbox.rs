//! Replies on their way out: at once what promises nothing, the rest behind its commit.

use std::io;

use leasebook_protocol::server::{Answers, Batch, Reply};

use super::packets;
use super::socket::Listener;
use super::tally::Tally;
use super::ways::Ways;
use crate::log::events;
use crate::serve::seldom::Seldom;
use crate::tell;

/// Which listener each reply leaves by, and what waits for a commit.
#[derive(Default)]
pub(super) struct Outbox {
    /// For each reply of the batch, the listener its message came by.
    ways: Vec<usize>,
    /// Replies of the batch that were looked at: those of them that promise nothing are sent.
    seen: usize,
    /// Replies of the batch that wait for the next commit.
    waiting: usize,
    /// Those that wait for the commit under way, and their listeners.
    underway: (Answers, Vec<usize>),
    not_sent: Seldom,
}

/// What sends: the sockets, and the counters.
pub(super) type Senders<'a> = (&'a [Listener], &'a mut Tally);

impl Outbox {
    /// All replies that the batch got since the last time belong to messages that came by the
    /// listener `at`; what of them promises nothing is sent.
    pub(super) fn heard(&mut self, at: usize, batch: &Batch, senders: Senders<'_>) {
        let (listeners, tally) = senders;
        self.ways.resize(batch.replies().len(), at);
        let new = batch.replies().get(self.seen..).unwrap_or_default();
        let free: Vec<&Reply> = new.iter().filter(|reply| !reply.is_bound).collect();
        self.waiting += new.len() - free.len();
        if let Some(listener) = listeners.get(at) {
            send(listener, &free, batch.octets(), (tally, &mut self.not_sent));
        }
        self.seen = batch.replies().len();
    }

    /// How many replies of the batch wait for the next commit.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// The commit begins that the bound replies of the batch wait for.
    pub(super) fn commit_begun(&mut self, batch: &mut Batch) {
        let (mut answers, mut ways) = std::mem::take(&mut self.underway);
        answers.clear();
        ways.clear();
        let ways = std::mem::replace(&mut self.ways, ways);
        self.underway = (batch.take_answers(answers), ways);
        (self.seen, self.waiting) = (0, 0);
    }

    /// The commit under way is done: what waited for it is sent.
    pub(super) fn committed(&mut self, senders: Senders<'_>) {
        let (answers, ways) = std::mem::take(&mut self.underway);
        self.send_bound(&answers, &ways, senders);
        self.underway = (answers, ways);
        self.underway.0.clear();
    }

    /// Nothing is under way any more that the bound replies of the batch could wait for: they are
    /// sent, and the batch is ready for the next burst.
    pub(super) fn unchanged(&mut self, batch: &mut Batch, senders: Senders<'_>) {
        let ways = std::mem::take(&mut self.ways);
        let answers = batch.take_answers(Answers::default());
        self.send_bound(&answers, &ways, senders);
        batch.take_answers(answers);
        self.ways = ways;
        self.forget(batch);
    }

    /// The commit under way failed: nothing that waits is sent, neither for it nor for the next.
    pub(super) fn abandoned(&mut self, batch: &mut Batch, tally: &Tally) {
        let underway = self.underway.0.replies().iter();
        let lost = underway.filter(|reply| reply.is_bound).count() + self.waiting;
        tally.sent(0, lost);
        self.underway.0.clear();
        self.forget(batch);
    }

    /// All of the batch are no replies, but told unasked: each leaves the way its receiver was last
    /// heard.
    pub(super) fn unasked(&mut self, ways: &Ways, batch: &mut Batch, senders: Senders<'_>) {
        let (listeners, tally) = senders;
        let all: Vec<&Reply> = batch.replies().iter().collect();
        if !all.is_empty() {
            let outcome = ways.send(&all, batch.octets(), listeners);
            sent(&all, batch.octets(), outcome, (tally, &mut self.not_sent));
        }
        self.forget(batch);
    }

    fn forget(&mut self, batch: &mut Batch) {
        batch.clear();
        self.ways.clear();
        (self.seen, self.waiting) = (0, 0);
    }

    fn send_bound(&mut self, answers: &Answers, ways: &[usize], senders: Senders<'_>) {
        let (listeners, tally) = senders;
        for (at, listener) in listeners.iter().enumerate() {
            let own = answers.replies().iter().zip(ways);
            let own = own.filter(|(reply, way)| reply.is_bound && **way == at);
            let own: Vec<&Reply> = own.map(|(reply, _)| reply).collect();
            let told = (&mut *tally, &mut self.not_sent);
            send(listener, &own, answers.octets(), told);
        }
    }
}

fn send(
    listener: &Listener,
    replies: &[&Reply],
    octets: &[u8],
    (tally, not_sent): (&mut Tally, &mut Seldom),
) {
    if replies.is_empty() {
        return;
    }
    let outcome = listener.send(replies, octets);
    sent(replies, octets, outcome, (tally, not_sent));
}

/// Counts and tells what was sent, and of how many the system did not take.
fn sent(
    replies: &[&Reply],
    octets: &[u8],
    (failed, error): (usize, Option<io::Error>),
    (tally, not_sent): (&mut Tally, &mut Seldom),
) {
    tally.sent(replies.len() - failed, failed);
    let large = replies.iter().filter(|reply| reply.is_large()).count();
    tally.large(large);
    packets::told(replies, octets);
    if let Some(error) = error
        && let Some(times) = not_sent.now()
    {
        tell!(events::DHCP_REPLY_NOT_SENT, error = %error, times);
    }
}

//! Group commit: many threads, one write and one sync.
//!
//! ```text
//! thread A ─┐             ┌ resolve A, B, C into one batch
//! thread B ─┼─► queue ──► │ append, sync               (meanwhile D, E queue up)
//! thread C ─┘   leader A  └ applied; answer A, B, C; the lead goes to D
//! ```
//!
//! There is no thread of its own: the first that finds nobody leading leads, for itself and all
//! who wait by then, and hands the lead to the first who came meanwhile. The longer a sync
//! takes, the more share the next one.
//!
//! Locks, in the order they are taken: the state (by the leader, for its whole group), then the
//! queue, or one ticket; neither of the last two is held while anything else is waited for.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::{Batch, Journal, JournalError};

/// A group takes no further request once its batch has this many octets.
///
/// Enough that a sync costs little beside writing them, few enough that nobody waits long.
pub const GROUP_FULL_OCTETS: usize = 1 << 20;

/// A group takes no more requests than this, so that the first of them does not wait for ever.
const GROUP_REQUESTS: usize = 4096;

/// What requests mean: the engine's side of a group commit.
///
/// For each group: `resolve` for each request in order, then just one of `applied` and
/// `discarded`. All run on the thread of one of the callers, one group at a time.
pub trait Resolver {
    /// What is asked for.
    type Request;
    /// What the one who asked gets when it is durable.
    type Answer;
    /// Why a request alone is refused.
    type Error;

    /// Turns a request into payloads, judged against the state and everything resolved in this
    /// group before it. [`Batch::push`] refuses what is too large.
    ///
    /// On an error what it pushed is taken out again, and it must have left nothing behind
    /// itself: the others of the group go on.
    fn resolve(
        &mut self,
        request: Self::Request,
        batch: &mut Batch,
    ) -> Result<Self::Answer, Self::Error>;

    /// Everything resolved since is durable under these sequence numbers, in the order pushed;
    /// the range is empty if nothing was pushed.
    fn applied(&mut self, seqs: Range<u64>);

    /// Nothing resolved since has happened; the state is as before.
    fn discarded(&mut self);
}

/// A request that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed<A> {
    /// The sequence number of its last payload; without payloads, the newest before it.
    pub seq: u64,
    /// What [`Resolver::resolve`] returned.
    pub answer: A,
}

/// Why a request was not committed; nothing of it has happened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError<E> {
    /// The request itself was refused.
    #[error("{0}")]
    Refused(E),
    /// The journal failed, for all of its group.
    #[error(transparent)]
    Journal(JournalError),
}

/// Lets many threads commit to one journal, sharing syncs.
pub struct Committer<R: Resolver> {
    inner: Mutex<Inner<R>>,
    queue: Mutex<Queue<R>>,
}

/// What the leader works with.
struct Inner<R> {
    resolver: R,
    journal: Journal,
    batch: Batch,
    /// Whether a group was begun and not ended: the engine panicked, and what it holds is
    /// anybody's guess.
    broken: bool,
}

/// Who waits. While nobody leads, nobody waits.
struct Queue<R: Resolver> {
    waiting: VecDeque<(R::Request, Arc<Ticket<R>>)>,
    led: bool,
}

/// One caller's place in the queue.
struct Ticket<R: Resolver> {
    turn: Mutex<Turn<R>>,
    changed: Condvar,
}

/// What a caller shall do.
enum Turn<R: Resolver> {
    Wait,
    Lead,
    Done(Outcome<R>),
}

type Outcome<R> = Result<Committed<<R as Resolver>::Answer>, CommitError<<R as Resolver>::Error>>;

impl<R: Resolver> Committer<R> {
    /// Takes over a journal and the state its payloads change.
    pub fn new(resolver: R, journal: Journal) -> Self {
        Self {
            inner: Mutex::new(Inner {
                resolver,
                journal,
                batch: Batch::new(),
                broken: false,
            }),
            queue: Mutex::new(Queue {
                waiting: VecDeque::new(),
                led: false,
            }),
        }
    }

    /// Resolves the request and makes it durable; blocks until it is, or has failed.
    ///
    /// Requests are resolved in the order in which they came to the queue, so a caller's
    /// earlier ones are before its later ones.
    pub fn commit(&self, request: R::Request) -> Outcome<R> {
        let ticket = Arc::new(Ticket::new());
        let leads = {
            let mut queue = self.queue.lock();
            queue.waiting.push_back((request, Arc::clone(&ticket)));
            !std::mem::replace(&mut queue.led, true)
        };
        if !leads && let Some(outcome) = ticket.wait() {
            return outcome;
        }
        // Ours is the first in the queue, so this group has it.
        self.lead();
        ticket.take()
    }

    /// Works with state and journal between two groups, as for a checkpoint; those who commit
    /// wait meanwhile.
    pub fn exclusively<T>(&self, work: impl FnOnce(&mut R, &mut Journal) -> T) -> T {
        let inner = &mut *self.inner.lock();
        work(&mut inner.resolver, &mut inner.journal)
    }

    /// Gives state and journal back.
    pub fn into_parts(self) -> (R, Journal) {
        let inner = self.inner.into_inner();
        (inner.resolver, inner.journal)
    }

    /// Commits one group and hands the lead on.
    fn lead(&self) {
        let mut group = Group {
            committer: self,
            members: Vec::new(),
        };
        let result = {
            let inner = &mut *self.inner.lock();
            inner.commit_group(&mut group)
        };
        group.answer(&result);
    }
}

impl<R: Resolver> fmt::Debug for Committer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Committer").finish_non_exhaustive()
    }
}

impl<R: Resolver> Inner<R> {
    /// Resolves what the group asks for, writes and syncs.
    fn commit_group(&mut self, group: &mut Group<'_, R>) -> Result<(), JournalError> {
        if let Some(reason) = self.journal.poisoned() {
            let reason = reason.to_owned();
            group.take_all();
            return Err(JournalError::Poisoned { reason });
        }
        if std::mem::replace(&mut self.broken, true) {
            group.take_all();
            return Err(abandoned());
        }
        self.resolve_group(group);
        let written = self.journal.append(&mut self.batch);
        let durable = written.and_then(|seqs| self.journal.sync().map(|()| seqs));
        let result = match durable {
            Ok(seqs) => {
                self.resolver.applied(seqs);
                Ok(())
            }
            Err(error) => {
                self.resolver.discarded();
                Err(error)
            }
        };
        self.batch.clear();
        self.broken = false;
        result
    }

    /// Takes who waits, as long as the group is not full, and resolves what they ask for.
    fn resolve_group(&mut self, group: &mut Group<'_, R>) {
        let base = self.journal.last_seq();
        while group.members.len() < GROUP_REQUESTS && self.batch.octets() < GROUP_FULL_OCTETS {
            let Some(request) = group.take_next() else {
                break;
            };
            let mark = self.batch.begin_request();
            let resolved = self.resolver.resolve(request, &mut self.batch);
            let outcome = match resolved {
                Ok(answer) => Ok(Committed {
                    seq: base + u64::from(self.batch.count()),
                    answer,
                }),
                Err(error) => {
                    self.batch.rewind(mark);
                    Err(CommitError::Refused(error))
                }
            };
            group.resolved(outcome);
        }
    }
}

/// The requests that a leader commits together, with what became of those resolved.
///
/// Dropping it answers whoever has no answer and hands the lead on, even when the engine
/// panicked: nobody waits for ever.
struct Group<'a, R: Resolver> {
    committer: &'a Committer<R>,
    members: Vec<Member<R>>,
}

/// A ticket, and what became of its request once it was resolved.
type Member<R> = (Arc<Ticket<R>>, Option<Outcome<R>>);

impl<R: Resolver> Group<'_, R> {
    fn take_next(&mut self) -> Option<R::Request> {
        let (request, ticket) = self.committer.queue.lock().waiting.pop_front()?;
        self.members.push((ticket, None));
        Some(request)
    }

    fn take_all(&mut self) {
        let waiting = std::mem::take(&mut self.committer.queue.lock().waiting);
        let tickets = waiting.into_iter().map(|(_, ticket)| (ticket, None));
        self.members.extend(tickets);
    }

    fn resolved(&mut self, outcome: Outcome<R>) {
        if let Some(last) = self.members.last_mut() {
            last.1 = Some(outcome);
        }
    }

    fn answer(&mut self, result: &Result<(), JournalError>) {
        for (ticket, outcome) in self.members.drain(..) {
            let outcome = match (result, outcome) {
                // A refusal stands, whatever became of the others.
                (_, Some(Err(refused))) => Err(refused),
                (Ok(()), Some(outcome)) => outcome,
                (Err(error), _) => Err(CommitError::Journal(error.clone())),
                (Ok(()), None) => Err(CommitError::Journal(abandoned())),
            };
            ticket.set(Turn::Done(outcome));
        }
    }
}

impl<R: Resolver> Drop for Group<'_, R> {
    fn drop(&mut self) {
        // After `answer` there is nobody left; otherwise this is a panic passing through.
        if !self.members.is_empty() {
            self.answer(&Err(abandoned()));
        }
        let mut queue = self.committer.queue.lock();
        match queue.waiting.front() {
            Some((_, next)) => {
                let next = Arc::clone(next);
                drop(queue);
                next.set(Turn::Lead);
            }
            None => queue.led = false,
        }
    }
}

impl<R: Resolver> Ticket<R> {
    fn new() -> Self {
        Self {
            turn: Mutex::new(Turn::Wait),
            changed: Condvar::new(),
        }
    }

    fn set(&self, turn: Turn<R>) {
        *self.turn.lock() = turn;
        self.changed.notify_one();
    }

    /// Waits for the outcome, or for the lead: `None`.
    fn wait(&self) -> Option<Outcome<R>> {
        let mut turn = self.turn.lock();
        loop {
            match std::mem::replace(&mut *turn, Turn::Wait) {
                Turn::Wait => self.changed.wait(&mut turn),
                Turn::Lead => return None,
                Turn::Done(outcome) => return Some(outcome),
            }
        }
    }

    /// The outcome after having led.
    fn take(&self) -> Outcome<R> {
        match std::mem::replace(&mut *self.turn.lock(), Turn::Wait) {
            Turn::Done(outcome) => outcome,
            Turn::Wait | Turn::Lead => Err(CommitError::Journal(abandoned())),
        }
    }
}

/// For requests whose leader did not come to an end.
fn abandoned() -> JournalError {
    JournalError::Poisoned {
        reason: "the thread that wrote for others ended early".to_owned(),
    }
}

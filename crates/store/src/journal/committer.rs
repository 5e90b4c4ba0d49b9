//! Group commit: many threads, one write and one sync.
//!
//! ```text
//! thread A ─┐             ┌ resolve A, B, C into one batch
//! thread B ─┼─► queue ──► │ append, sync               (meanwhile D, E queue up)
//! thread C ─┘   leader A  └ applied; answer A, B, C; the lead goes to D
//! ```
//!
//! There is no thread of its own: the first that finds nobody leading leads, for itself and all
//! who wait by then, and hands the lead to one of those who came meanwhile. The longer a sync
//! takes, the more share the next one.
//!
//! Locks, in the order they are taken: the state (by the leader, for its whole group), then the
//! queue, or one slot; neither of the last two is held while anything else is waited for.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::vec;

use parking_lot::Mutex;

use super::cohort::Cohort;
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
    waiting: Vec<Member<R>>,
    /// What all of them wait at.
    cohort: Arc<Cohort>,
    led: bool,
}

/// A request, and where the one who asked looks for what became of it.
type Member<R> = (<R as Resolver>::Request, Arc<Slot<R>>);

type Slot<R> = Mutex<Option<Outcome<R>>>;

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
                waiting: Vec::new(),
                cohort: Arc::default(),
                led: false,
            }),
        }
    }

    /// Resolves the request and makes it durable; blocks until it is, or has failed.
    ///
    /// Requests are resolved in the order in which they came to the queue, so a caller's
    /// earlier ones are before its later ones.
    pub fn commit(&self, request: R::Request) -> Outcome<R> {
        let slot = Arc::new(Slot::<R>::new(None));
        let (cohort, leads) = {
            let mut queue = self.queue.lock();
            queue.waiting.push((request, Arc::clone(&slot)));
            let leads = !std::mem::replace(&mut queue.led, true);
            (Arc::clone(&queue.cohort), leads)
        };
        if !leads && let Some(outcome) = cohort.wait(|| slot.lock().take()) {
            return outcome;
        }
        // Whoever leads takes all who wait, itself among them.
        self.lead();
        let outcome = slot.lock().take();
        outcome.unwrap_or_else(|| Err(CommitError::Journal(abandoned())))
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

    /// Commits what all who wait ask for, mostly in one group, and hands the lead on.
    fn lead(&self) {
        let mut led = Led {
            committer: self,
            cohort: Arc::default(),
            is_alone: false,
            members: Vec::new().into_iter(),
            group: Vec::new(),
        };
        let mut inner = self.inner.lock();
        led.take_all();
        loop {
            let result = inner.commit_group(&mut led);
            // Nobody works with the state while others are woken, but might.
            drop(inner);
            led.answer(&result);
            if led.members.len() == 0 {
                return;
            }
            inner = self.inner.lock();
        }
    }
}

impl<R: Resolver> fmt::Debug for Committer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Committer").finish_non_exhaustive()
    }
}

impl<R: Resolver> Inner<R> {
    /// Resolves what the next group asks for, writes and syncs.
    fn commit_group(&mut self, led: &mut Led<'_, R>) -> Result<(), JournalError> {
        if let Some(reason) = self.journal.poisoned() {
            let reason = reason.to_owned();
            led.group_all();
            return Err(JournalError::Poisoned { reason });
        }
        if std::mem::replace(&mut self.broken, true) {
            led.group_all();
            return Err(abandoned());
        }
        self.resolve_group(led);
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

    /// Resolves what is asked for, in order, until the group is full.
    fn resolve_group(&mut self, led: &mut Led<'_, R>) {
        let base = self.journal.last_seq();
        while led.group.len() < GROUP_REQUESTS && self.batch.octets() < GROUP_FULL_OCTETS {
            let Some(request) = led.group_next() else {
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
            led.resolved(outcome);
        }
    }
}

/// Those for whom a leader commits: a group being committed, and who follows.
///
/// Dropping it answers whoever has no answer and hands the lead on, even when the engine
/// panicked: nobody waits for ever.
struct Led<'a, R: Resolver> {
    committer: &'a Committer<R>,
    cohort: Arc<Cohort>,
    /// There is none but the leader, who does not wait.
    is_alone: bool,
    members: vec::IntoIter<Member<R>>,
    group: Vec<Answered<R>>,
}

/// What became of a request, once it was resolved, and where that is looked for.
type Answered<R> = (Arc<Slot<R>>, Option<Outcome<R>>);

impl<R: Resolver> Led<'_, R> {
    /// Takes all who wait; who comes from now on waits with others.
    fn take_all(&mut self) {
        let mut queue = self.committer.queue.lock();
        self.members = std::mem::take(&mut queue.waiting).into_iter();
        self.cohort = std::mem::take(&mut queue.cohort);
        drop(queue);
        self.is_alone = self.members.len() == 1;
        self.group.reserve(self.members.len().min(GROUP_REQUESTS));
    }

    fn group_next(&mut self) -> Option<R::Request> {
        let (request, slot) = self.members.next()?;
        self.group.push((slot, None));
        Some(request)
    }

    fn group_all(&mut self) {
        while self.group_next().is_some() {}
    }

    fn resolved(&mut self, outcome: Outcome<R>) {
        if let Some(last) = self.group.last_mut() {
            last.1 = Some(outcome);
        }
    }

    /// Tells the group what became of it, and wakes it.
    fn answer(&mut self, result: &Result<(), JournalError>) {
        for (slot, outcome) in self.group.drain(..) {
            let outcome = match (result, outcome) {
                // A refusal stands, whatever became of the others.
                (_, Some(Err(refused))) => Err(refused),
                (Ok(()), Some(outcome)) => outcome,
                (Err(error), _) => Err(CommitError::Journal(error.clone())),
                (Ok(()), None) => Err(CommitError::Journal(abandoned())),
            };
            *slot.lock() = Some(outcome);
        }
        if !self.is_alone {
            self.cohort.look();
        }
    }
}

impl<R: Resolver> Drop for Led<'_, R> {
    fn drop(&mut self) {
        // After the last answer there is nobody left; otherwise this is a panic passing through.
        self.group_all();
        if !self.group.is_empty() {
            self.answer(&Err(abandoned()));
        }
        let mut queue = self.committer.queue.lock();
        if queue.waiting.is_empty() {
            queue.led = false;
            return;
        }
        let next = Arc::clone(&queue.cohort);
        drop(queue);
        next.lead();
    }
}

/// For requests whose leader did not come to an end.
fn abandoned() -> JournalError {
    JournalError::Poisoned {
        reason: "the thread that wrote for others ended early".to_owned(),
    }
}

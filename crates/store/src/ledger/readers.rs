//! Read transactions that are used again.
//!
//! To begin one takes a place in LMDB's table of readers and memory, and the first look into each
//! table of a new one looks the table up: together more than the look-up it is for. The ledger is
//! the same from one checkpoint to the next, so a transaction is as good the hundredth time.

use heed::{Env, RoTxn, WithoutTls};
use parking_lot::Mutex;

pub(super) type Txn = RoTxn<'static, WithoutTls>;

/// Transactions that nobody uses just now, all of the ledger as it is.
#[derive(Default)]
pub(super) struct Readers(Mutex<Idle>);

#[derive(Default)]
struct Idle {
    /// How often the ledger has changed since it was opened.
    generation: u64,
    txns: Vec<Txn>,
}

/// Idle ones that are kept: more than there are threads that look things up.
const MAX_IDLE: usize = 16;

impl Readers {
    /// A transaction, and the generation to give it back with.
    ///
    /// It sees the ledger as it is, or was before a change of which [`Readers::changed`] has not
    /// returned yet.
    pub(super) fn take(&self, env: &Env<WithoutTls>) -> Result<(Txn, u64), heed::Error> {
        let generation = {
            let mut idle = self.0.lock();
            if let Some(txn) = idle.txns.pop() {
                return Ok((txn, idle.generation));
            }
            idle.generation
        };
        // Begun after the generation was read: it may be newer than that, never older.
        Ok((env.clone().static_read_txn()?, generation))
    }

    /// Takes a transaction back; one that sees an older ledger ends.
    pub(super) fn give_back(&self, txn: Txn, generation: u64) {
        let mut idle = self.0.lock();
        if idle.generation == generation && idle.txns.len() < MAX_IDLE {
            idle.txns.push(txn);
            return;
        }
        // It ends where nobody waits for the lock.
        drop(idle);
        drop(txn);
    }

    /// The ledger has changed: none that sees it as it was is given any more, and those that
    /// nobody uses end, so that they do not keep its old pages.
    pub(super) fn changed(&self) {
        let mut idle = self.0.lock();
        idle.generation += 1;
        let old = std::mem::take(&mut idle.txns);
        drop(idle);
        drop(old);
    }

    #[cfg(test)]
    pub(super) fn idle(&self) -> usize {
        self.0.lock().txns.len()
    }
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readers").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use crate::ledger::Ledger;

    /// What the ledger's newest change is, for a reader from the pool.
    fn seen(ledger: &Ledger) -> u64 {
        ledger.read().unwrap().meta().unwrap().applied_seq
    }

    fn change(ledger: &Ledger, seq: u64) {
        let applied = ledger.apply(std::iter::empty(), seq).unwrap();
        applied.commit().unwrap();
    }

    #[test]
    fn a_reader_is_used_again_until_the_ledger_changes() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::create(&dir.path().join("ledger"), 1).unwrap();
        assert_eq!(seen(&ledger), 0);
        assert_eq!(ledger.readers.idle(), 1);
        assert_eq!(seen(&ledger), 0);
        assert_eq!(ledger.readers.idle(), 1);
        change(&ledger, 7);
        assert_eq!(ledger.readers.idle(), 0);
        assert_eq!(seen(&ledger), 7);
    }

    #[test]
    fn a_reader_in_use_during_a_change_sees_what_was_and_is_not_used_again() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::create(&dir.path().join("ledger"), 1).unwrap();
        let before = ledger.read().unwrap();
        change(&ledger, 7);
        assert_eq!(seen(&ledger), 7);
        assert_eq!(before.meta().unwrap().applied_seq, 0);
        drop(before);
        assert_eq!(ledger.readers.idle(), 1);
        assert_eq!(seen(&ledger), 7);
    }
}

//! Many threads, one journal.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier};
use std::thread;

use super::support::{open, place};
use crate::journal::{
    Batch, CommitError, Committer, Journal, JournalError, MAX_REQUEST_OCTETS, Resolver,
};
use crate::storage::{Fault, SimulatedDisk};

/// A state that counts what it was told; each request is one payload, but `refuse` is refused,
/// `panic` panics, `nothing` needs no payload.
#[derive(Default)]
struct Log {
    pending: Vec<Vec<u8>>,
    state: Vec<Vec<u8>>,
    groups: usize,
}

impl Resolver for Log {
    type Request = Vec<u8>;
    type Answer = usize;
    type Error = String;

    fn resolve(&mut self, request: Vec<u8>, batch: &mut Batch) -> Result<usize, String> {
        match &request[..] {
            b"refuse" => {
                batch.push(b"to be taken back").unwrap();
                return Err("refused".to_owned());
            }
            b"panic" => panic!("as the test wants"),
            b"nothing" => {}
            _ => {
                batch.push(&request).map_err(|error| error.to_string())?;
                self.pending.push(request);
            }
        }
        Ok(self.state.len() + self.pending.len())
    }

    fn applied(&mut self, seqs: Range<u64>) {
        assert_eq!(seqs.start, self.state.len() as u64 + 1);
        assert_eq!(seqs.end - seqs.start, self.pending.len() as u64);
        self.state.append(&mut self.pending);
        self.groups += 1;
    }

    fn discarded(&mut self) {
        self.pending.clear();
    }
}

fn committer(disk: &SimulatedDisk) -> Committer<Log> {
    let journal = Journal::create(place(disk, 10_000)).unwrap();
    Committer::new(Log::default(), journal)
}

#[test]
fn what_64_threads_commit_is_durable_and_in_order() {
    let disk = SimulatedDisk::new();
    let committer = Arc::new(committer(&disk));
    let start = Arc::new(Barrier::new(64));
    let threads: Vec<_> = (0..64)
        .map(|thread| {
            let (committer, start) = (Arc::clone(&committer), Arc::clone(&start));
            thread::spawn(move || {
                start.wait();
                let mut acknowledged = Vec::new();
                for n in 0..50 {
                    let request = format!("{thread} {n}").into_bytes();
                    if n % 10 == 3 {
                        let refused = committer.commit(b"refuse".to_vec());
                        assert!(matches!(refused, Err(CommitError::Refused(_))));
                    }
                    let committed = committer.commit(request.clone()).unwrap();
                    assert_eq!(committed.answer as u64, committed.seq);
                    acknowledged.push((committed.seq, request));
                }
                acknowledged
            })
        })
        .collect();
    let mut acknowledged = Vec::new();
    for thread in threads {
        let of_thread = thread.join().unwrap();
        assert!(of_thread.is_sorted());
        acknowledged.extend(of_thread);
    }
    acknowledged.sort();
    let after = disk.after_power_loss(9);
    let (_, replayed) = open(place(&after, 10_000), 0).unwrap();
    assert_eq!(replayed, acknowledged);
    let committer = Arc::into_inner(committer).unwrap();
    let (log, journal) = committer.into_parts();
    assert_eq!(journal.last_seq(), 3200);
    let state: Vec<_> = replayed.into_iter().map(|(_, payload)| payload).collect();
    assert_eq!(log.state, state);
}

#[test]
fn a_request_without_payload_is_answered_with_the_newest_number() {
    let disk = SimulatedDisk::new();
    let committer = committer(&disk);
    assert_eq!(committer.commit(b"nothing".to_vec()).unwrap().seq, 0);
    assert_eq!(committer.commit(b"one".to_vec()).unwrap().seq, 1);
    let before = disk.operations();
    assert_eq!(committer.commit(b"nothing".to_vec()).unwrap().seq, 1);
    assert_eq!(disk.operations(), before);
    let large = committer.commit(vec![1; MAX_REQUEST_OCTETS]).unwrap_err();
    assert!(large.to_string().contains("split it"), "{large}");
    assert_eq!(committer.commit(b"two".to_vec()).unwrap().seq, 2);
}

#[test]
fn a_failed_write_fails_its_group_and_leaves_the_state() {
    let disk = SimulatedDisk::new();
    let committer = committer(&disk);
    committer.commit(b"one".to_vec()).unwrap();
    // A reservation has nothing to do any more, so the next operation is the write.
    disk.fault_at(disk.operations(), Fault::NoSpace);
    let error = committer.commit(b"two".to_vec()).unwrap_err();
    assert!(
        matches!(error, CommitError::Journal(JournalError::NoSpace { .. })),
        "{error}"
    );
    committer.exclusively(|log, journal| {
        assert_eq!((log.state.len(), journal.last_seq()), (1, 1));
    });
    assert_eq!(committer.commit(b"three".to_vec()).unwrap().seq, 2);
    disk.fault_at(disk.operations() + 1, Fault::InputOutput);
    for _ in 0..2 {
        let error = committer.commit(b"four".to_vec()).unwrap_err();
        assert!(
            matches!(error, CommitError::Journal(JournalError::Poisoned { .. })),
            "{error}"
        );
    }
    committer.exclusively(|log, _| assert_eq!(log.state.len(), 2));
}

#[test]
fn a_panic_of_the_engine_leaves_nobody_waiting() {
    let disk = SimulatedDisk::new();
    let committer = Arc::new(committer(&disk));
    committer.commit(b"one".to_vec()).unwrap();
    let others: Vec<_> = (0..16)
        .map(|n| {
            let committer = Arc::clone(&committer);
            thread::spawn(move || {
                let mut request = format!("other {n}").into_bytes();
                if n == 7 {
                    request = b"panic".to_vec();
                }
                catch_unwind(AssertUnwindSafe(|| committer.commit(request)))
            })
        })
        .collect();
    let mut acknowledged = 1;
    for other in others {
        acknowledged += u64::from(matches!(other.join().unwrap(), Ok(Ok(_))));
    }
    let refused = committer.commit(b"late".to_vec()).unwrap_err();
    assert!(matches!(
        refused,
        CommitError::Journal(JournalError::Poisoned { .. })
    ));
    let (opened, _) = open(place(&disk.after_power_loss(1), 10_000), 0).unwrap();
    assert_eq!(opened.journal.last_seq(), acknowledged);
}

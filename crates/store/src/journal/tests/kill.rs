//! `kill -9` of a real process in the middle of its writes.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use super::support::{BOOK, open};
use crate::journal::{Batch, Committer, Journal, Place, Resolver, TooLarge};

/// Tells the child where its journal is.
const DIR: &str = "LEASEBOOK_TEST_JOURNAL";

/// Threads that commit in the child.
const THREADS: usize = 8;

/// A state that holds nothing.
struct Nothing;

impl Resolver for Nothing {
    type Request = Vec<u8>;
    type Answer = ();
    type Error = TooLarge;

    fn resolve(&mut self, request: Vec<u8>, batch: &mut Batch) -> Result<(), TooLarge> {
        batch.push(&request)
    }

    fn applied(&mut self, _seqs: Range<u64>) {}

    fn discarded(&mut self) {}
}

fn place(dir: &Path) -> Place {
    Place {
        segment_octets: 20_000,
        ..Place::new(dir, BOOK)
    }
}

#[test]
#[ignore = "the child of the test below, which runs it"]
fn child_commits_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let (opened, _) = open(place(Path::new(&dir)), 0).unwrap();
    let committer = Arc::new(Committer::new(Nothing, opened.journal));
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let committer = Arc::clone(&committer);
            thread::spawn(move || {
                for n in 0_u64.. {
                    let request = format!("{}-{thread}-{n}", std::process::id());
                    let committed = committer.commit(request.clone().into_bytes()).unwrap();
                    let line = format!("acknowledged {} {request}\n", committed.seq);
                    // One write per line, so that a line is whole or not there.
                    if std::io::stdout().lock().write_all(line.as_bytes()).is_err() {
                        return;
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("journal");
    drop(Journal::create(place(&dir)).unwrap());
    let mut acknowledged: HashMap<u64, String> = HashMap::new();
    for lines in [1, 2, 17, 50, 133, 400, 777, 1500] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .arg("journal::tests::kill::child_commits_until_it_is_killed")
            .env(DIR, &dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut seen = 0;
        for line in output.lines() {
            let line = line.unwrap_or_default();
            // The harness writes the test's name before the first line.
            let Some((_, told)) = line.split_once("acknowledged ") else {
                continue;
            };
            if let Some((seq, request)) = told.split_once(' ') {
                let before = acknowledged.insert(seq.parse().unwrap(), request.to_owned());
                assert_eq!(before, None, "change {seq} was given twice");
            }
            seen += 1;
            if seen == lines {
                child.kill().unwrap();
            }
        }
        assert!(seen >= lines, "the child ended early");
        child.wait().unwrap();
        let (_, replayed) = open(place(&dir), 0).unwrap();
        assert!(replayed.len() >= acknowledged.len());
        let replayed: HashMap<_, _> = replayed.into_iter().collect();
        for (seq, request) in &acknowledged {
            let found = replayed
                .get(seq)
                .map(|octets| String::from_utf8_lossy(octets));
            assert_eq!(found.as_deref(), Some(request.as_str()), "change {seq}");
        }
    }
}

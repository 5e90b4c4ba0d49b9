//! Answers that run while the book changes.

mod common;

use std::collections::BTreeSet;

use common::{any_change, client, queries};
use leasebook_store::{
    Book, BookOptions, Change, Cursor, Flow, LeaseStore, LinkId, MemoryStore, Progress, Query,
    Selector,
};
use proptest::prelude::*;

const NOW: u64 = 1000;

/// What happens between two pieces of an answer.
#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Change>),
    Checkpoint,
    Nothing,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => proptest::collection::vec(any_change(), 1..3).prop_map(Step::Commit),
        1 => Just(Step::Checkpoint),
        3 => Just(Step::Nothing),
    ]
}

type Name = (u32, Vec<u8>);

/// The clients and links that answer the query now.
fn matching(store: &dyn LeaseStore, query: &Query) -> BTreeSet<Name> {
    let all = (1..4).flat_map(|link| (0..6).map(move |number| (link, number)));
    let names = all.map(|(link, number)| (link, client(number).octets().to_vec()));
    names
        .filter(|(link, client)| {
            let record = store.binding(LinkId(*link), client).unwrap();
            record.is_some_and(|record| query.matches(&record.view(), NOW))
        })
        .collect()
}

/// Runs an answer to its end, a piece between each two steps; what it told, and what answered
/// all the time.
fn run(
    store: &dyn LeaseStore,
    checkpoint: &dyn Fn(),
    query: &Query,
    steps: &[Step],
) -> (BTreeSet<Name>, BTreeSet<Name>) {
    let mut always = matching(store, query);
    let mut told = BTreeSet::new();
    let mut cursor = Cursor::new(query.clone(), store.last_seq());
    let mut steps = steps.iter();
    loop {
        let progress = store.scan(&mut cursor, NOW, &mut |run| {
            told.extend(run.iter().map(|one| (one.link().0, one.client().to_vec())));
            Flow::Stop
        });
        if progress.unwrap() == Progress::Done {
            return (told, always);
        }
        match steps.next() {
            Some(Step::Commit(changes)) => {
                // One after the other, as nobody sees a state in between otherwise.
                for change in changes {
                    store.commit(vec![change.clone()]).unwrap();
                    let now = matching(store, query);
                    always.retain(|name| now.contains(name));
                }
            }
            Some(Step::Checkpoint) => checkpoint(),
            Some(Step::Nothing) | None => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// BLQ-S-062: whatever matched from the beginning of an answer to its end is told.
    #[test]
    fn what_matches_throughout_is_told_whatever_else_changes(
        before in proptest::collection::vec(any_change(), 1..30),
        settled in any::<bool>(),
        steps in proptest::collection::vec(any_step(), 0..24),
        which in any::<proptest::sample::Index>(),
    ) {
        let queries = queries();
        let query = which.get(&queries);
        // By address one record answers, in one piece.
        prop_assume!(!matches!(query.selector, Selector::Address(_)));
        let dir = tempfile::tempdir().unwrap();
        let (book, _) = Book::open(dir.path(), BookOptions::default(), 1).unwrap();
        book.commit(before.clone()).unwrap();
        if settled {
            book.checkpoint().unwrap();
        }
        let (told, always) = run(&book, &|| book.checkpoint().unwrap(), query, &steps);
        prop_assert!(told.is_superset(&always), "{query:?}: told {told:?} of {always:?}");
        let memory = MemoryStore::new();
        memory.commit(before).unwrap();
        let (told, always) = run(&memory, &|| {}, query, &steps);
        prop_assert!(told.is_superset(&always), "model, {query:?}: {told:?} of {always:?}");
    }
}

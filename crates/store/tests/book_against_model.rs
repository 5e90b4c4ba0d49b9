//! The durable book and the model in memory are asked the same and must say the same.

mod common;

use leasebook_store::{Book, BookOptions, LeaseStore, MemoryStore};
use proptest::prelude::*;

use common::{answers, any_binding, any_change, queries};

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<leasebook_store::Change>),
    Load(Vec<leasebook_store::Binding>),
    Checkpoint,
    Reopen,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => proptest::collection::vec(any_change(), 1..4).prop_map(Step::Commit),
        1 => proptest::collection::vec(any_binding(), 1..12).prop_map(Step::Load),
        2 => Just(Step::Checkpoint),
        1 => Just(Step::Reopen),
    ]
}

fn put_all(model: &MemoryStore, bindings: Vec<leasebook_store::Binding>) {
    let puts = bindings
        .into_iter()
        .map(leasebook_store::Change::Put)
        .collect();
    model.commit(puts).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// BLQ-S-023, BLQ-S-024, BLQ-S-026, BLQ-S-028, BLQ-S-029, BLQ-S-030, BLQ-S-032, BLQ-S-033, BLQ-S-036, BLQ-S-037, BLQ-S-039, BLQ-S-040: every query finds what the model finds.
    #[test]
    fn answers_are_the_models(steps in proptest::collection::vec(any_step(), 1..24), now in 950u64..1500, chunk in 1usize..4) {
        let dir = tempfile::tempdir().unwrap();
        let (mut book, _) = Book::open(dir.path(), BookOptions::default(), 1).unwrap();
        let model = MemoryStore::new();
        for step in steps {
            match step {
                Step::Commit(changes) => {
                    book.commit(changes.clone()).unwrap();
                    model.commit(changes).unwrap();
                }
                Step::Load(bindings) => {
                    book.load(bindings.clone()).unwrap();
                    put_all(&model, bindings);
                }
                Step::Checkpoint => book.checkpoint().unwrap(),
                Step::Reopen => {
                    drop(book);
                    (book, _) = Book::open(dir.path(), BookOptions::default(), 2).unwrap();
                }
            }
        }
        for query in queries() {
            prop_assert_eq!(answers(&book, &query, now, chunk), answers(&model, &query, now, 1), "{:?}", query);
        }
        let (book_stats, model_stats) = (book.stats().unwrap(), model.stats().unwrap());
        prop_assert_eq!((book_stats.bindings, book_stats.leases), (model_stats.bindings, model_stats.leases));
        book.checkpoint().unwrap();
        prop_assert_eq!(book.verify().unwrap(), model_stats.bindings);
        for query in queries() {
            prop_assert_eq!(answers(&book, &query, now, chunk), answers(&model, &query, now, 1), "after a checkpoint {:?}", query);
        }
    }
}

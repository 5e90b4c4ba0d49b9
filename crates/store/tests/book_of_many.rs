//! Books large enough that blocks are split, joined and emptied, against a plain map.

mod common;

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use common::{option, relay_id, remote_id};
use leasebook_store::{
    Binding, Book, BookOptions, Change, Cursor, Flow, IaKind, Lease, LeaseName, LeaseState,
    LeaseStore, LinkId, Links, Progress, Query, RelayData, Selector,
};
use leasebook_wire::Duid;
use proptest::prelude::*;

/// What happens to clients `from`, `from + stride` and so on.
#[derive(Clone, Debug)]
struct Step {
    from: u16,
    count: u16,
    stride: u16,
    /// Octets of options each is given; none: they are removed.
    octets: Option<usize>,
    relay: u8,
    load: bool,
    checkpoint: bool,
    reopen: bool,
}

fn any_step() -> impl Strategy<Value = Step> {
    let clients = (0u16..600, 1u16..200, 1u16..7);
    let octets = prop_oneof![
        4 => (0usize..40).prop_map(Some),
        2 => (1000usize..2500).prop_map(Some),
        1 => (4000usize..9000).prop_map(Some),
        3 => Just(None),
    ];
    let then = (any::<bool>(), any::<bool>(), proptest::bool::weighted(0.2));
    (clients, octets, 0u8..3, then).prop_map(
        |((from, count, stride), octets, relay, (load, checkpoint, reopen))| Step {
            from,
            // Large ones are few, so that a case stays quick.
            count: if octets.is_some_and(|octets| octets > 40) {
                count / 8 + 1
            } else {
                count
            },
            stride,
            octets,
            relay,
            load,
            checkpoint,
            reopen,
        },
    )
}

fn duid(number: u16) -> Duid {
    let [a, b] = number.to_be_bytes();
    Duid::new(&[0, 3, 0, 1, a, b]).unwrap()
}

fn link(number: u16) -> LinkId {
    LinkId(1 + u32::from(number % 2))
}

fn binding(number: u16, octets: usize, relay: u8) -> Binding {
    let mut chain = vec![12, 0];
    chain.extend_from_slice(&[0; 32]);
    chain.extend(option(53, &relay_id(relay)));
    chain.extend(option(37, &remote_id(u8::try_from(number % 3).unwrap())));
    Binding {
        link: link(number),
        client: duid(number),
        leases: vec![Lease {
            name: LeaseName::Address(Ipv6Addr::from_bits(u128::from(number))),
            kind: IaKind::Na,
            iaid: 1,
            state: LeaseState::Bound,
            clt: 1000,
            preferred: 50,
            valid: 100,
        }],
        relay: Some(RelayData {
            peer: Ipv6Addr::LOCALHOST,
            chain,
        }),
        options: option(39, &vec![0; octets]),
    }
}

type Model = BTreeMap<(u32, Vec<u8>), Binding>;

fn all(book: &Book) -> Vec<Binding> {
    let (mut from, mut found) = (Vec::new(), Vec::new());
    let mut visit = |run: leasebook_store::Run<'_>| {
        found.extend(run.iter().map(|record| record.to_binding().unwrap()));
        Flow::Continue
    };
    while book.scan_all(&mut from, &mut visit).unwrap() == Progress::More {}
    found
}

fn answer(book: &Book, selector: Selector, links: Links) -> Vec<Binding> {
    let query = Query { selector, links };
    let mut cursor = Cursor::new(query, book.last_seq());
    let mut found = Vec::new();
    let mut visit = |run: leasebook_store::Run<'_>| {
        let frames: usize = run.iter().map(|record| record.frame().len()).sum();
        assert_eq!(run.frames().len(), frames);
        found.extend(run.iter().map(|record| record.to_binding().unwrap()));
        Flow::Continue
    };
    while book.scan(&mut cursor, 1050, &mut visit).unwrap() == Progress::More {}
    found
}

fn take(step: &Step, book: &Book, model: &mut Model) {
    let numbers = (0..step.count).map(|count| step.from + count * step.stride);
    let numbers: Vec<u16> = numbers.collect();
    let key = |number: u16| (link(number).0, duid(number).octets().to_vec());
    let Some(octets) = step.octets else {
        let changes = numbers.iter().map(|number| Change::Remove {
            link: link(*number),
            client: duid(*number),
        });
        book.commit(changes.collect()).unwrap();
        for number in numbers {
            model.remove(&key(number));
        }
        return;
    };
    let bindings: Vec<Binding> = numbers
        .iter()
        .map(|number| binding(*number, octets, step.relay))
        .collect();
    if step.load {
        book.load(bindings.clone()).unwrap();
    } else {
        let changes = bindings.iter().cloned().map(Change::Put);
        book.commit(changes.collect()).unwrap();
    }
    for (number, binding) in numbers.iter().zip(bindings) {
        model.insert(key(*number), binding);
    }
}

fn sorted(bindings: Vec<Binding>) -> Vec<Binding> {
    let key = |binding: &Binding| (binding.link.0, binding.client.octets().to_vec());
    let by_key: BTreeMap<_, _> = bindings.into_iter().map(|one| (key(&one), one)).collect();
    by_key.into_values().collect()
}

fn compare(book: &Book, model: &Model) -> Result<(), TestCaseError> {
    let found = all(book);
    prop_assert_eq!(found.len(), model.len());
    prop_assert!(sorted(found).iter().eq(model.values()));
    let stats = book.stats().unwrap();
    prop_assert_eq!(stats.bindings, model.len() as u64);
    for number in 0u8..3 {
        let relay = |one: &&Binding| *one == &binding(number_of(one), octets_of(one), number);
        let expected = model.values().filter(relay).cloned().collect::<Vec<_>>();
        let found = answer(book, Selector::RelayId(relay_id(number)), Links::Any);
        prop_assert_eq!(found.len(), expected.len());
        prop_assert!(sorted(found) == expected);

        let remote = |one: &&Binding| number_of(one) % 3 == u16::from(number);
        let expected = model.values().filter(remote).cloned().collect::<Vec<_>>();
        let found = answer(book, Selector::RemoteId(remote_id(number)), Links::Any);
        prop_assert_eq!(found.len(), expected.len());
        prop_assert!(sorted(found) == expected);

        let here = |one: &&Binding| one.link == LinkId(u32::from(number));
        let expected = model.values().filter(here).cloned().collect::<Vec<_>>();
        let links = Links::of(vec![LinkId(u32::from(number))]);
        prop_assert!(sorted(answer(book, Selector::All, links)) == expected);
    }
    Ok(())
}

fn number_of(binding: &Binding) -> u16 {
    u16::from_be_bytes(*binding.client.octets().last_chunk().unwrap())
}

fn octets_of(binding: &Binding) -> usize {
    binding.options.len() - 4
}

/// BLQ-S-026: a client's records are found on every link, in the ledger and in memory, ended
/// leases too, and those of a client whose DUID begins alike are not among them.
#[test]
fn a_client_is_found_on_every_link() {
    let dir = tempfile::tempdir().unwrap();
    let (book, _) = Book::open(dir.path(), BookOptions::default(), 1).unwrap();
    let on = |link: u32, address: u16, client: &[u8]| {
        let mut binding = binding(address, 1, 0);
        binding.link = LinkId(link);
        binding.client = Duid::new(client).unwrap();
        binding.leases[0].state = LeaseState::Released;
        binding
    };
    let (one, longer) = ([0, 3, 0, 1, 7], [0, 3, 0, 1, 7, 0, 0, 0, 2]);
    let put = |bindings: Vec<Binding>| {
        let changes = bindings.into_iter().map(Change::Put);
        book.commit(changes.collect()).unwrap();
    };
    put(vec![on(1, 1, &one), on(9, 2, &one), on(2, 3, &longer)]);
    book.checkpoint().unwrap();
    put(vec![on(u32::MAX - 1, 4, &one), on(4, 5, &one)]);
    let gone = Change::Remove {
        link: LinkId(9),
        client: Duid::new(&one).unwrap(),
    };
    book.commit(vec![gone]).unwrap();
    let links = |client: &[u8]| -> Vec<u32> {
        let found = book.of_client(client).unwrap();
        found.iter().map(|record| record.view().link().0).collect()
    };
    assert_eq!(links(&one), [1, 4, u32::MAX - 1]);
    assert_eq!(links(&longer), [2]);
    assert!(links(&[0, 3, 0, 1]).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// BLQ-S-028, BLQ-S-030, BLQ-S-032: answers are complete however blocks were split and joined.
    #[test]
    fn blocks_split_join_and_empty_without_losing_anything(
        steps in proptest::collection::vec(any_step(), 1..14),
        overlay_octets in prop_oneof![Just(20_000usize), Just(1 << 24)],
        load_octets in prop_oneof![Just(9_000usize), Just(1 << 24)],
    ) {
        let options = BookOptions { overlay_octets, load_octets, ..BookOptions::default() };
        let dir = tempfile::tempdir().unwrap();
        let (mut book, _) = Book::open(dir.path(), options, 1).unwrap();
        let mut model = Model::new();
        for step in steps {
            take(&step, &book, &mut model);
            if step.checkpoint {
                book.checkpoint().unwrap();
                book.verify().unwrap();
            }
            if step.reopen {
                drop(book);
                (book, _) = Book::open(dir.path(), options, 1).unwrap();
            }
        }
        compare(&book, &model)?;
        book.checkpoint().unwrap();
        book.checkpoint().unwrap();
        prop_assert_eq!(book.verify().unwrap(), model.len() as u64);
        compare(&book, &model)?;
    }
}

//! Random books: few links, clients, relays and leases, so that everything collides.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "shared by several test binaries"
)]

use std::net::Ipv6Addr;

use leasebook_store::{
    Binding, Book, BookOptions, Change, Cursor, Flow, IaKind, Lease, LeaseName, LeaseState,
    LeaseStore, LinkId, Links, MemoryStore, Progress, Query, RelayData, Selector,
};
use leasebook_wire::Duid;
use proptest::prelude::*;

pub fn option(code: u16, data: &[u8]) -> Vec<u8> {
    let mut octets = code.to_be_bytes().to_vec();
    octets.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
    octets.extend_from_slice(data);
    octets
}

pub fn relay_id(number: u8) -> Vec<u8> {
    vec![0, 3, 0, 1, 0xee, number]
}

pub fn remote_id(number: u8) -> Vec<u8> {
    vec![0, 0, 0, 9, b'r', number]
}

pub fn client(number: u8) -> Duid {
    Duid::new(&[0, 3, 0, 1, 0xcc, number]).unwrap()
}

/// Leases 0 to 7 are addresses, the others prefixes of several lengths around them.
pub fn lease_name(number: u8) -> LeaseName {
    let address =
        |last: u8| Ipv6Addr::new(0x3fff, 0, 0, u16::from(last / 4), 0, 0, 0, u16::from(last));
    match number {
        0..8 => LeaseName::Address(address(number)),
        8..12 => LeaseName::prefix(
            Ipv6Addr::new(0x3fff, 0, 0, u16::from(number - 8), 0, 0, 0, 0),
            64,
        )
        .unwrap(),
        12 => LeaseName::prefix(address(0), 56).unwrap(),
        _ => LeaseName::prefix(address(0), 48).unwrap(),
    }
}

fn chain(levels: &[(Option<u8>, Option<u8>)]) -> Vec<u8> {
    let mut inner: Option<Vec<u8>> = None;
    for (relay, remote) in levels {
        let mut octets = vec![12, 0];
        octets.extend_from_slice(&[0; 32]);
        if let Some(relay) = relay {
            octets.extend(option(53, &relay_id(*relay)));
        }
        if let Some(remote) = remote {
            octets.extend(option(37, &remote_id(*remote)));
        }
        if let Some(inner) = inner {
            octets.extend(option(9, &inner));
        }
        inner = Some(octets);
    }
    inner.unwrap_or_default()
}

pub fn any_lease(number: u8) -> impl Strategy<Value = Lease> {
    let state = prop_oneof![6 => Just(LeaseState::Bound), 1 => Just(LeaseState::Declined), 1 => Just(LeaseState::Released)];
    (
        900u64..1100,
        prop_oneof![5 => 1u32..400, 1 => Just(u32::MAX)],
        state,
    )
        .prop_map(move |(clt, valid, state)| Lease {
            name: lease_name(number),
            kind: if number < 8 { IaKind::Na } else { IaKind::Pd },
            iaid: u32::from(number),
            state,
            clt,
            preferred: valid / 2,
            valid,
        })
}

pub fn any_binding() -> impl Strategy<Value = Binding> {
    let leases = proptest::sample::subsequence((0u8..14).collect::<Vec<_>>(), 1..4)
        .prop_flat_map(|numbers| numbers.into_iter().map(any_lease).collect::<Vec<_>>());
    let level = (proptest::option::of(0u8..3), proptest::option::of(0u8..3));
    let relay = proptest::option::of(proptest::collection::vec(level, 1..3));
    (1u32..4, 0u8..6, leases, relay).prop_map(|(link, number, leases, relay)| Binding {
        link: LinkId(link),
        client: client(number),
        leases,
        relay: relay.map(|levels| RelayData {
            peer: Ipv6Addr::LOCALHOST,
            chain: chain(&levels),
        }),
        options: Vec::new(),
    })
}

pub fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        5 => any_binding().prop_map(Change::Put),
        1 => (1u32..4, 0u8..6).prop_map(|(link, number)| Change::Remove { link: LinkId(link), client: client(number) }),
    ]
}

/// Every selector with something behind it, on all links and on some.
pub fn queries() -> Vec<Query> {
    let mut selectors = vec![Selector::All];
    selectors.extend((0..4).map(|number| Selector::RelayId(relay_id(number))));
    selectors.extend((0..4).map(|number| Selector::RemoteId(remote_id(number))));
    selectors.extend((0..7).map(|number| Selector::Client(client(number).octets().to_vec())));
    selectors.extend((0..8).map(|number| match lease_name(number) {
        LeaseName::Address(address) => Selector::Address(address),
        LeaseName::Prefix { prefix, .. } => Selector::Address(prefix),
    }));
    selectors.push(Selector::Address("3fff:0:0:2:77::".parse().unwrap()));
    let links = [
        Links::Any,
        Links::of(vec![LinkId(1)]),
        Links::of(vec![LinkId(3), LinkId(2)]),
        Links::of(vec![LinkId(9)]),
    ];
    let all = selectors.into_iter().flat_map(|selector| {
        links.clone().map(|links| Query {
            selector: selector.clone(),
            links,
        })
    });
    all.collect()
}

/// All answers, in order, taken in chunks of `chunk` runs; what was told twice once.
pub fn answers(store: &dyn LeaseStore, query: &Query, now: u64, chunk: usize) -> Vec<Binding> {
    let mut cursor = Cursor::new(query.clone(), store.last_seq());
    let mut found = Vec::new();
    loop {
        let mut left = chunk;
        let progress = store
            .scan(&mut cursor, now, &mut |run| {
                assert_eq!(
                    run.iter().map(|record| record.frame().len()).sum::<usize>(),
                    run.frames().len()
                );
                found.extend(run.iter().map(|record| record.to_binding().unwrap()));
                left -= 1;
                if left == 0 {
                    Flow::Stop
                } else {
                    Flow::Continue
                }
            })
            .unwrap();
        if progress == Progress::Done {
            return found;
        }
    }
}

/// An engine under test, with what it needs to live.
pub struct Engine {
    kind: Kind,
}

enum Kind {
    Memory(MemoryStore),
    Book {
        book: Box<Book>,
        settles: bool,
        _dir: tempfile::TempDir,
    },
}

impl Engine {
    /// Runs a test on the model in memory, on the durable book with everything in memory still,
    /// and on one with everything in the ledger.
    pub fn each(test: impl Fn(&Self)) {
        for (name, engine) in [
            ("in memory", Self::memory()),
            ("in overlays", Self::book(false)),
            ("in the ledger", Self::book(true)),
        ] {
            eprintln!("{name}");
            test(&engine);
        }
    }

    pub fn memory() -> Self {
        Self {
            kind: Kind::Memory(MemoryStore::new()),
        }
    }

    /// The durable book; with `settles` it makes a checkpoint after each put.
    pub fn book(settles: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (book, _) = Book::open(dir.path(), BookOptions::default(), 1).unwrap();
        Self {
            kind: Kind::Book {
                book: Box::new(book),
                settles,
                _dir: dir,
            },
        }
    }

    pub fn store(&self) -> &dyn LeaseStore {
        match &self.kind {
            Kind::Memory(memory) => memory,
            Kind::Book { book, .. } => &**book,
        }
    }

    pub fn put(&self, binding: Binding) -> u64 {
        let seq = self.store().commit(vec![Change::Put(binding)]).unwrap();
        if let Kind::Book {
            book,
            settles: true,
            ..
        } = &self.kind
        {
            book.checkpoint().unwrap();
            book.verify().unwrap();
        }
        seq
    }
}

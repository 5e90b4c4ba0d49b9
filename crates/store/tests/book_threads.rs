//! Looks at the book while other threads change it and bring changes into the ledger.

mod common;

use std::net::Ipv6Addr;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use common::{option, remote_id};
use leasebook_store::{
    Binding, Book, BookOptions, Change, Cursor, Flow, IaKind, Lease, LeaseName, LeaseState,
    LeaseStore, LinkId, Links, Progress, Query, RelayData, Selector,
};
use leasebook_wire::Duid;

const CHANGES: u16 = 600;

/// So few that each is changed again and again, and moves from layer to layer.
const CLIENTS: u16 = 97;

fn name(client: u16) -> LeaseName {
    LeaseName::Address(Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, client))
}

fn duid(client: u16) -> Duid {
    let [a, b] = client.to_be_bytes();
    Duid::new(&[0, 3, 0, 1, a, b]).unwrap()
}

/// The binding of a client as the change of that number makes it: behind one relay or another.
fn binding(change: u16) -> Binding {
    let client = change % CLIENTS;
    let mut chain = vec![12, 0];
    chain.extend_from_slice(&[0; 32]);
    chain.extend(option(37, &remote_id(1)));
    chain.extend(option(
        53,
        &common::relay_id(u8::from(change.is_multiple_of(5))),
    ));
    Binding {
        link: LinkId(1),
        client: duid(client),
        leases: vec![Lease {
            name: name(client),
            kind: IaKind::Na,
            iaid: 1,
            state: LeaseState::Bound,
            clt: u64::from(change),
            preferred: 50_000,
            valid: 100_000,
        }],
        relay: Some(RelayData {
            peer: Ipv6Addr::LOCALHOST,
            chain,
        }),
        options: Vec::new(),
    }
}

/// A client is seen, by whichever way, as of a change that is no older than what was durable
/// before the look began.
fn look(book: &Book, client: u16, durable: u16, way: u16) {
    let record = match way {
        0 => book.binding(LinkId(1), duid(client).octets()).unwrap(),
        1 => book.holder(name(client)).unwrap(),
        2 => book.of_client(duid(client).octets()).unwrap().pop(),
        _ => by_remote_id(book, client),
    };
    let newest = (0..=durable)
        .rev()
        .find(|change| change % CLIENTS == client);
    let Some(newest) = newest else { return };
    let record = record.unwrap_or_else(|| panic!("client {client} is missing, way {way}"));
    let clt = record.view().clt();
    assert!(
        clt >= u64::from(newest),
        "client {client} of {clt}, not {newest}, way {way}"
    );
}

fn by_remote_id(book: &Book, client: u16) -> Option<leasebook_store::Record> {
    let query = Query {
        selector: Selector::RemoteId(remote_id(1)),
        links: Links::Any,
    };
    let mut cursor = Cursor::new(query, book.last_seq());
    let mut found = None;
    let visit = &mut |run: leasebook_store::Run<'_>| {
        // It may be told twice, the second time as it was changed meanwhile.
        let its = run
            .iter()
            .filter(|record| record.client() == duid(client).octets());
        found = its
            .map(|record| leasebook_store::Record::from_view(&record))
            .last()
            .or(found.take());
        Flow::Continue
    };
    while book.scan(&mut cursor, 1000, visit).unwrap() == Progress::More {}
    found
}

/// Ends the other threads, also when a test fails.
struct Done<'d>(&'d AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What is durable is found, whatever is on its way into the ledger.
#[test]
fn what_is_durable_is_found_in_every_layer_at_any_time() {
    let dir = tempfile::tempdir().unwrap();
    let (book, _) = Book::open(dir.path(), BookOptions::default(), 1).unwrap();
    book.commit(vec![Change::Put(binding(0))]).unwrap();
    let durable = AtomicU16::new(0);
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                book.checkpoint().unwrap();
            }
        });
        for first in 0..2 {
            let (book, durable, is_done) = (&book, &durable, &is_done);
            scope.spawn(move || {
                let mut step = first;
                while !is_done.load(Ordering::Relaxed) {
                    let known = durable.load(Ordering::Acquire);
                    look(book, step % CLIENTS, known, step / 2 % 4);
                    step = (step + 2) % 60_000;
                }
            });
        }
        let _done = Done(&is_done);
        for change in 1..CHANGES {
            book.commit(vec![Change::Put(binding(change))]).unwrap();
            durable.store(change, Ordering::Release);
        }
    });
    assert_eq!(book.stats().unwrap().bindings, u64::from(CLIENTS));
    book.checkpoint().unwrap();
    book.checkpoint().unwrap();
    assert_eq!(book.verify().unwrap(), u64::from(CLIENTS));
}

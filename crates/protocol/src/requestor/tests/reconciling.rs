//! Joining claims: BLQ-R-039, BLQ-R-040, against a simple model.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use leasebook_store::LeaseName;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::requestor::{JoinedLease, Reconciler, Server};

/// One message, told by a server.
#[derive(Clone, Debug)]
struct Say {
    server: u16,
    client: u8,
    link: Option<u8>,
    age: u32,
    /// Last number of the address, and valid lifetime.
    leases: Vec<(u16, u32)>,
    /// Seconds before the next message.
    pause: u64,
}

fn say(server: u16, client: u8, age: u32, leases: &[(u16, u32)]) -> Say {
    Say {
        server,
        client,
        link: None,
        age,
        leases: leases.to_vec(),
        pause: 0,
    }
}

fn body(say: &Say) -> Vec<u8> {
    let mut body = option(1, &[0, 3, 0, 1, say.client]);
    for &(last, valid) in &say.leases {
        body.extend(address(last, valid, valid));
    }
    body.extend(clt(say.age));
    if let Some(link) = say.link {
        let mut chain = vec![0; 16];
        chain.extend([12, 0]);
        chain.extend(link_address(link).octets());
        chain.extend([0xfe; 16]);
        body.extend(option(47, &chain));
    }
    body
}

fn link_address(link: u8) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0xffff, link.into(), 0, 0, 0, 1)
}

fn collect(says: &[Say]) -> Reconciler {
    let mut book = Reconciler::new(7, true);
    let mut now = Now {
        mono: Mono(5_000_000_000),
        wall: 1_800_000_000,
    };
    for say in says {
        let body = body(say);
        let claim = Claim::read(&body, &mut Deviations::default()).unwrap();
        book.add(Server(say.server), &claim, now).unwrap();
        now.mono = now.mono.after(secs(say.pause));
        now.wall += say.pause;
    }
    book
}

/// Client, last number of the address, server, and valid lifetime of every lease.
fn leases(book: &Reconciler) -> Vec<(u8, u16, u16, u32)> {
    let mut all: Vec<_> = book
        .bindings()
        .flat_map(|joined| {
            let client = joined.client()[4];
            joined
                .leases()
                .map(move |lease| (client, last(&lease), lease.server.0, lease.valid))
        })
        .collect();
    all.sort_unstable();
    all
}

fn last(lease: &JoinedLease) -> u16 {
    match lease.name {
        LeaseName::Address(address) => address.segments()[7],
        LeaseName::Prefix { .. } => panic!("no prefix was told"),
    }
}

fn only(says: &[Say]) -> JoinedLease {
    let book = collect(says);
    let joined: Vec<_> = book.bindings().collect();
    let leases = joined[0].sorted_leases();
    assert_eq!((joined.len(), leases.len(), book.lease_count()), (1, 1, 1));
    leases[0]
}

/// BLQ-R-039, BLQ-R-032: leases of one client from several messages and servers are united.
#[test]
fn unites_leases_of_one_client() {
    let book = collect(&[
        say(0, 1, 5, &[(10, 100)]),
        say(0, 2, 5, &[(20, 100)]),
        say(1, 1, 9, &[(11, 100)]),
        say(0, 1, 5, &[(12, 100)]),
    ]);
    let joined: Vec<(u8, Vec<u16>)> = book
        .bindings()
        .map(|joined| {
            let leases = joined.sorted_leases();
            (joined.client()[4], leases.iter().map(last).collect())
        })
        .collect();
    assert_eq!(joined, [(1, vec![10, 11, 12]), (2, vec![20])]);
}

/// BLQ-R-040: the newer client transaction wins, whichever message came first.
#[test]
fn the_newer_transaction_wins() {
    let (newer, older) = (say(1, 1, 10, &[(1, 50)]), say(0, 1, 11, &[(1, 90)]));
    assert_eq!(only(&[newer.clone(), older.clone()]).server, Server(1));
    assert_eq!(only(&[older, newer]).server, Server(1));
}

/// BLQ-R-036, BLQ-R-040, D-24: ages count from arrival, so an older message must tell a smaller age to be newer.
#[test]
fn ages_are_corrected_by_arrival() {
    let mut first = say(0, 1, 10, &[(1, 500)]);
    first.pause = 30;
    assert_eq!(
        only(&[first.clone(), say(1, 1, 35, &[(1, 500)])]).server,
        Server(1)
    );
    assert_eq!(only(&[first, say(1, 1, 45, &[(1, 500)])]).server, Server(0));
}

/// BLQ-R-040, D-24: at equal age the longer valid lifetime wins, then the server configured first.
#[test]
fn ties_go_to_the_longer_lease_then_to_the_first_server() {
    let longer = only(&[say(0, 1, 10, &[(1, 50)]), say(1, 1, 10, &[(1, 51)])]);
    assert_eq!((longer.server, longer.is_contested), (Server(1), false));
    let infinite = only(&[say(0, 1, 10, &[(1, 50)]), say(1, 1, 10, &[(1, u32::MAX)])]);
    assert_eq!((infinite.valid, infinite.is_contested), (u32::MAX, true));
    for order in [[0, 1], [1, 0]] {
        let says = order.map(|server| say(server, 1, 10, &[(1, 50)]));
        let lease = only(&says);
        assert_eq!((lease.server, lease.is_contested), (Server(0), false));
    }
}

/// BLQ-R-040: within what one server says the later holds, an end of the lease included.
#[test]
fn the_later_word_of_a_server_holds() {
    let lease = only(&[say(0, 1, 10, &[(1, 50)]), say(0, 1, 20, &[(1, 40)])]);
    assert_eq!(lease.valid, 40);
    let book = collect(&[say(0, 1, 10, &[(1, 50)]), say(0, 1, 5, &[(1, 0), (2, 9)])]);
    assert_eq!(leases(&book), [(1, 2, 0, 9)]);
}

#[test]
fn marks_a_lease_told_for_two_clients() {
    let book = collect(&[
        say(0, 1, 10, &[(1, 50)]),
        say(1, 2, 10, &[(1, 50), (2, 50)]),
    ]);
    let shared: Vec<bool> = book
        .sorted_bindings()
        .flat_map(|joined| joined.sorted_leases())
        .map(|lease| lease.is_shared)
        .collect();
    assert_eq!(shared, [true, true, false]);
}

/// BLQ-R-039: a client on two links is two bindings; what names no link joins the one that is known.
#[test]
fn keeps_links_apart_as_far_as_known() {
    let on = |link, last| Say {
        link,
        ..say(0, 1, 10, &[(last, 50)])
    };
    let links = |says: &[Say]| -> Vec<(Option<Ipv6Addr>, usize)> {
        collect(says)
            .sorted_bindings()
            .map(|joined| (joined.link_address(), joined.leases().count()))
            .collect()
    };
    let one = Some(link_address(1));
    let two = Some(link_address(2));
    assert_eq!(
        links(&[on(Some(1), 1), on(Some(2), 2)]),
        [(one, 1), (two, 1)]
    );
    assert_eq!(links(&[on(None, 1), on(Some(2), 2)]), [(two, 2)]);
    assert_eq!(links(&[on(Some(1), 1), on(None, 2)]), [(one, 2)]);
    assert_eq!(
        links(&[on(Some(1), 1), on(Some(2), 2), on(None, 3)]),
        [(None, 1), (one, 1), (two, 1)]
    );
}

#[test]
fn keeps_the_options_of_the_newest_message() {
    let with = |link, age| Say {
        link: Some(link),
        ..say(0, 1, age, &[(1, 50)])
    };
    let told = |says: &[Say]| {
        let book = collect(says);
        let joined = book.bindings().next().unwrap();
        let options = joined.options();
        (
            options.count(leasebook_wire::code::OptionCode(47)),
            options.octets().len(),
        )
    };
    assert_eq!(told(&[with(1, 10), with(1, 5)]), (1, 54));
    assert_eq!(told(&[say(0, 1, 10, &[(1, 50)])]), (0, 0));
}

/// What the table holds of a lease, in the model.
#[derive(Clone, Copy)]
struct Held {
    server: u16,
    transaction: i64,
    end: u64,
    valid: u32,
}

fn model(says: &[Say]) -> Vec<(u8, u16, u16, u32)> {
    let mut held: BTreeMap<(u8, u16), Held> = BTreeMap::new();
    let mut now = 0_u64;
    for say in says {
        // Leases that have time left are told before those that ended.
        let (ended, live): (Vec<_>, Vec<_>) = say.leases.iter().partition(|(_, valid)| *valid == 0);
        for &(name, valid) in live.into_iter().chain(ended) {
            let told = Held {
                server: say.server,
                transaction: i64::try_from(now).unwrap() - i64::from(say.age),
                end: if valid == u32::MAX {
                    u64::MAX
                } else {
                    now + u64::from(valid)
                },
                valid,
            };
            let rank = |held: &Held| (held.transaction, held.end, u16::MAX - held.server);
            held.entry((say.client, name))
                .and_modify(|known| {
                    if known.server == told.server || rank(&told) > rank(known) {
                        *known = told;
                    }
                })
                .or_insert(told);
        }
        now += say.pause;
    }
    held.into_iter()
        .filter(|(_, held)| held.valid > 0)
        .map(|((client, name), held)| (client, name, held.server, held.valid))
        .collect()
}

fn any_say() -> impl Strategy<Value = Say> {
    let valid = prop_oneof![Just(0), Just(u32::MAX), 1..6_u32];
    (
        0..3_u16,
        0..4_u8,
        proptest::option::of(0..3_u8),
        0..6_u32,
        vec((0..6_u16, valid), 1..4),
        0..3_u64,
    )
        .prop_map(|(server, client, link, age, leases, pause)| Say {
            server,
            client,
            link,
            age,
            leases,
            pause,
        })
}

proptest! {
    /// BLQ-R-039, BLQ-R-040: any claims give what a plain map of leases gives.
    #[test]
    fn agrees_with_a_plain_map(says in vec(any_say(), 0..60)) {
        let book = collect(&says);
        let told = leases(&book);
        prop_assert_eq!(&told, &model(&says));
        prop_assert_eq!(book.lease_count(), u64::try_from(told.len()).unwrap());
        prop_assert_eq!(book.sorted_bindings().count(), book.bindings().count());
    }
}

//! Deciding on what is not known yet: commits on their way, and leases not told of.

use super::*;
use crate::server::{Answers, Dropped, Notice};
use leasebook_store::{Binding, Change, IaKind, Lease, LeaseState};

/// DHCP-S-039, D-26: what is decided while a commit is on its way sees it, waits for it where it tells of
/// it, and goes with it.
#[test]
fn answers_behind_a_commit_on_its_way_wait_where_they_tell_of_it() {
    let mut config = config();
    config.links[0].pools[0].last = config.links[0].pools[0].first;
    config.offer_hold = 0;
    let mut world = World::new(config);
    let mut batch = Batch::default();
    let ask = |kind, client| {
        by_relay(&message(kind, client, |m| {
            if kind == MessageType::REQUEST {
                to_server(m);
            }
            ia_na(m, 1, &[]);
        }))
    };
    let decide = |world: &mut World, batch: &mut Batch, octets: &[u8]| {
        let (now, arrival, store) = (world.now, &world.arrival, &world.store);
        world.server.datagram(now, arrival, octets, store, batch);
    };
    decide(&mut world, &mut batch, &ask(MessageType::REQUEST, 1));
    let changes = world.server.begin_commit(&mut batch);
    assert_eq!(changes.len(), 1);
    batch.take_answers(Answers::default());
    // The one address is gone for others, though the store does not know yet.
    decide(&mut world, &mut batch, &ask(MessageType::SOLICIT, 1));
    decide(&mut world, &mut batch, &ask(MessageType::SOLICIT, 2));
    let bound: Vec<bool> = batch.replies().iter().map(|reply| reply.is_bound).collect();
    assert_eq!(bound, [true, false]);
    let second = &batch.octets()[batch.replies()[1].octets.clone()];
    assert_eq!(heard(second).statuses, [StatusCode::NO_ADDRS_AVAIL]);
    world.server.abandoned(&mut batch);
    assert_eq!(world.bind(2).names().len(), 2);
}

/// DHCP-S-061: that nothing is left is told only when it is known: leases of the book of which the
/// server was not told yet hide those that are free.
#[test]
fn exhaustion_is_told_only_when_it_is_known() {
    for order in [Order::Random, Order::Lowest] {
        let mut config = config();
        let pool = &mut config.links[0].pools[0];
        pool.order = order;
        pool.first = "2001:db8:1::1".parse().unwrap();
        pool.last = "2001:db8:1::1000".parse().unwrap();
        // All but the last 16 are taken, by one client that the server was not told of.
        let taken = (1..=0xff0_u128).map(|at| Lease {
            name: LeaseName::Address(Ipv6Addr::from_bits((0x2001_0db8_0001 << 80) + at)),
            kind: IaKind::Na,
            iaid: 1,
            state: LeaseState::Bound,
            clt: 1_700_000_000,
            preferred: 3000,
            valid: 4000,
        });
        let taken: Vec<Lease> = taken.collect();
        let mut world = World::new(config);
        for (number, leases) in (100..).zip(taken.chunks(64)) {
            let binding = Binding {
                link: LINK,
                client: Duid::new(&duid(number)).unwrap(),
                leases: leases.to_vec(),
                relay: None,
                options: Vec::new(),
            };
            world.store.commit(vec![Change::Put(binding)]).unwrap();
        }
        let ask = message(MessageType::SOLICIT, 1, |m| ia_na(m, 1, &[]));
        let mut unsure = 0;
        let given = loop {
            let (outcome, reply) = world.datagram(&by_relay(&ask));
            match outcome.did {
                Did::Answered(_) => break heard(&reply.unwrap()),
                Did::Dropped(why) => assert_eq!(why, Dropped::Unsure),
            }
            unsure += 1;
            assert!(unsure < 32, "each search learns");
        };
        assert_eq!((given.names().len(), given.statuses.len()), (1, 0));
    }
}

/// DHCP-S-039, DHCP-S-086: what was declined in vain, for the disk refused it, is told to nobody, and has
/// no probation.
#[test]
fn a_decline_that_was_not_kept_is_not_told() {
    let mut world = World::new(config());
    let had = world.bind(1).names();
    let decline = by_relay(&message(MessageType::DECLINE, 1, |m| {
        to_server(m);
        ia_na(m, 1, &had[..1]);
    }));
    world.in_vain(&decline);
    assert_eq!(world.server.take_notices(), []);
    assert_eq!((world.live(1), world.server.ends.len()), (had, 0));
    world.datagram(&decline);
    let notices = world.server.take_notices();
    assert!(
        matches!(notices[..], [Notice::Declined { .. }]),
        "{notices:?}"
    );
    assert_eq!((world.live(1).len(), world.server.ends.len()), (1, 1));
}

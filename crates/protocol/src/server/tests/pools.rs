//! What the pools know, and what becomes of it over time.

use super::*;
use crate::server::config::{Match, Reservation};

/// One address in the pool, and no prefixes.
fn one_address() -> Config {
    let mut config = config();
    config.links[0].pools[0].last = config.links[0].pools[0].first;
    config.links[0].prefix_pools.clear();
    config
}

fn ask(world: &mut World, kind: MessageType, client: u16, names: &[LeaseName]) -> Heard {
    world.ask(&message(kind, client, |m| {
        if kind != MessageType::SOLICIT {
            to_server(m);
        }
        ia_na(m, 1, names);
    }))
}

/// DHCP-S-023: a reserved address is nobody else's, also when it was on offer to its client and the
/// offer ran out.
#[test]
fn a_reserved_address_whose_offer_ran_out_is_still_reserved() {
    let mut config = one_address();
    let first = config.links[0].pools[0].first;
    config.links[0].reservations = vec![Reservation {
        whom: Match::Client(duid(1)),
        leases: vec![LeaseName::Address(first)],
        name: None,
        settings: Settings::default(),
    }];
    let mut world = World::new(config);
    let offered = ask(&mut world, MessageType::SOLICIT, 1, &[]);
    assert_eq!(offered.names(), [LeaseName::Address(first)]);
    world.wait(3600);
    let other = ask(&mut world, MessageType::REQUEST, 2, &[]);
    assert_eq!(other.statuses, [StatusCode::NO_ADDRS_AVAIL]);
    let own = ask(&mut world, MessageType::REQUEST, 1, &[]);
    assert_eq!(own.names(), [LeaseName::Address(first)]);
}

/// DHCP-S-060: a client that solicits what it has is shown it, and it stays its own when the time of
/// an offer is over.
#[test]
fn a_lease_shown_to_its_client_again_stays_taken() {
    let mut world = World::new(one_address());
    let own = ask(&mut world, MessageType::REQUEST, 1, &[]).names();
    assert_eq!(world.taken(), 1);
    assert_eq!(ask(&mut world, MessageType::SOLICIT, 1, &[]).names(), own);
    world.wait(600);
    world.server.all_told();
    let other = ask(&mut world, MessageType::SOLICIT, 2, &[]);
    assert_eq!(other.statuses, [StatusCode::NO_ADDRS_AVAIL]);
    assert_eq!(world.taken(), 1);
}

/// DHCP-S-065: an address that was on offer, and that others met as such, is free again when its
/// client asks for another one.
#[test]
fn an_offer_given_up_for_another_address_is_free_again() {
    let mut config = one_address();
    let first = config.links[0].pools[0].first.to_bits();
    config.links[0].pools[0].last = Ipv6Addr::from_bits(first + 1);
    config.links[0].pools[0].order = Order::Lowest;
    let names = [0, 1].map(|at| LeaseName::Address(Ipv6Addr::from_bits(first + at)));
    let mut world = World::new(config);
    assert_eq!(
        ask(&mut world, MessageType::SOLICIT, 1, &[]).names(),
        [names[0]]
    );
    // This one meets the first as taken, and gets the second.
    assert_eq!(
        ask(&mut world, MessageType::SOLICIT, 2, &[]).names(),
        [names[1]]
    );
    world.wait(60);
    assert_eq!(
        ask(&mut world, MessageType::SOLICIT, 1, &[]).names(),
        [names[0]]
    );
    assert_eq!(
        ask(&mut world, MessageType::REQUEST, 1, &[names[1]]).names(),
        [names[1]]
    );
    assert_eq!(
        ask(&mut world, MessageType::REQUEST, 5, &[]).names(),
        [names[0]]
    );
}

/// In a pool too large to have each lease on its list, renewing counts nothing twice.
#[test]
fn renewing_does_not_fill_a_large_pool() {
    let mut config = one_address();
    let first = config.links[0].pools[0].first.to_bits();
    config.links[0].pools[0].last = Ipv6Addr::from_bits(first + (1 << 40));
    let mut world = World::new(config);
    let names = ask(&mut world, MessageType::REQUEST, 1, &[]).names();
    for _ in 0..3 {
        world.wait(10);
        assert_eq!(
            ask(&mut world, MessageType::SOLICIT, 1, &names).names(),
            names
        );
        assert_eq!(
            ask(&mut world, MessageType::RENEW, 1, &names).names(),
            names
        );
        ask(&mut world, MessageType::SOLICIT, 2, &[]);
    }
    world.wait(600);
    ask(&mut world, MessageType::SOLICIT, 3, &[]);
    assert_eq!(world.taken(), 1);
    ask(&mut world, MessageType::RELEASE, 1, &names);
    assert_eq!(world.taken(), 0);
}

/// DHCP-S-034, DHCP-S-076: a client that may have no more than it has gets another address at once
/// where a reload takes one away; and, however often it asks, just one.
#[test]
fn a_client_at_its_limit_gets_something_for_what_a_reload_takes_away() {
    let mut config = config();
    config.leases_per_client = 2;
    let mut other = config.clone();
    let link = &mut other.links[0];
    link.relay_addresses = vec!["2001:db8:1::1".parse().unwrap()];
    link.on_link = vec!["2001:db8:2::/64".parse().unwrap()];
    link.pools[0].first = "2001:db8:2::10".parse().unwrap();
    link.pools[0].last = "2001:db8:2::1f".parse().unwrap();
    for kind in [MessageType::RENEW, MessageType::SOLICIT] {
        let mut world = World::new(config.clone());
        let had = world.bind(1).names();
        world.server.reconfigure(Arc::new(other.clone()));
        world.wait(100);
        let mut ask = |kind, iaid, names: &[LeaseName]| {
            let answer = world.ask(&message(kind, 1, |m| {
                if kind != MessageType::SOLICIT {
                    to_server(m);
                }
                ia_na(m, iaid, names);
            }));
            answer.names()
        };
        let given = ask(kind, 1, &had[..1]);
        assert_eq!(given.len(), 1, "{kind}");
        assert!(other.links[0].fits(given[0], leasebook_store::IaKind::Na));
        assert_eq!(ask(MessageType::REQUEST, 1, &given), given);
        // The former counts to its share as long as it may be in use, but for the IA that lost it.
        for iaid in 5..9 {
            assert!(ask(MessageType::REQUEST, iaid, &[]).is_empty());
        }
        assert_eq!(ask(MessageType::RENEW, 1, &given), given);
        assert_eq!(world.live(1), [given[0], had[1]]);
    }
}

/// DHCP-S-027: a client that renews what ended while the server was down has it again, and nobody
/// else is offered it.
#[test]
fn what_ended_during_a_pause_and_is_renewed_is_taken() {
    for last in [0, 1 << 40] {
        let mut config = one_address();
        let first = config.links[0].pools[0].first.to_bits();
        config.links[0].pools[0].last = Ipv6Addr::from_bits(first + last);
        config.links[0].pools[0].order = Order::Lowest;
        let mut world = World::new(config);
        let own = ask(&mut world, MessageType::REQUEST, 1, &[]).names();
        world.wait(3000);
        world.restart(&[1]);
        world.server.all_told();
        assert_eq!(ask(&mut world, MessageType::RENEW, 1, &own).names(), own);
        assert_eq!(world.taken(), 1);
        let other = ask(&mut world, MessageType::SOLICIT, 2, &[]).names();
        assert!(!other.contains(&own[0]));
        world.wait(3000);
        world.reclaim(&[1]);
        assert_eq!(world.taken(), 0);
    }
}

/// DHCP-S-061: what ended while the server was down is free at once.
#[test]
fn what_ended_during_a_pause_is_free() {
    let mut world = World::new(one_address());
    let own = ask(&mut world, MessageType::REQUEST, 1, &[]).names();
    world.wait(3000);
    world.restart(&[1]);
    world.server.all_told();
    assert_eq!(ask(&mut world, MessageType::REQUEST, 2, &[]).names(), own);
    world.reclaim(&[1, 2]);
    assert_eq!(world.taken(), 1);
}

/// DHCP-S-027: a binding that changes while the server learns what is taken, and is not met by that
/// any more, is taken with all that it has.
#[test]
fn what_moves_while_the_server_learns_is_taken() {
    let mut world = World::new(config());
    let had = world.bind(1).names();
    world.restart(&[]);
    assert_eq!(
        ask(&mut world, MessageType::RENEW, 1, &had[..1]).names(),
        had[..1]
    );
    world.server.all_told();
    assert_eq!(world.taken(), 2);
}

/// DHCP-S-065: without a time for offers, none is kept from anyone: not what two IAs of one message
/// met of each other's either.
#[test]
fn offers_that_are_not_kept_leave_the_pool_as_it_was() {
    let mut config = config();
    config.links[0].pools[0].order = Order::Lowest;
    config.offer_hold = 0;
    let mut world = World::new(config);
    let solicit = message(MessageType::SOLICIT, 1, |m| {
        ia_na(m, 1, &[]);
        ia_na(m, 2, &[]);
    });
    let offered = world.ask(&solicit).names();
    assert_eq!((offered.len(), world.taken()), (2, 0));
    assert_eq!(
        ask(&mut world, MessageType::REQUEST, 2, &[]).names(),
        offered[..1]
    );
    // What is bound is shown again, and stays taken.
    ask(&mut world, MessageType::SOLICIT, 2, &[]);
    assert_eq!(world.taken(), 1);
}

//! Addresses that clients made themselves and register (RFC 9686).

use leasebook_store::{
    Change, Cursor, Flow, LeaseState, LeaseStore, Progress, Record, Run, Stats, StoreError,
};

use super::*;
use crate::server::{ADDR_REG_INFORM, Dropped};

/// An address a client made itself (RFC 9686) is recorded where that is enabled, and is no lease.
#[test]
fn a_registered_address_is_recorded_and_is_no_lease() {
    let inform = |peer| {
        relayed(
            &message(ADDR_REG_INFORM, 1, |m| {
                m.nested(OptionCode::IAADDR, |lease| {
                    lease.put_ipv6("2001:db8:1::aaaa".parse().unwrap());
                    lease.put_u32(100);
                    lease.put_u32(200);
                    Ok(())
                })
                .unwrap();
            }),
            &[("2001:db8:1::1", peer, &[])],
        )
    };
    let mut world = World::new(config());
    assert_eq!(world.dropped(&inform("2001:db8:1::aaaa")), Dropped::Foreign);
    let mut config = config();
    config.register_addresses = true;
    let mut world = World::new(config);
    assert_eq!(
        world.dropped(&inform("2001:db8:1::bbbb")),
        Dropped::NothingToSay
    );
    let (_, reply) = world.datagram(&inform("2001:db8:1::aaaa"));
    assert_eq!(heard(&reply.unwrap()).kind, 37);
    assert!(world.live(1).is_empty());
    let record = world.store.binding(LINK, &duid(1)).unwrap().unwrap();
    assert_eq!(
        record.view().leases().next().unwrap().state,
        LeaseState::Registered
    );
}

/// DHCP-S-027: an address that is leased, or found in use, is not registered over that, not even by who leased it.
#[test]
fn a_leased_or_declined_address_is_not_registered() {
    let mut config = config();
    config.register_addresses = true;
    let mut world = World::new(config);
    let held = world.bind(1).names()[0];
    let LeaseName::Address(address) = held else {
        panic!("{held}")
    };
    let inform = |client| {
        let inform = message(ADDR_REG_INFORM, client, |m| {
            m.nested(OptionCode::IAADDR, |lease| {
                lease.put_ipv6(address);
                lease.put_u64(u64::MAX);
                Ok(())
            })
            .unwrap();
        });
        relayed(&inform, &[("2001:db8:1::1", &address.to_string(), &[])])
    };
    for client in [1, 2] {
        let why = world.dropped(&inform(client));
        assert_eq!(why, Dropped::NothingToSay);
    }
    assert_eq!(world.live(1).len(), 2);
    world.ask(&message(MessageType::DECLINE, 1, |m| {
        to_server(m);
        ia_na(m, 1, &[held]);
    }));
    let why = world.dropped(&inform(2));
    assert_eq!(why, Dropped::NothingToSay);
}

/// A server that registers addresses.
fn registering() -> World {
    let mut config = config();
    config.register_addresses = true;
    config.leases_per_client = 4;
    World::new(config)
}

/// The client registers the address, whose option has these lifetimes and this inside.
fn inform(client: u16, address: &str, times: [u32; 2], inside: &[u8]) -> Vec<u8> {
    let put = |m: &mut Composer<'_>| {
        m.nested(OptionCode::IAADDR, |lease| {
            lease.put_ipv6(address.parse().unwrap());
            lease.put_u32(times[0]);
            lease.put_u32(times[1]);
            lease.option(OptionCode(65_000), inside)
        })
        .unwrap();
    };
    let inform = message(ADDR_REG_INFORM, client, put);
    relayed(&inform, &[("2001:db8:1::1", address, &[])])
}

/// That the server registers addresses is told to clients that ask, in every answer that has options, where it does.
#[test]
fn that_addresses_are_registered_is_told_to_those_who_ask() {
    let asks = |kind, asks: bool| {
        message(kind, 1, |m| {
            if asks {
                m.option(OptionCode::ORO, &[0, 148]).unwrap();
            }
            if kind != MessageType::INFORMATION_REQUEST {
                ia_na(m, 1, &[]);
            }
        })
    };
    for kind in [MessageType::SOLICIT, MessageType::INFORMATION_REQUEST] {
        let told = |world: &mut World, is_asked| {
            let reply = world.ask(&asks(kind, is_asked));
            reply.option(OptionCode::ADDR_REG_ENABLE)
        };
        assert_eq!(told(&mut registering(), true), Some(Vec::new()));
        assert_eq!(told(&mut registering(), false), None);
        assert_eq!(told(&mut World::new(config()), true), None);
    }
}

/// The option of the address comes back as it was, whatever is in it.
#[test]
fn the_option_of_a_registered_address_comes_back_as_it_was() {
    let mut world = registering();
    // Preferred for longer than valid: no lease could be told so.
    let inform = inform(1, "2001:db8:1::aaaa", [300, 200], b"inside");
    let (_, reply) = world.datagram(&inform);
    let sent = inform
        .windows(38)
        .find(|part| part.starts_with(&[0, 5, 0, 34]));
    let reply = heard(&reply.unwrap());
    assert_eq!(reply.kind, 37);
    assert_eq!(
        reply.option(OptionCode::IAADDR).as_deref(),
        Some(&sent.unwrap()[4..])
    );
}

/// With an Option Request it is no message of RFC 9686 §4.2.1, nor with a SERVERID or without an address.
#[test]
fn what_registers_nothing_is_dropped() {
    let mut world = registering();
    let ask = |put: &dyn Fn(&mut Composer<'_>)| {
        let inform = message(ADDR_REG_INFORM, 1, |m| put(m));
        relayed(&inform, &[("2001:db8:1::1", "2001:db8:1::aaaa", &[])])
    };
    let address = |m: &mut Composer<'_>| {
        m.nested(OptionCode::IAADDR, |lease| {
            lease.put_ipv6("2001:db8:1::aaaa".parse().unwrap());
            lease.put_u64(0x64_0000_00c8);
            Ok(())
        })
        .unwrap();
    };
    assert_eq!(world.dropped(&ask(&|_| ())), Dropped::Malformed);
    let with_oro = ask(&|m| {
        m.option(OptionCode::ORO, &[0, 23]).unwrap();
        address(m);
    });
    assert_eq!(world.dropped(&with_oro), Dropped::Malformed);
    let with_server = ask(&|m| {
        to_server(m);
        address(m);
    });
    assert_eq!(world.dropped(&with_server), Dropped::UnwantedServerId);
    assert!(world.datagram(&ask(&address)).1.is_some());
}

/// An address in a prefix that is delegated to the client, and to no other, may be registered.
#[test]
fn an_address_in_the_own_prefix_is_registered() {
    let mut world = registering();
    let had = world.bind(1).names();
    let LeaseName::Prefix { prefix, .. } = had[1] else {
        panic!("{had:?}")
    };
    let inside = Ipv6Addr::from_bits(prefix.to_bits() | 7).to_string();
    let by = |client| inform(client, &inside, [100, 200], b"");
    assert_eq!(world.dropped(&by(2)), Dropped::NothingToSay);
    let (_, reply) = world.datagram(&by(1));
    assert_eq!(heard(&reply.unwrap()).kind, 37);
    // It takes nothing away from what is leased.
    assert_eq!(world.live(1).len(), 2);
}

/// An address that is reserved is no one's to make.
#[test]
fn a_reserved_address_is_not_registered() {
    let mut config = config();
    config.register_addresses = true;
    config
        .reservations
        .push(crate::server::config::Reservation {
            whom: crate::server::config::Match::Client(duid(7)),
            leases: vec![address("2001:db8:1::aaaa")],
            name: None,
            settings: Settings::default(),
        });
    let mut world = World::new(config);
    let by = inform(1, "2001:db8:1::aaaa", [100, 200], b"");
    assert_eq!(world.dropped(&by), Dropped::NothingToSay);
}

/// DHCP-S-034: a client that makes addresses without end fills neither the book nor its record.
#[test]
fn registrations_are_bounded_and_forgotten() {
    let mut world = registering();
    let by = |number: u32, valid| inform(1, &format!("2001:db8:1::a:{number:x}"), [1, valid], b"");
    for number in 0..4 {
        assert!(world.datagram(&by(number, 1000)).1.is_some(), "{number}");
    }
    assert_eq!(world.dropped(&by(4, 1000)), Dropped::NothingToSay);
    // The same again only lasts longer.
    assert!(world.datagram(&by(3, 1000)).1.is_some());
    for round in 1..30 {
        world.wait(2000);
        assert!(world.datagram(&by(round * 10, 1000)).1.is_some(), "{round}");
    }
    let record = world.store.binding(LINK, &duid(1)).unwrap().unwrap();
    assert!(record.view().leases().count() < 12);
}

/// An address that is registered again is kept from others until the newest end, and counts once.
#[test]
fn an_address_registered_again_is_taken_until_its_newest_end() {
    let mut config = config();
    config.register_addresses = true;
    let first = config.links[0].pools[0].first;
    config.links[0].pools[0].last = first;
    config.links[0].prefix_pools.clear();
    let mut world = World::new(config);
    world.server.all_told();
    for _ in 0..2 {
        world.datagram(&inform(1, &first.to_string(), [100, 200], b""));
        world.wait(150);
        world.reclaim(&[]);
        assert_eq!(world.taken(), 1);
    }
    // The first end has passed, the second has not.
    let ask = message(MessageType::SOLICIT, 2, |m| ia_na(m, 1, &[]));
    assert_eq!(world.ask(&ask).statuses, [StatusCode::NO_ADDRS_AVAIL]);
    world.wait(100);
    world.reclaim(&[]);
    assert_eq!(world.taken(), 0);
    assert_eq!(world.ask(&ask).names(), [LeaseName::Address(first)]);
}

/// DHCP-S-034: a client that registers an address again and again, each time for another time, costs
/// no more than one that does so once; and none is registered for longer than a month.
#[test]
fn an_address_has_one_end_however_often_it_is_registered() {
    let mut world = registering();
    let by = |valid| inform(1, "2001:db8:1::aaaa", [valid, valid], b"");
    for valid in (1000..1100).chain([u32::MAX]) {
        assert!(world.datagram(&by(valid)).1.is_some());
    }
    assert_eq!(world.server.ends.len(), 1);
    let record = world.store.binding(LINK, &duid(1)).unwrap().unwrap();
    let lease = record.view().leases().next().unwrap();
    assert_eq!((lease.preferred, lease.valid), (2_592_000, 2_592_000));
}

/// DHCP-S-034: a registration that ends leaves the book, also if the server was down then.
#[test]
fn what_was_registered_leaves_the_book_when_it_ends() {
    for is_down in [false, true] {
        let mut world = registering();
        for (client, address) in [(1, "2001:db8:1::11"), (2, "2001:db8:1::a")] {
            let by = inform(client, address, [100, 200], b"");
            assert!(world.datagram(&by).1.is_some());
        }
        let had = world.bind(2).names();
        world.wait(150);
        world.reclaim(&[]);
        assert_eq!(
            (world.store.stats().unwrap().bindings, world.taken()),
            (2, 3)
        );
        world.wait(100);
        if is_down {
            world.restart(&[1, 2]);
        }
        world.reclaim(&[]);
        assert!(world.store.binding(LINK, &duid(1)).unwrap().is_none());
        let record = world.store.binding(LINK, &duid(2)).unwrap().unwrap();
        assert_eq!(record.view().leases().count(), 2);
        assert_eq!((world.live(2), world.taken()), (had, 2));
        assert_eq!(world.server.ends.len(), 0);
    }
}

/// DHCP-S-027: the end of an address that was registered in a delegated prefix, or of the attempt,
/// frees nothing of the prefix.
#[test]
fn the_end_of_an_address_in_a_prefix_leaves_the_prefix_taken() {
    let mut world = registering();
    let had = world.bind(1).names();
    let LeaseName::Prefix { prefix, .. } = had[1] else {
        panic!("{had:?}")
    };
    let inside = Ipv6Addr::from_bits(prefix.to_bits() | 7).to_string();
    let by = inform(1, &inside, [100, 200], b"");
    world.in_vain(&by);
    assert_eq!((world.taken(), world.server.ends.len()), (2, 0));
    assert!(world.datagram(&by).1.is_some());
    world.wait(200);
    world.reclaim(&[]);
    assert_eq!((world.live(1), world.taken()), (had, 2));
}

/// Of two options of addresses, one of which is none, the one that was read comes back.
#[test]
fn the_option_that_was_registered_comes_back() {
    let mut world = registering();
    let octets = message(ADDR_REG_INFORM, 1, |m| {
        m.option(OptionCode::IAADDR, b"no address").unwrap();
        m.nested(OptionCode::IAADDR, |lease| {
            lease.put_ipv6("2001:db8:1::aaaa".parse().unwrap());
            lease.put_u64(0x64_0000_00c8);
            Ok(())
        })
        .unwrap();
    });
    let octets = relayed(&octets, &[("2001:db8:1::1", "2001:db8:1::aaaa", &[])]);
    let (_, reply) = world.datagram(&octets);
    let told = heard(&reply.unwrap()).option(OptionCode::IAADDR).unwrap();
    assert_eq!(told.len(), 24);
}

/// A book that cannot be read.
struct Unreadable;

fn unreadable() -> StoreError {
    let reason = "a test".to_owned();
    StoreError::ReadOnly { reason }
}

impl LeaseStore for Unreadable {
    fn commit(&self, _: Vec<Change>) -> Result<u64, StoreError> {
        Err(unreadable())
    }

    fn last_seq(&self) -> u64 {
        0
    }

    fn scan(
        &self,
        _: &mut Cursor,
        _: u64,
        _: &mut dyn FnMut(Run<'_>) -> Flow,
    ) -> Result<Progress, StoreError> {
        Err(unreadable())
    }

    fn binding(&self, _: LinkId, _: &[u8]) -> Result<Option<Record>, StoreError> {
        Err(unreadable())
    }

    fn holder(&self, _: LeaseName) -> Result<Option<Record>, StoreError> {
        Err(unreadable())
    }

    fn stats(&self) -> Result<Stats, StoreError> {
        Err(unreadable())
    }
}

/// The end of a registration is not forgotten when the book cannot be read just then.
#[test]
fn the_end_of_a_registration_waits_for_a_book_that_can_be_read() {
    let mut world = registering();
    world.datagram(&inform(1, "2001:db8:1::11", [100, 200], b""));
    world.wait(200);
    let mut batch = Batch::default();
    let failed = world
        .server
        .reclaim(world.now, &[], &Unreadable, &mut batch);
    assert!(failed.is_err());
    assert_eq!(world.taken(), 1);
    world.reclaim(&[]);
    assert_eq!((world.taken(), world.server.ends.len()), (0, 0));
}

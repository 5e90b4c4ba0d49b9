//! What stays, what is kept on disk, and what time does to it.

use super::*;

const A: &str = "2001:db8:100::/56";
const B: &str = "2001:db8:100:100::/56";

/// A world in which clients 1 and 2 have a prefix each, the second for ever.
fn two_clients() -> World {
    let mut world = World::new();
    world.reply(0, 1, |reply| ia_pd(reply, 9, [0, 0], &[(A, 100, 200)]));
    let forever = u32::MAX;
    world.reply(5, 2, |reply| {
        ia_pd(reply, 9, [0, 0], &[(B, forever, forever)]);
    });
    world
}

/// All that is kept, ten seconds in.
fn kept_of(world: &World) -> Vec<Kept> {
    let relay = &world.relay;
    let all = relay.table().iter();
    all.filter_map(|one| relay.kept(at(10).mono, one)).collect()
}

fn own() -> Vec<Ipv6Addr> {
    vec![ip("2001:db8:7::1"), ip("2001:db8:5::fe")]
}

/// RELAY-066: routes are wanted while their interface is down or gone, until they run out.
#[test]
fn what_is_delegated_stays_while_its_interface_is_down() {
    let mut world = two_clients();
    world.relay.set_ports(Vec::new(), own());
    assert_eq!(world.relay.take_changes(), []);
    assert_eq!(world.relay.table().wanted().count(), 2);
    assert_eq!(world.expire(199), []);
    // Back again with another number: what has not run out meanwhile is asked for again.
    assert_eq!(world.expire(200), [gone(A)]);
    let back = vec![port("eth7", 70, "2001:db8:7::1")];
    world.relay.set_ports(back, own());
    assert_eq!(world.relay.take_changes(), [via(2, B)]);
}

/// RELAY-082: nothing depends on the relay's clock being right: lifetimes follow the monotonic
/// clock, whatever the other one does meanwhile.
#[test]
fn the_wall_clock_may_jump() {
    let mut world = World::new();
    for (seconds, wall) in [(0, 1_700_000_000), (10, 0), (20, u64::MAX)] {
        let now = Now {
            wall,
            ..at(seconds)
        };
        let reply = message(MessageType::REPLY, 1, |reply| {
            ia_pd(reply, 9, [0, 0], &[(A, 10, 20)]);
        });
        let octets = wrapped(&reply, "2001:db8:7::1", "fe80::1", Some(b"eth7"));
        let arrival = Arrival {
            from: SocketAddrV6::new(ip(SERVER), 547, 0, 0),
            to: ip("2001:db8:5::fe"),
            interface: 2,
        };
        let heard = world
            .relay
            .datagram(now, &arrival, &[], &octets, &mut world.out);
        assert!(heard.is_ok());
        let held = world.relay.table().get(net(A)).unwrap();
        assert_eq!(held.valid_until, Some(at(seconds + 20).mono));
    }
    world.relay.take_changes();
    assert_eq!(world.expire(39), []);
    assert_eq!(world.expire(40), [gone(A)]);
}

/// RELAY-056: PD_EXCLUDE changes nothing about the route of the prefix, though the relay's own
/// address on the link lies in what it keeps out; without it the prefix is refused.
#[test]
fn an_excluded_part_changes_no_route() {
    let excluding = |world: &mut World, exclude: &[u8]| {
        world.reply(0, 1, |reply| {
            let put = |ia: &mut Composer<'_>| {
                ia.nested(OptionCode::IAPREFIX, |lease| {
                    lease.put_u32(10);
                    lease.put_u32(20);
                    lease.put_u8(56);
                    lease.put_ipv6(ip("2001:db8:7::"));
                    lease.option(OptionCode::PD_EXCLUDE, exclude)
                })
            };
            reply.ia_pd(9, [0, 0], put).unwrap();
        })
    };
    // The /64 of the link, with our address 2001:db8:7::1, is number 0 of the /56.
    let mut world = World::new();
    assert_eq!(excluding(&mut world, &[64, 1]), []);
    let set = via(1, "2001:db8:7::/56");
    assert_eq!(excluding(&mut world, &[64, 0]), [set]);
}

/// RELAY-056: what PD_EXCLUDE keeps out is told neither by servers nor from disk; on a link with one
/// other end the relay's own address there may be it.
#[test]
fn an_excluded_part_is_taken_for_granted_where_there_is_one_other_end() {
    let one = Kept {
        prefix: net("2001:db8:7::/56"),
        client: duid(1).into(),
        iaid: Some(1),
        interface: "eth7".to_owned(),
        via: Some(ip("fe80::1")),
        preferred: None,
        valid: None,
        heard_secs_ago: 0,
    };
    let mut world = World::new();
    assert!(!world.relay.restore(at(0).mono, &one));
    let mut eth7 = port("eth7", CUSTOMER, "2001:db8:7::1");
    eth7.fallback = Some(ports::Fallback::Interface);
    let mut world = World::with(config(), vec![eth7]);
    assert!(world.relay.restore(at(0).mono, &one));
    let others = Kept {
        prefix: net("2001:db8:5::/56"),
        ..one
    };
    assert!(!world.relay.restore(at(0).mono, &others));
}

/// RELAY-050: told again, a delegation tells still since when it is known, and from which message.
#[test]
fn a_delegation_tells_since_when_and_from_which_message() {
    let mut world = World::new();
    for seconds in [3, 50] {
        world.reply(seconds, 1, |reply| {
            ia_pd(reply, 9, [0, 0], &[(A, 100, 200)]);
        });
    }
    let held = world.relay.table().get(net(A)).unwrap();
    assert_eq!((held.since, held.told), (at(3).mono, at(50).mono));
    let learnt = Source::Learnt {
        from: ip(SERVER),
        xid: Xid([1, 2, 3]),
    };
    assert_eq!(held.source, learnt);
    // Another client's is another delegation.
    world.reply(60, 2, |reply| ia_pd(reply, 9, [0, 0], &[(A, 100, 200)]));
    let held = world.relay.table().get(net(A)).unwrap();
    assert_eq!(held.since, at(60).mono);
}

/// RELAY-065: what was kept on disk is routed again, marked as such, with what is left of its
/// lifetimes; what has run out, is known or is never routed is not taken.
#[test]
fn what_was_kept_is_routed_until_more_is_known() {
    let world = two_clients();
    let kept: Vec<Kept> = kept_of(&world);
    assert_eq!(kept[0].valid, Some(Duration::from_secs(190)));
    assert_eq!(kept[0].heard_secs_ago, 10);
    assert_eq!((kept[1].valid, kept[1].preferred), (None, None));

    let mut world = World::new();
    for one in &kept {
        assert!(world.relay.restore(at(1000).mono, one));
        assert!(!world.relay.restore(at(1000).mono, one));
    }
    assert_eq!(world.relay.take_changes(), [via(1, A), via(2, B)]);
    let held = world.relay.table().get(net(A)).unwrap();
    assert_eq!(held.source, Source::Cached);
    assert_eq!(held.valid_until, Some(at(1190).mono));
    let with = |prefix: &str, valid| Kept {
        prefix: net(prefix),
        valid,
        ..kept[0].clone()
    };
    let secs = |secs| Some(Duration::from_secs(secs));
    for refused in [
        with("2001:db8:200::/56", secs(0)),
        with("::/0", secs(10)),
        with("2001:db8:7::/48", secs(10)),
        with("2001:db8:100:100::/64", secs(10)),
    ] {
        assert!(!world.relay.restore(at(1000).mono, &refused), "{refused:?}");
    }
    // A reply makes it live, and the route stays as it is; the rest goes once all is told.
    let changes = world.reply(1001, 1, |reply| ia_pd(reply, 9, [0, 0], &[(A, 100, 200)]));
    assert_eq!(changes, []);
    assert_eq!(world.relay.forget_kept(), 1);
    assert_eq!(world.relay.take_changes(), [gone(B)]);
}

/// RELAY-066: what was kept of an interface that is not there yet has its route when it comes.
#[test]
fn what_was_kept_waits_for_its_interface() {
    let kept: Vec<Kept> = kept_of(&two_clients());
    let mut world = World::with(config(), Vec::new());
    assert!(world.relay.restore(at(0).mono, &kept[0]));
    world.relay.take_changes();
    assert!(world.relay.table().wanted().count() == 1);
    world
        .relay
        .set_ports(vec![port("eth7", 9, "2001:db8:7::1")], own());
    assert_eq!(world.relay.take_changes(), [via(1, A)]);
}

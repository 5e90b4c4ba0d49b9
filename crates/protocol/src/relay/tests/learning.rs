//! What replies and releases do to the routes.

use super::*;

const A: &str = "2001:db8:100::/56";
const B: &str = "2001:db8:100:100::/56";

/// RELAY-047, RELAY-049, RELAY-050, RELAY-057, RELAY-058: a REPLY passed on gives its prefixes a
/// route of their length to the client, until they run out.
#[test]
fn a_reply_gives_a_route_until_it_runs_out() {
    let mut world = World::new();
    let changes = world.reply(0, 1, |reply| ia_pd(reply, 9, [5, 8], &[(A, 10, 20)]));
    assert_eq!(changes, [via(1, A)]);
    let held = world.relay.table().get(net(A)).unwrap();
    assert_eq!(held.iaid, Some(9));
    assert_eq!(*held.client, duid(1));
    assert_eq!(held.valid_until, Some(at(20).mono));
    assert_eq!(world.relay.deadline(), Some(at(20).mono));
    // A renewal moves the end, and the route stays as it is.
    let changes = world.reply(10, 1, |reply| ia_pd(reply, 9, [5, 8], &[(A, 10, 20)]));
    assert_eq!(changes, []);
    assert_eq!(world.expire(29), []);
    assert_eq!(world.expire(30), [gone(A)]);
    assert!(world.relay.table().is_empty());
    assert_eq!(world.relay.deadline(), None);
}

/// RELAY-041, RELAY-042: several prefixes, each with its own lifetimes, in one and several IA_PDs.
#[test]
fn a_client_has_several_prefixes() {
    let mut world = World::new();
    let changes = world.reply(0, 1, |reply| {
        ia_pd(reply, 1, [0, 0], &[(A, 10, 20), (B, 10, 40)]);
        ia_pd(reply, 2, [0, 0], &[("2001:db8:200::/48", 10, u32::MAX)]);
    });
    assert_eq!(changes.len(), 3);
    assert_eq!(world.expire(20), [gone(A)]);
    assert_eq!(world.expire(40), [gone(B)]);
    assert_eq!(world.expire(u64::from(u32::MAX)), []);
    assert_eq!(world.relay.table().len(), 1);
}

/// RELAY-048, D-41: a RELEASE ends the prefixes it names at once, if DUID, IAID and port are theirs.
#[test]
fn a_release_ends_what_it_names() {
    let mut world = World::new();
    world.reply(0, 1, |reply| {
        ia_pd(reply, 1, [0, 0], &[(A, 10, 20), (B, 10, 20)]);
    });
    let release = |client, iaid, prefixes: &[(&str, u32, u32)]| {
        message(MessageType::RELEASE, client, |m| {
            ia_pd(m, iaid, [0, 0], prefixes);
        })
    };
    for (octets, interface) in [
        (release(2, 1, &[(A, 0, 0)]), CUSTOMER),
        (release(1, 7, &[(A, 0, 0)]), CUSTOMER),
        (release(1, 1, &[(A, 0, 0)]), 8),
        (release(1, 1, &[]), CUSTOMER),
        (release(1, 1, &[("2001:db8:100::/57", 0, 0)]), CUSTOMER),
    ] {
        world.hear(1, "fe80::1", interface, &octets).unwrap();
        assert_eq!(world.relay.take_changes(), []);
    }
    let octets = release(1, 1, &[(A, 0, 0)]);
    let (to, _) = world.hear(1, "fe80::1", CUSTOMER, &octets).unwrap();
    assert_eq!(to.len(), 1, "it is relayed all the same");
    assert_eq!(world.relay.take_changes(), [gone(A)]);
    assert!(world.relay.table().get(net(B)).is_some());
}

/// RELAY-051: valid lifetime 0 ends a prefix at once; a Reply without it, or with NoBinding,
/// leaves it as it was.
#[test]
fn a_reply_ends_a_prefix_by_zero_only() {
    let mut world = World::new();
    world.reply(0, 1, |reply| ia_pd(reply, 1, [0, 0], &[(A, 10, 20)]));
    let no_binding = |reply: &mut Composer<'_>| {
        reply
            .ia_pd(1, [0, 0], |ia| ia.option(OptionCode::STATUS_CODE, &[0, 3]))
            .unwrap();
    };
    assert_eq!(world.reply(1, 1, no_binding), []);
    assert_eq!(world.reply(2, 1, |_| {}), []);
    // Another client's zero is not this one's.
    let zero = |reply: &mut Composer<'_>| ia_pd(reply, 1, [0, 0], &[(A, 0, 0)]);
    assert_eq!(world.reply(3, 2, zero), []);
    assert_eq!(world.reply(4, 1, zero), [gone(A)]);
}

/// RELAY-052: what the client has to discard is not learnt.
#[test]
fn what_a_client_discards_is_not_learnt() {
    let mut world = World::new();
    let preferred_above = |reply: &mut Composer<'_>| ia_pd(reply, 1, [0, 0], &[(A, 30, 20)]);
    assert_eq!(world.reply(0, 1, preferred_above), []);
    let t1_above = |reply: &mut Composer<'_>| ia_pd(reply, 1, [9, 8], &[(A, 10, 20)]);
    assert_eq!(world.reply(0, 1, t1_above), []);
    let t2_open = |reply: &mut Composer<'_>| ia_pd(reply, 1, [9, 0], &[(A, 10, 20)]);
    assert_eq!(world.reply(0, 1, t2_open), [via(1, A)]);
}

/// RELAY-049, D-40: only REPLY teaches, and only if we are the first router from the client.
#[test]
fn learns_from_replies_to_clients_of_its_links_alone() {
    let mut world = World::new();
    let put = |m: &mut Composer<'_>| ia_pd(m, 1, [0, 0], &[(A, 10, 20)]);
    let advertise = message(MessageType::ADVERTISE, 1, put);
    let reply = message(MessageType::REPLY, 1, put);
    let beyond = wrapped(&reply, "2001:db8:9::1", "fe80::1", Some(b"p1"));
    for inner in [&advertise, &beyond] {
        let octets = wrapped(inner, "2001:db8:7::1", "fe80::a", Some(b"eth7"));
        world.hear(0, SERVER, 2, &octets).unwrap();
        assert_eq!(world.relay.take_changes(), []);
    }
    // A lightweight relay on the same link: the client is at the innermost level.
    let lightweight = wrapped(&reply, "::", "fe80::1", Some(b"p1"));
    let octets = wrapped(&lightweight, "2001:db8:7::1", "fe80::a", Some(b"eth7"));
    world.hear(0, SERVER, 2, &octets).unwrap();
    assert_eq!(world.relay.take_changes(), [via(1, A)]);
}

/// RELAY-054: some prefixes are never routed, whoever gives them.
#[test]
fn some_prefixes_are_never_routed() {
    let mut world = World::new();
    for bad in [
        "::/0",
        "fe80::/56",
        "fd00::/8",
        "ff05::/16",
        "::/8",
        "2001:db8:7::/56",
        "2001:db8::/32",
    ] {
        let changes = world.reply(0, 1, |reply| ia_pd(reply, 1, [0, 0], &[(bad, 10, 20)]));
        let is_refused = bad != "fd00::/8";
        assert_eq!(changes.is_empty(), is_refused, "{bad}");
        let notices = world.notices();
        let refused = |notice: &Notice| matches!(notice, Notice::Refused { server: None, .. });
        assert_eq!(notices.iter().any(refused), is_refused, "{bad}");
    }
}

/// RELAY-055: a Reply for another client's prefix, inside or around it, ends the older binding.
#[test]
fn a_newer_reply_displaces_another_clients() {
    for newer in [A, "2001:db8:100::/60", "2001:db8::/40"] {
        let mut world = World::new();
        world.reply(0, 1, |reply| ia_pd(reply, 1, [0, 0], &[(A, 10, 20)]));
        world.notices();
        let newer = if newer == "2001:db8::/40" {
            "2001:db8:100::/40"
        } else {
            newer
        };
        let changes = world.reply(1, 2, |reply| ia_pd(reply, 1, [0, 0], &[(newer, 10, 20)]));
        let routes: Vec<_> = world
            .relay
            .table()
            .wanted()
            .map(|(prefix, _)| prefix)
            .collect();
        assert_eq!(routes, [net(newer)]);
        assert!(changes.contains(&via(2, newer)), "{changes:?}");
        let displaced = |notice: &Notice| matches!(notice, Notice::Displaced { .. });
        assert_eq!(
            world.notices().iter().filter(|one| displaced(one)).count(),
            1
        );
    }
    // A client's own prefixes may lie within one another.
    let mut world = World::new();
    world.reply(0, 1, |reply| ia_pd(reply, 1, [0, 0], &[(A, 10, 20)]));
    world.reply(1, 1, |reply| {
        ia_pd(reply, 1, [0, 0], &[("2001:db8:100::/60", 10, 20)]);
    });
    assert_eq!(world.relay.table().len(), 2);
}

/// RELAY-044, RELAY-045, RELAY-046: the limits of client and port hold, by default 8 a client;
/// what was routed before stays so.
#[test]
fn limits_hold() {
    let prefix = |number: u16| format!("2001:db8:{:x}::/48", 0x100 + number);
    let mut world = World::new();
    for number in 0..10 {
        world.reply(0, 1, |reply| {
            ia_pd(reply, 1, [0, 0], &[(&prefix(number), 10, 20)]);
        });
    }
    assert_eq!(world.relay.table().routed(), 8);
    let beyond = |notice: &Notice| {
        matches!(
            notice,
            Notice::BeyondLimit {
                limit: 8,
                is_clients: true,
                ..
            }
        )
    };
    assert_eq!(world.notices().iter().filter(|one| beyond(one)).count(), 2);
    // Renewing one that is routed is no further one.
    world.reply(5, 1, |reply| {
        ia_pd(reply, 1, [0, 0], &[(&prefix(0), 10, 20)]);
    });
    assert!(world.notices().is_empty());
    let mut tight = config();
    tight.limits = Limits {
        per_client: 8,
        per_port: 3,
    };
    let mut world = World::with(tight, ports());
    for number in 0..5_u8 {
        world.reply(0, number, |reply| {
            ia_pd(reply, 1, [0, 0], &[(&prefix(number.into()), 10, 20)]);
        });
    }
    assert_eq!(world.relay.table().routed(), 3);
}

/// RELAY-045, RELAY-055, D-42: a prefix that another client had counts like any other, and is no longer the other's.
#[test]
fn the_limit_holds_for_what_another_client_had() {
    let mut tight = config();
    tight.limits.per_client = 1;
    let mut world = World::with(tight, ports());
    for (number, prefix) in [(1, "2001:db8:a::/48"), (2, "2001:db8:b::/48")] {
        world.reply(0, number, |reply| {
            ia_pd(reply, 1, [0, 0], &[(prefix, 10, 20)]);
        });
    }
    let changes = world.reply(1, 2, |reply| {
        ia_pd(reply, 1, [0, 0], &[("2001:db8:a::/48", 10, 20)]);
    });
    assert_eq!(changes, [gone("2001:db8:a::/48")]);
    let own: Vec<_> = world.relay.table().of_client(&duid(2)).collect();
    assert_eq!(own.len(), 1);
    assert_eq!(own[0].prefix, net("2001:db8:b::/48"));
}

/// RELAY-043: the same DUID may have prefixes on two interfaces, unless configured otherwise; the
/// same prefix on another interface moves.
#[test]
fn a_client_on_two_interfaces() {
    for is_unique in [false, true] {
        let mut config = config();
        config.one_port_per_client = is_unique;
        let mut world = World::with(config, ports());
        world.reply(0, 1, |reply| ia_pd(reply, 1, [0, 0], &[(A, 10, 20)]));
        let reply = message(MessageType::REPLY, 1, |m| {
            ia_pd(m, 1, [0, 0], &[(B, 10, 20)]);
        });
        let octets = wrapped(&reply, "2001:db8:8::1", "fe80::1", Some(b"eth8"));
        world.hear(1, SERVER, 2, &octets).unwrap();
        assert_eq!(world.relay.table().len(), if is_unique { 1 } else { 2 });
    }
    let mut world = World::new();
    world.reply(0, 1, |reply| ia_pd(reply, 1, [0, 0], &[(A, 10, 20)]));
    let reply = message(MessageType::REPLY, 1, |m| {
        ia_pd(m, 1, [0, 0], &[(A, 10, 20)]);
    });
    let octets = wrapped(&reply, "2001:db8:8::1", "fe80::1", Some(b"eth8"));
    world.hear(1, SERVER, 2, &octets).unwrap();
    let hop = NextHop {
        port: PortNo(1),
        via: Some(ip("fe80::1")),
    };
    assert_eq!(world.relay.take_changes(), [RouteChange::Set(net(A), hop)]);
}

/// RELAY-053: addresses get host routes where that is configured, and a DECLINE ends them.
#[test]
fn addresses_get_host_routes_by_configuration() {
    let ia_na = |m: &mut Composer<'_>, times: u32| {
        m.ia_na(1, [0, 0], |ia| {
            ia.nested(OptionCode::IAADDR, |lease| {
                lease.put_ipv6(ip("2001:db8:7::1234"));
                lease.put_u32(times);
                lease.put_u32(times);
                Ok(())
            })
        })
        .unwrap();
    };
    let mut world = World::new();
    assert_eq!(world.reply(0, 1, |m| ia_na(m, 60)), []);
    let mut config = config();
    config.host_routes = true;
    let mut world = World::with(config, ports());
    assert_eq!(
        world.reply(0, 1, |m| ia_na(m, 60)),
        [via(1, "2001:db8:7::1234/128")]
    );
    let decline = message(MessageType::DECLINE, 1, |m| ia_na(m, 0));
    world.hear(1, "fe80::1", CUSTOMER, &decline).unwrap();
    assert_eq!(world.relay.take_changes(), [gone("2001:db8:7::1234/128")]);
}

/// RELAY-081: the operator can end one.
#[test]
fn the_operator_can_clear_one() {
    let mut world = World::new();
    world.reply(0, 1, |reply| ia_pd(reply, 1, [0, 0], &[(A, 10, 20)]));
    assert!(!world.relay.clear(net(B)));
    assert!(world.relay.clear(net(A)));
    assert_eq!(world.relay.take_changes(), [gone(A)]);
}

//! What a relay holds its clients, its peers and itself to.

use super::*;

const A: &str = "2001:db8:100::/56";

fn solicit(number: u8) -> Vec<u8> {
    message(MessageType::SOLICIT, number, |_| {})
}

/// RELAY-026: what is supplied for clients goes into an RSOO of its own, and only into the level
/// of a client's own message.
#[test]
fn options_are_supplied_for_clients() {
    let mut eth7 = port("eth7", CUSTOMER, "2001:db8:7::1");
    eth7.supplies = vec![(RSOO_ENABLED[0], b"\x03abc\0".to_vec())];
    eth7.is_trusted = true;
    let mut world = World::with(config(), vec![eth7]);
    let (_, octets) = world.hear(0, "fe80::c", CUSTOMER, &solicit(1)).unwrap();
    let supplied = level(&octets).options().first(OptionCode::RSOO).unwrap();
    assert_eq!(supplied.data, b"\0\x41\0\x05\x03abc\0");
    let forward = relay_message(
        MessageType::RELAY_FORW,
        0,
        &solicit(1),
        "::",
        "fe80::c",
        None,
    );
    let (_, octets) = world.hear(0, "fe80::a", CUSTOMER, &forward).unwrap();
    assert!(!level(&octets).options().contains(OptionCode::RSOO));
}

/// SEC-018: options that a relay supplies are taken from trusted relays alone, and from none where
/// that is configured.
#[test]
fn supplied_options_come_from_trusted_relays() {
    let mut out = Vec::new();
    let header = RelayHeader {
        msg_type: MessageType::RELAY_FORW,
        hop_count: 0,
        link_address: ip("::"),
        peer_address: ip("fe80::c"),
    };
    let mut forward = Composer::relay(&mut out, &header);
    forward.option(OptionCode::RSOO, &[]).unwrap();
    forward.option(OptionCode::RELAY_MSG, &solicit(1)).unwrap();
    forward.finish().unwrap();
    for (is_trusted, refuses, comes) in [
        (false, false, Err(Dropped::Untrusted)),
        (true, true, Err(Dropped::Rsoo)),
        (true, false, Ok(())),
    ] {
        let mut eth7 = port("eth7", CUSTOMER, "2001:db8:7::1");
        eth7.is_trusted = is_trusted;
        let mut config = config();
        config.refuses_rsoo = refuses;
        let mut world = World::with(config, vec![eth7]);
        let heard = world.hear(0, "fe80::a", CUSTOMER, &out).map(|_| ());
        assert_eq!(heard, comes);
    }
}

/// SEC-019: one interface's clients are relayed at its rate, and so is each client; neither takes
/// anything from other interfaces, nor from replies.
#[test]
fn clients_are_relayed_at_their_rate() {
    let relayed = |world: &mut World, seconds, from: &str, interface| {
        let all = (0..100).map(|_| world.hear(seconds, from, interface, &solicit(1)));
        let all: Vec<_> = all.collect();
        let dropped = all.iter().filter_map(|one| one.as_ref().err());
        assert!(dropped.clone().all(|why| *why == Dropped::TooOften));
        all.len() - dropped.count()
    };
    let mut limited = config();
    limited.port_rate = 10;
    let mut world = World::with(limited, ports());
    assert_eq!(relayed(&mut world, 0, "fe80::1", CUSTOMER), 40);
    assert_eq!(relayed(&mut world, 0, "fe80::2", CUSTOMER), 0);
    assert_eq!(relayed(&mut world, 0, "fe80::1", 8), 40);
    assert_eq!(relayed(&mut world, 1, "fe80::2", CUSTOMER), 10);
    let changes = world.reply(1, 1, |reply| ia_pd(reply, 9, [0, 0], &[(A, 10, 20)]));
    assert_eq!(changes, [via(1, A)]);

    let mut limited = config();
    limited.client_rate = 2;
    let mut world = World::with(limited, ports());
    assert_eq!(relayed(&mut world, 0, "fe80::1", CUSTOMER), 8);
    assert_eq!(relayed(&mut world, 0, "fe80::2", CUSTOMER), 8);
    assert_eq!(relayed(&mut world, 0, "fe80::1", 8), 8);
}

/// RELAY-023: a VLAN's number can be told.
#[test]
fn a_vlans_number_is_filled_in() {
    let text = RemoteIdText("{interface}:{vlan}:{link-layer}".to_owned());
    assert_eq!(text.fill("eth1.7", Some(7), &[2, 0xa]), b"eth1.7:7:02:0a");
    assert_eq!(text.fill("eth1", None, &[]), b"eth1::");
    assert!(text.tells_link_layer());
}

/// SEC-011: what is relayed to unicast servers leaves from the address that is configured, so that
/// they can be told from whom to take it.
#[test]
fn what_is_relayed_leaves_from_the_address_configured() {
    let mut config = config();
    config.source = Some(ip("2001:db8:5::fe"));
    let mut world = World::with(config, ports());
    let (to, _) = world.hear(0, "fe80::c", CUSTOMER, &solicit(1)).unwrap();
    assert_eq!(to, [SocketAddrV6::new(ip(SERVER), 547, 0, 0)]);
    let from = world.out.datagrams.iter().map(|one| one.from);
    assert_eq!(from.collect::<Vec<_>>(), [Some(ip("2001:db8:5::fe"))]);
}

/// RELAY-034: nothing a client sends is answered by the relay itself: all that leaves for it goes
/// to the servers, whatever the message and whatever the limits say.
#[test]
fn the_relay_answers_no_client() {
    let mut limited = config();
    limited.limits.per_client = 0;
    limited.client_rate = 4;
    let mut world = World::with(limited, ports());
    let server = SocketAddrV6::new(ip(SERVER), 547, 0, 0);
    let mut relayed = 0;
    for kind in 0..=255_u8 {
        let octets = message(MessageType(kind), 1, |m| {
            ia_pd(m, 1, [0, 0], &[(A, 10, 20)]);
        });
        // A new second each time, so that the rate lets some through and holds others.
        let seconds = u64::from(kind) / 8;
        if let Ok((to, _)) = world.hear(seconds, "fe80::c", CUSTOMER, &octets) {
            assert_eq!(to, [server], "type {kind}");
            relayed += 1;
        } else {
            assert!(world.out.datagrams.is_empty(), "type {kind}");
        }
    }
    assert!((50..256).contains(&relayed), "{relayed}");
}

/// SEC-021: a client has no more routes than its limit, and a port no more than its own, learnt
/// and recovered together; what is beyond is passed on all the same.
#[test]
fn limits_hold_for_learnt_and_kept_alike() {
    let mut limited = config();
    limited.limits = Limits {
        per_client: 2,
        per_port: 3,
    };
    let mut world = World::with(limited, ports());
    let prefix = |number: u8| format!("2001:db8:{number:x}00::/48");
    for number in 1..=5 {
        let one = Kept {
            prefix: net(&prefix(number)),
            client: duid(1).into(),
            iaid: Some(1),
            interface: "eth7".to_owned(),
            via: Some(ip("fe80::1")),
            preferred: None,
            valid: None,
            heard_secs_ago: 0,
        };
        assert_eq!(world.relay.restore(at(0).mono, &one), number <= 2);
    }
    for (client, number, is_routed) in [(1, 6, false), (2, 7, true), (3, 8, false)] {
        world.reply(0, client, |reply| {
            ia_pd(reply, 1, [0, 0], &[(&prefix(number), 10, 20)]);
        });
        let held = world.relay.table().get(net(&prefix(number)));
        assert_eq!(held.is_some(), is_routed, "{number}");
    }
    assert_eq!(world.relay.table().routed_on(PortNo(0)), 3);
}

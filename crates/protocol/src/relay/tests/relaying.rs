//! What is passed on, and what is not.

use leasebook_wire::option::ClientLinkLayerAddr;
use proptest::prelude::*;

use super::*;

fn solicit() -> Vec<u8> {
    message(MessageType::SOLICIT, 1, |_| {})
}

/// RELAY-001, RELAY-014, RELAY-015, RELAY-016, RELAY-018: a client's message goes octet for octet
/// into a RELAY-FORW that names the relay, the client, its link and the interface.
#[test]
fn a_clients_message_goes_to_the_server_as_it_is() {
    let mut world = World::new();
    let solicit = solicit();
    let (to, octets) = world.hear(0, "fe80::c", CUSTOMER, &solicit).unwrap();
    assert_eq!(to, [SocketAddrV6::new(ip(SERVER), 547, 0, 0)]);
    let level = level(&octets);
    assert_eq!(level.msg_type(), MessageType::RELAY_FORW);
    assert_eq!(level.hop_count(), 0);
    assert_eq!(level.link_address(), ip("2001:db8:7::1"));
    assert_eq!(level.peer_address(), ip("fe80::c"));
    assert_eq!(level.relayed(), Some(&solicit[..]));
    let option = |code| level.options().first(code).map(|option| option.data);
    assert_eq!(option(OptionCode::RELAY_ID), Some(RELAY_ID));
    assert_eq!(option(OptionCode::INTERFACE_ID), Some(&b"eth7"[..]));
}

/// RELAY-001: the Relay-ID can be switched off.
#[test]
fn the_relay_id_can_be_left_out() {
    let mut config = config();
    config.sends_relay_id = false;
    let mut world = World::with(config, ports());
    let (_, octets) = world.hear(0, "fe80::c", CUSTOMER, &solicit()).unwrap();
    assert!(!level(&octets).options().contains(OptionCode::RELAY_ID));
}

/// RELAY-008: every configured server gets the message.
#[test]
fn every_server_gets_it() {
    let mut config = config();
    let group = SocketAddrV6::new(ip("ff05::1:3"), 547, 0, 2);
    config.servers.push(group);
    let mut world = World::with(config, ports());
    let (to, _) = world.hear(0, "fe80::c", CUSTOMER, &solicit()).unwrap();
    assert_eq!(to.len(), 2);
    assert_eq!(to[1], group);
    assert_eq!(world.out.datagrams[1].interface, 2);
}

/// RELAY-023, RELAY-024, RELAY-025: the ids that are configured are filled in for each client.
#[test]
fn ids_are_filled_in() {
    let mut eth7 = port("eth7", CUSTOMER, "2001:db8:7::1");
    eth7.remote_id = Some((32473, RemoteIdText("olt-1/{interface}/{link-layer}".into())));
    eth7.subscriber_id = Some(RemoteIdText("line {interface}".into()));
    eth7.tells_link_layer = true;
    let config = config();
    let received = forward::Received {
        octets: &solicit(),
        source: ip("fe80::c"),
        link_layer: &[2, 0, 0, 0, 0xab, 1],
    };
    let mut octets = Vec::new();
    forward::forward(&config, Some(&eth7), &received, &mut octets).unwrap();
    let level = level(&octets);
    let options = level.options();
    let data = |code| options.first(code).unwrap().data;
    let remote = b"\0\0\x7e\xd9olt-1/eth7/02:00:00:00:ab:01";
    assert_eq!(data(OptionCode::REMOTE_ID), remote);
    assert_eq!(data(OptionCode::SUBSCRIBER_ID), b"line eth7");
    let told: ClientLinkLayerAddr<'_> = options.view().unwrap().unwrap();
    assert_eq!(told.address, [2, 0, 0, 0, 0xab, 1]);
}

/// RELAY-010, RELAY-012: what only servers send, and LEASEQUERY, is not relayed from clients.
#[test]
fn what_servers_send_is_not_relayed() {
    let mut world = World::new();
    for (kind, why) in [
        (MessageType::ADVERTISE, Dropped::ServerMessage),
        (MessageType::REPLY, Dropped::ServerMessage),
        (MessageType::RECONFIGURE, Dropped::ServerMessage),
        (MessageType::LEASEQUERY_REPLY, Dropped::ServerMessage),
        (MessageType::LEASEQUERY, Dropped::LeaseQuery),
    ] {
        let octets = message(kind, 1, |_| {});
        assert_eq!(world.hear(0, "fe80::c", CUSTOMER, &octets), Err(why));
    }
    let mut eth7 = port("eth7", CUSTOMER, "2001:db8:7::1");
    eth7.relays_leasequery = true;
    let mut world = World::with(config(), vec![eth7]);
    let query = message(MessageType::LEASEQUERY, 1, |_| {});
    assert!(world.hear(0, "fe80::c", CUSTOMER, &query).is_ok());
}

/// RELAY-011, RELAY-013, RELAY-040: unknown types and options, and options that are broken, pass.
#[test]
fn what_is_not_known_passes() {
    let mut world = World::new();
    for octets in [
        &[99, 1, 2, 3][..],
        &[1, 0, 0, 0, 0, 1, 0, 99, 5],
        &[200, 0, 0, 0, 9],
    ] {
        let (_, out) = world.hear(0, "fe80::c", CUSTOMER, octets).unwrap();
        assert_eq!(level(&out).relayed(), Some(octets));
    }
    for short in [&[][..], &[1], &[1, 2, 3]] {
        let dropped = world.hear(0, "fe80::c", CUSTOMER, short);
        assert_eq!(dropped, Err(Dropped::Malformed));
    }
}

/// RELAY-020, RELAY-021, RELAY-022: RELAY-FORW is relayed from trusted interfaces, one hop
/// further each time, up to the limit.
#[test]
fn relays_behind_a_trusted_interface_are_relayed() {
    let forward = |hops, link| {
        let kind = MessageType::RELAY_FORW;
        relay_message(kind, hops, &solicit(), link, "fe80::c", Some(b"p1"))
    };
    let mut world = World::new();
    let untrusted = world.hear(0, "fe80::a", CUSTOMER, &forward(0, "::"));
    assert_eq!(untrusted, Err(Dropped::Untrusted));
    let mut eth7 = port("eth7", CUSTOMER, "2001:db8:7::1");
    eth7.is_trusted = true;
    let mut world = World::with(config(), vec![eth7]);
    for hops in 0..8 {
        let inner = forward(hops, "::");
        let (_, octets) = world.hear(0, "fe80::a", CUSTOMER, &inner).unwrap();
        assert_eq!(level(&octets).hop_count(), hops + 1);
        assert_eq!(level(&octets).link_address(), ip("2001:db8:7::1"));
        assert_eq!(level(&octets).relayed(), Some(&inner[..]));
    }
    let too_far = world.hear(0, "fe80::a", CUSTOMER, &forward(8, "::"));
    assert_eq!(too_far, Err(Dropped::TooManyHops));
    let global = forward(0, "2001:db8:9::1");
    let (_, octets) = world.hear(0, "2001:db8:7::9", CUSTOMER, &global).unwrap();
    assert_eq!(level(&octets).link_address(), ip("::"));
}

/// RELAY-027: options supplied by relays are refused at any level where that is configured.
#[test]
fn supplied_options_can_be_refused() {
    let mut out = Vec::new();
    let header = RelayHeader {
        msg_type: MessageType::RELAY_FORW,
        hop_count: 0,
        link_address: ip("::"),
        peer_address: ip("fe80::c"),
    };
    let mut inner = Composer::relay(&mut out, &header);
    inner.option(OptionCode::RSOO, &[]).unwrap();
    inner.option(OptionCode::RELAY_MSG, &solicit()).unwrap();
    inner.finish().unwrap();
    let outer = relay_message(MessageType::RELAY_FORW, 1, &out, "::", "fe80::a", None);
    let mut eth7 = port("eth7", CUSTOMER, "2001:db8:7::1");
    eth7.is_trusted = true;
    let mut refusing = config();
    refusing.refuses_rsoo = true;
    let mut world = World::with(refusing, vec![eth7.clone()]);
    for octets in [&out, &outer] {
        let dropped = world.hear(0, "fe80::a", CUSTOMER, octets);
        assert_eq!(dropped, Err(Dropped::Rsoo));
    }
    let mut world = World::with(config(), vec![eth7]);
    assert!(world.hear(0, "fe80::a", CUSTOMER, &outer).is_ok());
}

/// RELAY-028: what would not fit into a datagram is dropped.
#[test]
fn what_would_not_fit_is_dropped() {
    let mut world = World::new();
    let mut largest = vec![1, 0, 0, 0];
    largest.resize(65_527, 0);
    let dropped = world.hear(0, "fe80::c", CUSTOMER, &largest);
    assert_eq!(dropped, Err(Dropped::TooLarge));
    assert!(world.out.octets.is_empty());
    largest.truncate(65_000);
    assert!(world.hear(0, "fe80::c", CUSTOMER, &largest).is_ok());
}

/// SEC-010: from the network RELAY-FORW is taken of listed relays only, and nothing else.
#[test]
fn relays_in_the_network_are_listed() {
    let forward = relay_message(
        MessageType::RELAY_FORW,
        0,
        &solicit(),
        "2001:db8:9::1",
        "fe80::c",
        None,
    );
    let mut world = World::new();
    let dropped = world.hear(0, "2001:db8:6::9", 2, &forward);
    assert_eq!(dropped, Err(Dropped::NotForUs));
    let mut listing = config();
    listing.relays = vec![net("2001:db8:6::/64")];
    let mut world = World::with(listing, ports());
    let (_, octets) = world.hear(0, "2001:db8:6::9", 2, &forward).unwrap();
    assert_eq!(level(&octets).link_address(), ip("::"));
    assert_eq!(level(&octets).peer_address(), ip("2001:db8:6::9"));
    let dropped = world.hear(0, "2001:db8:6::9", 2, &solicit());
    assert_eq!(dropped, Err(Dropped::NotForUs));
}

/// RELAY-029, RELAY-030, RELAY-033: what a RELAY-REPL holds goes unchanged to its peer, by the
/// interface that its INTERFACE_ID names, else its link-address.
#[test]
fn a_reply_goes_back_as_it_is() {
    let mut world = World::new();
    let reply = message(MessageType::ADVERTISE, 1, |_| {});
    for (link, id, index) in [
        ("2001:db8:7::1", Some(&b"eth8"[..]), 8),
        ("2001:db8:7::1", None, CUSTOMER),
        ("::", Some(b"eth7"), CUSTOMER),
    ] {
        let octets = wrapped(&reply, link, "fe80::c", id);
        let (to, out) = world.hear(0, SERVER, 2, &octets).unwrap();
        assert_eq!(to, [SocketAddrV6::new(ip("fe80::c"), 546, 0, index)]);
        assert_eq!(out, reply);
    }
    let nested = wrapped(&reply, "::", "fe80::c", Some(b"p1"));
    let octets = wrapped(&nested, "::", "2001:db8:6::9", None);
    let (to, out) = world.hear(0, SERVER, 2, &octets).unwrap();
    assert_eq!(to, [SocketAddrV6::new(ip("2001:db8:6::9"), 547, 0, 0)]);
    assert_eq!(out, nested);
}

/// RELAY-031: without an interface of ours a reply goes nowhere.
#[test]
fn a_reply_for_no_interface_is_dropped() {
    let mut world = World::new();
    let reply = message(MessageType::REPLY, 1, |_| {});
    for (link, peer, id) in [
        ("2001:db8:7::1", "fe80::c", Some(&b"eth9"[..])),
        ("2001:db8:9::1", "fe80::c", None),
        ("::", "fe80::c", None),
        ("2001:db8:7::1", "::", None),
    ] {
        let octets = wrapped(&reply, link, peer, id);
        let dropped = world.hear(0, SERVER, 2, &octets);
        assert_eq!(dropped, Err(Dropped::NoInterface));
    }
    let mut empty = wrapped(&[], "::", "fe80::c", Some(b"eth7"));
    let dropped = world.hear(0, SERVER, 2, &empty);
    assert_eq!(dropped, Err(Dropped::NothingRelayed));
    empty.truncate(20);
    assert_eq!(world.hear(0, SERVER, 2, &empty), Err(Dropped::Malformed));
}

/// RELAY-032: replies are taken from configured servers only; from anyone where a group is one.
#[test]
fn replies_come_from_servers() {
    let mut world = World::new();
    let reply = message(MessageType::REPLY, 1, |_| {});
    let octets = wrapped(&reply, "2001:db8:7::1", "fe80::c", None);
    let stranger = "2001:db8:5::2";
    assert_eq!(
        world.hear(0, stranger, 2, &octets),
        Err(Dropped::NotAServer)
    );
    let mut config = config();
    config.servers = vec![SocketAddrV6::new(ip("ff05::1:3"), 547, 0, 2)];
    let mut world = World::with(config, ports());
    assert!(world.hear(0, stranger, 2, &octets).is_ok());
}

/// RELAY-019: an interface that is made anew has another number and the same id.
#[test]
fn an_interface_made_anew_is_the_same_port() {
    let mut world = World::new();
    world.reply(0, 1, |reply| {
        ia_pd(reply, 1, [0, 0], &[("2001:db8:100::/56", 10, 20)]);
    });
    let own = world.relay.own_addresses(None).copied().collect::<Vec<_>>();
    assert!(world.relay.set_ports(Vec::new(), own.clone()).is_empty());
    assert!(world.relay.take_changes().is_empty());
    let fresh = world
        .relay
        .set_ports(vec![port("eth7", 70, "2001:db8:7::1")], own);
    assert_eq!(fresh, [PortNo(0)]);
    assert_eq!(world.relay.take_changes(), [via(1, "2001:db8:100::/56")]);
    assert!(world.hear(0, "fe80::c", 70, &solicit()).is_ok());
    assert_eq!(
        world.hear(0, "fe80::c", CUSTOMER, &solicit()),
        Err(Dropped::NotForUs)
    );
}

proptest! {
    /// Whatever octets come from either side, nothing panics and what is sent holds them whole.
    #[test]
    fn any_octets_pass_or_are_dropped(
        octets in proptest::collection::vec(any::<u8>(), 0..300),
        kind in prop_oneof![Just(12_u8), Just(13), 0_u8..30],
        is_server: bool,
    ) {
        let mut octets = octets;
        if let Some(first) = octets.first_mut() {
            *first = kind;
        }
        let mut eth7 = port("eth7", CUSTOMER, "2001:db8:7::1");
        eth7.is_trusted = true;
        let mut world = World::with(config(), vec![eth7]);
        let (from, interface) = if is_server { (SERVER, 2) } else { ("fe80::c", CUSTOMER) };
        if let Ok((_, out)) = world.hear(0, from, interface, &octets) {
            if kind == 13 {
                prop_assert!(octets.windows(out.len()).any(|window| window == out));
            } else {
                prop_assert_eq!(level(&out).relayed(), Some(&octets[..]));
            }
        }
    }
}

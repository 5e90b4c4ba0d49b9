//! Which messages are heard, and where clients are.

use proptest::prelude::*;

use super::*;
use crate::server::Dropped;

fn bare(kind: MessageType, put: impl FnOnce(&mut Composer<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    let mut message = Composer::client(&mut out, kind, Xid([1, 2, 3]));
    put(&mut message);
    message.finish().unwrap();
    out
}

fn other_server(message: &mut Composer<'_>) {
    message.option(OptionCode::SERVERID, &[0, 2, 9, 9]).unwrap();
}

/// DHCP-S-002: what servers do not hear is dropped.
#[test]
fn what_servers_do_not_hear_is_dropped() {
    let mut world = World::new(config());
    for kind in [2, 7, 10, 15, 99] {
        let octets = by_relay(&message(MessageType(kind), 1, |_| {}));
        assert_eq!(world.dropped(&octets), Dropped::Foreign, "{kind}");
    }
    let reply = relayed(
        &message(MessageType::SOLICIT, 1, |_| {}),
        &[("2001:db8:1::1", "fe80::1", &[])],
    );
    let mut back = reply;
    back[0] = 13;
    assert!(matches!(
        world.dropped(&back),
        Dropped::Foreign | Dropped::Malformed
    ));
}

/// DHCP-S-003: SOLICIT, CONFIRM and REBIND need a CLIENTID and no SERVERID.
#[test]
fn solicit_confirm_and_rebind_need_a_client_and_no_server() {
    let mut world = World::new(config());
    for kind in [
        MessageType::SOLICIT,
        MessageType::CONFIRM,
        MessageType::REBIND,
    ] {
        assert_eq!(
            world.dropped(&by_relay(&bare(kind, |_| {}))),
            Dropped::NoClientId
        );
        assert_eq!(
            world.dropped(&by_relay(&message(kind, 1, to_server))),
            Dropped::UnwantedServerId
        );
    }
}

/// DHCP-S-004: REQUEST, RENEW, DECLINE and RELEASE need a CLIENTID and our SERVERID.
#[test]
fn request_renew_decline_and_release_need_our_server_id() {
    let mut world = World::new(config());
    for kind in [
        MessageType::REQUEST,
        MessageType::RENEW,
        MessageType::DECLINE,
        MessageType::RELEASE,
    ] {
        assert_eq!(
            world.dropped(&by_relay(&bare(kind, to_server))),
            Dropped::NoClientId
        );
        assert_eq!(
            world.dropped(&by_relay(&message(kind, 1, |_| {}))),
            Dropped::NoServerId
        );
        assert_eq!(
            world.dropped(&by_relay(&message(kind, 1, other_server))),
            Dropped::OtherServer
        );
    }
}

/// DHCP-S-005: INFORMATION-REQUEST with an IA or for another server is dropped.
#[test]
fn information_request_with_an_ia_is_dropped() {
    let mut world = World::new(config());
    let kind = MessageType::INFORMATION_REQUEST;
    let with_ia = by_relay(&message(kind, 1, |m| ia_na(m, 1, &[])));
    assert_eq!(world.dropped(&with_ia), Dropped::UnwantedIa);
    assert_eq!(
        world.dropped(&by_relay(&message(kind, 1, other_server))),
        Dropped::OtherServer
    );
}

/// DHCP-S-007, DHCP-S-008, DHCP-S-009, DHCP-S-010: direct unicast is dropped, or told so where 8415's way is on.
#[test]
fn direct_unicast_is_dropped_or_told_so() {
    let mut config = config();
    let solicit = message(MessageType::SOLICIT, 1, |_| {});
    let request = message(MessageType::REQUEST, 1, |m| {
        to_server(m);
        ia_na(m, 1, &[]);
    });
    let mut world = World::new(config.clone());
    world.arrival.from.set_ip("2001:db8:1::7".parse().unwrap());
    assert_eq!(world.dropped(&solicit), Dropped::Unicast);
    assert_eq!(world.dropped(&request), Dropped::Unicast);
    config.obsolete.unicast = true;
    let mut world = World::new(config);
    world.arrival.from.set_ip("2001:db8:1::7".parse().unwrap());
    assert_eq!(world.dropped(&solicit), Dropped::Unicast);
    let (_, reply) = world.datagram(&request);
    let reply = heard(&reply.unwrap());
    assert_eq!(
        (reply.status, reply.leases.len()),
        (Some(StatusCode::USE_MULTICAST), 0)
    );
    assert_eq!(world.store.last_seq(), 0);
}

/// DHCP-S-015, DHCP-S-098: a client heard directly is on the link of its interface, and answered there.
#[test]
fn a_direct_client_is_on_the_link_of_its_interface() {
    let mut world = World::new(config());
    world.arrival = Arrival {
        from: SocketAddrV6::new("fe80::5".parse().unwrap(), 4000, 0, 3),
        to: "ff02::1:2".parse().unwrap(),
        interface: 3,
    };
    let solicit = message(MessageType::SOLICIT, 1, |m| ia_na(m, 1, &[]));
    assert_eq!(world.dropped(&solicit), Dropped::NoLink);
    world.server.set_interfaces(&[(3, LINK)]);
    let mut batch = Batch::default();
    world.server.datagram(
        world.now,
        &world.arrival,
        &solicit,
        &world.store,
        &mut batch,
    );
    let reply = &batch.replies()[0];
    assert_eq!(
        (reply.to.port(), reply.to.ip(), reply.interface),
        (546, world.arrival.from.ip(), 3)
    );
    assert_eq!(reply.from, None);
}

/// DHCP-S-016, DHCP-S-017, DHCP-S-018, DHCP-S-019, D-07: the link-address nearest to the client, then Interface-ID, then the interface.
#[test]
fn the_link_address_nearest_to_the_client_decides() {
    let mut config = config();
    let mut second = link();
    second.id = LinkId(2);
    second.name = "two".to_owned();
    second.on_link = vec!["2001:db8:2::/64".parse().unwrap()];
    second.interface_ids = vec![b"port-8".to_vec()];
    second.pools[0].first = "2001:db8:2::10".parse().unwrap();
    second.pools[0].last = "2001:db8:2::1f".parse().unwrap();
    config.links.push(second);
    let mut world = World::new(config);
    let solicit = message(MessageType::SOLICIT, 1, |m| ia_na(m, 1, &[]));
    let mut on_two = |levels: &[Level<'_>]| {
        let (_, reply) = world.datagram(&relayed(&solicit, levels));
        heard(&reply.unwrap()).names()[0] >= address("2001:db8:2::")
    };
    assert!(on_two(&[
        ("2001:db8:2::1", "fe80::1", &[]),
        ("2001:db8:1::1", "fe80::2", &[])
    ]));
    assert!(!on_two(&[
        ("::", "fe80::1", &[]),
        ("2001:db8:1::1", "fe80::2", &[])
    ]));
    let port = |id: &'static [u8]| [(OptionCode::INTERFACE_ID, id)];
    assert!(on_two(&[("::", "fe80::1", &port(b"port-8"))]));
    assert!(!on_two(&[("::", "fe80::1", &port(b"port-7"))]));
    let nowhere = relayed(&solicit, &[("::", "fe80::1", &port(b"port-9"))]);
    assert_eq!(world.dropped(&nowhere), Dropped::NoLink);
    world.server.set_interfaces(&[(3, LinkId(2))]);
    assert!(world.datagram(&nowhere).1.is_some());
    let unknown = relayed(
        &solicit,
        &[
            ("2001:db8:9::1", "fe80::1", &[]),
            ("2001:db8:1::1", "fe80::2", &[]),
        ],
    );
    assert_eq!(world.dropped(&unknown), Dropped::NoLink);
}

/// DHCP-S-012: times that clients send are nothing.
#[test]
fn times_that_clients_send_are_nothing() {
    let mut world = World::new(config());
    let reply = world.ask(&message(MessageType::REQUEST, 1, |m| {
        to_server(m);
        m.ia_na(1, [9, 3], |_| Ok(())).unwrap();
    }));
    assert_eq!((reply.times, reply.leases[0].2), (vec![(500, 800)], 2000));
}

#[test]
fn a_client_that_sends_too_much_is_not_heard() {
    let mut config = config();
    config.rates.per_client = 1;
    let mut world = World::new(config);
    let solicit = by_relay(&message(MessageType::SOLICIT, 1, |m| ia_na(m, 1, &[])));
    for _ in 0..4 {
        assert!(world.datagram(&solicit).1.is_some());
    }
    assert_eq!(world.dropped(&solicit), Dropped::TooOften);
    world.wait(2);
    assert!(world.datagram(&solicit).1.is_some());
}

proptest! {
    /// DHCP-S-006: whatever the octets, the server goes on, and answers only what it can read.
    #[test]
    fn any_octets_are_survived(octets in prop::collection::vec(any::<u8>(), 0..300), kind in 1_u8..14) {
        let mut world = World::new(config());
        world.datagram(&octets);
        let mut message = vec![kind, 1, 2, 3];
        message.extend_from_slice(&octets);
        world.datagram(&by_relay(&message));
    }

    /// DHCP-S-006: a message changed anywhere is survived.
    #[test]
    fn a_damaged_message_is_survived(at in 0_usize..200, to in any::<u8>(), cut in 0_usize..200) {
        let mut world = World::new(config());
        let mut octets = by_relay(&message(MessageType::REQUEST, 1, |m| {
            to_server(m);
            ia_na(m, 1, &[address("2001:db8:1::15")]);
            ia_pd(m, 2, &[("2001:db8:f000:300::".parse().unwrap(), 56)]);
        }));
        let last = octets.len() - 1;
        octets[at.min(last)] = to;
        world.datagram(&octets);
        octets.truncate(cut);
        world.datagram(&octets);
    }
}

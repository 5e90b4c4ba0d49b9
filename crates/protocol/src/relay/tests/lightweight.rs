//! The lightweight relay: what it takes from either side, and what it makes of it.

use std::collections::HashMap;

use proptest::prelude::*;

use super::super::lightweight::*;
use super::*;

const PORT1: u32 = 11;
const TRUSTED: u32 = 12;
const UPLINK: u32 = 20;
/// Of another bridge.
const ELSEWHERE: u32 = 30;
const ELSEWHERE_UP: u32 = 31;

const CLIENT: &str = "fe80::c1";
const SERVER_LINK: &str = "fe80::5e";
const CLIENT_MAC: LinkLayer = [2, 0, 0, 0, 0, 0xc1];
const SERVER_MAC: LinkLayer = [2, 0, 0, 0, 0, 0x5e];
const GROUP_MAC: LinkLayer = [0x33, 0x33, 0, 1, 0, 2];

fn client_facing(name: &str, is_trusted: bool) -> BridgePort {
    BridgePort {
        name: name.to_owned(),
        bridge: 1,
        role: Role::ClientFacing(ClientFacing {
            interface_id: name.as_bytes().to_vec(),
            is_trusted,
            remote_id: Some((9, RemoteIdText("{interface}/{link-layer}".to_owned()))),
            subscriber_id: Some(RemoteIdText("of {interface}".to_owned())),
            vlan: None,
        }),
    }
}

fn network_facing(bridge: u32) -> BridgePort {
    BridgePort {
        name: "up".to_owned(),
        bridge,
        role: Role::NetworkFacing,
    }
}

fn relay_with(rates: MessageRates) -> Lightweight {
    let mut relay = Lightweight::new(rates, 546, 547);
    let elsewhere = BridgePort {
        bridge: 2,
        ..client_facing("elsewhere", false)
    };
    relay.set_ports(HashMap::from([
        (PORT1, client_facing("port1", false)),
        (TRUSTED, client_facing("port2", true)),
        (UPLINK, network_facing(1)),
        (ELSEWHERE, elsewhere),
        (ELSEWHERE_UP, network_facing(2)),
    ]));
    relay
}

fn from_client(octets: &[u8]) -> Packet<'_> {
    Packet {
        link_source: CLIENT_MAC,
        link_destination: GROUP_MAC,
        source: ip(CLIENT),
        destination: ip("ff02::1:2"),
        source_port: 546,
        destination_port: 547,
        octets,
    }
}

fn from_server(octets: &[u8]) -> Packet<'_> {
    Packet {
        link_source: SERVER_MAC,
        link_destination: CLIENT_MAC,
        source: ip(SERVER_LINK),
        destination: ip(CLIENT),
        source_port: 547,
        destination_port: 547,
        octets,
    }
}

fn message(kind: u8) -> [u8; 4] {
    [kind, 1, 2, 3]
}

fn wrapped(kind: MessageType, hops: u8, (link, peer): (&str, &str), id: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    let header = RelayHeader {
        msg_type: kind,
        hop_count: hops,
        link_address: ip(link),
        peer_address: ip(peer),
    };
    let mut level = Composer::relay(&mut octets, &header);
    if !id.is_empty() {
        level.option(OptionCode::INTERFACE_ID, id).unwrap();
    }
    level.option(OptionCode::RELAY_MSG, &message(7)).unwrap();
    level.finish().unwrap();
    octets
}

fn reply(link_and_peer: (&str, &str), id: &[u8]) -> Vec<u8> {
    wrapped(MessageType::RELAY_REPL, 0, link_and_peer, id)
}

/// What becomes of a packet with the default settings.
fn heard(interface: u32, packet: &Packet<'_>) -> (Option<Result<Passed, Dropped>>, Leaving) {
    let mut leaving = Leaving::default();
    let mut relay = relay_with(MessageRates::default());
    let passed = relay.packet(at(0).mono, interface, packet, &mut leaving);
    (passed, leaving)
}

fn dropped(interface: u32, packet: &Packet<'_>) -> Dropped {
    heard(interface, packet).0.unwrap().unwrap_err()
}

/// RELAY-037: link-address is `::`, peer-address the source, and INTERFACE_ID is there; the message
/// is in it octet for octet.
#[test]
fn a_clients_message_is_wrapped() {
    let (passed, leaving) = heard(PORT1, &from_client(&message(1)));
    let passed = passed.unwrap().unwrap();
    assert_eq!((passed.client_facing, passed.is_reply), (PORT1, false));
    assert_eq!(leaving.destination_port, 547);
    let level = RelayMessage::parse(&leaving.octets).unwrap();
    assert_eq!(level.hop_count(), 0);
    assert!(level.link_address().is_unspecified());
    assert_eq!(level.peer_address(), ip(CLIENT));
    assert_eq!(level.relayed(), Some(&message(1)[..]));
    let option = |code| level.options().first(code).map(|found| found.data.to_vec());
    assert_eq!(option(OptionCode::INTERFACE_ID), Some(b"port1".to_vec()));
    let remote = [&[0, 0, 0, 9][..], b"port1/02:00:00:00:00:c1"].concat();
    assert_eq!(option(OptionCode::REMOTE_ID), Some(remote));
    assert_eq!(
        option(OptionCode::SUBSCRIBER_ID),
        Some(b"of port1".to_vec())
    );
}

/// RELAY-035: what clients of a bridge send leaves by its network-facing interfaces and no other.
#[test]
fn messages_leave_by_the_network_facing_interface_of_their_bridge() {
    assert_eq!(
        heard(PORT1, &from_client(&message(1))).1.interfaces,
        [UPLINK]
    );
    let elsewhere = heard(ELSEWHERE, &from_client(&message(1))).1.interfaces;
    assert_eq!(elsewhere, [ELSEWHERE_UP]);
    assert_eq!(heard(99, &from_client(&message(1))).0, None);
}

/// RELAY-036: only what is for the group at port 547 is taken from clients.
#[test]
fn other_traffic_of_clients_is_left_alone() {
    let octets = message(1);
    let to = |destination, destination_port| Packet {
        destination: ip(destination),
        destination_port,
        ..from_client(&octets)
    };
    for packet in [
        to("ff05::1:3", 547),
        to(SERVER_LINK, 547),
        to("ff02::1:2", 546),
    ] {
        assert_eq!(heard(PORT1, &packet).0, None, "{packet:?}");
    }
}

/// RELAY-038: what only servers send is dropped from clients, and RELAY-FORW where nobody is trusted.
#[test]
fn messages_are_dropped_by_type_and_trust() {
    for kind in [2, 7, 10, 13] {
        for interface in [PORT1, TRUSTED] {
            let why = dropped(interface, &from_client(&message(kind)));
            assert_eq!(why, Dropped::ServerMessage, "{kind}");
        }
    }
    for kind in [1, 3, 4, 5, 6, 8, 9, 11, 14, 200] {
        assert!(
            heard(PORT1, &from_client(&message(kind)))
                .0
                .unwrap()
                .is_ok()
        );
    }
    let nested = wrapped(MessageType::RELAY_FORW, 0, ("::", CLIENT), b"x");
    assert_eq!(dropped(PORT1, &from_client(&nested)), Dropped::Untrusted);
    assert_eq!(dropped(PORT1, &from_client(&[])), Dropped::Malformed);
    assert_eq!(dropped(PORT1, &from_client(&[1, 2, 3])), Dropped::Malformed);
}

/// RELAY-037: on a trusted interface the hop-count grows by one, up to the limit of RFC 8415 §7.6.
#[test]
fn a_trusted_relay_is_relayed_with_one_more_hop() {
    for hops in [0, 7] {
        let nested = wrapped(MessageType::RELAY_FORW, hops, ("::", CLIENT), b"x");
        let (passed, leaving) = heard(TRUSTED, &from_client(&nested));
        assert_eq!(passed.unwrap().unwrap().kind, MessageType::RELAY_FORW);
        let level = RelayMessage::parse(&leaving.octets).unwrap();
        assert_eq!(level.hop_count(), hops + 1);
        assert_eq!(level.relayed(), Some(&nested[..]));
        assert!(!level.options().contains(OptionCode::REMOTE_ID));
    }
    let nested = wrapped(MessageType::RELAY_FORW, 8, ("::", CLIENT), b"x");
    assert_eq!(
        dropped(TRUSTED, &from_client(&nested)),
        Dropped::TooManyHops
    );
}

/// RELAY-039: the content goes out of the interface that INTERFACE_ID names, and no other.
#[test]
fn a_relay_reply_is_unwrapped() {
    let octets = reply(("::", CLIENT), b"port1");
    let (passed, leaving) = heard(UPLINK, &from_server(&octets));
    let passed = passed.unwrap().unwrap();
    assert_eq!(
        (passed.kind, passed.client_facing),
        (MessageType::REPLY, PORT1)
    );
    assert_eq!(leaving.interfaces, [PORT1]);
    assert_eq!(leaving.octets, message(7));
    assert_eq!(leaving.destination_port, 546);
}

/// RELAY-039: every check of RFC 6221 §6.2 by itself.
#[test]
fn a_relay_reply_that_is_not_ours_is_dropped() {
    let why = |link_and_peer, id: &[u8]| dropped(UPLINK, &from_server(&reply(link_and_peer, id)));
    assert_eq!(why(("::", CLIENT), b"port9"), Dropped::NoInterface);
    assert_eq!(why(("::", CLIENT), b"elsewhere"), Dropped::NoInterface);
    assert_eq!(why(("::", CLIENT), b""), Dropped::NoInterface);
    assert_eq!(why(("::", "fe80::bad"), b"port1"), Dropped::OtherPeer);
    assert_eq!(why(("2001:db8::1", CLIENT), b"port1"), Dropped::OtherPeer);
    let group = reply(("::", "ff02::1"), b"port1");
    let to_group = Packet {
        destination: ip("ff02::1"),
        ..from_server(&group)
    };
    assert_eq!(dropped(UPLINK, &to_group), Dropped::OtherPeer);
    for kind in [1, 2, 7, 12] {
        assert_eq!(
            dropped(UPLINK, &from_server(&message(kind))),
            Dropped::NotForUs
        );
    }
    let cut = reply(("::", CLIENT), b"port1");
    assert_eq!(
        dropped(UPLINK, &from_server(&cut[..40])),
        Dropped::Malformed
    );
}

/// RELAY-039: what is not link-local, or for another port, is left alone on the network's side.
#[test]
fn other_traffic_of_the_network_is_left_alone() {
    let octets = reply(("::", CLIENT), b"port1");
    let packet = from_server(&octets);
    let others = [
        Packet {
            source: ip(super::SERVER),
            ..packet
        },
        Packet {
            destination: ip("2001:db8::c"),
            ..packet
        },
        Packet {
            destination_port: 546,
            ..packet
        },
    ];
    for other in others {
        assert_eq!(heard(UPLINK, &other).0, None, "{other:?}");
    }
}

/// SEC-019: a client, and an interface, send no more than is relayed.
#[test]
fn senders_are_limited() {
    let count = |rates, sources: u16| {
        let mut relay = relay_with(rates);
        let mut leaving = Leaving::default();
        let octets = message(1);
        let sent = (0..20_u16).filter(|number| {
            let source = Ipv6Addr::from((0xfe80 << 112) + u128::from(number % sources));
            let packet = Packet {
                source,
                ..from_client(&octets)
            };
            relay
                .packet(at(0).mono, PORT1, &packet, &mut leaving)
                .unwrap()
                .is_ok()
        });
        sent.count()
    };
    assert_eq!(
        count(
            MessageRates {
                per_client: 1,
                per_port: 0
            },
            1
        ),
        4
    );
    assert_eq!(
        count(
            MessageRates {
                per_client: 0,
                per_port: 2
            },
            20
        ),
        8
    );
}

proptest! {
    /// RELAY-038: whatever comes, on whichever interface, nothing breaks, and nothing goes out of the
    /// side it came from.
    #[test]
    fn any_octets_are_taken(
        octets in prop::collection::vec(any::<u8>(), 0..200),
        head in prop::sample::select(vec![1_u8, 7, 12, 13]),
        interface in prop::sample::select(vec![PORT1, TRUSTED, UPLINK, ELSEWHERE]),
    ) {
        let octets = [&[head][..], &octets].concat();
        for packet in [from_client(&octets), from_server(&octets)] {
            let (passed, leaving) = heard(interface, &packet);
            if let Some(Ok(_)) = passed {
                prop_assert!(!leaving.interfaces.contains(&interface));
            }
        }
    }
}

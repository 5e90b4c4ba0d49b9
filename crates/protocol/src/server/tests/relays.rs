//! The way back through relays, and what is kept of it.

use super::*;
use leasebook_wire::RelayPath;

/// DHCP-S-099, DHCP-S-100, DHCP-S-101: each level goes back with its header, its Interface-ID and what it asks to have echoed.
#[test]
fn each_level_goes_back_as_it_came() {
    let mut world = World::new(config());
    let inner: &[(OptionCode, &[u8])] = &[
        (OptionCode::INTERFACE_ID, b"port-7"),
        (OptionCode::REMOTE_ID, b"\0\0\0\x09remote"),
        (OptionCode::ERO, &[0, 37, 0, 38]),
    ];
    let outer: &[(OptionCode, &[u8])] = &[
        (OptionCode::INTERFACE_ID, b"uplink"),
        (OptionCode::RELAY_ID, b"\0\x03\0\x01\x09"),
    ];
    let solicit = message(MessageType::SOLICIT, 1, |m| ia_na(m, 1, &[]));
    let levels = [
        ("2001:db8:1::1", "fe80::99", inner),
        ("::", "2001:db8:77::1", outer),
    ];
    let (outcome, reply) = world.datagram(&relayed(&solicit, &levels));
    let reply = reply.unwrap();
    assert_eq!(outcome.hops, 2);
    let chain = RelayChain::parse(&reply, 32).unwrap();
    let levels: Vec<_> = chain.levels().collect();
    let header = |at: usize| levels[at].header();
    assert_eq!(
        (header(0).msg_type, header(0).hop_count),
        (MessageType::RELAY_REPL, 1)
    );
    assert_eq!(
        header(0).peer_address,
        "2001:db8:77::1".parse::<Ipv6Addr>().unwrap()
    );
    assert_eq!(
        header(1).link_address,
        "2001:db8:1::1".parse::<Ipv6Addr>().unwrap()
    );
    let codes = |at: usize| {
        levels[at]
            .options()
            .iter()
            .map(|option| option.code.0)
            .collect::<Vec<_>>()
    };
    assert_eq!((codes(0), codes(1)), (vec![18, 9], vec![18, 37, 9]));
    assert_eq!(chain.message().msg_type(), MessageType::ADVERTISE);
}

/// DHCP-S-099, DHCP-S-101, D-32: a relay hears at port 547, or at the port it names.
#[test]
fn a_relay_hears_at_its_port() {
    let mut world = World::new(config());
    world.arrival.from.set_port(9999);
    let solicit = message(MessageType::SOLICIT, 1, |m| ia_na(m, 1, &[]));
    let mut port = |options: &[(OptionCode, &[u8])]| {
        let mut batch = Batch::default();
        let octets = relayed(&solicit, &[("2001:db8:1::1", "fe80::9", options)]);
        world
            .server
            .datagram(world.now, &world.arrival, &octets, &world.store, &mut batch);
        let reply = &batch.replies()[0];
        assert_eq!(reply.from, Some(world.arrival.to));
        (reply.to.port(), *reply.to.ip() == *world.arrival.from.ip())
    };
    assert_eq!(port(&[]), (547, true));
    assert_eq!(port(&[(OptionCode::RELAY_PORT, &[0, 0])]), (9999, true));
}

/// DHCP-S-102, BLQ-S-039, BLQ-S-041: the whole chain is kept, and where it came from.
#[test]
fn the_whole_chain_is_kept_with_the_binding() {
    let mut world = World::new(config());
    let id: &[(OptionCode, &[u8])] = &[(OptionCode::RELAY_ID, b"\0\x03\0\x01\x09")];
    let request = message(MessageType::REQUEST, 1, |m| {
        to_server(m);
        m.option(OptionCode::RELAY_ID, b"\0\x03\0\x01\x66").unwrap();
        ia_pd(m, 1, &[]);
    });
    let levels = [
        ("2001:db8:1::1", "fe80::99", id),
        ("::", "2001:db8:77::1", id),
    ];
    world.datagram(&relayed(&request, &levels));
    let record = world.store.binding(LINK, &duid(1)).unwrap().unwrap();
    let relay = record.view().relay().unwrap();
    assert_eq!(relay.peer, *world.arrival.from.ip());
    let path = RelayPath::parse(relay.chain, 32).unwrap();
    assert_eq!(path.depth(), 2);
    // BLQ-S-043: what the client itself calls Relay-ID is nothing.
    assert!(record.view().ids().all(|(_, id)| id == b"\0\x03\0\x01\x09"));
    assert!(!path.innermost().options().contains(OptionCode::RELAY_MSG));
}

/// BLQ-S-042: relay data is that of the newest message that committed something.
#[test]
fn relay_data_is_that_of_the_newest_message() {
    let mut world = World::new(config());
    let renew = message(MessageType::RENEW, 1, |m| {
        to_server(m);
        ia_pd(m, 2, &[]);
    });
    world.bind(1);
    let remote: &[(OptionCode, &[u8])] = &[(OptionCode::REMOTE_ID, b"\0\0\0\x09new")];
    world.datagram(&relayed(&renew, &[("2001:db8:1::2", "fe80::98", remote)]));
    // Nothing is committed by this.
    world.ask(&message(MessageType::SOLICIT, 1, |m| ia_pd(m, 2, &[])));
    let record = world.store.binding(LINK, &duid(1)).unwrap().unwrap();
    let ids: Vec<_> = record.view().ids().map(|(_, id)| id.to_vec()).collect();
    assert_eq!(ids, [b"\0\0\0\x09new".to_vec()]);
    world.server.set_interfaces(&[(3, LINK)]);
    world.arrival.from.set_ip("fe80::5".parse().unwrap());
    world.arrival.to = "ff02::1:2".parse().unwrap();
    world.datagram(&renew);
    let record = world.store.binding(LINK, &duid(1)).unwrap().unwrap();
    assert!(record.view().relay().is_none());
}

/// BLQ-S-043, SEC-015, D-08: what a client's own message says of relays is not relay data, neither beside a relay's nor without one.
#[test]
fn a_client_cannot_name_relays_itself() {
    let mut world = World::new(config());
    let forged = |kind| {
        message(kind, 1, |m| {
            to_server(m);
            for (code, data) in [
                (OptionCode::RELAY_ID, &b"\0\x03\0\x01forged"[..]),
                (OptionCode::REMOTE_ID, b"\0\0\0\x09forged"),
                (OptionCode::INTERFACE_ID, b"forged"),
                (OptionCode::CLIENT_LINKLAYER_ADDR, b"\0\x01forged"),
            ] {
                m.option(code, data).unwrap();
            }
            ia_pd(m, 2, &[]);
        })
    };
    let ids: &[(OptionCode, &[u8])] = &[
        (OptionCode::RELAY_ID, b"\0\x03\0\x01relay"),
        (OptionCode::REMOTE_ID, b"\0\0\0\x09line"),
    ];
    let request = forged(MessageType::REQUEST);
    world.datagram(&relayed(&request, &[("2001:db8:1::1", "fe80::99", ids)]));
    let record = world.store.binding(LINK, &duid(1)).unwrap().unwrap();
    let mut found: Vec<_> = record.view().ids().map(|(_, id)| id.to_vec()).collect();
    found.sort();
    let mut expected: Vec<_> = ids.iter().map(|(_, id)| id.to_vec()).collect();
    expected.sort();
    assert_eq!(found, expected);
    let is_forged = |octets: &[u8]| octets.windows(6).any(|part| part == b"forged");
    assert!(!is_forged(record.view().options()));
    assert!(!is_forged(
        &record.view().to_binding().unwrap().relay.unwrap().chain
    ));

    world.server.set_interfaces(&[(3, LINK)]);
    world.arrival.from.set_ip("fe80::5".parse().unwrap());
    world.arrival.to = "ff02::1:2".parse().unwrap();
    world.datagram(&forged(MessageType::RENEW));
    let record = world.store.binding(LINK, &duid(1)).unwrap().unwrap();
    assert!(record.view().relay().is_none());
    assert_eq!(record.view().ids().count(), 0);
    assert!(!is_forged(record.view().options()));
}

/// SEC-016, D-10: a message that commits nothing, forged or not, moves neither the relays nor the time of a binding.
#[test]
fn what_commits_nothing_touches_nothing() {
    let mut world = World::new(config());
    world.bind(1);
    let seq = world.store.last_seq();
    let elsewhere: &[(OptionCode, &[u8])] = &[(OptionCode::RELAY_ID, b"\0\x03\0\x01elsewhere")];
    let on_link: LeaseName = address("2001:db8:1::10");
    for (kind, has_server) in [
        (MessageType::SOLICIT, false),
        (MessageType::CONFIRM, false),
        (MessageType::INFORMATION_REQUEST, false),
        (MessageType::RELEASE, true),
        (MessageType::DECLINE, true),
    ] {
        world.wait(5);
        let octets = message(kind, 1, |m| {
            if has_server {
                to_server(m);
            }
            if kind != MessageType::INFORMATION_REQUEST {
                // Of an IA that holds nothing.
                ia_na(m, 77, &[on_link]);
            }
        });
        let (outcome, reply) = world.datagram(&relayed(
            &octets,
            &[("2001:db8:1::9", "fe80::66", elsewhere)],
        ));
        assert!(reply.is_some(), "{outcome:?}");
        assert_eq!(world.store.last_seq(), seq, "{kind}");
    }
    let record = world.store.binding(LINK, &duid(1)).unwrap().unwrap();
    assert_eq!(record.view().age(world.now.wall), 25);
    assert_eq!(record.view().ids().count(), 0);
}

/// DHCP-S-055, DHCP-S-056: of what relays supply only what is enabled goes to the client, once.
#[test]
fn what_relays_supply_goes_to_the_client_where_enabled() {
    let mut config = config();
    config.rsoo = vec![OptionCode(65)];
    let mut world = World::new(config);
    let rsoo: &[u8] = &[0, 65, 0, 2, 1, 2, 0, 66, 0, 1, 9];
    let solicit = message(MessageType::SOLICIT, 1, |m| {
        m.option(OptionCode::ORO, &[0, 65, 0, 66]).unwrap();
        ia_na(m, 1, &[]);
    });
    let octets = relayed(
        &solicit,
        &[("2001:db8:1::1", "fe80::1", &[(OptionCode::RSOO, rsoo)])],
    );
    let (_, reply) = world.datagram(&octets);
    let reply = heard(&reply.unwrap());
    assert_eq!(reply.option(OptionCode(65)), Some(vec![1, 2]));
    assert_eq!(reply.option(OptionCode(66)), None);
}

/// DHCP-S-020, D-25: a client that moves is told to let the leases of its old link go, and given new
/// ones where that is configured; what it had lives on to its end.
#[test]
fn a_client_that_moves_has_a_binding_on_each_link() {
    const OTHER: LinkId = LinkId(2);
    let mut config = config();
    config.bind_on_renew = true;
    let mut other = link();
    other.id = OTHER;
    other.name = "two".to_owned();
    other.on_link = vec!["2001:db8:2::/64".parse().unwrap()];
    other.interface_ids.clear();
    other.pools[0].first = "2001:db8:2::10".parse().unwrap();
    other.pools[0].last = "2001:db8:2::1f".parse().unwrap();
    other.prefix_pools[0].prefix = "2001:db8:e000::/52".parse().unwrap();
    config.links.push(other);
    let mut world = World::new(config);
    let old = world.bind(1).names();
    let [LeaseName::Address(_), LeaseName::Prefix { prefix, len }] = old[..] else {
        panic!("{old:?}")
    };
    let renew = message(MessageType::RENEW, 1, |m| {
        to_server(m);
        ia_na(m, 1, &old[..1]);
        ia_pd(m, 2, &[(prefix, len)]);
    });
    let (_, reply) = world.datagram(&relayed(&renew, &[("2001:db8:2::1", "fe80::99", &[])]));
    let told = heard(&reply.unwrap());
    let ended = told.leases.iter().filter(|lease| lease.2 == 0);
    assert_eq!(ended.map(|lease| lease.0).collect::<Vec<_>>(), old);
    assert_eq!(told.names().len(), 2);
    assert_eq!(world.live(1), old);
    let moved = world.store.binding(OTHER, &duid(1)).unwrap().unwrap();
    let leases = moved.view().leases();
    assert_eq!(
        leases.map(|lease| lease.name).collect::<Vec<_>>(),
        told.names()
    );
}

//! Floods, forgeries and monsters: what docs/hostile.md says of each.

use std::collections::BTreeSet;

use super::*;
use crate::server::Dropped;
use leasebook_store::{Book, BookOptions};
use leasebook_wire::RelayPath;

/// Octets of an option that leaves little room in the largest datagram.
const MONSTER: usize = 60_000;

fn bare(kind: MessageType, options: &[(OptionCode, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut message = Composer::client(&mut out, kind, Xid([1, 2, 3]));
    for (code, data) in options {
        message.option(*code, data).unwrap();
    }
    message.finish().unwrap();
    out
}

/// SEC-005, SEC-021: what one client sends above its rate is dropped, and costs others nothing.
#[test]
fn a_flood_of_one_client_is_dropped_and_harms_no_other() {
    let mut config = config();
    config.rates.per_client = 5;
    let mut world = World::new(config);
    let flood = by_relay(&message(MessageType::SOLICIT, 1, |m| ia_na(m, 1, &[])));
    let heard = (0..1000).filter(|_| world.datagram(&flood).1.is_some());
    assert_eq!(heard.count(), 20);
    assert_eq!(world.bind(2).names().len(), 2);
}

/// SEC-005, DHCP-S-065: SOLICITs of ever new clients bind nothing, and what they were offered is free again.
#[test]
fn a_flood_of_invented_clients_takes_nothing_for_long() {
    let mut world = World::new(config());
    for client in 0..2000 {
        let solicit = message(MessageType::SOLICIT, client, |m| ia_na(m, 1, &[]));
        world.datagram(&by_relay(&solicit));
    }
    assert_eq!(world.store.stats().unwrap().bindings, 0);
    let refused = world.bind(5000);
    assert_eq!(refused.statuses, [StatusCode::NO_ADDRS_AVAIL]);
    world.wait(11);
    assert_eq!(world.bind(5001).names().len(), 2);
}

/// SEC-005, DHCP-S-034: IAs of one client beyond its limit get nothing.
#[test]
fn a_client_with_ever_new_ias_gets_no_more_than_its_share() {
    let mut config = config();
    config.leases_per_client = 4;
    let mut world = World::new(config);
    for first in [0, 20, 40] {
        world.ask(&message(MessageType::REQUEST, 1, |m| {
            to_server(m);
            (first..first + 20).for_each(|iaid| ia_na(m, iaid, &[]));
        }));
    }
    assert_eq!(world.live(1).len(), 4);
    assert_eq!(world.bind(2).names().len(), 2);
}

/// SEC-005, DHCP-S-034, DHCP-S-065: one SOLICIT is offered no more than its client may have.
#[test]
fn a_solicit_of_ever_new_ias_is_offered_no_more_than_a_share() {
    let mut config = config();
    config.leases_per_client = 4;
    let mut world = World::new(config);
    let offered = world.ask(&message(MessageType::SOLICIT, 1, |m| {
        (0..20).for_each(|iaid| ia_na(m, iaid, &[]));
    }));
    assert_eq!((offered.names().len(), offered.statuses.len()), (4, 16));
}

/// SEC-005, DHCP-S-034: a message that asks for more than an answer holds is dropped, and takes nothing: neither from the pool nor from what its client may have.
#[test]
fn a_message_whose_answer_is_too_large_takes_nothing() {
    let mut world = World::new(config());
    let taken = |world: &World| -> usize { world.server.usage().map(|usage| usage.taken).sum() };
    let monster = message(MessageType::REQUEST, 1, |m| {
        to_server(m);
        (0..1500).for_each(|iaid| ia_na(m, iaid, &[]));
    });
    assert_eq!(world.dropped(&by_relay(&monster)), Dropped::TooLarge);
    assert_eq!(taken(&world), 0);
    assert_eq!(world.bind(2).names().len(), 2);
    // One that has leases keeps just those.
    let had = world.bind(1).names();
    assert_eq!(world.dropped(&by_relay(&monster)), Dropped::TooLarge);
    assert_eq!((world.live(1), taken(&world)), (had, 4));
}

/// SEC-005, DHCP-S-034, DHCP-S-086: who declines whatever it gets takes no more from the pool than it might hold, until the probation is over.
#[test]
fn a_client_that_declines_everything_takes_no_more_than_its_share() {
    let mut config = config();
    config.leases_per_client = 4;
    config.probation = 3600;
    let mut world = World::new(config);
    let request = |client| {
        message(MessageType::REQUEST, client, |m| {
            to_server(m);
            ia_na(m, 1, &[]);
        })
    };
    let mut declined = 0;
    for _ in 0..10 {
        let Some(name) = world.ask(&request(1)).names().first().copied() else {
            continue;
        };
        world.ask(&message(MessageType::DECLINE, 1, |m| {
            to_server(m);
            ia_na(m, 1, &[name]);
        }));
        declined += 1;
    }
    assert_eq!(declined, 4);
    assert_eq!(world.ask(&request(2)).names().len(), 1);
    world.wait(3601);
    assert_eq!(world.ask(&request(1)).names().len(), 1);
}

/// DHCP-S-003, DHCP-S-004: a SERVERID of another, cut, longer or empty is another's.
#[test]
fn a_spoofed_server_id_is_anothers() {
    let mut world = World::new(config());
    let longer = [SERVER, &[0][..]].concat();
    for id in [&SERVER[..6], &longer, &[], &[0, 2, 9, 9]] {
        for kind in [
            MessageType::REQUEST,
            MessageType::RENEW,
            MessageType::RELEASE,
            MessageType::DECLINE,
            MessageType::INFORMATION_REQUEST,
        ] {
            let octets = message(kind, 1, |m| m.option(OptionCode::SERVERID, id).unwrap());
            assert_eq!(world.dropped(&by_relay(&octets)), Dropped::OtherServer);
        }
    }
    // Ours first and another's behind it: the first counts (RFC 8415 §21).
    let both = message(MessageType::REQUEST, 1, |m| {
        to_server(m);
        m.option(OptionCode::SERVERID, &[0, 2, 9, 9]).unwrap();
        ia_na(m, 1, &[]);
    });
    assert_eq!(world.ask(&both).names().len(), 1);
}

/// DHCP-S-006, WIRE-016: an option of no octets where some are needed is as if it were not there.
#[test]
fn options_without_octets_are_nothing() {
    let mut world = World::new(config());
    let no_client = bare(MessageType::SOLICIT, &[(OptionCode::CLIENTID, &[])]);
    assert_eq!(world.dropped(&by_relay(&no_client)), Dropped::NoClientId);
    for code in (0..150).map(OptionCode) {
        if code == OptionCode::SERVERID {
            continue;
        }
        let octets = message(MessageType::SOLICIT, 1, |m| {
            ia_na(m, 1, &[]);
            m.option(code, &[]).unwrap();
        });
        assert_eq!(world.ask(&octets).names().len(), 1, "{code}");
    }
    let level: [Level<'_>; 1] = [(
        "2001:db8:1::1",
        "fe80::1",
        &[
            (OptionCode::INTERFACE_ID, &[]),
            (OptionCode::REMOTE_ID, &[]),
        ],
    )];
    let request = message(MessageType::REQUEST, 1, |m| {
        to_server(m);
        ia_na(m, 1, &[]);
    });
    assert!(world.datagram(&relayed(&request, &level)).1.is_some());
}

/// SEC-005, WIRE-017: options as large as a datagram are passed over, echoed or kept where that is their nature, and spoil nobody else's reply.
#[test]
fn options_of_64_kib_harm_no_one() {
    let data = tempfile::tempdir().unwrap();
    let (book, _) = Book::open(data.path(), BookOptions::default(), 1).unwrap();
    let mut world = World::new(config());
    let monster = vec![b'm'; MONSTER];
    let remote = [&[0, 0, 0, 9][..], &monster].concat();
    let request = |client, put: &dyn Fn(&mut Composer<'_>)| {
        message(MessageType::REQUEST, client, |m| {
            to_server(m);
            ia_na(m, 1, &[]);
            put(m);
        })
    };
    let plain = request(1, &|_| {});
    let by = |code, data| {
        let options: &[(OptionCode, &[u8])] = &[(code, data)];
        relayed(&plain, &[("2001:db8:1::1", "fe80::9", options)])
    };
    let client_id = bare(MessageType::SOLICIT, &[(OptionCode::CLIENTID, &monster)]);
    let burst = [
        by_relay(&client_id),
        by_relay(&request(2, &|m| {
            m.option(OptionCode(999), &monster).unwrap();
        })),
        by_relay(&request(3, &|m| {
            m.option(OptionCode::CLIENT_FQDN, &monster).unwrap();
            m.option(OptionCode::ORO, &[0, 39]).unwrap();
        })),
        by(OptionCode::INTERFACE_ID, &monster),
        by(OptionCode::REMOTE_ID, &remote),
        by(OptionCode::CLIENT_LINKLAYER_ADDR, &monster),
        by_relay(&request(4, &|_| {})),
    ];
    let mut batch = Batch::default();
    let dids = burst.map(|octets| {
        let (server, arrival) = (&mut world.server, &world.arrival);
        let outcome = server.datagram(world.now, arrival, &octets, &book, &mut batch);
        matches!(outcome.did, Did::Answered(_))
    });
    assert_eq!(dids, [false, true, true, true, true, true, true]);
    let changes = world.server.begin_commit(&mut batch);
    book.commit(changes).unwrap();
    let largest = batch.replies().iter().map(|reply| reply.octets.len()).max();
    assert!(largest.unwrap() > MONSTER && largest.unwrap() < 1 << 16);
    for client in 1..=4 {
        assert!(book.binding(LINK, &duid(client)).unwrap().is_some());
    }
}

/// SEC-005, DHCP-S-006: more relays than 32 are too many; what comes through fewer than RFC 8415's 8 and more is heard.
#[test]
fn two_hundred_relays_are_too_many() {
    let mut world = World::new(config());
    let solicit = message(MessageType::SOLICIT, 1, |m| ia_na(m, 1, &[]));
    let levels: Vec<Level<'_>> = vec![("2001:db8:1::1", "fe80::9", &[]); 200];
    assert_eq!(
        world.dropped(&relayed(&solicit, &levels)),
        Dropped::Malformed
    );
    assert_eq!(
        world.dropped(&relayed(&solicit, &levels[..33])),
        Dropped::Malformed
    );
    let (outcome, reply) = world.datagram(&relayed(&solicit, &levels[..32]));
    assert_eq!(outcome.hops, 32);
    let chain = RelayChain::parse(&reply.unwrap(), 32).map(|chain| chain.depth());
    assert_eq!(chain.unwrap(), 32);
}

/// SEC-016, SEC-015, D-10: a message that commits nothing changes neither relay data nor time, and a client's own words are no relay data.
#[test]
fn forged_messages_change_no_relay_data() {
    let mut world = World::new(config());
    world.bind(1);
    let before = world.store.binding(LINK, &duid(1)).unwrap().unwrap();
    let before = before.view().to_binding().unwrap();
    world.wait(60);
    let forged: &[(OptionCode, &[u8])] = &[(OptionCode::REMOTE_ID, b"\0\0\0\x09forged")];
    let through = |octets: &[u8]| relayed(octets, &[("2001:db8:1::66", "fe80::66", forged)]);
    let messages = [
        message(MessageType::SOLICIT, 1, |m| ia_na(m, 1, &[])),
        message(MessageType::CONFIRM, 1, |m| {
            ia_na(m, 1, &[address("2001:db8:1::11")]);
        }),
        message(MessageType::INFORMATION_REQUEST, 1, |_| {}),
        message(MessageType::RELEASE, 1, |m| {
            to_server(m);
            ia_na(m, 77, &[]);
        }),
        message(MessageType::DECLINE, 1, |m| {
            to_server(m);
            ia_na(m, 1, &[address("2001:db8:1::5")]);
        }),
        message(MessageType::RENEW, 1, |m| {
            m.option(OptionCode::SERVERID, &[0, 2, 9, 9]).unwrap();
            ia_na(m, 1, &[]);
        }),
    ];
    for octets in messages {
        world.datagram(&through(&octets));
        let after = world.store.binding(LINK, &duid(1)).unwrap().unwrap();
        assert_eq!(after.view().to_binding().unwrap(), before);
    }
    let boasting = message(MessageType::RENEW, 1, |m| {
        to_server(m);
        for code in [OptionCode::RELAY_ID, OptionCode::REMOTE_ID] {
            m.option(code, b"\0\0\0\x09own").unwrap();
        }
        ia_na(m, 1, &[]);
    });
    world.datagram(&by_relay(&boasting));
    let after = world.store.binding(LINK, &duid(1)).unwrap().unwrap();
    assert_eq!(after.view().ids().count(), 0);
    let relay = after.view().relay().unwrap();
    let path = RelayPath::parse(relay.chain, 32).unwrap();
    assert_eq!(path.depth(), 1);
}

/// DHCP-S-027, DHCP-S-068, DHCP-S-073: an empty pool says so to new clients, keeps serving those it has, and serves again as soon as one lease is free.
#[test]
fn an_exhausted_pool_serves_whom_it_has() {
    let mut world = World::new(config());
    let had: Vec<Vec<LeaseName>> = (0..16).map(|client| world.bind(client).names()).collect();
    for client in 100..140 {
        assert!(world.bind(client).names().is_empty());
    }
    world.wait(500);
    for (client, had) in (0..16).zip(&had) {
        assert_eq!(world.bind(client).names(), *had);
    }
    let release = message(MessageType::RELEASE, 7, |m| {
        to_server(m);
        ia_na(m, 1, &had[7][..1]);
    });
    world.ask(&release);
    assert_eq!(world.bind(150).names(), had[7][..1]);
    let all: BTreeSet<LeaseName> = (0..200).flat_map(|client| world.live(client)).collect();
    assert_eq!(all.len(), 32);
}

/// SEC-013, DHCP-S-091: no RECONFIGURE is composed without a key, and each has its HMAC.
#[test]
fn no_reconfigure_leaves_without_authentication() {
    use crate::server::NotTold;
    use leasebook_wire::option::ReconfMsg;
    let mut config = config();
    config.reconfigure = true;
    let mut world = World::new(config);
    world.bind(1);
    let ask = ReconfMsg::new(MessageType::RENEW).unwrap();
    let mut batch = Batch::default();
    let client = duid(1);
    let (server, store) = (&mut world.server, &world.store);
    let told = server.reconfigure_client(world.now, (LINK, &client), ask, store, &mut batch);
    assert!(matches!(told, Err(NotTold::NoKey)));
    let sent = server.send_reconfigures(world.now, 10, store, &mut batch);
    assert_eq!((sent.unwrap(), batch.replies().len()), (0, 0));
    world.ask(&message(MessageType::REQUEST, 2, |m| {
        to_server(m);
        m.option(OptionCode::RECONF_ACCEPT, &[]).unwrap();
        ia_na(m, 1, &[]);
    }));
    let client = duid(2);
    let (server, store) = (&mut world.server, &world.store);
    let told = server.reconfigure_client(world.now, (LINK, &client), ask, store, &mut batch);
    told.unwrap();
    store.commit(server.begin_commit(&mut batch)).unwrap();
    server.committed(&mut batch);
    server
        .send_reconfigures(world.now, 10, store, &mut batch)
        .unwrap();
    let reply = &batch.replies()[0];
    let chain = RelayChain::parse(&batch.octets()[reply.octets.clone()], 32).unwrap();
    let auth = chain.message().options().first(OptionCode::AUTH).unwrap();
    // Protocol 3, algorithm 1, method 0; type 2 is an HMAC, and it is not the zeros it was
    // computed over.
    assert_eq!((&auth.data[..3], auth.data[11]), (&[3, 1, 0][..], 2));
    assert_ne!(auth.data[12..], [0; 16]);
}

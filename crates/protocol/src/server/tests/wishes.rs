//! What clients wish for (RFC 8168), and what is remembered of it: nothing.

use super::*;

fn len(reply: &Heard) -> u8 {
    match reply.names()[..] {
        [LeaseName::Prefix { len, .. }] => len,
        _ => panic!("{reply:?}"),
    }
}

/// A link with prefixes of /56 and, behind them, of /60.
fn two_lengths() -> Config {
    let mut config = config();
    let mut longer = config.links[0].prefix_pools[0].clone();
    longer.prefix = "2001:db8:e000::/56".parse().unwrap();
    longer.delegated_len = 60;
    config.links[0].prefix_pools.push(longer);
    config
}

fn wish(kind: MessageType, prefixes: &[(&str, u8)]) -> Vec<u8> {
    let prefixes: Vec<_> = prefixes
        .iter()
        .map(|(prefix, len)| (prefix.parse().unwrap(), *len))
        .collect();
    message(kind, 1, |m| {
        if kind != MessageType::SOLICIT && kind != MessageType::REBIND {
            to_server(m);
        }
        ia_pd(m, 2, &prefixes);
    })
}

/// DHCP-S-031: the prefix named is tried, then the length beside it, then the nearest shorter one.
#[test]
fn a_named_prefix_is_tried_and_then_the_length_beside_it() {
    let mut world = World::new(two_lengths());
    let named = [("2001:db8:f000:300::", 56), ("::", 60)];
    let reply = world.ask(&wish(MessageType::SOLICIT, &named));
    assert_eq!(reply.names(), [prefix("2001:db8:f000:300::", 56)]);
    // No longer free, nor of this server: the length beside it counts, not its own.
    let other = [("2001:db8:aaaa::", 56), ("::", 60)];
    let reply = world.ask(&wish(MessageType::REQUEST, &other));
    assert_eq!(len(&reply), 60);
    let mut world = World::new(two_lengths());
    let other = [("2001:db8:aaaa::", 58)];
    assert_eq!(len(&world.ask(&wish(MessageType::REQUEST, &other))), 56);
}

/// DHCP-S-032, DHCP-S-074, D-27: in RENEW and REBIND the old prefix is extended, whatever other length is wished for beside it.
#[test]
fn a_wish_beside_the_current_prefix_changes_nothing() {
    let mut world = World::new(two_lengths());
    let had = world.bind(1).leases[1];
    let LeaseName::Prefix { prefix, len } = had.0 else {
        panic!()
    };
    let text = prefix.to_string();
    for kind in [MessageType::RENEW, MessageType::REBIND] {
        world.wait(100);
        let reply = world.ask(&wish(kind, &[(&text, len), ("::", 60)]));
        assert_eq!(reply.leases, [had], "{kind}");
        assert_eq!(world.live(1).len(), 2);
    }
}

/// DHCP-S-033, DHCP-S-030: a SOLICIT with another wish, or none, is met as if there had been none before.
#[test]
fn no_wish_is_remembered() {
    let mut world = World::new(two_lengths());
    let mut solicit = |wished: &[(&str, u8)]| world.ask(&wish(MessageType::SOLICIT, wished));
    let first = solicit(&[("::", 60)]);
    assert_eq!(len(&first), 60);
    // The same again gets the same, for that is what a retransmission is.
    assert_eq!(solicit(&[("::", 60)]).names(), first.names());
    assert_eq!(len(&solicit(&[])), 56);
    assert_eq!(len(&solicit(&[("::", 60)])), 60);
    // What the last ADVERTISE offered is what a REQUEST that names nothing gets.
    let reply = world.ask(&wish(MessageType::REQUEST, &[]));
    assert_eq!(len(&reply), 60);
}

/// DHCP-S-024, SEC-023: what comes next does not follow from what came before.
#[test]
fn leases_cannot_be_told_from_their_neighbours() {
    let drawn = |seed: u8| {
        let mut config = config();
        config.links[0].pools[0].last = "2001:db8:1::ffff".parse().unwrap();
        config.links[0].prefix_pools[0].prefix = "2001:db8:f000::/40".parse().unwrap();
        let mut world = World::new(config.clone());
        world.server = Server::new(Arc::new(config), [seed; 32]);
        let names = (0..40).flat_map(|client| world.bind(client).names());
        names.collect::<Vec<_>>()
    };
    let one = drawn(1);
    let other = drawn(2);
    // In 65 000 a neighbour, or the same lease in the same place, is chance once in thousands.
    let same = one.iter().zip(&other).filter(|(one, other)| one == other);
    assert!(same.count() < 3);
    let bits = |name: &LeaseName| match *name {
        LeaseName::Address(address) => address.to_bits(),
        LeaseName::Prefix { prefix, .. } => prefix.to_bits() >> 72,
    };
    let near = one
        .iter()
        .zip(&one[2..])
        .filter(|(before, after)| bits(before).abs_diff(bits(after)) < 8);
    assert!(near.count() < 3);
}

/// DHCP-S-026: a temporary address is preferred for a day and valid for a week at most.
#[test]
fn temporary_addresses_do_not_live_long() {
    let mut config = config();
    config.obsolete.ia_ta = true;
    config.links[0].settings.lifetimes = Some(Lifetimes {
        preferred: u32::MAX,
        valid: u32::MAX,
    });
    let mut world = World::new(config);
    let reply = world.ask(&message(MessageType::REQUEST, 1, |m| {
        to_server(m);
        m.ia_ta(5, |_| Ok(())).unwrap();
        ia_na(m, 1, &[]);
    }));
    let temporary = reply.option(OptionCode::IA_TA).unwrap();
    let times: Vec<u32> = temporary[24..]
        .chunks_exact(4)
        .map(|four| u32::from_be_bytes(four.try_into().unwrap()))
        .collect();
    assert_eq!(times, [86_400, 604_800]);
    assert_eq!(reply.leases[0].2, u32::MAX);
}

/// DHCP-S-021, DHCP-S-022: the link-layer address counts that the relay nearest to the client tells, and no other.
#[test]
fn the_link_layer_address_is_that_of_the_nearest_relay() {
    use crate::server::config::{Match, Reservation};
    let mut config = config();
    config.links[0].reservations.push(Reservation {
        whom: Match::LinkLayer(vec![2, 0, 0, 0, 0, 7]),
        leases: vec![address("2001:db8:1::77")],
        name: None,
        settings: Settings::default(),
    });
    let mut world = World::new(config);
    let own: &[u8] = &[0, 1, 2, 0, 0, 0, 0, 7];
    let other: &[u8] = &[0, 1, 2, 0, 0, 0, 0, 8];
    let code = OptionCode::CLIENT_LINKLAYER_ADDR;
    let ask = |forged: bool| {
        message(MessageType::SOLICIT, 1, |m| {
            if forged {
                m.option(code, own).unwrap();
            }
            ia_na(m, 1, &[]);
        })
    };
    let mut gets = |forged: bool, inner: &[(OptionCode, &[u8])], outer: &[(OptionCode, &[u8])]| {
        let levels: [Level<'_>; 2] = [
            ("2001:db8:1::1", "fe80::99", inner),
            ("::", "2001:db8:77::1", outer),
        ];
        let (_, reply) = world.datagram(&relayed(&ask(forged), &levels));
        heard(&reply.unwrap()).names() == [address("2001:db8:1::77")]
    };
    assert!(gets(false, &[(code, own)], &[]));
    assert!(gets(false, &[(code, own)], &[(code, other)]));
    assert!(!gets(false, &[(code, other)], &[(code, own)]));
    assert!(!gets(false, &[], &[(code, own)]));
    assert!(!gets(true, &[], &[]));
}

/// DHCP-S-030, DHCP-S-060, DHCP-S-069: a client that has a prefix and wishes for another length is offered that, and gets what it was offered; who repeats the REQUEST keeps it.
#[test]
fn another_length_is_offered_in_place_of_what_is_bound() {
    let mut world = World::new(two_lengths());
    let had = world.bind(1);
    assert_eq!(had.names().len(), 2);
    let offered = world
        .ask(&wish(MessageType::SOLICIT, &[("::", 60)]))
        .names();
    assert!(
        matches!(offered[..], [LeaseName::Prefix { len: 60, .. }]),
        "{offered:?}"
    );
    // Nothing has ended by that.
    assert_eq!(world.live(1).len(), 2);
    let [LeaseName::Prefix { prefix, len }] = offered[..] else {
        panic!()
    };
    let request = wish(MessageType::REQUEST, &[(&prefix.to_string(), len)]);
    assert_eq!(world.ask(&request).names(), offered);
    assert_eq!(world.ask(&request).names(), offered);
    let live: Vec<LeaseName> = world.live(1);
    assert!(live.contains(&offered[0]) && live.len() == 2, "{live:?}");
}

/// DHCP-S-030: where there is no prefix of the length wished for, what is bound is offered; so it is to who wishes for nothing, or for it.
#[test]
fn what_is_bound_is_offered_where_no_other_length_is() {
    let mut world = World::new(two_lengths());
    let had = world.bind(1).names()[1];
    let LeaseName::Prefix { prefix, .. } = had else {
        panic!()
    };
    let prefix = prefix.to_string();
    for wished in [&[("::", 58)][..], &[("::", 56)], &[], &[(&prefix, 56)]] {
        let offered = world.ask(&wish(MessageType::SOLICIT, wished));
        assert_eq!(offered.names(), [had], "{wished:?}");
    }
    // A REQUEST that names what was never offered changes nothing either.
    let other = wish(MessageType::REQUEST, &[("2001:db8:e000::", 60)]);
    assert_eq!(world.ask(&other).names(), [had]);
}

/// DHCP-S-025: a temporary address is none that is reserved, for that would always be the same.
#[test]
fn a_reserved_address_is_no_temporary_one() {
    use crate::server::config::{Match, Reservation};
    let mut config = config();
    config.obsolete.ia_ta = true;
    config.reservations.push(Reservation {
        whom: Match::Client(duid(1)),
        leases: vec![address("2001:db8:1::77")],
        name: None,
        settings: Settings::default(),
    });
    let mut world = World::new(config);
    let ask = |iaid: u32| {
        message(MessageType::REQUEST, 1, |m| {
            to_server(m);
            m.ia_ta(iaid, |_| Ok(())).unwrap();
            ia_na(m, 1, &[]);
        })
    };
    let first = world.ask(&ask(5));
    assert_eq!(first.names(), [address("2001:db8:1::77")]);
    let temporary = |reply: &Heard| reply.option(OptionCode::IA_TA).unwrap()[8..24].to_vec();
    let other = world.ask(&ask(6));
    assert_ne!(temporary(&first), temporary(&other));
    assert_eq!(temporary(&world.ask(&ask(5))), temporary(&first));
}

/// DHCP-S-025, DHCP-S-083, DHCP-S-085: a temporary address is extended by RENEW, and ends by RELEASE and DECLINE, also once there are to be no more of them.
#[test]
fn temporary_addresses_are_renewed_released_and_declined() {
    for kind in [MessageType::RELEASE, MessageType::DECLINE] {
        let mut config = config();
        config.obsolete.ia_ta = true;
        let mut world = World::new(config.clone());
        let with = |kind, named: Option<Ipv6Addr>| {
            message(kind, 1, |m| {
                to_server(m);
                m.ia_ta(5, |ia| match named {
                    None => Ok(()),
                    Some(address) => ia.nested(OptionCode::IAADDR, |lease| {
                        lease.put_ipv6(address);
                        lease.put_u64(0);
                        Ok(())
                    }),
                })
                .unwrap();
            })
        };
        let reply = world.ask(&with(MessageType::REQUEST, None));
        let octets: [u8; 16] = reply.option(OptionCode::IA_TA).unwrap()[8..24]
            .try_into()
            .unwrap();
        let given = Ipv6Addr::from(octets);
        world.wait(500);
        let renewed = world.ask(&with(MessageType::RENEW, Some(given)));
        let renewed = renewed.option(OptionCode::IA_TA).unwrap();
        // IAID, then the lease: no T1 and T2, and the whole of both lifetimes again.
        assert_eq!(renewed[8..24], given.octets());
        assert_eq!(renewed[24..32], [0, 0, 0x3, 0xe8, 0, 0, 0x7, 0xd0]);
        config.obsolete.ia_ta = false;
        world.server.reconfigure(Arc::new(config));
        assert_eq!(world.live(1).len(), 1);
        let ended = world.ask(&with(kind, Some(given)));
        assert_eq!(ended.status, Some(StatusCode::SUCCESS));
        assert_eq!(world.live(1).len(), 0, "{kind}");
    }
}

/// DHCP-S-036: of an IA_PD with one excluded prefix that is another than was given, no prefix ends.
#[test]
fn one_wrong_excluded_prefix_keeps_all_of_its_ia() {
    use crate::server::config::{Exclude, Match, Reservation};
    let mut config = config();
    config.links[0].prefix_pools[0].exclude = Some(Exclude {
        len: 64,
        bits: 0xff << 64,
    });
    let both = [
        prefix("2001:db8:f000:100::", 56),
        prefix("2001:db8:f000:200::", 56),
    ];
    config.reservations.push(Reservation {
        whom: Match::Client(duid(1)),
        leases: both.to_vec(),
        name: None,
        settings: Settings::default(),
    });
    let mut world = World::new(config);
    let reply = world.ask(&wish(MessageType::REQUEST, &[]));
    assert_eq!(reply.names(), both);
    let release = |subnets: [u8; 2]| {
        message(MessageType::RELEASE, 1, |m| {
            to_server(m);
            m.ia_pd(2, [0, 0], |ia| {
                both.iter().zip(subnets).try_for_each(|(name, subnet)| {
                    let LeaseName::Prefix { prefix, len } = *name else {
                        panic!()
                    };
                    ia.nested(OptionCode::IAPREFIX, |lease| {
                        lease.put_u64(0);
                        lease.put_u8(len);
                        lease.put_ipv6(prefix);
                        lease.option(OptionCode::PD_EXCLUDE, &[64, subnet])
                    })
                })
            })
            .unwrap();
        })
    };
    let refused = world.ask(&release([0xff, 0xfe]));
    assert_eq!(refused.statuses, [StatusCode::NO_BINDING]);
    assert_eq!(world.live(1).len(), 2);
    assert_eq!(world.ask(&release([0xff, 0xff])).statuses, []);
    assert_eq!(world.live(1).len(), 0);
}

/// DHCP-S-035: a reserved prefix that has no room for what its pool excludes is told without.
#[test]
fn a_reserved_prefix_without_room_for_the_excluded_part_is_told_without() {
    use crate::server::config::{Exclude, Match, Reservation};
    for len in [56, 60, 63, 64, 65] {
        let mut config = config();
        config.links[0].prefix_pools[0].exclude = Some(Exclude {
            len: 64,
            bits: 0xff << 64,
        });
        let reserved = prefix("2001:db8:f000:100::", len);
        config.reservations.push(Reservation {
            whom: Match::Client(duid(1)),
            leases: vec![reserved],
            name: None,
            settings: Settings::default(),
        });
        let mut world = World::new(config);
        let reply = world.ask(&message(MessageType::REQUEST, 1, |m| {
            to_server(m);
            m.option(OptionCode::ORO, &[0, 67]).unwrap();
            ia_pd(m, 1, &[]);
        }));
        assert_eq!(reply.names(), [reserved], "{len}");
        let has_excluded = reply.octets.windows(3).any(|part| part == [0, 67, 0]);
        assert_eq!(has_excluded, len == 56, "{len}");
    }
}

/// DHCP-S-027, DHCP-S-030: a SOLICIT with Rapid Commit, which may be an old one, takes no prefix from its client, whatever length it wishes for.
#[test]
fn an_old_solicit_with_rapid_commit_takes_nothing_away() {
    let mut config = two_lengths();
    config.settings.rapid_commit = Some(true);
    let mut world = World::new(config);
    let had = world.bind(1).names();
    let solicit = message(MessageType::SOLICIT, 1, |m| {
        m.option(OptionCode::RAPID_COMMIT, &[]).unwrap();
        ia_pd(m, 2, &[("::".parse().unwrap(), 60)]);
    });
    assert_eq!(world.ask(&solicit).names(), had[1..]);
    assert_eq!(world.live(1), had);
}

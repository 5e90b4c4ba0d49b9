//! Whole exchanges: who gets what, and what is told.

use super::*;
use crate::server::Notice;
use crate::server::config::{Class, ConfiguredOption, Exclude, Match, Renewal, Reservation};
use leasebook_store::LeaseState;

const REPLY: u8 = 7;
const ADVERTISE: u8 = 2;

fn solicit(client: u16, put: impl FnOnce(&mut Composer<'_>)) -> Vec<u8> {
    message(MessageType::SOLICIT, client, put)
}

fn both(message: &mut Composer<'_>) {
    ia_na(message, 1, &[]);
    ia_pd(message, 2, &[]);
}

/// DHCP-S-058, DHCP-S-060, DHCP-S-065: an ADVERTISE shows what a REQUEST gets, and binds nothing.
#[test]
fn an_advertise_shows_what_a_request_gets_and_binds_nothing() {
    let mut world = World::new(config());
    let advertised = world.ask(&solicit(1, both));
    assert_eq!(advertised.kind, ADVERTISE);
    assert_eq!(advertised.names().len(), 2);
    assert_eq!(world.store.last_seq(), 0);
    let reply = world.bind(1);
    assert_eq!((reply.kind, reply.names()), (REPLY, advertised.names()));
    assert_eq!(world.live(1), advertised.names());
}

/// DHCP-S-065: what was offered is nobody else's for a while, then anyone's.
#[test]
fn an_offer_is_kept_from_others_for_its_time() {
    let mut config = config();
    config.links[0].pools[0].last = config.links[0].pools[0].first;
    let mut world = World::new(config);
    let ask = |world: &mut World, client| world.ask(&solicit(client, |m| ia_na(m, 1, &[])));
    assert_eq!(ask(&mut world, 1).names().len(), 1);
    let none = ask(&mut world, 2);
    assert_eq!(
        (none.names().len(), &none.statuses[..]),
        (0, &[StatusCode::NO_ADDRS_AVAIL][..])
    );
    assert_eq!(ask(&mut world, 1).names().len(), 1);
    world.wait(11);
    assert_eq!(ask(&mut world, 2).names().len(), 1);
}

/// DHCP-S-059: Rapid Commit binds at once where it is enabled, and is ignored where not.
#[test]
fn rapid_commit_binds_at_once_where_enabled() {
    let rapid = |m: &mut Composer<'_>| {
        m.option(OptionCode::RAPID_COMMIT, &[]).unwrap();
        both(m);
    };
    let mut world = World::new(config());
    let reply = world.ask(&solicit(1, rapid));
    assert_eq!(
        (reply.kind, reply.option(OptionCode::RAPID_COMMIT)),
        (ADVERTISE, None)
    );
    let mut config = config();
    config.settings.rapid_commit = Some(true);
    let mut world = World::new(config);
    let reply = world.ask(&solicit(1, rapid));
    assert_eq!(
        (reply.kind, reply.option(OptionCode::RAPID_COMMIT)),
        (REPLY, Some(Vec::new()))
    );
    assert_eq!(world.live(1), reply.names());
}

/// DHCP-S-041, DHCP-S-042, DHCP-S-043: T1 and T2 are 0.5 and 0.8 of the shortest preferred lifetime.
#[test]
fn t1_and_t2_are_the_same_in_all_ias() {
    let mut config = config();
    config.links[0].prefix_pools[0].settings.lifetimes = Some(Lifetimes {
        preferred: 500,
        valid: 600,
    });
    let mut world = World::new(config.clone());
    assert_eq!(world.bind(1).times, [(250, 400), (250, 400)]);
    let forever = Some(Lifetimes {
        preferred: u32::MAX,
        valid: u32::MAX,
    });
    config.links[0].pools[0].settings.lifetimes = forever;
    config.links[0].prefix_pools[0].settings.lifetimes = forever;
    let mut world = World::new(config.clone());
    assert_eq!(world.bind(1).times, [(u32::MAX, u32::MAX); 2]);
    config.settings.renewal = Some(Renewal { t1: 7, t2: 9 });
    let mut world = World::new(config);
    assert_eq!(world.bind(1).times, [(7, 9); 2]);
}

/// DHCP-S-069, DHCP-S-040: a REQUEST that comes again gets the same leases.
#[test]
fn a_request_that_comes_again_gets_the_same() {
    let mut world = World::new(config());
    let first = world.bind(1);
    world.wait(10);
    let again = world.bind(1);
    assert_eq!(first.leases, again.leases);
}

/// DHCP-S-020: each IA of a client has leases of its own.
#[test]
fn several_ias_of_a_client_have_leases_of_their_own() {
    let mut world = World::new(config());
    let reply = world.ask(&message(MessageType::REQUEST, 1, |m| {
        to_server(m);
        ia_na(m, 1, &[]);
        ia_na(m, 2, &[]);
        ia_pd(m, 1, &[]);
        ia_pd(m, 2, &[]);
    }));
    let names = reply.names();
    assert_eq!(
        names
            .iter()
            .collect::<std::collections::BTreeSet<_>>()
            .len(),
        4
    );
    assert_eq!(world.live(1).len(), 4);
}

/// DHCP-S-027, DHCP-S-068: nobody gets what another has; with nothing left each IA says so.
#[test]
fn nobody_gets_what_another_has() {
    let mut world = World::new(config());
    let mut all = std::collections::BTreeSet::new();
    for client in 0..16 {
        all.extend(world.bind(client).names());
    }
    assert_eq!(all.len(), 32);
    let reply = world.bind(16);
    assert_eq!(
        reply.statuses,
        [StatusCode::NO_ADDRS_AVAIL, StatusCode::NO_PREFIX_AVAIL]
    );
    assert!(reply.names().is_empty());
    assert!(world.server.take_notices().contains(&Notice::Exhausted {
        link: LINK,
        kind: leasebook_store::IaKind::Pd
    }));
    // What is renewed stays whose it is.
    assert_eq!(world.bind(3).names().len(), 2);
}

/// DHCP-S-029: an address or prefix wished for is given if it is free.
#[test]
fn wishes_are_met_if_they_are_free() {
    let mut world = World::new(config());
    let ask = |world: &mut World, client| {
        world.ask(&message(MessageType::REQUEST, client, |m| {
            to_server(m);
            ia_na(m, 1, &[address("2001:db8:1::15")]);
            ia_pd(m, 1, &[("2001:db8:f000:300::".parse().unwrap(), 56)]);
        }))
    };
    let wished = [address("2001:db8:1::15"), prefix("2001:db8:f000:300::", 56)];
    assert_eq!(ask(&mut world, 1).names(), wished);
    let other = ask(&mut world, 2).names();
    assert!(other.len() == 2 && !other.contains(&wished[0]) && !other.contains(&wished[1]));
}

/// DHCP-S-030: a prefix of the length wished for comes first, then the nearest shorter one.
#[test]
fn the_length_wished_for_is_looked_for_first() {
    let mut config = config();
    let mut longer = config.links[0].prefix_pools[0].clone();
    longer.prefix = "2001:db8:e000::/60".parse().unwrap();
    longer.delegated_len = 62;
    config.links[0].prefix_pools.push(longer);
    let mut world = World::new(config);
    let mut ask = |client, len| {
        let reply = world.ask(&message(MessageType::REQUEST, client, |m| {
            to_server(m);
            ia_pd(m, 1, &[(Ipv6Addr::UNSPECIFIED, len)]);
        }));
        match reply.names()[..] {
            [LeaseName::Prefix { len, .. }] => len,
            _ => panic!("{reply:?}"),
        }
    };
    assert_eq!(
        [ask(1, 62), ask(2, 56), ask(3, 60), ask(4, 64), ask(5, 48)],
        [62, 56, 56, 62, 56]
    );
}

/// DHCP-S-028: a client that comes back gets what it had.
#[test]
fn a_client_that_comes_back_gets_what_it_had() {
    let mut world = World::new(config());
    let had = world.bind(1).names();
    world.wait(5000);
    assert!(world.live(1).is_empty());
    assert_eq!(world.bind(1).names(), had);
}

/// DHCP-S-067: an address that is not on the link refuses its IA.
#[test]
fn an_address_off_the_link_refuses_its_ia() {
    let mut world = World::new(config());
    let reply = world.ask(&message(MessageType::REQUEST, 1, |m| {
        to_server(m);
        ia_na(m, 1, &[address("2001:db8:2::1")]);
        ia_pd(m, 2, &[]);
    }));
    assert_eq!(
        (&reply.statuses[..], reply.names().len()),
        (&[StatusCode::NOT_ON_LINK][..], 1)
    );
}

/// DHCP-S-073: a RENEW extends what is bound.
#[test]
fn a_renew_extends_what_is_bound() {
    let mut world = World::new(config());
    let had = world.bind(1);
    world.wait(900);
    let reply = world.ask(&message(MessageType::RENEW, 1, |m| {
        to_server(m);
        both(m);
    }));
    assert_eq!(reply.leases, had.leases);
    world.wait(1900);
    assert_eq!(world.live(1).len(), 2);
}

/// DHCP-S-076, DHCP-S-077: a RENEW of what is not bound gets new leases, and lifetimes 0 for what does not fit.
#[test]
fn a_renew_of_what_does_not_fit_is_told_so() {
    let ask = |world: &mut World| {
        world.ask(&message(MessageType::RENEW, 1, |m| {
            to_server(m);
            ia_na(m, 1, &[address("2001:db8:2::1")]);
        }))
    };
    let mut world = World::new(config());
    let reply = ask(&mut world);
    assert!(reply.leases.contains(&(address("2001:db8:2::1"), 0, 0)));
    assert_eq!(reply.names().len(), 1);
    let mut config = config();
    config.bind_on_renew = false;
    let mut world = World::new(config);
    assert_eq!(ask(&mut world).leases, [(address("2001:db8:2::1"), 0, 0)]);
    let reply = world.ask(&message(MessageType::RENEW, 1, |m| {
        to_server(m);
        ia_na(m, 1, &[]);
    }));
    assert_eq!(reply.statuses, [StatusCode::NO_BINDING]);
}

/// DHCP-S-027: what configuration took away is no one else's until its time is over or its client
/// names it no more, for the answer that told may be lost.
#[test]
fn what_was_taken_away_is_free_when_its_client_cannot_use_it() {
    let mut world = World::new(config());
    let had = world.bind(1).names()[0];
    let mut other = config();
    other.links[0]
        .reservations
        .push(super::super::config::Reservation {
            whom: super::super::config::Match::Client(duid(2)),
            leases: vec![had],
            name: None,
            settings: Settings::default(),
        });
    world.server.reconfigure(Arc::new(other));
    let renew = |names: &[LeaseName]| {
        message(MessageType::RENEW, 1, |message| {
            to_server(message);
            ia_na(message, 1, names);
        })
    };
    let told = world.ask(&renew(&[had]));
    assert!(told.leases.contains(&(had, 0, 0)), "{told:?}");
    let new = told.names()[0];
    assert_ne!(world.bind(2).names()[0], had);
    // As it does when the answer was lost.
    assert_eq!(world.ask(&renew(&[had])).names(), [new]);
    assert_ne!(world.bind(2).names()[0], had);
    // This one may have been said before, and be late; who does not name it is not told of it.
    let late = world.ask(&renew(&[new])).leases;
    assert!(
        matches!(late[..], [(name, 1000, 2000)] if name == new),
        "{late:?}"
    );
    assert!(world.live(1).contains(&had));
    world.wait(60);
    assert_eq!(world.ask(&renew(&[new])).names(), [new]);
    assert!(!world.live(1).contains(&had));
    let reserved = world.ask(&message(MessageType::REQUEST, 2, |message| {
        to_server(message);
        ia_na(message, 9, &[]);
    }));
    assert_eq!(reserved.names(), [had]);
}

/// DHCP-S-079, DHCP-S-076: what configuration took away is told with lifetimes 0, and is free.
#[test]
fn what_configuration_took_away_is_told_with_lifetimes_of_zero() {
    let mut world = World::new(config());
    let had = world.bind(1).names();
    let mut other = config();
    other.links[0].on_link = vec!["2001:db8:9::/64".parse().unwrap()];
    other.links[0].relay_addresses = vec!["2001:db8:1::1".parse().unwrap()];
    other.links[0].pools.clear();
    world.server.reconfigure(Arc::new(other));
    world.wait(60);
    let reply = world.ask(&message(MessageType::REBIND, 1, both));
    assert!(reply.leases.contains(&(had[0], 0, 0)), "{reply:?}");
    assert_eq!(reply.names(), [had[1]]);
    assert_eq!(world.live(1), [had[1]]);
}

/// DHCP-S-078, DHCP-S-082: a REBIND extends what is bound; without binding it gets NoBinding.
#[test]
fn a_rebind_extends_what_is_bound_and_makes_nothing_new() {
    let mut world = World::new(config());
    let had = world.bind(1).leases;
    assert_eq!(
        world.ask(&message(MessageType::REBIND, 1, both)).leases,
        had
    );
    let reply = world.ask(&message(MessageType::REBIND, 2, both));
    assert_eq!(reply.statuses, [StatusCode::NO_BINDING; 2]);
}

/// DHCP-S-071, DHCP-S-072: CONFIRM tells whether the addresses fit the link.
#[test]
fn confirm_tells_whether_addresses_fit() {
    let mut world = World::new(config());
    let confirm = |text: &str| message(MessageType::CONFIRM, 1, |m| ia_na(m, 1, &[address(text)]));
    let status = |world: &mut World, text| world.ask(&confirm(text)).status;
    assert_eq!(
        status(&mut world, "2001:db8:1::77"),
        Some(StatusCode::SUCCESS)
    );
    assert_eq!(
        status(&mut world, "2001:db8:2::77"),
        Some(StatusCode::NOT_ON_LINK)
    );
    let silent = by_relay(&message(MessageType::CONFIRM, 1, |m| ia_na(m, 1, &[])));
    assert_eq!(world.dropped(&silent), crate::server::Dropped::NothingToSay);
    assert_eq!(world.store.last_seq(), 0);
}

/// DHCP-S-083, DHCP-S-084: what is released is free; an IA without binding is told.
#[test]
fn what_is_released_is_free() {
    let mut config = config();
    config.links[0].pools[0].last = config.links[0].pools[0].first;
    let mut world = World::new(config);
    let had = world.bind(1).names();
    let release = message(MessageType::RELEASE, 1, |m| {
        to_server(m);
        ia_na(m, 1, &had[..1]);
        ia_na(m, 9, &had[..1]);
    });
    let reply = world.ask(&release);
    assert_eq!(
        (reply.status, &reply.statuses[..]),
        (Some(StatusCode::SUCCESS), &[StatusCode::NO_BINDING][..])
    );
    assert_eq!(world.live(1), [had[1]]);
    assert_eq!(world.bind(2).names()[0], had[0]);
}

/// DHCP-S-085, DHCP-S-086: a declined address is nobody's until its probation is over, and the operator is told.
#[test]
fn a_declined_address_is_nobodys_until_its_probation_is_over() {
    let mut config = config();
    config.links[0].pools[0].last = config.links[0].pools[0].first;
    config.probation = 600;
    let mut world = World::new(config);
    let had = world.bind(1).names();
    let reply = world.ask(&message(MessageType::DECLINE, 1, |m| {
        to_server(m);
        ia_na(m, 1, &had[..1]);
        ia_pd(m, 2, &[]);
    }));
    assert_eq!(
        (reply.status, reply.statuses.len()),
        (Some(StatusCode::SUCCESS), 0)
    );
    assert!(
        matches!(&world.server.take_notices()[..], [Notice::Declined { lease, .. }] if *lease == had[0])
    );
    assert_eq!(world.live(1), [had[1]]);
    assert_eq!(world.bind(2).statuses, [StatusCode::NO_ADDRS_AVAIL]);
    assert_eq!(world.bind(1).statuses, [StatusCode::NO_ADDRS_AVAIL]);
    world.wait(601);
    let mut batch = Batch::default();
    world
        .server
        .reclaim(world.now, &[], &world.store, &mut batch)
        .unwrap();
    assert_eq!(world.bind(2).names()[0], had[0]);
}

/// DHCP-S-088, DHCP-S-089, DHCP-S-090: INFORMATION-REQUEST gets options and no lease.
#[test]
fn information_request_gets_options_and_no_lease() {
    let mut config = config();
    let option = |code, data: &[u8]| ConfiguredOption {
        code,
        data: data.to_vec(),
        always: false,
    };
    config.settings.options = vec![
        option(OptionCode::DNS_SERVERS, &[1; 16]),
        option(OptionCode::INFORMATION_REFRESH_TIME, &[0, 0, 14, 16]),
    ];
    let mut world = World::new(config);
    let asked = |m: &mut Composer<'_>| m.option(OptionCode::ORO, &[0, 23, 0, 32, 0, 3]).unwrap();
    let reply = world.ask(&message(MessageType::INFORMATION_REQUEST, 1, asked));
    assert_eq!(reply.option(OptionCode::DNS_SERVERS), Some(vec![1; 16]));
    assert!(reply.option(OptionCode::INFORMATION_REFRESH_TIME).is_some());
    assert_eq!(reply.option(OptionCode::CLIENTID), Some(duid(1)));
    assert_eq!((reply.leases.len(), world.store.last_seq()), (0, 0));
    let reply = world.ask(&solicit(1, |m| {
        asked(m);
        both(m);
    }));
    assert_eq!(reply.option(OptionCode::INFORMATION_REFRESH_TIME), None);
    assert_eq!(reply.option(OptionCode::DNS_SERVERS), Some(vec![1; 16]));
    let reply = world.ask(&solicit(1, both));
    assert_eq!(reply.option(OptionCode::DNS_SERVERS), None);
}

/// DHCP-S-044, DHCP-S-046, DHCP-S-048: the narrowest level that has an option decides; some are sent unasked.
#[test]
fn the_narrowest_level_decides_about_an_option() {
    let mut config = config();
    let option = |octet: u8, always| ConfiguredOption {
        code: OptionCode::DNS_SERVERS,
        data: vec![octet; 16],
        always,
    };
    config.settings.options = vec![option(1, true)];
    config.links[0].settings.options = vec![option(2, true)];
    config.classes.push(Class {
        name: "gold".to_owned(),
        members: vec![Match::UserClass(b"gold".to_vec())],
        settings: Settings {
            options: vec![option(3, true)],
            ..Settings::default()
        },
    });
    config.reservations.push(Reservation {
        whom: Match::Client(duid(9)),
        leases: Vec::new(),
        name: None,
        settings: Settings {
            options: vec![option(4, true)],
            ..Settings::default()
        },
    });
    let mut world = World::new(config);
    let gold = |m: &mut Composer<'_>| {
        m.user_class(&[b"gold"]).unwrap();
        both(m);
    };
    let dns = |heard: Heard| heard.option(OptionCode::DNS_SERVERS).unwrap()[0];
    assert_eq!(dns(world.ask(&solicit(1, both))), 2);
    assert_eq!(dns(world.ask(&solicit(1, gold))), 3);
    assert_eq!(dns(world.ask(&solicit(9, gold))), 4);
}

/// DHCP-S-022: what is reserved goes to whom it is reserved for, and to no one else.
#[test]
fn what_is_reserved_goes_to_whom_it_is_for() {
    let mut config = config();
    config.links[0].pools[0].last = config.links[0].pools[0].first;
    let own = [address("2001:db8:1::10"), prefix("2001:db8:f000:700::", 56)];
    config.links[0].reservations.push(Reservation {
        whom: Match::InterfaceId(b"eth0".to_vec()),
        leases: own.to_vec(),
        name: None,
        settings: Settings::default(),
    });
    let mut world = World::new(config);
    let other = relayed(
        &message(MessageType::REQUEST, 1, |m| {
            to_server(m);
            ia_na(m, 1, &[own[0]]);
        }),
        &[(
            "2001:db8:1::1",
            "fe80::1",
            &[(OptionCode::INTERFACE_ID, b"eth1")],
        )],
    );
    let (_, reply) = world.datagram(&other);
    assert_eq!(
        heard(&reply.unwrap()).statuses,
        [StatusCode::NO_ADDRS_AVAIL]
    );
    assert_eq!(world.bind(2).names(), own);
    world.ask(&message(MessageType::RELEASE, 2, |m| {
        to_server(m);
        ia_na(m, 1, &own[..1]);
    }));
    let (_, reply) = world.datagram(&other);
    assert_eq!(
        heard(&reply.unwrap()).statuses,
        [StatusCode::NO_ADDRS_AVAIL]
    );
}

/// DHCP-S-013: a link may be closed to all but some, or to some.
#[test]
fn a_link_may_be_closed() {
    let mut config = config();
    config.classes.push(Class {
        name: "known".to_owned(),
        members: vec![Match::Client(duid(1))],
        settings: Settings::default(),
    });
    let ask = by_relay(&solicit(1, both));
    let other = by_relay(&solicit(2, both));
    config.links[0].allow = vec!["known".to_owned()];
    let mut world = World::new(config.clone());
    assert!(world.datagram(&ask).1.is_some());
    assert_eq!(world.dropped(&other), crate::server::Dropped::Excluded);
    config.links[0].allow.clear();
    config.links[0].deny = vec!["known".to_owned()];
    let mut world = World::new(config);
    assert!(world.datagram(&other).1.is_some());
    assert_eq!(world.dropped(&ask), crate::server::Dropped::Excluded);
}

/// DHCP-S-035, DHCP-S-036: an excluded part is told to those who ask, and has to be the same on RELEASE.
#[test]
fn an_excluded_part_is_told_to_those_who_ask() {
    let mut config = config();
    config.links[0].prefix_pools[0].exclude = Some(Exclude {
        len: 64,
        bits: 0xff << 64,
    });
    let mut world = World::new(config);
    let request = |asks: bool| {
        message(MessageType::REQUEST, 1, |m| {
            to_server(m);
            if asks {
                m.option(OptionCode::ORO, &[0, 67]).unwrap();
            }
            ia_pd(m, 1, &[]);
        })
    };
    let excluded = [0, 67, 0, 2, 64, 0xff];
    let has = |heard: &Heard| heard.octets.windows(6).any(|window| window == excluded);
    assert!(!has(&world.ask(&request(false))));
    let reply = world.ask(&request(true));
    assert!(has(&reply));
    let LeaseName::Prefix { prefix, len } = reply.names()[0] else {
        panic!()
    };
    let release = |subnet: u8| {
        message(MessageType::RELEASE, 1, |m| {
            to_server(m);
            m.ia_pd(1, [0, 0], |ia| {
                ia.nested(OptionCode::IAPREFIX, |lease| {
                    lease.put_u64(0);
                    lease.put_u8(len);
                    lease.put_ipv6(prefix);
                    lease.option(OptionCode::PD_EXCLUDE, &[64, subnet])
                })
            })
            .unwrap();
        })
    };
    assert_eq!(world.ask(&release(0xfe)).statuses, [StatusCode::NO_BINDING]);
    assert_eq!(world.live(1).len(), 1);
    assert_eq!(world.ask(&release(0xff)).statuses, []);
    assert_eq!(world.live(1).len(), 0);
}

/// DHCP-S-052, DHCP-S-053, DHCP-S-054, D-28: the name is answered and kept; this server updates no DNS.
#[test]
fn a_name_is_answered_and_kept() {
    let mut world = World::new(config());
    let name = b"\x01\x04home\x07example\x00";
    let reply = world.ask(&message(MessageType::REQUEST, 1, |m| {
        to_server(m);
        m.option(OptionCode::ORO, &[0, 39]).unwrap();
        m.option(OptionCode::CLIENT_FQDN, name).unwrap();
        both(m);
    }));
    let answered = b"\x06\x04home\x07example\x00".to_vec();
    assert_eq!(
        reply.option(OptionCode::CLIENT_FQDN),
        Some(answered.clone())
    );
    let record = world.store.binding(LINK, &duid(1)).unwrap().unwrap();
    let kept = record.view().options().to_vec();
    assert!(kept.ends_with(&answered));
    assert_eq!(
        world.ask(&solicit(2, both)).option(OptionCode::CLIENT_FQDN),
        None
    );
}

/// DHCP-S-052, DHCP-S-054: a name is kept also if its client, like systemd's, does not ask what
/// became of it, and such a client is not told.
#[test]
fn a_name_that_is_not_asked_for_is_kept_and_not_answered() {
    let mut world = World::new(config());
    let reply = world.ask(&message(MessageType::REQUEST, 1, |m| {
        to_server(m);
        m.option(OptionCode::CLIENT_FQDN, b"\x01\x04home\x07example\x00")
            .unwrap();
        both(m);
    }));
    assert_eq!(reply.option(OptionCode::CLIENT_FQDN), None);
    let record = world.store.binding(LINK, &duid(1)).unwrap().unwrap();
    assert!(
        record
            .view()
            .options()
            .ends_with(b"\x06\x04home\x07example\x00")
    );
}

/// DHCP-S-034: what one client may hold is limited.
#[test]
fn what_one_client_may_hold_is_limited() {
    let mut config = config();
    config.leases_per_client = 2;
    let mut world = World::new(config);
    let reply = world.ask(&message(MessageType::REQUEST, 1, |m| {
        to_server(m);
        (1..=3).for_each(|iaid| ia_na(m, iaid, &[]));
    }));
    assert_eq!(
        (reply.names().len(), &reply.statuses[..]),
        (2, &[StatusCode::NO_ADDRS_AVAIL][..])
    );
}

/// DHCP-S-037, DHCP-S-063: answers carry identities; the preference is configured.
#[test]
fn answers_carry_identities_and_preference() {
    let mut config = config();
    config.preference = 200;
    let mut world = World::new(config);
    let reply = world.ask(&solicit(1, both));
    assert_eq!(reply.option(OptionCode::SERVERID), Some(SERVER.to_vec()));
    assert_eq!(reply.option(OptionCode::CLIENTID), Some(duid(1)));
    assert_eq!(reply.option(OptionCode::PREFERENCE), Some(vec![200]));
    assert_eq!(world.bind(1).option(OptionCode::PREFERENCE), None);
}

/// DHCP-S-039: if the commit fails nothing has happened, and the lease is free again.
#[test]
fn an_abandoned_batch_leaves_leases_free() {
    let mut config = config();
    config.links[0].pools[0].last = config.links[0].pools[0].first;
    let mut world = World::new(config);
    let mut batch = Batch::default();
    let request = by_relay(&message(MessageType::REQUEST, 1, |m| {
        to_server(m);
        ia_na(m, 1, &[]);
    }));
    world.server.datagram(
        world.now,
        &world.arrival,
        &request,
        &world.store,
        &mut batch,
    );
    assert!(batch.replies()[0].is_bound);
    world.server.abandoned(&mut batch);
    assert_eq!(world.bind(2).names().len(), 2);
}

/// DHCP-S-039: an answer that tells of what the client got in the same batch waits for the commit
/// too, though nothing is changed for it.
#[test]
fn an_answer_that_repeats_a_change_of_its_batch_is_bound() {
    let mut world = World::new(config());
    let mut batch = Batch::default();
    let solicit = |client| {
        by_relay(&message(MessageType::SOLICIT, client, |m| {
            ia_na(m, 1, &[]);
        }))
    };
    let request = by_relay(&message(MessageType::REQUEST, 1, |m| {
        to_server(m);
        ia_na(m, 1, &[]);
    }));
    for octets in [solicit(1), request, solicit(1), solicit(2)] {
        let (now, arrival, store) = (world.now, &world.arrival, &world.store);
        world
            .server
            .datagram(now, arrival, &octets, store, &mut batch);
    }
    let bound: Vec<bool> = batch.replies().iter().map(|reply| reply.is_bound).collect();
    assert_eq!(bound, [false, true, true, false]);
}

/// DHCP-S-023: addresses with a reserved interface identifier are not given.
#[test]
fn reserved_identifiers_are_not_given() {
    let mut config = config();
    config.links[0].pools[0].first = "2001:db8:1::".parse().unwrap();
    config.links[0].pools[0].last = "2001:db8:1::1".parse().unwrap();
    let mut world = World::new(config);
    assert_eq!(world.bind(1).names()[0], address("2001:db8:1::1"));
    assert_eq!(world.bind(2).statuses, [StatusCode::NO_ADDRS_AVAIL]);
}

/// DHCP-S-025: IA_TA is passed over, unless it is switched on.
#[test]
fn temporary_addresses_are_given_where_switched_on() {
    let ask = message(MessageType::REQUEST, 1, |m| {
        to_server(m);
        m.ia_ta(5, |_| Ok(())).unwrap();
    });
    let mut world = World::new(config());
    assert_eq!(world.ask(&ask).option(OptionCode::IA_TA), None);
    let mut config = config();
    config.obsolete.ia_ta = true;
    let mut world = World::new(config);
    let first = world.ask(&ask).option(OptionCode::IA_TA).unwrap();
    assert!(first.len() > 4);
    assert_eq!(world.ask(&ask).option(OptionCode::IA_TA), Some(first));
}

/// DHCP-S-083: a released lease is remembered as such.
#[test]
fn a_released_lease_is_remembered_as_such() {
    let mut world = World::new(config());
    let had = world.bind(1).names();
    world.ask(&message(MessageType::RELEASE, 1, |m| {
        to_server(m);
        ia_na(m, 1, &had[..1]);
    }));
    let record = world.store.binding(LINK, &duid(1)).unwrap().unwrap();
    let states: Vec<LeaseState> = record.view().leases().map(|lease| lease.state).collect();
    assert_eq!(states, [LeaseState::Released, LeaseState::Bound]);
}

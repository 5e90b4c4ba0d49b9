//! What answers contain, and when there is none.

use super::*;
use crate::server::config::ConfiguredOption;
use crate::server::{Dropped, Notice};

fn option(code: OptionCode, data: &[u8], always: bool) -> ConfiguredOption {
    let data = data.to_vec();
    ConfiguredOption { code, data, always }
}

fn ask(kind: MessageType, put: impl FnOnce(&mut Composer<'_>)) -> Vec<u8> {
    message(kind, 1, |m| {
        if matches!(
            kind,
            MessageType::REQUEST | MessageType::RENEW | MessageType::RELEASE | MessageType::DECLINE
        ) {
            to_server(m);
        }
        put(m);
    })
}

fn oro(message: &mut Composer<'_>, codes: &[OptionCode]) {
    let codes: Vec<u8> = codes.iter().flat_map(|code| code.0.to_be_bytes()).collect();
    message.option(OptionCode::ORO, &codes).unwrap();
}

/// How often each code is at the top level.
fn codes(reply: &Heard) -> Vec<u16> {
    let message = ClientMessage::parse(&reply.octets).unwrap();
    message
        .options()
        .iter()
        .map(|option| option.code.0)
        .collect()
}

/// DHCP-S-061: in ADVERTISE an IA that would get nothing is there, empty, and says so.
#[test]
fn an_advertise_says_of_each_ia_what_there_is_not() {
    let mut config = config();
    config.links[0].pools.clear();
    config.links[0].prefix_pools.clear();
    let mut world = World::new(config);
    let reply = world.ask(&ask(MessageType::SOLICIT, |m| {
        ia_na(m, 1, &[]);
        ia_pd(m, 2, &[]);
        ia_na(m, 3, &[address("2001:db8:1::15")]);
    }));
    assert_eq!(reply.kind, MessageType::ADVERTISE.0);
    assert!(reply.leases.is_empty());
    let (no_address, no_prefix) = (StatusCode::NO_ADDRS_AVAIL, StatusCode::NO_PREFIX_AVAIL);
    assert_eq!(reply.statuses, [no_address, no_prefix, no_address]);
    // The status is the IA's, not the message's (RFC 8415 §18.3.9).
    assert_eq!(reply.status, None);
}

/// DHCP-S-062, DHCP-S-044: an ADVERTISE has the options that the REPLY has.
#[test]
fn an_advertise_has_the_options_of_the_reply() {
    let mut config = config();
    config.settings.options = vec![
        option(OptionCode::DNS_SERVERS, &[1; 16], false),
        option(OptionCode(56), &[7; 20], true),
        option(OptionCode(41), b"EST", false),
    ];
    let mut world = World::new(config);
    let put = |m: &mut Composer<'_>| {
        oro(m, &[OptionCode::DNS_SERVERS, OptionCode(24)]);
        ia_na(m, 1, &[]);
    };
    let advertised = codes(&world.ask(&ask(MessageType::SOLICIT, put)));
    let replied = codes(&world.ask(&ask(MessageType::REQUEST, put)));
    assert_eq!(advertised, replied);
    assert!(replied.ends_with(&[23, 56]));
}

/// DHCP-S-066: what a REPLY to REQUEST tells is bound, each lease to its IA.
#[test]
fn a_reply_to_request_tells_what_is_bound() {
    let mut world = World::new(config());
    let reply = world.ask(&ask(MessageType::REQUEST, |m| {
        ia_na(
            m,
            1,
            &[address("2001:db8:1::12"), address("2001:db8:1::13")],
        );
        ia_na(m, 3, &[address("2001:db8:1::12")]);
        ia_pd(m, 2, &[]);
    }));
    let told: Vec<LeaseName> = reply.names();
    assert_eq!(told.len(), 4);
    let mut kept = world.live(1);
    let mut sorted = told.clone();
    kept.sort_unstable();
    sorted.sort_unstable();
    assert_eq!(kept, sorted);
    // The second IA wanted what the first one has: it got something else.
    assert_ne!(told[2], address("2001:db8:1::12"));
}

/// DHCP-S-060, DHCP-S-066: two IAs of one message are not offered the same lease, kept for them or not.
#[test]
fn no_lease_is_offered_to_two_ias() {
    for hold in [0, 10] {
        let mut config = config();
        config.offer_hold = hold;
        config.links[0].pools[0].order = Order::Lowest;
        config.links[0].prefix_pools[0].order = Order::Lowest;
        let mut world = World::new(config);
        let put = |m: &mut Composer<'_>| {
            ia_na(m, 1, &[]);
            ia_na(m, 2, &[address("2001:db8:1::10")]);
            ia_pd(m, 1, &[]);
            ia_pd(m, 2, &[]);
        };
        for kind in [MessageType::SOLICIT, MessageType::REQUEST] {
            let mut told = world.ask(&ask(kind, put)).names();
            told.sort_unstable();
            told.dedup();
            assert_eq!(told.len(), 4, "{kind}, held for {hold} s");
        }
    }
}

/// DHCP-S-045: codes that have no place in an ORO are passed over.
#[test]
fn an_oro_of_codes_that_have_no_place_there_is_passed_over() {
    let mut config = config();
    config.settings.options = vec![option(OptionCode::DNS_SERVERS, &[1; 16], false)];
    let mut world = World::new(config);
    let reply = world.ask(&ask(MessageType::REQUEST, |m| {
        let every: Vec<OptionCode> = (0..=145).map(OptionCode).collect();
        oro(m, &every);
        ia_na(m, 1, &[]);
    }));
    assert_eq!(codes(&reply), [2, 1, 3, 23]);
}

/// DHCP-S-049: VENDOR_OPTS goes to those who ask for it, one for each enterprise.
#[test]
fn vendor_options_go_to_those_who_ask() {
    let mut config = config();
    let of = |enterprise: u8| [0, 0, 0, enterprise, 0, 1, 0, 1, 9];
    config.settings.options = vec![
        option(OptionCode::VENDOR_OPTS, &of(3), false),
        option(OptionCode::VENDOR_OPTS, &of(4), false),
    ];
    // Of one enterprise at two levels the narrower level's alone is sent.
    config.links[0].settings.options = vec![option(OptionCode::VENDOR_OPTS, &of(5), false)];
    let mut world = World::new(config.clone());
    let with = |m: &mut Composer<'_>| {
        oro(m, &[OptionCode::VENDOR_OPTS, OptionCode::VENDOR_OPTS]);
        ia_na(m, 1, &[]);
    };
    let solicit = ask(MessageType::SOLICIT, with);
    assert_eq!(codes(&world.ask(&solicit)), [2, 1, 3, 17]);
    let silent = ask(MessageType::SOLICIT, |m| ia_na(m, 1, &[]));
    assert_eq!(codes(&world.ask(&silent)), [2, 1, 3]);
    config.links[0].settings.options.clear();
    let mut world = World::new(config);
    let reply = world.ask(&solicit);
    assert_eq!(codes(&reply), [2, 1, 3, 17, 17]);
}

/// DHCP-S-050: SOL_MAX_RT and INF_MAX_RT go to those who ask, though they get nothing else.
#[test]
fn longest_waits_are_told_though_there_is_nothing_else() {
    let mut config = config();
    config.links[0].pools.clear();
    config.settings.options = vec![
        option(OptionCode::SOL_MAX_RT, &[0, 0, 0, 60], false),
        option(OptionCode::INF_MAX_RT, &[0, 1, 0x51, 0x80], false),
    ];
    let mut world = World::new(config);
    let reply = world.ask(&ask(MessageType::SOLICIT, |m| {
        oro(m, &[OptionCode::SOL_MAX_RT, OptionCode::INF_MAX_RT]);
        ia_na(m, 1, &[]);
    }));
    assert_eq!(reply.statuses, [StatusCode::NO_ADDRS_AVAIL]);
    let (sol, inf) = (OptionCode::SOL_MAX_RT, OptionCode::INF_MAX_RT);
    assert_eq!(reply.option(sol), Some(vec![0, 0, 0, 60]));
    assert_eq!(reply.option(inf), Some(vec![0, 1, 0x51, 0x80]));
}

/// DHCP-S-051, DHCP-S-087: no option for clients is in the answers to CONFIRM, RELEASE and DECLINE.
#[test]
fn resolvers_are_not_told_where_they_have_no_place() {
    let mut config = config();
    let always = |code| option(code, &[1; 16], true);
    config.settings.options = vec![
        always(OptionCode::DNS_SERVERS),
        option(OptionCode::DOMAIN_LIST, b"\x04home\x00", true),
    ];
    let mut world = World::new(config);
    let bound = world.bind(1).names()[..1].to_vec();
    let asked = |m: &mut Composer<'_>| {
        oro(m, &[OptionCode::DNS_SERVERS, OptionCode::DOMAIN_LIST]);
        ia_na(m, 1, &bound);
    };
    for kind in [
        MessageType::SOLICIT,
        MessageType::REQUEST,
        MessageType::RENEW,
        MessageType::REBIND,
    ] {
        let told = codes(&world.ask(&ask(kind, asked)));
        assert!(told.ends_with(&[23, 24]), "{kind}: {told:?}");
    }
    for kind in [
        MessageType::CONFIRM,
        MessageType::RELEASE,
        MessageType::DECLINE,
    ] {
        let told = codes(&world.ask(&ask(kind, asked)));
        assert!(
            !told.contains(&23) && !told.contains(&24),
            "{kind}: {told:?}"
        );
    }
    let asked = ask(MessageType::INFORMATION_REQUEST, |m| {
        oro(m, &[OptionCode::DNS_SERVERS]);
    });
    assert!(codes(&world.ask(&asked)).contains(&23));
}

/// DHCP-S-047: an answer has nothing that was neither asked for nor configured to be sent to all; one above 1232 octets is sent whole, and counted.
#[test]
fn a_large_answer_is_sent_whole_and_counted() {
    let mut config = config();
    config.settings.options = vec![
        option(OptionCode(200), &[1; 1300], false),
        option(OptionCode(201), &[2; 1300], false),
    ];
    let mut world = World::new(config);
    let mut large = |codes: &[OptionCode]| {
        let solicit = by_relay(&ask(MessageType::SOLICIT, |m| {
            oro(m, codes);
            ia_na(m, 1, &[]);
        }));
        let mut batch = Batch::default();
        let (server, store) = (&mut world.server, &world.store);
        server.datagram(world.now, &world.arrival, &solicit, store, &mut batch);
        let large = batch.replies().iter().filter(|reply| reply.is_large());
        (large.count(), batch.octets().len() / 1300)
    };
    assert_eq!(large(&[]), (0, 0));
    assert_eq!(large(&[OptionCode(200)]), (1, 1));
    assert_eq!(large(&[OptionCode(200), OptionCode(201)]), (1, 2));
}

/// DHCP-S-075: where a lease is taken away and nothing is left in its IA, T1 and T2 are its valid lifetime, 0.
#[test]
fn times_of_an_ia_that_lost_all_are_its_valid_lifetime() {
    let mut world = World::new(config());
    let bound = world.bind(1).names();
    let mut config = config();
    config.links[0].on_link = vec!["2001:db8:2::/64".parse().unwrap()];
    config.links[0].pools.clear();
    config.links[0].relay_addresses = vec!["2001:db8:1::1".parse().unwrap()];
    world.server.reconfigure(Arc::new(config));
    for kind in [MessageType::RENEW, MessageType::REBIND] {
        let reply = world.ask(&ask(kind, |m| ia_na(m, 1, &bound[..1])));
        assert_eq!(reply.leases, [(bound[0], 0, 0)], "{kind}");
        assert_eq!(reply.times, [(0, 0)], "{kind}");
    }
}

/// DHCP-S-080, DHCP-S-081: a REBIND of nothing gets no answer; what does not fit the link is taken away, bound or not.
#[test]
fn a_rebind_without_anything_to_say_gets_no_answer() {
    let mut world = World::new(config());
    let nothing = by_relay(&ask(MessageType::REBIND, |_| {}));
    assert_eq!(world.dropped(&nothing), Dropped::NothingToSay);
    let elsewhere = [address("2001:db8:2::1")];
    let reply = world.ask(&ask(MessageType::REBIND, |m| ia_na(m, 1, &elsewhere)));
    assert_eq!(reply.leases, [(elsewhere[0], 0, 0)]);
    assert_eq!((reply.times, reply.statuses), (vec![(0, 0)], Vec::new()));
    assert!(world.live(1).is_empty());
}

/// DHCP-S-087, DHCP-S-084, DHCP-S-085: DECLINE is answered as RELEASE is.
#[test]
fn decline_is_answered_as_release_is() {
    let answered = |kind: MessageType| {
        let mut world = World::new(config());
        let bound = world.bind(1).names();
        let reply = world.ask(&ask(kind, |m| {
            ia_na(m, 1, &bound[..1]);
            ia_na(m, 9, &[address("2001:db8:1::1e")]);
        }));
        let declined = world.server.take_notices();
        let is_told = matches!(declined[..], [Notice::Declined { .. }]);
        assert_eq!(is_told, kind == MessageType::DECLINE);
        assert_eq!(world.live(1).len(), 1);
        (codes(&reply), reply.status, reply.statuses, reply.times)
    };
    let expected = (
        vec![2, 1, 3, 13],
        Some(StatusCode::SUCCESS),
        vec![StatusCode::NO_BINDING],
        vec![(0, 0)],
    );
    assert_eq!(answered(MessageType::RELEASE), expected);
    assert_eq!(answered(MessageType::DECLINE), expected);
}

/// DHCP-S-014: where the server stands in for others, what names no server is answered once the client has asked in vain for long enough.
#[test]
fn a_server_that_stands_in_for_others_waits() {
    let mut config = config();
    config.answer_after = 5;
    let mut world = World::new(config);
    let elapsed = |kind, hundredths: Option<u16>| {
        ask(kind, |m| {
            if let Some(time) = hundredths {
                m.option(OptionCode::ELAPSED_TIME, &time.to_be_bytes())
                    .unwrap();
            }
            if kind != MessageType::INFORMATION_REQUEST {
                ia_na(m, 1, &[address("2001:db8:1::15")]);
            }
        })
    };
    for kind in [
        MessageType::SOLICIT,
        MessageType::CONFIRM,
        MessageType::REBIND,
        MessageType::INFORMATION_REQUEST,
    ] {
        for early in [0, 499] {
            let why = world.dropped(&by_relay(&elapsed(kind, Some(early))));
            assert_eq!(why, Dropped::Excluded, "{kind} {early}");
        }
        for late in [Some(500), Some(0xffff), None] {
            let reply = world.datagram(&by_relay(&elapsed(kind, late))).1;
            assert!(reply.is_some(), "{kind} {late:?}");
        }
    }
    // What is addressed to this server is nobody else's to answer.
    for kind in [MessageType::REQUEST, MessageType::RENEW] {
        let reply = world.ask(&elapsed(kind, Some(0)));
        assert_eq!(reply.names().len(), 1, "{kind}");
    }
}

/// DHCP-S-044, DHCP-S-046: containers of softwires (RFC 7598) go to those who ask for them, from the narrowest of five levels.
#[test]
fn containers_of_softwires_are_told_at_every_level_to_those_who_ask() {
    use crate::server::config::{Class, Match, Reservation};
    for code in [94, 95, 96].map(OptionCode) {
        let of = |level: u8| Settings {
            options: vec![option(code, &[0, 90, 0, 1, level], false)],
            ..Settings::default()
        };
        for narrowest in 0..5 {
            let mut config = config();
            config.settings = of(0);
            if narrowest >= 1 {
                config.links[0].settings.options = of(1).options;
            }
            if narrowest >= 2 {
                config.links[0].pools[0].settings = of(2);
            }
            if narrowest >= 3 {
                config.classes = vec![Class {
                    name: "c".to_owned(),
                    members: vec![Match::Client(duid(1))],
                    settings: of(3),
                }];
            }
            if narrowest >= 4 {
                config.reservations = vec![Reservation {
                    whom: Match::Client(duid(1)),
                    leases: Vec::new(),
                    name: None,
                    settings: of(4),
                }];
            }
            let mut world = World::new(config);
            for kind in [
                MessageType::SOLICIT,
                MessageType::REQUEST,
                MessageType::RENEW,
            ] {
                let asks = |is_asked: bool| {
                    ask(kind, |m| {
                        if is_asked {
                            oro(m, &[code]);
                        }
                        ia_na(m, 1, &[]);
                    })
                };
                let told = world.ask(&asks(true)).option(code);
                assert_eq!(told, Some(vec![0, 90, 0, 1, narrowest]), "{kind} {code}");
                assert_eq!(world.ask(&asks(false)).option(code), None, "{kind} {code}");
            }
        }
    }
}

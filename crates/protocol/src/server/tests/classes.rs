//! Who is in which class.

use super::*;
use crate::server::config::{Class, ConfiguredOption, Match, Reservation};

/// A class whose clients are told an option that its name's first letter numbers.
fn class(name: &str, by: Match) -> Class {
    Class {
        name: name.to_owned(),
        members: vec![by],
        settings: Settings {
            options: vec![ConfiguredOption {
                code: OptionCode(u16::from(name.as_bytes()[0]) + 100),
                data: Vec::new(),
                always: true,
            }],
            ..Settings::default()
        },
    }
}

/// The first letters of the classes that a reply shows.
fn told(reply: &Heard) -> String {
    let message = ClientMessage::parse(&reply.octets).unwrap();
    let codes = message.options().iter().map(|option| option.code.0);
    let names = codes.filter(|code| *code > 190).map(|code| code - 100);
    names
        .map(|code| char::from(u8::try_from(code).unwrap()))
        .collect()
}

/// DHCP-S-048, DHCP-S-022: comparisons are joined by and, unless and earlier classes.
#[test]
fn classes_are_joined_of_comparisons_and_classes() {
    let vendor = |data: &[u8]| Match::OptionPart {
        code: OptionCode(60),
        at: 2,
        data: data.to_vec(),
    };
    let mut config = config();
    let behind = Match::LinkAddress("2001:db8:1::1".parse().unwrap());
    config.classes = vec![
        class("a", Match::All(vec![vendor(b"cpe"), behind])),
        class("b", Match::Unless(vec![Match::InClass("a".to_owned())])),
        class(
            "c",
            Match::All(vec![
                Match::InClass("a".to_owned()),
                Match::ClientPrefix(vec![0, 3]),
                Match::PeerAddress("fe80::99".parse().unwrap()),
            ]),
        ),
    ];
    let mut world = World::new(config);
    let mut classes = |vendor: &[u8]| {
        told(&world.ask(&message(MessageType::SOLICIT, 1, |m| {
            m.option(OptionCode(60), vendor).unwrap();
            ia_na(m, 1, &[]);
        })))
    };
    assert_eq!(classes(b"x-cpe-1"), "ac");
    assert_eq!(classes(b"cpe-1"), "b");
    assert_eq!(classes(b""), "b");
}

/// DHCP-S-022: a class asks for the client's link, and whether anything is reserved for it there.
#[test]
fn classes_know_the_link_and_the_reservations() {
    let client = || Match::Client(duid(1));
    let on = |link: &str| Match::OnLink(link.to_owned());
    let mut config = config();
    let mut two = link();
    two.id = LinkId(2);
    two.name = "two".to_owned();
    two.on_link = vec!["2001:db8:2::/64".parse().unwrap()];
    two.pools[0].first = "2001:db8:2::10".parse().unwrap();
    two.pools[0].last = "2001:db8:2::1f".parse().unwrap();
    two.prefix_pools.clear();
    two.reservations = vec![Reservation {
        whom: Match::Client(duid(1)),
        leases: vec![address("2001:db8:2::99")],
        name: None,
        settings: Settings::default(),
    }];
    config.links.push(two);
    config.classes = vec![
        class("a", on("one")),
        class("b", Match::All(vec![client(), on("two")])),
        class("c", Match::Reserved(true)),
        class("d", Match::Reserved(false)),
        class("e", Match::All(vec![client(), on("one")])),
    ];
    let mut world = World::new(config);
    let mut classes = |number, link| {
        let solicit = message(MessageType::SOLICIT, number, |m| ia_na(m, 1, &[]));
        told(&world.ask(&relayed(&solicit, &[(link, "fe80::99", &[])])))
    };
    assert_eq!(classes(1, "2001:db8:1::1"), "ade");
    assert_eq!(classes(1, "2001:db8:2::1"), "bc");
    assert_eq!(classes(2, "2001:db8:1::1"), "ad");
    assert_eq!(classes(2, "2001:db8:2::1"), "d");
}

//! Who is in which class.

use super::*;
use crate::server::Known;
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

/// DHCP-S-022: what a binding keeps tells a client's classes and reservations, and what it does not
/// keep is told to be unknown.
#[test]
fn a_binding_tells_which_classes_its_client_is_known_to_be_in() {
    let option = Match::Option {
        code: OptionCode::VENDOR_CLASS,
        data: None,
    };
    let here = Match::InterfaceId(b"eth0".to_vec());
    let elsewhere = Match::InterfaceId(b"eth9".to_vec());
    let of_link = |name: &str| Match::OnLink(name.to_owned());
    let members = [
        ("here", vec![elsewhere.clone(), here.clone()]),
        ("elsewhere", vec![elsewhere.clone()]),
        ("vendor", vec![option.clone()]),
        ("either", vec![option.clone(), here.clone()]),
        (
            "neither",
            vec![Match::Unless(vec![option.clone(), here.clone()])],
        ),
        ("not vendor", vec![Match::Unless(vec![option])]),
        (
            "both",
            vec![Match::All(vec![
                of_link("one"),
                Match::InClass("here".to_owned()),
            ])],
        ),
        ("reserved", vec![Match::Reserved(true)]),
        (
            "other link",
            vec![of_link("two"), Match::InClass("elsewhere".to_owned())],
        ),
    ];
    let mut config = config();
    config.classes = members
        .into_iter()
        .map(|(name, members)| Class {
            name: name.to_owned(),
            members,
            settings: Settings::default(),
        })
        .collect();
    let reserve = |whom| Reservation {
        whom,
        leases: Vec::new(),
        name: None,
        settings: Settings::default(),
    };
    config.links[0].reservations = vec![reserve(Match::Client(duid(1)))];
    config.reservations = vec![reserve(Match::Client(duid(2))), reserve(here)];
    let mut world = World::new(config);
    world.bind(1);
    let record = world.store.binding(LINK, &duid(1)).unwrap().unwrap();
    let config = &world.server.config;
    let known = Known::of(config, &config.links[0], &record.view());
    let expected = [
        ("here", Some(true)),
        ("elsewhere", Some(false)),
        ("vendor", None),
        ("either", Some(true)),
        ("neither", Some(false)),
        ("not vendor", None),
        ("both", Some(true)),
        ("reserved", Some(true)),
        ("other link", Some(false)),
    ];
    assert_eq!(known.classes, expected);
    assert_eq!(known.reservations.len(), 2);
    let in_one = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        known.is_in_one(&names)
    };
    assert_eq!(in_one(&["vendor", "elsewhere"]), None);
    assert_eq!(in_one(&["vendor", "here"]), Some(true));
    assert_eq!(in_one(&["elsewhere", "unheard of"]), Some(false));
}

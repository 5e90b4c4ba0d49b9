//! The DHCPv6 server's sections: what the server gets of them, and what is wrong with them.

use std::net::Ipv6Addr;

use leasebook_protocol::server::config as server;
use leasebook_protocol::server::config::{Lifetimes, Match, Order, Renewal, Settings};
use leasebook_store::{LeaseName, LinkId};
use leasebook_wire::Duid;
use leasebook_wire::code::OptionCode;

use super::{LINK, config, effective, warnings, wrong};

/// A server's DUID.
fn duid() -> Duid {
    Duid::new(&[0, 2, 0, 0, 9, 0xbf, 1]).unwrap()
}

/// What the server is set to by a text.
fn served(text: &str) -> server::Config {
    config(text).dhcp(duid())
}

/// Every setting of the DHCPv6 server at work.
const FULL: &str = r#"
[listen]
udp = ["[::]:547"]
[dhcp]
preference = 255
obsolete = ["unicast", "ia-ta"]
rsoo = [65, 90]
probation = "2h"
offer-hold = "0s"
answer-after = "5s"
reconfigure = true
bind-on-renew = false
register-addresses = true
leases-per-client = 5
rate-per-client = 10
rate-per-relay = 1000
preferred-lifetime = "1h"
valid-lifetime = "infinity"
t1 = "10m"
t2 = "20m"
rapid-commit = true
delegated-length = 60
[dhcp.options]
dns-servers = ["3fff::53"]
[[class]]
name = "cpe"
members = [
  { remote-id = "3561:port 7" }, { duid = "0003000100005e005301", iaid = 7 },
  { duid-prefix = "00:03" }, { duid = "0003000100005e005302" }, { subscriber-id = "s" },
  { interface-id = "0x00" }, { link-layer = "00:00:5e:00:53:01" }, { user-class = "u" },
  { vendor-class = "3561" }, { vendor-class = "3561:item" }, { relay-id = "00020000" },
  { option = { code = 60 } }, { option = { code = 61, data = "0x01" } },
]
delegated-length = 48
options = { custom = [{ code = 250, type = "u8", value = 1 }] }
[[class]]
name = "blocked"
members = [{ duid = "000200" }]
[[reservation]]
remote-id = "3561:port 8"
addresses = ["3fff::8"]
prefixes = ["3fff:100:8::/56"]
name = "cpe-8.example.com"
[[link]]
id = 1
name = "a"
on-link = ["3fff::/64"]
relay-addresses = ["3fff:ffff::1"]
interface-ids = ["eth0"]
interfaces = ["eth1", "vlan.7"]
exclusions = ["3fff::1", "3fff::10-3fff::13", "3fff:100::/48"]
allow = ["cpe"]
deny = ["blocked"]
preferred-lifetime = "1m"
valid-lifetime = "2m"
rapid-commit = false
delegated-length = 56
options = { domain-search = ["example.com"] }
[[link.pool]]
addresses = "3fff::1000-3fff::1fff"
order = "lowest"
classes = ["cpe"]
t1 = "0s"
t2 = "0s"
options = { sol-max-rt = "1h" }
[[link.pool]]
addresses = "3fff::1:0/112"
[[link.prefix-pool]]
prefix = "3fff:100::/32"
delegated-length = 56
pd-exclude = "3fff:100:0:ff::/64"
order = "lowest"
classes = ["cpe"]
preferred-lifetime = "0s"
valid-lifetime = "1s"
[[link.reservation]]
duid = "0003000100005e005303"
iaid = 4294967295
addresses = ["3fff::3"]
options = { aftr-name = "aftr.example.com" }
[[link.reservation]]
link-layer = "00:00:5e:00:53:04"
[[link.reservation]]
interface-id = "eth 0/1"
[[link.reservation]]
subscriber-id = "customer"
"#;

#[test]
fn every_setting_is_printed_and_reads_back_equal() {
    let first = config(FULL);
    let printed = effective(&first);
    assert_eq!(config(&printed), first, "{printed}");
}

#[test]
fn nothing_configured_is_the_servers_own_defaults() {
    let mut defaults = server::Config::new(duid());
    // These are said rather than left out.
    defaults.settings.lifetimes = Some(Lifetimes::DEFAULT);
    defaults.settings.rapid_commit = Some(false);
    assert_eq!(served(""), defaults);
}

#[test]
fn the_server_gets_what_is_set_for_the_whole() {
    let server = served(FULL);
    assert_eq!(server.server_id, duid());
    assert_eq!(
        (server.preference, server.probation, server.offer_hold),
        (255, 7200, 0)
    );
    assert_eq!(server.answer_after, 5);
    assert!(server.obsolete.ia_ta && server.obsolete.unicast);
    assert_eq!(server.rsoo, [OptionCode(65), OptionCode(90)]);
    assert!(server.reconfigure && !server.bind_on_renew && server.register_addresses);
    assert_eq!(server.leases_per_client, 5);
    assert_eq!(
        (server.rates.per_client, server.rates.per_relay),
        (10, 1000)
    );
    let settings = &server.settings;
    let lifetimes = Lifetimes {
        preferred: 3600,
        valid: u32::MAX,
    };
    assert_eq!(settings.lifetimes, Some(lifetimes));
    assert_eq!(settings.renewal, Some(Renewal { t1: 600, t2: 1200 }));
    assert_eq!(settings.rapid_commit, Some(true));
    assert_eq!(settings.delegated_len, Some(60));
    assert_eq!(settings.options[0].code, OptionCode::DNS_SERVERS);
}

#[test]
fn the_server_gets_links_with_their_pools() {
    let server = served(FULL);
    let [link] = &server.links[..] else {
        panic!("{} links", server.links.len())
    };
    assert_eq!((link.id, &link.name[..]), (LinkId(1), "a"));
    assert_eq!(link.interfaces, ["eth1", "vlan.7"]);
    assert_eq!(link.interface_ids, [b"eth0".to_vec()]);
    let excluded: Vec<String> = link.exclusions.iter().map(ToString::to_string).collect();
    assert_eq!(excluded, ["3fff::1", "3fff::10/126", "3fff:100::/48"]);
    assert_eq!(
        (&link.allow[..], &link.deny[..]),
        (&["cpe".to_owned()][..], &["blocked".to_owned()][..])
    );
    let [pool, plain] = &link.pools[..] else {
        panic!("{} pools", link.pools.len())
    };
    assert_eq!(pool.last, "3fff::1fff".parse::<Ipv6Addr>().unwrap());
    assert_eq!(
        (pool.order, &pool.classes[..]),
        (Order::Lowest, &["cpe".to_owned()][..])
    );
    assert_eq!(pool.settings.renewal, Some(Renewal { t1: 0, t2: 0 }));
    assert_eq!(
        (plain.order, &plain.settings),
        (Order::Random, &Settings::default())
    );
    let prefixes = &link.prefix_pools[0];
    let exclude = prefixes.exclude.unwrap();
    assert_eq!((prefixes.delegated_len, exclude.len), (56, 64));
    assert_eq!(exclude.bits, 0xff << 64);
    assert_eq!(prefixes.settings.delegated_len, None);
}

/// DHCP-S-022: what tells clients apart is kept octet for octet.
#[test]
fn the_server_gets_classes_and_reservations() {
    let server = served(FULL);
    let client = vec![0, 3, 0, 1, 0, 0, 0x5e, 0, 0x53, 1];
    let members = [
        Match::RemoteId(b"\0\0\x0d\xe9port 7".to_vec()),
        Match::ClientIa { client, iaid: 7 },
        Match::ClientPrefix(vec![0, 3]),
        Match::Client(vec![0, 3, 0, 1, 0, 0, 0x5e, 0, 0x53, 2]),
        Match::SubscriberId(b"s".to_vec()),
        Match::InterfaceId(vec![0]),
        Match::LinkLayer(vec![0, 0, 0x5e, 0, 0x53, 1]),
        Match::UserClass(b"u".to_vec()),
        Match::VendorClass {
            enterprise: 3561,
            item: None,
        },
        Match::VendorClass {
            enterprise: 3561,
            item: Some(b"item".to_vec()),
        },
        Match::RelayId(vec![0, 2, 0, 0]),
        Match::Option {
            code: OptionCode(60),
            data: None,
        },
        Match::Option {
            code: OptionCode(61),
            data: Some(vec![1]),
        },
    ];
    assert_eq!(server.classes[0].members, members);
    assert_eq!(server.classes[0].settings.delegated_len, Some(48));
    let reserved = &server.reservations[0];
    assert_eq!(reserved.name.as_deref(), Some("cpe-8.example.com"));
    assert_eq!(
        reserved.leases,
        [
            LeaseName::Address("3fff::8".parse().unwrap()),
            LeaseName::prefix("3fff:100:8::".parse().unwrap(), 56).unwrap()
        ]
    );
    assert_eq!(server.links[0].reservations.len(), 4);
}

#[test]
fn what_is_wrong_with_the_server_is_told_with_its_place() {
    let table = [
        (
            "[dhcp]\nvalid-lifetime = \"1h\"",
            "f:2:18: valid-lifetime stands here without preferred-lifetime; write both, or neither",
        ),
        (
            "[dhcp]\npreferred-lifetime = \"2h\"\nvalid-lifetime = \"1h\"",
            "f:2:22: preferred-lifetime is 2h, above valid-lifetime, 1h; it is at most that",
        ),
        (
            "[dhcp]\npreferred-lifetime = \"0s\"\nvalid-lifetime = \"0s\"",
            "f:3:18: a lease of 0s is none; a lifetime from 1s is needed",
        ),
        (
            "[dhcp]\nt1 = \"2m\"\nt2 = \"1m\"",
            "f:2:6: t1 is 2m, above t2, 1m; it is at most that",
        ),
        (
            "[dhcp]\nobsolete = [\"ia-ta\", \"ia-ta\"]",
            "f:2:22: `ia-ta` is listed twice; list it once",
        ),
        (
            "[dhcp]\nrsoo = [65, 65]",
            "f:2:13: option 65 is listed twice; list it once",
        ),
        (
            "[[class]]\nmembers = [{ duid = \"000200\" }]",
            "f:1:1: this [[class]] has no name; add one",
        ),
        (
            "[[class]]\nname = \"c\"",
            "f:1:1: no one is in class `c`; add members = [{ ... }]",
        ),
        (
            "[[class]]\nname = \"c\"\nmembers = [{}]",
            "f:3:12: this member of a class names no one; add duid, remote-id or another identifier",
        ),
        (
            "[[reservation]]\nduid = \"000200\"\nremote-id = \"9:x\"",
            "f:1:1: this [[reservation]] is told by duid and remote-id at once; write one of them",
        ),
        (
            "[[class]]\nname = \"c\"\nmembers = [{ iaid = 1 }]",
            "f:3:21: an iaid belongs to a client; write its duid too",
        ),
        (
            "[[class]]\nname = \"c\"\nmembers = [{ option = {} }]",
            "f:3:23: this option has no code; add one",
        ),
        (
            "[[reservation]]\naddresses = [\"3fff::1\"]",
            "f:1:1: this [[reservation]] names no one; add duid, remote-id or another identifier",
        ),
        (
            "[[reservation]]\nduid = \"000200\"\naddresses = [\"ff02::1\"]",
            "f:3:14: ff02::1 cannot be leased; write a unicast address or prefix",
        ),
        (
            "[[reservation]]\nduid = \"000200\"\nprefixes = [\"3fff::/56\", \"3fff::/56\"]",
            "f:3:26: 3fff::/56 is listed twice; list it once",
        ),
        (
            "[[reservation]]\nduid = \"000200\"\nname = \"a..b\"",
            "f:3:8: a label is 0 octets, at least 1 needed",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(wrong(text), expected, "{text}");
    }
}

#[test]
fn what_is_wrong_with_a_served_link_is_told_with_its_place() {
    let table = [
        (
            "allow = [\"cpe\"]",
            "f:5:10: there is no class `cpe`; add a [[class]] of that name",
        ),
        (
            "interfaces = [\"a/b\"]",
            "f:5:15: `a/b` is no name of an interface; `ip link` tells them",
        ),
        (
            "interfaces = [\"e\", \"e\"]",
            "f:5:20: interface `e` stands in line 5 already; who is attached to it is on one link only",
        ),
        (
            "exclusions = [\"3fff::2-3fff::1\"]",
            "f:5:15: `3fff::2-3fff::1` ends before it begins; `3fff::1-3fff::2` is probably meant",
        ),
        (
            "[[link.prefix-pool]]\nprefix = \"3fff:100::/32\"\ndelegated-length = 56\npd-exclude = \"::/56\"",
            "f:8:14: a /56 is no part of a delegated /56; a length from 57 to 128 is needed",
        ),
        (
            "[[link.prefix-pool]]\nprefix = \"3fff:100::/32\"\ndelegated-length = 56\npd-exclude = \"3fff:101::/64\"",
            "f:8:14: 3fff:101::/64 is neither in 3fff:100::/32 nor only bits behind /56",
        ),
        (
            "[[link.pool]]\naddresses = \"3fff::/64\"\norder = \"first\"",
            "f:7:9: `first` is not known here; it is one of random, lowest",
        ),
        (
            "[[link.reservation]]\naddresses = [\"3fff::1\"]",
            "f:5:1: this [[link.reservation]] names no one; add duid, remote-id or another identifier",
        ),
    ];
    for (settings, expected) in table {
        let text = format!("{LINK}{settings}\n");
        assert_eq!(wrong(&text), expected, "{text}");
    }
    let typo = format!(
        "[[class]]\nname = \"cpes\"\nmembers = [{{ duid = \"000200\" }}]\n{LINK}deny = [\"cpe\"]\n"
    );
    assert_eq!(
        wrong(&typo),
        "f:8:9: there is no class `cpe`; `cpes` is probably meant"
    );
}

/// A link of this number with a prefix of its own and these settings.
pub(super) fn link(id: u32, settings: &str) -> String {
    format!("[[link]]\nid = {id}\nname = \"l{id}\"\non-link = [\"3fff:{id}::/64\"]\n{settings}\n")
}

/// A link's reservation of this for a client.
pub(super) fn reserved(duid: &str, lease: &str) -> String {
    format!("[[link.reservation]]\nduid = \"{duid}\"\n{lease}\n")
}

#[test]
fn a_socket_may_name_its_device() {
    let read = |udp: &str| {
        let text = format!("[listen]\nudp = [{udp}]\n");
        crate::config::parse(&text, std::path::Path::new("test.toml"))
    };
    let loaded = read(r#""[::]:547%vrf-red", "[fe80::1%3]:547", "[::]:547""#).unwrap();
    let shown: Vec<String> = loaded
        .config
        .listen
        .udp
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(shown, ["[::]:547%vrf-red", "[fe80::1%3]:547", "[::]:547"]);
    let devices: Vec<_> = loaded
        .config
        .listen
        .udp
        .iter()
        .map(|one| one.device.as_deref())
        .collect();
    assert_eq!(devices, [Some("vrf-red"), None, None]);
    for wrong in [
        r#""[::]:547%""#,
        r#""[::]:547%a-name-that-is-too-long""#,
        r#""[::]:547%a", "[::]:547%a""#,
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

/// DHCP-S-057: UNICAST is told only where it is written, and then whoever keeps relay data is warned.
#[test]
fn unicast_is_told_only_where_it_is_written() {
    let option = r#"custom = [{ code = 12, type = "ipv6", value = "2001:db8::1", always = true }]"#;
    let with = |obsolete: &str, options: &str| {
        format!("[dhcp]\nobsolete = [{obsolete}]\n[dhcp.options]\n{options}\n{LINK}")
    };
    let told = |text: &str| {
        let found = warnings(text);
        let about = |what: &str| found.contains(what);
        (about("which is dropped"), about("pass their relays by"))
    };
    assert_eq!(told(&with("", option)), (true, false));
    assert_eq!(told(&with("\"unicast\"", option)), (false, true));
    assert_eq!(told(&with("\"unicast\"", "")), (false, false));
    let options = config(&with("\"unicast\"", "")).dhcp.settings.options;
    assert!(options.iter().all(|one| one.code != OptionCode::UNICAST));
}

#[test]
fn members_of_a_class_are_joined_of_comparisons() {
    let text = |members: &str| {
        format!(
            "[[class]]\nname = \"one\"\nmembers = [{{ duid = \"00:03:07\" }}]\n\
             [[class]]\nname = \"two\"\nmembers = [{members}]\n{LINK}"
        )
    };
    let joined = r#"{ class = "one", option = { code = 60, data = "cpe", at = 2 }, link-address = "2001:db8::1" }, { unless = [{ class = "one" }, { user-class = "x", peer-address = "fe80::1" }] }"#;
    let read = config(&text(joined));
    let part = Match::OptionPart {
        code: OptionCode(60),
        at: 2,
        data: b"cpe".to_vec(),
    };
    let one = || Match::InClass("one".to_owned());
    let relay = Match::LinkAddress("2001:db8::1".parse().unwrap());
    let peer = Match::PeerAddress("fe80::1".parse().unwrap());
    let both = Match::All(vec![Match::UserClass(b"x".to_vec()), peer]);
    let [all, unless] = &read.classes[1].members[..] else {
        panic!()
    };
    let Match::All(all) = all else { panic!() };
    assert_eq!(all.len(), 3);
    assert!([part, one(), relay].iter().all(|by| all.contains(by)));
    assert_eq!(*unless, Match::Unless(vec![one(), both]));
    let wrongs = [
        (r#"{ class = "two" }"#, "no class `two` stands above"),
        ("{ option = { code = 60, at = 2 } }", "write data too"),
        ("{ unless = [{ iaid = 1 }] }", "write its duid too"),
        ("{ unless = [] }", "names no one"),
        (
            r#"{ link = "aa" }"#,
            "there is no link `aa`; `a` is probably meant",
        ),
    ];
    for (members, expected) in wrongs {
        let told = wrong(&text(members));
        assert!(told.contains(expected), "{told}");
    }
    // What is printed reads back equal.
    assert_eq!(config(&effective(&read)).classes, read.classes);
    let read = config(&text(
        r#"{ duid = "00:03:07", link = "a", reserved = false }"#,
    ));
    assert_eq!(
        read.classes[1].members,
        [Match::All(vec![
            Match::Client(vec![0, 3, 7]),
            Match::OnLink("a".to_owned()),
            Match::Reserved(false)
        ])]
    );
    assert_eq!(config(&effective(&read)).classes, read.classes);
}

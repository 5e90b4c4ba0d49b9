use std::io;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::generate::{Shape, write_kea_config};
use crate::kea_config::classes::unused_name;
use crate::kea_config::{ConfigError, parse_kea_config};

fn parse(text: &str) -> Result<KeaConfig, ConfigError> {
    let missing = &mut |_: &Path| Err(io::Error::from(io::ErrorKind::NotFound));
    parse_kea_config(Path::new("kea.conf"), text.as_bytes(), missing)
}

/// The TOML, checked to be TOML, and what was not carried over as text.
fn migrate(text: &str) -> (String, Vec<String>) {
    let (toml, not_carried) = to_leasebook_toml(&parse(text).unwrap());
    let read: Result<toml::Table, _> = toml.parse();
    assert!(read.is_ok(), "{read:?}\n{toml}");
    (toml, not_carried.iter().map(ToString::to_string).collect())
}

fn dhcp6(settings: &str) -> String {
    format!("{{ \"Dhcp6\": {{\n{settings}\n}} }}")
}

const RECORDED: &str = include_str!("../../../tests/data/kea-dhcp6.conf");

#[test]
fn takes_over_the_recorded_configuration() {
    let (toml, not_carried) = migrate(RECORDED);
    let expected = r#"# Made from a configuration of Kea.
# Next: leasebook leases import /var/lib/kea/kea-leases6.csv --config THIS-FILE

server-id = "00:02:00:00:09:bf:01:23:45:67:89"
# Kea waits 300 s for its requestors, as RFC 5460 has it.
timers = "rfc5460"

[listen]
tcp = ["[::1]:5547"]
# Kea serves clients until this is set, once it is stopped and its leases are imported:
# udp = ["[::]:547"]

[bulk]

[[bulk.allow]]
source = "::1/128"

[dhcp]
preferred-lifetime = "432000s"
valid-lifetime = "864000s"

[[link]]
id = 1
name = "subnet-1"
on-link = ["3fff::/64"]
relay-addresses = ["3fff::1"]

[[link.pool]]
addresses = "3fff::/64"

[[link.prefix-pool]]
prefix = "3fff:100::/32"
delegated-length = 56

[[link]]
id = 2
"#;
    assert!(toml.starts_with(expected), "{toml}");
    assert_eq!(
        not_carried,
        [
            "kea.conf:20: multi-threading: leasebook needs no such tuning; nothing is to be done",
            "kea.conf:41: loggers: leasebook logs to standard error; set [log]",
        ]
    );
}

/// Configurations of every kind, and beside each what it comes to and what is listed. With
/// `LEASEBOOK_SAMPLES=write` they are written anew, to be read by whoever changed them.
#[test]
fn takes_over_the_samples_as_is_written_beside_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/kea-config");
    let is_sample = |path: &PathBuf| path.extension().is_some_and(|end| end == "conf");
    let files = std::fs::read_dir(&folder).unwrap();
    let mut samples: Vec<PathBuf> = files
        .map(|file| file.unwrap().path())
        .filter(is_sample)
        .collect();
    samples.sort();
    assert!(samples.len() > 5, "{samples:?}");
    for sample in samples {
        let load = &mut |included: &Path| std::fs::read(folder.join(included));
        let octets = std::fs::read(&sample).unwrap();
        let config = parse_kea_config(Path::new("kea.conf"), &octets, load).unwrap();
        let (toml, not_carried) = to_leasebook_toml(&config);
        let listed: Vec<String> = not_carried.iter().map(ToString::to_string).collect();
        let listed = listed.join("\n") + "\n";
        for (end, made) in [("toml", toml), ("not-carried", listed)] {
            let expected = sample.with_extension(end);
            if std::env::var("LEASEBOOK_SAMPLES").is_ok_and(|what| what == "write") {
                std::fs::write(&expected, &made).unwrap();
            }
            let read = std::fs::read_to_string(&expected).unwrap_or_default();
            assert!(read == made, "{} should be:\n{made}", expected.display());
        }
    }
}

#[test]
fn a_class_with_one_lifetime_of_two_is_listed_where_links_have_them() {
    let listed = |class: &str, subnet: &str| {
        let text = format!(
            r#""client-classes": [ {{ "name": "gold", "test": "option[60].exists"{class} }} ],
"subnet6": [ {{ "id": 1, "subnet": "2001:db8:1::/64"{subnet} }} ]"#
        );
        let (_, not_carried) = migrate(&dhcp6(&text));
        let mut lines = not_carried.iter().map(ToString::to_string);
        lines.any(|line| line.contains("it has one lifetime"))
    };
    let own = r#", "preferred-lifetime": 600, "valid-lifetime": 1200"#;
    assert!(listed(r#", "valid-lifetime": 86400"#, own));
    assert!(listed(r#", "preferred-lifetime": 900"#, own));
    assert!(!listed(r#", "valid-lifetime": 86400"#, ""));
    assert!(!listed(own, own));
}

#[test]
fn a_reservation_of_nothing_is_carried_for_it_makes_its_client_known() {
    let (toml, _) = migrate(&dhcp6(
        r#""subnet6": [ { "id": 1, "subnet": "2001:db8:1::/64",
  "pools": [ { "pool": "2001:db8:1::/80", "client-class": "KNOWN" } ],
  "reservations": [ { "duid": "00:03:00:01:02:00:5e:10:00:09" } ] } ]"#,
    ));
    let own = "[[link.reservation]]\nduid = \"00:03:00:01:02:00:5e:10:00:09\"\n";
    assert!(toml.contains(own), "{toml}");
}

#[test]
fn options_of_a_vendor_in_one_piece_are_listed() {
    let (_, not_carried) = migrate(&dhcp6(
        r#""option-data": [ { "code": 17, "csv-format": false, "data": "0000118b0020000101" } ]"#,
    ));
    let lines: Vec<String> = not_carried.iter().map(ToString::to_string).collect();
    let is_listed = lines.iter().any(|line| line.contains("in one piece"));
    assert!(is_listed, "{lines:?}");
}

/// Each of 40 options holds all 40 of its own space.
#[test]
fn a_space_within_itself_ends() {
    let outer = r#"{ "name": "o", "code": 1000, "type": "empty", "encapsulate": "s" }"#;
    let mut definitions = vec![outer.to_owned()];
    let mut data = vec![r#"{ "code": 1000 }"#.to_owned()];
    for code in 1..=40 {
        definitions.push(format!(
            r#"{{ "name": "i{code}", "code": {code}, "space": "s", "type": "empty", "encapsulate": "s" }}"#
        ));
        data.push(format!(r#"{{ "code": {code}, "space": "s" }}"#));
    }
    let (toml, _) = migrate(&dhcp6(&format!(
        r#""option-def": [ {} ], "option-data": [ {} ]"#,
        definitions.join(", "),
        data.join(", ")
    )));
    assert!(toml.contains("00010000000200000003"), "{toml}");
}

#[test]
fn a_shared_network_is_one_link_with_the_lowest_of_its_subnet_ids() {
    let (toml, not_carried) = migrate(&dhcp6(
        r#""store-extended-info": true,
"shared-networks": [ {
  "name": "frog \"one\"",
  "relay": { "ip-addresses": [ "2001:db8::1", "2001:db8:1::2" ] },
  "interface-id": "0x1",
  "subnet6": [
    { "id": 9, "subnet": "2001:db8:9::/64", "pools": [ { "pool": "2001:db8:9::10 - 2001:db8:9::20" } ] },
    { "id": 4, "subnet": "2001:db8:4:0::/64", "relay": { "ip-address": "2001:db8::1" }, "interface-id": "olt 1" }
  ]
} ],
"subnet6": [ { "id": 7, "subnet": "2001:db8:7::/64", "interface": "eth0" } ]"#,
    ));
    let links = &toml[toml.find("[[link]]").unwrap()..];
    assert_eq!(
        links,
        r#"[[link]]
id = 4
name = "frog \"one\""
kea-subnet-ids = [4, 9]
on-link = ["2001:db8:9::/64", "2001:db8:4::/64"]
relay-addresses = ["2001:db8::1", "2001:db8:1::2"]
interface-ids = ["olt 1", "0x307831"]

[[link.pool]]
addresses = "2001:db8:9::10-2001:db8:9::20"

[[link]]
id = 7
name = "subnet-7"
on-link = ["2001:db8:7::/64"]
interfaces = ["eth0"]
"#
    );
    let keys = not_carried
        .iter()
        .map(|line| line.split(": ").nth(1).unwrap());
    let keys: Vec<&str> = keys.collect();
    // Carried, and listed since leasebook looks at it in another order.
    assert_eq!(
        keys,
        [
            "shared-networks[0].interface-id",
            "shared-networks[0].subnet6[1].interface-id"
        ]
    );
}

#[test]
fn takes_over_the_limits_of_the_leasequery_hook() {
    let (toml, not_carried) = migrate(&dhcp6(
        r#""hooks-libraries": [ { "library": "/x/libdhcp_ha.so" }, { "library": "/x/libdhcp_lease_query.so", "parameters": {
  "requesters": [ "2001:db8::1", "2001:db8:1::/48", "2001:db8::1" ],
  "prefix-lengths": [ 56 ],
  "advanced": { "bulk-query-enabled": true,
    "max-requester-connections": 50, "max-concurrent-queries": 0,
    "max-requester-idle-time": 100000, "max-leases-per-fetch": 5,
    "cert-required": true } } } ]"#,
    ));
    assert!(toml.contains("tcp = [\"[::1]:547\"]"));
    let bulk = &toml[toml.find("[bulk]").unwrap()..toml.find("\n[dhcp]").unwrap()];
    assert_eq!(
        bulk,
        "[bulk]\nmax-connections = 50\n\n[[bulk.allow]]\nsource = \"2001:db8::1/128\"\n\n[[bulk.allow]]\nsource = \"2001:db8:1::/48\"\n"
    );
    let hook = "hooks-libraries[1].parameters";
    assert_eq!(
        not_carried[1..],
        [
            "kea.conf:2: hooks-libraries[0].library: leasebook has no hook like libdhcp_ha.so: leasebook has no partner that takes over; see docs/relay.md for what a relay keeps".to_owned(),
            format!("kea.conf:4: {hook}.prefix-lengths: leasebook finds delegated prefixes of every length; nothing is to be done"),
            format!("kea.conf:7: {hook}.advanced.max-requester-idle-time: 86400 is the most leasebook takes; its default holds"),
            format!("kea.conf:7: {hook}.advanced.max-leases-per-fetch: leasebook streams; there is nothing to set"),
            format!("kea.conf:8: {hook}.advanced.cert-required: leasebook does not speak TLS; keep it on a network you trust or in a tunnel"),
        ]
    );
}

#[test]
fn a_configuration_without_leasequery_answers_nobody() {
    let (toml, not_carried) = migrate(&dhcp6(""));
    assert!(
        toml.contains("tcp = []") && toml.contains("# Nobody but this machine"),
        "{toml}"
    );
    assert!(toml.contains("without store-extended-info"));
    assert!(toml.contains("# server-id = "));
    assert_eq!(not_carried.len(), 1, "{not_carried:?}");
    assert!(not_carried[0].starts_with("kea.conf:1: subnet6: there are none"));
}

#[test]
fn a_duid_is_taken_over_only_if_kea_made_nothing_of_it_up() {
    let duid = |settings: &str| parse(&dhcp6(&format!("\"server-id\": {{ {settings} }}"))).unwrap();
    let full = duid(r#""type": "LLT", "htype": 1, "time": 16909060, "identifier": "0A0b""#);
    assert_eq!(full.server_id, Some(vec![0, 1, 0, 1, 1, 2, 3, 4, 10, 11]));
    let full = duid(r#""type": "LL", "htype": 6, "identifier": "0a", "persist": false"#);
    assert_eq!(full.server_id, Some(vec![0, 3, 0, 6, 10]));
    let isc = duid(r#""type": "EN", "identifier": "0a""#);
    assert_eq!(isc.server_id, Some(vec![0, 2, 0, 0, 9, 0xbf, 10]));
    for part in [
        r#""type": "EN""#,
        r#""type": "LLT", "identifier": "0a""#,
        r#""type": "LL""#,
    ] {
        let config = duid(part);
        assert_eq!(config.server_id, None);
        assert!(config.not_carried.iter().any(|one| one.key == "server-id"));
    }
}

#[test]
fn subnets_without_id_are_numbered_as_kea_numbered_them_and_listed() {
    let config = parse(&dhcp6(
        r#""subnet6": [ { "subnet": "2001:db8:1::/64" }, { "id": 1, "subnet": "2001:db8:2::/64" } ],
"shared-networks": [ { "name": "n", "subnet6": [ { "id": 0, "subnet": "2001:db8:3::/64" } ] }, { "name": "empty" } ]"#,
    ))
    .unwrap();
    let ids: Vec<_> = config.links.iter().map(|link| link.subnets[0].id).collect();
    assert_eq!(ids, [2, 3, 1]);
    let keys: Vec<_> = config
        .not_carried
        .iter()
        .map(|note| &note.key[..])
        .collect();
    assert_eq!(
        keys,
        [
            "subnet6[0].id",
            "shared-networks[1].subnet6",
            "shared-networks[0].subnet6[0].id"
        ]
    );
}

#[test]
fn reservations_of_an_unnumbered_subnet_are_its_own() {
    let (toml, not_carried) = migrate(&dhcp6(
        r#""subnet6": [ { "subnet": "2001:db8::/64",
 "reservations": [ { "duid": "01:02:03", "ip-addresses": [ "2001:db8::5" ] } ] } ]"#,
    ));
    assert!(
        toml.contains("[[link.reservation]]\nduid = \"01:02:03\"\naddresses = [\"2001:db8::5\"]\n"),
        "{toml}"
    );
    assert_eq!(not_carried.len(), 1);
}

#[test]
fn options_that_cannot_be_carried_are_listed() {
    let (toml, not_carried) = migrate(&dhcp6(
        r#""option-data": [
 { "name": "no-such", "data": "1" },
 { "name": "dns-servers", "data": "x" },
 { "name": "solmax-rt", "data": "5" },
 { "code": 1, "data": "00" },
 { "space": "s46-cont-mape-options", "code": 89, "data": "00" },
 { "name": "dns-servers", "data": "::1" },
 { "name": "dns-servers", "data": "::2" },
 { "name": "sntp-servers", "data": "::3", "never-send": true } ]"#,
    ));
    assert!(
        toml.contains("options = { dns-servers = [\"::1\"] }\n"),
        "{toml}"
    );
    let lines: Vec<&str> = not_carried
        .iter()
        .filter(|line| !line.contains("subnet6: there are none"))
        .map(|line| line.split(": ").nth(2).unwrap())
        .collect();
    assert_eq!(
        lines,
        [
            "`no-such` is not known; write its code",
            "`x` is no address",
            "leasebook sends 60 to 86400 seconds, as RFC 8415 has it; write a value in that range",
            "option 1 is made by leasebook itself; nothing is to be done",
            "it has fewer fields than its definition",
            "the option stands at this level already, and the first is sent",
            "an option of a wider level is not kept back; take it away there, and write it where it is wanted",
        ]
    );
}

#[test]
fn a_wrong_value_is_named_with_line_and_keys() {
    let cases = [
        (
            "\"subnet6\": [ {} ]",
            "kea.conf:2: subnet6[0].subnet: missing",
        ),
        (
            "\"subnet6\": [ { \"subnet\": \"x/64\" } ]",
            "kea.conf:2: subnet6[0].subnet: `x/64` is not a prefix",
        ),
        (
            "\"subnet6\": {}",
            "kea.conf:2: subnet6: expected a list, found a map",
        ),
        (
            "\n\"subnet6\": [ { \"subnet\": \"::/64\", \"id\": -1 } ]",
            "kea.conf:3: subnet6[0].id: expected a number from 0 to 4294967294",
        ),
        (
            "\"subnet6\": [ { \"subnet\": \"::/64\", \"pools\": [ { \"pool\": \"::2 - ::1\" } ] } ]",
            "kea.conf:2: subnet6[0].pools[0].pool: `::2 - ::1` is neither",
        ),
        (
            "\"subnet6\": [ { \"subnet\": \"::/64\", \"pd-pools\": [ { \"prefix\": \"::\", \"prefix-len\": 48, \"delegated-len\": 40 } ] } ]",
            "kea.conf:2: subnet6[0].pd-pools[0].delegated-len: expected a length from 48 to 128",
        ),
        (
            "\"store-extended-info\": 1",
            "kea.conf:2: store-extended-info: expected true or false",
        ),
        (
            "\"server-id\": { \"identifier\": \"xy\" }",
            "kea.conf:2: server-id.identifier: `xy` is not hex",
        ),
        (
            "\"subnet6\": [ { \"subnet\": \"::/64\", \"relay\": { \"ip-addresses\": [ \"x\" ] } } ]",
            "kea.conf:2: subnet6[0].relay.ip-addresses[0]: `x` is not an IPv6 address",
        ),
    ];
    for (settings, expected) in cases {
        let error = parse(&dhcp6(settings)).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}\n{expected}");
    }
    let error = parse("{ \"Dhcp4\": {} }").unwrap_err().to_string();
    assert_eq!(
        error,
        "kea.conf: has no `Dhcp6`; is this the configuration of Kea's DHCPv6 server?"
    );
}

#[test]
fn takes_over_what_the_generator_writes() {
    let mut text = Vec::new();
    write_kea_config(&mut text, &Shape::plain(10, 300, 0)).unwrap();
    let (toml, not_carried) = migrate(std::str::from_utf8(&text).unwrap());
    assert_eq!(toml.matches("[[link]]").count(), 300);
    assert_eq!(not_carried, [""; 0]);
}

#[test]
fn names_are_told_apart_and_cut() {
    let taken = ["a", "a-2"];
    assert_eq!(unused_name("b", &|name| taken.contains(&name)), "b");
    assert_eq!(unused_name("a", &|name| taken.contains(&name)), "a-3");
    let long = "n".repeat(100);
    let cut = unused_name(&long, &|_| false);
    assert_eq!(cut.len(), 64);
    assert!(unused_name(&long, &|name| name == cut).ends_with("n-2"));
    assert_eq!(unused_name("a\nb", &|_| false), "a?b");
}

proptest! {
    #[test]
    fn any_name_and_interface_id_makes_a_file_that_reads_back(name in any::<String>(), id in any::<String>()) {
        let text = dhcp6(&format!(
            "\"shared-networks\": [ {{ \"name\": {}, \"interface-id\": {}, \"subnet6\": [ {{ \"id\": 1, \"subnet\": \"::/64\" }} ] }} ],
             \"lease-database\": {{ \"type\": \"memfile\", \"name\": {0} }}",
            serde_json::to_string(&name).unwrap(),
            serde_json::to_string(&id).unwrap()
        ));
        let (toml, _) = migrate(&text);
        let table: toml::Table = toml.parse().unwrap();
        let read = table["link"][0]["name"].as_str().unwrap();
        let expected: String = name.chars().map(|sign| if sign.is_control() { '?' } else { sign }).take(64).collect();
        prop_assert_eq!(read, if name.is_empty() { "subnet-1" } else { &expected });
    }

    #[test]
    fn no_change_of_a_good_configuration_makes_the_reader_panic(at in 0usize..1900, octet: u8) {
        let mut text = RECORDED.as_bytes().to_vec();
        let length = text.len();
        text[at % length] = octet;
        let missing = &mut |_: &Path| Err(io::Error::from(io::ErrorKind::NotFound));
        if let Ok(config) = parse_kea_config(Path::new("kea.conf"), &text, missing) {
            let (toml, _) = to_leasebook_toml(&config);
            let read: Result<toml::Table, _> = toml.parse();
            prop_assert!(read.is_ok());
        }
    }
}

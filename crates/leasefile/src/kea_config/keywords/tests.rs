use std::io;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::*;
use crate::kea_config::{parse_kea_config, to_leasebook_toml};

/// Where a keyword's own map is in [`base`].
const PLACES: [(&str, &str); 9] = [
    ("Dhcp6", "/Dhcp6"),
    ("shared-networks", "/Dhcp6/shared-networks/0"),
    ("subnet6", "/Dhcp6/subnet6/0"),
    ("pools", "/Dhcp6/subnet6/0/pools/0"),
    ("pd-pools", "/Dhcp6/subnet6/0/pd-pools/0"),
    ("client-classes", "/Dhcp6/client-classes/0"),
    ("reservations", "/Dhcp6/subnet6/0/reservations/0"),
    ("option-def", "/Dhcp6/option-def/0"),
    ("option-data", "/Dhcp6/option-data/0"),
];

/// A configuration in which every place exists.
fn base() -> Value {
    json!({ "Dhcp6": {
        "option-def": [ { "name": "site", "code": 250, "type": "uint16" } ],
        "option-data": [ { "name": "site", "data": "7" } ],
        "hooks-libraries": [ { "library": "libdhcp_flex_id.so", "parameters": {
            "identifier-expression": "relay6[0].option[18].hex" } } ],
        "client-classes": [
            { "name": "here", "test": "option[60].exists" },
            { "name": "there", "test": "option[61].exists", "only-if-required": true } ],
        "reservations": [ { "duid": "00:03:09", "client-classes": [ "here" ], "hostname": "x" } ],
        "shared-networks": [ { "name": "net", "subnet6": [
            { "id": 7, "subnet": "2001:db8:7::/64", "pools": [ { "pool": "2001:db8:7::/80" } ],
              "pd-pools": [ { "prefix": "2001:db8:7000::", "prefix-len": 40, "delegated-len": 56 } ],
              "reservations": [ { "duid": "00:03:07", "hostname": "seven" } ] },
            { "id": 8, "subnet": "2001:db8:8::/64" } ] } ],
        "subnet6": [ { "id": 1, "subnet": "2001:db8:1::/64",
            "pools": [ { "pool": "2001:db8:1::/80" } ],
            "pd-pools": [ { "prefix": "2001:db8:1000::", "prefix-len": 40, "delegated-len": 56 } ],
            "reservations": [ { "duid": "00:03:01", "ip-addresses": [ "2001:db8:1::1" ] } ] } ],
    } })
}

/// What a keyword is tried with at a place: settings of the map, of which the keyword is one.
fn sample(key: &str, place: &str) -> Value {
    match (key, place) {
        ("server-id", _) => json!({ "type": "EN", "identifier": "0102" }),
        ("interfaces-config", _) => json!({ "interfaces": [ "eth7" ] }),
        ("lease-database", _) => json!({ "type": "memfile", "name": "/tmp/leases" }),
        ("hooks-libraries", _) => json!([ { "library": "libdhcp_lease_query.so",
            "parameters": { "requesters": [ "2001:db8::1" ] } } ]),
        ("renew-timer", _) => json!(100),
        ("rebind-timer" | "min-valid-lifetime" | "max-preferred-lifetime", _) => json!(900),
        ("preferred-lifetime" | "min-preferred-lifetime", _) => json!(500),
        ("valid-lifetime" | "max-valid-lifetime" | "decline-probation-period", _) => json!(1000),
        ("t1-percent", _) => json!(0.25),
        ("t2-percent", _) => json!(0.75),
        ("calculate-tee-times" | "csv-format" | "reservations-in-subnet", _) => json!(false),
        ("shared-networks", _) => json!([ { "name": "other", "subnet6": [
            { "id": 9, "subnet": "2001:db8:9::/64" } ] } ]),
        ("subnet6", _) => json!([ { "id": 10, "subnet": "2001:db8:a::/64" } ]),
        ("name", "option-def" | "option-data") => json!("dns-servers"),
        ("name", _) => json!("renamed"),
        ("id", _) => json!(99),
        ("subnet", _) => json!("2001:db8:1::/60"),
        ("interface", _) => json!("eth8"),
        ("interface-id" | "hostname", _) => json!("port-1"),
        ("relay", _) => json!({ "ip-addresses": [ "2001:db8:ffff::1" ] }),
        ("pools", _) => json!([ { "pool": "2001:db8:1::/96" } ]),
        ("pool", _) => json!("2001:db8:1::10 - 2001:db8:1::20"),
        ("pd-pools", _) => {
            json!([ { "prefix": "2001:db8:1000::", "prefix-len": 44, "delegated-len": 60 } ])
        }
        ("prefix", _) => json!("2001:db8:2000::"),
        ("prefix-len", _) => json!(48),
        ("delegated-len" | "excluded-prefix-len", _) => json!(64),
        ("excluded-prefix", _) => json!("2001:db8:1000:f::"),
        ("allocator" | "pd-allocator", _) => json!("iterative"),
        ("option-def", _) => json!([ { "name": "site", "code": 250, "type": "uint8" } ]),
        ("code", _) => json!(251),
        ("type", _) => json!("uint32"),
        ("space", "option-def") => json!("elsewhere"),
        ("space", _) => json!("vendor-9"),
        ("encapsulate", _) => json!("inner"),
        ("option-data", _) => json!([ { "name": "dns-servers", "data": "::1" } ]),
        ("data", _) => json!("8"),
        ("client-classes", "option-data" | "reservations") => json!(["here"]),
        ("client-classes", "Dhcp6") => json!([ { "name": "here", "test": "option[59].exists" } ]),
        ("client-classes", _) => json!(["KNOWN"]),
        ("client-class", _) => json!("UNKNOWN"),
        ("relay-supplied-options", _) => json!(["65"]),
        ("test", _) => json!("option[99].exists"),
        ("template-test", _) => json!("option[99].hex"),
        ("require-client-classes" | "evaluate-additional-classes", _) => json!(["there"]),
        ("reservations", _) => json!([ { "duid": "00:03:02", "hostname": "y" } ]),
        ("duid", _) => json!("00:03:04"),
        ("hw-address", _) => json!("02:00:00:00:00:01"),
        ("flex-id", _) => json!("'port 9'"),
        ("ip-addresses", _) => json!(["2001:db8:1::2"]),
        ("prefixes", _) => json!(["2001:db8:1000::/56"]),
        ("host-reservation-identifiers", _) => json!(["hw-address"]),
        ("reservation-mode", _) => json!("global"),
        ("record-types", _) => json!("uint8, uint8"),
        _ => json!(true),
    }
}

/// What else is said at the place while a keyword is tried there.
fn beside(key: &str, place: &str) -> Vec<(&'static str, Value)> {
    match (key, place) {
        ("name", "option-data") => vec![("code", Value::Null), ("data", json!("::1"))],
        ("name", "option-def") => vec![("code", json!(252))],
        ("excluded-prefix", _) => vec![("excluded-prefix-len", json!(64))],
        ("excluded-prefix-len", _) => vec![("excluded-prefix", json!("2001:db8:1000:f::"))],
        ("duid" | "hw-address" | "flex-id", _) => vec![("duid", Value::Null)],
        ("record-types", _) => vec![("type", json!("record"))],
        ("reservations", "Dhcp6") => vec![("reservations-global", json!(true))],
        ("option-def", "client-classes") => {
            vec![("option-data", json!([ { "name": "site", "data": "9" } ]))]
        }
        _ => Vec::new(),
    }
}

/// Kea's configuration as leasebook's, and what is listed, without lines.
fn migrate(config: &Value) -> (String, Vec<(String, String)>) {
    let missing = &mut |_: &Path| Err(io::Error::from(io::ErrorKind::NotFound));
    let text = serde_json::to_string_pretty(config).unwrap();
    let config = parse_kea_config(Path::new("kea.conf"), text.as_bytes(), missing);
    let (toml, not_carried) =
        to_leasebook_toml(&config.unwrap_or_else(|error| panic!("{error}\n{text}")));
    let listed = not_carried.into_iter().map(|one| (one.key, one.reason));
    (toml, listed.collect())
}

/// The map of a place.
fn at<'a>(config: &'a mut Value, place: &str) -> &'a mut Map<String, Value> {
    let (_, pointer) = PLACES.iter().find(|(known, _)| *known == place).unwrap();
    config
        .pointer_mut(pointer)
        .unwrap()
        .as_object_mut()
        .unwrap()
}

/// The configuration without and with a keyword.
fn both(key: &str, place: &str) -> [Value; 2] {
    let mut without = base();
    if key == "encapsulate" {
        let inner = json!({ "code": 1, "space": "inner", "data": "01" });
        without["Dhcp6"]["option-data"]
            .as_array_mut()
            .unwrap()
            .push(inner);
    }
    if key == "flex-id" || key == "hw-address" {
        without["Dhcp6"]["host-reservation-identifiers"] = json!(["flex-id", "hw-address", "duid"]);
    }
    if key.starts_with("early-global") {
        let staff = json!([ { "duid": "00:03:09", "client-classes": [ "here" ] } ]);
        without["Dhcp6"]["reservations"] = staff;
    }
    for (other, value) in beside(key, place) {
        match value {
            Value::Null => at(&mut without, place).remove(other),
            value => at(&mut without, place).insert(other.to_owned(), value),
        };
    }
    let mut with = without.clone();
    at(&mut with, place).insert(key.to_owned(), sample(key, place));
    [without, with]
}

/// The places that the table says for a keyword.
fn places(keyword: &Keyword) -> Vec<&'static str> {
    if keyword.place == "everywhere" {
        return PLACES.iter().map(|(place, _)| *place).collect();
    }
    keyword.place.split(", ").collect()
}

#[test]
fn every_keyword_does_what_the_table_says() {
    let mut wrong = Vec::new();
    for keyword in KEYWORDS {
        for key in keyword.keys {
            for place in places(keyword) {
                // Needed, so that there is none without it.
                if matches!(
                    (*key, place),
                    ("subnet" | "pool" | "prefix" | "delegated-len", _)
                ) {
                    continue;
                }
                let [without, with] = both(key, place).map(|config| migrate(&config));
                let is_same = without.0 == with.0;
                let is_generic = with
                    .1
                    .iter()
                    .any(|(path, why)| path.ends_with(key) && why.contains("no such setting"));
                let is_right = match keyword.fate {
                    Carried(_) => !is_generic && without != with,
                    Listed(reason) => {
                        // An option that is listed is not there any more.
                        (is_same || place == "option-data")
                            && with.1.iter().any(|(_, why)| why == reason)
                    }
                    Idle(_) => without == with,
                };
                if !is_right {
                    let listed: Vec<_> = with
                        .1
                        .iter()
                        .filter(|one| !without.1.contains(one))
                        .collect();
                    wrong.push(format!(
                        "{key} in {place}: {:?}, same: {is_same}, {listed:?}",
                        keyword.fate
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_reason_says_what_to_do() {
    for keyword in KEYWORDS {
        if let Listed(reason) = keyword.fate {
            assert!(reason.contains(';') || reason.contains(':'), "{reason}");
        }
    }
}

#[test]
fn the_documented_table_is_this_one() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/migrate.md");
    let page = std::fs::read_to_string(page).unwrap();
    let table = keyword_table();
    assert!(
        page.contains(&table),
        "docs/migrate.md needs this table:\n{table}"
    );
}

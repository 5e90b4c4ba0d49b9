//! The file against the code: defaults, ranges, places, and what is printed.

use std::fmt::Write as _;
use std::path::Path;

use proptest::prelude::*;

use super::*;

mod dhcp;
mod doubts;
mod options;
mod stated;

/// A link that is right, to be put behind other settings.
const LINK: &str = "[[link]]\nid = 1\nname = \"a\"\non-link = [\"3fff::/64\"]\n";

fn read(text: &str) -> Result<Loaded, ConfigError> {
    parse(text, Path::new("f"))
}

/// The configuration of a text that is right.
fn config(text: &str) -> Config {
    read(text)
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
        .config
}

/// What is wrong with a text, a line each.
fn wrong(text: &str) -> String {
    match read(text) {
        Ok(_) => panic!("nothing is wrong with\n{text}"),
        Err(error) => error.to_string(),
    }
}

/// The warnings about a text, a line each.
fn warnings(text: &str) -> String {
    let loaded = read(text).unwrap_or_else(|error| panic!("{error}"));
    let shown: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    shown.join("\n")
}

#[test]
fn an_empty_file_is_the_defaults() {
    assert_eq!(config(""), Config::default());
}

#[test]
fn the_example_is_the_defaults() {
    assert_eq!(config(&example()), Config::default());
}

#[test]
fn the_samples_in_the_example_are_right() {
    let text: String = example()
        .lines()
        .map(|line| line.strip_prefix("# ").unwrap_or(line).to_owned() + "\n")
        .collect();
    let config = config(&text);
    assert_eq!(config.links.len(), 1);
    assert_eq!(config.bulk.allow.len(), 1);
    assert!(config.metrics.is_some() && config.server_id.is_some());
}

#[test]
fn a_full_configuration_is_printed_and_reads_back_equal() {
    let text = r#"
data = "/srv/lease \"book\""
server-id = "0002000009bf0123"
timers = "rfc5460"
sensitive-options = [1, 65535]
[listen]
tcp = ["[::1]:1547", "127.0.0.1:1547"]
[bulk]
max-connections = 100
max-connections-per-source = 7
queries-per-connection = 1
queries-per-source = 2
data-timeout = "400s"
idle-timeout = "1h30m"
types = ["remote-id", "address"]
unlisted = "refuse"
[[bulk.allow]]
source = "2001:db8::/32"
types = ["address"]
[[bulk.allow]]
source = "192.0.2.1"
[metrics]
listen = "[::1]:9547"
[log]
level = "debug"
format = "journald"
[[link]]
id = 4294967294
name = "olt 1"
kea-subnet-ids = [4, 5]
on-link = ["3fff::/64", "3fff:0:0:1::/64"]
relay-addresses = ["fe80::1"]
interface-ids = ["eth0", "0x00ff"]
[[link.pool]]
addresses = "3fff::1-3fff::2"
[[link.prefix-pool]]
prefix = "3fff:100::/32"
delegated-length = 56
[[link]]
id = 2
name = "olt-2"
relay-addresses = ["3fff::1"]
"#;
    let first = config(text);
    assert_eq!(first.links[1].kea_subnet_ids, [2]);
    assert_eq!(first.bulk.allow[1].types, QueryKinds::all());
    assert_eq!(config(&effective(&first)), first);
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_is_right() {
    for (text, expected) in WRONG {
        assert_eq!(wrong(text), expected, "{text}");
    }
    // The words are the TOML reader's; the place is ours.
    assert!(wrong("= 1").starts_with("f:1:1: "));
}

/// Files with one error, and what is said of it.
const WRONG: [(&str, &str); 23] = [
    (
        "dta = \"x\"",
        "f:1:1: `dta` is no setting here; `data` is probably meant",
    ),
    (
        "[bulk]\nmax_connections = 3",
        "f:2:1: `max_connections` is no setting here; `max-connections` is probably meant",
    ),
    (
        "[log]\ncolour = true",
        "f:2:1: `colour` is no setting here; the settings are level, format, clients",
    ),
    (
        "[bulk]\nmax-connections = 0",
        "f:2:19: 0 is out of range; a whole number from 1 to 100000 is needed",
    ),
    (
        "[bulk]\nmax-connections = -1",
        "f:2:19: -1 is out of range; a whole number from 1 to 100000 is needed",
    ),
    (
        "[bulk]\nmax-connections = \"3\"",
        "f:2:19: invalid type: string \"3\", expected a whole number from 1 to 100000",
    ),
    (
        "[bulk]\ndata-timeout = \"30\"",
        "f:2:16: `30` has no unit; write a number with a unit: ms, s, m, h or d, such as \"30s\" or \"1h30m\"",
    ),
    (
        "[bulk]\ndata-timeout = 30",
        "f:2:16: invalid type: integer `30`, expected a time in quotes, such as \"30s\" or \"5m\"",
    ),
    (
        "[bulk]\ndata-timeout = \"2h\"",
        "f:2:16: 2h is out of range; a time from 1s to 1h is needed",
    ),
    (
        "timers = \"drat\"",
        "f:1:10: `drat` is not known here; `draft` is probably meant",
    ),
    (
        "timers = \"dr\"",
        "f:1:10: `dr` is not known here; it is one of draft, rfc5460",
    ),
    (
        "server-id = \"0001\"",
        "f:1:13: 2 octets are too few for a DUID; 3 to 130 are needed, the first two are its type",
    ),
    (
        "data = \"\"",
        "f:1:8: `data` is empty; name the directory of the store",
    ),
    (
        "[listen]\ntcp = [\"::1:547\"]",
        "f:2:8: `::1:547` is no address with port; write it as \"[2001:db8::1]:547\"",
    ),
    (
        "[listen]\ntcp = [\"[::]:1\", \"[::]:1\"]",
        "f:2:18: [::]:1 is listed twice, first in line 2; list it once",
    ),
    (
        "[listen]\nudp = [\"[::]:547\", \"[::]:547\"]",
        "f:2:20: [::]:547 is listed twice, first in line 2; list it once",
    ),
    (
        "[bulk]\nmax-connections-per-source = 11",
        "f:2:30: one source cannot have 11 of 10 connections; it is at most max-connections",
    ),
    (
        "[bulk]\ntypes = []",
        "f:2:9: no query type is left; to switch Bulk Leasequery off, set listen.tcp = []",
    ),
    (
        "[bulk]\ntypes = [\"address\", \"address\"]",
        "f:2:21: `address` is listed twice; list it once",
    ),
    (
        "[[bulk.allow]]\ntypes = [\"address\"]",
        "f:1:1: this [[bulk.allow]] names no source; add source = \"PREFIX\"",
    ),
    (
        "[[bulk.allow]]\nsource = \"2001:db8::1/32\"",
        "f:2:10: `2001:db8::1/32` has bits set past its length; `2001:db8::/32` is probably meant",
    ),
    (
        "[[link]]\nid = 1",
        "f:1:1: this [[link]] has no name; every link needs an id and a name",
    ),
    (
        "[[link]]\nid = 1\nname = \"a\"",
        "f:1:1: nothing leads to link `a`; give it on-link prefixes, relay-addresses, interface-ids or interfaces",
    ),
];

#[test]
fn what_is_wrong_with_a_link_is_told_with_its_place() {
    let table = [
        (
            "on-link = [\"fe80::/64\"]",
            "f:8:12: fe80::/64 is link-local or multicast and on every link; list a relay's link-local address in relay-addresses",
        ),
        (
            "relay-addresses = [\"ff02::1\"]",
            "f:8:20: ff02::1 stands for no relay; write a unicast address",
        ),
        (
            "relay-addresses = [\"::1\"]\nkea-subnet-ids = [1]",
            "f:9:19: Kea subnet 1 belongs to the link in line 2 already; set kea-subnet-ids so that each subnet is on one link",
        ),
        (
            "on-link = [\"3fff:1::/64\"]\n[[link.pool]]\naddresses = \"3fff::/64\"",
            "f:10:13: the pool 3fff::/64 is within no on-link prefix of its link; add one to on-link",
        ),
        (
            "on-link = [\"3fff:1::/64\"]\n[[link.pool]]\naddresses = \"3fff:1::/65\"\n[[link.pool]]\naddresses = \"3fff:1::/66\"",
            "f:12:13: the pool 3fff:1::/66 overlaps 3fff:1::/65; an address can be in one pool only",
        ),
        (
            "on-link = [\"3fff:1::/64\"]\n[[link.prefix-pool]]\nprefix = \"3fff:2::/48\"\ndelegated-length = 40",
            "f:11:20: a /40 cannot be cut out of 3fff:2::/48; 48 to 128 is needed",
        ),
        (
            "on-link = [\"3fff:1::/64\"]\n[[link.prefix-pool]]\nprefix = \"3fff:2::/48\"",
            "f:9:1: this [[link.prefix-pool]] needs both prefix and delegated-length",
        ),
    ];
    for (settings, expected) in table {
        let text = format!("{LINK}[[link]]\nid = 2\nname = \"b\"\n{settings}\n");
        let told = wrong(&text);
        assert_eq!(told.lines().next(), Some(expected), "{text}");
    }
    let twice = format!("{LINK}{LINK}");
    assert_eq!(
        wrong(&twice),
        "f:6:6: link id 1 is taken in line 2; give each link its own\n\
         f:6:6: Kea subnet 1 belongs to the link in line 2 already; \
         set kea-subnet-ids so that each subnet is on one link\n\
         f:7:8: the name `a` is taken in line 3; give each link its own"
    );
}

/// BLQ-S-008: a timer below the default of the preset is taken, with a warning.
#[test]
fn a_timer_below_its_default_gets_a_warning() {
    let low = format!("[bulk]\ndata-timeout = \"29s\"\n{LINK}");
    assert_eq!(config(&low).bulk.data_timeout.as_secs(), 29);
    assert_eq!(
        warnings(&low),
        "f:2:16: data-timeout is 29s, below the default of 30s: \
         requestors that pause for longer are cut off"
    );
    let preset = format!("timers = \"rfc5460\"\n[bulk]\ndata-timeout = \"30s\"\n{LINK}");
    assert!(warnings(&preset).contains("below the default of 5m"));
    assert_eq!(warnings(&format!("timers = \"rfc5460\"\n{LINK}")), "");
}

/// BLQ-S-007, D-14: the preset sets the data timeout, and the idle timeout follows it.
#[test]
fn the_preset_sets_the_data_timeout() {
    assert_eq!(config("").bulk.data_timeout.as_secs(), 30);
    let preset = config("timers = \"rfc5460\"");
    assert_eq!(preset.bulk.data_timeout.as_secs(), 300);
    assert_eq!(preset.bulk.idle_timeout.as_secs(), 300);
}

/// D-16: one source may have all connections unless a share is set.
#[test]
fn the_share_of_a_source_follows_the_limit() {
    let bulk = config("[bulk]\nmax-connections = 50").bulk;
    assert_eq!(bulk.max_connections_per_source, 50);
}

#[test]
fn links_that_overlap_get_a_warning() {
    let link = |id: u32, rest: &str| format!("[[link]]\nid = {id}\nname = \"l{id}\"\n{rest}\n");
    let nested = link(1, "on-link = [\"3fff::/32\"]") + &link(2, "on-link = [\"3fff:0:1::/48\"]");
    assert_eq!(
        warnings(&nested),
        "f:8:12: on-link prefix 3fff:0:1::/48 of link `l2` lies within 3fff::/32 of link `l1`: \
         the longer one decides"
    );
    let equal = link(1, "on-link = [\"3fff::/32\"]") + &link(2, "on-link = [\"3fff::/32\"]");
    assert!(warnings(&equal).contains("3fff::/32 is on link `l1` too"));
    let own = link(1, "on-link = [\"3fff::/32\", \"3fff::/64\"]");
    assert_eq!(warnings(&own), "");
    let relay =
        link(1, "relay-addresses = [\"fe80::1\"]") + &link(2, "relay-addresses = [\"fe80::1\"]");
    assert!(warnings(&relay).contains("relay address fe80::1 stands in line 4 too"));
    let pool = "relay-addresses = [\"3fff::1\"]\n[[link.prefix-pool]]\nprefix = \"3fff::/40\"\ndelegated-length = 56";
    let delegated = link(1, "on-link = [\"3fff::/64\"]") + &link(2, pool);
    assert_eq!(
        warnings(&delegated),
        "f:10:10: prefix pool 3fff::/40 of link `l2` overlaps on-link prefix 3fff::/64 of link `l1`"
    );
}

#[test]
fn many_overlaps_are_summed_up() {
    let mut text = "[[link]]\nid = 1\nname = \"all\"\non-link = [\"3fff::/16\"]\n".to_owned();
    for id in 2..102 {
        let _ = write!(
            text,
            "[[link]]\nid = {id}\nname = \"l{id}\"\non-link = [\"3fff:{id:x}::/32\"]\n"
        );
    }
    let told = warnings(&text);
    assert_eq!(told.lines().count(), 21);
    assert!(
        told.ends_with("and 80 more overlapping on-link prefixes"),
        "{told}"
    );
}

#[test]
fn exposed_services_get_a_warning() {
    let metrics = format!("[metrics]\nlisten = \"0.0.0.0:9547\"\n{LINK}");
    assert!(warnings(&metrics).contains("anyone who reaches 0.0.0.0:9547"));
    let all = format!("[[bulk.allow]]\nsource = \"::/0\"\n{LINK}");
    assert!(warnings(&all).contains("lets everyone ask"));
    let off = format!(
        "[bulk]\ntypes = [\"relay-id\"]\n[[bulk.allow]]\nsource = \"::1\"\ntypes = [\"address\"]\n{LINK}"
    );
    assert!(warnings(&off).contains("::1/128 may ask address, but that is switched off"));
}

#[test]
fn a_hundred_thousand_links_are_read() {
    let mut text = String::new();
    for id in 1..=100_000_u32 {
        let (high, low) = (id >> 16, id & 0xffff);
        let _ = write!(
            text,
            "[[link]]\nid = {id}\nname = \"link-{id}\"\non-link = [\"3fff:{high:x}:{low:x}::/64\"]\n\
             [[link.prefix-pool]]\nprefix = \"3ffe:{high:x}:{low:x}::/48\"\ndelegated-length = 56\n"
        );
    }
    let loaded = read(&text).unwrap();
    assert_eq!(loaded.config.links.len(), 100_000);
    assert_eq!(loaded.warnings, []);
}

proptest! {
    #[test]
    fn no_text_panics(text in ".*") {
        let _ = read(&text);
    }

    #[test]
    fn no_broken_example_panics(at in 0_usize..25_000, octet in "[\\[\\]\"=#0-9a-z\n]") {
        let mut text = example();
        let at = at.min(text.len() - 1);
        if text.is_char_boundary(at) {
            text.insert_str(at, &octet);
        }
        let _ = read(&text);
    }
}

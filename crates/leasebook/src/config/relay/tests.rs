use super::example::SAMPLES;
use super::*;

fn read(text: &str) -> Result<Loaded<RelayConfig>, ConfigError> {
    parse(text, Path::new("relay.toml"))
}

const LEAST: &str = "[[server]]\naddress = \"2001:db8::1\"\n[[interface]]\nname = \"eth1\"\n";

#[test]
fn the_least_has_defaults_for_the_rest() {
    let config = read(LEAST).unwrap().config;
    assert_eq!(config.servers.len(), 1);
    assert_eq!(
        config.servers[0].bulk,
        Some(config.servers[0].relay_to.clone())
    );
    assert_eq!((config.port, config.client_port), (547, 546));
    assert_eq!(config.limits, Limits::default());
    assert_eq!((config.routes.protocol, config.routes.table), (147, None));
    let duid = Duid::uuid([7; 16]);
    let machine = config.machine(duid.clone(), Vec::new());
    assert_eq!(machine, relay::Config::new(duid));
}

#[test]
fn everything_can_be_set() {
    let text = r#"
relay-id = "00:03:00:01:02:00:5e:10:00:01"
sends-relay-id = false
former-relay-ids = ["00:03:00:01:02:00:5e:10:00:02"]
state = "/tmp/state"
control = "/tmp/control"
relays = ["2001:db8:6::/64"]
refuse-rsoo = true
source = "2001:db8::9"
port = 1547
client-port = 1546
[[server]]
address = "ff05::1:3%lo"
recover = false
[[server]]
address = "[2001:db8::1]:1547"
bulk = "[2001:db8::2]:2547"
[[interface]]
name = "vlan*"
link-address = "2001:db8:7::1"
interface-id = "olt-1/{interface}"
remote-id = "32473:{interface}/{link-layer}"
subscriber-id = "{interface}"
client-link-layer = true
supply = ["65:00"]
trusted = true
leasequery = true
next-hop = "fe80::1"
[limits]
prefixes-per-client = 2
prefixes-per-interface = 100
one-interface-per-client = true
messages-per-client = 5
messages-per-interface = 500
[vrf]
clients = "red"
servers = "blue"
[filter]
ingress = "delegations"
loops = "reject"
loops-pass = ["2001:db8:100::/40"]
table = "my_table"
nft = "/sbin/nft"
[routes]
protocol = 200
table = 100
metric = 20
addresses = true
aggregates = ["2001:db8::/32"]
[recovery]
timers = "rfc5460"
by-link = false
source = "2001:db8::9"
ready-within = "5s"
[metrics]
listen = "[::1]:9548"
[log]
level = "debug"
"#;
    let config = read(text).unwrap().config;
    assert_eq!(config.servers[0].bulk, None);
    assert_eq!(config.servers[1].bulk.as_ref().unwrap().port, 2547);
    let vlan = config.interface("vlan10").unwrap();
    assert_eq!(vlan.remote_id.as_ref().unwrap().0, 32473);
    assert_eq!(
        vlan.fallback,
        Some(Fallback::Via("fe80::1".parse().unwrap()))
    );
    assert_eq!(
        config.limits,
        Limits {
            per_client: 2,
            per_port: 100
        }
    );
    assert_eq!(config.recovery.ready_within, Duration::from_secs(5));
    assert!(config.routes.addresses && config.one_interface_per_client);
}

#[test]
fn what_is_wrong_has_its_place() {
    for (text, place, what) in [
        ("", ":1:1:", "no [[server]]"),
        (
            "[[server]]\n[[interface]]\nname = \"a\"\n",
            ":1:1:",
            "needs `address`",
        ),
        (
            &format!("{LEAST}name2 = 1\n"),
            ":5:1:",
            "`name` is probably meant",
        ),
        (&format!("port = 0\n{LEAST}"), ":1:8:", "from 1 to 65535"),
        (
            &LEAST.replace("2001:db8::1", "192.0.2.1"),
            ":2:11:",
            "IPv6 alone",
        ),
        (
            &LEAST.replace("2001:db8::1", "ff05::1:3"),
            ":2:11:",
            "needs the interface",
        ),
        (
            &format!("{LEAST}remote-id = \"x:y\"\n"),
            ":5:13:",
            "ENTERPRISE:TEXT",
        ),
        (
            &format!("{}interface-id = \"x\"\n", LEAST.replace("eth1", "e*")),
            ":5:16:",
            "{interface}",
        ),
        (&format!("state = \"\"\n{LEAST}"), ":1:9:", "empty"),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains(place), "{error}");
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn a_section_that_never_holds_is_doubtful() {
    let text = format!(
        "{}[[interface]]\nname = \"eth1\"\n",
        LEAST.replace("eth1", "eth*")
    );
    let warnings = read(&text).unwrap().warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
}

#[test]
fn stars_stand_for_any_characters() {
    let fits = |pattern: &str, name: &str| {
        let text = LEAST.replace("eth1", pattern);
        read(&text).unwrap().config.interface(name).is_some()
    };
    for (pattern, name, does) in [
        ("eth1", "eth1", true),
        ("eth1", "eth10", false),
        ("eth*", "eth10", true),
        ("eth*", "et", false),
        ("*", "anything", true),
        ("e*.*0", "eth1.10", true),
        ("e*.*0", "eth1.11", false),
        ("*.10", "eth1.10", true),
        ("a*a", "a", false),
    ] {
        assert_eq!(fits(pattern, name), does, "{pattern} {name}");
    }
}

#[test]
fn the_example_is_right_as_it_is_and_uncommented() {
    let example = example();
    let config = read(&example).unwrap().config;
    assert_eq!(config, read(LEAST).unwrap().config);
    let is_setting = |line: &&str| {
        let key = line
            .strip_prefix("# ")
            .and_then(|rest| rest.split_once(" = "));
        key.is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
    };
    let uncommented = example.lines().map(|line| {
        let is_header = line.starts_with("# [[");
        if is_header || is_setting(&line) {
            &line[2..]
        } else {
            line
        }
    });
    let uncommented = uncommented.collect::<Vec<_>>().join("\n");
    let full = read(&uncommented).unwrap().config;
    assert!(full.relay_id.is_some() && full.metrics.is_some());
    assert_eq!(
        SAMPLES.len(),
        uncommented
            .lines()
            .filter(|line| {
                line.split_once(" = ")
                    .is_some_and(|(key, _)| !key.starts_with('#'))
            })
            .count()
    );
}

#[test]
fn the_packaged_example_is_the_example() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../packaging/relay.toml.example"
    );
    assert_eq!(std::fs::read_to_string(path).unwrap(), example());
}

/// RELAY-035: each interface is client-facing, trusted or not, or network-facing.
#[test]
fn the_lightweight_relay_needs_no_server_and_no_interface() {
    let text = "[lightweight]\nnetwork = [\"trunk\"]\n[[lightweight.interface]]\nname = \"port*\"\n\
                trusted = true\n";
    let lightweight = read(text).unwrap().config.lightweight.unwrap();
    assert_eq!(lightweight.network, ["trunk"]);
    assert_eq!(lightweight.table, "leasebook-lightweight");
    let interface = &lightweight.interfaces[0];
    assert!(interface.trusted && interface.fits("port12") && !interface.fits("trunk"));
    for wrong in [
        "[lightweight]\nnetwork = [\"trunk\"]\n",
        "[[lightweight.interface]]\nname = \"port*\"\n",
        "[lightweight]\nnetwork = [\"port9\"]\n[[lightweight.interface]]\nname = \"port*\"\n",
        "[lightweight]\nnetwork = [\"a\\\" b\"]\n[[lightweight.interface]]\nname = \"port*\"\n",
        "[lightweight]\nnetwork = [\"trunk\"]\n[[lightweight.interface]]\nname = \"po*rt\"\n",
        "[lightweight]\nnetwork = [\"trunk\"]\n[[lightweight.interface]]\nname = \"port*\"\n\
         interface-id = \"same\"\n",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

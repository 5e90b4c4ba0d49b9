//! Every form, from the same bindings.

use super::routes::{InterfaceKey, is_interface_name};
use super::samples::{OTHER, OWN, address, level, path, prefix, shown};
use super::*;

/// What a form makes of bindings.
fn output(format: Format, policy: RoutePolicy, bindings: &[Shown]) -> String {
    let mut written = Vec::new();
    let mut output = Output::new(format, &mut written, policy);
    for binding in bindings {
        output.binding(binding).unwrap();
    }
    output.finish().unwrap();
    drop(output);
    String::from_utf8(written).unwrap()
}

/// A policy for a relay with an identity.
fn policy() -> RoutePolicy {
    RoutePolicy {
        own_relay_id: Some(OWN.to_vec()),
        protocol: "147".to_owned(),
        expires: true,
        ..RoutePolicy::default()
    }
}

/// The routes of one prefix that came by a chain, without the summary.
fn route(policy: RoutePolicy, levels: Vec<RelayLevel>) -> String {
    let mut one = shown();
    one.leases = vec![prefix("3fff:100::/56")];
    one.relay = (!levels.is_empty()).then(|| path(levels));
    let written = output(Format::Routes, policy, &[one]);
    written.lines().next().unwrap().to_owned()
}

#[test]
fn json_has_one_object_a_line() {
    let written = output(Format::Json, RoutePolicy::default(), &[shown(), shown()]);
    assert_eq!(written.lines().count(), 2);
    let line = written.lines().next().unwrap();
    let value: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(value["client_id"], "00:03:00:01:02:00:5e:10:00:01");
    assert_eq!(value["leases"][0]["address"], "3fff::5e");
    assert_eq!(value["leases"][0]["infinite"], true);
    assert_eq!(value["leases"][1]["prefix"], "3fff:100::/56");
    assert_eq!(value["leases"][1]["valid"], 7200);
    assert_eq!(value["relay"]["levels"][0]["interface_id"], "65:74:68:30");
    assert_eq!(value["options"][0]["code"], 39);
}

#[test]
fn csv_has_one_line_a_lease_and_always_its_names() {
    let written = output(Format::Csv, RoutePolicy::default(), &[shown()]);
    let lines: Vec<&str> = written.lines().collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(
        lines[2],
        "[2001:db8::547]:547,00:03:00:01:02:00:5e:10:00:01,3fff::1,3fff:100::/56,3600,7200,\
         false,12,3fff::1,fe80::5e,65:74:68:30,00:00:09:bf:70,00:03:00:01:aa"
    );
    let empty = output(Format::Csv, RoutePolicy::default(), &[]);
    assert_eq!(empty.lines().next(), lines.first().copied());
}

#[test]
fn a_table_has_one_line_a_lease_and_names_the_client_once() {
    let written = output(Format::Table, RoutePolicy::default(), &[shown()]);
    let lines: Vec<&str> = written.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("CLIENT"), "{written}");
    assert!(lines[1].contains("3fff::5e ") && lines[1].contains("forever"));
    assert!(lines[1].contains("12s ago") && lines[1].contains("eth0"));
    assert!(lines[2].starts_with("      ") && lines[2].contains("3fff:100::/56"));
    assert!(lines[2].contains("2h"), "{written}");
    assert_eq!(output(Format::Table, RoutePolicy::default(), &[]), "");
}

#[test]
fn a_table_keeps_its_columns_from_page_to_page() {
    let mut bindings: Vec<Shown> = (0..table::PAGE_ROWS).map(|_| shown()).collect();
    let mut wide = shown();
    wide.client = vec![7; 10];
    wide.leases = vec![prefix("3fff::/16")];
    bindings.push(wide);
    let written = output(Format::Table, RoutePolicy::default(), &bindings);
    let lines: Vec<&str> = written.lines().collect();
    assert_eq!(lines.len(), 2 * table::PAGE_ROWS + 2);
    let column = |line: &str| line.find("3fff").unwrap();
    assert_eq!(column(lines[1]), column(lines[lines.len() - 1]));
    let note = |line: &str| line.find("[2001").unwrap();
    assert_eq!(note(lines[1]), note(lines[lines.len() - 1]));
}

#[test]
fn what_a_peer_sends_cannot_steer_a_terminal() {
    let mut evil = shown();
    evil.relay.as_mut().unwrap().levels[0].interface_id = Some(b"\x1b[2J".to_vec());
    let written = output(Format::Table, RoutePolicy::default(), &[evil]);
    assert!(!written.contains('\x1b'));
    assert!(written.contains("0x1b:5b:32:4a"));
}

/// D-43: the next hop is the peer-address of the level with our Relay-ID.
#[test]
fn a_route_leads_to_the_peer_of_our_own_level() {
    let one = level("3fff::1", "fe80::5e", Some(OWN));
    let outer = level("2001:db8::1", "2001:db8::2", Some(OTHER));
    let expected = "route replace 3fff:100::/56 via fe80::5e dev eth0 proto 147 expires 7200";
    assert_eq!(route(policy(), vec![one.clone()]), expected);
    assert_eq!(route(policy(), vec![outer, one]), expected);
}

/// D-43: a lightweight relay nearer to the client has no link-address and changes nothing.
#[test]
fn a_lightweight_relay_between_us_and_the_client_is_passed_over() {
    let own = level("3fff::1", "fe80::5e", Some(OWN));
    let mut light = level("::", "fe80::5f", None);
    light.interface_id = Some(b"port 7".to_vec());
    assert!(route(policy(), vec![own.clone(), light.clone()]).contains("via fe80::5e dev eth0"));
    let mut unnamed = own;
    unnamed.relay_id = None;
    assert!(route(policy(), vec![unnamed, light]).contains("via fe80::5e dev eth0"));
}

/// D-43: a relay with a link of its own between us and the client: not routed.
#[test]
fn a_client_behind_a_nearer_router_is_not_routed() {
    let own = level("2001:db8::1", "2001:db8::2", Some(OWN));
    let nearer = level("3fff::1", "fe80::5e", None);
    assert!(
        route(policy(), vec![own, nearer])
            .ends_with("the relay with link-address 3fff::1 is nearer to the client than we are")
    );
}

/// D-44: relay data that names only other Relay-IDs gives no route.
#[test]
fn a_binding_of_another_relay_is_not_routed() {
    let other = level("3fff::1", "fe80::5e", Some(OTHER));
    assert!(route(policy(), vec![other]).ends_with("its relays have other Relay-IDs than ours"));
}

/// D-43: without Relay-IDs the innermost level with a link-address is taken.
#[test]
fn without_relay_ids_the_nearest_router_is_taken() {
    let nearest = level("3fff::1", "fe80::5e", None);
    let outer = level("2001:db8::1", "2001:db8::2", None);
    assert!(route(policy(), vec![outer, nearest.clone()]).contains("via fe80::5e"));
    let unknown = RoutePolicy {
        own_relay_id: None,
        ..policy()
    };
    assert!(route(unknown, vec![nearest]).contains("via fe80::5e"));
}

/// D-43: without relay data the route goes to what is configured, else it is a comment.
#[test]
fn without_relay_data_the_given_next_hop_is_taken() {
    assert!(route(policy(), vec![]).starts_with("# not routed: 3fff:100::/56 of 00:03"));
    let via = |text, dev: Option<&str>| RoutePolicy {
        via: Some(address(text)),
        dev: dev.map(str::to_owned),
        ..policy()
    };
    assert!(route(via("fe80::9", Some("ppp0")), vec![]).contains("via fe80::9 dev ppp0 proto"));
    assert!(route(via("2001:db8::9", None), vec![]).contains("via 2001:db8::9 proto"));
    assert!(route(via("fe80::9", None), vec![]).contains("name no usable interface"));
}

/// D-43: a next hop that is not link-local is used on-link.
#[test]
fn a_global_next_hop_is_used_on_link() {
    let global = level("3fff::1", "3fff::5e", Some(OWN));
    assert_eq!(
        route(policy(), vec![global]),
        "route replace 3fff:100::/56 via 3fff::5e dev eth0 proto 147 onlink expires 7200"
    );
    for peer in ["::", "ff02::1", "::1"] {
        let bad = level("3fff::1", peer, Some(OWN));
        assert!(
            route(policy(), vec![bad]).contains(&format!("peer-address {peer} is no next hop"))
        );
    }
}

#[test]
fn the_interface_comes_from_the_map_then_the_option_then_the_interface_id() {
    let one = || vec![level("3fff::1", "fe80::5e", Some(OWN))];
    let mut given = policy();
    given.dev = Some("br0".to_owned());
    assert!(route(given.clone(), one()).contains("dev br0"));
    let key: InterfaceKey = "3fff::1".parse().unwrap();
    given.interfaces.push((key, "olt1".to_owned()));
    assert!(route(given.clone(), one()).contains("dev olt1"));
    let key: InterfaceKey = "0x65:74:68:30".parse().unwrap();
    given.interfaces.push((key, "eth9".to_owned()));
    assert!(route(given, one()).contains("dev eth9"));
    let mut odd = one();
    odd[0].interface_id = Some(b"eth0 proto kernel\nroute flush".to_vec());
    assert!(route(policy(), odd).ends_with("--dev or --interface-map gives one"));
}

#[test]
fn only_plain_octets_are_an_interface_name() {
    for good in [&b"eth0"[..], b"br-lan.7", b"veth@if3", b"a23456789012345"] {
        assert!(is_interface_name(good));
    }
    for bad in [
        &b""[..],
        b".",
        b"..",
        b"-x",
        b"a b",
        b"a/b",
        b"a:1",
        b"a\n",
        b"a234567890123456",
        b"\xff",
    ] {
        assert!(!is_interface_name(bad), "{bad:?}");
    }
}

/// D-44: what would take the router or everyone off the net is never routed.
#[test]
fn dangerous_prefixes_are_refused_with_their_reason() {
    let table = [
        ("::/0", "::/0 is never routed"),
        ("fe80::/10", "it is link-local"),
        ("fe80:0:1::/48", "it is link-local"),
        ("fc00::/6", "it is link-local"),
        ("ff00::/8", "it is multicast"),
        ("8000::/1", "it is link-local"),
        ("3fff:100::/40", "it covers our own address 3fff:100::1"),
    ];
    for (text, reason) in table {
        let mut one = shown();
        one.leases = vec![prefix(text)];
        let own = RoutePolicy {
            own_addresses: vec![address("3fff:100::1")],
            ..policy()
        };
        let written = output(Format::Routes, own, &[one]);
        let line = written.lines().next().unwrap();
        assert!(
            line.starts_with("# not routed: ") && line.ends_with(reason),
            "{line}"
        );
        assert!(!written.contains("route replace"));
    }
}

/// D-44: a prefix that overlaps another client's is refused; a client's own may repeat.
#[test]
fn overlapping_prefixes_of_two_clients_are_refused() {
    let with = |client: u8, text| {
        let mut one = shown();
        one.client = vec![0, 3, client];
        one.leases = vec![prefix(text)];
        one
    };
    let written = output(
        Format::Routes,
        policy(),
        &[
            with(1, "3fff:100::/56"),
            with(2, "3fff:100::/56"),
            with(2, "3fff:100:0:10::/60"),
            with(2, "3fff:100::/48"),
            with(1, "3fff:100::/56"),
            with(1, "3fff:100::/60"),
            with(2, "3fff:100:0:100::/56"),
        ],
    );
    let refused: Vec<&str> = written
        .lines()
        .filter(|line| line.starts_with("# not routed"))
        .collect();
    assert_eq!(refused.len(), 3, "{written}");
    assert!(
        refused
            .iter()
            .all(|line| line.ends_with("overlaps 3fff:100::/56, which another client has"))
    );
    assert!(
        written
            .ends_with("# routes: 4, prefixes not routed: 3, addresses, which need no route: 0\n")
    );
}

/// D-44: a doubtful lease is routed and marked, never dropped in silence.
#[test]
fn a_doubtful_lease_is_marked_in_every_form() {
    let mut one = shown();
    one.clt_age_secs = 9000;
    for lease in &mut one.leases {
        lease.doubtful = true;
    }
    let routes = output(Format::Routes, policy(), &[one.clone()]);
    assert!(
        routes
            .starts_with("# doubtful: heard 9000 s ago, at or above the 7200 s that remain\nroute")
    );
    for format in [Format::Table, Format::Json, Format::Csv] {
        let written = output(format, policy(), &[one.clone()]);
        assert!(
            written.contains("doubtful") || written.contains("true"),
            "{written}"
        );
    }
}

#[test]
fn infinite_leases_and_kept_routes_do_not_expire() {
    let mut one = shown();
    one.leases = vec![prefix("3fff:100::/56")];
    one.leases[0].valid_secs = INFINITY;
    assert!(!output(Format::Routes, policy(), &[one]).contains("expires"));
    let kept = RoutePolicy {
        expires: false,
        metric: Some(1024),
        ..policy()
    };
    assert_eq!(
        route(kept, vec![level("3fff::1", "fe80::5e", Some(OWN))]),
        "route replace 3fff:100::/56 via fe80::5e dev eth0 proto 147 metric 1024"
    );
}

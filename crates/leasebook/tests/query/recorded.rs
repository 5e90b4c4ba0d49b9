//! Everything a real server was recorded to say.

use super::support::{Play, Server, ask, recorded};

/// A recorded conversation: its name, the question that asks the same, and what must come.
struct Case {
    name: &'static str,
    question: &'static [&'static str],
    code: i32,
    /// Leases, messages being one each.
    leases: usize,
    doubtful: usize,
    infinite: usize,
}

const fn case(name: &'static str, question: &'static [&'static str], leases: usize) -> Case {
    Case {
        name,
        question,
        code: 0,
        leases,
        doubtful: 0,
        infinite: 0,
    }
}

const CASES: &[Case] = &[
    case(
        "kea-3.3.1/by-relay-id",
        &["relay-id", "00:03:00:01:02:00:00:00:00:01"],
        80,
    ),
    case(
        "kea-3.3.1/by-relay-id-outer-hop",
        &["relay-id", "00:03:00:01:02:00:00:00:aa:01"],
        8,
    ),
    case(
        "kea-3.3.1/by-relay-id-on-link",
        &[
            "relay-id",
            "00:03:00:01:02:00:00:00:00:01",
            "--link",
            "3fff:0:1::1",
        ],
        80,
    ),
    case(
        "kea-3.3.1/by-relay-id-none",
        &["relay-id", "00:03:00:01:02:00:00:00:00:4d"],
        0,
    ),
    case(
        "kea-3.3.1/by-link-address",
        &["link-address", "3fff:0:2::1"],
        80,
    ),
    Case {
        code: 4,
        ..case(
            "kea-3.3.1/by-link-address-unknown",
            &["link-address", "2001:db8:dead::1"],
            0,
        )
    },
    case("kea-3.3.1/by-remote-id", &["remote-id", "3561:olt0/0/7"], 2),
    case(
        "kea-3.3.1/relay-data-asked",
        &["remote-id", "3561:olt0/0/7", "--relay-data"],
        2,
    ),
    case(
        "kea-3.3.1/by-client-id",
        &["client-id", "00:03:00:01:02:01:00:00:00:05"],
        2,
    ),
    case("kea-3.3.1/by-address", &["address", "3fff:0:1::1:0:5"], 1),
    case(
        "kea-3.3.1/by-address-in-prefix",
        &["address", "3fff:101:0:500::1"],
        1,
    ),
    Case {
        doubtful: 7,
        infinite: 3,
        ..case(
            "kea-3.3.1-many/by-relay-id",
            &["relay-id", "00:03:00:01:02:00:00:00:00:00"],
            257,
        )
    },
    Case {
        doubtful: 3,
        infinite: 3,
        ..case(
            "kea-3.3.1-many/by-link-address",
            &["link-address", "3fff::1"],
            251,
        )
    },
];

impl Case {
    fn reply(&self) -> Vec<u8> {
        recorded(&format!("{}.reply", self.name))
    }

    fn asked(&self, format: &[&'static str]) -> Vec<&'static str> {
        [self.question, format].concat()
    }
}

/// BLQ-R-009, BLQ-R-010, BLQ-R-012: our queries are, octet for octet, those another program composed.
#[test]
fn queries_are_what_another_program_composed() {
    for case in CASES {
        let server = Server::of(&format!("{}.reply", case.name));
        ask(&[&server], &case.asked(&[]));
        let (_, mut query) = server.query();
        let expected = recorded(&format!("{}.query", case.name));
        query[3..6].copy_from_slice(&expected[3..6]);
        assert_eq!(query, expected, "{}", case.name);
    }
}

/// BLQ-R-032, BLQ-R-045: every recorded reply is taken, whole and octet by octet, with the same result.
#[test]
fn every_recorded_reply_is_taken() {
    for case in CASES {
        let plays = [usize::MAX, 1].map(|piece| Play::All(case.reply(), piece));
        let server = Server::play(plays.to_vec());
        let whole = ask(&[&server], &case.asked(&["--format", "json"]));
        let octet_by_octet = ask(&[&server], &case.asked(&["--format", "json"]));
        assert_eq!(whole.code, Some(case.code), "{}: {}", case.name, whole.err);
        assert_eq!(whole.objects(), octet_by_octet.objects(), "{}", case.name);
        assert_eq!(whole.err, octet_by_octet.err);

        let leases = whole.leases();
        let count = |flag: &str| leases.iter().filter(|lease| lease[flag] == true).count();
        assert_eq!(leases.len(), case.leases, "{}", case.name);
        assert_eq!(count("doubtful"), case.doubtful, "{}", case.name);
        assert_eq!(count("infinite"), case.infinite, "{}", case.name);
        for lease in &leases {
            let lifetime = |name: &str| lease[name].as_u64().expect("a number");
            assert!(lifetime("preferred") <= lifetime("valid"), "{lease}");
            assert!(lifetime("valid") > 0, "{lease}");
        }
    }
}

/// BLQ-R-045: leases that ended are doubtful where their age tells it, and only live ones past half of their life beside them.
#[test]
fn dead_leases_sent_as_live_are_doubtful() {
    let case = |name: &str| CASES.iter().find(|case| case.name == name).expect("a case");
    let doubtful = |name: &str| -> Vec<String> {
        let case = case(name);
        let server = Server::of(&format!("{name}.reply"));
        let ran = ask(&[&server], &case.asked(&["--format", "json"]));
        ran.leases()
            .iter()
            .filter(|lease| lease["doubtful"] == true)
            .map(|lease| lease["prefix"].as_str().expect("a prefix").to_owned())
            .collect()
    };
    // Rows 20, 150 and 220 live past their preferred lifetime; 120 and 205 had expired, 130
    // and 207 were reclaimed. The released rows 125 and 206 were heard a moment ago, so
    // nothing in the reply tells them from live ones.
    let row = |row: u16| {
        format!("3fff:100:{:x}:{:x}::/56", row >> 8, (row & 0xff) << 8).replace(":0:0::/", "::/")
    };
    assert_eq!(
        doubtful("kea-3.3.1-many/by-link-address"),
        [20, 150, 220].map(row)
    );
    assert_eq!(
        doubtful("kea-3.3.1-many/by-relay-id"),
        [20, 120, 130, 150, 205, 207, 220].map(row)
    );
}

/// BLQ-R-034, BLQ-R-041: a refusal is told with status and text, and is exit code 4.
#[test]
fn a_refusal_is_told_with_status_and_text() {
    for (name, told) in [
        (
            "kea-3.3.1/by-relay-id-missing",
            "MalformedQuery (8): missing D6O_RELAY_ID",
        ),
        (
            "kea-3.3.1/unknown-query-type",
            "UnknownQueryType (7): unknown query-type",
        ),
        (
            "kea-3.3.1/by-link-address-unknown",
            "NotConfigured (9): not a configured link",
        ),
    ] {
        let server = Server::of(&format!("{name}.reply"));
        let ran = ask(
            &[&server],
            &["address", "3fff::1", "--retries", "3", "--quiet"],
        );
        assert_eq!(ran.code, Some(4));
        assert_eq!(ran.err, format!("{}: refused: {told}\n", server.address));
    }
}

/// BLQ-R-045: what a server does otherwise than asked is counted and told.
#[test]
fn deviations_are_told_with_their_counts() {
    let server = Server::of("kea-3.3.1-many/by-relay-id.reply");
    let ran = ask(&[&server], &["relay-id", "00:03:00:01:02:00:00:00:00:00"]);
    for line in [
        "complete; 257 leases in 257 messages",
        "status Success was spelled out, once (success-status)",
        "LQ_RELAY_DATA came unasked, 257 times (relay-data-unasked)",
        "above the valid one, 3 times (preferred-above-valid)",
        "a little below infinity, 3 times (near-infinite)",
        "longer ago than it has left, 7 times (doubtful)",
    ] {
        assert!(ran.err.contains(line), "{line}\n{}", ran.err);
    }
}

/// BLQ-R-012: every delegated prefix becomes a route to the client's link-local address.
#[test]
fn routes_lead_to_the_client() {
    let server = Server::of("kea-3.3.1/by-relay-id.reply");
    let ran = ask(
        &[&server],
        &[
            "relay-id",
            "00:03:00:01:02:00:00:00:00:01",
            "--format",
            "routes",
        ],
    );
    let routes: Vec<&str> = ran
        .out
        .lines()
        .filter(|line| line.starts_with("route "))
        .collect();
    assert_eq!(routes.len(), 40);
    assert_eq!(
        routes[0],
        "route replace 3fff:101::/56 via fe80:: dev pon0 proto 147 expires 863946"
    );
    assert_eq!(
        routes[39],
        "route replace 3fff:101:0:2700::/56 via fe80::27 dev pon0 proto 147 expires 863907"
    );
}

/// BLQ-R-039: in the table a client's leases from several messages stand together.
#[test]
fn the_table_joins_a_clients_leases() {
    let server = Server::of("kea-3.3.1/by-client-id.reply");
    let ran = ask(&[&server], &["client-id", "00:03:00:01:02:01:00:00:00:05"]);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines.len(), 3, "{}", ran.out);
    assert!(lines[1].starts_with("00:03:00:01:02:01:00:00:00:05  "));
    assert!(lines[2].starts_with("    "), "{}", ran.out);
}

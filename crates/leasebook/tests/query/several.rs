//! Several servers at once.

use std::collections::BTreeSet;

use super::support::{Play, Server, ask, recorded};

const BY_RELAY: &[&str] = &[
    "relay-id",
    "00:03:00:01:02:00:00:00:00:00",
    "--format",
    "json",
];

fn prefixes(ran: &super::support::Ran) -> BTreeSet<String> {
    ran.leases()
        .iter()
        .map(|lease| lease["prefix"].as_str().expect("a prefix").to_owned())
        .collect()
}

/// BLQ-R-038, BLQ-R-039, BLQ-R-040: two servers are asked at once and every lease is told once.
#[test]
fn leases_of_two_servers_are_united() {
    let first = Server::of("kea-3.3.1-many/by-relay-id.reply");
    let second = Server::of("kea-3.3.1-many/by-link-address.reply");
    let ran = ask(&[&first, &second], BY_RELAY);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(ran.leases().len(), 257);
    assert_eq!(prefixes(&ran).len(), 257);
}

/// BLQ-R-038, BLQ-R-041: servers that fail do not hold up the others, and the exit code says partial.
#[test]
fn one_server_that_fails_leaves_the_others() {
    let good = Server::of("kea-3.3.1-many/by-relay-id.reply");
    let reply = recorded("kea-3.3.1-many/by-link-address.reply");
    let silent = Server::play(vec![Play::Stall(reply, 0)]);
    let refusing = Server::of("kea-3.3.1/by-relay-id-missing.reply");
    let ran = ask(
        &[&silent, &good, &refusing],
        &[BY_RELAY, &["--data-timeout", "1500ms"]].concat(),
    );
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert_eq!(ran.leases().len(), 257);
    assert!(
        ran.err.contains("no answer: no octet of the reply came"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("refused: MalformedQuery"), "{}", ran.err);
}

/// BLQ-R-040: the order of the servers decides only where everything else is equal, so the result is the same each time.
#[test]
fn the_result_does_not_depend_on_who_is_first() {
    let run = || {
        let servers = [1, usize::MAX].map(|piece| {
            Server::play(vec![Play::All(
                recorded("kea-3.3.1-many/by-link-address.reply"),
                piece,
            )])
        });
        prefixes(&ask(&[&servers[0], &servers[1]], BY_RELAY))
    };
    assert_eq!(run(), run());
}

/// BLQ-R-015: several values are several queries on one connection.
#[test]
fn several_values_go_over_one_connection() {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("[::1]:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let reply = recorded("kea-3.3.1/by-relay-id-none.reply");
        let mut queries = vec![0; 3 * 55];
        stream.read_exact(&mut queries).expect("three queries");
        let xids: Vec<Vec<u8>> = queries
            .chunks(55)
            .map(|query| query[3..6].to_vec())
            .collect();
        for xid in xids.iter().rev() {
            let octets = super::support::with_xid(&reply, xid);
            stream.write_all(&octets).expect("the reply is taken");
        }
        xids
    });
    let ran = std::process::Command::new(env!("CARGO_BIN_EXE_leasebook"))
        .args(["query", &address, "relay-id"])
        .args((0..3).map(|last| format!("00:03:00:01:02:00:00:00:00:0{last}")))
        .args(["--client-id", super::support::CLIENT_ID])
        .output()
        .expect("the program runs");
    let xids: BTreeSet<_> = server.join().expect("the server").into_iter().collect();
    assert_eq!(xids.len(), 3, "every query has its own transaction-id");
    assert_eq!(ran.status.code(), Some(0));
}

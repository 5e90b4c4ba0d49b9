//! `leasebook query --udp` against servers on the loopback that answer, err, or are silent.

use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use leasebook_protocol::leasequery::{Config, UdpResponder, UdpSettings};
use leasebook_protocol::links::{Link, Links};
use leasebook_store::{
    Binding, Change, IaKind, Lease, LeaseName, LeaseState, LeaseStore as _, LinkId, MemoryStore,
};
use leasebook_wire::Duid;

use super::support::{CLIENT_ID, Ran};

/// Unix seconds at the servers, whose clock stands still.
const NOW: u64 = 1_800_000_000;

/// A server with links 3fff:1::/64 and 3fff:2::/64, answering by our own responder.
struct Server {
    address: SocketAddr,
    queries: Receiver<(SocketAddr, Vec<u8>)>,
}

impl Server {
    /// `bindings` are link, last octet of the DUID, lease, and seconds since the client was
    /// heard; the first `deaf` queries are not answered.
    fn new(bindings: &[(u32, u8, &str, u64)], deaf: usize) -> Self {
        Self::with(bindings, deaf, |_| {})
    }

    fn with(
        bindings: &[(u32, u8, &str, u64)],
        deaf: usize,
        adjust: impl FnOnce(&mut Config),
    ) -> Self {
        let store = MemoryStore::new();
        let changes = bindings.iter().map(|binding| Change::Put(kept(*binding)));
        store.commit(changes.collect()).expect("kept");
        let mut config = Config::new(Duid::new(&[0, 3, 0, 1, 0xaa]).expect("a DUID"));
        adjust(&mut config);
        let links = Links::new([1, 2].map(link).to_vec());
        let socket = UdpSocket::bind("[::1]:0").expect("a port");
        let address = socket.local_addr().expect("an address");
        let (sender, queries) = channel();
        thread::spawn(move || {
            let responder = UdpResponder {
                config: &config,
                links: &links,
                settings: UdpSettings::default(),
                store: &store,
            };
            let mut buffer = vec![0; 65_535];
            let mut heard = 0;
            while let Ok((octets, from)) = socket.recv_from(&mut buffer) {
                // The test may have ended.
                let _ = sender.send((from, buffer[..octets].to_vec()));
                heard += 1;
                let mut reply = Vec::new();
                responder.answer(NOW, from.ip(), &buffer[..octets], &mut reply);
                if heard > deaf && !reply.is_empty() {
                    let _ = socket.send_to(&reply, from);
                }
            }
        });
        Self { address, queries }
    }

    fn query(&self) -> (SocketAddr, Vec<u8>) {
        let wait = std::time::Duration::from_secs(20);
        self.queries.recv_timeout(wait).expect("a query")
    }
}

fn link(id: u32) -> Link {
    Link {
        id: LinkId(id),
        on_link: vec![format!("3fff:{id}::/64").parse().expect("a prefix")],
        relay_addresses: Vec::new(),
        delegated: vec![format!("3fff:{id}00::/40").parse().expect("a prefix")],
    }
}

fn kept((link, client, lease, age): (u32, u8, &str, u64)) -> Binding {
    let (name, kind) = match lease.split_once('/') {
        None => (LeaseName::Address(ip(lease)), IaKind::Na),
        Some((prefix, len)) => {
            let len = len.parse().expect("a length");
            (
                LeaseName::prefix(ip(prefix), len).expect("a prefix"),
                IaKind::Pd,
            )
        }
    };
    Binding {
        link: LinkId(link),
        client: Duid::new(&[0, 3, 0, 1, client]).expect("a DUID"),
        leases: vec![Lease {
            name,
            kind,
            iaid: 1,
            state: LeaseState::Bound,
            clt: NOW - age,
            preferred: 5000,
            valid: 8000,
        }],
        relay: None,
        options: Vec::new(),
    }
}

fn ip(text: &str) -> Ipv6Addr {
    text.parse().expect("an address")
}

fn ask(servers: &[&Server], rest: &[&str]) -> Ran {
    Command::new(env!("CARGO_BIN_EXE_leasebook"))
        .arg("query")
        .args(servers.iter().map(|server| server.address.to_string()))
        .args(["--udp", "--client-id", CLIENT_ID])
        .args(rest)
        .output()
        .expect("the program runs")
        .into()
}

/// The names of all leases of a JSON result, sorted.
fn names(ran: &Ran) -> Vec<String> {
    let leases = ran.leases().into_iter().map(|lease| {
        let name = lease.get("address").or(lease.get("prefix"));
        name.and_then(|name| name.as_str())
            .expect("a name")
            .to_owned()
    });
    let mut names: Vec<_> = leases.collect();
    names.sort();
    names
}

/// LQ-UDP-014, LQ-UDP-023: a query by address is one datagram there and one back.
#[test]
fn asks_by_address() {
    let server = Server::new(&[(1, 7, "3fff:101::/56", 60)], 0);
    for format in ["table", "json", "csv"] {
        let rest = ["address", "3fff:101:0:ff::1", "--format", format];
        let ran = ask(&[&server], &rest);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert!(ran.out.contains("3fff:101::/56"), "{}", ran.out);
        assert!(
            ran.err.contains("complete; 1 leases in 1 messages"),
            "{}",
            ran.err
        );
        let (_, query) = server.query();
        assert_eq!(query[0], 14);
    }
    assert!(server.queries.try_recv().is_err());
}

/// LQ-UDP-029: no binding is an answer too.
#[test]
fn no_binding_is_an_answer() {
    let server = Server::new(&[], 0);
    let ran = ask(&[&server], &["address", "3fff:1::7", "--format", "json"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{}", ran.err);
    assert!(ran.err.contains("complete, no binding"), "{}", ran.err);
}

/// LQ-UDP-017, LQ-UDP-030: a client on two links is told with the leases of both.
#[test]
fn follows_a_client_to_all_its_links() {
    let server = Server::new(&[(1, 7, "3fff:1::7", 60), (2, 7, "3fff:2::7", 60)], 0);
    // The table is joined and sorted; a single server's objects come as they come.
    for format in ["json", "table"] {
        let rest = [
            "client-id",
            "00:03:00:01:07",
            "--pipeline",
            "1",
            "--format",
            format,
        ];
        let ran = ask(&[&server], &rest);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        for lease in ["3fff:1::7", "3fff:2::7"] {
            assert!(ran.out.contains(lease), "{}", ran.out);
        }
        if format == "json" {
            let objects = ran.objects();
            let links = objects.iter().map(|object| object["link_address"].as_str());
            assert_eq!(
                links.collect::<Vec<_>>(),
                [Some("3fff:1::"), Some("3fff:2::")]
            );
        }
        for _ in 0..3 {
            server.query();
        }
        assert!(server.queries.try_recv().is_err());
    }
    let rest = [
        "client-id",
        "00:03:00:01:07",
        "--link",
        "3fff:2::1",
        "--format",
        "json",
    ];
    assert_eq!(names(&ask(&[&server], &rest)), ["3fff:2::7"]);
}

/// LQ-UDP-026, LQ-UDP-033: what two servers tell is united; of one lease the newer counts.
#[test]
fn unites_what_two_servers_tell() {
    let older = Server::new(&[(1, 7, "3fff:1::7", 500)], 0);
    let newer = Server::new(&[(1, 7, "3fff:1::7", 60), (2, 7, "3fff:2::7", 60)], 0);
    let rest = ["client-id", "00:03:00:01:07", "--format", "json"];
    let ran = ask(&[&older, &newer], &rest);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(names(&ran), ["3fff:1::7", "3fff:2::7"]);
    assert_eq!(ran.objects().len(), 2, "{}", ran.out);
    let valid: Vec<_> = ran
        .leases()
        .iter()
        .map(|lease| lease["valid"].as_u64())
        .collect();
    assert!(
        valid
            .iter()
            .all(|valid| valid.is_some_and(|valid| valid > 7900)),
        "{valid:?}"
    );
}

/// LQ-UDP-027: a query that is lost is sent again with the same transaction-id.
#[test]
fn sends_again_what_is_lost() {
    let server = Server::new(&[(1, 7, "3fff:1::7", 60)], 1);
    let ran = ask(&[&server], &["address", "3fff:1::7", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let ((_, first), (_, second)) = (server.query(), server.query());
    assert_eq!(first, second);
}

/// LQ-UDP-027: a server that is silent, or not there, is no answer.
#[test]
fn a_silent_server_is_no_answer() {
    let silent = Server::new(&[], usize::MAX);
    let rest = ["address", "3fff:1::7", "--data-timeout", "300ms"];
    let ran = ask(&[&silent], &rest);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(
        ran.err.contains("no answer: no reply to 1 messages"),
        "{}",
        ran.err
    );
    let speaking = Server::new(&[(1, 7, "3fff:1::7", 60)], 0);
    let ran = ask(&[&silent, &speaking], &rest);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.out.contains("3fff:1::7"), "{}", ran.out);
    // Bound, so that nobody else gets the port, and connected, so that it takes nothing of ours.
    let gone = UdpSocket::bind("[::1]:0").expect("a port");
    gone.connect(silent.address).expect("connected");
    let absent = Server {
        address: gone.local_addr().expect("an address"),
        queries: channel().1,
    };
    let ran = ask(&[&absent], &rest);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
}

/// LQ-UDP-032: a refusal is told with its status.
#[test]
fn a_refusal_is_told() {
    let server = Server::new(&[], 0);
    let ran = ask(&[&server], &["address", "3fff:9::7"]);
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    assert!(
        ran.err.contains("refused: NotConfigured (9)"),
        "{}",
        ran.err
    );
}

/// LQ-UDP-024: a server that is not the one wanted is silent.
#[test]
fn only_the_server_wanted_answers() {
    let server = Server::new(&[(1, 7, "3fff:1::7", 60)], 0);
    let ask = |id| {
        let rest = [
            "address",
            "3fff:1::7",
            "--data-timeout",
            "300ms",
            "--server-id",
            id,
        ];
        ask(&[&server], &rest).code
    };
    assert_eq!(ask("00:03:00:01:aa"), Some(0));
    assert_eq!(ask("00:03:00:01:ab"), Some(2));
}

/// LQ-UDP-011: the source can be chosen, and the reply comes to its port.
#[test]
fn asks_from_the_source_asked_for() {
    let server = Server::new(&[(1, 7, "3fff:1::7", 60)], 0);
    let free = UdpSocket::bind("[::1]:0").expect("a port").local_addr();
    let source = free.expect("an address").to_string();
    let ran = ask(&[&server], &["address", "3fff:1::7", "--source", &source]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(server.query().0.to_string(), source);
    let ran = ask(
        &[&server],
        &["address", "3fff:1::7", "--source", "127.0.0.1"],
    );
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("other address family"), "{}", ran.err);
}

/// LQ-UDP-008: who is not listed hears nothing.
#[test]
fn who_is_not_listed_hears_nothing() {
    let server = Server::with(&[(1, 7, "3fff:1::7", 60)], 0, |config| config.allow.clear());
    let rest = ["address", "3fff:1::7", "--data-timeout", "300ms"];
    assert_eq!(ask(&[&server], &rest).code, Some(2));
}

/// LQ-UDP-025: a multicast address is not asked, and what is for TCP is refused.
#[test]
fn refuses_what_udp_has_not() {
    let run = |rest: &[&str]| -> Ran {
        Command::new(env!("CARGO_BIN_EXE_leasebook"))
            .args(["query", "--udp"])
            .args(rest)
            .output()
            .expect("the program runs")
            .into()
    };
    let ran = run(&["ff05::1:3", "address", "3fff::1"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("multicast"), "{}", ran.err);
    for (option, value) in [
        ("--retries", "2"),
        ("--connect-timeout", "3s"),
        ("--timers", "rfc5460"),
        ("--source", "[::1]:547"),
    ] {
        let ran = run(&["::1", "address", "3fff::1", option, value]);
        assert_eq!(ran.code, Some(1), "{option}: {}", ran.err);
        let named = if option == "--source" { "547" } else { option };
        assert!(ran.err.contains(named), "{option}: {}", ran.err);
    }
}

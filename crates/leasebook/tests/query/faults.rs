//! Servers that are cut, silent, absent, or interrupted by the operator.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use socket2::{Domain, Socket, Type};

use super::support::{Play, Ran, Server, ask, command, frames, recorded};

const ASK: &[&str] = &[
    "relay-id",
    "00:03:00:01:02:00:00:00:00:01",
    "--format",
    "json",
];

fn reply() -> Vec<u8> {
    recorded("kea-3.3.1/by-relay-id.reply")
}

/// Octets of the first messages.
fn octets_of(messages: usize) -> usize {
    frames(&reply())[..messages].iter().map(Vec::len).sum()
}

/// BLQ-R-027, BLQ-R-028: a reply that is cut is written as far as it came, and the exit code says partial.
#[test]
fn a_cut_reply_is_partial() {
    for (extra, told) in [
        (0, "closed the connection before the reply was complete\n"),
        (
            7,
            "complete: stream ended inside a message: 5 of 151 octets received\n",
        ),
    ] {
        let server = Server::play(vec![Play::Cut(reply(), octets_of(30) + extra)]);
        let ran = ask(&[&server], &[ASK, &["--quiet"]].concat());
        assert_eq!(ran.code, Some(3));
        assert_eq!(ran.leases().len(), 30);
        let told = told.replace('\n', "; 30 leases in 30 messages");
        assert!(ran.err.contains(&told), "{}", ran.err);
    }
}

/// BLQ-R-003, BLQ-R-004: a cut reply is asked for again, whole, where retries are on, and nothing is told twice.
#[test]
fn a_cut_reply_is_retried_whole() {
    let server = Server::play(vec![
        Play::Cut(reply(), octets_of(30)),
        Play::All(reply(), usize::MAX),
    ]);
    let ran = ask(&[&server], &[ASK, &["--retries", "1"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(ran.leases().len(), 80);
    assert!(ran.err.contains("; again in "), "{}", ran.err);
}

/// BLQ-R-007: a server that falls silent is given up after the data timeout.
#[test]
fn a_silent_server_is_given_up() {
    for (octets, code, leases) in [(0, 2, 0), (octets_of(10), 3, 10)] {
        let server = Server::play(vec![Play::Stall(reply(), octets)]);
        let ran = ask(&[&server], &[ASK, &["--data-timeout", "1500ms"]].concat());
        assert_eq!(ran.code, Some(code), "{}", ran.err);
        assert_eq!(ran.leases().len(), leases);
    }
}

/// BLQ-R-041: with no server answering the exit code is 2, and the reason is told for every address.
#[test]
fn nobody_answering_is_told() {
    let reserved = reserve();
    let address = local(&reserved);
    let ran: Ran = std::process::Command::new(env!("CARGO_BIN_EXE_leasebook"))
        .args(["query", &address.to_string(), "address", "3fff::1"])
        .output()
        .expect("the program runs")
        .into();
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.err.starts_with(&format!(
            "{address}: no answer: cannot connect: {address}: "
        )),
        "{}",
        ran.err
    );
}

/// BLQ-R-026: a server that breaks the order is left, and what came stays.
#[test]
fn a_server_out_of_order_is_left() {
    let mut frames = frames(&reply());
    frames.truncate(5);
    frames.push(frames[0].clone());
    let server = Server::play(vec![Play::All(frames.concat(), usize::MAX)]);
    let ran = ask(&[&server], ASK);
    assert_eq!(ran.code, Some(3));
    assert_eq!(ran.leases().len(), 5);
    assert!(
        ran.err
            .contains("the connection was closed, since a query got a second REPLY"),
        "{}",
        ran.err
    );
}

/// BLQ-R-028: an interrupt ends the query as partial; what came is written.
#[test]
fn an_interrupt_keeps_what_came() {
    let server = Server::play(vec![Play::Stall(reply(), octets_of(10))]);
    let mut child = command(&[&server], ASK)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut out = BufReader::new(child.stdout.take().expect("its output"));
    let mut lines = String::new();
    for _ in 0..10 {
        // What came is handed on though nothing more comes.
        out.read_line(&mut lines).expect("a line");
    }
    kill_process(Pid::from_child(&child), Signal::INT).expect("it can be interrupted");
    out.read_to_string(&mut lines).expect("text");
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(3));
    assert_eq!(lines.lines().count(), 10);
    let err = String::from_utf8(ended.stderr).expect("text");
    assert!(
        err.contains("partial: stopped before the reply was complete; 10 leases"),
        "{err}"
    );
}

/// BLQ-R-001: source address and port are chosen by the operator.
#[test]
fn connects_from_the_source_asked_for() {
    let reserved = reserve();
    let source = local(&reserved);
    let server = Server::of("kea-3.3.1/by-relay-id.reply");
    let ran = ask(
        &[&server],
        &[ASK, &["--source", &source.to_string()]].concat(),
    );
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(server.query().0, source);
}

/// BLQ-R-014: queries of the bulk types are never sent over UDP.
#[test]
fn bulk_queries_are_never_sent_over_udp() {
    let socket = std::net::UdpSocket::bind("[::1]:0").expect("a port");
    socket.set_nonblocking(true).expect("an option");
    let address = socket.local_addr().expect("an address").to_string();
    for question in [
        ["relay-id", "00:03:00:01:02:00:00:00:00:01"],
        ["link-address", "3fff::1"],
        ["remote-id", "3561:port"],
    ] {
        let ran: Ran = std::process::Command::new(env!("CARGO_BIN_EXE_leasebook"))
            .args(["query", &address, "--udp"])
            .args(question)
            .output()
            .expect("the program runs")
            .into();
        assert_eq!(ran.code, Some(1));
        assert!(
            ran.err.contains("go over TCP; leave --udp out"),
            "{}",
            ran.err
        );
        assert!(socket.recv(&mut [0; 16]).is_err(), "something was sent");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_reason_to_complain() {
    // Larger than what a pipe holds.
    let server = Server::of("kea-3.3.1-many/by-relay-id.reply");
    let mut child = command(&[&server], ASK)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut out = BufReader::with_capacity(16, child.stdout.take().expect("its output"));
    out.read_line(&mut String::new()).expect("a line");
    drop(out);
    let ran: Ran = child.wait_with_output().expect("it ends").into();
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""));
}

/// A port that nobody else gets and nobody listens on.
fn reserve() -> Socket {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None).expect("a socket");
    // So that the program may connect from the port though it is reserved.
    socket.set_reuse_address(true).expect("an option");
    let any: SocketAddr = "[::1]:0".parse().expect("an address");
    socket.bind(&any.into()).expect("a free port");
    socket
}

fn local(socket: &Socket) -> SocketAddr {
    let address = socket.local_addr().expect("an address");
    address.as_socket().expect("an IP address")
}

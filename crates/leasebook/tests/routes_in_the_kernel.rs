//! What `--format routes` writes, taken by the real `ip -6 -batch -` in a network namespace.
//!
//! Skipped, with the reason printed, where the system lets nobody make one.

use std::io::Write as _;
use std::net::Ipv6Addr;
use std::process::{Command, Stdio};

use leasebook::show::routes::RoutePolicy;
use leasebook::show::{Format, INFINITY, Output, RelayLevel, RelayPath, Shown, ShownLease};
use leasebook_store::LeaseName;

/// A client with one prefix behind one relay.
fn client(number: u8, prefix: &str, peer: &str, valid_secs: u32, doubtful: bool) -> Shown {
    Shown {
        server: "test".to_owned(),
        client: vec![0, 3, number],
        leases: vec![ShownLease {
            name: LeaseName::prefix(prefix.parse().expect("an address"), 56).expect("a length"),
            preferred_secs: 1,
            valid_secs,
            doubtful,
        }],
        relay: Some(RelayPath {
            peer: Ipv6Addr::UNSPECIFIED,
            levels: vec![RelayLevel {
                hop_count: 0,
                link: "3fff::1".parse().expect("an address"),
                peer: peer.parse().expect("an address"),
                interface_id: Some(b"olt0".to_vec()),
                remote_id: None,
                relay_id: None,
            }],
        }),
        ..Shown::default()
    }
}

/// The routes of some clients, a comment for what cannot be routed among them.
fn routes() -> Vec<u8> {
    let mut written = Vec::new();
    let policy = RoutePolicy {
        protocol: "147".to_owned(),
        expires: true,
        ..RoutePolicy::default()
    };
    let mut output = Output::new(Format::Routes, &mut written, policy);
    for shown in [
        client(1, "3fff:100::", "fe80::5e", 7200, false),
        client(2, "3fff:200::", "3fff::5e", 7200, true),
        client(3, "3fff:300::", "fe80::60", INFINITY, false),
        client(4, "3fff:400::", "ff02::1", 7200, false),
        client(5, "fe80::", "fe80::61", 7200, false),
    ] {
        output.binding(&shown).expect("written");
    }
    output.finish().expect("written");
    drop(output);
    written
}

/// D-43: the routes the kernel then has are those of the prefixes, with their lengths.
#[test]
fn ip_takes_the_routes_and_the_kernel_has_them() {
    let script = "ip link add olt0 type veth peer name far0 && ip link set olt0 up && \
                  ip link set far0 up && ip link set lo up || exit 77; \
                  ip -6 -batch - && ip -6 -details route show proto 147";
    let started = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "sh", "-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => {
            eprintln!("skipped: unshare cannot be run: {error}");
            return;
        }
    };
    let mut input = child.stdin.take().expect("piped");
    // Where the namespace was refused nobody reads this; the exit code tells.
    let _ = input.write_all(&routes());
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) || complaints.contains("unshare:") {
        eprintln!("skipped: no network namespace here: {complaints}");
        return;
    }
    assert!(output.status.success(), "{complaints}");
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 3, "{told}");
    for (line, prefix, via) in [
        (lines[0], "3fff:100::/56", "via fe80::5e dev olt0"),
        (lines[1], "3fff:200::/56", "via 3fff::5e dev olt0"),
        (lines[2], "3fff:300::/56", "via fe80::60 dev olt0"),
    ] {
        assert!(line.contains(prefix) && line.contains(via), "{line}");
    }
    assert!(
        lines[0].contains("expires 7") && lines[1].contains("onlink"),
        "{told}"
    );
    assert!(!lines[2].contains("expires"), "{told}");
}

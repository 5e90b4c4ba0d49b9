//! Bindings for the tests of the forms.

use std::net::Ipv6Addr;

use leasebook_store::LeaseName;

use super::{INFINITY, RelayLevel, RelayPath, Shown, ShownLease};

/// The Relay-ID of the access relay.
pub(super) const OWN: &[u8] = &[0, 3, 0, 1, 0xaa];
/// The Relay-ID of the aggregating relay.
pub(super) const OTHER: &[u8] = &[0, 3, 0, 1, 0xbb];

/// An address.
pub(super) fn address(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

/// A prefix lease of two hours.
pub(super) fn prefix(text: &str) -> ShownLease {
    let (prefix, len) = text.split_once('/').unwrap();
    ShownLease {
        name: LeaseName::Prefix {
            prefix: address(prefix),
            len: len.parse().unwrap(),
        },
        preferred_secs: 3600,
        valid_secs: 7200,
        doubtful: false,
    }
}

/// A level of the chain.
pub(super) fn level(link: &str, peer: &str, relay_id: Option<&[u8]>) -> RelayLevel {
    RelayLevel {
        hop_count: 0,
        link: address(link),
        peer: address(peer),
        interface_id: Some(b"eth0".to_vec()),
        remote_id: None,
        relay_id: relay_id.map(<[u8]>::to_vec),
    }
}

/// A chain, outermost first.
pub(super) fn path(levels: Vec<RelayLevel>) -> RelayPath {
    RelayPath {
        peer: address("2001:db8::1"),
        levels,
    }
}

/// A client with an address for ever and a prefix, behind one relay.
pub(super) fn shown() -> Shown {
    let mut forever = prefix("3fff::5e/128");
    forever.name = LeaseName::Address(address("3fff::5e"));
    (forever.preferred_secs, forever.valid_secs) = (INFINITY, INFINITY);
    let mut access = level("3fff::1", "fe80::5e", Some(OWN));
    access.remote_id = Some(vec![0, 0, 9, 0xbf, b'p']);
    Shown {
        server: "[2001:db8::547]:547".to_owned(),
        client: vec![0, 3, 0, 1, 2, 0, 0x5e, 0x10, 0, 1],
        link: Some(address("3fff::1")),
        leases: vec![forever, prefix("3fff:100::/56")],
        clt_age_secs: 12,
        relay: Some(path(vec![access])),
        options: vec![(39, vec![0, 1])],
    }
}

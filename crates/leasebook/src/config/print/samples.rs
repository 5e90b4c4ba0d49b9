//! Samples of what has no default, for the example.

use std::net::Ipv6Addr;

use leasebook_protocol::server::config::{
    AddressPool, Class, Match, Order, PrefixPool, Reservation, Settings,
};
use leasebook_store::LeaseName;

use crate::config::runtime::{Allow, LinkConfig, QueryKind};

/// Who may ask.
pub(super) fn allow() -> Allow {
    Allow {
        source: ipnet::IpNet::V6(net([0x2001, 0xdb8], 32)),
        types: [QueryKind::RelayId].into_iter().collect(),
    }
}

/// A class.
pub(super) fn class() -> Class {
    Class {
        name: "cpe".to_owned(),
        members: vec![
            Match::VendorClass {
                enterprise: 3561,
                item: Some(b"eRouter1.0".to_vec()),
            },
            Match::ClientPrefix(vec![0, 3, 0, 1, 0, 0, 0x5e]),
        ],
        settings: Settings::default(),
    }
}

/// A reservation.
pub(super) fn reservation() -> Reservation {
    let delegated = net([0x3fff, 0x100], 56);
    Reservation {
        whom: Match::Client(vec![0, 3, 0, 1, 0, 0, 0x5e, 0, 0x53, 1]),
        leases: vec![
            LeaseName::Address(Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 7)),
            LeaseName::Prefix {
                prefix: delegated.network(),
                len: delegated.prefix_len(),
            },
        ],
        name: None,
        settings: Settings::default(),
    }
}

/// A link.
pub(super) fn link() -> LinkConfig {
    let on_link = net([0x3fff, 0], 64);
    let relay = Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 1);
    LinkConfig {
        id: 1,
        name: "olt-1".to_owned(),
        kea_subnet_ids: vec![1],
        on_link: vec![on_link],
        relay_addresses: vec![relay],
        interface_ids: vec![b"eth0".to_vec()],
        interfaces: vec!["eth1".to_owned()],
        pools: vec![AddressPool {
            first: on_link.network(),
            last: on_link.broadcast(),
            order: Order::Random,
            classes: vec!["cpe".to_owned()],
            settings: Settings::default(),
        }],
        prefix_pools: vec![PrefixPool {
            prefix: net([0x3fff, 0x100], 32),
            delegated_len: 56,
            exclude: None,
            order: Order::Random,
            classes: vec!["cpe".to_owned()],
            settings: Settings::default(),
        }],
        exclusions: vec![LeaseName::Address(relay)],
        reservations: Vec::new(),
        allow: vec!["cpe".to_owned()],
        deny: Vec::new(),
        settings: Settings::default(),
    }
}

/// A prefix of documentation addresses.
fn net(first: [u16; 2], length: u8) -> ipnet::Ipv6Net {
    let address = Ipv6Addr::new(first[0], first[1], 0, 0, 0, 0, 0, 0);
    ipnet::Ipv6Net::new_assert(address, length)
}

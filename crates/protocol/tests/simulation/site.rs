//! What the server of a run is set to.

use std::net::Ipv6Addr;

use leasebook_protocol::server::Config;
use leasebook_protocol::server::config::{
    AddressPool, Lifetimes, Order, PrefixPool, ServedLink, Settings,
};
use leasebook_store::LinkId;
use leasebook_wire::Duid;

/// The server's DUID.
pub(crate) const SERVER: [u8; 7] = [0, 2, 0, 0, 9, 191, 1];

/// Links, numbered from 1 on.
pub(crate) const LINKS: u16 = 4;

/// Four links; the pools of the last two are too small for their clients. Where nothing is held
/// for those to whom it was offered, many ask for the same lease.
pub(crate) fn config(clients: u16, seed: u64) -> Config {
    let mut config = Config::new(Duid::new(&SERVER).unwrap());
    config.probation = 120;
    config.offer_hold = if seed.is_multiple_of(2) { 0 } else { 10 };
    config.links = (1..=LINKS).map(|number| link(number, clients)).collect();
    config
}

fn link(number: u16, clients: u16) -> ServedLink {
    let first = Ipv6Addr::new(0x2001, 0xdb8, number, 0, 0, 0, 1, 0);
    let each = u128::from(clients / LINKS);
    let slots = if number > 2 { each * 9 / 10 } else { each * 3 };
    let order = if number == 1 {
        Order::Lowest
    } else {
        Order::Random
    };
    ServedLink {
        id: LinkId(number.into()),
        name: format!("link {number}"),
        on_link: vec![format!("2001:db8:{number:x}::/64").parse().unwrap()],
        relay_addresses: Vec::new(),
        interface_ids: Vec::new(),
        interfaces: Vec::new(),
        pools: vec![AddressPool {
            first,
            last: Ipv6Addr::from_bits(first.to_bits() + slots),
            order,
            classes: Vec::new(),
            settings: Settings::default(),
        }],
        prefix_pools: vec![PrefixPool {
            prefix: format!("2001:db8:{:x}00::/46", 0xf0 + number)
                .parse()
                .unwrap(),
            delegated_len: 56,
            exclude: None,
            order,
            classes: Vec::new(),
            settings: Settings::default(),
        }],
        exclusions: Vec::new(),
        reservations: Vec::new(),
        allow: Vec::new(),
        deny: Vec::new(),
        settings: Settings {
            lifetimes: Some(Lifetimes {
                preferred: 240,
                valid: 360,
            }),
            rapid_commit: Some(number.is_multiple_of(2)),
            ..Settings::default()
        },
    }
}

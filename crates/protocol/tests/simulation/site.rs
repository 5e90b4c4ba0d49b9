//! What the server of a run is set to, and to what reloads set it.

use std::net::Ipv6Addr;

use leasebook_protocol::server::Config;
use leasebook_protocol::server::config::{
    AddressPool, Lifetimes, Match, Order, PrefixPool, Reservation, ServedLink, Settings,
};
use leasebook_store::{LeaseName, LinkId};
use leasebook_wire::Duid;

/// The server's DUID.
pub(crate) const SERVER: [u8; 7] = [0, 2, 0, 0, 9, 191, 1];

/// Links, numbered from 1 on.
pub(crate) const LINKS: u16 = 4;

/// One client of so many has leases reserved, where there are reservations.
const RESERVED_ONE_OF: u16 = 9;

/// What an operator set the server to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// What it begins with.
    First,
    /// The pools lie elsewhere: addresses on the same prefix on two links, on another prefix on
    /// a third; prefixes on all of these.
    Moved,
    /// The last link is gone.
    WithoutLast,
    /// Leases of the pools are reserved, held by others or not, and some are excluded.
    Reserved,
}

/// What an operator changes to in a run, in an order of its own.
pub(crate) const CHANGES: [Plan; 5] = [
    Plan::First,
    Plan::Moved,
    Plan::WithoutLast,
    Plan::Reserved,
    Plan::Moved,
];

/// Four links; the pools of the last two are too small for their clients. Where nothing is held
/// for those to whom it was offered, many ask for the same lease.
pub(crate) fn config(clients: u16, seed: u64, plan: Plan) -> Config {
    let mut config = Config::new(Duid::new(&SERVER).unwrap());
    config.probation = 120;
    config.offer_hold = if seed.is_multiple_of(2) { 0 } else { 10 };
    config.reconfigure = true;
    config.links = (1..=LINKS).map(|number| link(number, clients)).collect();
    match plan {
        Plan::First => {}
        Plan::Moved => config.links.iter_mut().take(3).for_each(move_pools),
        Plan::WithoutLast => drop(config.links.pop()),
        Plan::Reserved => config
            .links
            .iter_mut()
            .for_each(|link| reserve(link, clients)),
    }
    config
}

/// The client with that number.
pub(crate) fn duid(number: u16) -> Vec<u8> {
    [&[0, 3, 0, 1, 2, 0][..], &number.to_be_bytes()].concat()
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
        relay_addresses: vec![Ipv6Addr::new(0x2001, 0xdb8, number, 0, 0, 0, 0, 1)],
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

fn move_pools(link: &mut ServedLink) {
    let number = link.id.0;
    let by: u128 = if number == 3 {
        link.on_link = vec!["2001:db8:13::/64".parse().unwrap()];
        0x10 << 80
    } else {
        0x10_0000
    };
    for pool in &mut link.pools {
        pool.first = Ipv6Addr::from_bits(pool.first.to_bits() + by);
        pool.last = Ipv6Addr::from_bits(pool.last.to_bits() + by);
    }
    for pool in &mut link.prefix_pools {
        pool.prefix = format!("2001:db8:{:x}00::/46", 0xe0 + number)
            .parse()
            .unwrap();
    }
}

fn reserve(link: &mut ServedLink, clients: u16) {
    let first = link.pools[0].first.to_bits();
    let prefix = link.prefix_pools[0].prefix.addr().to_bits();
    let numbers = (0..clients).step_by(usize::from(RESERVED_ONE_OF));
    link.reservations = numbers
        .filter(|number| u32::from(1 + number % LINKS) == link.id.0)
        .map(|number| {
            let slot = u128::from(number / RESERVED_ONE_OF);
            let address = LeaseName::Address(Ipv6Addr::from_bits(first + slot));
            let delegated = Ipv6Addr::from_bits(prefix + (slot << 72));
            let delegated = LeaseName::prefix(delegated, 56).unwrap();
            Reservation {
                whom: Match::Client(duid(number)),
                leases: vec![address, delegated],
                name: None,
                settings: Settings::default(),
            }
        })
        .collect();
    let excluded = Ipv6Addr::from_bits(first + 0x100);
    link.exclusions = vec![LeaseName::prefix(excluded, 122).unwrap()];
}

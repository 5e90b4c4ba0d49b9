//! Subnets and shared networks.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::kea_config::classes::{Level, read_guard, read_required, unused_name};
use crate::kea_config::error::ConfigError;
use crate::kea_config::json::Node;
use crate::kea_config::model::{
    Link, Modes, NotCarried, PdPool, Pool, Range as Range6, Settings, Subnet,
};
use crate::kea_config::read::{Reader, read_relays, read_settings};
use crate::kea_config::reservations::{read_modes, read_reservations};
use crate::kea_config::section::{Section, parse_prefix, prefix, string, wrong};
use crate::text::{excerpt, parse_ipv6};

/// What Kea refuses, too.
const OUT_OF_PLACE: &str = "the pool is not within its subnet, or overlaps another of it";

/// Octets of an interface's name, at most.
const MAX_INTERFACE_OCTETS: usize = 15;

/// A subnet before it is known to have a number.
struct Unnumbered {
    subnet: Subnet,
    id: Option<u32>,
    key: String,
    /// Where its reservations are among all.
    reservations: Range<usize>,
}

/// Reads all links into `config`.
pub(super) fn read_links(dhcp6: &mut Section<'_>, reader: &mut Reader) -> Result<(), ConfigError> {
    let mut links: Vec<(Link, Vec<Unnumbered>)> = Vec::new();
    let draw = Draw::read(dhcp6, Draw::default())?;
    for (node, path) in dhcp6.list("shared-networks")? {
        let mark = reader.classes.mark();
        reader.classes.link = links.len();
        match read_network(node, path, draw, reader)? {
            Some(link) => links.push(link),
            None => reader.classes.back_to(mark),
        }
    }
    for (node, path) in dhcp6.list("subnet6")? {
        reader.classes.link = links.len();
        let subnet = read_subnet(node, path, draw, reader)?;
        let link = Link {
            place: node.place.clone(),
            name: String::new(),
            subnets: Vec::new(),
            relays: Vec::new(),
            interface_id: None,
            interface: None,
            classes: Vec::new(),
            settings: Settings::default(),
            modes: Modes::default(),
        };
        links.push((link, vec![subnet]));
    }
    number(&mut links, reader)?;
    one_link_each(&mut links, reader);
    note_shared_relays(&mut links, reader);
    let mut names = BTreeSet::new();
    for (mut link, subnets) in links {
        link.subnets = subnets.into_iter().map(|known| known.subnet).collect();
        if link.name.is_empty() {
            let ids = link.subnets.iter().map(|subnet| subnet.id);
            link.name = format!("subnet-{}", ids.min().unwrap_or(0));
        }
        link.name = unused_name(&link.name, &|name| names.contains(name));
        names.insert(link.name.clone());
        reader.config.links.push(link);
    }
    Ok(())
}

/// How leases are drawn; none is what holds outside.
///
/// Kea's own default is the lowest first; only who asks for it gives up that leases cannot be
/// guessed.
#[derive(Clone, Copy, Debug, Default)]
struct Draw {
    addresses_lowest: Option<bool>,
    prefixes_lowest: Option<bool>,
}

impl Draw {
    fn read(section: &mut Section<'_>, outer: Self) -> Result<Self, ConfigError> {
        let mut is_lowest = |key: &str| {
            let allocator = section.text(key)?;
            Ok::<_, ConfigError>(allocator.map(|allocator| allocator == "iterative"))
        };
        Ok(Self {
            addresses_lowest: is_lowest("allocator")?.or(outer.addresses_lowest),
            prefixes_lowest: is_lowest("pd-allocator")?.or(outer.prefixes_lowest),
        })
    }
}

/// Gives every subnet a number.
///
/// Kea before 3.0 numbers subnets that have none in the order of its reading, shared
/// networks first, from 1 on, passing numbers in use. What it came to is checked by nobody
/// but the operator, so each is listed.
fn number(links: &mut [(Link, Vec<Unnumbered>)], reader: &mut Reader) -> Result<(), ConfigError> {
    let mut used: BTreeSet<u32> = BTreeSet::new();
    for known in links.iter().flat_map(|(_, subnets)| subnets) {
        if let Some(id) = known.id.filter(|id| !used.insert(*id)) {
            return Err(ConfigError::Value {
                place: known.subnet.place.clone(),
                key: format!("{}.id", known.key),
                what: format!("{id} is another subnet's already"),
            });
        }
    }
    let mut next = 1;
    for known in links.iter_mut().flat_map(|(_, subnets)| subnets) {
        known.subnet.id = known.id.unwrap_or_else(|| {
            while used.contains(&next) {
                next += 1;
            }
            used.insert(next);
            reader.config.not_carried.push(NotCarried {
                place: known.subnet.place.clone(),
                key: format!("{}.id", known.key),
                reason: format!(
                    "no id is given; {next} is assumed, as Kea before 3.0 would number it: compare it with subnet_id in the lease file"
                ),
            });
            next
        });
        let own = known.reservations.clone();
        let own = reader.config.reservations.get_mut(own).into_iter();
        own.flatten()
            .for_each(|reservation| reservation.subnet_id = Some(known.subnet.id));
    }
    Ok(())
}

/// An interface has the clients of one link.
fn one_link_each(links: &mut [(Link, Vec<Unnumbered>)], reader: &mut Reader) {
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for (at, (link, subnets)) in links.iter_mut().enumerate() {
        let of_subnets = subnets.iter_mut().map(|known| &mut known.subnet);
        let of_subnets = of_subnets.map(|subnet| (&mut subnet.interface, subnet.place.clone()));
        let all = of_subnets.chain([(&mut link.interface, link.place.clone())]);
        for (interface, place) in all {
            let Some(name) = interface.clone() else {
                continue;
            };
            let is_name = name.len() <= MAX_INTERFACE_OCTETS
                && name
                    .bytes()
                    .all(|sign| sign.is_ascii_graphic() && sign != b'/');
            if is_name && *taken.entry(name.clone()).or_insert(at) == at {
                continue;
            }
            *interface = None;
            reader.config.not_carried.push(NotCarried {
                place,
                key: format!("interface {}", excerpt(name.as_bytes())),
                reason:
                    "clients attached to an interface are on one link, and another has it; tell \
                         them apart by classes and pools of that link"
                        .to_owned(),
            });
        }
    }
}

/// Kea tells subnets with one relay or Interface-ID apart by their classes, leasebook does not.
fn note_shared_relays(links: &mut [(Link, Vec<Unnumbered>)], reader: &mut Reader) {
    const REASON: &str = "clients behind it are on one link, and another has it: make one link of \
                          those, with pools for classes";
    let not_carried = &mut reader.config.not_carried;
    let mut taken: BTreeMap<std::net::Ipv6Addr, usize> = BTreeMap::new();
    let mut taken_ids: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for (at, (link, subnets)) in links.iter_mut().enumerate() {
        let of_subnets = subnets.iter().flat_map(|known| &known.subnet.relays);
        for relay in of_subnets.chain(&link.relays) {
            if *taken.entry(*relay).or_insert(at) != at {
                not_carried.push(NotCarried {
                    place: link.place.clone(),
                    key: format!("relay {relay}"),
                    reason: REASON.to_owned(),
                });
            }
        }
        let of_subnets = subnets
            .iter_mut()
            .map(|known| &mut known.subnet.interface_id);
        for id in of_subnets.chain([&mut link.interface_id]) {
            let Some(octets) = id.clone() else { continue };
            let shown = excerpt(&octets);
            if *taken_ids.entry(octets).or_insert(at) == at {
                continue;
            }
            *id = None;
            not_carried.push(NotCarried {
                place: link.place.clone(),
                key: format!("interface-id {shown}"),
                reason: REASON.to_owned(),
            });
        }
    }
}

fn read_network(
    node: &Node,
    path: String,
    draw: Draw,
    reader: &mut Reader,
) -> Result<Option<(Link, Vec<Unnumbered>)>, ConfigError> {
    let mut section = Section::new(node, path)?;
    let mut link = Link {
        place: node.place.clone(),
        name: section.text("name")?.unwrap_or_default(),
        subnets: Vec::new(),
        relays: read_relays(&mut section, &mut reader.config.not_carried)?,
        interface_id: section.text("interface-id")?.map(String::into_bytes),
        interface: section.text("interface")?,
        classes: read_guard(&mut section, reader)?,
        settings: read_settings(&mut section, reader)?,
        modes: read_modes(&mut section, &mut reader.config.not_carried)?,
    };
    read_required(&mut section, Level::Network, reader)?;
    note_interface_id(&section, reader);
    take_extended_info(&mut section, reader)?;
    let draw = Draw::read(&mut section, draw)?;
    let mut subnets = Vec::new();
    for (node, path) in section.list("subnet6")? {
        subnets.push(read_subnet(node, path, draw, reader)?);
    }
    note_differences(&link, &subnets, reader);
    // Kea lets subnets without relays of their own have the network's.
    let own = subnets.iter().flat_map(|known| &known.subnet.relays);
    let own: BTreeSet<_> = own.copied().collect();
    link.relays.retain(|relay| !own.contains(relay));
    if subnets.is_empty() {
        reader.config.not_carried.push(NotCarried {
            place: node.place.clone(),
            key: section.path_of("subnet6"),
            reason: "a shared network without subnets is no link, and is left out".to_owned(),
        });
        return Ok(None);
    }
    section.finish(&mut reader.config.not_carried);
    Ok(Some((link, subnets)))
}

/// Lists what subnets of one network say differently and their link has once.
fn note_differences(link: &Link, subnets: &[Unnumbered], reader: &mut Reader) {
    let said = |known: &Unnumbered| {
        let rapid = known
            .subnet
            .settings
            .rapid_commit
            .or(link.settings.rapid_commit);
        let modes = known.subnet.modes;
        [
            (rapid, "rapid-commit"),
            (modes.global.or(link.modes.global), "reservations-global"),
            (
                modes.in_subnet.or(link.modes.in_subnet),
                "reservations-in-subnet",
            ),
        ]
    };
    let Some(first) = subnets.first().map(said) else {
        return;
    };
    for known in subnets {
        for ((own, key), (of_first, _)) in said(known).into_iter().zip(first) {
            // What no one writes is false, and what holds for the server for reservations.
            let differs = if key == "rapid-commit" {
                own.unwrap_or(false) != of_first.unwrap_or(false)
            } else {
                own != of_first
            };
            if differs {
                reader.config.not_carried.push(NotCarried {
                    place: known.subnet.place.clone(),
                    key: format!("{}.{key}", known.key),
                    reason: format!(
                        "a shared network is one link, which has the {key} of its first subnet; \
                         make this subnet a link of its own, or say the same"
                    ),
                });
            }
        }
    }
}

/// Kea looks at it before the link-address, leasebook behind.
fn note_interface_id(section: &Section<'_>, reader: &mut Reader) {
    let reason = "leasebook looks at the Interface-ID of relays that set no link-address (RFC 6221), \
                  Kea at that of all: see that link-addresses are those of the client's link";
    section.cannot_carry(
        "interface-id",
        reason.to_owned(),
        &mut reader.config.not_carried,
    );
}

fn read_subnet(
    node: &Node,
    path: String,
    draw: Draw,
    reader: &mut Reader,
) -> Result<Unnumbered, ConfigError> {
    let mut section = Section::new(node, path.clone())?;
    let id = section.number("id", u32::MAX - 1)?.filter(|&id| id != 0);
    let on_link = match section.take("subnet") {
        Some(node) => prefix(node, &section.path_of("subnet"))?,
        None => return Err(wrong(node, &section.path_of("subnet"), "missing")),
    };
    let mut subnet = Subnet {
        place: node.place.clone(),
        id: 0,
        prefix: on_link,
        relays: read_relays(&mut section, &mut reader.config.not_carried)?,
        interface: section.text("interface")?,
        interface_id: section.text("interface-id")?.map(String::into_bytes),
        pools: Vec::new(),
        pd_pools: Vec::new(),
        classes: read_guard(&mut section, reader)?,
        settings: read_settings(&mut section, reader)?,
        modes: read_modes(&mut section, &mut reader.config.not_carried)?,
    };
    let draw = Draw::read(&mut section, draw)?;
    for (node, path) in section.list("pools")? {
        let mut pool = read_pool(node, path.clone(), reader)?;
        let (first, last) = ends(pool.range);
        let is_within = subnet.prefix.contains(&first) && subnet.prefix.contains(&last);
        let overlaps = |other: &Pool| ends(other.range).0 <= last && ends(other.range).1 >= first;
        if !is_within || subnet.pools.iter().any(overlaps) {
            return Err(wrong(node, &path, OUT_OF_PLACE));
        }
        pool.is_lowest_first = draw.addresses_lowest.unwrap_or(false);
        subnet.pools.push(pool);
    }
    for (node, path) in section.list("pd-pools")? {
        let mut pool = read_pd_pool(node, path.clone(), reader)?;
        let is_around = |one: &ipnet::Ipv6Net, other: &ipnet::Ipv6Net| one.contains(other);
        let overlaps = |other: &PdPool| {
            is_around(&other.prefix, &pool.prefix) || is_around(&pool.prefix, &other.prefix)
        };
        if subnet.pd_pools.iter().any(overlaps) {
            return Err(wrong(node, &path, OUT_OF_PLACE));
        }
        pool.is_lowest_first = draw.prefixes_lowest.unwrap_or(false);
        subnet.pd_pools.push(pool);
    }
    read_required(&mut section, Level::Subnet, reader)?;
    note_interface_id(&section, reader);
    take_extended_info(&mut section, reader)?;
    let first = reader.config.reservations.len();
    read_reservations(&mut section, id, reader)?;
    section.finish(&mut reader.config.not_carried);
    Ok(Unnumbered {
        subnet,
        id,
        key: path,
        reservations: first..reader.config.reservations.len(),
    })
}

/// `store-extended-info` of a part: its leases have relays though those of the rest do not.
fn take_extended_info(section: &mut Section<'_>, reader: &mut Reader) -> Result<(), ConfigError> {
    if section.flag("store-extended-info")? == Some(true) {
        reader.config.store_extended_info = true;
    }
    Ok(())
}

/// The first and the last address of a range.
fn ends(range: Range6) -> (std::net::Ipv6Addr, std::net::Ipv6Addr) {
    match range {
        Range6::Prefix(net) => (net.network(), net.broadcast()),
        Range6::Range(first, last) => (first, last),
    }
}

fn read_pool(node: &Node, path: String, reader: &mut Reader) -> Result<Pool, ConfigError> {
    let mut section = Section::new(node, path)?;
    let Some(range) = section.take("pool") else {
        return Err(wrong(node, &section.path_of("pool"), "missing"));
    };
    let text = string(range, &section.path_of("pool"))?;
    let found = match text.split_once('-') {
        None => parse_prefix(text).map(Range6::Prefix),
        Some((first, last)) => parse_ipv6(first.trim().as_bytes())
            .zip(parse_ipv6(last.trim().as_bytes()))
            .filter(|(first, last)| first <= last)
            .map(|(first, last)| Range6::Range(first, last)),
    };
    let found = found.ok_or_else(|| {
        let value = excerpt(text.as_bytes());
        let what = format!("`{value}` is neither a prefix nor FIRST - LAST");
        wrong(range, &section.path_of("pool"), &what)
    })?;
    let pool = Pool {
        range: found,
        classes: read_guard(&mut section, reader)?,
        is_lowest_first: false,
        settings: read_settings(&mut section, reader)?,
    };
    read_required(&mut section, Level::Pool, reader)?;
    section.finish(&mut reader.config.not_carried);
    Ok(pool)
}

fn read_pd_pool(node: &Node, path: String, reader: &mut Reader) -> Result<PdPool, ConfigError> {
    let mut section = Section::new(node, path)?;
    let prefix = read_split_prefix(&mut section, "prefix", "prefix-len")?
        .ok_or_else(|| wrong(node, &section.path_of("prefix"), "missing"))?;
    let delegated_length = section
        .number("delegated-len", 128)?
        .and_then(|len| u8::try_from(len).ok())
        .filter(|&len| len >= prefix.prefix_len() && len > 0)
        .ok_or_else(|| {
            let what = format!(
                "expected a length from {} to 128",
                prefix.prefix_len().max(1)
            );
            wrong(node, &section.path_of("delegated-len"), &what)
        })?;
    let mut excluded = read_split_prefix(&mut section, "excluded-prefix", "excluded-prefix-len")?
        .filter(|excluded| excluded.prefix_len() > 0);
    if excluded.is_some_and(|excluded| excluded.prefix_len() <= delegated_length) {
        let reason = "its length is not above delegated-len; write another pd-exclude".to_owned();
        section.cannot_carry("excluded-prefix", reason, &mut reader.config.not_carried);
        excluded = None;
    }
    let pool = PdPool {
        prefix,
        delegated_length,
        excluded,
        classes: read_guard(&mut section, reader)?,
        is_lowest_first: false,
        settings: read_settings(&mut section, reader)?,
    };
    read_required(&mut section, Level::Pool, reader)?;
    section.finish(&mut reader.config.not_carried);
    Ok(pool)
}

/// A prefix whose length stands under a key of its own.
fn read_split_prefix(
    section: &mut Section<'_>,
    address: &str,
    length: &str,
) -> Result<Option<ipnet::Ipv6Net>, ConfigError> {
    let len = section.number(length, 128)?.unwrap_or(0);
    let Some(node) = section.take(address) else {
        return Ok(None);
    };
    let address = super::section::address(node, &section.path_of(address))?;
    let len = u8::try_from(len).unwrap_or(128);
    Ok(ipnet::Ipv6Net::new(address, len)
        .ok()
        .map(|net| net.trunc()))
}

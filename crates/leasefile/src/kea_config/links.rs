//! Subnets and shared networks.

use std::collections::BTreeSet;

use crate::kea_config::error::ConfigError;
use crate::kea_config::json::Node;
use crate::kea_config::model::{KeaConfig, Link, NotCarried, PdPool, Pool, Subnet};
use crate::kea_config::read::{read_lifetimes, read_relays, read_reservations};
use crate::kea_config::section::{Section, parse_prefix, prefix, string, wrong};
use crate::text::{excerpt, parse_ipv6};

/// A subnet before it is known to have a number.
struct Unnumbered {
    subnet: Subnet,
    id: Option<u32>,
    key: String,
}

/// Reads all links into `config`.
pub(super) fn read_links(
    dhcp6: &mut Section<'_>,
    config: &mut KeaConfig,
) -> Result<(), ConfigError> {
    let mut links: Vec<(Link, Vec<Unnumbered>)> = Vec::new();
    for (node, path) in dhcp6.list("shared-networks")? {
        links.extend(read_network(node, path, config)?);
    }
    for (node, path) in dhcp6.list("subnet6")? {
        let subnet = read_subnet(node, path, config)?;
        let link = Link {
            place: node.place.clone(),
            name: None,
            subnets: Vec::new(),
            relays: Vec::new(),
            interface_id: None,
        };
        links.push((link, vec![subnet]));
    }
    number(&mut links, config);
    for (mut link, subnets) in links {
        link.subnets = subnets.into_iter().map(|known| known.subnet).collect();
        config.links.push(link);
    }
    Ok(())
}

/// Gives every subnet a number.
///
/// Kea before 3.0 numbers subnets that have none in the order of its reading, shared
/// networks first, from 1 on, passing numbers in use. What it came to is checked by nobody
/// but the operator, so each is listed.
fn number(links: &mut [(Link, Vec<Unnumbered>)], config: &mut KeaConfig) {
    let mut used: BTreeSet<u32> = links
        .iter()
        .flat_map(|(_, subnets)| subnets.iter().filter_map(|subnet| subnet.id))
        .collect();
    let mut next = 1;
    for known in links.iter_mut().flat_map(|(_, subnets)| subnets) {
        known.subnet.id = known.id.unwrap_or_else(|| {
            while used.contains(&next) {
                next += 1;
            }
            used.insert(next);
            config.not_carried.push(NotCarried {
                place: known.subnet.place.clone(),
                key: format!("{}.id", known.key),
                reason: format!(
                    "no id is given; {next} is assumed, as Kea before 3.0 would number it: compare it with subnet_id in the lease file"
                ),
            });
            next
        });
    }
}

fn read_network(
    node: &Node,
    path: String,
    config: &mut KeaConfig,
) -> Result<Option<(Link, Vec<Unnumbered>)>, ConfigError> {
    let mut section = Section::new(node, path)?;
    let mut link = Link {
        place: node.place.clone(),
        name: section.text("name")?,
        subnets: Vec::new(),
        relays: read_relays(&mut section, &mut config.not_carried)?,
        interface_id: section.text("interface-id")?.map(String::into_bytes),
    };
    read_lifetimes(&mut section, &mut config.not_carried)?;
    take_extended_info(&mut section, config)?;
    let mut subnets = Vec::new();
    for (node, path) in section.list("subnet6")? {
        subnets.push(read_subnet(node, path, config)?);
    }
    // Kea lets subnets without relays of their own have the network's.
    let own = subnets.iter().flat_map(|known| &known.subnet.relays);
    let own: BTreeSet<_> = own.copied().collect();
    link.relays.retain(|relay| !own.contains(relay));
    if subnets.is_empty() {
        config.not_carried.push(NotCarried {
            place: node.place.clone(),
            key: section.path_of("subnet6"),
            reason: "a shared network without subnets is no link".to_owned(),
        });
        return Ok(None);
    }
    section.finish(&mut config.not_carried);
    Ok(Some((link, subnets)))
}

fn read_subnet(
    node: &Node,
    path: String,
    config: &mut KeaConfig,
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
        relays: read_relays(&mut section, &mut config.not_carried)?,
        interface: section.text("interface")?,
        interface_id: section.text("interface-id")?.map(String::into_bytes),
        pools: Vec::new(),
        pd_pools: Vec::new(),
        lifetimes: read_lifetimes(&mut section, &mut config.not_carried)?,
    };
    if subnet.interface.is_some() {
        let reason = super::reasons::reason("interface").to_owned();
        section.cannot_carry("interface", reason, &mut config.not_carried);
    }
    for (node, path) in section.list("pools")? {
        subnet
            .pools
            .push(read_pool(node, path, &mut config.not_carried)?);
    }
    for (node, path) in section.list("pd-pools")? {
        let pool = read_pd_pool(node, path, &mut config.not_carried)?;
        subnet.pd_pools.push(pool);
    }
    take_extended_info(&mut section, config)?;
    read_reservations(&mut section, id, config)?;
    section.finish(&mut config.not_carried);
    Ok(Unnumbered {
        subnet,
        id,
        key: path,
    })
}

/// `store-extended-info` of a part: its leases have relays though those of the rest do not.
fn take_extended_info(
    section: &mut Section<'_>,
    config: &mut KeaConfig,
) -> Result<(), ConfigError> {
    if section.flag("store-extended-info")? == Some(true) {
        config.store_extended_info = true;
    }
    Ok(())
}

fn read_pool(
    node: &Node,
    path: String,
    not_carried: &mut Vec<NotCarried>,
) -> Result<Pool, ConfigError> {
    let mut section = Section::new(node, path)?;
    let Some(range) = section.take("pool") else {
        return Err(wrong(node, &section.path_of("pool"), "missing"));
    };
    let text = string(range, &section.path_of("pool"))?;
    let pool = match text.split_once('-') {
        None => parse_prefix(text).map(Pool::Prefix),
        Some((first, last)) => parse_ipv6(first.trim().as_bytes())
            .zip(parse_ipv6(last.trim().as_bytes()))
            .filter(|(first, last)| first <= last)
            .map(|(first, last)| Pool::Range(first, last)),
    };
    let pool = pool.ok_or_else(|| {
        let value = excerpt(text.as_bytes());
        let what = format!("`{value}` is neither a prefix nor FIRST - LAST");
        wrong(range, &section.path_of("pool"), &what)
    })?;
    section.finish(not_carried);
    Ok(pool)
}

fn read_pd_pool(
    node: &Node,
    path: String,
    not_carried: &mut Vec<NotCarried>,
) -> Result<PdPool, ConfigError> {
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
    let excluded = read_split_prefix(&mut section, "excluded-prefix", "excluded-prefix-len")?
        .filter(|excluded| excluded.prefix_len() > 0);
    if excluded.is_some() {
        let reason = "prefix exclusion (RFC 6603) has no setting".to_owned();
        section.cannot_carry("excluded-prefix", reason, not_carried);
    }
    section.finish(not_carried);
    Ok(PdPool {
        prefix,
        delegated_length,
        excluded,
    })
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

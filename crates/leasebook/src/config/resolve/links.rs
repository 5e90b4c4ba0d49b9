//! The links: each with an id and a name of its own, and pools that fit.

use std::collections::HashMap;
use std::net::Ipv6Addr;
use std::ops::Range;

use ipnet::Ipv6Net;
use toml::Spanned;

use super::super::error::Findings;
use super::super::file::LinkFile;
use super::super::runtime::{AddressPool, LinkConfig, PrefixPool};

/// The most characters of a link's name.
const MAX_NAME_CHARACTERS: usize = 64;

/// What must not be told of two links, with the line where it was told first.
#[derive(Default)]
struct Taken {
    /// Link ids.
    ids: HashMap<u32, usize>,
    /// Link names.
    names: HashMap<String, usize>,
    /// Kea subnet ids.
    subnets: HashMap<u32, usize>,
    /// Interface-IDs.
    interfaces: HashMap<Vec<u8>, usize>,
}

/// The links; those without an id or a name are reported and left out.
pub(super) fn links(written: &[Spanned<LinkFile>], findings: &mut Findings<'_>) -> Vec<LinkConfig> {
    let mut taken = Taken::default();
    written
        .iter()
        .filter_map(|entry| link(entry, &mut taken, findings))
        .collect()
}

/// One link.
fn link(
    entry: &Spanned<LinkFile>,
    taken: &mut Taken,
    findings: &mut Findings<'_>,
) -> Option<LinkConfig> {
    let file = entry.get_ref();
    let (Some(id), Some(name)) = (&file.id, &file.name) else {
        let missing = if file.id.is_none() { "id" } else { "name" };
        findings.wrong(
            entry.span(),
            format!("this [[link]] has no {missing}; every link needs an id and a name"),
        );
        return None;
    };
    let number = id.get_ref().0;
    once(&mut taken.ids, number, id.span(), findings, |first| {
        format!("link id {number} is taken in line {first}; give each link its own")
    });
    link_name(name, &mut taken.names, findings);
    let link = LinkConfig {
        id: number,
        name: name.get_ref().clone(),
        kea_subnet_ids: subnet_ids(file, id, &mut taken.subnets, findings),
        on_link: on_link(file, findings),
        relay_addresses: relay_addresses(file, findings),
        interface_ids: interface_ids(file, &mut taken.interfaces, findings),
        pools: pools(file, findings),
        prefix_pools: prefix_pools(file, findings),
    };
    if link.on_link.is_empty() && link.relay_addresses.is_empty() && link.interface_ids.is_empty() {
        findings.wrong(
            entry.span(),
            format!(
                "nothing leads to link `{}`; give it on-link prefixes or relay-addresses",
                link.name
            ),
        );
    }
    Some(link)
}

/// Notes where `value` was told first, or reports that it was told before.
fn once<T: std::hash::Hash + Eq>(
    taken: &mut HashMap<T, usize>,
    value: T,
    span: Range<usize>,
    findings: &mut Findings<'_>,
    say: impl FnOnce(usize) -> String,
) {
    let line = findings.line_of(span.clone());
    match taken.get(&value) {
        Some(first) => findings.wrong(span, say(*first)),
        None => {
            taken.insert(value, line);
        }
    }
}

/// Judges a link's name.
fn link_name(
    name: &Spanned<String>,
    names: &mut HashMap<String, usize>,
    findings: &mut Findings<'_>,
) {
    let text = name.get_ref();
    let characters = text.chars().count();
    if characters == 0 || characters > MAX_NAME_CHARACTERS {
        findings.wrong(
            name.span(),
            format!("a name of {characters} characters; 1 to {MAX_NAME_CHARACTERS} are needed"),
        );
    }
    if text.chars().any(char::is_control) {
        findings.wrong(
            name.span(),
            "the name has control characters; use printable ones",
        );
    }
    once(names, text.clone(), name.span(), findings, |first| {
        format!("the name `{text}` is taken in line {first}; give each link its own")
    });
}

/// The Kea subnets of a link; without any written, the one with the link's own id.
fn subnet_ids(
    file: &LinkFile,
    id: &Spanned<super::super::values::Number<1, 0xffff_fffe>>,
    taken: &mut HashMap<u32, usize>,
    findings: &mut Findings<'_>,
) -> Vec<u32> {
    let written: Vec<(u32, Range<usize>)> = match &file.kea_subnet_ids {
        Some(list) => list
            .iter()
            .map(|subnet| (subnet.get_ref().0, subnet.span()))
            .collect(),
        None => vec![(id.get_ref().0, id.span())],
    };
    for (subnet, span) in &written {
        once(taken, *subnet, span.clone(), findings, |first| {
            format!(
                "Kea subnet {subnet} belongs to the link in line {first} already; \
                 set kea-subnet-ids so that each subnet is on one link"
            )
        });
    }
    written.into_iter().map(|(subnet, _)| subnet).collect()
}

/// The on-link prefixes of a link.
fn on_link(file: &LinkFile, findings: &mut Findings<'_>) -> Vec<Ipv6Net> {
    let mut nets: Vec<Ipv6Net> = Vec::new();
    for written in file.on_link.iter().flatten() {
        let net = written.get_ref().0;
        if starts_in(net, LINK_LOCAL) || starts_in(net, MULTICAST) {
            findings.wrong(
                written.span(),
                format!(
                    "{net} is link-local or multicast and on every link; \
                     list a relay's link-local address in relay-addresses"
                ),
            );
        }
        if nets.contains(&net) {
            findings.wrong(
                written.span(),
                format!("{net} is listed twice; list it once"),
            );
        }
        nets.push(net);
    }
    nets
}

/// The relay addresses of a link.
fn relay_addresses(file: &LinkFile, findings: &mut Findings<'_>) -> Vec<Ipv6Addr> {
    let mut addresses: Vec<Ipv6Addr> = Vec::new();
    for written in file.relay_addresses.iter().flatten() {
        let address = written.get_ref().0;
        if address.is_unspecified() || address.is_multicast() {
            findings.wrong(
                written.span(),
                format!("{address} stands for no relay; write a unicast address"),
            );
        }
        if addresses.contains(&address) {
            findings.wrong(
                written.span(),
                format!("{address} is listed twice; list it once"),
            );
        }
        addresses.push(address);
    }
    addresses
}

/// The Interface-IDs of a link.
fn interface_ids(
    file: &LinkFile,
    taken: &mut HashMap<Vec<u8>, usize>,
    findings: &mut Findings<'_>,
) -> Vec<Vec<u8>> {
    let mut ids = Vec::new();
    for written in file.interface_ids.iter().flatten() {
        let octets = &written.get_ref().0.0;
        once(taken, octets.clone(), written.span(), findings, |first| {
            format!("this Interface-ID stands in line {first} already; it can mean one link only")
        });
        ids.push(octets.clone());
    }
    ids
}

/// The address pools of a link: apart from each other, and on the link.
fn pools(file: &LinkFile, findings: &mut Findings<'_>) -> Vec<AddressPool> {
    let mut pools: Vec<AddressPool> = Vec::new();
    for entry in &file.pool {
        let Some(written) = &entry.get_ref().addresses else {
            findings.wrong(
                entry.span(),
                "this [[link.pool]] has no addresses; add addresses = \"PREFIX/LENGTH\"",
            );
            continue;
        };
        let pool = written.get_ref().0;
        let on_link = file.on_link.iter().flatten().any(|net| {
            net.get_ref().0.contains(&pool.first) && net.get_ref().0.contains(&pool.last)
        });
        if !on_link {
            findings.wrong(
                written.span(),
                format!(
                    "the pool {} is within no on-link prefix of its link; add one to on-link",
                    pool.show()
                ),
            );
        }
        if let Some(other) = pools
            .iter()
            .find(|other| pool.first <= other.last && other.first <= pool.last)
        {
            findings.wrong(
                written.span(),
                format!(
                    "the pool {} overlaps {}; an address can be in one pool only",
                    pool.show(),
                    other.show()
                ),
            );
        }
        pools.push(pool);
    }
    pools
}

/// The prefix pools of a link: apart from each other.
fn prefix_pools(file: &LinkFile, findings: &mut Findings<'_>) -> Vec<PrefixPool> {
    let mut pools: Vec<PrefixPool> = Vec::new();
    for entry in &file.prefix_pool {
        let pool = entry.get_ref();
        let (Some(prefix), Some(delegated)) = (&pool.prefix, &pool.delegated_length) else {
            findings.wrong(
                entry.span(),
                "this [[link.prefix-pool]] needs both prefix and delegated-length",
            );
            continue;
        };
        let whole = prefix.get_ref().0;
        // The type's range ends at 128.
        let delegated_length = u8::try_from(delegated.get_ref().0).unwrap_or(128);
        if delegated_length < whole.prefix_len() {
            findings.wrong(
                delegated.span(),
                format!(
                    "a /{delegated_length} cannot be cut out of {whole}; \
                     {} to 128 is needed",
                    whole.prefix_len()
                ),
            );
        }
        if starts_in(whole, LINK_LOCAL) || starts_in(whole, MULTICAST) {
            findings.wrong(
                prefix.span(),
                format!("{whole} cannot be delegated: it is link-local or multicast"),
            );
        }
        if let Some(other) = pools
            .iter()
            .find(|other| other.prefix.contains(&whole) || whole.contains(&other.prefix))
        {
            findings.wrong(
                prefix.span(),
                format!(
                    "{whole} overlaps the prefix pool {}; a prefix can be in one pool only",
                    other.prefix
                ),
            );
        }
        pools.push(PrefixPool {
            prefix: whole,
            delegated_length,
        });
    }
    pools
}

/// Whether a prefix lies in, or is, the block whose first 16 bits under a mask are given.
fn starts_in(net: Ipv6Net, (bits, mask, length): (u16, u16, u8)) -> bool {
    net.prefix_len() >= length && net.network().segments()[0] & mask == bits
}

/// fe80::/10: first bits, mask, length. Source: RFC 4291 §2.5.6.
const LINK_LOCAL: (u16, u16, u8) = (0xfe80, 0xffc0, 10);
/// ff00::/8: first bits, mask, length. Source: RFC 4291 §2.7.
const MULTICAST: (u16, u16, u8) = (0xff00, 0xff00, 8);

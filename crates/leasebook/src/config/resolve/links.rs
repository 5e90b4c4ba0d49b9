//! The links: each with an id and a name of its own, and pools that fit.

use std::collections::HashMap;
use std::net::Ipv6Addr;
use std::ops::Range;

use ipnet::Ipv6Net;
use leasebook_store::LeaseName;
use toml::Spanned;

use super::super::error::Findings;
use super::super::file::LinkFile;
use super::super::runtime::LinkConfig;
use super::super::values::MAX_INTERFACE_OCTETS;
use super::clients::{ClassNames, reservations};
use super::{dhcp, pools};

/// The most characters of a link's or class's name.
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
    interface_ids: HashMap<Vec<u8>, usize>,
    /// Interfaces.
    interfaces: HashMap<String, usize>,
}

/// The links; those without an id or a name are reported and left out.
pub(super) fn links(
    written: &[Spanned<LinkFile>],
    classes: &ClassNames<'_>,
    findings: &mut Findings<'_>,
) -> Vec<LinkConfig> {
    let mut taken = Taken::default();
    written
        .iter()
        .filter_map(|entry| link(entry, &mut taken, classes, findings))
        .collect()
}

/// One link.
fn link(
    entry: &Spanned<LinkFile>,
    taken: &mut Taken,
    classes: &ClassNames<'_>,
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
    unique_name(name, "link", &mut taken.names, findings);
    let link = LinkConfig {
        id: number,
        name: name.get_ref().clone(),
        kea_subnet_ids: subnet_ids(file, id, &mut taken.subnets, findings),
        on_link: on_link(file, findings),
        relay_addresses: relay_addresses(file, findings),
        interface_ids: interface_ids(file, &mut taken.interface_ids, findings),
        interfaces: interfaces(file, &mut taken.interfaces, findings),
        pools: pools::addresses(file, classes, findings),
        prefix_pools: pools::prefixes(file, classes, findings),
        exclusions: exclusions(file),
        reservations: reservations(&file.reservation, "[[link.reservation]]", findings),
        allow: classes.known(file.allow.as_ref(), findings),
        deny: classes.known(file.deny.as_ref(), findings),
        settings: dhcp::settings(file.level(), findings),
    };
    if link.on_link.is_empty()
        && link.relay_addresses.is_empty()
        && link.interface_ids.is_empty()
        && link.interfaces.is_empty()
    {
        findings.wrong(
            entry.span(),
            format!(
                "nothing leads to link `{}`; give it on-link prefixes, relay-addresses, \
                 interface-ids or interfaces",
                link.name
            ),
        );
    }
    Some(link)
}

/// Notes where `value` was told first, or reports that it was told before.
pub(super) fn once<T: std::hash::Hash + Eq>(
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

/// Judges the name of a link or class.
pub(super) fn unique_name(
    name: &Spanned<String>,
    what: &str,
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
        format!("the name `{text}` is taken in line {first}; give each {what} its own")
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

/// The interfaces of a link.
fn interfaces(
    file: &LinkFile,
    taken: &mut HashMap<String, usize>,
    findings: &mut Findings<'_>,
) -> Vec<String> {
    let mut names = Vec::new();
    for written in file.interfaces.iter().flatten() {
        let name = written.get_ref();
        if let Err(what) = judge_interface(name) {
            findings.wrong(written.span(), what);
        }
        once(taken, name.clone(), written.span(), findings, |first| {
            format!(
                "interface `{name}` stands in line {first} already; \
                 who is attached to it is on one link only"
            )
        });
        names.push(name.clone());
    }
    names
}

/// Whether an interface could have this name.
pub(super) fn judge_interface(name: &str) -> Result<(), String> {
    let is_plain = name
        .bytes()
        .all(|octet| octet.is_ascii_graphic() && octet != b'/');
    if name.is_empty() || name.len() > MAX_INTERFACE_OCTETS || !is_plain {
        return Err(format!(
            "`{}` is no name of an interface; `ip link` tells them",
            name.escape_debug()
        ));
    }
    Ok(())
}

/// What no one is given unless it is reserved.
fn exclusions(file: &LinkFile) -> Vec<LeaseName> {
    let mut names: Vec<LeaseName> = Vec::new();
    let written = file.exclusions.iter().flatten();
    for name in written.flat_map(|written| &written.get_ref().0.0) {
        if !names.contains(name) {
            names.push(*name);
        }
    }
    names
}

/// Whether a prefix lies in, or is, the block whose first 16 bits under a mask are given.
pub(super) fn starts_in(net: Ipv6Net, (bits, mask, length): (u16, u16, u8)) -> bool {
    net.prefix_len() >= length && net.network().segments()[0] & mask == bits
}

/// fe80::/10: first bits, mask, length. Source: RFC 4291 §2.5.6.
pub(super) const LINK_LOCAL: (u16, u16, u8) = (0xfe80, 0xffc0, 10);
/// ff00::/8: first bits, mask, length. Source: RFC 4291 §2.7.
pub(super) const MULTICAST: (u16, u16, u8) = (0xff00, 0xff00, 8);

//! Client classes, the lists that name them, and reservations.

use crate::kea_config::error::ConfigError;
use crate::kea_config::expression;
use crate::kea_config::json::Node;
use crate::kea_config::model::{Class, NotCarried, Reservation, Settings};
use crate::kea_config::options::domain_name;
use crate::kea_config::read::{Reader, read_settings};
use crate::kea_config::section::{Section, address, prefix, string};
use crate::kea_config::write::quoted_text;
use crate::text::{MAX_DUID_OCTETS, excerpt, parse_octets, push_colon_hex};

/// Characters a name may have.
pub(super) const MAX_NAME: usize = 64;

/// The class that everyone is in.
const EVERYONE: &str = "ALL";

/// A class's name as leasebook has it.
fn class_name(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}

/// Reads `client-classes` of the server.
pub(super) fn read_classes(
    dhcp6: &mut Section<'_>,
    reader: &mut Reader,
) -> Result<(), ConfigError> {
    for (node, path) in dhcp6.list("client-classes")? {
        let mut section = Section::new(node, path.clone())?;
        let Some(name) = section.text("name")? else {
            continue;
        };
        let mut definitions = reader.definitions.clone();
        definitions.read(&mut section)?;
        std::mem::swap(&mut reader.definitions, &mut definitions);
        let settings = read_settings(&mut section, reader);
        std::mem::swap(&mut reader.definitions, &mut definitions);
        let settings = settings?;
        let above = reader.config.classes.iter();
        let above: Vec<&str> = above.map(|class| class.name.as_str()).collect();
        let mut members = Vec::new();
        if let Some(test) = section.text("test")? {
            match expression::members(&test, &above) {
                Ok(found) => members = found,
                Err(why) => section.cannot_carry(
                    "test",
                    format!("{why}; no one is in the class until you write its members"),
                    &mut reader.config.not_carried,
                ),
            }
        }
        let name = class_name(&name);
        if above_has(&reader.config.classes, &name) {
            reader.refuse(node, &path, "a class of that name stands above".to_owned());
        } else {
            reader.config.classes.push(Class {
                name,
                members,
                settings,
            });
        }
        section.finish(&mut reader.config.not_carried);
    }
    Ok(())
}

fn above_has(classes: &[Class], name: &str) -> bool {
    classes.iter().any(|class| class.name == name)
}

/// The classes that alone may have something; empty is everyone. A class that is not carried is
/// made, without anyone in it, so that nothing is opened by leaving it out.
pub(super) fn read_guard(
    section: &mut Section<'_>,
    reader: &mut Reader,
) -> Result<Vec<String>, ConfigError> {
    let mut found: Vec<(&Node, String, String)> = Vec::new();
    if let Some(node) = section.take("client-class") {
        let path = section.path_of("client-class");
        found.push((node, path.clone(), string(node, &path)?.to_owned()));
    }
    for (node, path) in section.list("client-classes")? {
        let name = string(node, &path)?.to_owned();
        found.push((node, path, name));
    }
    let mut names = Vec::new();
    for (node, path, name) in found {
        let name = class_name(&name);
        if name.is_empty() || name == EVERYONE || names.contains(&name) {
            continue;
        }
        if !above_has(&reader.config.classes, &name) {
            let reason = format!(
                "class `{name}` is not in this file; no one is in it until you write its members"
            );
            reader.refuse(node, &path, reason);
            reader.config.classes.push(Class {
                name: name.clone(),
                members: Vec::new(),
                settings: Settings::default(),
            });
        }
        names.push(name);
    }
    Ok(names)
}

/// The reservations of a subnet, or of the server if `subnet_id` is none.
pub(super) fn read_reservations(
    section: &mut Section<'_>,
    subnet_id: Option<u32>,
    reader: &mut Reader,
) -> Result<(), ConfigError> {
    for (node, path) in section.list("reservations")? {
        let mut host = Section::new(node, path.clone())?;
        let mut reservation = Reservation {
            place: node.place.clone(),
            subnet_id,
            host: None,
            addresses: Vec::new(),
            prefixes: Vec::new(),
            hostname: host.text("hostname")?,
            whom: None,
            settings: Settings::default(),
        };
        for kind in ["duid", "hw-address", "flex-id"] {
            if let Some(identifier) = host.text(kind)? {
                reservation.host = Some((kind, identifier));
            }
        }
        for (node, path) in host.list("ip-addresses")? {
            reservation.addresses.push(address(node, &path)?);
        }
        for (node, path) in host.list("prefixes")? {
            reservation.prefixes.push(prefix(node, &path)?);
        }
        reservation.settings = read_settings(&mut host, reader)?;
        if let Some(name) = &reservation.hostname
            && let Err(why) = domain_name(name)
        {
            let not_carried = &mut reader.config.not_carried;
            host.cannot_carry("hostname", why, not_carried);
            reservation.hostname = None;
        }
        let mut classes = Vec::new();
        for (node, path) in host.list("client-classes")? {
            classes.push(class_name(string(node, &path)?));
        }
        match whom(&reservation) {
            Ok(whom) => {
                for name in &classes {
                    put_into_class(name, &whom, &mut reader.config.classes);
                }
                if whom.starts_with("link-layer") {
                    let reason = "found by what the relay tells (RFC 6939); Kea takes it from \
                                  the DUID too";
                    host.cannot_carry(
                        "hw-address",
                        reason.to_owned(),
                        &mut reader.config.not_carried,
                    );
                }
                reservation.whom = Some(whom);
            }
            Err(reason) => reader.refuse(node, &path, reason),
        }
        host.finish(&mut reader.config.not_carried);
        reader.config.reservations.push(reservation);
    }
    Ok(())
}

/// The host as leasebook.toml's setting.
fn whom(reservation: &Reservation) -> Result<String, String> {
    let Some((kind, identifier)) = &reservation.host else {
        return Err("it names no host that leasebook can tell".to_owned());
    };
    let shown = excerpt(identifier.as_bytes());
    let mut octets = Vec::new();
    let is_hex = parse_octets(identifier.trim().as_bytes(), &mut octets).is_some();
    let (key, least) = match *kind {
        "duid" => ("duid", 3),
        "hw-address" => ("link-layer", 1),
        _ => {
            return Err(format!(
                "{kind} {shown} has no counterpart; reserve by remote-id, interface-id, \
                 subscriber-id or duid"
            ));
        }
    };
    if !is_hex || !(least..=MAX_DUID_OCTETS).contains(&octets.len()) {
        return Err(format!(
            "{kind} {shown} is not hex of {least} octets or more"
        ));
    }
    let mut text = String::new();
    push_colon_hex(&octets, &mut text);
    Ok(format!("{key} = {}", quoted_text(&text)))
}

/// Kea's way to put hosts into classes: the class has one member more.
fn put_into_class(name: &str, whom: &str, classes: &mut Vec<Class>) {
    if name.is_empty() {
        return;
    }
    let member = format!("{{ {whom} }}");
    match classes.iter_mut().find(|class| class.name == name) {
        Some(class) => class.members.push(member),
        None => classes.push(Class {
            name: name.to_owned(),
            members: vec![member],
            settings: Settings::default(),
        }),
    }
}

/// Notes where a class's option comes before a link's in leasebook, and behind it in Kea.
pub(super) fn note_precedence(reader: &mut Reader) {
    let mut on_links = std::collections::BTreeSet::new();
    for link in &reader.config.links {
        let subnets = link.subnets.iter().flat_map(|subnet| {
            let pools = subnet.pools.iter().map(|pool| &pool.settings);
            let pd_pools = subnet.pd_pools.iter().map(|pool| &pool.settings);
            pools.chain(pd_pools).chain([&subnet.settings])
        });
        for settings in subnets.chain([&link.settings]) {
            let options = settings.options.iter();
            on_links.extend(options.map(|option| (option.enterprise, option.code)));
        }
    }
    for class in &reader.config.classes {
        for option in &class.settings.options {
            if on_links.contains(&(option.enterprise, option.code)) {
                reader.config.not_carried.push(NotCarried {
                    place: option.place.clone(),
                    key: format!("client-classes: {}: option {}", class.name, option.code),
                    reason: "a link or pool has this option too: leasebook sends the class's, \
                             Kea the link's"
                        .to_owned(),
                });
            }
        }
    }
}

//! Host reservations, and which of them Kea looks at.

use std::collections::HashMap;

use crate::kea_config::classes::{class_name, put_into_class};
use crate::kea_config::error::ConfigError;
use crate::kea_config::hooks::FlexId;
use crate::kea_config::model::{Link, Modes, NotCarried, Reservation, Settings};
use crate::kea_config::option_value::{domain_name, octets};
use crate::kea_config::read::{Reader, read_settings};
use crate::kea_config::section::{Section, address, prefix, string};
use crate::kea_config::write::quoted_text;
use crate::text::{MAX_DUID_OCTETS, excerpt, parse_octets, push_colon_hex};

/// Kinds of identifiers that Kea looks for unless it is told which.
const DEFAULT_KINDS: [&str; 2] = ["hw-address", "duid"];

/// How reservations are found on the whole server.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts {
    /// The kinds of identifiers looked for.
    kinds: Vec<String>,
    /// What holds for subnets that do not say.
    modes: Modes,
    /// Whether global reservations give their classes before a subnet is chosen.
    is_early: bool,
}

/// Reads what the server has about finding reservations.
pub(super) fn read_hosts(
    dhcp6: &mut Section<'_>,
    not_carried: &mut Vec<NotCarried>,
) -> Result<Hosts, ConfigError> {
    let mut kinds = Vec::new();
    for (node, path) in dhcp6.list("host-reservation-identifiers")? {
        kinds.push(string(node, &path)?.to_owned());
    }
    if kinds.is_empty() {
        kinds = DEFAULT_KINDS.map(str::to_owned).to_vec();
    }
    Ok(Hosts {
        kinds,
        modes: read_modes(dhcp6, not_carried)?,
        is_early: dhcp6
            .flag("early-global-reservations-lookup")?
            .unwrap_or(false),
    })
}

/// Which reservations Kea looks at on a level, also in the words of before 1.9.1.
pub(super) fn read_modes(
    section: &mut Section<'_>,
    not_carried: &mut Vec<NotCarried>,
) -> Result<Modes, ConfigError> {
    let before = section.text("reservation-mode")?;
    let (global, in_subnet) = match before.as_deref() {
        None => (None, None),
        Some("all" | "out-of-pool") => (Some(false), Some(true)),
        Some("global") => (Some(true), Some(false)),
        Some("disabled" | "off") => (Some(false), Some(false)),
        Some(other) => {
            let reason = format!("`{}` is no mode of Kea's", excerpt(other.as_bytes()));
            section.cannot_carry("reservation-mode", reason, not_carried);
            (None, None)
        }
    };
    // leasebook gives a reserved lease to nobody else, in a pool or out of it.
    section.flag("reservations-out-of-pool")?;
    Ok(Modes {
        global: section.flag("reservations-global")?.or(global),
        in_subnet: section.flag("reservations-in-subnet")?.or(in_subnet),
    })
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
            classes: Vec::new(),
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
            let reason = format!("{why}; write another name");
            host.cannot_carry("hostname", reason, &mut reader.config.not_carried);
            reservation.hostname = None;
        }
        for (node, path) in host.list("client-classes")? {
            reservation.classes.push(class_name(string(node, &path)?));
        }
        match whom(&reservation, reader) {
            Ok(whom) => {
                if whom.starts_with("link-layer") {
                    let reason = "found by what the relay tells (RFC 6939); where no relay does, \
                                  Kea takes it from the DUID: write duid instead";
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
fn whom(reservation: &Reservation, reader: &Reader) -> Result<String, String> {
    let Some((kind, identifier)) = &reservation.host else {
        return Err(
            "it names no host; write a reservation with duid or another identifier".to_owned(),
        );
    };
    let shown = excerpt(identifier.as_bytes());
    if !reader.hosts.kinds.iter().any(|known| known == kind) {
        return Err(format!(
            "Kea does not look for {kind} (host-reservation-identifiers), so that nobody has it; \
             nothing is to be done"
        ));
    }
    if *kind == "flex-id" {
        let octets = octets(identifier)?;
        return match &reader.flex_id {
            FlexId::Known(expression) => {
                let (key, value) = expression.setting(&octets)?;
                match key {
                    "duid" | "remote-id" | "interface-id" | "subscriber-id" | "link-layer" => {
                        Ok(format!("{key} = {value}"))
                    }
                    _ => Err(format!(
                        "nothing is reserved by {key}; reserve by duid, remote-id, interface-id, \
                         subscriber-id or link-layer"
                    )),
                }
            }
            FlexId::Unknown(why) => Err(format!(
                "flex-id {shown}: {why}; reserve by remote-id, interface-id, subscriber-id or duid"
            )),
            FlexId::None => Err(
                "the hook flex_id is not loaded, so that nobody has it; nothing is \
                                 to be done"
                    .to_owned(),
            ),
        };
    }
    let mut octets = Vec::new();
    let is_hex = parse_octets(identifier.trim().as_bytes(), &mut octets).is_some();
    let (key, least) = match *kind {
        "duid" => ("duid", 3),
        _ => ("link-layer", 1),
    };
    if !is_hex || !(least..=MAX_DUID_OCTETS).contains(&octets.len()) {
        return Err(format!(
            "{kind} {shown} is not hex of {least} octets or more; write it anew"
        ));
    }
    let mut text = String::new();
    push_colon_hex(&octets, &mut text);
    Ok(format!("{key} = {}", quoted_text(&text)))
}

/// Finds out which reservations Kea looks at, and gives those to their links; their classes get
/// them as members.
pub(super) fn settle_reservations(reader: &mut Reader) {
    let outer = reader.hosts.modes;
    let modes: Vec<(bool, bool)> = reader
        .config
        .links
        .iter()
        .map(|link| of_link(link, outer))
        .collect();
    let is_everywhere = !modes.is_empty() && modes.iter().all(|(global, _)| *global);
    let links_of = links_of_subnets(&reader.config.links);
    let mut settled = Vec::new();
    for reservation in std::mem::take(&mut reader.config.reservations) {
        let subnet = reservation.subnet_id;
        let link = subnet.and_then(|subnet| links_of.get(&subnet).copied());
        let (is_looked_at, links) = if let Some(at) = link {
            let mode = modes.get(at);
            (mode.is_some_and(|(_, in_subnet)| *in_subnet), vec![at])
        } else {
            let with = modes.iter().enumerate().filter(|(_, (global, _))| *global);
            let with: Vec<usize> = with.map(|(at, _)| at).collect();
            let is_somewhere = !with.is_empty();
            (is_somewhere, if is_everywhere { Vec::new() } else { with })
        };
        let gives_classes = is_looked_at || (link.is_none() && reader.hosts.is_early);
        if gives_classes {
            let is_early = link.is_none() && reader.hosts.is_early;
            enter(&reservation, if is_early { &[] } else { &links }, reader);
        }
        if !is_looked_at {
            note_unused(&reservation, link.is_none(), reader);
            continue;
        }
        if link.is_some() || links.is_empty() {
            settled.push(reservation);
            continue;
        }
        for at in links {
            let subnet = reader
                .config
                .links
                .get(at)
                .and_then(|link| link.subnets.first());
            settled.push(Reservation {
                subnet_id: subnet.map(|subnet| subnet.id),
                ..reservation.clone()
            });
        }
    }
    reader.config.reservations = settled;
}

/// Which link, by its place, has the subnet of an id.
fn links_of_subnets(links: &[Link]) -> HashMap<u32, usize> {
    let links = links.iter().enumerate();
    let subnets = links.flat_map(|(at, link)| link.subnets.iter().map(move |one| (one.id, at)));
    subnets.collect()
}

/// Whether on a link global reservations are looked at, and its own.
fn of_link(link: &Link, outer: Modes) -> (bool, bool) {
    let mut all = link.subnets.iter().map(|subnet| {
        let of = |own: Option<bool>, network: Option<bool>, server: Option<bool>, default| {
            own.or(network).or(server).unwrap_or(default)
        };
        (
            of(subnet.modes.global, link.modes.global, outer.global, false),
            of(
                subnet.modes.in_subnet,
                link.modes.in_subnet,
                outer.in_subnet,
                true,
            ),
        )
    });
    // Subnets of one network that differ are listed where they are read.
    all.next().unwrap_or((false, true))
}

fn note_unused(reservation: &Reservation, is_global: bool, reader: &mut Reader) {
    let (key, what) = if is_global {
        ("reservations", "reservations-global is true nowhere")
    } else {
        (
            "subnet6: reservations",
            "reservations-in-subnet is false there",
        )
    };
    reader.config.not_carried.push(NotCarried {
        place: reservation.place.clone(),
        key: key.to_owned(),
        reason: format!(
            "Kea does not look at it, since {what}; write it as a reservation if it is to hold"
        ),
    });
}

/// Kea's way to put hosts into classes: each has one member more, on these links or on all.
fn enter(reservation: &Reservation, links: &[usize], reader: &mut Reader) {
    let Some(whom) = &reservation.whom else {
        return;
    };
    let names = links.iter().filter_map(|at| reader.config.links.get(*at));
    let mut members: Vec<String> = names
        .map(|link| format!("{{ {whom}, link = {} }}", quoted_text(&link.name)))
        .collect();
    if members.is_empty() {
        members.push(format!("{{ {whom} }}"));
    }
    for class in &reservation.classes {
        for member in &members {
            put_into_class(class, member.clone(), &mut reader.config.classes);
        }
    }
}

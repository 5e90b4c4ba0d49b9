//! `hooks-libraries`: those that leasebook does the work of.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::kea_config::error::ConfigError;
use crate::kea_config::expression::Identifier;
use crate::kea_config::json::Node;
use crate::kea_config::model::{
    KeaConfig, LeaseQuery, MAX_CONNECTIONS, MAX_IDLE_SECS, MAX_QUERIES, NotCarried,
};
use crate::kea_config::section::{Section, address, string, wrong};
use crate::text::{excerpt, parse_u8};

/// What the hook `flex_id` takes for a client's identifier.
#[derive(Clone, Debug, Default)]
pub(super) enum FlexId {
    /// The hook is not loaded: Kea finds nothing by it.
    #[default]
    None,
    /// What leasebook can compare, too.
    Known(Identifier),
    /// An expression that leasebook does not have, and why.
    Unknown(String),
}

/// What stands in for other hooks, by a part of their names.
const INSTEAD: &[(&str, &str)] = &[
    (
        "_ha.",
        "leasebook has no partner that takes over; see docs/relay.md for what a relay keeps",
    ),
    (
        "lease_cmds",
        "`leasebook leases` and `leasebook query` show leases",
    ),
    ("stat_cmds", "`leasebook leases stats` and [metrics] count"),
    ("host_cmds", "change reservations in the file, and reload"),
    (
        "host_cache",
        "reservations stand in the file and are in memory; nothing is to be done",
    ),
    ("subnet_cmds", "change links in the file, and reload"),
    ("class_cmds", "change classes in the file, and reload"),
    ("cb_cmds", "change the file, and reload"),
    (
        "mysql",
        "leases are in a book of leasebook's own, reservations in the file: write them there",
    ),
    (
        "pgsql",
        "leases are in a book of leasebook's own, reservations in the file: write them there",
    ),
    (
        "legal_log",
        "level debug of [log] tells every message with its client and its leases",
    ),
    ("run_script", "nothing is run; follow [log] in JSON instead"),
    ("flex_option", "write what it adds as options of classes"),
    (
        "limits",
        "dhcp.rate-per-client and dhcp.rate-per-relay limit messages",
    ),
    (
        "ddns_tuning",
        "leasebook does not update the DNS; have it done from [log] in JSON",
    ),
    (
        "radius",
        "leasebook asks no RADIUS server; write its reservations into the file",
    ),
    (
        "ping_check",
        "clients find out by DAD and DECLINE; nothing is to be done",
    ),
];

/// Reads the hooks; what a `flex-id` is follows from them.
pub(super) fn read_hooks(
    dhcp6: &mut Section<'_>,
    config: &mut KeaConfig,
) -> Result<FlexId, ConfigError> {
    let mut flex_id = FlexId::None;
    for (node, path) in dhcp6.list("hooks-libraries")? {
        let mut hook = Section::new(node, path)?;
        let library = hook.string("library")?.unwrap_or_default();
        let name = library.rsplit('/').next().unwrap_or_default();
        if name.contains("lease_query") {
            if let Some(parameters) = hook.section("parameters")? {
                config.leasequery = Some(read_leasequery(parameters, &mut config.not_carried)?);
            }
            hook.finish(&mut config.not_carried);
        } else if name.contains("flex_id") {
            if let Some(parameters) = hook.section("parameters")? {
                flex_id = read_flex_id(parameters, &mut config.not_carried)?;
            }
            hook.finish(&mut config.not_carried);
        } else {
            let instead = INSTEAD.iter().find(|(part, _)| name.contains(part));
            let instead = instead.map_or("see what it does for you", |(_, instead)| instead);
            let reason = format!("leasebook has no hook like {name}: {instead}");
            hook.cannot_carry("library", reason, &mut config.not_carried);
        }
    }
    Ok(flex_id)
}

/// The hook by which hosts are told by an expression.
fn read_flex_id(
    mut parameters: Section<'_>,
    not_carried: &mut Vec<NotCarried>,
) -> Result<FlexId, ConfigError> {
    let expression = parameters.text("identifier-expression")?;
    for (key, reason) in [
        (
            "replace-client-id",
            "leases stay their DUID's: a device put in another's place gets what is reserved, and \
             other leases beside; see that leases end soon enough",
        ),
        (
            "ignore-iaid",
            "IAs are told apart by their IAID; a client that changes it gets another lease",
        ),
    ] {
        if parameters.flag(key)? == Some(true) {
            parameters.cannot_carry(key, reason.to_owned(), not_carried);
        }
    }
    let found = match expression.as_deref().map(Identifier::read) {
        None => FlexId::None,
        Some(Ok(identifier)) => FlexId::Known(identifier),
        Some(Err(why)) => {
            let reason = format!(
                "{why}; write reservations by remote-id, interface-id, subscriber-id or duid"
            );
            parameters.cannot_carry("identifier-expression", reason, not_carried);
            FlexId::Unknown(why)
        }
    };
    parameters.finish(not_carried);
    Ok(found)
}

fn read_leasequery(
    mut parameters: Section<'_>,
    not_carried: &mut Vec<NotCarried>,
) -> Result<LeaseQuery, ConfigError> {
    let mut leasequery = LeaseQuery::default();
    for (node, path) in parameters.list("requesters")? {
        leasequery.requesters.push(read_requester(node, &path)?);
    }
    if let Some(mut advanced) = parameters.section("advanced")? {
        leasequery.bulk = advanced.flag("bulk-query-enabled")?.unwrap_or(false);
        if advanced.flag("active-query-enabled")? == Some(true) {
            let reason = super::keywords::reason("active-query-enabled").to_owned();
            advanced.cannot_carry("active-query-enabled", reason, not_carried);
        }
        if let Some(node) = advanced.take("lease-query-ip") {
            leasequery.address = Some(address(node, &advanced.path_of("lease-query-ip"))?);
        }
        let port = advanced.number("lease-query-tcp-port", 0xffff)?;
        leasequery.port = port.and_then(|port| u16::try_from(port).ok());
        let mut limit = |key: &str, most: u32| {
            let limit = advanced.number(key, u32::MAX)?;
            if limit > Some(most) {
                let reason = format!("{most} is the most leasebook takes; its default holds");
                advanced.cannot_carry(key, reason, not_carried);
            }
            Ok::<_, ConfigError>(limit)
        };
        leasequery.max_connections = limit("max-requester-connections", MAX_CONNECTIONS)?;
        leasequery.max_queries = limit("max-concurrent-queries", MAX_QUERIES)?;
        leasequery.idle_secs = limit("max-requester-idle-time", MAX_IDLE_SECS)?;
        advanced.finish(not_carried);
    }
    parameters.finish(not_carried);
    Ok(leasequery)
}

/// An address or a prefix of either family.
fn read_requester(node: &Node, path: &str) -> Result<IpNet, ConfigError> {
    let text = string(node, path)?.trim();
    let (address, len) = match text.split_once('/') {
        Some((address, len)) => (address, Some(len)),
        None => (text, None),
    };
    address
        .trim()
        .parse::<IpAddr>()
        .ok()
        .and_then(|address| match len {
            None => Some(IpNet::from(address)),
            Some(len) => IpNet::new(address, parse_u8(len.trim().as_bytes())?).ok(),
        })
        .map(|net| net.trunc())
        .ok_or_else(|| {
            let value = excerpt(text.as_bytes());
            wrong(node, path, &format!("`{value}` is no address or prefix"))
        })
}

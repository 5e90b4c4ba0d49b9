//! From the tree to [`KeaConfig`].

use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;

use ipnet::IpNet;

use crate::kea_config::clients::{note_precedence, read_classes, read_reservations};
use crate::kea_config::error::ConfigError;
use crate::kea_config::json::Node;
use crate::kea_config::links::read_links;
use crate::kea_config::model::{
    KeaConfig, KeaOption, LeaseDatabase, LeaseQuery, Lifetimes, MAX_CONNECTIONS, MAX_IDLE_SECS,
    MAX_QUERIES, NotCarried, OptionValue, Settings,
};
use crate::kea_config::options::{Definitions, read_options, standard_code};
use crate::kea_config::section::{Section, address, string, wrong};
use crate::text::{excerpt, parse_hex, parse_u8};

/// The option of the server's preference.
const PREFERENCE: u16 = 7;

/// ISC's enterprise number: Kea's default for DUID-EN.
const ISC_ENTERPRISE: u32 = 2495;

/// What has been read.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The result.
    pub(super) config: KeaConfig,
    /// The definitions of options in force.
    pub(super) definitions: Definitions,
}

impl Reader {
    /// Lists something as not carried.
    pub(super) fn refuse(&mut self, node: &Node, key: &str, reason: String) {
        self.config.not_carried.push(NotCarried {
            place: node.place.clone(),
            key: key.to_owned(),
            reason,
        });
    }
}

/// Reads the tree of the configuration `file`.
pub(super) fn read(root: &Node, file: &Arc<Path>) -> Result<KeaConfig, ConfigError> {
    let mut reader = Reader::default();
    let config = &mut reader.config;
    let mut whole = Section::new(root, String::new())?;
    let Some(node) = whole.take("Dhcp6") else {
        return Err(ConfigError::NoDhcp6 { file: file.clone() });
    };
    // Sections of Kea's other servers may stand in one file with it.
    for other in ["Dhcp4", "DhcpDdns", "Control-agent"] {
        whole.take(other);
    }
    whole.finish(&mut config.not_carried);
    let mut dhcp6 = Section::new(node, String::new())?;
    config.server_id = read_server_id(&mut dhcp6, &mut config.not_carried)?;
    config.store_extended_info = dhcp6.flag("store-extended-info")?.unwrap_or(false);
    config.leases = read_lease_database(&mut dhcp6, &mut config.not_carried)?;
    config.probation = dhcp6.number("decline-probation-period", u32::MAX)?;
    config.register_addresses = dhcp6.flag("allow-address-registration")?;
    read_interfaces(&mut dhcp6, config)?;
    read_hooks(&mut dhcp6, config)?;
    reader.definitions.read(&mut dhcp6)?;
    read_rsoo(&mut dhcp6, &mut reader)?;
    read_server_settings(&mut dhcp6, &mut reader)?;
    read_classes(&mut dhcp6, &mut reader)?;
    read_links(&mut dhcp6, &mut reader)?;
    read_reservations(&mut dhcp6, None, &mut reader)?;
    note_precedence(&mut reader);
    let mut config = reader.config;
    dhcp6.finish(&mut config.not_carried);
    // In the order of the file, whatever order it was read in; included files by themselves.
    config.not_carried.sort_by(|one, next| {
        (&one.place.file, one.place.line).cmp(&(&next.place.file, next.place.line))
    });
    Ok(config)
}

/// `server-id`: the DUID it makes, if it leaves nothing for Kea to make up.
fn read_server_id(
    dhcp6: &mut Section<'_>,
    not_carried: &mut Vec<NotCarried>,
) -> Result<Option<Vec<u8>>, ConfigError> {
    let Some(mut section) = dhcp6.section("server-id")? else {
        return Ok(None);
    };
    let kind = section.string("type")?.unwrap_or("LLT");
    let hardware = section.number("htype", 0xffff)?.unwrap_or(0);
    let time = section.number("time", u32::MAX)?.unwrap_or(0);
    let enterprise = section.number("enterprise-id", u32::MAX)?.unwrap_or(0);
    let identifier_text = section.text("identifier")?.unwrap_or_default();
    let mut identifier = Vec::new();
    let is_hex = parse_hex(identifier_text.trim().as_bytes(), &mut identifier).is_some();
    if let Some(node) = section.take("identifier").filter(|_| !is_hex) {
        let value = excerpt(identifier_text.as_bytes());
        let what = format!("`{value}` is not hex");
        return Err(wrong(node, &section.path_of("identifier"), &what));
    }
    // Whether Kea keeps the DUID in a file makes no difference to what it is.
    section.take("persist");
    let hardware = u16::try_from(hardware).unwrap_or(0).to_be_bytes();
    let mut duid = Vec::new();
    let complete = match kind {
        "EN" => {
            let enterprise = if enterprise == 0 {
                ISC_ENTERPRISE
            } else {
                enterprise
            };
            duid.extend_from_slice(&[0, 2]);
            duid.extend_from_slice(&enterprise.to_be_bytes());
            true
        }
        "LL" => {
            duid.extend_from_slice(&[0, 3]);
            duid.extend_from_slice(&hardware);
            hardware != [0, 0]
        }
        "LLT" => {
            duid.extend_from_slice(&[0, 1]);
            duid.extend_from_slice(&hardware);
            duid.extend_from_slice(&time.to_be_bytes());
            hardware != [0, 0] && time != 0
        }
        _ => false,
    };
    duid.extend_from_slice(&identifier);
    section.finish(not_carried);
    if complete && !identifier.is_empty() && duid.len() <= crate::text::MAX_DUID_OCTETS {
        return Ok(Some(duid));
    }
    dhcp6.cannot_carry(
        "server-id",
        "it leaves parts for Kea to make up; put what Kea keeps in its file kea-dhcp6-serverid into server-id"
            .to_owned(),
        not_carried,
    );
    Ok(None)
}

/// What holds for the whole server; its preference is no option of a level.
fn read_server_settings(dhcp6: &mut Section<'_>, reader: &mut Reader) -> Result<(), ConfigError> {
    let options = read_options(dhcp6, &reader.definitions, &mut reader.config.not_carried)?;
    let (preference, options) = options.into_iter().partition(is_preference);
    let preference: Vec<KeaOption> = preference;
    reader.config.preference = preference.iter().find_map(|option| match option.value {
        OptionValue::U8(preference) => Some(preference),
        _ => None,
    });
    reader.config.settings = Settings {
        lifetimes: read_lifetimes(dhcp6, &Lifetimes::default(), &mut reader.config.not_carried)?,
        rapid_commit: dhcp6.flag("rapid-commit")?,
        options,
    };
    Ok(())
}

fn is_preference(option: &KeaOption) -> bool {
    (option.code, option.enterprise) == (PREFERENCE, None)
}

/// What holds at a level below the server.
pub(super) fn read_settings(
    section: &mut Section<'_>,
    reader: &mut Reader,
) -> Result<Settings, ConfigError> {
    let not_carried = &mut reader.config.not_carried;
    let mut options = read_options(section, &reader.definitions, not_carried)?;
    if options.iter().any(is_preference) {
        let reason = "the preference is the whole server's: dhcp.preference".to_owned();
        section.cannot_carry("option-data", reason, not_carried);
        options.retain(|option| !is_preference(option));
    }
    Ok(Settings {
        lifetimes: read_lifetimes(section, &reader.config.settings.lifetimes, not_carried)?,
        rapid_commit: section.flag("rapid-commit")?,
        options,
    })
}

/// Takes the lifetimes of a scope within that of the whole server.
fn read_lifetimes(
    section: &mut Section<'_>,
    server: &Lifetimes,
    not_carried: &mut Vec<NotCarried>,
) -> Result<Lifetimes, ConfigError> {
    let lifetimes = Lifetimes {
        preferred: section.number("preferred-lifetime", u32::MAX)?,
        valid: section.number("valid-lifetime", u32::MAX)?,
        renew: section.number("renew-timer", u32::MAX)?,
        rebind: section.number("rebind-timer", u32::MAX)?,
    };
    for (one, other, key) in [
        (
            lifetimes.renew,
            lifetimes.rebind.or(server.rebind),
            "renew-timer",
        ),
        (
            lifetimes.rebind,
            lifetimes.renew.or(server.renew),
            "rebind-timer",
        ),
    ] {
        if one.is_some() && other.is_none() {
            let reason = "t1 and t2 are written together; add the other one".to_owned();
            section.cannot_carry(key, reason, not_carried);
        }
    }
    if lifetimes.renew > lifetimes.rebind && lifetimes.rebind.is_some_and(|rebind| rebind > 0) {
        let reason = "it is above rebind-timer, so clients would ignore both".to_owned();
        section.cannot_carry("renew-timer", reason, not_carried);
    }
    Ok(lifetimes)
}

/// `relay-supplied-options`: names or codes.
fn read_rsoo(dhcp6: &mut Section<'_>, reader: &mut Reader) -> Result<(), ConfigError> {
    let listed = dhcp6.list("relay-supplied-options")?;
    if listed.is_empty() {
        return Ok(());
    }
    let mut codes = Vec::new();
    for (node, path) in listed {
        let text = string(node, &path)?.trim();
        let code = text.parse().ok().or_else(|| standard_code(text));
        match code.filter(|code| *code != 0) {
            Some(code) if !codes.contains(&code) => codes.push(code),
            Some(_) => {}
            None => {
                let shown = excerpt(text.as_bytes());
                let reason =
                    format!("option `{shown}` is not known; write its code into dhcp.rsoo");
                reader.refuse(node, &path, reason);
            }
        }
    }
    reader.config.rsoo = Some(codes);
    Ok(())
}

fn read_lease_database(
    dhcp6: &mut Section<'_>,
    not_carried: &mut Vec<NotCarried>,
) -> Result<LeaseDatabase, ConfigError> {
    let Some(mut section) = dhcp6.section("lease-database")? else {
        return Ok(LeaseDatabase::default());
    };
    let kind = section.string("type")?.unwrap_or("memfile").to_owned();
    let name = section.text("name")?;
    if kind == "memfile" {
        for key in ["persist", "lfc-interval", "max-row-errors"] {
            section.take(key);
        }
        section.finish(not_carried);
        return Ok(LeaseDatabase::Memfile(name));
    }
    dhcp6.cannot_carry(
        "lease-database",
        format!(
            "the leases are in a {kind} database; write them to a file with `kea-admin lease-dump {kind} -6` and import that"
        ),
        not_carried,
    );
    Ok(LeaseDatabase::Database(kind))
}

fn read_interfaces(dhcp6: &mut Section<'_>, config: &mut KeaConfig) -> Result<(), ConfigError> {
    let Some(mut section) = dhcp6.section("interfaces-config")? else {
        return Ok(());
    };
    for (node, path) in section.list("interfaces")? {
        config.interfaces.push(string(node, &path)?.to_owned());
    }
    if config.interfaces.iter().any(|name| name == "*") {
        let reason = "name the interfaces: those of links, and those of relays in \
                      dhcp.relay-interfaces"
            .to_owned();
        section.cannot_carry("interfaces", reason, &mut config.not_carried);
    }
    section.finish(&mut config.not_carried);
    Ok(())
}

fn read_hooks(dhcp6: &mut Section<'_>, config: &mut KeaConfig) -> Result<(), ConfigError> {
    for (node, path) in dhcp6.list("hooks-libraries")? {
        let mut hook = Section::new(node, path)?;
        let library = hook.string("library")?.unwrap_or_default();
        let name = library.rsplit('/').next().unwrap_or_default();
        if name.contains("lease_query") {
            if let Some(parameters) = hook.section("parameters")? {
                config.leasequery = Some(read_leasequery(parameters, &mut config.not_carried)?);
            }
            hook.finish(&mut config.not_carried);
        } else {
            let reason = format!("leasebook has no hooks; see what {name} does for you");
            hook.cannot_carry("library", reason, &mut config.not_carried);
        }
    }
    Ok(())
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
            let reason = super::reasons::reason("active-query-enabled").to_owned();
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

/// Relay addresses: `relay` with `ip-addresses`, or the older `ip-address`.
pub(super) fn read_relays(
    section: &mut Section<'_>,
    not_carried: &mut Vec<NotCarried>,
) -> Result<Vec<Ipv6Addr>, ConfigError> {
    let Some(mut relay) = section.section("relay")? else {
        return Ok(Vec::new());
    };
    let mut relays = Vec::new();
    if let Some(node) = relay.take("ip-address") {
        relays.push(address(node, &relay.path_of("ip-address"))?);
    }
    for (node, path) in relay.list("ip-addresses")? {
        relays.push(address(node, &path)?);
    }
    relay.finish(not_carried);
    // Kea writes `::` for none.
    relays.retain(|address| !address.is_unspecified());
    Ok(relays)
}

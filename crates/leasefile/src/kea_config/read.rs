//! From the tree to [`KeaConfig`].

use std::net::Ipv6Addr;
use std::path::Path;
use std::sync::Arc;

use crate::kea_config::classes::{Classes, note_precedence, read_classes, settle_classes};
use crate::kea_config::definitions::{Definitions, standard_code};
use crate::kea_config::error::ConfigError;
use crate::kea_config::hooks::{FlexId, read_hooks};
use crate::kea_config::json::Node;
use crate::kea_config::links::read_links;
use crate::kea_config::model::{
    KeaConfig, KeaOption, LeaseDatabase, Lifetimes, MAX_PROBATION_SECS, NotCarried, OptionValue,
    Settings,
};
use crate::kea_config::options::read_options;
use crate::kea_config::reservations::{Hosts, read_hosts, read_reservations, settle_reservations};
use crate::kea_config::section::{Section, address, string, wrong};
use crate::text::{excerpt, parse_hex};

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
    /// What of the classes is not yet known to be theirs.
    pub(super) classes: Classes,
    /// How reservations are found.
    pub(super) hosts: Hosts,
    /// What a `flex-id` is.
    pub(super) flex_id: FlexId,
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
    if config.probation > Some(MAX_PROBATION_SECS) {
        let reason = "365d is the most leasebook takes, and is written".to_owned();
        dhcp6.cannot_carry("decline-probation-period", reason, &mut config.not_carried);
    }
    config.register_addresses = dhcp6.flag("allow-address-registration")?;
    read_interfaces(&mut dhcp6, config)?;
    reader.flex_id = read_hooks(&mut dhcp6, &mut reader.config)?;
    reader
        .definitions
        .read(&mut dhcp6, &mut reader.config.not_carried)?;
    read_rsoo(&mut dhcp6, &mut reader)?;
    read_server_settings(&mut dhcp6, &mut reader)?;
    read_classes(&mut dhcp6, &mut reader)?;
    reader.hosts = read_hosts(&mut dhcp6, &mut reader.config.not_carried)?;
    read_links(&mut dhcp6, &mut reader)?;
    read_reservations(&mut dhcp6, None, &mut reader)?;
    settle_reservations(&mut reader);
    settle_classes(&mut reader);
    note_precedence(&mut reader);
    if reader.config.links.is_empty() {
        let reason = "there are none: Kea tells options to clients on any link that ask for nothing \
                      else, leasebook on links alone; write a [[link]] for each";
        reader.refuse(node, "subnet6", reason.to_owned());
    }
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
        lifetimes: read_lifetimes(dhcp6, &mut reader.config.not_carried)?,
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
        lifetimes: read_lifetimes(section, not_carried)?,
        rapid_commit: section.flag("rapid-commit")?,
        options,
    })
}

/// Takes the lifetimes and timers of a scope.
fn read_lifetimes(
    section: &mut Section<'_>,
    not_carried: &mut Vec<NotCarried>,
) -> Result<Lifetimes, ConfigError> {
    let lifetimes = Lifetimes {
        preferred: read_lifetime("preferred-lifetime", section, not_carried)?,
        valid: read_lifetime("valid-lifetime", section, not_carried)?,
        renew: section.number("renew-timer", u32::MAX)?,
        rebind: section.number("rebind-timer", u32::MAX)?,
        calculates: section.flag("calculate-tee-times")?,
        t1_millionths: section.millionths("t1-percent")?,
        t2_millionths: section.millionths("t2-percent")?,
    };
    if lifetimes.rebind.is_some() && lifetimes.renew >= lifetimes.rebind {
        let reason = "it is not below rebind-timer, so that Kea leaves T1 to the client: t1 is \
                      written as 0s; write a t1 below t2";
        section.cannot_carry("renew-timer", reason.to_owned(), not_carried);
    }
    Ok(lifetimes)
}

/// A lifetime; the range that a client may wish for one in is listed.
fn read_lifetime(
    key: &str,
    section: &mut Section<'_>,
    not_carried: &mut Vec<NotCarried>,
) -> Result<Option<u32>, ConfigError> {
    let bounds = [format!("min-{key}"), format!("max-{key}")];
    let mut told = section.number(key, u32::MAX)?;
    for bound in &bounds {
        let secs = section.number(bound, u32::MAX)?;
        // Kea takes a lone bound for the lifetime.
        told = told.or(secs);
        if let (Some(told), Some(secs)) = (told, secs)
            && told != secs
        {
            let reason = format!(
                "every client gets {key} {told} s, whatever it wishes for; give those that need \
                 another a [[class]] with it"
            );
            section.cannot_carry(bound, reason, not_carried);
        }
    }
    Ok(told)
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

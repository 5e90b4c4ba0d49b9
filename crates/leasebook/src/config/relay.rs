//! The relay's configuration: `relay.toml`, read, judged and made ready to use.

mod example;
mod filter;
mod lightweight;

use std::net::{Ipv6Addr, SocketAddrV6};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::Ipv6Net;
use leasebook_protocol::relay::ports::Fallback;
use leasebook_protocol::relay::{self, Limits, RemoteIdText};
use leasebook_wire::code::OptionCode;
use leasebook_wire::{Duid, RemoteId};
use toml::Spanned;

use super::error::{self, Findings};
use super::file::{RelayFile, RelayInterfaceFile, RelayServerFile};
use super::runtime::{Log, Timers};
use super::values::{RemoteIdTemplate, SuppliedOption, Text};
use super::{Config, ConfigError, Loaded};
use crate::cli::values::{Endpoint, Host};

pub use example::example;
pub use filter::{Filter, Ingress, Loops, Vrf};
pub use lightweight::{Lightweight, LightweightInterface};

/// The relay's settings in force.
#[derive(Clone, Debug, PartialEq)]
pub struct RelayConfig {
    /// The Relay-ID; none is the one kept in the state directory.
    pub relay_id: Option<Duid>,
    /// Whether it is sent.
    pub sends_relay_id: bool,
    /// Former ones.
    pub former_relay_ids: Vec<Duid>,
    /// The state directory.
    pub state: PathBuf,
    /// The control socket.
    pub control: PathBuf,
    /// Relays elsewhere in the network.
    pub relays: Vec<Ipv6Net>,
    /// RSOO is refused.
    pub refuse_rsoo: bool,
    /// The address that what is relayed to servers leaves from.
    pub source: Option<Ipv6Addr>,
    /// The port of relays and servers.
    pub port: u16,
    /// The port of clients.
    pub client_port: u16,
    /// The servers, in order.
    pub servers: Vec<RelayServer>,
    /// The client-facing interfaces; the first whose name fits holds.
    pub interfaces: Vec<RelayInterface>,
    /// The lightweight relay; none is none.
    pub lightweight: Option<Lightweight>,
    /// VRFs.
    pub vrf: Vrf,
    /// What customers may have.
    pub limits: Limits,
    /// Messages of one client in a second; 0 is no limit.
    pub messages_per_client: u32,
    /// Messages of one interface in a second; 0 is no limit.
    pub messages_per_interface: u32,
    /// A client's prefixes are on one interface.
    pub one_interface_per_client: bool,
    /// Routes.
    pub routes: Routes,
    /// What customers may send.
    pub filter: Filter,
    /// Recovery.
    pub recovery: Recovery,
    /// Where counters are told.
    pub metrics: Option<std::net::SocketAddr>,
    /// The log.
    pub log: Log,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayServer {
    /// Where messages are relayed to.
    pub relay_to: Endpoint,
    /// Where it is asked in bulk; none is not at all.
    pub bulk: Option<Endpoint>,
}

/// Client-facing interfaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayInterface {
    /// The name; `*` stands for any characters.
    pub name: String,
    /// The link-address.
    pub link_address: Option<Ipv6Addr>,
    /// The INTERFACE_ID, with places to fill in.
    pub interface_id: RemoteIdText,
    /// A Remote-ID to add.
    pub remote_id: Option<(u32, RemoteIdText)>,
    /// A Subscriber-ID to add.
    pub subscriber_id: Option<RemoteIdText>,
    /// Servers are told clients' link-layer addresses.
    pub client_link_layer: bool,
    /// Options supplied for clients.
    pub supplies: Vec<(OptionCode, Vec<u8>)>,
    /// Relays on it are trusted.
    pub trusted: bool,
    /// LEASEQUERY is relayed.
    pub leasequery: bool,
    /// Where prefixes go of which nobody tells the next hop.
    pub fallback: Option<Fallback>,
}

impl RelayInterface {
    /// Whether it is about the interface with this name.
    pub fn fits(&self, name: &str) -> bool {
        let mut parts = self.name.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = name.strip_prefix(first) else {
            return false;
        };
        let parts: Vec<&str> = parts.collect();
        let Some((last, middle)) = parts.split_last() else {
            return rest.is_empty();
        };
        for part in middle {
            match rest.find(part) {
                Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

/// The routes put into the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routes {
    /// The routing protocol that marks them.
    pub protocol: u8,
    /// The table; none is main, or that of the clients' VRF.
    pub table: Option<u32>,
    /// The metric.
    pub metric: u32,
    /// Addresses get host routes too.
    pub addresses: bool,
    /// Prefixes with an unreachable route.
    pub aggregates: Vec<Ipv6Net>,
}

/// How bindings are got back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Whose timers.
    pub timers: Timers,
    /// Links are asked where the Relay-ID finds nothing.
    pub by_link: bool,
    /// The address to ask from.
    pub source: Option<Ipv6Addr>,
    /// Remote-IDs that are asked for then.
    pub remote_ids: Vec<RemoteId>,
    /// The longest wait for it at the start.
    pub ready_within: Duration,
    /// How often delegations are written to disk; none is never.
    pub keep_every: Option<Duration>,
}

impl RelayConfig {
    /// What the machine is set to; `servers` are the addresses that could be found.
    pub fn machine(&self, relay_id: Duid, servers: Vec<SocketAddrV6>) -> relay::Config {
        relay::Config {
            sends_relay_id: self.sends_relay_id,
            former_ids: self.former_relay_ids.clone(),
            servers,
            relays: self.relays.clone(),
            refuses_rsoo: self.refuse_rsoo,
            limits: self.limits,
            one_port_per_client: self.one_interface_per_client,
            port_rate: self.messages_per_interface,
            client_rate: self.messages_per_client,
            source: self.source,
            remote_ids: self.recovery.remote_ids.clone(),
            host_routes: self.routes.addresses,
            asks_links_where_none: self.recovery.by_link,
            client_port: self.client_port,
            relay_port: self.port,
            ..relay::Config::new(relay_id)
        }
    }

    /// The section that is about the interface with this name.
    pub fn interface(&self, name: &str) -> Option<&RelayInterface> {
        self.interfaces
            .iter()
            .find(|interface| interface.fits(name))
    }
}

/// Reads and resolves the relay's configuration file at `path`.
pub fn load(path: &Path) -> Result<Loaded<RelayConfig>, ConfigError> {
    parse(&super::read(path)?, path)
}

/// Resolves the text of a relay's configuration file; `path` is for messages alone.
pub fn parse(text: &str, path: &Path) -> Result<Loaded<RelayConfig>, ConfigError> {
    let file: RelayFile = toml::from_str(text)
        .map_err(|error| ConfigError::Wrong(vec![error::of_toml(&error, text, path)]))?;
    let mut findings = Findings::new(text, path);
    let config = resolve(&file, &mut findings);
    findings.finish(config)
}

fn resolve(file: &RelayFile, findings: &mut Findings<'_>) -> RelayConfig {
    let log = Config::default().log;
    let number = |written: Option<u32>, default: u32| written.unwrap_or(default);
    let limits = &file.limits;
    let per_interface = limits.prefixes_per_interface.as_ref();
    let per_interface = per_interface.map_or(0, |written| written.get_ref().0);
    let lightweight = lightweight::lightweight(&file.lightweight, findings);
    let is_needed = lightweight.is_none();
    let port = |written: Option<u32>, default: u16| {
        written
            .and_then(|port| u16::try_from(port).ok())
            .unwrap_or(default)
    };
    RelayConfig {
        relay_id: value(file.relay_id.as_ref()),
        sends_relay_id: flag(file.sends_relay_id.as_ref(), true),
        former_relay_ids: values(file.former_relay_ids.as_deref()),
        state: directory(file.state.as_ref(), "/var/lib/leasebook-relay", findings),
        control: directory(
            file.control.as_ref(),
            "/run/leasebook-relay/control",
            findings,
        ),
        relays: values(file.relays.as_deref()),
        refuse_rsoo: flag(file.refuse_rsoo.as_ref(), false),
        source: value(file.source.as_ref()),
        port: port(file.port.as_ref().map(|port| port.get_ref().0), 547),
        client_port: port(file.client_port.as_ref().map(|port| port.get_ref().0), 546),
        servers: servers(&file.server, is_needed, findings),
        interfaces: interfaces(&file.interface, is_needed, findings),
        lightweight,
        limits: Limits {
            per_client: number(
                limits.prefixes_per_client.as_ref().map(|n| n.get_ref().0),
                Limits::default().per_client,
            ),
            per_port: if per_interface == 0 {
                u32::MAX
            } else {
                per_interface
            },
        },
        vrf: filter::vrf(&file.vrf, findings),
        messages_per_client: number(
            limits.messages_per_client.as_ref().map(|n| n.get_ref().0),
            0,
        ),
        messages_per_interface: number(
            limits
                .messages_per_interface
                .as_ref()
                .map(|n| n.get_ref().0),
            0,
        ),
        one_interface_per_client: flag(limits.one_interface_per_client.as_ref(), false),
        routes: Routes {
            protocol: file.routes.protocol.as_ref().map_or(147, |number| {
                u8::try_from(number.get_ref().0).unwrap_or(u8::MAX)
            }),
            table: file.routes.table.as_ref().map(|n| n.get_ref().0),
            metric: number(file.routes.metric.as_ref().map(|n| n.get_ref().0), 1024),
            addresses: flag(file.routes.addresses.as_ref(), false),
            aggregates: values(file.routes.aggregates.as_deref()),
        },
        filter: filter::filter(&file.filter, findings),
        recovery: recovery(file, findings),
        metrics: value(file.metrics.listen.as_ref()),
        log: Log {
            level: value(file.log.level.as_ref()).unwrap_or(log.level),
            format: value(file.log.format.as_ref()).unwrap_or(log.format),
            clients: value(file.log.clients.as_ref()).unwrap_or(log.clients),
        },
    }
}

fn recovery(file: &RelayFile, findings: &mut Findings<'_>) -> Recovery {
    Recovery {
        timers: value(file.recovery.timers.as_ref()).unwrap_or(Timers::Draft),
        by_link: flag(file.recovery.by_link.as_ref(), true),
        source: value(file.recovery.source.as_ref()),
        ready_within: value(file.recovery.ready_within.as_ref())
            .map_or(Duration::from_mins(1), |time| time.0),
        remote_ids: remote_ids(file.recovery.remote_ids.as_deref(), findings),
        keep_every: value(file.recovery.keep_every.as_ref())
            .map(|time| time.0)
            .filter(|time| !time.is_zero()),
    }
}

fn value<T: Clone>(written: Option<&Spanned<Text<T>>>) -> Option<T> {
    written.map(|written| written.get_ref().0.clone())
}

fn values<T: Clone>(written: Option<&[Spanned<Text<T>>]>) -> Vec<T> {
    let written = written.into_iter().flatten();
    written.map(|one| one.get_ref().0.clone()).collect()
}

fn flag(written: Option<&Spanned<bool>>, default: bool) -> bool {
    written.map_or(default, |written| *written.get_ref())
}

fn directory(
    written: Option<&Spanned<String>>,
    default: &str,
    findings: &mut Findings<'_>,
) -> PathBuf {
    match written {
        None => default.into(),
        Some(written) => {
            if written.get_ref().is_empty() {
                findings.wrong(written.span(), "the name is empty; give a path");
            }
            written.get_ref().into()
        }
    }
}

fn servers(
    files: &[Spanned<RelayServerFile>],
    is_needed: bool,
    findings: &mut Findings<'_>,
) -> Vec<RelayServer> {
    if files.is_empty() && is_needed {
        findings.wrong(
            0..0,
            "no [[server]]; name the server that messages are relayed to",
        );
    }
    let mut servers: Vec<RelayServer> = Vec::new();
    for file in files {
        let Some(address) = &file.get_ref().address else {
            findings.wrong(file.span(), "[[server]] needs `address`");
            continue;
        };
        let endpoint = address.get_ref().0.endpoint().clone();
        if matches!(endpoint.host, Host::Address(std::net::IpAddr::V4(_))) {
            findings.wrong(address.span(), "DHCPv6 is spoken over IPv6 alone");
        }
        if servers.iter().any(|known| known.relay_to == endpoint) {
            findings.wrong(
                address.span(),
                format!("{endpoint} is listed twice; list it once"),
            );
        }
        let is_group = match &endpoint.host {
            Host::Address(address) => address.is_multicast(),
            Host::Zoned(address, _) => address.is_multicast(),
            Host::Name(_) => false,
        };
        let is_zoned = matches!(endpoint.host, Host::Zoned(..));
        if is_group && !is_zoned {
            findings.wrong(
                address.span(),
                "a group needs the interface that leads to it, as in \"ff05::1:3%eth0\"",
            );
        }
        let recover = flag(file.get_ref().recover.as_ref(), !is_group);
        let bulk = file.get_ref().bulk.as_ref();
        let bulk = bulk.map(|bulk| bulk.get_ref().0.endpoint().clone());
        if recover && is_group && bulk.is_none() {
            findings.wrong(file.span(), "a group cannot be asked in bulk; set `bulk`");
        }
        servers.push(RelayServer {
            bulk: recover.then(|| bulk.unwrap_or_else(|| endpoint.clone())),
            relay_to: endpoint,
        });
    }
    servers
}

fn interfaces(
    files: &[Spanned<RelayInterfaceFile>],
    is_needed: bool,
    findings: &mut Findings<'_>,
) -> Vec<RelayInterface> {
    if files.is_empty() && is_needed {
        findings.wrong(
            0..0,
            "no [[interface]]; name the interfaces that clients are on",
        );
    }
    let mut interfaces: Vec<RelayInterface> = Vec::new();
    for file in files {
        let span = file.span();
        let file = file.get_ref();
        let Some(name) = &file.name else {
            findings.wrong(span, "[[interface]] needs `name`");
            continue;
        };
        if name.get_ref().is_empty() {
            findings.wrong(name.span(), "the name is empty; name an interface");
        }
        if let Some(first) = interfaces.iter().find(|known| known.fits(name.get_ref())) {
            findings.doubtful(
                name.span(),
                format!(
                    "`{}` comes first and fits it too; this section never holds",
                    first.name
                ),
            );
        }
        let via = value(file.next_hop.as_ref()).map(Fallback::Via);
        let to_interface = flag(file.point_to_point.as_ref(), false);
        let text = |written: &Spanned<String>| RemoteIdText(written.get_ref().clone());
        let default_id = || RemoteIdText("{interface}".to_owned());
        let interface_id = file.interface_id.as_ref();
        if let Some(written) = interface_id
            && name.get_ref().contains('*')
            && !written.get_ref().contains("{interface}")
        {
            findings.wrong(
                written.span(),
                "several interfaces would have the same id; put {interface} into it",
            );
        }
        interfaces.push(RelayInterface {
            name: name.get_ref().clone(),
            link_address: value(file.link_address.as_ref()),
            interface_id: interface_id.map_or_else(default_id, text),
            remote_id: value(file.remote_id.as_ref())
                .map(|template| (template.enterprise, RemoteIdText(template.text))),
            subscriber_id: file.subscriber_id.as_ref().map(text),
            client_link_layer: flag(file.client_link_layer.as_ref(), false),
            supplies: supplies(file.supply.as_deref(), findings),
            trusted: flag(file.trusted.as_ref(), false),
            leasequery: flag(file.leasequery.as_ref(), false),
            fallback: via.or(to_interface.then_some(Fallback::Interface)),
        });
    }
    interfaces
}

fn supplies(
    written: Option<&[Spanned<Text<SuppliedOption>>]>,
    findings: &mut Findings<'_>,
) -> Vec<(OptionCode, Vec<u8>)> {
    let mut supplies: Vec<(OptionCode, Vec<u8>)> = Vec::new();
    for one in written.into_iter().flatten() {
        let SuppliedOption { code, data } = one.get_ref().0.clone();
        if supplies.iter().any(|(known, _)| *known == code) {
            let what = format!("option {} is listed twice; list it once", code.0);
            findings.wrong(one.span(), what);
        }
        supplies.push((code, data));
    }
    supplies
}

fn remote_ids(
    written: Option<&[Spanned<Text<RemoteIdTemplate>>]>,
    findings: &mut Findings<'_>,
) -> Vec<RemoteId> {
    let mut ids = Vec::new();
    for one in written.into_iter().flatten() {
        let RemoteIdTemplate { enterprise, text } = &one.get_ref().0;
        match RemoteId::new(*enterprise, text.as_bytes()) {
            Ok(id) => ids.push(id),
            Err(error) => findings.wrong(one.span(), error.to_string()),
        }
    }
    ids
}

#[cfg(test)]
mod tests;

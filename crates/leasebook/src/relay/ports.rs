//! From the system's interfaces to the relay's ports.

use std::net::Ipv6Addr;

use ipnet::Ipv6Net;
use leasebook_protocol::relay::Port;

use super::filter::FilteredPort;
use super::kernel::Interface;
use crate::config::relay::RelayConfig;

/// The client-facing interfaces that are there and switched on, and every address of this machine.
pub(super) fn ports(config: &RelayConfig, interfaces: &[Interface]) -> (Vec<Port>, Vec<Ipv6Addr>) {
    let own = interfaces
        .iter()
        .flat_map(|interface| &interface.addresses)
        .copied();
    let ports = interfaces.iter().filter(|interface| interface.is_up);
    let ports = ports.filter_map(|interface| port(config, interface));
    (ports.collect(), own.collect())
}

fn port(config: &RelayConfig, interface: &Interface) -> Option<Port> {
    let settings = config.interface(&interface.name)?;
    let link_address = settings.link_address;
    Some(Port {
        name: interface.name.clone(),
        index: interface.index,
        link_address: link_address.unwrap_or_else(|| interface.link_address()),
        addresses: interface.addresses.clone(),
        interface_id: settings
            .interface_id
            .fill(&interface.name, interface.vlan, &[]),
        is_trusted: settings.trusted,
        relays_leasequery: settings.leasequery,
        remote_id: settings.remote_id.clone(),
        subscriber_id: settings.subscriber_id.clone(),
        vlan: interface.vlan,
        supplies: settings.supplies.clone(),
        tells_link_layer: settings.client_link_layer,
        fallback: settings.fallback,
    })
}

/// The same interfaces as the filter has them: with the prefixes that are their own.
pub(super) fn filtered(ports: &[Port], interfaces: &[Interface]) -> Vec<FilteredPort> {
    let is_global = |net: &&Ipv6Net| !net.addr().is_unicast_link_local();
    ports
        .iter()
        .filter_map(|port| {
            let interface = interfaces.iter().find(|one| one.index == port.index)?;
            let on_link = interface.on_link.iter().filter(is_global).copied();
            Some(FilteredPort {
                interface: port.name.clone(),
                on_link: on_link.collect(),
            })
        })
        .collect()
}

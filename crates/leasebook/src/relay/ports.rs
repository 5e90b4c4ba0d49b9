//! From the system's interfaces to the relay's ports.

use std::net::Ipv6Addr;

use leasebook_protocol::relay::Port;

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
        interface_id: settings.interface_id.fill(&interface.name, &[]),
        is_trusted: settings.trusted,
        relays_leasequery: settings.leasequery,
        remote_id: settings.remote_id.clone(),
        subscriber_id: settings.subscriber_id.clone(),
        tells_link_layer: false,
        fallback: settings.fallback,
    })
}

//! Interfaces and their addresses.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::Ipv6Net;
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use netlink_packet_route::link::{
    InfoData, InfoPortKind, InfoVlan, InfoVrf, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::socket::Netlink;

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    /// Its name.
    pub(crate) name: String,
    /// The system's number of it.
    pub(crate) index: u32,
    /// It is switched on.
    pub(crate) is_up: bool,
    /// Its number, if it is a VLAN.
    pub(crate) vlan: Option<u16>,
    /// Its table, if it is a VRF.
    pub(crate) vrf_table: Option<u32>,
    /// The system's number of the bridge it is a port of.
    pub(crate) bridge: Option<u32>,
    /// Its IPv6 addresses that can be used, in the system's order.
    pub(crate) addresses: Vec<Ipv6Addr>,
    /// The prefixes that are its own by these addresses.
    pub(crate) on_link: Vec<Ipv6Net>,
}

impl Interface {
    /// The address that stands for its link: the first global or unique-local one, else the
    /// link-local one, else `::` (RELAY-016, RELAY-017).
    pub(crate) fn link_address(&self) -> Ipv6Addr {
        let global = self
            .addresses
            .iter()
            .find(|address| !address.is_unicast_link_local());
        *global
            .or(self.addresses.first())
            .unwrap_or(&Ipv6Addr::UNSPECIFIED)
    }
}

/// All interfaces there are.
pub(crate) fn interfaces() -> io::Result<Vec<Interface>> {
    let mut netlink = Netlink::open(&[])?;
    let mut found: BTreeMap<u32, Interface> = BTreeMap::new();
    let links = RouteNetlinkMessage::GetLink(LinkMessage::default());
    netlink.dump(links, &mut |message| {
        if let RouteNetlinkMessage::NewLink(link) = message {
            let name = link
                .attributes
                .iter()
                .find_map(|attribute| match attribute {
                    LinkAttribute::IfName(name) => Some(name.clone()),
                    _ => None,
                });
            let index = link.header.index;
            let (vlan, vrf_table) = kind(&link.attributes);
            let interface = Interface {
                name: name.unwrap_or_default(),
                index,
                is_up: link.header.flags.contains(LinkFlags::Up),
                vlan,
                vrf_table,
                bridge: bridge(&link.attributes),
                addresses: Vec::new(),
                on_link: Vec::new(),
            };
            found.insert(index, interface);
        }
    })?;
    let mut request = AddressMessage::default();
    request.header.family = AddressFamily::Inet6;
    let addresses = RouteNetlinkMessage::GetAddress(request);
    netlink.dump(addresses, &mut |message| {
        let RouteNetlinkMessage::NewAddress(message) = message else {
            return;
        };
        let unusable = AddressHeaderFlags::Tentative | AddressHeaderFlags::Dadfailed;
        if message.header.flags.intersects(unusable) {
            return;
        }
        let address = message
            .attributes
            .iter()
            .find_map(|attribute| match attribute {
                AddressAttribute::Address(IpAddr::V6(address)) => Some(*address),
                _ => None,
            });
        if let (Some(address), Some(interface)) = (address, found.get_mut(&message.header.index)) {
            interface.addresses.push(address);
            let net = Ipv6Net::new(address, message.header.prefix_len);
            let net = net.ok().map(|net| net.trunc());
            if let Some(net) = net.filter(|net| !interface.on_link.contains(net)) {
                interface.on_link.push(net);
            }
        }
    })?;
    Ok(found.into_values().collect())
}

/// The number of a VLAN, and the table of a VRF.
fn kind(attributes: &[LinkAttribute]) -> (Option<u16>, Option<u32>) {
    let (mut vlan, mut vrf_table) = (None, None);
    let infos = attributes.iter().filter_map(|attribute| match attribute {
        LinkAttribute::LinkInfo(infos) => Some(infos),
        _ => None,
    });
    for info in infos.flatten() {
        match info {
            LinkInfo::Data(InfoData::Vlan(about)) => {
                vlan = about.iter().find_map(|one| match one {
                    InfoVlan::Id(id) => Some(*id),
                    _ => None,
                });
            }
            LinkInfo::Data(InfoData::Vrf(about)) => {
                vrf_table = about.iter().find_map(|one| match one {
                    InfoVrf::TableId(table) => Some(*table),
                    _ => None,
                });
            }
            _ => {}
        }
    }
    (vlan, vrf_table)
}

/// The bridge that an interface is a port of; ports of bonds and VRFs have another kind.
fn bridge(attributes: &[LinkAttribute]) -> Option<u32> {
    let is_port = attributes.iter().any(|attribute| match attribute {
        LinkAttribute::LinkInfo(infos) => infos.contains(&LinkInfo::PortKind(InfoPortKind::Bridge)),
        _ => false,
    });
    let mut attributes = attributes.iter();
    let controller = attributes.find_map(|attribute| match attribute {
        LinkAttribute::Controller(index) => Some(*index),
        _ => None,
    });
    controller.filter(|_| is_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RELAY-023: a VLAN's number and a VRF's table are read where the kernel tells them.
    #[test]
    fn vlans_and_vrfs_are_known() {
        let told = |data| [LinkAttribute::LinkInfo(vec![LinkInfo::Data(data)])];
        let vlan = InfoData::Vlan(vec![InfoVlan::Id(77)]);
        assert_eq!(kind(&told(vlan)), (Some(77), None));
        let vrf = InfoData::Vrf(vec![InfoVrf::TableId(100)]);
        assert_eq!(kind(&told(vrf)), (None, Some(100)));
        assert_eq!(kind(&[]), (None, None));
    }

    #[test]
    fn loopback_is_among_the_interfaces() {
        let found = interfaces().unwrap();
        let loopback = found.iter().find(|one| one.name == "lo").unwrap();
        assert_ne!(loopback.index, 0);
    }

    /// RELAY-016, RELAY-017: a link-local address stands for the link only where there is no other.
    #[test]
    fn a_global_address_stands_for_the_link() {
        let interface = |addresses: &[&str]| Interface {
            name: "eth1".to_owned(),
            index: 1,
            is_up: true,
            vlan: None,
            vrf_table: None,
            bridge: None,
            addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
            on_link: Vec::new(),
        };
        let link = |addresses: &[&str]| interface(addresses).link_address().to_string();
        assert_eq!(link(&["fe80::1", "fd00::1", "2001:db8::1"]), "fd00::1");
        assert_eq!(link(&["fe80::1"]), "fe80::1");
        assert_eq!(link(&[]), "::");
    }
}

//! Which link a client is on (RFC 8415 §13.1).

use std::collections::HashMap;
use std::net::Ipv6Addr;

use leasebook_store::LinkId;
use leasebook_wire::RelayChain;
use leasebook_wire::code::OptionCode;

use super::batch::Arrival;
use super::config::Config;
use crate::links::{Link, Links};

/// The links of a configuration, to be found by what a datagram tells.
#[derive(Debug, Default)]
pub(super) struct Places {
    links: Links,
    /// Where each link is in the configuration.
    at: HashMap<LinkId, usize>,
    by_interface_id: HashMap<Vec<u8>, LinkId>,
    by_interface: HashMap<u32, LinkId>,
}

impl Places {
    pub(super) fn new(config: &Config) -> Self {
        let links = config.links.iter().map(|link| Link {
            id: link.id,
            on_link: link.on_link.clone(),
            relay_addresses: link.relay_addresses.clone(),
            delegated: Vec::new(),
        });
        let ids = config.links.iter().flat_map(|link| {
            let ids = link.interface_ids.iter();
            ids.map(|id| (id.clone(), link.id))
        });
        let at = config.links.iter().enumerate();
        Self {
            links: Links::new(links.collect()),
            at: at.map(|(at, link)| (link.id, at)).collect(),
            by_interface_id: ids.collect(),
            by_interface: HashMap::new(),
        }
    }

    /// Which interfaces, by index, have directly attached clients of which link.
    pub(super) fn set_interfaces(&mut self, interfaces: &[(u32, LinkId)]) {
        self.by_interface = interfaces.iter().copied().collect();
    }

    /// Keeps the interfaces of what was before.
    pub(super) fn with_interfaces_of(mut self, before: &Self) -> Self {
        self.by_interface.clone_from(&before.by_interface);
        self
    }

    /// The interface on which the directly attached clients of a link are; none if there are
    /// several, or none.
    pub(super) fn only_interface(&self, link: LinkId) -> Option<u32> {
        let mut all = self.by_interface.iter().filter(|(_, of)| **of == link);
        let (&interface, _) = all.next()?;
        all.next().is_none().then_some(interface)
    }

    /// The place in the configuration of the link of this number.
    pub(super) fn at(&self, link: LinkId) -> Option<usize> {
        self.at.get(&link).copied()
    }

    /// The place in the configuration of the link that the client is on.
    ///
    /// The link-address nearest to the client that is set decides, then a configured
    /// Interface-ID, then the receiving interface (DHCP-S-015 to DHCP-S-018, D-07). Of several
    /// links with the same prefix the one with the lowest number.
    pub(super) fn of(&self, chain: &RelayChain<'_>, arrival: &Arrival) -> Option<usize> {
        let link = if chain.depth() == 0 {
            self.of_direct(arrival)
        } else if let Some(address) = chain.link_address() {
            self.of_address(address)
        } else {
            self.of_interface_id(chain)
                .or_else(|| self.by_interface.get(&arrival.interface).copied())
        };
        self.at.get(&link?).copied()
    }

    fn of_direct(&self, arrival: &Arrival) -> Option<LinkId> {
        let source = *arrival.from.ip();
        if source.is_unicast_link_local() {
            return self.by_interface.get(&arrival.interface).copied();
        }
        self.of_address(source)
    }

    fn of_address(&self, address: Ipv6Addr) -> Option<LinkId> {
        self.links.select(address).first().copied()
    }

    /// The level nearest to the client whose Interface-ID is configured.
    fn of_interface_id(&self, chain: &RelayChain<'_>) -> Option<LinkId> {
        if self.by_interface_id.is_empty() {
            return None;
        }
        let ids = chain
            .levels()
            .filter_map(|level| level.options().first(OptionCode::INTERFACE_ID));
        ids.filter_map(|id| self.by_interface_id.get(id.data).copied())
            .last()
    }
}

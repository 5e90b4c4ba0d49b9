//! Which configured link a row of a lease file is on.

use std::collections::{HashMap, HashSet};
use std::net::Ipv6Addr;

use leasebook_protocol::links::Links;
use leasebook_store::LinkId;

use super::group::FindLink;
use crate::config::Config;

/// The links of a configuration, to be found by what lease files say.
#[derive(Debug)]
pub struct ConfiguredLinks {
    subnets: HashMap<u32, LinkId>,
    ids: HashSet<LinkId>,
    links: Links,
}

impl ConfiguredLinks {
    /// Makes the look-up tables.
    pub fn of(config: &Config) -> Self {
        let subnets = config.links.iter().flat_map(|link| {
            link.kea_subnet_ids
                .iter()
                .map(|subnet| (*subnet, LinkId(link.id)))
        });
        Self {
            subnets: subnets.collect(),
            ids: config.links.iter().map(|link| LinkId(link.id)).collect(),
            links: crate::serve::links(config),
        }
    }
}

impl FindLink for ConfiguredLinks {
    fn of_subnet(&self, id: u32) -> Option<LinkId> {
        self.subnets.get(&id).copied()
    }

    fn is_configured(&self, link: LinkId) -> bool {
        self.ids.contains(&link)
    }

    /// A relay address or on-link prefix first, then the delegated pools; of several links
    /// that match alike the lowest number.
    fn of_address(&self, address: Ipv6Addr) -> Option<LinkId> {
        let selected = self.links.select(address);
        let found = selected.first().copied();
        found.or_else(|| self.links.select_for_address(address).first().copied())
    }
}

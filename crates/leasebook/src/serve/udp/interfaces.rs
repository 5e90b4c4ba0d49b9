//! Interfaces that come and go.

use std::collections::BTreeMap;
use std::io;

use leasebook_store::LinkId;

use super::setup::Setup;
use super::socket::Listener;
use crate::log::events;
use crate::tell;

/// The configured interfaces that exist, by index.
#[derive(Debug, Default)]
pub(super) struct Interfaces {
    /// Index of each by name, as last seen, and the link of those that have clients.
    present: BTreeMap<String, (u32, Option<LinkId>)>,
}

impl Interfaces {
    /// Looks which interfaces of `setup` there are now, and joins the groups of servers on
    /// those that are new or were made anew (DHCP-S-001). `Some` with those that have clients if
    /// anything changed.
    pub(super) fn look(
        &mut self,
        setup: &Setup,
        listeners: &[Listener],
    ) -> Option<Vec<(u32, LinkId)>> {
        let mut found = BTreeMap::new();
        let of_relays = setup.relay_interfaces.iter().map(|name| (name, None));
        let of_links = setup.dhcp.links.iter().flat_map(|link| {
            let names = link.interfaces.iter();
            names.map(|name| (name, Some(link.id)))
        });
        for (name, link) in of_relays.chain(of_links) {
            if let Ok(index) = nix::net::if_::if_nametoindex(name.as_str()) {
                found.insert(name.clone(), (index, link));
            }
        }
        if found == self.present {
            return None;
        }
        for (name, (index, link)) in &found {
            if self.present.get(name).is_none_or(|was| was.0 != *index) {
                match join(listeners, *index) {
                    Ok(()) => {
                        let link = link.map(|link| link.0);
                        tell!(events::DHCP_INTERFACE_JOINED, interface = %name, link);
                    }
                    Err(error) => {
                        tell!(events::DHCP_INTERFACE_FAILED, interface = %name, error = %error);
                    }
                }
            }
        }
        for name in self.present.keys() {
            if !found.contains_key(name) {
                tell!(events::DHCP_INTERFACE_GONE, interface = %name);
            }
        }
        self.present = found;
        let with_clients = self.present.values();
        Some(
            with_clients
                .filter_map(|(index, link)| Some((*index, (*link)?)))
                .collect(),
        )
    }
}

fn join(listeners: &[Listener], index: u32) -> io::Result<()> {
    listeners
        .iter()
        .try_for_each(|listener| listener.join(index))
}

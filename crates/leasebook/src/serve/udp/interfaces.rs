//! Interfaces that come and go.

use std::collections::BTreeMap;
use std::io;

use leasebook_protocol::server::Config;
use leasebook_store::LinkId;

use super::socket::Listener;
use crate::log::events;
use crate::tell;

/// The configured interfaces that exist, by index.
#[derive(Debug, Default)]
pub(super) struct Interfaces {
    /// Index and link of each by name, as last seen.
    present: BTreeMap<String, (u32, LinkId)>,
}

impl Interfaces {
    /// Looks which interfaces of `config` there are now, and joins the groups of servers on
    /// those that are new or were made anew. `Some` with all of them if anything changed.
    ///
    /// Without any interface configured all of the system's are joined, so that relays on a
    /// link of ours are heard by multicast.
    pub(super) fn look(
        &mut self,
        config: &Config,
        listeners: &[Listener],
    ) -> Option<Vec<(u32, LinkId)>> {
        let mut found = BTreeMap::new();
        for link in &config.links {
            for name in &link.interfaces {
                if let Ok(index) = nix::net::if_::if_nametoindex(name.as_str()) {
                    found.insert(name.clone(), (index, link.id));
                }
            }
        }
        if found == self.present {
            return None;
        }
        for (name, (index, link)) in &found {
            if self.present.get(name).is_none_or(|was| was.0 != *index) {
                match join(listeners, *index) {
                    Ok(()) => {
                        tell!(events::DHCP_INTERFACE_JOINED, interface = %name, link = link.0);
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
        Some(self.present.values().copied().collect())
    }
}

fn join(listeners: &[Listener], index: u32) -> io::Result<()> {
    listeners
        .iter()
        .try_for_each(|listener| listener.join(index))
}

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
    /// Index of each by name, as last seen, and the link of those that have clients; none
    /// before the first look.
    present: Option<Present>,
}

type Present = BTreeMap<String, (u32, Option<LinkId>)>;

impl Interfaces {
    /// Looks which interfaces of `setup` there are now, and joins the groups of servers on
    /// those that are new or were made anew (DHCP-S-001). `Some` with those that have clients if
    /// anything changed, and at the first look.
    pub(super) fn look(
        &mut self,
        setup: &Setup,
        listeners: &[Listener],
    ) -> Option<Vec<(u32, LinkId)>> {
        let found = find(setup);
        if self.present.as_ref() == Some(&found) {
            return None;
        }
        let before = self.present.take().unwrap_or_default();
        for (name, (index, link)) in &found {
            if before.get(name).is_none_or(|was| was.0 != *index) {
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
        for name in before.keys() {
            if !found.contains_key(name) {
                tell!(events::DHCP_INTERFACE_GONE, interface = %name);
            }
        }
        let with_clients = found.values();
        let with_clients = with_clients
            .filter_map(|(index, link)| Some((*index, (*link)?)))
            .collect();
        self.present = Some(found);
        Some(with_clients)
    }
}

/// The configured interfaces that there are.
fn find(setup: &Setup) -> Present {
    let of_relays = setup.relay_interfaces.iter().map(|name| (name, None));
    let of_links = setup.dhcp.links.iter().flat_map(|link| {
        let names = link.interfaces.iter();
        names.map(|name| (name, Some(link.id)))
    });
    of_relays
        .chain(of_links)
        .filter_map(|(name, link)| {
            let index = nix::net::if_::if_nametoindex(name.as_str()).ok()?;
            Some((name.clone(), (index, link)))
        })
        .collect()
}

fn join(listeners: &[Listener], index: u32) -> io::Result<()> {
    listeners
        .iter()
        .try_for_each(|listener| listener.join(index))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use leasebook_wire::Duid;

    use super::*;
    use crate::config;

    /// A configuration in which clients on these interfaces are on link 7.
    fn setup(interfaces: &str) -> Setup {
        let text = format!(
            "[[link]]\nid = 7\nname = \"access\"\non-link = [\"3fff::/64\"]\ninterfaces = {interfaces}\n"
        );
        let loaded = config::parse(&text, Path::new("leasebook.toml")).unwrap();
        let duid = Duid::new(&[0, 3, 0, 1, 2, 0, 0, 0, 0, 1]).unwrap();
        Setup::of(&loaded.config, &duid)
    }

    /// DHCP-S-015, DHCP-S-019: a reload that leaves no interface takes the link from the clients of
    /// those there were.
    #[test]
    fn a_reload_without_interfaces_leaves_none() {
        let mut interfaces = Interfaces::default();
        let served = interfaces.look(&setup("[\"lo\"]"), &[]).unwrap();
        assert!(matches!(served[..], [(_, LinkId(7))]), "{served:?}");
        assert_eq!(interfaces.look(&setup("[\"lo\"]"), &[]), None);
        let mut reloaded = Interfaces::default();
        assert_eq!(reloaded.look(&setup("[]"), &[]), Some(Vec::new()));
    }
}

//! The client-facing interfaces.
//!
//! Interfaces come and go and get new numbers from the system; a delegation keeps its port all
//! the same, known by the interface's name (RELAY-019, RELAY-066).

use std::collections::HashMap;
use std::net::Ipv6Addr;

use leasebook_wire::code::OptionCode;

use super::config::RemoteIdText;

/// The number of a port, fixed for its name as long as the relay runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortNo(pub u32);

/// A client-facing interface as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The name of the interface.
    pub name: String,
    /// The system's number of it.
    pub index: u32,
    /// The link-address put into what clients of it send (RELAY-016): global or unique-local;
    /// else link-local, or `::` where it has no address at all (RELAY-017).
    pub link_address: Ipv6Addr,
    /// Its addresses.
    pub addresses: Vec<Ipv6Addr>,
    /// The INTERFACE_ID that names it (RELAY-018).
    pub interface_id: Vec<u8>,
    /// RELAY-FORW is taken from it (RELAY-022).
    pub is_trusted: bool,
    /// LEASEQUERY is relayed from it (RELAY-012).
    pub relays_leasequery: bool,
    /// The REMOTE_ID to add: enterprise number and text (RELAY-023).
    pub remote_id: Option<(u32, RemoteIdText)>,
    /// The SUBSCRIBER_ID to add (RELAY-024).
    pub subscriber_id: Option<RemoteIdText>,
    /// Its number, if it is a VLAN.
    pub vlan: Option<u16>,
    /// Options supplied for the client in an RSOO: code and data, RSOO-enabled ones alone
    /// (RELAY-026).
    pub supplies: Vec<(OptionCode, Vec<u8>)>,
    /// CLIENT_LINKLAYER_ADDR is added where the address is known (RELAY-025).
    pub tells_link_layer: bool,
    /// The next hop of recovered prefixes that came without relay data: an address, or none for
    /// the interface itself on a point-to-point link (RELAY-074).
    pub fallback: Option<Fallback>,
}

/// Where a prefix goes of which nobody tells the next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// To the interface: there is but one other end.
    Interface,
    /// To this address on it.
    Via(Ipv6Addr),
}

/// All ports, those that are gone included.
#[derive(Clone, Debug, Default)]
pub struct Ports {
    names: Vec<String>,
    now: Vec<Option<Port>>,
    by_index: HashMap<u32, PortNo>,
    by_interface_id: HashMap<Vec<u8>, PortNo>,
}

impl Ports {
    /// Takes the ports as they are now; those not among them are gone.
    ///
    /// Returns those that were not there before, or had another number in the system: their
    /// routes are to be put in anew.
    pub fn set(&mut self, ports: Vec<Port>) -> Vec<PortNo> {
        let before = std::mem::take(&mut self.now);
        self.now = vec![None; self.names.len()];
        self.by_index.clear();
        self.by_interface_id.clear();
        let mut fresh = Vec::new();
        for port in ports {
            let no = self.number(&port.name);
            let place = usize::try_from(no.0).unwrap_or(usize::MAX);
            let was = before.get(place).and_then(Option::as_ref);
            if was.is_none_or(|was| was.index != port.index) {
                fresh.push(no);
            }
            self.by_index.insert(port.index, no);
            self.by_interface_id.insert(port.interface_id.clone(), no);
            if let Some(now) = self.now.get_mut(place) {
                *now = Some(port);
            }
        }
        fresh
    }

    /// The number of the port with this name, which is there or may come yet.
    pub fn number(&mut self, name: &str) -> PortNo {
        let known = self.names.iter().position(|known| known == name);
        let place = known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.now.push(None);
            self.names.len() - 1
        });
        PortNo(u32::try_from(place).unwrap_or(u32::MAX))
    }

    /// A port, if it is there now.
    pub fn get(&self, no: PortNo) -> Option<&Port> {
        let place = usize::try_from(no.0).ok()?;
        self.now.get(place)?.as_ref()
    }

    /// The name of a port, there or not.
    pub fn name(&self, no: PortNo) -> &str {
        let place = usize::try_from(no.0).unwrap_or(usize::MAX);
        self.names.get(place).map_or("", String::as_str)
    }

    /// The port with this name, there or not.
    pub fn named(&self, name: &str) -> Option<PortNo> {
        let place = self.names.iter().position(|known| known == name)?;
        u32::try_from(place).ok().map(PortNo)
    }

    /// The port that the system calls so.
    pub fn by_index(&self, index: u32) -> Option<PortNo> {
        self.by_index.get(&index).copied()
    }

    /// The port that an INTERFACE_ID names.
    pub fn by_interface_id(&self, interface_id: &[u8]) -> Option<PortNo> {
        self.by_interface_id.get(interface_id).copied()
    }

    /// The port that a link-address names: the only one that has it.
    pub fn by_link_address(&self, address: Ipv6Addr) -> Option<PortNo> {
        if address.is_unspecified() {
            return None;
        }
        let mut found = self
            .present()
            .filter(|(_, port)| port.link_address == address || port.addresses.contains(&address));
        let first = found.next()?;
        found.next().is_none().then_some(first.0)
    }

    /// Those that are there now.
    pub fn present(&self) -> impl Iterator<Item = (PortNo, &Port)> {
        self.now.iter().zip(0..).filter_map(|(port, no)| {
            let port = port.as_ref()?;
            Some((PortNo(no), port))
        })
    }

    /// Whether an address is one of ours on a client-facing interface.
    pub fn owns(&self, address: &Ipv6Addr) -> bool {
        self.present()
            .any(|(_, port)| port.addresses.contains(address))
    }
}

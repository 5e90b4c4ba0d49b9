//! What the relay is set to; plain values, already checked, that a reload replaces as a whole.

use std::net::{Ipv6Addr, SocketAddrV6};

use ipnet::Ipv6Net;
use leasebook_wire::{Duid, RemoteId};

/// The settings of the relay.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, each named in the configuration"
)]
pub struct Config {
    /// The relay's DUID, by which servers know what it relayed.
    pub relay_id: Duid,
    /// Whether it is put into what is relayed (RELAY-001).
    pub sends_relay_id: bool,
    /// Former Relay-IDs that recovery asks for too (RELAY-006).
    pub former_ids: Vec<Duid>,
    /// Where messages are relayed to: unicast, or a group with the interface as its scope.
    pub servers: Vec<SocketAddrV6>,
    /// Relays other than through client-facing interfaces whose RELAY-FORW is taken (SEC-010).
    pub relays: Vec<Ipv6Net>,
    /// RELAY-FORW with options that relays supply (RSOO) is dropped (RELAY-027).
    pub refuses_rsoo: bool,
    /// What one client and one port may have (RELAY-044, RELAY-045).
    pub limits: Limits,
    /// A client's delegations on other ports end when it gets one (RELAY-043).
    pub one_port_per_client: bool,
    /// Messages of one port's clients that are relayed in a second, on average; 0 is no limit
    /// (SEC-019).
    pub port_rate: u32,
    /// Messages of one client that are relayed in a second, on average; 0 is no limit (SEC-019).
    pub client_rate: u32,
    /// The address that what is relayed to servers leaves from; none is the system's choice.
    pub source: Option<Ipv6Addr>,
    /// Remote-IDs that recovery asks for where a server does not answer by Relay-ID (RELAY-070).
    pub remote_ids: Vec<RemoteId>,
    /// Addresses of IA_NA get host routes (RELAY-053).
    pub host_routes: bool,
    /// A server that has nothing for our Relay-ID is asked by link-address (RELAY-071, D-45).
    pub asks_links_where_none: bool,
    /// The port of clients: 546, or another for tests without privileges.
    pub client_port: u16,
    /// The port of relays: 547, or another for tests without privileges.
    pub relay_port: u16,
}

impl Config {
    /// The defaults for a relay with this identity: servers are to be added.
    pub fn new(relay_id: Duid) -> Self {
        Self {
            relay_id,
            sends_relay_id: true,
            former_ids: Vec::new(),
            servers: Vec::new(),
            relays: Vec::new(),
            refuses_rsoo: false,
            limits: Limits::default(),
            one_port_per_client: false,
            port_rate: 0,
            client_rate: 0,
            source: None,
            remote_ids: Vec::new(),
            host_routes: false,
            asks_links_where_none: true,
            client_port: leasebook_wire::code::DHCP_CLIENT_PORT,
            relay_port: leasebook_wire::code::DHCP_SERVER_PORT,
        }
    }

    /// Whether a Relay-ID is or was ours.
    pub fn is_ours(&self, relay_id: &[u8]) -> bool {
        self.relay_id.octets() == relay_id
            || self.former_ids.iter().any(|id| id.octets() == relay_id)
    }

    /// Whether RELAY-REPL is taken from this address (RELAY-032): from a server listed, or from
    /// anyone where a group is among them, since its members are not known.
    pub fn hears_server(&self, address: &Ipv6Addr) -> bool {
        self.servers
            .iter()
            .any(|server| server.ip() == address || server.ip().is_multicast())
    }

    /// Whether RELAY-FORW is taken from this address of the network.
    pub fn hears_relay(&self, address: &Ipv6Addr) -> bool {
        self.relays.iter().any(|net| net.contains(address))
    }
}

/// How many delegations there may be (RFC 8987 G-5, G-6, G-7; D-42).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of one client on one port.
    pub per_client: u32,
    /// On one port, over all clients.
    pub per_port: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_client: 8,
            per_port: u32::MAX,
        }
    }
}

/// A Remote-ID or Subscriber-ID to add, with places to fill in.
///
/// `{interface}` is the name of the interface, `{vlan}` its VLAN's number (empty where it is no
/// VLAN), `{link-layer}` the client's link-layer address in hex with colons (empty where unknown).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteIdText(pub String);

impl RemoteIdText {
    /// The octets for a client on an interface.
    pub fn fill(&self, interface: &str, vlan: Option<u16>, link_layer: &[u8]) -> Vec<u8> {
        let vlan = vlan.map(|number| number.to_string()).unwrap_or_default();
        let octets = link_layer.iter().map(|octet| format!("{octet:02x}"));
        let hex = octets.collect::<Vec<_>>().join(":");
        let filled = self.0.replace("{interface}", interface);
        let filled = filled.replace("{vlan}", &vlan);
        filled.replace("{link-layer}", &hex).into_bytes()
    }

    /// Whether it tells the client's link-layer address.
    pub fn tells_link_layer(&self) -> bool {
        self.0.contains("{link-layer}")
    }
}

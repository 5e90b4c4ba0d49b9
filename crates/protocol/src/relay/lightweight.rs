//! The lightweight relay: a relay in a bridge, without an address of its own (LDRA, RFC 6221).
//!
//! ```text
//!  client-facing ──► to ff02::1:2, port 547 ──► RELAY-FORW ──► network-facing, same bridge
//!  client-facing ◄── what is in it ◄── RELAY-REPL, link-local, port 547 ◄── network-facing
//! ```
//!
//! It works on what was in a frame, and tells what is to be in another one; addresses of both
//! layers stay as they came, so that neither side learns that there is anything in between.

use std::collections::HashMap;
use std::net::Ipv6Addr;

use leasebook_wire::code::{ALL_DHCP_RELAY_AGENTS_AND_SERVERS, MessageType, OptionCode};
use leasebook_wire::message::RelayHeader;
use leasebook_wire::{ComposeError, Composer, RelayMessage};

use super::config::RemoteIdText;
use super::forward::{HOP_COUNT_LIMIT, MAX_DATAGRAM_OCTETS};
use super::notice::Dropped;
use crate::rate::{Rate, spend};
use crate::time::Mono;

/// A link-layer address of Ethernet.
pub type LinkLayer = [u8; 6];

/// Octets of msg-type and transaction-id: what a client's message has at least.
const CLIENT_HEADER_OCTETS: usize = 4;

/// One datagram with the addresses of its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Who sent the frame.
    pub link_source: LinkLayer,
    /// Whom it is for.
    pub link_destination: LinkLayer,
    /// The IP source.
    pub source: Ipv6Addr,
    /// The IP destination.
    pub destination: Ipv6Addr,
    /// The port of UDP it came from.
    pub source_port: u16,
    /// The port of UDP it goes to.
    pub destination_port: u16,
    /// The message.
    pub octets: &'a [u8],
}

/// What was made of one that is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The message's type; of a RELAY-REPL that of what it holds.
    pub kind: MessageType,
    /// The client-facing interface it came by or goes out of.
    pub client_facing: u32,
    /// Whether it came from the network.
    pub is_reply: bool,
}

/// What an interface is for (RELAY-035).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Clients are on it.
    ClientFacing(ClientFacing),
    /// Servers, or relays nearer to them, are on it.
    NetworkFacing,
}

/// How what comes from clients is marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFacing {
    /// The INTERFACE_ID that names it.
    pub interface_id: Vec<u8>,
    /// RELAY-FORW is taken from it.
    pub is_trusted: bool,
    /// The REMOTE_ID to add: enterprise number and text.
    pub remote_id: Option<(u32, RemoteIdText)>,
    /// The SUBSCRIBER_ID to add.
    pub subscriber_id: Option<RemoteIdText>,
    /// Its number, if it is a VLAN.
    pub vlan: Option<u16>,
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgePort {
    /// Its name.
    pub name: String,
    /// The system's number of the bridge it is in: nothing passes from one bridge to another.
    pub bridge: u32,
    /// What it is for.
    pub role: Role,
}

/// How many messages a second are relayed, on average; 0 is no limit (SEC-019).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageRates {
    /// Of one client.
    pub per_client: u32,
    /// Of one client-facing interface.
    pub per_port: u32,
}

/// Where datagrams go: the interfaces, and what goes out of each. Kept to be filled again.
#[derive(Clone, Debug, Default)]
pub struct Leaving {
    /// The system's numbers of the interfaces.
    pub interfaces: Vec<u32>,
    /// The message.
    pub octets: Vec<u8>,
    /// The port of UDP it goes to; it comes from that of relays and servers.
    pub destination_port: u16,
}

/// The lightweight relay.
#[derive(Clone, Debug)]
pub struct Lightweight {
    ports: HashMap<u32, BridgePort>,
    rates: MessageRates,
    clients: Rate,
    full_at: HashMap<u32, u64>,
    client_port: u16,
    relay_port: u16,
}

impl Lightweight {
    /// One without interfaces; the ports of UDP are those of clients, and of relays and servers.
    pub fn new(rates: MessageRates, client_port: u16, relay_port: u16) -> Self {
        Self {
            ports: HashMap::new(),
            rates,
            clients: Rate::default(),
            full_at: HashMap::new(),
            client_port,
            relay_port,
        }
    }

    /// Takes the interfaces as they are now, by the system's numbers.
    pub fn set_ports(&mut self, ports: HashMap<u32, BridgePort>) {
        self.full_at.retain(|index, _| ports.contains_key(index));
        self.ports = ports;
    }

    /// The interfaces as they are now.
    pub fn ports(&self) -> &HashMap<u32, BridgePort> {
        &self.ports
    }

    /// Takes a datagram that came by an interface. None is one that is nothing to a lightweight
    /// relay, and passes the bridge as if there were none.
    pub fn packet(
        &mut self,
        now: Mono,
        interface: u32,
        packet: &Packet<'_>,
        leaving: &mut Leaving,
    ) -> Option<Result<Passed, Dropped>> {
        leaving.interfaces.clear();
        leaving.octets.clear();
        let port = self.ports.get(&interface)?;
        if packet.destination_port != self.relay_port {
            return None;
        }
        match &port.role {
            Role::ClientFacing(_) => {
                let is_intercepted = packet.destination == ALL_DHCP_RELAY_AGENTS_AND_SERVERS;
                is_intercepted.then(|| self.forward(now, interface, packet, leaving))
            }
            Role::NetworkFacing => {
                let is_intercepted =
                    packet.source.is_unicast_link_local() && is_link_scoped(&packet.destination);
                is_intercepted.then(|| self.back(interface, packet, leaving))
            }
        }
    }

    /// From a client, or a relay nearer to it, towards the servers (RFC 6221 §6.1).
    fn forward(
        &mut self,
        now: Mono,
        interface: u32,
        packet: &Packet<'_>,
        leaving: &mut Leaving,
    ) -> Result<Passed, Dropped> {
        let port = self.ports.get(&interface).ok_or(Dropped::NoInterface)?;
        let Role::ClientFacing(facing) = &port.role else {
            return Err(Dropped::NotForUs);
        };
        let kind = MessageType(*packet.octets.first().ok_or(Dropped::Malformed)?);
        let hop_count = admit(facing, kind, packet)?;
        leaving
            .interfaces
            .extend(self.ports.iter().filter_map(|(index, other)| {
                let leads_out = other.role == Role::NetworkFacing && other.bridge == port.bridge;
                leads_out.then_some(*index)
            }));
        if leaving.interfaces.is_empty() {
            return Err(Dropped::NoServer);
        }
        let header = RelayHeader {
            msg_type: MessageType::RELAY_FORW,
            hop_count,
            link_address: Ipv6Addr::UNSPECIFIED,
            peer_address: packet.source,
        };
        let mut level = Composer::relay(&mut leaving.octets, &header);
        put_options(port, facing, kind, packet, &mut level)
            .and_then(|()| level.option(OptionCode::RELAY_MSG, packet.octets))
            .and_then(|()| level.finish().map(|_| ()))
            .map_err(|_| Dropped::TooLarge)?;
        if leaving.octets.len() > MAX_DATAGRAM_OCTETS {
            return Err(Dropped::TooLarge);
        }
        if !self.allow(now, interface, kind, packet.source) {
            return Err(Dropped::TooOften);
        }
        leaving.destination_port = self.relay_port;
        Ok(Passed {
            kind,
            client_facing: interface,
            is_reply: false,
        })
    }

    /// Whether one more message is relayed; a relay behind the port speaks for many clients.
    fn allow(&mut self, now: Mono, interface: u32, kind: MessageType, source: Ipv6Addr) -> bool {
        if kind != MessageType::RELAY_FORW {
            let mut sender = [0; 20];
            let (number, address) = sender.split_at_mut(4);
            number.copy_from_slice(&interface.to_ne_bytes());
            address.copy_from_slice(&source.octets());
            if !self.clients.allows(&sender, self.rates.per_client, now) {
                return false;
            }
        }
        let full_at = self.full_at.entry(interface).or_default();
        spend(full_at, self.rates.per_port, now)
    }

    /// From the network towards a client (RFC 6221 §6.2).
    fn back(
        &self,
        interface: u32,
        packet: &Packet<'_>,
        leaving: &mut Leaving,
    ) -> Result<Passed, Dropped> {
        if packet.octets.first() != Some(&MessageType::RELAY_REPL.0) {
            return Err(Dropped::NotForUs);
        }
        let level = RelayMessage::parse(packet.octets).map_err(|_| Dropped::Malformed)?;
        // We have no address, so both are always asked for.
        let is_ours = level.peer_address() == packet.destination
            && packet.destination.is_unicast_link_local()
            && level.link_address().is_unspecified();
        if !is_ours {
            return Err(Dropped::OtherPeer);
        }
        let id = level.options().first(OptionCode::INTERFACE_ID);
        let id = id.ok_or(Dropped::NoInterface)?.data;
        let bridge = self.ports.get(&interface).map(|port| port.bridge);
        let named = self.ports.iter().find(|(_, port)| match &port.role {
            Role::ClientFacing(facing) => facing.interface_id == id && Some(port.bridge) == bridge,
            Role::NetworkFacing => false,
        });
        let (client_facing, _) = named.ok_or(Dropped::NoInterface)?;
        let content = level.relayed().ok_or(Dropped::NothingRelayed)?;
        let kind = MessageType(*content.first().ok_or(Dropped::NothingRelayed)?);
        leaving.destination_port = if kind == MessageType::RELAY_REPL {
            self.relay_port
        } else {
            self.client_port
        };
        leaving.interfaces.push(*client_facing);
        leaving.octets.extend_from_slice(content);
        Ok(Passed {
            kind,
            client_facing: *client_facing,
            is_reply: true,
        })
    }
}

/// Whether an address is link-local, or a group of that scope.
fn is_link_scoped(address: &Ipv6Addr) -> bool {
    address.is_unicast_link_local() || address.segments()[0] & 0xff0f == 0xff02
}

/// The hop-count of the RELAY-FORW to make, if any may be made (RELAY-038).
fn admit(facing: &ClientFacing, kind: MessageType, packet: &Packet<'_>) -> Result<u8, Dropped> {
    match kind {
        MessageType::ADVERTISE
        | MessageType::REPLY
        | MessageType::RECONFIGURE
        | MessageType::RELAY_REPL => return Err(Dropped::ServerMessage),
        MessageType::RELAY_FORW if !facing.is_trusted => return Err(Dropped::Untrusted),
        _ if packet.source.is_unspecified() || packet.source.is_multicast() => {
            return Err(Dropped::Malformed);
        }
        MessageType::RELAY_FORW => {}
        _ if packet.octets.len() < CLIENT_HEADER_OCTETS => return Err(Dropped::Malformed),
        _ => return Ok(0),
    }
    let inner = RelayMessage::parse(packet.octets).map_err(|_| Dropped::Malformed)?;
    if inner.hop_count() >= HOP_COUNT_LIMIT {
        return Err(Dropped::TooManyHops);
    }
    Ok(inner.hop_count().saturating_add(1))
}

fn put_options(
    port: &BridgePort,
    facing: &ClientFacing,
    kind: MessageType,
    packet: &Packet<'_>,
    level: &mut Composer<'_>,
) -> Result<(), ComposeError> {
    level.option(OptionCode::INTERFACE_ID, &facing.interface_id)?;
    if kind == MessageType::RELAY_FORW {
        return Ok(());
    }
    let fill = |text: &RemoteIdText| text.fill(&port.name, facing.vlan, &packet.link_source);
    if let Some((enterprise, text)) = &facing.remote_id {
        level.nested(OptionCode::REMOTE_ID, |remote| {
            remote.put_u32(*enterprise);
            remote.put(&fill(text));
            Ok(())
        })?;
    }
    if let Some(text) = &facing.subscriber_id {
        level.option(OptionCode::SUBSCRIBER_ID, &fill(text))?;
    }
    Ok(())
}

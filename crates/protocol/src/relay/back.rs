//! From a server towards a client (RFC 8415 §19.2).

use std::net::{Ipv6Addr, SocketAddrV6};

use leasebook_wire::RelayMessage;
use leasebook_wire::code::{MessageType, OptionCode};

use super::config::Config;
use super::notice::Dropped;
use super::ports::{PortNo, Ports};

/// What a RELAY-REPL holds, and where that goes.
#[derive(Clone, Copy, Debug)]
pub struct Return<'a> {
    /// The message for the peer, octet for octet (RELAY-029).
    pub content: &'a [u8],
    /// Its type.
    pub kind: MessageType,
    /// The peer; a link-local one has the interface as its scope.
    pub to: SocketAddrV6,
    /// The port it leaves by; none leaves it to the system's routes.
    pub port: Option<PortNo>,
    /// The peer's address, as the server gave it back.
    pub peer: Ipv6Addr,
}

/// Unwraps a RELAY-REPL that is addressed to us.
pub fn unwrap<'a>(config: &Config, ports: &Ports, octets: &'a [u8]) -> Result<Return<'a>, Dropped> {
    let level = RelayMessage::parse(octets).map_err(|_| Dropped::Malformed)?;
    let content = level.relayed().ok_or(Dropped::NothingRelayed)?;
    let kind = MessageType(*content.first().ok_or(Dropped::NothingRelayed)?);
    let peer = level.peer_address();
    let port = leaves_by(ports, &level)?;
    let index = port
        .and_then(|no| ports.get(no))
        .map_or(0, |port| port.index);
    if peer.is_unspecified() || (peer.is_unicast_link_local() && index == 0) {
        return Err(Dropped::NoInterface);
    }
    let to_port = if kind == MessageType::RELAY_REPL {
        config.relay_port
    } else {
        config.client_port
    };
    let scope = if peer.is_unicast_link_local() {
        index
    } else {
        0
    };
    Ok(Return {
        content,
        kind,
        to: SocketAddrV6::new(peer, to_port, 0, scope),
        port,
        peer,
    })
}

/// The port that INTERFACE_ID names, else the link-address (RELAY-030, RELAY-031).
fn leaves_by(ports: &Ports, level: &RelayMessage<'_>) -> Result<Option<PortNo>, Dropped> {
    let named = match level.options().first(OptionCode::INTERFACE_ID) {
        Some(id) => ports.by_interface_id(id.data),
        None if level.link_address().is_unspecified() => return Ok(None),
        None => ports.by_link_address(level.link_address()),
    };
    named.map(Some).ok_or(Dropped::NoInterface)
}

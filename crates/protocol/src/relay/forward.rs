//! From a client, or a relay nearer to it, towards the servers (RFC 8415 §19.1).

use std::net::Ipv6Addr;

use leasebook_wire::code::{DEFAULT_NESTING_LIMIT, HardwareType, MessageType, OptionCode};
use leasebook_wire::message::RelayHeader;
use leasebook_wire::option::ClientLinkLayerAddr;
use leasebook_wire::{ComposeError, Composer, Message, RelayMessage};

use super::config::Config;
use super::notice::Dropped;
use super::ports::Port;

/// Relays a message may have passed before it is dropped. Source: RFC 8415 §7.6.
pub const HOP_COUNT_LIMIT: u8 = 8;

/// Octets of the largest payload of UDP over IPv6 without jumbograms: 65535 less the header.
pub(super) const MAX_DATAGRAM_OCTETS: usize = 65_527;

/// Octets of msg-type and transaction-id: what a client's message has at least (D-30).
const CLIENT_HEADER_OCTETS: usize = 4;

/// Options that a relay may supply for clients: the registry of RFC 6422 §8 as it began.
pub const RSOO_ENABLED: [OptionCode; 1] = [OptionCode(65)];

/// What came, and from where.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// The datagram.
    pub octets: &'a [u8],
    /// Its source address.
    pub source: Ipv6Addr,
    /// The link-layer address it came from, if known; else empty.
    pub link_layer: &'a [u8],
}

/// Appends to `out` the RELAY-FORW for what was received on `port`; none is a configured relay
/// elsewhere in the network.
///
/// The message goes in octet for octet (RELAY-014); only its header is looked at (RELAY-013).
/// On an error `out` is as it was.
pub fn forward(
    config: &Config,
    port: Option<&Port>,
    received: &Received<'_>,
    out: &mut Vec<u8>,
) -> Result<MessageType, Dropped> {
    let kind = MessageType(*received.octets.first().ok_or(Dropped::Malformed)?);
    let hop_count = admit(config, port, kind, received.octets)?;
    let is_from_relay = kind == MessageType::RELAY_FORW;
    let start = out.len();
    let header = RelayHeader {
        msg_type: MessageType::RELAY_FORW,
        hop_count,
        link_address: link_address(port, is_from_relay, received.source),
        peer_address: received.source,
    };
    let mut level = Composer::relay(out, &header);
    let composed = put_options(config, port, is_from_relay, received, &mut level)
        .and_then(|()| level.option(OptionCode::RELAY_MSG, received.octets))
        .and_then(|()| level.finish().map(|_| ()));
    if composed.is_err() || out.len() - start > MAX_DATAGRAM_OCTETS {
        out.truncate(start);
        return Err(Dropped::TooLarge);
    }
    Ok(kind)
}

/// The hop-count of the RELAY-FORW to make, if any may be made.
fn admit(
    config: &Config,
    port: Option<&Port>,
    kind: MessageType,
    octets: &[u8],
) -> Result<u8, Dropped> {
    match kind {
        MessageType::RELAY_FORW => {}
        _ if port.is_none() => return Err(Dropped::NotForUs),
        MessageType::ADVERTISE
        | MessageType::REPLY
        | MessageType::RECONFIGURE
        | MessageType::LEASEQUERY_REPLY
        | MessageType::RELAY_REPL => return Err(Dropped::ServerMessage),
        MessageType::LEASEQUERY if !port.is_some_and(|port| port.relays_leasequery) => {
            return Err(Dropped::LeaseQuery);
        }
        _ if octets.len() < CLIENT_HEADER_OCTETS => return Err(Dropped::Malformed),
        _ => return Ok(0),
    }
    if port.is_some_and(|port| !port.is_trusted) {
        return Err(Dropped::Untrusted);
    }
    let inner = RelayMessage::parse(octets).map_err(|_| Dropped::Malformed)?;
    if inner.hop_count() >= HOP_COUNT_LIMIT {
        return Err(Dropped::TooManyHops);
    }
    if config.refuses_rsoo && has_rsoo(inner) {
        return Err(Dropped::Rsoo);
    }
    Ok(inner.hop_count().saturating_add(1))
}

/// Whether any level has options that relays supply.
fn has_rsoo(outermost: RelayMessage<'_>) -> bool {
    let mut level = outermost;
    for _ in 0..DEFAULT_NESTING_LIMIT {
        if level.options().contains(OptionCode::RSOO) {
            return true;
        }
        match level.relayed().map(Message::parse) {
            Some(Ok(Message::Relay(inner))) => level = inner,
            _ => return false,
        }
    }
    false
}

/// An address of the client's link; `::` where the message tells the server one already
/// (RELAY-016, RELAY-021).
fn link_address(port: Option<&Port>, is_from_relay: bool, source: Ipv6Addr) -> Ipv6Addr {
    match port {
        Some(port) if !is_from_relay || source.is_unicast_link_local() => port.link_address,
        _ => Ipv6Addr::UNSPECIFIED,
    }
}

fn put_options(
    config: &Config,
    port: Option<&Port>,
    is_from_relay: bool,
    received: &Received<'_>,
    level: &mut Composer<'_>,
) -> Result<(), ComposeError> {
    if config.sends_relay_id {
        level.option(OptionCode::RELAY_ID, config.relay_id.octets())?;
    }
    let Some(port) = port else {
        return Ok(());
    };
    level.option(OptionCode::INTERFACE_ID, &port.interface_id)?;
    if is_from_relay {
        return Ok(());
    }
    if let Some((enterprise, text)) = &port.remote_id {
        let id = text.fill(&port.name, port.vlan, received.link_layer);
        level.nested(OptionCode::REMOTE_ID, |remote| {
            remote.put_u32(*enterprise);
            remote.put(&id);
            Ok(())
        })?;
    }
    if let Some(text) = &port.subscriber_id {
        let id = text.fill(&port.name, port.vlan, received.link_layer);
        level.option(OptionCode::SUBSCRIBER_ID, &id)?;
    }
    if !port.supplies.is_empty() {
        level.nested(OptionCode::RSOO, |rsoo| {
            let mut supplied = port.supplies.iter();
            supplied.try_for_each(|(code, data)| rsoo.option(*code, data))
        })?;
    }
    if port.tells_link_layer && !received.link_layer.is_empty() {
        level.add(&ClientLinkLayerAddr {
            hardware: HardwareType::ETHERNET,
            address: received.link_layer,
        })?;
    }
    Ok(())
}

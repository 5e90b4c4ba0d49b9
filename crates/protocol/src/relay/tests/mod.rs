//! A relay between scripted clients and servers, on a clock that jumps.

mod keeping;
mod learning;
mod lightweight;
mod limiting;
mod recovering;
mod relaying;

use std::net::{Ipv6Addr, SocketAddrV6};
use std::sync::Arc;
use std::time::Duration;

use ipnet::Ipv6Net;
use leasebook_wire::code::{MessageType, OptionCode};
use leasebook_wire::message::RelayHeader;
use leasebook_wire::{Composer, Duid, RelayMessage, Xid};

use super::*;
use crate::server::Arrival;
use crate::time::{Mono, Now};

/// Our Relay-ID in all tests.
pub(super) const RELAY_ID: &[u8] = &[0, 3, 0, 1, 2, 0, 0, 0, 0, 0x11];
pub(super) const SERVER: &str = "2001:db8:5::1";
pub(super) const CUSTOMER: u32 = 7;

pub(super) fn ip(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

pub(super) fn net(text: &str) -> Ipv6Net {
    text.parse().unwrap()
}

pub(super) fn at(seconds: u64) -> Now {
    Now {
        mono: Mono(1_000_000_000_000).after(Duration::from_secs(seconds)),
        wall: 1_700_000_000 + seconds,
    }
}

pub(super) fn port(name: &str, index: u32, link_address: &str) -> Port {
    Port {
        name: name.to_owned(),
        index,
        link_address: ip(link_address),
        addresses: vec![ip(link_address)],
        interface_id: name.as_bytes().to_vec(),
        is_trusted: false,
        relays_leasequery: false,
        remote_id: None,
        subscriber_id: None,
        vlan: None,
        supplies: Vec::new(),
        tells_link_layer: false,
        fallback: None,
    }
}

pub(super) fn config() -> Config {
    let mut config = Config::new(Duid::new(RELAY_ID).unwrap());
    config.servers = vec![SocketAddrV6::new(ip(SERVER), 547, 0, 0)];
    config
}

/// Clients' interfaces 7 and 8; interface 2 leads to the server.
pub(super) fn ports() -> Vec<Port> {
    vec![
        port("eth7", CUSTOMER, "2001:db8:7::1"),
        port("eth8", 8, "2001:db8:8::1"),
    ]
}

pub(super) struct World {
    pub(super) relay: Relay,
    pub(super) out: Outbox,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(config(), ports())
    }

    pub(super) fn with(config: Config, ports: Vec<Port>) -> Self {
        let mut relay = Relay::new(Arc::new(config));
        let own = ports.iter().flat_map(|port| port.addresses.clone());
        let own = own.chain([ip("2001:db8:5::fe")]).collect();
        relay.set_ports(ports, own);
        Self {
            relay,
            out: Outbox::default(),
        }
    }

    /// A datagram from `from` on an interface; what was sent for it, with its destinations.
    pub(super) fn hear(
        &mut self,
        seconds: u64,
        from: &str,
        interface: u32,
        octets: &[u8],
    ) -> Result<(Vec<SocketAddrV6>, Vec<u8>), Dropped> {
        let arrival = Arrival {
            from: SocketAddrV6::new(ip(from), 546, 0, 0),
            to: ip("ff02::1:2"),
            interface,
        };
        self.out.clear();
        self.relay
            .datagram(at(seconds), &arrival, &[], octets, &mut self.out)?;
        let to = self.out.datagrams.iter().map(|one| one.to).collect();
        let octets = self.out.datagrams.first().map(|one| one.octets.clone());
        let octets = octets.and_then(|range| self.out.octets.get(range));
        Ok((to, octets.unwrap_or_default().to_vec()))
    }

    /// The server's REPLY to client `number` on eth7, with what `put` puts into it.
    pub(super) fn reply(
        &mut self,
        seconds: u64,
        number: u8,
        put: impl FnOnce(&mut Composer<'_>),
    ) -> Vec<RouteChange> {
        let peer = format!("fe80::{number:x}");
        let reply = message(MessageType::REPLY, number, put);
        let octets = wrapped(&reply, "2001:db8:7::1", &peer, Some(b"eth7"));
        self.hear(seconds, SERVER, 2, &octets).unwrap();
        self.relay.take_changes()
    }

    pub(super) fn notices(&mut self) -> Vec<Notice> {
        self.relay.take_notices().0
    }

    pub(super) fn expire(&mut self, seconds: u64) -> Vec<RouteChange> {
        self.relay.expire(at(seconds).mono);
        self.relay.take_changes()
    }
}

pub(super) fn duid(number: u8) -> Vec<u8> {
    vec![0, 3, 0, 1, 2, 0, 0, 0, 1, number]
}

/// A message of or to client `number`, CLIENTID first.
pub(super) fn message(
    kind: MessageType,
    number: u8,
    put: impl FnOnce(&mut Composer<'_>),
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut message = Composer::client(&mut out, kind, Xid([1, 2, 3]));
    message.option(OptionCode::CLIENTID, &duid(number)).unwrap();
    put(&mut message);
    message.finish().unwrap();
    out
}

/// An IA_PD with T1 and T2, and prefixes with their preferred and valid lifetimes.
pub(super) fn ia_pd(
    message: &mut Composer<'_>,
    iaid: u32,
    times: [u32; 2],
    prefixes: &[(&str, u32, u32)],
) {
    let put = |ia: &mut Composer<'_>| {
        for (prefix, preferred, valid) in prefixes {
            let prefix = net(prefix);
            ia.nested(OptionCode::IAPREFIX, |lease| {
                lease.put_u32(*preferred);
                lease.put_u32(*valid);
                lease.put_u8(prefix.prefix_len());
                lease.put_ipv6(prefix.addr());
                Ok(())
            })?;
        }
        Ok(())
    };
    message.ia_pd(iaid, times, put).unwrap();
}

/// A RELAY-REPL around a message.
pub(super) fn wrapped(inner: &[u8], link: &str, peer: &str, id: Option<&[u8]>) -> Vec<u8> {
    relay_message(MessageType::RELAY_REPL, 0, inner, link, peer, id)
}

pub(super) fn relay_message(
    msg_type: MessageType,
    hop_count: u8,
    inner: &[u8],
    link: &str,
    peer: &str,
    id: Option<&[u8]>,
) -> Vec<u8> {
    let mut out = Vec::new();
    let header = RelayHeader {
        msg_type,
        hop_count,
        link_address: ip(link),
        peer_address: ip(peer),
    };
    let mut level = Composer::relay(&mut out, &header);
    if let Some(id) = id {
        level.option(OptionCode::INTERFACE_ID, id).unwrap();
    }
    level.option(OptionCode::RELAY_MSG, inner).unwrap();
    level.finish().unwrap();
    out
}

pub(super) fn via(number: u8, prefix: &str) -> RouteChange {
    let hop = NextHop {
        port: PortNo(0),
        via: Some(ip(&format!("fe80::{number:x}"))),
    };
    RouteChange::Set(net(prefix), hop)
}

pub(super) fn gone(prefix: &str) -> RouteChange {
    RouteChange::Drop(net(prefix))
}

pub(super) fn level(octets: &[u8]) -> RelayMessage<'_> {
    RelayMessage::parse(octets).unwrap()
}

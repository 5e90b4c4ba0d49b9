//! Any datagrams from clients and servers, in any order and with any waits: what is passed on holds them octet for octet, and the routes told are those of the delegations.
//!
//! Seeds: messages
#![no_main]

use std::collections::BTreeMap;
use std::net::SocketAddrV6;
use std::sync::Arc;
use std::time::Duration;

use ipnet::Ipv6Net;
use leasebook_fuzz::plan::Plan;
use leasebook_fuzz::site::{self, ip};
use leasebook_protocol::relay::{
    Config, Heard, NextHop, Outbox, Port, PortNo, Relay, RemoteIdText, RouteChange,
};
use leasebook_protocol::server::Arrival;
use leasebook_protocol::{Mono, Now};
use leasebook_store::LeaseName;
use leasebook_wire::code::{MessageType, OptionCode};
use leasebook_wire::message::RelayHeader;
use leasebook_wire::{Composer, Duid, RelayMessage, Xid};
use libfuzzer_sys::fuzz_target;

const SERVER: &str = "2001:db8:5::1";
const OWN: &str = "2001:db8:7::1";

fuzz_target!(|octets: &[u8]| {
    let mut world = World::new();
    world.from_client(octets, 7);
    world.from_server(octets);
    let mut plan = Plan::new(octets);
    while !plan.is_over() {
        match plan.below(8) {
            0 => world.from_client(plan.piece(), 6 + u32::from(plan.octet() % 4)),
            1 => world.from_server(plan.piece()),
            2..=4 => {
                let reply = reply(&mut plan);
                world.from_server(&reply);
            }
            5 => {
                let release = message(&mut plan, MessageType::RELEASE);
                world.from_client(&release, 7 + u32::from(plan.octet() & 1));
            }
            6 => world.wait(plan.seconds()),
            _ => world.interfaces(plan.octet()),
        }
    }
    world.end();
});

/// A message of or for a client about some of a few prefixes, which nest.
fn message(plan: &mut Plan<'_>, kind: MessageType) -> Vec<u8> {
    let mut out = Vec::new();
    let mut message = Composer::client(&mut out, kind, Xid([1, 2, 3]));
    let client = site::duid(plan.octet() % 3);
    message
        .option(OptionCode::CLIENTID, &client)
        .expect("short");
    for _ in 0..plan.below(3) {
        let prefix = plan.one_of(&[
            "2001:db8:f000::",
            "2001:db8:f000:100::",
            "fe80::",
            "2001:db8:7::",
            "::",
        ]);
        let len = plan.one_of(&[56, 48, 64, 0, 128]);
        let lifetimes = plan.one_of(&[(0, 0), (10, 20), (100, 2000), (u32::MAX, u32::MAX), (9, 1)]);
        let iaid = u32::from(plan.octet() & 1);
        message
            .nested(OptionCode::IA_PD, |ia| {
                ia.put_u32(iaid);
                ia.put_u64(0);
                ia.nested(OptionCode::IAPREFIX, |lease| {
                    lease.put_u32(lifetimes.0);
                    lease.put_u32(lifetimes.1);
                    lease.put_u8(len);
                    lease.put_ipv6(ip(prefix));
                    Ok(())
                })
            })
            .expect("short");
    }
    let address = LeaseName::Address(ip("2001:db8:7::100"));
    site::put_ia(
        &mut message,
        OptionCode::IA_NA,
        1,
        &[address][..usize::from(plan.flag())],
    );
    message.finish().expect("short");
    out
}

/// A REPLY in a RELAY-REPL that is addressed to this relay, or nearly.
fn reply(plan: &mut Plan<'_>) -> Vec<u8> {
    let inner = message(plan, MessageType::REPLY);
    let mut out = Vec::new();
    let header = RelayHeader {
        msg_type: MessageType::RELAY_REPL,
        hop_count: 0,
        link_address: ip(plan.one_of(&["2001:db8:7::1", "2001:db8:8::1", "::", "2001:db8:9::1"])),
        peer_address: ip(plan.one_of(&["fe80::1", "fe80::2", "2001:db8:7::9", "::"])),
    };
    let mut level = Composer::relay(&mut out, &header);
    let id: &[u8] = plan.one_of(&[b"", b"eth7", b"eth8", b"eth9"]);
    if !id.is_empty() {
        level.option(OptionCode::INTERFACE_ID, id).expect("short");
    }
    level.option(OptionCode::RELAY_MSG, &inner).expect("short");
    level.finish().expect("short");
    out
}

struct World {
    relay: Relay,
    out: Outbox,
    now: Now,
    /// What the kernel has, by the changes told.
    routes: BTreeMap<Ipv6Net, NextHop>,
}

impl World {
    fn new() -> Self {
        let mut config =
            Config::new(Duid::new(&[0, 3, 0, 1, 2, 0, 0, 0, 0, 0x11]).expect("a DUID"));
        config.servers = vec![
            SocketAddrV6::new(ip(SERVER), 547, 0, 0),
            SocketAddrV6::new(ip("2001:db8:5::2"), 547, 0, 0),
        ];
        config.host_routes = true;
        config.limits.per_client = 3;
        let mut world = Self {
            relay: Relay::new(Arc::new(config)),
            out: Outbox::default(),
            now: Now {
                mono: Mono(1_000_000_000_000),
                wall: 1_700_000_000,
            },
            routes: BTreeMap::new(),
        };
        world.interfaces(0);
        world
    }

    /// Interfaces come, go and come back under another number.
    fn interfaces(&mut self, choice: u8) {
        let mut ports = vec![port("eth8", 8, "2001:db8:8::1")];
        if choice & 1 == 0 {
            ports.push(port("eth7", 7 + u32::from(choice >> 7) * 20, OWN));
        }
        self.relay
            .set_ports(ports, vec![ip(OWN), ip("2001:db8:8::1")]);
        self.check();
    }

    fn from_client(&mut self, octets: &[u8], interface: u32) {
        let Some(heard) = self.hear("fe80::7", interface, octets) else {
            return;
        };
        if heard.is_reply {
            return;
        }
        assert_eq!(self.out.datagrams.len(), 2, "one for each server");
        for datagram in &self.out.datagrams {
            let sent = &self.out.octets[datagram.octets.clone()];
            let level = RelayMessage::parse(sent).expect("what is sent can be read");
            assert_eq!(level.msg_type(), MessageType::RELAY_FORW);
            assert_eq!(level.relayed(), Some(octets), "RELAY-014");
            assert!(level.hop_count() <= 8);
        }
        self.check();
    }

    fn from_server(&mut self, octets: &[u8]) {
        if self
            .hear(SERVER, 2, octets)
            .is_some_and(|heard| heard.is_reply)
        {
            let level = RelayMessage::parse(octets).expect("what is passed on can be read");
            let [datagram] = &self.out.datagrams[..] else {
                panic!("one client");
            };
            let sent = &self.out.octets[datagram.octets.clone()];
            assert_eq!(level.relayed(), Some(sent), "RELAY-029");
            assert_eq!(*datagram.to.ip(), level.peer_address());
        }
        self.check();
    }

    fn hear(&mut self, from: &str, interface: u32, octets: &[u8]) -> Option<Heard> {
        let arrival = Arrival {
            from: SocketAddrV6::new(ip(from), 546, 0, 0),
            to: ip("ff02::1:2"),
            interface,
        };
        self.out.clear();
        let heard = self
            .relay
            .datagram(self.now, &arrival, &[2; 6], octets, &mut self.out);
        if heard.is_err() {
            assert!(self.out.datagrams.is_empty() && self.out.octets.is_empty());
        }
        heard.ok()
    }

    fn wait(&mut self, seconds: u64) {
        self.now.wall += seconds;
        self.now.mono = self.now.mono.after(Duration::from_secs(seconds));
        self.relay.expire(self.now.mono);
        let next = self.relay.deadline();
        assert!(next.is_none_or(|next| next > self.now.mono));
        self.check();
    }

    /// The routes told, one after another, are those of the table; none is one that must not be.
    fn check(&mut self) {
        for change in self.relay.take_changes() {
            match change {
                RouteChange::Set(prefix, hop) => {
                    self.routes.insert(prefix, hop);
                }
                RouteChange::Drop(prefix) => {
                    assert!(
                        self.routes.remove(&prefix).is_some(),
                        "{prefix} was not there"
                    );
                }
            }
        }
        let table = self.relay.table();
        assert!(
            table
                .wanted()
                .eq(self.routes.iter().map(|(at, hop)| (*at, *hop)))
        );
        assert_eq!(table.routed() as usize, self.routes.len());
        let mut per_client: BTreeMap<(&[u8], PortNo), u32> = BTreeMap::new();
        for one in table.iter().filter(|one| one.standing.is_routed()) {
            assert!(one.prefix.prefix_len() > 0, "RELAY-054");
            assert!(!one.prefix.addr().is_unicast_link_local(), "RELAY-054");
            assert!(!one.prefix.contains(&ip(OWN)), "RELAY-054");
            assert_eq!(
                table.overlapping(one.prefix, &one.client).count(),
                0,
                "RELAY-055"
            );
            if let Some(hop) = one.hop {
                *per_client.entry((&one.client, hop.port)).or_default() += 1;
            }
        }
        assert!(per_client.values().all(|count| *count <= 3), "RELAY-045");
        let _ = self.relay.take_notices();
    }

    /// Once all lifetimes that end are over, only what is for ever is left.
    fn end(&mut self) {
        self.wait(u64::from(u32::MAX));
        let is_for_ever = |one: &leasebook_protocol::relay::Delegation| one.valid_until.is_none();
        assert!(self.relay.table().iter().all(is_for_ever));
    }
}

fn port(name: &str, index: u32, link_address: &str) -> Port {
    Port {
        name: name.to_owned(),
        index,
        link_address: ip(link_address),
        addresses: vec![ip(link_address)],
        interface_id: name.as_bytes().to_vec(),
        is_trusted: name == "eth8",
        relays_leasequery: false,
        remote_id: Some((9, RemoteIdText("{interface} {link-layer}".to_owned()))),
        subscriber_id: None,
        vlan: None,
        supplies: Vec::new(),
        tells_link_layer: true,
        fallback: None,
    }
}

//! The relay learns one more delegation when it holds a million; in this process.

use std::net::{Ipv6Addr, SocketAddrV6};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use leasebook_protocol::relay::{Config, Outbox, Port, Relay, RouteChange};
use leasebook_protocol::server::Arrival;
use leasebook_protocol::{Mono, Now};
use leasebook_wire::code::{MessageType, OptionCode};
use leasebook_wire::message::RelayHeader;
use leasebook_wire::{ComposeError, Composer, Duid, Xid};

use crate::field::median;
use crate::fixture::delegation;

const SERVER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 5, 0, 0, 0, 0, 1);
const OWN: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 1);

/// The index of the clients' interface.
const CUSTOMERS: u32 = 7;

/// Learns `held`, then `more`, and times these one by one, up to the changes for the kernel in
/// the queue of the thread that keeps routes.
pub(crate) fn learning(held: u32, more: u32) -> anyhow::Result<()> {
    let mut config = Config::new(Duid::new(&[0, 3, 0, 1, 2, 0, 0, 0, 0, 0x11])?);
    config.servers = vec![SocketAddrV6::new(SERVER, 547, 0, 0)];
    config.limits.per_port = u32::MAX;
    let mut relay = Relay::new(Arc::new(config));
    relay.set_ports(vec![customers()], vec![OWN]);
    let few = learn(&mut relay, 0..more)?;
    let fill = learn(&mut relay, more..held)?;
    let many = learn(&mut relay, held..held + more)?;
    ensure!(
        relay.table().routed() == held + more,
        "delegations are missing"
    );
    println!(
        "learning: a REPLY relayed, its delegation learnt and its route queued for the kernel's thread"
    );
    for (name, mut times) in [
        ("first", few),
        ("while filling", fill),
        ("with all held", many),
    ] {
        let middle = median(&times);
        times.sort_unstable();
        let p99 = times
            .get(times.len() * 99 / 100)
            .copied()
            .unwrap_or_default();
        println!(
            "  {name:<14} of {:>8}: median {middle:>8.1?}, p99 {p99:>8.1?}",
            times.len()
        );
    }
    println!("  {held} held; goal: microseconds\n");
    Ok(())
}

fn learn(relay: &mut Relay, clients: std::ops::Range<u32>) -> anyhow::Result<Vec<Duration>> {
    let (queue, _thread) = std::sync::mpsc::channel::<Vec<RouteChange>>();
    let mut out = Outbox::default();
    let mut octets = Vec::new();
    let mut times = Vec::new();
    let arrival = Arrival {
        from: SocketAddrV6::new(SERVER, 547, 0, 0),
        to: OWN,
        interface: 2,
    };
    for client in clients {
        octets.clear();
        reply(client, &mut octets)?;
        let now = Now {
            mono: Mono(1_000_000_000).after(Duration::from_millis(client.into())),
            wall: 1_900_000_000,
        };
        let began = Instant::now();
        out.clear();
        let heard = relay.datagram(now, &arrival, &[], &octets, &mut out);
        queue.send(relay.take_changes())?;
        let notices = relay.take_notices();
        times.push(began.elapsed());
        ensure!(heard.is_ok() && notices.1 == 0, "a REPLY was not relayed");
    }
    Ok(times)
}

/// The server's RELAY-REPL for a client.
fn reply(client: u32, octets: &mut Vec<u8>) -> Result<(), ComposeError> {
    let bits = u128::from(client);
    let header = RelayHeader {
        msg_type: MessageType::RELAY_REPL,
        hop_count: 0,
        link_address: OWN,
        peer_address: Ipv6Addr::from_bits(0xfe80 << 112 | (bits + 0x100)),
    };
    let mut message = Composer::relay(octets, &header);
    message.option(OptionCode::INTERFACE_ID, b"pon0")?;
    message.nested(OptionCode::RELAY_MSG, |message| {
        message.client_header(MessageType::REPLY, Xid::from_number(client));
        let [a, b, c, d] = client.to_be_bytes();
        message.option(OptionCode::CLIENTID, &[0, 3, 0, 1, 2, 0, a, b, c, d])?;
        message.option(OptionCode::SERVERID, &[0, 3, 0, 1, 2, 0, 0, 0, 0, 9])?;
        let prefix = Ipv6Addr::from_bits(0x3fff_0100 << 96 | bits << 72);
        delegation(message, [1800, 2880], prefix)
    })?;
    message.finish().map(drop)
}

fn customers() -> Port {
    Port {
        name: "pon0".to_owned(),
        index: CUSTOMERS,
        link_address: OWN,
        addresses: vec![OWN],
        interface_id: b"pon0".to_vec(),
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

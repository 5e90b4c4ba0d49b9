//! Any datagram, in any relays, gets at most one answer, which goes back the way it came to whom it is for; no lease is given twice.
//!
//! Seeds: messages
#![no_main]

use std::net::{Ipv6Addr, SocketAddrV6};

use leasebook_fuzz::book;
use leasebook_fuzz::plan::Plan;
use leasebook_fuzz::site::{self, Site, ip};
use leasebook_wire::code::{MessageType, OptionCode};
use leasebook_wire::{ClientMessage, RelayChain};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let mut site = Site::new();
    for number in 0..3 {
        site.bind(number);
    }
    hear(&mut site, octets);
    let mut plan = Plan::new(octets);
    for _ in 0..plan.below(4) {
        site.wait(plan.seconds());
        let message = message(&mut plan);
        let datagram = nest(message, &mut plan);
        arrive(&mut site, &mut plan);
        hear(&mut site, &datagram);
    }
});

/// Some octets that begin as a message of a client does.
fn message(plan: &mut Plan<'_>) -> Vec<u8> {
    let mut octets = vec![1 + plan.octet() % 36, 7, 7, plan.octet()];
    if plan.flag() {
        let client = site::duid(plan.octet() % 5);
        octets.extend([0, 1, 0, 8]);
        octets.extend(client);
    }
    if plan.flag() {
        octets.extend([0, 2, 0, 7]);
        octets.extend(site::SERVER);
    }
    for _ in 0..plan.below(5) {
        let code = plan.one_of(&[3, 4, 25, 6, 14, 39, 20, 5, 26, 8, 16, 15, 17]);
        let data = plan.piece();
        octets.extend([0, code, 0, data.len().try_into().expect("at most 255")]);
        octets.extend(data);
    }
    octets.extend(plan.piece());
    octets
}

/// The message in up to 40 relays, more than are taken.
fn nest(mut octets: Vec<u8>, plan: &mut Plan<'_>) -> Vec<u8> {
    let depth = match plan.octet() {
        octet @ 0..200 => octet % 4,
        octet => octet - 200,
    };
    for hop in 0..depth {
        let link = plan.one_of(&[
            "::",
            "2001:db8:1::1",
            "2001:db8:2::1",
            "2001:db8:9::1",
            "fe80::1",
        ]);
        let options: &[(OptionCode, &[u8])] = &[
            (OptionCode::INTERFACE_ID, &[hop]),
            (
                OptionCode(plan.octet().into()),
                plan.take(usize::from(hop) * 4),
            ),
        ];
        let header = (hop, ip(link), ip("fe80::99"));
        octets = site::relayed(&octets, header, options).unwrap_or(octets);
    }
    octets
}

fn arrive(site: &mut Site, plan: &mut Plan<'_>) {
    let from = plan.one_of(&["fe80::7", "2001:db8:1::77", "2001:db8:ff::1", "::1"]);
    site.arrival.from = SocketAddrV6::new(ip(from), 500 + u16::from(plan.octet()), 0, 0);
    site.arrival.to = ip(plan.one_of(&["ff02::1:2", "ff05::1:3", "2001:db8::2"]));
    site.arrival.interface = u32::from(plan.octet() % 5);
}

fn hear(site: &mut Site, octets: &[u8]) {
    let (outcome, reply) = site.datagram(octets);
    book::check_holders(&site.store, site.now.wall);
    let Some(reply) = reply else {
        return;
    };
    let asked = RelayChain::parse(octets, 32).expect("what is answered can be read");
    let told = RelayChain::parse(&reply, 32).expect("what is sent can be read");
    assert_eq!(asked.depth(), told.depth());
    for (there, back) in asked.levels().zip(told.levels()) {
        assert_eq!(back.msg_type(), MessageType::RELAY_REPL);
        assert_eq!(back.hop_count(), there.hop_count());
        assert_eq!(back.link_address(), there.link_address());
        assert_eq!(back.peer_address(), there.peer_address());
        let id = |level: leasebook_wire::RelayMessage<'_>| {
            let id = level.options().first(OptionCode::INTERFACE_ID);
            id.map(|id| id.data.to_vec())
        };
        assert_eq!(id(back), id(there));
    }
    let (asked, told) = (asked.message(), told.message());
    assert_eq!(told.xid(), asked.xid());
    // One that is no DUID counts as none.
    let client = of(asked, OptionCode::CLIENTID).filter(|client| (1..=130).contains(&client.len()));
    assert_eq!(of(told, OptionCode::CLIENTID), client);
    assert_eq!(of(told, OptionCode::SERVERID), Some(site::SERVER));
    assert!(
        !Ipv6Addr::is_unspecified(site.arrival.from.ip()),
        "{outcome:?}"
    );
}

fn of<'a>(message: ClientMessage<'a>, code: OptionCode) -> Option<&'a [u8]> {
    message.options().first(code).map(|option| option.data)
}

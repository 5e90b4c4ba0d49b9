//! Any datagram to a server or a requestor of individual Leasequery: an answer fits its query and the limit, and every query of the requestor ends once.
//!
//! Seeds: messages
#![no_main]

use std::net::{IpAddr, Ipv6Addr};

use leasebook_fuzz::plan::Plan;
use leasebook_fuzz::site::{self, Site, ip};
use leasebook_protocol::leasequery::{Config, Relayed, UdpOutcome, UdpResponder, UdpSettings};
use leasebook_protocol::requestor::{
    self, Ask, Event, Question, UdpInput, UdpRequestor, UdpTimers,
};
use leasebook_protocol::{Mono, Now};
use leasebook_wire::code::{MessageType, OptionCode};
use leasebook_wire::{Duid, RelayChain};
use libfuzzer_sys::fuzz_target;

/// The least limit of a datagram.
const MAX_OCTETS: usize = 1232;

fuzz_target!(|octets: &[u8]| {
    to_server(octets);
    let mut plan = Plan::new(octets);
    to_requestor(&mut plan);
});

fn to_server(octets: &[u8]) {
    let mut site = Site::new();
    for number in 0..3 {
        site.bind(number);
    }
    let mut config = Config::new(Duid::new(site::SERVER).expect("a DUID"));
    // A requestor behind a relay is known by its peer-address.
    config.allow[0].source = "::/0".parse().expect("a prefix");
    let links = site::links();
    let responder = UdpResponder {
        config: &config,
        links: &links,
        settings: UdpSettings {
            max_octets: MAX_OCTETS,
            relayed: Relayed::Answer,
        },
        store: &site.store,
    };
    let mut out = vec![0xee];
    let source = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let outcome = responder.answer(site.now.wall, source, octets, &mut out);
    assert_eq!(out[0], 0xee, "what was there stays");
    let reply = &out[1..];
    let is_dropped = matches!(outcome, UdpOutcome::Dropped(_));
    assert_eq!(is_dropped, reply.is_empty(), "{outcome:?}");
    if is_dropped {
        return;
    }
    assert!(reply.len() <= MAX_OCTETS, "{} octets", reply.len());
    let query = RelayChain::parse(octets, 32).expect("what is answered can be read");
    let reply = RelayChain::parse(reply, 32).expect("what is sent can be read");
    let back = query.levels().zip(reply.levels());
    for (there, back) in back {
        assert_eq!(back.msg_type(), MessageType::RELAY_REPL);
        assert_eq!(there.peer_address(), back.peer_address());
    }
    assert_eq!(query.depth(), reply.depth());
    let (query, reply) = (query.message(), reply.message());
    assert_eq!(reply.msg_type(), MessageType::LEASEQUERY_REPLY);
    assert_eq!(reply.xid(), query.xid());
    let of = |message: leasebook_wire::ClientMessage<'_>, code| {
        message
            .options()
            .first(code)
            .map(|option| option.data.to_vec())
    };
    let ours = Some(site::SERVER.to_vec());
    assert_eq!(of(reply, OptionCode::SERVERID), ours);
    assert_eq!(
        of(reply, OptionCode::CLIENTID),
        of(query, OptionCode::CLIENTID)
    );
}

fn to_requestor(plan: &mut Plan<'_>) {
    let mut next = 0;
    let counting = move || {
        next += 1;
        next
    };
    let client = Duid::new(&[0, 3, 0, 1, 9, 9]).expect("a DUID");
    let config = requestor::Config::new(client);
    let mut machine = UdpRequestor::new(config, UdpTimers::default(), Box::new(counting));
    let mut now = Now {
        mono: Mono(1_000_000_000),
        wall: 1_800_000_000,
    };
    let mut asked = 0;
    for _ in 0..1 + plan.below(3) {
        let ask = Ask::everywhere(Question::Address(ip("2001:db8:1::10")));
        asked += usize::from(machine.ask(now, ask).is_ok());
    }
    let mut ended = Vec::new();
    let mut handle = |machine: &mut UdpRequestor, now: Now, input: UdpInput<'_>| {
        machine.handle(now, input, &mut |event| match event {
            Event::Ended { query, .. } => {
                assert!(!ended.contains(&query), "{query:?} ends twice");
                ended.push(query);
            }
            Event::Binding(binding) => {
                for lease in binding.claim.leases() {
                    assert!(lease.valid > 0 && lease.preferred <= lease.valid);
                }
            }
            _ => {}
        });
        let mut sent = 0;
        while let Some(datagram) = machine.poll() {
            assert_eq!(datagram.first(), Some(&MessageType::LEASEQUERY.0));
            sent += 1;
        }
        assert!(sent <= 1000, "a flood of queries");
    };
    while !plan.is_over() {
        match plan.below(4) {
            0 | 1 => handle(&mut machine, now, UdpInput::Datagram(plan.piece())),
            2 => handle(&mut machine, now, UdpInput::Trouble("refused")),
            _ => {
                now.mono = machine.deadline().unwrap_or(now.mono).max(now.mono);
                handle(&mut machine, now, UdpInput::Timer);
            }
        }
    }
    handle(&mut machine, now, UdpInput::Stop);
    assert_eq!(ended.len(), asked);
}

//! Getting everything back from servers, good ones and others.

use leasebook_store::{Binding, Change, IaKind, Lease, LeaseName, LeaseState, LeaseStore as _};
use leasebook_store::{LinkId, MemoryStore, RelayData};
use leasebook_wire::code::StatusCode;
use leasebook_wire::{ClientMessage, Deframer, RelayChain, RelayPath};

use super::*;
use crate::leasequery;
use crate::links::{Link, Links};
use crate::relay::recovery::Counts;
use crate::requestor::{self, Action, Cause, Input};

/// What the relay makes of a client's message: the chain as a server keeps it.
fn chain(world: &mut World, number: u8, interface: u32) -> Vec<u8> {
    let request = message(MessageType::REQUEST, number, |_| {});
    let peer = format!("fe80::{number:x}");
    let (_, octets) = world.hear(0, &peer, interface, &request).unwrap();
    let mut out = Vec::new();
    RelayPath::take_from(&octets, 8, &mut out).unwrap();
    assert!(RelayChain::parse(&octets, 8).is_ok());
    out
}

fn binding(number: u8, prefix: &str, clt_age: u64, valid: u32, chain: Vec<u8>) -> Binding {
    let prefix = net(prefix);
    Binding {
        link: LinkId(1),
        client: Duid::new(&duid(number)).unwrap(),
        leases: vec![Lease {
            name: LeaseName::prefix(prefix.addr(), prefix.prefix_len()).unwrap(),
            kind: IaKind::Pd,
            iaid: 1,
            state: LeaseState::Bound,
            clt: at(0).wall - clt_age,
            preferred: valid,
            valid,
        }],
        relay: (!chain.is_empty()).then(|| RelayData {
            peer: ip("2001:db8:5::fe"),
            chain,
        }),
        options: Vec::new(),
    }
}

/// A server in memory, and the relay's recovery from it.
struct Recovering {
    recovery: ServerRecovery,
    server: leasequery::Connection,
    store: MemoryStore,
}

impl Recovering {
    fn new(world: &World, bindings: Vec<Binding>) -> Self {
        let links = Links::new(vec![Link {
            id: LinkId(1),
            on_link: vec![net("2001:db8:7::/64")],
            relay_addresses: Vec::new(),
            delegated: vec![net("2001:db8::/32")],
        }]);
        let store = MemoryStore::new();
        let changes = bindings.into_iter().map(Change::Put).collect();
        store.commit(changes).unwrap();
        let config = leasequery::Config::new(Duid::new(&[0, 2, 0, 0, 0, 1]).unwrap());
        let source = "::1".parse().unwrap();
        let links = Arc::new(links);
        let server = leasequery::Connection::new(Arc::new(config), links, source, at(0));
        Self {
            recovery: begin(world, 0),
            server,
            store,
        }
    }

    /// Runs until neither side has anything to say; hands over at most `piece` octets at once.
    fn run(&mut self, world: &mut World, seconds: u64, piece: usize) {
        let now = at(seconds);
        let relay = &mut world.relay;
        let mut is_closed = false;
        loop {
            let mut is_quiet = true;
            while let Some(action) = self.recovery.poll() {
                is_quiet = false;
                match action {
                    Action::Connect => self.recovery.handle(now, Input::Connected, relay),
                    Action::Send(octets) => {
                        self.server.octets(now, &octets);
                        self.recovery.handle(now, Input::Sent(octets.len()), relay);
                    }
                    Action::CloseSending => self.server.peer_closed_sending(now),
                    Action::Close => is_closed = true,
                }
            }
            let mut out = Vec::new();
            while self.server.fill(now, &self.store, &mut out) == leasequery::FillState::More {}
            self.server.sent(now, out.len());
            for piece in out.chunks(piece) {
                is_quiet = false;
                if !is_closed {
                    self.recovery.handle(now, Input::Octets(piece), relay);
                }
            }
            if is_quiet {
                return;
            }
        }
    }
}

fn begin(world: &World, server: u16) -> ServerRecovery {
    let mut config = requestor::Config::new(Duid::new(RELAY_ID).unwrap());
    config.retries = u32::MAX;
    config.pipelined = 4;
    let mut next = 0_u64;
    let entropy = Box::new(move || {
        next += 1;
        next
    });
    ServerRecovery::begin(at(0), server, config, entropy, &world.relay).unwrap()
}

const A: &str = "2001:db8:100::/56";
const B: &str = "2001:db8:100:100::/56";

/// RELAY-065, RELAY-069, RELAY-073, RELAY-075: everything comes back by Relay-ID, each prefix to
/// the next hop and interface that the chain tells, however the octets are cut.
#[test]
fn everything_comes_back_by_relay_id() {
    for piece in [1, 7, 100_000] {
        let mut world = World::new();
        let bindings = (1..=200_u8).map(|number| {
            let chain = chain(&mut world, number, CUSTOMER);
            binding(
                number,
                &format!("2001:db8:{number:x}00::/40"),
                10,
                1000,
                chain,
            )
        });
        let bindings = bindings.collect();
        let mut recovering = Recovering::new(&world, bindings);
        recovering.run(&mut world, 0, piece);
        let changes = world.relay.take_changes();
        assert_eq!(changes.len(), 200);
        assert!(changes.contains(&via(0xc8, "2001:db8:c800::/40")));
        assert_eq!(*recovering.recovery.phase(), Phase::Done);
        assert!(recovering.recovery.is_finished());
        // Expiry counts from what was left.
        assert_eq!(world.expire(989), []);
        assert_eq!(world.expire(991).len(), 200);
    }
}

/// RELAY-072: what came through other relays only is not routed.
#[test]
fn other_relays_customers_are_not_routed() {
    let mut world = World::new();
    let mut config = config();
    config.relay_id = Duid::new(&[0, 3, 0, 1, 9, 9]).unwrap();
    let mut other = World::with(config, ports());
    let foreign = chain(&mut other, 1, CUSTOMER);
    let ours = chain(&mut world, 2, CUSTOMER);
    // The server has nothing for our Relay-ID but what the link tells.
    let bindings = vec![
        binding(1, A, 10, 1000, foreign),
        binding(2, B, 10, 1000, ours),
    ];
    let mut recovering = Recovering::new(&world, bindings);
    recovering.run(&mut world, 0, 100_000);
    assert_eq!(world.relay.take_changes(), [via(2, B)]);
    let bindings = vec![binding(1, A, 10, 1000, chain(&mut other, 1, CUSTOMER))];
    let mut recovering = Recovering::new(&world, bindings);
    recovering.run(&mut world, 0, 100_000);
    assert_eq!(world.relay.take_changes(), []);
    let other_relay = |notice: &Notice| {
        let why = Unroutable::OtherRelay;
        matches!(notice, Notice::Refused { why: told, server: Some(0), .. } if *told == why)
    };
    assert!(world.notices().iter().any(other_relay));
}

/// RELAY-006: former Relay-IDs are asked for, and what came under them is ours.
#[test]
fn a_replacement_takes_over_the_identity_of_the_old_box() {
    let mut old = World::new();
    let chain = chain(&mut old, 1, CUSTOMER);
    let mut config = config();
    config.former_ids = vec![config.relay_id];
    config.relay_id = Duid::new(&[0, 3, 0, 1, 7, 7]).unwrap();
    let mut world = World::with(config, ports());
    let mut recovering = Recovering::new(&world, vec![binding(1, A, 10, 1000, chain)]);
    recovering.run(&mut world, 0, 100_000);
    assert_eq!(world.relay.take_changes(), [via(1, A)]);
}

/// RELAY-071, RELAY-074: a server that kept no Relay-IDs is asked by link-address; without relay
/// data the prefix goes to what is configured, else it is known and not routed.
#[test]
fn a_server_without_relay_data_is_asked_by_link() {
    let mut world = World::new();
    let mut recovering = Recovering::new(&world, vec![binding(1, A, 10, 1000, Vec::new())]);
    recovering.run(&mut world, 0, 100_000);
    assert_eq!(world.relay.take_changes(), []);
    let known = world.relay.table().get(net(A)).unwrap();
    assert_eq!(
        known.standing,
        Standing::Unroutable(Unroutable::NoRelayData)
    );
    let mut ports = ports();
    ports[0].fallback = Some(ports::Fallback::Interface);
    let own = world.relay.own_addresses(None).copied().collect();
    world.relay.set_ports(ports, own);
    let mut recovering = Recovering::new(&world, vec![binding(1, A, 10, 1000, Vec::new())]);
    recovering.run(&mut world, 1, 100_000);
    let hop = NextHop {
        port: PortNo(0),
        via: None,
    };
    assert_eq!(world.relay.take_changes(), [RouteChange::Set(net(A), hop)]);
}

/// RELAY-076: what was learnt live meanwhile wins over what is recovered.
#[test]
fn what_is_live_wins() {
    let mut world = World::new();
    let old = chain(&mut world, 1, CUSTOMER);
    let mut recovering = Recovering::new(&world, vec![binding(1, A, 10, 1000, old)]);
    world.reply(0, 2, |reply| ia_pd(reply, 1, [0, 0], &[(A, 10, 20)]));
    recovering.run(&mut world, 0, 100_000);
    assert_eq!(world.relay.take_changes(), []);
    assert_eq!(*world.relay.table().get(net(A)).unwrap().client, duid(2));
    // The same client's own newer end stays, too.
    let again = chain(&mut world, 2, CUSTOMER);
    let mut recovering = Recovering::new(&world, vec![binding(2, A, 10, 1000, again)]);
    recovering.run(&mut world, 0, 100_000);
    assert_eq!(
        world.relay.table().get(net(A)).unwrap().valid_until,
        Some(at(20).mono)
    );
}

/// RELAY-077: what is known and not told by a server stays until it expires.
#[test]
fn what_a_server_does_not_tell_stays() {
    let mut world = World::new();
    world.reply(0, 1, |reply| ia_pd(reply, 1, [0, 0], &[(A, 10, 20)]));
    Recovering::new(&world, Vec::new()).run(&mut world, 1, 100_000);
    assert_eq!(world.expire(19), []);
    assert_eq!(world.relay.table().routed(), 1);
}

/// RELAY-083: a lease past half of its life is asked about again, and routed when confirmed.
#[test]
fn a_doubtful_lease_is_confirmed() {
    let mut world = World::new();
    let chain = chain(&mut world, 1, CUSTOMER);
    let mut recovering = Recovering::new(&world, vec![binding(1, A, 600, 1000, chain)]);
    recovering.run(&mut world, 0, 100_000);
    assert_eq!(world.relay.take_changes(), [via(1, A)]);
    let held = world.relay.table().get(net(A)).unwrap();
    assert_eq!(held.standing, Standing::Routed);
    assert_eq!(recovering.recovery.counts().confirmed, 1);
}

/// A server that answers by a script: what it says to the bulk query and to each address.
struct Liar {
    recovery: ServerRecovery,
    /// (client, prefix, age, lifetime, chain)
    tells: Vec<(u8, &'static str, u32, u32, Vec<u8>)>,
    /// How it answers when asked by address.
    confirms: Confirms,
    /// What it says to the query by Relay-ID, if not what it tells.
    status: Option<StatusCode>,
    /// The query types it was asked.
    asked: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq)]
enum Confirms {
    Denies,
    Repeats,
    Refuses,
}

fn client_data(tell: &(u8, &str, u32, u32, Vec<u8>), out: &mut Composer<'_>) {
    let (number, prefix, age, valid, chain) = tell;
    let prefix = net(prefix);
    out.nested(OptionCode::CLIENT_DATA, |data| {
        data.option(OptionCode::CLIENTID, &duid(*number))?;
        data.nested(OptionCode::IAPREFIX, |lease| {
            lease.put_u32(*valid);
            lease.put_u32(*valid);
            lease.put_u8(prefix.prefix_len());
            lease.put_ipv6(prefix.addr());
            Ok(())
        })?;
        data.option(OptionCode::CLT_TIME, &age.to_be_bytes())?;
        data.nested(OptionCode::LQ_RELAY_DATA, |relay| {
            relay.put_ipv6(ip("2001:db8:5::fe"));
            relay.put(chain);
            Ok(())
        })
    })
    .unwrap();
}

impl Liar {
    fn answer(&mut self, query: &ClientMessage<'_>, out: &mut Vec<u8>) {
        let lq = query.options().first(OptionCode::LQ_QUERY).unwrap();
        self.asked.push(lq.data[0]);
        let is_confirmation = lq.data[0] == 1;
        let status = self.status.filter(|_| lq.data[0] == 3);
        let xid = query.xid();
        let mut reply = |kind, put: &mut dyn FnMut(&mut Composer<'_>)| {
            let mut message = Composer::framed(out, kind, xid);
            if kind == MessageType::LEASEQUERY_REPLY {
                let client = query.options().first(OptionCode::CLIENTID).unwrap();
                message.option(OptionCode::CLIENTID, client.data).unwrap();
                message
                    .option(OptionCode::SERVERID, &[0, 2, 0, 0, 0, 1])
                    .unwrap();
            }
            put(&mut message);
            message.finish().unwrap();
        };
        if is_confirmation {
            let asked = Ipv6Addr::from(<[u8; 16]>::try_from(&lq.data[21..37]).unwrap());
            reply(
                MessageType::LEASEQUERY_REPLY,
                &mut |message| match self.confirms {
                    Confirms::Denies => {}
                    Confirms::Refuses => message
                        .option(
                            OptionCode::STATUS_CODE,
                            &StatusCode::NOT_ALLOWED.0.to_be_bytes(),
                        )
                        .unwrap(),
                    Confirms::Repeats => {
                        let told = self
                            .tells
                            .iter()
                            .rev()
                            .find(|tell| net(tell.1).addr() == asked);
                        client_data(told.unwrap(), message);
                    }
                },
            );
            if self.confirms == Confirms::Repeats {
                reply(MessageType::LEASEQUERY_DONE, &mut |_| {});
            }
            return;
        }
        if let Some(status) = status {
            let status = status.0.to_be_bytes();
            reply(MessageType::LEASEQUERY_REPLY, &mut |message| {
                message.option(OptionCode::STATUS_CODE, &status).unwrap();
            });
            return;
        }
        for (place, tell) in self.tells.iter().enumerate() {
            let kind = match place {
                0 => MessageType::LEASEQUERY_REPLY,
                _ => MessageType::LEASEQUERY_DATA,
            };
            reply(kind, &mut |message| client_data(tell, message));
        }
        if self.tells.len() > 1 {
            reply(MessageType::LEASEQUERY_DONE, &mut |_| {});
        }
    }

    fn run(&mut self, world: &mut World) {
        let now = at(0);
        while let Some(action) = self.recovery.poll() {
            match action {
                Action::Connect => {
                    self.recovery
                        .handle(now, Input::Connected, &mut world.relay);
                }
                Action::Send(octets) => {
                    let mut deframer = Deframer::new();
                    let (mut rest, mut out) = (&octets[..], Vec::new());
                    while let Some(frame) = deframer.next(&mut rest) {
                        self.answer(&ClientMessage::parse(frame).unwrap(), &mut out);
                    }
                    let relay = &mut world.relay;
                    self.recovery.handle(now, Input::Sent(octets.len()), relay);
                    self.recovery.handle(now, Input::Octets(&out), relay);
                }
                Action::CloseSending | Action::Close => {}
            }
        }
    }
}

/// What comes of one doubtful and one good lease.
fn lied_to(confirms: Confirms) -> (World, Counts) {
    let mut world = World::new();
    let one = chain(&mut world, 1, CUSTOMER);
    let two = chain(&mut world, 2, CUSTOMER);
    let mut liar = Liar {
        tells: vec![(1, A, 5000, 1000, one), (2, B, 10, 1000, two)],
        ..liar(&world, confirms)
    };
    liar.run(&mut world);
    assert!(liar.recovery.is_settled());
    let counts = liar.recovery.counts();
    (world, counts)
}

/// RELAY-084: what the server denies is quarantined with its server; what it does not answer is
/// routed and marked.
#[test]
fn a_denied_lease_is_quarantined_and_an_unanswered_one_marked() {
    let standing = |world: &World, prefix| world.relay.table().get(net(prefix)).cloned();
    let (mut world, counts) = lied_to(Confirms::Denies);
    assert_eq!(world.relay.take_changes(), [via(2, B)]);
    assert_eq!(standing(&world, A).unwrap().standing, Standing::Denied);
    assert_eq!((counts.denied, counts.confirmed), (1, 0));
    let denied = |notice: &Notice| matches!(notice, Notice::Denied { server: 0, .. });
    assert_eq!(world.notices().iter().filter(|one| denied(one)).count(), 1);

    let (world, counts) = lied_to(Confirms::Refuses);
    assert_eq!(standing(&world, A).unwrap().standing, Standing::Marked);
    assert_eq!((counts.denied, counts.confirmed), (0, 0));

    let (world, counts) = lied_to(Confirms::Repeats);
    assert_eq!(standing(&world, A).unwrap().standing, Standing::Routed);
    assert_eq!((counts.denied, counts.confirmed), (0, 1));
    assert_eq!(world.relay.table().routed(), 2);
}

/// RELAY-054, RELAY-083, RELAY-084: of two clients with one prefix the later heard has it, once
/// the server has confirmed it; what is not confirmed is not routed.
#[test]
fn overlapping_claims_are_asked_about() {
    for (confirms, holder) in [
        (Confirms::Repeats, 2),
        (Confirms::Denies, 1),
        (Confirms::Refuses, 1),
    ] {
        let mut world = World::new();
        let one = chain(&mut world, 1, CUSTOMER);
        let two = chain(&mut world, 2, CUSTOMER);
        let mut liar = Liar {
            tells: vec![(1, A, 100, 1000, one), (2, A, 10, 1000, two)],
            ..liar(&world, confirms)
        };
        liar.run(&mut world);
        let held = world.relay.table().get(net(A)).unwrap();
        assert_eq!(*held.client, duid(holder));
        assert!(held.standing.is_routed());
        assert_eq!(world.relay.table().routed(), 1);
    }
}

/// RELAY-054: whatever a server tells, some prefixes are refused, counted and told with it.
#[test]
fn what_is_never_routed_is_not_recovered() {
    let mut world = World::new();
    let chain = chain(&mut world, 1, CUSTOMER);
    let bad = [
        "::/0",
        "fe80::/64",
        "ff05::/16",
        "2001:db8:7::/48",
        "2001:db8::/32",
    ];
    let mut liar = Liar {
        recovery: begin(&world, 3),
        tells: bad
            .iter()
            .map(|prefix| (1, *prefix, 1, 1000, chain.clone()))
            .collect(),
        ..liar(&world, Confirms::Repeats)
    };
    liar.run(&mut world);
    assert_eq!(world.relay.take_changes(), []);
    assert_eq!(liar.recovery.counts().refused, 5);
    let told = |notice: &Notice| {
        matches!(
            notice,
            Notice::Refused {
                server: Some(3),
                ..
            }
        )
    };
    assert_eq!(world.notices().iter().filter(|one| told(one)).count(), 5);
}

/// RELAY-078: a server that cannot be reached is tried again and keeps nobody waiting.
#[test]
fn a_server_that_is_down_is_tried_again() {
    let mut world = World::new();
    let mut recovery = begin(&world, 0);
    assert_eq!(recovery.poll(), Some(Action::Connect));
    assert!(!recovery.is_settled());
    recovery.handle(at(0), Input::ConnectFailed("no route"), &mut world.relay);
    assert!(recovery.is_settled() && !recovery.is_finished());
    assert!(matches!(
        recovery.phase(),
        Phase::Retrying(Cause::ConnectFailed { .. })
    ));
    let again = recovery.deadline().unwrap();
    assert!(again > at(0).mono && again < at(2).mono);
    recovery.handle(at(2), Input::Timer, &mut world.relay);
    assert_eq!(recovery.poll(), Some(Action::Connect));
}

/// RELAY-085: a rehearsal shows what a recovery would bring, and touches nothing.
#[test]
fn a_recovery_can_be_rehearsed() {
    let mut world = World::new();
    world.reply(0, 1, |reply| ia_pd(reply, 1, [0, 0], &[(A, 10, 20)]));
    world.reply(0, 2, |reply| ia_pd(reply, 1, [0, 0], &[(B, 10, 20)]));
    let chain = chain(&mut world, 1, CUSTOMER);
    let mut rehearsed = World {
        relay: world.relay.rehearsal(),
        out: Outbox::default(),
    };
    let other = "2001:db8:300::/56";
    let two = self::chain(&mut rehearsed, 3, CUSTOMER);
    let bindings = vec![
        binding(1, A, 10, 1000, chain),
        binding(3, other, 10, 1000, two),
    ];
    let mut recovering = Recovering::new(&rehearsed, bindings);
    recovering.run(&mut rehearsed, 0, 100_000);
    let difference = world.relay.compare(&rehearsed.relay);
    assert_eq!(difference.same, 1);
    assert_eq!(difference.missing, [net(B)]);
    assert_eq!(difference.extra, [net(other)]);
    assert!(difference.elsewhere.is_empty());
    assert_eq!(world.relay.table().routed(), 2);
}

/// RELAY-070: a server that does not know or allow the query by Relay-ID is asked by link-address
/// for each client-facing link, and for the Remote-IDs configured; one that refuses otherwise is not.
#[test]
fn a_server_that_cannot_answer_by_relay_id_is_asked_by_link_and_remote_id() {
    for (status, asked) in [
        (StatusCode::UNKNOWN_QUERY_TYPE, &[3, 4, 4, 5][..]),
        (StatusCode::NOT_ALLOWED, &[3, 4, 4, 5]),
        (StatusCode::MALFORMED_QUERY, &[3]),
    ] {
        let mut config = config();
        config.remote_ids = vec![leasebook_wire::RemoteId::new(32473, b"olt-1").unwrap()];
        let mut world = World::with(config, ports());
        let chain = chain(&mut world, 1, CUSTOMER);
        let mut server = liar(&world, Confirms::Repeats);
        server.tells = vec![(1, A, 10, 1000, chain)];
        server.status = Some(status);
        server.run(&mut world);
        assert_eq!(server.asked, asked, "{status}");
        let is_routed = world.relay.table().routed() == 1;
        assert_eq!(is_routed, asked.len() > 1);
        let is_refused = matches!(server.recovery.phase(), Phase::Refused(..));
        assert_eq!(is_refused, asked.len() == 1);
    }
}

/// RELAY-064, RELAY-083: a route that works is not taken away while its server is asked again.
#[test]
fn a_doubt_does_not_interrupt_a_route_that_works() {
    let (mut world, _) = lied_to(Confirms::Repeats);
    assert_eq!(world.relay.table().routed(), 2);
    world.relay.take_changes();
    let one = chain(&mut world, 1, CUSTOMER);
    for confirms in [Confirms::Repeats, Confirms::Refuses] {
        let mut again = liar(&world, confirms);
        // Heard since, and doubtful all the same.
        again.tells = vec![(1, A, 4000, 1000, one.clone())];
        again.run(&mut world);
        assert_eq!(world.relay.take_changes(), []);
        assert_eq!(world.relay.table().routed(), 2);
    }
}

/// RELAY-084: a server that denies what it told itself does not end what another one told.
#[test]
fn a_denial_ends_only_what_the_same_server_told() {
    let mut world = World::new();
    let one = chain(&mut world, 1, CUSTOMER);
    let mut good = liar(&world, Confirms::Repeats);
    good.tells = vec![(1, A, 9000, 10_000, one.clone())];
    good.run(&mut world);
    assert_eq!(world.relay.take_changes(), [via(1, A)]);
    let mut bad = liar(&world, Confirms::Denies);
    bad.recovery = begin(&world, 1);
    bad.tells = vec![(1, A, 2000, 1000, one)];
    bad.run(&mut world);
    assert_eq!(bad.recovery.counts().denied, 1);
    assert_eq!(world.relay.take_changes(), []);
}

/// SEC-014: bindings come from configured servers alone: a recovery is with one of them, and each
/// prefix it tells is judged.
#[test]
fn each_prefix_that_a_server_tells_is_judged() {
    let mut world = World::new();
    let one = chain(&mut world, 1, CUSTOMER);
    let mut server = liar(&world, Confirms::Repeats);
    server.tells = vec![
        (1, "::/0", 10, 1000, one.clone()),
        (1, "ff00::/8", 10, 1000, one.clone()),
        (1, "2001:db8:5::/48", 10, 1000, one.clone()),
        (1, A, 10, 1000, one),
    ];
    server.run(&mut world);
    assert_eq!(world.relay.take_changes(), [via(1, A)]);
    assert_eq!(server.recovery.counts().refused, 3);
}

fn liar(world: &World, confirms: Confirms) -> Liar {
    Liar {
        recovery: begin(world, 0),
        tells: Vec::new(),
        confirms,
        status: None,
        asked: Vec::new(),
    }
}

/// RELAY-076: what a client gave back is not routed again by a reply that was on its way meanwhile.
#[test]
fn a_release_wins_over_what_was_told_before_it() {
    let mut world = World::new();
    let one = chain(&mut world, 1, CUSTOMER);
    let release = message(MessageType::RELEASE, 1, |release| {
        ia_pd(release, 1, [0, 0], &[(A, 0, 0)]);
    });
    world.hear(0, "fe80::1", CUSTOMER, &release).unwrap();
    for age in [100, 0] {
        let mut server = liar(&world, Confirms::Repeats);
        server.tells = vec![
            (1, A, age, 1000, one.clone()),
            (2, B, 10, 1000, one.clone()),
        ];
        server.run(&mut world);
        assert_eq!(world.relay.table().get(net(A)), None);
        assert!(world.relay.table().get(net(B)).is_some());
    }
    // Leased again, it is another matter.
    world.reply(1, 1, |reply| ia_pd(reply, 1, [0, 0], &[(A, 10, 20)]));
    assert!(world.relay.table().get(net(A)).is_some());
}

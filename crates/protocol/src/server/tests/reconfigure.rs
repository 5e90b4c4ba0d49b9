//! Keys handed out, and clients told to ask anew.

use hmac::{Hmac, KeyInit as _, Mac as _};
use leasebook_wire::option::{Auth, ReconfMsg, ReconfigureKey};
use md5::Md5;

use super::*;
use crate::server::{NotTold, Notice, Reply};

fn using_reconfigure() -> World {
    let mut config = config();
    config.reconfigure = true;
    World::new(config)
}

fn request(kind: MessageType, accepts: bool) -> Vec<u8> {
    message(kind, 1, |message| {
        if kind != MessageType::SOLICIT {
            to_server(message);
        }
        ia_na(message, 1, &[]);
        if accepts {
            message.option(OptionCode::RECONF_ACCEPT, &[]).unwrap();
        }
    })
}

/// Replay detection value and key of a REPLY.
fn told(reply: &Heard) -> Option<(u64, [u8; 16])> {
    let message = ClientMessage::parse(&reply.octets).unwrap();
    let auth: Auth<'_> = message.options().view_or_absent()?;
    assert!(auth.is_reconfigure_key());
    match auth.reconfigure_key().unwrap() {
        ReconfigureKey::Key(key) => Some((auth.replay_detection, key)),
        ReconfigureKey::HmacMd5(_) => panic!("a REPLY has no HMAC"),
    }
}

fn begin(world: &mut World) -> Result<(), NotTold> {
    let ask = ReconfMsg::new(MessageType::RENEW).unwrap();
    let mut batch = Batch::default();
    let client = duid(1);
    let began =
        world
            .server
            .reconfigure_client(world.now, (LINK, &client), ask, &world.store, &mut batch);
    assert!(batch.replies().is_empty());
    let changes = world.server.begin_commit(&mut batch);
    world.store.commit(changes).unwrap();
    world.server.committed(&mut batch);
    began
}

/// Where to, and what.
fn sent(world: &mut World) -> Vec<(SocketAddrV6, Vec<u8>)> {
    let mut batch = Batch::default();
    let (server, store) = (&mut world.server, &world.store);
    let count = server.send_reconfigures(world.now, 64, store, &mut batch);
    assert_eq!(count.unwrap(), batch.replies().len());
    assert!(batch.is_unchanged());
    let replies = batch.replies().iter();
    let sent = replies.map(|reply| (reply.to, batch.octets()[reply.octets.clone()].to_vec()));
    sent.collect()
}

/// How the client is told at once.
fn tell(world: &mut World) -> Reply {
    begin(world).unwrap();
    let mut batch = Batch::default();
    let (server, store) = (&mut world.server, &world.store);
    let sent = server.send_reconfigures(world.now, 64, store, &mut batch);
    assert_eq!(sent.unwrap(), 1);
    batch.replies()[0].clone()
}

fn replay(octets: &[u8]) -> u64 {
    let chain = RelayChain::parse(octets, 32).unwrap();
    let message = ClientMessage::parse(chain.message().octets()).unwrap();
    let auth: Auth<'_> = message.options().view_or_absent().unwrap();
    auth.replay_detection
}

/// DHCP-S-064: ADVERTISE says so if the client and the configuration would have RECONFIGURE.
#[test]
fn an_advertise_tells_that_reconfigure_is_used() {
    let mut world = using_reconfigure();
    let told = |world: &mut World, accepts| {
        let heard = world.ask(&request(MessageType::SOLICIT, accepts));
        assert_eq!(heard.option(OptionCode::AUTH), None);
        heard.option(OptionCode::RECONF_ACCEPT).is_some()
    };
    assert!(told(&mut world, true) && !told(&mut world, false));
    assert!(!told(&mut World::new(config()), true));
}

/// DHCP-S-070, DHCP-S-093: a client that accepts RECONFIGURE gets a key, and it is kept.
#[test]
fn a_client_that_accepts_gets_a_key_and_keeps_it() {
    let mut world = using_reconfigure();
    let reply = world.ask(&request(MessageType::REQUEST, true));
    assert!(reply.option(OptionCode::RECONF_ACCEPT).is_some());
    let (replay, key) = told(&reply).unwrap();
    let (again, same) = told(&world.ask(&request(MessageType::RENEW, true))).unwrap();
    assert_eq!(key, same);
    assert!(again > replay);
    let other = world.ask(&message(MessageType::REQUEST, 2, |message| {
        to_server(message);
        ia_na(message, 1, &[]);
        message.option(OptionCode::RECONF_ACCEPT, &[]).unwrap();
    }));
    assert_ne!(told(&other).unwrap().1, key);
    let plain = World::new(config()).ask(&request(MessageType::REQUEST, true));
    assert_eq!(
        (told(&plain), plain.option(OptionCode::RECONF_ACCEPT)),
        (None, None)
    );
}

/// DHCP-S-092: who does not accept RECONFIGURE, or no more, is sent none.
#[test]
fn a_client_that_does_not_accept_is_not_told() {
    let mut world = using_reconfigure();
    assert!(matches!(begin(&mut world), Err(NotTold::NoLease)));
    world.ask(&request(MessageType::REQUEST, false));
    assert!(matches!(begin(&mut world), Err(NotTold::NoKey)));
    world.ask(&request(MessageType::RENEW, true));
    begin(&mut world).unwrap();
    assert_eq!(sent(&mut world).len(), 1);
    world.ask(&request(MessageType::REQUEST, false));
    assert!(matches!(begin(&mut world), Err(NotTold::NoKey)));
    world.wait(60);
    assert!(sent(&mut world).is_empty());
    assert!(matches!(
        begin(&mut World::new(config())),
        Err(NotTold::Off)
    ));
}

/// DHCP-S-091, DHCP-S-094, DHCP-S-096: RECONFIGURE has what it must have, is signed as a whole,
/// and goes back through the relays kept with the binding.
#[test]
fn a_reconfigure_is_signed_and_goes_through_the_relays() {
    let mut world = using_reconfigure();
    let (_, key) = told(&world.ask(&request(MessageType::REQUEST, true))).unwrap();
    begin(&mut world).unwrap();
    let sent = sent(&mut world);
    let [(to, octets)] = &sent[..] else { panic!() };
    assert_eq!((to.ip(), to.port()), (world.arrival.from.ip(), 547));
    let chain = RelayChain::parse(octets, 32).unwrap();
    let level = chain.outermost().unwrap();
    assert_eq!(level.msg_type(), MessageType::RELAY_REPL);
    assert_eq!(
        level.peer_address(),
        "fe80::99".parse::<Ipv6Addr>().unwrap()
    );
    let id = level.options().first(OptionCode::INTERFACE_ID);
    assert_eq!(id.unwrap().data, b"eth0");

    let message = chain.message();
    assert_eq!(message.msg_type(), MessageType::RECONFIGURE);
    assert_eq!(message.xid(), Xid([0; 3]));
    let codes: Vec<OptionCode> = message.options().iter().map(|option| option.code).collect();
    let expected = [
        OptionCode::SERVERID,
        OptionCode::CLIENTID,
        OptionCode::RECONF_MSG,
        OptionCode::AUTH,
    ];
    assert_eq!(codes, expected);
    let auth: Auth<'_> = message.options().view_or_absent().unwrap();
    let Some(ReconfigureKey::HmacMd5(signature)) = auth.reconfigure_key() else {
        panic!()
    };
    let mut zeroed = message.octets().to_vec();
    let at = zeroed.len() - 16;
    assert_eq!(zeroed[at..], signature);
    zeroed[at..].fill(0);
    let mut mac = Hmac::<Md5>::new_from_slice(&key).unwrap();
    mac.update(&zeroed);
    assert!(mac.verify_slice(&signature).is_ok());
}

/// DHCP-S-096: by the address, port and interface that the relay was last answered by; after a
/// restart, until it is heard again, by its address alone.
#[test]
fn a_client_is_told_by_the_way_that_its_relay_was_last_answered() {
    let mut world = using_reconfigure();
    let way = |world: &mut World| {
        let told = tell(world);
        (told.to, told.from, told.interface)
    };
    world.arrival.from.set_port(4547);
    let mut config = (*world.server.config).clone();
    config.to_source_port = true;
    world.server.reconfigure(Arc::new(config.clone()));
    world.ask(&request(MessageType::REQUEST, true));
    let (from, to) = (world.arrival.from, world.arrival.to);
    assert_eq!(way(&mut world), (from, Some(to), 3));
    world.arrival.interface = 9;
    world.arrival.to = "ff05::1:3".parse().unwrap();
    world.ask(&request(MessageType::RENEW, true));
    assert_eq!(way(&mut world), (from, None, 9));
    world.server = Server::new(Arc::new(config), [8; 32]);
    let by_address = SocketAddrV6::new(*from.ip(), 547, 0, 0);
    assert_eq!(way(&mut world), (by_address, None, 0));
}

/// DHCP-S-096: a client without relay is told at an address it leased.
#[test]
fn a_client_attached_directly_is_told_at_its_address() {
    let mut world = using_reconfigure();
    world.server.set_interfaces(&[(3, LINK)]);
    world.arrival.from = "[fe80::7%3]:546".parse().unwrap();
    world.arrival.to = "ff02::1:2".parse().unwrap();
    let (_, reply) = world.datagram(&request(MessageType::REQUEST, true));
    let names = heard(&reply.unwrap()).names();
    begin(&mut world).unwrap();
    let sent = sent(&mut world);
    let (to, octets) = &sent[0];
    assert_eq!(names, [LeaseName::Address(*to.ip())]);
    assert_eq!((to.port(), octets[0]), (546, MessageType::RECONFIGURE.0));
    // By its link's interface, if there is but one.
    assert_eq!(tell(&mut world).interface, 3);
    world.server.set_interfaces(&[(3, LINK), (4, LINK)]);
    assert_eq!(tell(&mut world).interface, 0);
}

/// DHCP-S-095, DHCP-S-097: it is sent 8 times with waits that double, each with a greater replay
/// detection value, and then given up.
#[test]
fn a_reconfigure_is_repeated_until_it_is_given_up() {
    let mut world = using_reconfigure();
    world.ask(&request(MessageType::REQUEST, true));
    // Leases are to outlive all of it.
    begin(&mut world).unwrap();
    let (mut last, mut waited) = (0, Vec::new());
    let mut wait = 0;
    for _ in 0..600 {
        for (_, octets) in sent(&mut world) {
            assert!(replay(&octets) > last);
            last = replay(&octets);
            waited.push(wait);
            wait = 0;
        }
        world.wait(1);
        wait += 1;
    }
    assert_eq!(waited, [0, 2, 4, 8, 16, 32, 64, 128]);
    assert_eq!(world.server.reconfigures_waiting(), 0);
    let notices = world.server.take_notices();
    assert!(matches!(
        &notices[..],
        [Notice::Unanswered { link: LINK, .. }]
    ));
    // Over a restart, with a clock that runs back.
    let mut config = config();
    config.reconfigure = true;
    world.server = Server::new(Arc::new(config), [8; 32]);
    world.now.wall -= 500;
    begin(&mut world).unwrap();
    assert!(replay(&sent(&mut world)[0].1) > last);
}

/// DHCP-S-097: the message asked for ends it; another does not.
#[test]
fn the_message_asked_for_ends_it() {
    let mut world = using_reconfigure();
    world.ask(&request(MessageType::REQUEST, true));
    begin(&mut world).unwrap();
    assert_eq!(sent(&mut world).len(), 1);
    world.ask(&request(MessageType::REQUEST, true));
    assert_eq!(world.server.reconfigures_waiting(), 1);
    world.ask(&request(MessageType::RENEW, true));
    assert_eq!(world.server.reconfigures_waiting(), 0);
}

/// DHCP-S-095: a client that says something else meanwhile has seen a newer value; what it is told
/// afterwards is newer still, and not sent if that could not be kept.
#[test]
fn what_is_sent_again_is_newer_than_any_answer() {
    let mut world = using_reconfigure();
    world.ask(&request(MessageType::REQUEST, true));
    begin(&mut world).unwrap();
    let first = replay(&sent(&mut world)[0].1);
    let (answered, _) = told(&world.ask(&request(MessageType::REQUEST, true))).unwrap();
    world.wait(2);
    let again = replay(&sent(&mut world)[0].1);
    assert!(
        first < answered && answered < again,
        "{first} {answered} {again}"
    );
    let (answered, _) = told(&world.ask(&request(MessageType::RENEW, true))).unwrap();
    assert!(again < answered);
}

/// DHCP-S-092: a client on a link that the configuration has no more is not told, nor told again.
#[test]
fn a_client_on_a_link_that_is_gone_is_not_told() {
    let mut world = using_reconfigure();
    world.ask(&request(MessageType::REQUEST, true));
    begin(&mut world).unwrap();
    assert_eq!(sent(&mut world).len(), 1);
    let mut config = (*world.server.config).clone();
    config.links[0].id = LinkId(9);
    world.server.reconfigure(Arc::new(config));
    world.wait(60);
    assert!(sent(&mut world).is_empty());
    assert!(matches!(begin(&mut world), Err(NotTold::NoLink)));
}

/// DHCP-S-095: nothing is sent whose replay detection value is not on disk.
#[test]
fn a_commit_that_fails_sends_nothing() {
    let mut world = using_reconfigure();
    world.ask(&request(MessageType::REQUEST, true));
    let mut batch = Batch::default();
    let ask = ReconfMsg::new(MessageType::REBIND).unwrap();
    let client = duid(1);
    let began =
        world
            .server
            .reconfigure_client(world.now, (LINK, &client), ask, &world.store, &mut batch);
    began.unwrap();
    world.server.abandoned(&mut batch);
    assert!(sent(&mut world).is_empty());
}

/// DHCP-S-092: who has a lease that does not fit any more can be told, if it has a key.
#[test]
fn clients_out_of_place_are_found() {
    let mut world = using_reconfigure();
    world.ask(&request(MessageType::REQUEST, true));
    world.bind(2);
    let is_out = |world: &World, client| {
        let record = world.store.binding(LINK, &duid(client)).unwrap().unwrap();
        let (server, record) = (&world.server, record.view());
        let is_misplaced = server.misplaced(&record, world.now.wall).is_some();
        (is_misplaced, server.can_reconfigure(&record))
    };
    assert_eq!(is_out(&world, 1), (false, true));
    let mut config = config();
    config.reconfigure = true;
    config.links[0].on_link = vec!["2001:db8:2::/64".parse().unwrap()];
    world.server.reconfigure(Arc::new(config));
    assert_eq!(is_out(&world, 1), (true, true));
    assert_eq!(is_out(&world, 2), (true, false));
    // Whoever is on a link that is gone would get no answer.
    let mut config = (*world.server.config).clone();
    config.links[0].id = LinkId(9);
    world.server.reconfigure(Arc::new(config));
    assert_eq!(is_out(&world, 1), (true, false));
}

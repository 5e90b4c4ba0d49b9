//! Clients, relays, loss and crashes from a seed; the invariants hold after every step.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;
use leasebook_store::{Cursor, Flow, Links, Query, Selector};

/// What a client believes.
#[derive(Clone, Default)]
struct Believes {
    leases: Vec<LeaseName>,
    until: u64,
}

fn request(client: u16, kind: MessageType, leases: &[LeaseName]) -> Vec<u8> {
    message(kind, client, |m| {
        if kind != MessageType::SOLICIT && kind != MessageType::REBIND {
            to_server(m);
        }
        let addresses: Vec<_> = leases
            .iter()
            .filter(|name| matches!(name, LeaseName::Address(_)))
            .copied()
            .collect();
        ia_na(m, 1, &addresses);
        let prefixes: Vec<_> = leases
            .iter()
            .filter_map(|name| match name {
                LeaseName::Prefix { prefix, len } => Some((*prefix, *len)),
                LeaseName::Address(_) => None,
            })
            .collect();
        ia_pd(m, 2, &prefixes);
    })
}

/// No lease is live for two clients, and everything acknowledged is in the book.
fn check(world: &World, clients: &BTreeMap<u16, Believes>) {
    let mut holders: BTreeMap<LeaseName, Vec<u8>> = BTreeMap::new();
    let query = Query {
        selector: Selector::All,
        links: Links::Any,
    };
    let mut cursor = Cursor::new(query, world.store.last_seq());
    while !cursor.is_done() {
        world
            .store
            .scan(&mut cursor, world.now.wall, &mut |run| {
                for record in run.iter() {
                    for lease in record
                        .leases()
                        .filter(|lease| lease.is_live(world.now.wall))
                    {
                        let before = holders.insert(lease.name, record.client().to_vec());
                        assert!(
                            before.is_none_or(|before| before == record.client()),
                            "{} twice",
                            lease.name
                        );
                    }
                }
                Flow::Continue
            })
            .unwrap();
    }
    for (client, believes) in clients {
        if believes.until > world.now.wall {
            for name in &believes.leases {
                assert_eq!(
                    holders.get(name),
                    Some(&duid(*client)),
                    "{name} was acknowledged"
                );
            }
        }
    }
}

/// One run: bursts of messages decided together, some lost, some come twice, and crashes before
/// or after the commit.
fn run(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut config = config();
    config.links[0].pools[0].last = "2001:db8:1::2f".parse().unwrap();
    config.probation = 300;
    let mut world = World::new(config.clone());
    let mut clients: BTreeMap<u16, Believes> = BTreeMap::new();
    for _ in 0..120 {
        world.wait(random.random_range(0..400));
        let mut burst = Vec::new();
        for _ in 0..random.random_range(1..12) {
            let client = random.random_range(0..60);
            let held = clients
                .get(&client)
                .map(|believes| believes.leases.clone())
                .unwrap_or_default();
            let kind = match random.random_range(0..10) {
                0..=2 => MessageType::SOLICIT,
                3..=5 => MessageType::REQUEST,
                6..=7 => MessageType::RENEW,
                8 => MessageType::REBIND,
                _ => MessageType::RELEASE,
            };
            if kind == MessageType::RELEASE {
                // It stops using them before it says so (RFC 8415 §18.2.7).
                clients.remove(&client);
            }
            let octets = by_relay(&request(client, kind, &held));
            let times = if random.random_bool(0.2) { 2 } else { 1 };
            (0..times).for_each(|_| burst.push((client, kind, octets.clone())));
        }
        let mut batch = Batch::default();
        let mut answered = Vec::new();
        for (client, kind, octets) in &burst {
            let outcome =
                world
                    .server
                    .datagram(world.now, &world.arrival, octets, &world.store, &mut batch);
            if matches!(outcome.did, Did::Answered(_)) {
                answered.push((*client, *kind));
            }
        }
        assert_eq!(answered.len(), batch.replies().len());
        let fate = random.random_range(0..20);
        if fate == 0 {
            // The disk refuses: nothing has happened.
            world.server.abandoned();
            check(&world, &clients);
            continue;
        }
        let changes = batch.take_changes();
        if fate > 1 {
            world.store.commit(changes).unwrap();
            world.server.committed();
        }
        if fate <= 2 {
            // A crash, before the commit or after it; no reply was sent.
            world.server = Server::new(Arc::new(config.clone()), [9; 32]);
            check(&world, &clients);
            continue;
        }
        for ((client, kind), reply) in answered.iter().zip(batch.replies()) {
            let reply = heard(&batch.octets()[reply.octets.clone()]);
            assert_eq!(reply.option(OptionCode::CLIENTID), Some(duid(*client)));
            let is_lost = random.random_bool(0.1);
            let binds = !matches!(*kind, MessageType::SOLICIT | MessageType::RELEASE);
            if binds && !is_lost {
                let until = world.now.wall + 2000;
                clients.insert(
                    *client,
                    Believes {
                        leases: reply.names(),
                        until,
                    },
                );
            }
        }
        // Later messages of a burst may have released what earlier ones got.
        for (client, kind, _) in &burst {
            if *kind == MessageType::RELEASE {
                clients.remove(client);
            }
        }
        check(&world, &clients);
    }
}

/// DHCP-S-027, DHCP-S-039, DHCP-S-040: whatever is lost, doubled or crashes, no lease has two clients and none acknowledged is lost.
#[test]
fn whatever_happens_no_lease_is_lost_or_given_twice() {
    (0..40).for_each(run);
}

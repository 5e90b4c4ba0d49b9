//! What every engine of the book does: the model in memory, the durable book with everything in
//! memory still, and the same with everything in the ledger.

mod common;

use std::net::Ipv6Addr;

use common::{Engine, answers, client, option, relay_id, remote_id};
use leasebook_store::{
    Binding, Change, Cursor, Flow, IaKind, Lease, LeaseName, LeaseState, LinkId, Links, Progress,
    Query, RelayData, Selector,
};

fn address(number: u16) -> LeaseName {
    LeaseName::Address(Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, number))
}

fn prefix(len: u8) -> LeaseName {
    LeaseName::prefix(Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), len).unwrap()
}

fn lease(name: LeaseName) -> Lease {
    Lease {
        name,
        kind: match name {
            LeaseName::Address(_) => IaKind::Na,
            LeaseName::Prefix { .. } => IaKind::Pd,
        },
        iaid: 1,
        state: LeaseState::Bound,
        clt: 1000,
        preferred: 50,
        valid: 100,
    }
}

/// Relay levels, outermost first: Relay-ID and Remote-ID by number.
fn relay(levels: &[(Option<u8>, Option<u8>)]) -> Option<RelayData> {
    let mut inner: Option<Vec<u8>> = None;
    for (relay, remote) in levels.iter().rev() {
        let mut octets = vec![12, 0];
        octets.extend_from_slice(&[0; 32]);
        octets.extend(
            relay
                .map(|id| option(53, &relay_id(id)))
                .unwrap_or_default(),
        );
        octets.extend(
            remote
                .map(|id| option(37, &remote_id(id)))
                .unwrap_or_default(),
        );
        octets.extend(inner.map(|inner| option(9, &inner)).unwrap_or_default());
        inner = Some(octets);
    }
    inner.map(|chain| RelayData {
        peer: Ipv6Addr::LOCALHOST,
        chain,
    })
}

fn binding(link: u32, number: u8, leases: &[LeaseName]) -> Binding {
    Binding {
        link: LinkId(link),
        client: client(number),
        leases: leases.iter().copied().map(lease).collect(),
        relay: relay(&[(Some(1), Some(1))]),
        options: Vec::new(),
    }
}

fn via(levels: &[(Option<u8>, Option<u8>)], mut binding: Binding) -> Binding {
    binding.relay = relay(levels);
    binding
}

/// Links and clients of the answer, in order.
fn found(engine: &Engine, selector: Selector, links: Links, now: u64) -> Vec<(u32, u8)> {
    let query = Query { selector, links };
    let told = answers(engine.store(), &query, now, 1);
    let name = |binding: &Binding| (binding.link.0, *binding.client.octets().last().unwrap());
    told.iter().map(name).collect()
}

fn on(links: &[u32]) -> Links {
    Links::of(links.iter().copied().map(LinkId).collect())
}

fn at(address: LeaseName) -> Selector {
    match address {
        LeaseName::Address(address) => Selector::Address(address),
        LeaseName::Prefix { prefix, .. } => Selector::Address(prefix),
    }
}

/// BLQ-S-021: no query changes anything.
#[test]
fn queries_change_nothing() {
    Engine::each(|engine| {
        engine.put(binding(1, 1, &[address(1)]));
        let before = (engine.store().last_seq(), engine.store().stats().unwrap());
        for query in common::queries() {
            answers(engine.store(), &query, 1050, 1);
        }
        engine
            .store()
            .binding(LinkId(1), client(1).octets())
            .unwrap();
        engine.store().holder(address(1)).unwrap();
        let after = (engine.store().last_seq(), engine.store().stats().unwrap());
        assert_eq!(before, after);
    });
}

/// BLQ-S-023: an address is found by its own lease before a prefix around it.
#[test]
fn an_address_is_found_before_the_prefix_around_it() {
    Engine::each(|engine| {
        engine.put(binding(1, 1, &[prefix(64)]));
        engine.put(binding(1, 2, &[address(5)]));
        assert_eq!(found(engine, at(address(5)), Links::Any, 1050), [(1, 2)]);
        assert_eq!(found(engine, at(address(6)), Links::Any, 1050), [(1, 1)]);
        let outside = Selector::Address("3fff:0:0:1::".parse().unwrap());
        assert_eq!(found(engine, outside, Links::Any, 1050), []);
    });
}

/// BLQ-S-023: of several prefixes the longest live one answers.
#[test]
fn the_longest_live_prefix_answers() {
    Engine::each(|engine| {
        for (number, len) in [(1, 48), (2, 56), (3, 64)] {
            let mut binding = binding(1, number, &[prefix(len)]);
            // The longer, the sooner it ends.
            binding.leases[0].valid = 100 - u32::from(len);
            engine.put(binding);
        }
        for (now, client) in [(1030, 3), (1040, 2), (1050, 1)] {
            let answer = found(engine, at(address(5)), Links::Any, now);
            assert_eq!(answer, [(1, client)], "at {now}");
        }
        assert_eq!(found(engine, at(address(5)), Links::Any, 1052), []);
    });
}

/// BLQ-S-023, BLQ-S-024: an address is looked for on the links asked for only.
#[test]
fn an_address_is_looked_for_on_the_links_asked_for() {
    Engine::each(|engine| {
        engine.put(binding(1, 1, &[prefix(48)]));
        engine.put(binding(2, 2, &[prefix(64)]));
        assert_eq!(found(engine, at(address(5)), on(&[1]), 1050), [(1, 1)]);
        assert_eq!(found(engine, at(address(5)), on(&[1, 2]), 1050), [(2, 2)]);
        assert_eq!(found(engine, at(address(5)), on(&[3]), 1050), []);
    });
}

/// BLQ-S-026, BLQ-S-027: a client is found once on each of its links.
#[test]
fn a_client_is_found_on_each_of_its_links() {
    Engine::each(|engine| {
        for link in [3, 1, 2] {
            let number = u16::try_from(link).unwrap();
            engine.put(binding(link, 7, &[address(number)]));
            engine.put(binding(link, 8, &[address(number + 10)]));
        }
        let asked = Selector::Client(client(7).octets().to_vec());
        let all = found(engine, asked.clone(), Links::Any, 1050);
        assert_eq!(all, [(1, 7), (2, 7), (3, 7)]);
        assert_eq!(found(engine, asked, on(&[2, 9]), 1050), [(2, 7)]);
    });
}

fn hops(engine: &Engine) {
    let one = |link, number, levels: &[_]| {
        let lease = address(u16::from(number));
        engine.put(via(levels, binding(link, number, &[lease])));
    };
    one(1, 1, &[(Some(5), Some(5))]);
    one(1, 2, &[(Some(5), Some(5)), (Some(6), Some(6))]);
    one(2, 3, &[(Some(6), Some(6)), (Some(5), Some(5))]);
    one(2, 4, &[(Some(5), Some(5)), (None, None)]);
    one(2, 5, &[(Some(6), Some(6))]);
    one(3, 6, &[]);
}

/// BLQ-S-028, BLQ-S-039, D-08: a Relay-ID is found at whichever hop it was.
#[test]
fn a_relay_id_is_found_at_any_hop() {
    Engine::each(|engine| {
        hops(engine);
        let mut all = found(engine, Selector::RelayId(relay_id(5)), Links::Any, 1050);
        all.sort_unstable();
        assert_eq!(all, [(1, 1), (1, 2), (2, 3), (2, 4)]);
        let cut = relay_id(5)[..5].to_vec();
        assert_eq!(found(engine, Selector::RelayId(cut), Links::Any, 1050), []);
    });
}

/// BLQ-S-029: with links, a Relay-ID is found on those only.
#[test]
fn a_relay_id_is_found_on_the_links_asked_for() {
    Engine::each(|engine| {
        hops(engine);
        let mut here = found(engine, Selector::RelayId(relay_id(5)), on(&[2, 3]), 1050);
        here.sort_unstable();
        assert_eq!(here, [(2, 3), (2, 4)]);
    });
}

/// BLQ-S-030: by link, every binding there and none from elsewhere.
#[test]
fn a_link_gives_all_of_its_bindings() {
    Engine::each(|engine| {
        hops(engine);
        let mut here = found(engine, Selector::All, on(&[2]), 1050);
        here.sort_unstable();
        assert_eq!(here, [(2, 3), (2, 4), (2, 5)]);
        assert_eq!(found(engine, Selector::All, on(&[4]), 1050), []);
        assert_eq!(found(engine, Selector::All, Links::Any, 1050).len(), 6);
    });
}

/// BLQ-S-032, BLQ-S-040, D-08: a Remote-ID matches octet for octet, enterprise included.
#[test]
fn a_remote_id_matches_octet_for_octet() {
    Engine::each(|engine| {
        hops(engine);
        let mut all = found(engine, Selector::RemoteId(remote_id(6)), Links::Any, 1050);
        all.sort_unstable();
        assert_eq!(all, [(1, 2), (2, 3), (2, 5)]);
        let mut elsewhere = remote_id(6);
        elsewhere[3] ^= 1;
        assert_eq!(
            found(engine, Selector::RemoteId(elsewhere), Links::Any, 1050),
            []
        );
    });
}

/// BLQ-S-033: with links, a Remote-ID is found on those only.
#[test]
fn a_remote_id_is_found_on_the_links_asked_for() {
    Engine::each(|engine| {
        hops(engine);
        let here = found(engine, Selector::RemoteId(remote_id(6)), on(&[1]), 1050);
        assert_eq!(here, [(1, 2)]);
    });
}

/// BLQ-S-036, D-09: what is not bound, or has run out, is no binding.
#[test]
fn only_live_leases_are_bindings() {
    Engine::each(|engine| {
        let states = [
            LeaseState::Declined,
            LeaseState::Released,
            LeaseState::Reclaimed,
            LeaseState::Registered,
        ];
        for (number, state) in (1..).zip(states) {
            let mut binding = binding(1, number, &[address(u16::from(number))]);
            binding.leases[0].state = state;
            engine.put(binding);
        }
        let mut mixed = binding(1, 9, &[address(20), address(21)]);
        mixed.leases[0].state = LeaseState::Released;
        engine.put(mixed);
        assert_eq!(found(engine, Selector::All, Links::Any, 1099), [(1, 9)]);
        assert_eq!(found(engine, Selector::All, Links::Any, 1100), []);
        let relay = Selector::RelayId(relay_id(1));
        assert_eq!(found(engine, relay.clone(), Links::Any, 1099), [(1, 9)]);
        assert_eq!(found(engine, relay, Links::Any, 1100), []);
        assert_eq!(found(engine, at(address(1)), Links::Any, 1050), []);
        // Whoever allocates sees them all the same.
        assert!(engine.store().holder(address(1)).unwrap().is_some());
    });
}

/// BLQ-S-042: newer relay data takes the place of older as a whole.
#[test]
fn newer_relay_data_replaces_the_older() {
    Engine::each(|engine| {
        let here = || binding(1, 1, &[address(1)]);
        engine.put(via(&[(Some(2), Some(2)), (Some(3), Some(3))], here()));
        engine.put(via(&[(Some(4), Some(4))], here()));
        for old in [2, 3] {
            let relay = Selector::RelayId(relay_id(old));
            assert_eq!(found(engine, relay, Links::Any, 1050), []);
            let remote = Selector::RemoteId(remote_id(old));
            assert_eq!(found(engine, remote, Links::Any, 1050), []);
        }
        let relay = Selector::RelayId(relay_id(4));
        assert_eq!(found(engine, relay.clone(), Links::Any, 1050), [(1, 1)]);
        engine.put(via(&[], here()));
        assert_eq!(found(engine, relay, Links::Any, 1050), []);
        assert_eq!(found(engine, Selector::All, Links::Any, 1050), [(1, 1)]);
    });
}

/// DHCP-S-027: a lease is never bound twice.
#[test]
fn a_lease_is_taken_from_who_had_it() {
    Engine::each(|engine| {
        engine.put(binding(1, 1, &[address(1), address(2)]));
        engine.put(binding(2, 2, &[address(3)]));
        engine.put(binding(1, 3, &[address(2), address(3)]));
        let record = engine.store().binding(LinkId(1), client(1).octets());
        let left: Vec<LeaseName> = record
            .unwrap()
            .unwrap()
            .view()
            .leases()
            .map(|lease| lease.name)
            .collect();
        assert_eq!(left, [address(1)]);
        let gone = engine.store().binding(LinkId(2), client(2).octets());
        assert_eq!(gone.unwrap(), None);
        let holder = engine.store().holder(address(3)).unwrap().unwrap();
        assert_eq!(holder.view().client(), client(3).octets());
        let stats = engine.store().stats().unwrap();
        assert_eq!((stats.bindings, stats.leases), (2, 3));
    });
}

/// DHCP-S-027: on a failed change nothing of its batch has happened.
#[test]
fn a_batch_happens_as_a_whole_or_not_at_all() {
    Engine::each(|engine| {
        engine.put(binding(1, 1, &[address(1)]));
        let before = (engine.store().last_seq(), engine.store().stats().unwrap());
        let changes = vec![
            Change::Put(binding(1, 2, &[address(1)])),
            Change::Put(binding(1, 3, &[])),
        ];
        engine.store().commit(changes).unwrap_err();
        let after = (engine.store().last_seq(), engine.store().stats().unwrap());
        assert_eq!(before, after);
        assert_eq!(found(engine, Selector::All, Links::Any, 1050), [(1, 1)]);
    });
}

#[test]
fn saying_the_same_again_changes_nothing() {
    Engine::each(|engine| {
        let first = engine.put(binding(1, 1, &[address(2), address(1)]));
        let again = engine.put(binding(1, 1, &[address(1), address(2)]));
        assert_eq!(first, again);
        let mut renewed = binding(1, 1, &[address(1), address(2)]);
        renewed.leases[0].clt += 1;
        assert_eq!(engine.put(renewed), first + 1);
    });
}

#[test]
fn removing_what_is_not_there_changes_nothing() {
    Engine::each(|engine| {
        let remove = || Change::Remove {
            link: LinkId(1),
            client: client(1),
        };
        let store = engine.store();
        assert_eq!(store.commit(vec![remove()]).unwrap(), 0);
        engine.put(binding(1, 1, &[address(1)]));
        assert_eq!(store.commit(vec![remove(), remove()]).unwrap(), 2);
        assert_eq!(store.commit(vec![remove()]).unwrap(), 2);
        assert_eq!(found(engine, Selector::All, Links::Any, 1050), []);
        assert_eq!(store.stats().unwrap().bindings, 0);
    });
}

/// BLQ-S-062, D-21: what changes behind the cursor is told before the end.
#[test]
fn what_moves_behind_the_cursor_is_told_at_the_end() {
    Engine::each(|engine| {
        for number in 1..9 {
            let lease = address(u16::from(number));
            engine.put(via(
                &[(Some(number), Some(1))],
                binding(1, number, &[lease]),
            ));
        }
        let query = Query {
            selector: Selector::RemoteId(remote_id(1)),
            links: Links::Any,
        };
        let mut cursor = Cursor::new(query, engine.store().last_seq());
        let mut told = Vec::new();
        let mut next = |cursor: &mut Cursor| {
            let visit = &mut |run: leasebook_store::Run<'_>| {
                told.extend(run.iter().map(|record| record.client().to_vec()));
                Flow::Stop
            };
            engine.store().scan(cursor, 1050, visit).unwrap()
        };
        assert_eq!(next(&mut cursor), Progress::More);
        // Every one changes its relay, so that keys move in front of the cursor and behind it.
        for number in 1..9 {
            let levels = [(Some(number + 10), Some(1))];
            let lease = address(u16::from(number));
            engine.put(via(&levels, binding(1, number, &[lease])));
        }
        while next(&mut cursor) == Progress::More {}
        told.sort_unstable();
        told.dedup();
        let all: Vec<Vec<u8>> = (1..9)
            .map(|number| client(number).octets().to_vec())
            .collect();
        assert_eq!(told, all);
    });
}

//! A server over a book in memory, and clients and relays that speak to it.

mod answers;
mod classes;
mod conversation;
mod exchanges;
mod exclusions;
mod hostile;
mod judging;
mod pools;
mod reconfigure;
mod registration;
mod relays;
mod underway;
mod wishes;

use std::net::{Ipv6Addr, SocketAddrV6};
use std::sync::Arc;

use leasebook_store::{LeaseName, LeaseStore as _, LinkId, MemoryStore};
use leasebook_wire::code::{MessageType, OptionCode, StatusCode};
use leasebook_wire::message::RelayHeader;
use leasebook_wire::option::{IaAddr, IaNa, IaPd, IaPrefix};
use leasebook_wire::{ClientMessage, Composer, Duid, Options, RelayChain, Xid};

use super::config::{AddressPool, Config, Lifetimes, Order, PrefixPool, ServedLink, Settings};
use super::{Arrival, Batch, Did, Outcome, Server};
use crate::time::{Mono, Now};

pub(super) const SERVER: &[u8] = &[0, 2, 0, 0, 9, 191, 1];
pub(super) const LINK: LinkId = LinkId(1);

/// A link `2001:db8:1::/64` with 16 addresses and, out of `2001:db8:f000::/52`, 16 prefixes of
/// length 56.
pub(super) fn link() -> ServedLink {
    ServedLink {
        id: LINK,
        name: "one".to_owned(),
        on_link: vec!["2001:db8:1::/64".parse().unwrap()],
        relay_addresses: Vec::new(),
        interface_ids: vec![b"port-7".to_vec()],
        interfaces: Vec::new(),
        pools: vec![AddressPool {
            first: "2001:db8:1::10".parse().unwrap(),
            last: "2001:db8:1::1f".parse().unwrap(),
            order: Order::Random,
            classes: Vec::new(),
            settings: Settings::default(),
        }],
        prefix_pools: vec![PrefixPool {
            prefix: "2001:db8:f000::/52".parse().unwrap(),
            delegated_len: 56,
            exclude: None,
            order: Order::Random,
            classes: Vec::new(),
            settings: Settings::default(),
        }],
        exclusions: Vec::new(),
        reservations: Vec::new(),
        allow: Vec::new(),
        deny: Vec::new(),
        settings: Settings {
            lifetimes: Some(Lifetimes {
                preferred: 1000,
                valid: 2000,
            }),
            ..Settings::default()
        },
    }
}

pub(super) fn config() -> Config {
    let mut config = Config::new(Duid::new(SERVER).unwrap());
    config.links.push(link());
    config
}

pub(super) fn duid(number: u16) -> Vec<u8> {
    let mut duid = vec![0, 3, 0, 1, 2, 0];
    duid.extend_from_slice(&number.to_be_bytes());
    duid
}

pub(super) fn address(text: &str) -> LeaseName {
    LeaseName::Address(text.parse().unwrap())
}

pub(super) fn prefix(text: &str, len: u8) -> LeaseName {
    LeaseName::prefix(text.parse().unwrap(), len).unwrap()
}

/// A message of the client with that number, with the options that `put` puts behind CLIENTID.
pub(super) fn message(
    kind: MessageType,
    client: u16,
    put: impl FnOnce(&mut Composer<'_>),
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut message = Composer::client(&mut out, kind, Xid([1, 2, 3]));
    message.option(OptionCode::CLIENTID, &duid(client)).unwrap();
    put(&mut message);
    message.finish().unwrap();
    out
}

/// For the server of these tests.
pub(super) fn to_server(message: &mut Composer<'_>) {
    message.option(OptionCode::SERVERID, SERVER).unwrap();
}

pub(super) fn ia_na(message: &mut Composer<'_>, iaid: u32, names: &[LeaseName]) {
    let put = |ia: &mut Composer<'_>| {
        for name in names {
            let LeaseName::Address(address) = *name else {
                panic!()
            };
            ia.nested(OptionCode::IAADDR, |lease| {
                lease.put_ipv6(address);
                lease.put_u64(0);
                Ok(())
            })?;
        }
        Ok(())
    };
    message.ia_na(iaid, [0, 0], put).unwrap();
}

pub(super) fn ia_pd(message: &mut Composer<'_>, iaid: u32, names: &[(Ipv6Addr, u8)]) {
    let put = |ia: &mut Composer<'_>| {
        for (prefix, len) in names {
            ia.nested(OptionCode::IAPREFIX, |lease| {
                lease.put_u64(0);
                lease.put_u8(*len);
                lease.put_ipv6(*prefix);
                Ok(())
            })?;
        }
        Ok(())
    };
    message.ia_pd(iaid, [0, 0], put).unwrap();
}

/// Link-address, peer-address and options of one RELAY-FORW.
pub(super) type Level<'a> = (&'a str, &'a str, &'a [(OptionCode, &'a [u8])]);

/// Puts RELAY-FORWs around a message, the innermost first.
pub(super) fn relayed(inner: &[u8], levels: &[Level<'_>]) -> Vec<u8> {
    let mut octets = inner.to_vec();
    for (hop, (link, peer, options)) in levels.iter().enumerate() {
        let mut out = Vec::new();
        let mut level = Composer::relay(
            &mut out,
            &RelayHeader {
                msg_type: MessageType::RELAY_FORW,
                hop_count: u8::try_from(hop).unwrap(),
                link_address: link.parse().unwrap(),
                peer_address: peer.parse().unwrap(),
            },
        );
        for (code, data) in *options {
            level.option(*code, data).unwrap();
        }
        level.option(OptionCode::RELAY_MSG, &octets).unwrap();
        level.finish().unwrap();
        octets = out;
    }
    octets
}

/// A relay on the link, and an Interface-ID.
pub(super) fn by_relay(inner: &[u8]) -> Vec<u8> {
    let options: &[(OptionCode, &[u8])] = &[(OptionCode::INTERFACE_ID, b"eth0")];
    relayed(inner, &[("2001:db8:1::1", "fe80::99", options)])
}

/// A server, its book, and a clock.
pub(super) struct World {
    pub(super) server: Server,
    pub(super) store: MemoryStore,
    pub(super) now: Now,
    pub(super) arrival: Arrival,
}

/// A lease as told: preferred and valid lifetime.
pub(super) type Told = (LeaseName, u32, u32);

/// What an answer says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) kind: u8,
    pub(super) leases: Vec<Told>,
    /// T1 and T2 of each IA.
    pub(super) times: Vec<(u32, u32)>,
    /// The status of each IA that has one, and of the message.
    pub(super) statuses: Vec<StatusCode>,
    pub(super) status: Option<StatusCode>,
    pub(super) octets: Vec<u8>,
}

impl Heard {
    pub(super) fn names(&self) -> Vec<LeaseName> {
        let live = self.leases.iter().filter(|lease| lease.2 > 0);
        live.map(|lease| lease.0).collect()
    }

    pub(super) fn option(&self, code: OptionCode) -> Option<Vec<u8>> {
        let message = ClientMessage::parse(&self.octets).unwrap();
        let option = message.options().first(code)?;
        Some(option.data.to_vec())
    }
}

impl World {
    pub(super) fn new(config: Config) -> Self {
        Self {
            server: Server::new(Arc::new(config), [7; 32]),
            store: MemoryStore::default(),
            now: Now {
                mono: Mono(1_000_000_000),
                wall: 1_700_000_000,
            },
            arrival: Arrival {
                from: SocketAddrV6::new("2001:db8:ff::1".parse().unwrap(), 547, 0, 0),
                to: "2001:db8:ff::2".parse().unwrap(),
                interface: 3,
            },
        }
    }

    pub(super) fn wait(&mut self, seconds: u64) {
        self.now.wall += seconds;
        self.now.mono = self.now.mono.after(std::time::Duration::from_secs(seconds));
    }

    /// One datagram, decided and committed.
    pub(super) fn datagram(&mut self, octets: &[u8]) -> (Outcome, Option<Vec<u8>>) {
        let mut batch = Batch::default();
        let outcome =
            self.server
                .datagram(self.now, &self.arrival, octets, &self.store, &mut batch);
        let changes = self.server.begin_commit(&mut batch);
        self.store.commit(changes).unwrap();
        self.server.committed(&mut batch);
        let reply = batch.replies().first();
        let reply = reply.map(|reply| batch.octets()[reply.octets.clone()].to_vec());
        assert_eq!(reply.is_some(), matches!(outcome.did, Did::Answered(_)));
        (outcome, reply)
    }

    /// A message through the relay; what the client hears.
    pub(super) fn ask(&mut self, message: &[u8]) -> Heard {
        let (outcome, reply) = self.datagram(&by_relay(message));
        let reply = reply.unwrap_or_else(|| panic!("{outcome:?}"));
        heard(&reply)
    }

    pub(super) fn dropped(&mut self, octets: &[u8]) -> super::Dropped {
        match self.datagram(octets).0.did {
            Did::Dropped(why) => why,
            Did::Answered(kind) => panic!("answered with {kind}"),
        }
    }

    /// REQUEST of an address and a prefix by the client with that number.
    pub(super) fn bind(&mut self, client: u16) -> Heard {
        self.ask(&message(MessageType::REQUEST, client, |message| {
            to_server(message);
            ia_na(message, 1, &[]);
            ia_pd(message, 2, &[]);
        }))
    }

    /// What time brings, decided and committed; of leases, to those of these clients.
    pub(super) fn reclaim(&mut self, clients: &[u16]) {
        let records = clients.iter().filter_map(|client| {
            let record = self.store.binding(LINK, &duid(*client));
            record.unwrap()
        });
        let records: Vec<_> = records.collect();
        let mut batch = Batch::default();
        let (server, store) = (&mut self.server, &self.store);
        server
            .reclaim(self.now, &records, store, &mut batch)
            .unwrap();
        store.commit(server.begin_commit(&mut batch)).unwrap();
        server.committed(&mut batch);
    }

    /// One datagram, decided, whose commit fails.
    pub(super) fn in_vain(&mut self, octets: &[u8]) {
        let mut batch = Batch::default();
        let (server, arrival) = (&mut self.server, &self.arrival);
        let outcome = server.datagram(self.now, arrival, octets, &self.store, &mut batch);
        assert!(matches!(outcome.did, Did::Answered(_)), "{outcome:?}");
        assert!(!server.begin_commit(&mut batch).is_empty());
        server.abandoned(&mut batch);
    }

    /// Another server over the book; it was told of the leases of these clients.
    pub(super) fn restart(&mut self, clients: &[u16]) {
        self.server = Server::new(Arc::clone(&self.server.config), [8; 32]);
        self.tell(clients);
    }

    /// The server is told of what these clients have.
    pub(super) fn tell(&mut self, clients: &[u16]) {
        for client in clients {
            let record = self.store.binding(LINK, &duid(*client)).unwrap();
            for lease in record.iter().flat_map(|record| record.view().leases()) {
                self.server.occupy(LINK, &lease, self.now.wall);
            }
        }
    }

    /// Leases that the pools have as taken.
    pub(super) fn taken(&self) -> usize {
        self.server.usage().map(|usage| usage.taken).sum()
    }

    pub(super) fn live(&self, client: u16) -> Vec<LeaseName> {
        let Some(record) = self.store.binding(LINK, &duid(client)).unwrap() else {
            return Vec::new();
        };
        let live = record
            .view()
            .leases()
            .filter(|lease| lease.is_live(self.now.wall));
        live.map(|lease| lease.name).collect()
    }
}

/// What the client hears of an answer that comes through its relays.
pub(super) fn heard(reply: &[u8]) -> Heard {
    let chain = RelayChain::parse(reply, 32).unwrap();
    let message = chain.message();
    assert_eq!(message.xid(), Xid([1, 2, 3]));
    let mut heard = Heard {
        kind: message.msg_type().0,
        octets: message.octets().to_vec(),
        ..Heard::default()
    };
    for option in message.options() {
        match option.code {
            OptionCode::IA_NA => {
                let ia: IaNa<'_> = leasebook_wire::option::OptionView::parse(option).unwrap();
                heard.times.push((ia.t1, ia.t2));
                inside(ia.options, &mut heard);
            }
            OptionCode::IA_PD => {
                let ia: IaPd<'_> = leasebook_wire::option::OptionView::parse(option).unwrap();
                heard.times.push((ia.t1, ia.t2));
                inside(ia.options, &mut heard);
            }
            _ => {}
        }
    }
    if message.options().contains(OptionCode::STATUS_CODE) {
        heard.status = Some(message.options().status().unwrap().code);
    }
    heard
}

fn inside(options: Options<'_>, heard: &mut Heard) {
    for lease in options.views::<IaAddr<'_>>().map(Result::unwrap) {
        let name = LeaseName::Address(lease.address);
        heard
            .leases
            .push((name, lease.preferred_lifetime, lease.valid_lifetime));
    }
    for lease in options.views::<IaPrefix<'_>>().map(Result::unwrap) {
        let name = LeaseName::prefix(lease.prefix, lease.prefix_len).unwrap();
        heard
            .leases
            .push((name, lease.preferred_lifetime, lease.valid_lifetime));
    }
    if options.contains(OptionCode::STATUS_CODE) {
        heard.statuses.push(options.status().unwrap().code);
    }
}

//! A small DHCPv6 server with two links, and the messages that clients and relays send it.

use std::net::{Ipv6Addr, SocketAddrV6};
use std::sync::Arc;
use std::time::Duration;

use leasebook_protocol::links::{Link, Links};
use leasebook_protocol::server::config::{
    AddressPool, Lifetimes, Order, PrefixPool, ServedLink, Settings,
};
use leasebook_protocol::server::{Arrival, Batch, Config, Did, Outcome, Server};
use leasebook_protocol::{Mono, Now};
use leasebook_store::{LeaseName, LeaseStore as _, LinkId, MemoryStore};
use leasebook_wire::code::{MessageType, OptionCode};
use leasebook_wire::message::RelayHeader;
use leasebook_wire::{Composer, Duid, Xid};

use crate::book;

/// The server's DUID.
pub const SERVER: &[u8] = &[0, 2, 0, 0, 9, 191, 1];

/// The index of the interface whose clients are on link 1.
pub const DIRECT: u32 = 3;

/// A server, its book and a clock.
#[derive(Debug)]
pub struct Site {
    /// The server.
    pub server: Server,
    /// Its book.
    pub store: MemoryStore,
    /// The time.
    pub now: Now,
    /// How the next datagram comes.
    pub arrival: Arrival,
    config: Arc<Config>,
}

impl Site {
    /// With an empty book.
    pub fn new() -> Self {
        let config = Arc::new(config());
        let mut site = Self {
            server: Server::new(Arc::clone(&config), [7; 32]),
            store: MemoryStore::default(),
            now: Now {
                mono: Mono(1_000_000_000),
                wall: 1_700_000_000,
            },
            arrival: Arrival {
                from: SocketAddrV6::new(ip("2001:db8:ff::1"), 547, 0, 0),
                to: ip("ff02::1:2"),
                interface: DIRECT,
            },
            config,
        };
        site.server.set_interfaces(&[(DIRECT, LinkId(1))]);
        site
    }

    /// Lets time pass.
    pub fn wait(&mut self, seconds: u64) {
        self.now.wall += seconds;
        self.now.mono = self.now.mono.after(Duration::from_secs(seconds));
    }

    /// The server is started anew over the same book.
    pub fn restart(&mut self) {
        self.server = Server::new(Arc::clone(&self.config), [9; 32]);
        self.server.set_interfaces(&[(DIRECT, LinkId(1))]);
        for ((link, _), record) in book::live(&self.store, self.now.wall) {
            for lease in record.view().leases() {
                self.server.occupy(link, &lease, self.now.wall);
            }
        }
    }

    /// One datagram, decided and committed; the answer, if it has one.
    pub fn datagram(&mut self, octets: &[u8]) -> (Outcome, Option<Vec<u8>>) {
        let mut batch = Batch::default();
        let outcome = self.decide(octets, &mut batch);
        self.commit(&mut batch);
        let replies = batch.replies();
        assert_eq!(replies.len(), usize::from(is_answered(&outcome)));
        let reply = replies.first().map(|reply| {
            let octets = batch.octets().get(reply.octets.clone());
            octets.expect("a reply lies in the batch").to_vec()
        });
        (outcome, reply)
    }

    /// The client with that number gets an address and a prefix on link 1, through a relay.
    pub fn bind(&mut self, number: u8) {
        let mut request = Vec::new();
        let mut message = Composer::client(&mut request, MessageType::REQUEST, Xid([1, 2, 3]));
        message
            .option(OptionCode::CLIENTID, &duid(number))
            .and_then(|()| message.option(OptionCode::SERVERID, SERVER))
            .expect("short");
        put_ia(&mut message, OptionCode::IA_NA, 1, &[]);
        put_ia(&mut message, OptionCode::IA_PD, 2, &[]);
        message.finish().expect("short");
        let header = (0, ip("2001:db8:1::1"), ip("fe80::99"));
        let octets = relayed(&request, header, &[]).expect("short");
        let (outcome, _) = self.datagram(&octets);
        assert!(is_answered(&outcome), "{outcome:?}");
    }

    /// One datagram, decided only.
    pub fn decide(&mut self, octets: &[u8], batch: &mut Batch) -> Outcome {
        self.server
            .datagram(self.now, &self.arrival, octets, &self.store, batch)
    }

    /// Makes the changes of a batch durable.
    pub fn commit(&mut self, batch: &mut Batch) {
        let changes = self.server.begin_commit(batch);
        self.store.commit(changes).expect("memory takes everything");
        self.server.committed(batch);
    }
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether a datagram gets an answer.
pub fn is_answered(outcome: &Outcome) -> bool {
    matches!(outcome.did, Did::Answered(_))
}

/// Few leases, so that clients get into each other's way: on each of two links 8 addresses and
/// 8 prefixes, link 2 with Rapid Commit.
fn config() -> Config {
    let mut config = Config::new(Duid::new(SERVER).expect("a DUID"));
    config.links = vec![link(1, false), link(2, true)];
    config.probation = 300;
    config.obsolete.ia_ta = true;
    config.leases_per_client = 6;
    config.register_addresses = true;
    config
}

fn link(number: u32, rapid_commit: bool) -> ServedLink {
    let parse = |text: &str| {
        let text = text.replace('N', &number.to_string());
        text.parse::<ipnet::Ipv6Net>().expect("a prefix")
    };
    let on_link = parse("2001:db8:N::/64");
    let address = |last: u128| Ipv6Addr::from_bits(on_link.addr().to_bits() + last);
    ServedLink {
        id: LinkId(number),
        name: format!("link-{number}"),
        on_link: vec![on_link],
        relay_addresses: Vec::new(),
        interface_ids: Vec::new(),
        interfaces: Vec::new(),
        pools: vec![AddressPool {
            first: address(0x10),
            last: address(0x17),
            order: Order::Random,
            classes: Vec::new(),
            settings: Settings::default(),
        }],
        prefix_pools: vec![PrefixPool {
            prefix: parse("2001:db8:f00N::/53"),
            delegated_len: 56,
            exclude: None,
            order: Order::Random,
            classes: Vec::new(),
            settings: Settings::default(),
        }],
        exclusions: vec![LeaseName::Address(address(0x12))],
        reservations: Vec::new(),
        allow: Vec::new(),
        deny: Vec::new(),
        settings: Settings {
            lifetimes: Some(Lifetimes {
                preferred: 1000,
                valid: 2000,
            }),
            rapid_commit: Some(rapid_commit),
            ..Settings::default()
        },
    }
}

/// The links as Leasequery is told them.
pub fn links() -> Links {
    let links = config().links.into_iter().map(|link| Link {
        id: link.id,
        on_link: link.on_link,
        relay_addresses: link.relay_addresses,
        delegated: link.prefix_pools.iter().map(|pool| pool.prefix).collect(),
    });
    Links::new(links.collect())
}

/// An address in text.
pub fn ip(text: &str) -> Ipv6Addr {
    text.parse().expect("an address")
}

/// The DUID of a client by number.
pub fn duid(number: u8) -> Vec<u8> {
    vec![0, 3, 0, 1, 2, 0, 0, number]
}

/// Puts an IA with its leases into a message: T1, T2 and all lifetimes 0.
pub fn put_ia(message: &mut Composer<'_>, code: OptionCode, iaid: u32, names: &[LeaseName]) {
    message
        .nested(code, |ia| {
            ia.put_u32(iaid);
            if code != OptionCode::IA_TA {
                ia.put_u64(0);
            }
            for name in names {
                match *name {
                    LeaseName::Address(address) => ia.nested(OptionCode::IAADDR, |lease| {
                        lease.put_ipv6(address);
                        lease.put_u64(0);
                        Ok(())
                    })?,
                    LeaseName::Prefix { prefix, len } => {
                        ia.nested(OptionCode::IAPREFIX, |lease| {
                            lease.put_u64(0);
                            lease.put_u8(len);
                            lease.put_ipv6(prefix);
                            Ok(())
                        })?;
                    }
                }
            }
            Ok(())
        })
        .expect("a few leases fit");
}

/// Puts one RELAY-FORW around a message, the options before RELAY_MSG.
pub fn relayed(
    inner: &[u8],
    header: (u8, Ipv6Addr, Ipv6Addr),
    options: &[(OptionCode, &[u8])],
) -> Option<Vec<u8>> {
    let (hop_count, link_address, peer_address) = header;
    let mut out = Vec::new();
    let mut level = Composer::relay(
        &mut out,
        &RelayHeader {
            msg_type: MessageType::RELAY_FORW,
            hop_count,
            link_address,
            peer_address,
        },
    );
    for (code, data) in options {
        level.option(*code, data).ok()?;
    }
    level.option(OptionCode::RELAY_MSG, inner).ok()?;
    level.finish().ok()?;
    Some(out)
}

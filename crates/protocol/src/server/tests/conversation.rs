//! Whole conversations made of octets.
//!
//! Every octet is a choice: which client says what, with which identities, IAs, wishes and relays,
//! what is damaged on the way, when time passes and when the disk refuses. Nothing may be read of
//! it that a client could not send.

use std::collections::HashMap;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::sync::Arc;
use std::time::Duration;

use ipnet::Ipv6Net;
use leasebook_store::{
    Cursor, Flow, IaKind, LeaseName, LeaseStore as _, LinkId, Links, MemoryStore, Progress, Query,
    Selector,
};
use leasebook_wire::code::{DEFAULT_NESTING_LIMIT, MessageType, OptionCode};
use leasebook_wire::message::RelayHeader;
use leasebook_wire::option::{IaNa, IaPd, IaTa};
use leasebook_wire::{ComposeError, Composer, Duid, RelayChain, Xid};
use proptest::prelude::*;

use crate::server::config::{
    AddressPool, Config, Lifetimes, Order, PrefixPool, ServedLink, Settings,
};
use crate::server::{ADDR_REG_INFORM, Arrival, Batch, Server};
use crate::time::{Mono, Now};

/// Messages of a conversation, at most.
const MAX_MESSAGES: usize = 200;

const SERVER: [u8; 7] = [0, 2, 0, 0, 9, 191, 1];
const RELAY: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1);
const GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);
const INTERFACE: u32 = 3;

/// Holds a conversation; a broken promise is a panic.
///
/// No lease is live for two clients; a reply goes back the way of its message with its
/// transaction-id; what a REPLY grants is bound to its client.
fn converse(octets: &[u8]) {
    let mut choices = Choices { octets };
    let Some(config) = config(&mut choices) else {
        return;
    };
    let mut server = Server::new(Arc::new(config), [7; 32]);
    server.set_interfaces(&[(INTERFACE, LinkId(1))]);
    let store = MemoryStore::default();
    let mut now = Now {
        mono: Mono(1_000_000_000),
        wall: 1_700_000_000,
    };
    let mut count = 0;
    while !choices.octets.is_empty() && count < MAX_MESSAGES {
        let seconds = u64::from(choices.next()) * u64::from(choices.below(30));
        now.wall += seconds;
        now.mono = now.mono.after(Duration::from_secs(seconds));
        let mut batch = Batch::default();
        let mut asked = Vec::new();
        for _ in 0..=choices.below(3) {
            count += 1;
            let Ok(said) = Said::choose(&mut choices) else {
                continue;
            };
            let before = batch.replies().len();
            server.datagram(now, &said.arrival, &said.octets, &store, &mut batch);
            if batch.replies().len() > before {
                asked.push((before, said));
            }
        }
        let is_kept = choices.below(8) > 0;
        if is_kept {
            let kept = store.commit(server.begin_commit(&mut batch));
            assert!(kept.is_ok(), "the batch cannot be kept: {kept:?}");
            server.committed(&mut batch);
        } else {
            server.abandoned(&mut batch);
        }
        let is_alone = asked.len() == 1;
        for (place, said) in asked {
            let reply = batch.replies().get(place);
            let reply = reply.and_then(|reply| batch.octets().get(reply.octets.clone()));
            said.judge(reply.unwrap_or_default(), is_kept && is_alone, now, &store);
        }
        assert_one_owner(&store, now.wall);
    }
    let _ = server.take_notices();
}

/// Octets that decide; zeros where there are none left.
struct Choices<'a> {
    octets: &'a [u8],
}

impl Choices<'_> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.octets.split_first() else {
            return 0;
        };
        self.octets = rest;
        *first
    }

    fn below(&mut self, bound: u8) -> u8 {
        self.next() % bound.max(1)
    }

    fn flag(&mut self) -> bool {
        self.next() & 1 == 1
    }
}

fn config(choices: &mut Choices<'_>) -> Option<Config> {
    let mut config = Config::new(Duid::new(&SERVER).ok()?);
    config.obsolete.ia_ta = choices.flag();
    config.obsolete.unicast = choices.flag();
    config.reconfigure = choices.flag();
    config.register_addresses = choices.flag();
    config.bind_on_renew = choices.flag();
    config.offer_hold = u32::from(choices.below(20));
    config.leases_per_client = usize::from(choices.below(8)) + 1;
    config.probation = u32::from(choices.next());
    let order = if choices.flag() {
        Order::Lowest
    } else {
        Order::Random
    };
    let net = |text: &str| -> Option<Ipv6Net> { text.parse().ok() };
    config.links.push(ServedLink {
        id: LinkId(1),
        name: "one".to_owned(),
        on_link: vec![net("2001:db8:1::/64")?],
        relay_addresses: Vec::new(),
        interface_ids: vec![b"port".to_vec()],
        interfaces: Vec::new(),
        pools: vec![AddressPool {
            first: Ipv6Addr::from_bits(RELAY.to_bits() + 0xf),
            last: Ipv6Addr::from_bits(RELAY.to_bits() + 0x14),
            order,
            classes: Vec::new(),
            settings: Settings::default(),
        }],
        prefix_pools: vec![PrefixPool {
            prefix: net("2001:db8:f000::/53")?,
            delegated_len: 56,
            exclude: None,
            order,
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
            rapid_commit: Some(choices.flag()),
            ..Settings::default()
        },
    });
    Some(config)
}

/// A message on its way.
struct Said {
    octets: Vec<u8>,
    arrival: Arrival,
    xid: Xid,
    client: Vec<u8>,
    depth: usize,
    /// It came as it was sent.
    is_whole: bool,
}

impl Said {
    fn choose(choices: &mut Choices<'_>) -> Result<Self, ComposeError> {
        let kinds = [1, 1, 3, 3, 3, 5, 6, 4, 8, 9, 11, 36, 2, 7, 10, 14];
        let kind = kinds.get(usize::from(choices.below(16))).copied();
        let kind = MessageType(kind.unwrap_or(1));
        let xid = Xid([1, choices.next(), choices.next()]);
        let client = vec![0, 3, 0, 1, choices.below(8)];
        let mut octets = Vec::new();
        let mut message = Composer::client(&mut octets, kind, xid);
        message.option(OptionCode::CLIENTID, &client)?;
        put_options(choices, kind, &mut message)?;
        message.finish()?;
        let depth = usize::from(choices.below(4));
        for hop in 0..depth {
            octets = forwarded(choices, hop, &octets)?;
        }
        let is_whole = choices.below(4) > 0;
        if !is_whole {
            let at = usize::from(choices.next()) % octets.len().max(1);
            if let Some(octet) = octets.get_mut(at) {
                *octet ^= choices.next();
            }
            let cut = usize::from(choices.next());
            octets.truncate(octets.len().saturating_sub(cut / 8));
        }
        Ok(Self {
            octets,
            arrival: arrival(choices, depth),
            xid,
            client,
            depth,
            is_whole,
        })
    }

    fn judge(&self, reply: &[u8], is_bound: bool, now: Now, store: &MemoryStore) {
        let chain = RelayChain::parse(reply, DEFAULT_NESTING_LIMIT);
        let chain = chain.as_ref();
        assert!(chain.is_ok(), "a reply that cannot be read: {chain:?}");
        let (Ok(chain), true) = (chain, self.is_whole) else {
            return;
        };
        assert_eq!(chain.depth(), self.depth);
        let message = chain.message();
        assert_eq!(message.xid(), self.xid);
        let id = message.options().first(OptionCode::CLIENTID);
        assert!(id.is_none_or(|id| id.data == self.client));
        if !is_bound || message.msg_type() != MessageType::REPLY {
            return;
        }
        let granted = granted(chain);
        for (at, (name, kind)) in granted.iter().copied().enumerate() {
            let mut before = granted.iter().take(at);
            assert!(
                before.all(|(other, _)| *other != name),
                "{name} is told twice"
            );
            let held = store.holder(name).ok().flatten();
            let is_held = held.is_some_and(|record| {
                let view = record.view();
                let mut leases = view.leases();
                view.client() == self.client
                    && leases.any(|lease| {
                        lease.name == name && lease.kind == kind && lease.is_live(now.wall)
                    })
            });
            assert!(is_held, "{name} is told and not bound");
        }
    }
}

fn put_options(
    choices: &mut Choices<'_>,
    kind: MessageType,
    message: &mut Composer<'_>,
) -> Result<(), ComposeError> {
    let wants_server = matches!(
        kind,
        MessageType::REQUEST | MessageType::RENEW | MessageType::RELEASE | MessageType::DECLINE
    );
    match choices.below(8) {
        0 => message.option(OptionCode::SERVERID, &[0, 2, 9])?,
        1 => message.option(OptionCode::SERVERID, &SERVER)?,
        _ if wants_server => message.option(OptionCode::SERVERID, &SERVER)?,
        _ => {}
    }
    let flags = choices.next();
    for (bit, code, data) in [
        (1, OptionCode::RAPID_COMMIT, &[][..]),
        (2, OptionCode::RECONF_ACCEPT, &[]),
        (4, OptionCode::ORO, &[0, 23, 0, 39, 0, 67]),
        (8, OptionCode::CLIENT_FQDN, b"\x01\x01a\x00"),
    ] {
        if flags & bit != 0 {
            message.option(code, data)?;
        }
    }
    for _ in 0..choices.below(4) {
        let iaid = u32::from(choices.below(3));
        let kind = choices.below(5);
        let names: Vec<u8> = (0..choices.below(3)).map(|_| choices.next()).collect();
        let addresses = |ia: &mut Composer<'_>| names.iter().try_for_each(|one| address(*one, ia));
        match kind {
            0 => message.ia_ta(iaid, addresses)?,
            1 | 2 => message.ia_na(iaid, [0, 0], addresses)?,
            _ => message.ia_pd(iaid, [0, 0], |ia| {
                names.iter().try_for_each(|one| prefix(*one, ia))
            })?,
        }
    }
    if kind == ADDR_REG_INFORM {
        address(choices.next(), message)?;
    }
    Ok(())
}

/// An address of the pool, beside it, or of another link.
fn address(choice: u8, message: &mut Composer<'_>) -> Result<(), ComposeError> {
    let far = if choice & 0x80 != 0 { 1_u128 << 80 } else { 0 };
    let bits = RELAY.to_bits() + 0xe + u128::from(choice & 7) + far;
    message.nested(OptionCode::IAADDR, |lease| {
        lease.put_ipv6(Ipv6Addr::from_bits(bits));
        lease.put_u32(u32::from(choice));
        lease.put_u32(u32::from(choice) * 2);
        Ok(())
    })
}

/// A prefix of the pool, a length alone, or one of another pool.
fn prefix(choice: u8, message: &mut Composer<'_>) -> Result<(), ComposeError> {
    let bits = match choice >> 6 {
        0 => 0,
        1 => 0x2001_0db8_e000_u128 << 80,
        _ => (0x2001_0db8_f000_u128 << 80) + (u128::from(choice & 7) << 72),
    };
    message.nested(OptionCode::IAPREFIX, |lease| {
        lease.put_u64(0);
        lease.put_u8(if choice & 8 == 0 { 56 } else { 60 });
        lease.put_ipv6(Ipv6Addr::from_bits(bits));
        Ok(())
    })
}

fn forwarded(choices: &mut Choices<'_>, hop: usize, inner: &[u8]) -> Result<Vec<u8>, ComposeError> {
    let mut out = Vec::new();
    let is_set = hop > 0 || choices.below(4) > 0;
    let header = RelayHeader {
        msg_type: MessageType::RELAY_FORW,
        hop_count: u8::try_from(hop).unwrap_or(u8::MAX),
        link_address: if is_set { RELAY } else { Ipv6Addr::UNSPECIFIED },
        peer_address: Ipv6Addr::from_bits(RELAY.to_bits() + u128::from(choices.below(32))),
    };
    let mut level = Composer::relay(&mut out, &header);
    if choices.flag() {
        level.option(OptionCode::INTERFACE_ID, b"port")?;
    }
    if choices.flag() {
        level.option(OptionCode::RELAY_ID, &[0, 3, 0, 1, 9])?;
        level.option(OptionCode::REMOTE_ID, b"\0\0\0\x09x")?;
    }
    level.option(OptionCode::RELAY_MSG, inner)?;
    level.finish()?;
    Ok(out)
}

fn arrival(choices: &mut Choices<'_>, depth: usize) -> Arrival {
    let is_local = depth == 0 && choices.below(4) > 0;
    let from = if is_local {
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 5)
    } else {
        RELAY
    };
    let is_group = depth == 0 && choices.below(4) > 0;
    Arrival {
        from: SocketAddrV6::new(from, 547, 0, INTERFACE),
        to: if is_group { GROUP } else { RELAY },
        interface: INTERFACE,
    }
}

/// The leases that a message tells with a valid lifetime.
fn granted(chain: &RelayChain<'_>) -> Vec<(LeaseName, IaKind)> {
    let options = chain.message().options();
    let na = options.views::<IaNa<'_>>().filter_map(Result::ok);
    let na = na.map(|ia| (IaKind::Na, ia.options));
    let ta = options.views::<IaTa<'_>>().filter_map(Result::ok);
    let ta = ta.map(|ia| (IaKind::Ta, ia.options));
    let pd = options.views::<IaPd<'_>>().filter_map(Result::ok);
    let pd = pd.map(|ia| (IaKind::Pd, ia.options));
    let mut found = Vec::new();
    for (kind, options) in na.chain(ta).chain(pd) {
        use leasebook_wire::option::{IaAddr, IaPrefix};
        for lease in options.views::<IaAddr<'_>>().filter_map(Result::ok) {
            if lease.valid_lifetime > 0 {
                found.push((LeaseName::Address(lease.address), kind));
            }
        }
        for lease in options.views::<IaPrefix<'_>>().filter_map(Result::ok) {
            let name = LeaseName::prefix(lease.prefix, lease.prefix_len);
            found.extend(
                name.filter(|_| lease.valid_lifetime > 0)
                    .map(|name| (name, kind)),
            );
        }
    }
    found
}

/// No lease is live for two clients.
fn assert_one_owner(store: &MemoryStore, wall: u64) {
    let query = Query {
        selector: Selector::All,
        links: Links::Any,
    };
    let mut owners: HashMap<LeaseName, Vec<u8>> = HashMap::new();
    let mut cursor = Cursor::new(query, store.last_seq());
    loop {
        let progress = store.scan(&mut cursor, wall, &mut |run| {
            for record in run.iter() {
                for lease in record.leases().filter(|lease| lease.is_live(wall)) {
                    let before = owners.insert(lease.name, record.client().to_vec());
                    assert!(before.is_none(), "{} has two clients", lease.name);
                }
            }
            Flow::Continue
        });
        if !matches!(progress, Ok(Progress::More)) {
            return;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// DHCP-S-006, DHCP-S-027, DHCP-S-066, SEC-005: any conversation, damaged or not, is survived; what is told is bound, to one client.
    #[test]
    fn any_conversation_is_survived(octets in prop::collection::vec(any::<u8>(), 0..1200)) {
        converse(&octets);
    }
}

//! The responder over the book in memory: a requestor's octets in, its messages out.

mod conduct;
mod content;
mod judging;
mod properties;
mod recorded;
mod sequence;
mod udp;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use leasebook_store::{
    Binding, Change, IaKind, Lease, LeaseName, LeaseState, LeaseStore, LinkId, MemoryStore,
    RelayData,
};
use leasebook_wire::code::{MessageType, OptionCode, QueryType, StatusCode};
use leasebook_wire::option::StatusCodeOption;
use leasebook_wire::{ClientMessage, Composer, Deframer, Duid, Options, Xid};

use super::{Config, Connection, Event, FillState};
use crate::links::{Link, Links};
use crate::time::{Mono, Now};

/// Unix seconds at which every test begins.
const BEGIN: u64 = 1_700_000_000;
const LOCALHOST: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
const SERVER: &[u8] = &[0, 3, 0, 1, 0xaa];
const REQUESTOR: &[u8] = &[0, 3, 0, 1, 0xbb];

fn config() -> Config {
    Config::new(Duid::new(SERVER).unwrap())
}

fn at(seconds: u64) -> Now {
    Now {
        mono: Mono(0).after(Duration::from_secs(seconds)),
        wall: BEGIN + seconds,
    }
}

fn ip(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

/// Links 1 and 2 with a prefix each, link 1 with a relay address and a pool.
fn links() -> Links {
    let link = |id, on_link: &str, relays: &[&str], delegated: &[&str]| Link {
        id: LinkId(id),
        on_link: vec![on_link.parse().unwrap()],
        relay_addresses: relays.iter().map(|text| ip(text)).collect(),
        delegated: delegated.iter().map(|text| text.parse().unwrap()).collect(),
    };
    Links::new(vec![
        link(1, "2001:db8:1::/64", &["fe80::1"], &["2001:db8:f000::/36"]),
        link(2, "2001:db8:2::/64", &[], &[]),
    ])
}

fn lease(name: LeaseName, preferred: u32, valid: u32) -> Lease {
    let kind = match name {
        LeaseName::Address(_) => IaKind::Na,
        LeaseName::Prefix { .. } => IaKind::Pd,
    };
    Lease {
        name,
        kind,
        iaid: 1,
        state: LeaseState::Bound,
        clt: BEGIN - 10,
        preferred,
        valid,
    }
}

fn address(text: &str) -> Lease {
    lease(LeaseName::Address(ip(text)), 100, 200)
}

fn prefix(text: &str, len: u8) -> Lease {
    lease(LeaseName::prefix(ip(text), len).unwrap(), 300, 400)
}

fn client(number: u16) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    vec![0, 3, 0, 1, high, low]
}

fn binding(link: u32, number: u16, leases: Vec<Lease>) -> Binding {
    Binding {
        link: LinkId(link),
        client: Duid::new(&client(number)).unwrap(),
        leases,
        relay: None,
        options: Vec::new(),
    }
}

fn store(bindings: Vec<Binding>) -> MemoryStore {
    let store = MemoryStore::new();
    store
        .commit(bindings.into_iter().map(Change::Put).collect())
        .unwrap();
    store
}

/// `count` clients on link 1 with an address each.
fn many(count: u16) -> MemoryStore {
    let bindings = (1..=count).map(|number| {
        let name = Ipv6Addr::from_bits(ip("2001:db8:1::").to_bits() + u128::from(number));
        binding(1, number, vec![lease(LeaseName::Address(name), 100, 200)])
    });
    store(bindings.collect())
}

/// A chain of two relays; both name themselves, the inner one more.
fn relayed() -> RelayData {
    let mut inner = vec![12, 0];
    inner.extend_from_slice(&ip("2001:db8:1::1").octets());
    inner.extend_from_slice(&ip("fe80::c").octets());
    for (code, data) in [
        (OptionCode::INTERFACE_ID, &b"port7"[..]),
        (OptionCode::REMOTE_ID, b"\0\0\x0d\xe9inner"),
        (OptionCode::RELAY_ID, b"\0\x03\0\x01I"),
        (OptionCode::SUBSCRIBER_ID, b"anna"),
    ] {
        put(&mut inner, code, data);
    }
    let mut chain = vec![12, 1];
    chain.extend_from_slice(&ip("::").octets());
    chain.extend_from_slice(&ip("2001:db8:1::1").octets());
    put(&mut chain, OptionCode::RELAY_ID, b"\0\x03\0\x01O");
    put(&mut chain, OptionCode::RELAY_MSG, &inner);
    put(&mut chain, OptionCode::REMOTE_ID, b"\0\0\x0d\xe9outer");
    RelayData {
        peer: ip("2001:db8::99"),
        chain,
    }
}

fn put(out: &mut Vec<u8>, code: OptionCode, data: &[u8]) {
    out.extend_from_slice(&code.0.to_be_bytes());
    out.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
    out.extend_from_slice(data);
}

/// A LEASEQUERY as a frame; `write` adds query-options.
fn query(
    xid: u32,
    query_type: QueryType,
    link_address: &str,
    options: &[(OptionCode, &[u8])],
) -> Vec<u8> {
    let mut lq_query = vec![query_type.0];
    lq_query.extend_from_slice(&ip(link_address).octets());
    for (code, data) in options {
        put(&mut lq_query, *code, data);
    }
    message(
        MessageType::LEASEQUERY,
        xid,
        &[
            (OptionCode::CLIENTID, REQUESTOR),
            (OptionCode::LQ_QUERY, &lq_query),
        ],
    )
}

fn message(kind: MessageType, xid: u32, options: &[(OptionCode, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut composer = Composer::framed(&mut out, kind, Xid::from_number(xid));
    for (code, data) in options {
        composer.option(*code, data).unwrap();
    }
    composer.finish().unwrap();
    out
}

fn by_link(xid: u32) -> Vec<u8> {
    query(xid, QueryType::BY_LINK_ADDRESS, "2001:db8:1::1", &[])
}

fn by_client(xid: u32, number: u16, link_address: &str) -> Vec<u8> {
    let client = client(number);
    let options = [(OptionCode::CLIENTID, &client[..])];
    query(xid, QueryType::BY_CLIENTID, link_address, &options)
}

fn by_address(xid: u32, address: &str, link_address: &str) -> Vec<u8> {
    let mut iaaddr = ip(address).octets().to_vec();
    iaaddr.extend_from_slice(&[7; 8]);
    let options = [(OptionCode::IAADDR, &iaaddr[..])];
    query(xid, QueryType::BY_ADDRESS, link_address, &options)
}

fn oro(codes: &[OptionCode]) -> Vec<u8> {
    codes.iter().flat_map(|code| code.0.to_be_bytes()).collect()
}

/// One message as the requestor got it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Got {
    kind: MessageType,
    xid: u32,
    options: Vec<u8>,
}

impl Got {
    fn options(&self) -> Options<'_> {
        Options::parse(&self.options, 4).unwrap()
    }

    fn codes(&self) -> Vec<u16> {
        self.options().iter().map(|option| option.code.0).collect()
    }

    fn status(&self) -> StatusCode {
        self.options().status().unwrap().code
    }

    fn text(&self) -> String {
        let status: StatusCodeOption<'_> = self.options().status().unwrap();
        status.message().into_owned()
    }

    fn data(&self) -> Options<'_> {
        let data = self.options().first(OptionCode::CLIENT_DATA).unwrap();
        data.options().unwrap()
    }

    fn client(&self) -> &[u8] {
        self.data().first(OptionCode::CLIENTID).unwrap().data
    }

    /// Addresses and prefixes with preferred and valid lifetimes, in order.
    fn leases(&self) -> Vec<(String, u32, u32)> {
        let number = |octets: &[u8]| u32::from_be_bytes(octets.try_into().unwrap());
        let show = |octets: &[u8]| Ipv6Addr::from(<[u8; 16]>::try_from(octets).unwrap());
        let data = self.data();
        let leases = data.iter().filter_map(|option| match option.code {
            OptionCode::IAADDR => {
                let (name, times) = option.data.split_at(16);
                let name = show(name).to_string();
                Some((name, number(&times[..4]), number(&times[4..])))
            }
            OptionCode::IAPREFIX => {
                let (times, name) = option.data.split_at(8);
                let name = format!("{}/{}", show(&name[1..]), name[0]);
                Some((name, number(&times[..4]), number(&times[4..])))
            }
            _ => None,
        });
        leases.collect()
    }

    fn clt(&self) -> u32 {
        let clt = self.data().first(OptionCode::CLT_TIME).unwrap().data;
        u32::from_be_bytes(clt.try_into().unwrap())
    }
}

fn decode(octets: &[u8]) -> Vec<Got> {
    let mut deframer = Deframer::new();
    let mut rest = octets;
    let mut got = Vec::new();
    while let Some(frame) = deframer.next(&mut rest) {
        let message = ClientMessage::parse(frame).unwrap();
        got.push(Got {
            kind: message.msg_type(),
            xid: message.xid().number(),
            options: message.options().octets().to_vec(),
        });
    }
    assert!(deframer.finish().is_ok());
    got
}

/// A connection, its book, and a socket that takes everything.
struct Session {
    connection: Connection,
    store: MemoryStore,
    events: Vec<Event>,
}

impl Session {
    fn new(store: MemoryStore) -> Self {
        Self::with(config(), store)
    }

    fn with(config: Config, store: MemoryStore) -> Self {
        let connection = Connection::new(Arc::new(config), Arc::new(links()), LOCALHOST, at(0));
        Self {
            connection,
            store,
            events: Vec::new(),
        }
    }

    /// Sends `octets` at `seconds` and takes all there is to say.
    fn ask_at(&mut self, seconds: u64, octets: &[u8]) -> Vec<Got> {
        self.connection.octets(at(seconds), octets);
        self.drain(seconds)
    }

    fn ask(&mut self, octets: &[u8]) -> Vec<Got> {
        self.ask_at(0, octets)
    }

    fn drain(&mut self, seconds: u64) -> Vec<Got> {
        let mut all = Vec::new();
        while self.fill(seconds, &mut all) == FillState::More {}
        decode(&all)
    }

    /// One call of fill, written at once.
    fn fill(&mut self, seconds: u64, all: &mut Vec<u8>) -> FillState {
        let mut out = Vec::new();
        let state = self.connection.fill(at(seconds), &self.store, &mut out);
        self.connection.sent(at(seconds), out.len());
        all.extend_from_slice(&out);
        self.events
            .extend(std::iter::from_fn(|| self.connection.poll_event()));
        state
    }
}

fn kinds(got: &[Got]) -> Vec<MessageType> {
    got.iter().map(|message| message.kind).collect()
}

const REPLY: MessageType = MessageType::LEASEQUERY_REPLY;
const DATA: MessageType = MessageType::LEASEQUERY_DATA;
const DONE: MessageType = MessageType::LEASEQUERY_DONE;

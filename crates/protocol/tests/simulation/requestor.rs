//! A bulk query, compared with the book.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use leasebook_protocol::Now;
use leasebook_protocol::leasequery::{Config, Connection, FillState};
use leasebook_protocol::links::{Link, Links};
use leasebook_protocol::server;
use leasebook_store::{Book, Flow, LeaseName, LinkId, Progress};
use leasebook_wire::code::{MessageType, OptionCode, QueryType};
use leasebook_wire::option::{IaAddr, IaPrefix};
use leasebook_wire::{ClientMessage, Composer, Deframer, Duid, Options, Xid};

use crate::path::Path;

/// In the place of a link's number: all links.
const ANY: u16 = 0;

/// The live leases of each client.
pub(crate) type Told = BTreeMap<Vec<u8>, BTreeSet<LeaseName>>;

/// What a bulk query by the address of `link` tells, or with `relay` one by its Relay-ID.
pub(crate) fn ask(
    config: &server::Config,
    book: &Book,
    now: Now,
    (link, relay): (u16, Option<&[u8]>),
) -> Told {
    let links = config.links.iter().map(|link| Link {
        id: link.id,
        on_link: link.on_link.clone(),
        relay_addresses: link.relay_addresses.clone(),
        delegated: Vec::new(),
    });
    let links = Arc::new(Links::new(links.collect()));
    let identity = Arc::new(Config::new(Duid::new(&[0, 3, 0, 1, 0xaa]).unwrap()));
    let localhost = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let mut connection = Connection::new(identity, links, localhost, now);
    connection.octets(now, &query(link, relay));
    let mut octets = Vec::new();
    loop {
        let before = octets.len();
        let state = connection.fill(now, book, &mut octets);
        connection.sent(now, octets.len() - before);
        if state != FillState::More {
            break;
        }
    }
    collect(&octets)
}

fn query(link: u16, relay: Option<&[u8]>) -> Vec<u8> {
    let address = match link {
        ANY => Ipv6Addr::UNSPECIFIED,
        _ => Ipv6Addr::new(0x2001, 0xdb8, link, 0, 0, 0, 0, 1),
    };
    let kind = relay.map_or(QueryType::BY_LINK_ADDRESS, |_| QueryType::BY_RELAY_ID);
    let mut out = Vec::new();
    let mut message = Composer::framed(&mut out, MessageType::LEASEQUERY, Xid::from_number(9));
    message
        .option(OptionCode::CLIENTID, &[0, 3, 0, 1, 0xbb])
        .unwrap();
    message
        .nested(OptionCode::LQ_QUERY, |query| {
            query.put_u8(kind.0);
            query.put_ipv6(address);
            relay.map_or(Ok(()), |relay| query.option(OptionCode::RELAY_ID, relay))
        })
        .unwrap();
    message.finish().unwrap();
    out
}

/// Each client once, and the end told.
fn collect(octets: &[u8]) -> Told {
    let mut told = Told::new();
    let (mut deframer, mut rest) = (Deframer::new(), octets);
    let mut last = None;
    while let Some(frame) = deframer.next(&mut rest) {
        let message = ClientMessage::parse(frame).unwrap();
        last = Some(message.msg_type());
        let options = message.options();
        if let Some(data) = options.first(OptionCode::CLIENT_DATA) {
            let data = data.options().unwrap();
            let client = data.first(OptionCode::CLIENTID).unwrap().data.to_vec();
            let before = told.insert(client, names(data));
            assert_eq!(before, None, "a client told twice");
        }
    }
    let done = [MessageType::LEASEQUERY_DONE, MessageType::LEASEQUERY_REPLY];
    assert!(done.contains(&last.unwrap()), "the reply has no end");
    assert!(last == Some(done[0]) || told.is_empty());
    told
}

fn names(options: Options<'_>) -> BTreeSet<LeaseName> {
    let addresses = options.views::<IaAddr<'_>>().map(Result::unwrap);
    let prefixes = options.views::<IaPrefix<'_>>().map(Result::unwrap);
    addresses
        .map(|lease| LeaseName::Address(lease.address))
        .chain(prefixes.map(|lease| LeaseName::prefix(lease.prefix, lease.prefix_len).unwrap()))
        .collect()
}

/// The same by reading the whole book.
pub(crate) fn expected(book: &Book, now: Now, (link, relay): (u16, Option<&[u8]>)) -> Told {
    let mut told = Told::new();
    let mut from = Vec::new();
    loop {
        let progress = book.scan_all(&mut from, &mut |run| {
            for record in run.iter() {
                if record.link() != LinkId(u32::from(link)) {
                    continue;
                }
                if relay.is_some_and(|relay| !record.ids().any(|(_, id)| id == relay)) {
                    continue;
                }
                let live = record.leases().filter(|lease| lease.is_live(now.wall));
                let names: BTreeSet<_> = live.map(|lease| lease.name).collect();
                if !names.is_empty() {
                    told.insert(record.client().to_vec(), names);
                }
            }
            Flow::Continue
        });
        if progress.unwrap() == Progress::Done {
            return told;
        }
    }
}

/// Compares both for a link, by its address and by its relay. A link that the configuration does
/// not have any more is told by its relay alone.
pub(crate) fn compare(config: &server::Config, book: &Book, now: Now, link: u16) -> usize {
    let relay = Path::relay_id(link);
    let is_configured = config.links.iter().any(|one| one.id.0 == u32::from(link));
    let of_link = [(link, None), (link, Some(&relay[..]))];
    let of_relay = [(ANY, Some(&relay[..]))];
    let mut count = 0;
    for which in if is_configured {
        &of_link[..]
    } else {
        &of_relay
    } {
        let told = ask(config, book, now, *which);
        let expected = expected(book, now, (link, which.1));
        assert_eq!(told, expected, "a bulk query tells otherwise");
        count += told.len();
    }
    count
}

//! A server: its bindings, and how it tells them in bulk.

use std::collections::{BTreeMap, VecDeque};

use ipnet::Ipv6Net;
use leasebook_wire::code::{MessageType, OptionCode, StatusCode};
use leasebook_wire::{ClientMessage, Deframer, Xid};

use crate::message::{self, OTHER_RELAY_ID, Told};

/// A live binding.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub(crate) client: u8,
    pub(crate) port: usize,
    /// When it was granted, in milliseconds, and for how many seconds.
    pub(crate) granted: u64,
    pub(crate) valid: u32,
}

impl Binding {
    pub(crate) fn end(&self) -> u64 {
        self.granted + u64::from(self.valid) * 1000
    }
}

/// How it behaves on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Good,
    /// A message now and then.
    Slow,
    /// QueryTerminated in the middle.
    Terminates,
    /// The connection ends in the middle.
    Breaks,
}

/// What is still to be said on a connection, made when it is said.
#[derive(Clone, Debug)]
enum Saying {
    /// The binding of a prefix, if it is there then; as the next message of a bulk reply.
    Binding(Xid, Ipv6Net),
    /// One that ended long ago, told as live.
    Ghost(Xid, Ipv6Net, Binding),
    /// One of another relay.
    Others(Xid),
    /// The end of a bulk reply.
    Done(Xid),
    /// The answer to a query by address, or a bare one.
    Answer(Xid, Option<Ipv6Net>),
}

/// A connection of the relay.
#[derive(Default)]
struct Connection {
    deframer: Deframer,
    says: VecDeque<Saying>,
    /// Transactions that have had their LEASEQUERY-REPLY.
    begun: Vec<Xid>,
    messages: u32,
}

pub(crate) struct Server {
    pub(crate) number: u8,
    pub(crate) is_up: bool,
    pub(crate) mood: Mood,
    pub(crate) tells_ghosts: bool,
    pub(crate) ledger: BTreeMap<Ipv6Net, Binding>,
    ended: BTreeMap<Ipv6Net, Binding>,
    connection: Option<Connection>,
}

/// What a server sends.
pub(crate) enum Sent {
    Octets(Vec<u8>),
    Closed,
}

impl Server {
    pub(crate) fn new(number: u8) -> Self {
        Self {
            number,
            is_up: true,
            mood: Mood::Good,
            tells_ghosts: false,
            ledger: BTreeMap::new(),
            ended: BTreeMap::new(),
            connection: None,
        }
    }

    /// Prefix `slot` of its pool.
    pub(crate) fn prefix(&self, slot: u8) -> Ipv6Net {
        let (number, slot) = (u16::from(self.number), u16::from(slot) << 8);
        let address = std::net::Ipv6Addr::new(0x2001, 0xdb8, 0x100 + number, slot, 0, 0, 0, 0);
        Ipv6Net::new(address, 56).unwrap()
    }

    pub(crate) fn expire(&mut self, now: u64) {
        let is_over = |one: &Binding| one.end() <= now;
        let over: Vec<Ipv6Net> = self
            .ledger
            .iter()
            .filter(|(_, one)| is_over(one))
            .map(|(net, _)| *net)
            .collect();
        for prefix in over {
            let ended = self.ledger.remove(&prefix).unwrap();
            self.ended.insert(prefix, ended);
        }
    }

    /// Prefixes whose binding has ended since, and that nobody has.
    pub(crate) fn ended_since(&self, then: u64) -> impl Iterator<Item = Ipv6Net> {
        let ended = self.ended.iter().filter(move |(_, one)| one.end() >= then);
        let free = ended.filter(|(prefix, _)| !self.ledger.contains_key(prefix));
        free.map(|(prefix, _)| *prefix)
    }

    pub(crate) fn held_by(&self, client: u8) -> Option<Ipv6Net> {
        let mut held = self.ledger.iter().filter(|(_, one)| one.client == client);
        held.next().map(|(prefix, _)| *prefix)
    }

    pub(crate) fn connect(&mut self) {
        self.connection = Some(Connection::default());
    }

    pub(crate) fn hang_up(&mut self) {
        self.connection = None;
    }

    /// Takes queries.
    pub(crate) fn hear(&mut self, octets: &[u8]) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let mut rest = octets;
        let mut queries = Vec::new();
        while let Some(frame) = connection.deframer.next(&mut rest) {
            let query = ClientMessage::parse(frame).unwrap();
            let lq = query.options().first(OptionCode::LQ_QUERY).unwrap();
            queries.push((query.xid(), lq.data.to_vec()));
        }
        let mut says = Vec::new();
        for (xid, query) in queries {
            match query[0] {
                3 => self.everything(xid, &mut says),
                1 => {
                    let address: [u8; 16] = query[21..37].try_into().unwrap();
                    let address = std::net::Ipv6Addr::from(address);
                    let prefix = Ipv6Net::new(address, 56).unwrap().trunc();
                    says.push(Saying::Answer(xid, Some(prefix)));
                }
                _ => says.push(Saying::Answer(xid, None)),
            }
        }
        if let Some(connection) = &mut self.connection {
            connection.says.extend(says);
        }
    }

    fn everything(&self, xid: Xid, says: &mut Vec<Saying>) {
        says.extend(self.ledger.keys().map(|net| Saying::Binding(xid, *net)));
        if self.tells_ghosts {
            let ghosts = self.ended.iter();
            says.extend(ghosts.map(|(net, one)| Saying::Ghost(xid, *net, one.clone())));
            says.insert(0, Saying::Others(xid));
        }
        says.push(Saying::Done(xid));
    }

    /// What it sends now, at most so many messages.
    pub(crate) fn say(&mut self, now: u64, most: usize) -> Vec<Sent> {
        let mut sent = Vec::new();
        for _ in 0..most {
            let Some(connection) = &mut self.connection else {
                break;
            };
            let Some(saying) = connection.says.pop_front() else {
                break;
            };
            connection.messages += 1;
            let is_middle = connection.messages % 7 == 3;
            match self.mood {
                Mood::Breaks if is_middle => {
                    self.connection = None;
                    sent.push(Sent::Closed);
                    break;
                }
                Mood::Terminates if is_middle => {
                    let xid = saying.xid();
                    connection.says.retain(|one| one.xid() != xid);
                    let kind = connection.next_kind(xid, true);
                    let status = Some(StatusCode::QUERY_TERMINATED.0);
                    sent.push(Sent::Octets(message::bulk(kind, xid, None, status)));
                }
                _ => sent.extend(self.compose(now, &saying).map(Sent::Octets)),
            }
        }
        sent
    }

    fn compose(&mut self, now: u64, saying: &Saying) -> Option<Vec<u8>> {
        let xid = saying.xid();
        let told = match saying {
            Saying::Binding(_, prefix) => {
                let one = self.ledger.get(prefix)?;
                // A server asked in the last second of a lease has nothing to tell of it.
                let told = told(now, *prefix, one, message::RELAY_ID);
                Some(told).filter(|told| told.valid > 0)
            }
            Saying::Ghost(_, prefix, one) => Some(Told {
                valid: one.valid,
                ..told(now, *prefix, one, message::RELAY_ID)
            }),
            Saying::Others(_) => {
                let prefix = Ipv6Net::new(message::link_address(0x99), 64)
                    .unwrap()
                    .trunc();
                let one = Binding {
                    client: 99,
                    port: 0,
                    granted: now,
                    valid: 1000,
                };
                Some(told(now, prefix, &one, OTHER_RELAY_ID))
            }
            Saying::Done(_) => None,
            Saying::Answer(_, prefix) => prefix
                .and_then(|prefix| {
                    Some(told(
                        now,
                        prefix,
                        self.ledger.get(&prefix)?,
                        message::RELAY_ID,
                    ))
                })
                .filter(|told| told.valid > 0),
        };
        let connection = self.connection.as_mut()?;
        let is_end = matches!(saying, Saying::Done(_));
        if told.is_none() && !is_end && !matches!(saying, Saying::Answer(..)) {
            return None;
        }
        let kind = connection.next_kind(xid, is_end);
        let mut octets = message::bulk(kind, xid, told.as_ref(), None);
        if matches!(saying, Saying::Answer(..)) && told.is_some() {
            octets.extend(message::bulk(MessageType::LEASEQUERY_DONE, xid, None, None));
        }
        Some(octets)
    }
}

impl Connection {
    fn next_kind(&mut self, xid: Xid, is_end: bool) -> MessageType {
        if !self.begun.contains(&xid) {
            self.begun.push(xid);
            return MessageType::LEASEQUERY_REPLY;
        }
        if is_end {
            MessageType::LEASEQUERY_DONE
        } else {
            MessageType::LEASEQUERY_DATA
        }
    }
}

impl Saying {
    fn xid(&self) -> Xid {
        match self {
            Self::Binding(xid, _)
            | Self::Ghost(xid, ..)
            | Self::Others(xid)
            | Self::Done(xid)
            | Self::Answer(xid, _) => *xid,
        }
    }
}

fn told(now: u64, prefix: Ipv6Net, one: &Binding, relay_id: &[u8]) -> Told {
    let whole = |millis: u64| u32::try_from(millis / 1000).unwrap();
    Told {
        client: one.client,
        prefix,
        valid: whole(one.end().saturating_sub(now)),
        age: whole(now - one.granted),
        chain: message::relayed(
            MessageType::RELAY_FORW,
            None,
            (relay_id, one.client, one.port),
        ),
    }
}

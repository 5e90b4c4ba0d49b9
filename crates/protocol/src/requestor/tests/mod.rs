//! A scripted server against the machine, on a clock that jumps.

mod ask;
mod claim;
mod closing;
mod connecting;
mod judging;
mod properties;
mod reconciling;
mod udp;

use std::time::Duration;

use leasebook_wire::code::StatusCode;
use leasebook_wire::{Duid, FragmentError, Xid};

use super::*;
use crate::time::{Mono, Now};

/// Our CLIENTID in all tests.
const CLIENT: [u8; 10] = [0, 3, 0, 1, 2, 0, 0, 0, 0, 0x99];
/// The server's.
const SERVER: [u8; 6] = [0, 2, 0, 0, 0x09, 0xbf];

fn duid(octets: &[u8]) -> Duid {
    Duid::new(octets).unwrap()
}

fn config() -> Config {
    Config::new(duid(&CLIENT))
}

fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Entropy that counts upwards from `first`, so that transaction-ids are first, first + 1, ...
fn counting(first: u64) -> Entropy {
    let mut next = first;
    Box::new(move || {
        next += 1;
        next - 1
    })
}

/// A query by relay-id on all links.
fn by_relay_id() -> Ask {
    Ask::everywhere(Question::RelayId(duid(&[0, 3, 0, 1, 2, 0, 0, 0, 0, 1])))
}

/// What happened, in a form that can be compared and outlives the octets.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Binding {
        query: u32,
        client: Vec<u8>,
        leases: Vec<ClaimedLease>,
        arrived: Now,
    },
    Ended(u32, Ending, Tally),
    Interrupted(u32, Cause, Mono),
    Deviation(Deviation, u64),
}

impl From<Event<'_>> for Told {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Binding(binding) => Self::Binding {
                query: binding.query.0,
                client: binding.claim.client().to_vec(),
                leases: binding.claim.leases().collect(),
                arrived: binding.arrived,
            },
            Event::Ended {
                query,
                ending,
                tally,
            } => Self::Ended(query.0, ending, tally),
            Event::Interrupted {
                query,
                cause,
                again_at,
            } => Self::Interrupted(query.0, cause, again_at),
            Event::Deviation { kind, times } => Self::Deviation(kind, times),
        }
    }
}

/// The machine, its clock, and all it said.
struct World {
    machine: Connection,
    now: Now,
    told: Vec<Told>,
}

impl World {
    /// Transaction-ids count from 1.
    fn new(config: Config) -> Self {
        Self {
            machine: Connection::new(config, counting(1)),
            now: Now {
                mono: Mono(1_000_000_000),
                wall: 1_800_000_000,
            },
            told: Vec::new(),
        }
    }

    /// Connected, with one query asked under transaction-id 1 and written.
    fn asked(config: Config) -> Self {
        let mut world = Self::new(config);
        world.ask(by_relay_id());
        world.connect();
        world
    }

    fn ask(&mut self, ask: Ask) -> QueryId {
        self.machine.ask(self.now, ask).unwrap()
    }

    fn input(&mut self, input: Input<'_>) {
        let told = &mut self.told;
        self.machine
            .handle(self.now, input, &mut |event| told.push(event.into()));
    }

    fn actions(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.machine.poll()).collect()
    }

    /// Expects to be asked to connect, does, and takes what is sent.
    fn connect(&mut self) {
        assert_eq!(self.actions(), [Action::Connect]);
        self.input(Input::Connected);
        self.take_sent();
    }

    /// Writes what is to be sent; the transaction-ids of the queries in it.
    fn take_sent(&mut self) -> Vec<u64> {
        let mut xids = Vec::new();
        for action in self.actions() {
            let Action::Send(octets) = action else {
                panic!("{action:?} instead of a query");
            };
            self.input(Input::Sent(octets.len()));
            let mut rest = octets.as_slice();
            while let [high, low, tail @ ..] = rest {
                let (message, next) = tail.split_at(usize::from(u16::from_be_bytes([*high, *low])));
                assert_eq!(message[0], 14);
                xids.push(u64::from_be_bytes([
                    0, 0, 0, 0, 0, message[1], message[2], message[3],
                ]));
                rest = next;
            }
        }
        xids
    }

    /// Octets from the server.
    fn hear(&mut self, octets: &[u8]) {
        self.input(Input::Octets(octets));
    }

    /// Lets time pass to just before the deadline and to it.
    fn pass_to_deadline(&mut self) {
        let deadline = self.machine.deadline().expect("a deadline");
        self.pass(Duration::from_nanos(deadline.0 - self.now.mono.0));
        self.input(Input::Timer);
    }

    fn pass(&mut self, wait: Duration) {
        self.now.mono = self.now.mono.after(wait);
        self.now.wall += wait.as_secs();
    }

    /// What was said since the last call.
    fn told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    /// The endings among what was said.
    fn endings(&mut self) -> Vec<(u32, Ending)> {
        self.told()
            .into_iter()
            .filter_map(|told| match told {
                Told::Ended(query, ending, _) => Some((query, ending)),
                _ => None,
            })
            .collect()
    }

    fn bindings(&self) -> usize {
        self.told
            .iter()
            .filter(|told| matches!(told, Told::Binding { .. }))
            .count()
    }

    fn count(&self, kind: Deviation) -> u64 {
        self.machine.deviations().of(kind)
    }
}

/// One option.
fn option(code: u16, data: &[u8]) -> Vec<u8> {
    let len = u16::try_from(data.len()).unwrap();
    [&code.to_be_bytes()[..], &len.to_be_bytes(), data].concat()
}

/// One framed message.
fn frame(kind: u8, xid: u64, options: &[Vec<u8>]) -> Vec<u8> {
    let body = options.concat();
    let size = u16::try_from(body.len() + 4).unwrap();
    let mut framed = size.to_be_bytes().to_vec();
    framed.push(kind);
    framed.extend(Xid::from_number(u32::try_from(xid).unwrap()).0);
    framed.extend(body);
    framed
}

fn client_id() -> Vec<u8> {
    option(1, &CLIENT)
}

fn server_id() -> Vec<u8> {
    option(2, &SERVER)
}

fn status(code: u16, text: &str) -> Vec<u8> {
    option(13, &[&code.to_be_bytes()[..], text.as_bytes()].concat())
}

fn address(last: u16, preferred: u32, valid: u32) -> Vec<u8> {
    let mut data = vec![0x20, 1, 0x0d, 0xb8];
    data.extend([0; 10]);
    data.extend(last.to_be_bytes());
    data.extend(preferred.to_be_bytes());
    data.extend(valid.to_be_bytes());
    option(5, &data)
}

fn clt(age: u32) -> Vec<u8> {
    option(46, &age.to_be_bytes())
}

/// CLIENT_DATA of a client named by a number, with one address of the same number.
fn client_data(client: u16) -> Vec<u8> {
    let [high, low] = client.to_be_bytes();
    option(
        45,
        &[
            option(1, &[0, 3, 0, 1, high, low]),
            address(client, 1000, 2000),
            clt(10),
        ]
        .concat(),
    )
}

fn reply(xid: u64, rest: &[Vec<u8>]) -> Vec<u8> {
    frame(15, xid, &[&[client_id(), server_id()], rest].concat())
}

fn data(xid: u64, client: u16) -> Vec<u8> {
    frame(17, xid, &[client_data(client)])
}

fn done(xid: u64) -> Vec<u8> {
    frame(16, xid, &[])
}

/// A whole reply of so many clients.
fn whole(xid: u64, clients: u16) -> Vec<u8> {
    let mut octets = reply(xid, &[client_data(0)]);
    for client in 1..clients {
        octets.extend(data(xid, client));
    }
    octets.extend(done(xid));
    octets
}

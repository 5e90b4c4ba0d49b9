//! Whatever a requestor sends, in whatever pieces and with whatever pauses: each query gets one REPLY, then its DATA and DONE; limits hold, and the connection ends.
//!
//! Seeds: frames
#![no_main]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use leasebook_fuzz::plan::Plan;
use leasebook_fuzz::site::{self, ip};
use leasebook_protocol::leasequery::connection::FILL_OCTETS;
use leasebook_protocol::leasequery::event::{CloseReason, Event};
use leasebook_protocol::leasequery::{Config, Connection, FillState};
use leasebook_protocol::{Mono, Now};
use leasebook_store::{
    Binding, Change, IaKind, Lease, LeaseName, LeaseState, LeaseStore as _, LinkId, MemoryStore,
    RelayData,
};
use leasebook_wire::code::{MessageType, OptionCode};
use leasebook_wire::{ClientMessage, Deframer, Duid};
use libfuzzer_sys::fuzz_target;

/// No query changes it.
static STORE: OnceLock<MemoryStore> = OnceLock::new();

/// Unix seconds at the beginning.
const BEGIN: u64 = 1_700_000_000;

/// TLSConnectionRefused. Source: RFC 7653 §11.
const TLS_REFUSED: u16 = 15;

/// Octets of one run of the store beyond [`FILL_OCTETS`], generously.
const RUN_OCTETS: usize = 64 * 1024;

fuzz_target!(|octets: &[u8]| {
    let mut world = World::new();
    for piece in octets.chunks(1 + octets.len() % 97) {
        world.hear(piece);
        world.write(octets.len() % 1000);
    }
    world.end();
    let mut plan = Plan::new(octets);
    let mut world = World::new();
    for _ in 0..plan.below(8) {
        let wait = plan.seconds();
        let count = usize::from(plan.number());
        world.wait(wait);
        world.hear(plan.take(count));
        if plan.flag() {
            world.write(usize::from(plan.number()));
        }
    }
    world.hear(plan.take(usize::MAX));
    world.end();
});

/// How far the answer to a transaction-id has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// DATA or DONE follow.
    Begun,
    Ended,
}

struct World {
    connection: Connection,
    store: &'static MemoryStore,
    now: Now,
    /// What was filled and not yet written.
    unsent: Vec<u8>,
    deframer: Deframer,
    answers: BTreeMap<[u8; 3], Answer>,
    /// It took nothing for so long that nothing more is said.
    is_cut: bool,
    /// Octets that were heard, which bound what can have been asked.
    heard: usize,
    replies: usize,
}

impl World {
    fn new() -> Self {
        let config = Config::new(Duid::new(site::SERVER).expect("a DUID"));
        let now = Now {
            mono: Mono(1_000_000_000),
            wall: BEGIN,
        };
        let source = IpAddr::V6(Ipv6Addr::LOCALHOST);
        let links = Arc::new(site::links());
        Self {
            connection: Connection::new(Arc::new(config), links, source, now),
            store: STORE.get_or_init(store),
            now,
            unsent: Vec::new(),
            deframer: Deframer::new(),
            answers: BTreeMap::new(),
            is_cut: false,
            heard: 0,
            replies: 0,
        }
    }

    fn wait(&mut self, seconds: u64) {
        self.now.wall += seconds;
        self.now.mono = self.now.mono.after(Duration::from_secs(seconds));
        self.connection.timer(self.now);
        let next = self.connection.deadline();
        assert!(
            next.is_none_or(|next| next > self.now.mono),
            "{next:?} is over"
        );
    }

    fn hear(&mut self, octets: &[u8]) {
        if self.connection.wants_read() {
            self.heard += octets.len();
            self.connection.octets(self.now, octets);
        }
        assert!(self.connection.queries_in_progress() <= 4);
        self.fill();
    }

    /// Fills when all filled before is written, as the contract says.
    fn fill(&mut self) -> FillState {
        if !self.unsent.is_empty() {
            return FillState::More;
        }
        let state = self.connection.fill(self.now, self.store, &mut self.unsent);
        assert!(self.unsent.len() <= FILL_OCTETS + RUN_OCTETS);
        self.hear_events();
        state
    }

    fn hear_events(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            let why = CloseReason::WriteTimeout;
            self.is_cut |= event == Event::Closed { why };
        }
    }

    /// The requestor takes some of what there is.
    fn write(&mut self, count: usize) {
        let rest = self.unsent.split_off(count.min(self.unsent.len()));
        let written = std::mem::replace(&mut self.unsent, rest);
        self.connection.sent(self.now, written.len());
        let mut input = &written[..];
        while let Some(frame) = self.deframer.next(&mut input) {
            let message = ClientMessage::parse(frame).expect("what is sent can be read");
            take(message, &mut self.answers, &mut self.replies);
        }
    }

    /// The requestor half-closes and takes everything: then the connection is over.
    fn end(&mut self) {
        self.connection.peer_closed_sending(self.now);
        for _ in 0..10_000 {
            let state = self.fill();
            self.write(usize::MAX);
            if self.connection.wants_close() {
                break;
            }
            assert!(state == FillState::More || self.connection.queries_in_progress() > 0);
        }
        assert!(self.connection.wants_close(), "the connection never ends");
        assert!(self.deframer.finish().is_ok(), "ends inside a message");
        self.hear_events();
        let is_begun = |answer: &Answer| *answer == Answer::Begun;
        let has_open = self.answers.values().any(is_begun);
        assert!(self.is_cut || !has_open, "an answer has no end");
        // The shortest message that is answered is a STARTTLS: its size and its header.
        assert!(
            self.replies <= self.heard / 6,
            "more answers than questions"
        );
    }
}

/// Takes a message of an answer: REPLY first, DATA after a REPLY with data, DONE last.
///
/// A REPLY refuses a STARTTLS, and is no part of any other answer (ALQ-002).
fn take(message: ClientMessage<'_>, answers: &mut BTreeMap<[u8; 3], Answer>, replies: &mut usize) {
    let xid = message.xid().0;
    let has = |code| message.options().contains(code);
    if message.msg_type() == MessageType::REPLY {
        let status = message.options().first(OptionCode::STATUS_CODE);
        let code = status.and_then(|status| status.data.first_chunk().copied());
        assert_eq!(code.map(u16::from_be_bytes), Some(TLS_REFUSED));
        assert!(!has(OptionCode::CLIENT_DATA));
        *replies += 1;
        return;
    }
    let before = answers.get(&xid).copied();
    let is_begun = before == Some(Answer::Begun);
    let after = match message.msg_type() {
        MessageType::LEASEQUERY_REPLY => {
            assert!(!is_begun, "a second REPLY");
            let server = message.options().first(OptionCode::SERVERID);
            assert_eq!(server.map(|server| server.data), Some(site::SERVER));
            *replies += 1;
            assert!(!(has(OptionCode::STATUS_CODE) && has(OptionCode::CLIENT_DATA)));
            if has(OptionCode::CLIENT_DATA) {
                Answer::Begun
            } else {
                Answer::Ended
            }
        }
        MessageType::LEASEQUERY_DATA => {
            assert!(is_begun && has(OptionCode::CLIENT_DATA));
            Answer::Begun
        }
        MessageType::LEASEQUERY_DONE => {
            assert!(is_begun);
            Answer::Ended
        }
        other => panic!("{other} is no answer"),
    };
    assert!(!has(OptionCode::LQ_CLIENT_LINK));
    answers.insert(xid, after);
}

/// Forty clients on each of two links, some through a relay that names itself as recordings do.
fn store() -> MemoryStore {
    let bindings = (0..80_u8).map(|number| {
        let link = 1 + u32::from(number % 2);
        let on_link = ip(&format!("2001:db8:{link}::"));
        let delegated = ip(&format!("2001:db8:f00{link}:{number:x}00::"));
        let lease = |name, kind| Lease {
            name,
            kind,
            iaid: 1,
            state: LeaseState::Bound,
            clt: BEGIN - 10,
            preferred: 100_000,
            valid: 200_000,
        };
        let address = Ipv6Addr::from_bits(on_link.to_bits() + 0x100 + u128::from(number));
        let prefix = LeaseName::prefix(delegated, 56).expect("a prefix");
        let inner = site::relayed(
            &[1, 0, 0, 0],
            (0, ip(&format!("2001:db8:{link}::1")), ip("fe80::c")),
            &[
                (
                    OptionCode::RELAY_ID,
                    &[0, 3, 0, 1, 2, 0, 0, 0, 0, number % 3],
                ),
                (OptionCode::REMOTE_ID, &[0, 0, 0, 9, number % 5]),
            ],
        )
        .expect("short");
        let mut chain = Vec::new();
        leasebook_wire::RelayPath::take_from(&inner, 8, &mut chain).expect("a chain");
        Binding {
            link: LinkId(link),
            client: Duid::new(&site::duid(number / 2)).expect("a DUID"),
            leases: vec![
                lease(LeaseName::Address(address), IaKind::Na),
                lease(prefix, IaKind::Pd),
            ],
            relay: (number % 4 > 0).then(|| RelayData {
                peer: ip("2001:db8::99"),
                chain,
            }),
            options: Vec::new(),
        }
    });
    let store = MemoryStore::new();
    let changes = bindings.map(Change::Put).collect();
    store.commit(changes).expect("memory takes everything");
    store
}

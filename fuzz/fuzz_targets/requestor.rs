//! Whatever a server sends, in whatever pieces, and whatever happens to the connection: actions fit the socket, every query ends once, and the leases told can be used.
//!
//! Seeds: frames
#![no_main]

use leasebook_fuzz::plan::Plan;
use leasebook_protocol::requestor::{
    Action, Ask, Claim, Config, Connection, Event, Input, QueryId, Question, Reconciler, Server,
};
use leasebook_protocol::{Mono, Now};
use leasebook_wire::Duid;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    // The octets are a stream as recorded, so what else is needed comes from their number.
    let pipelined = 1 + octets.len() % 4;
    let sizes = [1 + octets.len() % 97, 1 + octets.len() % 7];
    let stream = &adopt(octets, pipelined);
    let whole = hear(stream, &[usize::MAX], pipelined);
    assert!(
        hear(stream, &sizes, pipelined) == whole,
        "in pieces of {sizes:?}"
    );
    live_through(&mut Plan::new(octets));
});

/// The stream with the transaction-ids of its messages among those that are asked, so that not
/// all of them are unexpected; where that is 0, it stays so.
fn adopt(stream: &[u8], pipelined: usize) -> Vec<u8> {
    let mut stream = stream.to_vec();
    let mut at = 0;
    while let Some([high, low, _, first, second, third]) = stream.get_mut(at..at + 6) {
        if [*first, *second, *third] != [0; 3] {
            (*first, *second) = (0, 0);
            *third = 1 + *third % u8::try_from(pipelined).expect("at most 4");
        }
        at += 2 + usize::from(*high) * 256 + usize::from(*low);
    }
    stream
}

/// What was told of a stream, in a form that outlives it.
type Told = Vec<String>;

/// Feeds a stream in pieces to a requestor with queries outstanding, and joins what is told.
fn hear(stream: &[u8], sizes: &[usize], pipelined: usize) -> Told {
    let mut world = World::new(Config {
        pipelined,
        retries: 1,
        ..config()
    });
    for _ in 0..pipelined {
        world.ask();
    }
    world.input(Input::Connected);
    let mut rest = stream;
    for size in sizes.iter().cycle() {
        let (piece, next) = rest.split_at(rest.len().min(*size));
        world.input(Input::Octets(piece));
        rest = next;
        if rest.is_empty() {
            break;
        }
    }
    world.input(Input::PeerClosed);
    world.finish();
    world.told
}

/// Lets anything happen in any order.
fn live_through(plan: &mut Plan<'_>) {
    let mut world = World::new(Config {
        retries: u32::from(plan.octet() % 3),
        pipelined: 1 + plan.below(3),
        half_close: plan.flag(),
        ..config()
    });
    while !plan.is_over() {
        match plan.below(12) {
            0 | 1 => world.ask(),
            2 | 3 => world.input(Input::Connected),
            4 => world.input(Input::ConnectFailed("refused")),
            5..=7 => world.input(Input::Octets(plan.piece())),
            8 => world.input(Input::Sent(plan.octet().into())),
            9 => world.input(plan.one_of(&[Input::PeerClosed, Input::Broken("reset")])),
            10 => world.wait(plan.seconds()),
            _ => world.pass_to_deadline(),
        }
    }
    world.finish();
}

fn config() -> Config {
    Config::new(Duid::new(&[0, 3, 0, 1, 9, 9]).expect("a DUID"))
}

/// What there is of a socket, by the actions alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Socket {
    None,
    Wanted,
    Open,
}

struct World {
    machine: Connection,
    now: Now,
    socket: Socket,
    asked: u32,
    ended: Vec<QueryId>,
    told: Told,
    joined: Reconciler,
}

impl World {
    fn new(config: Config) -> Self {
        let mut next = 0;
        let counting = move || {
            next += 1;
            next
        };
        Self {
            machine: Connection::new(config, Box::new(counting)),
            now: Now {
                mono: Mono(1_000_000_000),
                wall: 1_800_000_000,
            },
            socket: Socket::None,
            asked: 0,
            ended: Vec::new(),
            told: Vec::new(),
            joined: Reconciler::new(1, true),
        }
    }

    fn ask(&mut self) {
        let relay = Duid::new(&[0, 3, 0, 1, 2, 0]).expect("a DUID");
        let ask = Ask::everywhere(Question::RelayId(relay));
        self.asked += u32::from(self.machine.ask(self.now, ask).is_ok());
        self.follow();
    }

    fn input(&mut self, input: Input<'_>) {
        match (&input, self.socket) {
            (Input::Connected, Socket::Wanted) => self.socket = Socket::Open,
            (Input::ConnectFailed(_), Socket::Wanted) => self.socket = Socket::None,
            _ => {}
        }
        let Self {
            machine,
            told,
            ended,
            joined,
            now,
            ..
        } = self;
        machine.handle(*now, input, &mut |event| match event {
            Event::Binding(binding) => {
                check(&binding.claim);
                told.push(format!("{:?} {:?}", binding.query, binding.claim));
                joined
                    .add_on(Server(0), &binding.claim, binding.arrived, binding.link)
                    .expect("few leases");
            }
            Event::Ended {
                query,
                ending,
                tally,
            } => {
                assert!(!ended.contains(&query), "{query:?} ends twice");
                ended.push(query);
                told.push(format!("{query:?} {ending:?} {tally:?}"));
            }
            Event::Interrupted { query, cause, .. } => told.push(format!("{query:?} {cause:?}")),
            Event::Deviation { kind, times } => told.push(format!("{kind:?} {times}")),
        });
        self.follow();
    }

    /// Each action must fit what there is of a socket.
    fn follow(&mut self) {
        while let Some(action) = self.machine.poll() {
            self.socket = match (self.socket, &action) {
                (Socket::None, Action::Connect) => Socket::Wanted,
                (Socket::Open, Action::Send(octets)) => {
                    assert!(!octets.is_empty());
                    Socket::Open
                }
                (Socket::Open, Action::CloseSending) => Socket::Open,
                (Socket::Wanted | Socket::Open, Action::Close) => Socket::None,
                (socket, action) => panic!("{action:?} while {socket:?}"),
            };
        }
    }

    fn wait(&mut self, seconds: u64) {
        let wait = std::time::Duration::from_secs(seconds);
        self.now.mono = self.now.mono.after(wait);
        self.now.wall += seconds;
    }

    fn pass_to_deadline(&mut self) {
        let Some(at) = self.machine.deadline() else {
            return;
        };
        self.now.mono = self.now.mono.max(at);
        self.input(Input::Timer);
        let next = self.machine.deadline();
        assert!(
            next.is_none_or(|next| next > self.now.mono),
            "{next:?} is over"
        );
    }

    /// Ends everything; what was told joined is what was told.
    fn finish(&mut self) {
        self.input(Input::Stop);
        assert!(self.machine.is_finished());
        assert_eq!(self.machine.pending(), 0);
        self.ended.sort_unstable();
        assert_eq!(self.ended, (0..self.asked).map(QueryId).collect::<Vec<_>>());
        let mut leases = 0;
        for joined in self.joined.bindings() {
            assert!(!joined.client().is_empty());
            for lease in joined.leases() {
                assert!(lease.valid > 0 && lease.preferred <= lease.valid);
                leases += 1;
            }
        }
        assert_eq!(leases, self.joined.lease_count());
    }
}

/// Leases as told can be used (BLQ-R-045), and are as many as is said.
fn check(claim: &Claim<'_>) {
    for lease in claim.leases() {
        assert!(lease.valid > 0 && lease.preferred <= lease.valid);
    }
    assert_eq!(claim.leases().count(), claim.lease_count() as usize);
    assert!((1..=130).contains(&claim.client().len()));
}

//! What holds for any octets and any splitting of them.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A message that may fit or not.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let xid = 1..4_u64;
    prop_oneof![
        4 => (xid.clone(), 0..9_u16).prop_map(|(xid, client)| data(xid, client)),
        2 => (xid.clone(), 0..9_u16).prop_map(|(xid, client)| reply(xid, &[client_data(client)])),
        1 => xid.clone().prop_map(|xid| reply(xid, &[])),
        1 => xid.clone().prop_map(done),
        1 => (xid.clone(), 0..13_u16).prop_map(|(xid, code)| frame(16, xid, &[status(code, "x")])),
        1 => (any::<u8>(), xid, vec(any::<u8>(), 0..40))
            .prop_map(|(kind, xid, junk)| frame(kind, xid, &[junk])),
        1 => vec(any::<u8>(), 0..60),
    ]
}

/// Feeds `octets` in pieces of the given sizes to a machine with three queries outstanding.
fn run(octets: &[u8], sizes: &[usize]) -> (Vec<Told>, Deviations, usize) {
    let mut world = World::new(Config {
        pipelined: 3,
        retries: 1,
        ..config()
    });
    for _ in 0..3 {
        world.ask(by_relay_id());
    }
    world.connect();
    let mut rest = octets;
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let size = sizes
            .next()
            .map_or(rest.len(), |&size| size.min(rest.len()));
        let (piece, next) = rest.split_at(size);
        world.hear(piece);
        rest = next;
    }
    let deviations = world.machine.deviations().clone();
    (world.told(), deviations, world.machine.pending())
}

proptest! {
    /// BLQ-R-016, WIRE-062: any splitting of the same octets tells the same.
    #[test]
    fn splitting_changes_nothing(
        messages in vec(message(), 0..30),
        sizes in vec(1..50_usize, 1..8),
    ) {
        let octets = messages.concat();
        let at_once = run(&octets, &[usize::MAX]);
        prop_assert_eq!(&run(&octets, &sizes), &at_once);
        prop_assert_eq!(&run(&octets, &[1]), &at_once);
    }

    /// WIRE-016, BLQ-R-041: any octets are survived, and every query ends exactly once.
    #[test]
    fn any_octets_are_survived(octets in vec(any::<u8>(), 0..600), stop in any::<bool>()) {
        let mut world = World::asked(config());
        world.hear(&octets);
        world.input(if stop { Input::Stop } else { Input::PeerClosed });
        prop_assert_eq!(world.endings().len(), 1);
    }

    /// WIRE-016: a CLIENT_DATA of any octets gives leases that can be used, or an error.
    #[test]
    fn any_client_data_is_survived(body in vec(any::<u8>(), 0..300)) {
        let mut deviations = Deviations::default();
        if let Ok(claim) = Claim::read(&body, &mut deviations) {
            for lease in claim.leases() {
                prop_assert!(lease.valid > 0 && lease.preferred <= lease.valid);
            }
            prop_assert_eq!(u32::try_from(claim.leases().count()).ok(), Some(claim.lease_count()));
        }
    }
}

/// Anything that can happen, in any order, fitting or not.
#[derive(Clone, Debug)]
enum Happening {
    Ask,
    Connected,
    ConnectFailed,
    Heard(Vec<u8>),
    Sent(usize),
    PeerClosed,
    Broken,
    Wait(u64),
    Deadline,
    Finish,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        3 => Just(Happening::Ask),
        3 => Just(Happening::Connected),
        1 => Just(Happening::ConnectFailed),
        8 => message().prop_map(Happening::Heard),
        2 => (0..100_usize).prop_map(Happening::Sent),
        1 => Just(Happening::PeerClosed),
        1 => Just(Happening::Broken),
        2 => (0..40_u64).prop_map(Happening::Wait),
        3 => Just(Happening::Deadline),
        1 => Just(Happening::Finish),
    ]
}

/// What holds of the socket, by the actions alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Socket {
    None,
    Wanted,
    Open,
}

/// Follows the actions; each must fit what the socket is.
fn follow(world: &mut World, mut socket: Socket) -> Result<Socket, TestCaseError> {
    for action in world.actions() {
        socket = match (socket, action) {
            (Socket::None, Action::Connect) => Socket::Wanted,
            (Socket::Open, Action::Send(octets)) => {
                prop_assert!(!octets.is_empty());
                Socket::Open
            }
            (Socket::Open, Action::CloseSending) => Socket::Open,
            (Socket::Wanted | Socket::Open, Action::Close) => Socket::None,
            (socket, action) => {
                return Err(TestCaseError::fail(format!("{action:?} while {socket:?}")));
            }
        };
    }
    Ok(socket)
}

proptest! {
    /// BLQ-R-003, BLQ-R-041: whatever happens, actions fit the socket, no timer is due at once for ever, and every query ends exactly once.
    #[test]
    fn any_course_of_events_ends_every_query_once(
        course in vec(happening(), 0..80),
        pipelined in 1..4_usize,
        retries in 0..3_u32,
        half_close in any::<bool>(),
    ) {
        let mut world = World::new(Config { retries, pipelined, half_close, ..config() });
        let (mut socket, mut asked) = (Socket::None, 0_usize);
        for happening in course {
            match happening {
                Happening::Ask => {
                    asked += usize::from(world.machine.ask(world.now, by_relay_id()).is_ok());
                }
                Happening::Connected => {
                    if socket == Socket::Wanted {
                        socket = Socket::Open;
                    }
                    world.input(Input::Connected);
                }
                Happening::ConnectFailed => {
                    if socket == Socket::Wanted {
                        socket = Socket::None;
                    }
                    world.input(Input::ConnectFailed("refused"));
                }
                Happening::Heard(octets) => world.hear(&octets),
                Happening::Sent(octets) => world.input(Input::Sent(octets)),
                Happening::PeerClosed => world.input(Input::PeerClosed),
                Happening::Broken => world.input(Input::Broken("reset")),
                Happening::Wait(count) => world.pass(secs(count)),
                Happening::Deadline => {
                    if let Some(at) = world.machine.deadline() {
                        world.now.mono = world.now.mono.max(at);
                        world.input(Input::Timer);
                        let next = world.machine.deadline();
                        prop_assert!(next.is_none_or(|next| next > world.now.mono), "{next:?}");
                    }
                }
                Happening::Finish => world.machine.finish(world.now),
            }
            socket = follow(&mut world, socket)?;
        }
        world.input(Input::Stop);
        follow(&mut world, socket)?;
        prop_assert!(world.machine.is_finished() && world.machine.pending() == 0);
        let mut ended: Vec<u32> = world.endings().into_iter().map(|(query, _)| query).collect();
        ended.sort_unstable();
        let all: Vec<u32> = (0..u32::try_from(asked).unwrap()).collect();
        prop_assert_eq!(ended, all);
    }
}

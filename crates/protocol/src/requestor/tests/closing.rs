//! Endings of connections: BLQ-R-041 to BLQ-R-044, and loss at every octet.

use super::*;

/// BLQ-R-042: the sending side is closed after the last query where that is wished, and the reply read to its end.
#[test]
fn half_closes_after_the_last_query() {
    let mut world = World::new(Config {
        half_close: true,
        ..config()
    });
    world.ask(by_relay_id());
    world.machine.finish(world.now);
    assert_eq!(world.actions(), [Action::Connect]);
    world.input(Input::Connected);
    assert!(matches!(
        world.actions()[..],
        [Action::Send(_), Action::CloseSending]
    ));
    world.hear(&whole(1, 2));
    assert_eq!(world.bindings(), 2);
    assert_eq!(world.endings(), [(0, Ending::Complete)]);
    assert_eq!(world.actions(), [Action::Close]);
    assert!(world.machine.is_finished());
}

/// BLQ-R-043: the connection is closed when no more queries come, else kept.
#[test]
fn closes_when_finished() {
    let mut world = World::asked(config());
    world.hear(&whole(1, 2));
    assert_eq!(world.actions(), []);
    world.machine.finish(world.now);
    assert_eq!(world.actions(), [Action::Close]);
    assert!(world.machine.is_finished());
    assert_eq!(
        world.machine.ask(world.now, by_relay_id()),
        Err(AskError::Finishing)
    );
}

/// BLQ-R-044: a server closing an idle connection is no error, and the next query connects anew.
#[test]
fn an_idle_close_is_no_error() {
    let mut world = World::asked(config());
    world.hear(&whole(1, 1));
    world.told();
    world.input(Input::PeerClosed);
    assert_eq!(world.actions(), [Action::Close]);
    assert_eq!(world.told(), []);
    world.ask(by_relay_id());
    world.connect();
    world.hear(&whole(2, 1));
    assert_eq!(world.endings(), [(1, Ending::Complete)]);
}

/// BLQ-R-044: a query that crossed with an idle close is asked again at once, but only once.
#[test]
fn a_query_that_crosses_with_an_idle_close_is_asked_again() {
    let mut world = World::asked(config());
    world.hear(&whole(1, 1));
    world.told();
    world.ask(by_relay_id());
    assert_eq!(world.take_sent(), [2]);
    world.input(Input::PeerClosed);
    assert_eq!(world.told(), []);
    assert_eq!(world.actions(), [Action::Close, Action::Connect]);
    world.input(Input::Connected);
    assert_eq!(world.take_sent(), [3]);
    world.input(Input::PeerClosed);
    assert_eq!(world.endings(), [(1, Ending::Unanswered(Cause::Closed))]);
}

/// BLQ-R-003: after a cut, what had not been asked yet is asked on a new connection.
#[test]
fn what_waited_is_asked_after_a_cut() {
    let mut world = World::asked(config());
    world.ask(by_relay_id());
    world.input(Input::Broken("connection reset"));
    let cause = Cause::Broken {
        reason: "connection reset".into(),
    };
    assert_eq!(world.endings(), [(0, Ending::Unanswered(cause))]);
    assert_eq!(world.actions(), [Action::Close]);
    world.pass_to_deadline();
    world.connect();
    assert_eq!(world.machine.pending(), 1);
}

/// BLQ-R-027, BLQ-R-028: wherever a reply is cut, what came before stays and the result is partial; retried whole it completes.
#[test]
fn survives_a_cut_at_every_octet() {
    let octets = whole(1, 3);
    let ends: Vec<usize> = {
        let sizes = [
            reply(1, &[client_data(0)]).len(),
            data(1, 1).len(),
            data(1, 2).len(),
        ];
        sizes
            .iter()
            .scan(0, |at, size| {
                *at += size;
                Some(*at)
            })
            .collect()
    };
    for cut in 0..octets.len() {
        for retries in [0, 1] {
            let mut world = World::asked(Config {
                retries,
                ..config()
            });
            world.hear(&octets[..cut]);
            let came = ends.iter().filter(|&&end| end <= cut).count();
            assert_eq!(world.bindings(), came, "cut at {cut}");
            world.told();
            world.input(Input::PeerClosed);
            let fragment = cut - ends.iter().rev().find(|&&end| end <= cut).unwrap_or(&0);
            let cause = match fragment {
                0 => Cause::Closed,
                1 => Cause::ClosedInMessage(FragmentError {
                    received: 1,
                    size: None,
                }),
                received => {
                    let at = cut - received;
                    let size = u16::from_be_bytes([octets[at], octets[at + 1]]);
                    Cause::ClosedInMessage(FragmentError {
                        received,
                        size: Some(size.into()),
                    })
                }
            };
            if retries == 0 {
                let ending = if came > 0 {
                    Ending::Partial(cause)
                } else {
                    Ending::Unanswered(cause)
                };
                assert_eq!(world.endings(), [(0, ending)]);
                continue;
            }
            assert!(matches!(&world.told()[..], [Told::Interrupted(0, seen, _)] if *seen == cause));
            assert_eq!(world.actions(), [Action::Close]);
            world.pass_to_deadline();
            assert_eq!(world.actions(), [Action::Connect]);
            world.input(Input::Connected);
            let xid = world.take_sent()[0];
            assert_ne!(xid, 1, "a fresh transaction-id");
            world.hear(&whole(xid, 3));
            assert_eq!(world.bindings(), 3);
            assert_eq!(world.endings(), [(0, Ending::Complete)]);
        }
    }
}

/// BLQ-R-041: a caller that stops learns of every query that it is partial or unanswered.
#[test]
fn stopping_ends_every_query() {
    let mut world = World::asked(Config {
        retries: 5,
        ..config()
    });
    world.ask(by_relay_id());
    world.hear(&reply(1, &[client_data(0)]));
    world.told();
    world.input(Input::Stop);
    assert_eq!(
        world.endings(),
        [
            (0, Ending::Partial(Cause::Stopped)),
            (1, Ending::Unanswered(Cause::Stopped))
        ]
    );
    assert_eq!(world.actions(), [Action::Close]);
    assert!(world.machine.is_finished());
}

#[test]
fn inputs_out_of_place_are_harmless() {
    let mut world = World::new(config());
    for input in [
        Input::Connected,
        Input::ConnectFailed("late"),
        Input::Octets(&[0, 0]),
        Input::Sent(5),
        Input::PeerClosed,
        Input::Broken("late"),
        Input::Timer,
    ] {
        world.input(input);
    }
    assert_eq!((world.told(), world.actions()), (vec![], vec![]));
    world.ask(by_relay_id());
    world.connect();
    world.input(Input::Connected);
    world.input(Input::ConnectFailed("late"));
    world.input(Input::Sent(usize::MAX));
    world.hear(&whole(1, 1));
    assert_eq!(world.endings(), [(0, Ending::Complete)]);
}

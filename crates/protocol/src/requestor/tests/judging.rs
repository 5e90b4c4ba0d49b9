//! Judging what comes back: BLQ-R-018 to BLQ-R-037.

use super::*;

/// Hears `octets` after one query: what was counted, and whether the connection was closed.
fn counted(octets: &[Vec<u8>]) -> (Vec<(Deviation, u64)>, bool) {
    let mut world = World::asked(config());
    for octets in octets {
        world.hear(octets);
    }
    let seen = world.machine.deviations().seen().collect();
    (seen, world.actions().contains(&Action::Close))
}

/// BLQ-R-018, BLQ-R-019, BLQ-R-025, D-23: what cannot be ours is dropped, counted, and closes nothing.
#[test]
fn drops_what_is_not_ours() {
    let table = [
        (
            frame(15, 1, &[client_id()]),
            Deviation::ReplyWithoutServerId,
        ),
        (
            frame(15, 1, &[server_id()]),
            Deviation::ReplyWithoutClientId,
        ),
        (
            frame(15, 1, &[option(1, &[1, 2, 3]), server_id()]),
            Deviation::ReplyWithoutClientId,
        ),
        (reply(9, &[]), Deviation::UnknownReply),
        (data(9, 1), Deviation::UnknownData),
        (frame(14, 1, &[client_id()]), Deviation::UnexpectedType),
    ];
    for (octets, kind) in table {
        let mut world = World::asked(config());
        world.hear(&octets);
        assert_eq!(world.told(), [Told::Deviation(kind, 1)]);
        assert_eq!(world.actions(), []);
        world.hear(&whole(1, 1));
        assert_eq!(world.endings(), [(0, Ending::Complete)], "after {kind}");
    }
}

/// BLQ-R-020: no status or Success is success, any other code is a failure, known or not.
#[test]
fn takes_every_other_status_as_failure() {
    for code in [1, 7, 8, 9, 10, 12, 999, u16::MAX] {
        let mut world = World::asked(config());
        world.hear(&reply(1, &[status(code, "why")]));
        let text = "why".to_owned();
        assert_eq!(
            world.endings(),
            [(
                0,
                Ending::Refused {
                    status: StatusCode(code),
                    text
                }
            )]
        );
    }
    let mut world = World::asked(config());
    world.hear(&reply(1, &[status(0, "fine"), client_data(1)]));
    world.hear(&frame(16, 1, &[status(0, "")]));
    assert_eq!(world.endings(), [(0, Ending::Complete)]);
    assert_eq!(world.count(Deviation::SuccessStatus), 2);
}

/// BLQ-R-021, BLQ-R-027: a success without CLIENT_DATA is complete and says that there is nothing.
#[test]
fn a_bare_reply_says_none_found() {
    let mut world = World::asked(config());
    world.hear(&reply(1, &[]));
    assert_eq!(world.endings(), [(0, Ending::NoneFound)]);
    assert_eq!(world.machine.deadline(), None, "nothing more is waited for");
}

/// BLQ-R-022: any number of DATA is taken without keeping any.
#[test]
fn takes_any_number_of_data() {
    let mut world = World::asked(config());
    world.hear(&reply(1, &[client_data(0)]));
    let message = data(1, 1);
    for _ in 0..5000 {
        world.hear(&message);
    }
    assert_eq!(world.bindings(), 5001);
    world.told();
    world.hear(&done(1));
    let [Told::Ended(0, Ending::Complete, tally)] = world.told()[..] else {
        panic!("not complete");
    };
    assert_eq!(
        (tally.messages, tally.leases, tally.attempts),
        (5001, 5001, 1)
    );
}

/// BLQ-R-023: DATA without CLIENT_DATA is dropped and still restarts the clock.
#[test]
fn data_without_client_data_is_a_sign_of_life() {
    let mut world = World::asked(config());
    world.hear(&reply(1, &[client_data(0)]));
    world.pass(secs(29));
    world.hear(&frame(17, 1, &[]));
    world.pass(secs(29));
    world.input(Input::Timer);
    world.hear(&done(1));
    assert_eq!(world.endings(), [(0, Ending::Complete)]);
    assert_eq!(world.count(Deviation::DataWithoutClientData), 1);
}

/// BLQ-R-024, BLQ-R-026, D-23: messages out of order close the connection, and what came stays, partial.
#[test]
fn closes_on_messages_out_of_order() {
    let begun = || reply(1, &[client_data(0)]);
    let table = [
        (vec![done(9)], Deviation::UnknownDone, false),
        (vec![begun(), done(9)], Deviation::UnknownDone, true),
        (vec![data(1, 1)], Deviation::DataBeforeReply, false),
        (vec![done(1)], Deviation::DoneBeforeReply, false),
        (vec![begun(), begun()], Deviation::SecondReply, true),
        (
            vec![reply(1, &[status(1, ""), client_data(1)])],
            Deviation::ErrorWithClientData,
            false,
        ),
        (
            vec![begun(), frame(15, 1, &[client_id(), option(2, &[1, 2, 3])])],
            Deviation::OtherServerId,
            true,
        ),
    ];
    for (octets, kind, has_reply) in table {
        let mut world = World::asked(config());
        for octets in octets {
            world.hear(&octets);
        }
        let cause = Cause::Conduct(kind);
        let ending = if has_reply {
            Ending::Partial(cause)
        } else {
            Ending::Unanswered(cause)
        };
        assert_eq!(world.endings(), [(0, ending)], "{kind}");
        assert_eq!(world.actions(), [Action::Close]);
        assert_eq!(world.count(kind), 1);
    }
}

/// BLQ-R-026: a DONE after a REPLY without CLIENT_DATA closes the connection.
#[test]
fn closes_on_done_after_a_bare_reply() {
    let seen = counted(&[reply(1, &[]), done(1)]);
    assert_eq!(seen, (vec![(Deviation::UnknownDone, 1)], true));
}

/// BLQ-R-027, BLQ-R-028: a reply that ended with the connection is partial, and what came was handed on.
#[test]
fn a_cut_reply_is_partial() {
    let mut world = World::asked(config());
    world.hear(&reply(1, &[client_data(0)]));
    world.hear(&data(1, 1));
    assert_eq!(world.bindings(), 2);
    world.input(Input::PeerClosed);
    assert_eq!(world.endings(), [(0, Ending::Partial(Cause::Closed))]);
}

/// BLQ-R-028: a DONE with an error ends the query as partial.
#[test]
fn a_done_with_an_error_is_partial() {
    let mut world = World::asked(config());
    world.hear(&reply(1, &[client_data(0)]));
    world.hear(&frame(16, 1, &[status(1, "disk")]));
    let [(0, Ending::Partial(cause))] = &world.endings()[..] else {
        panic!("not partial");
    };
    assert_eq!(
        cause.to_string(),
        "the server ended the reply with status UnspecFail: disk"
    );
}

/// BLQ-R-029: DONE ends its query, not the connection.
#[test]
fn done_keeps_the_connection() {
    let mut world = World::asked(config());
    world.hear(&whole(1, 2));
    assert_eq!(world.actions(), []);
    world.ask(by_relay_id());
    assert_eq!(world.take_sent(), [2], "on the same connection");
}

/// BLQ-R-030, BLQ-R-031: CLIENT_DATA that lacks what it must have is dropped; the reply goes on.
#[test]
fn unusable_client_data_does_not_end_the_reply() {
    let lacking = option(45, &[option(1, &[0, 3, 1]), address(1, 1, 2)].concat());
    let mut world = World::asked(config());
    world.hear(&reply(1, &[lacking]));
    world.hear(&data(1, 1));
    assert_eq!(world.bindings(), 1);
    world.hear(&done(1));
    assert_eq!(world.endings(), [(0, Ending::Complete)]);
    assert_eq!(world.count(Deviation::ClientDataWithoutCltTime), 1);
}

/// BLQ-R-028, D-23: a malformed message is dropped and makes the result partial (D-23).
#[test]
fn a_malformed_message_makes_the_result_partial() {
    for octets in [
        vec![0, 0],
        vec![0, 5, 17, 0, 0, 1, 9],
        frame(17, 1, &[option(45, &[1])]),
    ] {
        let mut world = World::asked(config());
        world.hear(&reply(1, &[client_data(0)]));
        world.hear(&octets);
        world.hear(&data(1, 1));
        assert_eq!(world.bindings(), 2, "the stream stays in step");
        world.hear(&done(1));
        let cause = Cause::Malformed { messages: 1 };
        assert_eq!(world.endings(), [(0, Ending::Partial(cause))]);
    }
}

/// WIRE-064, BLQ-R-026: the third malformed message closes, and so does the third in a row of a foreign type.
#[test]
fn three_strikes_close() {
    let seen = counted(&[vec![0, 0], vec![0, 1, 17], vec![0, 0]]);
    assert_eq!(
        seen,
        (
            vec![
                (Deviation::MalformedMessage, 3),
                (Deviation::TooManyMalformed, 1)
            ],
            true
        )
    );
    let foreign = || frame(7, 1, &[]);
    let (_, closed) = counted(&[foreign(), foreign(), reply(9, &[]), foreign(), foreign()]);
    assert!(!closed, "not in a row");
    let (seen, closed) = counted(&[foreign(), foreign(), foreign()]);
    assert!(closed);
    assert_eq!(seen[1], (Deviation::TooManyUnexpected, 1));
}

/// BLQ-R-032: relay data unasked, one lease a message and Success anywhere are accepted and counted.
#[test]
fn accepts_what_servers_do() {
    let mut config = config();
    config.wanted.clear();
    let mut world = World::asked(config);
    let lease = |number: u16| {
        option(
            45,
            &[
                option(1, &[0, 3, 0, 1, 5, 5]),
                address(number, 1000, 2000),
                clt(10),
                option(47, &[0; 50]),
            ]
            .concat(),
        )
    };
    world.hear(&reply(1, &[status(0, "found"), lease(1)]));
    world.hear(&frame(17, 1, &[lease(2), option(65_000, &[1])]));
    world.hear(&frame(17, 1, &[status(0, ""), lease(3)]));
    assert_eq!(world.bindings(), 3);
    world.hear(&done(1));
    assert_eq!(world.endings(), [(0, Ending::Complete)]);
    assert_eq!(world.count(Deviation::RelayDataUnasked), 3);
    assert_eq!(world.count(Deviation::SuccessStatus), 2);
}

/// BLQ-R-033: LQ_CLIENT_LINK in a bulk reply is ignored and counted.
#[test]
fn ignores_client_link() {
    let mut world = World::asked(config());
    world.hear(&reply(1, &[option(48, &[0; 16])]));
    assert_eq!(world.endings(), [(0, Ending::NoneFound)]);
    assert_eq!(world.count(Deviation::ClientLink), 1);
}

/// BLQ-R-034: a refused query is not repeated at that server.
#[test]
fn does_not_repeat_a_refused_query() {
    for code in 7..=10 {
        let mut world = World::asked(Config {
            retries: u32::MAX,
            ..config()
        });
        world.hear(&reply(1, &[status(code, "")]));
        let text = String::new();
        assert_eq!(
            world.endings(),
            [(
                0,
                Ending::Refused {
                    status: StatusCode(code),
                    text
                }
            )]
        );
        assert_eq!((world.machine.deadline(), world.actions()), (None, vec![]));
    }
}

/// BLQ-R-035: after QueryTerminated the query is repeated whole, not before 1 s.
#[test]
fn repeats_a_terminated_query_whole() {
    for begun in [true, false] {
        let mut world = World::asked(Config {
            retries: 1,
            ..config()
        });
        if begun {
            world.hear(&reply(1, &[client_data(0)]));
            world.hear(&frame(16, 1, &[status(11, "shutting down")]));
        } else {
            world.hear(&reply(1, &[status(11, "shutting down")]));
        }
        let Some(Told::Interrupted(
            0,
            Cause::Status {
                status: StatusCode::QUERY_TERMINATED,
                ..
            },
            at,
        )) = world.told.last()
        else {
            panic!("{:?}", world.told);
        };
        assert!(at.since(world.now.mono) >= secs(1));
        world.input(Input::PeerClosed);
        assert_eq!(world.actions(), [Action::Close]);
        world.told();
        world.pass_to_deadline();
        assert_eq!(world.actions(), [Action::Connect]);
        world.input(Input::Connected);
        let xid = world.take_sent()[0];
        world.hear(&whole(xid, 2));
        assert_eq!(world.bindings(), 2);
        assert_eq!(world.endings(), [(0, Ending::Complete)]);
    }
}

/// BLQ-R-035: on a connection the server keeps, the repeated query goes out there.
#[test]
fn repeats_on_the_same_connection_if_it_stays() {
    let mut world = World::asked(Config {
        retries: 1,
        ..config()
    });
    world.hear(&reply(1, &[status(11, "")]));
    assert_eq!(world.actions(), []);
    world.pass_to_deadline();
    assert_eq!(world.take_sent().len(), 1);
}

/// BLQ-R-036: every binding says when its message arrived.
#[test]
fn tells_when_each_message_arrived() {
    let mut world = World::asked(config());
    world.hear(&reply(1, &[client_data(0)]));
    world.pass(secs(5));
    world.hear(&data(1, 1));
    let arrived: Vec<u64> = world
        .told()
        .iter()
        .filter_map(|told| match told {
            Told::Binding { arrived, .. } => Some(arrived.wall),
            _ => None,
        })
        .collect();
    assert_eq!(arrived, [world.now.wall - 5, world.now.wall]);
}

#[test]
fn tells_a_deviation_at_powers_of_ten() {
    let mut world = World::asked(config());
    world.hear(&reply(1, &[client_data(0)]));
    for _ in 0..250 {
        world.hear(&data(9, 1));
    }
    let times: Vec<u64> = world
        .told()
        .iter()
        .filter_map(|told| match told {
            Told::Deviation(Deviation::UnknownData, times) => Some(*times),
            _ => None,
        })
        .collect();
    assert_eq!(times, [1, 10, 100]);
    assert_eq!(world.count(Deviation::UnknownData), 250);
}

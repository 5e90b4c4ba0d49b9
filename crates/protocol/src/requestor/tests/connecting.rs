//! Connecting, asking, retrying: BLQ-R-002 to BLQ-R-017.

use super::*;

/// BLQ-R-002: a connection not made within the connect timeout is given up.
#[test]
fn gives_up_connecting_after_the_timeout() {
    let mut world = World::new(config());
    world.ask(by_relay_id());
    assert_eq!(world.actions(), [Action::Connect]);
    world.pass(Duration::from_nanos(29_999_999_999));
    world.input(Input::Timer);
    assert_eq!(world.actions(), []);
    world.pass_to_deadline();
    assert_eq!(world.actions(), [Action::Close]);
    let cause = Cause::ConnectTimeout { secs: 30 };
    assert_eq!(world.endings(), [(0, Ending::Unanswered(cause))]);
    assert_eq!(world.machine.deadline(), None);
}

/// BLQ-R-003, BLQ-R-004, D-14: attempts are repeated after 1 s, 2 s, 4 s ... 60 s, varied by up to 10 %.
#[test]
fn retries_with_growing_waits() {
    let mut world = World::new(Config {
        retries: 9,
        ..config()
    });
    world.ask(by_relay_id());
    let mut waits = Vec::new();
    for _ in 0..9 {
        assert_eq!(world.actions(), [Action::Connect]);
        world.input(Input::ConnectFailed("connection refused"));
        let began = world.now.mono;
        world.pass_to_deadline();
        waits.push(world.now.mono.since(began));
    }
    for (wait, exact) in waits.iter().zip([1, 2, 4, 8, 16, 32, 60, 60, 60]) {
        let (least, most) = (secs(exact) * 9 / 10, secs(exact) * 11 / 10);
        assert!((least..=most).contains(wait), "{wait:?} for {exact} s");
        assert!(*wait <= secs(60));
    }
    assert_eq!(world.actions(), [Action::Connect]);
    world.input(Input::ConnectFailed("connection refused"));
    let [(0, Ending::Unanswered(cause))] = &world.endings()[..] else {
        panic!("not ended after the tenth attempt");
    };
    assert_eq!(cause.to_string(), "cannot connect: connection refused");
}

/// BLQ-R-004: a completed query resets the wait.
#[test]
fn a_completed_query_resets_the_wait() {
    let mut world = World::new(Config {
        retries: 9,
        ..config()
    });
    world.ask(by_relay_id());
    for _ in 0..4 {
        assert_eq!(world.actions(), [Action::Connect]);
        world.input(Input::ConnectFailed("no route"));
        world.pass_to_deadline();
    }
    world.connect();
    let again = world.ask(by_relay_id());
    world.hear(&whole(5, 1));
    assert_eq!(world.endings(), [(0, Ending::Complete)]);
    assert_eq!(world.take_sent().len(), 1);
    world.hear(&reply(6, &[client_data(1)]));
    world.hear(&[0]);
    world.told();
    world.input(Input::PeerClosed);
    let [Told::Interrupted(query, _, again_at)] = world.told()[..] else {
        panic!("not interrupted");
    };
    assert_eq!(query, again.0);
    assert!(again_at.since(world.now.mono) <= secs(1) * 11 / 10);
}

/// BLQ-R-005, D-14: the preset for RFC 5460 changes the data timeout only.
#[test]
fn presets_differ_in_the_data_timeout_only() {
    assert_eq!(Timers::default(), Timers::DRAFT);
    assert_eq!(Timers::DRAFT.connect, secs(30));
    assert_eq!(Timers::DRAFT.data, secs(30));
    assert_eq!(Timers::DRAFT.max_retry, secs(60));
    assert_eq!(
        Timers::RFC5460,
        Timers {
            data: secs(300),
            ..Timers::DRAFT
        }
    );
}

/// BLQ-R-006: a query that cannot be written for the data timeout ends the connection.
#[test]
fn ends_when_the_query_is_not_taken() {
    let mut world = World::new(config());
    world.ask(by_relay_id());
    assert_eq!(world.actions(), [Action::Connect]);
    world.input(Input::Connected);
    assert!(matches!(world.actions()[..], [Action::Send(_)]));
    world.pass(secs(29));
    world.input(Input::Sent(3));
    world.pass(secs(29));
    world.input(Input::Timer);
    assert_eq!(world.told(), [], "each octet taken restarts the clock");
    world.pass(secs(1));
    world.input(Input::Timer);
    assert_eq!(world.actions(), [Action::Close]);
    let cause = Cause::SendTimeout { secs: 30 };
    assert_eq!(world.endings(), [(0, Ending::Unanswered(cause))]);
}

/// BLQ-R-007, D-15: silence for the data timeout ends the connection; every octet restarts the clock.
#[test]
fn ends_after_silence_only() {
    let mut world = World::asked(config());
    let octets = whole(1, 3);
    let (last, most) = octets.split_last().unwrap();
    for octet in most {
        world.pass(secs(29));
        world.input(Input::Timer);
        world.hear(&[*octet]);
    }
    assert_eq!(world.bindings(), 3);
    assert_eq!(world.actions(), []);
    world.told();
    world.pass(secs(30));
    world.input(Input::Timer);
    let cause = Cause::DataTimeout { secs: 30 };
    assert_eq!(world.endings(), [(0, Ending::Partial(cause))]);
    assert_eq!(world.actions(), [Action::Close]);
    world.hear(&[*last]);
    assert_eq!(world.told(), [], "a late octet changes nothing");
}

/// BLQ-R-011: transaction-ids differ among all that are outstanding, whatever the source gives.
#[test]
fn transaction_ids_are_unique() {
    let mut world = World::new(Config {
        pipelined: MAX_PIPELINED,
        ..config()
    });
    world.machine = Connection::new(world.machine.config().clone(), Box::new(|| 7));
    for _ in 0..MAX_PIPELINED {
        world.ask(by_relay_id());
    }
    assert_eq!(world.actions(), [Action::Connect]);
    world.input(Input::Connected);
    let mut xids = world.take_sent();
    xids.sort_unstable();
    xids.dedup();
    assert_eq!(xids.len(), MAX_PIPELINED);
}

/// BLQ-R-015, BLQ-R-016: pipelined queries are told apart in any order of arrival.
#[test]
fn tells_interleaved_replies_apart() {
    let mut world = World::new(Config {
        pipelined: 2,
        ..config()
    });
    world.ask(by_relay_id());
    world.ask(by_relay_id());
    assert_eq!(world.actions(), [Action::Connect]);
    world.input(Input::Connected);
    assert_eq!(world.take_sent(), [1, 2]);
    for octets in [
        reply(2, &[client_data(20)]),
        data(2, 21),
        reply(1, &[client_data(10)]),
        data(2, 22),
        data(1, 11),
        done(1),
        data(2, 23),
        done(2),
    ] {
        world.hear(&octets);
    }
    let seen: Vec<(u32, u8)> = world
        .told()
        .iter()
        .map(|told| match told {
            Told::Binding { query, client, .. } => (*query, client[5]),
            Told::Ended(query, Ending::Complete, _) => (*query, 0),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        seen,
        [
            (1, 20),
            (1, 21),
            (0, 10),
            (1, 22),
            (0, 11),
            (0, 0),
            (1, 23),
            (1, 0)
        ]
    );
}

/// BLQ-R-017, D-22: one at a time, a query is sent when the one before it has ended.
#[test]
fn asks_one_at_a_time_where_told() {
    let mut world = World::asked(config());
    world.ask(by_relay_id());
    assert_eq!(world.take_sent(), [0; 0]);
    world.hear(&whole(1, 2));
    assert_eq!(world.take_sent(), [2]);
}

/// SEC-005: queries that wait have a bound.
#[test]
fn refuses_more_queries_than_can_wait() {
    let mut world = World::new(config());
    for _ in 0..MAX_WAITING {
        world.ask(by_relay_id());
    }
    assert_eq!(
        world.machine.ask(world.now, by_relay_id()),
        Err(AskError::QueueFull { limit: MAX_WAITING })
    );
}

/// BLQ-R-004: a query asked during the wait after a failure waits for its end.
#[test]
fn a_new_query_does_not_cut_the_wait_short() {
    let mut world = World::new(config());
    world.ask(by_relay_id());
    assert_eq!(world.actions(), [Action::Connect]);
    world.input(Input::ConnectFailed("connection refused"));
    assert_eq!(world.machine.deadline(), None, "nothing waits");
    world.ask(by_relay_id());
    assert_eq!(world.actions(), []);
    world.pass_to_deadline();
    assert_eq!(world.actions(), [Action::Connect]);
}

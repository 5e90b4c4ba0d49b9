//! Single datagrams: a scripted server, and our own responder behind a network that loses them.

use std::net::Ipv6Addr;

use leasebook_store::{
    Binding as Kept, Change, IaKind, Lease, LeaseName, LeaseState, LeaseStore as _, LinkId,
    MemoryStore,
};
use leasebook_wire::ClientMessage;
use leasebook_wire::code::{OptionCode, QueryType};
use leasebook_wire::option::LqQuery;

use super::*;
use crate::leasequery::{self, UdpResponder, UdpSettings};
use crate::links::{Link, Links};

/// The machine, its clock, and all it said. Transaction-ids and RAND come from `counting`.
struct Lone {
    machine: UdpRequestor,
    now: Now,
    told: Vec<Told>,
}

impl Lone {
    fn new(config: Config) -> Self {
        Self::with(config, UdpTimers::RFC5007)
    }

    fn with(config: Config, timers: UdpTimers) -> Self {
        Self {
            machine: UdpRequestor::new(config, timers, counting(100_000)),
            now: Now {
                mono: Mono(1_000_000_000),
                wall: 1_800_000_000,
            },
            told: Vec::new(),
        }
    }

    fn ask(&mut self, ask: Ask) -> QueryId {
        self.machine.ask(self.now, ask).unwrap()
    }

    fn input(&mut self, input: UdpInput<'_>) {
        let told = &mut self.told;
        self.machine
            .handle(self.now, input, &mut |event| told.push(event.into()));
    }

    /// The datagrams to send, as transaction-id and link-address.
    fn sent(&mut self) -> Vec<(u64, String)> {
        let sent = std::iter::from_fn(|| self.machine.poll());
        sent.map(|octets| {
            let query = ClientMessage::parse(&octets).unwrap();
            let link = query
                .options()
                .view::<LqQuery<'_>>()
                .unwrap()
                .unwrap()
                .link_address;
            (u64::from(query.xid().number()), link.to_string())
        })
        .collect()
    }

    /// The transaction-id of the one datagram to send.
    #[track_caller]
    fn xid(&mut self) -> u64 {
        match &self.sent()[..] {
            [(xid, _)] => *xid,
            other => panic!("{other:?}"),
        }
    }

    /// Hears a message that is given as a frame.
    fn hear(&mut self, frame: &[u8]) {
        self.input(UdpInput::Datagram(&frame[2..]));
    }

    fn pass_to_deadline(&mut self) -> Duration {
        let deadline = self.machine.deadline().expect("a deadline");
        let wait = deadline.since(self.now.mono);
        self.now.mono = deadline;
        self.input(UdpInput::Timer);
        wait
    }

    fn endings(&mut self) -> Vec<Ending> {
        let told = std::mem::take(&mut self.told).into_iter();
        told.filter_map(|told| match told {
            Told::Ended(_, ending, _) => Some(ending),
            _ => None,
        })
        .collect()
    }

    fn clients(&self) -> Vec<Vec<u8>> {
        let clients = self.told.iter().filter_map(|told| match told {
            Told::Binding { client, .. } => Some(client.clone()),
            _ => None,
        });
        clients.collect()
    }
}

fn by_client() -> Ask {
    Ask::everywhere(Question::ClientId(duid(&[0, 3, 0, 1, 0, 7])))
}

fn by_address(address: &str) -> Ask {
    Ask::everywhere(Question::Address(address.parse().unwrap()))
}

fn links(addresses: &[&str]) -> Vec<u8> {
    let octets = addresses
        .iter()
        .flat_map(|address| address.parse::<Ipv6Addr>().unwrap().octets());
    option(48, &octets.collect::<Vec<u8>>())
}

/// LQ-UDP-023: CLIENTID and one LQ_QUERY, without the size that TCP needs.
#[test]
fn a_query_is_one_datagram() {
    let mut lone = Lone::new(config());
    lone.ask(by_client());
    let octets = lone.machine.poll().unwrap();
    let query = ClientMessage::parse(&octets).unwrap();
    assert_eq!(query.msg_type().0, 14);
    let codes: Vec<u16> = query.options().iter().map(|option| option.code.0).collect();
    assert_eq!(codes, [1, 44]);
    let asked = query.options().view::<LqQuery<'_>>().unwrap().unwrap();
    assert_eq!(asked.query_type, QueryType::BY_CLIENTID);
    assert!(asked.link_address.is_unspecified());
    assert_eq!(lone.machine.poll(), None);
}

/// LQ-UDP-023: queries of Bulk Leasequery are not asked.
#[test]
fn bulk_queries_are_not_asked() {
    let mut lone = Lone::new(config());
    let link = Question::LinkAddress("2001:db8::1".parse().unwrap());
    for ask in [by_relay_id(), Ask::everywhere(link)] {
        let query_type = ask.question.query_type();
        let error = lone.machine.ask(lone.now, ask).unwrap_err();
        assert_eq!(error, AskError::TcpOnly { query_type });
    }
    assert_eq!(lone.machine.pending(), 0);
}

/// LQ-UDP-024: a query that one server only is to answer names it, and others are not heard.
#[test]
fn a_server_can_be_named() {
    let mut config = config();
    config.server_id = Some(duid(&[0, 3, 0, 1, 9]));
    let mut lone = Lone::new(config);
    lone.ask(by_client());
    let octets = lone.machine.poll().unwrap();
    let query = ClientMessage::parse(&octets).unwrap();
    let named = query.options().first(OptionCode::SERVERID).unwrap();
    assert_eq!(named.data, [0, 3, 0, 1, 9]);
    let xid = u64::from(query.xid().number());
    lone.hear(&reply(xid, &[client_data(7)]));
    assert_eq!(lone.clients().len(), 0);
    lone.hear(&frame(
        15,
        xid,
        &[client_id(), option(2, &[0, 3, 0, 1, 9]), client_data(7)],
    ));
    assert_eq!(lone.endings(), [Ending::Complete]);
}

/// LQ-UDP-027: five messages with one transaction-id, then the query has failed.
#[test]
fn a_query_is_sent_five_times() {
    let mut lone = Lone::new(config());
    lone.ask(by_client());
    let first = lone.xid();
    let mut waits = Vec::new();
    for _ in 0..4 {
        waits.push(lone.pass_to_deadline().as_secs_f64());
        assert_eq!(lone.xid(), first);
    }
    waits.push(lone.pass_to_deadline().as_secs_f64());
    for (wait, expected) in waits.iter().zip([1.0, 2.0, 4.0, 8.0, 10.0]) {
        assert!((wait / expected - 1.0).abs() < 0.3, "{waits:?}");
    }
    assert_eq!(lone.sent(), []);
    let trouble = String::new();
    let cause = Cause::NoReply {
        times: 5,
        secs: 25,
        trouble,
    };
    assert_eq!(lone.endings(), [Ending::Unanswered(cause)]);
    assert_eq!((lone.machine.deadline(), lone.machine.pending()), (None, 0));
}

/// LQ-UDP-027: what the system says of a message is told in the end, and ends nothing.
#[test]
fn trouble_on_the_way_ends_nothing() {
    let timers = UdpTimers {
        times: 2,
        ..UdpTimers::RFC5007
    };
    let mut lone = Lone::with(config(), timers);
    lone.ask(by_client());
    lone.input(UdpInput::Trouble("nobody listens there"));
    lone.pass_to_deadline();
    lone.pass_to_deadline();
    let ended = lone.endings();
    let [Ending::Unanswered(cause)] = &ended[..] else {
        panic!("{ended:?}")
    };
    assert_eq!(
        cause.to_string(),
        "no reply to 2 messages in 3 s: nobody listens there"
    );
}

/// LQ-UDP-028: what is no reply to our query is dropped and counted, and the query goes on.
#[test]
fn other_messages_are_dropped() {
    let mut lone = Lone::new(config());
    lone.ask(by_client());
    let xid = lone.xid();
    let data = client_data(7);
    for (message, kind) in [
        (
            frame(15, xid, &[client_id(), data.clone()]),
            Deviation::ReplyWithoutServerId,
        ),
        (
            frame(15, xid, &[server_id(), data.clone()]),
            Deviation::ReplyWithoutClientId,
        ),
        (
            frame(15, xid, &[server_id(), option(1, &[0, 3, 9]), data.clone()]),
            Deviation::ReplyWithoutClientId,
        ),
        (
            reply(xid + 1, std::slice::from_ref(&data)),
            Deviation::UnknownReply,
        ),
        (
            frame(14, xid, &[client_id(), server_id(), data.clone()]),
            Deviation::UnexpectedType,
        ),
        (
            frame(17, xid, std::slice::from_ref(&data)),
            Deviation::UnexpectedType,
        ),
        (
            frame(15, xid, &[vec![0, 1, 0, 9]]),
            Deviation::MalformedMessage,
        ),
    ] {
        let before = lone.machine.deviations().of(kind);
        lone.hear(&message);
        assert_eq!(lone.machine.deviations().of(kind), before + 1, "{kind}");
        assert_eq!(lone.clients().len(), 0, "{kind}");
    }
    assert_eq!(lone.machine.pending(), 1);
    lone.hear(&reply(xid, &[data]));
    assert_eq!(lone.endings(), [Ending::Complete]);
}

/// LQ-UDP-028: the reply to a message that was sent again is no fault of the server.
#[test]
fn a_reply_that_comes_twice_counts_once() {
    let mut lone = Lone::new(config());
    lone.ask(by_client());
    let xid = lone.xid();
    lone.hear(&reply(xid, &[client_data(7)]));
    lone.hear(&reply(xid, &[client_data(7)]));
    assert_eq!(lone.clients().len(), 1);
    assert_eq!(lone.endings(), [Ending::Complete]);
    assert_eq!(lone.machine.deviations().seen().count(), 0);
}

/// LQ-UDP-029: data, nothing, and a status are told apart; Success may be spelled out.
#[test]
fn replies_are_told_apart() {
    let refused = |code: u16| Ending::Refused {
        status: StatusCode(code),
        text: "no".into(),
    };
    for (options, ending) in [
        (vec![client_data(7)], Ending::Complete),
        (vec![status(0, ""), client_data(7)], Ending::Complete),
        (vec![], Ending::NoneFound),
        (vec![status(0, "fine")], Ending::NoneFound),
        (vec![status(9, "no")], refused(9)),
        (vec![status(1, "no")], refused(1)),
    ] {
        let mut lone = Lone::new(config());
        lone.ask(by_client());
        let xid = lone.xid();
        lone.hear(&reply(xid, &options));
        assert_eq!(lone.endings(), [ending]);
    }
}

/// LQ-UDP-030: each link of a list is asked for once, and the query ends when all have been.
#[test]
fn each_link_is_asked_for_once() {
    let mut config = config();
    config.pipelined = 8;
    let mut lone = Lone::new(config);
    lone.ask(by_client());
    let first = lone.xid();
    lone.hear(&reply(
        first,
        &[links(&[
            "2001:db8:2::",
            "2001:db8:1::",
            "2001:db8:2::",
            "::",
        ])],
    ));
    let asked = lone.sent();
    let addresses: Vec<_> = asked.iter().map(|(_, link)| link.as_str()).collect();
    assert_eq!(addresses, ["2001:db8:1::", "2001:db8:2::"]);
    assert!(asked.iter().all(|(xid, _)| *xid != first));
    lone.hear(&reply(asked[0].0, &[client_data(7)]));
    assert_eq!(lone.machine.pending(), 1);
    lone.hear(&reply(asked[1].0, &[client_data(8)]));
    assert_eq!(lone.clients().len(), 2);
    assert_eq!(lone.endings(), [Ending::Complete]);
}

/// LQ-UDP-030: a list where one link was asked for is not followed.
#[test]
fn a_list_of_one_link_leads_nowhere() {
    let mut lone = Lone::new(config());
    lone.ask(by_client());
    let first = lone.xid();
    lone.hear(&reply(first, &[links(&["2001:db8:1::"])]));
    let second = lone.xid();
    lone.hear(&reply(second, &[links(&["2001:db8:2::"])]));
    assert_eq!(lone.sent(), []);
    assert_eq!(
        lone.endings(),
        [Ending::Partial(Cause::Malformed { messages: 1 })]
    );
    assert_eq!(lone.machine.deviations().of(Deviation::ClientLink), 1);
}

/// LQ-UDP-029, LQ-UDP-030: a list that cannot be read is none.
#[test]
fn a_list_that_cannot_be_read_is_none() {
    for list in [option(48, &[]), option(48, &[1; 17]), links(&["::"])] {
        let mut lone = Lone::new(config());
        lone.ask(by_client());
        let xid = lone.xid();
        lone.hear(&reply(xid, &[list]));
        assert_eq!(
            lone.endings(),
            [Ending::Partial(Cause::Malformed { messages: 1 })]
        );
    }
}

/// LQ-UDP-030: what one link gives is kept when another gives nothing.
#[test]
fn a_link_without_reply_makes_the_result_partial() {
    let timers = UdpTimers {
        times: 1,
        ..UdpTimers::RFC5007
    };
    let mut lone = Lone::with(config(), timers);
    lone.ask(by_client());
    let xid = lone.xid();
    lone.hear(&reply(xid, &[links(&["2001:db8:1::", "2001:db8:2::"])]));
    let xid = lone.xid();
    lone.hear(&reply(xid, &[client_data(7)]));
    lone.pass_to_deadline();
    let ended = lone.endings();
    assert!(
        matches!(&ended[..], [Ending::Partial(Cause::NoReply { .. })]),
        "{ended:?}"
    );
}

/// LQ-UDP-031: CLIENT_DATA without CLT_TIME is dropped, and is not taken for "no binding".
#[test]
fn client_data_without_clt_time_is_dropped() {
    let mut lone = Lone::new(config());
    lone.ask(by_client());
    let xid = lone.xid();
    let body = [option(1, &[0, 3, 0, 1, 0, 7]), address(7, 10, 20)].concat();
    lone.hear(&reply(xid, &[option(45, &body)]));
    assert_eq!(lone.clients().len(), 0);
    assert_eq!(
        lone.endings(),
        [Ending::Partial(Cause::Malformed { messages: 1 })]
    );
    assert_eq!(
        lone.machine
            .deviations()
            .of(Deviation::ClientDataWithoutCltTime),
        1
    );
}

/// LQ-UDP-032: after a refusal the query ends at that server, and other queries go on.
#[test]
fn a_refusal_ends_its_query_alone() {
    let mut config = config();
    config.pipelined = 2;
    let mut lone = Lone::new(config);
    lone.ask(by_client());
    lone.ask(by_address("2001:db8::7"));
    let [(first, _), (second, _)] = &lone.sent()[..] else {
        panic!("two queries were asked")
    };
    lone.hear(&reply(*first, &[status(10, "not you")]));
    assert!(matches!(lone.endings()[..], [Ending::Refused { .. }]));
    lone.hear(&reply(*second, &[client_data(7)]));
    assert_eq!(lone.endings(), [Ending::Complete]);
}

/// LQ-UDP-023: only so many queries are outstanding; the others follow as these end.
#[test]
fn queries_wait_for_their_turn() {
    let mut lone = Lone::new(config());
    lone.ask(by_client());
    lone.ask(by_address("2001:db8::7"));
    let first = lone.xid();
    lone.hear(&reply(first, &[]));
    let second = lone.xid();
    assert_ne!(first, second);
    lone.input(UdpInput::Stop);
    let stopped = Ending::Unanswered(Cause::Stopped);
    assert_eq!(lone.endings(), [Ending::NoneFound, stopped]);
}

/// LQ-UDP-032: without a way to the server everything ends at once.
#[test]
fn without_a_socket_everything_ends() {
    let mut lone = Lone::new(config());
    lone.ask(by_client());
    lone.ask(by_address("2001:db8::7"));
    lone.input(UdpInput::NoWay("no route"));
    let reason = "no route".to_owned();
    let ended = Ending::Unanswered(Cause::ConnectFailed { reason });
    assert_eq!(lone.endings(), [ended.clone(), ended]);
    assert_eq!(lone.sent(), []);
}

/// A server with links 1 to `count`, and a lease of one client on each.
fn roaming(count: u32, clt: u64) -> (leasequery::Config, Links, MemoryStore) {
    let base = |id: u32| Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) | (u128::from(id) << 64));
    let link = |id| Link {
        id: LinkId(id),
        on_link: vec![ipnet::Ipv6Net::new(base(id), 64).unwrap()],
        relay_addresses: Vec::new(),
        delegated: Vec::new(),
    };
    let store = MemoryStore::new();
    let bindings = (1..=count).map(|id| {
        Change::Put(Kept {
            link: LinkId(id),
            client: duid(&[0, 3, 0, 1, 0, 7]),
            leases: vec![Lease {
                name: LeaseName::Address(Ipv6Addr::from_bits(base(id).to_bits() + 7)),
                kind: IaKind::Na,
                iaid: 1,
                state: LeaseState::Bound,
                clt: clt + u64::from(id),
                preferred: 5000,
                valid: 10_000,
            }],
            relay: None,
            options: Vec::new(),
        })
    });
    store.commit(bindings.collect()).unwrap();
    let config = leasequery::Config::new(duid(&SERVER));
    (config, Links::new((1..=count).map(link).collect()), store)
}

/// LQ-UDP-026, LQ-UDP-030, LQ-UDP-033: two servers, asked over a network that loses, doubles
/// and delays: what they tell is united, or the loss is told.
#[test]
fn servers_behind_a_bad_network_are_united() {
    use proptest::prelude::*;
    let servers = [roaming(5, 1_799_999_000), roaming(8, 1_799_998_000)];
    proptest!(|(seed in any::<u64>(), loss in 0..60_u64)| {
        let mut random = {
            let mut state = seed | 1;
            move || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state
            }
        };
        let mut united = Reconciler::new(1, false);
        let mut are_complete = true;
        for (number, (config, links, store)) in servers.iter().enumerate() {
            let settings = UdpSettings::default();
            let responder = UdpResponder { config, links, settings, store };
            let mut lone = Lone::new(Config { pipelined: 3, ..super::config() });
            lone.ask(by_client());
            let mut late: Vec<Vec<u8>> = Vec::new();
            while lone.machine.pending() > 0 {
                while let Some(query) = lone.machine.poll() {
                    for _ in 0..=u64::from(random() % 10 == 0) {
                        let mut out = Vec::new();
                        let source = Ipv6Addr::LOCALHOST.into();
                        responder.answer(lone.now.wall, source, &query, &mut out);
                        if random() % 100 >= loss {
                            late.push(out);
                        }
                    }
                }
                if random() % 4 == 0 || late.is_empty() {
                    lone.pass_to_deadline();
                    continue;
                }
                let heard = late.swap_remove(usize::try_from(random()).unwrap() % late.len());
                let (now, told) = (lone.now, &mut lone.told);
                lone.machine.handle(now, UdpInput::Datagram(&heard), &mut |event| {
                    if let Event::Binding(binding) = &event {
                        let server = Server(u16::try_from(number).unwrap());
                        united.add(server, &binding.claim, binding.arrived).unwrap();
                    }
                    told.push(event.into());
                });
            }
            are_complete &= lone.endings() == [Ending::Complete];
            prop_assert_eq!(lone.machine.deviations().seen().count(), 0);
        }
        let leases: usize = united.bindings().map(|binding| binding.sorted_leases().len()).sum();
        prop_assert!(leases <= 8);
        if are_complete {
            prop_assert_eq!(leases, 8);
            // The first server heard of the client later.
            for binding in united.bindings() {
                for lease in binding.sorted_leases() {
                    let LeaseName::Address(name) = lease.name else { panic!() };
                    let is_on_both = (name.to_bits() >> 64) & 0xffff <= 5;
                    prop_assert_eq!(lease.server == Server(0), is_on_both);
                }
            }
        }
    });
}

/// LQ-UDP-028: no octets end anything but what they answer, or make the machine fail.
#[test]
fn any_octets_are_harmless() {
    use proptest::prelude::*;
    proptest!(|(octets in proptest::collection::vec(any::<u8>(), 0..200), head in any::<bool>())| {
        let mut lone = Lone::new(config());
        lone.ask(by_client());
        let xid = lone.xid();
        let mut octets = octets;
        if head {
            octets.splice(..0, reply(xid + 1, &[])[2..].to_vec());
        }
        if octets.get(..4) != Some(&reply(xid, &[])[2..6]) {
            lone.input(UdpInput::Datagram(&octets));
            prop_assert_eq!(lone.machine.pending(), 1);
        }
    });
}

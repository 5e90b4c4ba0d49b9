//! The octets of queries.

use std::net::Ipv6Addr;

use super::*;
use leasebook_wire::code::OptionCode;
use leasebook_wire::{ComposeError, RemoteId};

fn framed(ask: &Ask, xid: u32, config: &Config) -> Vec<u8> {
    let mut out = Vec::new();
    ask.compose(Xid::from_number(xid), config, &mut out)
        .unwrap();
    out
}

fn composed(ask: &Ask, wanted: &[u16]) -> Vec<u8> {
    let mut config = config();
    config.wanted = wanted.iter().map(|&code| OptionCode(code)).collect();
    framed(ask, 0x0a_0b0c, &config)
}

fn expected(query_type: u8, link: Ipv6Addr, options: &[Vec<u8>]) -> Vec<u8> {
    let query = [&[query_type][..], &link.octets(), &options.concat()].concat();
    frame(14, 0x0a_0b0c, &[client_id(), option(44, &query)])
}

/// BLQ-R-009, BLQ-R-010: each of the five types carries CLIENTID, one LQ_QUERY, and the option it requires.
#[test]
fn composes_the_five_queries() {
    let nowhere = Ipv6Addr::UNSPECIFIED;
    let link: Ipv6Addr = "2001:db8::1".parse().unwrap();
    let relay = [0, 3, 0, 1, 2, 0, 0, 0, 0, 1];
    let table = [
        (
            Question::Address(link),
            expected(
                1,
                nowhere,
                &[option(5, &[&link.octets()[..], &[0; 8]].concat())],
            ),
        ),
        (
            Question::ClientId(duid(&relay)),
            expected(2, nowhere, &[option(1, &relay)]),
        ),
        (
            Question::RelayId(duid(&relay)),
            expected(3, nowhere, &[option(53, &relay)]),
        ),
        (Question::LinkAddress(link), expected(4, link, &[])),
        (
            Question::RemoteId("3561:olt1/0".parse().unwrap()),
            expected(
                5,
                nowhere,
                &[option(37, &[&[0, 0, 0x0d, 0xe9][..], b"olt1/0"].concat())],
            ),
        ),
    ];
    for (question, octets) in table {
        assert_eq!(composed(&Ask::everywhere(question), &[]), octets);
    }
}

/// BLQ-R-009: a link-address limits a query to its link.
#[test]
fn puts_the_link_into_the_query() {
    let link: Ipv6Addr = "2001:db8::1".parse().unwrap();
    let ask = Ask {
        link,
        ..by_relay_id()
    };
    let relay = [0, 3, 0, 1, 2, 0, 0, 0, 0, 1];
    assert_eq!(
        composed(&ask, &[]),
        expected(3, link, &[option(53, &relay)])
    );
}

/// BLQ-R-012: what is wanted besides leases stands in the ORO inside query-options.
#[test]
fn names_relay_data_in_the_inner_oro() {
    let relay = [0, 3, 0, 1, 2, 0, 0, 0, 0, 1];
    assert_eq!(
        composed(&by_relay_id(), &[47, 39]),
        expected(
            3,
            Ipv6Addr::UNSPECIFIED,
            &[option(53, &relay), option(6, &[0, 47, 0, 39])]
        )
    );
}

/// BLQ-R-013: SERVERID is sent only where one server is wanted.
#[test]
fn names_a_server_only_on_demand() {
    let mut config = config();
    config.wanted.clear();
    config.server_id = Some(duid(&SERVER));
    let octets = framed(&by_relay_id(), 1, &config);
    let at = 2 + 4 + client_id().len();
    assert_eq!(octets[at..at + server_id().len()], server_id());
    config.server_id = None;
    let octets = framed(&by_relay_id(), 1, &config);
    assert_eq!(octets[at..at + 2], [0, 44]);
}

/// WIRE-017, WIRE-031: what does not fit its field, or names nothing, is an error and not sent.
#[test]
fn refuses_what_cannot_be_asked() {
    let remote = |len: usize| Question::RemoteId(RemoteId::new(1, &vec![1; len]).unwrap());
    let table = [
        (
            Question::Address(Ipv6Addr::UNSPECIFIED),
            AskError::Unspecified { what: "address" },
        ),
        (
            Question::LinkAddress(Ipv6Addr::UNSPECIFIED),
            AskError::Unspecified {
                what: "link-address",
            },
        ),
        (
            Question::RelayId(duid(&[1, 2])),
            AskError::ShortDuid {
                what: "the Relay-ID asked for",
                octets: 2,
            },
        ),
        (
            remote(65_531),
            AskError::TooLong(ComposeError::OptionTooLong {
                code: OptionCode::LQ_QUERY,
                len: 17 + 4 + 65_535 + 6,
            }),
        ),
        (
            remote(65_500),
            AskError::TooLong(ComposeError::MessageTooLong {
                len: 65_553,
                limit: 65_535,
            }),
        ),
    ];
    for (question, error) in table {
        let ask = Ask::everywhere(question);
        let mut world = World::new(config());
        assert_eq!(world.machine.ask(world.now, ask), Err(error));
        assert_eq!(world.actions(), []);
    }
}

/// SEC-012: no query carries DHCP authentication, whatever is wanted in its answer.
#[test]
fn no_query_is_authenticated() {
    let octets = composed(&by_relay_id(), &[11, 47]);
    let message = leasebook_wire::ClientMessage::parse(&octets[2..]).unwrap();
    let codes: Vec<u16> = message
        .options()
        .iter()
        .map(|option| option.code.0)
        .collect();
    assert_eq!(codes, [1, 44]);
}

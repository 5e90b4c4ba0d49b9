//! The numbers, names and limits of the registries.

use leasebook_wire::code::{
    ALL_DHCP_RELAY_AGENTS_AND_SERVERS, ALL_DHCP_SERVERS, DEFAULT_NESTING_LIMIT, DHCP_CLIENT_PORT,
    DHCP_SERVER_PORT, DuidType, HOP_COUNT_LIMIT, INFINITY, MAX_MESSAGE_OCTETS,
    MAX_UDP_MESSAGE_OCTETS, MessageType, OptionCode, QueryType, StatusCode,
};

/// WIRE-001: clients are on 546, servers and relays on 547.
#[test]
fn ports_are_those_assigned() {
    assert_eq!((DHCP_CLIENT_PORT, DHCP_SERVER_PORT), (546, 547));
}

/// WIRE-002: the groups are ff02::1:2 and ff05::1:3.
#[test]
fn groups_are_those_assigned() {
    assert_eq!(ALL_DHCP_RELAY_AGENTS_AND_SERVERS.to_string(), "ff02::1:2");
    assert_eq!(ALL_DHCP_SERVERS.to_string(), "ff05::1:3");
}

/// WIRE-003: message types have their numbers, DONE before DATA.
#[test]
fn message_types_have_their_numbers() {
    let known = "1 SOLICIT, 2 ADVERTISE, 3 REQUEST, 4 CONFIRM, 5 RENEW, 6 REBIND, 7 REPLY, \
        8 RELEASE, 9 DECLINE, 10 RECONFIGURE, 11 INFORMATION-REQUEST, 12 RELAY-FORW, \
        13 RELAY-REPL, 14 LEASEQUERY, 15 LEASEQUERY-REPLY, 16 LEASEQUERY-DONE, \
        17 LEASEQUERY-DATA, 22 ACTIVELEASEQUERY, 23 STARTTLS";
    let listed: Vec<_> = MessageType::ALL
        .iter()
        .map(|t| format!("{} {t}", t.0))
        .collect();
    assert_eq!(listed.join(", "), known);
    assert_eq!(MessageType(99).to_string(), "message type 99");
}

/// WIRE-004, WIRE-007: option codes have their numbers, and the registry's names.
#[test]
fn option_codes_have_their_numbers() {
    let known = "1 CLIENTID, 2 SERVERID, 3 IA_NA, 4 IA_TA, 5 IAADDR, 6 ORO, 7 PREFERENCE, \
        8 ELAPSED_TIME, 9 RELAY_MSG, 11 AUTH, 12 UNICAST, 13 STATUS_CODE, 14 RAPID_COMMIT, \
        15 USER_CLASS, 16 VENDOR_CLASS, 17 VENDOR_OPTS, 18 INTERFACE_ID, 19 RECONF_MSG, \
        20 RECONF_ACCEPT, 23 DNS_SERVERS, 24 DOMAIN_LIST, 25 IA_PD, 26 IAPREFIX, \
        32 INFORMATION_REFRESH_TIME, 37 REMOTE_ID, 38 SUBSCRIBER_ID, 39 CLIENT_FQDN, 43 ERO, \
        44 LQ_QUERY, 45 CLIENT_DATA, 46 CLT_TIME, 47 LQ_RELAY_DATA, 48 LQ_CLIENT_LINK, \
        53 RELAY_ID, 66 RSOO, 67 PD_EXCLUDE, 79 CLIENT_LINKLAYER_ADDR, 82 SOL_MAX_RT, \
        83 INF_MAX_RT, 100 LQ_BASE_TIME, 101 LQ_START_TIME, 102 LQ_END_TIME, 135 RELAY_PORT, \
        148 ADDR_REG_ENABLE";
    let listed: Vec<_> = OptionCode::ALL
        .iter()
        .map(|o| format!("{} {o}", o.0))
        .collect();
    assert_eq!(listed.join(", "), known);
    assert_eq!(OptionCode(10).to_string(), "option 10");
    assert_eq!(
        OptionCode::from_name("relay_id"),
        Some(OptionCode::RELAY_ID)
    );
}

/// WIRE-005: status codes have their numbers; any other survives and is a failure.
#[test]
fn status_codes_have_their_numbers() {
    let known = "Success UnspecFail NoAddrsAvail NoBinding NotOnLink UseMulticast NoPrefixAvail \
        UnknownQueryType MalformedQuery NotConfigured NotAllowed QueryTerminated DataMissing \
        CatchUpComplete NotSupported TLSConnectionRefused";
    for (number, name) in (0..).zip(known.split(' ')) {
        assert_eq!(StatusCode(number).name(), Some(name));
    }
    assert_eq!(StatusCode::ALL.len(), 16);
    assert_eq!(StatusCode(0x1234).to_string(), "status code 4660");
    let successes = (0..=u16::MAX).filter(|code| StatusCode(*code).is_success());
    assert_eq!(successes.collect::<Vec<_>>(), [0]);
}

/// WIRE-006, WIRE-007: query types are 1 to 5, each with the option it needs.
#[test]
fn query_types_have_their_numbers() {
    let listed: Vec<_> = QueryType::ALL
        .iter()
        .map(|query| {
            (
                query.0,
                query.to_string(),
                query.required_option().map(|o| o.0),
            )
        })
        .collect();
    let known = [
        (1, "QUERY_BY_ADDRESS".to_owned(), Some(5)),
        (2, "QUERY_BY_CLIENTID".to_owned(), Some(1)),
        (3, "QUERY_BY_RELAY_ID".to_owned(), Some(53)),
        (4, "QUERY_BY_LINK_ADDRESS".to_owned(), None),
        (5, "QUERY_BY_REMOTE_ID".to_owned(), Some(37)),
    ];
    assert_eq!(listed, known);
    let bulk: Vec<_> = (0..=255).filter(|q| QueryType(*q).is_bulk_only()).collect();
    assert_eq!(bulk, [3, 4, 5]);
}

/// WIRE-024: only IAs, leases and vendors' options may repeat, and what nobody knows.
#[test]
fn only_some_options_may_repeat() {
    let repeating: Vec<_> = OptionCode::ALL
        .iter()
        .filter(|code| code.may_repeat())
        .collect();
    let codes: Vec<_> = repeating.iter().map(|code| code.0).collect();
    assert_eq!(codes, [3, 4, 5, 16, 17, 25, 26]);
    assert!(OptionCode(999).may_repeat());
}

/// WIRE-015, WIRE-028, WIRE-033, WIRE-034, WIRE-065: limits and DUID types are those of the texts.
#[test]
fn limits_are_those_of_the_texts() {
    assert_eq!((HOP_COUNT_LIMIT, DEFAULT_NESTING_LIMIT), (8, 32));
    assert_eq!(INFINITY, 0xffff_ffff);
    assert_eq!(
        (MAX_MESSAGE_OCTETS, MAX_UDP_MESSAGE_OCTETS),
        (65_535, 65_527)
    );
    let types: Vec<_> = DuidType::ALL
        .iter()
        .map(|t| format!("{} {t}", t.0))
        .collect();
    assert_eq!(
        types,
        ["1 DUID-LLT", "2 DUID-EN", "3 DUID-LL", "4 DUID-UUID"]
    );
}

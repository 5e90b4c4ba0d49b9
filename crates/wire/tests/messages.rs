//! Messages, relay levels, and what is said of malformed ones.

mod common;

use common::{XID, composed, hex, to_hex};
use leasebook_wire::code::{DEFAULT_NESTING_LIMIT, MessageType, OptionCode};
use leasebook_wire::message::RelayHeader;
use leasebook_wire::option::{ClientData, IaNa, IaPrefix, LqQuery, OptionView};
use leasebook_wire::show::Shown;
use leasebook_wire::{ClientMessage, Composer, Message, RelayChain, RelayMessage, RelayPath, Xid};

/// WIRE-008: all types but the relays' have the client/server form, leasequery and unknown ones too.
#[test]
fn all_but_relay_messages_have_the_client_form() {
    for msg_type in (0..=255).filter(|t| ![12, 13].contains(t)) {
        let octets = [msg_type, 1, 2, 3, 0, 14, 0, 0];
        let Ok(Message::Client(message)) = Message::parse(&octets) else {
            panic!("type {msg_type} is read in the other form");
        };
        assert_eq!(message.msg_type(), MessageType(msg_type));
        assert_eq!(message.xid(), XID);
        assert!(message.options().contains(OptionCode::RAPID_COMMIT));
        let mut out = Vec::new();
        let mut composer = Composer::client(&mut out, message.msg_type(), message.xid());
        composer.put(message.options().octets());
        composer.finish().unwrap();
        assert_eq!(out, octets);
    }
}

/// WIRE-009, WIRE-042: a relay message has 34 octets before its options, and its RELAY_MSG octet for octet.
#[test]
fn a_relay_message_has_its_four_fields() {
    let octets = hex(
        "0c 02 20010db8000000000000000000000001 fe800000000000000000000000000002
        0012 0001 61 0009 0005 01000001ff",
    );
    let message = RelayMessage::parse(&octets).unwrap();
    let header = RelayHeader {
        msg_type: MessageType::RELAY_FORW,
        hop_count: 2,
        link_address: "2001:db8::1".parse().unwrap(),
        peer_address: "fe80::2".parse().unwrap(),
    };
    assert_eq!(message.header(), header);
    assert_eq!(message.relayed(), Some(&[1, 0, 0, 1, 255][..]));
    let mut out = Vec::new();
    let mut composer = Composer::relay(&mut out, &header);
    composer.option(OptionCode::INTERFACE_ID, b"a").unwrap();
    composer
        .option(OptionCode::RELAY_MSG, &[1, 0, 0, 1, 255])
        .unwrap();
    assert_eq!(composer.finish(), Ok(octets.len()));
    assert_eq!(to_hex(&out), to_hex(&octets));
}

/// WIRE-010: options of a message may stand in any order, without padding.
#[test]
fn options_stand_in_any_order() {
    let octets = hex("01 000001 0008 0002 0000 0001 0001 07 000e 0000");
    let message = ClientMessage::parse(&octets).unwrap();
    let codes: Vec<_> = message
        .options()
        .iter()
        .map(|option| option.code.0)
        .collect();
    assert_eq!(codes, [8, 1, 14]);
}

/// WIRE-011, WIRE-016: a message shorter than its header is malformed.
#[test]
fn messages_shorter_than_their_header_are_refused() {
    for len in 0..4 {
        let error = Message::parse(&[1; 4][..len]).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("octet 0: message is {len} octets, at least 4 needed")
        );
    }
    for len in 1..34 {
        let error = Message::parse(&[12; 34][..len]).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("octet 0: message is {len} octets, at least 34 needed")
        );
    }
}

/// WIRE-012: every transaction-id is valid, 0 included, and comes back unchanged.
#[test]
fn transaction_ids_are_opaque() {
    for xid in [[0, 0, 0], [255, 255, 255], [0, 0, 1], [128, 0, 0]] {
        let octets = [1, xid[0], xid[1], xid[2]];
        let message = ClientMessage::parse(&octets).unwrap();
        assert_eq!(message.xid(), Xid(xid));
        assert_eq!(Xid::from_number(message.xid().number()), Xid(xid));
        let mut out = Vec::new();
        let composer = Composer::client(&mut out, MessageType::REPLY, message.xid());
        composer.finish().unwrap();
        assert_eq!(out[1..], octets[1..]);
    }
    assert_eq!(Xid([0, 0, 42]).to_string(), "0x00002a");
}

/// WIRE-013: an unknown type is told, and the message's octets are there to be relayed.
#[test]
fn unknown_types_are_readable_and_known_to_be_unknown() {
    let octets = [99, 0, 0, 0];
    let message = Message::parse(&octets).unwrap();
    assert!(!message.msg_type().is_known());
    assert_eq!(message.octets(), octets);
}

/// WIRE-014: a relay message without RELAY_MSG is malformed, but not at the end of LQ_RELAY_DATA.
#[test]
fn relay_messages_need_something_to_relay() {
    for msg_type in [12, 13] {
        let mut octets = [0; 34];
        octets[0] = msg_type;
        let error = Message::parse(&octets).unwrap_err().to_string();
        assert_eq!(error, "octet 0: 0 RELAY_MSG options, 1 needed");
        assert!(RelayChain::parse(&octets, DEFAULT_NESTING_LIMIT).is_err());
        assert!(RelayMessage::parse(&octets).is_ok());
    }
    let mut octets = [0; 34];
    octets[0] = 12;
    assert_eq!(
        RelayPath::parse(&octets, DEFAULT_NESTING_LIMIT)
            .unwrap()
            .depth(),
        1
    );
    let outer = relayed(12, &octets);
    let error = RelayChain::parse(&outer, DEFAULT_NESTING_LIMIT)
        .unwrap_err()
        .to_string();
    assert_eq!(error, "octet 38, RELAY_MSG: 0 RELAY_MSG options, 1 needed");
    assert_eq!(
        RelayPath::parse(&outer, DEFAULT_NESTING_LIMIT)
            .unwrap()
            .depth(),
        2
    );
}

/// WIRE-015, D-29: nine levels are fine, so are 32, and more than the bound are not.
#[test]
fn relay_levels_have_a_bound() {
    let mut octets = vec![1, 0, 0, 0];
    for depth in 0..=33_usize {
        let chain = RelayChain::parse(&octets, DEFAULT_NESTING_LIMIT);
        assert_eq!(chain.is_ok(), depth <= 32, "{depth} levels");
        octets = relayed(12, &octets);
    }
    let error = RelayChain::parse(&octets, 9).unwrap_err().to_string();
    assert_eq!(
        error,
        "octet 342, 2 more > RELAY_MSG > RELAY_MSG > RELAY_MSG > RELAY_MSG > RELAY_MSG > \
         RELAY_MSG > RELAY_MSG: more than 9 levels of nesting"
    );
    let mut deep = vec![1, 0, 0, 0];
    for _ in 0..1500 {
        deep = relayed(12, &deep);
    }
    assert!(RelayChain::parse(&deep, usize::MAX).is_ok());
    assert!(RelayChain::parse(&deep, DEFAULT_NESTING_LIMIT).is_err());
    assert!(Shown(&deep).to_string().contains(" … "));
}

/// WIRE-016, WIRE-019: the error of an option in an option has its place, its path and both numbers.
#[test]
fn errors_say_where_and_what() {
    let octets = hex("11 010203 0001 0002 0003 002d 0015 0001 0001 07 001a 000c
        000000000000000000000000");
    let message = ClientMessage::parse(&octets).unwrap();
    let data: ClientData<'_> = message.options().view().unwrap().unwrap();
    let error = data.options.view::<IaPrefix<'_>>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "octet 19, CLIENT_DATA > IAPREFIX: option-len is 12, at least 25 needed"
    );
}

/// WIRE-019, WIRE-020, D-30: an overrun spoils the container it is in, and no other.
#[test]
fn an_overrun_spoils_its_container_only() {
    let octets = hex("0e 010203
        002c 0016 04 20010db8000000000000000000000000 0006 0009 00
        002d 0005 0001 0003 07
        0003 0011 00000001 00000000 00000000 0005 0018 00
        0003 000c 00000002 00000000 00000000");
    let options = ClientMessage::parse(&octets).unwrap().options();
    let query = options.view::<LqQuery<'_>>().unwrap_err().to_string();
    assert_eq!(
        query,
        "octet 25, LQ_QUERY > ORO: option-len is 9, 1 octets left"
    );
    let data = options.view::<ClientData<'_>>().unwrap_err().to_string();
    assert_eq!(
        data,
        "octet 34, CLIENT_DATA > CLIENTID: option-len is 3, 1 octets left"
    );
    let associations: Vec<_> = options.views::<IaNa<'_>>().map(|ia| ia.is_ok()).collect();
    assert_eq!(associations, [false, true]);

    let spoilt = hex("01 010203 000e 0000 0001 0003 07");
    assert!(Message::parse(&spoilt).is_err());
    let datagram = relayed(12, &relayed(12, &spoilt));
    let error = RelayChain::parse(&datagram, DEFAULT_NESTING_LIMIT)
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "octet 84, RELAY_MSG > RELAY_MSG > CLIENTID: option-len is 3, 1 octets left"
    );
}

/// WIRE-021: unknown options are carried at any level, and vendors' options whoever the vendor.
#[test]
fn unknown_options_are_carried() {
    let octets = hex(
        "01 000001 fffe 0002 abcd 0011 0006 ffffffff 6162 0019 0011 00000001 00000000
        00000000 ff01 0001 00",
    );
    // The vendor's options of the second are malformed, which is nothing to the message.
    let message = ClientMessage::parse(&octets).unwrap();
    assert_eq!(message.options().count(OptionCode(0xfffe)), 1);
    let datagram = relayed(12, &octets);
    let chain = RelayChain::parse(&datagram, DEFAULT_NESTING_LIMIT).unwrap();
    assert_eq!(chain.message().octets(), octets);
}

/// WIRE-022, WIRE-023, WIRE-025: repeated options stay apart and in order, so the first can count.
#[test]
fn the_first_of_repeated_options_is_found_first() {
    let octets = hex(
        "01 000001 0001 0001 07 0001 0001 08 0006 0000 0006 0000 0006 0000
        0003 000c 00000001 00000005 00000000 0003 000c 00000001 00000006 00000000
        03e7 0000 03e7 0000",
    );
    let options = ClientMessage::parse(&octets).unwrap().options();
    assert_eq!(options.first(OptionCode::CLIENTID).unwrap().data, [7]);
    assert_eq!(options.count(OptionCode::CLIENTID), 2);
    assert_eq!(options.ignored_repeats(), 3);
    let first = options
        .views::<IaNa<'_>>()
        .flatten()
        .find(|ia| ia.iaid == 1);
    assert_eq!(first.map(|ia| ia.t1), Some(5));
}

/// WIRE-026: an option is found where it stands, and nowhere else.
#[test]
fn options_are_looked_for_at_one_level_only() {
    let octets = relayed(12, &hex("01 000001 0025 0005 0000000961 0035 0001 07"));
    let chain = RelayChain::parse(&octets, DEFAULT_NESTING_LIMIT).unwrap();
    let level = chain.outermost().unwrap().options();
    assert!(!level.contains(OptionCode::REMOTE_ID) && !level.contains(OptionCode::RELAY_ID));
    assert!(chain.message().options().contains(OptionCode::REMOTE_ID));
}

/// WIRE-017: an option of 65535 octets is the longest, and a message of as many.
#[test]
fn lengths_that_do_not_fit_are_refused() {
    let mut out = b"kept".to_vec();
    let mut composer = Composer::client(&mut out, MessageType::REPLY, XID);
    let error = composer
        .option(OptionCode::AUTH, &vec![0; 65_536])
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "AUTH would be 65536 octets, at most 65535 fit"
    );
    let error = composer
        .nested(OptionCode::CLIENT_DATA, |c| {
            c.option(OptionCode::AUTH, &vec![0; 65_532])
        })
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "CLIENT_DATA would be 65536 octets, at most 65535 fit"
    );
    assert_eq!(composer.len(), 4);
    composer.option(OptionCode::AUTH, &vec![0; 65_528]).unwrap();
    let error = composer.finish().unwrap_err();
    assert_eq!(
        error.to_string(),
        "message would be 65536 octets, at most 65535 fit"
    );
    assert_eq!(out, b"kept");
    let mut composer = Composer::framed(&mut out, MessageType::REPLY, XID);
    composer.option(OptionCode::AUTH, &vec![0; 65_527]).unwrap();
    assert_eq!(composer.finish(), Ok(65_537));
    assert_eq!(out[4..6], [255, 255]);
}

/// WIRE-017: what was written can be taken back, to leave out what makes a message too long.
#[test]
fn options_can_be_taken_back() {
    let mut out = b"kept".to_vec();
    let mut composer = Composer::framed(&mut out, MessageType::REPLY, XID);
    let before = composer.len();
    composer.option(OptionCode::ORO, &[0, 1]).unwrap();
    composer.truncate(before);
    composer.option(OptionCode::PREFERENCE, &[9]).unwrap();
    composer.finish().unwrap();
    assert_eq!(to_hex(&out[4..]), "00090701020300070001".to_owned() + "09");
}

/// WIRE-058: taking the message out corrects the lengths around it, and leaves repeated ones out.
#[test]
fn the_message_is_taken_out_of_its_levels() {
    let inner = hex(
        "0c 00 20010db8000000000000000000000001 fe800000000000000000000000000002
        0009 0004 01000001 0012 0001 61 0009 0004 01000002",
    );
    let mut octets = relayed(12, &inner);
    octets[1] = 1;
    let mut out = Vec::new();
    RelayPath::take_from(&octets, DEFAULT_NESTING_LIMIT, &mut out).unwrap();
    assert_eq!(
        to_hex(&out[34..]),
        "00090027".to_owned()
            + "0c0020010db8000000000000000000000001fe800000000000000000000000000002"
            + "0012000161"
    );
    let error = RelayPath::take_from(&[1, 0, 0, 0], DEFAULT_NESTING_LIMIT, &mut out).unwrap_err();
    assert_eq!(
        error.to_string(),
        "octet 0: msg-type is 1, RELAY-FORW (12) needed"
    );
    let reply = relayed(12, &relayed(13, &[1, 0, 0, 0]));
    let error = RelayPath::take_from(&reply, DEFAULT_NESTING_LIMIT, &mut out).unwrap_err();
    assert_eq!(
        error.to_string(),
        "octet 38, RELAY_MSG: msg-type is 13, RELAY-FORW (12) needed"
    );
}

/// WIRE-058: a chain with its message still in it is no relay data.
#[test]
fn relay_data_with_the_message_left_in_is_refused() {
    let octets = relayed(12, &[1, 0, 0, 0]);
    let error = RelayPath::parse(&octets, DEFAULT_NESTING_LIMIT).unwrap_err();
    assert_eq!(
        error.to_string(),
        "octet 38, RELAY_MSG: msg-type is 1, RELAY-FORW (12) needed"
    );
    let octets = relayed(12, &relayed(12, &hex("0c").repeat(34)));
    assert!(RelayPath::parse(&octets, 3).is_ok());
    assert!(RelayPath::parse(&octets, 2).is_err());
}

/// WIRE-066: a message for a datagram has no size before it.
#[test]
fn only_framed_messages_have_a_size() {
    let mut datagram = Vec::new();
    Composer::client(&mut datagram, MessageType::LEASEQUERY, XID)
        .finish()
        .unwrap();
    let mut frame = Vec::new();
    Composer::framed(&mut frame, MessageType::LEASEQUERY, XID)
        .finish()
        .unwrap();
    assert_eq!(to_hex(&datagram), "0e010203");
    assert_eq!(to_hex(&frame), "00040e010203");
}

/// WIRE-016: a message is shown with all that is in it, in one line or in many.
#[test]
fn messages_are_shown_with_everything_in_them() {
    let octets = relayed(
        12,
        &hex("03 00002a 0001 0003 000307
        0003 0028 00000001 00000000 ffffffff 0005 0018 20010db8000000000000000000000009 0000003c
        00000078 0008 0001 07"),
    );
    assert_eq!(
        Shown(&octets).to_string(),
        "RELAY-FORW hops 0 link :: peer :: {RELAY_MSG 60 octets, REQUEST 0x00002a {CLIENTID \
         00:03:07; IA_NA iaid 0x00000001 t1 0 s t2 infinite {IAADDR 2001:db8::9 preferred 60 s \
         valid 120 s}; ELAPSED_TIME malformed (octet 93, RELAY_MSG > ELAPSED_TIME: option-len is \
         1, 2 needed) 07}}"
    );
    let lines = [
        "REQUEST 0x00002a",
        "  CLIENTID 00:03:07",
        "  IA_NA iaid 0x00000001 t1 0 s t2 infinite",
        "    IAADDR 2001:db8::9 preferred 60 s valid 120 s",
    ];
    assert_eq!(format!("{:#}", Shown(&octets[38..93])), lines.join("\n"));
}

/// A relay message of `::` and `::` around `inner`.
fn relayed(msg_type: u8, inner: &[u8]) -> Vec<u8> {
    let mut octets = vec![0; 34];
    octets[0] = msg_type;
    octets.extend(composed(|c| c.option(OptionCode::RELAY_MSG, inner)));
    octets
}

/// WIRE-055: the code of a view is that of its option.
#[test]
fn views_know_their_codes() {
    assert_eq!(<LqQuery<'_> as OptionView<'_>>::CODE, OptionCode::LQ_QUERY);
}

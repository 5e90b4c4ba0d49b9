//! A recorded peer's octets: read, checked, framed at every split, and written back equal.

mod common;

use common::{frames, recorded_streams};
use leasebook_wire::code::{DEFAULT_NESTING_LIMIT, MessageType, OptionCode};
use leasebook_wire::option::{
    AnyOption, ClientData, CltTime, IaAddr, IaPrefix, LqQuery, LqRelayData, validate_message,
};
use leasebook_wire::{Composer, Deframer, Message};

/// WIRE-061, WIRE-062: every split of the recorded streams in two gives the same frames.
#[test]
fn recorded_streams_are_framed_at_every_split() {
    for (name, stream) in recorded_streams(".bin") {
        let whole = frames(&stream);
        // A split in the middle of a long stream is like one near its beginning.
        let splits =
            (0..stream.len().min(3000)).chain(stream.len().saturating_sub(300)..stream.len());
        for at in splits {
            let (first, second) = stream.split_at(at);
            let mut deframer = Deframer::new();
            let mut count = 0;
            for mut input in [first, second] {
                while let Some(frame) = deframer.next(&mut input) {
                    assert_eq!(frame, whole[count], "{name} split at {at}, message {count}");
                    count += 1;
                }
            }
            assert_eq!(
                (count, deframer.finish()),
                (whole.len(), Ok(())),
                "{name} at {at}"
            );
        }
    }
}

/// WIRE-062: the recorded streams, octet by octet, give the same frames.
#[test]
fn recorded_streams_are_framed_octet_by_octet() {
    for (name, stream) in recorded_streams(".bin") {
        let mut deframer = Deframer::new();
        let mut found = Vec::new();
        for octet in stream.chunks(1) {
            let mut input = octet;
            while let Some(frame) = deframer.next(&mut input) {
                found.push(frame.to_vec());
            }
        }
        assert_eq!(found, frames(&stream), "{name}");
    }
}

/// WIRE-063: a recorded stream cut anywhere ends inside a frame, or between two.
#[test]
fn recorded_streams_cut_short_are_told_so() {
    for (name, stream) in recorded_streams(".reply.bin") {
        let mut boundaries = vec![0];
        for frame in frames(&stream) {
            boundaries.push(boundaries.last().unwrap() + 2 + frame.len());
        }
        for end in 0..stream.len().min(2000) {
            let mut deframer = Deframer::new();
            let mut input = &stream[..end];
            while deframer.next(&mut input).is_some() {}
            let is_between = boundaries.contains(&end);
            assert_eq!(deframer.finish().is_ok(), is_between, "{name} cut at {end}");
        }
    }
}

/// WIRE-008, WIRE-027: every option in every recorded message fits its format, at any depth.
#[test]
fn recorded_messages_are_valid() {
    let mut count = 0;
    for (name, stream) in recorded_streams(".bin") {
        for (index, message) in frames(&stream).iter().enumerate() {
            let checked = validate_message(message, DEFAULT_NESTING_LIMIT);
            assert_eq!(checked, Ok(()), "{name}, message {index}");
            count += 1;
        }
    }
    assert!(count > 500, "only {count} messages");
}

/// WIRE-010, WIRE-042: every recorded message, read and written option by option, is the same.
#[test]
fn recorded_messages_are_written_back_equal() {
    for (name, stream) in recorded_streams(".bin") {
        let mut out = Vec::new();
        for octets in frames(&stream) {
            let Ok(Message::Client(message)) = Message::parse(&octets) else {
                panic!("{name} has something else");
            };
            let mut composer = Composer::framed(&mut out, message.msg_type(), message.xid());
            for option in message.options() {
                AnyOption::parse(option)
                    .unwrap()
                    .compose(&mut composer)
                    .unwrap();
            }
            composer.finish().unwrap();
        }
        assert_eq!(out, stream, "{name}");
    }
}

/// WIRE-055, WIRE-056, WIRE-057, WIRE-058: queries and what answers them are read to their leases.
#[test]
fn recorded_queries_and_answers_are_read_to_their_leases() {
    for (name, stream) in recorded_streams(".query.bin") {
        let message = &frames(&stream)[0];
        let message = Message::parse(message).unwrap();
        assert_eq!(message.msg_type(), MessageType::LEASEQUERY);
        let query: LqQuery<'_> = message.options().view().unwrap().unwrap();
        let is_known = query.query_type.is_known();
        assert_eq!(is_known, !name.contains("unknown-query-type"), "{name}");
    }
    let (mut leases, mut chains) = (0, 0);
    for (name, stream) in recorded_streams(".reply.bin") {
        for octets in frames(&stream) {
            let message = Message::parse(&octets).unwrap();
            let Some(data) = message.options().view::<ClientData<'_>>().unwrap() else {
                continue;
            };
            assert!(data.options.contains(OptionCode::CLIENTID), "{name}");
            assert!(data.options.view::<CltTime>().unwrap().is_some(), "{name}");
            leases += data.options.views::<IaAddr<'_>>().flatten().count();
            leases += data.options.views::<IaPrefix<'_>>().flatten().count();
            if let Some(relays) = data.options.view::<LqRelayData<'_>>().unwrap() {
                assert!(relays.chain.link_address().is_some(), "{name}");
                chains += 1;
            }
        }
    }
    assert!(
        leases > 500 && chains > 10,
        "{leases} leases, {chains} chains"
    );
}

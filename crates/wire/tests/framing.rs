//! TCP framing: sizes, ends, bounds.

mod common;

use common::{XID, to_hex};
use leasebook_wire::code::MessageType;
use leasebook_wire::frame::compose_frame;
use leasebook_wire::{Composer, Deframer, Message};

/// WIRE-061: the size is two octets in network order and does not count itself.
#[test]
fn the_size_counts_the_message_only() {
    let mut out = Vec::new();
    compose_frame(&[7; 258], &mut out).unwrap();
    assert_eq!(to_hex(&out[..3]), "010207");
    assert_eq!(out.len(), 260);
}

/// WIRE-062: every size is a frame, 0 and 65535 included, whole or split.
#[test]
fn every_size_is_a_frame() {
    let mut stream = Vec::new();
    let sizes = [0, 1, 3, 4, 0, 255, 256, 65_535, 2];
    for size in sizes {
        compose_frame(&vec![9; size], &mut stream).unwrap();
    }
    for read in [1, 2, 3, 7, 4096, 65_536, stream.len()] {
        let mut deframer = Deframer::new();
        let mut found = Vec::new();
        for mut input in stream.chunks(read) {
            while let Some(frame) = deframer.next(&mut input) {
                found.push(frame.len());
            }
        }
        assert_eq!(found, sizes, "reads of {read}");
    }
}

/// WIRE-063: the end inside a size or a message is an error of the peer, with how far it came.
#[test]
fn the_end_inside_a_frame_is_an_error() {
    let told = |octets: &[u8]| {
        let mut deframer = Deframer::new();
        let mut input = octets;
        while deframer.next(&mut input).is_some() {}
        deframer.finish().map_err(|error| error.to_string())
    };
    assert_eq!(told(&[]), Ok(()));
    assert_eq!(told(&[0, 1, 9]), Ok(()));
    assert_eq!(
        told(&[0, 1, 9, 0]).unwrap_err(),
        "stream ended inside a message size: 1 of 2 octets received"
    );
    assert_eq!(
        told(&[0, 120, 9, 9, 9]).unwrap_err(),
        "stream ended inside a message: 3 of 120 octets received"
    );
    assert_eq!(
        told(&[0, 1]).unwrap_err(),
        "stream ended inside a message: 0 of 1 octets received"
    );
}

/// WIRE-064: frames too short for a message, or with an overrun in it, leave the stream in step.
#[test]
fn malformed_messages_leave_the_stream_in_step() {
    let mut stream = vec![0, 0, 0, 3, 1, 2, 3, 0, 8, 14, 0, 0, 1, 0, 1, 0, 9];
    Composer::framed(&mut stream, MessageType::LEASEQUERY, XID)
        .finish()
        .unwrap();
    let mut input = stream.as_slice();
    let mut deframer = Deframer::new();
    let mut found = Vec::new();
    while let Some(frame) = deframer.next(&mut input) {
        found.push(
            Message::parse(frame)
                .map(|m| m.msg_type())
                .map_err(|e| e.to_string()),
        );
    }
    let expected = [
        Err("octet 0: message is 0 octets, at least 4 needed".to_owned()),
        Err("octet 0: message is 3 octets, at least 4 needed".to_owned()),
        Err("octet 4, CLIENTID: option-len is 9, 0 octets left".to_owned()),
        Ok(MessageType::LEASEQUERY),
    ];
    assert_eq!(found, expected);
}

/// WIRE-065: what does not fit one frame is not written at all.
#[test]
fn a_message_that_does_not_fit_a_frame_is_not_written() {
    let mut out = b"kept".to_vec();
    let error = compose_frame(&vec![0; 65_536], &mut out).unwrap_err();
    assert_eq!(
        error.to_string(),
        "message would be 65536 octets, at most 65535 fit"
    );
    assert_eq!(out, b"kept");
}

/// WIRE-062: a frame that is whole in what was read is handed out where it lies.
#[test]
fn whole_frames_are_not_copied() {
    let stream = [0, 2, 7, 8, 0, 1, 9, 0];
    let mut input = &stream[..];
    let mut deframer = Deframer::new();
    let first = deframer.next(&mut input).unwrap().as_ptr();
    assert_eq!(first, stream[2..].as_ptr());
    let second = deframer.next(&mut input).unwrap().as_ptr();
    assert_eq!(second, stream[6..].as_ptr());
    assert!(!deframer.is_in_frame());
    assert_eq!(deframer.next(&mut input), None);
    assert!(deframer.is_in_frame() && input.is_empty());
}

//! However a stream is cut into reads, its frames are the same, and no more is held than one frame.
//!
//! Seeds: frames
#![no_main]

use leasebook_wire::Deframer;
use libfuzzer_sys::fuzz_target;

/// The longest stream that is cut at every octet, which takes the square of its length.
const CUT_EVERYWHERE_OCTETS: usize = 600;

fuzz_target!(|stream: &[u8]| {
    let whole = frames(&[stream]);
    assert_eq!(whole.0, expected(stream));
    let octets: Vec<&[u8]> = stream.chunks(1).collect();
    assert!(frames(&octets) == whole, "octet by octet");
    for size in [2, 3, 7, 100] {
        let reads: Vec<&[u8]> = stream.chunks(size).collect();
        assert!(frames(&reads) == whole, "reads of {size}");
    }
    for at in 0..=stream.len().min(CUT_EVERYWHERE_OCTETS) {
        let (first, second) = stream.split_at(at);
        assert!(frames(&[first, second]) == whole, "cut at {at}");
        assert!(
            frames(&[first, &[], second]) == whole,
            "cut at {at} with an empty read"
        );
    }
});

/// The frames of a stream that comes in these reads, and how it ends.
fn frames(reads: &[&[u8]]) -> (Vec<Vec<u8>>, Option<(usize, Option<usize>)>) {
    let mut deframer = Deframer::new();
    let mut frames = Vec::new();
    for read in reads {
        let mut input = *read;
        while let Some(frame) = deframer.next(&mut input) {
            frames.push(frame.to_vec());
        }
        assert!(input.is_empty(), "octets were left in the read");
    }
    let end = deframer.finish().err();
    (frames, end.map(|error| (error.received, error.size)))
}

/// The same, by the plainest code there is.
fn expected(mut stream: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let [high, low, rest @ ..] = stream {
        let size = usize::from(*high) * 256 + usize::from(*low);
        let Some(message) = rest.get(..size) else {
            break;
        };
        frames.push(message.to_vec());
        stream = &rest[size..];
    }
    frames
}

//! The monotonic clock of the state machines: no sum or difference panics, and time never runs back.
#![no_main]

use std::time::Duration;

use leasebook_protocol::time::Mono;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, u64, u64)| {
    let (at, wait_secs, earlier) = input;
    let start = Mono(at);
    let later = start.after(Duration::from_secs(wait_secs));
    assert!(
        later >= start,
        "waiting went back from {start:?} to {later:?}"
    );
    assert_eq!(later.since(later), Duration::ZERO);
    assert!(start.since(Mono(earlier)) <= Duration::from_nanos(at));
});

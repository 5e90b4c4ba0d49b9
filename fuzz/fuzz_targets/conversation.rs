//! Whole conversations of clients and relays with a server: no lease has two holders, none that was promised is lost, every answer fits its message, and Leasequery tells what the book holds.
#![no_main]

use leasebook_fuzz::plan::Plan;
use leasebook_fuzz::talk::Talk;
use libfuzzer_sys::fuzz_target;

/// Steps after which nothing new can happen that did not before.
const STEPS: usize = 80;

fuzz_target!(|octets: &[u8]| {
    let mut plan = Plan::new(octets);
    let mut talk = Talk::new();
    for _ in 0..STEPS {
        if plan.is_over() {
            break;
        }
        match plan.below(16) {
            0..=8 => talk.burst(&mut plan),
            9 | 10 => talk.site.wait(plan.seconds()),
            11 => talk.restart(),
            12 => talk.reclaim(),
            _ => talk.ask(&mut plan),
        }
        talk.check();
    }
});

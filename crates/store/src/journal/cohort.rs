//! Threads that wait together, woken together.
//!
//! Sixty threads that wait each at a place of its own take sixty system calls to be woken, and
//! on two processors those calls were what a commit took longest for. Here one call wakes all,
//! and each then looks whether there is something for it.

use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::futex;

/// A place where threads wait for an answer, or to be the one who leads.
///
/// The word counts in steps of [`STEP`] how often they were to look; its lowest bit says that
/// the lead is to be taken. A thread sleeps only while the word is what it was before it looked,
/// so it misses nothing.
#[derive(Debug, Default)]
pub(super) struct Cohort(AtomicU32);

/// The lead is there for whoever takes it.
const LEAD: u32 = 1;

const STEP: u32 = 2;

impl Cohort {
    /// Waits until `answer` has one, or for the lead: `None`.
    pub(super) fn wait<T>(&self, answer: impl Fn() -> Option<T>) -> Option<T> {
        loop {
            let seen = self.0.load(Ordering::Acquire);
            if let Some(answer) = answer() {
                return Some(answer);
            }
            if seen & LEAD == 0 {
                // Woken, interrupted or too late to sleep: in any case it is time to look.
                let _ = futex::wait(&self.0, futex::Flags::PRIVATE, seen, None);
                continue;
            }
            let taken =
                self.0
                    .compare_exchange(seen, seen & !LEAD, Ordering::Acquire, Ordering::Relaxed);
            if taken.is_ok() {
                return None;
            }
        }
    }

    /// Lets all look for their answers.
    pub(super) fn look(&self) {
        self.0.fetch_add(STEP, Ordering::Release);
        let _ = futex::wake(&self.0, futex::Flags::PRIVATE, ALL);
    }

    /// Lets one of them lead.
    pub(super) fn lead(&self) {
        self.0.fetch_or(LEAD, Ordering::Release);
        let _ = futex::wake(&self.0, futex::Flags::PRIVATE, 1);
    }
}

/// As many threads as there can be: the kernel takes the number as signed.
const ALL: u32 = i32::MAX as u32;

//! Whatever is appended, and wherever power or an octet goes: all that was acknowledged is replayed, or damage is told; nothing else ever is.
#![no_main]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use leasebook_fuzz::plan::Plan;
use leasebook_store::journal::{Batch, Journal, JournalError, Place, fuzz};
use leasebook_store::storage::{Fault, SimulatedDisk};
use libfuzzer_sys::fuzz_target;

const SEGMENT_OCTETS: u64 = 1500;

fuzz_target!(|octets: &[u8]| {
    fuzz::replay_image(octets);
    let mut plan = Plan::new(octets);
    let disk = SimulatedDisk::new();
    let power_goes_at = u64::from(plan.octet());
    disk.fault_at(power_goes_at, Fault::PowerLoss);
    let ran = run(&disk, &mut plan);
    if !ran.was_created {
        return;
    }
    let after = match plan.below(3) {
        0 => disk.after_kill(),
        _ => disk.after_power_loss(u64::from(plan.octet())),
    };
    let (replayed, _) = replay(&after, &ran).expect("a crash is no damage");
    assert!(
        replayed >= ran.acknowledged,
        "{replayed} of {}",
        ran.acknowledged
    );
    // What was replayed once is durable: the next start has it too.
    let again = replay(&after.after_kill(), &ran).expect("a crash is no damage");
    assert_eq!(again, (replayed, false));
    flip(&after, &ran, &mut plan);
});

#[derive(Default)]
struct Ran {
    was_created: bool,
    payloads: Vec<Vec<u8>>,
    acknowledged: usize,
}

fn run(disk: &SimulatedDisk, plan: &mut Plan<'_>) -> Ran {
    let mut ran = Ran::default();
    let Ok(mut journal) = Journal::create(place(disk)) else {
        return ran;
    };
    ran.was_created = true;
    for _ in 0..1 + plan.below(12) {
        let mut batch = Batch::new();
        for _ in 0..1 + plan.below(3) {
            // Long ones cross sectors and segments.
            let mut payload = plan.piece().to_vec();
            payload.resize(payload.len() * (1 + plan.below(8)), 0);
            batch.push(&payload).expect("short");
            ran.payloads.push(payload);
        }
        let appended = journal.append(&mut batch);
        if appended.and_then(|_| journal.sync()).is_err() {
            return ran;
        }
        ran.acknowledged = ran.payloads.len();
    }
    ran
}

/// Opens what is left: how many payloads are replayed, each at its place, and whether a torn end
/// was cut.
fn replay(disk: &SimulatedDisk, ran: &Ran) -> Result<(usize, bool), JournalError> {
    let mut count = 0;
    let opened = Journal::open(place(disk), 0, &mut |seq, payload| {
        assert_eq!(seq, count as u64 + 1);
        assert_eq!(payload, ran.payloads[count], "change {seq}");
        count += 1;
        Ok(())
    })?;
    Ok((count, opened.torn.is_some()))
}

/// One octet of the first segment rots: all is still there, or that something is not is told.
fn flip(disk: &SimulatedDisk, ran: &Ran, plan: &mut Plan<'_>) {
    let first = Path::new("/data/journal").join(format!("{:020}.journal", 1));
    let Some(mut image) = disk.octets(&first) else {
        return;
    };
    let at = usize::from(plan.number()) % image.len();
    image[at] ^= plan.octet().max(1);
    disk.put(&first, image);
    if let Ok((count, was_cut)) = replay(disk, ran) {
        assert!(count >= ran.acknowledged || was_cut, "octet {at}");
    }
}

fn place(disk: &SimulatedDisk) -> Place {
    Place {
        disk: Arc::new(disk.clone()),
        dir: PathBuf::from("/data/journal"),
        book: 0x0123_4567_89ab_cdef,
        segment_octets: SEGMENT_OCTETS,
    }
}

//! Any octets as a Kea lease file: every octet is accounted for, lines rise, relay data can be read, and it does not matter in what pieces the file is read.
//!
//! Seeds: lease-files
#![no_main]

use leasebook_leasefile::fuzz;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    fuzz::kea_csv(octets);
    fuzz::kea_escape(octets);
});

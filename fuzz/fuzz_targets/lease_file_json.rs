//! Any octets as JSON lines: what is read, written and read again is the same binding.
//!
//! Seeds: json-files
#![no_main]

use leasebook_leasefile::fuzz;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| fuzz::json_lines(octets));

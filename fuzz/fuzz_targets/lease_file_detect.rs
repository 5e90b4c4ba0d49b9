//! Any file is judged by its beginning alone, white space before it does not count, and the reader of the format found takes it or says what is wrong with its header.
//!
//! Seeds: lease-files isc-files json-files configs
#![no_main]

use leasebook_leasefile::fuzz;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| fuzz::detect(octets));

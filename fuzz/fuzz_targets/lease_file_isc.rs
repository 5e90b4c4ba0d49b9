//! Any octets as ISC dhcpd's lease file: every octet is accounted for, and it does not matter in what pieces the file is read.
//!
//! Seeds: isc-files
#![no_main]

use leasebook_leasefile::fuzz;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| fuzz::isc_leases(octets));

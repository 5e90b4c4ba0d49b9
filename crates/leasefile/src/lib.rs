//! Lease files and configurations of other DHCPv6 servers.
//!
//! | module | its room |
//! |---|---|
//! | [`row`] | one lease, whatever file it comes from |
//! | [`problem`] | what is wrong with a file, with file, line and column |
//! | [`kea`] | Kea's memfile CSV, and the files its cleanup leaves |
//!
//! Nothing here knows the store's engine, sockets or a clock. Readers take anything that
//! is [`std::io::Read`] and never panic, whatever the octets.
#![forbid(unsafe_code)]

pub mod detect;
pub mod fuzz;
pub mod generate;
pub mod isc;
pub mod json_lines;
pub mod kea;
pub mod kea_config;
pub mod last_rows;
pub mod lease_files;
mod lines;
pub mod problem;
pub mod row;
mod text;

pub use detect::Format;
pub use isc::IscReader;
pub use json_lines::JsonLinesReader;
pub use kea::KeaReader;
pub use kea::file_set::kea_file_set;
pub use lease_files::{LeaseFiles, Rows, Scan};
pub use problem::{Effect, Fault, Problem, ReadError, RelayFault, Report};
pub use row::{HardwareAddress, LeaseRow, LinkHint};

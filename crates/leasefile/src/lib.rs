//! Lease files and configurations of other DHCPv6 servers.
//!
//! | module | its room |
//! |---|---|
//! | [`lease_files`] | an import's files: which there are, and the rows of them that count |
//! | [`last_rows`] | which rows of a log are the last of their lease, in little memory |
//! | [`row`] | one lease, whatever file it comes from |
//! | [`problem`] | what is wrong with a file, with file, line and column |
//! | [`detect`] | the format of a file by its beginning |
//! | [`kea`] | Kea's memfile CSV, and the files its cleanup leaves |
//! | [`isc`] | ISC dhcpd's `dhcpd6.leases` |
//! | [`json_lines`] | leasebook's own format, to export and import without loss |
//! | [`kea_config`] | Kea's configuration, and leasebook.toml from it |
//! | [`generate`] | made-up Kea files of any size |
//! | [`fuzz`] | each parser as a function of octets |
//! | `lines`, `text` | lines of a file; numbers, addresses and octets as text |
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

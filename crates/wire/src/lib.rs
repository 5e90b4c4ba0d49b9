//! DHCPv6 messages, options, DUIDs and TCP framing.
#![forbid(unsafe_code)]
pub mod code;
pub mod duid;
pub mod options;
pub use duid::Duid;

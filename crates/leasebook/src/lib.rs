//! The leasebook daemon and command line.
//!
//! | module | its job |
//! |---|---|
//! | [`config`] | `leasebook.toml`, read, judged and resolved |
//! | [`duid`] | DUIDs as people write them |
//! | [`exit`] | the exit codes |
//! | [`identity`] | the server's own DUID, made once and kept |
//! | [`text`] | hex, times and near-misses, as people write them |
#![forbid(unsafe_code)]

pub mod config;
pub mod duid;
pub mod exit;
pub mod identity;
pub mod text;

//! The leasebook daemon and command line.
//!
//! | module | its job |
//! |---|---|
//! | [`book`](mod@book) | opening the book of a data directory |
//! | [`cli`] | the command line: one file for each command |
//! | [`config`] | `leasebook.toml`, read, judged and resolved |
//! | [`duid`] | DUIDs as people write them |
//! | [`entropy`](mod@entropy) | transaction-ids that nobody can predict |
//! | [`exit`] | the exit codes |
//! | [`identity`] | the server's own DUID, made once and kept |
//! | [`import`] | other servers' leases into the book |
//! | [`log`] | events with stable ids, on standard error |
//! | [`metrics`] | counters for Prometheus |
//! | [`page`] | what is shown of the book, by the command or the running server |
//! | [`query`] | asking servers: the requestor's sockets and output |
//! | [`reboot`] | a relay that loses its power, for the demonstration and benchmarks |
//! | [`relay`] | the relay: sockets, netlink, clocks and signals around its machine |
//! | [`sample`] | made-up bindings for the demonstration and benchmarks |
//! | [`serve`] | the server: sockets, clocks and signals around the machines |
//! | [`show`] | results as table, JSON, CSV and routes |
//! | [`signal`] | stop and reload |
//! | [`systemd`] | what the service manager is told |
//! | [`text`] | hex, times and near-misses, as people write them |
#![forbid(unsafe_code)]
// They end the program where the reader is gone or the disk full; `cli` has `say!` and `note!`.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod book;
pub mod cli;
mod clock;
pub mod config;
pub mod control;
pub mod duid;
pub mod entropy;
pub mod exit;
pub mod identity;
pub mod import;
pub mod log;
pub mod metrics;
pub mod page;
pub mod query;
pub mod reboot;
pub mod relay;
pub mod sample;
pub mod serve;
pub mod show;
pub mod signal;
pub mod systemd;
pub mod text;

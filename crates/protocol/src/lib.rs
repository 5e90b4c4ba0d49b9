//! DHCPv6 machines without I/O.
//!
//! | module | its room |
//! |---|---|
//! | [`leasequery`] | answers queries: judges them, composes replies, runs a connection |
//! | [`links`] | the configured links, and which of them an address means |
//! | [`rate`] | how often one sender is heard |
//! | [`relay`] | the delegating relay: what it passes on, learns, and recovers |
//! | [`requestor`] | asks servers in bulk, judges and joins what they tell |
//! | [`server`] | the DHCPv6 server: who gets which lease, and what is answered |
//! | [`time`] | the instant handed to every machine: monotonic and wall clock, never mixed |
//!
//! No machine here opens a socket, reads a clock, starts a thread or draws a random
//! number: octets, time and entropy come in as arguments, effects go out as actions.
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::cast_possible_truncation
    )
)]

pub mod leasequery;
pub mod links;
pub mod rate;
pub mod relay;
pub mod requestor;
pub mod server;
pub mod time;

pub use time::{Mono, Now};

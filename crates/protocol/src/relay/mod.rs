//! The delegating relay: what it passes on, what it learns, what it gets back after a restart.
//!
//! | module | its room |
//! |---|---|
//! | [`config`] | what the relay is set to |
//! | [`ports`] | the client-facing interfaces there are now |
//! | [`forward`] | from a client to the servers: RELAY-FORW |
//! | [`back`] | from a server to a client: RELAY-REPL |
//! | [`lightweight`] | the relay in a bridge, without an address of its own |
//! | `limit` | how often clients are heard |
//! | [`learn`] | what a REPLY grants, and what a RELEASE gives back |
//! | [`table`] | the delegations, whose they are and when they end |
//! | [`refuse`] | prefixes that are never routed |
//! | `released` | what was given back a moment ago |
//! | [`place`] | next hop and interface out of a chain of relays |
//! | [`cache`] | what is kept on disk of the delegations, and comes back from there |
//! | [`claim`] | what becomes of a lease that a server tells on recovery |
//! | [`reconcile`] | what the kernel lacks, and has too much |
//! | [`recovery`] | asking one server for everything, and again where it is doubtful |
//! | `rehearsal` | a recovery that changes nothing, compared with what is routed |
//! | [`machine`] | all of it together |
//!
//! ```text
//!  datagram ──► Relay ──► Outbox (what to send)
//!  claim ─────►   │  ───► RouteChange (what the kernel is to have)
//!  time ──────►   │  ───► Notice (what the operator may want to know)
//! ```
//!
//! Time is the monotonic clock only: nothing depends on the relay's clock being right
//! (RELAY-082).

pub mod back;
pub mod cache;
pub mod claim;
pub mod config;
pub mod forward;
pub mod learn;
pub mod lightweight;
mod limit;
pub mod machine;
pub mod notice;
pub mod place;
pub mod ports;
pub mod reconcile;
pub mod recovery;
pub mod refuse;
mod rehearsal;
mod released;
pub mod table;

pub use cache::Kept;
pub use claim::{Doubt, Pending};
pub use config::{Config, Limits, RemoteIdText};
pub use forward::RSOO_ENABLED;
pub use machine::{Heard, Outbox, Relay};
pub use notice::{Dropped, Notice};
pub use ports::{Port, PortNo, Ports};
pub use recovery::{Phase, ServerRecovery};
pub use refuse::Unroutable;
pub use rehearsal::Rehearsal;
pub use table::{Delegation, NextHop, RouteChange, Source, Standing, Table};

#[cfg(test)]
mod tests;

//! The Bulk Leasequery requestor: asks servers what they have leased.
//!
//! | module | its room |
//! |---|---|
//! | [`config`] | timers, retries, identity, what is asked for |
//! | [`ask`] | the five questions and their octets |
//! | [`connection`] | the machine of one server: connecting, asking, judging, retrying |
//! | [`event`] | its inputs, actions and events |
//! | [`claim`] | one CLIENT_DATA read into leases |
//! | [`deviation`] | what servers do wrong, counted by kind |
//! | [`error`] | why a query did not end well |
//! | [`outcome`] | what came of one server |
//! | [`udp`] | the machine of one server that is asked by single datagrams |
//! | [`reconcile`] | leases of several messages and servers, joined |
//!
//! A reply is a stream of claims by a peer that may err. It is read without copying:
//! events borrow the octets handed in, and memory does not grow with the reply
//! (BLQ-R-022). Whoever wants all of it joined collects it himself.
//!
//! ```text
//!   ask ──► Connection ──► poll: connect, send, close
//!              ▲   │
//!  octets, time┘   └────► sink: Binding, Ended, Interrupted, Deviation
//! ```

pub mod ask;
pub mod claim;
pub mod config;
pub mod connection;
pub mod deviation;
pub mod error;
pub mod event;
mod judge;

pub mod outcome;
pub mod reconcile;
mod retry;
pub mod udp;

pub use ask::{Ask, AskError, Question};
pub use claim::{Claim, ClaimedLease};
pub use config::{Config, MAX_PIPELINED, MAX_WAITING, Timers};
pub use connection::{Connection, Entropy};
pub use deviation::{Deviation, Deviations, Reaction};
pub use error::Cause;
pub use event::{Action, Binding, Ending, Event, Input, QueryId, Tally};
pub use outcome::{Account, Outcome};
pub use reconcile::{Joined, JoinedLease, Reconciler, Server};
pub use udp::{UdpInput, UdpRequestor, UdpTimers};

#[cfg(test)]
mod tests;

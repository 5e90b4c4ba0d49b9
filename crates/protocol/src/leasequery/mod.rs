//! The responder of Leasequery: judges queries and composes their answers.
//!
//! | module | its room |
//! |---|---|
//! | [`admission`] | which connections are let in, which give way |
//! | [`config`] | identity, who may ask what, limits, timers |
//! | [`connection`] | the machine of one TCP connection: framing, turns, timers, closing |
//! | [`event`] | what a connection tells its shell |
//! | [`judge`] | one message: drop, refuse, or answer; for TCP and UDP alike |
//! | [`relayed`] | the way back through relays, on UDP |
//! | [`reply`] | REPLY, DATA, DONE and CLIENT_DATA, from templates where possible |
//! | `template` | frames of the book made true |
//! | [`udp`] | one datagram: individual Leasequery |
//!
//! Source: RFC 5007 §4, RFC 5460 §5 to §7, group BLQ-S of the requirements.

pub mod admission;
pub mod config;
pub mod connection;
pub mod event;
pub mod judge;
pub mod relayed;
pub mod reply;
mod template;
#[cfg(test)]
mod tests;
pub mod udp;
mod work;

pub use admission::{Admission, ConnectionId, Verdict};
pub use config::Config;
pub use connection::{Connection, FillState};
pub use event::{CloseReason, Event, Outcome, QueryDone};
pub use judge::{Dropped, Judge, Judgement, Prepared, Refusal};
pub use reply::{Recipient, Replier};
pub use udp::{LeftOut, Relayed, UdpAnswer, UdpDropped, UdpOutcome, UdpResponder, UdpSettings};

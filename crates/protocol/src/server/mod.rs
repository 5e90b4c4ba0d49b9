//! The DHCPv6 server: messages of clients in, leases and answers out (RFC 8415).
//!
//! ```text
//!  datagram ─► admit ─► place ─► classify ─► exchange ─► compose ─► Batch ─► commit ─► send
//!              RFC 8415  which    classes,    which       the reply,
//!              §16       link     reservation leases      wrapped for its relays
//! ```
//!
//! A [`Batch`] collects what a burst of datagrams changes and answers: whoever drives the
//! server commits the changes in one piece and only then sends the replies that tell of them
//! (DHCP-S-039). Later datagrams see what earlier ones changed, also while that is on its way to
//! the disk.
//!
//! | module | its room |
//! |---|---|
//! | [`batch`] | what a burst of datagrams changes and answers |
//! | [`config`] | what the server is set to |
//! | [`pool`] | which leases are free |
//! | `machine` | the server: a datagram in, changes and a reply out |
//! | `admit` | which messages are heard at all |
//! | `place` | which link a client is on |
//! | `classify` | its classes and reservations |
//! | `known` | the same, by what the book has of it |
//! | `exchange` | one message, decided |
//! | `asked` | what a message asks for |
//! | `grant` | which leases an IA gets |
//! | `choose` | which free leases one that gets new ones is given |
//! | `holders` | whether a lease is free for an IA |
//! | `offers` | what was offered and is kept for a while |
//! | `ends` | when declined and registered addresses are free again |
//! | `answer` | composing what the client is told |
//! | `wrap` | sending back the way it came |
//! | `key` | the key by which clients know a RECONFIGURE to be ours |
//! | `reconfigure` | telling clients to ask anew |
//! | `changes` | bindings as they are to be, before the store has them |
//! | `outcome` | what became of a datagram, by name |

mod admit;
mod answer;
mod asked;
pub mod batch;
mod changes;
mod choose;
mod classify;
pub mod config;
mod ends;
mod exchange;
mod grant;
mod holders;
mod key;
mod known;
mod machine;
mod offers;
mod outcome;
mod place;
pub mod pool;
mod reconfigure;
#[cfg(test)]
mod tests;
mod wrap;

use leasebook_wire::code::MessageType;

pub use batch::{Answers, Arrival, Batch, Reply};
pub use config::Config;
pub use known::Known;
pub use machine::{Notice, Server};
pub use outcome::{Did, Dropped, Outcome};
pub use reconfigure::NotTold;

/// A client tells of an address it made itself (RFC 9686 §4.2).
pub const ADDR_REG_INFORM: MessageType = MessageType(36);

/// The answer to that (RFC 9686 §4.3).
pub const ADDR_REG_REPLY: MessageType = MessageType(37);

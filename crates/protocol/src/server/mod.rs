//! The DHCPv6 server: messages of clients in, leases and answers out (RFC 8415).
//!
//! ```text
//!  datagram ─► admit ─► place ─► classify ─► exchange ─► compose ─► Batch ─► commit ─► send
//!              RFC 8415  which    classes,    which       the reply,
//!              §16       link     reservation leases      wrapped for its relays
//! ```
//!
//! A [`Batch`] collects what a burst of datagrams changes and answers: whoever drives the
//! server commits the changes in one piece and only then sends the replies (DHCP-S-039).
//! Later datagrams of a batch see what earlier ones changed.
//!
//! | module | its room |
//! |---|---|
//! | [`batch`] | what a burst of datagrams changes and answers |
//! | [`config`] | what the server is set to |

pub mod batch;
pub mod config;

pub use batch::{Arrival, Batch, Reply};
pub use config::Config;

//! DHCPv6 and Leasequery over UDP: one thread that takes bursts off its sockets.
//!
//! ```text
//!  sockets ──► burst ──► server (decides) ──► batch ──► one commit ──► replies
//!                 └────► responder (LEASEQUERY) ─┘
//! ```
//!
//! | module | its room |
//! |---|---|
//! | `service` | the thread: bursts in, one commit, replies out |
//! | `socket` | a UDP socket that tells where datagrams came in, and takes many at once |
//! | `interfaces` | interfaces that come and go, and their multicast groups |
//! | `packets` | the packet log |
//! | `pools` | pools that fill |
//! | `recall` | telling clients to ask anew |
//! | `query` | Leasequery over UDP |
//! | `setup` | what the thread is set to |
//! | `tally` | counters |
//! | `ways` | by which listener who asked nothing is told |

mod interfaces;
mod packets;
mod pools;
mod query;
mod recall;
mod service;
mod setup;
pub(crate) mod socket;
mod tally;
mod ways;

pub(super) use service::UdpService;
pub(super) use setup::Setup;
pub(crate) use socket::{Listener, UdpError};

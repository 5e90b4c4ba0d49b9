//! DHCPv6 and Leasequery over UDP: one thread that takes bursts off its sockets and decides, and one
//! that commits what was decided meanwhile.
//!
//! ```text
//!                                             ┌─────► what promises nothing ─────► sockets
//!  sockets ──► burst ──► server (decides) ──► batch ──► commit ──► the rest ─────► sockets
//!                 └────► responder (LEASEQUERY) ─┘     (its own thread)
//! ```
//!
//! | module | its room |
//! |---|---|
//! | `service` | the service as the daemon holds it |
//! | `worker` | the thread: bursts in, decisions, replies out |
//! | `commits` | commits: by a thread of their own, or at once where that is quick |
//! | `outbox` | replies that leave at once, and those that wait for a commit |
//! | `learning` | telling the server which leases are taken |
//! | `operator` | what operators ask and are told |
//! | `wait` | waiting for what comes next |
//! | `socket` | a UDP socket that tells where datagrams came in, and takes many at once |
//! | `interfaces` | interfaces that come and go, and their multicast groups |
//! | `packets` | the packet log |
//! | `pools` | pools that fill |
//! | `recall` | telling clients to ask anew |
//! | `query` | Leasequery over UDP |
//! | `setup` | what the thread is set to |
//! | `tally` | counters |
//! | `ways` | by which listener who asked nothing is told |

mod commits;
mod interfaces;
mod learning;
mod operator;
mod outbox;
mod packets;
mod pools;
mod query;
mod recall;
mod service;
mod setup;
pub(crate) mod socket;
mod tally;
mod wait;
mod ways;
mod worker;

pub(super) use service::UdpService;
pub(super) use setup::Setup;
pub(crate) use socket::{Listener, UdpError};

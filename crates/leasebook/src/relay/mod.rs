//! `leasebook relay`: sockets, netlink, clocks and signals around the relay's machine.
//!
//! ```text
//!  clients, servers ──► datagrams (thread) ─┐            ┌─► keeper (thread) ──► kernel routes
//!  servers, in bulk ──► recover (tasks) ────┼─► relay ───┤
//!  operator ──────────► control (tasks) ────┘  (shared)  └─► log, counters
//!  kernel's changes ──► watch (thread) ──► daemon: interfaces looked at, routes held
//! ```
//!
//! | module | its room |
//! |---|---|
//! | `control` | the socket on which `leasebook relay status` and the like ask |
//! | `daemon` | the process: start, signals, changes in the kernel, stop |
//! | `datagrams` | the thread that hears clients and servers |
//! | `filter` | rules of nftables for what customers send |
//! | `error` | why the relay does not run |
//! | `keep` | the delegations on disk |
//! | `keeper` | the thread that keeps the kernel's routes |
//! | `kernel` | netlink |
//! | `lightweight` | the relay of the ports of a bridge |
//! | `link_layer` | clients' link-layer addresses, from their frames |
//! | `order` | what connections of the control socket have the daemon do |
//! | `ports` | from the system's interfaces to the relay's ports |
//! | `progress` | when recoveries begin, and how far they are |
//! | `recover` | asking servers for everything |
//! | `reload` | SIGHUP |
//! | `report` | what the daemon tells of itself |
//! | `servers` | where messages are relayed to |
//! | `shared` | the machine, and what comes out of it |
//! | `sockets` | on which clients and servers are heard |
//! | `status` | what the control socket tells |

pub(crate) mod control;
mod daemon;
mod datagrams;
mod error;
mod filter;
mod keep;
mod keeper;
pub(crate) mod kernel;
mod lightweight;
mod link_layer;
mod order;
mod ports;
mod progress;
mod recover;
mod reload;
mod report;
mod servers;
mod shared;
mod sockets;
pub(crate) mod status;

pub use daemon::run;
pub use error::RelayError;

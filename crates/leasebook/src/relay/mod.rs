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
//! | `error` | why the relay does not run |
//! | `keeper` | the thread that keeps the kernel's routes |
//! | `kernel` | netlink |
//! | `order` | what connections of the control socket have the daemon do |
//! | `ports` | from the system's interfaces to the relay's ports |
//! | `recover` | asking servers for everything |
//! | `servers` | where messages are relayed to |
//! | `shared` | the machine, and what comes out of it |
//! | `status` | what the control socket tells |

pub(crate) mod control;
mod daemon;
mod datagrams;
mod error;
mod keeper;
pub(crate) mod kernel;
mod order;
mod ports;
mod recover;
mod servers;
mod shared;
pub(crate) mod status;

pub use daemon::run;
pub use error::RelayError;

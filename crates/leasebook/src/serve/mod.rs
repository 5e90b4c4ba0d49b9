//! `leasebook serve`: sockets, clocks and signals around the machines.
//!
//! ```text
//!  listener ──► admission ──► a task per connection: machine ◄─► book (mapped, never waits)
//!     ▲                            ▲
//!     └──────── server ────────────┘ settings, stop                    checkpoints (thread)
//!                  ▲
//!               signals, service manager
//! ```
//!
//! | module | its room |
//! |---|---|
//! | `connection` | one connection: octets in, octets out, time |
//! | `checkpoint` | bringing changes into the ledger while the server runs |
//! | `desk` | what operators ask where there is no DHCPv6 |
//! | `listen` | sockets |
//! | `process` | the daemon: files, signals, the service manager |
//! | `registry` | the open connections |
//! | `runtime` | the threads that stream |
//! | `seldom` | events that strangers cause, told once a minute |
//! | `server` | the service: listeners, connections, reload, stop |
//! | `settings` | from the configuration to what the machines are set to |

mod checkpoint;
mod connection;
mod desk;
mod listen;
mod process;
mod registry;
mod runtime;
mod seldom;
mod server;
mod settings;
pub(crate) mod udp;

pub use process::{ServeError, Start, run};
pub use runtime::{THREADS, runtime};
pub(crate) use seldom::Seldom;
pub use server::Server;
pub(crate) use settings::links;

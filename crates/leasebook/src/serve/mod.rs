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
//! | `listen` | sockets |
//! | `server` | start, reload, stop |
//! | `settings` | from the configuration to what the machines are set to |

mod checkpoint;
mod connection;
mod listen;
mod server;
mod settings;

pub use server::{ServeError, Server, run};
pub(crate) use settings::links;

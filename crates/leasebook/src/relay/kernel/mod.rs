//! The kernel's side: routes, interfaces, and what others change there.
//!
//! | module | its room |
//! |---|---|
//! | `socket` | netlink: requests in batches, dumps, notifications |
//! | `routes` | our routes: set, dropped, read back, held equal to the wanted ones |
//! | `interfaces` | interfaces and their addresses |
//! | `watch` | a thread that tells of changes by others |

mod interfaces;
mod routes;
mod socket;
mod watch;

pub(crate) use interfaces::{Interface, interfaces};
pub(crate) use routes::{Failed, Marks, Routes};
pub(crate) use socket::{Netlink, messages};
pub(crate) use watch::{Change, ENOBUFS, watch};

//! Lease files of ISC dhcpd, DHCPv6: `dhcpd6.leases`.
//!
//! The file is a log of identity associations:
//! ```text
//! authoring-byte-order little-endian;
//! server-duid "\000\001...";
//! ia-na "\001\000\000\000\000\003\000\001..." {
//!   cltt 3 2026/01/14 10:01:02;
//!   iaaddr 2001:db8::1 {
//!     binding state active;
//!     preferred-life 27000;
//!     max-life 43200;
//!     ends 3 2026/01/14 22:01:02;
//!   }
//! }
//! ```
//! The string is the IAID, four octets in the byte order of the machine that wrote the
//! file, and the client's DUID. A later block of the same kind, IAID and DUID replaces the
//! earlier one with all its leases; a later block that has an address takes it from the
//! earlier one. Times are UTC; `epoch N` and `never` occur too. The file says nothing of
//! links or relays.
//!
//! | module | its room |
//! |---|---|
//! | `tokens` | words, strings and braces with their lines |
//! | `block` | one identity association |
//! | `time` | dates |
//! | `reader` | the file |

mod block;
mod reader;
mod time;
mod tokens;

pub use reader::IscReader;

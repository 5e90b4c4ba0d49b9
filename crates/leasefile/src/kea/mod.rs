//! Lease files of Kea's memfile backend (DHCPv6).
//!
//! | module | its room |
//! |---|---|
//! | `columns` | the header: which column holds what |
//! | [`escape`] | how Kea hides commas |
//! | `row` | one row |
//! | `relay_info` | the relays in a row's user context |
//! | `reader` | a whole file |
//! | [`file_set`] | the files that lease file cleanup leaves beside it |

mod columns;
pub mod escape;
pub mod file_set;
mod reader;
mod relay_info;
mod row;

pub use columns::KNOWN_COLUMNS;
pub use reader::KeaReader;
pub(crate) use relay_info::MAX_RELAYS;

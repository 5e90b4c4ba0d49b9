//! The book of bindings.
//!
//! | module | its room |
//! |---|---|
//! | [`binding`] | what a binding, a lease and relay data are, decoded |
//! | [`record`] | the same encoded, ready to be sent |
//! | [`journal`] | the durable, ordered log of changes |
//! | [`key`] | where a record stands, so that queries are ranges |
//! | [`query`] | what can be asked, cursors, runs of records |
//! | [`lease_store`] | the interface of every engine, its changes and errors |
//! | [`book`] | the durable engine: journal, overlays, ledger |
//! | [`memory`] | the engine in memory: the model for tests |
//! | [`storage`] | file operations behind a trait, and a disk that can fail |
//!
//! Nothing here knows sockets, messages beyond the record's template, or a clock.
#![deny(unsafe_code)]

mod ahead;
mod beginning;
pub mod binding;
mod block;
pub mod book;
mod hash;
mod index;
pub mod journal;
pub mod key;
pub mod lease_store;
mod ledger;
mod lock;
pub mod memory;
mod overlay;
pub mod query;
pub mod record;
mod short;
pub mod storage;

pub use binding::{Binding, IaKind, Lease, LeaseName, LeaseState, LinkId, RelayData};
pub use book::{Book, BookOptions, Recovery};
pub use lease_store::{Change, LeaseStore, Stats, StoreError};
pub use memory::MemoryStore;
pub use query::{Cursor, Flow, Links, Progress, Query, Run, Selector};
pub use record::{Record, RecordView};

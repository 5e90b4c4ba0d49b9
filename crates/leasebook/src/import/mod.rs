//! Bringing the leases of other servers into the book.
//!
//! | module | its room |
//! |---|---|
//! | [`group`] | from rows, one a lease, to bindings, one a client and link |

pub mod group;

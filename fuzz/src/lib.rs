//! What the fuzz targets share.
//!
//! | module | its room |
//! |---|---|
//! | [`plan`] | choices out of the fuzzer's octets |
//! | [`book`] | what a book must hold of, whoever changes it |
//! | [`site`] | a small DHCPv6 server with two links, and messages for it |
//! | [`talk`] | conversations with that server, and what must hold of them |

pub mod book;
pub mod plan;
pub mod site;
pub mod talk;

//! The leasebook command.
#![forbid(unsafe_code)]
fn main() {}

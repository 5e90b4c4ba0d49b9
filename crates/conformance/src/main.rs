//! Writes docs/conformance.md.
#![forbid(unsafe_code)]
fn main() {}

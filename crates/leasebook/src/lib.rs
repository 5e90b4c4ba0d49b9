//! The leasebook daemon and command line.
#![forbid(unsafe_code)]

//! Values as people write them: octets in hex, times with units, names nearly right.
//!
//! Shared by the command line and the configuration file, so that both take the same
//! forms and complain in the same words.

pub mod duration;
pub mod hex;
pub mod octets;
pub mod suggest;

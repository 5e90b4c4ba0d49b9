//! `leasebook query` against servers: recorded ones, several, and such that fail.

mod faults;
mod recorded;
mod several;
mod splits;
mod support;
mod udp;

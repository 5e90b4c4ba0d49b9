//! The DHCPv6 server as a process, heard and spoken to on the loopback.

mod operation;
mod reconfigure;
mod support;

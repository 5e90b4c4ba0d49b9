//! Lease files and configurations of other DHCPv6 servers.
#![forbid(unsafe_code)]

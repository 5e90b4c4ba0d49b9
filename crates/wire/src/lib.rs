//! DHCPv6 messages, options, DUIDs and TCP framing.
#![forbid(unsafe_code)]

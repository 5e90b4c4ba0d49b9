//! DHCPv6 and Leasequery over UDP.

mod socket;

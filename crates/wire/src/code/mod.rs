//! The registries: numbers, their names, and where each is assigned.
//!
//! Each registry is a newtype over its field, so that a value nobody has assigned survives a
//! round trip (WIRE-005, WIRE-021). Names are those of RFC 5460 and of the registry (WIRE-007).

use std::net::Ipv6Addr;

mod duid_type;
mod hardware_type;
mod message_type;
mod option_code;
mod query_type;
mod status_code;

pub use duid_type::DuidType;
pub use hardware_type::HardwareType;
pub use message_type::MessageType;
pub use option_code::OptionCode;
pub use query_type::QueryType;
pub use status_code::StatusCode;

/// UDP port on which clients are addressed. Source: RFC 8415 §7.2 (WIRE-001).
pub const DHCP_CLIENT_PORT: u16 = 546;

/// UDP port of servers and relays, and TCP port of Bulk and Active Leasequery servers.
/// Source: RFC 8415 §7.2, RFC 5460 §5.6, RFC 7653 §6.4 (WIRE-001).
pub const DHCP_SERVER_PORT: u16 = 547;

/// `ff02::1:2`, where clients reach relays and servers on their link.
/// Source: RFC 8415 §7.1 (WIRE-002).
pub const ALL_DHCP_RELAY_AGENTS_AND_SERVERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);

/// `ff05::1:3`, where relays reach the servers of a site.
/// Source: RFC 8415 §7.1 (WIRE-002).
pub const ALL_DHCP_SERVERS: Ipv6Addr = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 1, 3);

/// A lifetime, T1 or T2 of this value never ends. Source: RFC 8415 §7.7 (WIRE-028).
pub const INFINITY: u32 = u32::MAX;

/// The highest hop-count a relay passes on. Source: RFC 8415 §7.6 (WIRE-015).
pub const HOP_COUNT_LIMIT: u8 = 8;

/// Relay levels accepted around a message unless configured otherwise (WIRE-015, D-29).
pub const DEFAULT_NESTING_LIMIT: usize = 32;

/// Octets of the largest message: what the TCP size field can say.
/// Source: RFC 5460 §5.1 (WIRE-065).
pub const MAX_MESSAGE_OCTETS: usize = 65_535;

/// Octets of the largest message in a UDP datagram: the IPv6 payload less the UDP header.
/// Source: RFC 8200 §3, RFC 768 (D-33).
pub const MAX_UDP_MESSAGE_OCTETS: usize = 65_527;

/// Octets of msg-type and transaction-id. Source: RFC 8415 §8 (WIRE-008).
pub const CLIENT_HEADER_OCTETS: usize = 4;

/// Octets of a relay message before its options. Source: RFC 8415 §9 (WIRE-009).
pub const RELAY_HEADER_OCTETS: usize = 34;

/// Octets of option-code and option-len. Source: RFC 8415 §21.1 (WIRE-018).
pub const OPTION_HEADER_OCTETS: usize = 4;

/// Octets of the size in front of each message on TCP. Source: RFC 5460 §5.1 (WIRE-061).
pub const FRAME_SIZE_OCTETS: usize = 2;

/// Options one list may hold: as many as fit the largest message, so that the work on any list
/// is bounded before it is read (WIRE-016).
pub const MAX_OPTIONS: usize = MAX_MESSAGE_OCTETS / OPTION_HEADER_OCTETS;

/// Seconds from 1970-01-01 to 2000-01-01 00:00 UTC, the beginning of the time in DUID-LLT and in
/// the options of RFC 7653. Source: RFC 8415 §11.2, RFC 7653 §2 (WIRE-033, WIRE-060).
pub const DHCP_EPOCH_UNIX_SECS: u64 = 946_684_800;

/// Defines one registry: a newtype, its constants, their names, and `Display`.
macro_rules! code_points {
    (
        $(#[$meta:meta])*
        $registry:ident($repr:ty), unknown $unknown:literal;
        $( $(#[$doc:meta])* $code:ident = $value:literal => $name:literal; )*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $registry(pub $repr);

        impl $registry {
            $( $(#[$doc])* pub const $code: Self = Self($value); )*

            /// Every value that has a name, in order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$code),*];

            /// The registry's name, `None` for a number it does not know.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $( $value => Some($name), )*
                    _ => None,
                }
            }

            /// The value with this name, whatever the case of its letters.
            pub fn from_name(name: &str) -> Option<Self> {
                $( if name.eq_ignore_ascii_case($name) { return Some(Self::$code); } )*
                None
            }

            /// Whether the number has a name here.
            pub const fn is_known(self) -> bool {
                self.name().is_some()
            }
        }

        impl std::fmt::Display for $registry {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => out.pad(name),
                    None => write!(out, concat!($unknown, " {}"), self.0),
                }
            }
        }

        impl std::fmt::Debug for $registry {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(out, "{self}({})", self.0)
            }
        }

        impl From<$repr> for $registry {
            fn from(value: $repr) -> Self {
                Self(value)
            }
        }

        impl From<$registry> for $repr {
            fn from(value: $registry) -> Self {
                value.0
            }
        }
    };
}
use code_points;

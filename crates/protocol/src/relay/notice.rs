//! What the operator may want to know.

use ipnet::Ipv6Net;

use super::ports::PortNo;
use super::refuse::Unroutable;

/// Why a datagram goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Dropped {
    /// Too short for its header, or its options overrun it.
    Malformed,
    /// A type that only servers send, from the clients' side (RELAY-010).
    ServerMessage,
    /// LEASEQUERY where it is not relayed (RELAY-012).
    LeaseQuery,
    /// RELAY-FORW where no relay is trusted (RELAY-022).
    Untrusted,
    /// RELAY-FORW that went through too many relays (RELAY-020).
    TooManyHops,
    /// Options that relays supply, where they are refused (RELAY-027).
    Rsoo,
    /// Its client, or all clients of its interface, send more than is relayed (SEC-019).
    TooOften,
    /// It would not fit into a datagram (RELAY-028).
    TooLarge,
    /// Nowhere to relay it to.
    NoServer,
    /// RELAY-REPL on a client-facing interface, or from no server of ours (RELAY-032).
    NotAServer,
    /// RELAY-REPL without a message in it.
    NothingRelayed,
    /// Its INTERFACE_ID or link-address names no interface of ours, or its link-local peer has
    /// none (RELAY-031).
    NoInterface,
    /// Its peer-address or link-address is not what a lightweight relay put there (RELAY-039).
    OtherPeer,
    /// Not a message for a relay, on an interface that is not client-facing.
    NotForUs,
}

impl Dropped {
    /// The word for counters and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::ServerMessage => "server-message",
            Self::LeaseQuery => "leasequery",
            Self::Untrusted => "untrusted-relay",
            Self::TooManyHops => "too-many-hops",
            Self::Rsoo => "rsoo",
            Self::TooOften => "too-often",
            Self::TooLarge => "too-large",
            Self::NoServer => "no-server",
            Self::NotAServer => "not-a-server",
            Self::NothingRelayed => "nothing-relayed",
            Self::NoInterface => "no-interface",
            Self::OtherPeer => "other-peer",
            Self::NotForUs => "not-for-us",
        }
    }
}

/// Something that happened to a delegation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A REPLY gave it, for the first time or on another way.
    Learnt {
        /// The prefix; an address is a /128.
        prefix: Ipv6Net,
        /// The client's DUID.
        client: Box<[u8]>,
        /// Where.
        port: PortNo,
    },
    /// Its client gave it back, or a REPLY ended it.
    Released {
        /// The prefix.
        prefix: Ipv6Net,
        /// The client's DUID.
        client: Box<[u8]>,
    },
    /// Its valid lifetime ran out.
    Expired {
        /// The prefix.
        prefix: Ipv6Net,
        /// The client's DUID.
        client: Box<[u8]>,
    },
    /// A newer binding of another client took its place (RELAY-055).
    Displaced {
        /// The prefix that ended.
        prefix: Ipv6Net,
        /// Whose it was.
        client: Box<[u8]>,
        /// The prefix that took its place.
        by: Ipv6Net,
        /// Whose that is.
        new_client: Box<[u8]>,
    },
    /// A prefix that is never routed (RELAY-054).
    Refused {
        /// The prefix.
        prefix: Ipv6Net,
        /// The client's DUID.
        client: Box<[u8]>,
        /// Why.
        why: Unroutable,
        /// The server that told it on recovery; none if a REPLY gave it.
        server: Option<u16>,
    },
    /// A prefix beyond a limit; it was passed on and is not routed (D-42).
    BeyondLimit {
        /// The prefix.
        prefix: Ipv6Net,
        /// The client's DUID.
        client: Box<[u8]>,
        /// Where.
        port: PortNo,
        /// The limit that was reached.
        limit: u32,
        /// Whether it is that of the client, not of the port.
        is_clients: bool,
    },
    /// A server denied, asked again, what it had told (RELAY-084).
    Denied {
        /// The prefix.
        prefix: Ipv6Net,
        /// The client's DUID.
        client: Box<[u8]>,
        /// The server.
        server: u16,
    },
}

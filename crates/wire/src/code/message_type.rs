//! Message types.

super::code_points! {
    /// What a message is for: the first octet of every message (WIRE-003).
    ///
    /// Source: RFC 8415 §7.3, RFC 5007 §4.1.1, RFC 5460 §9, RFC 7653 §11.
    MessageType(u8), unknown "message type";

    /// A client looks for servers. Source: RFC 8415 §7.3.
    SOLICIT = 1 => "SOLICIT";
    /// A server offers itself. Source: RFC 8415 §7.3.
    ADVERTISE = 2 => "ADVERTISE";
    /// A client asks a server it has chosen for leases. Source: RFC 8415 §7.3.
    REQUEST = 3 => "REQUEST";
    /// A client asks whether its addresses still fit the link. Source: RFC 8415 §7.3.
    CONFIRM = 4 => "CONFIRM";
    /// A client extends its leases at the server that gave them. Source: RFC 8415 §7.3.
    RENEW = 5 => "RENEW";
    /// A client extends its leases at any server. Source: RFC 8415 §7.3.
    REBIND = 6 => "REBIND";
    /// A server's answer. Source: RFC 8415 §7.3.
    REPLY = 7 => "REPLY";
    /// A client gives leases back. Source: RFC 8415 §7.3.
    RELEASE = 8 => "RELEASE";
    /// A client found addresses in use by another. Source: RFC 8415 §7.3.
    DECLINE = 9 => "DECLINE";
    /// A server asks a client to come back. Source: RFC 8415 §7.3.
    RECONFIGURE = 10 => "RECONFIGURE";
    /// A client asks for settings without leases. Source: RFC 8415 §7.3.
    INFORMATION_REQUEST = 11 => "INFORMATION-REQUEST";
    /// A relay passes a message on towards the server. Source: RFC 8415 §7.3.
    RELAY_FORW = 12 => "RELAY-FORW";
    /// A server's answer to be passed back by a relay. Source: RFC 8415 §7.3.
    RELAY_REPL = 13 => "RELAY-REPL";
    /// A question about leases. Source: RFC 5007 §4.1.1.
    LEASEQUERY = 14 => "LEASEQUERY";
    /// The answer to a LEASEQUERY, or the first message of it. Source: RFC 5007 §4.1.1.
    LEASEQUERY_REPLY = 15 => "LEASEQUERY-REPLY";
    /// The end of a bulk answer; numbered before DATA. Source: RFC 5460 §9.
    LEASEQUERY_DONE = 16 => "LEASEQUERY-DONE";
    /// A further binding of a bulk answer. Source: RFC 5460 §9.
    LEASEQUERY_DATA = 17 => "LEASEQUERY-DATA";
    /// A request to be told of changes as they happen. Source: RFC 7653 §11.
    ACTIVELEASEQUERY = 22 => "ACTIVELEASEQUERY";
    /// A request to go on under TLS, and its answer. Source: RFC 7653 §11.
    STARTTLS = 23 => "STARTTLS";
}

impl MessageType {
    /// Whether the message has the relay form of RFC 8415 §9 (WIRE-009); all others, unknown ones
    /// included, have the client/server form of §8 (WIRE-008).
    #[inline]
    pub const fn is_relay(self) -> bool {
        matches!(self, Self::RELAY_FORW | Self::RELAY_REPL)
    }
}

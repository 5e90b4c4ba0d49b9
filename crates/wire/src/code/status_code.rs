//! Status codes.

super::code_points! {
    /// How it went: the first two octets of STATUS_CODE; anything but 0 is a failure (WIRE-005).
    ///
    /// Source: RFC 8415 §21.13 (0 to 6), RFC 5007 §4.1.3 (7 to 10), RFC 5460 §9 (11), RFC 7653 §11
    /// (12 to 15).
    StatusCode(u16), unknown "status code";

    /// It went well. Source: RFC 8415 §21.13.
    SUCCESS = 0 => "Success";
    /// It failed, for a reason not told. Source: RFC 8415 §21.13.
    UNSPEC_FAIL = 1 => "UnspecFail";
    /// No addresses are left for the association. Source: RFC 8415 §21.13.
    NO_ADDRS_AVAIL = 2 => "NoAddrsAvail";
    /// The client has no such binding. Source: RFC 8415 §21.13.
    NO_BINDING = 3 => "NoBinding";
    /// The address does not fit the client's link. Source: RFC 8415 §21.13.
    NOT_ON_LINK = 4 => "NotOnLink";
    /// The message was to be sent to the multicast group. Source: RFC 8415 §21.13.
    USE_MULTICAST = 5 => "UseMulticast";
    /// No prefixes are left for the association. Source: RFC 8415 §21.13.
    NO_PREFIX_AVAIL = 6 => "NoPrefixAvail";
    /// The query-type is unknown or not supported. Source: RFC 5007 §4.1.3.
    UNKNOWN_QUERY_TYPE = 7 => "UnknownQueryType";
    /// The query lacks what its type requires, or is malformed. Source: RFC 5007 §4.1.3.
    MALFORMED_QUERY = 8 => "MalformedQuery";
    /// The server does not serve the address or link asked about. Source: RFC 5007 §4.1.3.
    NOT_CONFIGURED = 9 => "NotConfigured";
    /// The server does not let the requestor ask this. Source: RFC 5007 §4.1.3.
    NOT_ALLOWED = 10 => "NotAllowed";
    /// The answer ends before its end. Source: RFC 5460 §9.
    QUERY_TERMINATED = 11 => "QueryTerminated";
    /// What changed since LQ_START_TIME is not all known. Source: RFC 7653 §11.
    DATA_MISSING = 12 => "DataMissing";
    /// What is past has been told; now changes follow as they happen. Source: RFC 7653 §11.
    CATCH_UP_COMPLETE = 13 => "CatchUpComplete";
    /// The server does not do this. Source: RFC 7653 §11.
    NOT_SUPPORTED = 14 => "NotSupported";
    /// The server does not do TLS on this connection. Source: RFC 7653 §11.
    TLS_CONNECTION_REFUSED = 15 => "TLSConnectionRefused";
}

impl StatusCode {
    /// Whether the status is Success; every other value, unknown ones included, is a failure
    /// (WIRE-005).
    #[inline]
    pub const fn is_success(self) -> bool {
        matches!(self, Self::SUCCESS)
    }
}

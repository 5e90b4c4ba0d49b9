//! Query types.

use super::OptionCode;

super::code_points! {
    /// What a LEASEQUERY asks by: the first octet of LQ_QUERY (WIRE-006).
    ///
    /// Source: RFC 5007 §4.1.2.1 (1, 2), RFC 5460 §5.3 (3 to 5).
    QueryType(u8), unknown "query type";

    /// By the lease's address, or one in the delegated prefix. Source: RFC 5007 §4.1.2.1.
    BY_ADDRESS = 1 => "QUERY_BY_ADDRESS";
    /// By the client's DUID. Source: RFC 5007 §4.1.2.1.
    BY_CLIENTID = 2 => "QUERY_BY_CLIENTID";
    /// By the DUID of a relay the client came through. Source: RFC 5460 §5.3.1.
    BY_RELAY_ID = 3 => "QUERY_BY_RELAY_ID";
    /// By the link. Source: RFC 5460 §5.3.2.
    BY_LINK_ADDRESS = 4 => "QUERY_BY_LINK_ADDRESS";
    /// By the Remote-ID a relay added. Source: RFC 5460 §5.3.3.
    BY_REMOTE_ID = 5 => "QUERY_BY_REMOTE_ID";
}

impl QueryType {
    /// The option that the query-options must hold once; `None` for a query by link-address,
    /// whose field is the question, and for unknown types.
    pub const fn required_option(self) -> Option<OptionCode> {
        match self {
            Self::BY_ADDRESS => Some(OptionCode::IAADDR),
            Self::BY_CLIENTID => Some(OptionCode::CLIENTID),
            Self::BY_RELAY_ID => Some(OptionCode::RELAY_ID),
            Self::BY_REMOTE_ID => Some(OptionCode::REMOTE_ID),
            _ => None,
        }
    }

    /// Whether only Bulk Leasequery knows the type; over UDP it gets NotAllowed (RFC 5460 §4).
    pub const fn is_bulk_only(self) -> bool {
        matches!(
            self,
            Self::BY_RELAY_ID | Self::BY_LINK_ADDRESS | Self::BY_REMOTE_ID
        )
    }
}

//! Why a query did not end well.

use leasebook_wire::FragmentError;
use leasebook_wire::code::StatusCode;

use super::deviation::Deviation;

/// What ended a query, or an attempt at it, before its reply was complete.
///
/// Display is one sentence for the operator; the server's name stands before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// No connection within BULK_LQ_CONN_TIMEOUT (BLQ-R-002).
    #[error("no connection within {secs} s")]
    ConnectTimeout {
        /// The timeout in seconds.
        secs: u64,
    },
    /// The system refused the connection.
    #[error("cannot connect: {reason}")]
    ConnectFailed {
        /// The system's words.
        reason: String,
    },
    /// The server took no octet of the query for BULK_LQ_DATA_TIMEOUT (BLQ-R-006).
    #[error("the server took no octet of the query for {secs} s")]
    SendTimeout {
        /// The timeout in seconds.
        secs: u64,
    },
    /// No octet of a reply came for BULK_LQ_DATA_TIMEOUT (BLQ-R-007).
    #[error(
        "no octet of the reply came for {secs} s; \
         a server on RFC 5460's timers may need --timers rfc5460"
    )]
    DataTimeout {
        /// The timeout in seconds.
        secs: u64,
    },
    /// The server ended the stream between two messages, before the reply was complete (BLQ-R-027).
    #[error("the server closed the connection before the reply was complete")]
    Closed,
    /// The server ended the stream inside a message, which is discarded (WIRE-063).
    #[error("the server closed the connection before the reply was complete: {0}")]
    ClosedInMessage(FragmentError),
    /// Reading or writing failed.
    #[error("the connection broke: {reason}")]
    Broken {
        /// The system's words.
        reason: String,
    },
    /// The server did what the protocol forbids, so the connection was closed (D-23).
    #[error("the connection was closed, since {0}")]
    Conduct(Deviation),
    /// The server said that it could not finish: an error status in the DONE, or
    /// QueryTerminated (11) in the REPLY (RFC 5460 §5.5, §7.2).
    #[error("the server ended the reply with status {status}{}", show_text(text))]
    Status {
        /// The status code.
        status: StatusCode,
        /// The status message, escaped where it is not UTF-8; perhaps empty.
        text: String,
    },
    /// The reply ran to its end, but this many of its messages were malformed and dropped (D-23).
    #[error("{messages} malformed messages of the reply were dropped")]
    Malformed {
        /// How many.
        messages: u64,
    },
    /// Nothing that came by UDP answered the query, however often it was sent (LQ-UDP-027).
    #[error("no reply to {times} messages in {secs} s{}", show_text(trouble))]
    NoReply {
        /// How often the query was sent.
        times: u32,
        /// For how long, in seconds.
        secs: u64,
        /// What the system said of the last message that could not be sent or delivered;
        /// perhaps empty.
        trouble: String,
    },
    /// The caller stopped it.
    #[error("stopped before the reply was complete")]
    Stopped,
}

impl Cause {
    /// Whether the same query may be asked again at the same server (BLQ-R-003, BLQ-R-035).
    ///
    /// A reply with malformed messages is not: the server would send the same octets again.
    pub fn is_worth_a_retry(&self) -> bool {
        match self {
            Self::ConnectTimeout { .. }
            | Self::ConnectFailed { .. }
            | Self::SendTimeout { .. }
            | Self::DataTimeout { .. }
            | Self::Closed
            | Self::ClosedInMessage { .. }
            | Self::Broken { .. }
            | Self::Conduct(_)
            | Self::NoReply { .. } => true,
            Self::Status { status, .. } => !is_refusal(*status),
            Self::Malformed { .. } | Self::Stopped => false,
        }
    }
}

/// Whether a status says that this server will not answer this query (BLQ-R-034):
/// UnknownQueryType, MalformedQuery, NotConfigured, NotAllowed.
pub fn is_refusal(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::UNKNOWN_QUERY_TYPE
            | StatusCode::MALFORMED_QUERY
            | StatusCode::NOT_CONFIGURED
            | StatusCode::NOT_ALLOWED
    )
}

/// The text of a status after its number, if there is one.
fn show_text(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    }
}

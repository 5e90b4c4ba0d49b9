//! What a requestor is set to: timers, retries, identity, what it asks for.

use std::time::Duration;

use leasebook_wire::Duid;
use leasebook_wire::code::OptionCode;
use serde::Serialize;

/// How long a requestor waits for what.
///
/// Each has a default from the draft; [`Timers::RFC5460`] is the preset for servers that
/// keep RFC 5460's longer silence. Source: draft §4.6, RFC 5460 §5.6, BLQ-R-005, D-14.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Timers {
    /// BULK_LQ_CONN_TIMEOUT: a connection not made within this time is given up (BLQ-R-002).
    pub connect: Duration,
    /// BULK_LQ_DATA_TIMEOUT: time without one octet of progress, in the direction waited
    /// for, that ends a connection (BLQ-R-006, BLQ-R-007, D-15).
    pub data: Duration,
    /// The wait before the first retry; each later one is twice as long (BLQ-R-004).
    pub first_retry: Duration,
    /// BULK_LQ_MAX_RETRY: no wait between attempts is longer, but for its jitter.
    pub max_retry: Duration,
}

impl Timers {
    /// The draft's values: connect 30 s, data 30 s, retries from 1 s to 60 s (draft §4.6).
    pub const DRAFT: Self = Self {
        connect: Duration::from_secs(30),
        data: Duration::from_secs(30),
        first_retry: Duration::from_secs(1),
        max_retry: Duration::from_mins(1),
    };

    /// The same with the data timeout of RFC 5460 §5.6, 300 s.
    pub const RFC5460: Self = Self {
        data: Duration::from_mins(5),
        ..Self::DRAFT
    };
}

impl Default for Timers {
    fn default() -> Self {
        Self::DRAFT
    }
}

/// How one server is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The requestor's own DUID, sent as CLIENTID in every query (BLQ-R-009).
    pub client_id: Duid,
    /// The SERVERID of the one server wanted; none in the usual case (BLQ-R-013).
    pub server_id: Option<Duid>,
    /// Codes for the ORO inside query-options: what is wanted besides leases, such as
    /// LQ_RELAY_DATA (47) for the next hop (BLQ-R-012). Empty: no ORO.
    pub wanted: Vec<OptionCode>,
    /// The timers.
    pub timers: Timers,
    /// Further attempts for a query after its first; 0 none, `u32::MAX` without end (BLQ-R-003).
    pub retries: u32,
    /// Queries outstanding at once on the connection, 1 to [`MAX_PIPELINED`]; 1 asks one at
    /// a time (BLQ-R-017). Values outside the range are taken as the nearer end.
    pub pipelined: usize,
    /// Whether to end the sending side once the last query is written (BLQ-R-042). Off by
    /// default: some servers take a half-close for a close.
    pub half_close: bool,
}

impl Config {
    /// The defaults for a requestor with this DUID: the draft's timers, no retries, relay
    /// data asked for, one query at a time.
    pub fn new(client_id: Duid) -> Self {
        Self {
            client_id,
            server_id: None,
            wanted: vec![OptionCode::LQ_RELAY_DATA],
            timers: Timers::DRAFT,
            retries: 0,
            pipelined: 1,
            half_close: false,
        }
    }

    /// Whether LQ_RELAY_DATA (47) is asked for.
    pub fn wants_relay_data(&self) -> bool {
        self.wanted.contains(&OptionCode::LQ_RELAY_DATA)
    }

    /// The pipelining limit within its range.
    pub(crate) fn pipelined(&self) -> usize {
        self.pipelined.clamp(1, MAX_PIPELINED)
    }
}

/// The most queries outstanding at once on one connection.
///
/// Bounds the table that every message is looked up in.
pub const MAX_PIPELINED: usize = 1024;

/// The most queries that wait for their turn at one server (SEC-005).
pub const MAX_WAITING: usize = 65_536;

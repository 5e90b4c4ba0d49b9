//! What goes into the machine of one server, and what comes out.

use std::net::Ipv6Addr;

use leasebook_wire::code::StatusCode;
use serde::Serialize;

use super::claim::Claim;
use super::deviation::Deviation;
use super::error::Cause;
use crate::time::{Mono, Now};

/// What happened to the connection, told by whoever holds the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Input<'a> {
    /// The connection asked for by [`Action::Connect`] is made.
    Connected,
    /// It could not be made; the system's words.
    ConnectFailed(&'a str),
    /// The next octets of the stream, any number of them.
    Octets(&'a [u8]),
    /// So many more octets of what was to be sent have been taken by the system.
    Sent(usize),
    /// The server ended its sending side.
    PeerClosed,
    /// Reading or writing failed; the system's words.
    Broken(&'a str),
    /// The time of [`super::Connection::deadline`] has come, or may have.
    Timer,
    /// The caller wants no more: what is under way ends as partial.
    Stop,
}

/// What is to be done with the socket, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Action {
    /// Connect to the server, and report [`Input::Connected`] or [`Input::ConnectFailed`].
    Connect,
    /// Write these octets, and report [`Input::Sent`] as they go.
    Send(Vec<u8>),
    /// End the sending side once all is written (BLQ-R-042).
    CloseSending,
    /// Close the connection, or give up making it.
    Close,
}

/// The number of a query at one server, in the order asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct QueryId(pub u32);

/// What the caller learns, while octets are handled.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// One message's worth of a client's leases.
    Binding(Binding<'a>),
    /// A query has ended; nothing more of it follows.
    Ended {
        /// Which query.
        query: QueryId,
        /// How.
        ending: Ending,
        /// What came of it.
        tally: Tally,
    },
    /// An attempt at a query failed; it will be asked again, whole. What came of it so far
    /// stays true, and will be told again.
    Interrupted {
        /// Which query.
        query: QueryId,
        /// Why.
        cause: Cause,
        /// Not before this time.
        again_at: Mono,
    },
    /// The server did something that cost it the message or the connection. Told at the
    /// first, tenth, hundredth ... time, so that a log stays readable; the full counts are
    /// in [`super::Connection::deviations`].
    Deviation {
        /// What it did.
        kind: Deviation,
        /// How often it has now.
        times: u64,
    },
}

/// A client's leases on one link, as one message claims them.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The query they answer.
    pub query: QueryId,
    /// The leases and what came with them.
    pub claim: Claim<'a>,
    /// The link-address under which one of the client's links was asked for, where the server
    /// told of several (LQ-UDP-030).
    pub link: Option<Ipv6Addr>,
    /// When the message arrived: ages and lifetimes count from here (BLQ-R-036).
    pub arrived: Now,
}

/// How a query ended (BLQ-R-041).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The reply ran to its DONE.
    Complete,
    /// The server has no matching binding (BLQ-R-021).
    NoneFound,
    /// The server answers with an error status; asking again would not help (BLQ-R-034).
    Refused {
        /// The status code.
        status: StatusCode,
        /// Its message, escaped where it is not UTF-8; perhaps empty.
        text: String,
    },
    /// The reply began and did not run to its end, or lost messages; what came is kept (BLQ-R-028).
    Partial(Cause),
    /// No REPLY came.
    Unanswered(Cause),
}

/// What came of a query, over all attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// How often it was asked, or a connection to ask it on was attempted.
    pub attempts: u32,
    /// Messages with leases that were handed on.
    pub messages: u64,
    /// Leases in them.
    pub leases: u64,
    /// Octets of all its messages, their framing not counted.
    pub octets: u64,
}

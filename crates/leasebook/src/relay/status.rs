//! What the control socket is asked and tells: a line of JSON each way, more lines where there is
//! a list.

use std::collections::BTreeMap;
use std::time::Duration;

use ipnet::Ipv6Net;
use leasebook_protocol::relay::{Delegation, Phase, Relay, Source, Standing};
use leasebook_protocol::{Mono, Now};
use leasebook_wire::DuidRef;
use serde::{Deserialize, Serialize};

use super::recover::ServerState;

/// What can be asked; one to a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub(crate) enum Request {
    /// How it is: a [`Status`].
    Status,
    /// Every delegation: a [`Shown`] each.
    Bindings,
    /// Every route of ours that the kernel has: a [`Route`] each.
    Routes,
    /// Ask all servers again, and tell how it went: a [`Recovered`].
    Recover {
        /// Touch nothing, and tell what would differ.
        dry_run: bool,
    },
    /// Forget delegations: a [`Cleared`].
    Clear {
        /// A prefix or address.
        lease: Option<Ipv6Net>,
        /// A client's DUID in hex.
        client: Option<String>,
        /// All of an interface.
        interface: Option<String>,
    },
    /// Why a prefix is routed, or not: a [`Why`].
    Why {
        /// The prefix, or an address in it.
        prefix: Ipv6Net,
    },
}

/// That it could not be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    /// Why.
    pub(crate) error: String,
}

/// How the relay is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Status {
    /// Its DUID.
    pub(crate) relay_id: String,
    /// Seconds since it began.
    pub(crate) up_secs: u64,
    /// Whether every server has answered or was tried in vain.
    pub(crate) settled: bool,
    /// Delegations that are known.
    pub(crate) known: usize,
    /// Delegations that are routed.
    pub(crate) routed: u32,
    /// How many there are of each standing.
    pub(crate) standing: BTreeMap<String, usize>,
    /// Changes the kernel has not made yet.
    pub(crate) routes_waiting: u64,
    /// Changes the kernel refused, since the start.
    pub(crate) routes_refused: u64,
    /// The client-facing interfaces.
    pub(crate) interfaces: Vec<InterfaceStatus>,
    /// The interfaces of the lightweight relay; none where there is no such.
    #[serde(default)]
    pub(crate) lightweight: Vec<LightweightStatus>,
    /// The servers that are asked.
    pub(crate) servers: Vec<ServerStatus>,
}

/// A client-facing interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InterfaceStatus {
    /// Its name.
    pub(crate) interface: String,
    /// The address that names its link.
    pub(crate) link_address: String,
    /// Delegations routed to it.
    pub(crate) routed: u32,
}

/// An interface of the lightweight relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LightweightStatus {
    /// Its name.
    pub(crate) interface: String,
    /// network, trusted or untrusted.
    pub(crate) role: String,
    /// Whether originals are kept from passing; nothing is relayed before.
    pub(crate) in_force: bool,
    /// Messages of clients that were relayed.
    pub(crate) relayed: u64,
    /// Messages that were handed to clients.
    pub(crate) returned: u64,
    /// Those that came by it and were dropped, by cause.
    pub(crate) dropped: BTreeMap<String, u64>,
}

/// A server, and the last recovery from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServerStatus {
    /// Its name.
    pub(crate) server: String,
    /// How far it is: asking, retrying, done, refused or failed.
    pub(crate) phase: String,
    /// Why it is not further.
    pub(crate) detail: Option<String>,
    /// Leases it told.
    pub(crate) leases: u64,
    /// Of these, routed or known.
    pub(crate) taken: u64,
    /// Refused.
    pub(crate) refused: u64,
    /// Confirmed when asked again.
    pub(crate) confirmed: u64,
    /// Denied when asked again.
    pub(crate) denied: u64,
    /// What it did wrong.
    pub(crate) deviations: u64,
    /// How long it took, or takes, in seconds.
    pub(crate) secs: f64,
}

impl ServerStatus {
    /// As it is.
    pub(super) fn of(name: &str, state: &ServerState) -> Self {
        let (phase, detail) = match &state.phase {
            Phase::Asking => ("asking", None),
            Phase::Retrying(cause) => ("retrying", Some(cause.to_string())),
            Phase::Done => ("done", None),
            Phase::Refused(status, text) => ("refused", Some(format!("{status}: {text}"))),
            Phase::Failed(cause) => ("failed", Some(cause.to_string())),
        };
        let counts = state.counts;
        Self {
            server: name.to_owned(),
            phase: phase.to_owned(),
            detail,
            leases: counts.tally.leases,
            taken: counts.taken,
            refused: counts.refused,
            confirmed: counts.confirmed,
            denied: counts.denied,
            deviations: state.deviations,
            secs: state.took.as_secs_f64(),
        }
    }
}

/// A delegation. Times are in seconds from now; none is for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shown {
    /// The prefix; an address is a /128.
    pub(crate) prefix: Ipv6Net,
    /// The client's DUID.
    pub(crate) client: String,
    /// The client's name for its association, where a message told it.
    pub(crate) iaid: Option<u32>,
    /// The interface, where it is known.
    pub(crate) interface: Option<String>,
    /// The address on it.
    pub(crate) next_hop: Option<String>,
    /// How long it is preferred.
    pub(crate) preferred_secs: Option<u64>,
    /// How long it is valid.
    pub(crate) valid_secs: Option<u64>,
    /// How long ago the server heard the client.
    pub(crate) heard_secs_ago: i64,
    /// How long ago this relay was told.
    pub(crate) told_secs_ago: u64,
    /// For how long this relay has known that the client has it.
    pub(crate) known_secs: u64,
    /// Who told: "reply", "disk", or the server's name.
    pub(crate) source: String,
    /// The message that told it the last time.
    pub(crate) message: String,
    /// routed, doubtful, waiting, quarantined or unroutable.
    pub(crate) standing: String,
    /// Why it is not routed.
    pub(crate) reason: Option<String>,
}

impl Shown {
    /// A delegation as it is now; `server` gives the name of one by its place.
    pub(super) fn of(
        one: &Delegation,
        relay: &Relay,
        now: Now,
        server: &dyn Fn(u16) -> String,
    ) -> Self {
        let left = |end: Option<Mono>| end.map(|end| end.since(now.mono).as_secs());
        let reason = match &one.standing {
            Standing::Unroutable(why) => Some(why.to_string()),
            Standing::Denied => Some("its server denied it when asked again".to_owned()),
            Standing::Waiting => Some("its server is being asked again".to_owned()),
            Standing::Marked => Some("its server did not confirm it when asked again".to_owned()),
            Standing::Routed => None,
        };
        let client = DuidRef::new(&one.client).map(|duid| duid.to_string());
        let seconds = Duration::from_nanos(now.mono.0).as_secs();
        Self {
            prefix: one.prefix,
            client: client.unwrap_or_default(),
            iaid: one.iaid,
            interface: one.hop.map(|hop| relay.ports().name(hop.port).to_owned()),
            next_hop: one.hop.and_then(|hop| hop.via).map(|via| via.to_string()),
            preferred_secs: left(one.preferred_until),
            valid_secs: left(one.valid_until),
            heard_secs_ago: i64::try_from(seconds).unwrap_or(i64::MAX) - one.heard,
            told_secs_ago: now.mono.since(one.told).as_secs(),
            known_secs: now.mono.since(one.since).as_secs(),
            source: match one.source {
                Source::Learnt { .. } => "reply".to_owned(),
                Source::Recovered(place) => server(place),
                Source::Cached => "disk".to_owned(),
            },
            message: match one.source {
                Source::Learnt { from, xid } => {
                    let [a, b, c] = xid.0;
                    format!("REPLY {a:02x}{b:02x}{c:02x} from {from}")
                }
                Source::Recovered(place) => format!("bulk reply of {}", server(place)),
                Source::Cached => "the file of an earlier run".to_owned(),
            },
            standing: one.standing.name().to_owned(),
            reason,
        }
    }
}

/// A route of ours as the kernel has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Route {
    /// The prefix.
    pub(crate) prefix: Ipv6Net,
    /// The interface; none is an unreachable route.
    pub(crate) interface: Option<String>,
    /// The address on it.
    pub(crate) next_hop: Option<String>,
    /// Whether it is as this relay wants it.
    pub(crate) is_wanted: bool,
}

/// How a recovery went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Recovered {
    /// Each server.
    pub(crate) servers: Vec<ServerStatus>,
    /// Routes that are the same after it; of a rehearsal only.
    pub(crate) same: Option<u64>,
    /// Routed now, and not after a recovery.
    pub(crate) missing: Vec<Ipv6Net>,
    /// Routed after a recovery, and not now.
    pub(crate) extra: Vec<Ipv6Net>,
    /// Routed to another next hop.
    pub(crate) elsewhere: Vec<Ipv6Net>,
}

/// What was forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cleared {
    /// How many delegations.
    pub(crate) cleared: usize,
}

/// What relay, kernel and servers each hold of a prefix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Why {
    /// What was asked about.
    pub(crate) prefix: Ipv6Net,
    /// One sentence.
    pub(crate) verdict: String,
    /// The relay's delegation of it, or the one around it.
    pub(crate) relay: Option<Shown>,
    /// The kernel's route of ours for it.
    pub(crate) kernel: Option<Route>,
    /// What each server says when asked by address.
    pub(crate) servers: Vec<ServerSays>,
}

/// What a server says of a prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServerSays {
    /// The server.
    pub(crate) server: String,
    /// The lease, where it knows one.
    pub(crate) lease: Option<String>,
    /// Whose.
    pub(crate) client: Option<String>,
    /// How long it is valid, in seconds.
    pub(crate) valid_secs: Option<u32>,
    /// How long ago it heard the client, in seconds.
    pub(crate) heard_secs_ago: Option<u32>,
    /// Why this relay would not route it.
    pub(crate) objection: Option<String>,
    /// What stands in the way of an answer.
    pub(crate) error: Option<String>,
}

impl ServerSays {
    /// A server that has not said anything.
    pub(super) fn nothing(server: &str) -> Self {
        Self {
            server: server.to_owned(),
            lease: None,
            client: None,
            valid_secs: None,
            heard_secs_ago: None,
            objection: None,
            error: None,
        }
    }
}

//! The relay's counters.

use std::collections::HashMap;
use std::time::Duration;

use leasebook_protocol::relay::reconcile::RouteOp;
use leasebook_protocol::relay::recovery::Counts;
use leasebook_protocol::relay::{Dropped, Heard, Notice, Phase, Table};
use metrics::{Counter, counter, gauge, histogram};

/// Datagrams heard, by `side` (client, server) and `type`.
pub const DATAGRAMS_TOTAL: &str = "leasebook_relay_datagrams_total";
/// Datagrams that went no further, by `why`.
pub const DROPPED_TOTAL: &str = "leasebook_relay_dropped_total";
/// Datagrams that the system did not take.
pub const NOT_SENT_TOTAL: &str = "leasebook_relay_not_sent_total";
/// What happened to delegations, by `what`.
pub const DELEGATIONS_TOTAL: &str = "leasebook_relay_delegation_events_total";
/// Delegations that are known.
pub const DELEGATIONS: &str = "leasebook_relay_delegations";
/// Delegations that are routed.
pub const ROUTED: &str = "leasebook_relay_routed";
/// Changes handed to the kernel, by `change` (set, drop).
pub const ROUTES_TOTAL: &str = "leasebook_relay_route_changes_total";
/// Changes that the kernel refused.
pub const ROUTES_REFUSED_TOTAL: &str = "leasebook_relay_route_changes_refused_total";
/// Recoveries, by `outcome`: retry, done, refused, failed.
pub const RECOVERIES_TOTAL: &str = "leasebook_relay_recoveries_total";
/// From the beginning of a recovery to its end at one server.
pub const RECOVERY_SECONDS: &str = "leasebook_relay_recovery_seconds";

/// Changes handed to the kernel that it has not made yet.
pub const ROUTES_WAITING: &str = "leasebook_relay_route_changes_waiting";
/// Whether a `server` has told everything (1) or not (0).
pub const SERVER_COMPLETE: &str = "leasebook_relay_server_complete";
/// Leases that a `server` told in the last recovery, by `outcome`: taken, refused, confirmed,
/// denied.
pub const SERVER_LEASES: &str = "leasebook_relay_server_leases";
/// Runs of nft, by `outcome`: loaded, changed, failed.
pub const FILTER_RUNS_TOTAL: &str = "leasebook_relay_filter_runs_total";

/// Counts what became of datagrams; each pair of labels is looked up once.
#[derive(Default)]
pub(crate) struct DatagramTally {
    heard: HashMap<(bool, u8), Counter>,
    dropped: HashMap<&'static str, Counter>,
}

impl DatagramTally {
    /// Counts one.
    pub(crate) fn count(&mut self, heard: &Result<Heard, Dropped>) {
        let counter = match heard {
            Ok(heard) => self
                .heard
                .entry((heard.is_reply, heard.kind.0))
                .or_insert_with(|| {
                    let side = if heard.is_reply { "server" } else { "client" };
                    let kind = heard.kind.name().unwrap_or("unknown");
                    counter!(DATAGRAMS_TOTAL, "side" => side, "type" => kind)
                }),
            Err(why) => self
                .dropped
                .entry(why.name())
                .or_insert_with(|| counter!(DROPPED_TOTAL, "why" => why.name())),
        };
        counter.increment(1);
    }
}

/// Counts datagrams that nothing can be done with: no IPv6 source, or cut.
pub(crate) fn count_unusable(times: usize) {
    if times > 0 {
        counter!(DROPPED_TOTAL, "why" => "unusable").increment(whole(times));
    }
}

/// Counts datagrams that the system did not take.
pub(crate) fn count_not_sent(times: usize) {
    if times > 0 {
        counter!(NOT_SENT_TOTAL).increment(whole(times));
    }
}

/// Counts what happened to a delegation.
pub(crate) fn count_notice(notice: &Notice) {
    let what = match notice {
        Notice::Learnt { .. } => "learnt",
        Notice::Released { .. } => "released",
        Notice::Expired { .. } => "expired",
        Notice::Displaced { .. } => "displaced",
        Notice::Refused { why, .. } => {
            let why = why.name();
            return counter!(DELEGATIONS_TOTAL, "what" => "refused", "why" => why).increment(1);
        }
        Notice::BeyondLimit { .. } => "limit",
        Notice::Denied { .. } => "denied",
    };
    counter!(DELEGATIONS_TOTAL, "what" => what).increment(1);
}

/// Counts changes handed to the kernel.
pub(crate) fn count_routes(ops: &[RouteOp]) {
    let set = ops.iter().filter(|op| op.target.is_some()).count();
    counter!(ROUTES_TOTAL, "change" => "set").increment(whole(set));
    counter!(ROUTES_TOTAL, "change" => "drop").increment(whole(ops.len() - set));
}

/// Counts changes that the kernel refused.
pub(crate) fn count_refused_routes(times: u64) {
    counter!(ROUTES_REFUSED_TOTAL).increment(times);
}

/// Counts how far a recovery from one server is.
pub(crate) fn count_recovery(phase: &Phase, took: Duration, is_finished: bool) {
    let outcome = match phase {
        Phase::Asking => return,
        Phase::Retrying(_) => "retry",
        Phase::Done if !is_finished => return,
        Phase::Done => "done",
        Phase::Refused(..) => "refused",
        Phase::Failed(_) => "failed",
    };
    counter!(RECOVERIES_TOTAL, "outcome" => outcome).increment(1);
    if is_finished {
        histogram!(RECOVERY_SECONDS).record(took.as_secs_f64());
    }
}

/// Tells how many delegations there are.
pub(crate) fn tell_delegations(table: &Table) {
    #[expect(clippy::cast_precision_loss, reason = "no table has 2^53 delegations")]
    gauge!(DELEGATIONS).set(table.len() as f64);
    gauge!(ROUTED).set(f64::from(table.routed()));
}

/// Tells how many changes the kernel has still to make.
pub(crate) fn tell_waiting(changes: u64) {
    #[expect(clippy::cast_precision_loss, reason = "no queue has 2^53 changes")]
    gauge!(ROUTES_WAITING).set(changes as f64);
}

/// Tells how far the recovery from a server is.
pub(crate) fn tell_server(server: &str, phase: &Phase, counts: &Counts) {
    let server = server.to_owned();
    let is_complete = f64::from(u8::from(*phase == Phase::Done));
    gauge!(SERVER_COMPLETE, "server" => server.clone()).set(is_complete);
    for (outcome, count) in [
        ("taken", counts.taken),
        ("refused", counts.refused),
        ("confirmed", counts.confirmed),
        ("denied", counts.denied),
    ] {
        #[expect(clippy::cast_precision_loss, reason = "no server tells 2^53 leases")]
        gauge!(SERVER_LEASES, "server" => server.clone(), "outcome" => outcome).set(count as f64);
    }
}

/// Counts a run of nft.
pub(crate) fn count_filter(outcome: &'static str) {
    counter!(FILTER_RUNS_TOTAL, "outcome" => outcome).increment(1);
}

fn whole(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

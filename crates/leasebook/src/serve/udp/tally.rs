//! Counting what was heard and answered.

use std::collections::HashMap;

use leasebook_protocol::server::pool::PoolRef;
use leasebook_protocol::server::{Outcome, Server};
use metrics::Counter;

use crate::metrics as names;

/// Counters of the thread that hears, looked up once for each pair of labels.
pub(super) struct Tally {
    outcomes: HashMap<(&'static str, &'static str), Counter>,
    sent: Counter,
    not_sent: Counter,
    large: Counter,
    reconfigures: Counter,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            outcomes: HashMap::new(),
            sent: metrics::counter!(names::DHCP_REPLIES_TOTAL, "outcome" => "sent"),
            not_sent: metrics::counter!(names::DHCP_REPLIES_TOTAL, "outcome" => "failed"),
            large: metrics::counter!(names::DHCP_REPLIES_LARGE_TOTAL),
            reconfigures: metrics::counter!(names::DHCP_RECONFIGURES_TOTAL),
        }
    }

    /// Counts a message of a client by its type and what became of it.
    pub(super) fn outcome(&mut self, outcome: &Outcome) {
        self.count(outcome.kind_name(), outcome.name());
    }

    /// Counts a message by the names of its type and of what became of it.
    pub(super) fn count(&mut self, kind: &'static str, outcome: &'static str) {
        self.outcomes
            .entry((kind, outcome))
            .or_insert_with(|| {
                metrics::counter!(names::DHCP_MESSAGES_TOTAL, "type" => kind, "outcome" => outcome)
            })
            .increment(1);
    }

    /// Counts RECONFIGURE messages.
    pub(super) fn reconfigures(&self, sent: usize) {
        self.reconfigures.increment(sent as u64);
    }

    /// Counts datagrams that were cut or told no source.
    pub(super) fn unusable(&mut self, count: usize) {
        for _ in 0..count {
            self.count("unknown", "unusable");
        }
    }

    pub(super) fn sent(&self, sent: usize, failed: usize) {
        self.sent.increment(sent as u64);
        self.not_sent.increment(failed as u64);
    }

    /// Counts replies that paths may cut into fragments (DHCP-S-047).
    pub(super) fn large(&self, count: usize) {
        self.large.increment(count as u64);
    }

    /// Tells how full pools are.
    #[expect(clippy::unused_self, reason = "one place for all that is counted")]
    pub(super) fn usage(&self, server: &Server) {
        for usage in server.usage() {
            let (kind, pool) = match usage.pool {
                PoolRef::Addresses(at) => ("addresses", at),
                PoolRef::Prefixes(at) => ("prefixes", at),
            };
            let link = usage.link.0.to_string();
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
            let (taken, total) = (usage.taken as f64, usage.total as f64);
            let pool = pool.to_string();
            metrics::gauge!(names::DHCP_POOL_TAKEN, "link" => link.clone(), "kind" => kind, "pool" => pool.clone())
                .set(taken);
            metrics::gauge!(names::DHCP_POOL_SIZE, "link" => link, "kind" => kind, "pool" => pool)
                .set(total);
        }
    }
}

//! Counters for Prometheus.
//!
//! Units are in the names, labels are few and bounded: query types, outcomes, reasons. No
//! label ever holds a DUID, an address or a name of a peer.

pub mod relay;

use std::net::SocketAddr;

use metrics::{Counter, Gauge, Histogram, Unit};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};

use crate::config::QueryKind;

/// Connections open now.
pub const CONNECTIONS: &str = "leasebook_bulk_connections";
/// Connections accepted, by `outcome`: opened, unlisted, limit, source-limit, evicted.
pub const CONNECTIONS_TOTAL: &str = "leasebook_bulk_connections_total";
/// Queries answered, by `type` and `outcome`.
pub const QUERIES_TOTAL: &str = "leasebook_bulk_queries_total";
/// Queries in progress now.
pub const QUERIES: &str = "leasebook_bulk_queries";
/// Messages with a binding that were sent.
pub const BINDINGS_TOTAL: &str = "leasebook_bulk_bindings_sent_total";
/// Octets sent, framing included.
pub const OCTETS_TOTAL: &str = "leasebook_bulk_octets_sent_total";
/// Messages of peers that were dropped, by `kind`.
pub const DROPPED_TOTAL: &str = "leasebook_bulk_messages_dropped_total";
/// From the query to its last message.
pub const QUERY_SECONDS: &str = "leasebook_bulk_query_seconds";
/// Bindings in the store.
pub const STORE_BINDINGS: &str = "leasebook_store_bindings";
/// Times the configuration was read again, by `outcome`: done, failed.
pub const RELOADS_TOTAL: &str = "leasebook_reloads_total";
/// Messages heard by UDP, by `type` and `outcome`: answered, or why not.
pub const DHCP_MESSAGES_TOTAL: &str = "leasebook_dhcp_messages_total";
/// Replies by UDP, by `outcome`: sent, failed.
pub const DHCP_REPLIES_TOTAL: &str = "leasebook_dhcp_replies_total";
/// Replies by UDP above 1232 octets, which are cut into fragments on some paths.
pub const DHCP_REPLIES_LARGE_TOTAL: &str = "leasebook_dhcp_replies_large_total";
/// RECONFIGURE messages, repeated ones included.
pub const DHCP_RECONFIGURES_TOTAL: &str = "leasebook_dhcp_reconfigures_total";
/// Leases in use, or kept from use, by `link`, `kind` and `pool` (its place in the link).
pub const DHCP_POOL_TAKEN: &str = "leasebook_dhcp_pool_taken";
/// Leases there are, by `link`, `kind` and `pool`.
pub const DHCP_POOL_SIZE: &str = "leasebook_dhcp_pool_size";

/// The upper bounds of the histograms' buckets, in seconds: from a tenth of a millisecond for
/// one binding to minutes for millions at a slow requestor.
const BUCKETS_SECS: [f64; 14] = [
    0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0,
];

/// Why counters cannot be told.
#[derive(Debug, thiserror::Error)]
#[error("cannot tell metrics at {address}: {source}")]
pub struct MetricsError {
    /// Where.
    address: SocketAddr,
    /// What went wrong.
    source: BuildError,
}

/// Begins to count, and to tell the counters at `http://ADDRESS/metrics`.
///
/// Must be called within the runtime, once for a process; without it nothing is counted and
/// counting costs nothing.
pub fn begin(address: SocketAddr) -> Result<(), MetricsError> {
    let wrong = |source| MetricsError { address, source };
    PrometheusBuilder::new()
        .with_http_listener(address)
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS_SECS)
        .and_then(PrometheusBuilder::install)
        .map_err(wrong)?;
    describe();
    Ok(())
}

/// Gives every counter its help and unit.
fn describe() {
    metrics::describe_gauge!(CONNECTIONS, Unit::Count, "Connections open now");
    metrics::describe_counter!(
        CONNECTIONS_TOTAL,
        Unit::Count,
        "Connections accepted, by outcome"
    );
    metrics::describe_counter!(QUERIES_TOTAL, Unit::Count, "Queries answered, by outcome");
    metrics::describe_gauge!(QUERIES, Unit::Count, "Queries in progress now");
    metrics::describe_counter!(BINDINGS_TOTAL, Unit::Count, "Messages with a binding sent");
    metrics::describe_counter!(OCTETS_TOTAL, Unit::Bytes, "Octets sent, framing included");
    metrics::describe_counter!(DROPPED_TOTAL, Unit::Count, "Messages dropped, by kind");
    metrics::describe_histogram!(QUERY_SECONDS, Unit::Seconds, "From a query to its end");
    metrics::describe_gauge!(STORE_BINDINGS, Unit::Count, "Bindings in the store");
    metrics::describe_counter!(RELOADS_TOTAL, Unit::Count, "Reloads, by outcome");
    metrics::describe_counter!(DHCP_MESSAGES_TOTAL, Unit::Count, "Messages heard by UDP");
    metrics::describe_counter!(
        DHCP_REPLIES_TOTAL,
        Unit::Count,
        "Replies by UDP, by outcome"
    );
    metrics::describe_counter!(
        DHCP_REPLIES_LARGE_TOTAL,
        Unit::Count,
        "Replies by UDP above 1232 octets"
    );
    metrics::describe_counter!(DHCP_RECONFIGURES_TOTAL, Unit::Count, "RECONFIGURE messages");
    metrics::describe_gauge!(DHCP_POOL_TAKEN, Unit::Count, "Leases of a pool in use");
    metrics::describe_gauge!(DHCP_POOL_SIZE, Unit::Count, "Leases of a pool");
}

/// The counters a connection touches with every message, looked up once.
#[derive(Clone)]
pub struct BulkCounters {
    /// [`CONNECTIONS`]
    pub connections: Gauge,
    /// [`QUERIES`]
    pub queries: Gauge,
    /// [`BINDINGS_TOTAL`]
    pub bindings: Counter,
    /// [`OCTETS_TOTAL`]
    pub octets: Counter,
    /// [`QUERY_SECONDS`]
    pub query_seconds: Histogram,
}

impl BulkCounters {
    /// Looks them up.
    pub fn new() -> Self {
        Self {
            connections: metrics::gauge!(CONNECTIONS),
            queries: metrics::gauge!(QUERIES),
            bindings: metrics::counter!(BINDINGS_TOTAL),
            octets: metrics::counter!(OCTETS_TOTAL),
            query_seconds: metrics::histogram!(QUERY_SECONDS),
        }
    }
}

impl Default for BulkCounters {
    fn default() -> Self {
        Self::new()
    }
}

/// Counts a connection accepted.
pub fn count_connection(outcome: &'static str) {
    metrics::counter!(CONNECTIONS_TOTAL, "outcome" => outcome).increment(1);
}

/// Counts a query answered; `None` is a type that does not exist.
pub fn count_query(kind: Option<QueryKind>, outcome: &'static str) {
    let kind = kind.map_or("unknown", QueryKind::name);
    metrics::counter!(QUERIES_TOTAL, "type" => kind, "outcome" => outcome).increment(1);
}

/// Counts `times` messages dropped.
pub fn count_dropped(kind: &'static str, times: u64) {
    metrics::counter!(DROPPED_TOTAL, "kind" => kind).increment(times);
}

/// Tells how many bindings the book has.
pub fn tell_bindings(count: u64) {
    // A gauge is a float; above 2^53 bindings it would round.
    #[expect(clippy::cast_precision_loss, reason = "no book has 2^53 bindings")]
    metrics::gauge!(STORE_BINDINGS).set(count as f64);
}

/// Counts a reload.
pub fn count_reload(outcome: &'static str) {
    metrics::counter!(RELOADS_TOTAL, "outcome" => outcome).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_have_bounded_labels_and_units_in_their_names() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            describe();
            count_query(Some(QueryKind::RelayId), "complete");
            count_query(None, "refused");
            count_dropped("malformed", 1);
            count_connection("opened");
            let counters = BulkCounters::new();
            counters.bindings.increment(7);
            counters.connections.increment(1.0);
        });
        let told = handle.render();
        for line in [
            "leasebook_bulk_queries_total{type=\"relay-id\",outcome=\"complete\"} 1",
            "leasebook_bulk_queries_total{type=\"unknown\",outcome=\"refused\"} 1",
            "leasebook_bulk_messages_dropped_total{kind=\"malformed\"} 1",
            "leasebook_bulk_connections_total{outcome=\"opened\"} 1",
            "leasebook_bulk_bindings_sent_total 7",
            "leasebook_bulk_connections 1",
            "# HELP leasebook_bulk_bindings_sent_total Messages with a binding sent",
        ] {
            assert!(told.contains(line), "{line} is missing in\n{told}");
        }
    }
}

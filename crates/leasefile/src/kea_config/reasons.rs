//! Why a setting of Kea has no counterpart in leasebook.toml.

/// The reason for a key, wherever it stands.
pub(super) fn reason(key: &str) -> &'static str {
    match key {
        "min-valid-lifetime"
        | "max-valid-lifetime"
        | "min-preferred-lifetime"
        | "max-preferred-lifetime"
        | "adaptive-lease-time-threshold" => "leasebook gives one lifetime, whatever is wished for",
        "calculate-tee-times" | "t1-percent" | "t2-percent" => {
            "T1 and T2 are 0.5 and 0.8 of the preferred lifetime, or t1 and t2 as written"
        }
        "cache-threshold" | "cache-max-age" => "leasebook writes every renewal down",
        "allocator" | "pd-allocator" => {
            "pools give random leases unless the subnet says otherwise; see order"
        }
        "option-def" => "options are written by code and type where they are sent",
        "template-test" => "a class for each value of something has no counterpart",
        "require-client-classes"
        | "evaluate-additional-classes"
        | "only-if-required"
        | "only-in-additional-list" => "a class holds for its clients wherever they are",
        "pool-id" => "pools have no numbers in leasebook",
        "dhcp4o6-port" => "leasebook does not speak DHCPv4",
        "hooks-libraries" => "leasebook has no hooks",
        "hosts-database" | "hosts-databases" => {
            "reservations stand in the configuration file; write them there"
        }
        "host-reservation-identifiers"
        | "reservations-global"
        | "reservations-in-subnet"
        | "reservations-out-of-pool"
        | "reservations-lookup-first"
        | "early-global-reservations-lookup"
        | "ip-reservations-unique" => {
            "leasebook looks for a client's reservations on its link, then for those on every link"
        }
        "control-socket" | "control-sockets" | "config-control" | "server-tag" => {
            "leasebook is controlled by its configuration file and signals"
        }
        "loggers" | "Logging" => "leasebook logs to standard error; see [log]",
        "multi-threading" | "dhcp-queue-control" | "parked-packet-limit" => {
            "leasebook needs no such tuning"
        }
        "expired-leases-processing" | "sanity-checks" | "compatibility" => {
            "leasebook does so by itself"
        }
        "statistic-default-sample-count" | "statistic-default-sample-age" => {
            "leasebook tells its counters at [metrics]"
        }
        "mac-sources" => "leasebook takes hardware addresses from options alone",
        "trust-anchor" | "cert-file" | "key-file" | "cert-required" => {
            "leasebook does not speak TLS; keep it on a network you trust or in a tunnel"
        }
        "prefix-lengths" => "leasebook finds delegated prefixes of every length",
        "extended-info-tables-enabled" => "leasebook always keeps the relays of its leases",
        "active-query-enabled" => "Active Leasequery is not in this version, nor in Kea",
        "max-bulk-query-threads" | "max-leases-per-fetch" => {
            "leasebook streams; there is nothing to set"
        }
        key if key.starts_with("ddns-")
            || key.starts_with("hostname-char")
            || key == "dhcp-ddns" =>
        {
            "leasebook does not update the DNS"
        }
        _ => "leasebook has no such setting",
    }
}

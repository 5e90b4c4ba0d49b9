//! Why a setting of Kea has no counterpart in leasebook.toml.

/// The reason for a key, wherever it stands.
pub(super) fn reason(key: &str) -> &'static str {
    match key {
        "valid-lifetime"
        | "preferred-lifetime"
        | "min-valid-lifetime"
        | "max-valid-lifetime"
        | "min-preferred-lifetime"
        | "max-preferred-lifetime"
        | "renew-timer"
        | "rebind-timer"
        | "calculate-tee-times"
        | "t1-percent"
        | "t2-percent"
        | "cache-threshold"
        | "cache-max-age"
        | "adaptive-lease-time-threshold"
        | "rapid-commit"
        | "allocator"
        | "pd-allocator"
        | "decline-probation-period"
        | "allow-address-registration" => {
            "leasebook answers for leases and does not give new ones yet"
        }
        "option-data" | "option-def" | "relay-supplied-options" => {
            "options for clients have no setting; imported leases keep those they have"
        }
        "client-class"
        | "client-classes"
        | "require-client-classes"
        | "evaluate-additional-classes" => "leasebook has no client classes",
        "pool-id" => "pools have no numbers in leasebook",
        "interfaces-config" | "interface" | "dhcp4o6-port" => {
            "leasebook finds links by their prefixes and their relays, not by interfaces"
        }
        "hooks-libraries" => "leasebook has no hooks",
        "hosts-database"
        | "hosts-databases"
        | "host-reservation-identifiers"
        | "reservations-global"
        | "reservations-in-subnet"
        | "reservations-out-of-pool"
        | "reservations-lookup-first"
        | "early-global-reservations-lookup"
        | "ip-reservations-unique" => "leasebook has no reservations",
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

//! Every keyword of Kea's DHCPv6 server, and what becomes of it.
//!
//! The reasons that are listed and the table of docs/migrate.md come from here. A test goes through
//! all of it with a configuration for each keyword, so that none is carried here and forgotten
//! there.

use std::fmt::Write as _;

/// A keyword, or several that go together.
#[derive(Clone, Copy, Debug)]
pub struct Keyword {
    /// As Kea writes them.
    pub keys: &'static [&'static str],
    /// Where they stand: Kea's own name for the list or map, `Dhcp6` for the server's.
    pub place: &'static str,
    /// What becomes of them.
    pub fate: Fate,
}

/// What becomes of a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is carried, as this. What of its values is not, is listed.
    Carried(&'static str),
    /// It is listed with its line, and this.
    Listed(&'static str),
    /// It is passed over, since it makes no difference: why.
    Idle(&'static str),
}

use Fate::{Carried, Idle, Listed};

/// The levels that most settings may stand at.
const LEVELS: &str = "Dhcp6, shared-networks, subnet6";
/// The levels below the server.
const LINKS: &str = "shared-networks, subnet6";
/// Links and what is leased on them.
const POOLS: &str = "shared-networks, subnet6, pools, pd-pools";

/// All keywords, in the order in which docs/migrate.md tells them.
pub static KEYWORDS: &[Keyword] = &[
    // What the server is.
    keyword(
        &["server-id"],
        "Dhcp6",
        Carried("`server-id`; one that leaves parts for Kea to make up is listed"),
    ),
    keyword(
        &["interfaces-config"],
        "Dhcp6",
        Carried(
            "`interfaces` of links, `dhcp.relay-interfaces`; `*` is listed, as are the ways to open sockets",
        ),
    ),
    keyword(
        &["lease-database"],
        "Dhcp6",
        Carried("the command that imports the leases, in the first lines; a database is listed"),
    ),
    keyword(
        &["hosts-database", "hosts-databases"],
        "Dhcp6",
        Listed("reservations stand in the configuration file; write those of the database there"),
    ),
    keyword(
        &["hooks-libraries"],
        "Dhcp6",
        Carried(
            "`[bulk]` by the lease_query hook, the identifiers of reservations by the flex_id hook; others are listed with what stands in for them",
        ),
    ),
    keyword(
        &["data-directory"],
        "Dhcp6",
        Listed(
            "Kea looks for its files there; name the lease file by its whole path when you import it",
        ),
    ),
    keyword(
        &[
            "control-socket",
            "control-sockets",
            "config-control",
            "server-tag",
        ],
        "Dhcp6",
        Listed(
            "leasebook is controlled by its configuration file and signals: change the file, and reload",
        ),
    ),
    keyword(
        &["loggers"],
        "Dhcp6",
        Listed("leasebook logs to standard error; set [log]"),
    ),
    keyword(
        &[
            "multi-threading",
            "dhcp-queue-control",
            "parked-packet-limit",
        ],
        "Dhcp6",
        Listed("leasebook needs no such tuning; nothing is to be done"),
    ),
    keyword(
        &["expired-leases-processing", "sanity-checks"],
        "Dhcp6",
        Listed("leasebook ends and checks leases by itself; nothing is to be done"),
    ),
    keyword(
        &["compatibility"],
        "Dhcp6",
        Listed("what a client sends is read by the RFCs alone; see that no client depends on it"),
    ),
    keyword(
        &[
            "statistic-default-sample-count",
            "statistic-default-sample-age",
        ],
        "Dhcp6",
        Listed("counters keep no samples; have [metrics] gathered by Prometheus"),
    ),
    keyword(
        &["dhcp4o6-port"],
        "Dhcp6",
        Listed("leasebook does not speak DHCPv4; keep Kea for those clients"),
    ),
    keyword(
        &["store-extended-info"],
        LEVELS,
        Carried(
            "the relays of each binding are always kept; without it a comment says that imported leases have none",
        ),
    ),
    // Lifetimes and timers.
    keyword(
        &["preferred-lifetime", "valid-lifetime"],
        "Dhcp6, shared-networks, subnet6, client-classes",
        Carried(
            "`preferred-lifetime` and `valid-lifetime` of the level, 0.625 of the valid one where no preferred one fits",
        ),
    ),
    keyword(
        &[
            "min-preferred-lifetime",
            "max-preferred-lifetime",
            "min-valid-lifetime",
            "max-valid-lifetime",
        ],
        "Dhcp6, shared-networks, subnet6, client-classes",
        Carried(
            "the lifetime where it stands alone; beside another one it is listed, since every client gets the same",
        ),
    ),
    keyword(
        &["renew-timer", "rebind-timer"],
        LEVELS,
        Carried("`t1` and `t2` of the level; a T1 that is not below T2 is 0s, as Kea sends it"),
    ),
    keyword(
        &["calculate-tee-times", "t1-percent", "t2-percent"],
        LEVELS,
        Carried("`t1` and `t2` of the level, reckoned from its preferred lifetime"),
    ),
    keyword(
        &["adaptive-lease-time-threshold"],
        LEVELS,
        Listed(
            "lifetimes are the same however full a pool is; dhcp.pool-warning tells of one that fills",
        ),
    ),
    keyword(
        &["cache-threshold", "cache-max-age"],
        LEVELS,
        Listed("every renewal is written down, at little cost; nothing is to be done"),
    ),
    keyword(
        &["decline-probation-period"],
        "Dhcp6",
        Carried("`dhcp.probation`, 365d at most"),
    ),
    keyword(
        &["rapid-commit"],
        LINKS,
        Carried(
            "`rapid-commit` of the link; subnets of one network that differ, which Kea refuses, are listed",
        ),
    ),
    // Links.
    keyword(
        &["shared-networks"],
        "Dhcp6",
        Carried("a `[[link]]` each; what its subnets set for themselves is set for their pools"),
    ),
    keyword(
        &["subnet6"],
        "Dhcp6, shared-networks",
        Carried("a `[[link]]` each, or a part of its network's"),
    ),
    keyword(&["name"], "shared-networks", Carried("`name`")),
    keyword(
        &["id"],
        "subnet6",
        Carried(
            "`id`, with others of a network in `kea-subnet-ids`; where it is missing, the one of Kea before 3.0 is taken and listed",
        ),
    ),
    keyword(&["subnet"], "subnet6", Carried("`on-link`")),
    keyword(
        &["interface"],
        LINKS,
        Carried("`interfaces`; one that two links name is listed"),
    ),
    keyword(
        &["interface-id"],
        LINKS,
        Carried(
            "`interface-ids`, and listed: leasebook looks at it where a relay sets no link-address, Kea before that",
        ),
    ),
    keyword(&["relay"], LINKS, Carried("`relay-addresses`")),
    keyword(&["pools"], "subnet6", Carried("`[[link.pool]]`")),
    keyword(&["pool"], "pools", Carried("`addresses`")),
    keyword(&["pd-pools"], "subnet6", Carried("`[[link.prefix-pool]]`")),
    keyword(
        &["prefix", "prefix-len", "delegated-len"],
        "pd-pools",
        Carried("`prefix` and `delegated-length`"),
    ),
    keyword(
        &["excluded-prefix", "excluded-prefix-len"],
        "pd-pools",
        Carried("`pd-exclude`"),
    ),
    keyword(
        &["pool-id"],
        "pools, pd-pools",
        Listed("pools have no numbers; `leasebook leases stats` counts each by its prefix"),
    ),
    keyword(
        &["allocator", "pd-allocator"],
        LEVELS,
        Carried(
            "`order = \"lowest\"` where it is `iterative` in so many words; leases are drawn at random otherwise",
        ),
    ),
    // Options.
    keyword(
        &["option-def"],
        "Dhcp6, client-classes",
        Carried("the values of the options it defines, records, arrays and options in options too"),
    ),
    keyword(
        &[
            "name",
            "code",
            "type",
            "record-types",
            "space",
            "encapsulate",
            "array",
        ],
        "option-def",
        Carried("the values of the options it defines"),
    ),
    keyword(
        &["option-data"],
        "Dhcp6, shared-networks, subnet6, pools, pd-pools, client-classes, reservations",
        Carried(
            "`options` of the level; what leasebook makes itself, or has another range for, is listed",
        ),
    ),
    keyword(
        &["name", "code", "space", "data", "csv-format"],
        "option-data",
        Carried(
            "by name where leasebook has one, else by code; options in another's space within that one",
        ),
    ),
    keyword(
        &["always-send"],
        "option-data",
        Carried("`always`; of a vendor's option it is listed"),
    ),
    keyword(
        &["never-send"],
        "option-data",
        Carried("nothing where it is false; else it is listed"),
    ),
    keyword(
        &["client-classes"],
        "option-data",
        Listed("an option for some classes: write it into options of these classes"),
    ),
    keyword(&["relay-supplied-options"], "Dhcp6", Carried("`dhcp.rsoo`")),
    // Classes.
    keyword(
        &["client-classes"],
        "Dhcp6",
        Carried(
            "a `[[class]]` each, with nobody in it where its test cannot be said; DROP is denied on every link",
        ),
    ),
    keyword(&["name"], "client-classes", Carried("`name`")),
    keyword(
        &["test"],
        "client-classes",
        Carried(
            "`members`, if it is made of `==`, `exists`, `substring`, `member`, `and`, `or`, `not` over options, vendor-class, and link-address, peer-address and options 18, 37, 38, 53 and 79 of relays",
        ),
    ),
    keyword(
        &["template-test"],
        "client-classes",
        Carried(
            "`members` of the class and of those made of it that the file names, if it takes one option or a part of it; and listed",
        ),
    ),
    keyword(
        &["only-if-required", "only-in-additional-list"],
        "client-classes",
        Carried("`members` on the links alone that have it evaluated"),
    ),
    keyword(
        &["require-client-classes", "evaluate-additional-classes"],
        POOLS,
        Carried(
            "`members` with the link; where it is a pool or one subnet of several, it is listed",
        ),
    ),
    keyword(
        &["client-class", "client-classes"],
        POOLS,
        Carried(
            "`allow` of the link, `classes` of the pool; KNOWN and UNKNOWN are classes by `reserved`, those of VENDOR_CLASS_ by the option",
        ),
    ),
    // Reservations.
    keyword(
        &["reservations"],
        "Dhcp6, subnet6",
        Carried(
            "`[[reservation]]` and `[[link.reservation]]`; those that Kea does not look at are listed",
        ),
    ),
    keyword(&["duid"], "reservations", Carried("`duid`")),
    keyword(
        &["hw-address"],
        "reservations",
        Carried(
            "`link-layer`, and listed: it is what a relay tells, in Kea also what the DUID tells",
        ),
    ),
    keyword(
        &["flex-id"],
        "reservations",
        Carried(
            "what the flex_id hook's expression stands for, if that is a DUID, or option 18, 37, 38 or 79 of a relay; else it is listed",
        ),
    ),
    keyword(
        &["ip-addresses", "prefixes"],
        "reservations",
        Carried("`addresses`, `prefixes`"),
    ),
    keyword(
        &["excluded-prefixes"],
        "reservations",
        Listed(
            "a reserved prefix is delegated whole; write pd-exclude for a pool of prefixes instead",
        ),
    ),
    keyword(
        &["hostname"],
        "reservations",
        Carried("`name`, told back as it is written"),
    ),
    keyword(
        &["client-classes"],
        "reservations",
        Carried("a member more of each class, on the reservation's link"),
    ),
    keyword(
        &["host-reservation-identifiers"],
        "Dhcp6",
        Carried("reservations by other identifiers, which Kea does not look at, are listed"),
    ),
    keyword(
        &[
            "reservations-global",
            "reservations-in-subnet",
            "reservation-mode",
        ],
        LEVELS,
        Carried(
            "what Kea does not look at is listed; a global reservation that some links alone look at is written for each of them",
        ),
    ),
    keyword(
        &["reservations-out-of-pool"],
        LEVELS,
        Idle("a reserved lease is nobody else's, in a pool or out of it"),
    ),
    keyword(
        &["early-global-reservations-lookup"],
        "Dhcp6",
        Carried(
            "classes of global reservations hold everywhere; leasebook knows them before everything else",
        ),
    ),
    keyword(
        &["reservations-lookup-first"],
        "Dhcp6",
        Listed("leasebook always looks for reservations first; nothing is to be done"),
    ),
    keyword(
        &["ip-reservations-unique"],
        "Dhcp6",
        Listed(
            "`leasebook check` warns of a lease that is reserved twice; who comes first gets it",
        ),
    ),
    keyword(
        &["mac-sources"],
        "Dhcp6",
        Listed(
            "link-layer addresses are those that relays tell (RFC 6939); reserve by duid where they do not",
        ),
    ),
    // The rest.
    keyword(
        &["allow-address-registration"],
        "Dhcp6",
        Carried("`dhcp.register-addresses`"),
    ),
    keyword(&["dhcp-ddns"], "Dhcp6", Listed(NO_DNS)),
    keyword(
        &[
            "ddns-send-updates",
            "ddns-override-no-update",
            "ddns-override-client-update",
            "ddns-replace-client-name",
            "ddns-generated-prefix",
            "ddns-qualifying-suffix",
            "ddns-update-on-renew",
            "ddns-use-conflict-resolution",
            "ddns-conflict-resolution-mode",
            "ddns-ttl",
            "ddns-ttl-min",
            "ddns-ttl-max",
            "ddns-ttl-percent",
            "hostname-char-set",
            "hostname-char-replacement",
        ],
        "Dhcp6, shared-networks, subnet6, pools",
        Listed(NO_DNS),
    ),
    keyword(
        &["comment", "user-context", "metadata"],
        "everywhere",
        Idle("they are remarks, unless a hook reads them"),
    ),
];

/// Why nothing of the DNS is carried.
const NO_DNS: &str = "leasebook does not update the DNS, and tells clients to do so themselves; have \
                      what should be updated made from `leasebook leases export`";

/// Keywords of hooks and maps within, and why they are not carried.
const WITHIN: &[(&str, &str)] = &[
    ("trust-anchor", NO_TLS),
    ("cert-file", NO_TLS),
    ("key-file", NO_TLS),
    ("cert-required", NO_TLS),
    (
        "re-detect",
        "interfaces that come and go are followed; nothing is to be done",
    ),
    ("service-sockets-require-all", NO_SOCKETS),
    ("service-sockets-retry-wait-time", NO_SOCKETS),
    ("service-sockets-max-retries", NO_SOCKETS),
    (
        "prefix-lengths",
        "leasebook finds delegated prefixes of every length; nothing is to be done",
    ),
    (
        "extended-info-tables-enabled",
        "leasebook always keeps the relays of its leases; nothing is to be done",
    ),
    (
        "max-bulk-query-threads",
        "leasebook streams; there is nothing to set",
    ),
    (
        "max-leases-per-fetch",
        "leasebook streams; there is nothing to set",
    ),
    (
        "active-query-enabled",
        "Active Leasequery is not in this version, nor in Kea; ask in bulk",
    ),
];

/// Why nothing is carried of how sockets are opened.
const NO_SOCKETS: &str = "a socket of [listen] that cannot be opened stops the start; have systemd \
                          start leasebook again";

/// Why certificates are not carried.
const NO_TLS: &str = "leasebook does not speak TLS; keep it on a network you trust or in a tunnel";

const fn keyword(keys: &'static [&'static str], place: &'static str, fate: Fate) -> Keyword {
    Keyword { keys, place, fate }
}

/// The reason for a key that is not carried, wherever it stands.
pub(super) fn reason(key: &str) -> &'static str {
    let listed = KEYWORDS.iter().find_map(|keyword| match keyword.fate {
        Listed(reason) if keyword.keys.contains(&key) => Some(reason),
        _ => None,
    });
    let within = || WITHIN.iter().find(|(known, _)| *known == key);
    listed
        .or_else(|| within().map(|(_, reason)| *reason))
        .unwrap_or("leasebook has no such setting; see what it does for you")
}

/// The table of docs/migrate.md.
pub fn keyword_table() -> String {
    let mut table =
        "| Kea's keyword | stands in | what becomes of it |\n|---|---|---|\n".to_owned();
    for keyword in KEYWORDS {
        let keys: Vec<String> = keyword.keys.iter().map(|key| format!("`{key}`")).collect();
        let fate = match keyword.fate {
            Carried(what) => what.to_owned(),
            Listed(reason) => format!("listed: {reason}"),
            Idle(why) => format!("nothing: {why}"),
        };
        let _ = writeln!(
            table,
            "| {} | {} | {fate} |",
            keys.join(", "),
            keyword.place
        );
    }
    table
}

#[cfg(test)]
mod tests;

//! The file types: the shape of `leasebook.toml` and the words of its example.
//!
//! The doc comment of each setting is its documentation everywhere: here, in the commented
//! example and in `docs/configuration.md`. A line `Default: ...` and a line `Range: A to B`
//! are held against the code by tests. Fields keep their spans, so that what is found wrong
//! later still has its place.
#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "brackets in these texts are for people: they are help and examples"
)]
#![allow(
    clippy::doc_link_with_quotes,
    reason = "the comments are TOML's documentation, and its lists look so"
)]

use std::net::{Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv6Net};
use serde::Deserialize;
use toml::Spanned;

use super::runtime::{LogClients, LogFormat, LogLevel, QueryKind, Timers, Unlisted};
use super::values::{
    AddressRange, Exclusion, InterfaceId, Lifetime, Number, PoolOrder, Text, Time, UdpAddress,
};
use leasebook_wire::Duid;

/// A setting that may be left out.
type Setting<T> = Option<Spanned<T>>;
/// A list in which each element keeps its place.
type List<T> = Option<Vec<Spanned<T>>>;

/// The documentation of a section of the file.
pub(super) struct SectionDoc {
    /// As in the file, such as `bulk` or `bulk.allow`; empty for the top.
    pub(super) name: &'static str,
    /// The lines of its doc comment.
    pub(super) lines: &'static [&'static str],
    /// Its settings.
    pub(super) settings: &'static [SettingDoc],
}

/// The documentation of one setting.
pub(super) struct SettingDoc {
    /// The field; the file writes `-` for `_`.
    pub(super) field: &'static str,
    /// The lines of its doc comment.
    pub(super) lines: &'static [&'static str],
}

/// Declares a table of the file: the type serde fills.
macro_rules! table {
    (
        $(#[doc = $table_line:literal])*
        $type:ident {
            $( $(#[doc = $line:literal])* $field:ident : $setting:ty, )*
        }
    ) => {
        $(#[doc = $table_line])*
        #[derive(Debug, Default, Deserialize)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
        pub(in crate::config) struct $type {
            $( $(#[doc = $line])* pub(in crate::config) $field: $setting, )*
        }
    };
}

/// Declares a section: a table, and its documentation.
macro_rules! section {
    (
        $(#[doc = $section_line:literal])*
        $type:ident in $name:literal {
            $( $(#[doc = $line:literal])* $field:ident : $setting:ty, )*
        }
    ) => {
        table! {
            $(#[doc = $section_line])*
            $type { $( $(#[doc = $line])* $field : $setting, )* }
        }

        impl $type {
            /// What the example says about this section.
            pub(in crate::config) const DOC: SectionDoc = SectionDoc {
                name: $name,
                lines: &[$($section_line),*],
                settings: &[$(SettingDoc {
                    field: stringify!($field),
                    lines: &[$($line),*],
                }),*],
            };
        }
    };
}

mod clients;
mod dhcp;
mod options;
mod relay;

pub(super) use clients::{ClassFile, MatchFile, OptionMatchFile, ReservationFile};
pub(super) use dhcp::{DhcpFile, Level};
pub(super) use options::{CustomFile, Filled, OptionsFile, VendorFile};
pub(super) use relay::{
    FilterFile, LightweightFile, LightweightInterfaceFile, LimitsFile, RecoveryFile, RelayFile,
    RelayInterfaceFile, RelayServerFile, RoutesFile, VrfFile,
};

section! {
    /// The configuration of `leasebook serve`. What is commented out shows its default or a
    /// sample; times are written with a unit: ms, s, m, h, d.
    File in "" {
        /// The directory of the store: journal, ledger, and the server-id if none is set.
        /// Default: "/var/lib/leasebook"
        data: Setting<String>,
        /// This server's DUID in hex, 3 to 130 octets. Left out, a DUID-UUID is made once
        /// and kept in the file server-id beside the data. Source: RFC 8415 §11, D-31.
        server_id: Setting<Text<Duid>>,
        /// Whose timers are the defaults: "draft" (data timeout 30 s, draft §4.6) or
        /// "rfc5460" (300 s, RFC 5460 §5.6).
        /// Default: "draft"
        timers: Setting<Text<Timers>>,
        /// Codes of options that no query is ever told, asked for or not.
        /// Default: []. Range: 1 to 65535. Source: RFC 5007 §5.
        sensitive_options: List<Number<1, 65535>>,
        /// Where to listen.
        listen: ListenFile,
        /// The Bulk Leasequery server.
        bulk: BulkFile,
        /// Counters.
        metrics: MetricsFile,
        /// The log.
        log: LogFile,
        /// The DHCPv6 server.
        dhcp: DhcpFile,
        /// Classes of clients.
        class: Vec<Spanned<ClassFile>>,
        /// Reservations on every link.
        reservation: Vec<Spanned<ReservationFile>>,
        /// The links.
        link: Vec<Spanned<LinkFile>>,
    }
}

section! {
    /// Where to listen: "ADDRESS:PORT", every one a socket of its own.
    ListenFile in "listen" {
        /// For Bulk Leasequery over TCP; an empty list switches it off.
        /// Default: ["[::]:547"]. Source: RFC 5460 §5.6.
        tcp: List<Text<SocketAddr>>,
        /// For DHCPv6 and Leasequery over UDP; an empty list switches both off. For a VRF, or one
        /// interface alone, its name stands behind the port: "[::]:547%vrf-red".
        /// Default: []. Source: RFC 8415 §7.2, RFC 5007 §4.2.
        udp: List<Text<UdpAddress>>,
    }
}

section! {
    /// The Bulk Leasequery server: limits, timers and rights. Can be changed while running:
    /// `systemctl reload leasebook`, or SIGHUP.
    BulkFile in "bulk" {
        /// Connections accepted and active at once (BULK_LQ_MAX_CONNS).
        /// Default: 10. Range: 1 to 100000. Source: draft §4.6, RFC 5460 §5.6.
        max_connections: Setting<Number<1, 100_000>>,
        /// Connections of one source address at once; not above max-connections.
        /// Default: max-connections. Range: 1 to 100000. Source: draft §7.
        max_connections_per_source: Setting<Number<1, 100_000>>,
        /// Queries in progress on one connection; 1 makes it sequential. More wait unread.
        /// Default: 4. Range: 1 to 1024. Source: draft §6.3.
        queries_per_connection: Setting<Number<1, 1024>>,
        /// Queries in progress of one source address, over all its connections.
        /// Default: 16. Range: 1 to 65536. Source: draft §6.3.
        queries_per_source: Setting<Number<1, 65536>>,
        /// Queries a second of one source address, on average, over TCP and UDP each; four
        /// seconds' worth may come at once. Over TCP more of them wait, over UDP they are
        /// dropped. 0 is no limit.
        /// Default: 0. Range: 0 to 1000000. Source: RFC 5007 §5.
        queries_per_second: Setting<Number<0, 1_000_000>>,
        /// A connection that waits this long for an octet to come or go is closed
        /// (BULK_LQ_DATA_TIMEOUT). Less than the default gets a warning.
        /// Default: by timers. Range: 1s to 1h. Source: draft §4.6, RFC 5460 §5.6.
        data_timeout: Setting<Text<Time<1, 3600>>>,
        /// A connection without a query in progress is closed after this time.
        /// Default: data-timeout. Range: 1s to 1d. Source: draft §6.4.
        idle_timeout: Setting<Text<Time<1, 86400>>>,
        /// Query types answered at all; others get UnknownQueryType.
        /// Default: ["address", "client-id", "relay-id", "link-address", "remote-id"]
        types: Option<Spanned<Vec<Spanned<Text<QueryKind>>>>>,
        /// What becomes of sources not listed below: "close" at once, or "refuse" each query
        /// with NotAllowed.
        /// Default: "close". Source: draft §6.1.
        unlisted: Setting<Text<Unlisted>>,
        /// Who may ask.
        allow: Vec<Spanned<AllowFile>>,
    }
}

section! {
    /// Who may ask what; one section for each source. Without any, only this machine itself
    /// may ask, over loopback. The longest matching prefix decides. Source: draft §6.1, D-35.
    AllowFile in "bulk.allow" {
        /// The prefix or address asked from. Required.
        source: Setting<Text<IpNet>>,
        /// The query types allowed; others get NotAllowed.
        /// Default: all five
        types: Option<Spanned<Vec<Spanned<Text<QueryKind>>>>>,
    }
}

section! {
    /// Counters in Prometheus' text form, at http://ADDRESS:PORT/metrics.
    MetricsFile in "metrics" {
        /// Where to tell them; nowhere if left out. Anyone who reaches it can read it, so an
        /// address that is not loopback gets a warning.
        listen: Setting<Text<SocketAddr>>,
    }
}

section! {
    /// The log, on standard error. docs/messages.md explains every event.
    LogFile in "log" {
        /// The least important level shown: "error", "warn", "info", "debug" or "trace".
        /// Default: "info"
        level: Setting<Text<LogLevel>>,
        /// "text" for people, "json" for machines, "journald" under systemd.
        /// Default: "text"
        format: Setting<Text<LogFormat>>,
        /// What identifies clients in the log, their DUIDs, addresses and prefixes: "full",
        /// "short" (four octets of a DUID, 48 bits of an address), or "none".
        /// Default: "full". Source: RFC 8415 §23.
        clients: Setting<Text<LogClients>>,
    }
}

section! {
    /// The links clients are on; one section for each. A query's link-address selects the
    /// links whose on-link prefixes contain it, the longest match first, and those that have
    /// it among their relay-addresses; so does that of a client's relay. Source: RFC 5007
    /// §4.1.2.1, RFC 8415 §13.1, D-04.
    LinkFile in "link" {
        /// The link's number in the store. Never give it to another link later. Required.
        /// Range: 1 to 4294967294.
        id: Setting<Number<1, 0xffff_fffe>>,
        /// A name for people, up to 64 characters, different for every link. Required.
        name: Setting<String>,
        /// The Kea subnets whose imported leases are on this link.
        /// Default: [id]. Range: 1 to 4294967294.
        kea_subnet_ids: List<Number<1, 0xffff_fffe>>,
        /// Prefixes on the link.
        /// Default: []
        on_link: List<Text<Ipv6Net>>,
        /// Addresses that relays put into link-address for this link, if they are not in
        /// on-link. A link-local address matches only if it is listed here.
        /// Default: []
        relay_addresses: List<Text<Ipv6Addr>>,
        /// Interface-IDs that mean this link where a relay gives no link-address: text, or
        /// hex after 0x.
        /// Default: []
        interface_ids: List<Text<InterfaceId>>,
        /// This machine's interfaces whose directly attached clients are on this link.
        /// Default: []
        interfaces: List<String>,
        /// Addresses, "FIRST-LAST" and prefixes that no one gets unless they are reserved.
        /// Default: []
        exclusions: List<Text<Exclusion>>,
        /// Classes that alone get an answer here; empty is everyone.
        /// Default: []
        allow: List<String>,
        /// Classes that get no answer here, whatever else they are.
        /// Default: []
        deny: List<String>,
        /// This and what follows as in [dhcp], for this level; both lifetimes together, and t1
        /// with t2.
        preferred_lifetime: Setting<Text<Lifetime>>,
        valid_lifetime: Setting<Text<Lifetime>>,
        t1: Setting<Text<Lifetime>>,
        t2: Setting<Text<Lifetime>>,
        rapid_commit: Setting<bool>,
        delegated_length: Setting<Number<1, 128>>,
        /// Options for clients, as in [dhcp.options].
        options: OptionsFile,
        /// Address pools.
        pool: Vec<Spanned<PoolFile>>,
        /// Prefix pools.
        prefix_pool: Vec<Spanned<PrefixPoolFile>>,
        /// Reservations on this link.
        reservation: Vec<Spanned<ReservationFile>>,
    }
}

section! {
    /// Addresses leased on the link above; within its on-link prefixes. Pools are tried in
    /// the order of the file.
    PoolFile in "link.pool" {
        /// "PREFIX/LENGTH" or "FIRST-LAST". Required.
        addresses: Setting<Text<AddressRange>>,
        /// How an address is chosen: "random", so that none can be guessed (RFC 7824), or the
        /// "lowest" that is free.
        /// Default: "random"
        order: Setting<Text<PoolOrder>>,
        /// Classes that alone draw from the pool; empty is everyone.
        /// Default: []
        classes: List<String>,
        /// This and what follows as in [dhcp], for this level; both lifetimes together, and t1
        /// with t2.
        preferred_lifetime: Setting<Text<Lifetime>>,
        valid_lifetime: Setting<Text<Lifetime>>,
        t1: Setting<Text<Lifetime>>,
        t2: Setting<Text<Lifetime>>,
        rapid_commit: Setting<bool>,
        /// Options for clients, as in [dhcp.options].
        options: OptionsFile,
    }
}

section! {
    /// Prefixes delegated to clients of the link above. Pools are tried in the order of the
    /// file.
    PrefixPoolFile in "link.prefix-pool" {
        /// The whole that is cut into delegated prefixes. Required.
        prefix: Setting<Text<Ipv6Net>>,
        /// The length of a delegated prefix, not below that of the whole. Required.
        /// Range: 1 to 128.
        delegated_length: Setting<Number<1, 128>>,
        /// A part of each delegated prefix that its client must not use, such as the link to
        /// it: "PREFIX/LENGTH", of which the bits behind delegated-length count. The length is
        /// above delegated-length. Source: RFC 6603.
        pd_exclude: Setting<Text<Ipv6Net>>,
        /// As in [[link.pool]].
        /// Default: "random"
        order: Setting<Text<PoolOrder>>,
        /// Classes that alone draw from the pool; empty is everyone.
        /// Default: []
        classes: List<String>,
        /// This and what follows as in [dhcp], for this level; both lifetimes together, and t1
        /// with t2.
        preferred_lifetime: Setting<Text<Lifetime>>,
        valid_lifetime: Setting<Text<Lifetime>>,
        t1: Setting<Text<Lifetime>>,
        t2: Setting<Text<Lifetime>>,
        rapid_commit: Setting<bool>,
        /// Options for clients, as in [dhcp.options].
        options: OptionsFile,
    }
}

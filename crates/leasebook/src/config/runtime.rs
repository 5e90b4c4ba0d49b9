//! What the rest of the program sees of the configuration.
//!
//! Every value here is resolved: defaults filled in, ranges checked, texts parsed.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::{IpNet, Ipv6Net};

use leasebook_protocol::server;
use leasebook_protocol::server::config::{
    AddressPool, Class, Lifetimes, Obsolete, PrefixPool, Rates, Reservation, ServedLink, Settings,
};
use leasebook_store::{LeaseName, LinkId};
use leasebook_wire::Duid;
use leasebook_wire::code::OptionCode;

use super::values::UdpAddress;

/// The whole configuration of a server.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The directory of the store.
    pub data: PathBuf,
    /// This server's DUID, if it is configured and not kept with the data.
    pub server_id: Option<Duid>,
    /// Whose timers are the defaults.
    pub timers: Timers,
    /// Codes of options that no query is ever told. Source: BLQ-S-072.
    pub sensitive_options: Vec<u16>,
    /// Where to listen.
    pub listen: Listen,
    /// The Bulk Leasequery server.
    pub bulk: Bulk,
    /// Where counters can be read; `None`: nowhere.
    pub metrics: Option<SocketAddr>,
    /// What is logged, and how.
    pub log: Log,
    /// The DHCPv6 server, which runs where `listen.udp` is not empty.
    pub dhcp: Dhcp,
    /// Classes of clients, in the order of the file; names are unique.
    pub classes: Vec<Class>,
    /// Reservations that hold on every link.
    pub reservations: Vec<Reservation>,
    /// The links, in the order of the file; ids, names and Kea subnet ids are unique.
    pub links: Vec<LinkConfig>,
}

/// Which text the default timers come from. Source: BLQ-S-007, D-14.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timers {
    /// The draft's: data timeout 30 s. Source: draft §4.6.
    #[default]
    Draft,
    /// RFC 5460's: data timeout 300 s. Source: RFC 5460 §5.6.
    Rfc5460,
}

#[expect(
    clippy::duration_suboptimal_units,
    reason = "the numbers as the texts have them"
)]
impl Timers {
    /// `BULK_LQ_DATA_TIMEOUT`. Source: draft §4.6; RFC 5460 §5.6.
    pub fn data_timeout(self) -> Duration {
        match self {
            Self::Draft => Duration::from_secs(30),
            Self::Rfc5460 => Duration::from_secs(300),
        }
    }

    /// `BULK_LQ_CONN_TIMEOUT`, the same in both. Source: draft §4.6.
    #[expect(
        clippy::unused_self,
        reason = "a timer of the preset as the others are"
    )]
    pub fn connect_timeout(self) -> Duration {
        Duration::from_secs(30)
    }

    /// `BULK_LQ_MAX_RETRY`, the longest wait between attempts. Source: draft §4.6.
    #[expect(
        clippy::unused_self,
        reason = "a timer of the preset as the others are"
    )]
    pub fn max_retry(self) -> Duration {
        Duration::from_secs(60)
    }
}

/// Where the server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// For Bulk Leasequery.
    pub tcp: Vec<SocketAddr>,
    /// For DHCPv6 and Leasequery over UDP.
    pub udp: Vec<UdpAddress>,
}

/// Limits and rights of the Bulk Leasequery server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bulk {
    /// Connections accepted and active at once. Source: BLQ-S-002.
    pub max_connections: u32,
    /// Connections of one source address at once. Source: BLQ-S-003.
    pub max_connections_per_source: u32,
    /// Queries in progress on one connection. Source: BLQ-S-078.
    pub queries_per_connection: u32,
    /// Queries in progress of one source address. Source: BLQ-S-078.
    pub queries_per_source: u32,
    /// Queries a second of one source address; 0 is no limit. Source: SEC-006.
    pub queries_per_second: u32,
    /// Time without an octet of progress that ends a connection. Source: BLQ-S-009.
    pub data_timeout: Duration,
    /// Time without a query that ends a connection. Source: BLQ-S-082.
    pub idle_timeout: Duration,
    /// Query types answered at all; others get UnknownQueryType. Source: BLQ-S-016.
    pub types: QueryKinds,
    /// What becomes of sources not in `allow`. Source: BLQ-S-005.
    pub unlisted: Unlisted,
    /// Who may ask what; empty: loopback may ask everything. Source: D-35.
    pub allow: Vec<Allow>,
}

/// Who may ask what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// The addresses asked from.
    pub source: IpNet,
    /// What they may ask; other types get NotAllowed. Source: BLQ-S-006.
    pub types: QueryKinds,
}

/// What becomes of a connection from a source that is not listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unlisted {
    /// Closed when accepted, before it costs more than its socket.
    #[default]
    Close,
    /// Kept, and every query on it gets NotAllowed.
    Refuse,
}

/// The five query types. Source: RFC 5007 §4.1.2.1; RFC 5460 §5.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum QueryKind {
    /// QUERY_BY_ADDRESS
    Address = 1,
    /// QUERY_BY_CLIENTID
    ClientId = 2,
    /// QUERY_BY_RELAY_ID
    RelayId = 3,
    /// QUERY_BY_LINK_ADDRESS
    LinkAddress = 4,
    /// QUERY_BY_REMOTE_ID
    RemoteId = 5,
}

impl QueryKind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::Address,
        Self::ClientId,
        Self::RelayId,
        Self::LinkAddress,
        Self::RemoteId,
    ];

    /// The name in configuration, command line, logs and counters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::ClientId => "client-id",
            Self::RelayId => "relay-id",
            Self::LinkAddress => "link-address",
            Self::RemoteId => "remote-id",
        }
    }

    /// The query-type octet. Source: RFC 5007 §4.1.2.1; RFC 5460 §5.3.
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// A set of query types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct QueryKinds(u8);

impl QueryKinds {
    /// Every type.
    pub fn all() -> Self {
        QueryKind::ALL.into_iter().collect()
    }

    /// Whether the type is in the set.
    pub fn contains(self, kind: QueryKind) -> bool {
        self.0 & (1 << kind.code()) != 0
    }

    /// The types in the set, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = QueryKind> {
        QueryKind::ALL
            .into_iter()
            .filter(move |kind| self.contains(*kind))
    }

    /// Whether no type is in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<QueryKind> for QueryKinds {
    fn from_iter<I: IntoIterator<Item = QueryKind>>(kinds: I) -> Self {
        Self(
            kinds
                .into_iter()
                .fold(0, |set, kind| set | (1 << kind.code())),
        )
    }
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// The least important level shown.
    pub level: LogLevel,
    /// The form of a line.
    pub format: LogFormat,
    /// How clients are named.
    pub clients: LogClients,
}

/// How much of what identifies a client is logged: its DUID, its addresses and prefixes.
/// Source: RFC 8415 §23, SEC-027.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum LogClients {
    /// All.
    #[default]
    Full,
    /// The first four octets of a DUID, and 48 bits of addresses and prefixes.
    Short,
    /// Nothing.
    None,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// Only what stops the service or loses data.
    Error,
    /// And what needs an eye on it.
    Warn,
    /// And one line for each connection, query, start and stop.
    #[default]
    Info,
    /// And one line for each message dropped.
    Debug,
    /// And every step.
    Trace,
}

/// The form of a log line, on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people: time, level, event, fields.
    #[default]
    Text,
    /// For machines: one JSON object a line.
    Json,
    /// For systemd's journal: no time of its own, the level as `<N>` in front.
    Journald,
}

/// A link: what one configured `[[link]]` names. Source: D-04.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkConfig {
    /// Its number in the store; never reused for another link.
    pub id: u32,
    /// Its name, for people.
    pub name: String,
    /// The Kea subnets whose leases are on it.
    pub kea_subnet_ids: Vec<u32>,
    /// Prefixes on the link.
    pub on_link: Vec<Ipv6Net>,
    /// Addresses that relays put into link-address for it.
    pub relay_addresses: Vec<Ipv6Addr>,
    /// Interface-IDs that mean this link where no link-address tells.
    pub interface_ids: Vec<Vec<u8>>,
    /// This machine's interfaces whose attached clients are on it; each on one link only.
    pub interfaces: Vec<String>,
    /// Addresses that are leased here; within `on_link`, apart from each other.
    pub pools: Vec<AddressPool>,
    /// Prefixes that are delegated here; apart from each other.
    pub prefix_pools: Vec<PrefixPool>,
    /// What no one gets unless it is reserved.
    pub exclusions: Vec<LeaseName>,
    /// Reservations on this link.
    pub reservations: Vec<Reservation>,
    /// Classes that alone get an answer; empty is everyone.
    pub allow: Vec<String>,
    /// Classes that get no answer.
    pub deny: Vec<String>,
    /// What holds on the link.
    pub settings: Settings,
}

/// The DHCPv6 server as a whole; see [`server::Config`] for what each means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dhcp {
    /// The preference in ADVERTISE. Source: DHCP-S-063.
    pub preference: u8,
    /// What RFC 9915 made obsolete and is on all the same.
    pub obsolete: Obsolete,
    /// Options of an RSOO that are passed on. Source: DHCP-S-055.
    pub rsoo: Vec<OptionCode>,
    /// Seconds that a declined address is kept from everyone. Source: DHCP-S-086.
    pub probation: u32,
    /// Seconds that an offer is kept from others. Source: DHCP-S-065.
    pub offer_hold: u32,
    /// Seconds that clients must have asked before they are answered. Source: DHCP-S-014.
    pub answer_after: u32,
    /// Whether RECONFIGURE is used. Source: DHCP-S-070.
    pub reconfigure: bool,
    /// Whether a RENEW of an unbound IA makes a binding. Source: DHCP-S-077.
    pub bind_on_renew: bool,
    /// Whether addresses are registered. Source: RFC 9686.
    pub register_addresses: bool,
    /// The most leases of one client on one link. Source: DHCP-S-034.
    pub leases_per_client: u32,
    /// How many messages are heard.
    pub rates: Rates,
    /// Interfaces on which relays are heard by multicast. Source: DHCP-S-001.
    pub relay_interfaces: Vec<String>,
    /// From how many leases of a hundred on a filling pool is told; 0 is never.
    pub pool_warning: u8,
    /// What holds where nothing narrower says otherwise; always with lifetimes and
    /// `rapid_commit`.
    pub settings: Settings,
}

impl Default for Dhcp {
    fn default() -> Self {
        Self {
            preference: 0,
            obsolete: Obsolete::default(),
            rsoo: Vec::new(),
            probation: 86_400,
            offer_hold: 10,
            answer_after: 0,
            reconfigure: false,
            bind_on_renew: true,
            register_addresses: false,
            leases_per_client: 64,
            rates: Rates {
                per_client: 0,
                per_relay: 0,
            },
            relay_interfaces: Vec::new(),
            pool_warning: 90,
            settings: Settings {
                lifetimes: Some(Lifetimes::DEFAULT),
                rapid_commit: Some(false),
                ..Settings::default()
            },
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let timers = Timers::default();
        Self {
            data: PathBuf::from("/var/lib/leasebook"),
            server_id: None,
            timers,
            sensitive_options: Vec::new(),
            listen: Listen {
                tcp: vec![SocketAddr::from((Ipv6Addr::UNSPECIFIED, 547))],
                udp: Vec::new(),
            },
            bulk: Bulk {
                max_connections: 10,
                max_connections_per_source: 10,
                queries_per_connection: 4,
                queries_per_source: 16,
                queries_per_second: 0,
                data_timeout: timers.data_timeout(),
                idle_timeout: timers.data_timeout(),
                types: QueryKinds::all(),
                unlisted: Unlisted::default(),
                allow: Vec::new(),
            },
            metrics: None,
            log: Log {
                level: LogLevel::default(),
                format: LogFormat::default(),
                clients: LogClients::default(),
            },
            dhcp: Dhcp::default(),
            classes: Vec::new(),
            reservations: Vec::new(),
            links: Vec::new(),
        }
    }
}

impl Config {
    /// What the DHCPv6 server is set to, under this DUID.
    pub fn dhcp(&self, server_id: Duid) -> server::Config {
        let dhcp = &self.dhcp;
        server::Config {
            server_id,
            links: self.links.iter().map(LinkConfig::served).collect(),
            classes: self.classes.clone(),
            reservations: self.reservations.clone(),
            settings: dhcp.settings.clone(),
            preference: dhcp.preference,
            obsolete: dhcp.obsolete,
            rsoo: dhcp.rsoo.clone(),
            probation: dhcp.probation,
            offer_hold: dhcp.offer_hold,
            answer_after: dhcp.answer_after,
            reconfigure: dhcp.reconfigure,
            bind_on_renew: dhcp.bind_on_renew,
            register_addresses: dhcp.register_addresses,
            leases_per_client: usize::try_from(dhcp.leases_per_client).unwrap_or(usize::MAX),
            rates: dhcp.rates,
            // Nobody is at 546 and 547 of those who speak to another port.
            to_source_port: self.listen.udp.iter().all(|one| one.address.port() != 547)
                && !self.listen.udp.is_empty(),
        }
    }

    /// The settings, by name, in which `new` differs and which need a restart to change.
    ///
    /// A reload takes over limits, rights, timers and the level of the log; what is bound
    /// to sockets, files and records stays until the next start.
    pub fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        let mut settings = Vec::new();
        let mut compare = |name, same: bool| {
            if !same {
                settings.push(name);
            }
        };
        compare("data", self.data == new.data);
        compare("server-id", self.server_id == new.server_id);
        compare("listen", self.listen == new.listen);
        compare("metrics.listen", self.metrics == new.metrics);
        compare("log.format", self.log.format == new.log.format);
        settings
    }
}

impl LinkConfig {
    /// The link as the DHCPv6 server serves it.
    fn served(&self) -> ServedLink {
        ServedLink {
            id: LinkId(self.id),
            name: self.name.clone(),
            on_link: self.on_link.clone(),
            relay_addresses: self.relay_addresses.clone(),
            interface_ids: self.interface_ids.clone(),
            interfaces: self.interfaces.clone(),
            pools: self.pools.clone(),
            prefix_pools: self.prefix_pools.clone(),
            exclusions: self.exclusions.clone(),
            reservations: self.reservations.clone(),
            allow: self.allow.clone(),
            deny: self.deny.clone(),
            settings: self.settings.clone(),
        }
    }
}

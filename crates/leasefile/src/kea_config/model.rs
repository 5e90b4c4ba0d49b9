//! What a configuration of Kea says, in plain types.

use std::net::Ipv6Addr;

use ipnet::{IpNet, Ipv6Net};

use crate::kea_config::error::Place;

/// The configuration of a Kea DHCPv6 server, as far as leasebook has a use for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeaConfig {
    /// The server's DUID, if the configuration gives all of it; else Kea made one and keeps
    /// it in its data directory, in the file `kea-dhcp6-serverid`.
    pub server_id: Option<Vec<u8>>,
    /// What holds for the whole server.
    pub settings: Settings,
    /// `decline-probation-period`, in seconds.
    pub probation: Option<u32>,
    /// `allow-address-registration`
    pub register_addresses: Option<bool>,
    /// The preference in ADVERTISE.
    pub preference: Option<u8>,
    /// `relay-supplied-options`, by code.
    pub rsoo: Option<Vec<u16>>,
    /// Client classes, in their order.
    pub classes: Vec<Class>,
    /// Whether Kea keeps the relays of every lease (`store-extended-info`).
    pub store_extended_info: bool,
    /// Where the leases are.
    pub leases: LeaseDatabase,
    /// The interfaces Kea listens on, as it names them.
    pub interfaces: Vec<String>,
    /// Shared networks, and subnets that are in none.
    pub links: Vec<Link>,
    /// The leasequery hook, if it is loaded.
    pub leasequery: Option<LeaseQuery>,
    /// Every host reservation.
    pub reservations: Vec<Reservation>,
    /// What is in the configuration and not in this structure or not of use to leasebook.
    pub not_carried: Vec<NotCarried>,
}

/// Something of Kea's configuration that leasebook's cannot say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotCarried {
    /// Where it stands.
    pub place: Place,
    /// The path of keys to it, such as `subnet6[0].pools[1].option-data`.
    pub key: String,
    /// Why not, and what to do about it.
    pub reason: String,
}

impl std::fmt::Display for NotCarried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.key, self.reason)
    }
}

/// Lifetimes and timers, in seconds; none where the enclosing scope's hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetimes {
    /// `preferred-lifetime`
    pub preferred: Option<u32>,
    /// `valid-lifetime`
    pub valid: Option<u32>,
    /// `renew-timer`, T1
    pub renew: Option<u32>,
    /// `rebind-timer`, T2
    pub rebind: Option<u32>,
    /// `calculate-tee-times`: whether timers that are not written follow the preferred lifetime.
    pub calculates: Option<bool>,
    /// `t1-percent`, in millionths of the preferred lifetime.
    pub t1_millionths: Option<u32>,
    /// `t2-percent`, in millionths of the preferred lifetime.
    pub t2_millionths: Option<u32>,
}

/// What holds at a level: the server, a network, subnet, pool, class or reservation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Lifetimes and timers.
    pub lifetimes: Lifetimes,
    /// `rapid-commit`
    pub rapid_commit: Option<bool>,
    /// `option-data`
    pub options: Vec<KeaOption>,
}

/// An option for clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeaOption {
    /// Where it stands.
    pub place: Place,
    /// Its code, in its space.
    pub code: u16,
    /// The enterprise whose space it is in; none is DHCPv6's own.
    pub enterprise: Option<u32>,
    /// What it holds.
    pub value: OptionValue,
    /// Whether it is sent unasked.
    pub always: bool,
}

/// What an option holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionValue {
    /// Addresses.
    Addresses(Vec<Ipv6Addr>),
    /// Domain names.
    Names(Vec<String>),
    /// A text.
    Text(String),
    /// A number of one octet.
    U8(u8),
    /// A number of two octets.
    U16(u16),
    /// A number of four octets.
    U32(u32),
    /// Anything else.
    Octets(Vec<u8>),
}

/// A client class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Class {
    /// Its name.
    pub name: String,
    /// Who is in it, as leasebook.toml's members; none if Kea's test has no counterpart.
    pub members: Vec<String>,
    /// What holds for its clients.
    pub settings: Settings,
}

/// Where Kea keeps its leases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseDatabase {
    /// In a file; none means `kea-leases6.csv` in Kea's data directory.
    Memfile(Option<String>),
    /// In a database of this type.
    Database(String),
}

impl Default for LeaseDatabase {
    fn default() -> Self {
        Self::Memfile(None)
    }
}

/// A shared network, or a subnet by itself: clients on it are on one link.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Where it stands.
    pub place: Place,
    /// The shared network's name, or one made for a subnet by itself; different for every link.
    pub name: String,
    /// The subnets, at least one.
    pub subnets: Vec<Subnet>,
    /// Relays of the whole network.
    pub relays: Vec<Ipv6Addr>,
    /// Interface-ID of the whole network.
    pub interface_id: Option<Vec<u8>>,
    /// The server's interface to it.
    pub interface: Option<String>,
    /// Classes that alone are served; empty is everyone. With those of an only subnet.
    pub classes: Vec<String>,
    /// What holds on it.
    pub settings: Settings,
    /// Where in Kea a client's reservations are looked for.
    pub modes: Modes,
}

/// Which reservations Kea looks at; none is what holds outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modes {
    /// `reservations-global`
    pub global: Option<bool>,
    /// `reservations-in-subnet`
    pub in_subnet: Option<bool>,
}

/// A subnet.
#[derive(Clone, Debug, PartialEq)]
pub struct Subnet {
    /// Where it stands.
    pub place: Place,
    /// Its number in lease files.
    pub id: u32,
    /// The prefix on the link.
    pub prefix: Ipv6Net,
    /// Addresses of the relays on the link.
    pub relays: Vec<Ipv6Addr>,
    /// The server's interface to it, if it is attached directly.
    pub interface: Option<String>,
    /// The Interface-ID relays send for it.
    pub interface_id: Option<Vec<u8>>,
    /// Addresses leased.
    pub pools: Vec<Pool>,
    /// Prefixes delegated.
    pub pd_pools: Vec<PdPool>,
    /// Classes that alone are served; empty is everyone.
    pub classes: Vec<String>,
    /// What holds on it.
    pub settings: Settings,
    /// Where in Kea a client's reservations are looked for.
    pub modes: Modes,
}

/// Addresses that are leased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Which.
    pub range: Range,
    /// Classes that alone draw from it, with those of its subnet; empty is everyone.
    pub classes: Vec<String>,
    /// Whether the lowest that is free is given, not a random one.
    pub is_lowest_first: bool,
    /// What holds for its leases.
    pub settings: Settings,
}

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// All of a prefix.
    Prefix(Ipv6Net),
    /// From the first to the last, both included.
    Range(Ipv6Addr, Ipv6Addr),
}

/// A prefix that is cut into delegated ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PdPool {
    /// The whole.
    pub prefix: Ipv6Net,
    /// The length of the parts.
    pub delegated_length: u8,
    /// What each delegated prefix excludes (RFC 6603).
    pub excluded: Option<Ipv6Net>,
    /// Classes that alone draw from it, with those of its subnet; empty is everyone.
    pub classes: Vec<String>,
    /// Whether the lowest that is free is given, not a random one.
    pub is_lowest_first: bool,
    /// What holds for its leases.
    pub settings: Settings,
}

/// The longest probation that leasebook takes, in seconds: a year.
pub(super) const MAX_PROBATION_SECS: u32 = 31_536_000;

/// The most connections at once that leasebook takes.
pub(super) const MAX_CONNECTIONS: u32 = 100_000;
/// The most queries of one connection at once that leasebook takes.
pub(super) const MAX_QUERIES: u32 = 1024;
/// The longest idle time that leasebook takes, in seconds: a day.
pub(super) const MAX_IDLE_SECS: u32 = 86_400;

/// The leasequery hook's parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseQuery {
    /// Who may ask.
    pub requesters: Vec<IpNet>,
    /// Whether Bulk Leasequery is on.
    pub bulk: bool,
    /// Where it listens; Kea's default is `::1`.
    pub address: Option<Ipv6Addr>,
    /// The port; Kea's default is 547.
    pub port: Option<u16>,
    /// Connections at once; Kea's default is 10.
    pub max_connections: Option<u32>,
    /// Queries of one connection at once; none or 0 is by Kea's own choice.
    pub max_queries: Option<u32>,
    /// Seconds after which an idle connection is closed; Kea's default is 300.
    pub idle_secs: Option<u32>,
}

/// A host reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// Where it stands.
    pub place: Place,
    /// The subnet; none for a reservation of the whole server.
    pub subnet_id: Option<u32>,
    /// The kind of identifier (`duid`, `hw-address`, `flex-id`) and the identifier.
    pub host: Option<(&'static str, String)>,
    /// Its classes.
    pub classes: Vec<String>,
    /// Reserved addresses.
    pub addresses: Vec<Ipv6Addr>,
    /// Reserved prefixes.
    pub prefixes: Vec<Ipv6Net>,
    /// Host name.
    pub hostname: Option<String>,
    /// The identifier as leasebook.toml's setting; none if it has no counterpart.
    pub whom: Option<String>,
    /// What holds for the host.
    pub settings: Settings,
}

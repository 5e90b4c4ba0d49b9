//! What the server is set to; plain values, already checked, that a reload replaces as a whole.
//!
//! Settings stand at five levels: global, link, pool, class, reservation. What a client gets
//! is decided by the narrowest level that says something (reservation, then its classes in
//! order, pool, link, global).

use std::net::Ipv6Addr;

use ipnet::Ipv6Net;
use leasebook_store::binding::IaKind;
use leasebook_store::{LeaseName, LinkId};
use leasebook_wire::Duid;
use leasebook_wire::code::OptionCode;

/// The settings of the DHCPv6 server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, each named in the configuration"
)]
pub struct Config {
    /// This server's DUID (DHCP-S-037, DHCP-S-038).
    pub server_id: Duid,
    /// The links clients may be on.
    pub links: Vec<ServedLink>,
    /// Classes, in the order they are tried; a client may be in several.
    pub classes: Vec<Class>,
    /// Reservations that hold on every link; a link's own come first.
    pub reservations: Vec<Reservation>,
    /// What holds where nothing narrower says otherwise.
    pub settings: Settings,
    /// The preference in ADVERTISE; 0 is not sent (DHCP-S-063).
    pub preference: u8,
    /// What RFC 9915 made obsolete and is switched on all the same.
    pub obsolete: Obsolete,
    /// Options of an RSOO that are passed on to clients (DHCP-S-055).
    pub rsoo: Vec<OptionCode>,
    /// Seconds that a declined address is kept from everyone (DHCP-S-086).
    pub probation: u32,
    /// Seconds that what an ADVERTISE offered is kept from others (DHCP-S-065); 0 to 3600.
    pub offer_hold: u32,
    /// Seconds that a client must have asked before a message of its that names no server is
    /// answered (DHCP-S-014); 0 to 600.
    pub answer_after: u32,
    /// Whether clients get reconfigure keys and may be sent RECONFIGURE (DHCP-S-070).
    pub reconfigure: bool,
    /// Whether a RENEW, and with Rapid Commit a REBIND, of an unbound IA makes a binding
    /// (DHCP-S-077, DHCP-S-082).
    pub bind_on_renew: bool,
    /// Whether ADDR-REG-INFORM is recorded and answered (RFC 9686).
    pub register_addresses: bool,
    /// The most leases one client may hold on one link (DHCP-S-034).
    pub leases_per_client: usize,
    /// Messages of one client, and of one relay, that are heard.
    pub rates: Rates,
    /// Whether replies go to the port a message came from, not to 546 and 547 (D-32): for tests
    /// without privileges.
    pub to_source_port: bool,
}

/// How many messages are heard; what comes above is dropped and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Messages a second of one client, on average; 0 is no limit.
    pub per_client: u32,
    /// Messages a second through one outermost relay, on average; 0 is no limit.
    pub per_relay: u32,
}

/// What RFC 9915 made obsolete (decisions.md, "RFC 9915").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Obsolete {
    /// Temporary addresses are leased (RFC 8415 §13.2); else IA_TA is passed over.
    pub ia_ta: bool,
    /// Clients may be told to use unicast, and those told may (RFC 8415 §21.12); else direct
    /// unicast is dropped.
    pub unicast: bool,
}

/// One link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedLink {
    /// The number bindings are kept under.
    pub id: LinkId,
    /// For people.
    pub name: String,
    /// Prefixes on the link; an address outside of them does not fit it.
    pub on_link: Vec<Ipv6Net>,
    /// Addresses that relays put into link-address for it.
    pub relay_addresses: Vec<Ipv6Addr>,
    /// Interface-IDs that mean it where no link-address is set, octet for octet (DHCP-S-017).
    pub interface_ids: Vec<Vec<u8>>,
    /// Names of interfaces whose directly attached clients are on it (DHCP-S-015).
    pub interfaces: Vec<String>,
    /// Where addresses come from, in the order they are tried.
    pub pools: Vec<AddressPool>,
    /// Where prefixes come from, in the order they are tried.
    pub prefix_pools: Vec<PrefixPool>,
    /// Addresses and prefixes that no one is given by allocation.
    pub exclusions: Vec<LeaseName>,
    /// Reservations on this link.
    pub reservations: Vec<Reservation>,
    /// Names of classes that alone get an answer; empty is everyone (DHCP-S-013).
    pub allow: Vec<String>,
    /// Names of classes that get no answer.
    pub deny: Vec<String>,
    /// What holds on the link.
    pub settings: Settings,
}

/// How an address or prefix is chosen out of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Unpredictable (DHCP-S-024, RFC 7824).
    #[default]
    Random,
    /// The lowest that is free.
    Lowest,
}

/// Addresses to lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressPool {
    /// The first address.
    pub first: Ipv6Addr,
    /// The last address, not below the first.
    pub last: Ipv6Addr,
    /// How one is chosen.
    pub order: Order,
    /// Names of classes that alone draw from it; empty is everyone.
    pub classes: Vec<String>,
    /// What holds for leases of the pool.
    pub settings: Settings,
}

/// Prefixes to delegate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixPool {
    /// The whole.
    pub prefix: Ipv6Net,
    /// The length of each delegated prefix: that of the whole to 128.
    pub delegated_len: u8,
    /// A part of each delegated prefix that the client must not use (RFC 6603): its length,
    /// above `delegated_len`, and its bits, counted from the delegated prefix's start.
    pub exclude: Option<Exclude>,
    /// How one is chosen.
    pub order: Order,
    /// Names of classes that alone draw from it; empty is everyone.
    pub classes: Vec<String>,
    /// What holds for leases of the pool.
    pub settings: Settings,
}

/// The excluded part of each prefix of a pool (RFC 6603 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exclude {
    /// Length of the excluded prefix, above the delegated length, at most 128.
    pub len: u8,
    /// Its bits; only those between the two lengths count.
    pub bits: u128,
}

/// Settings of one level; what is `None` or empty is left to the next wider one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Preferred and valid lifetime, seconds; `u32::MAX` is infinity; preferred is not above valid.
    pub lifetimes: Option<Lifetimes>,
    /// T1 and T2, seconds, where they are not 0.5 and 0.8 of the shortest preferred lifetime
    /// (DHCP-S-042); T1 is not above T2 unless that is 0.
    pub renewal: Option<Renewal>,
    /// Whether Rapid Commit is honoured (DHCP-S-059).
    pub rapid_commit: Option<bool>,
    /// The length of prefix delegated where the client does not ask for one.
    pub delegated_len: Option<u8>,
    /// Options for clients; of one code the narrowest level's are sent, all of that level.
    pub options: Vec<ConfiguredOption>,
}

/// Lifetimes in seconds; `u32::MAX` is infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Not above `valid`.
    pub preferred: u32,
    /// How long the lease is the client's.
    pub valid: u32,
}

impl Lifetimes {
    /// Where nothing is configured: 3000 s and 4000 s.
    pub const DEFAULT: Self = Self {
        preferred: 3000,
        valid: 4000,
    };
}

/// T1 and T2 in seconds; 0 leaves one to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// When the client turns to this server.
    pub t1: u32,
    /// When it turns to any.
    pub t2: u32,
}

/// An option for clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredOption {
    /// Its code.
    pub code: OptionCode,
    /// Its data in wire form, at most 65 535 octets. For VENDOR_OPTS the enterprise number
    /// comes first (DHCP-S-049).
    pub data: Vec<u8>,
    /// Sent to every client, not only to those whose ORO names it (DHCP-S-046).
    pub always: bool,
}

/// A class of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// What links and pools call it.
    pub name: String,
    /// Who is in it: one of these is enough.
    pub members: Vec<Match>,
    /// What holds for its clients.
    pub settings: Settings,
}

/// A property of a message; all comparisons are octet by octet (DHCP-S-022).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// The client's DUID.
    Client(Vec<u8>),
    /// The beginning of the client's DUID, such as its type and hardware type.
    ClientPrefix(Vec<u8>),
    /// An IA of this identifier, on top of the DUID.
    ClientIa {
        /// The client's DUID.
        client: Vec<u8>,
        /// The IAID; only this IA gets what is reserved.
        iaid: u32,
    },
    /// Remote-ID: enterprise number (4 octets, network order) and value, at any hop.
    RemoteId(Vec<u8>),
    /// Subscriber-ID, at any hop.
    SubscriberId(Vec<u8>),
    /// Interface-ID, at any hop.
    InterfaceId(Vec<u8>),
    /// Link-layer address of the client (RFC 6939), without the hardware type, from the relay
    /// nearest to it (DHCP-S-021).
    LinkLayer(Vec<u8>),
    /// One item of a USER_CLASS option (RFC 8415 §21.15).
    UserClass(Vec<u8>),
    /// The enterprise number and one item of a VENDOR_CLASS option (RFC 8415 §21.16).
    VendorClass {
        /// The enterprise number.
        enterprise: u32,
        /// The item; none is any.
        item: Option<Vec<u8>>,
    },
    /// The message came through at least one relay with this Relay-ID.
    RelayId(Vec<u8>),
    /// An option of this code and data anywhere at the top level of the client's message.
    Option {
        /// Its code.
        code: OptionCode,
        /// Its data; none is any.
        data: Option<Vec<u8>>,
    },
    /// An option of this code at the top level of the client's message has these octets in it.
    OptionPart {
        /// Its code.
        code: OptionCode,
        /// Where in its data they begin.
        at: usize,
        /// The octets.
        data: Vec<u8>,
    },
    /// The link-address of a relay on the way.
    LinkAddress(Ipv6Addr),
    /// The peer-address of a relay on the way.
    PeerAddress(Ipv6Addr),
    /// The client is in this class, which stands before.
    InClass(String),
    /// The client is on the link of this name.
    OnLink(String),
    /// Whether something is reserved for the client, on its link or on every one.
    Reserved(bool),
    /// All of these hold.
    All(Vec<Match>),
    /// None of these holds.
    Unless(Vec<Match>),
}

/// Leases and settings kept for one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// For whom.
    pub whom: Match,
    /// Addresses and prefixes, for no one else; first come for the client's first IA. Empty if
    /// only settings are reserved.
    pub leases: Vec<LeaseName>,
    /// The client's host name, told back in CLIENT_FQDN.
    pub name: Option<String>,
    /// What holds for the client.
    pub settings: Settings,
}

impl Config {
    /// The defaults, without any link: no one gets an answer yet.
    pub fn new(server_id: Duid) -> Self {
        Self {
            server_id,
            links: Vec::new(),
            classes: Vec::new(),
            reservations: Vec::new(),
            settings: Settings::default(),
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
            to_source_port: false,
        }
    }
}

impl ServedLink {
    /// Whether no one gets this lease by allocation: it is, is in, or has in it what is excluded.
    pub fn excludes(&self, name: LeaseName) -> bool {
        let is_excluded = |excluded: &LeaseName| match (excluded, name) {
            (_, LeaseName::Address(address)) => excluded.contains(address),
            (
                LeaseName::Prefix {
                    prefix: at,
                    len: above,
                },
                LeaseName::Prefix { prefix, len },
            ) => excluded.contains(prefix) || (len <= *above && name.contains(*at)),
            (LeaseName::Address(address), LeaseName::Prefix { .. }) => name.contains(*address),
        };
        self.exclusions.iter().any(is_excluded)
    }

    /// Whether a lease of this name and kind could be given on the link, by allocation or reservation:
    /// an address by the on-link prefixes, a prefix by the pools around it (DHCP-S-067, DHCP-S-076).
    pub fn fits(&self, name: LeaseName, kind: IaKind) -> bool {
        match (name, kind) {
            (LeaseName::Address(address), IaKind::Na | IaKind::Ta) => {
                self.on_link.iter().any(|net| net.contains(&address))
            }
            (LeaseName::Prefix { prefix, len }, IaKind::Pd) => {
                let pooled = self
                    .prefix_pools
                    .iter()
                    .any(|pool| pool.prefix.prefix_len() <= len && pool.prefix.contains(&prefix));
                pooled
                    || self
                        .reservations
                        .iter()
                        .any(|reserved| reserved.leases.contains(&name))
            }
            _ => false,
        }
    }
}

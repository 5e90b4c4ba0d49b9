//! One lease as a lease file tells it, whatever the file's format.

use std::net::Ipv6Addr;

use leasebook_store::{IaKind, LeaseName, LeaseState, RelayData};

/// Where the file says the lease's client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkHint {
    /// Kea's subnet id; the configuration says which link has it (`kea-subnet-ids`).
    SubnetId(u32),
    /// A link of leasebook's own configuration.
    Link(u32),
    /// The file does not say; the link is found by the lease's address or by the
    /// link-address in the relay data.
    Unknown,
}

/// A client's hardware address as a server learnt it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HardwareAddress {
    /// Hardware type of IANA's ARP registry; 1 is Ethernet.
    pub kind: u16,
    /// The address, 1 to 255 octets.
    pub octets: Vec<u8>,
}

/// One lease of a lease file.
///
/// Readers fill one row again and again: what it owns keeps its memory, so reading does
/// not allocate per lease. Times are those of the grant, not what remains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRow {
    /// The line of the file on which the lease begins, from 1.
    pub line: u64,
    /// The address or prefix.
    pub lease: LeaseName,
    /// The kind of IA that holds it.
    pub kind: IaKind,
    /// The IA's identifier.
    pub iaid: u32,
    /// The client's DUID, 1 to 130 octets; of a declined lease, whose client is forgotten,
    /// zeroes only (Kea writes `00:00:00`) or nothing.
    pub client: Vec<u8>,
    /// Where the client is.
    pub link: LinkHint,
    /// When the client was last heard for this lease: Unix seconds.
    pub clt: u64,
    /// Preferred lifetime granted at `clt`: seconds, `u32::MAX` is infinity.
    pub preferred: u32,
    /// Valid lifetime granted at `clt`: seconds, `u32::MAX` is infinity.
    pub valid: u32,
    /// What the lease is to its server.
    pub state: LeaseState,
    /// The relays of the client's newest message, as far as the file tells.
    pub relay: Option<RelayData>,
    /// The client's host name; empty if none.
    pub hostname: String,
    /// The server updates the forward zone (AAAA): the S flag of RFC 4704 §4.1.
    pub fqdn_forward: bool,
    /// The server updates the reverse zone (PTR).
    pub fqdn_reverse: bool,
    /// The client's hardware address, if known.
    pub hardware: Option<HardwareAddress>,
    /// Further DHCPv6 options of the client in wire form; only leasebook's own format has them.
    pub options: Vec<u8>,
    /// The file says that this lease is gone: its record is to be removed.
    pub deleted: bool,
}

impl LeaseRow {
    /// An empty row for readers to fill.
    pub fn new() -> Self {
        Self {
            line: 0,
            lease: LeaseName::Address(Ipv6Addr::UNSPECIFIED),
            kind: IaKind::Na,
            iaid: 0,
            client: Vec::new(),
            link: LinkHint::Unknown,
            clt: 0,
            preferred: 0,
            valid: 0,
            state: LeaseState::Bound,
            relay: None,
            hostname: String::new(),
            fqdn_forward: false,
            fqdn_reverse: false,
            hardware: None,
            options: Vec::new(),
            deleted: false,
        }
    }

    /// The first address of the lease: the address itself, or the prefix with all other
    /// bits zero.
    pub fn address(&self) -> Ipv6Addr {
        match self.lease {
            LeaseName::Address(address) => address,
            LeaseName::Prefix { prefix, .. } => prefix,
        }
    }

    /// Whether a client stands behind the lease: false for declined leases, whose client
    /// Kea writes as zeroes.
    pub fn has_client(&self) -> bool {
        self.client.iter().any(|&octet| octet != 0)
    }
}

impl Default for LeaseRow {
    fn default() -> Self {
        Self::new()
    }
}

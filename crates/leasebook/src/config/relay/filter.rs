//! What customers may send, and which VRFs clients and servers are in.

use ipnet::Ipv6Net;

use super::{value, values};
use crate::config::error::Findings;
use crate::config::file::{FilterFile, VrfFile};

/// Octets of an interface's name, at most, without its end. Source: linux/if.h IFNAMSIZ.
const NAME_OCTETS: usize = 15;

/// Octets of a table's name, at most. Source: linux/netfilter/nf_tables.h NFT_TABLE_MAXNAMELEN.
const TABLE_OCTETS: usize = 255;

/// VRFs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vrf {
    /// The one of the client-facing interfaces.
    pub clients: Option<String>,
    /// The one that leads to the servers.
    pub servers: Option<String>,
}

/// What customers may send (RELAY-059, RELAY-061).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Which sources may come in.
    pub ingress: Ingress,
    /// What becomes of packets that would leave by the interface they came in by.
    pub loops: Loops,
    /// Destinations to which these pass.
    pub loops_pass: Vec<Ipv6Net>,
    /// The table of nftables.
    pub table: String,
    /// The program that changes it.
    pub nft: String,
}

/// Which sources may come in by a client-facing interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ingress {
    /// All.
    #[default]
    Off,
    /// Those delegated there.
    Delegations,
    /// Those that the kernel routes back there.
    Routes,
}

/// What becomes of packets to a prefix delegated on the interface they came in by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loops {
    /// They pass.
    #[default]
    Pass,
    /// They are dropped.
    Drop,
    /// They are dropped, and the sender is told (RELAY-062).
    Reject,
}

impl Filter {
    /// Whether there is anything to filter.
    pub fn is_on(&self) -> bool {
        self.ingress != Ingress::Off || self.loops != Loops::Pass
    }

    /// Whether the rules need to know the delegations.
    pub fn follows_delegations(&self) -> bool {
        self.ingress == Ingress::Delegations || self.loops != Loops::Pass
    }
}

pub(super) fn vrf(file: &VrfFile, findings: &mut Findings<'_>) -> Vrf {
    let mut name = |written: Option<&toml::Spanned<String>>| {
        let written = written?;
        let name = written.get_ref();
        let is_name = (1..=NAME_OCTETS).contains(&name.len())
            && !name.contains(|c: char| c == '/' || c.is_whitespace());
        if !is_name {
            let what = format!("`{name}` is no name of a VRF; it has 1 to {NAME_OCTETS} letters");
            findings.wrong(written.span(), what);
        }
        Some(name.clone())
    };
    Vrf {
        clients: name(file.clients.as_ref()),
        servers: name(file.servers.as_ref()),
    }
}

pub(super) fn filter(file: &FilterFile, findings: &mut Findings<'_>) -> Filter {
    let mut text = |written: Option<&toml::Spanned<String>>, default: &str| {
        if let Some(written) = written
            && written.get_ref().is_empty()
        {
            findings.wrong(written.span(), "the name is empty; leave it out");
        }
        written.map_or_else(|| default.to_owned(), |written| written.get_ref().clone())
    };
    let table = text(file.table.as_ref(), "leasebook-relay");
    let nft = text(file.nft.as_ref(), "nft");
    if let Some(written) = &file.table
        && !is_table_name(&table)
    {
        let what = format!(
            "`{table}` is no name of a table; it begins with a letter and has letters, digits, \
             `-` and `_`"
        );
        findings.wrong(written.span(), what);
    }
    Filter {
        ingress: value(file.ingress.as_ref()).unwrap_or_default(),
        loops: value(file.loops.as_ref()).unwrap_or_default(),
        loops_pass: values(file.loops_pass.as_deref()),
        table,
        nft,
    }
}

/// What nft(8) reads as a name without quotes, less what could be anything else.
pub(super) fn is_table_name(name: &str) -> bool {
    name.len() <= TABLE_OCTETS
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

//! JSON lines: one object for each client and link.
//!
//! ```json
//! {"server":"[2001:db8::547]:547","client_id":"00:03:00:01:02:00:5e:10:00:01",
//!  "link_address":"3fff::1","clt_age":12,
//!  "leases":[{"prefix":"3fff:100::/56","preferred":3600,"valid":7200,"infinite":false,"doubtful":false}],
//!  "relay":{"peer_address":"2001:db8::1","levels":[{"hop_count":0,"link_address":"3fff::1",
//!   "peer_address":"fe80::1","interface_id":"65:74:68:30","remote_id":null,"relay_id":"00:03:00:01"}]},
//!  "options":[{"code":39,"data":"00:01"}]}
//! ```
//!
//! Times are in seconds; an infinite one is 4294967295 and `infinite` is true. Octets are hex
//! with colons. Levels are outermost first. What is not known is null, an address lease has
//! `address` where a prefix has `prefix`.

use std::io::{self, Write};
use std::net::Ipv6Addr;

use leasebook_store::LeaseName;
use serde::{Serialize, Serializer};

use super::{RelayLevel, Shown, ShownLease};
use crate::text::hex;

/// Writes JSON lines.
pub struct Json<W: Write> {
    /// Where to.
    out: W,
}

impl<W: Write> Json<W> {
    /// Begins.
    pub(super) fn new(out: W) -> Self {
        Self { out }
    }

    /// Writes one line.
    pub(super) fn binding(&mut self, shown: &Shown) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, &Line::of(shown)).map_err(io::Error::from)?;
        self.out.write_all(b"\n")
    }

    /// Hands on what is buffered.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// One line.
#[derive(Serialize)]
struct Line<'a> {
    /// Who told it.
    server: &'a str,
    /// The client's DUID.
    client_id: Octets<'a>,
    /// The link.
    link_address: Option<Ipv6Addr>,
    /// Seconds.
    clt_age: u32,
    /// The leases.
    leases: Vec<LeaseObject>,
    /// The relays.
    relay: Option<RelayObject<'a>>,
    /// Other options.
    options: Vec<OptionObject<'a>>,
}

/// A lease.
#[derive(Serialize)]
struct LeaseObject {
    /// Of an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<Ipv6Addr>,
    /// Of a prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    /// Seconds.
    preferred: u32,
    /// Seconds.
    valid: u32,
    /// Whether it never ends.
    infinite: bool,
    /// Whether it may have ended.
    doubtful: bool,
}

/// The relays.
#[derive(Serialize)]
struct RelayObject<'a> {
    /// Where the server had it from.
    peer_address: Ipv6Addr,
    /// Outermost first.
    levels: Vec<LevelObject<'a>>,
}

/// A relay.
#[derive(Serialize)]
struct LevelObject<'a> {
    /// Hops.
    hop_count: u8,
    /// link-address.
    link_address: Ipv6Addr,
    /// peer-address.
    peer_address: Ipv6Addr,
    /// Interface-ID.
    interface_id: Option<Octets<'a>>,
    /// Remote-ID.
    remote_id: Option<Octets<'a>>,
    /// Relay-ID.
    relay_id: Option<Octets<'a>>,
}

/// An option.
#[derive(Serialize)]
struct OptionObject<'a> {
    /// Its code.
    code: u16,
    /// Its octets.
    data: Octets<'a>,
}

/// Octets in hex.
struct Octets<'a>(&'a [u8]);

impl Serialize for Octets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::show(self.0))
    }
}

impl<'a> Line<'a> {
    /// The line of a binding.
    fn of(shown: &'a Shown) -> Self {
        Self {
            server: &shown.server,
            client_id: Octets(&shown.client),
            link_address: shown.link,
            clt_age: shown.clt_age_secs,
            leases: shown.leases.iter().map(LeaseObject::of).collect(),
            relay: shown.relay.as_ref().map(|path| RelayObject {
                peer_address: path.peer,
                levels: path.levels.iter().map(LevelObject::of).collect(),
            }),
            options: shown
                .options
                .iter()
                .map(|(code, data)| OptionObject {
                    code: *code,
                    data: Octets(data),
                })
                .collect(),
        }
    }
}

impl LeaseObject {
    /// The object of a lease.
    fn of(lease: &ShownLease) -> Self {
        let (address, prefix) = match lease.name {
            LeaseName::Address(address) => (Some(address), None),
            LeaseName::Prefix { .. } => (None, Some(lease.name.to_string())),
        };
        Self {
            address,
            prefix,
            preferred: lease.preferred_secs,
            valid: lease.valid_secs,
            infinite: lease.is_infinite(),
            doubtful: lease.doubtful,
        }
    }
}

impl<'a> LevelObject<'a> {
    /// The object of a relay.
    fn of(level: &'a RelayLevel) -> Self {
        let octets = |octets: &'a Option<Vec<u8>>| octets.as_deref().map(Octets);
        Self {
            hop_count: level.hop_count,
            link_address: level.link,
            peer_address: level.peer,
            interface_id: octets(&level.interface_id),
            remote_id: octets(&level.remote_id),
            relay_id: octets(&level.relay_id),
        }
    }
}

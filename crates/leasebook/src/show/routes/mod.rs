//! Commands for `ip -6 -batch -`: one route for each delegated prefix.
//!
//! ```text
//! route replace 3fff:100::/56 via fe80::5e dev eth0 proto 147 expires 7200
//! # doubtful: heard 9000 s ago, at or above the 7200 s that remain
//! route replace 3fff:101::/56 via fe80::5f dev eth0 proto 147 expires 7200
//! # not routed: 3fff:102::/56 of 00:03:00:01:...: the relays name no usable interface; ...
//! # 2 routes, 1 prefix not routed, 3 addresses need none
//! ```
//!
//! Nothing is dropped in silence: a prefix that gets no route is a comment with the reason,
//! which `ip` passes over. `replace` makes running it twice harmless. The kernel takes a
//! route away when the lease ends (`expires`), since nobody else will; whoever keeps routes
//! in step by other means turns that off. Next hops are chosen by D-43 ([`mod@next_hop`]),
//! prefixes refused by RELAY-054 ([`refuse`]).

mod next_hop;
mod refuse;

use std::io::{self, Write};
use std::net::Ipv6Addr;
use std::str::FromStr;

use leasebook_store::LeaseName;

pub use self::next_hop::{NextHop, NotRouted, next_hop};
use self::refuse::Told;
use super::{Shown, ShownLease};
use crate::text::{hex, octets};

/// How routes are made: what the caller knows of the router they are for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutePolicy {
    /// The router's own Relay-ID, if it has one.
    pub own_relay_id: Option<Vec<u8>>,
    /// Interfaces by Interface-ID or link-address.
    pub interfaces: Vec<(InterfaceKey, String)>,
    /// The interface for what is not among them.
    pub dev: Option<String>,
    /// The next hop where no relay data tells one.
    pub via: Option<Ipv6Addr>,
    /// Addresses of the router, which no route may cover.
    pub own_addresses: Vec<Ipv6Addr>,
    /// The routing protocol routes are marked with, as `ip` takes it. Source: D-46.
    pub protocol: String,
    /// The metric; the kernel's default if none.
    pub metric: Option<u32>,
    /// Whether the kernel drops a route when its lease ends.
    pub expires: bool,
}

/// What a relay calls an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterfaceKey {
    /// Its Interface-ID.
    InterfaceId(Vec<u8>),
    /// The link-address it puts into messages from there.
    LinkAddress(Ipv6Addr),
}

impl FromStr for InterfaceKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self::LinkAddress(address));
        }
        octets::parse(text)
            .map(Self::InterfaceId)
            .map_err(|error| error.to_string())
    }
}

/// Whether octets can be the name of an interface, and are harmless in a file of commands.
///
/// 1 to 15 letters, digits or `. - _ @ +`; neither `.` nor `..`, and no `-` in front.
pub fn is_interface_name(octets: &[u8]) -> bool {
    /// IFNAMSIZ less its final zero. Source: linux/if.h.
    const MAX_OCTETS: usize = 15;
    let plain = |octet: &u8| {
        octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'_' | b'@' | b'+')
    };
    (1..=MAX_OCTETS).contains(&octets.len())
        && octets.iter().all(plain)
        && !octets.starts_with(b"-")
        && octets != b"."
        && octets != b".."
}

/// Writes routes.
pub struct RouteWriter<W: Write> {
    /// Where to.
    out: W,
    /// How they are made.
    policy: RoutePolicy,
    /// The prefixes told so far.
    told: Told,
    /// How many routes were written.
    routes: u64,
    /// How many prefixes got none.
    not_routed: u64,
    /// How many leases were addresses.
    addresses: u64,
}

impl<W: Write> RouteWriter<W> {
    /// Begins.
    pub(super) fn new(out: W, policy: RoutePolicy) -> Self {
        Self {
            out,
            policy,
            told: Told::default(),
            routes: 0,
            not_routed: 0,
            addresses: 0,
        }
    }

    /// Writes the routes of a binding.
    pub(super) fn binding(&mut self, shown: &Shown) -> io::Result<()> {
        for lease in &shown.leases {
            let LeaseName::Prefix { prefix, len } = lease.name else {
                self.addresses += 1;
                continue;
            };
            match self.judge(shown, prefix, len) {
                Ok(next_hop) => self.route(shown, lease, &next_hop)?,
                Err(reason) => {
                    self.not_routed += 1;
                    let client = hex::show(&shown.client);
                    let name = lease.name;
                    writeln!(self.out, "# not routed: {name} of {client}: {reason}")?;
                }
            }
        }
        Ok(())
    }

    /// Where the prefix is to go, if it may go anywhere.
    fn judge(&mut self, shown: &Shown, prefix: Ipv6Addr, len: u8) -> Result<NextHop, NotRouted> {
        refuse::judge(prefix, len, &self.policy.own_addresses)?;
        let next_hop = next_hop(&self.policy, shown.relay.as_ref())?;
        self.told.add(prefix, len, &shown.client)?;
        Ok(next_hop)
    }

    /// Writes one route.
    fn route(&mut self, shown: &Shown, lease: &ShownLease, hop: &NextHop) -> io::Result<()> {
        self.routes += 1;
        if lease.doubtful {
            let (heard, left) = (shown.clt_age_secs, lease.valid_secs);
            writeln!(
                self.out,
                "# doubtful: heard {heard} s ago, at or above the {left} s that remain"
            )?;
        }
        write!(self.out, "route replace {} via {}", lease.name, hop.via)?;
        if let Some(dev) = &hop.dev {
            write!(self.out, " dev {dev}")?;
        }
        write!(self.out, " proto {}", self.policy.protocol)?;
        if let Some(metric) = self.policy.metric {
            write!(self.out, " metric {metric}")?;
        }
        if hop.on_link {
            write!(self.out, " onlink")?;
        }
        if self.policy.expires && !lease.is_infinite() {
            write!(self.out, " expires {}", lease.valid_secs)?;
        }
        writeln!(self.out)
    }

    /// Hands on what is buffered.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Writes how many there were.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let (routes, not_routed, addresses) = (self.routes, self.not_routed, self.addresses);
        writeln!(
            self.out,
            "# routes: {routes}, prefixes not routed: {not_routed}, \
             addresses, which need no route: {addresses}"
        )?;
        self.out.flush()
    }
}

//! The relay: datagrams, claims and time in; datagrams, routes and notices out.

use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::Ipv6Net;
use leasebook_wire::code::MessageType;

use super::back;
use super::config::Config;
use super::forward::{self, Received};
use super::learn::{self, Leased};
use super::limit::Rates;
use super::notice::{Dropped, Notice};
use super::ports::{Fallback, Port, PortNo, Ports};
use super::refuse::{self, Unroutable};
use super::released::Released;
use super::table::{Delegation, NextHop, RouteChange, Source, Standing, Table};
use crate::server::Arrival;
use crate::server::batch::Reply;
use crate::time::{Mono, Now};

/// Notices kept until they are taken; what comes above is counted only.
const MAX_NOTICES: usize = 10_000;

/// Datagrams to send, whose octets lie together.
#[derive(Debug, Default)]
pub struct Outbox {
    /// The octets of all.
    pub octets: Vec<u8>,
    /// Where each goes.
    pub datagrams: Vec<Reply>,
}

impl Outbox {
    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        self.octets.clear();
        self.datagrams.clear();
    }
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Its type; of a RELAY-REPL that of what it holds.
    pub kind: MessageType,
    /// Whether it came from the servers' side.
    pub is_reply: bool,
    /// The port it came by or goes out of.
    pub port: Option<PortNo>,
}

/// The relay agent.
#[derive(Clone, Debug)]
pub struct Relay {
    pub(super) config: Arc<Config>,
    pub(super) ports: Ports,
    pub(super) table: Table,
    pub(super) own: Vec<Ipv6Addr>,
    rates: Rates,
    pub(super) released: Released,
    notices: Vec<Notice>,
    lost_notices: u64,
}

impl Relay {
    /// A relay that knows nothing yet.
    pub fn new(config: Arc<Config>) -> Self {
        Self {
            config,
            ports: Ports::default(),
            table: Table::default(),
            own: Vec::new(),
            rates: Rates::default(),
            released: Released::default(),
            notices: Vec::new(),
            lost_notices: 0,
        }
    }

    /// Takes other settings; delegations stay.
    pub fn reconfigure(&mut self, config: Arc<Config>) {
        self.config = config;
    }

    /// Takes the client-facing interfaces and all addresses of this machine as they are now.
    ///
    /// Routes of interfaces that are new, or were made anew, are asked for again (RELAY-066).
    /// Returns those that are new.
    pub fn set_ports(&mut self, ports: Vec<Port>, own: Vec<Ipv6Addr>) -> Vec<PortNo> {
        self.own = own;
        let fresh = self.ports.set(ports);
        for port in &fresh {
            self.table.repeat(*port);
        }
        fresh
    }

    // Getters

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The client-facing interfaces.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// The delegations.
    pub fn table(&self) -> &Table {
        &self.table
    }

    // Inputs

    /// Takes a datagram; what is to be sent goes to `out`.
    ///
    /// `link_layer` is the link-layer address it came from, if known.
    pub fn datagram(
        &mut self,
        now: Now,
        arrival: &Arrival,
        link_layer: &[u8],
        octets: &[u8],
        out: &mut Outbox,
    ) -> Result<Heard, Dropped> {
        let port = self.ports.by_index(arrival.interface);
        let is_reply = octets.first() == Some(&MessageType::RELAY_REPL.0);
        match port {
            // A RELAY-REPL of a listed server may come by a client's link too: the server is
            // beyond another relay there. A stranger's may not.
            _ if is_reply => self.towards_client(now, arrival, octets, out),
            None if !self.config.hears_relay(arrival.from.ip()) => Err(Dropped::NotForUs),
            port => {
                let received = Received {
                    octets,
                    source: *arrival.from.ip(),
                    link_layer,
                };
                self.towards_servers(now, port, &received, out)
            }
        }
    }

    fn towards_servers(
        &mut self,
        now: Now,
        no: Option<PortNo>,
        received: &Received<'_>,
        out: &mut Outbox,
    ) -> Result<Heard, Dropped> {
        if self.config.servers.is_empty() {
            return Err(Dropped::NoServer);
        }
        if let Some(no) = no
            && !self.rates.allow(now.mono, &self.config, no, received)
        {
            return Err(Dropped::TooOften);
        }
        let start = out.octets.len();
        let port = no.and_then(|no| self.ports.get(no));
        let kind = forward::forward(&self.config, port, received, &mut out.octets)?;
        for server in &self.config.servers {
            out.datagrams.push(Reply {
                to: *server,
                from: self.config.source,
                interface: server.scope_id(),
                octets: start..out.octets.len(),
                is_bound: false,
            });
        }
        if let Some(no) = no {
            self.given_back(now.mono, no, received);
        }
        Ok(Heard {
            kind,
            is_reply: false,
            port: no,
        })
    }

    /// A RELEASE ends what it names at once (D-41, RELAY-048); a DECLINE its addresses.
    fn given_back(&mut self, now: Mono, port: PortNo, received: &Received<'_>) {
        let Some((message, _)) = learn::first_hop(received.octets, received.source) else {
            return;
        };
        let is_release = message.msg_type() == MessageType::RELEASE;
        if !is_release && message.msg_type() != MessageType::DECLINE {
            return;
        }
        let Some(client) = learn::client(&message) else {
            return;
        };
        for lease in learn::leases(&message) {
            if is_release || lease.is_address {
                self.end_if_held(now, port, client, &lease);
            }
        }
    }

    /// Ends a delegation if it is this client's, on this port, of this association.
    fn end_if_held(&mut self, now: Mono, port: PortNo, client: &[u8], lease: &Leased) {
        // Known or not: a server may be about to tell it.
        self.released.add(now, lease.prefix, client);
        let is_held = self.table.get(lease.prefix).is_some_and(|held| {
            *held.client == *client
                && held.hop.is_none_or(|hop| hop.port == port)
                && held.iaid.is_none_or(|iaid| iaid == lease.iaid)
        });
        if is_held && let Some(ended) = self.table.remove(lease.prefix) {
            self.notice(Notice::Released {
                prefix: ended.prefix,
                client: ended.client,
            });
        }
    }

    fn towards_client(
        &mut self,
        now: Now,
        arrival: &Arrival,
        octets: &[u8],
        out: &mut Outbox,
    ) -> Result<Heard, Dropped> {
        if !self.config.hears_server(arrival.from.ip()) {
            return Err(Dropped::NotAServer);
        }
        let back = back::unwrap(&self.config, &self.ports, octets)?;
        let start = out.octets.len();
        out.octets.extend_from_slice(back.content);
        let port = back.port.and_then(|no| self.ports.get(no));
        out.datagrams.push(Reply {
            to: back.to,
            from: None,
            interface: port.map_or(0, |port| port.index),
            octets: start..out.octets.len(),
            is_bound: false,
        });
        if let Some(no) = back.port {
            self.learn(now, no, *arrival.from.ip(), &back);
        }
        Ok(Heard {
            kind: back.kind,
            is_reply: true,
            port: back.port,
        })
    }

    /// Learns what a REPLY grants, whichever of its kind it is (RELAY-049 to RELAY-052).
    fn learn(&mut self, now: Now, port: PortNo, from: Ipv6Addr, back: &back::Return<'_>) {
        let Some((message, peer)) = learn::first_hop(back.content, back.peer) else {
            return;
        };
        if message.msg_type() != MessageType::REPLY {
            return;
        }
        let Some(client) = learn::client(&message) else {
            return;
        };
        let hop = NextHop {
            port,
            via: Some(peer),
        };
        let xid = message.xid();
        let source = Source::Learnt { from, xid };
        for lease in learn::leases(&message) {
            if lease.is_address && !self.config.host_routes {
                continue;
            }
            if lease.valid == 0 {
                self.end_if_held(now.mono, port, client, &lease);
            } else {
                let learnt = Delegation {
                    prefix: lease.prefix,
                    client: client.into(),
                    iaid: Some(lease.iaid),
                    hop: Some(hop),
                    preferred_until: end(now.mono, lease.preferred),
                    valid_until: end(now.mono, lease.valid),
                    heard: seconds(now.mono),
                    told: now.mono,
                    since: now.mono,
                    source,
                    standing: Standing::Routed,
                };
                self.grant(learnt, hop, lease.excluded);
            }
        }
    }

    fn grant(&mut self, learnt: Delegation, hop: NextHop, excluded: Option<Ipv6Net>) {
        let (prefix, client) = (learnt.prefix, &*learnt.client.clone());
        // The relay's address on the link to the client may lie in what is kept out for that link:
        // packets for it take the longer way of the two.
        let is_covered = |own: &&Ipv6Addr| excluded.is_none_or(|net| !net.contains(*own));
        let own = self.own.iter().filter(is_covered);
        if let Err(why) = refuse::judge(prefix, own) {
            self.refuse(prefix, client, why, None);
            return;
        }
        // First whose it was loses it, which holds also where its new client has no room: the
        // server gave it to another.
        self.displace(prefix, client);
        if let Some((limit, is_clients)) = self.limit_reached(prefix, client, hop.port) {
            self.notice(Notice::BeyondLimit {
                prefix,
                client: client.into(),
                port: hop.port,
                limit,
                is_clients,
            });
            return;
        }
        if self.config.one_port_per_client {
            self.end_elsewhere(client, hop.port, prefix);
        }
        let held = self.table.get(prefix);
        let is_new = held.is_none_or(|held| held.hop != Some(hop) || !held.standing.is_routed());
        self.released.taken(prefix);
        self.table.put(learnt);
        if is_new {
            self.notice(Notice::Learnt {
                prefix,
                client: client.into(),
                port: hop.port,
            });
        }
    }

    /// Ends other clients' delegations that a newer one overlaps (RELAY-055).
    pub(super) fn displace(&mut self, prefix: Ipv6Net, client: &[u8]) {
        let older = self.table.overlapping(prefix, client);
        let older: Vec<Ipv6Net> = older.map(|one| one.prefix).collect();
        for older in older {
            self.end_displaced(older, prefix, client);
        }
    }

    /// Ends a delegation that `by` of another client takes the place of.
    pub(super) fn end_displaced(&mut self, older: Ipv6Net, by: Ipv6Net, client: &[u8]) {
        if let Some(ended) = self.table.remove(older)
            && ended.standing.is_routed()
        {
            self.notice(Notice::Displaced {
                prefix: older,
                client: ended.client,
                by,
                new_client: client.into(),
            });
        }
    }

    fn end_elsewhere(&mut self, client: &[u8], port: PortNo, but: Ipv6Net) {
        let is_elsewhere = |one: &&Delegation| one.hop.is_some_and(|hop| hop.port != port);
        let elsewhere = self.table.of_client(client).filter(is_elsewhere);
        let elsewhere: Vec<Ipv6Net> = elsewhere.map(|one| one.prefix).collect();
        for prefix in elsewhere.into_iter().filter(|prefix| *prefix != but) {
            if let Some(ended) = self.table.remove(prefix) {
                self.notice(Notice::Released {
                    prefix,
                    client: ended.client,
                });
            }
        }
    }

    /// The limit that a further delegation would pass, and whether it is the client's. One that
    /// has its route already is none further.
    pub(super) fn limit_reached(
        &self,
        prefix: Ipv6Net,
        client: &[u8],
        port: PortNo,
    ) -> Option<(u32, bool)> {
        let is_on_port = |one: &Delegation| {
            one.standing.is_routed() && one.hop.is_some_and(|hop| hop.port == port)
        };
        if self.table.get(prefix).is_some_and(is_on_port) {
            return None;
        }
        let limits = self.config.limits;
        let of_client = self.table.of_client(client);
        let of_client = of_client.filter(|one| is_on_port(one)).count();
        if u32::try_from(of_client).is_ok_and(|count| count >= limits.per_client) {
            return Some((limits.per_client, true));
        }
        let is_full = self.table.routed_on(port) >= limits.per_port;
        is_full.then_some((limits.per_port, false))
    }

    /// Ends what has run out by now.
    pub fn expire(&mut self, now: Mono) {
        while let Some(ended) = self.table.pop_ended(now) {
            self.notice(Notice::Expired {
                prefix: ended.prefix,
                client: ended.client,
            });
        }
    }

    /// When [`Relay::expire`] is due.
    pub fn deadline(&self) -> Option<Mono> {
        self.table.next_end()
    }

    /// Forgets a delegation, and its route, on the operator's word (RELAY-081).
    pub fn clear(&mut self, prefix: Ipv6Net) -> bool {
        let ended = self.table.remove(prefix);
        let is_ended = ended.is_some();
        if let Some(ended) = ended {
            self.notice(Notice::Released {
                prefix,
                client: ended.client,
            });
        }
        is_ended
    }

    // Outputs

    /// Takes out what the kernel is to be told, in order.
    pub fn take_changes(&mut self) -> Vec<RouteChange> {
        self.table.take_changes()
    }

    /// Takes out what happened, and how much of it was too much to keep.
    pub fn take_notices(&mut self) -> (Vec<Notice>, u64) {
        let lost = std::mem::take(&mut self.lost_notices);
        (std::mem::take(&mut self.notices), lost)
    }

    /// The addresses that no prefix told by a server or from disk may cover. Neither tells
    /// PD_EXCLUDE; where a link has but one other end, the relay's own there may be what it keeps out.
    pub(super) fn own_addresses(&self, hop: Option<NextHop>) -> impl Iterator<Item = &Ipv6Addr> {
        let port = hop.and_then(|hop| self.ports.get(hop.port));
        let port = port.filter(|port| port.fallback == Some(Fallback::Interface));
        let is_ends = move |own: &Ipv6Addr| port.is_some_and(|port| port.addresses.contains(own));
        self.own.iter().filter(move |own| !is_ends(own))
    }

    pub(super) fn refuse(
        &mut self,
        prefix: Ipv6Net,
        client: &[u8],
        why: Unroutable,
        server: Option<u16>,
    ) {
        self.notice(Notice::Refused {
            prefix,
            client: client.into(),
            why,
            server,
        });
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        if self.notices.len() < MAX_NOTICES {
            self.notices.push(notice);
        } else {
            self.lost_notices += 1;
        }
    }
}

/// When a lifetime that begins now ends; none is never.
pub(super) fn end(now: Mono, lifetime: u32) -> Option<Mono> {
    (lifetime != u32::MAX).then(|| now.after(Duration::from_secs(u64::from(lifetime))))
}

/// Whole seconds of the monotonic clock.
pub(super) fn seconds(at: Mono) -> i64 {
    i64::try_from(at.0 / 1_000_000_000).unwrap_or(i64::MAX)
}

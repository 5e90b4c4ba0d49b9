//! The shape of `relay.toml`, and the words of its example.

use std::net::Ipv6Addr;

use ipnet::Ipv6Net;
use leasebook_wire::Duid;
use serde::Deserialize;
use toml::Spanned;

use super::{List, LogFile, MetricsFile, SectionDoc, Setting, SettingDoc};
use crate::cli::values::Server;
use crate::config::runtime::Timers;
use crate::config::values::{Ingress, Loops, Number, RemoteIdTemplate, SuppliedOption, Text, Time};

section! {
    /// The configuration of `leasebook relay`. What is commented out shows its default or a
    /// sample; times are written with a unit: ms, s, m, h, d.
    RelayFile in "" {
        /// The relay's DUID in hex, by which servers know what it relayed. A new box that is
        /// given the DUID of an old one takes over its customers. Left out, a DUID-UUID is made
        /// once and kept in the file relay-id of the state directory. Source: RFC 5460 §5.4.1.
        relay_id: Setting<Text<Duid>>,
        /// Whether the Relay-ID is put into what is relayed; without it servers can be asked by
        /// link-address alone.
        /// Default: true. Source: RFC 5460 §5.4.1.
        sends_relay_id: Setting<bool>,
        /// Former Relay-IDs, which recovery asks for too.
        /// Default: []
        former_relay_ids: List<Text<Duid>>,
        /// The directory of what must outlive a restart: the Relay-ID.
        /// Default: "/var/lib/leasebook-relay"
        state: Setting<String>,
        /// The socket on which `leasebook relay status` and the like ask.
        /// Default: "/run/leasebook-relay/control"
        control: Setting<String>,
        /// Relays elsewhere in the network whose RELAY-FORW is relayed on.
        /// Default: []. Source: RFC 8415 §22.
        relays: List<Text<Ipv6Net>>,
        /// Whether messages with options that relays supply for clients are dropped.
        /// Default: false. Source: RFC 6422 §5.
        refuse_rsoo: Setting<bool>,
        /// The address that what is relayed to servers leaves from, and to which they answer. Left
        /// out, the system chooses it by the route to each server.
        source: Setting<Text<Ipv6Addr>>,
        /// The port listened on and relayed to; another one is for tests without privileges.
        /// Default: 547. Range: 1 to 65535. Source: RFC 8415 §7.2.
        port: Setting<Number<1, 65535>>,
        /// The port of clients.
        /// Default: 546. Range: 1 to 65535. Source: RFC 8415 §7.2.
        client_port: Setting<Number<1, 65535>>,
        /// The servers.
        server: Vec<Spanned<RelayServerFile>>,
        /// The client-facing interfaces.
        interface: Vec<Spanned<RelayInterfaceFile>>,
        /// The lightweight relay.
        lightweight: LightweightFile,
        /// VRFs.
        vrf: VrfFile,
        /// Limits.
        limits: LimitsFile,
        /// Routes.
        routes: RoutesFile,
        /// The filter.
        filter: FilterFile,
        /// Recovery.
        recovery: RecoveryFile,
        /// Counters.
        metrics: MetricsFile,
        /// The log.
        log: LogFile,
    }
}

section! {
    /// A server: messages are relayed to every one, and every one is asked on recovery. Of equal
    /// answers the first one's counts.
    RelayServerFile in "server" {
        /// Its address, with a port if that is not 547: "2001:db8::1", "[2001:db8::1]:1547"; or
        /// a group with the interface that leads to it, "ff05::1:3%eth0". Required.
        address: Setting<Text<Server>>,
        /// Whether it is asked by Bulk Leasequery; a group cannot be.
        /// Default: true
        recover: Setting<bool>,
        /// Where it is asked, if not at its address.
        bulk: Setting<Text<Server>>,
    }
}

section! {
    /// A client-facing interface, or several: of those whose names fit, the first section holds.
    /// Interfaces may come and go.
    RelayInterfaceFile in "interface" {
        /// Its name; `*` stands for any characters. Required.
        name: Setting<String>,
        /// The address that names the client's link to servers. Left out, the first global or
        /// unique-local address of the interface. Source: RFC 8415 §19.1.1.
        link_address: Setting<Text<Ipv6Addr>>,
        /// The INTERFACE_ID; `{interface}` is the interface's name. It must be different for every
        /// interface.
        /// Default: "{interface}". Source: RFC 8415 §21.18.
        interface_id: Setting<String>,
        /// A Remote-ID to add, "ENTERPRISE:TEXT"; in it `{interface}` is the interface's name,
        /// `{vlan}` its VLAN's number and `{link-layer}` the client's link-layer address. Source: RFC 4649.
        remote_id: Setting<Text<RemoteIdTemplate>>,
        /// A Subscriber-ID to add, with the same places to fill in. Source: RFC 4580.
        subscriber_id: Setting<String>,
        /// Whether servers are told the client's link-layer address. It is taken from the frame
        /// itself, which needs CAP_NET_RAW.
        /// Default: false. Source: RFC 6939.
        client_link_layer: Setting<bool>,
        /// Options supplied for clients, "CODE:HEX" each. Only those may be that are made for it:
        /// 65, the local domain of the EAP re-authentication protocol. Source: RFC 6422.
        supply: List<Text<SuppliedOption>>,
        /// Whether relays on it are trusted, so that their messages are relayed.
        /// Default: false. Source: RFC 6221 §6.1.2.
        trusted: Setting<bool>,
        /// Whether LEASEQUERY from it is relayed.
        /// Default: false. Source: RFC 5007 §5.
        leasequery: Setting<bool>,
        /// Where recovered prefixes go of which a server tells no relay data: the address of the
        /// customer's router on this interface. Source: D-43.
        next_hop: Setting<Text<Ipv6Addr>>,
        /// The same where there is but one other end: such prefixes go to the interface.
        /// Default: false
        point_to_point: Setting<bool>,
    }
}

section! {
    /// The lightweight relay, which marks what passes a bridge and has no address there. It is on where
    /// a network-facing interface is named; then [[server]] and [[interface]] may be left out.
    LightweightFile in "lightweight" {
        /// The network-facing interfaces: those ports of a bridge that lead to servers.
        /// Default: []. Source: RFC 6221 §6.
        network: List<String>,
        /// The table of nftables, of the family bridge, that keeps originals from passing. It is this
        /// relay's alone, and stays when the relay ends.
        /// Default: "leasebook-lightweight"
        table: Setting<String>,
        /// The client-facing interfaces.
        interface: Vec<Spanned<LightweightInterfaceFile>>,
    }
}

section! {
    /// A client-facing port of a bridge, or several: of those whose names fit, the first section holds.
    LightweightInterfaceFile in "lightweight.interface" {
        /// Its name; `*` at its end stands for any characters. Required.
        name: Setting<String>,
        /// The INTERFACE_ID; `{interface}` is the interface's name. It must be different for every
        /// interface.
        /// Default: "{interface}". Source: RFC 6221 §5.3.2.
        interface_id: Setting<String>,
        /// A Remote-ID to add, as that of [[interface]]. Source: RFC 4649.
        remote_id: Setting<Text<RemoteIdTemplate>>,
        /// A Subscriber-ID to add. Source: RFC 4580.
        subscriber_id: Setting<String>,
        /// Whether relays on it are trusted, so that their messages are relayed.
        /// Default: false. Source: RFC 6221 §6.1.2.
        trusted: Setting<bool>,
    }
}

section! {
    /// VRFs, where clients or servers are in one. They must be there when the relay starts. Instead
    /// of a VRF an interface can be named, where there is no other on that side.
    VrfFile in "vrf" {
        /// The VRF that the client-facing interfaces are in; its table is that of the routes. Left
        /// out, they are in none.
        clients: Setting<String>,
        /// The VRF that leads to the servers, for what is relayed and what is asked in bulk. Left
        /// out, none does.
        servers: Setting<String>,
    }
}

section! {
    /// What customers may have; messages beyond a limit still pass, but the prefix is not routed.
    LimitsFile in "limits" {
        /// Prefixes of one client on one interface.
        /// Default: 8. Range: 1 to 1000000. Source: RFC 8987 §4.1 G-5, G-7.
        prefixes_per_client: Setting<Number<1, 1_000_000>>,
        /// Prefixes on one interface, over all clients; 0 is no limit.
        /// Default: 0. Range: 0 to 100000000. Source: RFC 8987 §4.1 G-6.
        prefixes_per_interface: Setting<Number<0, 100_000_000>>,
        /// Messages of one client that are relayed in a second, on average; four seconds' worth may
        /// come at once. 0 is no limit.
        /// Default: 0. Range: 0 to 1000000.
        messages_per_client: Setting<Number<0, 1_000_000>>,
        /// The same of all clients of one interface.
        /// Default: 0. Range: 0 to 1000000. Source: RFC 6221 §9.
        messages_per_interface: Setting<Number<0, 1_000_000>>,
        /// Whether a client that gets a prefix on one interface loses those on others.
        /// Default: false. Source: RFC 8987 §4.1 G-4.
        one_interface_per_client: Setting<bool>,
    }
}

section! {
    /// The routes put into the kernel. Everything with this protocol number in this table is this
    /// relay's alone: what is not wanted there goes.
    RoutesFile in "routes" {
        /// The routing protocol that marks them, as in /etc/iproute2/rt_protos.
        /// Default: 147. Range: 5 to 255.
        protocol: Setting<Number<5, 255>>,
        /// The table; 254 is main. Left out where `vrf.clients` is set, it is that VRF's.
        /// Default: 254. Range: 1 to 2147483647.
        table: Setting<Number<1, 0x7fff_ffff>>,
        /// The metric.
        /// Default: 1024. Range: 1 to 2147483647.
        metric: Setting<Number<1, 0x7fff_ffff>>,
        /// Whether addresses of clients get host routes too.
        /// Default: false. Source: RFC 8415 §19.1.3.
        addresses: Setting<bool>,
        /// Prefixes that get an unreachable route, so that what is not delegated out of them does
        /// not loop.
        /// Default: []
        aggregates: List<Text<Ipv6Net>>,
    }
}

section! {
    /// What customers may send: rules of nftables in a table that is this relay's alone. Packets
    /// from link-local addresses and from the prefixes of the interface itself always pass.
    FilterFile in "filter" {
        /// Which sources may come in by a client-facing interface. "delegations": those delegated
        /// there, in sets that follow the delegations. "routes": those that the kernel routes back
        /// there, which is what strict reverse-path filtering does. "off": all.
        /// Default: "off". Source: RFC 8987 §4.2 R-3.
        ingress: Setting<Text<Ingress>>,
        /// What becomes of packets from a client-facing interface to a prefix delegated on the same
        /// one: "pass", "drop", or "reject", which answers that there is no route. On a link of
        /// several customers it keeps them from reaching each other through this relay.
        /// Default: "pass". Source: RFC 8987 §4.2 R-5.
        loops: Setting<Text<Loops>>,
        /// Destinations to which such packets pass all the same.
        /// Default: []
        loops_pass: List<Text<Ipv6Net>>,
        /// The name of the table, of the family ip6.
        /// Default: "leasebook-relay"
        table: Setting<String>,
        /// The program that changes it.
        /// Default: "nft"
        nft: Setting<String>,
    }
}

section! {
    /// Getting bindings back by Bulk Leasequery: at the start, when an interface comes, and by
    /// `leasebook relay recover`.
    RecoveryFile in "recovery" {
        /// Whose timers: "draft" or "rfc5460".
        /// Default: "draft"
        timers: Setting<Text<Timers>>,
        /// Whether a server that has nothing for the Relay-ID is asked by link-address.
        /// Default: true. Source: D-45.
        by_link: Setting<bool>,
        /// Remote-IDs that such a server is asked for too, "ENTERPRISE:TEXT" each.
        /// Default: []. Source: RFC 5460 §5.3.3.
        remote_ids: List<Text<RemoteIdTemplate>>,
        /// The address to ask from. Left out, that of `source`, or the system's choice.
        source: Setting<Text<Ipv6Addr>>,
        /// The service counts as started when every server has answered or was tried in vain, at
        /// the latest after this time.
        /// Default: "1m". Range: 0s to 1h.
        ready_within: Setting<Text<Time<0, 3600>>>,
        /// How often delegations are written to the file delegations of the state directory, from
        /// which they are routed after a start until servers tell better; "0s" is never.
        /// Default: "0s". Range: 0s to 1h.
        keep_every: Setting<Text<Time<0, 3600>>>,
    }
}

//! `[[class]]` and `[[reservation]]`: clients that are told apart.

use std::net::Ipv6Addr;

use ipnet::Ipv6Net;
use serde::Deserialize;
use toml::Spanned;

use super::{List, OptionsFile, SectionDoc, Setting, SettingDoc};
use crate::config::values::{Data, Hex, InterfaceId, Lifetime, Number, Text, VendorClass};
use leasebook_wire::{Duid, RemoteId};

section! {
    /// Classes of clients; a client may be in several. What a class sets holds for its
    /// clients, links can allow or deny it, and pools can be for it alone.
    ClassFile in "class" {
        /// What links and pools call it: up to 64 characters, different for every class.
        /// Required.
        name: Setting<String>,
        /// Who is in it; one of these is enough. Each is a comparison, octet by octet, or several
        /// of which all must hold: duid, duid-prefix, relay-id and link-layer in hex; remote-id as
        /// "ENTERPRISE:text"; subscriber-id, interface-id and user-class as text, or hex after
        /// 0x; vendor-class as "ENTERPRISE" or "ENTERPRISE:text"; option as { code, data }, of
        /// which the data may be left out, or with at begins there in the option; link-address
        /// and peer-address of a relay on the way; class, one that stands above; link, the name of
        /// the client's; reserved, whether anything is reserved for it there; unless = [{ ... }],
        /// of which none may hold. duid and iaid together are one of the client's IAs.
        /// Required.
        members: Vec<Spanned<MatchFile>>,
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
    }
}

table! {
    /// One comparison with a message.
    MatchFile {
        /// The client's DUID.
        duid: Setting<Text<Duid>>,
        /// The beginning of the client's DUID.
        duid_prefix: Setting<Text<Hex>>,
        /// One of the client's IAs, beside duid.
        iaid: Setting<Number<0, 0xffff_ffff>>,
        /// Remote-ID at any hop.
        remote_id: Setting<Text<RemoteId>>,
        /// Subscriber-ID at any hop.
        subscriber_id: Setting<Text<InterfaceId>>,
        /// Interface-ID at any hop.
        interface_id: Setting<Text<InterfaceId>>,
        /// The client's link-layer address, told by its relay.
        link_layer: Setting<Text<Hex>>,
        /// One item of USER_CLASS.
        user_class: Setting<Text<Data>>,
        /// One item of VENDOR_CLASS, or any of an enterprise.
        vendor_class: Setting<Text<VendorClass>>,
        /// The DUID of a relay on the way.
        relay_id: Setting<Text<Duid>>,
        /// An option of the client's message.
        option: Setting<OptionMatchFile>,
        /// The link-address of a relay on the way.
        link_address: Setting<Text<Ipv6Addr>>,
        /// The peer-address of a relay on the way.
        peer_address: Setting<Text<Ipv6Addr>>,
        /// A class that stands above.
        class: Setting<String>,
        /// The client's link, by its name.
        link: Setting<String>,
        /// Whether there is a reservation for the client, on its link or on every one.
        reserved: Setting<bool>,
        /// What must not hold.
        unless: Vec<Spanned<MatchFile>>,
    }
}

table! {
    /// An option of the client's message.
    OptionMatchFile {
        /// Its code.
        code: Setting<Number<1, 65535>>,
        /// Its data; left out, any.
        data: Setting<Text<Data>>,
        /// Where in the option the data begin; what is behind them is then nothing.
        at: Setting<Number<0, 65535>>,
    }
}

section! {
    /// Leases and settings kept for one client, on every link; on one link alone if the section
    /// is [[link.reservation]] below that link, which comes first. Who it is: one of the
    /// identifiers, or duid and iaid.
    ReservationFile in "reservation" {
        /// The client's DUID in hex.
        duid: Setting<Text<Duid>>,
        /// The client's IA that alone gets the leases, beside duid.
        /// Range: 0 to 4294967295.
        iaid: Setting<Number<0, 0xffff_ffff>>,
        /// The Remote-ID from any relay: "ENTERPRISE:text", or all of it in hex.
        remote_id: Setting<Text<RemoteId>>,
        /// The Interface-ID from any relay: text, or hex after 0x.
        interface_id: Setting<Text<InterfaceId>>,
        /// The Subscriber-ID from any relay: text, or hex after 0x.
        subscriber_id: Setting<Text<InterfaceId>>,
        /// The client's link-layer address in hex, as its relay tells it (RFC 6939).
        link_layer: Setting<Text<Hex>>,
        /// Addresses that no one else gets.
        /// Default: []
        addresses: List<Text<Ipv6Addr>>,
        /// Prefixes that no one else gets.
        /// Default: []
        prefixes: List<Text<Ipv6Net>>,
        /// The client's host name, told back in CLIENT_FQDN.
        name: Setting<String>,
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
    }
}

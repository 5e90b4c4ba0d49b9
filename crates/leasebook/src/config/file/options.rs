//! `[dhcp.options]` and `options` of narrower levels: what clients are told.

use std::net::Ipv6Addr;

use serde::Deserialize;
use toml::Spanned;

use super::{SectionDoc, Setting, SettingDoc};
use crate::config::values::{Data, Lifetime, Number, Seconds, Text, TimeServer, ValueType};
use leasebook_wire::option::DomainName;

/// A list that must have elements; so it needs a place of its own.
pub(in crate::config) type Filled<T> = Spanned<Vec<Spanned<Text<T>>>>;

section! {
    /// Options for clients that ask for them. Of each option the narrowest level's is sent:
    /// reservation, class, pool, link, and then these. Elsewhere they stand on one line:
    /// options = { dns-servers = ["3fff::53"] }
    OptionsFile in "dhcp.options" {
        /// Resolvers of the DNS. Source: RFC 3646 §3.
        dns_servers: Option<Filled<Ipv6Addr>>,
        /// Domains to search names in. Source: RFC 3646 §4.
        domain_search: Option<Filled<DomainName>>,
        /// Time servers: unicast or multicast addresses, or domain names. Source: RFC 5908.
        ntp_servers: Option<Filled<TimeServer>>,
        /// Time servers of clients that know SNTP alone. Source: RFC 4075.
        sntp_servers: Option<Filled<Ipv6Addr>>,
        /// SIP servers. Source: RFC 3319 §3.2.
        sip_servers: Option<Filled<Ipv6Addr>>,
        /// Domain names of SIP servers. Source: RFC 3319 §3.1.
        sip_domains: Option<Filled<DomainName>>,
        /// The name of the DS-Lite tunnel's far end. Source: RFC 6334.
        aftr_name: Setting<Text<DomainName>>,
        /// The longest time between two SOLICIT of a client.
        /// Range: 1m to 1d. Source: RFC 8415 §21.24.
        sol_max_rt: Setting<Text<Seconds<60, 86_400>>>,
        /// The longest time between two INFORMATION-REQUEST of a client.
        /// Range: 1m to 1d. Source: RFC 8415 §21.25.
        inf_max_rt: Setting<Text<Seconds<60, 86_400>>>,
        /// When clients without leases ask again: 10m at least, or "infinity".
        /// Source: RFC 8415 §21.23.
        information_refresh_time: Setting<Text<Lifetime>>,
        /// Options of a vendor's own: its enterprise number, its code, and the data as text, or
        /// hex after 0x. Source: RFC 8415 §21.17.
        vendor: Vec<Spanned<VendorFile>>,
        /// Any other option by its code. The type is one of "hex", "text", "u8", "u16", "u32",
        /// "ipv6", "ipv6-list", "fqdn", "fqdn-list"; with always = true it is sent unasked.
        /// Containers of RFC 7598 (94, 95, 96) are written in hex.
        custom: Vec<Spanned<CustomFile>>,
    }
}

table! {
    /// One option of a vendor.
    VendorFile {
        /// The vendor's enterprise number.
        enterprise: Setting<Number<0, 0xffff_ffff>>,
        /// The vendor's code.
        code: Setting<Number<0, 65535>>,
        /// The data: text, or hex after 0x.
        data: Setting<Text<Data>>,
    }
}

table! {
    /// One option by its code.
    CustomFile {
        /// The option's code.
        code: Setting<Number<1, 65535>>,
        /// What the value is.
        r#type: Setting<Text<ValueType>>,
        /// The value: a text, a number or a list, as the type has it.
        value: Setting<toml::Value>,
        /// Whether it is sent unasked.
        always: Setting<bool>,
    }
}

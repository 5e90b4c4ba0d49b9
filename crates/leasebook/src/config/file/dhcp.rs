//! `[dhcp]`: the DHCPv6 server as a whole, and the settings that narrower levels have too.

use serde::Deserialize;
use toml::Spanned;

use super::{
    ClassFile, LinkFile, List, OptionsFile, PoolFile, PrefixPoolFile, ReservationFile, SectionDoc,
    Setting, SettingDoc,
};
use crate::config::values::{Lifetime, Number, ObsoleteKind, Seconds, Text};

section! {
    /// The DHCPv6 server; it runs where listen.udp is not empty. Its lifetimes, times and
    /// options hold where nothing narrower says otherwise: a reservation, then the client's
    /// classes in the order of the file, then the pool, then the link.
    DhcpFile in "dhcp" {
        /// The preference in ADVERTISE; 0 is not sent, 255 makes clients take this server.
        /// Default: 0. Range: 0 to 255. Source: RFC 8415 §18.3.9, §21.8.
        preference: Setting<Number<0, 255>>,
        /// What RFC 9915 made obsolete and is wanted all the same: "ia-ta", temporary
        /// addresses; "unicast", clients that talk to the server directly.
        /// Default: []. Source: RFC 9915, RFC 8415 §13.2, §21.12.
        obsolete: List<Text<ObsoleteKind>>,
        /// Codes of options that relays may supply for clients.
        /// Default: []. Range: 1 to 65535. Source: RFC 6422 §4, §6.
        rsoo: List<Number<1, 65535>>,
        /// How long a declined address is kept from everyone.
        /// Default: "1d". Range: 0s to 365d. Source: RFC 8415 §18.3.8.
        probation: Setting<Text<Seconds<0, 31_536_000>>>,
        /// How long what an ADVERTISE offered is kept from others.
        /// Default: "10s". Range: 0s to 1h. Source: RFC 8415 §18.3.9.
        offer_hold: Setting<Text<Seconds<0, 3600>>>,
        /// How long clients must have asked in vain before this server answers what is addressed
        /// to none, as their ELAPSED_TIME tells: for one that stands in for others.
        /// Default: "0s". Range: 0s to 10m. Source: RFC 8415 §21.9.
        answer_after: Setting<Text<Seconds<0, 600>>>,
        /// Whether clients that accept RECONFIGURE get a key for it and may be sent one.
        /// Default: false. Source: RFC 8415 §18.3.11, §20.4.
        reconfigure: Setting<bool>,
        /// Whether a RENEW of an IA that is not bound makes a binding, and a REBIND where
        /// rapid-commit is true; else they are told NoBinding.
        /// Default: true. Source: RFC 8415 §18.3.4, §18.3.5.
        bind_on_renew: Setting<bool>,
        /// Whether addresses that clients made themselves and register are recorded.
        /// Default: false. Source: RFC 9686.
        register_addresses: Setting<bool>,
        /// The most leases one client may hold on one link.
        /// Default: 64. Range: 1 to 65535. Source: RFC 8415 §22.
        leases_per_client: Setting<Number<1, 65535>>,
        /// Messages a second of one client that are heard, on average; 0 is no limit.
        /// Default: 0. Range: 0 to 1000000. Source: RFC 8415 §22.
        rate_per_client: Setting<Number<0, 1_000_000>>,
        /// Messages a second through one relay that are heard, on average; 0 is no limit.
        /// Default: 0. Range: 0 to 100000000.
        rate_per_relay: Setting<Number<0, 100_000_000>>,
        /// This machine's interfaces on which relays are heard by multicast (ff05::1:3), beside
        /// those of links; relays that know this server's address need none.
        /// Default: []. Source: RFC 8415 §7.1.
        relay_interfaces: List<String>,
        /// From how many leases of a hundred on a filling pool is told in the log; 0 is never.
        /// Default: 90. Range: 0 to 100.
        pool_warning: Setting<Number<0, 100>>,
        /// How long a lease is to be used for new connections: whole seconds, or "infinity".
        /// Not above valid-lifetime, and written wherever that is.
        /// Default: "50m". Source: RFC 8415 §21.6.
        preferred_lifetime: Setting<Text<Lifetime>>,
        /// How long a lease is the client's, if it is not renewed.
        /// Default: "1h6m40s". Source: RFC 8415 §21.6.
        valid_lifetime: Setting<Text<Lifetime>>,
        /// When clients turn to this server to renew; "0s" leaves it to them. Not above t2, and
        /// written wherever that is. Left out, 0.5 of the shortest preferred lifetime.
        /// Source: RFC 8415 §21.4.
        t1: Setting<Text<Lifetime>>,
        /// When clients turn to any server. Left out, 0.8 of the shortest preferred lifetime.
        t2: Setting<Text<Lifetime>>,
        /// Whether a client that asks so gets its leases by two messages instead of four.
        /// Default: false. Source: RFC 8415 §18.3.1, §21.14.
        rapid_commit: Setting<bool>,
        /// The length of prefix delegated to clients that ask for none. Left out, that of the
        /// pool. Range: 1 to 128. Source: RFC 8168 §3.2.
        delegated_length: Setting<Number<1, 128>>,
        /// Options for clients.
        options: OptionsFile,
    }
}

/// The settings that every level has, where they are written.
#[derive(Clone, Copy)]
pub(in crate::config) struct Level<'a> {
    /// How long a lease is preferred.
    pub(in crate::config) preferred_lifetime: Option<&'a Spanned<Text<Lifetime>>>,
    /// How long a lease is valid.
    pub(in crate::config) valid_lifetime: Option<&'a Spanned<Text<Lifetime>>>,
    /// T1.
    pub(in crate::config) t1: Option<&'a Spanned<Text<Lifetime>>>,
    /// T2.
    pub(in crate::config) t2: Option<&'a Spanned<Text<Lifetime>>>,
    /// Rapid Commit.
    pub(in crate::config) rapid_commit: Option<&'a Spanned<bool>>,
    /// The length delegated by default.
    pub(in crate::config) delegated_length: Option<&'a Spanned<Number<1, 128>>>,
    /// Options.
    pub(in crate::config) options: &'a OptionsFile,
}

/// Gives sections their [`Level`]; a pool's own length is no default.
macro_rules! levels {
    ($($type:ident, $delegated:expr;)*) => {$(
        impl $type {
            /// The settings that every level has.
            pub(in crate::config) fn level(&self) -> Level<'_> {
                let delegated: fn(&Self) -> Option<&Spanned<Number<1, 128>>> = $delegated;
                Level {
                    preferred_lifetime: self.preferred_lifetime.as_ref(),
                    valid_lifetime: self.valid_lifetime.as_ref(),
                    t1: self.t1.as_ref(),
                    t2: self.t2.as_ref(),
                    rapid_commit: self.rapid_commit.as_ref(),
                    delegated_length: delegated(self),
                    options: &self.options,
                }
            }
        }
    )*};
}

levels! {
    DhcpFile, |file| file.delegated_length.as_ref();
    LinkFile, |file| file.delegated_length.as_ref();
    ClassFile, |file| file.delegated_length.as_ref();
    ReservationFile, |file| file.delegated_length.as_ref();
    PoolFile, |_| None;
    PrefixPoolFile, |_| None;
}

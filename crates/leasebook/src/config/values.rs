//! The values of the file: texts and numbers that know their own form and range.
//!
//! Each refuses what it cannot be with a sentence that says what would be right; the TOML
//! reader adds the place.

use std::fmt;
use std::marker::PhantomData;
use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use ipnet::{IpNet, Ipv6Net};
use serde::de::{self, Deserialize, Deserializer, Visitor};

use super::runtime::{LogClients, LogFormat, LogLevel, QueryKind, Timers, Unlisted};
use leasebook_protocol::server::config::AddressPool;
use leasebook_wire::Duid;

use crate::duid;
use crate::text::{duration, octets, suggest};

/// A whole number from `MIN` to `MAX`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number<const MIN: u32, const MAX: u32>(pub(super) u32);

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Number<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InRange<const MIN: u32, const MAX: u32>;
        impl<const MIN: u32, const MAX: u32> Visitor<'_> for InRange<MIN, MAX> {
            type Value = u32;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "a whole number from {MIN} to {MAX}")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<u32, E> {
                u32::try_from(number)
                    .ok()
                    .filter(|number| (MIN..=MAX).contains(number))
                    .ok_or_else(|| {
                        E::custom(format_args!(
                            "{number} is out of range; a whole number from {MIN} to {MAX} is needed"
                        ))
                    })
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<u32, E> {
                self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
            }
        }
        deserializer
            .deserialize_i64(InRange::<MIN, MAX>)
            .map(Number)
    }
}

/// A time with a unit, from `MIN` to `MAX` seconds, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time<const MIN: u64, const MAX: u64>(pub(super) Duration);

impl<const MIN: u64, const MAX: u64> FromText for Time<MIN, MAX> {
    const FORM: &'static str = "a time in quotes, such as \"30s\" or \"5m\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let time = duration::parse(text).map_err(|error| error.to_string())?;
        let (min, max) = (Duration::from_secs(MIN), Duration::from_secs(MAX));
        if (min..=max).contains(&time) {
            Ok(Self(time))
        } else {
            Err(format!(
                "{text} is out of range; a time from {} to {} is needed",
                duration::show(min),
                duration::show(max)
            ))
        }
    }
}

/// A value written as a text.
pub(super) trait FromText: Sized {
    /// What is asked for where something else than a text stands.
    const FORM: &'static str;

    /// Reads the text, or says in one sentence what is wrong and what would be right.
    fn from_text(text: &str) -> Result<Self, String>;
}

/// Carries a [`FromText`] through the TOML reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text<T>(pub(super) T);

impl<'de, T: FromText> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written<T>(PhantomData<T>);
        impl<T: FromText> Visitor<'_> for Written<T> {
            type Value = T;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(T::FORM)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
                T::from_text(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Written(PhantomData)).map(Text)
    }
}

/// Finds a word in a table of the words there are.
fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    if let Some((_, value)) = words.iter().find(|(name, _)| *name == text) {
        return Ok(*value);
    }
    let names = words.iter().map(|(name, _)| *name);
    let hint = match suggest::nearest(text, names.clone()) {
        Some(meant) => format!("`{meant}` is probably meant"),
        None => format!("it is one of {}", names.collect::<Vec<_>>().join(", ")),
    };
    Err(format!("`{text}` is not known here; {hint}"))
}

/// Makes a [`FromText`] of a table of words, which also says how each value is written.
macro_rules! words {
    ($type:ty, $form:literal, $($word:literal => $value:expr),+ $(,)?) => {
        impl FromText for $type {
            const FORM: &'static str = $form;

            fn from_text(text: &str) -> Result<Self, String> {
                word(text, &[$(($word, $value)),+])
            }
        }

        impl $type {
            /// The word in the file.
            pub(crate) fn word(self) -> &'static str {
                [$(($word, $value)),+]
                    .into_iter()
                    .find(|(_, value)| *value == self)
                    .map_or("", |(word, _)| word)
            }
        }
    };
}

mod dhcp;
mod relay;

pub(super) use super::relay::{Ingress, Loops};
pub(super) use dhcp::{
    Data, Exclusion, Hex, Lifetime, ObsoleteKind, PoolOrder, Seconds, TimeServer, ValueType,
    VendorClass,
};
pub(super) use relay::{RemoteIdTemplate, SuppliedOption};

words!(Timers, "\"draft\" or \"rfc5460\"",
    "draft" => Timers::Draft,
    "rfc5460" => Timers::Rfc5460,
);
words!(Unlisted, "\"close\" or \"refuse\"",
    "close" => Unlisted::Close,
    "refuse" => Unlisted::Refuse,
);
words!(Ingress, "\"off\", \"delegations\" or \"routes\"",
    "off" => Ingress::Off,
    "delegations" => Ingress::Delegations,
    "routes" => Ingress::Routes,
);
words!(Loops, "\"pass\", \"drop\" or \"reject\"",
    "pass" => Loops::Pass,
    "drop" => Loops::Drop,
    "reject" => Loops::Reject,
);
words!(LogLevel, "a level in quotes",
    "error" => LogLevel::Error,
    "warn" => LogLevel::Warn,
    "info" => LogLevel::Info,
    "debug" => LogLevel::Debug,
    "trace" => LogLevel::Trace,
);
words!(LogFormat, "\"text\", \"json\" or \"journald\"",
    "text" => LogFormat::Text,
    "json" => LogFormat::Json,
    "journald" => LogFormat::Journald,
);
words!(LogClients, "\"full\", \"short\" or \"none\"",
    "full" => LogClients::Full,
    "short" => LogClients::Short,
    "none" => LogClients::None,
);
words!(QueryKind, "a query type in quotes",
    "address" => QueryKind::Address,
    "client-id" => QueryKind::ClientId,
    "relay-id" => QueryKind::RelayId,
    "link-address" => QueryKind::LinkAddress,
    "remote-id" => QueryKind::RemoteId,
);

impl FromText for Duid {
    const FORM: &'static str = "a DUID as hex in quotes";

    fn from_text(text: &str) -> Result<Self, String> {
        duid::sendable(text).map_err(|error| error.to_string())
    }
}

impl FromText for SocketAddr {
    const FORM: &'static str = "\"ADDRESS:PORT\", such as \"[::]:547\"";

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| {
            format!("`{text}` is no address with port; write it as \"[2001:db8::1]:547\"")
        })
    }
}

/// Where datagrams are heard: an address, and the VRF or interface alone by which.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UdpAddress {
    /// Address and port.
    pub address: SocketAddr,
    /// The device the socket is bound to.
    pub device: Option<String>,
}

/// Octets of an interface's name, at most. Source: Linux, IFNAMSIZ without its end.
pub(in crate::config) const MAX_INTERFACE_OCTETS: usize = 15;

impl From<SocketAddr> for UdpAddress {
    fn from(address: SocketAddr) -> Self {
        Self {
            address,
            device: None,
        }
    }
}

impl fmt::Display for UdpAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(out)?;
        match &self.device {
            Some(device) => write!(out, "%{device}"),
            None => Ok(()),
        }
    }
}

impl FromText for UdpAddress {
    const FORM: &'static str = "\"ADDRESS:PORT\", such as \"[::]:547\", or with %DEVICE behind it";

    fn from_text(text: &str) -> Result<Self, String> {
        // A scope within the brackets is the address's own.
        let (address, device) = match text.rsplit_once('%') {
            Some((address, device)) if !device.contains(']') => (address, Some(device)),
            _ => (text, None),
        };
        let is_no_name = |name: &str| name.is_empty() || name.len() > MAX_INTERFACE_OCTETS;
        if let Some(device) = device.filter(|device| is_no_name(device)) {
            return Err(format!("`{device}` is no name of a device"));
        }
        Ok(Self {
            address: SocketAddr::from_text(address)?,
            device: device.map(str::to_owned),
        })
    }
}

impl std::str::FromStr for UdpAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::from_text(text)
    }
}

impl FromText for IpNet {
    const FORM: &'static str = "a prefix or address in quotes, such as \"2001:db8::/32\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let net: IpNet = text
            .parse()
            .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
            .map_err(|_| {
                format!("`{text}` is no prefix and no address; write it as \"2001:db8::/32\"")
            })?;
        if net.addr() == net.network() {
            Ok(net)
        } else {
            Err(bits_past_length(text, &net.trunc().to_string()))
        }
    }
}

impl FromText for Ipv6Net {
    const FORM: &'static str = "an IPv6 prefix in quotes, such as \"2001:db8::/64\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let net: Ipv6Net = text
            .parse()
            .map_err(|_| format!("`{text}` is no IPv6 prefix; write it as \"2001:db8::/64\""))?;
        if net.addr() == net.network() {
            Ok(net)
        } else {
            Err(bits_past_length(text, &net.trunc().to_string()))
        }
    }
}

/// Says that a prefix has bits set that its length does not cover.
fn bits_past_length(text: &str, right: &str) -> String {
    format!("`{text}` has bits set past its length; `{right}` is probably meant")
}

impl FromText for Ipv6Addr {
    const FORM: &'static str = "an IPv6 address in quotes";

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| format!("`{text}` is no IPv6 address; write it as \"2001:db8::1\""))
    }
}

/// An Interface-ID: `0x` and hex, or else the text's own octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InterfaceId(pub(super) Vec<u8>);

impl FromText for InterfaceId {
    const FORM: &'static str = "an Interface-ID in quotes: text, or hex after 0x";

    fn from_text(text: &str) -> Result<Self, String> {
        octets::parse(text)
            .map(Self)
            .map_err(|error| error.to_string())
    }
}

/// A range of addresses, both ends included; `first` is not above `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AddressRange {
    /// The lowest address.
    pub(super) first: Ipv6Addr,
    /// The highest address.
    pub(super) last: Ipv6Addr,
}

impl FromText for AddressRange {
    const FORM: &'static str = "addresses in quotes: \"PREFIX/LENGTH\" or \"FIRST-LAST\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let Some((first, last)) = text.split_once('-') else {
            let net = Ipv6Net::from_text(text).map_err(|error| {
                if text.contains('/') {
                    error
                } else {
                    format!("`{text}` is no range of addresses; write a prefix or FIRST-LAST")
                }
            })?;
            return Ok(Self {
                first: net.network(),
                last: net.broadcast(),
            });
        };
        let (first, last) = (
            Ipv6Addr::from_text(first.trim())?,
            Ipv6Addr::from_text(last.trim())?,
        );
        if first > last {
            return Err(format!(
                "`{text}` ends before it begins; `{last}-{first}` is probably meant"
            ));
        }
        Ok(Self { first, last })
    }
}

impl AddressRange {
    /// The range of a pool.
    pub(super) fn of(pool: &AddressPool) -> Self {
        Self {
            first: pool.first,
            last: pool.last,
        }
    }

    /// How the range is written: as a prefix if it is one.
    pub(super) fn show(&self) -> String {
        let size = u128::from(self.last) - u128::from(self.first);
        let host_bits = size.trailing_ones();
        let prefix = u8::try_from(128 - host_bits)
            .ok()
            .and_then(|length| Ipv6Net::new(self.first, length).ok())
            .filter(|net| net.network() == self.first && net.broadcast() == self.last);
        match prefix {
            Some(net) => net.to_string(),
            None => format!("{}-{}", self.first, self.last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(text: &str) -> Result<AddressRange, String> {
        AddressRange::from_text(text)
    }

    #[test]
    fn a_pool_is_a_prefix_or_first_and_last() {
        for text in [
            "3fff::/64",
            "3fff::1-3fff::ff",
            "3fff::/128",
            "::/0",
            "3fff::1-3fff::1:0",
        ] {
            assert_eq!(pool(text).unwrap().show(), text);
        }
        assert_eq!(pool("3fff::-3fff::ffff").unwrap().show(), "3fff::/112");
        assert!(
            pool("3fff::2-3fff::1")
                .unwrap_err()
                .contains("3fff::1-3fff::2")
        );
        assert!(pool("3fff::1").is_err());
        assert!(pool("3fff::1/64").unwrap_err().contains("3fff::/64"));
    }

    #[test]
    fn a_source_is_a_prefix_or_one_address() {
        assert_eq!(IpNet::from_text("::1").unwrap().to_string(), "::1/128");
        assert!(
            IpNet::from_text("2001:db8::1/32")
                .unwrap_err()
                .contains("2001:db8::/32")
        );
        assert!(IpNet::from_text("nowhere").is_err());
    }
}

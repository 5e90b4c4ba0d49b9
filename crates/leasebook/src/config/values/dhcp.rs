//! Values of the DHCPv6 server's sections.

use std::net::Ipv6Addr;
use std::time::Duration;

use ipnet::{Ipv6Net, Ipv6Subnets};
use leasebook_protocol::server::config::Order;
use leasebook_store::LeaseName;
use leasebook_wire::RemoteId;
use leasebook_wire::option::DomainName;

use super::{AddressRange, FromText, word};
use crate::text::{duration, hex, octets};

/// Whole seconds from `MIN` to `MAX`, both included, written with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Seconds<const MIN: u32, const MAX: u32>(pub(in crate::config) u32);

impl<const MIN: u32, const MAX: u32> FromText for Seconds<MIN, MAX> {
    const FORM: &'static str = "a time in quotes, such as \"30s\" or \"5m\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let secs = whole_seconds(text)?;
        u32::try_from(secs)
            .ok()
            .filter(|secs| (MIN..=MAX).contains(secs))
            .map(Self)
            .ok_or_else(|| {
                format!(
                    "{text} is out of range; a time from {} to {} is needed",
                    Lifetime(MIN).show(),
                    Lifetime(MAX).show()
                )
            })
    }
}

/// Whole seconds of any number, or infinity, which is `u32::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Lifetime(pub(in crate::config) u32);

/// The word for a lifetime that does not end. Source: RFC 8415 §7.7.
const INFINITY: &str = "infinity";

impl FromText for Lifetime {
    const FORM: &'static str = "a time in quotes, such as \"1h\", or \"infinity\"";

    fn from_text(text: &str) -> Result<Self, String> {
        if text == INFINITY {
            return Ok(Self(u32::MAX));
        }
        let secs = whole_seconds(text)?;
        u32::try_from(secs)
            .ok()
            .filter(|secs| *secs != u32::MAX)
            .map(Self)
            .ok_or_else(|| format!("{text} is longer than 4294967294s; \"infinity\" is meant"))
    }
}

impl Lifetime {
    /// How it is written.
    pub(in crate::config) fn show(self) -> String {
        if self.0 == u32::MAX {
            INFINITY.to_owned()
        } else {
            duration::show(Duration::from_secs(self.0.into()))
        }
    }
}

/// A time without a fraction of a second.
fn whole_seconds(text: &str) -> Result<u64, String> {
    let time = duration::parse(text).map_err(|error| error.to_string())?;
    if time.subsec_nanos() == 0 {
        Ok(time.as_secs())
    } else {
        Err(format!("{text} is no whole number of seconds"))
    }
}

words!(ObsoleteKind, "\"ia-ta\" or \"unicast\"",
    "ia-ta" => ObsoleteKind::IaTa,
    "unicast" => ObsoleteKind::Unicast,
);

/// What RFC 9915 made obsolete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum ObsoleteKind {
    /// Temporary addresses.
    IaTa,
    /// Clients that talk to the server directly.
    Unicast,
}

words!(PoolOrder, "\"random\" or \"lowest\"",
    "random" => PoolOrder(Order::Random),
    "lowest" => PoolOrder(Order::Lowest),
);

/// How a lease is chosen out of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct PoolOrder(pub(in crate::config) Order);

words!(ValueType, "a type in quotes",
    "hex" => ValueType::Hex,
    "text" => ValueType::Text,
    "u8" => ValueType::U8,
    "u16" => ValueType::U16,
    "u32" => ValueType::U32,
    "ipv6" => ValueType::Ipv6,
    "ipv6-list" => ValueType::Ipv6List,
    "fqdn" => ValueType::Fqdn,
    "fqdn-list" => ValueType::FqdnList,
);

/// What the value of an option by code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum ValueType {
    /// Octets in hex.
    Hex,
    /// UTF-8 text.
    Text,
    /// A number of one octet.
    U8,
    /// A number of two octets.
    U16,
    /// A number of four octets.
    U32,
    /// An address.
    Ipv6,
    /// Addresses.
    Ipv6List,
    /// A domain name.
    Fqdn,
    /// Domain names.
    FqdnList,
}

/// Addresses or a prefix left out of allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Exclusion(pub(in crate::config) Vec<LeaseName>);

impl FromText for Exclusion {
    const FORM: &'static str = "\"ADDRESS\", \"FIRST-LAST\" or \"PREFIX/LENGTH\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let whole = |net: Ipv6Net| LeaseName::Prefix {
            prefix: net.network(),
            len: net.prefix_len(),
        };
        if text.contains('/') {
            return Ipv6Net::from_text(text).map(|net| Self(vec![whole(net)]));
        }
        if !text.contains('-') {
            return Ipv6Addr::from_text(text)
                .map(|address| Self(vec![LeaseName::Address(address)]));
        }
        let range = AddressRange::from_text(text)?;
        // The fewest prefixes that are the range; single addresses are told as such.
        let parts = Ipv6Subnets::new(range.first, range.last, 0).map(|net| {
            if net.prefix_len() == 128 {
                LeaseName::Address(net.network())
            } else {
                whole(net)
            }
        });
        Ok(Self(parts.collect()))
    }
}

/// Octets: text, or hex after `0x`; the empty text is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Data(pub(in crate::config) Vec<u8>);

impl FromText for Data {
    const FORM: &'static str = "octets in quotes: text, or hex after 0x";

    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        octets::parse(text)
            .map(Self)
            .map_err(|error| error.to_string())
    }
}

impl Data {
    /// How octets are written so that they read back equal.
    pub(in crate::config) fn show(octets: &[u8]) -> String {
        if octets.is_empty() {
            String::new()
        } else {
            octets::show(octets)
        }
    }
}

/// The most octets of a DUID with its type. Source: RFC 8415 §11.1.
const MAX_DUID_OCTETS: usize = 130;

/// 1 to 130 octets in hex: a hardware address, or the beginning of a DUID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Hex(pub(in crate::config) Vec<u8>);

impl FromText for Hex {
    const FORM: &'static str = "octets as hex in quotes, such as \"00:00:5e:00:53:01\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let octets = hex::parse(text).map_err(|error| error.to_string())?;
        if octets.len() > MAX_DUID_OCTETS {
            return Err(format!(
                "{} octets are too many; {MAX_DUID_OCTETS} are the most",
                octets.len()
            ));
        }
        Ok(Self(octets))
    }
}

/// `ENTERPRISE` or `ENTERPRISE:ITEM`, the item as text, or hex after `0x`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct VendorClass {
    /// The enterprise number.
    pub(in crate::config) enterprise: u32,
    /// The item; none is any.
    pub(in crate::config) item: Option<Vec<u8>>,
}

impl FromText for VendorClass {
    const FORM: &'static str = "\"ENTERPRISE\" or \"ENTERPRISE:text\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let (enterprise, item) = match text.split_once(':') {
            Some((enterprise, item)) => (enterprise, Some(Data::from_text(item)?.0)),
            None => (text, None),
        };
        let enterprise = enterprise
            .parse()
            .map_err(|_| format!("`{enterprise}` is no enterprise number, 0 to 4294967295"))?;
        Ok(Self { enterprise, item })
    }
}

impl FromText for RemoteId {
    const FORM: &'static str = "\"ENTERPRISE:text\", or hex with the enterprise number first";

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|error: leasebook_wire::remote_id::RemoteIdError| error.to_string())
    }
}

/// The whole name; the dot at the end may be left out.
impl FromText for DomainName {
    const FORM: &'static str = "a domain name in quotes, such as \"example.com\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let name: Self = text
            .parse()
            .map_err(|error: leasebook_wire::option::DomainNameError| error.to_string())?;
        if name.as_name_ref().is_empty() {
            return Err(format!(
                "`{text}` has no label; write it as \"example.com\""
            ));
        }
        Ok(name.into_whole())
    }
}

/// A time server. Source: RFC 5908 §4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) enum TimeServer {
    /// Its address, or the group it sends to.
    Address(Ipv6Addr),
    /// Its name.
    Name(DomainName),
}

impl FromText for TimeServer {
    const FORM: &'static str = "an IPv6 address or a domain name in quotes";

    fn from_text(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(address) => Ok(Self::Address(address)),
            Err(_) if text.contains(':') => Ipv6Addr::from_text(text).map(Self::Address),
            Err(_) => DomainName::from_text(text).map(Self::Name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exclusion_is_an_address_a_range_or_a_prefix() {
        let names = |text: &str| -> Vec<String> {
            let Exclusion(names) = Exclusion::from_text(text).unwrap();
            names.iter().map(ToString::to_string).collect()
        };
        assert_eq!(names("3fff::1"), ["3fff::1"]);
        assert_eq!(names("3fff::/120"), ["3fff::/120"]);
        assert_eq!(
            names("3fff::1-3fff::4"),
            ["3fff::1", "3fff::2/127", "3fff::4"]
        );
        for text in ["", "3fff::1/120", "3fff::2-3fff::1", "x"] {
            assert!(Exclusion::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lifetimes_are_whole_seconds_or_infinity() {
        let read = |text: &str| Lifetime::from_text(text).map(|lifetime| lifetime.0);
        assert_eq!(read("1h"), Ok(3600));
        assert_eq!(read("infinity"), Ok(u32::MAX));
        assert!(read("1500ms").unwrap_err().contains("whole"));
        assert!(read("4294967295s").unwrap_err().contains("infinity"));
        for secs in [0, 1, 4000, u32::MAX - 1, u32::MAX] {
            assert_eq!(read(&Lifetime(secs).show()), Ok(secs));
        }
    }

    #[test]
    fn a_vendor_class_is_an_enterprise_and_perhaps_an_item() {
        let read =
            |text: &str| VendorClass::from_text(text).map(|class| (class.enterprise, class.item));
        assert_eq!(read("3561"), Ok((3561, None)));
        assert_eq!(read("3561:a:b"), Ok((3561, Some(b"a:b".to_vec()))));
        assert_eq!(read("3561:0x00"), Ok((3561, Some(vec![0]))));
        assert!(read("x:y").is_err() && read("4294967296").is_err());
    }
}

//! Options that have a setting of their own: from octets back to what people write.

use std::net::Ipv6Addr;

use leasebook_wire::code::OptionCode;
use leasebook_wire::option::{DomainList, DomainNameRef, OptionView, VendorOpts};
use leasebook_wire::{Options, RawOption};

use super::print::quoted;
use super::resolve::IRT_MINIMUM_SECS;
use super::values::{Data, Lifetime};

/// Domain names of SIP servers. Source: RFC 3319 §3.1.
pub(super) const SIP_DOMAINS: OptionCode = OptionCode(21);
/// Addresses of SIP servers. Source: RFC 3319 §3.2.
pub(super) const SIP_SERVERS: OptionCode = OptionCode(22);
/// Addresses of SNTP servers. Source: RFC 4075 §4.
pub(super) const SNTP_SERVERS: OptionCode = OptionCode(31);
/// One time server. Source: RFC 5908 §4.
pub(super) const NTP_SERVER: OptionCode = OptionCode(56);
/// The far end of a DS-Lite tunnel. Source: RFC 6334 §3.
pub(super) const AFTR_NAME: OptionCode = OptionCode(64);

/// Inside NTP_SERVER: a unicast address. Source: RFC 5908 §4.1.
pub(super) const NTP_ADDRESS: OptionCode = OptionCode(1);
/// Inside NTP_SERVER: a multicast address. Source: RFC 5908 §4.2.
pub(super) const NTP_MULTICAST: OptionCode = OptionCode(2);
/// Inside NTP_SERVER: a domain name. Source: RFC 5908 §4.3.
pub(super) const NTP_NAME: OptionCode = OptionCode(3);

/// The range of SOL_MAX_RT and INF_MAX_RT. Source: RFC 8415 §21.24, §21.25.
const MAX_RT_SECS: std::ops::RangeInclusive<u32> = 60..=86_400;

/// What an option by code is in the words of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Words {
    /// One value.
    One(String),
    /// Elements of a list; several options of the code are told in one.
    List(Vec<String>),
}

/// The setting that writes options of this code.
pub(super) fn key(code: OptionCode) -> Option<&'static str> {
    Some(match code {
        OptionCode::DNS_SERVERS => "dns-servers",
        OptionCode::DOMAIN_LIST => "domain-search",
        NTP_SERVER => "ntp-servers",
        SNTP_SERVERS => "sntp-servers",
        SIP_SERVERS => "sip-servers",
        SIP_DOMAINS => "sip-domains",
        AFTR_NAME => "aftr-name",
        OptionCode::SOL_MAX_RT => "sol-max-rt",
        OptionCode::INF_MAX_RT => "inf-max-rt",
        OptionCode::INFORMATION_REFRESH_TIME => "information-refresh-time",
        OptionCode::VENDOR_OPTS => "vendor",
        _ => return None,
    })
}

/// Whether several options of a code stand side by side.
pub(super) fn may_repeat(code: OptionCode) -> bool {
    match code {
        NTP_SERVER | OptionCode::VENDOR_OPTS => true,
        code => key(code).is_none() && code.may_repeat(),
    }
}

/// The value that writes this data by the code's own setting; `None` if none does.
pub(super) fn words(code: OptionCode, data: &[u8]) -> Option<Words> {
    match code {
        OptionCode::DNS_SERVERS | SNTP_SERVERS | SIP_SERVERS => addresses(data).map(Words::List),
        OptionCode::DOMAIN_LIST | SIP_DOMAINS => names(data).map(Words::List),
        AFTR_NAME => {
            let mut names = names(data)?;
            let only = names.pop()?;
            names.is_empty().then_some(Words::One(only))
        }
        OptionCode::SOL_MAX_RT | OptionCode::INF_MAX_RT => {
            let secs = number(data).filter(|secs| MAX_RT_SECS.contains(secs))?;
            Some(Words::One(quoted(Lifetime(secs).show())))
        }
        OptionCode::INFORMATION_REFRESH_TIME => {
            let secs = number(data).filter(|secs| *secs >= IRT_MINIMUM_SECS)?;
            Some(Words::One(quoted(Lifetime(secs).show())))
        }
        NTP_SERVER => time_server(data).map(|server| Words::List(vec![server])),
        OptionCode::VENDOR_OPTS => vendor(data).map(Words::List),
        _ => None,
    }
}

/// Addresses, at least one.
fn addresses(data: &[u8]) -> Option<Vec<String>> {
    let (addresses, rest) = data.as_chunks::<16>();
    let shown = addresses
        .iter()
        .map(|octets| quoted(Ipv6Addr::from(*octets)));
    (rest.is_empty() && !data.is_empty()).then(|| shown.collect())
}

/// Domain names, at least one, none of them the root.
fn names(data: &[u8]) -> Option<Vec<String>> {
    let list = DomainList::parse(RawOption::new(OptionCode::DOMAIN_LIST, data, 0)).ok()?;
    let names: Vec<DomainNameRef<'_>> = list.names().collect();
    let fine = !names.is_empty() && names.iter().all(|name| !name.is_empty());
    fine.then(|| names.iter().map(name).collect())
}

/// A name without the dot at its end.
fn name(name: &DomainNameRef<'_>) -> String {
    let text = name.to_string();
    quoted(text.strip_suffix('.').unwrap_or(&text))
}

/// A number of four octets.
fn number(data: &[u8]) -> Option<u32> {
    data.try_into().ok().map(u32::from_be_bytes)
}

/// The one server in NTP_SERVER.
fn time_server(data: &[u8]) -> Option<String> {
    let options = Options::parse(data, 0).ok()?;
    let mut servers = options.iter();
    let server = servers.next()?;
    if servers.next().is_some() {
        return None;
    }
    match server.code {
        NTP_ADDRESS | NTP_MULTICAST => {
            let octets: [u8; 16] = server.data.try_into().ok()?;
            let address = Ipv6Addr::from(octets);
            let fits = address.is_multicast() == (server.code == NTP_MULTICAST);
            fits.then(|| quoted(address))
        }
        NTP_NAME => {
            let mut names = names(server.data)?;
            let only = names.pop()?;
            names.is_empty().then_some(only)
        }
        _ => None,
    }
}

/// A vendor's options; `None` if there are none.
fn vendor(data: &[u8]) -> Option<Vec<String>> {
    let options = VendorOpts::parse(RawOption::new(OptionCode::VENDOR_OPTS, data, 0)).ok()?;
    let shown: Vec<String> = options
        .options
        .iter()
        .map(|option| {
            let data = quoted(Data::show(option.data));
            format!(
                "{{ enterprise = {}, code = {}, data = {data} }}",
                options.enterprise, option.code.0
            )
        })
        .collect();
    (!shown.is_empty()).then_some(shown)
}

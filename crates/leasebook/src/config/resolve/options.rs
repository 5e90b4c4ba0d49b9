//! Options for clients: from values for people to octets on the wire.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use std::ops::Range;

use leasebook_protocol::server::config::ConfiguredOption;
use leasebook_wire::code::OptionCode;
use leasebook_wire::option::{DomainName, InfMaxRt, InformationRefreshTime, SolMaxRt};
use leasebook_wire::{ComposeError, Composer};
use toml::Spanned;

use super::super::error::Findings;
use super::super::file::{Filled, OptionsFile, VendorFile};
use super::super::named;
use super::super::values::{Lifetime, Text, TimeServer};
use super::custom;

/// The shortest time a client without leases waits. Source: RFC 8415 §21.23, IRT_MINIMUM.
pub(in crate::config) const IRT_MINIMUM_SECS: u32 = 600;

/// The options of a level in the order of their codes; those of one code in that of the file.
pub(super) fn options(file: &OptionsFile, findings: &mut Findings<'_>) -> Vec<ConfiguredOption> {
    let mut made = Made {
        options: Vec::new(),
        findings,
    };
    made.addresses(OptionCode::DNS_SERVERS, file.dns_servers.as_ref());
    made.names(OptionCode::DOMAIN_LIST, file.domain_search.as_ref());
    made.time_servers(file.ntp_servers.as_ref());
    made.addresses(named::SNTP_SERVERS, file.sntp_servers.as_ref());
    made.addresses(named::SIP_SERVERS, file.sip_servers.as_ref());
    made.names(named::SIP_DOMAINS, file.sip_domains.as_ref());
    if let Some(name) = &file.aftr_name {
        let data = names_data(std::slice::from_ref(&name.get_ref().0));
        made.add(named::AFTR_NAME, name.span(), data);
    }
    if let Some(time) = &file.sol_max_rt {
        let data = body(|composer| composer.add(&SolMaxRt(time.get_ref().0.0)));
        made.add(OptionCode::SOL_MAX_RT, time.span(), data);
    }
    if let Some(time) = &file.inf_max_rt {
        let data = body(|composer| composer.add(&InfMaxRt(time.get_ref().0.0)));
        made.add(OptionCode::INF_MAX_RT, time.span(), data);
    }
    if let Some(time) = &file.information_refresh_time {
        made.refresh_time(time);
    }
    made.vendors(&file.vendor);
    custom::customs(&file.custom, &mut made);
    made.options.sort_by_key(|option| option.code.0);
    made.options
}

/// The options made so far.
pub(super) struct Made<'a, 'f> {
    /// Each once it is whole.
    pub(super) options: Vec<ConfiguredOption>,
    /// What is wrong.
    pub(super) findings: &'a mut Findings<'f>,
}

impl Made<'_, '_> {
    /// Adds an option that is sent to clients that ask for it.
    fn add(&mut self, code: OptionCode, span: Range<usize>, data: Result<Vec<u8>, ComposeError>) {
        match data {
            Ok(data) => self.options.push(ConfiguredOption {
                code,
                data,
                always: false,
            }),
            Err(error) => self
                .findings
                .wrong(span, format!("this does not fit into an option: {error}")),
        }
    }

    /// The elements of a list that must have some.
    fn filled<'a, T>(&mut self, list: &'a Filled<T>) -> impl Iterator<Item = &'a T> + use<'a, T> {
        if list.get_ref().is_empty() {
            self.findings
                .wrong(list.span(), "the list is empty; leave the setting out");
        }
        list.get_ref().iter().map(|text| &text.get_ref().0)
    }

    /// An option of addresses.
    fn addresses(&mut self, code: OptionCode, list: Option<&Filled<Ipv6Addr>>) {
        let Some(list) = list else { return };
        let addresses: Vec<Ipv6Addr> = self.filled(list).copied().collect();
        self.add(code, list.span(), Ok(addresses_data(&addresses)));
    }

    /// An option of domain names.
    fn names(&mut self, code: OptionCode, list: Option<&Filled<DomainName>>) {
        let Some(list) = list else { return };
        let names: Vec<DomainName> = self.filled(list).cloned().collect();
        self.add(code, list.span(), names_data(&names));
    }

    /// NTP_SERVER, of which each server is an option for itself. Source: RFC 5908 §4.
    fn time_servers(&mut self, list: Option<&Filled<TimeServer>>) {
        let Some(list) = list else { return };
        let servers: Vec<&TimeServer> = self.filled(list).collect();
        for server in servers {
            let data = body(|composer| {
                composer.nested(named::NTP_SERVER, |composer| match server {
                    TimeServer::Address(address) => {
                        let code = if address.is_multicast() {
                            named::NTP_MULTICAST
                        } else {
                            named::NTP_ADDRESS
                        };
                        composer.option(code, &address.octets())
                    }
                    TimeServer::Name(name) => {
                        let name = names_data(std::slice::from_ref(name))?;
                        composer.option(named::NTP_NAME, &name)
                    }
                })
            });
            self.add(named::NTP_SERVER, list.span(), data);
        }
    }

    /// INFORMATION_REFRESH_TIME, which has a least value. Source: RFC 8415 §21.23, DHCP-S-090.
    fn refresh_time(&mut self, time: &Spanned<Text<Lifetime>>) {
        let secs = time.get_ref().0;
        if secs.0 < IRT_MINIMUM_SECS {
            self.findings.wrong(
                time.span(),
                format!(
                    "{} is too short; clients take {} or more, or \"infinity\"",
                    secs.show(),
                    Lifetime(IRT_MINIMUM_SECS).show()
                ),
            );
        }
        let data = body(|composer| composer.add(&InformationRefreshTime(secs.0)));
        self.add(OptionCode::INFORMATION_REFRESH_TIME, time.span(), data);
    }

    /// VENDOR_OPTS: one for each enterprise. Source: DHCP-S-049.
    fn vendors(&mut self, written: &[Spanned<VendorFile>]) {
        let mut enterprises: BTreeMap<u32, Vec<(u16, &[u8])>> = BTreeMap::new();
        for entry in written {
            let one = entry.get_ref();
            let (Some(enterprise), Some(code), Some(data)) =
                (&one.enterprise, &one.code, &one.data)
            else {
                self.findings.wrong(
                    entry.span(),
                    "an option of a vendor needs enterprise, code and data",
                );
                continue;
            };
            // The type's range is that of a u16.
            let code = u16::try_from(code.get_ref().0).unwrap_or(u16::MAX);
            enterprises
                .entry(enterprise.get_ref().0)
                .or_default()
                .push((code, &data.get_ref().0.0));
        }
        let span = written.first().map_or(0..0, Spanned::span);
        for (enterprise, options) in enterprises {
            let data = body(|composer| {
                composer.vendor_opts(enterprise, |composer| {
                    options
                        .iter()
                        .try_for_each(|(code, data)| composer.option(OptionCode(*code), data))
                })
            });
            self.add(OptionCode::VENDOR_OPTS, span.clone(), data);
        }
    }
}

/// The octets of addresses.
pub(super) fn addresses_data(addresses: &[Ipv6Addr]) -> Vec<u8> {
    addresses.iter().flat_map(Ipv6Addr::octets).collect()
}

/// The octets of domain names, as all options have them. Source: RFC 8415 §10.
pub(super) fn names_data(names: &[DomainName]) -> Result<Vec<u8>, ComposeError> {
    body(|composer| composer.domain_list(names))
}

/// The body of the one option that `write` composes.
fn body(
    write: impl FnOnce(&mut Composer<'_>) -> Result<(), ComposeError>,
) -> Result<Vec<u8>, ComposeError> {
    let mut octets = Vec::new();
    let mut composer = Composer::bare(&mut octets);
    write(&mut composer)?;
    composer.finish()?;
    octets.drain(..leasebook_wire::code::OPTION_HEADER_OCTETS.min(octets.len()));
    Ok(octets)
}

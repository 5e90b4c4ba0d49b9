//! Classes and reservations: who is meant, and what is kept for whom.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use leasebook_protocol::server::config::{Class, Match, Reservation};
use leasebook_store::LeaseName;
use leasebook_wire::Duid;
use leasebook_wire::code::OptionCode;
use leasebook_wire::option::DomainName;
use toml::Spanned;

use super::super::error::Findings;
use super::super::file::{ClassFile, MatchFile, OptionMatchFile, ReservationFile};
use super::super::values::{FromText as _, Number, Text};
use super::{dhcp, links};
use crate::text::suggest;

/// The names of the classes there are.
pub(super) struct ClassNames<'a>(HashSet<&'a str>);

impl<'a> ClassNames<'a> {
    /// Collects them.
    pub(super) fn of(written: &'a [Spanned<ClassFile>]) -> Self {
        let names = written.iter().filter_map(|entry| {
            let name = entry.get_ref().name.as_ref()?;
            Some(name.get_ref().as_str())
        });
        Self(names.collect())
    }

    /// The classes that a list names, each of which must exist.
    pub(super) fn known(
        &self,
        written: Option<&Vec<Spanned<String>>>,
        findings: &mut Findings<'_>,
    ) -> Vec<String> {
        let mut named: Vec<String> = Vec::new();
        for one in written.into_iter().flatten() {
            let name = one.get_ref();
            if !self.0.contains(name.as_str()) {
                let hint = match suggest::nearest(name, in_order(&self.0)) {
                    Some(meant) => format!("`{meant}` is probably meant"),
                    None => "add a [[class]] of that name".to_owned(),
                };
                findings.wrong(one.span(), format!("there is no class `{name}`; {hint}"));
            }
            if named.contains(name) {
                findings.wrong(
                    one.span(),
                    format!("class `{name}` is listed twice; list it once"),
                );
            }
            named.push(name.clone());
        }
        named
    }
}

/// The classes; those without a name are reported and left out. `links` are the names there are.
pub(super) fn classes(
    written: &[Spanned<ClassFile>],
    links: &HashSet<&str>,
    findings: &mut Findings<'_>,
) -> Vec<Class> {
    let mut names = HashMap::new();
    let mut classes = Vec::with_capacity(written.len());
    for entry in written {
        let file = entry.get_ref();
        let Some(name) = &file.name else {
            findings.wrong(entry.span(), "this [[class]] has no name; add one");
            continue;
        };
        links::unique_name(name, "class", &mut names, findings);
        if file.members.is_empty() {
            findings.wrong(
                entry.span(),
                format!(
                    "no one is in class `{}`; add members = [{{ ... }}]",
                    name.get_ref()
                ),
            );
        }
        let members = file.members.iter();
        let known = Known {
            above: &classes,
            links,
        };
        let members = members.filter_map(|member| member_of(member, &known, findings));
        let members = members.collect();
        classes.push(Class {
            name: name.get_ref().clone(),
            members,
            settings: dhcp::settings(file.level(), findings),
        });
    }
    classes
}

/// What members of a class may name.
struct Known<'a> {
    /// The classes that stand above it.
    above: &'a [Class],
    /// The names of links.
    links: &'a HashSet<&'a str>,
}

/// Names in an order that is always the same.
fn in_order<'a>(names: &HashSet<&'a str>) -> Vec<&'a str> {
    let mut all: Vec<&str> = names.iter().copied().collect();
    all.sort_unstable();
    all
}

/// Who a member of a class is.
fn member_of(
    entry: &Spanned<MatchFile>,
    known: &Known<'_>,
    findings: &mut Findings<'_>,
) -> Option<Match> {
    let file = entry.get_ref();
    let mut found = Found::new();
    found.client(file.duid.as_ref(), file.iaid.as_ref());
    found.add("duid-prefix", file.duid_prefix.as_ref(), |one| {
        Match::ClientPrefix(one.0.0.clone())
    });
    found.add("remote-id", file.remote_id.as_ref(), |one| {
        Match::RemoteId(one.0.to_octets())
    });
    found.add("subscriber-id", file.subscriber_id.as_ref(), |one| {
        Match::SubscriberId(one.0.0.clone())
    });
    found.add("interface-id", file.interface_id.as_ref(), |one| {
        Match::InterfaceId(one.0.0.clone())
    });
    found.add("link-layer", file.link_layer.as_ref(), |one| {
        Match::LinkLayer(one.0.0.clone())
    });
    found.add("user-class", file.user_class.as_ref(), |one| {
        Match::UserClass(one.0.0.clone())
    });
    found.add("vendor-class", file.vendor_class.as_ref(), |one| {
        Match::VendorClass {
            enterprise: one.0.enterprise,
            item: one.0.item.clone(),
        }
    });
    found.add("relay-id", file.relay_id.as_ref(), |one| {
        Match::RelayId(one.0.octets().to_vec())
    });
    found.add("link-address", file.link_address.as_ref(), |one| {
        Match::LinkAddress(one.0)
    });
    found.add("peer-address", file.peer_address.as_ref(), |one| {
        Match::PeerAddress(one.0)
    });
    if let Some(option) = &file.option {
        found.matches.push(("option", option_of(option, findings)?));
    }
    if let Some(class) = &file.class {
        let name = class.get_ref();
        if !known.above.iter().any(|one| one.name == *name) {
            findings.wrong(
                class.span(),
                format!("no class `{name}` stands above; a class is joined of those before it"),
            );
        }
        found.matches.push(("class", Match::InClass(name.clone())));
    }
    if let Some(link) = &file.link {
        let name = link.get_ref();
        if !known.links.contains(name.as_str()) {
            let hint = match suggest::nearest(name, in_order(known.links)) {
                Some(meant) => format!("`{meant}` is probably meant"),
                None => "add a [[link]] of that name".to_owned(),
            };
            findings.wrong(link.span(), format!("there is no link `{name}`; {hint}"));
        }
        found.matches.push(("link", Match::OnLink(name.clone())));
    }
    found.add("reserved", file.reserved.as_ref(), |one| {
        Match::Reserved(*one)
    });
    if !file.unless.is_empty() {
        let unless = file.unless.iter();
        let unless = unless.filter_map(|one| member_of(one, known, findings));
        found
            .matches
            .push(("unless", Match::Unless(unless.collect())));
    }
    found.all(entry.span(), "this member of a class", findings)
}

/// An option that is compared.
fn option_of(option: &Spanned<OptionMatchFile>, findings: &mut Findings<'_>) -> Option<Match> {
    let file = option.get_ref();
    let Some(code) = &file.code else {
        findings.wrong(option.span(), "this option has no code; add one");
        return None;
    };
    // The type's range is that of a u16.
    let code = OptionCode(u16::try_from(code.get_ref().0).unwrap_or(u16::MAX));
    let data = file.data.as_ref().map(|data| data.get_ref().0.0.clone());
    match (&file.at, data) {
        (None, data) => Some(Match::Option { code, data }),
        (Some(at), Some(data)) => Some(Match::OptionPart {
            code,
            at: usize::try_from(at.get_ref().0).unwrap_or(usize::MAX),
            data,
        }),
        (Some(at), None) => {
            findings.wrong(at.span(), "`at` says where data begin; write data too");
            None
        }
    }
}

/// The comparisons found in one section.
struct Found {
    /// Each with its setting.
    matches: Vec<(&'static str, Match)>,
    /// An IAID without a DUID beside it.
    lone_iaid: Option<Range<usize>>,
}

impl Found {
    /// None yet.
    fn new() -> Self {
        Self {
            matches: Vec::new(),
            lone_iaid: None,
        }
    }

    /// A DUID, perhaps with one of its client's IAs.
    fn client(
        &mut self,
        duid: Option<&Spanned<Text<Duid>>>,
        iaid: Option<&Spanned<Number<0, 0xffff_ffff>>>,
    ) {
        let client = duid.map(|duid| duid.get_ref().0.octets().to_vec());
        match (client, iaid) {
            (Some(client), Some(iaid)) => {
                let iaid = iaid.get_ref().0;
                self.matches
                    .push(("duid", Match::ClientIa { client, iaid }));
            }
            (Some(client), None) => self.matches.push(("duid", Match::Client(client))),
            (None, Some(iaid)) => self.lone_iaid = Some(iaid.span()),
            (None, None) => {}
        }
    }

    /// One comparison, if it is written.
    fn add<T>(
        &mut self,
        key: &'static str,
        written: Option<&Spanned<T>>,
        make: impl FnOnce(&T) -> Match,
    ) {
        if let Some(one) = written {
            self.matches.push((key, make(one.get_ref())));
        }
    }

    /// All of the comparisons, of which there is one at least.
    fn all(mut self, span: Range<usize>, what: &str, findings: &mut Findings<'_>) -> Option<Match> {
        if self.matches.len() < 2 || self.lone_iaid.is_some() {
            return self.only(span, what, findings);
        }
        let all = self.matches.drain(..).map(|(_, one)| one);
        Some(Match::All(all.collect()))
    }

    /// The comparison, if there is exactly one.
    fn only(
        mut self,
        span: Range<usize>,
        what: &str,
        findings: &mut Findings<'_>,
    ) -> Option<Match> {
        if let Some(iaid) = self.lone_iaid {
            findings.wrong(iaid, "an iaid belongs to a client; write its duid too");
            return None;
        }
        if self.matches.len() > 1 {
            let keys: Vec<&str> = self.matches.iter().map(|(key, _)| *key).collect();
            findings.wrong(
                span,
                format!(
                    "{what} is told by {} at once; write one of them",
                    keys.join(" and ")
                ),
            );
            return None;
        }
        let only = self.matches.pop();
        if only.is_none() {
            findings.wrong(
                span,
                format!("{what} names no one; add duid, remote-id or another identifier"),
            );
        }
        only.map(|(_, only)| only)
    }
}

/// Reservations; those that name no one are reported and left out.
pub(super) fn reservations(
    written: &[Spanned<ReservationFile>],
    head: &str,
    findings: &mut Findings<'_>,
) -> Vec<Reservation> {
    written
        .iter()
        .filter_map(|entry| {
            let file = entry.get_ref();
            let leases = leases(file, findings);
            let name = host_name(file, findings);
            let settings = dhcp::settings(file.level(), findings);
            let whom = whom(entry, head, findings)?;
            Some(Reservation {
                whom,
                leases,
                name,
                settings,
            })
        })
        .collect()
}

/// For whom a reservation is.
fn whom(
    entry: &Spanned<ReservationFile>,
    head: &str,
    findings: &mut Findings<'_>,
) -> Option<Match> {
    let file = entry.get_ref();
    let mut found = Found::new();
    found.client(file.duid.as_ref(), file.iaid.as_ref());
    found.add("remote-id", file.remote_id.as_ref(), |one| {
        Match::RemoteId(one.0.to_octets())
    });
    found.add("interface-id", file.interface_id.as_ref(), |one| {
        Match::InterfaceId(one.0.0.clone())
    });
    found.add("subscriber-id", file.subscriber_id.as_ref(), |one| {
        Match::SubscriberId(one.0.0.clone())
    });
    found.add("link-layer", file.link_layer.as_ref(), |one| {
        Match::LinkLayer(one.0.0.clone())
    });
    found.only(entry.span(), &format!("this {head}"), findings)
}

/// What is reserved: addresses, then prefixes.
fn leases(file: &ReservationFile, findings: &mut Findings<'_>) -> Vec<LeaseName> {
    let addresses = file
        .addresses
        .iter()
        .flatten()
        .map(|written| (LeaseName::Address(written.get_ref().0), written.span()));
    let prefixes = file.prefixes.iter().flatten().map(|written| {
        let net = written.get_ref().0;
        let name = LeaseName::Prefix {
            prefix: net.network(),
            len: net.prefix_len(),
        };
        (name, written.span())
    });
    let mut leases: Vec<LeaseName> = Vec::new();
    for (name, span) in addresses.chain(prefixes) {
        let first = match name {
            LeaseName::Address(address) => address,
            LeaseName::Prefix { prefix, .. } => prefix,
        };
        if first.is_unspecified() || first.is_multicast() || first.is_loopback() {
            findings.wrong(
                span.clone(),
                format!("{name} cannot be leased; write a unicast address or prefix"),
            );
        }
        if leases.contains(&name) {
            findings.wrong(span, format!("{name} is listed twice; list it once"));
        }
        leases.push(name);
    }
    leases
}

/// The host name of a reservation.
fn host_name(file: &ReservationFile, findings: &mut Findings<'_>) -> Option<String> {
    let written = file.name.as_ref()?;
    if let Err(what) = DomainName::from_text(written.get_ref()) {
        findings.wrong(written.span(), what);
    }
    Some(written.get_ref().clone())
}

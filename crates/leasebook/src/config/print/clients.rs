//! Classes and reservations.

use std::net::Ipv6Addr;

use leasebook_protocol::server::config::{Class, Match, Reservation};
use leasebook_store::LeaseName;
use leasebook_wire::RemoteId;

use super::{Printer, Written, list, quoted, texts};
use crate::config::file::{ClassFile, ReservationFile};
use crate::config::values::Data;
use crate::text::{hex, octets};

impl Printer {
    /// One `[[class]]`.
    pub(super) fn class(&mut self, class: &Class) {
        let doc = &ClassFile::DOC;
        self.section(doc, "[[class]]");
        self.setting(doc, "name", Written::Set(quoted(&class.name)));
        let members = list(&class.members, member);
        self.setting(doc, "members", Written::Set(members));
        self.level(doc, &class.settings);
    }

    /// One reservation under this head.
    pub(super) fn reservation(&mut self, head: &str, reservation: &Reservation) {
        let doc = &ReservationFile::DOC;
        self.section(doc, head);
        let who = comparison(&reservation.whom);
        let samples = [
            ("duid", "\"00:03:00:01:00:00:5e:00:53:01\""),
            ("iaid", "1"),
            ("remote_id", "\"3561:port 7\""),
            ("interface_id", "\"eth0\""),
            ("subscriber_id", "\"customer 7\""),
            ("link_layer", "\"00:00:5e:00:53:01\""),
        ];
        for (field, sample) in samples {
            let key = super::key(field);
            let value = who
                .iter()
                .find(|(known, _)| *known == key)
                .map_or(Written::Instead(sample), |(_, value)| {
                    Written::Set(value.clone())
                });
            self.setting(doc, field, value);
        }
        let addresses: Vec<Ipv6Addr> = reservation
            .leases
            .iter()
            .filter_map(|lease| match lease {
                LeaseName::Address(address) => Some(*address),
                LeaseName::Prefix { .. } => None,
            })
            .collect();
        self.setting(doc, "addresses", Written::Set(texts(&addresses)));
        let prefixes: Vec<&LeaseName> = reservation
            .leases
            .iter()
            .filter(|lease| matches!(lease, LeaseName::Prefix { .. }))
            .collect();
        self.setting(doc, "prefixes", Written::Set(texts(&prefixes)));
        let name = reservation
            .name
            .as_ref()
            .map_or(Written::Unset("\"cpe-7\""), |name| {
                Written::Set(quoted(name))
            });
        self.setting(doc, "name", name);
        self.level(doc, &reservation.settings);
    }
}

/// One member of a class.
fn member(one: &Match) -> String {
    let settings: Vec<String> = comparison(one)
        .into_iter()
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    format!("{{ {} }}", settings.join(", "))
}

/// The settings that write a comparison.
fn comparison(one: &Match) -> Vec<(&'static str, String)> {
    let in_hex = |octets: &[u8]| quoted(hex::show(octets));
    let in_text = |octets: &[u8]| quoted(octets::show(octets));
    match one {
        Match::Client(client) => vec![("duid", in_hex(client))],
        Match::ClientPrefix(start) => vec![("duid-prefix", in_hex(start))],
        Match::ClientIa { client, iaid } => {
            vec![("duid", in_hex(client)), ("iaid", iaid.to_string())]
        }
        Match::RemoteId(octets) => {
            let shown = RemoteId::from_octets(octets)
                .map_or_else(|_| hex::show(octets), |remote_id| remote_id.to_string());
            vec![("remote-id", quoted(shown))]
        }
        Match::SubscriberId(octets) => vec![("subscriber-id", in_text(octets))],
        Match::InterfaceId(octets) => vec![("interface-id", in_text(octets))],
        Match::LinkLayer(address) => vec![("link-layer", in_hex(address))],
        Match::UserClass(item) => vec![("user-class", quoted(Data::show(item)))],
        Match::VendorClass { enterprise, item } => {
            let shown = match item {
                Some(item) => format!("{enterprise}:{}", Data::show(item)),
                None => enterprise.to_string(),
            };
            vec![("vendor-class", quoted(shown))]
        }
        Match::RelayId(relay) => vec![("relay-id", in_hex(relay))],
        Match::Option { code, data } => {
            let data = data.as_ref().map_or_else(String::new, |data| {
                format!(", data = {}", quoted(Data::show(data)))
            });
            vec![("option", format!("{{ code = {}{data} }}", code.0))]
        }
        Match::OptionPart { code, at, data } => {
            let data = quoted(Data::show(data));
            let shown = format!("{{ code = {}, data = {data}, at = {at} }}", code.0);
            vec![("option", shown)]
        }
        Match::LinkAddress(address) => vec![("link-address", quoted(address))],
        Match::PeerAddress(address) => vec![("peer-address", quoted(address))],
        Match::InClass(name) => vec![("class", quoted(name))],
        Match::OnLink(name) => vec![("link", quoted(name))],
        Match::Reserved(reserved) => vec![("reserved", reserved.to_string())],
        Match::All(all) => all.iter().flat_map(comparison).collect(),
        Match::Unless(none) => vec![("unless", list(none, member))],
    }
}

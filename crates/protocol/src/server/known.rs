//! What the book alone tells of a client: its classes and reservations, without a message of its.

use leasebook_store::RecordView;
use leasebook_wire::code::{DEFAULT_NESTING_LIMIT, OptionCode};
use leasebook_wire::{Options, RelayMessage, RelayPath};

use super::config::{Config, Match, Reservation, ServedLink};

/// What a client is known to be on its link, by its binding.
///
/// The binding keeps the client's DUID and the relays of its newest message, not the message: what
/// depends on an option of the client's own is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known<'c> {
    /// Every class in the order of the configuration, and whether the client is in it; none if
    /// only a message tells.
    pub classes: Vec<(&'c str, Option<bool>)>,
    /// What is reserved for it on its link, the link's own first.
    pub reservations: Vec<&'c Reservation>,
}

impl<'c> Known<'c> {
    /// What the record's client is, by this configuration.
    pub fn of(config: &'c Config, link: &'c ServedLink, record: &RecordView<'_>) -> Self {
        let path = record.relay().map(|relay| relay.chain);
        let path = path.and_then(|chain| RelayPath::parse(chain, DEFAULT_NESTING_LIMIT).ok());
        let levels: Vec<RelayMessage<'_>> = path.iter().flat_map(RelayPath::levels).collect();
        let facts = Facts {
            client: record.client(),
            link_layer: link_layer(record.options()),
            levels: &levels,
        };
        let rest = |_: &Match| Some(false);
        let mut is_unsure = false;
        let all = link.reservations.iter().chain(&config.reservations);
        let reservations: Vec<&Reservation> = all
            .filter(|reservation| {
                let holds = facts.holds(&reservation.whom, &rest);
                is_unsure |= holds.is_none();
                holds == Some(true)
            })
            .collect();
        let is_reserved = match reservations.is_empty() {
            true if is_unsure => None,
            is_empty => Some(!is_empty),
        };
        let mut classes: Vec<(&str, Option<bool>)> = Vec::new();
        for class in &config.classes {
            let holds = |by: &Match| match by {
                Match::InClass(name) => is_in(&classes, name),
                Match::OnLink(name) => Some(*name == link.name),
                Match::Reserved(reserved) => is_reserved.map(|is_so| is_so == *reserved),
                _ => Some(false),
            };
            let members = class.members.iter();
            let is_member = any(members.map(|by| facts.holds(by, &holds)));
            classes.push((&class.name, is_member));
        }
        Self {
            classes,
            reservations,
        }
    }

    /// Whether the client is in one of these classes.
    pub fn is_in_one(&self, names: &[String]) -> Option<bool> {
        any(names.iter().map(|name| is_in(&self.classes, name)))
    }
}

fn is_in(classes: &[(&str, Option<bool>)], name: &str) -> Option<bool> {
    let mut known = classes.iter();
    known
        .find(|(known, _)| *known == name)
        .map_or(Some(false), |(_, is_member)| *is_member)
}

/// What a binding keeps of the client's newest message.
struct Facts<'a> {
    client: &'a [u8],
    /// Without its type.
    link_layer: Option<&'a [u8]>,
    levels: &'a [RelayMessage<'a>],
}

impl Facts<'_> {
    /// Whether the client has the property, if that is known; `rest` says it of what no octets
    /// tell.
    fn holds(&self, by: &Match, rest: &dyn Fn(&Match) -> Option<bool>) -> Option<bool> {
        let of_relays = |code: OptionCode, id: &[u8]| {
            let mut levels = self.levels.iter();
            levels.any(|level| {
                level
                    .options()
                    .first(code)
                    .is_some_and(|one| one.data == id)
            })
        };
        let is_so = match by {
            Match::Client(id) | Match::ClientIa { client: id, .. } => self.client == id,
            Match::ClientPrefix(prefix) => self.client.starts_with(prefix),
            Match::RemoteId(id) => of_relays(OptionCode::REMOTE_ID, id),
            Match::SubscriberId(id) => of_relays(OptionCode::SUBSCRIBER_ID, id),
            Match::InterfaceId(id) => of_relays(OptionCode::INTERFACE_ID, id),
            Match::RelayId(id) => of_relays(OptionCode::RELAY_ID, id),
            Match::LinkLayer(address) => self.link_layer == Some(address),
            Match::LinkAddress(address) => {
                let mut levels = self.levels.iter();
                levels.any(|level| level.link_address() == *address)
            }
            Match::PeerAddress(address) => {
                let mut levels = self.levels.iter();
                levels.any(|level| level.peer_address() == *address)
            }
            Match::InClass(_) | Match::OnLink(_) | Match::Reserved(_) => return rest(by),
            Match::All(all) => return every(all.iter().map(|one| self.holds(one, rest))),
            Match::Unless(none) => {
                let one = any(none.iter().map(|one| self.holds(one, rest)));
                return one.map(|holds| !holds);
            }
            Match::UserClass(_)
            | Match::VendorClass { .. }
            | Match::Option { .. }
            | Match::OptionPart { .. } => return None,
        };
        Some(is_so)
    }
}

/// Whether one of them is so, if that is known.
fn any(all: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut is_unsure = false;
    for one in all {
        match one {
            Some(true) => return one,
            Some(false) => {}
            None => is_unsure = true,
        }
    }
    (!is_unsure).then_some(false)
}

/// Whether all of them are so, if that is known.
fn every(all: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let other = any(all.map(|one| one.map(|is_so| !is_so)));
    other.map(|is_one_not| !is_one_not)
}

/// The client's link-layer address among a binding's options, without its type (RFC 6939 §4).
fn link_layer(options: &[u8]) -> Option<&[u8]> {
    let options = Options::parse(options, 0).ok()?;
    let option = options.first(OptionCode::CLIENT_LINKLAYER_ADDR)?;
    option.data.get(2..)
}

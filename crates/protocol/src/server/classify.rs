//! Which classes and reservations a message's properties select.

use std::collections::HashMap;

use leasebook_wire::RelayChain;
use leasebook_wire::code::OptionCode;
use leasebook_wire::option::{UserClass, VendorClass};

use super::admit::Heard;
use super::config::{Config, Match, Reservation};

/// What is found by properties of a message: a look-up for each property, however many
/// entries there are.
#[derive(Debug)]
struct Table<T> {
    exact: HashMap<(Kind, Vec<u8>), Vec<T>>,
    /// What no look-up finds.
    others: Vec<(Match, T)>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            exact: HashMap::new(),
            others: Vec::new(),
        }
    }
}

/// Which property a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Client,
    RemoteId,
    SubscriberId,
    InterfaceId,
    RelayId,
    LinkLayer,
}

/// Relay options by which something may be found, and their kinds.
const OF_RELAYS: [(OptionCode, Kind); 4] = [
    (OptionCode::REMOTE_ID, Kind::RemoteId),
    (OptionCode::SUBSCRIBER_ID, Kind::SubscriberId),
    (OptionCode::INTERFACE_ID, Kind::InterfaceId),
    (OptionCode::RELAY_ID, Kind::RelayId),
];

impl<T: Copy + PartialEq> Table<T> {
    fn insert(&mut self, by: &Match, what: T) {
        let (kind, key) = match by {
            Match::Client(id) | Match::ClientIa { client: id, .. } => (Kind::Client, id),
            Match::RemoteId(id) => (Kind::RemoteId, id),
            Match::SubscriberId(id) => (Kind::SubscriberId, id),
            Match::InterfaceId(id) => (Kind::InterfaceId, id),
            Match::RelayId(id) => (Kind::RelayId, id),
            Match::LinkLayer(address) => (Kind::LinkLayer, address),
            other => return self.others.push((other.clone(), what)),
        };
        self.exact
            .entry((kind, key.clone()))
            .or_default()
            .push(what);
    }

    fn find(&self, heard: &Heard<'_>) -> Vec<T> {
        let mut found = Vec::new();
        let mut add = |kind, key: &[u8]| {
            for what in self.exact.get(&(kind, key.to_vec())).into_iter().flatten() {
                if !found.contains(what) {
                    found.push(*what);
                }
            }
        };
        if !self.exact.is_empty() {
            if let Some(client) = heard.client {
                add(Kind::Client, client.octets());
            }
            if let Some(address) = link_layer(heard.chain) {
                add(Kind::LinkLayer, address);
            }
            for level in heard.chain.levels() {
                for (code, kind) in OF_RELAYS {
                    if let Some(option) = level.options().first(code) {
                        add(kind, option.data);
                    }
                }
            }
        }
        for (by, what) in &self.others {
            if !found.contains(what) && is_match(by, heard) {
                found.push(*what);
            }
        }
        found
    }
}

/// The client's link-layer address without its type, from the relay nearest to it (DHCP-S-021).
fn link_layer<'a>(chain: &RelayChain<'a>) -> Option<&'a [u8]> {
    let option = chain
        .innermost()?
        .options()
        .first(OptionCode::CLIENT_LINKLAYER_ADDR)?;
    option.data.get(2..)
}

/// What has to be looked at one by one.
fn is_match(by: &Match, heard: &Heard<'_>) -> bool {
    let options = heard.message.options();
    match by {
        Match::ClientPrefix(prefix) => heard
            .client
            .is_some_and(|client| client.octets().starts_with(prefix)),
        Match::UserClass(item) => options
            .view_or_absent::<UserClass<'_>>()
            .is_some_and(|class| class.items.iter().any(|found| found == item)),
        Match::VendorClass { enterprise, item } => options
            .views::<VendorClass<'_>>()
            .filter_map(Result::ok)
            .filter(|class| class.enterprise == *enterprise)
            .any(|class| {
                item.as_ref()
                    .is_none_or(|item| class.items.iter().any(|found| found == item))
            }),
        Match::Option { code, data } => options
            .all(*code)
            .any(|option| data.as_ref().is_none_or(|data| option.data == data)),
        _ => false,
    }
}

/// Where a reservation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reserved {
    /// On a link: its place, and the reservation's on it.
    OnLink(usize, usize),
    /// On every link.
    Everywhere(usize),
}

/// The classes and reservations of a configuration.
#[derive(Debug, Default)]
pub(super) struct Classifier {
    classes: Table<usize>,
    reservations: Table<Reserved>,
    /// Who has which lease reserved, so that nobody else gets it.
    pub(super) has_reservations: bool,
}

impl Classifier {
    pub(super) fn new(config: &Config) -> Self {
        let mut made = Self::default();
        for (at, class) in config.classes.iter().enumerate() {
            for by in &class.members {
                made.classes.insert(by, at);
            }
        }
        for (at, link) in config.links.iter().enumerate() {
            for (number, reservation) in link.reservations.iter().enumerate() {
                let place = Reserved::OnLink(at, number);
                made.reservations.insert(&reservation.whom, place);
            }
        }
        for (number, reservation) in config.reservations.iter().enumerate() {
            let place = Reserved::Everywhere(number);
            made.reservations.insert(&reservation.whom, place);
        }
        made.has_reservations =
            !(made.reservations.exact.is_empty() && made.reservations.others.is_empty());
        made
    }

    /// The places of the classes that the message's client is in, ascending.
    pub(super) fn classes(&self, heard: &Heard<'_>) -> Vec<usize> {
        let mut classes = self.classes.find(heard);
        classes.sort_unstable();
        classes
    }

    /// The client's reservations on the link at `link`, the link's own first.
    pub(super) fn reservations<'c>(
        &self,
        config: &'c Config,
        link: usize,
        heard: &Heard<'_>,
    ) -> Vec<&'c Reservation> {
        let mut places = self.reservations.find(heard);
        places.sort_unstable();
        let found = places.into_iter().filter_map(|place| match place {
            Reserved::OnLink(at, number) if at == link => {
                config.links.get(at)?.reservations.get(number)
            }
            Reserved::OnLink(..) => None,
            Reserved::Everywhere(number) => config.reservations.get(number),
        });
        found.collect()
    }
}

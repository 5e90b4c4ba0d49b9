//! Which classes and reservations a message's properties select.

use std::collections::HashMap;

use leasebook_wire::RelayChain;
use leasebook_wire::code::OptionCode;
use leasebook_wire::option::{UserClass, VendorClass};

use super::admit::Heard;
use super::config::{Config, Match, Reservation};

/// What of a client no octet of its message tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing<'a> {
    /// The name of its link.
    pub(super) link: &'a str,
    /// Whether something is reserved for it there.
    pub(super) is_reserved: bool,
}

/// What is found by properties of a message: a look-up for each property, however many
/// entries there are.
#[derive(Debug)]
struct Table<T> {
    /// What a property selects.
    exact: HashMap<(Kind, Vec<u8>), Vec<Selected<T>>>,
    /// What no look-up finds, in the order of the configuration.
    others: Vec<(Match, T)>,
}

/// What is selected, on every link or on the one of this name alone.
#[derive(Debug)]
struct Selected<T> {
    what: T,
    link: Option<String>,
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

impl Kind {
    /// The property and the octets of it that a comparison looks for, if a look-up can find it.
    fn of(by: &Match) -> Option<(Self, &Vec<u8>)> {
        Some(match by {
            Match::Client(id) | Match::ClientIa { client: id, .. } => (Self::Client, id),
            Match::RemoteId(id) => (Self::RemoteId, id),
            Match::SubscriberId(id) => (Self::SubscriberId, id),
            Match::InterfaceId(id) => (Self::InterfaceId, id),
            Match::RelayId(id) => (Self::RelayId, id),
            Match::LinkLayer(address) => (Self::LinkLayer, address),
            _ => return None,
        })
    }
}

impl<T: Copy + PartialEq> Table<T> {
    fn insert(&mut self, by: &Match, what: T) {
        let (by, link) = match by {
            Match::All(all) => match &all[..] {
                [by, Match::OnLink(link)] if Kind::of(by).is_some() => (by, Some(link.clone())),
                _ => return self.others.push((by.clone(), what)),
            },
            by => (by, None),
        };
        match Kind::of(by) {
            Some((kind, key)) => {
                let known = self.exact.entry((kind, key.clone())).or_default();
                known.push(Selected { what, link });
            }
            None => self.others.push((by.clone(), what)),
        }
    }

    fn find(&self, heard: &Heard<'_>, link: Option<&str>) -> Vec<T> {
        let mut found = Vec::new();
        let mut add = |kind, key: &[u8]| {
            let known = self.exact.get(&(kind, key.to_vec()));
            for one in known.into_iter().flatten() {
                let is_here = one.link.is_none() || one.link.as_deref() == link;
                if is_here && !found.contains(&one.what) {
                    found.push(one.what);
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
        found
    }

    /// Adds to `found` what a look at each of the rest finds, in their order; `holds` says of
    /// what no message tells whether it does, by what was found so far.
    fn find_rest(
        &self,
        heard: &Heard<'_>,
        found: &mut Vec<T>,
        holds: &dyn Fn(&Match, &[T]) -> bool,
    ) {
        for (by, what) in &self.others {
            if !found.contains(what) && is_match(by, heard, &|by| holds(by, found)) {
                found.push(*what);
            }
        }
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

/// Whether a message has the property; `holds` says it of what no message tells.
fn is_match(by: &Match, heard: &Heard<'_>, holds: &dyn Fn(&Match) -> bool) -> bool {
    let options = heard.message.options();
    let client = heard.client.map_or(&[][..], |client| client.octets());
    let of_relays = |code: OptionCode, id: &[u8]| {
        let mut levels = heard.chain.levels();
        levels.any(|level| {
            let option = level.options().first(code);
            option.is_some_and(|option| option.data == id)
        })
    };
    match by {
        Match::Client(id) | Match::ClientIa { client: id, .. } => client == id,
        Match::ClientPrefix(prefix) => heard.client.is_some() && client.starts_with(prefix),
        Match::RemoteId(id) => of_relays(OptionCode::REMOTE_ID, id),
        Match::SubscriberId(id) => of_relays(OptionCode::SUBSCRIBER_ID, id),
        Match::InterfaceId(id) => of_relays(OptionCode::INTERFACE_ID, id),
        Match::RelayId(id) => of_relays(OptionCode::RELAY_ID, id),
        Match::LinkLayer(address) => link_layer(heard.chain) == Some(address),
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
        Match::OptionPart { code, at, data } => options.all(*code).any(|option| {
            let rest = option.data.get(*at..);
            rest.is_some_and(|rest| rest.starts_with(data))
        }),
        Match::LinkAddress(address) => {
            let mut levels = heard.chain.levels();
            levels.any(|level| level.link_address() == *address)
        }
        Match::PeerAddress(address) => {
            let mut levels = heard.chain.levels();
            levels.any(|level| level.peer_address() == *address)
        }
        Match::InClass(_) | Match::OnLink(_) | Match::Reserved(_) => holds(by),
        Match::All(all) => all.iter().all(|one| is_match(one, heard, holds)),
        Match::Unless(none) => !none.iter().any(|one| is_match(one, heard, holds)),
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
    /// The places of the classes by name.
    names: HashMap<String, usize>,
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
            made.names.insert(class.name.clone(), at);
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
    pub(super) fn classes(&self, heard: &Heard<'_>, standing: Standing<'_>) -> Vec<usize> {
        let mut classes = self.classes.find(heard, Some(standing.link));
        let holds = |by: &Match, found: &[usize]| match by {
            Match::InClass(name) => {
                let at = self.names.get(name);
                at.is_some_and(|at| found.contains(at))
            }
            Match::OnLink(name) => name == standing.link,
            Match::Reserved(reserved) => *reserved == standing.is_reserved,
            _ => false,
        };
        self.classes.find_rest(heard, &mut classes, &holds);
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
        let mut places = self.reservations.find(heard, None);
        let holds_not = |_: &Match, _: &[Reserved]| false;
        self.reservations.find_rest(heard, &mut places, &holds_not);
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

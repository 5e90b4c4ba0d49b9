//! `option-data`: the options of a level, those in others with what holds them.

use std::collections::BTreeMap;

use leasebook_wire::Options;
use leasebook_wire::RawOption;
use leasebook_wire::code::OptionCode;
use leasebook_wire::option::{DomainList, OptionView as _, validate};

use crate::kea_config::definitions::{Definitions, OWN_SPACE};
use crate::kea_config::error::{ConfigError, Place};
use crate::kea_config::expression::ENTERPRISE_OCTETS;
use crate::kea_config::json::{Node, Value as Json};
use crate::kea_config::model::{KeaOption, NotCarried, OptionValue};
use crate::kea_config::option_value::{octets, octets_of, value};
use crate::kea_config::section::{Section, wrong};
use crate::text::excerpt;

/// VENDOR_OPTS, whose own value is the enterprise alone.
const VENDOR_OPTS: u16 = 17;
/// NTP_SERVER, of which each server is an option for itself. Source: RFC 5908 §4.
const NTP_SERVER: u16 = 56;

/// How deep options hold others; Kea has no bound, but every space of its own is within this.
const MAX_SPACES: usize = 8;

/// One `option-data` that was read.
struct Entry {
    place: Place,
    path: String,
    space: String,
    code: u16,
    /// The space of the options it holds; empty for none.
    encapsulates: String,
    value: OptionValue,
    always: bool,
}

/// Takes the `option-data` of a section; what cannot be carried is listed.
pub(super) fn read_options(
    section: &mut Section<'_>,
    definitions: &Definitions,
    not_carried: &mut Vec<NotCarried>,
) -> Result<Vec<KeaOption>, ConfigError> {
    let mut entries = Vec::new();
    for (node, path) in section.list("option-data")? {
        let entry = Section::new(node, path.clone())?;
        match read_option(node, &path, entry, definitions)? {
            Ok(entry) => entries.push(entry),
            Err(reason) => not_carried.push(NotCarried {
                place: node.place.clone(),
                key: path,
                reason,
            }),
        }
    }
    Ok(Level::new(&entries, not_carried).options())
}

/// The options of one level.
struct Level<'a> {
    entries: &'a [Entry],
    /// What the spaces hold whose options are in another one, each worked out once.
    contents: BTreeMap<&'a str, Vec<Vec<u8>>>,
    not_carried: &'a mut Vec<NotCarried>,
}

impl<'a> Level<'a> {
    fn new(entries: &'a [Entry], not_carried: &'a mut Vec<NotCarried>) -> Self {
        Self {
            entries,
            contents: BTreeMap::new(),
            not_carried,
        }
    }

    /// Those that leasebook has; what is in none of them is listed.
    fn options(mut self) -> Vec<KeaOption> {
        let mut options: Vec<KeaOption> = Vec::new();
        for entry in self.entries {
            let enterprise = match enterprise_of(&entry.space) {
                Some(enterprise) => Some(enterprise),
                None if entry.space == OWN_SPACE => None,
                None => continue,
            };
            if enterprise.is_none() && entry.code == VENDOR_OPTS {
                // The enterprise's number alone: the options are in its space.
                if octets_of(&entry.value).len() > ENTERPRISE_OCTETS {
                    let reason = "the options of a vendor in one piece; write each in the space \
                                  vendor-ENTERPRISE"
                        .to_owned();
                    self.refuse(entry, reason);
                }
                continue;
            }
            for value in self.values(entry) {
                match judge(entry, enterprise, &value, &options) {
                    Ok(()) => options.push(KeaOption {
                        place: entry.place.clone(),
                        code: entry.code,
                        enterprise,
                        value,
                        always: entry.always,
                    }),
                    Err(reason) => self.refuse(entry, reason),
                }
            }
            if enterprise.is_some() && entry.always {
                let reason = "options of vendors go to clients whose Option Request names option \
                              17; see that theirs does"
                    .to_owned();
                self.refuse(entry, reason);
            }
        }
        for entry in self.entries {
            let is_top = entry.space == OWN_SPACE || enterprise_of(&entry.space).is_some();
            if !is_top && !self.contents.contains_key(entry.space.as_str()) {
                let space = excerpt(entry.space.as_bytes());
                let reason = format!(
                    "no option of this level holds those in space `{space}`; write here the one \
                     that does, as custom"
                );
                self.refuse(entry, reason);
            }
        }
        options
    }

    fn refuse(&mut self, entry: &Entry, reason: String) {
        self.not_carried.push(NotCarried {
            place: entry.place.clone(),
            key: entry.path.clone(),
            reason,
        });
    }

    /// What an option holds, with the options in it; several where each is one by itself.
    fn values(&mut self, entry: &'a Entry) -> Vec<OptionValue> {
        if entry.encapsulates.is_empty() {
            return vec![entry.value.clone()];
        }
        let inner = self.held_by(entry, MAX_SPACES);
        if inner.is_empty() {
            return vec![entry.value.clone()];
        }
        if entry.space == OWN_SPACE && entry.code == NTP_SERVER {
            return inner.into_iter().map(OptionValue::Octets).collect();
        }
        let mut whole = octets_of(&entry.value);
        whole.extend(inner.concat());
        vec![OptionValue::Octets(whole)]
    }

    /// The options of this level that one holds, each with code and length in front.
    fn held_by(&mut self, entry: &'a Entry, depth: usize) -> Vec<Vec<u8>> {
        let (space, entries) = (entry.encapsulates.as_str(), self.entries);
        if space.is_empty() || depth == 0 {
            return Vec::new();
        }
        if let Some(known) = self.contents.get(space) {
            return known.clone();
        }
        // A space that is within itself is empty there.
        self.contents.insert(space, Vec::new());
        let mut all = Vec::new();
        let mut total = 0;
        for inner in entries.iter().filter(|inner| inner.space == space) {
            let mut body = octets_of(&inner.value);
            body.extend(self.held_by(inner, depth - 1).concat());
            let Ok(len) = u16::try_from(body.len()) else {
                self.refuse(inner, "it does not fit into an option".to_owned());
                continue;
            };
            total += 4 + usize::from(len);
            if total > usize::from(u16::MAX) {
                self.refuse(inner, "there is no room for it in any message".to_owned());
                break;
            }
            let mut octets = inner.code.to_be_bytes().to_vec();
            octets.extend(len.to_be_bytes());
            octets.extend(body);
            all.push(octets);
        }
        self.contents.insert(space, all.clone());
        all
    }
}

/// The enterprise of a vendor's space.
fn enterprise_of(space: &str) -> Option<u32> {
    space.strip_prefix("vendor-")?.parse().ok()
}

/// One option, or the reason if it cannot be carried.
fn read_option(
    node: &Node,
    path: &str,
    mut entry: Section<'_>,
    definitions: &Definitions,
) -> Result<Result<Entry, String>, ConfigError> {
    let name = entry.text("name")?;
    let code = entry.number("code", 0xffff)?;
    let space = entry.text("space")?.unwrap_or_else(|| OWN_SPACE.to_owned());
    let text = match entry.take("data") {
        Some(Node {
            value: Json::String(text),
            ..
        }) => text.clone(),
        Some(other) => return Err(wrong(other, &entry.path_of("data"), "expected a string")),
        None => String::new(),
    };
    let csv = entry.flag("csv-format")?;
    let always = entry.flag("always-send")?.unwrap_or(false);
    if entry.flag("never-send")?.unwrap_or(false) {
        return Ok(Err(
            "an option of a wider level is not kept back; take it away there, and write it where \
             it is wanted"
                .to_owned(),
        ));
    }
    if !entry.list("client-classes")?.is_empty() {
        return Ok(Err(
            "an option for some classes: write it into options of these classes".to_owned(),
        ));
    }
    let wanted = code.and_then(|code| u16::try_from(code).ok());
    let is_it = |known: &str, code: u16| match wanted {
        Some(wanted) => code == wanted,
        None => name.as_deref() == Some(known),
    };
    let definition = definitions.find(&space, &is_it);
    let Some(code) = wanted.or(definition.as_ref().map(|found| found.code)) else {
        let name = name.unwrap_or_default();
        let shown = excerpt(name.as_bytes());
        return Ok(Err(format!("`{shown}` is not known; write its code")));
    };
    let known = OptionCode(code);
    let is_own = known.is_made_by_servers() && known != OptionCode::PREFERENCE;
    if space == OWN_SPACE && known == OptionCode::ADDR_REG_ENABLE {
        return Ok(Err(
            "it is told where dhcp.register-addresses is true; write that".to_owned(),
        ));
    }
    if space == OWN_SPACE && (is_own || code == 0) {
        return Ok(Err(format!(
            "option {code} is made by leasebook itself; nothing is to be done"
        )));
    }
    if space == OWN_SPACE && known.is_of_other_messages() {
        return Ok(Err(format!(
            "option {code} is none that a server tells its clients; leave it out"
        )));
    }
    let encapsulates = definition.as_ref().map(|found| found.encapsulates.clone());
    let is_csv = csv.unwrap_or(definition.is_some());
    let value = match definition {
        Some(definition) if is_csv => value(&definition, &text),
        _ => octets(&text).map(OptionValue::Octets),
    };
    Ok(value.map(|value| Entry {
        place: node.place.clone(),
        path: path.to_owned(),
        space,
        code,
        encapsulates: encapsulates.unwrap_or_default(),
        value,
        always,
    }))
}

/// Whether leasebook takes an option with this value, behind those that its level has.
fn judge(
    entry: &Entry,
    enterprise: Option<u32>,
    value: &OptionValue,
    before: &[KeaOption],
) -> Result<(), String> {
    if enterprise.is_some() {
        return Ok(());
    }
    let code = entry.code;
    let is_there = |other: &KeaOption| other.code == code && other.enterprise.is_none();
    if code != NTP_SERVER && before.iter().any(is_there) {
        return Err("the option stands at this level already, and the first is sent".to_owned());
    }
    let octets = octets_of(value);
    let number = |least: u32, most: u32| {
        let octets: Result<[u8; 4], _> = octets.as_slice().try_into();
        octets.is_ok_and(|octets| (least..=most).contains(&u32::from_be_bytes(octets)))
    };
    let names = || {
        let raw = RawOption::new(OptionCode::DOMAIN_LIST, &octets, 0);
        DomainList::parse(raw).map_or(0, |list| {
            list.names().filter(|name| !name.is_empty()).count()
        })
    };
    let refused = match code {
        22 | 23 | 31 if octets.is_empty() || !octets.len().is_multiple_of(16) => {
            "it holds no addresses"
        }
        21 | 24 if names() == 0 => "it holds no domain names",
        64 if names() != 1 => "it holds no domain name",
        82 | 83 if !number(60, 86_400) => {
            "leasebook sends 60 to 86400 seconds, as RFC 8415 has it; write a value in that range"
        }
        32 if !number(600, u32::MAX) => {
            "clients take 600 seconds or more (RFC 8415 §21.23); write as much"
        }
        56 | 94 | 95 | 96
            if Options::parse(&octets, 0).map_or(0, |all| all.iter().count()) == 0 =>
        {
            "it holds options, and here are none; write them at this level, as custom"
        }
        _ => match validate(OptionCode(code), &octets) {
            Ok(()) => return Ok(()),
            Err(error) => return Err(format!("it is not what option {code} holds: {error}")),
        },
    };
    Err(refused.to_owned())
}

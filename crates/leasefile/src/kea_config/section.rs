//! A map of the configuration whose keys are taken out one by one.
//!
//! What nobody took is what cannot be carried over.

use std::net::Ipv6Addr;

use ipnet::Ipv6Net;

use crate::kea_config::error::{ConfigError, Place};
use crate::kea_config::json::{Node, Value};
use crate::kea_config::keywords::reason;
use crate::kea_config::model::NotCarried;
use crate::text::{excerpt, parse_ipv6};

/// Keys without any effect on what a server does.
const REMARKS: [&str; 3] = ["comment", "user-context", "metadata"];

pub(super) struct Section<'a> {
    /// The path of keys to the map; empty for `Dhcp6` itself.
    path: String,
    entries: &'a [(String, Place, Node)],
    taken: Vec<bool>,
}

impl<'a> Section<'a> {
    pub(super) fn new(node: &'a Node, path: String) -> Result<Self, ConfigError> {
        match &node.value {
            Value::Map(entries) => Ok(Self {
                path,
                entries,
                taken: vec![false; entries.len()],
            }),
            value => Err(wrong(
                node,
                &path,
                &format!("expected a map, found {}", value.kind()),
            )),
        }
    }

    /// The path to one of the keys.
    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Takes a key's value; null is as if it were not there.
    pub(super) fn take(&mut self, key: &str) -> Option<&'a Node> {
        let index = self.entries.iter().position(|(known, ..)| known == key)?;
        self.taken[index] = true;
        let node = &self.entries[index].2;
        (node.value != Value::Null).then_some(node)
    }

    pub(super) fn string(&mut self, key: &str) -> Result<Option<&'a str>, ConfigError> {
        match self.take(key) {
            None => Ok(None),
            Some(node) => string(node, &self.path_of(key)).map(Some),
        }
    }

    /// As [`Self::string`], taking the empty string, Kea's default, as nothing.
    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>, ConfigError> {
        let text = self.string(key)?;
        Ok(text.filter(|text| !text.is_empty()).map(str::to_owned))
    }

    /// A whole number from 0 to `max`.
    pub(super) fn number(&mut self, key: &str, max: u32) -> Result<Option<u32>, ConfigError> {
        let Some(node) = self.take(key) else {
            return Ok(None);
        };
        let number = match node.value {
            Value::Integer(number) => u32::try_from(number).ok(),
            _ => None,
        };
        match number.filter(|&number| number <= max) {
            Some(number) => Ok(Some(number)),
            None => Err(wrong(
                node,
                &self.path_of(key),
                &format!("expected a number from 0 to {max}"),
            )),
        }
    }

    /// A part of one, above 0 and below 1, in millionths.
    pub(super) fn millionths(&mut self, key: &str) -> Result<Option<u32>, ConfigError> {
        let Some(node) = self.take(key) else {
            return Ok(None);
        };
        let part = match node.value {
            Value::Real(part) if part > 0.0 && part < 1.0 => part,
            _ => {
                let what = "expected a number above 0 and below 1";
                return Err(wrong(node, &self.path_of(key), what));
            }
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and a million"
        )]
        let millionths = (part * 1e6).round() as u32;
        Ok(Some(millionths))
    }

    pub(super) fn flag(&mut self, key: &str) -> Result<Option<bool>, ConfigError> {
        match self.take(key) {
            None => Ok(None),
            Some(Node {
                value: Value::Bool(value),
                ..
            }) => Ok(Some(*value)),
            Some(node) => Err(wrong(node, &self.path_of(key), "expected true or false")),
        }
    }

    /// The elements of a list, each with its path; empty if the key is not there.
    pub(super) fn list(&mut self, key: &str) -> Result<Vec<(&'a Node, String)>, ConfigError> {
        let Some(node) = self.take(key) else {
            return Ok(Vec::new());
        };
        let path = self.path_of(key);
        let Value::List(nodes) = &node.value else {
            let what = format!("expected a list, found {}", node.value.kind());
            return Err(wrong(node, &path, &what));
        };
        let numbered = nodes.iter().enumerate();
        Ok(numbered
            .map(|(index, node)| (node, format!("{path}[{index}]")))
            .collect())
    }

    /// A map within this one.
    pub(super) fn section(&mut self, key: &str) -> Result<Option<Section<'a>>, ConfigError> {
        match self.take(key) {
            None => Ok(None),
            Some(node) => Section::new(node, self.path_of(key)).map(Some),
        }
    }

    /// Notes that a key cannot be carried over though its value was read.
    pub(super) fn cannot_carry(
        &self,
        key: &str,
        reason: String,
        not_carried: &mut Vec<NotCarried>,
    ) {
        if let Some((_, place, _)) = self.entries.iter().find(|(known, ..)| known == key) {
            not_carried.push(NotCarried {
                place: place.clone(),
                key: self.path_of(key),
                reason,
            });
        }
    }

    /// Lists whatever was not taken.
    pub(super) fn finish(self, not_carried: &mut Vec<NotCarried>) {
        for ((key, place, node), _) in self
            .entries
            .iter()
            .zip(&self.taken)
            .filter(|((key, ..), taken)| !**taken && !REMARKS.contains(&key.as_str()))
        {
            let is_empty = match &node.value {
                Value::List(nodes) => nodes.is_empty(),
                Value::Map(entries) => entries.is_empty(),
                Value::Null => true,
                _ => false,
            };
            if !is_empty {
                not_carried.push(NotCarried {
                    place: place.clone(),
                    key: self.path_of(key),
                    reason: reason(key).to_owned(),
                });
            }
        }
    }
}

pub(super) fn string<'a>(node: &'a Node, path: &str) -> Result<&'a str, ConfigError> {
    match &node.value {
        Value::String(string) => Ok(string),
        value => {
            let what = format!("expected a string, found {}", value.kind());
            Err(wrong(node, path, &what))
        }
    }
}

pub(super) fn address(node: &Node, path: &str) -> Result<Ipv6Addr, ConfigError> {
    let text = string(node, path)?;
    parse_ipv6(text.trim().as_bytes()).ok_or_else(|| {
        let what = format!("`{}` is not an IPv6 address", excerpt(text.as_bytes()));
        wrong(node, path, &what)
    })
}

/// A prefix, its bits behind the length cleared.
pub(super) fn prefix(node: &Node, path: &str) -> Result<Ipv6Net, ConfigError> {
    let text = string(node, path)?;
    parse_prefix(text).ok_or_else(|| {
        let what = format!("`{}` is not a prefix", excerpt(text.as_bytes()));
        wrong(node, path, &what)
    })
}

pub(super) fn parse_prefix(text: &str) -> Option<Ipv6Net> {
    let (address, len) = text.split_once('/')?;
    let address = parse_ipv6(address.trim().as_bytes())?;
    Ipv6Net::new(address, len.trim().parse().ok()?)
        .ok()
        .map(|net| net.trunc())
}

pub(super) fn wrong(node: &Node, path: &str, what: &str) -> ConfigError {
    ConfigError::Value {
        place: node.place.clone(),
        key: path.to_owned(),
        what: what.to_owned(),
    }
}

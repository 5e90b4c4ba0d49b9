//! `option-data` and `option-def`: from Kea's words to values.

use std::net::{Ipv4Addr, Ipv6Addr};

use leasebook_wire::code::OptionCode;

use crate::kea_config::error::ConfigError;
use crate::kea_config::json::{Node, Value as Json};
use crate::kea_config::model::{KeaOption, NotCarried, OptionValue};
use crate::kea_config::section::{Section, wrong};
use crate::text::{excerpt, parse_ipv6, parse_octets};

/// The space of DHCPv6's own options.
const OWN_SPACE: &str = "dhcp6";

/// Options of which each level may have several: VENDOR_OPTS and NTP_SERVER.
const REPEATABLE: [u16; 2] = [17, 56];

/// What an option holds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Definition {
    code: u16,
    name: String,
    space: String,
    /// Types of its fields, of which the last is repeated if it is an array.
    fields: Vec<String>,
    is_array: bool,
}

/// Kea's own definitions whose type is more than octets: name, code, type, whether an array.
const STANDARD: [(&str, u16, &str, bool); 36] = [
    ("preference", 7, "uint8", false),
    ("unicast", 12, "ipv6-address", false),
    ("vendor-opts", 17, "uint32", false),
    ("sip-server-dns", 21, "fqdn", true),
    ("sip-server-addr", 22, "ipv6-address", true),
    ("dns-servers", 23, "ipv6-address", true),
    ("domain-search", 24, "fqdn", true),
    ("nis-servers", 27, "ipv6-address", true),
    ("nisp-servers", 28, "ipv6-address", true),
    ("nis-domain-name", 29, "fqdn", true),
    ("nisp-domain-name", 30, "fqdn", true),
    ("sntp-servers", 31, "ipv6-address", true),
    ("information-refresh-time", 32, "uint32", false),
    ("bcmcs-server-dns", 33, "fqdn", true),
    ("bcmcs-server-addr", 34, "ipv6-address", true),
    ("pana-agent", 40, "ipv6-address", true),
    ("new-posix-timezone", 41, "string", false),
    ("new-tzdb-timezone", 42, "string", false),
    ("bootfile-url", 59, "string", false),
    ("bootfile-param", 60, "tuple", true),
    ("client-arch-type", 61, "uint16", true),
    ("aftr-name", 64, "fqdn", false),
    ("erp-local-domain-name", 65, "fqdn", false),
    ("sol-max-rt", 82, "uint32", false),
    ("inf-max-rt", 83, "uint32", false),
    ("dhcp4o6-server-addr", 88, "ipv6-address", true),
    ("s46-cont-mape", 94, "binary", false),
    ("s46-cont-mapt", 95, "binary", false),
    ("s46-cont-lw", 96, "binary", false),
    ("v6-captive-portal", 103, "string", false),
    ("ipv6-address-andsf", 143, "ipv6-address", true),
    ("user-class", 15, "binary", false),
    ("vendor-class", 16, "binary", false),
    ("interface-id", 18, "binary", false),
    ("remote-id", 37, "binary", false),
    ("client-fqdn", 39, "binary", false),
];

/// The code of an option by Kea's name for it.
pub(super) fn standard_code(name: &str) -> Option<u16> {
    STANDARD
        .iter()
        .find(|(known, ..)| *known == name)
        .map(|(_, code, ..)| *code)
}

/// The definitions in force.
#[derive(Clone, Debug, Default)]
pub(super) struct Definitions(Vec<Definition>);

impl Definitions {
    /// Takes the `option-def` of a section besides those there are.
    pub(super) fn read(&mut self, section: &mut Section<'_>) -> Result<(), ConfigError> {
        for (node, path) in section.list("option-def")? {
            let mut entry = Section::new(node, path)?;
            let code = entry.number("code", 0xffff)?.unwrap_or(0);
            let kind = entry.string("type")?.unwrap_or("binary").to_owned();
            let types = entry.text("record-types")?.unwrap_or_default();
            let fields = if kind == "record" {
                let types = types.split(',').map(|field| field.trim().to_owned());
                types.collect()
            } else {
                vec![kind]
            };
            self.0.push(Definition {
                code: u16::try_from(code).unwrap_or(0),
                name: entry.text("name")?.unwrap_or_default(),
                space: entry.text("space")?.unwrap_or_else(|| OWN_SPACE.to_owned()),
                fields,
                is_array: entry.flag("array")?.unwrap_or(false),
            });
        }
        Ok(())
    }

    fn find(&self, space: &str, is_it: &dyn Fn(&str, u16) -> bool) -> Option<Definition> {
        let own = self.0.iter().rev();
        let mut own = own.filter(|definition| definition.space == space);
        if let Some(found) = own.find(|definition| is_it(&definition.name, definition.code)) {
            return Some(found.clone());
        }
        let standard = STANDARD.iter().filter(|_| space == OWN_SPACE);
        let mut standard = standard.filter(|(name, code, ..)| is_it(name, *code));
        let (name, code, kind, is_array) = standard.next()?;
        Some(Definition {
            code: *code,
            name: (*name).to_owned(),
            space: OWN_SPACE.to_owned(),
            fields: vec![(*kind).to_owned()],
            is_array: *is_array,
        })
    }
}

/// Takes the `option-data` of a section; what cannot be carried is listed.
pub(super) fn read_options(
    section: &mut Section<'_>,
    definitions: &Definitions,
    not_carried: &mut Vec<NotCarried>,
) -> Result<Vec<KeaOption>, ConfigError> {
    let mut options: Vec<KeaOption> = Vec::new();
    for (node, path) in section.list("option-data")? {
        let entry = Section::new(node, path.clone())?;
        let mut refuse = |reason: String| {
            let (place, key) = (node.place.clone(), path.clone());
            not_carried.push(NotCarried { place, key, reason });
        };
        match read_option(node, entry, definitions)? {
            Ok(Some(option)) => {
                let is_there = |known: &KeaOption| {
                    known.code == option.code
                        && known.enterprise.is_none()
                        && !REPEATABLE.contains(&known.code)
                };
                if option.enterprise.is_none() && options.iter().any(is_there) {
                    refuse("the option stands at this level already".to_owned());
                } else {
                    options.push(option);
                }
            }
            Ok(None) => {}
            Err(reason) => refuse(reason),
        }
    }
    Ok(options)
}

/// One option; none if it says nothing by itself, and the reason if it cannot be carried.
fn read_option(
    node: &Node,
    mut entry: Section<'_>,
    definitions: &Definitions,
) -> Result<Result<Option<KeaOption>, String>, ConfigError> {
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
            "leasebook never keeps an option from a client".to_owned()
        ));
    }
    if !entry.list("client-classes")?.is_empty() {
        return Ok(Err(
            "an option of its own classes: put it into them".to_owned()
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
    let enterprise = match space.strip_prefix("vendor-").map(str::parse::<u32>) {
        Some(Ok(enterprise)) => Some(enterprise),
        _ if space == OWN_SPACE => None,
        _ => {
            let reason = format!(
                "options in space `{}` are not carried",
                excerpt(space.as_bytes())
            );
            return Ok(Err(reason));
        }
    };
    if enterprise.is_none() {
        let known = OptionCode(code);
        let is_own = known.is_made_by_servers() && known != OptionCode::PREFERENCE;
        if is_own || known.is_of_other_messages() || code == 0 {
            return Ok(Err(format!("option {code} is made by leasebook itself")));
        }
        // The enterprise's number alone: the options are in its space.
        if code == 17 {
            return Ok(Ok(None));
        }
    }
    let is_csv = csv.unwrap_or(definition.is_some());
    let value = match definition {
        Some(definition) if is_csv => value(&definition, &text),
        _ => octets(&text).map(OptionValue::Octets),
    };
    Ok(value.and_then(|value| {
        let place = node.place.clone();
        judge(enterprise, code, &value)?;
        Ok(Some(KeaOption {
            place,
            code,
            enterprise,
            value,
            always,
        }))
    }))
}

/// What leasebook takes in some options alone.
fn judge(enterprise: Option<u32>, code: u16, value: &OptionValue) -> Result<(), String> {
    let number = match (enterprise, value) {
        (None, OptionValue::U32(number)) => *number,
        _ => return Ok(()),
    };
    match code {
        82 | 83 if !(60..=86_400).contains(&number) => {
            Err("leasebook sends 60 to 86400, as RFC 8415 has it".to_owned())
        }
        32 if number < 600 => Err("clients take 600 or more (RFC 8415 §21.23)".to_owned()),
        _ => Ok(()),
    }
}

/// Octets written as hex, or as text in single quotes.
fn octets(text: &str) -> Result<Vec<u8>, String> {
    let text = text.trim();
    if let Some(inner) = text
        .strip_prefix('\'')
        .and_then(|text| text.strip_suffix('\''))
    {
        return Ok(inner.as_bytes().to_vec());
    }
    let mut octets = Vec::new();
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.is_empty() {
        return Ok(octets);
    }
    match parse_octets(digits.as_bytes(), &mut octets) {
        Some(()) => Ok(octets),
        None => Err(format!("`{}` is not hex", excerpt(text.as_bytes()))),
    }
}

/// A value by its definition.
fn value(definition: &Definition, text: &str) -> Result<OptionValue, String> {
    let mut parts = Parts::new(definition, text);
    match (&definition.fields[..], definition.is_array) {
        ([kind], _) if kind == "ipv6-address" => {
            let addresses = parts.all.iter().map(|part| address(part));
            addresses
                .collect::<Result<_, _>>()
                .map(OptionValue::Addresses)
        }
        ([kind], _) if kind == "fqdn" => {
            let names = parts.all.iter().map(|part| domain_name(part));
            names.collect::<Result<_, _>>().map(OptionValue::Names)
        }
        ([kind], false) if kind == "string" => Ok(OptionValue::Text(parts.rest())),
        ([kind], false) if kind == "uint8" => Ok(OptionValue::U8(number(&parts.rest())?)),
        ([kind], false) if kind == "uint16" => Ok(OptionValue::U16(number(&parts.rest())?)),
        ([kind], false) if kind == "uint32" => Ok(OptionValue::U32(number(&parts.rest())?)),
        ([kind], false) if kind == "empty" => Ok(OptionValue::Octets(Vec::new())),
        ([kind], false) if kind == "binary" => octets(text).map(OptionValue::Octets),
        (fields, is_array) => {
            let mut out = Vec::new();
            for (at, field) in fields.iter().enumerate() {
                let is_last = at + 1 == fields.len();
                if is_last && field == "string" {
                    out.extend(parts.rest().into_bytes());
                    continue;
                }
                encode(field, &parts.next()?, &mut out)?;
                while is_last && is_array && !parts.is_empty() {
                    encode(field, &parts.next()?, &mut out)?;
                }
            }
            if !parts.is_empty() {
                return Err("it has more fields than its definition".to_owned());
            }
            Ok(OptionValue::Octets(out))
        }
    }
}

/// The fields of a value, between commas; `\,` is a comma of its own.
struct Parts {
    all: Vec<String>,
    at: usize,
}

impl Parts {
    fn new(definition: &Definition, text: &str) -> Self {
        let mut all = vec![String::new()];
        let mut signs = text.chars().peekable();
        while let Some(sign) = signs.next() {
            let is_escape = sign == '\\' && signs.peek() == Some(&',');
            if sign == ',' {
                all.push(String::new());
            } else if !is_escape && let Some(last) = all.last_mut() {
                last.push(sign);
            } else if let (Some(last), Some(comma)) = (all.last_mut(), signs.next()) {
                last.push(comma);
            }
        }
        let is_text =
            definition.fields.len() == 1 && definition.fields.iter().any(|one| one == "string");
        if !is_text {
            for part in &mut all {
                *part = part.trim().to_owned();
            }
            all.retain(|part| !part.is_empty());
        }
        Self { all, at: 0 }
    }

    fn is_empty(&self) -> bool {
        self.at >= self.all.len()
    }

    fn next(&mut self) -> Result<String, String> {
        let part = self.all.get(self.at).cloned();
        self.at += 1;
        part.ok_or_else(|| "it has fewer fields than its definition".to_owned())
    }

    /// All that is left, as one.
    fn rest(&mut self) -> String {
        let rest = self.all.get(self.at..).unwrap_or_default().join(",");
        self.at = self.all.len();
        rest
    }
}

fn encode(field: &str, text: &str, out: &mut Vec<u8>) -> Result<(), String> {
    match field {
        "boolean" => out.push(match text {
            "true" | "1" => 1,
            "false" | "0" => 0,
            _ => {
                return Err(format!(
                    "`{}` is not true or false",
                    excerpt(text.as_bytes())
                ));
            }
        }),
        "uint8" => out.push(number(text)?),
        "int8" => out.extend(number::<i8>(text)?.to_be_bytes()),
        "uint16" => out.extend(number::<u16>(text)?.to_be_bytes()),
        "int16" => out.extend(number::<i16>(text)?.to_be_bytes()),
        "uint32" => out.extend(number::<u32>(text)?.to_be_bytes()),
        "int32" => out.extend(number::<i32>(text)?.to_be_bytes()),
        "ipv4-address" => {
            let address: Result<Ipv4Addr, _> = text.parse();
            let address =
                address.map_err(|_| format!("`{}` is no address", excerpt(text.as_bytes())))?;
            out.extend(address.octets());
        }
        "ipv6-address" => out.extend(address(text)?.octets()),
        "ipv6-prefix" => {
            let (prefix, len) = text.split_once('/').unwrap_or((text, ""));
            let len: u8 = number(len)?;
            let octets = usize::from(len.min(128)).div_ceil(8);
            out.push(len.min(128));
            out.extend(address(prefix)?.octets().iter().take(octets));
        }
        "fqdn" => labels(&domain_name(text)?, out),
        "tuple" => {
            let len =
                u16::try_from(text.len()).map_err(|_| "a text that is too long".to_owned())?;
            out.extend(len.to_be_bytes());
            out.extend(text.as_bytes());
        }
        "string" => out.extend(text.as_bytes()),
        "binary" => out.extend(octets(text)?),
        "empty" => {}
        other => {
            return Err(format!(
                "fields of type {} are not carried",
                excerpt(other.as_bytes())
            ));
        }
    }
    Ok(())
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    let text = text.trim();
    text.parse()
        .map_err(|_| format!("`{}` is no number that fits", excerpt(text.as_bytes())))
}

fn address(text: &str) -> Result<Ipv6Addr, String> {
    parse_ipv6(text.trim().as_bytes())
        .ok_or_else(|| format!("`{}` is no address", excerpt(text.as_bytes())))
}

/// A domain name without the point at its end.
pub(super) fn domain_name(text: &str) -> Result<String, String> {
    let name = text.trim().trim_end_matches('.');
    let is_label = |label: &str| {
        let mut signs = label.bytes();
        (1..=63).contains(&label.len())
            && signs.all(|sign| sign.is_ascii_alphanumeric() || sign == b'-' || sign == b'_')
    };
    if name.len() > 253 || !name.split('.').all(is_label) {
        return Err(format!("`{}` is no domain name", excerpt(text.as_bytes())));
    }
    Ok(name.to_owned())
}

fn labels(name: &str, out: &mut Vec<u8>) {
    for label in name.split('.') {
        // `domain_name` has checked that it is 63 at most.
        out.push(u8::try_from(label.len()).unwrap_or(63));
        out.extend(label.as_bytes());
    }
    out.push(0);
}

/// The octets of a value.
pub(super) fn octets_of(value: &OptionValue) -> Vec<u8> {
    match value {
        OptionValue::Addresses(addresses) => addresses.iter().flat_map(Ipv6Addr::octets).collect(),
        OptionValue::Names(names) => {
            let mut out = Vec::new();
            for name in names {
                labels(name, &mut out);
            }
            out
        }
        OptionValue::Text(text) => text.as_bytes().to_vec(),
        OptionValue::U8(number) => vec![*number],
        OptionValue::U16(number) => number.to_be_bytes().to_vec(),
        OptionValue::U32(number) => number.to_be_bytes().to_vec(),
        OptionValue::Octets(octets) => octets.clone(),
    }
}

#[cfg(test)]
mod tests;

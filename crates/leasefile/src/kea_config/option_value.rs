//! The value of an option: from Kea's text to what it holds, and its octets.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::Ipv6Net;

use crate::kea_config::definitions::Definition;
use crate::kea_config::model::OptionValue;
use crate::text::{excerpt, parse_ipv6, parse_octets};

/// Octets written as hex, or as text in single quotes.
pub(super) fn octets(text: &str) -> Result<Vec<u8>, String> {
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

/// A value by its definition. As in Kea, what is behind the fields there are is nothing.
pub(super) fn value(definition: &Definition, text: &str) -> Result<OptionValue, String> {
    let parts = parts(text);
    let is_array = definition.is_array;
    let [kind] = &definition.fields[..] else {
        return record(&definition.fields, is_array, &parts).map(OptionValue::Octets);
    };
    let taken = if is_array { parts.len() } else { 1 };
    let parts = parts.get(..taken).unwrap_or_default();
    let first = || parts.first().ok_or_else(|| "it has no value".to_owned());
    match (kind.as_str(), is_array) {
        ("ipv6-address", _) => {
            let addresses = parts.iter().map(|part| address(part));
            addresses
                .collect::<Result<_, _>>()
                .map(OptionValue::Addresses)
        }
        ("fqdn", _) => {
            let names = parts.iter().map(|part| domain_name(part));
            names.collect::<Result<_, _>>().map(OptionValue::Names)
        }
        ("string", false) => Ok(OptionValue::Text(first()?.clone())),
        ("uint8", false) => Ok(OptionValue::U8(number(first()?)?)),
        ("uint16", false) => Ok(OptionValue::U16(number(first()?)?)),
        ("uint32", false) => Ok(OptionValue::U32(number(first()?)?)),
        ("empty", false) => Ok(OptionValue::Octets(Vec::new())),
        ("binary", false) => {
            octets(parts.first().map_or("", String::as_str)).map(OptionValue::Octets)
        }
        (kind, _) => {
            let mut out = Vec::new();
            for part in parts {
                encode(kind, part, &mut out)?;
            }
            Ok(OptionValue::Octets(out))
        }
    }
}

/// The fields of a record, of which the last is repeated in an array.
fn record(fields: &[String], is_array: bool, parts: &[String]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    if parts.len() < fields.len() {
        return Err("it has fewer fields than its definition".to_owned());
    }
    for (field, part) in fields.iter().zip(parts) {
        encode(field, part, &mut out)?;
    }
    if let (true, Some(last)) = (is_array, fields.last()) {
        for part in parts.iter().skip(fields.len()) {
            encode(last, part, &mut out)?;
        }
    }
    Ok(out)
}

/// What stands between commas; `\,` is a comma of its own, `\\` a backslash.
fn parts(text: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        let Some(last) = all.last_mut() else {
            continue;
        };
        match sign {
            ',' => all.push(String::new()),
            '\\' => match signs.peek() {
                Some(escaped @ (',' | '\\')) => {
                    last.push(*escaped);
                    signs.next();
                }
                _ => last.push(sign),
            },
            sign => last.push(sign),
        }
    }
    // Kea passes over fields without anything in them.
    all.retain(|part| !part.is_empty());
    let trimmed = all.iter().map(|part| part.trim().to_owned());
    trimmed.collect()
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
            let prefix = Ipv6Net::new(address(prefix)?, len);
            let prefix = prefix.map_err(|_| format!("`{len}` is no length of a prefix"))?;
            out.push(len);
            // Bits behind the length are zero, as Kea writes them.
            let octets = prefix.network().octets();
            out.extend(octets.iter().take(usize::from(len).div_ceil(8)));
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
        "psid" => {
            let (psid, len) = text.split_once('/').unwrap_or((text, ""));
            let (psid, len): (u16, u8) = (number(psid)?, number(len)?);
            // Its bits stand in front, as in Kea's reader.
            let is_fitting = len <= 16 && (len == 16 || psid >> len == 0);
            if !is_fitting {
                return Err(format!("`{text}` is no PSID/LENGTH"));
            }
            out.push(len);
            let shifted = if len == 0 { 0 } else { psid << (16 - len) };
            out.extend(shifted.to_be_bytes());
        }
        "empty" => {}
        other => {
            return Err(format!(
                "fields of type {} are not carried; write the option in hex, as custom",
                excerpt(other.as_bytes())
            ));
        }
    }
    Ok(())
}

/// A number in range: in tens, or in hex with `0x` or without, as Kea reads what is no number.
fn number<T: TryFrom<i64>>(text: &str) -> Result<T, String> {
    let text = text.trim();
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let is_hex = digits.bytes().all(|sign| sign.is_ascii_hexdigit());
    let in_hex = || i64::from_str_radix(digits, 16).ok().filter(|_| is_hex);
    let number = text.parse().ok().or_else(in_hex);
    number
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| format!("`{}` is no number that fits", excerpt(text.as_bytes())))
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

//! Options by code and type.

use std::net::Ipv6Addr;

use leasebook_protocol::server::config::ConfiguredOption;
use leasebook_wire::Options;
use leasebook_wire::code::OptionCode;
use leasebook_wire::option::{DomainName, validate};
use toml::{Spanned, Value};

use super::super::file::CustomFile;
use super::super::named;
use super::super::values::{FromText as _, ValueType};
use super::options::{Made, addresses_data, names_data};
use super::softwire;
use crate::text::hex;

/// Adds the options by code.
pub(super) fn customs(written: &[Spanned<CustomFile>], made: &mut Made<'_, '_>) {
    for entry in written {
        match custom(entry.get_ref(), made) {
            Ok(None) => {}
            Ok(Some(doubt)) => made.findings.doubtful(entry.span(), doubt),
            Err(what) => made.findings.wrong(entry.span(), what),
        }
    }
}

/// Adds one option, perhaps with a doubt, or says what is wrong with it.
fn custom(file: &CustomFile, made: &mut Made<'_, '_>) -> Result<Option<String>, String> {
    let (Some(code), Some(kind), Some(value)) = (&file.code, &file.r#type, &file.value) else {
        return Err("an option by code needs code, type and value".to_owned());
    };
    // The type's range is that of a u16.
    let code = OptionCode(u16::try_from(code.get_ref().0).unwrap_or(u16::MAX));
    if code.is_made_by_servers() || code.is_of_other_messages() {
        return Err(format!(
            "{code} is not for the configuration: the server makes it itself, or it belongs \
             into other messages"
        ));
    }
    let data = data(kind.get_ref().0, value.get_ref())?;
    judge(code, &data)?;
    let taken = made.options.iter().any(|option| option.code == code);
    if taken && !named::may_repeat(code) {
        return Err(match named::key(code) {
            Some(key) => format!(
                "option {} stands here already, perhaps as {key}; write it once",
                code.0
            ),
            None => format!("option {} stands here already; write it once", code.0),
        });
    }
    let doubt = softwire::doubt(code, &data);
    made.options.push(ConfiguredOption {
        code,
        data,
        always: file.always.as_ref().is_some_and(|one| *one.get_ref()),
    });
    Ok(doubt)
}

/// Whether the data is what the option's own document asks for, where that is known.
fn judge(code: OptionCode, data: &[u8]) -> Result<(), String> {
    if code == OptionCode::VENDOR_OPTS {
        return Err(
            "options of vendors stand in vendor = [{ enterprise, code, data }], not here"
                .to_owned(),
        );
    }
    if let Some(key) = named::key(code)
        && named::words(code, data).is_none()
    {
        return Err(format!(
            "this is not what option {} holds; {key} writes it",
            code.0
        ));
    }
    if softwire::is_container(code) {
        return match Options::parse(data, 0) {
            Ok(options) if !options.is_empty() => Ok(()),
            Ok(_) => Err(format!(
                "option {} holds options, and here are none",
                code.0
            )),
            Err(error) => Err(format!("option {} holds options: {error}", code.0)),
        };
    }
    validate(code, data).map_err(|error| error.to_string())
}

/// The octets of a value of this type.
fn data(kind: ValueType, value: &Value) -> Result<Vec<u8>, String> {
    let data = match kind {
        ValueType::Hex => match text(kind, value)? {
            "" => Vec::new(),
            digits => hex::parse(digits.strip_prefix("0x").unwrap_or(digits))
                .map_err(|error| error.to_string())?,
        },
        ValueType::Text => text(kind, value)?.as_bytes().to_vec(),
        ValueType::U8 => vec![number(kind, value)?],
        ValueType::U16 => number::<u16>(kind, value)?.to_be_bytes().to_vec(),
        ValueType::U32 => number::<u32>(kind, value)?.to_be_bytes().to_vec(),
        ValueType::Ipv6 => Ipv6Addr::from_text(text(kind, value)?)?.octets().to_vec(),
        ValueType::Ipv6List => addresses_data(&list(kind, value, Ipv6Addr::from_text)?),
        ValueType::Fqdn => encoded(&[DomainName::from_text(text(kind, value)?)?])?,
        ValueType::FqdnList => encoded(&list(kind, value, DomainName::from_text)?)?,
    };
    if u16::try_from(data.len()).is_err() {
        return Err(format!(
            "{} octets do not fit into an option; 65535 are the most",
            data.len()
        ));
    }
    Ok(data)
}

/// Names on the wire.
fn encoded(names: &[DomainName]) -> Result<Vec<u8>, String> {
    names_data(names).map_err(|error| error.to_string())
}

/// A value that is a text.
fn text(kind: ValueType, value: &Value) -> Result<&str, String> {
    value
        .as_str()
        .ok_or_else(|| unfit(kind, "a text in quotes", value))
}

/// A value that is a number of so many octets.
fn number<T: TryFrom<i64>>(kind: ValueType, value: &Value) -> Result<T, String> {
    let number = value
        .as_integer()
        .ok_or_else(|| unfit(kind, "a whole number", value))?;
    T::try_from(number).map_err(|_| format!("{number} is no {}", kind.word()))
}

/// A value that is a list of texts, at least one.
fn list<T>(
    kind: ValueType,
    value: &Value,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let elements = value
        .as_array()
        .filter(|elements| !elements.is_empty())
        .ok_or_else(|| unfit(kind, "a list in brackets with at least one element", value))?;
    elements
        .iter()
        .map(|element| read(text(kind, element)?))
        .collect()
}

/// Says that a value is not of its type.
fn unfit(kind: ValueType, needed: &str, value: &Value) -> String {
    format!(
        "{value} is no value of type \"{}\"; {needed} is needed",
        kind.word()
    )
}

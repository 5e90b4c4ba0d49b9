//! What is compared with what, as a setting of a member.

use std::net::Ipv6Addr;

use super::Operand;
use super::formula::Formula;
use super::identifier::ENTERPRISE_OCTETS;
use leasebook_wire::code::OptionCode;

use crate::kea_config::write::{data, quoted_text};
use crate::text::{MAX_DUID_OCTETS, parse_hex, parse_ipv6, push_colon_hex};

pub(super) fn literal(word: &str) -> Result<Operand, String> {
    if let Some(digits) = word.strip_prefix("0x") {
        let mut octets = Vec::new();
        let padded = if digits.len().is_multiple_of(2) {
            digits.to_owned()
        } else {
            format!("0{digits}")
        };
        return match parse_hex(padded.as_bytes(), &mut octets) {
            Some(()) => Ok(Operand::Octets(octets)),
            None => Err(format!("`{word}` is not hex")),
        };
    }
    // A number is four octets, in network order.
    if let Ok(number) = word.parse::<u32>() {
        return Ok(Operand::Octets(number.to_be_bytes().to_vec()));
    }
    match parse_ipv6(word.as_bytes()) {
        Some(address) => Ok(Operand::Address(address)),
        None => Err(format!("`{word}` is nothing leasebook compares")),
    }
}

pub(super) fn exists(left: &Operand, word: &str) -> Result<Formula, String> {
    if word != "exists" {
        return Err(format!("`.{word}` is nothing leasebook compares"));
    }
    match left {
        Operand::Option(code) => Ok(holds("option", format!("{{ code = {code} }}"))),
        Operand::VendorClass(enterprise) => {
            Ok(holds("vendor-class", quoted_text(&enterprise.to_string())))
        }
        Operand::VendorOptions(enterprise) => {
            let begins = Operand::Part(OptionCode::VENDOR_OPTS.0, 0, ENTERPRISE_OCTETS);
            equal(begins, Operand::Octets(enterprise.to_be_bytes().to_vec()))
        }
        _ => Err("that a relay's option exists is nothing leasebook compares".to_owned()),
    }
}

pub(super) fn holds(key: &'static str, value: String) -> Formula {
    Formula::Holds((key, value))
}

pub(super) fn equal(left: Operand, right: Operand) -> Result<Formula, String> {
    let (what, with) = match (left, right) {
        (what, Operand::Octets(octets)) | (Operand::Octets(octets), what) => (what, octets),
        (what, Operand::Address(address)) | (Operand::Address(address), what) => {
            return equal_address(&what, address);
        }
        _ => return Err("a comparison of two things of one message".to_owned()),
    };
    let hex = |octets: &[u8]| {
        let mut text = String::new();
        push_colon_hex(octets, &mut text);
        quoted_text(&text)
    };
    Ok(match what {
        Operand::Option(1) if is_duid(&with) => holds("duid", hex(&with)),
        Operand::Option(code) => holds(
            "option",
            format!("{{ code = {code}, data = {} }}", data(&with)),
        ),
        Operand::Part(code, at, length) => part(code, (at, length), &with, &hex)?,
        Operand::OfRelay(18) if !with.is_empty() => holds("interface-id", data(&with)),
        Operand::OfRelay(38) if !with.is_empty() => holds("subscriber-id", data(&with)),
        Operand::OfRelay(37) if with.len() > 4 => holds("remote-id", hex(&with)),
        Operand::OfRelay(53) if is_duid(&with) => holds("relay-id", hex(&with)),
        Operand::OfRelay(79) if (3..=MAX_DUID_OCTETS).contains(&with.len()) => {
            holds("link-layer", hex(&with[2..]))
        }
        // leasebook compares whole addresses: at least six octets, or all there are.
        Operand::LinkLayer(length)
            if (1..=MAX_DUID_OCTETS).contains(&with.len())
                && (length == usize::MAX || (length == with.len() && length >= 6)) =>
        {
            holds("link-layer", hex(&with))
        }
        Operand::LinkLayer(_) => {
            return Err("a part of a link-layer address is nothing leasebook compares".to_owned());
        }
        Operand::OfRelay(code) => {
            return Err(format!(
                "option {code} of a relay is nothing leasebook compares"
            ));
        }
        Operand::VendorClass(enterprise) => {
            let item = String::from_utf8(with).ok();
            let item = item.filter(|item| item.chars().all(|sign| !sign.is_control()));
            let Some(item) = item.filter(|item| !item.is_empty() && !item.starts_with("0x")) else {
                return Err("an item of a vendor class that is no text".to_owned());
            };
            holds("vendor-class", quoted_text(&format!("{enterprise}:{item}")))
        }
        Operand::LinkAddress | Operand::PeerAddress => {
            return Err("an address is compared with an address".to_owned());
        }
        Operand::VendorOptions(_) => {
            return Err("an option of a vendor's own is nothing leasebook compares".to_owned());
        }
        Operand::Octets(_) | Operand::Address(_) => {
            return Err("a comparison of two constants".to_owned());
        }
    })
}

/// As long as leasebook takes DUIDs to be.
fn is_duid(octets: &[u8]) -> bool {
    (3..=MAX_DUID_OCTETS).contains(&octets.len())
}

/// A part of an option, which must be as long as what it is compared with.
fn part(
    code: u16,
    (at, length): (usize, usize),
    with: &[u8],
    hex: &dyn Fn(&[u8]) -> String,
) -> Result<Formula, String> {
    if with.len() != length || at > 0xffff {
        return Err(format!(
            "a part of {length} octets compared with {} is never, or not always, equal",
            with.len()
        ));
    }
    if code == 1 && at == 0 && (1..=MAX_DUID_OCTETS).contains(&with.len()) {
        return Ok(holds("duid-prefix", hex(with)));
    }
    let data = data(with);
    Ok(holds(
        "option",
        format!("{{ code = {code}, data = {data}, at = {at} }}"),
    ))
}

fn equal_address(what: &Operand, address: Ipv6Addr) -> Result<Formula, String> {
    let shown = quoted_text(&address.to_string());
    match what {
        Operand::LinkAddress => Ok(holds("link-address", shown)),
        Operand::PeerAddress => Ok(holds("peer-address", shown)),
        Operand::Option(code) => Ok(holds(
            "option",
            format!("{{ code = {code}, data = {} }}", data(&address.octets())),
        )),
        _ => Err("what is compared with an address".to_owned()),
    }
}

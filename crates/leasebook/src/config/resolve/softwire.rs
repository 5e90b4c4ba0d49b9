//! Containers of softwires, octet by octet (RFC 7598): what clients could not use is told.

use leasebook_wire::code::OptionCode;
use leasebook_wire::{Options, RawOption};

/// S46_RULE: flags, ea-len, prefix4-len, IPv4 prefix, IPv6 prefix, options. Source: RFC 7598 §4.1.
const RULE: u16 = 89;
/// S46_BR: an address. Source: RFC 7598 §4.2.
const BORDER_RELAY: u16 = 90;
/// S46_DMR: an IPv6 prefix. Source: RFC 7598 §4.3.
const DEFAULT_MAPPING: u16 = 91;
/// S46_V4V6BIND: an IPv4 address, an IPv6 prefix, options. Source: RFC 7598 §4.4.
const BINDING: u16 = 92;
/// S46_PORTPARAMS: offset, PSID-len, PSID. Source: RFC 7598 §4.5.
const PORT_PARAMETERS: u16 = 93;

/// A container: its code, the options that it needs, and those that it may have.
type Container = (u16, &'static [u16], &'static [u16]);

/// S46_CONT_MAPE, S46_CONT_MAPT and S46_CONT_LW. Source: RFC 7598 §5, §6.
const CONTAINERS: [Container; 3] = [
    (94, &[RULE, BORDER_RELAY], &[RULE, BORDER_RELAY]),
    (95, &[RULE, DEFAULT_MAPPING], &[RULE, DEFAULT_MAPPING]),
    (96, &[BORDER_RELAY], &[BORDER_RELAY, BINDING]),
];

/// The octets before the options of S46_RULE and S46_V4V6BIND up to the length of the prefix.
const BEFORE_PREFIX: [(u16, usize); 3] = [(RULE, 7), (DEFAULT_MAPPING, 0), (BINDING, 4)];

/// Octets of S46_PORTPARAMS.
const PORT_PARAMETERS_OCTETS: usize = 4;
/// The largest offset, and the longest PSID. Source: RFC 7598 §4.5.
const MAX_OFFSET: u8 = 15;
const MAX_PSID_BITS: u8 = 16;

/// Whether an option is a container of softwires.
pub(super) fn is_container(code: OptionCode) -> bool {
    CONTAINERS.iter().any(|(known, ..)| *known == code.0)
}

/// What clients could not use of a container; nothing for other options, and for what cannot be
/// read at all.
pub(super) fn doubt(code: OptionCode, data: &[u8]) -> Option<String> {
    let (_, needed, allowed) = CONTAINERS.iter().find(|(known, ..)| *known == code.0)?;
    let options = Options::parse(data, 0).ok()?;
    for option in options {
        if !allowed.contains(&option.code.0) {
            return Some(format!(
                "option {} has no place in option {}: clients pass it over",
                option.code.0, code.0
            ));
        }
        if let Err(what) = judge(option) {
            return Some(format!("option {} within: {what}", option.code.0));
        }
    }
    let missing = needed
        .iter()
        .find(|needed| !options.contains(OptionCode(**needed)))?;
    Some(format!(
        "option {} needs an option {missing} within: clients do nothing without it",
        code.0
    ))
}

/// Whether an option within a container has the form it should.
fn judge(option: RawOption<'_>) -> Result<(), String> {
    let data = option.data;
    if option.code.0 == BORDER_RELAY {
        return exactly(16, data);
    }
    let before = BEFORE_PREFIX
        .iter()
        .find(|(code, _)| *code == option.code.0);
    let before = before.map_or(0, |(_, octets)| *octets);
    let bits = *data
        .get(before)
        .ok_or_else(|| format!("{} octets are too few", data.len()))?;
    if bits > 128 {
        return Err(format!("{bits} is no length of an IPv6 prefix"));
    }
    let end = before + 1 + usize::from(bits.div_ceil(8));
    let rest = data
        .get(end..)
        .ok_or_else(|| format!("{} octets hold no prefix of {bits} bits", data.len()))?;
    if option.code.0 == DEFAULT_MAPPING {
        return exactly(0, rest);
    }
    let options = Options::parse(rest, 0).map_err(|error| error.to_string())?;
    for inner in options {
        if inner.code.0 != PORT_PARAMETERS {
            return Err(format!("option {} has no place in it", inner.code.0));
        }
        exactly(PORT_PARAMETERS_OCTETS, inner.data)?;
        if let [offset, bits, ..] = inner.data
            && (*offset > MAX_OFFSET || *bits > MAX_PSID_BITS)
        {
            return Err(format!(
                "offset {offset} and PSID-len {bits} are above {MAX_OFFSET} and {MAX_PSID_BITS}"
            ));
        }
    }
    Ok(())
}

/// Fails unless so many octets are there.
fn exactly(octets: usize, data: &[u8]) -> Result<(), String> {
    if data.len() == octets {
        return Ok(());
    }
    Err(format!("{} octets where {octets} should be", data.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(code: u16, hex: &str) -> Option<String> {
        let octets: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        doubt(OptionCode(code), &octets)
    }

    const RULE_HEX: &str = "00590015011018c00002002820010db8a0005d000406043000";
    const BR_HEX: &str = "005a001020010db8cafe00000000000000000001";
    const DMR_HEX: &str = "005b00094020010db800010000";

    #[test]
    fn containers_that_clients_can_use_are_not_doubted() {
        let bind = "005c000dc000020a4020010db800010000";
        for (code, data) in [
            (94, format!("{RULE_HEX}{BR_HEX}")),
            (95, format!("{DMR_HEX}{RULE_HEX}{RULE_HEX}")),
            (96, format!("{BR_HEX}{bind}")),
            (96, BR_HEX.to_owned()),
            (23, "00".to_owned()),
        ] {
            assert_eq!(told(code, &data), None, "{code}");
        }
    }

    #[test]
    fn containers_that_clients_cannot_use_are_doubted() {
        let cases = [
            (94, RULE_HEX.to_owned(), "needs an option 90 within"),
            (94, BR_HEX.to_owned(), "needs an option 89 within"),
            (95, RULE_HEX.to_owned(), "needs an option 91 within"),
            (
                95,
                format!("{RULE_HEX}{BR_HEX}"),
                "option 90 has no place in option 95",
            ),
            (
                96,
                "005a000420010db8".to_owned(),
                "4 octets where 16 should be",
            ),
            (
                94,
                "00590007011018c0000200".to_owned(),
                "option 89 within: 7 octets are too few",
            ),
            (
                94,
                "00590008011018c000020081".to_owned(),
                "129 is no length",
            ),
            (
                94,
                "00590009011018c00002002820".to_owned(),
                "9 octets hold no prefix of 40 bits",
            ),
            (
                94,
                "0059000d011018c0000200000017000120".to_owned(),
                "option 23 has no place",
            ),
            (
                94,
                "00590010011018c000020000005d000410043000".to_owned(),
                "offset 16",
            ),
            (
                95,
                "005b000a4020010db80001000000".to_owned(),
                "1 octets where 0 should be",
            ),
        ];
        for (code, data, expected) in cases {
            let told = told(code, &data).unwrap_or_default();
            assert!(told.contains(expected), "{data}: {told}");
        }
    }
}

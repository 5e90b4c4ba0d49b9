//! `[dhcp]`, and the settings that every level has.

use leasebook_protocol::server::config::{Lifetimes, Obsolete, Rates, Renewal, Settings};
use leasebook_wire::code::OptionCode;
use toml::Spanned;

use super::super::error::Findings;
use super::super::file::{DhcpFile, Level};
use super::super::runtime::Dhcp;
use super::super::values::{Lifetime, Number, ObsoleteKind, Seconds, Text};
use super::options::options;

/// The DHCPv6 server as a whole.
pub(super) fn dhcp(file: &DhcpFile, default: &Dhcp, findings: &mut Findings<'_>) -> Dhcp {
    let written = settings(file.level(), findings);
    Dhcp {
        // The type's range ends at 255.
        preference: file.preference.as_ref().map_or(default.preference, |one| {
            u8::try_from(one.get_ref().0).unwrap_or(u8::MAX)
        }),
        obsolete: obsolete(file, findings),
        rsoo: rsoo(file, findings),
        probation: seconds(file.probation.as_ref(), default.probation),
        offer_hold: seconds(file.offer_hold.as_ref(), default.offer_hold),
        answer_after: seconds(file.answer_after.as_ref(), default.answer_after),
        reconfigure: flag(file.reconfigure.as_ref(), default.reconfigure),
        bind_on_renew: flag(file.bind_on_renew.as_ref(), default.bind_on_renew),
        register_addresses: flag(file.register_addresses.as_ref(), default.register_addresses),
        leases_per_client: number(file.leases_per_client.as_ref(), default.leases_per_client),
        rates: Rates {
            per_client: number(file.rate_per_client.as_ref(), default.rates.per_client),
            per_relay: number(file.rate_per_relay.as_ref(), default.rates.per_relay),
        },
        relay_interfaces: relay_interfaces(file, findings),
        // The type's range ends at 100.
        pool_warning: file
            .pool_warning
            .as_ref()
            .map_or(default.pool_warning, |one| {
                u8::try_from(one.get_ref().0).unwrap_or(u8::MAX)
            }),
        settings: Settings {
            lifetimes: written.lifetimes.or(default.settings.lifetimes),
            rapid_commit: written.rapid_commit.or(default.settings.rapid_commit),
            ..written
        },
    }
}

/// The settings of one level.
pub(super) fn settings(level: Level<'_>, findings: &mut Findings<'_>) -> Settings {
    let lifetimes = lifetimes(level, findings);
    let renewal = renewal(level, findings);
    if let (Some(lifetimes), Some(renewal), Some(t2)) = (lifetimes, renewal, level.t2)
        && renewal.t2 >= lifetimes.valid
        && lifetimes.valid != u32::MAX
    {
        findings.doubtful(
            t2.span(),
            format!(
                "t2 is {}, but leases end after {}: clients lose them before they turn to \
                 another server",
                Lifetime(renewal.t2).show(),
                Lifetime(lifetimes.valid).show()
            ),
        );
    }
    Settings {
        lifetimes,
        renewal,
        rapid_commit: level.rapid_commit.map(|one| *one.get_ref()),
        delegated_len: level
            .delegated_length
            .and_then(|one| u8::try_from(one.get_ref().0).ok()),
        options: options(level.options, findings),
    }
}

/// Both lifetimes of a level.
fn lifetimes(level: Level<'_>, findings: &mut Findings<'_>) -> Option<Lifetimes> {
    let (preferred, valid) = both(
        ("preferred-lifetime", level.preferred_lifetime),
        ("valid-lifetime", level.valid_lifetime),
        findings,
    )?;
    let both = Lifetimes {
        preferred: preferred.get_ref().0.0,
        valid: valid.get_ref().0.0,
    };
    if both.valid == 0 {
        findings.wrong(
            valid.span(),
            "a lease of 0s is none; a lifetime from 1s is needed",
        );
    }
    if both.preferred > both.valid {
        findings.wrong(
            preferred.span(),
            format!(
                "preferred-lifetime is {}, above valid-lifetime, {}; it is at most that",
                Lifetime(both.preferred).show(),
                Lifetime(both.valid).show()
            ),
        );
    }
    Some(both)
}

/// T1 and T2 of a level. Source: RFC 8415 §21.4, DHCP-S-043.
fn renewal(level: Level<'_>, findings: &mut Findings<'_>) -> Option<Renewal> {
    let (t1, t2) = both(("t1", level.t1), ("t2", level.t2), findings)?;
    let both = Renewal {
        t1: t1.get_ref().0.0,
        t2: t2.get_ref().0.0,
    };
    if both.t1 > both.t2 && both.t2 != 0 {
        findings.wrong(
            t1.span(),
            format!(
                "t1 is {}, above t2, {}; it is at most that",
                Lifetime(both.t1).show(),
                Lifetime(both.t2).show()
            ),
        );
    }
    Some(both)
}

/// A lifetime where it is written.
type Written<'a> = Option<&'a Spanned<Text<Lifetime>>>;
/// Two lifetimes where they are written.
type Pair<'a> = (&'a Spanned<Text<Lifetime>>, &'a Spanned<Text<Lifetime>>);

/// Two settings that are written together or not at all.
fn both<'a>(
    (first_key, first): (&str, Written<'a>),
    (second_key, second): (&str, Written<'a>),
    findings: &mut Findings<'_>,
) -> Option<Pair<'a>> {
    let (written, key, missing) = match (first, second) {
        (Some(first), Some(second)) => return Some((first, second)),
        (None, None) => return None,
        (Some(first), None) => (first, first_key, second_key),
        (None, Some(second)) => (second, second_key, first_key),
    };
    findings.wrong(
        written.span(),
        format!("{key} stands here without {missing}; write both, or neither"),
    );
    None
}

/// What is switched on though it is obsolete.
fn obsolete(file: &DhcpFile, findings: &mut Findings<'_>) -> Obsolete {
    let mut all = Obsolete::default();
    for written in file.obsolete.iter().flatten() {
        let kind = written.get_ref().0;
        let one = match kind {
            ObsoleteKind::IaTa => &mut all.ia_ta,
            ObsoleteKind::Unicast => &mut all.unicast,
        };
        if std::mem::replace(one, true) {
            findings.wrong(
                written.span(),
                format!("`{}` is listed twice; list it once", kind.word()),
            );
        }
    }
    all
}

/// Options that relays may supply.
fn rsoo(file: &DhcpFile, findings: &mut Findings<'_>) -> Vec<OptionCode> {
    let mut codes = Vec::new();
    for written in file.rsoo.iter().flatten() {
        // The type's range is that of a u16.
        let code = OptionCode(u16::try_from(written.get_ref().0).unwrap_or(u16::MAX));
        if codes.contains(&code) {
            findings.wrong(
                written.span(),
                format!("option {} is listed twice; list it once", code.0),
            );
        }
        codes.push(code);
    }
    codes
}

/// Interfaces on which relays are heard.
fn relay_interfaces(file: &DhcpFile, findings: &mut Findings<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for written in file.relay_interfaces.iter().flatten() {
        let name = written.get_ref();
        if let Err(what) = super::links::judge_interface(name) {
            findings.wrong(written.span(), what);
        }
        if names.contains(name) {
            findings.wrong(
                written.span(),
                format!("`{name}` is listed twice; list it once"),
            );
        }
        names.push(name.clone());
    }
    names
}

/// A time, or its default.
fn seconds<const MIN: u32, const MAX: u32>(
    written: Option<&Spanned<Text<Seconds<MIN, MAX>>>>,
    default: u32,
) -> u32 {
    written.map_or(default, |one| one.get_ref().0.0)
}

/// A number, or its default.
fn number<const MIN: u32, const MAX: u32>(
    written: Option<&Spanned<Number<MIN, MAX>>>,
    default: u32,
) -> u32 {
    written.map_or(default, |one| one.get_ref().0)
}

/// True or false, or the default.
fn flag(written: Option<&Spanned<bool>>, default: bool) -> bool {
    written.map_or(default, |one| *one.get_ref())
}

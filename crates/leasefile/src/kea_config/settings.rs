//! What holds at a level, as leasebook.toml has it.

use std::fmt::Write as _;

use crate::kea_config::model::{KeaOption, Lifetimes, OptionValue, Settings};
use crate::kea_config::option_value::octets_of;
use crate::kea_config::write::{data, list, quoted, quoted_text};

/// Kea's valid lifetime where it is told none, in seconds.
const DEFAULT_VALID_SECS: u32 = 7200;

/// Kea's preferred lifetime where it is told none that fits, in millionths of the valid one.
const PREFERRED_MILLIONTHS: u32 = 625_000;

/// T1 and T2 where nothing else is written, of Kea as of leasebook: millionths of the preferred
/// lifetime.
const DEFAULT_MILLIONTHS: (u32, u32) = (500_000, 800_000);

/// T1 and T2 in seconds.
type Renewal = (u32, u32);

/// What holds around a level.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outer {
    /// As Kea has it.
    lifetimes: Lifetimes,
    /// T1 and T2 as they were written; none if they follow the preferred lifetime.
    renewal: Option<Renewal>,
}

/// The lifetimes of a level: what it does not say is as outside.
pub(super) fn lifetimes_within(inner: &Lifetimes, outer: &Lifetimes) -> Lifetimes {
    Lifetimes {
        preferred: inner.preferred.or(outer.preferred),
        valid: inner.valid.or(outer.valid),
        renew: inner.renew.or(outer.renew),
        rebind: inner.rebind.or(outer.rebind),
        calculates: inner.calculates.or(outer.calculates),
        t1_millionths: inner.t1_millionths.or(outer.t1_millionths),
        t2_millionths: inner.t2_millionths.or(outer.t2_millionths),
    }
}

/// Whether T1 or T2 follows the preferred lifetime in another way than by default.
pub(super) fn follows_oddly(both: &Lifetimes) -> bool {
    let follows = both.renew.is_none() || both.rebind.is_none();
    follows && both.calculates.unwrap_or(true) && renewal(both).is_some()
}

/// Two levels as one, where leasebook has one: of each option the inner one's.
pub(super) fn joined(inner: &Settings, outer: &Settings) -> Settings {
    let is_inner = |option: &&KeaOption| {
        let mut known = inner.options.iter();
        known.any(|known| (known.code, known.enterprise) == (option.code, option.enterprise))
    };
    let mut options = inner.options.clone();
    options.extend(outer.options.iter().filter(|one| !is_inner(one)).cloned());
    Settings {
        lifetimes: lifetimes_within(&inner.lifetimes, &outer.lifetimes),
        rapid_commit: inner.rapid_commit.or(outer.rapid_commit),
        options,
    }
}

/// Whether a level has a lifetime of its own.
pub(super) fn has_lifetimes(own: &Settings) -> bool {
    own.lifetimes.preferred.is_some() || own.lifetimes.valid.is_some()
}

/// The lines of the whole server's level; what then holds around the others.
pub(super) fn push_server(own: &Settings, out: &mut String) -> Outer {
    push_lifetimes(&own.lifetimes, out);
    let outer = push_renewal(&own.lifetimes, &Outer::default(), out);
    push_rest(own, outer, out)
}

/// The lines of a level within another; what then holds around those within it.
pub(super) fn push_level(own: &Settings, outer: &Outer, out: &mut String) -> Outer {
    let both = lifetimes_within(&own.lifetimes, &outer.lifetimes);
    if has_lifetimes(own) {
        push_lifetimes(&both, out);
    }
    let outer = push_renewal(&both, outer, out);
    push_rest(own, outer, out)
}

/// The lines of a class or a reservation. Its T1 and T2 are those of the link that the client is
/// on, in Kea too.
pub(super) fn push_clients(own: &Settings, outer: &Outer, out: &mut String) {
    if has_lifetimes(own) {
        push_lifetimes(&lifetimes_within(&own.lifetimes, &outer.lifetimes), out);
    }
    push_rest(own, *outer, out);
}

fn push_rest(own: &Settings, outer: Outer, out: &mut String) -> Outer {
    if let Some(rapid) = own.rapid_commit {
        let _ = writeln!(out, "rapid-commit = {rapid}");
    }
    if !own.options.is_empty() {
        let _ = writeln!(out, "options = {}", options(&own.options));
    }
    outer
}

/// T1 and T2 where they are not what leasebook would have by itself.
fn push_renewal(both: &Lifetimes, outer: &Outer, out: &mut String) -> Outer {
    let mut renewal = renewal(both);
    if renewal.is_none() && outer.renewal.is_some() {
        renewal = Some(calculated(both));
    }
    if let Some((t1, t2)) = renewal.filter(|_| renewal != outer.renewal) {
        let _ = writeln!(out, "t1 = {}\nt2 = {}", time(t1), time(t2));
    }
    Outer {
        lifetimes: *both,
        renewal,
    }
}

/// T1 and T2 as Kea has them at a level; none where they are leasebook's own parts of the
/// preferred lifetime.
fn renewal(both: &Lifetimes) -> Option<Renewal> {
    let calculates = both.calculates.unwrap_or(true);
    let is_part = |part: Option<u32>, default| part.is_none_or(|part| part == default);
    let is_default = both.renew.is_none()
        && both.rebind.is_none()
        && is_part(both.t1_millionths, DEFAULT_MILLIONTHS.0)
        && is_part(both.t2_millionths, DEFAULT_MILLIONTHS.1);
    if calculates && is_default {
        return None;
    }
    let (t1, t2) = if calculates { calculated(both) } else { (0, 0) };
    let (t1, t2) = (both.renew.unwrap_or(t1), both.rebind.unwrap_or(t2));
    // Kea leaves a T1 that is not below T2 to the client.
    Some((if t1 < t2 { t1 } else { 0 }, t2))
}

/// T1 and T2 as parts of the preferred lifetime.
fn calculated(both: &Lifetimes) -> Renewal {
    let preferred = times(both).0;
    let (t1, t2) = DEFAULT_MILLIONTHS;
    (
        part(preferred, both.t1_millionths.unwrap_or(t1)),
        part(preferred, both.t2_millionths.unwrap_or(t2)),
    )
}

/// So many millionths, rounded.
fn part(secs: u32, millionths: u32) -> u32 {
    const WHOLE: u64 = 1_000_000;
    let part = (u64::from(secs) * u64::from(millionths) + WHOLE / 2) / WHOLE;
    u32::try_from(part).unwrap_or(u32::MAX)
}

/// The preferred and the valid lifetime, Kea's defaults where there are none that fit.
fn times(lifetimes: &Lifetimes) -> (u32, u32) {
    let valid = lifetimes.valid.unwrap_or(DEFAULT_VALID_SECS).max(1);
    let preferred = lifetimes.preferred.filter(|preferred| *preferred <= valid);
    let by_default = || match valid {
        u32::MAX => u32::MAX,
        valid => part(valid, PREFERRED_MILLIONTHS),
    };
    (preferred.unwrap_or_else(by_default), valid)
}

/// Both lifetimes.
fn push_lifetimes(lifetimes: &Lifetimes, out: &mut String) {
    let (preferred, valid) = times(lifetimes);
    let (preferred, valid) = (time(preferred), time(valid));
    let _ = writeln!(
        out,
        "preferred-lifetime = {preferred}\nvalid-lifetime = {valid}"
    );
}

/// Seconds as leasebook.toml writes them.
pub(super) fn time(secs: u32) -> String {
    if secs == u32::MAX {
        return quoted(&"infinity");
    }
    quoted(&format!("{secs}s"))
}

/// Options as one table.
fn options(all: &[KeaOption]) -> String {
    let mut settings = Vec::new();
    let (mut vendor, mut custom) = (Vec::new(), Vec::new());
    for option in all {
        if let Some(enterprise) = option.enterprise {
            let data = data(&octets_of(&option.value));
            let code = option.code;
            vendor.push(format!(
                "{{ enterprise = {enterprise}, code = {code}, data = {data} }}"
            ));
        } else if let Some(setting) = named(option) {
            settings.push(setting);
        } else {
            custom.push(by_code(option));
        }
    }
    for (key, tables) in [("vendor", vendor), ("custom", custom)] {
        if !tables.is_empty() {
            settings.push(format!("{key} = {}", list(tables)));
        }
    }
    format!("{{ {} }}", settings.join(", "))
}

/// An option that has a name of its own; those sent unasked are written by code.
fn named(option: &KeaOption) -> Option<String> {
    if option.always {
        return None;
    }
    let (key, value) = match (option.code, &option.value) {
        (22 | 23 | 31, OptionValue::Addresses(addresses)) if !addresses.is_empty() => {
            let key = match option.code {
                22 => "sip-servers",
                23 => "dns-servers",
                _ => "sntp-servers",
            };
            (key, list(addresses.iter().map(quoted)))
        }
        (21 | 24, OptionValue::Names(names)) if !names.is_empty() => {
            let key = if option.code == 21 {
                "sip-domains"
            } else {
                "domain-search"
            };
            (key, list(names.iter().map(|name| quoted_text(name))))
        }
        (64, OptionValue::Names(names)) if names.len() == 1 => (
            "aftr-name",
            names.iter().map(|name| quoted_text(name)).collect(),
        ),
        (82, OptionValue::U32(secs)) => ("sol-max-rt", time(*secs)),
        (83, OptionValue::U32(secs)) => ("inf-max-rt", time(*secs)),
        (32, OptionValue::U32(secs)) => ("information-refresh-time", time(*secs)),
        _ => return None,
    };
    Some(format!("{key} = {value}"))
}

fn by_code(option: &KeaOption) -> String {
    let hex = |octets: &[u8]| {
        let mut digits = String::new();
        crate::text::push_hex(octets, &mut digits);
        ("hex", quoted_text(&digits))
    };
    let (kind, value) = match &option.value {
        OptionValue::Addresses(addresses) if !addresses.is_empty() => {
            ("ipv6-list", list(addresses.iter().map(quoted)))
        }
        OptionValue::Names(names) if !names.is_empty() => (
            "fqdn-list",
            list(names.iter().map(|name| quoted_text(name))),
        ),
        OptionValue::Text(text) => ("text", quoted_text(text)),
        OptionValue::U8(number) => ("u8", number.to_string()),
        OptionValue::U16(number) => ("u16", number.to_string()),
        OptionValue::U32(number) => ("u32", number.to_string()),
        OptionValue::Addresses(_) | OptionValue::Names(_) => hex(&[]),
        OptionValue::Octets(octets) => hex(octets),
    };
    let always = if option.always { ", always = true" } else { "" };
    let code = option.code;
    format!("{{ code = {code}, type = \"{kind}\", value = {value}{always} }}")
}

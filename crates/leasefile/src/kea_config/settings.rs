//! What holds at a level, as leasebook.toml has it.

use std::fmt::Write as _;

use crate::kea_config::model::{KeaOption, Lifetimes, OptionValue, Settings};
use crate::kea_config::options::octets_of;
use crate::kea_config::write::{data, list, quoted, quoted_text};

/// Kea's lifetimes where it is told none, in seconds.
const DEFAULTS: (u32, u32) = (3600, 7200);

/// The lifetimes of a level: what it does not say is as outside.
pub(super) fn lifetimes_within(inner: &Lifetimes, outer: &Lifetimes) -> Lifetimes {
    Lifetimes {
        preferred: inner.preferred.or(outer.preferred),
        valid: inner.valid.or(outer.valid),
        renew: inner.renew.or(outer.renew),
        rebind: inner.rebind.or(outer.rebind),
    }
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

/// The lines of a level within one with the lifetimes `outer`.
pub(super) fn push_level(own: &Settings, outer: &Lifetimes, out: &mut String) {
    let has_own = own.lifetimes.preferred.is_some() || own.lifetimes.valid.is_some();
    let both = lifetimes_within(&own.lifetimes, outer);
    if has_own {
        push_lifetimes(&both, out);
    }
    let has_own = own.lifetimes.renew.is_some() || own.lifetimes.rebind.is_some();
    if let (true, Some(renew), Some(rebind)) = (has_own, both.renew, both.rebind)
        && (renew <= rebind || rebind == 0)
    {
        let _ = writeln!(out, "t1 = {}\nt2 = {}", time(renew), time(rebind));
    }
    if let Some(rapid) = own.rapid_commit {
        let _ = writeln!(out, "rapid-commit = {rapid}");
    }
    if !own.options.is_empty() {
        let _ = writeln!(out, "options = {}", options(&own.options));
    }
}

/// Both lifetimes, Kea's defaults where there are none.
pub(super) fn push_lifetimes(lifetimes: &Lifetimes, out: &mut String) {
    let valid = lifetimes.valid.unwrap_or(DEFAULTS.1).max(1);
    let preferred = lifetimes.preferred.unwrap_or(DEFAULTS.0).min(valid);
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

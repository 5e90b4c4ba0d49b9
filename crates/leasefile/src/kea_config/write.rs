//! Values as TOML writes them.

use std::fmt::Write as _;

use crate::text::push_hex;

/// A basic string of TOML.
pub(super) fn push_string(text: &str, out: &mut String) {
    out.push('"');
    for sign in text.chars() {
        match sign {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            sign if sign.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(sign));
            }
            sign => out.push(sign),
        }
    }
    out.push('"');
}

/// The same by itself.
pub(super) fn quoted_text(text: &str) -> String {
    let mut out = String::new();
    push_string(text, &mut out);
    out
}

/// Something that has nothing to be escaped, in quotes.
pub(super) fn quoted(value: &impl std::fmt::Display) -> String {
    format!("\"{value}\"")
}

/// Octets as leasebook.toml writes them: text, or hex after 0x where it is not plain.
pub(super) fn data(octets: &[u8]) -> String {
    let is_plain = octets
        .iter()
        .all(|octet| octet.is_ascii_graphic() || *octet == b' ');
    let mut text = String::new();
    match std::str::from_utf8(octets) {
        Ok(plain) if is_plain && !plain.starts_with("0x") => text.push_str(plain),
        _ => {
            text.push_str("0x");
            push_hex(octets, &mut text);
        }
    }
    quoted_text(&text)
}

/// A list on one line.
pub(super) fn list(values: impl IntoIterator<Item = String>) -> String {
    let values: Vec<String> = values.into_iter().collect();
    format!("[{}]", values.join(", "))
}

/// A setting on a line of its own.
pub(super) fn push_list(key: &str, values: impl IntoIterator<Item = String>, out: &mut String) {
    let _ = writeln!(out, "{key} = {}", list(values));
}

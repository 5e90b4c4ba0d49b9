//! How Kea hides separators in its lease files: `&#xHH` for one octet.
//!
//! Kea escapes octets below 0x20 and above 0x7e, the comma and the ampersand. An escape
//! tag without two hex digits behind it stands for itself, as Kea reads it.

use crate::text::hex_digit;

const TAG: &[u8] = b"&#x";

/// Appends `field` to `out` with every escape replaced by the octet it stands for.
pub fn unescape(field: &[u8], out: &mut Vec<u8>) {
    let mut rest = field;
    while let Some(at) = memchr::memchr(b'&', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        if let Some(octet) = escaped(rest) {
            out.push(octet);
            rest = &rest[TAG.len() + 2..];
        } else {
            out.push(b'&');
            rest = &rest[1..];
        }
    }
    out.extend_from_slice(rest);
}

/// The octet of the escape that `text` begins with, if it begins with one.
pub(crate) fn escaped(text: &[u8]) -> Option<u8> {
    let digits = text.strip_prefix(TAG)?;
    match digits {
        [high, low, ..] => Some((hex_digit(*high)? << 4) | hex_digit(*low)?),
        _ => None,
    }
}

/// Appends `value` to `out`, escaped as Kea escapes it.
pub fn escape(value: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for &octet in value {
        if matches!(octet, 0x20..=0x7e) && octet != b',' && octet != b'&' {
            out.push(octet);
        } else {
            out.extend_from_slice(TAG);
            out.push(DIGITS[usize::from(octet >> 4)]);
            out.push(DIGITS[usize::from(octet & 15)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unescaped(field: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        unescape(field, &mut out);
        out
    }

    #[test]
    fn replaces_escapes_and_leaves_what_only_looks_like_one() {
        assert_eq!(unescaped(b"host&#x2cone"), b"host,one");
        assert_eq!(unescaped(b"&#x2C&#x26&#x0a"), b",&\n");
        assert_eq!(unescaped(b"a&b&#&#x&#x2&#xg0&#x"), b"a&b&#&#x&#x2&#xg0&#x");
    }

    proptest! {
        #[test]
        fn what_is_escaped_reads_back_and_never_has_a_separator(value in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut out = Vec::new();
            escape(&value, &mut out);
            prop_assert!(!out.contains(&b',') && !out.contains(&b'\n'));
            prop_assert_eq!(unescaped(&out), value);
        }

        #[test]
        fn any_octets_can_be_unescaped(field in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(unescaped(&field).len() <= field.len());
        }
    }
}

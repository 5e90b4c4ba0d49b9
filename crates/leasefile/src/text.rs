//! Numbers, addresses and octets as lease files write them, read from octets.
//!
//! The readers of this crate parse millions of short fields; everything here works on
//! `&[u8]` without allocating. Whatever a function cannot read gives `None`, and the
//! caller, who knows file, line and column, says what was wrong.

use std::net::Ipv6Addr;

/// Longest DUID accepted: two octets of type and 128 of identifier (RFC 8415 §11.1).
pub(crate) const MAX_DUID_OCTETS: usize = 130;

/// A decimal number without sign; `None` if empty, not digits only, or above `u64::MAX`.
pub(crate) fn parse_u64(text: &[u8]) -> Option<u64> {
    // 19 digits always fit, so the usual case needs no check per digit.
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    let mut value: u64 = 0;
    for &octet in text {
        let digit = octet.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// A decimal number without sign that fits 32 bits.
pub(crate) fn parse_u32(text: &[u8]) -> Option<u32> {
    if text.is_empty() || text.len() > 10 {
        return None;
    }
    let mut value: u64 = 0;
    for &octet in text {
        let digit = octet.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    u32::try_from(value).ok()
}

/// A decimal number without sign that fits 8 bits.
pub(crate) fn parse_u8(text: &[u8]) -> Option<u8> {
    parse_u32(text).and_then(|value| u8::try_from(value).ok())
}

/// The value of every hex digit; 0xff for what is none.
const HEX: [u8; 256] = {
    let mut table = [0xff; 256];
    let mut digit = 0;
    while digit < 10 {
        table[b'0' as usize + digit as usize] = digit;
        digit += 1;
    }
    let mut digit = 0;
    while digit < 6 {
        table[b'a' as usize + digit as usize] = digit + 10;
        table[b'A' as usize + digit as usize] = digit + 10;
        digit += 1;
    }
    table
};

/// The value of one hex digit.
pub(crate) fn hex_digit(octet: u8) -> Option<u8> {
    let value = HEX[usize::from(octet)];
    (value < 16).then_some(value)
}

/// Appends the octets of a run of hex digits, two a piece; `None` (and `out` as it was) if
/// the count is odd or something is no digit.
pub(crate) fn parse_hex(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let start = out.len();
    let mut bad = 0u8;
    out.extend(text.chunks_exact(2).map(|pair| {
        let (high, low) = (HEX[usize::from(pair[0])], HEX[usize::from(pair[1])]);
        bad |= high | low;
        (high << 4) | (low & 0x0f)
    }));
    // A non-digit is 0xff in the table, a digit never has its high bits set.
    if bad > 0x0f {
        out.truncate(start);
        return None;
    }
    Some(())
}

/// Appends octets written as hex, in pairs with `:`, `-` or a space between or with nothing
/// between; a group between separators may leave out its leading zero. `0x` before is allowed.
pub(crate) fn parse_octets(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    // `00:03:00:01`, the way Kea writes DUIDs, first: three octets of text for one.
    if (text.len() + 1).is_multiple_of(3) {
        let start = out.len();
        let mut bad = 0u8;
        let mut groups = text.chunks(3);
        out.extend(groups.by_ref().map(|group| {
            let (high, low) = (HEX[usize::from(group[0])], HEX[usize::from(group[1])]);
            bad |= high | low;
            if group.get(2).is_some_and(|&octet| octet != b':') {
                bad = 0xff;
            }
            (high << 4) | (low & 0x0f)
        }));
        if bad <= 0x0f {
            return Some(());
        }
        out.truncate(start);
    }
    parse_octets_slowly(text, out)
}

fn parse_octets_slowly(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let text = text
        .strip_prefix(b"0x")
        .or_else(|| text.strip_prefix(b"0X"))
        .unwrap_or(text);
    let is_separator = |octet: &u8| matches!(octet, b':' | b'-' | b' ');
    if !text.iter().any(is_separator) {
        return parse_hex(text, out);
    }
    let start = out.len();
    for group in text.split(is_separator) {
        let octet = match *group {
            [low] => hex_digit(low),
            [high, low] => hex_digit(high)
                .zip(hex_digit(low))
                .map(|(high, low)| (high << 4) | low),
            _ => None,
        };
        let Some(octet) = octet else {
            out.truncate(start);
            return None;
        };
        out.push(octet);
    }
    Some(())
}

/// Writes octets as hex digits in pairs with colons between: `00:03:00:01`.
pub(crate) fn push_colon_hex(octets: &[u8], out: &mut String) {
    for (index, &octet) in octets.iter().enumerate() {
        if index > 0 {
            out.push(':');
        }
        push_hex_pair(octet, out);
    }
}

/// Writes octets as hex digits without anything between.
pub(crate) fn push_hex(octets: &[u8], out: &mut String) {
    for &octet in octets {
        push_hex_pair(octet, out);
    }
}

fn push_hex_pair(octet: u8, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(char::from(DIGITS[usize::from(octet >> 4)]));
    out.push(char::from(DIGITS[usize::from(octet & 15)]));
}

/// An IPv6 address in any form of RFC 4291 §2.2, as `Ipv6Addr::from_str` reads it but
/// about three times as fast for the forms without a dotted quad.
pub(crate) fn parse_ipv6(text: &[u8]) -> Option<Ipv6Addr> {
    let mut groups = [0u16; 8];
    let mut count = 0usize;
    let mut gap: Option<usize> = None;
    let mut at = 0usize;
    if let [b':', rest @ ..] = text {
        // A leading colon is only ever half of `::`.
        if rest.first() != Some(&b':') {
            return None;
        }
        gap = Some(0);
        at = 2;
    }
    while at < text.len() {
        let start = at;
        let mut group = 0u16;
        while let Some(&octet) = text.get(at) {
            let digit = HEX[usize::from(octet)];
            if digit > 15 {
                break;
            }
            if at - start == 4 {
                return None;
            }
            group = (group << 4) | u16::from(digit);
            at += 1;
        }
        if at == start || count == 8 {
            return None;
        }
        groups[count] = group;
        count += 1;
        match (text.get(at), text.get(at + 1)) {
            (None, _) => break,
            (Some(b':'), Some(b':')) if gap.is_none() => {
                gap = Some(count);
                at += 2;
            }
            (Some(b':'), Some(_)) => at += 1,
            (Some(b'.'), _) => return parse_ipv6_with_quad(text),
            _ => return None,
        }
    }
    match gap {
        None if count == 8 => {}
        // `::` stands for at least one group, as the standard library has it.
        Some(gap) if count < 8 => {
            let tail = count - gap;
            groups.copy_within(gap..count, 8 - tail);
            groups[gap..8 - tail].fill(0);
        }
        _ => return None,
    }
    Some(Ipv6Addr::from(groups))
}

#[cold]
fn parse_ipv6_with_quad(text: &[u8]) -> Option<Ipv6Addr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The beginning of a field for an error message: at most 40 characters, control
/// characters escaped, what is not UTF-8 replaced.
pub(crate) fn excerpt(field: &[u8]) -> String {
    const LONGEST: usize = 40;
    let shown = String::from_utf8_lossy(&field[..field.len().min(4 * LONGEST)]);
    let mut text: String = shown
        .chars()
        .take(LONGEST)
        .flat_map(char::escape_debug)
        .collect();
    if shown.chars().count() > LONGEST || field.len() > 4 * LONGEST {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_numbers_up_to_their_limits_and_nothing_else() {
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), None);
        assert_eq!(parse_u32(b"4294967295"), Some(u32::MAX));
        for bad in [&b""[..], b"-1", b"+1", b" 1", b"4294967296", b"1x"] {
            assert_eq!(parse_u32(bad), None);
        }
    }

    #[test]
    fn reads_octets_in_every_customary_form() {
        for text in [
            "00:03:0a", "0:3:a", "00030A", "0x00030a", "00-03-0a", "00 03 0a",
        ] {
            let mut out = Vec::new();
            assert_eq!(parse_octets(text.as_bytes(), &mut out), Some(()), "{text}");
            assert_eq!(out, [0, 3, 10], "{text}");
        }
        for text in ["000", "0g", "00:", ":00", "00::01", "001:02", "00;03"] {
            let mut out = vec![7];
            assert_eq!(parse_octets(text.as_bytes(), &mut out), None, "{text}");
            assert_eq!(out, [7], "{text}");
        }
    }

    #[test]
    fn cuts_and_escapes_what_it_quotes() {
        assert_eq!(excerpt(b"a\nb"), "a\\nb");
        assert!(excerpt(&[b'x'; 500]).ends_with('…'));
        assert_eq!(excerpt(b"\xff"), "\u{fffd}");
    }

    proptest! {
        #[test]
        fn addresses_are_read_as_the_standard_library_reads_them(bits in any::<u128>(), shift in 0u32..128) {
            let text = Ipv6Addr::from_bits(bits >> shift).to_string();
            prop_assert_eq!(parse_ipv6(text.as_bytes()), text.parse().ok());
            let text = Ipv6Addr::from_bits(bits << shift).to_string();
            prop_assert_eq!(parse_ipv6(text.as_bytes()), text.parse().ok());
        }

        #[test]
        fn what_looks_like_an_address_is_judged_as_the_standard_library_judges(text in "[0-9a-f:.]{0,20}") {
            prop_assert_eq!(parse_ipv6(text.as_bytes()), text.parse().ok());
        }

        #[test]
        fn what_is_nearly_an_address_is_judged_as_the_standard_library_judges(text in "(::)?([0-9a-f]{1,5}::?){0,8}[0-9a-f]{0,4}") {
            prop_assert_eq!(parse_ipv6(text.as_bytes()), text.parse().ok());
        }

        #[test]
        fn octets_survive_being_written_and_read(octets in proptest::collection::vec(any::<u8>(), 1..140)) {
            let (mut colons, mut plain) = (String::new(), String::new());
            push_colon_hex(&octets, &mut colons);
            push_hex(&octets, &mut plain);
            for text in [colons, plain] {
                let mut out = Vec::new();
                prop_assert_eq!(parse_octets(text.as_bytes(), &mut out), Some(()));
                prop_assert_eq!(&out, &octets);
            }
        }

        #[test]
        fn no_octets_make_a_parser_panic(octets in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut out = Vec::new();
            let _ = (parse_u64(&octets), parse_ipv6(&octets), parse_octets(&octets, &mut out), excerpt(&octets));
        }
    }
}

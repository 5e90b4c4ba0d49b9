//! Octets that are often text: Interface-IDs, identifiers of vendors.
//!
//! Written as the text itself, or as hex after `0x`. Shown as text only where every octet
//! is a printable ASCII character, so that what a peer sent cannot steer a terminal.

use super::hex::{self, HexError};

/// Reads `0x` and hex, or else takes the text's own octets.
pub fn parse(text: &str) -> Result<Vec<u8>, HexError> {
    match text.strip_prefix("0x") {
        Some(digits) => hex::parse(digits),
        None if text.is_empty() => Err(HexError::Empty),
        None => Ok(text.as_bytes().to_vec()),
    }
}

/// Shows octets so that they read back equal: as text where that is plain, else as hex.
pub fn show(octets: &[u8]) -> String {
    let printable = octets
        .iter()
        .all(|octet| octet.is_ascii_graphic() || *octet == b' ');
    match std::str::from_utf8(octets) {
        Ok(text) if printable && !text.is_empty() && !text.starts_with("0x") => text.to_owned(),
        _ => format!("0x{}", hex::show(octets)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn octets_are_text_where_that_is_plain() {
        assert_eq!(show(b"eth0"), "eth0");
        assert_eq!(show(b"olt 1/2"), "olt 1/2");
        assert_eq!(show(b"\x1b[2J"), "0x1b:5b:32:4a");
        assert_eq!(show(b"0x41"), "0x30:78:34:31");
        assert!(parse("").is_err() && parse("0x").is_err());
    }

    proptest! {
        #[test]
        fn shown_octets_read_back_equal(octets in proptest::collection::vec(any::<u8>(), 1..40)) {
            prop_assert_eq!(parse(&show(&octets)), Ok(octets));
        }
    }
}

//! Octets in hex, with or without colons.

use std::fmt::Write as _;

/// Why a text is no string of octets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HexError {
    /// There is nothing in it.
    #[error("no octets given; write two hex digits for each, such as 00:01:02 or 000102")]
    Empty,
    /// A character that is neither a hex digit nor a colon.
    #[error("`{character}` at character {position} is not a hex digit")]
    NotHex {
        /// The character.
        character: char,
        /// Where it stands, counted from 1.
        position: usize,
    },
    /// Without colons, the number of digits is odd.
    #[error("{digits} hex digits do not make whole octets; each octet takes two")]
    OddDigits {
        /// How many digits there are.
        digits: usize,
    },
    /// With colons, a group is empty or longer than two digits.
    #[error("`{group}` between colons is not one octet of one or two hex digits")]
    Group {
        /// What stands between the colons.
        group: String,
    },
}

/// Reads octets: `000300011a2b`, `00:03:00:01:1a:2b`, or `0:3:0:1:1a:2b`.
pub fn parse(text: &str) -> Result<Vec<u8>, HexError> {
    if text.is_empty() {
        return Err(HexError::Empty);
    }
    for (index, character) in text.chars().enumerate() {
        if character != ':' && !character.is_ascii_hexdigit() {
            return Err(HexError::NotHex {
                character,
                position: index + 1,
            });
        }
    }
    if text.contains(':') {
        text.split(':').map(parse_group).collect()
    } else if text.len() % 2 == 1 {
        Err(HexError::OddDigits { digits: text.len() })
    } else {
        (0..text.len())
            .step_by(2)
            .map(|at| parse_group(&text[at..at + 2]))
            .collect()
    }
}

/// Reads one octet of one or two digits.
fn parse_group(group: &str) -> Result<u8, HexError> {
    match group.len() {
        1 | 2 => u8::from_str_radix(group, 16).map_err(|_| HexError::Group {
            group: group.to_owned(),
        }),
        _ => Err(HexError::Group {
            group: group.to_owned(),
        }),
    }
}

/// Shows octets with colons, as this program prints them everywhere.
pub fn show(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len() * 3);
    for (index, octet) in octets.iter().enumerate() {
        let colon = if index == 0 { "" } else { ":" };
        // Writing to a String cannot fail.
        let _ = write!(text, "{colon}{octet:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_octets_with_and_without_colons() {
        let octets = vec![0, 3, 0, 1, 0x1a, 0xff];
        assert_eq!(parse("000300011aff"), Ok(octets.clone()));
        assert_eq!(parse("00:03:00:01:1A:FF"), Ok(octets.clone()));
        assert_eq!(parse("0:3:0:1:1a:ff"), Ok(octets));
    }

    #[test]
    fn tells_what_is_wrong_with_octets() {
        assert_eq!(parse(""), Err(HexError::Empty));
        assert_eq!(
            parse("00x1"),
            Err(HexError::NotHex {
                character: 'x',
                position: 3
            })
        );
        assert_eq!(parse("123"), Err(HexError::OddDigits { digits: 3 }));
        assert_eq!(
            parse("00:123"),
            Err(HexError::Group {
                group: "123".to_owned()
            })
        );
        assert_eq!(
            parse("00::1"),
            Err(HexError::Group {
                group: String::new()
            })
        );
    }

    proptest! {
        #[test]
        fn shown_octets_read_back_equal(octets in proptest::collection::vec(any::<u8>(), 1..200)) {
            prop_assert_eq!(parse(&show(&octets)), Ok(octets));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = parse(&text);
        }
    }
}

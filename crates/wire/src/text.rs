//! Octets as text: hex pairs, with or without colons.

use std::fmt;

/// Why a text is not octets in hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HexError {
    /// Neither a hex digit nor a colon.
    #[error("character {at} is {found:?}, a hex digit needed")]
    NotHex {
        /// Which character, counted from 1.
        at: usize,
        /// What it is.
        found: char,
    },
    /// One digit where two make an octet.
    #[error("character {at}: 1 hex digit, 2 needed for an octet")]
    HalfOctet {
        /// Which character, counted from 1.
        at: usize,
    },
    /// A colon at an end, beside another, or missing between octets while others have it.
    #[error("character {at}: colons must stand between all octets or none")]
    Colons {
        /// Which character, counted from 1.
        at: usize,
    },
}

/// Reads pairs of hex digits of either case, with colons between all pairs or none.
pub(crate) fn octets_from_hex(text: &str) -> Result<Vec<u8>, HexError> {
    let has_colons = text.contains(':');
    let mut octets = Vec::with_capacity(text.len() / 2);
    let mut characters = text.chars().zip(1..).peekable();
    while let Some((found, at)) = characters.next() {
        let high = hex_digit(found, at)?;
        let low = match characters.next() {
            Some((':', _)) | None => return Err(HexError::HalfOctet { at }),
            Some((found, at)) => hex_digit(found, at)?,
        };
        octets.push(high << 4 | low);
        if let Some((found, at)) = characters.next_if(|_| has_colons)
            && (found != ':' || characters.peek().is_none())
        {
            return Err(HexError::Colons { at });
        }
    }
    Ok(octets)
}

fn hex_digit(found: char, at: usize) -> Result<u8, HexError> {
    let not_hex = match found {
        ':' => HexError::Colons { at },
        _ => HexError::NotHex { at, found },
    };
    let digit = found.to_digit(16).ok_or(not_hex)?;
    u8::try_from(digit).map_err(|_| not_hex)
}

/// Shows octets as lower-case hex pairs with colons between them.
pub(crate) struct ColonHex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for ColonHex<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for octet in self.0 {
            write!(out, "{between}{octet:02x}")?;
            between = ":";
        }
        Ok(())
    }
}

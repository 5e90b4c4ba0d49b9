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

/// Octets of opaque data that are shown; the rest is only counted, so that logs have a bound.
const SHOWN_OCTETS: usize = 64;

/// Shows octets nobody knows the meaning of: in quotes if they are printable, else in hex.
#[derive(Clone, Copy)]
pub(crate) struct Opaque<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Opaque<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, left) = self
            .0
            .split_at_checked(SHOWN_OCTETS)
            .unwrap_or((self.0, &[]));
        let is_text = !shown.is_empty() && shown.iter().all(|octet| matches!(octet, b' '..=b'~'));
        if is_text {
            write!(out, "\"{}\"", Escaped(shown))?;
        } else {
            ColonHex(shown).fmt(out)?;
        }
        if left.is_empty() {
            return Ok(());
        }
        write!(out, "… and {} octets more", left.len())
    }
}

/// Shows octets that should be UTF-8, with everything escaped that is not or cannot be printed.
#[derive(Clone, Copy)]
pub(crate) struct Escaped<'a>(pub(crate) &'a [u8]);

impl<'a> Escaped<'a> {
    /// The text itself where nothing in it needs escaping.
    pub(crate) fn to_text(self) -> std::borrow::Cow<'a, str> {
        match str::from_utf8(self.0) {
            Ok(text) if text.chars().all(is_plain) => text.into(),
            _ => self.to_string().into(),
        }
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;

        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if is_plain(character) {
                    out.write_char(character)?;
                } else {
                    write!(out, "{}", character.escape_debug())?;
                }
            }
            for octet in chunk.invalid() {
                write!(out, "\\x{octet:02x}")?;
            }
        }
        Ok(())
    }
}

/// Whether a character is shown as it is; a backslash is not, so that escapes are unambiguous.
fn is_plain(character: char) -> bool {
    matches!(character, '"' | '\'') || character.escape_debug().len() == 1
}

/// Shows seconds, and [`crate::code::INFINITY`] as what it means.
pub(crate) struct Lifetime(pub(crate) u32);

impl fmt::Display for Lifetime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            crate::code::INFINITY => out.write_str("infinite"),
            secs => write!(out, "{secs} s"),
        }
    }
}

/// Shows items with spaces between them, or `none`.
pub(crate) fn show_spaced(
    out: &mut fmt::Formatter<'_>,
    items: impl Iterator<Item: fmt::Display>,
) -> fmt::Result {
    let mut is_first = true;
    for item in items {
        let between = if is_first { "" } else { " " };
        is_first = false;
        write!(out, "{between}{item}")?;
    }
    if is_first {
        out.write_str("none")?;
    }
    Ok(())
}

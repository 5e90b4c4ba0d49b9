//! A DUID as configuration and command line hold it: 3 to 130 octets, written in hex.

pub mod generate;

use std::fmt;
use std::str::FromStr;

use crate::text::hex::{self, HexError};

/// A DHCP unique identifier that we send ourselves or ask for.
///
/// 3 to 130 octets: a type of two and an identifier of 1 to 128. Written in hex, with or
/// without colons; shown with colons. Source: RFC 8415 §11.1, D-31.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Duid(Vec<u8>);

/// What a DUID is made of. Only for people to look at: DUIDs are compared octet by octet and
/// their types never interpreted. Source: RFC 8415 §11.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts<'a> {
    /// DUID-LLT, type 1. Source: RFC 8415 §11.2.
    LinkLayerTime {
        /// Octets 2..4.
        hardware_type: u16,
        /// Octets 4..8: seconds since 2000-01-01 00:00 UTC, modulo 2^32.
        time: u32,
        /// The rest.
        address: &'a [u8],
    },
    /// DUID-EN, type 2. Source: RFC 8415 §11.3.
    Enterprise {
        /// Octets 2..6.
        number: u32,
        /// The rest.
        identifier: &'a [u8],
    },
    /// DUID-LL, type 3. Source: RFC 8415 §11.4.
    LinkLayer {
        /// Octets 2..4.
        hardware_type: u16,
        /// The rest.
        address: &'a [u8],
    },
    /// DUID-UUID, type 4: exactly 16 octets. Source: RFC 8415 §11.5.
    Uuid(&'a [u8; 16]),
    /// Another type, or one of these with too few or too many octets.
    Other {
        /// Octets 0..2.
        kind: u16,
        /// The rest.
        rest: &'a [u8],
    },
}

/// Why octets are no DUID to be used here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DuidError {
    /// The text is not hex.
    #[error("not a DUID: {0}")]
    Hex(#[from] HexError),
    /// Shorter than a type and one octet.
    #[error(
        "{octets} octets are too few for a DUID; it has a type of 2 and an identifier of at least 1"
    )]
    TooShort {
        /// How many there are.
        octets: usize,
    },
    /// Longer than a type and 128 octets.
    #[error(
        "{octets} octets are too many for a DUID; it has at most {} (RFC 8415 §11.1)",
        Duid::MAX_OCTETS
    )]
    TooLong {
        /// How many there are.
        octets: usize,
    },
}

impl Duid {
    /// The fewest octets: type and one octet. Source: RFC 8415 §11.1.
    pub const MIN_OCTETS: usize = 3;
    /// The most octets: type and 128. Source: RFC 8415 §11.1.
    pub const MAX_OCTETS: usize = 130;

    /// Takes octets as a DUID.
    pub fn new(octets: Vec<u8>) -> Result<Self, DuidError> {
        let count = octets.len();
        if count < Self::MIN_OCTETS {
            Err(DuidError::TooShort { octets: count })
        } else if count > Self::MAX_OCTETS {
            Err(DuidError::TooLong { octets: count })
        } else {
            Ok(Self(octets))
        }
    }

    /// The octets, type first.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// What it is made of, for people.
    pub fn parts(&self) -> Parts<'_> {
        let (kind, rest) = split_u16(&self.0).unwrap_or((0, &[]));
        known_parts(kind, rest).unwrap_or(Parts::Other { kind, rest })
    }
}

/// The parts of a DUID of a known type and fitting length.
fn known_parts(kind: u16, rest: &[u8]) -> Option<Parts<'_>> {
    let parts = match kind {
        1 => {
            let (hardware_type, rest) = split_u16(rest)?;
            let (time, address) = rest.split_first_chunk()?;
            Parts::LinkLayerTime {
                hardware_type,
                time: u32::from_be_bytes(*time),
                address,
            }
        }
        2 => {
            let (number, identifier) = rest.split_first_chunk()?;
            Parts::Enterprise {
                number: u32::from_be_bytes(*number),
                identifier,
            }
        }
        3 => {
            let (hardware_type, address) = split_u16(rest)?;
            Parts::LinkLayer {
                hardware_type,
                address,
            }
        }
        4 => Parts::Uuid(rest.try_into().ok()?),
        _ => return None,
    };
    Some(parts)
}

/// A number of two octets, and what follows.
fn split_u16(octets: &[u8]) -> Option<(u16, &[u8])> {
    let (number, rest) = octets.split_first_chunk()?;
    Some((u16::from_be_bytes(*number), rest))
}

impl FromStr for Duid {
    type Err = DuidError;

    fn from_str(text: &str) -> Result<Self, DuidError> {
        Self::new(hex::parse(text)?)
    }
}

impl fmt::Display for Duid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::show(&self.0))
    }
}

impl fmt::Debug for Duid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Duid({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::{Duid, DuidError, Parts};

    /// WIRE-031: a DUID of ours has 3 to 130 octets.
    #[test]
    fn a_duid_has_3_to_130_octets() {
        assert_eq!(
            Duid::new(vec![0; 2]),
            Err(DuidError::TooShort { octets: 2 })
        );
        assert!(Duid::new(vec![0; 3]).is_ok());
        assert!(Duid::new(vec![0; 130]).is_ok());
        assert_eq!(
            Duid::new(vec![0; 131]),
            Err(DuidError::TooLong { octets: 131 })
        );
    }

    #[test]
    fn a_duid_is_written_with_or_without_colons() {
        let with: Duid = "00:02:00:00:09:bf:01:23".parse().unwrap();
        let without: Duid = "0002000009bf0123".parse().unwrap();
        assert_eq!(with, without);
        assert_eq!(with.to_string(), "00:02:00:00:09:bf:01:23");
        assert!("00:02:zz".parse::<Duid>().is_err());
    }

    #[test]
    fn a_duid_is_taken_apart_by_its_type() {
        let parse = |text: &str| text.parse::<Duid>().unwrap();
        assert_eq!(
            parse("00:01:00:01:00:00:00:05:aa:bb").parts(),
            Parts::LinkLayerTime {
                hardware_type: 1,
                time: 5,
                address: &[0xaa, 0xbb]
            }
        );
        assert_eq!(
            parse("00:02:00:00:09:bf:01").parts(),
            Parts::Enterprise {
                number: 2495,
                identifier: &[1]
            }
        );
        assert_eq!(
            parse("00:03:00:01:aa").parts(),
            Parts::LinkLayer {
                hardware_type: 1,
                address: &[0xaa]
            }
        );
        assert!(matches!(
            parse("000400112233445566778899aabbccddeeff").parts(),
            Parts::Uuid(_)
        ));
        for odd in ["00:04:00:11", "00:01:00:01:00", "00:09:01"] {
            assert!(matches!(parse(odd).parts(), Parts::Other { .. }), "{odd}");
        }
    }
}

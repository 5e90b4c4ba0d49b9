//! DUIDs that we send: our own, and those we ask for.
//!
//! The type is [`leasebook_wire::Duid`]; here is what it takes to be sent, and how new ones
//! are made.

pub mod generate;

use leasebook_wire::Duid;
use leasebook_wire::duid::{DuidError, MAX_DUID_OCTETS, MIN_SENT_DUID_OCTETS};

/// Why a text is no DUID that may be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendableError {
    /// It is no DUID at all.
    #[error(
        "`{text}` is no DUID: {source}; write it in hex, such as 00:03:00:01:02:00:5e:10:00:01"
    )]
    Form {
        /// What was written.
        text: String,
        /// What is wrong.
        source: DuidError,
    },
    /// It is too short to be sent.
    #[error(
        "{octets} octets are too few for a DUID; {MIN_SENT_DUID_OCTETS} to {MAX_DUID_OCTETS} are \
         needed, the first two are its type"
    )]
    TooShort {
        /// How many there are.
        octets: usize,
    },
}

/// Reads a DUID of 3 to 130 octets, in hex with or without colons. Source: WIRE-031, D-31.
pub fn sendable(text: &str) -> Result<Duid, SendableError> {
    let duid: Duid = text.parse().map_err(|source| SendableError::Form {
        text: text.to_owned(),
        source,
    })?;
    if duid.is_sendable() {
        Ok(duid)
    } else {
        Err(SendableError::TooShort {
            octets: duid.octets().len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WIRE-031: a DUID that is sent has 3 to 130 octets.
    #[test]
    fn a_duid_that_is_sent_has_3_to_130_octets() {
        assert_eq!(sendable("0001"), Err(SendableError::TooShort { octets: 2 }));
        assert!(sendable("00:01:02").is_ok());
        assert!(sendable(&"00".repeat(130)).is_ok());
        assert!(sendable(&"00".repeat(131)).is_err());
        for text in ["", "xx", "00:0"] {
            assert!(matches!(sendable(text), Err(SendableError::Form { .. })));
        }
    }
}

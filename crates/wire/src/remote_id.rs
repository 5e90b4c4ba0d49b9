//! The relay's name for the far end of a circuit.

use std::fmt;
use std::str::FromStr;

use crate::error::ParseError;
use crate::options::RawOption;
use crate::text::{ColonHex, HexError, octets_from_hex};

/// Octets of the shortest REMOTE_ID: enterprise number and one octet. Source: RFC 4649 §3 (WIRE-048).
pub const MIN_REMOTE_ID_OCTETS: usize = 5;

/// Octets of the longest identifier: what option-len leaves beside the enterprise number.
pub const MAX_REMOTE_ID_IDENTIFIER_OCTETS: usize = 65_535 - 4;

/// Who is at the far end of a relay's circuit, in the words of the relay's vendor.
///
/// Two are equal if enterprise number and all octets are (D-08). Read from the option's data in
/// hex, with or without colons, or from `ENTERPRISE:TEXT`; a text that can be read as hex of at
/// least 5 octets is hex. Shown as `ENTERPRISE:TEXT` where that reads back equal, else in hex.
///
/// ```
/// use leasebook_wire::RemoteId;
///
/// let by_text: RemoteId = "3561:port 7".parse()?;
/// let by_hex: RemoteId = "00:00:0d:e9:70:6f:72:74:20:37".parse()?;
/// assert_eq!(by_text, by_hex);
/// assert_eq!(by_hex.to_string(), "3561:port 7");
/// # Ok::<(), leasebook_wire::remote_id::RemoteIdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemoteId {
    enterprise: u32,
    id: Box<[u8]>,
}

impl RemoteId {
    /// Takes a vendor's number and at least one octet of its naming.
    pub fn new(enterprise: u32, id: &[u8]) -> Result<Self, RemoteIdError> {
        RemoteIdRef::new(enterprise, id).map(RemoteIdRef::to_owned)
    }

    /// Takes the option's data: enterprise number (4), then the identifier.
    pub fn from_octets(octets: &[u8]) -> Result<Self, RemoteIdError> {
        RemoteIdRef::from_octets(octets).map(RemoteIdRef::to_owned)
    }

    /// The vendor's number.
    pub const fn enterprise(&self) -> u32 {
        self.enterprise
    }

    /// The vendor's naming, at least one octet.
    pub fn id(&self) -> &[u8] {
        &self.id
    }

    /// The option's data: enterprise number (4), then the identifier.
    pub fn to_octets(&self) -> Vec<u8> {
        [&self.enterprise.to_be_bytes(), &*self.id].concat()
    }

    /// The same, borrowed.
    pub fn as_remote_id_ref(&self) -> RemoteIdRef<'_> {
        RemoteIdRef {
            enterprise: self.enterprise,
            id: &self.id,
        }
    }
}

impl FromStr for RemoteId {
    type Err = RemoteIdError;

    fn from_str(text: &str) -> Result<Self, RemoteIdError> {
        let hex_error = match octets_from_hex(text) {
            Ok(octets) if octets.len() >= MIN_REMOTE_ID_OCTETS => {
                return Self::from_octets(&octets);
            }
            Ok(octets) => RemoteIdError::TooShort { len: octets.len() },
            Err(error) => RemoteIdError::Hex(error),
        };
        let Some((enterprise, id)) = text.split_once(':') else {
            return Err(hex_error);
        };
        if enterprise.is_empty() || !enterprise.bytes().all(|octet| octet.is_ascii_digit()) {
            return Err(hex_error);
        }
        let enterprise = enterprise
            .parse()
            .map_err(|_| RemoteIdError::EnterpriseTooLarge)?;
        Self::new(enterprise, id.as_bytes())
    }
}

impl fmt::Display for RemoteId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_remote_id_ref().fmt(out)
    }
}

/// A Remote-ID where it lies in a message.
///
/// ```text
///  0                   4
/// +-------------------+-----------------
/// | enterprise-number | remote-id ...
/// +-------------------+-----------------
/// ```
///
/// Source: RFC 4649 §3 (WIRE-048).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemoteIdRef<'a> {
    enterprise: u32,
    id: &'a [u8],
}

impl<'a> RemoteIdRef<'a> {
    /// Takes a vendor's number and at least one octet of its naming.
    pub const fn new(enterprise: u32, id: &'a [u8]) -> Result<Self, RemoteIdError> {
        match id.len() {
            0 => Err(RemoteIdError::TooShort { len: 4 }),
            1..=MAX_REMOTE_ID_IDENTIFIER_OCTETS => Ok(Self { enterprise, id }),
            len => Err(RemoteIdError::TooLong { len }),
        }
    }

    /// Takes the option's data.
    pub fn from_octets(octets: &'a [u8]) -> Result<Self, RemoteIdError> {
        let too_short = RemoteIdError::TooShort { len: octets.len() };
        let (&enterprise, id) = octets.split_first_chunk().ok_or(too_short)?;
        Self::new(u32::from_be_bytes(enterprise), id)
    }

    /// The data of REMOTE_ID; one that is shorter than 5 octets counts as absent (WIRE-027).
    pub fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
        let mut reader = option.at_least(MIN_REMOTE_ID_OCTETS)?;
        Ok(Self {
            enterprise: reader.u32()?,
            id: reader.rest(),
        })
    }

    /// The vendor's number.
    pub const fn enterprise(self) -> u32 {
        self.enterprise
    }

    /// The vendor's naming, at least one octet.
    pub const fn id(self) -> &'a [u8] {
        self.id
    }

    /// A copy that lives on its own.
    pub fn to_owned(self) -> RemoteId {
        RemoteId {
            enterprise: self.enterprise,
            id: self.id.into(),
        }
    }
}

impl fmt::Display for RemoteIdRef<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_text = self
            .id
            .iter()
            .all(|octet| octet.is_ascii_graphic() || *octet == b' ');
        if is_text && let Ok(id) = str::from_utf8(self.id) {
            let text = format!("{}:{id}", self.enterprise);
            // What would be read as hex must be shown as hex.
            let is_read_as_hex =
                octets_from_hex(&text).is_ok_and(|octets| octets.len() >= MIN_REMOTE_ID_OCTETS);
            if !is_read_as_hex {
                return out.write_str(&text);
            }
        }
        let enterprise = self.enterprise.to_be_bytes();
        write!(out, "{}:{}", ColonHex(&enterprise), ColonHex(self.id))
    }
}

/// Why octets or a text are no Remote-ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteIdError {
    /// Fewer octets than an enterprise number and one more.
    #[error("remote-id is {len} octets with its enterprise number, at least 5 needed")]
    TooShort {
        /// How many.
        len: usize,
    },
    /// More octets than an option holds.
    #[error("remote-id is {len} octets, at most 65531 allowed")]
    TooLong {
        /// How many, without the enterprise number.
        len: usize,
    },
    /// A number above 32 bits.
    #[error("enterprise number is above 4294967295")]
    EnterpriseTooLarge,
    /// Neither `ENTERPRISE:TEXT` nor hex.
    #[error("neither ENTERPRISE:TEXT nor hex: {0}")]
    Hex(#[from] HexError),
}

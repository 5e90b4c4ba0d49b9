//! DHCP unique identifiers.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use crate::code::{DuidType, HardwareType};
use crate::error::{ParseError, ParseErrorKind};
use crate::options::RawOption;
use crate::text::{ColonHex, octets_from_hex};

pub use crate::text::HexError;

/// Octets of the longest DUID: a type of 2 and an identifier of 128.
/// Source: RFC 8415 §11.1 (WIRE-031).
pub const MAX_DUID_OCTETS: usize = 130;

/// Octets of the shortest DUID that is taken from the network (WIRE-031, D-31).
pub const MIN_DUID_OCTETS: usize = 1;

/// Octets of the shortest DUID that is sent: a type and one octet (WIRE-031, D-31).
pub const MIN_SENT_DUID_OCTETS: usize = 3;

/// Who a client, server or relay is: 1 to 130 octets, compared octet for octet (WIRE-031, WIRE-032).
///
/// Shown as hex pairs with colons; read from hex with or without them.
///
/// ```
/// use leasebook_wire::Duid;
///
/// let duid: Duid = "0003000102005e005301".parse()?;
/// assert_eq!(duid.to_string(), "00:03:00:01:02:00:5e:00:53:01");
/// # Ok::<(), leasebook_wire::duid::DuidError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duid(Box<[u8]>);

impl Duid {
    /// Takes 1 to 130 octets, whatever they mean.
    pub fn new(octets: &[u8]) -> Result<Self, DuidError> {
        DuidRef::new(octets).map(DuidRef::to_owned)
    }

    /// DUID-LLT: type 1, hardware type (2), seconds since 2000 modulo 2^32 (4), link-layer
    /// address. Source: RFC 8415 §11.2 (WIRE-033).
    pub fn link_layer_time(
        hardware: HardwareType,
        secs_since_2000: u32,
        address: &[u8],
    ) -> Result<Self, DuidError> {
        let time = secs_since_2000.to_be_bytes();
        Self::of_parts(DuidType::LLT, &[&hardware.0.to_be_bytes(), &time, address])
    }

    /// DUID-EN: type 2, enterprise number (4), identifier. Source: RFC 8415 §11.3 (WIRE-034).
    pub fn enterprise(enterprise: u32, identifier: &[u8]) -> Result<Self, DuidError> {
        Self::of_parts(DuidType::EN, &[&enterprise.to_be_bytes(), identifier])
    }

    /// DUID-LL: type 3, hardware type (2), link-layer address. Source: RFC 8415 §11.4 (WIRE-034).
    pub fn link_layer(hardware: HardwareType, address: &[u8]) -> Result<Self, DuidError> {
        Self::of_parts(DuidType::LL, &[&hardware.0.to_be_bytes(), address])
    }

    /// DUID-UUID: type 4 and 16 octets. Source: RFC 8415 §11.5 (WIRE-034).
    pub fn uuid(uuid: [u8; 16]) -> Self {
        let [high, low] = DuidType::UUID.0.to_be_bytes();
        let octets: Box<[u8]> = [high, low].into_iter().chain(uuid).collect();
        Self(octets)
    }

    /// The octets, type first.
    #[inline]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }

    /// The same, borrowed.
    #[inline]
    pub fn as_duid_ref(&self) -> DuidRef<'_> {
        DuidRef(&self.0)
    }

    /// Whether it may be sent: at least [`MIN_SENT_DUID_OCTETS`] (WIRE-031).
    pub fn is_sendable(&self) -> bool {
        self.as_duid_ref().is_sendable()
    }

    /// What the octets mean, for people (WIRE-032).
    pub fn contents(&self) -> DuidContents<'_> {
        self.as_duid_ref().contents()
    }

    fn of_parts(duid_type: DuidType, parts: &[&[u8]]) -> Result<Self, DuidError> {
        let mut octets = duid_type.0.to_be_bytes().to_vec();
        for part in parts {
            octets.extend_from_slice(part);
        }
        Self::new(&octets)
    }
}

impl FromStr for Duid {
    type Err = DuidError;

    fn from_str(text: &str) -> Result<Self, DuidError> {
        Self::new(&octets_from_hex(text)?)
    }
}

impl fmt::Display for Duid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_duid_ref().fmt(out)
    }
}

impl fmt::Debug for Duid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Duid({self})")
    }
}

impl AsRef<[u8]> for Duid {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// So that maps keyed by DUIDs are asked with octets as received.
impl Borrow<[u8]> for Duid {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

/// A DUID where it lies in a message: 1 to 130 octets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DuidRef<'a>(&'a [u8]);

impl<'a> DuidRef<'a> {
    /// Takes 1 to 130 octets, whatever they mean.
    #[inline]
    pub const fn new(octets: &'a [u8]) -> Result<Self, DuidError> {
        match octets.len() {
            0 => Err(DuidError::Empty),
            MIN_DUID_OCTETS..=MAX_DUID_OCTETS => Ok(Self(octets)),
            len => Err(DuidError::TooLong { len }),
        }
    }

    /// The data of CLIENTID, SERVERID or RELAY_ID; one of another length counts as absent
    /// (WIRE-031).
    #[inline]
    pub fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
        Self::new(option.data).map_err(|error| {
            option.error(match error {
                DuidError::TooLong { len } => ParseErrorKind::TooLong {
                    len,
                    limit: MAX_DUID_OCTETS,
                },
                _ => ParseErrorKind::TooShort {
                    len: option.data.len(),
                    needed: MIN_DUID_OCTETS,
                },
            })
        })
    }

    /// The octets, type first.
    #[inline]
    pub const fn octets(self) -> &'a [u8] {
        self.0
    }

    /// A copy that lives on its own.
    pub fn to_owned(self) -> Duid {
        Duid(self.0.into())
    }

    /// Whether it may be sent: at least [`MIN_SENT_DUID_OCTETS`] (WIRE-031).
    pub const fn is_sendable(self) -> bool {
        self.0.len() >= MIN_SENT_DUID_OCTETS
    }

    /// What the octets mean, for people; nothing may be decided by it (WIRE-032).
    pub fn contents(self) -> DuidContents<'a> {
        let Some((&duid_type, body)) = self.0.split_first_chunk() else {
            return DuidContents::Opaque(self.0);
        };
        let duid_type = DuidType(u16::from_be_bytes(duid_type));
        let known = match duid_type {
            DuidType::LLT => link_layer_time(body),
            DuidType::EN => {
                body.split_first_chunk()
                    .map(|(&enterprise, identifier)| DuidContents::Enterprise {
                        enterprise: u32::from_be_bytes(enterprise),
                        identifier,
                    })
            }
            DuidType::LL => {
                body.split_first_chunk()
                    .map(|(&hardware, address)| DuidContents::LinkLayer {
                        hardware: HardwareType(u16::from_be_bytes(hardware)),
                        address,
                    })
            }
            DuidType::UUID => body.try_into().ok().map(DuidContents::Uuid),
            _ => None,
        };
        known.unwrap_or(DuidContents::Other { duid_type, body })
    }
}

impl fmt::Display for DuidRef<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        ColonHex(self.0).fmt(out)
    }
}

impl fmt::Debug for DuidRef<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "DuidRef({self})")
    }
}

/// What a DUID says of how it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DuidContents<'a> {
    /// DUID-LLT (WIRE-033).
    LinkLayerTime {
        /// The kind of the address.
        hardware: HardwareType,
        /// When it was made: seconds since 2000-01-01 00:00 UTC modulo 2^32.
        secs_since_2000: u32,
        /// The link-layer address, of any length.
        address: &'a [u8],
    },
    /// DUID-EN (WIRE-034).
    Enterprise {
        /// The vendor's number.
        enterprise: u32,
        /// What the vendor assigned.
        identifier: &'a [u8],
    },
    /// DUID-LL (WIRE-034).
    LinkLayer {
        /// The kind of the address.
        hardware: HardwareType,
        /// The link-layer address, of any length.
        address: &'a [u8],
    },
    /// DUID-UUID (WIRE-034).
    Uuid([u8; 16]),
    /// A type above 4, or one of 1 to 4 whose body is not as it should be; as good as any.
    Other {
        /// The type.
        duid_type: DuidType,
        /// What follows it.
        body: &'a [u8],
    },
    /// Too short for a type.
    Opaque(&'a [u8]),
}

impl fmt::Display for DuidContents<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::LinkLayerTime {
                hardware,
                secs_since_2000,
                address,
            } => write!(
                out,
                "DUID-LLT {hardware} {}, made {secs_since_2000} s after 2000-01-01 00:00 UTC",
                ColonHex(address)
            ),
            Self::Enterprise {
                enterprise,
                identifier,
            } => write!(out, "DUID-EN {enterprise} {}", ColonHex(identifier)),
            Self::LinkLayer { hardware, address } => {
                write!(out, "DUID-LL {hardware} {}", ColonHex(address))
            }
            Self::Uuid(uuid) => {
                out.write_str("DUID-UUID ")?;
                for (index, octet) in uuid.iter().enumerate() {
                    let dash = if matches!(index, 4 | 6 | 8 | 10) {
                        "-"
                    } else {
                        ""
                    };
                    write!(out, "{dash}{octet:02x}")?;
                }
                Ok(())
            }
            Self::Other { duid_type, body } => write!(out, "{duid_type} {}", ColonHex(body)),
            Self::Opaque(octets) => write!(out, "no type {}", ColonHex(octets)),
        }
    }
}

/// Why octets or a text are no DUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DuidError {
    /// No octets.
    #[error("DUID is 0 octets, at least 1 needed")]
    Empty,
    /// Too many octets.
    #[error("DUID is {len} octets, at most 130 allowed")]
    TooLong {
        /// How many.
        len: usize,
    },
    /// Not hex.
    #[error("{0}")]
    Hex(#[from] HexError),
}

fn link_layer_time(body: &[u8]) -> Option<DuidContents<'_>> {
    let (&hardware, body) = body.split_first_chunk()?;
    let (&time, address) = body.split_first_chunk()?;
    Some(DuidContents::LinkLayerTime {
        hardware: HardwareType(u16::from_be_bytes(hardware)),
        secs_since_2000: u32::from_be_bytes(time),
        address,
    })
}

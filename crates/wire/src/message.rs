//! Messages in their two forms.

use std::fmt;
use std::net::Ipv6Addr;

use crate::code::{CLIENT_HEADER_OCTETS, MessageType, OptionCode, RELAY_HEADER_OCTETS};
use crate::error::{OptionPath, ParseError, ParseErrorKind};
use crate::options::Options;
use crate::reader::Reader;

/// A message: what a datagram, a frame or a RELAY_MSG holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// The form between client and server (WIRE-008).
    Client(ClientMessage<'a>),
    /// The form between relay and server (WIRE-009).
    Relay(RelayMessage<'a>),
}

impl<'a> Message<'a> {
    /// Reads a message and checks the headers of its options, but not what they hold.
    ///
    /// A type nobody knows is read in the client/server form; whether it is dropped or relayed
    /// is for the receiver (WIRE-013, [`MessageType::is_known`]). A relay message without
    /// RELAY_MSG is malformed (WIRE-014).
    #[inline]
    pub fn parse(octets: &'a [u8]) -> Result<Self, ParseError> {
        Self::parse_within(octets, 0, OptionPath::ROOT)
    }

    /// The same for a message inside another: its first octet is octet `base` of that one.
    pub fn parse_within(
        octets: &'a [u8],
        base: usize,
        path: OptionPath,
    ) -> Result<Self, ParseError> {
        if octets.first().is_some_and(|&t| MessageType(t).is_relay()) {
            let message = RelayMessage::parse_within(octets, base, path)?;
            message.require_relayed()?;
            return Ok(Self::Relay(message));
        }
        ClientMessage::parse_within(octets, base, path).map(Self::Client)
    }

    /// What the message is for.
    #[inline]
    pub const fn msg_type(&self) -> MessageType {
        match self {
            Self::Client(message) => message.msg_type(),
            Self::Relay(message) => message.msg_type(),
        }
    }

    /// The message's own options.
    #[inline]
    pub const fn options(&self) -> Options<'a> {
        match self {
            Self::Client(message) => message.options(),
            Self::Relay(message) => message.options(),
        }
    }

    /// The whole message.
    #[inline]
    pub const fn octets(&self) -> &'a [u8] {
        match self {
            Self::Client(message) => message.octets(),
            Self::Relay(message) => message.octets(),
        }
    }
}

/// A message between client and server, or between requestor and server.
///
/// ```text
///  0          1                4
/// +----------+----------------+------------
/// | msg-type | transaction-id | options ...
/// +----------+----------------+------------
/// ```
///
/// Source: RFC 8415 §8; also the leasequery messages and STARTTLS (WIRE-008).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientMessage<'a> {
    octets: &'a [u8],
    msg_type: MessageType,
    xid: Xid,
    options: Options<'a>,
}

impl<'a> ClientMessage<'a> {
    /// Reads `octets` in this form, whatever the message type.
    #[inline]
    pub fn parse(octets: &'a [u8]) -> Result<Self, ParseError> {
        Self::parse_within(octets, 0, OptionPath::ROOT)
    }

    /// The same for a message inside another.
    #[inline]
    pub fn parse_within(
        octets: &'a [u8],
        base: usize,
        path: OptionPath,
    ) -> Result<Self, ParseError> {
        let Some((&[msg_type, x1, x2, x3], rest)) = octets.split_first_chunk() else {
            return Err(too_short(octets.len(), CLIENT_HEADER_OCTETS, base, path));
        };
        Ok(Self {
            octets,
            msg_type: MessageType(msg_type),
            xid: Xid([x1, x2, x3]),
            options: Options::parse_within(rest, base + CLIENT_HEADER_OCTETS, path)?,
        })
    }

    /// What the message is for.
    #[inline]
    pub const fn msg_type(&self) -> MessageType {
        self.msg_type
    }

    /// Which exchange the message belongs to.
    #[inline]
    pub const fn xid(&self) -> Xid {
        self.xid
    }

    /// The message's own options.
    #[inline]
    pub const fn options(&self) -> Options<'a> {
        self.options
    }

    /// The whole message.
    #[inline]
    pub const fn octets(&self) -> &'a [u8] {
        self.octets
    }
}

/// A message between relays, or between relay and server.
///
/// ```text
///  0          1           2                18               34
/// +----------+-----------+----------------+----------------+------------
/// | msg-type | hop-count | link-address   | peer-address   | options ...
/// +----------+-----------+----------------+----------------+------------
/// ```
///
/// Source: RFC 8415 §9 (WIRE-009).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayMessage<'a> {
    octets: &'a [u8],
    header: RelayHeader,
    options: Options<'a>,
}

/// The fixed fields of a relay message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RelayHeader {
    /// RELAY-FORW or RELAY-REPL.
    pub msg_type: MessageType,
    /// How many relays passed the message on before this one.
    pub hop_count: u8,
    /// An address on the client's link, or `::`.
    pub link_address: Ipv6Addr,
    /// Who sent this relay what it relays.
    pub peer_address: Ipv6Addr,
}

impl<'a> RelayMessage<'a> {
    /// Reads `octets` in this form, whatever the message type, with or without RELAY_MSG.
    #[inline]
    pub fn parse(octets: &'a [u8]) -> Result<Self, ParseError> {
        Self::parse_within(octets, 0, OptionPath::ROOT)
    }

    /// The same for a message inside another.
    pub fn parse_within(
        octets: &'a [u8],
        base: usize,
        path: OptionPath,
    ) -> Result<Self, ParseError> {
        if octets.len() < RELAY_HEADER_OCTETS {
            return Err(too_short(octets.len(), RELAY_HEADER_OCTETS, base, path));
        }
        let mut reader = Reader::within(octets, base, path);
        let header = RelayHeader {
            msg_type: MessageType(reader.u8()?),
            hop_count: reader.u8()?,
            link_address: reader.ipv6()?,
            peer_address: reader.ipv6()?,
        };
        Ok(Self {
            octets,
            header,
            options: reader.options()?,
        })
    }

    /// The fixed fields.
    #[inline]
    pub const fn header(&self) -> RelayHeader {
        self.header
    }

    /// RELAY-FORW or RELAY-REPL.
    #[inline]
    pub const fn msg_type(&self) -> MessageType {
        self.header.msg_type
    }

    /// How many relays passed the message on before this one.
    #[inline]
    pub const fn hop_count(&self) -> u8 {
        self.header.hop_count
    }

    /// An address on the client's link, or `::`.
    #[inline]
    pub const fn link_address(&self) -> Ipv6Addr {
        self.header.link_address
    }

    /// Who sent this relay what it relays: the client at the innermost level, else a relay.
    #[inline]
    pub const fn peer_address(&self) -> Ipv6Addr {
        self.header.peer_address
    }

    /// This level's options, RELAY_MSG among them.
    #[inline]
    pub const fn options(&self) -> Options<'a> {
        self.options
    }

    /// The whole message.
    #[inline]
    pub const fn octets(&self) -> &'a [u8] {
        self.octets
    }

    /// The message being relayed, octet for octet (WIRE-042).
    #[inline]
    pub fn relayed(&self) -> Option<&'a [u8]> {
        self.options
            .first(OptionCode::RELAY_MSG)
            .map(|option| option.data)
    }

    /// An error about this level as a whole.
    pub(crate) const fn error(&self, kind: ParseErrorKind) -> ParseError {
        let base = self.options.offset().saturating_sub(RELAY_HEADER_OCTETS);
        ParseError::new(base, self.options.path(), kind)
    }

    pub(crate) fn require_relayed(&self) -> Result<(), ParseError> {
        match self.relayed() {
            Some(_) => Ok(()),
            None => Err(self.error(ParseErrorKind::RelayMessageMissing)),
        }
    }
}

/// A transaction-id: three opaque octets, each value of which is valid.
///
/// Source: RFC 8415 §8, §16.1 (WIRE-012).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Xid(pub [u8; 3]);

impl Xid {
    /// The number of different transaction-ids.
    pub const COUNT: u32 = 1 << 24;

    /// The transaction-id made of the lower 24 bits of `number`.
    pub const fn from_number(number: u32) -> Self {
        let [_, x1, x2, x3] = number.to_be_bytes();
        Self([x1, x2, x3])
    }

    /// The transaction-id as a number, below [`Xid::COUNT`].
    pub const fn number(self) -> u32 {
        let [x1, x2, x3] = self.0;
        u32::from_be_bytes([0, x1, x2, x3])
    }
}

impl fmt::Display for Xid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "0x{:06x}", self.number())
    }
}

impl fmt::Debug for Xid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Xid({self})")
    }
}

const fn too_short(len: usize, needed: usize, base: usize, path: OptionPath) -> ParseError {
    ParseError::new(base, path, ParseErrorKind::MessageTooShort { len, needed })
}

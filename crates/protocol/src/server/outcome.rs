//! What became of a datagram: names for counters and logs.

use leasebook_wire::code::MessageType;

use super::pool::FindError;

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The type of the message within; of an unreadable datagram its first octet.
    pub kind: MessageType,
    /// Relays it came through.
    pub hops: usize,
    /// What was done.
    pub did: Did,
}

/// What was done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Did {
    /// It gets this answer.
    Answered(MessageType),
    /// It gets none.
    Dropped(Dropped),
}

/// Why a message gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// It cannot be read, or its relays are too many (DHCP-S-006, D-29, D-30).
    Malformed,
    /// Servers do not hear this type (DHCP-S-002).
    Foreign,
    /// It needs a CLIENTID of 1 to 130 octets and has none (DHCP-S-003, DHCP-S-004).
    NoClientId,
    /// It needs a SERVERID and has none (DHCP-S-004).
    NoServerId,
    /// It must not have a SERVERID and has one (DHCP-S-003).
    UnwantedServerId,
    /// It is for another server (DHCP-S-004, DHCP-S-005).
    OtherServer,
    /// An INFORMATION-REQUEST with an IA (DHCP-S-005).
    UnwantedIa,
    /// A client sent it directly by unicast (DHCP-S-007, DHCP-S-008).
    Unicast,
    /// The client is on no configured link (DHCP-S-019).
    NoLink,
    /// The link's policy excludes the client (DHCP-S-013).
    Excluded,
    /// The client or its relay sends too much.
    TooOften,
    /// There is nothing to say: a CONFIRM without addresses, a REBIND of nothing
    /// (DHCP-S-072, DHCP-S-081).
    NothingToSay,
    /// Right after a start, or with new pools: a lease that is free was not found at once, and
    /// that there is none is not known. Asked again, more is.
    Unsure,
    /// The book could not be read.
    StoreFailed,
    /// The answer did not fit a message.
    TooLarge,
}

impl Outcome {
    /// The name of the message's type, for a label.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            MessageType::SOLICIT => "solicit",
            MessageType::REQUEST => "request",
            MessageType::CONFIRM => "confirm",
            MessageType::RENEW => "renew",
            MessageType::REBIND => "rebind",
            MessageType::RELEASE => "release",
            MessageType::DECLINE => "decline",
            MessageType::INFORMATION_REQUEST => "information-request",
            MessageType::RELAY_FORW | MessageType::RELAY_REPL => "relay",
            super::ADDR_REG_INFORM => "addr-reg-inform",
            _ => "other",
        }
    }

    /// The name of what was done, for a label.
    pub fn name(&self) -> &'static str {
        match self.did {
            Did::Answered(_) => "answered",
            Did::Dropped(why) => why.name(),
        }
    }
}

impl From<FindError> for Dropped {
    fn from(error: FindError) -> Self {
        match error {
            FindError::Store(_) => Self::StoreFailed,
            FindError::Unsure => Self::Unsure,
        }
    }
}

impl Dropped {
    /// Its name, for a label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Foreign => "foreign",
            Self::NoClientId => "no-client-id",
            Self::NoServerId => "no-server-id",
            Self::UnwantedServerId => "unwanted-server-id",
            Self::OtherServer => "other-server",
            Self::UnwantedIa => "unwanted-ia",
            Self::Unicast => "unicast",
            Self::NoLink => "no-link",
            Self::Excluded => "excluded",
            Self::TooOften => "too-often",
            Self::NothingToSay => "nothing-to-say",
            Self::Unsure => "unsure",
            Self::StoreFailed => "store-failed",
            Self::TooLarge => "too-large",
        }
    }
}

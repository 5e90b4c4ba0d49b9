//! Options without data, and two whose data is one fixed thing.

use std::fmt;
use std::net::Ipv6Addr;

use super::OptionView;
use crate::code::{MessageType, OptionCode};
use crate::compose::Composer;
use crate::error::{ComposeError, ParseError, ParseErrorKind};
use crate::options::RawOption;

/// Defines an option that says all by being there (WIRE-041).
macro_rules! empty_option {
    ($(#[$meta:meta])* $name:ident, $code:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name;

        impl<'a> OptionView<'a> for $name {
            const CODE: OptionCode = OptionCode::$code;

            fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
                option.exactly(0).map(|_| Self)
            }

            fn compose_data(&self, _: &mut Composer<'_>) -> Result<(), ComposeError> {
                Ok(())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                Ok(())
            }
        }
    };
}

empty_option! {
    /// RAPID_COMMIT (14): two messages instead of four. Source: RFC 8415 §21.14.
    RapidCommit, RAPID_COMMIT
}

empty_option! {
    /// RECONF_ACCEPT (20): the client takes RECONFIGURE. Source: RFC 8415 §21.20.
    ReconfAccept, RECONF_ACCEPT
}

empty_option! {
    /// ADDR_REG_ENABLE (148): the server records addresses of the client's own making.
    /// Source: RFC 9686 §4.4.
    AddrRegEnable, ADDR_REG_ENABLE
}

/// UNICAST (12): the server's address, 16 octets. Source: RFC 8415 §21.12 (WIRE-041).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unicast(pub Ipv6Addr);

impl<'a> OptionView<'a> for Unicast {
    const CODE: OptionCode = OptionCode::UNICAST;

    fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
        option.exactly(16)?.ipv6().map(Self)
    }

    fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
        composer.put_ipv6(self.0);
        Ok(())
    }
}

impl fmt::Display for Unicast {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// RECONF_MSG (19): what the client is to send, RENEW, REBIND or INFORMATION-REQUEST.
///
/// One octet, 5, 6 or 11. Source: RFC 8415 §21.19 (WIRE-047).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReconfMsg(MessageType);

impl ReconfMsg {
    /// Asks for `msg_type`, `None` if that cannot be asked for.
    pub const fn new(msg_type: MessageType) -> Option<Self> {
        match msg_type {
            MessageType::RENEW | MessageType::REBIND | MessageType::INFORMATION_REQUEST => {
                Some(Self(msg_type))
            }
            _ => None,
        }
    }

    /// What the client is to send.
    pub const fn msg_type(self) -> MessageType {
        self.0
    }
}

impl<'a> OptionView<'a> for ReconfMsg {
    const CODE: OptionCode = OptionCode::RECONF_MSG;

    fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
        let at_type = option.exactly(1)?;
        let value = at_type.clone().u8()?;
        Self::new(MessageType(value)).ok_or(at_type.error(ParseErrorKind::BadValue {
            field: "msg-type",
            value: u32::from(value),
            allowed: "5, 6 or 11",
        }))
    }

    fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
        composer.put_u8(self.0.0);
        Ok(())
    }
}

impl fmt::Display for ReconfMsg {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

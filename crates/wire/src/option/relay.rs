//! What relays add to what they relay.

use std::fmt;

use super::{Inner, OptionView, require_octets};
use crate::code::{HardwareType, OptionCode};
use crate::compose::Composer;
use crate::error::{ComposeError, ParseError};
use crate::options::{Options, RawOption};
use crate::remote_id::RemoteIdRef;
use crate::text::{ColonHex, Opaque};

/// RELAY_MSG (9): the message being relayed, octet for octet. Source: RFC 8415 §21.10 (WIRE-042).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayMsg<'a> {
    option: RawOption<'a>,
}

impl<'a> RelayMsg<'a> {
    /// The message, which need not be well-formed.
    pub const fn octets(&self) -> &'a [u8] {
        self.option.data
    }
}

impl<'a> OptionView<'a> for RelayMsg<'a> {
    const CODE: OptionCode = OptionCode::RELAY_MSG;

    fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
        Ok(Self { option })
    }

    fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
        composer.put(self.octets());
        Ok(())
    }

    fn inner(&self) -> Inner<'a> {
        Inner::Message {
            octets: self.octets(),
            base: self.option.reader().offset(),
            path: self.option.path(),
        }
    }
}

impl fmt::Display for RelayMsg<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} octets", self.octets().len())
    }
}

/// Defines an option of opaque octets, at least `$least`.
macro_rules! opaque_option {
    ($(#[$meta:meta])* $name:ident, $code:ident, $least:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name<'a>(&'a [u8]);

        impl<'a> $name<'a> {
            #[doc = concat!("Takes the octets, at least ", stringify!($least), ".")]
            pub fn new(octets: &'a [u8]) -> Result<Self, ComposeError> {
                require_octets(OptionCode::$code, octets.len(), $least)?;
                Ok(Self(octets))
            }

            /// The octets, which mean something to the relay only.
            pub const fn octets(&self) -> &'a [u8] {
                self.0
            }
        }

        impl<'a> OptionView<'a> for $name<'a> {
            const CODE: OptionCode = OptionCode::$code;

            fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
                Ok(Self(option.at_least($least)?.rest()))
            }

            fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
                composer.put(self.0);
                Ok(())
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                Opaque(self.0).fmt(out)
            }
        }
    };
}

opaque_option! {
    /// INTERFACE_ID (18): the relay's port the client is on; opaque, of any length.
    /// Source: RFC 8415 §21.18 (WIRE-046).
    InterfaceId, INTERFACE_ID, 0
}

opaque_option! {
    /// SUBSCRIBER_ID (38): the relay's name for the subscriber, at least one octet.
    /// Source: RFC 4580 §2 (WIRE-049).
    SubscriberId, SUBSCRIBER_ID, 1
}

impl<'a> OptionView<'a> for RemoteIdRef<'a> {
    const CODE: OptionCode = OptionCode::REMOTE_ID;

    fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
        RemoteIdRef::parse(option)
    }

    fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
        composer.put_u32(self.enterprise());
        composer.put(self.id());
        Ok(())
    }
}

/// CLIENT_LINKLAYER_ADDR (79): the client's link-layer address as the first relay saw it.
///
/// Hardware type (2), address. Source: RFC 6939 §4 (WIRE-050).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientLinkLayerAddr<'a> {
    /// The kind of the address.
    pub hardware: HardwareType,
    /// The address, of any length.
    pub address: &'a [u8],
}

impl<'a> OptionView<'a> for ClientLinkLayerAddr<'a> {
    const CODE: OptionCode = OptionCode::CLIENT_LINKLAYER_ADDR;

    fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
        let mut reader = option.at_least(2)?;
        Ok(Self {
            hardware: HardwareType(reader.u16()?),
            address: reader.rest(),
        })
    }

    fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
        composer.put_u16(self.hardware.0);
        composer.put(self.address);
        Ok(())
    }
}

impl fmt::Display for ClientLinkLayerAddr<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.hardware, ColonHex(self.address))
    }
}

/// RSOO (66): options a relay supplies for the client. Source: RFC 6422 §3 (WIRE-053).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rsoo<'a> {
    /// The options; which of them may stand there is for the server.
    pub options: Options<'a>,
}

impl<'a> OptionView<'a> for Rsoo<'a> {
    const CODE: OptionCode = OptionCode::RSOO;

    fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
        let options = option.options()?;
        Ok(Self { options })
    }

    fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
        composer.put(self.options.octets());
        Ok(())
    }

    fn inner(&self) -> Inner<'a> {
        Inner::Options(self.options)
    }
}

impl fmt::Display for Rsoo<'_> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

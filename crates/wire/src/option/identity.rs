//! Options that hold a DUID.

use std::fmt;

use super::OptionView;
use crate::code::OptionCode;
use crate::compose::Composer;
use crate::duid::DuidRef;
use crate::error::{ComposeError, ParseError};
use crate::options::RawOption;

/// Defines an option whose body is a DUID of 1 to 130 octets (WIRE-031).
macro_rules! duid_option {
    ($(#[$meta:meta])* $name:ident, $code:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name<'a>(pub DuidRef<'a>);

        impl<'a> OptionView<'a> for $name<'a> {
            const CODE: OptionCode = OptionCode::$code;

            #[inline]
            fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
                DuidRef::parse(option).map(Self)
            }

            #[inline]
            fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
                composer.put(self.0.octets());
                Ok(())
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(out)
            }
        }
    };
}

duid_option! {
    /// CLIENTID (1): the client's DUID, or the requestor's. Source: RFC 8415 §21.2.
    ///
    /// A DUID of under 3 octets, which nobody should send, is still written: what a client sent
    /// is returned to it unchanged.
    ClientId, CLIENTID
}

duid_option! {
    /// SERVERID (2): the server's DUID. Source: RFC 8415 §21.3.
    ServerId, SERVERID
}

duid_option! {
    /// RELAY_ID (53): the DUID of the relay that added it. Source: RFC 5460 §5.4.1.
    RelayId, RELAY_ID
}

//! Options that are lists of items of one size.

use std::fmt;
use std::net::Ipv6Addr;

use super::{OptionView, require_octets};
use crate::code::OptionCode;
use crate::compose::Composer;
use crate::error::{ComposeError, ParseError};
use crate::options::RawOption;
use crate::text::show_spaced;

/// Defines an option that lists option codes, so that its length is even (WIRE-040).
macro_rules! code_list_option {
    ($(#[$meta:meta])* $name:ident, $code:ident, $method:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
        pub struct $name<'a>(&'a [u8]);

        impl<'a> $name<'a> {
            /// The codes in the order in which they stand.
            pub fn codes(&self) -> impl Iterator<Item = OptionCode> + use<'a> {
                items(self.0).map(|code| OptionCode(u16::from_be_bytes(code)))
            }

            /// Whether the code is listed.
            pub fn contains(&self, code: OptionCode) -> bool {
                self.codes().any(|listed| listed == code)
            }
        }

        impl<'a> OptionView<'a> for $name<'a> {
            const CODE: OptionCode = OptionCode::$code;

            fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
                Ok(Self(option.multiple_of(2)?.rest()))
            }

            fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
                composer.put(self.0);
                Ok(())
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                show_spaced(out, self.codes())
            }
        }

        impl Composer<'_> {
            #[doc = concat!("Adds ", stringify!($code), " with these codes.")]
            pub fn $method(&mut self, codes: &[OptionCode]) -> Result<(), ComposeError> {
                self.nested(OptionCode::$code, |composer| {
                    for code in codes {
 composer.put_u16(code.0);
 }
                    Ok(())
                })
            }
        }
    };
}

code_list_option! {
    /// ORO (6): codes of the options asked for; none asks for nothing. Source: RFC 8415 §21.7.
    Oro, ORO, oro
}

code_list_option! {
    /// ERO (43): codes of the options a relay asks to have echoed. Source: RFC 4994 §2.
    Ero, ERO, ero
}

/// Defines an option that lists addresses, so that its length is a multiple of 16.
macro_rules! address_list_option {
    ($(#[$meta:meta])* $name:ident, $code:ident, $method:ident, $least:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name<'a>(&'a [u8]);

        impl<'a> $name<'a> {
            /// The addresses in the order in which they stand.
            pub fn addresses(&self) -> impl Iterator<Item = Ipv6Addr> + use<'a> {
                items::<16>(self.0).map(Ipv6Addr::from)
            }
        }

        impl<'a> OptionView<'a> for $name<'a> {
            const CODE: OptionCode = OptionCode::$code;

            fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
                option.at_least($least)?;
                Ok(Self(option.multiple_of(16)?.rest()))
            }

            fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
                composer.put(self.0);
                Ok(())
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                show_spaced(out, self.addresses())
            }
        }

        impl Composer<'_> {
            #[doc = concat!("Adds ", stringify!($code), " with these addresses.")]
            pub fn $method(&mut self, addresses: &[Ipv6Addr]) -> Result<(), ComposeError> {
                require_octets(OptionCode::$code, addresses.len() * 16, $least)?;
                self.nested(OptionCode::$code, |composer| {
                    for address in addresses {
 composer.put_ipv6(*address);
 }
                    Ok(())
                })
            }
        }
    };
}

address_list_option! {
    /// DNS_SERVERS (23): addresses of DNS resolvers, the preferred first.
    /// Source: RFC 3646 §3 (WIRE-051).
    DnsServers, DNS_SERVERS, dns_servers, 0
}

address_list_option! {
    /// LQ_CLIENT_LINK (48): an address of each link on which the client has leases, at least one.
    /// Source: RFC 5007 §4.1.2.5 (WIRE-059).
    LqClientLink, LQ_CLIENT_LINK, lq_client_link, 16
}

/// The items of a list whose length was checked.
fn items<const N: usize>(octets: &[u8]) -> impl Iterator<Item = [u8; N]> + use<'_, N> {
    octets.as_chunks::<N>().0.iter().copied()
}

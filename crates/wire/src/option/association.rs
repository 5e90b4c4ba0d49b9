//! Identity associations and the leases in them.

use std::fmt;
use std::net::Ipv6Addr;

use super::{Inner, OptionView};
use crate::code::OptionCode;
use crate::compose::Composer;
use crate::error::{ComposeError, ParseError, ParseErrorKind};
use crate::options::{Options, RawOption};
use crate::text::Lifetime;

/// Bits of an address.
const ADDRESS_BITS: u8 = 128;

/// Defines IA_NA and IA_PD, which differ by their code only.
macro_rules! timed_association {
    ($(#[$meta:meta])* $name:ident, $code:ident, $method:ident) => {
        $(#[$meta])*
        ///
        /// ```text
        ///  0      4    8    12
        /// +------+----+----+------------
        /// | IAID | T1 | T2 | options ...
        /// +------+----+----+------------
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name<'a> {
            /// The client's name for the association, unique for its kind.
            pub iaid: u32,
            /// Seconds until the client renews; 0 leaves it to the client, `u32::MAX` is never.
            pub t1: u32,
            /// Seconds until the client rebinds; 0 leaves it to the client, `u32::MAX` is never.
            pub t2: u32,
            /// The leases, and perhaps a STATUS_CODE.
            pub options: Options<'a>,
        }

        impl<'a> OptionView<'a> for $name<'a> {
            const CODE: OptionCode = OptionCode::$code;

            fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
                let mut reader = option.at_least(12)?;
                Ok(Self {
                    iaid: reader.u32()?,
                    t1: reader.u32()?,
                    t2: reader.u32()?,
                    options: reader.options()?,
                })
            }

            fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
                composer.put_u32(self.iaid);
                composer.put_u32(self.t1);
                composer.put_u32(self.t2);
                composer.put(self.options.octets());
                Ok(())
            }

            fn inner(&self) -> Inner<'a> {
                Inner::Options(self.options)
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                let (t1, t2) = (Lifetime(self.t1), Lifetime(self.t2));
                write!(out, "iaid {:#010x} t1 {t1} t2 {t2}", self.iaid)
            }
        }

        impl Composer<'_> {
            #[doc = concat!("Adds ", stringify!($code), " with the options that `write` puts in it.")]
            pub fn $method(
                &mut self,
                iaid: u32,
                [t1, t2]: [u32; 2],
                write: impl FnOnce(&mut Self) -> Result<(), ComposeError>,
            ) -> Result<(), ComposeError> {
                self.nested(OptionCode::$code, |composer| {
                    composer.put_u32(iaid);
                    composer.put_u32(t1);
                    composer.put_u32(t2);
                    write(composer)
                })
            }
        }
    };
}

timed_association! {
    /// IA_NA (3): an association of addresses. Source: RFC 8415 §21.4 (WIRE-035).
    IaNa, IA_NA, ia_na
}

timed_association! {
    /// IA_PD (25): an association of delegated prefixes. Source: RFC 8415 §21.21 (WIRE-035).
    IaPd, IA_PD, ia_pd
}

/// IA_TA (4): an association of temporary addresses; it has no T1 or T2.
///
/// IAID (4), options. Source: RFC 8415 §21.5 (WIRE-036).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IaTa<'a> {
    /// The client's name for the association, unique among IA_TAs.
    pub iaid: u32,
    /// The leases, and perhaps a STATUS_CODE.
    pub options: Options<'a>,
}

impl<'a> OptionView<'a> for IaTa<'a> {
    const CODE: OptionCode = OptionCode::IA_TA;

    fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
        let mut reader = option.at_least(4)?;
        Ok(Self {
            iaid: reader.u32()?,
            options: reader.options()?,
        })
    }

    fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
        composer.put_u32(self.iaid);
        composer.put(self.options.octets());
        Ok(())
    }

    fn inner(&self) -> Inner<'a> {
        Inner::Options(self.options)
    }
}

impl fmt::Display for IaTa<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "iaid {:#010x}", self.iaid)
    }
}

/// IAADDR (5): an address and its lifetimes.
///
/// ```text
///  0         16                   20               24
/// +---------+--------------------+----------------+------------
/// | address | preferred-lifetime | valid-lifetime | options ...
/// +---------+--------------------+----------------+------------
/// ```
///
/// Source: RFC 8415 §21.6 (WIRE-037).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IaAddr<'a> {
    /// The address.
    pub address: Ipv6Addr,
    /// Seconds for which the address is preferred; `u32::MAX` is for ever (WIRE-028).
    pub preferred_lifetime: u32,
    /// Seconds for which the address is valid; `u32::MAX` is for ever (WIRE-028).
    pub valid_lifetime: u32,
    /// Perhaps a STATUS_CODE.
    pub options: Options<'a>,
}

impl<'a> OptionView<'a> for IaAddr<'a> {
    const CODE: OptionCode = OptionCode::IAADDR;

    #[inline]
    fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
        let mut reader = option.at_least(24)?;
        Ok(Self {
            address: reader.ipv6()?,
            preferred_lifetime: reader.u32()?,
            valid_lifetime: reader.u32()?,
            options: reader.options()?,
        })
    }

    fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
        composer.put_ipv6(self.address);
        composer.put_u32(self.preferred_lifetime);
        composer.put_u32(self.valid_lifetime);
        composer.put(self.options.octets());
        Ok(())
    }

    fn inner(&self) -> Inner<'a> {
        Inner::Options(self.options)
    }
}

impl fmt::Display for IaAddr<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let preferred = Lifetime(self.preferred_lifetime);
        let valid = Lifetime(self.valid_lifetime);
        write!(out, "{} preferred {preferred} valid {valid}", self.address)
    }
}

/// IAPREFIX (26): a delegated prefix and its lifetimes, which come first, unlike in IAADDR.
///
/// ```text
///  0                    4                8               9        25
/// +--------------------+----------------+---------------+--------+------------
/// | preferred-lifetime | valid-lifetime | prefix-length | prefix | options ...
/// +--------------------+----------------+---------------+--------+------------
/// ```
///
/// Bits past the length are cleared when read and when written (WIRE-039).
/// Source: RFC 8415 §21.22 (WIRE-038).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IaPrefix<'a> {
    /// Seconds for which the prefix is preferred; `u32::MAX` is for ever (WIRE-028).
    pub preferred_lifetime: u32,
    /// Seconds for which the prefix is valid; `u32::MAX` is for ever (WIRE-028).
    pub valid_lifetime: u32,
    /// Bits of the prefix, at most 128.
    pub prefix_len: u8,
    /// The prefix; its bits past `prefix_len` are zero in every view.
    pub prefix: Ipv6Addr,
    /// Perhaps PD_EXCLUDE or a STATUS_CODE.
    pub options: Options<'a>,
}

impl<'a> OptionView<'a> for IaPrefix<'a> {
    const CODE: OptionCode = OptionCode::IAPREFIX;

    #[inline]
    fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
        let mut reader = option.at_least(25)?;
        let preferred_lifetime = reader.u32()?;
        let valid_lifetime = reader.u32()?;
        let at_length = reader;
        let prefix_len = reader.u8()?;
        if prefix_len > ADDRESS_BITS {
            return Err(at_length.error(ParseErrorKind::PrefixLength { len: prefix_len }));
        }
        Ok(Self {
            preferred_lifetime,
            valid_lifetime,
            prefix_len,
            prefix: mask_prefix(reader.ipv6()?, prefix_len),
            options: reader.options()?,
        })
    }

    fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
        if self.prefix_len > ADDRESS_BITS {
            return Err(ComposeError::BadValue {
                code: Self::CODE,
                field: "prefix-length",
                value: usize::from(self.prefix_len),
                allowed: "at most 128",
            });
        }
        composer.put_u32(self.preferred_lifetime);
        composer.put_u32(self.valid_lifetime);
        composer.put_u8(self.prefix_len);
        composer.put_ipv6(mask_prefix(self.prefix, self.prefix_len));
        composer.put(self.options.octets());
        Ok(())
    }

    fn inner(&self) -> Inner<'a> {
        Inner::Options(self.options)
    }
}

impl fmt::Display for IaPrefix<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let preferred = Lifetime(self.preferred_lifetime);
        let valid = Lifetime(self.valid_lifetime);
        let Self {
            prefix, prefix_len, ..
        } = self;
        write!(
            out,
            "{prefix}/{prefix_len} preferred {preferred} valid {valid}"
        )
    }
}

/// The address with all bits past the first `len` cleared; 128 and above clear none (WIRE-039).
#[inline]
pub const fn mask_prefix(address: Ipv6Addr, len: u8) -> Ipv6Addr {
    let kept = match u128::MAX.checked_shr(len as u32) {
        Some(cleared) => !cleared,
        None => u128::MAX,
    };
    Ipv6Addr::from_bits(address.to_bits() & kept)
}

impl Composer<'_> {
    /// Adds IA_TA with the options that `write` puts in it.
    pub fn ia_ta(
        &mut self,
        iaid: u32,
        write: impl FnOnce(&mut Self) -> Result<(), ComposeError>,
    ) -> Result<(), ComposeError> {
        self.nested(OptionCode::IA_TA, |composer| {
            composer.put_u32(iaid);
            write(composer)
        })
    }
}

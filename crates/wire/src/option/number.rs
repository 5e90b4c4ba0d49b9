//! Options that hold one number.

use std::fmt;

use super::OptionView;
use crate::code::{DHCP_EPOCH_UNIX_SECS, OptionCode};
use crate::compose::Composer;
use crate::error::{ComposeError, ParseError};
use crate::options::RawOption;
use crate::text::Lifetime;

/// Defines an option whose body is one number in network order.
macro_rules! number_option {
    ($(#[$meta:meta])* $name:ident($number:ident), $code:ident, $value:ident => $shown:expr) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $number);

        impl<'a> OptionView<'a> for $name {
            const CODE: OptionCode = OptionCode::$code;

            #[inline]
            fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
                option.exactly(size_of::<$number>())?.$number().map(Self)
            }

            #[inline]
            fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
                composer.put(&self.0.to_be_bytes());
                Ok(())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                let $value = self.0;
                write!(out, "{}", $shown)
            }
        }
    };
}

number_option! {
    /// PREFERENCE (7): 0 to 255, 255 ends the client's waiting. Source: RFC 8415 §21.8 (WIRE-041).
    Preference(u8), PREFERENCE, value => value
}

number_option! {
    /// ELAPSED_TIME (8): hundredths of a second since the client began; 0xffff is that or more.
    /// Source: RFC 8415 §21.9 (WIRE-041).
    ElapsedTime(u16), ELAPSED_TIME, value => format_args!("{}.{:02} s", value / 100, value % 100)
}

number_option! {
    /// INFORMATION_REFRESH_TIME (32): seconds, `u32::MAX` for never. Source: RFC 8415 §21.23
    /// (WIRE-041).
    InformationRefreshTime(u32), INFORMATION_REFRESH_TIME, value => Lifetime(value)
}

number_option! {
    /// CLT_TIME (46): seconds since the server last heard the client, an age and not a date.
    /// Source: RFC 5007 §4.1.2.3 (WIRE-057).
    CltTime(u32), CLT_TIME, value => format_args!("{value} s ago")
}

number_option! {
    /// SOL_MAX_RT (82): seconds, of use from 60 to 86400. Source: RFC 8415 §21.24 (WIRE-041).
    SolMaxRt(u32), SOL_MAX_RT, value => format_args!("{value} s")
}

number_option! {
    /// INF_MAX_RT (83): seconds, of use from 60 to 86400. Source: RFC 8415 §21.25 (WIRE-041).
    InfMaxRt(u32), INF_MAX_RT, value => format_args!("{value} s")
}

number_option! {
    /// LQ_BASE_TIME (100): the server's time when it made the message, in seconds since 2000.
    /// Source: RFC 7653 §6.3.1 (WIRE-060).
    LqBaseTime(u32), LQ_BASE_TIME, value => SinceEpoch(value)
}

number_option! {
    /// LQ_START_TIME (101): only what changed at or after this, in seconds since 2000.
    /// Source: RFC 7653 §6.3.2 (WIRE-060).
    LqStartTime(u32), LQ_START_TIME, value => SinceEpoch(value)
}

number_option! {
    /// LQ_END_TIME (102): only what changed at or before this, in seconds since 2000.
    /// Source: RFC 7653 §6.3.3 (WIRE-060).
    LqEndTime(u32), LQ_END_TIME, value => SinceEpoch(value)
}

number_option! {
    /// RELAY_PORT (135): the downstream relay's UDP source port, 0 if it is 547.
    /// Source: RFC 8357 §4.
    RelayPort(u16), RELAY_PORT, value => value
}

/// The range in which SOL_MAX_RT and INF_MAX_RT are of use, in seconds.
/// Source: RFC 8415 §21.24, §21.25.
const MAX_RT_RANGE_SECS: std::ops::RangeInclusive<u32> = 60..=86_400;

impl SolMaxRt {
    /// Whether the client is to use it; others are to be ignored.
    pub fn is_in_range(self) -> bool {
        MAX_RT_RANGE_SECS.contains(&self.0)
    }
}

impl InfMaxRt {
    /// Whether the client is to use it; others are to be ignored.
    pub fn is_in_range(self) -> bool {
        MAX_RT_RANGE_SECS.contains(&self.0)
    }
}

/// Defines the turning of a time of RFC 7653 into Unix seconds and back.
macro_rules! time_conversions {
    ($($name:ident),*) => {$(
        impl $name {
            /// The option for a time in Unix seconds, modulo 2^32 seconds since 2000.
            pub const fn from_unix(unix_secs: u64) -> Self {
                Self(epoch_secs(unix_secs))
            }

            /// The time in Unix seconds that is nearest to `near`, 2^31 seconds at most away.
            pub const fn to_unix(self, near: u64) -> u64 {
                unix_secs(self.0, near)
            }
        }
    )*};
}

time_conversions!(LqBaseTime, LqStartTime, LqEndTime);

/// Seconds since 2000-01-01 00:00 UTC, which the field holds modulo 2^32.
struct SinceEpoch(u32);

impl fmt::Display for SinceEpoch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} s after 2000-01-01 00:00 UTC", self.0)
    }
}

const fn epoch_secs(unix_secs: u64) -> u32 {
    let [_, _, _, _, s1, s2, s3, s4] = unix_secs.wrapping_sub(DHCP_EPOCH_UNIX_SECS).to_be_bytes();
    u32::from_be_bytes([s1, s2, s3, s4])
}

const fn unix_secs(epoch: u32, near: u64) -> u64 {
    // As a signed number the difference modulo 2^32 is the way to the nearest such time.
    let ahead = epoch.wrapping_sub(epoch_secs(near)).cast_signed();
    near.saturating_add_signed(ahead as i64)
}

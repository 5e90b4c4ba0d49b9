//! PD_EXCLUDE.

use std::fmt;
use std::net::Ipv6Addr;

use super::{OptionView, mask_prefix};
use crate::code::OptionCode;
use crate::compose::Composer;
use crate::error::{ComposeError, ParseError, ParseErrorKind};
use crate::options::RawOption;
use crate::text::ColonHex;

/// PD_EXCLUDE (67): the part of a delegated prefix that is not delegated.
///
/// ```text
///  0               1
/// +---------------+----------------------------------------------------
/// | prefix-length | subnet ID: the bits behind the delegated prefix ...
/// +---------------+----------------------------------------------------
/// ```
///
/// The subnet ID is the excluded prefix without the bits it shares with the delegated one, shifted
/// to the left and padded with zeros to whole octets; so it can be understood only together with
/// the IAPREFIX around it, by [`excluded_from`](Self::excluded_from).
///
/// Source: RFC 6603 §4.1, §4.2 (WIRE-054).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PdExclude<'a> {
    prefix_len: u8,
    subnet_id: &'a [u8],
}

impl<'a> PdExclude<'a> {
    /// Bits of the excluded prefix, 1 to 128.
    pub const fn prefix_len(&self) -> u8 {
        self.prefix_len
    }

    /// The subnet ID, 1 to 16 octets.
    pub const fn subnet_id(&self) -> &'a [u8] {
        self.subnet_id
    }

    /// The excluded prefix, given the prefix delegated by the IAPREFIX around this option.
    ///
    /// `None`, and the option counts as absent, if the excluded prefix is not longer than the
    /// delegated one or the subnet ID has not the octets which the two lengths ask for.
    pub fn excluded_from(&self, delegated: Ipv6Addr, delegated_len: u8) -> Option<Ipv6Addr> {
        if subnet_id_octets(delegated_len, self.prefix_len)? != self.subnet_id.len() {
            return None;
        }
        let mut octets = [0; 16];
        octets
            .get_mut(..self.subnet_id.len())?
            .copy_from_slice(self.subnet_id);
        let subnet = u128::from_be_bytes(octets) >> delegated_len;
        let prefix = mask_prefix(delegated, delegated_len).to_bits() | subnet;
        Some(mask_prefix(Ipv6Addr::from_bits(prefix), self.prefix_len))
    }
}

impl<'a> OptionView<'a> for PdExclude<'a> {
    const CODE: OptionCode = OptionCode::PD_EXCLUDE;

    fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
        let mut reader = option.at_least(2)?;
        if option.data.len() > 17 {
            let len = option.data.len();
            return Err(option.error(ParseErrorKind::TooLong { len, limit: 17 }));
        }
        let at_length = reader;
        let prefix_len = reader.u8()?;
        if !(1..=128).contains(&prefix_len) {
            return Err(at_length.error(ParseErrorKind::BadValue {
                field: "prefix-length",
                value: u32::from(prefix_len),
                allowed: "1 to 128",
            }));
        }
        Ok(Self {
            prefix_len,
            subnet_id: reader.rest(),
        })
    }

    fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
        composer.put_u8(self.prefix_len);
        composer.put(self.subnet_id);
        Ok(())
    }
}

impl fmt::Display for PdExclude<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subnet_id = ColonHex(self.subnet_id);
        write!(out, "length {} subnet {subnet_id}", self.prefix_len)
    }
}

impl Composer<'_> {
    /// Adds PD_EXCLUDE, to be used inside the IAPREFIX of `delegated` (WIRE-054).
    ///
    /// Each is a prefix and its length. Fails unless `excluded` is a longer prefix in `delegated`.
    pub fn pd_exclude(
        &mut self,
        delegated: (Ipv6Addr, u8),
        excluded: (Ipv6Addr, u8),
    ) -> Result<(), ComposeError> {
        let bad = |field, value: u8, allowed| ComposeError::BadValue {
            code: OptionCode::PD_EXCLUDE,
            field,
            value: usize::from(value),
            allowed,
        };
        let (prefix, len) = excluded;
        let octets = subnet_id_octets(delegated.1, len).ok_or(bad(
            "prefix-length",
            len,
            "more than that of the delegated prefix and at most 128",
        ))?;
        if mask_prefix(prefix, delegated.1) != mask_prefix(delegated.0, delegated.1) {
            return Err(bad("prefix", len, "one inside the delegated prefix"));
        }
        let subnet = mask_prefix(prefix, len).to_bits() << delegated.1;
        self.nested(OptionCode::PD_EXCLUDE, |composer| {
            composer.put_u8(len);
            let subnet = subnet.to_be_bytes();
            composer.put(subnet.get(..octets).unwrap_or(&subnet));
            Ok(())
        })
    }
}

/// Octets of the subnet ID, 1 to 16; `None` if the excluded prefix is not the longer one.
fn subnet_id_octets(delegated_len: u8, excluded_len: u8) -> Option<usize> {
    let bits = excluded_len.checked_sub(delegated_len)?;
    let is_possible = bits > 0 && excluded_len <= 128;
    is_possible.then(|| usize::from(bits).div_ceil(8))
}

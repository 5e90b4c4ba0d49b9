//! STATUS_CODE.

use std::borrow::Cow;
use std::fmt;

use super::OptionView;
use crate::code::{OptionCode, StatusCode};
use crate::compose::Composer;
use crate::error::{ComposeError, ParseError};
use crate::options::{Options, RawOption};
use crate::text::Escaped;

/// STATUS_CODE (13): how it went, and words about it.
///
/// Code (2), message, which need not be there. Source: RFC 8415 §21.13 (WIRE-044).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusCodeOption<'a> {
    /// How it went.
    pub code: StatusCode,
    /// Words for people as they came: UTF-8 if the sender is right (WIRE-030).
    message: &'a [u8],
}

impl<'a> StatusCodeOption<'a> {
    /// What holds where the option could stand and does not (WIRE-044).
    pub const SUCCESS: StatusCodeOption<'static> = StatusCodeOption {
        code: StatusCode::SUCCESS,
        message: &[],
    };

    /// A status with words about it; NULs at their end are left away (WIRE-030).
    pub fn new(code: StatusCode, message: &'a str) -> Self {
        Self {
            code,
            message: message.trim_end_matches('\0').as_bytes(),
        }
    }

    /// The words as they came.
    pub const fn message_octets(&self) -> &'a [u8] {
        self.message
    }

    /// The words to be shown: what is no UTF-8 or cannot be printed is escaped, as `\xff` or
    /// `\n`, and NULs at the end are left away (WIRE-030).
    pub fn message(&self) -> Cow<'a, str> {
        Escaped(trim_nuls(self.message)).to_text()
    }
}

impl<'a> OptionView<'a> for StatusCodeOption<'a> {
    const CODE: OptionCode = OptionCode::STATUS_CODE;

    fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
        let mut reader = option.at_least(2)?;
        Ok(Self {
            code: StatusCode(reader.u16()?),
            message: reader.rest(),
        })
    }

    fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
        composer.put_u16(self.code.0);
        composer.put(self.message);
        Ok(())
    }
}

impl fmt::Display for StatusCodeOption<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code.fmt(out)?;
        if self.message.is_empty() {
            return Ok(());
        }
        write!(out, " \"{}\"", Escaped(trim_nuls(self.message)))
    }
}

impl<'a> Options<'a> {
    /// The status of the message or container: Success where it is not said (WIRE-044).
    pub fn status(&self) -> Result<StatusCodeOption<'a>, ParseError> {
        Ok(self.view()?.unwrap_or(StatusCodeOption::SUCCESS))
    }
}

fn trim_nuls(mut message: &[u8]) -> &[u8] {
    while let Some((0, rest)) = message.split_last() {
        message = rest;
    }
    message
}

//! AUTH.

use std::fmt;

use super::OptionView;
use crate::code::OptionCode;
use crate::compose::Composer;
use crate::error::{ComposeError, ParseError, ParseErrorKind};
use crate::options::RawOption;
use crate::text::Opaque;

/// AUTH (11): authentication.
///
/// ```text
///  0          1           2     3                  11
/// +----------+-----------+-----+------------------+-----------------
/// | protocol | algorithm | RDM | replay detection | information ...
/// +----------+-----------+-----+------------------+-----------------
/// ```
///
/// Source: RFC 8415 §21.11 (WIRE-043).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Auth<'a> {
    /// The protocol, [`Auth::RECONFIGURE_KEY_PROTOCOL`] for that of RFC 8415.
    pub protocol: u8,
    /// The algorithm, in the protocol's numbering.
    pub algorithm: u8,
    /// The replay detection method.
    pub rdm: u8,
    /// What the method needs, with method 0 a number that only grows.
    pub replay_detection: u64,
    /// What the protocol needs.
    pub information: &'a [u8],
}

/// The information of the reconfigure-key protocol: type (1), value (16).
///
/// Source: RFC 8415 §20.4.1 (WIRE-043). Not shown by `Debug` or `Display`, being a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ReconfigureKey {
    /// Type 1: the key, as a REPLY hands it to the client.
    Key([u8; 16]),
    /// Type 2: the HMAC-MD5 over a RECONFIGURE.
    HmacMd5([u8; 16]),
}

impl fmt::Debug for ReconfigureKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Key(_) => "Key(..)",
            Self::HmacMd5(_) => "HmacMd5(..)",
        })
    }
}

impl ReconfigureKey {
    /// Octets of the information.
    const OCTETS: usize = 17;
}

impl Auth<'_> {
    /// The reconfigure-key protocol. Source: RFC 8415 §20.4.
    pub const RECONFIGURE_KEY_PROTOCOL: u8 = 3;

    /// HMAC-MD5, its only algorithm.
    pub const HMAC_MD5: u8 = 1;

    /// Octets before the information.
    const FIXED_OCTETS: usize = 11;

    /// Whether this is the reconfigure-key protocol: 3, 1, 0.
    pub const fn is_reconfigure_key(&self) -> bool {
        self.protocol == Self::RECONFIGURE_KEY_PROTOCOL
            && self.algorithm == Self::HMAC_MD5
            && self.rdm == 0
    }

    /// The key or HMAC, if this is the reconfigure-key protocol.
    pub fn reconfigure_key(&self) -> Option<ReconfigureKey> {
        let (kind, value) = self.information.split_first()?;
        let value = value.try_into().ok()?;
        match (self.is_reconfigure_key(), kind) {
            (true, 1) => Some(ReconfigureKey::Key(value)),
            (true, 2) => Some(ReconfigureKey::HmacMd5(value)),
            _ => None,
        }
    }
}

impl<'a> OptionView<'a> for Auth<'a> {
    const CODE: OptionCode = OptionCode::AUTH;

    fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
        let mut reader = option.at_least(Self::FIXED_OCTETS)?;
        let mut auth = Self {
            protocol: reader.u8()?,
            algorithm: reader.u8()?,
            rdm: reader.u8()?,
            replay_detection: reader.u64()?,
            information: &[],
        };
        let at_information = reader;
        auth.information = reader.rest();
        if auth.is_reconfigure_key() && auth.reconfigure_key().is_none() {
            option.exactly(Self::FIXED_OCTETS + ReconfigureKey::OCTETS)?;
            let kind = auth.information.first().copied().unwrap_or_default();
            return Err(at_information.error(ParseErrorKind::BadValue {
                field: "type",
                value: u32::from(kind),
                allowed: "1 or 2",
            }));
        }
        Ok(auth)
    }

    fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
        composer.put(&[self.protocol, self.algorithm, self.rdm]);
        composer.put_u64(self.replay_detection);
        composer.put(self.information);
        Ok(())
    }
}

/// Keys are not shown: packet logs are read by more people than may know them.
impl fmt::Display for Auth<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "protocol {} algorithm {} rdm {} replay {:#018x} ",
            self.protocol, self.algorithm, self.rdm, self.replay_detection
        )?;
        match self.reconfigure_key() {
            Some(ReconfigureKey::Key(_)) => out.write_str("key not shown"),
            _ => Opaque(self.information).fmt(out),
        }
    }
}

impl Composer<'_> {
    /// Adds AUTH in the reconfigure-key protocol (WIRE-043).
    pub fn reconfigure_key(
        &mut self,
        replay_detection: u64,
        key: &ReconfigureKey,
    ) -> Result<(), ComposeError> {
        let (kind, value) = match key {
            ReconfigureKey::Key(value) => (1, value),
            ReconfigureKey::HmacMd5(value) => (2, value),
        };
        self.nested(OptionCode::AUTH, |composer| {
            composer.put(&[Auth::RECONFIGURE_KEY_PROTOCOL, Auth::HMAC_MD5, 0]);
            composer.put_u64(replay_detection);
            composer.put_u8(kind);
            composer.put(value);
            Ok(())
        })
    }
}

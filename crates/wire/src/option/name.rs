//! Domain names, and the options that hold them.

use std::fmt;
use std::str::FromStr;

use super::OptionView;
use crate::code::OptionCode;
use crate::compose::Composer;
use crate::error::{ComposeError, ParseError, ParseErrorKind};
use crate::options::RawOption;
use crate::reader::Reader;
use crate::text::show_spaced;

/// Octets of the longest label. Source: RFC 1035 §2.3.4 (WIRE-029).
pub(crate) const MAX_LABEL_OCTETS: u8 = 63;

/// Octets of the longest domain name, lengths and empty label counted.
/// Source: RFC 1035 §2.3.4 (WIRE-029).
pub(crate) const MAX_NAME_OCTETS: usize = 255;

/// A domain name where it lies in a message: labels, each behind its length, never compressed.
///
/// Whole names end with the empty label; a partial one, which CLIENT_FQDN may hold, does not.
/// Shown as text with dots; a dot, backslash or unprintable octet inside a label is escaped.
///
/// Source: RFC 8415 §10, RFC 1035 §3.1 (WIRE-029).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DomainNameRef<'a> {
    /// The labels that are not empty, each behind its length.
    labels: &'a [u8],
    is_partial: bool,
}

impl<'a> DomainNameRef<'a> {
    /// No labels at all, as CLIENT_FQDN holds if the client has no wish.
    pub const NONE: DomainNameRef<'static> = DomainNameRef {
        labels: &[],
        is_partial: true,
    };

    /// Reads one name; without its empty label it must reach to the end of `reader`.
    fn read(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let start = *reader;
        let mut len = 0_usize;
        let is_partial = loop {
            if reader.is_empty() {
                break true;
            }
            let at_label = *reader;
            let label_len = reader.u8()?;
            if label_len == 0 {
                break false;
            }
            if label_len > MAX_LABEL_OCTETS {
                return Err(at_label.error(ParseErrorKind::Label { len: label_len }));
            }
            let label_len = usize::from(label_len);
            let left = reader.left();
            let cut = ParseErrorKind::LabelCut {
                len: label_len,
                left,
            };
            reader.take(label_len).map_err(|_| at_label.error(cut))?;
            len += 1 + label_len;
            // The empty label, there or left out, counts: a partial name is to be completed.
            if len + 1 > MAX_NAME_OCTETS {
                return Err(start.error(ParseErrorKind::NameTooLong { len: len + 1 }));
            }
        };
        Ok(Self {
            labels: start.clone().take(len)?,
            is_partial,
        })
    }

    /// Reads one whole name.
    fn read_whole(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let start = *reader;
        let name = Self::read(reader)?;
        if name.is_partial {
            let len = name.labels.len();
            return Err(start.error(ParseErrorKind::NameUnfinished { len }));
        }
        Ok(name)
    }

    /// The labels, the empty one at the end not among them.
    pub fn labels(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.labels;
        std::iter::from_fn(move || {
            let (&len, after) = rest.split_first()?;
            let (label, after) = after.split_at_checked(usize::from(len))?;
            rest = after;
            Some(label)
        })
    }

    /// Whether the empty label at the end is missing.
    pub const fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// Whether there are no labels.
    pub const fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    fn compose(&self, composer: &mut Composer<'_>) {
        composer.put(self.labels);
        if !self.is_partial {
            composer.put_u8(0);
        }
    }
}

/// With a dot at the end if the name is whole, and without if it is partial.
impl fmt::Display for DomainNameRef<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for label in self.labels() {
            out.write_str(between)?;
            for &octet in label {
                match octet {
                    b'.' | b'\\' => write!(out, "\\{}", char::from(octet))?,
                    b'!'..=b'~' => write!(out, "{}", char::from(octet))?,
                    _ => write!(out, "\\{octet:03}")?,
                }
            }
            between = ".";
        }
        if self.is_partial {
            return Ok(());
        }
        out.write_str(".")
    }
}

/// A domain name that lives on its own; see [`DomainNameRef`].
///
/// Read from text as [`DomainNameRef`] shows it: a dot at the end makes it whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DomainName {
    labels: Box<[u8]>,
    is_partial: bool,
}

impl DomainName {
    /// The same, borrowed.
    pub fn as_name_ref(&self) -> DomainNameRef<'_> {
        DomainNameRef {
            labels: &self.labels,
            is_partial: self.is_partial,
        }
    }

    /// The same name with the empty label at its end.
    #[must_use]
    pub fn into_whole(self) -> Self {
        Self {
            is_partial: false,
            ..self
        }
    }
}

impl From<DomainNameRef<'_>> for DomainName {
    fn from(name: DomainNameRef<'_>) -> Self {
        Self {
            labels: name.labels.into(),
            is_partial: name.is_partial,
        }
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_name_ref().fmt(out)
    }
}

impl FromStr for DomainName {
    type Err = DomainNameError;

    fn from_str(text: &str) -> Result<Self, DomainNameError> {
        if text == "." || text.is_empty() {
            return Ok(Self {
                labels: Box::default(),
                is_partial: text.is_empty(),
            });
        }
        let mut octets = text.bytes();
        let mut labels = Vec::new();
        let mut label = Vec::new();
        let mut is_partial = true;
        while let Some(octet) = octets.next() {
            is_partial = octet != b'.';
            match octet {
                b'.' => finish_label(&mut labels, &mut label)?,
                b'\\' => label.push(escaped(&mut octets).ok_or(DomainNameError::Escape)?),
                _ => label.push(octet),
            }
        }
        if is_partial {
            finish_label(&mut labels, &mut label)?;
        }
        let len = labels.len() + 1;
        if len > MAX_NAME_OCTETS {
            return Err(DomainNameError::TooLong { len });
        }
        Ok(Self {
            labels: labels.into(),
            is_partial,
        })
    }
}

/// Why a text is no domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DomainNameError {
    /// Two dots together, or one at the beginning.
    #[error("a label is 0 octets, at least 1 needed")]
    EmptyLabel,
    /// A label longer than its length can say.
    #[error("a label is {len} octets, at most 63 allowed")]
    LabelTooLong {
        /// Octets of the label.
        len: usize,
    },
    /// A name of more octets than one may have.
    #[error("domain name is {len} octets with its label lengths, at most 255 allowed")]
    TooLong {
        /// Octets of the name.
        len: usize,
    },
    /// A backslash without what it escapes.
    #[error("a backslash must be followed by a character or by three digits of at most 255")]
    Escape,
}

fn finish_label(labels: &mut Vec<u8>, label: &mut Vec<u8>) -> Result<(), DomainNameError> {
    let len = label.len();
    match u8::try_from(len) {
        Ok(0) => Err(DomainNameError::EmptyLabel),
        Ok(octet) if octet <= MAX_LABEL_OCTETS => {
            labels.push(octet);
            labels.append(label);
            Ok(())
        }
        _ => Err(DomainNameError::LabelTooLong { len }),
    }
}

/// What a backslash stands for: three digits of an octet, or the next character.
fn escaped(octets: &mut std::str::Bytes<'_>) -> Option<u8> {
    let first = octets.next()?;
    if !first.is_ascii_digit() {
        return Some(first);
    }
    let digits = [first, octets.next()?, octets.next()?];
    let digits = str::from_utf8(&digits).ok()?;
    digits
        .bytes()
        .all(|digit| digit.is_ascii_digit())
        .then(|| digits.parse().ok())
        .flatten()
}

/// DOMAIN_LIST (24): domains to search, whole names one after the other.
/// Source: RFC 3646 §4 (WIRE-051).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomainList<'a>(Reader<'a>);

impl<'a> DomainList<'a> {
    /// The names in the order in which they stand.
    pub fn names(&self) -> impl Iterator<Item = DomainNameRef<'a>> + use<'a> {
        let mut reader = self.0;
        std::iter::from_fn(move || {
            (!reader.is_empty())
                .then(|| DomainNameRef::read(&mut reader).ok())
                .flatten()
        })
    }
}

impl<'a> OptionView<'a> for DomainList<'a> {
    const CODE: OptionCode = OptionCode::DOMAIN_LIST;

    fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
        let mut reader = option.reader();
        while !reader.is_empty() {
            DomainNameRef::read_whole(&mut reader)?;
        }
        Ok(Self(option.reader()))
    }

    fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
        composer.put(self.0.clone().rest());
        Ok(())
    }
}

impl fmt::Display for DomainList<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        show_spaced(out, self.names())
    }
}

/// CLIENT_FQDN (39): the client's domain name, and who updates the DNS.
///
/// ```text
///  0            1
/// +------------+-----------------
/// | 0…0 N O S  | domain-name ...
/// +------------+-----------------
/// ```
///
/// Source: RFC 4704 §4 (WIRE-052).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientFqdn<'a> {
    /// S, 0x01: the server updates the AAAA record.
    pub server_updates: bool,
    /// O, 0x02: the server has set S against the client's wish.
    pub is_overridden: bool,
    /// N, 0x04: the server updates nothing.
    pub no_update: bool,
    /// The name, partial if it lacks the final empty label.
    pub name: DomainNameRef<'a>,
}

impl ClientFqdn<'_> {
    const S: u8 = 0x01;
    const O: u8 = 0x02;
    const N: u8 = 0x04;
}

impl<'a> OptionView<'a> for ClientFqdn<'a> {
    const CODE: OptionCode = OptionCode::CLIENT_FQDN;

    fn parse(option: RawOption<'a>) -> Result<Self, ParseError> {
        let mut reader = option.at_least(1)?;
        let flags = reader.u8()?;
        let name = DomainNameRef::read(&mut reader)?;
        reader.finish()?;
        Ok(Self {
            server_updates: flags & Self::S != 0,
            is_overridden: flags & Self::O != 0,
            no_update: flags & Self::N != 0,
            name,
        })
    }

    fn compose_data(&self, composer: &mut Composer<'_>) -> Result<(), ComposeError> {
        let flag = |is_set, flag| if is_set { flag } else { 0 };
        composer.put_u8(
            flag(self.server_updates, Self::S)
                | flag(self.is_overridden, Self::O)
                | flag(self.no_update, Self::N),
        );
        self.name.compose(composer);
        Ok(())
    }
}

impl fmt::Display for ClientFqdn<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flag = |is_set, name| if is_set { name } else { "" };
        write!(
            out,
            "flags {}{}{} name {}",
            flag(self.no_update, "N"),
            flag(self.is_overridden, "O"),
            flag(self.server_updates, "S"),
            self.name
        )
    }
}

impl Composer<'_> {
    /// Adds DOMAIN_LIST with these names, each made whole.
    pub fn domain_list(&mut self, names: &[DomainName]) -> Result<(), ComposeError> {
        self.nested(OptionCode::DOMAIN_LIST, |composer| {
            for name in names {
                composer.put(&name.labels);
                composer.put_u8(0);
            }
            Ok(())
        })
    }
}

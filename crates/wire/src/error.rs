//! What is wrong with octets that were read, or with values that were to be written.

use std::fmt;

use crate::code::{MessageType, OptionCode};

/// Octets that are no message, or no such option: the peer's fault.
///
/// Shown as one sentence with the place and both numbers:
/// `octet 57, CLIENT_DATA > IAPREFIX: option-len is 12, at least 25 needed` (WIRE-016).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The octet, counted from the start of the message: of an option whose length is wrong its
    /// first, otherwise of the field at fault.
    pub offset: usize,
    /// The options around that octet, outermost first.
    pub path: OptionPath,
    /// What is wrong there.
    pub kind: ParseErrorKind,
}

impl ParseError {
    /// An error at `offset` inside the options of `path`.
    pub const fn new(offset: usize, path: OptionPath, kind: ParseErrorKind) -> Self {
        Self { offset, path, kind }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            write!(out, "octet {}: {}", self.offset, self.kind)
        } else {
            write!(out, "octet {}, {}: {}", self.offset, self.path, self.kind)
        }
    }
}

impl std::error::Error for ParseError {}

/// What is wrong at the place a [`ParseError`] names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// Fewer octets than the message's header has (WIRE-011).
    #[error("message is {len} octets, at least {needed} needed")]
    MessageTooShort {
        /// Octets there are.
        len: usize,
        /// Octets of the header.
        needed: usize,
    },
    /// Octets where an option should begin, but too few for its header (WIRE-019).
    #[error("{left} octets left, an option header needs 4")]
    HeaderCut {
        /// Octets there are, 1 to 3.
        left: usize,
    },
    /// An option longer than what encloses it (WIRE-019).
    #[error("option-len is {len}, {left} octets left")]
    Overrun {
        /// What option-len says.
        len: usize,
        /// Octets behind the option's header.
        left: usize,
    },
    /// More options than any message can hold.
    #[error("more than {limit} options")]
    TooManyOptions {
        /// The bound.
        limit: usize,
    },
    /// Shorter than the option's fixed fields.
    #[error("option-len is {len}, at least {needed} needed")]
    TooShort {
        /// What option-len says.
        len: usize,
        /// The least the format allows.
        needed: usize,
    },
    /// Longer than the option's format allows.
    #[error("option-len is {len}, at most {limit} allowed")]
    TooLong {
        /// What option-len says.
        len: usize,
        /// The most the format allows.
        limit: usize,
    },
    /// Not the one length the option has.
    #[error("option-len is {len}, {needed} needed")]
    WrongLength {
        /// What option-len says.
        len: usize,
        /// The option's length.
        needed: usize,
    },
    /// Not a whole number of items.
    #[error("option-len is {len}, a multiple of {unit} needed")]
    NotMultiple {
        /// What option-len says.
        len: usize,
        /// Octets of one item.
        unit: usize,
    },
    /// A field that ends behind its option.
    #[error("{left} octets left, {needed} needed")]
    FieldCut {
        /// Octets there are.
        left: usize,
        /// Octets of the field.
        needed: usize,
    },
    /// Octets left where all should have been read.
    #[error("{left} octets left, 0 needed")]
    Trailing {
        /// How many.
        left: usize,
    },
    /// A counted item, of USER_CLASS or VENDOR_CLASS, longer than the option (WIRE-045).
    #[error("item length is {len}, {left} octets left")]
    ItemOverrun {
        /// What the item's length says.
        len: usize,
        /// Octets behind it.
        left: usize,
    },
    /// More bits than an address has (WIRE-039).
    #[error("prefix-length is {len}, at most 128 allowed")]
    PrefixLength {
        /// What prefix-length says.
        len: u8,
    },
    /// A label that is a compression pointer or longer than 63 octets (WIRE-029).
    #[error("label length is {len}, at most 63 allowed")]
    Label {
        /// The octet that should be a length.
        len: u8,
    },
    /// A label that ends behind the option (WIRE-029).
    #[error("label length is {len}, {left} octets left")]
    LabelCut {
        /// What the label's length says.
        len: usize,
        /// Octets behind it.
        left: usize,
    },
    /// A domain name of more octets than one may have (WIRE-029).
    #[error("domain name is {len} octets, at most 255 allowed")]
    NameTooLong {
        /// Octets so far.
        len: usize,
    },
    /// A domain name without the empty label at its end, where one is needed (WIRE-029).
    #[error("domain name ends after {len} octets without the empty label, 1 octet needed")]
    NameUnfinished {
        /// Octets of the name.
        len: usize,
    },
    /// A value its field may not have.
    #[error("{field} is {value}, {allowed} needed")]
    BadValue {
        /// The RFC's name of the field.
        field: &'static str,
        /// What it holds.
        value: u32,
        /// What it may hold, in words.
        allowed: &'static str,
    },
    /// A relay message with nothing to relay (WIRE-014).
    #[error("0 RELAY_MSG options, 1 needed")]
    RelayMessageMissing,
    /// Another message where only a relay message can stand (WIRE-058).
    #[error("msg-type is {}, {} ({}) needed", found.0, needed, needed.0)]
    WrongMessageType {
        /// What stands there.
        found: MessageType,
        /// What belongs there.
        needed: MessageType,
    },
    /// Messages in messages beyond the bound (WIRE-015).
    #[error("more than {limit} levels of nesting")]
    TooDeep {
        /// The bound.
        limit: usize,
    },
}

/// The options around a place in a message, outermost first, as in `CLIENT_DATA > IAPREFIX`.
///
/// Fixed size, so that errors need no memory; of more than seven the outermost are only counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct OptionPath {
    codes: [u16; OptionPath::KEPT],
    len: u8,
    left_out: u8,
}

impl OptionPath {
    /// Options that are kept by code.
    const KEPT: usize = 7;

    /// Not inside any option.
    pub const ROOT: Self = Self {
        codes: [0; Self::KEPT],
        len: 0,
        left_out: 0,
    };

    /// This path, one option further in.
    #[must_use]
    #[inline]
    pub fn then(mut self, code: OptionCode) -> Self {
        if let Some(free) = self.codes.get_mut(usize::from(self.len)) {
            *free = code.0;
            self.len += 1;
        } else {
            self.codes.rotate_left(1);
            if let Some(last) = self.codes.last_mut() {
                *last = code.0;
            }
            self.left_out = self.left_out.saturating_add(1);
        }
        self
    }

    /// Whether the place is in no option.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The codes kept, outermost first.
    pub fn codes(&self) -> impl Iterator<Item = OptionCode> + '_ {
        self.codes
            .iter()
            .take(usize::from(self.len))
            .copied()
            .map(OptionCode)
    }

    /// How many outermost options are not kept by code.
    pub const fn left_out(&self) -> u8 {
        self.left_out
    }
}

impl fmt::Display for OptionPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        if self.left_out > 0 {
            write!(out, "{} more", self.left_out)?;
            between = " > ";
        }
        for code in self.codes() {
            write!(out, "{between}{code}")?;
            between = " > ";
        }
        Ok(())
    }
}

impl fmt::Debug for OptionPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "OptionPath({self})")
    }
}

/// A value that does not fit its field; nothing of it was written (WIRE-017).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComposeError {
    /// More octets than option-len can say.
    #[error("{code} would be {len} octets, at most 65535 fit")]
    OptionTooLong {
        /// The option.
        code: OptionCode,
        /// Octets of its data.
        len: usize,
    },
    /// Fewer octets than the option's format needs.
    #[error("{code} would be {len} octets, at least {needed} needed")]
    OptionTooShort {
        /// The option.
        code: OptionCode,
        /// Octets of its data.
        len: usize,
        /// The least the format allows.
        needed: usize,
    },
    /// More octets than one message may have.
    #[error("message would be {len} octets, at most {limit} fit")]
    MessageTooLong {
        /// Octets of the message.
        len: usize,
        /// The bound.
        limit: usize,
    },
    /// A value that its field cannot or must not hold.
    #[error("{code}: {field} would be {value}, {allowed} needed")]
    BadValue {
        /// The option.
        code: OptionCode,
        /// The RFC's name of the field.
        field: &'static str,
        /// The value.
        value: usize,
        /// What it may be, in words.
        allowed: &'static str,
    },
    /// Octets that were to be rewritten, but could not be read.
    #[error("{0}")]
    Source(#[from] ParseError),
}

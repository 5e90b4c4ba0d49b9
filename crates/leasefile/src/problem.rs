//! What is wrong with a file, told so that an operator finds the place.
//!
//! Reading never stops at a bad line: the line is handed to the caller's report as a
//! [`Problem`] and skipped. Only a file that cannot be read at all ends with a
//! [`ReadError`].

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

/// One thing wrong with one line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: Arc<Path>,
    /// The line, from 1.
    pub line: u64,
    /// The column or key whose value is wrong; none if the line as a whole is.
    pub field: Option<&'static str>,
    /// What is wrong.
    pub fault: Fault,
    /// What was done about it.
    pub effect: Effect,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file.display(), self.line)?;
        if let Some(field) = self.field {
            write!(f, "{field}: ")?;
        }
        write!(f, "{}; {}", self.fault, self.effect)
    }
}

/// What was done about a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The line, or the lease in it, was left out.
    Skipped,
    /// The lease was kept, but without its relay data.
    RelayDropped,
    /// The lease was kept, but without this field.
    FieldDropped,
    /// The lease was kept whole.
    Kept,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Skipped => "skipped",
            Self::RelayDropped => "lease kept without its relay data",
            Self::FieldDropped => "lease kept without it",
            Self::Kept => "lease kept",
        })
    }
}

/// What can be wrong with a line, a lease or a field.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// The file ends within the line: whoever wrote it was stopped.
    #[error("the file ends within this line, which has {found} of {expected} columns")]
    Torn {
        /// Columns found.
        found: usize,
        /// Columns the header promises.
        expected: usize,
    },
    /// The last line is whole but has no newline.
    #[error("the last line does not end with a newline; it may have been cut off")]
    NoNewline,
    /// The file ends within a block.
    #[error("the file ends within the block that begins here")]
    TornBlock,
    /// Another count of columns than the header's.
    #[error("{found} columns where the header has {expected}")]
    ColumnCount {
        /// Columns found.
        found: usize,
        /// Columns the header promises.
        expected: usize,
    },
    /// The line is longer than any lease can be.
    #[error("line of more than {limit} octets")]
    LineTooLong {
        /// The longest line read.
        limit: usize,
    },
    /// Not a number in range.
    #[error("`{value}` is not a number from 0 to {max}")]
    NotANumber {
        /// The beginning of what stands there.
        value: String,
        /// The largest number allowed.
        max: u64,
    },
    /// Not an IPv6 address.
    #[error("`{value}` is not an IPv6 address")]
    NotAnAddress {
        /// The beginning of what stands there.
        value: String,
    },
    /// Not a DUID of 1 to 130 octets in hex.
    #[error("`{value}` is not a DUID of 1 to 130 octets in hex")]
    NotADuid {
        /// The beginning of what stands there.
        value: String,
    },
    /// A DUID of zeroes on a lease that is not declined.
    #[error("only a declined lease may have the empty DUID")]
    EmptyDuid,
    /// A value that means nothing.
    #[error("`{value}` is not {expected}")]
    NotOneOf {
        /// The beginning of what stands there.
        value: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// A prefix length above 128 or of 0.
    #[error("`{value}` is not a prefix length from 1 to 128")]
    NotAPrefixLength {
        /// The beginning of what stands there.
        value: String,
    },
    /// The prefix has bits set behind its length.
    #[error("the prefix has bits set behind its length of {len}; they are cleared")]
    BitsBehindPrefix {
        /// The prefix length.
        len: u8,
    },
    /// The lease would have begun before 1970.
    #[error("it ends at {expire}, before its own valid lifetime of {valid} s could have begun")]
    EndsBeforeBegin {
        /// The end, Unix seconds.
        expire: u64,
        /// The valid lifetime in seconds.
        valid: u32,
    },
    /// Hardware address not readable.
    #[error("`{value}` is not a hardware address in hex")]
    NotAHardwareAddress {
        /// The beginning of what stands there.
        value: String,
    },
    /// The relay data cannot be understood.
    #[error("{0}")]
    Relay(#[from] RelayFault),
    /// Not the JSON it should be.
    #[error("{0}")]
    Json(String),
    /// Octets that are not the part of a DHCPv6 message they should be.
    #[error("not {expected}: {fault}")]
    NotWire {
        /// What they should be.
        expected: &'static str,
        /// What the codec says, with the offset.
        fault: String,
    },
    /// A statement that does not belong there.
    #[error("expected {expected}, found `{found}`")]
    Unexpected {
        /// What may stand there.
        expected: &'static str,
        /// The beginning of what stands there.
        found: String,
    },
    /// Something a lease needs is missing.
    #[error("missing")]
    Missing,
}

/// What can be wrong with stored relay data.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RelayFault {
    /// The user context is not a JSON object.
    #[error("not a JSON object: {0}")]
    NotJson(String),
    /// The relay info is not a list with at least one element.
    #[error("the relay info is not a list of relays")]
    NotAList,
    /// More relays than a message can have passed.
    #[error("{0} relays; a message passes 32 at most")]
    TooMany(usize),
    /// An element without a usable value.
    #[error("relay {index} from the outside has no usable `{key}`")]
    Element {
        /// The relay, from 0, in the order of the file.
        index: usize,
        /// The key.
        key: &'static str,
    },
    /// Options that do not end where they should.
    #[error("relay {index} from the outside: its options are cut off at octet {offset}")]
    Options {
        /// The relay, from 0, in the order of the file.
        index: usize,
        /// The octet of the options at which reading failed.
        offset: usize,
    },
    /// The chain would not fit a message.
    #[error("the relays' options add up to more than a message holds")]
    TooLong,
}

/// Why a file could not be read, or not to its end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The operating system refused.
    #[error("cannot {doing} {}: {source}", file.display())]
    Io {
        /// What was being done: `open`, `read`, ...
        doing: &'static str,
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The header of a Kea lease file lacks a column that every version has.
    #[error("{}:1: the header has no column `{column}`; is this a DHCPv6 lease file of Kea?", file.display())]
    MissingColumn {
        /// The file.
        file: PathBuf,
        /// The column.
        column: &'static str,
    },
    /// Two columns of one name.
    #[error("{}:1: the header has the column `{column}` twice", file.display())]
    DoubleColumn {
        /// The file.
        file: PathBuf,
        /// The column.
        column: String,
    },
    /// No format knows how to read it.
    #[error("{}: not a lease file: neither Kea's CSV, nor ISC dhcpd6.leases, nor JSON lines", file.display())]
    UnknownFormat {
        /// The file.
        file: PathBuf,
    },
    /// Kea moved its files again and again while they were being opened.
    #[error("{}: Kea's lease file cleanup keeps moving the files; try again when it has finished", file.display())]
    FilesMoving {
        /// The main lease file.
        file: PathBuf,
    },
}

/// Where readers hand what they find wrong; any closure will do.
pub type Report<'a> = dyn FnMut(Problem) + 'a;

//! Why a configuration of Kea could not be read.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;

/// A place in a configuration, which may be spread over included files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Arc<Path>,
    /// The line, from 1.
    pub line: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// Why a configuration of Kea could not be read.
///
/// What is readable but cannot be carried over is no error; it is listed
/// ([`crate::kea_config::NotCarried`]).
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The configuration, or a file it includes, cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Io {
        /// The file.
        file: Arc<Path>,
        /// What the operating system said.
        source: io::Error,
    },
    /// An included file cannot be read.
    #[error("{place}: cannot read the included file {}: {source}", file.display())]
    Include {
        /// Where it is included.
        place: Place,
        /// The file.
        file: Arc<Path>,
        /// What the operating system said.
        source: io::Error,
    },
    /// Files include each other too deeply, or themselves.
    #[error("{place}: more than {limit} files include each other")]
    IncludesTooDeep {
        /// Where the last one is included.
        place: Place,
        /// The most that is read.
        limit: usize,
    },
    /// Included files are too large in all.
    #[error("{place}: the included files make more than {limit} octets")]
    TooLarge {
        /// Where the last one is included.
        place: Place,
        /// The most that is read.
        limit: usize,
    },
    /// Not JSON as Kea understands it.
    #[error("{place}: {what}")]
    Syntax {
        /// Where.
        place: Place,
        /// What is wrong.
        what: String,
    },
    /// A value is not what Kea takes there.
    #[error("{place}: {key}: {what}")]
    Value {
        /// Where.
        place: Place,
        /// The path of keys to it.
        key: String,
        /// What is wrong.
        what: String,
    },
    /// There is no `Dhcp6` in it.
    #[error("{}: has no `Dhcp6`; is this the configuration of Kea's DHCPv6 server?", file.display())]
    NoDhcp6 {
        /// The file.
        file: Arc<Path>,
    },
}

//! The configuration: `leasebook.toml`, read, judged and made ready to use.
//!
//! ```text
//!  text ──► file types (`file`, `values`) ──► resolve ──► Config (`runtime`) ──► print
//!            serde, spans kept                 ranges,        what the rest
//!            unknown keys refused              cross checks,  of the program
//!                                              defaults       sees
//! ```
//!
//! Nothing is trimmed or guessed: what is out of range, unknown, given twice or
//! contradictory is an error that names file, line and column, says what is wrong and what
//! would be right. What is allowed but probably not meant is a [`Warning`].
//!
//! The doc comments of the file types are the commented example file, word for word
//! ([`example`]); tests hold `packaging/leasebook.toml.example` and
//! `docs/configuration.md` equal to it, and hold every default and range stated there
//! against the code.

mod check;
mod error;
mod file;
mod named;
mod print;
pub mod relay;
mod resolve;
mod runtime;
#[cfg(test)]
mod tests;
mod values;

pub use error::{ConfigError, Problem, Warning};
pub use print::{effective, example};
pub use runtime::{
    Allow, Bulk, Config, Dhcp, LinkConfig, Listen, Log, LogClients, LogFormat, LogLevel, QueryKind,
    QueryKinds, Timers, Unlisted,
};

pub use values::UdpAddress;

use std::path::Path;

/// A configuration with what is to be said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded<T = Config> {
    /// What is in force.
    pub config: T,
    /// What is allowed but probably not meant, in the order of the file.
    pub warnings: Vec<Warning>,
}

/// Reads and resolves the configuration file at `path`.
pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
    parse(&read(path)?, path)
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })
}

/// Resolves the text of a configuration file; `path` is for messages alone.
pub fn parse(text: &str, path: &Path) -> Result<Loaded, ConfigError> {
    let file: file::File = toml::from_str(text)
        .map_err(|error| ConfigError::Wrong(vec![error::of_toml(&error, text, path)]))?;
    let mut findings = error::Findings::new(text, path);
    let config = resolve::resolve(&file, &mut findings);
    if findings.problems.is_empty() {
        check::warn(&file, &config, &mut findings);
    }
    findings.finish(config)
}

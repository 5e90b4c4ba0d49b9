//! The configuration of Kea's DHCPv6 server, and what of it leasebook can take over.
//!
//! ```text
//! kea-dhcp6.conf -> tokens -> json (a tree with places) -> KeaConfig -> leasebook.toml
//!                                                       \-> what cannot be carried over
//! ```
//! | module | its room |
//! |---|---|
//! | `tokens`, `json` | Kea's dialect of JSON, with includes |
//! | `section` | a map whose keys are taken one by one; the rest is not carried |
//! | `read`, `links`, `classes`, `reservations`, `hooks` | the settings, the links, who is told apart |
//! | `options`, `definitions`, `option_value` | options for clients, what they hold, and their values |
//! | `expression` | tests of classes |
//! | `keywords` | what becomes of each of Kea's keywords |
//! | `model` | the result |
//! | `toml`, `settings`, `write` | leasebook.toml from it |
//!
//! Comments and user contexts have no effect on a server and are passed over.

mod classes;
mod definitions;
mod error;
mod expression;
mod hooks;
mod json;
mod keywords;
mod links;
mod model;
mod option_value;
mod options;
mod read;
mod reservations;
mod section;
mod settings;
mod tokens;
mod toml;
mod write;

use std::io;
use std::path::Path;
use std::sync::Arc;

pub use error::{ConfigError, Place};
pub use keywords::{Fate, KEYWORDS, Keyword, keyword_table};
pub use model::{
    Class, KeaConfig, KeaOption, LeaseDatabase, LeaseQuery, Lifetimes, Link, Modes, NotCarried,
    OptionValue, PdPool, Pool, Range, Reservation, Settings, Subnet,
};
pub use toml::to_leasebook_toml;

/// Reads the configuration `file` with the files it includes.
///
/// # Errors
/// If a file cannot be read, is not what Kea takes, or has no `Dhcp6`; with file and line.
pub fn read_kea_config(file: &Path) -> Result<KeaConfig, ConfigError> {
    let octets = std::fs::read(file).map_err(|source| ConfigError::Io {
        file: file.into(),
        source,
    })?;
    parse_kea_config(file, &octets, &mut |included| std::fs::read(included))
}

/// Reads a configuration from octets; `file` names it in errors, and `load` gives the
/// octets of included files.
///
/// # Errors
/// As [`read_kea_config`].
pub fn parse_kea_config(
    file: &Path,
    octets: &[u8],
    load: &mut dyn FnMut(&Path) -> io::Result<Vec<u8>>,
) -> Result<KeaConfig, ConfigError> {
    let file: Arc<Path> = file.into();
    let root = json::parse(Arc::clone(&file), octets.to_vec(), load)?;
    read::read(&root, &file)
}

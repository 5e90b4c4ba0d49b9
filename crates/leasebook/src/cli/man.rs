//! `leasebook man`: manual pages.

use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;

use crate::exit::Exit;

/// How it is used.
const EXAMPLES: &str = "\
Examples:
  leasebook man | man -l -
  leasebook man --out /usr/local/share/man/man1";

/// Print the manual page, or write one for each command.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Write the pages of all commands into this directory, which must exist.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints or writes them.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    if let Some(directory) = &args.out {
        clap_mangen::generate_to(super::description(), directory)
            .with_context(|| format!("cannot write manual pages to {}", directory.display()))?;
    } else {
        let mut page = Vec::new();
        clap_mangen::Man::new(super::description()).render(&mut page)?;
        io::stdout().lock().write_all(&page)?;
    }
    Ok(Exit::Complete)
}

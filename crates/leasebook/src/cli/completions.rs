//! `leasebook completions`: for shells.

use std::io::{self, Write as _};

use clap_complete::Shell;

use crate::exit::Exit;

/// How it is used.
const EXAMPLES: &str = "\
Examples:
  leasebook completions bash > /etc/bash_completion.d/leasebook
  leasebook completions zsh > ~/.zfunc/_leasebook";

/// Print completions for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The shell.
    shell: Shell,
}

/// Prints them.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    // Made in memory first: the generator panics where its output is closed.
    let mut text = Vec::new();
    clap_complete::generate(
        args.shell,
        &mut super::description(),
        "leasebook",
        &mut text,
    );
    io::stdout().lock().write_all(&text)?;
    Ok(Exit::Complete)
}

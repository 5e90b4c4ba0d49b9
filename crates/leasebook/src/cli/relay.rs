//! `leasebook relay`: not in this version, and says so.

use std::path::PathBuf;

use crate::exit::Exit;

/// Run the delegating relay (not in this version).
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The relay's configuration file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Says that there is no relay yet.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let _ = &args.config;
    Err(super::not_in_this_version("the delegating relay"))
}

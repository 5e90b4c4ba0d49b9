//! `leasebook demo`: a server with sample bindings, a query, and what to try next.

use crate::exit::Exit;

/// How to go on.
const EXAMPLES: &str = "\
Examples:
  leasebook demo
  leasebook demo --bindings 1000000 --keep";

/// Start a server with sample bindings on this machine and query it.
///
/// Shows what came, how fast, and what to try next. Needs no configuration, no privileges and no network: ports are chosen by the system and
/// the store is in a temporary directory.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// How many sample bindings to make.
    #[arg(long, value_name = "COUNT", default_value_t = 100_000,
        value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    bindings: u32,
    /// Leave the server running until interrupted, to query it yourself.
    #[arg(long)]
    keep: bool,
}

/// Runs the demonstration.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let _ = (args.bindings, args.keep);
    Err(super::not_in_this_version("the demonstration"))
}

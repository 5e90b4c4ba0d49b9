//! `leasebook leases stats`: how much there is.

use crate::exit::Exit;

/// How it is used.
const EXAMPLES: &str = "\
Examples:
  leasebook leases stats --data /var/lib/leasebook";

/// Count bindings, leases and octets, by link.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Which store.
    #[command(flatten)]
    store: super::Store,
}

/// Counts.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let _ = &args.store;
    Err(super::super::not_in_this_version("the statistics"))
}

//! `leasebook leases show`: all about one client, address or prefix.

use crate::exit::Exit;

/// How it is used.
const EXAMPLES: &str = "\
Examples:
  leasebook leases show 3fff:100::1 --data /var/lib/leasebook
  leasebook leases show 00:03:00:01:02:00:5e:10:00:01 --config leasebook.toml";

/// Show all about one client, address or prefix: leases, times, relays, options.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// An address, a prefix, or a client's DUID in hex.
    value: String,
    /// Which store.
    #[command(flatten)]
    store: super::Store,
}

/// Shows it.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let _ = (&args.value, &args.store);
    Err(super::super::not_in_this_version("showing leases"))
}

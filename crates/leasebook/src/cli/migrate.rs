//! `leasebook migrate`: another server's configuration as ours.

use std::path::PathBuf;

use clap::Subcommand;

use crate::exit::Exit;

/// How it is used.
const EXAMPLES: &str = "\
Examples:
  leasebook migrate kea --config /etc/kea/kea-dhcp6.conf --out leasebook.toml
  leasebook check --config leasebook.toml
  leasebook leases import /var/lib/kea/kea-leases6.csv --config leasebook.toml";

/// Take over the configuration of another server.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// From which server.
    #[command(subcommand)]
    from: From,
}

/// The servers whose configuration can be read.
#[derive(Debug, Subcommand)]
enum From {
    /// From Kea: subnets, pools, pd-pools, requesters, server-id, timers.
    ///
    /// What cannot be carried over is listed on standard error, with its place in the file.
    #[command(after_help = EXAMPLES)]
    Kea {
        /// Kea's configuration, kea-dhcp6.conf.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The file to write; it must not exist yet. Standard output if left out.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Write over a file that exists.
        #[arg(long, requires = "out")]
        force: bool,
    },
}

/// Reads the other server's configuration and writes ours.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let From::Kea { config, out, force } = &args.from;
    let _ = (config, out, force);
    Err(super::not_in_this_version("the migration"))
}

//! `leasebook leases import`: from other servers' files into the store.

use std::path::PathBuf;

use crate::exit::Exit;

/// How it is used.
const EXAMPLES: &str = "\
Examples:
  leasebook leases import /var/lib/kea/kea-leases6.csv --config leasebook.toml
  leasebook leases import dhcpd6.leases --config leasebook.toml --data ./data

Importing the same file again changes nothing. Lines that cannot be read are reported by
number and passed over; they end with exit code 3.";

/// Bring leases in: Kea's memfile CSV, ISC's dhcpd6.leases, or leasebook's own JSON lines.
///
/// The form of each file is recognised. The configuration says which link a lease is on.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The files, in the order in which they are to count.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The configuration file.
    #[arg(long, value_name = "FILE", env = "LEASEBOOK_CONFIG")]
    config: PathBuf,
    /// The directory of the store, instead of the configured one.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print nothing but errors.
    #[arg(long, short)]
    quiet: bool,
    /// Show no progress; it is shown only where standard error is a terminal.
    #[arg(long)]
    no_progress: bool,
}

/// Reads the files into the store.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let _ = (&args.files, &args.data, args.quiet, args.no_progress);
    crate::config::load(&args.config)?;
    Err(super::super::not_in_this_version("the import"))
}

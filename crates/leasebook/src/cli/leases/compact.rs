//! `leasebook leases compact`: space that nothing uses, given back.

use std::path::PathBuf;

use crate::exit::Exit;

/// How it is used.
const EXAMPLES: &str = "\
Examples:
  systemctl stop leasebook
  leasebook leases compact --data /var/lib/leasebook
  systemctl start leasebook

It needs as much room on the disk as the leases take, beside what is there. Without it the room is
not lost: later changes use it.";

/// Give back space of the store that nothing uses, as after a large import.
///
/// Nothing may have the store open.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The directory of the store.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

/// Compacts it.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let compacted = leasebook_store::book::compact(&args.data)?;
    say!(
        "the store had {} MiB and has {} MiB",
        compacted.before >> 20,
        compacted.after >> 20
    )?;
    Ok(Exit::Complete)
}

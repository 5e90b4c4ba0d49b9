//! `leasebook leases repair`: a damaged store made openable again.

use std::path::PathBuf;

use crate::exit::Exit;

/// How it is used.
const EXAMPLES: &str = "\
Examples:
  leasebook leases repair --data /var/lib/leasebook

Make a copy of the directory first. What is damaged is set aside, not deleted.";

/// Set damage in a store aside and keep all that can be kept.
///
/// To be used when the store does not open and its message says so.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The directory of the store.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

/// Repairs it.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let report = leasebook_store::book::repair(&args.data)?;
    if let Some(aside) = &report.ledger_set_aside {
        say!(
            "the ledger could not be used and is now {}",
            aside.display()
        )?;
    }
    say!("{}", report.journal)?;
    Ok(Exit::Complete)
}

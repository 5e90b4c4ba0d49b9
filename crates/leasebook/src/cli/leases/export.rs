//! `leasebook leases export`: the store as JSON lines.

use std::path::PathBuf;

use crate::exit::Exit;

/// How it is used.
const EXAMPLES: &str = "\
Examples:
  leasebook leases export --data /var/lib/leasebook --out leases.jsonl
  leasebook leases export --config leasebook.toml | gzip > leases.jsonl.gz";

/// Write all leases as JSON lines, which `leases import` reads back.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Which store.
    #[command(flatten)]
    store: super::Store,
    /// The file to write; standard output if left out.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Writes them.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let _ = (&args.store.config, &args.store.data, &args.out);
    Err(super::super::not_in_this_version("the export"))
}

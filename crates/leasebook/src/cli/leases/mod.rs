//! `leasebook leases`: the store from outside.

mod export;
mod import;
mod list;
mod show;
mod stats;

use std::path::PathBuf;

use clap::Subcommand;

use crate::exit::Exit;

/// Bring leases in and out of the store, and look at them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

/// What can be done with leases. Their help is the documentation of their arguments' types.
#[derive(Debug, Subcommand)]
enum Command {
    Import(import::Args),
    Export(export::Args),
    List(list::Args),
    Show(show::Args),
    Stats(stats::Args),
}

/// Which store, for commands that only read it.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct Store {
    /// The configuration file, for the store's directory and the links' names.
    #[arg(long, value_name = "FILE", env = "LEASEBOOK_CONFIG")]
    config: Option<PathBuf>,
    /// The directory of the store, instead of the configured one.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Runs one of them.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        Command::Import(args) => import::run(&args),
        Command::Export(args) => export::run(&args),
        Command::List(args) => list::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Stats(args) => stats::run(&args),
    }
}

//! `leasebook leases`: the store from outside.

mod compact;
mod export;
mod import;
mod list;
mod reconfigure;
mod repair;
mod show;
mod stats;

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use leasebook_store::Book;

use crate::config::Config;
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
    Reconfigure(reconfigure::Args),
    Compact(compact::Args),
    Repair(repair::Args),
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

impl Store {
    /// Its directory, and the configuration if there is one.
    fn find(&self) -> anyhow::Result<(PathBuf, Option<Config>)> {
        let config = self
            .config
            .as_deref()
            .map(crate::config::load)
            .transpose()?;
        let config = config.map(|loaded| loaded.config);
        let data = self
            .data
            .clone()
            .or_else(|| config.as_ref().map(|config| config.data.clone()));
        Ok((data.context("give --config or --data")?, config))
    }

    /// Opens the book, which must be there, and gives the configuration if there is one.
    fn open(&self) -> anyhow::Result<(Book, Option<Config>)> {
        let (data, config) = self.find()?;
        if !data.join("ledger").exists() {
            bail!(
                "{} has no book; leasebook leases import or serve begins one",
                data.display()
            );
        }
        Ok((open_book(&data)?, config))
    }
}

/// Opens a book and tells what had to be recovered.
fn open_book(data: &Path) -> anyhow::Result<Book> {
    let (book, recovery) = crate::book::open(data)?;
    if let Some(torn) = recovery.torn {
        note!("{torn}");
    }
    Ok(book)
}

/// Unix seconds.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// Runs one of them.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        Command::Import(args) => import::run(&args),
        Command::Export(args) => export::run(&args),
        Command::List(args) => list::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Stats(args) => stats::run(&args),
        Command::Reconfigure(args) => reconfigure::run(&args),
        Command::Compact(args) => compact::run(&args),
        Command::Repair(args) => repair::run(&args),
    }
}

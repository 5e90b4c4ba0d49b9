//! The command line: what can be asked for, one file for each command.
//!
//! ```text
//!  arguments ──► clap (`Cli`, value parsers in `values`) ──► a command's `run` ──► Exit
//! ```
//!
//! A command returns how it ended, or an error that is told in one line on standard error
//! and ends with exit code 1. So do usage errors: clap's own code for them, 2, is taken
//! here by "no server answered".

/// A line of the result, on standard output. That it cannot be written is an error like any
/// other: the disk may be full, the reader gone.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::say(format_args!($($text)*)) };
}

/// A line beside the result, on standard error. Where that is gone nobody is left to tell.
macro_rules! note {
    ($($text:tt)*) => { $crate::cli::note(format_args!($($text)*)) };
}

mod check;
mod completions;
mod demo;
mod duid;
mod leases;
mod man;
mod migrate;
mod query;
mod relay;
mod serve;
pub mod values;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write as _};

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::exit::Exit;

/// Told at the end of the help.
const EXIT_CODES: &str = "\
Exit codes:
  0  complete
  1  usage error, or something on this machine
  2  no server answered
  3  partial: some server failed, or its reply ended early
  4  the server refused; its status is on standard error

Start with:
  leasebook demo";

/// The DHCPv6 lease system that routers can rebuild themselves from.
#[derive(Debug, Parser)]
#[command(name = "leasebook", version, about, after_help = EXIT_CODES)]
#[command(propagate_version = true, max_term_width = 100)]
struct Cli {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

/// The commands. Their help is the documentation of their arguments' types.
#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Serve(serve::Args),
    Relay(relay::Args),
    Query(Box<query::Args>),
    Leases(leases::Args),
    Migrate(migrate::Args),
    Check(check::Args),
    Duid(duid::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Runs the program with its arguments, the first being its own name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    match run(cli.command) {
        Ok(exit) => exit,
        Err(error) => {
            if !is_broken_pipe(&error) {
                // Where standard error is gone there is nobody left to tell.
                let _ = writeln!(io::stderr(), "leasebook: {}", sentence(&error));
            }
            Exit::Local
        }
    }
}

/// The error with its causes, leaving out those that it has told itself.
fn sentence(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Help and version end well; anything else is a usage error.
fn usage(error: &clap::Error) -> Exit {
    let told = error.print();
    if error.use_stderr() || told.is_err() {
        Exit::Local
    } else {
        Exit::Complete
    }
}

/// Runs one command.
fn run(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Relay(args) => relay::run(&args),
        Command::Query(args) => query::run(&args),
        Command::Leases(args) => leases::run(args),
        Command::Migrate(args) => migrate::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Duid(args) => duid::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    }
}

fn say(line: fmt::Arguments<'_>) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{line}").context("cannot write to standard output")
}

fn note(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Whether the reader of our output has gone, as `head` does: no reason to complain.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

/// The command line's description, for completions and manual pages.
fn description() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    use super::{description, sentence};

    #[test]
    fn a_cause_is_told_once() {
        let inner = || std::io::Error::other("no such thing");
        let outer = anyhow::Error::new(inner()).context("cannot open it: no such thing");
        assert_eq!(sentence(&outer), "cannot open it: no such thing");
        let plain = anyhow::Error::new(inner()).context("cannot open it");
        assert_eq!(sentence(&plain), "cannot open it: no such thing");
    }

    #[test]
    fn the_command_line_is_consistent() {
        description().debug_assert();
    }
}

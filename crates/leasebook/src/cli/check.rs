//! `leasebook check`: is the configuration right?

use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::bail;

use crate::config::{self, Config, ConfigError};
use crate::exit::Exit;

/// How it is used.
const EXAMPLES: &str = "\
Examples:
  leasebook check --config leasebook.toml
  leasebook check --config leasebook.toml --print
  leasebook check --example > leasebook.toml";

/// Judge a configuration file, with line and column of what is wrong.
///
/// Errors end with exit code 1. Warnings are told and end with 0, or with 1 if --strict.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The configuration file.
    #[arg(
        long,
        value_name = "FILE",
        env = "LEASEBOOK_CONFIG",
        required_unless_present = "example"
    )]
    config: Option<PathBuf>,
    /// Print what is in force, defaults included.
    #[arg(long)]
    print: bool,
    /// Take warnings for errors.
    #[arg(long)]
    strict: bool,
    /// Print the commented example with every setting, and nothing else.
    #[arg(long, conflicts_with_all = ["print", "strict"])]
    example: bool,
}

/// Judges the file and tells.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut out = io::stdout().lock();
    let path = match &args.config {
        Some(path) if !args.example => path,
        _ => {
            out.write_all(config::example().as_bytes())?;
            return Ok(Exit::Complete);
        }
    };
    let loaded = match config::load(path) {
        Ok(loaded) => loaded,
        Err(ConfigError::Wrong(problems)) => {
            let mut err = io::stderr().lock();
            for problem in &problems {
                writeln!(err, "error: {}", problem.with_source())?;
            }
            let count = problems.len();
            bail!("{}: {count} error{}", path.display(), plural(count));
        }
        Err(error) => return Err(error.into()),
    };
    for warning in &loaded.warnings {
        writeln!(io::stderr(), "warning: {}", warning.with_source())?;
    }
    let count = loaded.warnings.len();
    if args.strict && count > 0 {
        bail!("{}: {count} warning{}", path.display(), plural(count));
    }
    if args.print {
        out.write_all(config::effective(&loaded.config).as_bytes())?;
    } else {
        let summary = summary(&loaded.config);
        let warnings = format!("{count} warning{}", plural(count));
        writeln!(out, "{}: right; {summary}, {warnings}", path.display())?;
    }
    Ok(Exit::Complete)
}

/// What is configured, in half a line.
fn summary(config: &Config) -> String {
    let links = config.links.len();
    let pools: usize = config.links.iter().map(|link| link.pools.len()).sum();
    let prefix_pools: usize = config
        .links
        .iter()
        .map(|link| link.prefix_pools.len())
        .sum();
    format!(
        "{links} link{}, {pools} address pool{}, {prefix_pools} prefix pool{}",
        plural(links),
        plural(pools),
        plural(prefix_pools)
    )
}

/// The ending of a word after a number.
fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

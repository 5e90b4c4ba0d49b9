//! `leasebook migrate`: another server's configuration as ours.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use leasebook_leasefile::kea_config::{NotCarried, read_kea_config, to_leasebook_toml};

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
    /// From Kea: subnets, pools, options, classes, reservations, timers, requesters, server-id.
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
    let kea = read_kea_config(config)?;
    let (text, not_carried) = to_leasebook_toml(&kea);
    match out {
        Some(path) => {
            write_new(path, &text, *force)?;
            note!("{}: {} links written", path.display(), kea.links.len());
        }
        None => io::stdout().write_all(text.as_bytes())?,
    }
    tell_not_carried(&not_carried);
    Ok(Exit::Complete)
}

/// Writes a file that must not exist yet, unless told to replace it.
fn write_new(path: &Path, text: &str, force: bool) -> anyhow::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let mut file = options.open(path).map_err(|error| {
        let advice = if error.kind() == io::ErrorKind::AlreadyExists {
            "; give --force to replace it"
        } else {
            ""
        };
        anyhow::anyhow!("cannot write {}: {error}{advice}", path.display())
    })?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Places of one reason that are told one by one.
const TOLD_PLACES: usize = 3;

/// Lists what could not be carried over; what recurs for each subnet once, with a count.
fn tell_not_carried(not_carried: &[NotCarried]) {
    if not_carried.is_empty() {
        return;
    }
    note!("not carried over:");
    let mut reasons: Vec<(&str, Vec<&NotCarried>)> = Vec::new();
    for one in not_carried {
        match reasons.iter_mut().find(|(reason, _)| *reason == one.reason) {
            Some((_, same)) => same.push(one),
            None => reasons.push((&one.reason, vec![one])),
        }
    }
    for (_, same) in &reasons {
        same.iter()
            .take(TOLD_PLACES)
            .for_each(|one| note!("  {one}"));
        if same.len() > TOLD_PLACES {
            note!(
                "  and {} more for the same reason",
                same.len() - TOLD_PLACES
            );
        }
    }
}

#[cfg(test)]
mod tests;

//! `leasebook leases export`: the store as JSON lines.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use leasebook_leasefile::json_lines;
use leasebook_store::{Book, Flow, Progress};
use leasebook_wire::code::OptionCode;
use leasebook_wire::{Composer, Options};

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

/// Octets gathered before they are written.
const OUTPUT_OCTETS: usize = 256 * 1024;

/// Writes them.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let (book, _) = args.store.open()?;
    match &args.out {
        Some(path) => {
            let file =
                File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            let mut out = BufWriter::with_capacity(OUTPUT_OCTETS, file);
            let count = write(&book, &mut out)
                .with_context(|| format!("cannot write {}", path.display()))?;
            out.into_inner()?.sync_all()?;
            note!("{}: {count} bindings", path.display());
        }
        None => {
            write(
                &book,
                &mut BufWriter::with_capacity(OUTPUT_OCTETS, io::stdout().lock()),
            )?;
        }
    }
    Ok(Exit::Complete)
}

/// A binding's options without the client's key for RECONFIGURE: a file of leases is read by
/// more people than may know it. Clients get another with their next REPLY.
fn without_key(options: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(options.len());
    let mut composer = Composer::bare(&mut kept);
    for option in Options::parse(options, 0).unwrap_or_default() {
        if option.code != OptionCode::AUTH {
            // It fits: it was one.
            let _ = composer.option(option.code, option.data);
        }
    }
    let _ = composer.finish();
    kept
}

/// Writes every binding, whatever its leases' states.
fn write(book: &Book, out: &mut impl Write) -> anyhow::Result<u64> {
    let (mut from, mut count) = (Vec::new(), 0);
    loop {
        let mut failure = None;
        let progress = book.scan_all(&mut from, &mut |run| {
            for record in run.iter() {
                let written =
                    record
                        .to_binding()
                        .map_err(anyhow::Error::from)
                        .and_then(|mut binding| {
                            binding.options = without_key(&binding.options);
                            json_lines::write_binding(out, &binding).map_err(anyhow::Error::from)
                        });
                if let Err(error) = written {
                    failure = Some(error);
                    return Flow::Stop;
                }
                count += 1;
            }
            Flow::Continue
        })?;
        if let Some(error) = failure {
            return Err(error);
        }
        if progress == Progress::Done {
            out.flush()?;
            return Ok(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DHCP-S-093: a client's key for RECONFIGURE is in no export.
    #[test]
    fn an_export_has_no_keys() {
        let fqdn = [0, 39, 0, 1, 0];
        let auth = [0, 11, 0, 2, 3, 1];
        let options = [&auth[..], &fqdn].concat();
        assert_eq!(without_key(&options), fqdn);
    }
}

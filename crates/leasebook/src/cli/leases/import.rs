//! `leasebook leases import`: from other servers' files into the store.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use leasebook_store::LeaseStore as _;

use crate::exit::Exit;
use crate::import::links::ConfiguredLinks;
use crate::import::spool::Spool;
use crate::import::{self, Notice, Summary, Watch};

/// How it is used.
const EXAMPLES: &str = "\
Examples:
  leasebook leases import /var/lib/kea/kea-leases6.csv --config leasebook.toml
  leasebook leases import dhcpd6.leases --config leasebook.toml --data ./data
  zcat leases.csv.gz | leasebook leases import - --config leasebook.toml

Importing the same file again changes nothing. Lines that cannot be read are reported by
number and passed over; they end with exit code 3. What comes by a pipe is copied to the
store's directory first, without a name, since it is read twice.";

/// Bring leases in: Kea's memfile CSV, ISC's dhcpd6.leases, or leasebook's own JSON lines.
///
/// The form of each file is recognised. The configuration says which link a lease is on.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The files, in the order in which they are to count; - is standard input.
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
    /// Print the summary as one JSON object.
    #[arg(long)]
    json: bool,
    /// Show no progress; it is shown only where standard error is a terminal.
    #[arg(long)]
    no_progress: bool,
}

/// Bad lines that are told one by one; all are counted.
const TOLD_LINES: u64 = 50;

/// Reads the files into the store.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let config = crate::config::load(&args.config)?.config;
    let data = args.data.clone().unwrap_or_else(|| config.data.clone());
    let book = super::open_book(&data)?;
    let links = ConfiguredLinks::of(&config);
    let spool = Spool::of(&args.files, &data)?;
    let mut watch = Watching::new(!args.quiet && !args.no_progress);
    let began = Instant::now();
    let summary = import::import(&book, &links, &spool.files, &mut watch);
    let (told, notices) = watch.end();
    let summary = summary?;
    if notices > told {
        note!("and {} more lines of this kind", notices - told);
    }
    let is_empty = book.stats()?.bindings == 0;
    book.close()?;
    if args.json {
        say!("{}", json(&summary))?;
    } else if !args.quiet {
        tell(&summary, began.elapsed())?;
        if is_empty && config.links.is_empty() {
            note!("the configuration has no [[link]]; leasebook migrate kea makes them");
        }
    }
    Ok(if summary.skipped > 0 {
        Exit::Partial
    } else {
        Exit::Complete
    })
}

fn tell(summary: &Summary, took: Duration) -> anyhow::Result<()> {
    let Summary {
        rows,
        leases,
        written,
        removed,
        unchanged,
        older,
        skipped,
        reduced,
    } = summary;
    #[expect(clippy::cast_precision_loss, reason = "shown as a whole number")]
    let rate = *rows as f64 / took.as_secs_f64();
    say!("{rows} rows, {leases} leases, in {took:.1?} ({rate:.0} rows a second)")?;
    say!("{written} bindings written, {unchanged} unchanged, {removed} removed")?;
    if *older > 0 {
        say!("{older} leases left as they are: the book has heard of them since")?;
    }
    if *skipped + *reduced > 0 {
        say!("{skipped} lines skipped, {reduced} taken without a part of them; see above")?;
    }
    Ok(())
}

fn json(summary: &Summary) -> serde_json::Value {
    let Summary {
        rows,
        leases,
        written,
        removed,
        unchanged,
        older,
        skipped,
        reduced,
    } = summary;
    serde_json::json!({
        "rows": rows, "leases": leases, "written": written, "removed": removed,
        "unchanged": unchanged, "older": older, "skipped": skipped, "reduced": reduced,
    })
}

/// Shows progress and lines that were not taken as they stand.
struct Watching {
    bar: ProgressBar,
    told: u64,
    notices: u64,
}

impl Watching {
    fn new(shows: bool) -> Self {
        // Hides itself where standard error is no terminal.
        let bar = if shows {
            ProgressBar::new(0)
        } else {
            ProgressBar::hidden()
        };
        let style =
            "{wide_bar} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Self {
            bar,
            told: 0,
            notices: 0,
        }
    }

    /// How many were told, and how many there were.
    fn end(self) -> (u64, u64) {
        self.bar.finish_and_clear();
        (self.told, self.notices)
    }
}

impl Watch for Watching {
    fn notice(&mut self, notice: Notice) {
        self.notices += 1;
        if self.told < TOLD_LINES {
            self.told += 1;
            self.bar.suspend(|| note!("{notice}"));
        }
    }

    fn progress(&mut self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
    }
}

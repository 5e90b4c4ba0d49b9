//! `leasebook leases stats`: how much there is.

use std::collections::BTreeMap;

use leasebook_store::{Book, Flow, LeaseState, LeaseStore as _, LinkId, Progress};

use crate::exit::Exit;

/// How it is used.
const EXAMPLES: &str = "\
Examples:
  leasebook leases stats --data /var/lib/leasebook";

/// Count bindings, leases and octets, by link.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Which store.
    #[command(flatten)]
    store: super::Store,
    /// Check all of it too: checksums, order, and that indexes and records agree.
    #[arg(long)]
    verify: bool,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

/// Counts.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let (book, config) = args.store.open()?;
    let counts = count(&book)?;
    let stats = book.stats()?;
    let verified = if args.verify {
        // Everything has to be in the ledger to be checked there.
        book.checkpoint()?;
        Some(book.verify()?)
    } else {
        None
    };
    if args.json {
        let links: BTreeMap<_, _> = counts
            .iter()
            .map(|(link, by)| (link.0.to_string(), by.json()))
            .collect();
        println!(
            "{}",
            serde_json::json!({
                "bindings": stats.bindings, "leases": stats.leases, "last_change": stats.last_seq,
                "disk_octets": stats.disk_octets, "verified_bindings": verified, "links": links,
            })
        );
        return Ok(Exit::Complete);
    }
    println!(
        "{} bindings, {} leases, {} MiB on disk, change {}",
        stats.bindings,
        stats.leases,
        stats.disk_octets >> 20,
        stats.last_seq
    );
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::TableStyle::new());
    table.set_header([
        "LINK",
        "NAME",
        "BINDINGS",
        "LIVE",
        "ENDED",
        "DECLINED",
        "RELEASED",
        "RECLAIMED",
        "REGISTERED",
    ]);
    for (link, by) in &counts {
        let links = config.as_ref().map_or(&[][..], |config| &config.links);
        let name = links
            .iter()
            .find(|one| one.id == link.0)
            .map_or("", |one| one.name.as_str());
        let numbers = [
            by.bindings,
            by.live,
            by.ended,
            by.declined,
            by.released,
            by.reclaimed,
            by.registered,
        ];
        let cells = [link.0.to_string(), name.to_owned()]
            .into_iter()
            .chain(numbers.iter().map(u64::to_string));
        table.add_row(cells);
    }
    println!("{table}");
    if let Some(bindings) = verified {
        println!("verified: {bindings} bindings, all sound");
    }
    Ok(Exit::Complete)
}

/// Leases of a link by what they are.
#[derive(Default)]
struct Counts {
    bindings: u64,
    live: u64,
    ended: u64,
    declined: u64,
    released: u64,
    reclaimed: u64,
    registered: u64,
}

impl Counts {
    fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "bindings": self.bindings, "live": self.live, "ended": self.ended, "declined": self.declined,
            "released": self.released, "reclaimed": self.reclaimed, "registered": self.registered,
        })
    }
}

fn count(book: &Book) -> anyhow::Result<BTreeMap<LinkId, Counts>> {
    let now = super::now();
    let mut counts: BTreeMap<LinkId, Counts> = BTreeMap::new();
    let mut from = Vec::new();
    loop {
        let progress = book.scan_all(&mut from, &mut |run| {
            for record in run.iter() {
                let by = counts.entry(record.link()).or_default();
                by.bindings += 1;
                for lease in record.leases() {
                    *match lease.state {
                        LeaseState::Bound if lease.is_live(now) => &mut by.live,
                        LeaseState::Bound => &mut by.ended,
                        LeaseState::Declined => &mut by.declined,
                        LeaseState::Released => &mut by.released,
                        LeaseState::Reclaimed => &mut by.reclaimed,
                        LeaseState::Registered => &mut by.registered,
                    } += 1;
                }
            }
            Flow::Continue
        })?;
        if progress == Progress::Done {
            return Ok(counts);
        }
    }
}

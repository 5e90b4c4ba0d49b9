//! `leasebook leases stats`: how much there is.

use std::collections::BTreeMap;

use leasebook_protocol::server::pool::Pools;
use leasebook_store::{Book, Flow, LeaseState, LeaseStore as _, LinkId, Progress};
use leasebook_wire::Duid;

use crate::config::Config;
use crate::control::{self, ControlError, Request};
use crate::exit::Exit;
use crate::page;

/// How it is used.
const EXAMPLES: &str = "\
Examples:
  leasebook leases stats --data /var/lib/leasebook
  leasebook leases stats --config /etc/leasebook/leasebook.toml

With a configuration it tells how full pools are. Where a server runs on the store it is asked, and
tells no counts by link. --verify and --json need the store to themselves.";

/// Count bindings, leases and octets, by link, and how full pools are.
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
    if !args.verify
        && !args.json
        && let Some(shown) = ask(args)?
    {
        say!("{}", shown.trim_end())?;
        return Ok(Exit::Complete);
    }
    let (book, config) = args.store.open()?;
    let dhcp = config
        .as_ref()
        .map(|config| config.dhcp(Duid::uuid([0; 16])));
    let mut pools = Pools::default();
    if let Some(dhcp) = &dhcp {
        pools.reconfigure(dhcp);
    }
    let counts = count(&book, &mut pools)?;
    let verified = if args.verify {
        // Everything has to be in the ledger to be checked there.
        book.checkpoint()?;
        Some(book.verify()?)
    } else {
        None
    };
    if args.json {
        let stats = book.stats()?;
        let links: BTreeMap<_, _> = counts
            .iter()
            .map(|(link, by)| (link.0.to_string(), by.json()))
            .collect();
        say!(
            "{}",
            serde_json::json!({
                "bindings": stats.bindings, "leases": stats.leases, "last_change": stats.last_seq,
                "disk_octets": stats.disk_octets, "verified_bindings": verified, "links": links,
                "pools": dhcp.as_ref().map(|dhcp| pools_json(&pools, dhcp)),
            })
        )?;
        return Ok(Exit::Complete);
    }
    say!("{}", page::totals(&book)?.trim_end())?;
    say!("{}", table(&counts, config.as_ref()))?;
    if let Some(dhcp) = &dhcp {
        say!("")?;
        let pools = page::pools(pools.usage(), dhcp, usize::MAX);
        say!("{}", pools.trim_end())?;
    }
    if let Some(bindings) = verified {
        say!("verified: {bindings} bindings, all sound")?;
    }
    Ok(Exit::Complete)
}

/// A line for each link.
fn table(counts: &BTreeMap<LinkId, Counts>, config: Option<&Config>) -> comfy_table::Table {
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
    for (link, by) in counts {
        let links = config.map_or(&[][..], |config| &config.links);
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
    table
}

/// What the running server says, if one runs.
fn ask(args: &Args) -> anyhow::Result<Option<String>> {
    let (data, _) = args.store.find()?;
    match control::request(&data, &Request::Stats) {
        Ok(shown) => Ok(Some(shown)),
        Err(ControlError::NotRunning { .. } | ControlError::Socket { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn pools_json(pools: &Pools, dhcp: &leasebook_protocol::server::Config) -> serde_json::Value {
    let all = pools.usage().map(|usage| {
        let (link, pool) = page::place(dhcp, &usage);
        // JSON has no numbers of 128 bits; what is larger is a text.
        let total = u64::try_from(usage.total).map_or_else(
            |_| serde_json::json!(usage.total.to_string()),
            |total| serde_json::json!(total),
        );
        serde_json::json!({ "link": link, "pool": pool, "taken": usage.taken, "total": total })
    });
    all.collect()
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

fn count(book: &Book, pools: &mut Pools) -> anyhow::Result<BTreeMap<LinkId, Counts>> {
    let now = super::now();
    let mut counts: BTreeMap<LinkId, Counts> = BTreeMap::new();
    let mut from = Vec::new();
    loop {
        let progress = book.scan_all(&mut from, &mut |run| {
            for record in run.iter() {
                let by = counts.entry(record.link()).or_default();
                by.bindings += 1;
                for lease in record.leases() {
                    if lease.is_live(now) || lease.state == LeaseState::Declined {
                        pools.take(record.link(), lease.name);
                    }
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

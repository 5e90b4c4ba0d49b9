//! `leasebook leases list`: bindings in the store.

use std::io::{self, BufWriter};

use anyhow::bail;
use leasebook_store::{Cursor, Flow, LeaseStore as _, LinkId, Links, Progress, Query, Selector};
use leasebook_wire::Duid;

use crate::config::Config;
use crate::duid::sendable;
use crate::exit::Exit;
use crate::show::{ListFormat, Output, of_record as shown};

/// How it is used.
const EXAMPLES: &str = "\
Examples:
  leasebook leases list --data /var/lib/leasebook --limit 20
  leasebook leases list --config leasebook.toml --link olt-1 --format csv";

/// List bindings, those of one link or relay together.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Which store.
    #[command(flatten)]
    store: super::Store,
    /// Only this link: its name, or its id.
    #[arg(long, value_name = "LINK")]
    link: Option<String>,
    /// Only what came through the relay with this Relay-ID.
    #[arg(long, value_name = "DUID", value_parser = sendable)]
    relay_id: Option<Duid>,
    /// No more than this many bindings.
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,
    /// The form of the output.
    #[arg(long, value_enum, default_value_t)]
    format: ListFormat,
}

/// Octets gathered before they are written.
const OUTPUT_OCTETS: usize = 64 * 1024;

/// Lists them.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let (book, config) = args.store.open()?;
    let links = match &args.link {
        None => Links::Any,
        Some(link) => Links::of(vec![link_id(link, config.as_ref())?]),
    };
    let selector = match &args.relay_id {
        None => Selector::All,
        Some(relay) => Selector::RelayId(relay.octets().to_vec()),
    };
    let now = super::now();
    let mut cursor = Cursor::new(Query { selector, links }, book.last_seq());
    let stdout = BufWriter::with_capacity(OUTPUT_OCTETS, io::stdout().lock());
    let mut output = Output::of_list(args.format, stdout);
    let mut left = args.limit.unwrap_or(u64::MAX);
    let mut failure = None;
    while left > 0 && failure.is_none() {
        let progress = book.scan(&mut cursor, now, &mut |run| {
            for record in run.iter() {
                if left == 0 {
                    return Flow::Stop;
                }
                left -= 1;
                if let Err(error) = output.binding(&shown(&record, now)) {
                    failure = Some(error);
                    return Flow::Stop;
                }
            }
            Flow::Continue
        })?;
        if progress == Progress::Done {
            break;
        }
    }
    if let Some(error) = failure {
        return Err(error.into());
    }
    output.finish()?;
    Ok(Exit::Complete)
}

/// A link by its number or its name.
fn link_id(text: &str, config: Option<&Config>) -> anyhow::Result<LinkId> {
    let links = config.map_or(&[][..], |config| &config.links);
    let named = links
        .iter()
        .find(|link| link.name == text)
        .map(|link| link.id);
    match named.or_else(|| text.parse().ok()) {
        Some(id) => Ok(LinkId(id)),
        None if config.is_none() => {
            bail!("link names need --config; without it give the link's id")
        }
        None => bail!("no [[link]] is called {text}"),
    }
}

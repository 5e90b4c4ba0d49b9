//! `leasebook leases list`: bindings in the store.

use leasebook_wire::Duid;

use crate::duid::sendable;
use crate::exit::Exit;
use crate::show::ListFormat;

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

/// Lists them.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let _ = (&args.store, &args.link, &args.relay_id);
    let _ = (args.limit, args.format);
    Err(super::super::not_in_this_version("the list"))
}

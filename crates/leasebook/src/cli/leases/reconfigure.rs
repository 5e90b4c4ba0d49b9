//! `leasebook leases reconfigure`: clients told to ask anew, by the running server.

use anyhow::{Context as _, bail};
use leasebook_store::LinkId;
use leasebook_wire::option::ReconfMsg;

use crate::config::Config;
use crate::control::{self, Request, Whom};
use crate::exit::Exit;

/// How it is used.
const EXAMPLES: &str = "\
Examples:
  leasebook leases reconfigure 3fff:100::/56 --config /etc/leasebook/leasebook.toml
  leasebook leases reconfigure 00:03:00:01:02:00:5e:10:00:01 --data /var/lib/leasebook
  leasebook leases reconfigure --link olt-7 --ask rebind --config /etc/leasebook/leasebook.toml

Clients that accept it get a key if dhcp.reconfigure is true; only these can be told.";

/// Have the running server tell clients to renew at once, by RECONFIGURE.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// An address, a prefix, or a client's DUID in hex.
    #[arg(required_unless_present = "link", conflicts_with = "link")]
    value: Option<String>,
    /// All clients of a link, by its number or name.
    #[arg(long, value_name = "LINK")]
    link: Option<String>,
    /// What they are to send: renew, rebind or information-request.
    #[arg(long, value_name = "MESSAGE", default_value = "renew", value_parser = ask)]
    ask: ReconfMsg,
    /// Which store.
    #[command(flatten)]
    store: super::Store,
}

fn ask(text: &str) -> Result<ReconfMsg, String> {
    control::ask(text)
        .ok_or_else(|| format!("`{text}` is none of renew, rebind, information-request"))
}

/// Asks the server.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let (data, config) = args.store.find()?;
    let whom = match (&args.link, &args.value) {
        (Some(link), _) => Whom::Link(find_link(link, config.as_ref())?),
        (None, Some(value)) => match control::lease(value) {
            Some(name) => Whom::Lease(name),
            None => Whom::Client(
                value
                    .parse()
                    .ok()
                    .with_context(|| format!("`{value}` is no address, prefix or DUID in hex"))?,
            ),
        },
        (None, None) => bail!("give an address, a prefix, a DUID, or --link"),
    };
    let request = Request::Reconfigure {
        ask: args.ask,
        whom,
    };
    say!("{}", control::request(&data, &request)?)?;
    Ok(Exit::Complete)
}

/// A link by its number, or by its name in the configuration.
fn find_link(text: &str, config: Option<&Config>) -> anyhow::Result<LinkId> {
    if let Some(link) = config.and_then(|config| config.links.iter().find(|link| link.name == text))
    {
        return Ok(LinkId(link.id));
    }
    match (text.parse(), config) {
        (Ok(number), _) => Ok(LinkId(number)),
        (Err(_), Some(_)) => bail!("the configuration has no link `{text}`"),
        (Err(_), None) => bail!("`{text}` is no link's number; give --config to use names"),
    }
}

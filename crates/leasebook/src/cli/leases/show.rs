//! `leasebook leases show`: all about one client, address or prefix.

use anyhow::bail;
use leasebook_protocol::server::Config as Dhcp;
use leasebook_wire::Duid;

use crate::control::{self, ControlError, Request, Whom};
use crate::exit::Exit;
use crate::page;

/// How it is used.
const EXAMPLES: &str = "\
Examples:
  leasebook leases show 3fff:100::1 --data /var/lib/leasebook
  leasebook leases show 00:03:00:01:02:00:5e:10:00:01 --config leasebook.toml

A server that runs on the store is asked; else the store is read.";

/// Show all about one client, address or prefix: leases, times, relays, options.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// An address, a prefix, or a client's DUID in hex.
    value: String,
    /// Which store.
    #[command(flatten)]
    store: super::Store,
}

/// Shows it.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let whom = parse(&args.value)?;
    let (data, _) = args.store.find()?;
    match control::request(&data, &Request::Show(whom.clone())) {
        Ok(page) => {
            say!("{}", page.trim_end())?;
            return Ok(Exit::Complete);
        }
        // Nobody has it open: it is read here.
        Err(ControlError::NotRunning { .. } | ControlError::Socket { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let (book, config) = args.store.open()?;
    let nobody = Duid::uuid([0; 16]);
    let dhcp = match &config {
        Some(config) => config.dhcp(nobody),
        None => Dhcp::new(nobody),
    };
    let desk = page::Desk {
        book: &book,
        config: &dhcp,
        usage: &[],
        has_dhcp: config.is_some_and(|config| !config.listen.udp.is_empty()),
        now: super::now(),
    };
    let pages = page::pages(desk, &whom)?;
    say!("{}", pages.trim_end())?;
    Ok(Exit::Complete)
}

fn parse(text: &str) -> anyhow::Result<Whom> {
    if let Some(name) = control::lease(text) {
        return Ok(Whom::Lease(name));
    }
    match text.parse() {
        Ok(duid) => Ok(Whom::Client(duid)),
        Err(_) if text.contains('/') => bail!("`{text}` is no prefix; write it as 3fff:100::/56"),
        Err(_) => bail!("`{text}` is no address, prefix or DUID in hex"),
    }
}

//! `leasebook demo --reboot`: cut the power, count the routes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};

use crate::exit::Exit;
use crate::reboot::{ColdStart, Site, enter_namespace, routes};

/// Routes shown.
const SHOWN_ROUTES: usize = 3;

/// Runs a relay, takes its power and counts its routes.
pub(super) fn run(clients: u32) -> anyhow::Result<Exit> {
    let binary = std::env::current_exe().context("cannot find the own program")?;
    enter_namespace()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    say!("In a network namespace of its own, which goes when this ends:\n")?;
    let mut site = Site::new(&binary, clients, now)?;
    say!("  a server   knows {clients} customers, each with a delegated prefix")?;
    site.power_cycle()?;
    site.cold_start()?;
    let before = routes()?;
    say!("  a relay    has {} routes in the kernel:\n", before.len())?;
    for route in before.iter().take(SHOWN_ROUTES) {
        say!("    {route}")?;
    }
    site.power_cycle()?;
    say!(
        "    ...\n\nThe relay's power is cut (kill -9; its interface and routes go): {} routes.",
        routes()?.len()
    )?;
    say!(
        "It starts with nothing but its Relay-ID, and asks the server for all it ever relayed.\n"
    )?;
    let start = site.cold_start()?;
    let after = routes()?;
    say!(
        "  {} routes are back, {} of them as they were",
        after.len(),
        after
            .iter()
            .filter(|route| before.binary_search(route).is_ok())
            .count()
    )?;
    tell(start)?;
    say!(
        "
What the relay itself says (leasebook relay status):
"
    )?;
    for line in site.ask(&["status"])?.lines() {
        say!("  {line}")?;
    }
    site.power_cycle()?;
    let batch = site.batch()?;
    say!(
        "\nThe kernel's own limit, ip -6 -batch with the same routes from a file: {}; {:.2} times that.",
        shown(batch),
        start.all.as_secs_f64() / batch.as_secs_f64()
    )?;
    ensure!(after == before, "the routes are not those of before");
    say!("\nTo run one: leasebook relay example > relay.toml, and docs/relay.md.")?;
    Ok(Exit::Complete)
}

fn tell(start: ColdStart) -> anyhow::Result<()> {
    say!("  the first after   {}", shown(start.first))?;
    say!("  the last after    {}", shown(start.all))?;
    say!("  memory at most    {} MiB", start.peak_kib >> 10)
}

fn shown(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

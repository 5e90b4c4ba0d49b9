//! Routes after a reboot of the relay, beside `ip -6 -batch` with the same routes.

use std::time::Duration;

use anyhow::ensure;
use leasebook::reboot::{ColdStart, Site, routes};

use crate::field::{binary, median};
use crate::fixture;

/// Cold starts of the relay with so many routes to get back.
///
/// Must be called before there is a second thread: the process goes into a namespace.
pub(crate) fn cold_start(count: u32, rounds: usize) -> anyhow::Result<()> {
    let binary = binary()?;
    leasebook::reboot::enter_namespace()?;
    let mut site = Site::new(&binary, count, fixture::now())?;
    println!("routes: {count} back after a cold start of the relay, medians of {rounds} rounds");
    let (mut batches, mut starts) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        site.power_cycle()?;
        batches.push(site.batch()?);
        let by_batch = routes()?;
        site.power_cycle()?;
        starts.push(site.cold_start()?);
        ensure!(
            by_batch == routes()?,
            "the relay's routes are not those of the batch"
        );
        ensure!(by_batch.len() == count as usize, "routes are missing");
    }
    let batch = median(&batches);
    let of = |what: fn(&ColdStart) -> Duration| {
        let times: Vec<Duration> = starts.iter().map(what).collect();
        median(&times)
    };
    let (first, all) = (of(|start| start.first), of(|start| start.all));
    let peak = starts.iter().map(|start| start.peak_kib).max().unwrap_or(0);
    println!("  ip -6 -batch               {batch:>10.1?}");
    println!(
        "  relay, exec to last route  {all:>10.1?}   {:.2} of the batch (goal 1.1)",
        all.as_secs_f64() / batch.as_secs_f64()
    );
    println!("  relay, exec to first route {first:>10.1?}   (goal 50 ms)");
    println!(
        "  relay, most memory         {:>6} MiB   (goal 100 MiB)\n",
        peak >> 10
    );
    Ok(())
}

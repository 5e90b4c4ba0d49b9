//! The DHCPv6 server beside Debian's Kea with its memfile, in namespaces of the same shape.
//!
//! | module | its room |
//! |---|---|
//! | `site` | a server of either kind in a namespace of its own |
//! | `load` | our own load: any number of hops |
//! | `perfdhcp` | Kea's load: no hop or one |
//! | `large` | what a large book costs |
//!
//! Kea writes its leases without a sync, we sync each; both keep relay data.

mod large;
mod load;
mod perfdhcp;
mod site;

use std::time::Duration;

use anyhow::ensure;
use leasebook_wire::code::OptionCode;

use crate::field::{self, has, load_average, median};
use crate::search::{self, Effort, Highest, Tried, count};
use load::Load;
use perfdhcp::Perfdhcp;
use site::Site;

pub(crate) use large::{beside_bulk, restart};

/// What clients ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leases {
    Address,
    Prefix,
    Both,
}

impl Leases {
    fn associations(self) -> &'static [OptionCode] {
        match self {
            Self::Address => &[OptionCode::IA_NA],
            Self::Prefix => &[OptionCode::IA_PD],
            Self::Both => &[OptionCode::IA_NA, OptionCode::IA_PD],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Prefix => "prefix",
            Self::Both => "both",
        }
    }
}

/// What an exchange looks like.
#[derive(Clone, Copy, Debug)]
struct Shape {
    leases: Leases,
    /// Relays it comes through.
    hops: u8,
}

/// Who makes the load.
trait Driver {
    /// Begins so many exchanges a second for this time, and waits for the last answers.
    fn run(&mut self, rate: u32, time: Duration) -> anyhow::Result<Run>;
}

/// What came of a run.
#[derive(Debug, Default)]
struct Run {
    begun: usize,
    /// Exchanges that ended with the leases asked for.
    done: usize,
    /// Exchanges that ended without.
    refused: usize,
    /// Answers that came, but too late.
    late: usize,
    took: Duration,
    /// How long each ADVERTISE took, or one mean of all.
    advertised: Vec<Duration>,
    /// The same for REPLY.
    replied: Vec<Duration>,
    /// What was given.
    leases: Vec<u128>,
}

impl Run {
    /// Exchanges that did not end well.
    fn dropped(&self) -> usize {
        self.begun - self.done + self.late
    }

    /// Exchanges begun in each second.
    fn rate(&self) -> f64 {
        count(self.begun) / self.took.as_secs_f64()
    }

    /// Leases that were given twice.
    fn given_twice(&mut self) -> usize {
        let all = self.leases.len();
        self.leases.sort_unstable();
        self.leases.dedup();
        all - self.leases.len()
    }
}

/// The rates and what an exchange costs, of both servers, for every shape.
pub(crate) fn exchanges(effort: Effort) -> anyhow::Result<()> {
    field::enter()?;
    let mut sites = vec![Site::leasebook(1)?];
    if has("kea-dhcp6", "kea-dhcp6-server") {
        sites.push(Site::kea(2, false)?);
        sites.push(Site::kea(3, true)?);
    }
    println!(
        "dhcp: four-message exchanges; leasebook syncs every lease, Kea 2.2's memfile none;\n\
         \x20 kea logs each lease, as Debian's configuration has it; kea tuned logs warnings alone; load average {}",
        load_average()
    );
    heading();
    let all = [Leases::Prefix, Leases::Address, Leases::Both];
    let few = [Leases::Both];
    for leases in if effort.is_smoke() { &few[..] } else { &all } {
        for hops in [0, 1, 2] {
            let leases = *leases;
            compare(&mut sites, Shape { leases, hops }, "own", effort)?;
        }
    }
    if has("perfdhcp", "kea-admin") {
        let all = [
            (Leases::Both, 1),
            (Leases::Prefix, 0),
            (Leases::Prefix, 1),
            (Leases::Address, 0),
        ];
        let few = if effort.is_smoke() { 1 } else { all.len() };
        for (leases, hops) in all.into_iter().take(few) {
            compare(&mut sites, Shape { leases, hops }, "perfdhcp", effort)?;
        }
    }
    legend();
    Ok(())
}

fn heading() {
    println!("{:34}highest rate without drops  | at half of Kea's", "");
    println!(
        "  {:<8} {:>4} {:<9} {:<9} {:>8} {:>5} {:>8} {:>5} | {:>7} {:>8} {:>5} {:>9} {:>9} {:>9}",
        "leases",
        "hops",
        "load by",
        "server",
        "a second",
        "ratio",
        "CPU each",
        "ratio",
        "rate",
        "CPU each",
        "ratio",
        "ADVERTISE",
        "REPLY",
        "mean"
    );
}

fn legend() {
    println!(
        "  highest: exchanges a second without a drop in one of two tries, ratio in a peer's line ours over its (goal 5); > is all that the load made;\n\
         \x20 CPU each: processor time of the server for an exchange (goal 0.1);\n\
         \x20 mean of both delays: goal at most Kea's and one sync\n"
    );
}

/// What one server did.
struct Figures {
    name: &'static str,
    highest: Highest,
    each: f64,
    advertise: f64,
    reply: f64,
}

/// Measures one shape at both servers and prints a line for each.
fn compare(
    sites: &mut [Site],
    shape: Shape,
    driver: &'static str,
    effort: Effort,
) -> anyhow::Result<()> {
    let mut found = Vec::new();
    for site in sites.iter_mut() {
        found.push(highest(site, shape, driver, effort)?);
    }
    let equal = effort.equal_rate(&found);
    let mut rounds: Vec<Vec<[f64; 3]>> = vec![Vec::new(); sites.len()];
    let mut syncs = Vec::new();
    for _ in 0..effort.rounds {
        syncs.extend(sites.first().map(Site::sync_time).transpose()?);
        for (site, rounds) in sites.iter_mut().zip(&mut rounds) {
            rounds.push(at_load(site, shape, driver, (equal, effort.step))?);
        }
    }
    let figures = sites.iter().zip(&found).zip(&rounds);
    let figures: Vec<Figures> = figures
        .map(|((site, found), rounds)| {
            let of = |at: usize| -> f64 {
                let values: Vec<f64> = rounds
                    .iter()
                    .filter_map(|round| round.get(at).copied())
                    .collect();
                median(&values)
            };
            Figures {
                name: site.name(),
                highest: *found,
                each: of(0),
                advertise: of(1),
                reply: of(2),
            }
        })
        .collect();
    let sync = median(&syncs);
    for (at, one) in figures.iter().enumerate() {
        let ours = figures.first().filter(|_| at > 0);
        print_line((shape, driver), one, ours, equal);
    }
    println!(
        "  {:>97} one sync: {:>6.2} ms",
        "",
        sync.as_secs_f64() * 1e3
    );
    Ok(())
}

fn print_line((shape, driver): (Shape, &str), one: &Figures, ours: Option<&Figures>, equal: u32) {
    let ratio = |of: fn(&Figures) -> f64| {
        ours.map_or(String::new(), |ours| format!("{:.2}", of(ours) / of(one)))
    };
    let mark = if one.highest.is_of_load { ">" } else { "" };
    println!(
        "  {:<8} {:>4} {:<9} {:<9} {:>8} {:>5} {:>5.1} us {:>5} | {:>5}/s {:>5.1} us {:>5} {:>6.2} ms {:>6.2} ms {:>6.2} ms",
        shape.leases.name(),
        shape.hops,
        driver,
        one.name,
        format!("{mark}{:.0}", one.highest.rate),
        ratio(|one| one.highest.rate),
        one.highest.each * 1e6,
        ratio(|one| one.highest.each),
        equal,
        one.each * 1e6,
        ratio(|one| one.each),
        one.advertise * 1e3,
        one.reply * 1e3,
        (one.advertise + one.reply) * 500.0,
    );
}

fn load_of(site: &mut Site, shape: Shape, driver: &str) -> anyhow::Result<Box<dyn Driver>> {
    Ok(if driver == "own" {
        let first = site.clients();
        Box::new(Load::new(site.near(), site.far(), shape, first)?)
    } else {
        Box::new(Perfdhcp::new(site, shape))
    })
}

/// The highest rate without drops.
fn highest(site: &mut Site, shape: Shape, driver: &str, effort: Effort) -> anyhow::Result<Highest> {
    search::highest(effort, |rate| {
        let before = site.processor_time()?;
        let mut run = load_of(site, shape, driver)?.run(rate, effort.step)?;
        let twice = run.given_twice();
        ensure!(twice == 0, "{} gave {twice} leases twice", site.name());
        ensure!(
            run.done > 0,
            "{} answered none of {} exchanges:\n{}",
            site.name(),
            run.begun,
            site.said()
        );
        let took = site.processor_time()?.saturating_sub(before);
        Ok(Tried {
            rate: run.rate(),
            is_clean: run.dropped() == 0,
            each: took.as_secs_f64() / count(run.done),
        })
    })
}

/// Processor seconds of the server for each exchange, and mean delays in seconds.
fn at_load(
    site: &mut Site,
    shape: Shape,
    driver: &str,
    (rate, time): (u32, Duration),
) -> anyhow::Result<[f64; 3]> {
    let mut load = load_of(site, shape, driver)?;
    let before = site.processor_time()?;
    let run = load.run(rate, time)?;
    let took = site.processor_time()?.saturating_sub(before);
    Ok([
        took.as_secs_f64() / count(run.done.max(1)),
        mean(&run.advertised),
        mean(&run.replied),
    ])
}

fn mean(times: &[Duration]) -> f64 {
    times.iter().map(Duration::as_secs_f64).sum::<f64>() / count(times.len().max(1))
}

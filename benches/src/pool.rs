//! Finding a free prefix in a pool of a million, empty and nearly full; in this process.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use leasebook_protocol::server::pool::{Pools, Wish};
use leasebook_store::{IaKind, LeaseName, LinkId};
use leasebook_wire::Duid;
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

use crate::field::median;

/// 2^20 prefixes.
const CONFIG: &str = "data = \"/nowhere\"\n[[link]]\nid = 1\nname = \"pool\"\non-link = [\"2001:db8:1::/64\"]\n\
    [[link.prefix-pool]]\nprefix = \"3fff:100::/36\"\ndelegated-length = 56\n";

/// Prefixes in the pool.
const SLOTS: u32 = 1 << 20;

/// One in so many is free when it is nearly full.
const FREE: u32 = 1000;

const LINK: LinkId = LinkId(1);

/// Times `finds` finds in each of some rounds.
pub(crate) fn allocation(finds: u32, rounds: usize) -> anyhow::Result<()> {
    let config = leasebook::config::parse(CONFIG, Path::new("benchmark"))?.config;
    let config = config.dhcp(Duid::new(&[0, 3, 0, 1, 2, 0, 0, 0, 0, 9])?);
    let mut random = StdRng::seed_from_u64(7);
    let mut empty = Pools::default();
    empty.reconfigure(&config);
    let mut full = Pools::default();
    full.reconfigure(&config);
    let mut slots: Vec<u32> = (0..SLOTS).collect();
    // Those that stay free are spread by chance, as they are in a pool that has been in use.
    for at in (1..slots.len()).rev() {
        slots.swap(at, random.random_range(0..=at));
    }
    let stay_free = (SLOTS / FREE) as usize;
    for slot in slots.iter().skip(stay_free) {
        full.take(LINK, prefix(*slot)?);
    }
    let (mut on_empty, mut on_full) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        on_empty.push(find(&mut empty, finds, &mut random)?);
        on_full.push(find(&mut full, finds, &mut random)?);
    }
    let (on_empty, on_full) = (median(&on_empty), median(&on_full));
    println!(
        "pool: a prefix found, taken and given back in a pool of {SLOTS}; medians of {rounds} rounds of {finds}"
    );
    println!(
        "  empty {on_empty:.0?}, 99.9 % full {on_full:.0?}: ratio {:.2} (goal 2)\n",
        on_full.as_secs_f64() / on_empty.as_secs_f64()
    );
    Ok(())
}

/// The time of one find, the taking and the giving back of it included.
fn find(pools: &mut Pools, finds: u32, random: &mut StdRng) -> anyhow::Result<Duration> {
    let wish = Wish {
        link: LINK,
        kind: IaKind::Pd,
        classes: &[],
        len: None,
    };
    let began = Instant::now();
    for _ in 0..finds {
        let found = pools.find(&wish, &mut || random.next_u64(), &mut |_, _| Ok(true))?;
        let found = found.context("the pool is full")?;
        pools.take(LINK, found.name);
        pools.give_back(LINK, found.name);
    }
    Ok(began.elapsed() / finds)
}

fn prefix(slot: u32) -> anyhow::Result<LeaseName> {
    let first = 0x3fff_0100_u128 << 96;
    let address = std::net::Ipv6Addr::from_bits(first | u128::from(slot) << 72);
    LeaseName::prefix(address, 56).context("no prefix")
}

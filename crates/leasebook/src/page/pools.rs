//! How much there is, and how full pools are.

use std::fmt::Write as _;

use leasebook_protocol::server::Config;
use leasebook_protocol::server::config::ServedLink;
use leasebook_protocol::server::pool::{PoolRef, Usage};
use leasebook_store::{Book, LeaseStore as _, StoreError};

/// How much there is in the book, in one line.
///
/// # Errors
/// If the book cannot be read.
pub fn totals(book: &Book) -> Result<String, StoreError> {
    let stats = book.stats()?;
    Ok(format!(
        "{} bindings, {} leases, {} MiB on disk, change {}\n",
        stats.bindings,
        stats.leases,
        stats.disk_octets >> 20,
        stats.last_seq
    ))
}

/// How full pools are, fullest first, at most `most` lines with how many more there are.
pub fn pools(usage: impl Iterator<Item = Usage>, config: &Config, most: usize) -> String {
    let mut all: Vec<Usage> = usage.collect();
    all.sort_by_key(|one| std::cmp::Reverse(permille(one)));
    let mut text = String::from("LINK, POOL, TAKEN OF TOTAL\n");
    for one in all.iter().take(most) {
        let (link, pool) = place(config, one);
        let parts = permille(one);
        let (whole, tenths) = (parts / 10, parts % 10);
        // A string takes whatever is written.
        let _ = writeln!(
            text,
            "{link}, {pool}, {} of {} ({whole}.{tenths} %)",
            one.taken, one.total
        );
    }
    if all.len() > most {
        let _ = writeln!(text, "and {} more", all.len() - most);
    }
    text
}

/// Leases taken of a thousand, rounded down.
fn permille(usage: &Usage) -> u128 {
    let taken = u128::try_from(usage.taken).unwrap_or(u128::MAX);
    taken.saturating_mul(1000) / usage.total.max(1)
}

/// The names of a pool's link and of the pool.
pub fn place(config: &Config, usage: &Usage) -> (String, String) {
    let link = config.links.iter().find(|link| link.id == usage.link);
    let name = link.map_or_else(|| usage.link.0.to_string(), |link| link.name.clone());
    let pool = link.and_then(|link| pool_name(link, usage.pool));
    (name, pool.unwrap_or_default())
}

/// A pool as its configuration has it: what lies in it.
pub(super) fn pool_name(link: &ServedLink, pool: PoolRef) -> Option<String> {
    match pool {
        PoolRef::Addresses(at) => {
            let pool = link.pools.get(at)?;
            Some(format!("{}-{}", pool.first, pool.last))
        }
        PoolRef::Prefixes(at) => {
            let pool = link.prefix_pools.get(at)?;
            Some(format!("{} by /{}", pool.prefix, pool.delegated_len))
        }
    }
}

//! What a client may get on its link, and why not.

use leasebook_protocol::server::Known;
use leasebook_protocol::server::config::ServedLink;
use leasebook_protocol::server::pool::PoolRef;
use leasebook_store::{IaKind, LeaseName, LeaseStore as _, RecordView, StoreError};

use super::pools::pool_name;
use super::{Desk, words};
use crate::text::hex;

/// A line for each pool or reservation that it may draw from, or why there is none, of addresses
/// and of prefixes.
pub(super) fn lines(
    desk: Desk<'_>,
    (link, known): (&ServedLink, &Known<'_>),
    record: &RecordView<'_>,
) -> Result<Vec<String>, StoreError> {
    if let Some(why) = refused(link, known) {
        return Ok(vec![format!("nothing: {why}")]);
    }
    let live = record.leases().filter(|lease| lease.is_live(desk.now));
    let most = desk.config.leases_per_client;
    if live.count() >= most {
        return Ok(vec![format!("nothing more: leases-per-client is {most}")]);
    }
    let mut lines = Vec::new();
    for kind in [IaKind::Na, IaKind::Pd] {
        let what = if kind == IaKind::Pd {
            "prefixes"
        } else {
            "addresses"
        };
        let reserved = reserved(desk, known, record, kind)?;
        lines.extend(reserved);
        let pools = pools(desk, link, kind);
        let may = pools.iter().map(|pool| of_pool(known, pool, what));
        let (may, not): (Vec<_>, Vec<_>) = may.partition(Result::is_ok);
        if pools.is_empty() {
            lines.push(format!("no {what}: the link has no pool of them"));
        } else if may.is_empty() {
            let why = not.into_iter().filter_map(Result::err);
            lines.extend(why.map(|why| format!("no {what} {why}")));
        }
        lines.extend(may.into_iter().filter_map(Result::ok));
    }
    Ok(lines)
}

/// Why the link answers the client nothing (DHCP-S-013).
fn refused(link: &ServedLink, known: &Known<'_>) -> Option<String> {
    let names = |all: &[String]| {
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        words::any_of(&all)
    };
    if !link.allow.is_empty() && known.is_in_one(&link.allow) == Some(false) {
        return Some(format!("the link allows {} alone", names(&link.allow)));
    }
    if known.is_in_one(&link.deny) == Some(true) {
        return Some(format!("the link denies {}", names(&link.deny)));
    }
    None
}

/// What is reserved for it, and who else has it.
fn reserved(
    desk: Desk<'_>,
    known: &Known<'_>,
    record: &RecordView<'_>,
    kind: IaKind,
) -> Result<Vec<String>, StoreError> {
    let is_prefix = |name: &LeaseName| matches!(name, LeaseName::Prefix { .. });
    let all = known.reservations.iter().flat_map(|one| &one.leases);
    let all = all.filter(|name| is_prefix(name) == (kind == IaKind::Pd));
    let mut lines = Vec::new();
    for name in all {
        let holder = desk.book.holder(*name)?;
        let holder = holder.as_ref().map(|holder| holder.view());
        let other = holder.filter(|holder| holder.client() != record.client());
        let kept = other.and_then(|holder| {
            let mut leases = holder.leases();
            let lease = leases.find(|lease| lease.name == *name)?;
            let until = words::time(lease.clt.saturating_add(lease.valid.into()));
            let client = hex::show(holder.client());
            (!lease.is_over(desk.now)).then(|| format!(", which {client} has until {until}"))
        });
        let kept = kept.unwrap_or_default();
        lines.push(format!("{name}, reserved for it{kept}"));
    }
    Ok(lines)
}

/// A pool: its name, the classes it is for, and how full it is if that is known.
struct Pool<'a> {
    name: String,
    classes: &'a [String],
    usage: Option<(usize, u128)>,
}

fn pools<'a>(desk: Desk<'_>, link: &'a ServedLink, kind: IaKind) -> Vec<Pool<'a>> {
    let addresses = link.pools.iter().enumerate();
    let addresses = addresses.map(|(at, pool)| (PoolRef::Addresses(at), &pool.classes));
    let prefixes = link.prefix_pools.iter().enumerate();
    let prefixes = prefixes.map(|(at, pool)| (PoolRef::Prefixes(at), &pool.classes));
    let all = addresses.chain(prefixes);
    let all = all.filter(|(at, _)| matches!(at, PoolRef::Prefixes(_)) == (kind == IaKind::Pd));
    let pools = all.filter_map(|(at, classes)| {
        let mut usage = desk.usage.iter();
        let usage = usage.find(|usage| (usage.link, usage.pool) == (link.id, at));
        Some(Pool {
            name: pool_name(link, at)?,
            classes,
            usage: usage.map(|usage| (usage.taken, usage.total)),
        })
    });
    pools.collect()
}

/// What it may get of a pool, or why it may not.
fn of_pool(known: &Known<'_>, pool: &Pool<'_>, what: &str) -> Result<String, String> {
    let name = &pool.name;
    let classes: Vec<&str> = pool.classes.iter().map(String::as_str).collect();
    let classes = words::any_of(&classes);
    let is_for = match pool.classes {
        [] => Some(true),
        all => known.is_in_one(all),
    };
    if is_for == Some(false) {
        return Err(format!("from {name}: that is for {classes}"));
    }
    let usage = match pool.usage {
        Some((taken, total)) if taken as u128 >= total => {
            return Err(format!("from {name}: all {total} are taken"));
        }
        Some((taken, total)) => format!(", {taken} of {total} taken"),
        None => String::new(),
    };
    let condition = match is_for {
        None => format!(", if what it sends makes it one of {classes}"),
        _ => String::new(),
    };
    Ok(format!("{what} from {name}{usage}{condition}"))
}

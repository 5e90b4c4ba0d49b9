//! All about one client on one link.

use std::fmt::{self, Write as _};

use leasebook_protocol::server::config::{Reservation, ServedLink};
use leasebook_protocol::server::pool::PoolRef;
use leasebook_protocol::server::{Config, Known};
use leasebook_store::{Lease, LeaseName, LeaseState, Record, RecordView, StoreError};
use leasebook_wire::Options;
use leasebook_wire::code::OptionCode;

use super::pools::pool_name;
use super::{Desk, chances, relays, words};
use crate::text::hex;

/// The page.
pub(super) fn page(desk: Desk<'_>, record: &Record) -> Result<String, StoreError> {
    let view = record.view();
    let link = desk.config.links.iter().find(|link| link.id == view.link());
    let known = link.map(|link| Known::of(desk.config, link, &view));
    let chances = match (link, &known) {
        (Some(link), Some(known)) if desk.has_dhcp => chances::lines(desk, (link, known), &view)?,
        _ => Vec::new(),
    };
    let mut page = String::new();
    // A string takes whatever is written.
    let _ = write(&mut page, desk, (&view, link, known.as_ref()));
    for line in chances {
        let _ = writeln!(page, "may get   {line}");
    }
    let _ = writeln!(page, "change    {}", view.seq());
    Ok(page)
}

type Shown<'a> = (
    &'a RecordView<'a>,
    Option<&'a ServedLink>,
    Option<&'a Known<'a>>,
);

fn write(page: &mut String, desk: Desk<'_>, (record, link, known): Shown<'_>) -> fmt::Result {
    writeln!(page, "client    {}", hex::show(record.client()))?;
    match link {
        Some(link) => writeln!(page, "link      {} ({})", record.link().0, link.name)?,
        None if desk.config.links.is_empty() => writeln!(page, "link      {}", record.link().0)?,
        None => {
            let number = record.link().0;
            writeln!(
                page,
                "link      {number}, which the configuration has not: its clients get no answer"
            )?;
        }
    }
    if let Some(known) = known {
        standing(page, known)?;
    }
    writeln!(page, "heard     {}", words::ago(record.clt(), desk.now))?;
    let (live, past): (Vec<Lease>, Vec<Lease>) =
        record.leases().partition(|lease| !lease.is_over(desk.now));
    for lease in live {
        one(page, "lease", &lease, desk.now)?;
        // What is no lease of this server comes from nowhere.
        if let (Some(link), Some(known)) = (link, known)
            && lease.state == LeaseState::Bound
        {
            let place = place(desk.config, (link, known), &lease);
            writeln!(page, "          {place}")?;
        }
    }
    let mut past = past;
    past.sort_by_key(|lease| std::cmp::Reverse(lease.clt));
    for lease in past {
        one(page, "had", &lease, desk.now)?;
    }
    relays::relays(record, page)?;
    for option in Options::parse(record.options(), 0).unwrap_or_default() {
        if option.code == OptionCode::AUTH {
            writeln!(page, "option    a key for RECONFIGURE, not shown")?;
        } else {
            writeln!(page, "option    {option}")?;
        }
    }
    Ok(())
}

/// Its classes and what is reserved for it.
fn standing(page: &mut String, known: &Known<'_>) -> fmt::Result {
    let of = |wanted: Option<bool>| {
        let classes = known.classes.iter();
        let classes = classes.filter(move |(_, is_in)| *is_in == wanted);
        classes.map(|(name, _)| *name).collect::<Vec<_>>()
    };
    let (in_these, unsure) = (of(Some(true)), of(None));
    if !in_these.is_empty() {
        writeln!(page, "class     {}", in_these.join(", "))?;
    }
    if !unsure.is_empty() {
        let names = words::any_of(&unsure);
        writeln!(page, "class     perhaps {names}: what it sends decides")?;
    }
    let reserved = known.reservations.iter();
    for name in reserved.flat_map(|reservation| &reservation.leases) {
        writeln!(page, "reserved  {name}")?;
    }
    Ok(())
}

fn one(page: &mut String, what: &str, lease: &Lease, now: u64) -> fmt::Result {
    let (kind, iaid, name) = (words::kind(lease.kind), lease.iaid, lease.name);
    let state = words::state(lease, now);
    writeln!(page, "{what:<9} {name}  {kind} {iaid}, {state}")
}

/// Where a lease comes from, or why it is not to stay.
fn place(config: &Config, (link, known): (&ServedLink, &Known<'_>), lease: &Lease) -> String {
    let name = lease.name;
    if known
        .reservations
        .iter()
        .any(|own| own.leases.contains(&name))
    {
        return "reserved for it".to_owned();
    }
    if !link.fits(name, lease.kind) {
        return "does not fit the link any more: it is not extended".to_owned();
    }
    if reservations(config).any(|other| other.leases.contains(&name)) {
        return "reserved for another: it is not extended".to_owned();
    }
    if link.excludes(name) {
        return "excluded: it is not extended".to_owned();
    }
    match pool_of(link, name) {
        Some(pool) => format!("from the pool {pool}"),
        None => "in no pool; it is extended all the same".to_owned(),
    }
}

/// All that is reserved, for whomever.
pub(super) fn reservations(config: &Config) -> impl Iterator<Item = &Reservation> {
    let of_links = config.links.iter().flat_map(|link| &link.reservations);
    of_links.chain(&config.reservations)
}

/// The name of the link's pool that a lease is of.
pub(super) fn pool_of(link: &ServedLink, name: LeaseName) -> Option<String> {
    let pool = match name {
        LeaseName::Address(address) => {
            let mut pools = link.pools.iter();
            let at = pools.position(|pool| (pool.first..=pool.last).contains(&address));
            PoolRef::Addresses(at?)
        }
        LeaseName::Prefix { prefix, len } => {
            let mut pools = link.prefix_pools.iter();
            let at =
                pools.position(|pool| pool.delegated_len == len && pool.prefix.contains(&prefix));
            PoolRef::Prefixes(at?)
        }
    };
    pool_name(link, pool)
}

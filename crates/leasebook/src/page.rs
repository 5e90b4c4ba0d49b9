//! What a help desk and an operator are shown of the book: by the command where no server runs, by
//! the running server where one does.

use std::fmt::{self, Write as _};

use leasebook_protocol::server::Config;
use leasebook_protocol::server::pool::{PoolRef, Usage};
use leasebook_store::{
    Book, Cursor, Flow, IaKind, Lease, LeaseName, LeaseState, LeaseStore as _, Links, Progress,
    Query, Record, RecordView, Selector, StoreError,
};
use leasebook_wire::code::{DEFAULT_NESTING_LIMIT, OptionCode};
use leasebook_wire::{Options, RelayMessage, RelayPath};

use crate::control::Whom;
use crate::text::hex;

/// Everything about a client, or about who has a lease: a page for each link, or the words that
/// there is nothing.
///
/// # Errors
/// If the book cannot be read.
pub fn pages(book: &Book, whom: &Whom, now: u64, config: &Config) -> Result<String, StoreError> {
    let records = find(book, whom, now)?;
    let pages = records.iter().map(|record| {
        let view = record.view();
        let link = config.links.iter().find(|link| link.id == view.link());
        // A string takes whatever is written.
        page(&view, link.map(|link| link.name.as_str()), now).unwrap_or_default()
    });
    let pages: Vec<String> = pages.collect();
    if pages.is_empty() {
        return Ok("nothing in the book\n".to_owned());
    }
    Ok(pages.join("\n"))
}

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
    let pool = match usage.pool {
        PoolRef::Addresses(at) => link
            .and_then(|link| link.pools.get(at))
            .map(|pool| format!("{}-{}", pool.first, pool.last)),
        PoolRef::Prefixes(at) => link
            .and_then(|link| link.prefix_pools.get(at))
            .map(|pool| format!("{} by /{}", pool.prefix, pool.delegated_len)),
    };
    (name, pool.unwrap_or_default())
}

/// The records: a client's on all links; a lease's holder, or who has what is around it.
fn find(book: &Book, whom: &Whom, now: u64) -> Result<Vec<Record>, StoreError> {
    let selector = match whom {
        // Whatever the leases' states: a help desk asks about ended ones too.
        Whom::Client(client) => return book.of_client(client.octets()),
        Whom::Link(_) => return Ok(Vec::new()),
        Whom::Lease(name) => {
            if let Some(holder) = book.holder(*name)? {
                return Ok(vec![holder]);
            }
            let (LeaseName::Address(address)
            | LeaseName::Prefix {
                prefix: address, ..
            }) = *name;
            Selector::Address(address)
        }
    };
    let mut found = Vec::new();
    let query = Query {
        selector,
        links: Links::Any,
    };
    let mut cursor = Cursor::new(query, book.last_seq());
    while book.scan(&mut cursor, now, &mut |run| {
        found.extend(run.iter().map(|record| Record::from_view(&record)));
        Flow::Continue
    })? == Progress::More
    {}
    Ok(found)
}

/// Everything about one client on one link.
fn page(record: &RecordView<'_>, link: Option<&str>, now: u64) -> Result<String, fmt::Error> {
    let mut page = String::new();
    let client = hex::show(record.client());
    let name = link.map_or_else(String::new, |name| format!(" ({name})"));
    writeln!(page, "client    {client}")?;
    writeln!(page, "link      {}{name}", record.link().0)?;
    writeln!(
        page,
        "heard     {}, {} ago",
        time(record.clt()),
        duration(record.age(now))
    )?;
    for lease in record.leases() {
        let kind = match lease.kind {
            IaKind::Na => "IA_NA",
            IaKind::Ta => "IA_TA",
            IaKind::Pd => "IA_PD",
        };
        writeln!(
            page,
            "lease     {}  {kind} {}, {}",
            lease.name,
            lease.iaid,
            state(&lease, now)
        )?;
    }
    relays(record, &mut page)?;
    for option in Options::parse(record.options(), 0).unwrap_or_default() {
        if option.code == OptionCode::AUTH {
            writeln!(page, "option    a key for RECONFIGURE, not shown")?;
        } else {
            writeln!(page, "option    {option}")?;
        }
    }
    writeln!(page, "change    {}", record.seq())?;
    Ok(page)
}

/// The relays of the newest message, from the client outwards, with all that they put in.
fn relays(record: &RecordView<'_>, page: &mut String) -> fmt::Result {
    let Some(relay) = record.relay() else {
        return Ok(());
    };
    writeln!(page, "received  from {}", relay.peer)?;
    let Ok(path) = RelayPath::parse(relay.chain, DEFAULT_NESTING_LIMIT) else {
        return Ok(());
    };
    let levels: Vec<RelayMessage<'_>> = path.levels().collect();
    for level in levels.iter().rev() {
        let (link, peer) = (level.link_address(), level.peer_address());
        writeln!(page, "relay     link {link}, heard from {peer}")?;
        for option in level.options() {
            let name = match option.code {
                OptionCode::INTERFACE_ID => "interface",
                OptionCode::REMOTE_ID => "remote-id",
                OptionCode::RELAY_ID => "relay-id",
                OptionCode::SUBSCRIBER_ID => "subscriber-id",
                OptionCode::RELAY_MSG => continue,
                _ => {
                    writeln!(page, "          {option}")?;
                    continue;
                }
            };
            writeln!(page, "          {name} {}", text_or_hex(option.data))?;
        }
    }
    Ok(())
}

fn state(lease: &Lease, now: u64) -> String {
    let since = time(lease.clt);
    match lease.state {
        LeaseState::Bound if lease.valid == u32::MAX => format!("bound {since}, for ever"),
        LeaseState::Bound if lease.is_live(now) => {
            let (valid, preferred) = (lease.valid_left(now), lease.preferred_left(now));
            let until = time(lease.clt + u64::from(lease.valid));
            format!(
                "bound {since}, valid until {until} ({} left, preferred {})",
                duration(valid.into()),
                duration(preferred.into())
            )
        }
        LeaseState::Bound => format!("ended {}", time(lease.clt + u64::from(lease.valid))),
        LeaseState::Declined => format!("declined {since}"),
        LeaseState::Released => format!("released {since}"),
        LeaseState::Reclaimed => format!("ended and taken back, last heard {since}"),
        LeaseState::Registered => format!("registered by its client {since}; no lease"),
    }
}

/// As `1d2h`.
fn duration(secs: u64) -> String {
    crate::text::duration::show(std::time::Duration::from_secs(secs))
}

/// RFC 3339, in UTC.
fn time(unix: u64) -> String {
    let seconds = i64::try_from(unix).ok();
    let time = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(|| format!("second {unix}"), |time| time.to_string())
}

/// Text where it is all printable (behind an enterprise number too), else hex.
fn text_or_hex(octets: &[u8]) -> String {
    let is_text = |octets: &[u8]| {
        !octets.is_empty() && octets.iter().all(|octet| (0x20..0x7f).contains(octet))
    };
    if is_text(octets) {
        return String::from_utf8_lossy(octets).into_owned();
    }
    if let Some((enterprise, rest)) = octets.split_first_chunk::<4>()
        && is_text(rest)
        && octets.first() == Some(&0)
    {
        return format!(
            "{}:{}",
            u32::from_be_bytes(*enterprise),
            String::from_utf8_lossy(rest)
        );
    }
    let pairs: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    pairs.join(":")
}

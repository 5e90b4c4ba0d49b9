//! `leasebook leases show`: all about one client, address or prefix.

use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use leasebook_store::{
    Book, Cursor, Flow, IaKind, Lease, LeaseName, LeaseState, LeaseStore as _, Links, Progress,
    Query, Record, RecordView, Selector,
};
use leasebook_wire::code::OptionCode;
use leasebook_wire::{Duid, Options};

use crate::config::Config;
use crate::exit::Exit;
use crate::text;

/// How it is used.
const EXAMPLES: &str = "\
Examples:
  leasebook leases show 3fff:100::1 --data /var/lib/leasebook
  leasebook leases show 00:03:00:01:02:00:5e:10:00:01 --config leasebook.toml";

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
    let what = What::parse(&args.value)?;
    let (book, config) = args.store.open()?;
    let records = find(&book, &what)?;
    if records.is_empty() {
        println!("{}: nothing in the book", args.value);
        return Ok(Exit::Complete);
    }
    let now = super::now();
    for (at, record) in records.iter().enumerate() {
        if at > 0 {
            println!();
        }
        print!("{}", page(&record.view(), config.as_ref(), now)?);
    }
    Ok(Exit::Complete)
}

/// What is asked for.
enum What {
    Client(Duid),
    Lease(LeaseName),
}

impl What {
    fn parse(text: &str) -> anyhow::Result<Self> {
        if let Some((prefix, len)) = text.split_once('/') {
            let (prefix, len) = (prefix.parse(), len.parse());
            let (Ok(prefix), Ok(len)) = (prefix, len) else {
                bail!("`{text}` is no prefix; write it as 3fff:100::/56");
            };
            let name = LeaseName::prefix(prefix, len).context("a prefix length is 0 to 128")?;
            return Ok(Self::Lease(name));
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Lease(LeaseName::Address(address)));
        }
        match text.parse() {
            Ok(duid) => Ok(Self::Client(duid)),
            Err(_) => bail!("`{text}` is no address, prefix or DUID in hex"),
        }
    }
}

/// The records: a client's on all links; a lease's holder, or who has what is around it.
fn find(book: &Book, what: &What) -> anyhow::Result<Vec<Record>> {
    let selector = match what {
        // Whatever the leases' states: a help desk asks about ended ones too.
        What::Client(client) => return Ok(book.of_client(client.octets())?),
        What::Lease(name) => {
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
    while book.scan(&mut cursor, super::now(), &mut |run| {
        found.extend(run.iter().map(|record| Record::from_view(&record)));
        Flow::Continue
    })? == Progress::More
    {}
    Ok(found)
}

/// Everything about one client on one link.
fn page(record: &RecordView<'_>, config: Option<&Config>, now: u64) -> anyhow::Result<String> {
    let mut page = String::new();
    let client = Duid::new(record.client())?;
    let links = config.map_or(&[][..], |config| &config.links);
    let link = links.iter().find(|link| link.id == record.link().0);
    let name = link.map_or_else(String::new, |link| format!(" ({})", link.name));
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
    let shown = crate::show::of_record(record, now);
    if let Some(relay) = &shown.relay {
        writeln!(page, "received  from {}", relay.peer)?;
        for level in relay.outwards() {
            writeln!(
                page,
                "relay     link {}, heard from {}",
                level.link, level.peer
            )?;
            let ids = [
                ("interface", &level.interface_id),
                ("remote-id", &level.remote_id),
                ("relay-id", &level.relay_id),
            ];
            for (name, id) in ids {
                if let Some(id) = id {
                    writeln!(page, "          {name} {}", text_or_hex(id))?;
                }
            }
        }
    }
    for option in Options::parse(record.options(), 0).unwrap_or_default() {
        let (code, data) = (option.code, option.data);
        if code == OptionCode::AUTH {
            writeln!(page, "option    {code} a key for RECONFIGURE, not shown")?;
        } else {
            writeln!(page, "option    {code} {}", text_or_hex(data))?;
        }
    }
    writeln!(page, "change    {}", record.seq())?;
    Ok(page)
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
    text::duration::show(std::time::Duration::from_secs(secs))
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

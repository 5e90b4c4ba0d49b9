//! Results for people and programs: one file for each form, behind one enum.
//!
//! ```text
//!  requestor ──► Shown (one client on one link) ──► Output::binding ──► table, json, csv, routes
//! ```
//!
//! Every form writes as bindings come in. The table holds back a page at a time
//! ([`table::PAGE_ROWS`] rows); routes remember which prefixes they have told, to refuse one
//! that overlaps another client's. Nothing else is kept, however long the result.

mod csv;
mod json;
mod record;
pub mod routes;
pub mod table;

pub use record::of_record;
pub(crate) use record::relay_level;

use std::io::{self, Write};
use std::net::Ipv6Addr;

use clap::ValueEnum;
use leasebook_store::LeaseName;

use self::csv::Csv;
use self::json::Json;
use self::routes::{RoutePolicy, RouteWriter};
use self::table::Table;

/// The lifetime that never ends. Source: RFC 8415 §7.7.
pub const INFINITY: u32 = u32::MAX;

/// One client on one link, as a server told it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The server that told it, as the caller named it.
    pub server: String,
    /// The client's DUID, 1 to 130 octets.
    pub client: Vec<u8>,
    /// An address of the link, if one is known: from the relays, or from the query.
    pub link: Option<Ipv6Addr>,
    /// The leases, in the order told.
    pub leases: Vec<ShownLease>,
    /// Seconds since the server last dealt with the client, as of now.
    pub clt_age_secs: u32,
    /// The relays the client's newest message came through, if the server told them.
    pub relay: Option<RelayPath>,
    /// Other options the server told: code and octets.
    pub options: Vec<(u16, Vec<u8>)>,
}

/// A lease with what remains of it, as of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownLease {
    /// The address or prefix.
    pub name: LeaseName,
    /// Seconds of preferred lifetime left; [`INFINITY`] never ends.
    pub preferred_secs: u32,
    /// Seconds of valid lifetime left; [`INFINITY`] never ends.
    pub valid_secs: u32,
    /// The server may be telling a lease that has ended. Source: BLQ-R-045.
    pub doubtful: bool,
}

impl ShownLease {
    /// Whether the lease never ends.
    pub fn is_infinite(&self) -> bool {
        self.valid_secs == INFINITY
    }
}

/// The relays a message came through. Source: RFC 5007 §4.1.2.4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayPath {
    /// The address the server received the message from; some servers put the client's here,
    /// so it is shown but never used for a route (D-12).
    pub peer: Ipv6Addr,
    /// The RELAY-FORW levels, outermost first.
    pub levels: Vec<RelayLevel>,
}

impl RelayPath {
    /// The level nearest to the client.
    pub fn innermost(&self) -> Option<&RelayLevel> {
        self.levels.last()
    }

    /// The levels from the client outwards.
    pub fn outwards(&self) -> impl Iterator<Item = &RelayLevel> {
        self.levels.iter().rev()
    }

    /// The link-address that tells the link: of the levels from the client outwards, the
    /// first that is not `::`. Source: D-07.
    pub fn link(&self) -> Option<Ipv6Addr> {
        self.outwards()
            .map(|level| level.link)
            .find(|link| !link.is_unspecified())
    }
}

/// One RELAY-FORW. Source: RFC 8415 §9.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayLevel {
    /// How many relays are nearer to the client.
    pub hop_count: u8,
    /// link-address; `::` where the relay does not tell the link.
    pub link: Ipv6Addr,
    /// peer-address: whom the relay heard it from.
    pub peer: Ipv6Addr,
    /// OPTION_INTERFACE_ID (18).
    pub interface_id: Option<Vec<u8>>,
    /// OPTION_REMOTE_ID (37), enterprise number included.
    pub remote_id: Option<Vec<u8>>,
    /// OPTION_RELAY_ID (53), a DUID.
    pub relay_id: Option<Vec<u8>>,
}

/// The forms a query's result can have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: one line for each lease.
    #[default]
    Table,
    /// One JSON object a line for each client and link.
    Json,
    /// One line for each lease, with a line of names above.
    Csv,
    /// Commands for `ip -6 -batch -`, one for each delegated prefix.
    Routes,
}

/// The forms a list of the store can have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people: one line for each lease.
    #[default]
    Table,
    /// One JSON object a line for each client and link.
    Json,
    /// One line for each lease, with a line of names above.
    Csv,
}

/// Writes bindings in one of the forms.
pub enum Output<W: Write> {
    /// [`Format::Table`]
    Table(Table<W>),
    /// [`Format::Json`]
    Json(Json<W>),
    /// [`Format::Csv`]
    Csv(Box<Csv<W>>),
    /// [`Format::Routes`]
    Routes(Box<RouteWriter<W>>),
}

impl<W: Write> Output<W> {
    /// Begins an output; `policy` matters for routes alone.
    pub fn new(format: Format, out: W, policy: RoutePolicy) -> Self {
        match format {
            Format::Table => Self::Table(Table::new(out)),
            Format::Json => Self::Json(Json::new(out)),
            Format::Csv => Self::Csv(Box::new(Csv::new(out))),
            Format::Routes => Self::Routes(Box::new(RouteWriter::new(out, policy))),
        }
    }

    /// Begins the output of a list.
    pub fn of_list(format: ListFormat, out: W) -> Self {
        match format {
            ListFormat::Table => Self::Table(Table::new(out)),
            ListFormat::Json => Self::Json(Json::new(out)),
            ListFormat::Csv => Self::Csv(Box::new(Csv::new(out))),
        }
    }

    /// Writes one binding, or keeps it until the page is full.
    pub fn binding(&mut self, shown: &Shown) -> io::Result<()> {
        match self {
            Self::Table(table) => table.binding(shown),
            Self::Json(json) => json.binding(shown),
            Self::Csv(csv) => csv.binding(shown),
            Self::Routes(routes) => routes.binding(shown),
        }
    }

    /// Hands on what is written so far; a page of a table that is not full is still kept back.
    pub fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Table(table) => table.flush(),
            Self::Json(json) => json.finish(),
            Self::Csv(csv) => csv.flush(),
            Self::Routes(routes) => routes.flush(),
        }
    }

    /// Writes what is kept back, and the end where the form has one.
    pub fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Table(table) => table.finish(),
            Self::Json(json) => json.finish(),
            Self::Csv(csv) => csv.finish(),
            Self::Routes(routes) => routes.finish(),
        }
    }
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

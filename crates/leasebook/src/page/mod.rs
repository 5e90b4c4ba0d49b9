//! What a help desk and an operator are shown of the book: by the command where no server runs, by
//! the running server where one does.
//!
//! | module | its room |
//! |---|---|
//! | `client` | all about one client on one link |
//! | `chances` | what it may get, and why not |
//! | `nobody` | where a lease lies that nobody has |
//! | `relays` | the relays of its newest message |
//! | `pools` | how much there is, and how full pools are |
//! | `words` | times, states and names |

mod chances;
mod client;
mod nobody;
mod pools;
mod relays;
mod words;

use leasebook_protocol::server::Config;
use leasebook_protocol::server::pool::Usage;
use leasebook_store::{
    Book, Cursor, Flow, LeaseName, LeaseStore as _, Links, Progress, Query, Record, Selector,
    StoreError,
};

use crate::control::Whom;
pub use pools::{place, pools, totals};

/// What a page is made from, beside the record.
#[derive(Clone, Copy, Debug)]
pub struct Desk<'a> {
    /// The book.
    pub book: &'a Book,
    /// What the server is set to.
    pub config: &'a Config,
    /// How full pools are; empty where that is not known.
    pub usage: &'a [Usage],
    /// Clients are given leases: it is worth telling which.
    pub has_dhcp: bool,
    /// Unix seconds.
    pub now: u64,
}

/// Everything about a client, or about who has a lease: a page for each link, or the words that
/// there is nothing, and where the lease lies.
///
/// # Errors
/// If the book cannot be read.
pub fn pages(desk: Desk<'_>, whom: &Whom) -> Result<String, StoreError> {
    let records = find(desk, whom)?;
    if records.is_empty() {
        return Ok(nobody::page(desk.config, whom));
    }
    let pages = records.iter().map(|record| client::page(desk, record));
    Ok(pages.collect::<Result<Vec<String>, _>>()?.join("\n"))
}

/// The records: a client's on all links; a lease's holder, or who has what is around it.
fn find(desk: Desk<'_>, whom: &Whom) -> Result<Vec<Record>, StoreError> {
    let Desk { book, now, .. } = desk;
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

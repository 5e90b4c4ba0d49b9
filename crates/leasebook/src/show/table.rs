//! A table for people: one line for each lease, a page at a time.
//!
//! The widths of the columns come from the first page; later pages keep them, so that the
//! lines stay below each other, and a cell that is wider pushes its own page aside alone.

use std::io::{self, Write};
use std::time::Duration;

use comfy_table::TableStyle;
use comfy_table::{ColumnConstraint, ContentArrangement, Width};

use super::{INFINITY, Shown};
use crate::text::{duration, hex, octets};

/// How many lines are held back at most: the bound of a table's memory.
pub const PAGE_ROWS: usize = 500;

/// The names of the columns.
const COLUMNS: [&str; 9] = [
    "CLIENT",
    "LEASE",
    "VALID",
    "PREFERRED",
    "HEARD",
    "LINK",
    "INTERFACE",
    "SERVER",
    "NOTE",
];

/// Writes a table.
pub struct Table<W: Write> {
    /// Where to.
    out: W,
    /// The lines of the page that is not written yet.
    page: Vec<[String; COLUMNS.len()]>,
    /// The widths of the first page, once that is written.
    widths: Option<Vec<u16>>,
}

impl<W: Write> Table<W> {
    /// Begins.
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            page: Vec::new(),
            widths: None,
        }
    }

    /// Takes the lines of a binding; a full page is written.
    pub(super) fn binding(&mut self, shown: &Shown) -> io::Result<()> {
        for row in rows(shown) {
            self.page.push(row);
            if self.page.len() >= PAGE_ROWS {
                self.write_page()?;
            }
        }
        Ok(())
    }

    /// Hands on the pages written.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Writes the last page. A table without lines has no heading either.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if !self.page.is_empty() {
            self.write_page()?;
        }
        self.out.flush()
    }

    /// Writes the lines held back.
    fn write_page(&mut self) -> io::Result<()> {
        let mut table = comfy_table::Table::new();
        table
            .load_style(TableStyle::new())
            .set_content_arrangement(ContentArrangement::Disabled);
        if self.widths.is_none() {
            table.set_header(COLUMNS);
        }
        table.add_rows(self.page.drain(..));
        match &self.widths {
            None => self.widths = Some(table.column_max_content_widths()),
            Some(widths) => {
                for (column, width) in table.column_iter_mut().zip(widths) {
                    // The widths of the contents do not count the space around them.
                    let with_padding = width.saturating_add(2);
                    column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(
                        with_padding,
                    )));
                }
            }
        }
        for line in table.lines() {
            // A space of padding stands at the left of every line.
            let line = line.strip_prefix(' ').unwrap_or(&line);
            writeln!(self.out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// The lines of a binding; the client is named in the first.
fn rows(shown: &Shown) -> impl Iterator<Item = [String; COLUMNS.len()]> {
    let interface = shown
        .relay
        .as_ref()
        .and_then(|path| {
            path.outwards()
                .find_map(|level| level.interface_id.as_ref())
        })
        .map(|id| octets::show(id))
        .unwrap_or_default();
    let link = shown.link.map(|link| link.to_string()).unwrap_or_default();
    shown.leases.iter().enumerate().map(move |(index, lease)| {
        let once = |text: String| if index == 0 { text } else { String::new() };
        [
            once(hex::show(&shown.client)),
            lease.name.to_string(),
            lifetime(lease.valid_secs),
            lifetime(lease.preferred_secs),
            once(format!("{} ago", lifetime(shown.clt_age_secs))),
            once(link.clone()),
            once(interface.clone()),
            once(shown.server.clone()),
            if lease.doubtful { "doubtful" } else { "" }.to_owned(),
        ]
    })
}

/// A lifetime for people.
fn lifetime(secs: u32) -> String {
    if secs == INFINITY {
        "forever".to_owned()
    } else {
        duration::show(Duration::from_secs(u64::from(secs)))
    }
}

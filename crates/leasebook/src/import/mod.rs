//! Bringing the leases of other servers into the book.
//!
//! | module | its room |
//! |---|---|
//! | [`group`] | from rows, one a lease, to bindings, one a client and link |
//! | [`links`] | which configured link a row is on |
//! | [`spool`] | files that can be read but once |
//!
//! Files are read twice: once to learn which row is the last of its lease, once to bring
//! those rows in. Rows are taken in batches, joined to bindings, compared with what the
//! book holds, and only what differs is written, so that memory is bounded by a batch and
//! the same import again changes nothing.

pub mod group;
pub mod links;
pub mod spool;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use leasebook_leasefile::{Effect, LeaseFiles, LeaseRow, Problem, ReadError};
use leasebook_store::{Binding, Book, Change, LeaseStore, MemoryStore, StoreError};

use group::{FindLink, Group, GroupKey, Groups, Merged, RowError};

/// Rows joined at a time: some hundred MiB at the most, and long runs for the book.
const BATCH_ROWS: usize = 1 << 18;

/// A book that takes many bindings at once.
pub trait Bulk: LeaseStore {
    /// Takes in `bindings` as [`Change::Put`] does, durable on return.
    fn put_all(&self, bindings: Vec<Binding>) -> Result<(), StoreError>;
}

impl Bulk for Book {
    fn put_all(&self, bindings: Vec<Binding>) -> Result<(), StoreError> {
        self.load(bindings).map(|_| ())
    }
}

impl Bulk for MemoryStore {
    fn put_all(&self, bindings: Vec<Binding>) -> Result<(), StoreError> {
        self.commit(bindings.into_iter().map(Change::Put).collect())
            .map(|_| ())
    }
}

/// Why an import ended early. What was written before stays; importing again goes on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A file could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The book could not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Good rows in the files, superseded ones included.
    pub rows: u64,
    /// Rows that are the last of their lease.
    pub leases: u64,
    /// Bindings written, new or changed.
    pub written: u64,
    /// Bindings whose last lease is gone.
    pub removed: u64,
    /// Bindings that were in the book just so.
    pub unchanged: u64,
    /// Leases of which the book has a newer state than the file.
    pub older: u64,
    /// Lines that could not be used, or had no link.
    pub skipped: u64,
    /// Lines used without a part of them.
    pub reduced: u64,
}

/// Something about a line that the operator should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The line itself is wrong.
    Line(Problem),
    /// The line is right but has no place in the book.
    Row {
        /// Where: the line of the file its lease begins on.
        line: u64,
        /// Why not.
        error: RowError,
    },
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line(problem) => problem.fmt(f),
            Self::Row { line, error } => write!(f, "line {line}: {error}; skipped"),
        }
    }
}

/// What is told while an import runs.
pub trait Watch {
    /// A line that was not taken as it stands.
    fn notice(&mut self, notice: Notice);
    /// Octets done of the total: both readings count.
    fn progress(&mut self, done: u64, total: u64);
}

/// Brings all leases of `files` into `book`.
pub fn import(
    book: &dyn Bulk,
    links: &dyn FindLink,
    files: &[PathBuf],
    watch: &mut dyn Watch,
) -> Result<Summary, ImportError> {
    let files = LeaseFiles::open(files)?;
    let total = files.octets() * 2;
    let mut summary = Summary::default();

    let mut problems = Vec::new();
    let scan = files.scan(
        &mut |problem| {
            count(&mut summary, &problem);
            problems.push(problem);
            // A hostile file of nothing but bad lines must not fill the memory.
            problems.truncate(MAX_KEPT_PROBLEMS);
        },
        &mut |octets| watch.progress(octets, total),
    )?;
    for problem in problems {
        watch.notice(Notice::Line(problem));
    }
    (summary.rows, summary.leases) = (scan.rows, scan.leases);

    let mut rows = files.rows(&scan);
    let mut row = LeaseRow::new();
    let mut groups = Groups::default();
    loop {
        let mut lesser = Vec::new();
        let more = rows.next(&mut row, &mut |problem| lesser.push(problem))?;
        for problem in lesser {
            count(&mut summary, &problem);
            watch.notice(Notice::Line(problem));
        }
        if more && let Err(error) = groups.add(&row, links) {
            summary.skipped += 1;
            watch.notice(Notice::Row {
                line: row.line,
                error,
            });
        }
        if !more || groups.rows() >= BATCH_ROWS {
            write(book, &mut groups, &mut summary)?;
            watch.progress(files.octets() + rows.octets_read(), total);
        }
        if !more {
            return Ok(summary);
        }
    }
}

/// Problems of the first reading that are told one by one; all are counted.
const MAX_KEPT_PROBLEMS: usize = 10_000;

fn count(summary: &mut Summary, problem: &Problem) {
    match problem.effect {
        Effect::Skipped => summary.skipped += 1,
        Effect::Kept | Effect::RelayDropped | Effect::FieldDropped => summary.reduced += 1,
    }
}

/// Writes what differs from the book.
fn write(book: &dyn Bulk, groups: &mut Groups, summary: &mut Summary) -> Result<(), ImportError> {
    let mut puts = Vec::new();
    let mut removes = Vec::new();
    let is_empty = book.last_seq() == 0;
    for (key, mut group) in groups.take() {
        let mut held = None;
        if !is_empty {
            leave_newer(book, &key, &mut group, summary)?;
            held = book.binding(key.link, key.client.octets())?;
        }
        let held = held.map(|record| record.view().to_binding()).transpose();
        let held = held.map_err(StoreError::from)?;
        match group.merge(&key, held, &mut summary.older) {
            None => summary.unchanged += 1,
            Some(Merged::Put(binding)) => puts.push(binding),
            Some(Merged::Remove) => removes.push(Change::Remove {
                link: key.link,
                client: key.client,
            }),
        }
    }
    summary.removed += removes.len() as u64;
    if !removes.is_empty() {
        book.commit(removes)?;
    }
    summary.written += puts.len() as u64;
    if !puts.is_empty() {
        book.put_all(puts)?;
    }
    Ok(())
}

/// Leaves out of `group` the leases that another client has had since.
fn leave_newer(
    book: &dyn Bulk,
    key: &GroupKey,
    group: &mut Group,
    summary: &mut Summary,
) -> Result<(), StoreError> {
    let mut kept = Vec::with_capacity(group.leases.len());
    for lease in group.leases.drain(..) {
        let holder = book.holder(lease.name)?;
        let newer = holder.is_some_and(|record| {
            let view = record.view();
            let same = view.link() == key.link && view.client() == key.client.octets();
            !same
                && view
                    .leases()
                    .any(|held| held.name == lease.name && held.clt > lease.clt)
        });
        if newer {
            summary.older += 1;
        } else {
            kept.push(lease);
        }
    }
    group.leases = kept;
    Ok(())
}

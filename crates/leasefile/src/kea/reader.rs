//! A Kea lease file, row by row.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use crate::kea::columns::Columns;
use crate::kea::row::{Cells, RowParser, Wrong};
use crate::lines::{Lines, MAX_LINE_OCTETS};
use crate::problem::{Effect, Fault, Problem, ReadError, Report};
use crate::row::LeaseRow;

/// Reads a lease file of Kea's memfile backend, DHCPv6, of every version of the format.
///
/// The file is a log: of the rows of one address the last counts, and a row with a valid
/// lifetime of 0 ([`LeaseRow::deleted`]) removes it. This reader gives every row;
/// [`crate::LeaseFiles`] gives those that count.
///
/// Bad lines go to the report and are skipped, as Kea skips them. What is wrong with the
/// host name, the hardware address or the relay data does not cost the lease: it is kept
/// without them, and reported.
pub struct KeaReader<R> {
    file: Arc<Path>,
    lines: Lines<R>,
    columns: Columns,
    parser: RowParser,
}

impl<R: Read> KeaReader<R> {
    /// Reads the header of `source`; `file` names it in problems.
    ///
    /// A file without any line is an empty one.
    ///
    /// # Errors
    /// If reading fails, or the header is not of a DHCPv6 lease file.
    pub fn new(file: Arc<Path>, source: R) -> Result<Self, ReadError> {
        let mut lines = Lines::new(source);
        let columns = loop {
            match lines.next().map_err(|source| reading(&file, source))? {
                None => break Columns::default(),
                Some(line) if line.text.is_empty() && !line.too_long => {}
                Some(line) => break Columns::parse(line.text, &file)?,
            }
        };
        Ok(Self {
            file,
            lines,
            columns,
            parser: RowParser::new(),
        })
    }

    /// Octets of the file read so far, for showing progress.
    pub fn octets_read(&self) -> u64 {
        self.lines.octets()
    }

    /// Lines read so far, the header included.
    pub(crate) fn lines_read(&self) -> u64 {
        self.lines.count()
    }

    /// Fills `row` with the next good row; false at the end of the file.
    ///
    /// # Errors
    /// If reading fails.
    pub fn next(&mut self, row: &mut LeaseRow, report: &mut Report<'_>) -> Result<bool, ReadError> {
        self.advance(row, |_| true, RowParser::read, report)
    }

    /// As [`Self::next`], for the lines that `choose` picks by their number; the others are
    /// not looked at.
    pub(crate) fn next_chosen(
        &mut self,
        row: &mut LeaseRow,
        choose: impl FnMut(u64) -> bool,
        report: &mut Report<'_>,
    ) -> Result<bool, ReadError> {
        self.advance(row, choose, RowParser::read, report)
    }

    /// Fills of `row` only what decides whether it counts: everything but host name,
    /// hardware address and relay data. Faster than [`Self::next`], and reports the same bad
    /// lines, but none of the lesser problems.
    pub(crate) fn next_checked(
        &mut self,
        row: &mut LeaseRow,
        report: &mut Report<'_>,
    ) -> Result<bool, ReadError> {
        let mut only_errors = |problem: Problem| {
            if problem.effect == Effect::Skipped {
                report(problem);
            }
        };
        self.advance(row, |_| true, RowParser::check, &mut only_errors)
    }

    fn advance(
        &mut self,
        row: &mut LeaseRow,
        mut choose: impl FnMut(u64) -> bool,
        read: fn(&mut RowParser, &Cells<'_>, &mut LeaseRow) -> Result<(), Wrong>,
        report: &mut Report<'_>,
    ) -> Result<bool, ReadError> {
        loop {
            let line = match self.lines.next() {
                Ok(Some(line)) => line,
                Ok(None) => return Ok(false),
                Err(source) => return Err(reading(&self.file, source)),
            };
            let blank = line.text.is_empty() && !line.too_long;
            if blank || !choose(line.number) {
                continue;
            }
            let mut tell = |wrong: Wrong| {
                report(Problem {
                    file: Arc::clone(&self.file),
                    line: line.number,
                    field: wrong.field,
                    fault: wrong.fault,
                    effect: wrong.effect,
                });
            };
            if line.too_long {
                let limit = MAX_LINE_OCTETS;
                tell(of_line(Fault::LineTooLong { limit }, Effect::Skipped));
                continue;
            }
            let cells = Cells::cut(line.text, &self.columns);
            match read(&mut self.parser, &cells, row) {
                Ok(()) => {
                    row.line = line.number;
                    self.parser.warnings.drain(..).for_each(&mut tell);
                    if !line.ended {
                        tell(of_line(Fault::NoNewline, Effect::Kept));
                    }
                    return Ok(true);
                }
                Err(wrong) if line.ended => tell(wrong),
                // Whatever seems wrong with it, the cause is that its end is missing.
                Err(_) => {
                    let (found, expected) = (cells.count, self.columns.least);
                    tell(of_line(Fault::Torn { found, expected }, Effect::Skipped));
                }
            }
        }
    }
}

fn of_line(fault: Fault, effect: Effect) -> Wrong {
    Wrong {
        field: None,
        fault,
        effect,
    }
}

fn reading(file: &Path, source: io::Error) -> ReadError {
    ReadError::Io {
        doing: "read",
        file: file.into(),
        source,
    }
}

#[cfg(test)]
mod tests;

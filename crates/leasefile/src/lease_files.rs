//! All files of an import, read twice so that only the rows that count are given.
//!
//! ```text
//! open   FILE...  -> which files, in which order, of which format
//! scan            -> first reading: every line checked, the last row of each lease known
//! rows            -> second reading: those rows, one after another
//! ```
//! Memory is bounded by what [`crate::last_rows`] keeps. The files are held open and read
//! up to the length they had when opened, so a server may go on writing, and its cleanup
//! may move or remove files meanwhile. Errors in lines are reported by the scan, lesser
//! problems of leases that count by the second reading: each once.
//!
//! Which rows count:
//! - Kea: of all rows with one address, over all Kea files in their order, the last; it is
//!   given with [`LeaseRow::deleted`] if its valid lifetime is 0. Kea's loader goes by the
//!   address alone too, not by type or prefix length.
//! - ISC: leases of the last block of their kind, IAID and client, unless a later block has
//!   the same address or prefix.
//! - JSON lines: all.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Take};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use crate::detect::{DETECT_OCTETS, Format};
use crate::isc::IscReader;
use crate::json_lines::JsonLinesReader;
use crate::kea::KeaReader;
use crate::kea::file_set::kea_file_set;
use crate::last_rows::{LastRows, LastRowsBuilder};
use crate::problem::{ReadError, Report};
use crate::row::LeaseRow;

/// How often Kea may move its files while they are being opened.
const OPEN_ATTEMPTS: usize = 10;

/// Rows between two calls that show progress.
const PROGRESS_ROWS: u64 = 1 << 14;

/// The files of an import, opened.
#[derive(Debug)]
pub struct LeaseFiles {
    sources: Vec<Source>,
}

/// What the first reading found: which rows count.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Kea rows, numbered by line over all files, that are the last of their address.
    kea_rows: LastRows,
    /// ISC blocks, numbered over all files, that are the last of their association.
    isc_blocks: LastRows,
    /// ISC leases, numbered over all files, that are the last of their address or prefix.
    isc_leases: LastRows,
    /// Good rows in all files, those that do not count included.
    pub rows: u64,
    /// Distinct leases that the files speak of, deleted ones included; never fewer than
    /// are given.
    pub leases: u64,
}

impl LeaseFiles {
    /// Opens `paths` and the files that belong to them; later ones are newer.
    ///
    /// A lease file of Kea stands for the set that Kea itself would load with it
    /// ([`kea_file_set`]), unless it is named by one of the suffixes of that set. A file
    /// named twice is read once.
    ///
    /// # Errors
    /// If a file cannot be opened or is of no known format, or if Kea's cleanup moves the
    /// files all the while.
    pub fn open<P: AsRef<Path>>(paths: &[P]) -> Result<Self, ReadError> {
        let mut files = Self {
            sources: Vec::new(),
        };
        for path in paths {
            let path = path.as_ref();
            let is_part = [".1", ".2", ".completed", ".output"]
                .iter()
                .any(|suffix| path.to_string_lossy().ends_with(suffix));
            if !is_part && (!path.exists() || Source::open(path)?.format == Format::KeaCsv) {
                open_set(path)?
                    .into_iter()
                    .for_each(|source| files.add(source));
            } else {
                files.add(Source::open(path)?);
            }
        }
        Ok(files)
    }

    fn add(&mut self, source: Source) {
        let is_known = |known: &Source| known.identity == source.identity;
        if !self.sources.iter().any(is_known) {
            self.sources.push(source);
        }
    }

    /// The files in the order they are read, with format and octets.
    pub fn list(&self) -> impl Iterator<Item = (&Path, Format, u64)> {
        self.sources
            .iter()
            .map(|source| (&*source.file, source.format, source.octets))
    }

    /// Octets of all files: what one reading reads.
    pub fn octets(&self) -> u64 {
        self.sources.iter().map(|source| source.octets).sum()
    }

    /// Reads everything once, reporting bad lines, to learn which rows count.
    ///
    /// `progress` is called now and then with the octets read so far.
    ///
    /// # Errors
    /// If reading fails or a Kea file's header is wrong.
    pub fn scan(
        &self,
        report: &mut Report<'_>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Scan, ReadError> {
        let mut scanner = Scanner::default();
        let mut octets = 0;
        for source in &self.sources {
            let mut progress = |read| progress(octets + read);
            scanner.read(source, report, &mut progress)?;
            octets += source.octets;
        }
        progress(octets);
        Ok(scanner.finish())
    }

    /// Reads everything a second time, giving the rows that count.
    pub fn rows<'a>(&'a self, scan: &'a Scan) -> Rows<'a> {
        Rows {
            scan,
            sources: self.sources.iter(),
            current: None,
            octets_before: 0,
            lines_before: 0,
            blocks_before: 0,
            leases_before: 0,
        }
    }
}

/// One file to be read.
#[derive(Debug)]
struct Source {
    file: Arc<Path>,
    handle: File,
    /// Device and inode: what the file is, whatever it is called by now.
    identity: (u64, u64),
    /// Its octets when it was opened; what is appended later is not read.
    octets: u64,
    format: Format,
}

impl Source {
    fn open(path: &Path) -> Result<Self, ReadError> {
        let failed = |doing, source| ReadError::Io {
            doing,
            file: path.into(),
            source,
        };
        let handle = File::open(path).map_err(|error| failed("open", error))?;
        let about = handle
            .metadata()
            .map_err(|error| failed("look at", error))?;
        let mut first = Vec::new();
        (&handle)
            .take(DETECT_OCTETS as u64)
            .read_to_end(&mut first)
            .map_err(|error| failed("read", error))?;
        let format =
            Format::detect(&first).ok_or_else(|| ReadError::UnknownFormat { file: path.into() })?;
        Ok(Self {
            file: path.into(),
            handle,
            identity: (about.dev(), about.ino()),
            octets: about.len(),
            format,
        })
    }

    /// The octets the file had when it was opened, from the beginning.
    fn read(&self) -> Result<Take<&File>, ReadError> {
        let mut handle = &self.handle;
        match handle.seek(SeekFrom::Start(0)) {
            Ok(_) => Ok(handle.take(self.octets)),
            Err(source) => Err(ReadError::Io {
                doing: "go to the beginning of",
                file: self.file.to_path_buf(),
                source,
            }),
        }
    }
}

/// Opens the files Kea would load with `main`, making sure that its cleanup did not move
/// them between being found and being opened.
fn open_set(main: &Path) -> Result<Vec<Source>, ReadError> {
    for _ in 0..OPEN_ATTEMPTS {
        let set = kea_file_set(main);
        let mut sources = Vec::new();
        for path in &set {
            match Source::open(path) {
                Ok(source) => sources.push(source),
                // Between moving the main file and making a new one Kea has none.
                Err(ReadError::Io { source, .. })
                    if source.kind() == ErrorKind::NotFound && set.len() > 1 => {}
                Err(error) => return Err(error),
            }
        }
        let stayed = |source: &Source| {
            std::fs::metadata(&source.file)
                .is_ok_and(|about| (about.dev(), about.ino()) == source.identity)
        };
        let found = set.iter().filter(|path| path.exists()).count();
        if set == kea_file_set(main) && found == sources.len() && sources.iter().all(stayed) {
            return Ok(sources);
        }
    }
    Err(ReadError::FilesMoving { file: main.into() })
}

/// The first reading.
#[derive(Debug, Default)]
struct Scanner {
    kea_rows: LastRowsBuilder,
    isc_blocks: LastRowsBuilder,
    isc_leases: LastRowsBuilder,
    /// Lines, blocks and leases of the files read before.
    lines: u64,
    blocks: u64,
    leases: u64,
    rows: u64,
    json_leases: u64,
}

impl Scanner {
    fn read(
        &mut self,
        source: &Source,
        report: &mut Report<'_>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), ReadError> {
        let file = Arc::clone(&source.file);
        let octets = source.read()?;
        match source.format {
            Format::KeaCsv => self.read_kea(KeaReader::new(file, octets)?, report, progress),
            Format::IscLeases => self.read_isc(IscReader::new(file, octets), report, progress),
            Format::JsonLines => {
                self.read_json(JsonLinesReader::new(file, octets), report, progress)
            }
        }
    }

    fn read_kea<R: Read>(
        &mut self,
        mut reader: KeaReader<R>,
        report: &mut Report<'_>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), ReadError> {
        let mut row = LeaseRow::new();
        while reader.next_checked(&mut row, report)? {
            self.kea_rows
                .note(row.address().octets(), self.lines + row.line);
            self.count_row(reader.octets_read(), progress);
        }
        self.lines += reader.lines_read();
        Ok(())
    }

    fn read_isc<R: Read>(
        &mut self,
        mut reader: IscReader<R>,
        report: &mut Report<'_>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), ReadError> {
        while reader.next_block(report)? {
            let block = self.blocks + reader.block_number();
            self.isc_blocks.note(reader.block_key(), block);
            for key in reader.lease_keys() {
                self.leases += 1;
                self.isc_leases.note(key, self.leases);
                self.count_row(reader.octets_read(), progress);
            }
        }
        self.blocks += reader.block_number();
        Ok(())
    }

    fn read_json<R: Read>(
        &mut self,
        mut reader: JsonLinesReader<R>,
        report: &mut Report<'_>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), ReadError> {
        while let Some((_, binding)) = reader.next_binding(report)? {
            self.json_leases += binding.leases.len() as u64;
            self.count_row(reader.octets_read(), progress);
        }
        Ok(())
    }

    fn count_row(&mut self, octets: u64, progress: &mut dyn FnMut(u64)) {
        self.rows += 1;
        if self.rows.is_multiple_of(PROGRESS_ROWS) {
            progress(octets);
        }
    }

    fn finish(self) -> Scan {
        Scan {
            leases: self.kea_rows.leases() + self.isc_leases.leases() + self.json_leases,
            rows: self.rows,
            kea_rows: self.kea_rows.finish(),
            isc_blocks: self.isc_blocks.finish(),
            isc_leases: self.isc_leases.finish(),
        }
    }
}

/// The second reading: rows that count, one after another.
pub struct Rows<'a> {
    scan: &'a Scan,
    sources: std::slice::Iter<'a, Source>,
    current: Option<Reading<'a>>,
    octets_before: u64,
    /// Lines, blocks and leases before the current file, as the scan numbered them.
    lines_before: u64,
    blocks_before: u64,
    leases_before: u64,
}

/// The file being read.
enum Reading<'a> {
    Kea(KeaReader<Take<&'a File>>),
    Isc(IscReader<Take<&'a File>>),
    Json(JsonLinesReader<Take<&'a File>>),
}

impl Rows<'_> {
    /// Fills `row` with the next row that counts; false when there are no more.
    ///
    /// # Errors
    /// If reading fails.
    pub fn next(&mut self, row: &mut LeaseRow, report: &mut Report<'_>) -> Result<bool, ReadError> {
        loop {
            if self.next_of_file(row, report)? {
                return Ok(true);
            }
            self.leave_file();
            let Some(source) = self.sources.next() else {
                return Ok(false);
            };
            let file = Arc::clone(&source.file);
            let octets = source.read()?;
            // The scan told of everything wrong but lesser problems.
            self.current = Some(match source.format {
                Format::KeaCsv => Reading::Kea(KeaReader::new(file, octets)?),
                Format::IscLeases => Reading::Isc(IscReader::new(file, octets)),
                Format::JsonLines => Reading::Json(JsonLinesReader::new(file, octets)),
            });
        }
    }

    /// Octets read so far of all files.
    pub fn octets_read(&self) -> u64 {
        self.octets_before + self.current.as_ref().map_or(0, Reading::octets_read)
    }

    fn next_of_file(
        &mut self,
        row: &mut LeaseRow,
        report: &mut Report<'_>,
    ) -> Result<bool, ReadError> {
        match &mut self.current {
            None => Ok(false),
            Some(Reading::Kea(reader)) => {
                let (rows, before) = (&self.scan.kea_rows, self.lines_before);
                reader.next_chosen(row, |line| rows.is_last(before + line), report)
            }
            Some(Reading::Isc(reader)) => loop {
                while reader.next_of_block(row) {
                    self.leases_before += 1;
                    let block = self.blocks_before + reader.block_number();
                    if self.scan.isc_blocks.is_last(block)
                        && self.scan.isc_leases.is_last(self.leases_before)
                    {
                        return Ok(true);
                    }
                }
                if !reader.next_block(&mut |_| ())? {
                    return Ok(false);
                }
            },
            Some(Reading::Json(reader)) => reader.next(row, &mut |_| ()),
        }
    }

    fn leave_file(&mut self) {
        self.octets_before += self.current.as_ref().map_or(0, Reading::octets_read);
        match self.current.take() {
            Some(Reading::Kea(reader)) => self.lines_before += reader.lines_read(),
            Some(Reading::Isc(reader)) => self.blocks_before += reader.block_number(),
            Some(Reading::Json(_)) | None => {}
        }
    }
}

impl Reading<'_> {
    fn octets_read(&self) -> u64 {
        match self {
            Self::Kea(reader) => reader.octets_read(),
            Self::Isc(reader) => reader.octets_read(),
            Self::Json(reader) => reader.octets_read(),
        }
    }
}

#[cfg(test)]
mod tests;

//! Every parser of this crate as a function of octets, for fuzzing.
//!
//! None of them may panic, hang or take memory out of proportion, whatever the octets;
//! beyond that each holds the promise its comment makes, by assertion.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use crate::detect::{DETECT_OCTETS, Format};
use crate::isc::IscReader;
use crate::json_lines::{JsonLinesReader, write_binding};
use crate::kea::KeaReader;
use crate::kea::escape::{escape, unescape};
use crate::kea_config::{parse_kea_config, to_leasebook_toml};
use crate::problem::{ReadError, Report};
use crate::row::LeaseRow;

/// A Kea lease file. Every octet is accounted for; lines rise; relay data is a chain that the
/// codec can read; in what pieces the file is read makes no difference.
pub fn kea_csv(octets: &[u8]) {
    let rows = kea_rows(octets, octets.len());
    let lines: Vec<u64> = rows.0.iter().map(|row| row.line).collect();
    assert!(lines.is_sorted_by(|one, next| one < next), "lines rise");
    if octets.len() <= PIECES_OCTETS {
        assert!(kea_rows(octets, 1) == rows, "octet by octet");
        assert!(kea_rows(octets, 7) == rows, "in pieces");
    }
}

fn kea_rows(octets: &[u8], piece: usize) -> (Vec<LeaseRow>, Vec<String>) {
    let mut reader = match KeaReader::new(name(), Pieces(octets, piece)) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), vec![error.to_string()]),
    };
    let rows = rows(&mut |row, report| reader.next(row, report));
    assert_eq!(reader.octets_read(), octets.len() as u64);
    rows
}

/// The cell of a Kea lease file: what is unescaped and escaped again reads the same.
pub fn kea_escape(octets: &[u8]) {
    let (mut plain, mut escaped, mut again) = (Vec::new(), Vec::new(), Vec::new());
    unescape(octets, &mut plain);
    escape(&plain, &mut escaped);
    unescape(&escaped, &mut again);
    assert_eq!(plain, again);
}

/// An ISC lease file. Every octet is accounted for; in what pieces the file is read makes no
/// difference.
pub fn isc_leases(octets: &[u8]) {
    let rows = isc_rows(octets, octets.len());
    if octets.len() <= PIECES_OCTETS {
        assert!(isc_rows(octets, 1) == rows, "octet by octet");
        assert!(isc_rows(octets, 7) == rows, "in pieces");
    }
}

fn isc_rows(octets: &[u8], piece: usize) -> (Vec<LeaseRow>, Vec<String>) {
    let mut reader = IscReader::new(name(), Pieces(octets, piece));
    let rows = rows(&mut |row, report| reader.next(row, report));
    assert_eq!(reader.octets_read(), octets.len() as u64);
    rows
}

/// leasebook's own lease file: what is read, written and read again is the same.
pub fn json_lines(octets: &[u8]) {
    let mut reader = JsonLinesReader::new(name(), octets);
    while let Ok(Some((_, binding))) = reader.next_binding(&mut |_| ()) {
        let mut text = Vec::new();
        let written = write_binding(&mut text, &binding);
        assert!(written.is_ok(), "writing to memory fails");
        let mut again = JsonLinesReader::new(name(), &text[..]);
        let read = again.next_binding(&mut |problem| panic!("{problem}"));
        assert_eq!(
            read.ok().flatten().map(|(_, binding)| binding),
            Some(binding)
        );
    }
}

/// The beginning of any file: white space and a byte order mark before it do not count, nor does
/// what is behind the part looked at; the reader of the format found takes the file, or says
/// what is wrong with its header.
pub fn detect(octets: &[u8]) {
    let first = octets.get(..DETECT_OCTETS).unwrap_or(octets);
    let found = Format::detect(first);
    // A second byte order mark, or one behind white space, is none.
    if !octets.starts_with(BYTE_ORDER_MARK) {
        for before in [&b"\n \r\n"[..], BYTE_ORDER_MARK] {
            let first = [before, first].concat();
            assert_eq!(Format::detect(&first), found, "{before:?}");
        }
    }
    if found == Some(Format::KeaCsv) {
        let refused = KeaReader::new(name(), octets).err();
        // Nothing but the header can be wrong with it.
        let is_header = |error: &ReadError| !matches!(error, ReadError::Io { .. });
        assert!(refused.as_ref().is_none_or(is_header), "{refused:?}");
    }
}

/// A configuration of Kea; what it includes is empty.
pub fn kea_config(octets: &[u8]) {
    let empty = &mut |_: &Path| -> io::Result<Vec<u8>> { Ok(Vec::new()) };
    if let Ok(config) = parse_kea_config(Path::new("fuzz"), octets, empty) {
        let (toml, _) = to_leasebook_toml(&config);
        assert!(!toml.is_empty());
    }
}

/// All rows of a reader, each checked, and its problems.
fn rows(
    next: &mut dyn FnMut(&mut LeaseRow, &mut Report<'_>) -> Result<bool, ReadError>,
) -> (Vec<LeaseRow>, Vec<String>) {
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    let mut row = LeaseRow::new();
    while matches!(
        next(&mut row, &mut |problem| problems.push(problem.to_string())),
        Ok(true)
    ) {
        check_row(&row);
        rows.push(row.clone());
    }
    (rows, problems)
}

/// What holds of every row of any format.
fn check_row(row: &LeaseRow) {
    assert!(!row.client.is_empty() && row.client.len() <= crate::text::MAX_DUID_OCTETS);
    if let Some(relay) = &row.relay {
        let limit = crate::kea::MAX_RELAYS;
        let path = leasebook_wire::chain::RelayPath::parse(&relay.chain, limit);
        assert!(path.is_ok(), "{path:?}");
    }
}

/// A file that is read in pieces of this many octets.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Self(rest, piece) = self;
        let count = rest.len().min(into.len()).min(*piece);
        let (now, later) = rest.split_at(count);
        into[..count].copy_from_slice(now);
        *rest = later;
        Ok(count)
    }
}

/// Files up to this size are read in pieces too.
const PIECES_OCTETS: usize = 4096;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

fn name() -> Arc<Path> {
    Path::new("fuzz").into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [fn(&[u8]); 6] = [
        kea_csv, kea_escape, isc_leases, json_lines, detect, kea_config,
    ];

    #[test]
    fn the_recorded_files_hold_every_promise() {
        let files: [&[u8]; 5] = [
            include_bytes!("../tests/data/kea-leases6.csv"),
            include_bytes!("../tests/data/kea-leases6-many.csv"),
            include_bytes!("../tests/data/kea-dhcp6.conf"),
            include_bytes!("../tests/data/kea-dhcp6-many.conf"),
            include_bytes!("../tests/data/dhcpd6.leases"),
        ];
        for (file, parse) in files.iter().flat_map(|file| ALL.map(|parse| (file, parse))) {
            parse(file);
        }
    }

    proptest! {
        #[test]
        fn any_octets_hold_every_promise(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            for parse in ALL {
                parse(&octets);
            }
        }
    }
}

//! Every parser of this crate as a function of octets, for fuzzing.
//!
//! None of them may panic, hang or take memory out of proportion, whatever the octets;
//! beyond that each holds the promise its comment makes, by assertion.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::detect::Format;
use crate::isc::IscReader;
use crate::json_lines::{JsonLinesReader, write_binding};
use crate::kea::KeaReader;
use crate::kea::escape::{escape, unescape};
use crate::kea_config::{parse_kea_config, to_leasebook_toml};
use crate::row::LeaseRow;

/// A Kea lease file. Every line is either given or reported, never both but for problems
/// that keep the lease; relay data is a chain that the codec can read.
pub fn kea_csv(octets: &[u8]) {
    let Ok(mut reader) = KeaReader::new(name(), octets) else {
        return;
    };
    let mut row = LeaseRow::new();
    let mut line = 0;
    while matches!(reader.next(&mut row, &mut |_| ()), Ok(true)) {
        assert!(row.line > line, "lines rise");
        line = row.line;
        check_row(&row);
    }
    assert_eq!(reader.octets_read(), octets.len() as u64);
}

/// The cell of a Kea lease file: what is unescaped and escaped again reads the same.
pub fn kea_escape(octets: &[u8]) {
    let (mut plain, mut escaped, mut again) = (Vec::new(), Vec::new(), Vec::new());
    unescape(octets, &mut plain);
    escape(&plain, &mut escaped);
    unescape(&escaped, &mut again);
    assert_eq!(plain, again);
}

/// An ISC lease file.
pub fn isc_leases(octets: &[u8]) {
    let mut reader = IscReader::new(name(), octets);
    let mut row = LeaseRow::new();
    while matches!(reader.next(&mut row, &mut |_| ()), Ok(true)) {
        check_row(&row);
    }
    assert_eq!(reader.octets_read(), octets.len() as u64);
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

/// The beginning of any file.
pub fn detect(octets: &[u8]) {
    let _ = Format::detect(octets);
}

/// A configuration of Kea; what it includes is empty.
pub fn kea_config(octets: &[u8]) {
    let empty = &mut |_: &Path| -> io::Result<Vec<u8>> { Ok(Vec::new()) };
    if let Ok(config) = parse_kea_config(Path::new("fuzz"), octets, empty) {
        let (toml, _) = to_leasebook_toml(&config);
        assert!(!toml.is_empty());
    }
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

//! What fuzzing drives: any octets as the image of a segment.

use std::io;
use std::path::PathBuf;

use super::format::{self, ENTRY_HEADER, MAX_BODY_OCTETS, SEGMENT_HEADER};
use super::scan::{Scan, Step};
use crate::storage::DiskFile;

/// Reads octets as a segment of whatever book they say, judges their end as opening would, and
/// looks behind damage as repairing would; returns how many payloads held. Never panics; memory
/// is bounded by the octets.
///
/// Checksums keep random octets out. So that what is behind them is reached too, the octets
/// are also read as what follows the header of a segment, and as the body of an entry, with
/// checksums made right.
pub fn replay_image(octets: &[u8]) -> u64 {
    let mut payloads = match format::parse_segment_header(octets) {
        Ok(header) => replay(octets.to_vec(), header.book, header.first_seq),
        Err(_) => 0,
    };
    let mut image = format::segment_header(0, 1).to_vec();
    image.extend_from_slice(octets);
    payloads += replay(image, 0, 1);
    if let Some((count, body)) = octets.split_first()
        && body.len() <= MAX_BODY_OCTETS
    {
        let mut entry = vec![0; ENTRY_HEADER];
        entry.extend_from_slice(body);
        entry.push(format::END_MARK);
        format::fill_entry_header(&mut entry, format::salt(0, 1), 1, u32::from(*count));
        let mut image = format::segment_header(0, 1).to_vec();
        image.extend_from_slice(&entry);
        payloads += replay(image, 0, 1);
    }
    payloads
}

fn replay(image: Vec<u8>, book: u128, first_seq: u64) -> u64 {
    let file = Box::new(Image(image));
    let Ok(mut scan) = Scan::over(file, PathBuf::from("image"), book, first_seq) else {
        return 0;
    };
    let mut count = 0;
    loop {
        match scan.step() {
            Ok(Step::Entry { payloads, .. }) => count += payloads.count() as u64,
            Ok(Step::Seal) => {}
            Ok(Step::End) | Err(_) => return count,
            Ok(Step::Bad(kind)) => {
                // Both must hold out; what they say does not matter here.
                let _ = scan.torn_end(kind);
                if !matches!(scan.find_entry(), Ok(true)) {
                    return count;
                }
            }
        }
    }
}

/// The header of a segment, for corpora.
pub fn sample_header() -> [u8; SEGMENT_HEADER] {
    format::segment_header(0, 1)
}

/// Octets as a file that can only be read.
#[derive(Debug)]
struct Image(Vec<u8>);

impl DiskFile for Image {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let there = self.0.get(offset..).unwrap_or_default();
        let read = there.len().min(into.len());
        into[..read].copy_from_slice(&there[..read]);
        Ok(read)
    }

    fn write_all_at(&self, _octets: &[u8], _offset: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn set_len(&self, _len: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn reserve(&self, _len: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync_data(&self) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }
}

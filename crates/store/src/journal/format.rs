//! The octets of segments and entries; the drawing is in the parent module.

use super::error::DamageKind;

/// The version of the format that is written, and the only one read.
pub const FORMAT_VERSION: u32 = 1;

/// How long the body of an entry may be, in octets; checked before memory is reserved for one.
pub const MAX_BODY_OCTETS: usize = 16 << 20;

/// Octets of a segment's header.
pub(super) const SEGMENT_HEADER: usize = 40;

/// Octets of an entry's header.
pub(super) const ENTRY_HEADER: usize = 28;

/// Octets of a seal: a header and a body of the end mark alone.
pub(super) const SEAL_OCTETS: u64 = ENTRY_HEADER as u64 + 1;

/// The last octet of every entry. Not zero, so that an entry whose end never reached the disk
/// shows it.
pub(super) const END_MARK: u8 = 0xe5;

/// How every entry begins.
pub(super) const ENTRY_MAGIC: [u8; 4] = *b"jent";

const SEGMENT_MAGIC: [u8; 8] = *b"lbjournl";

/// The octets that begin a segment.
pub(super) fn segment_header(book: u128, first_seq: u64) -> [u8; SEGMENT_HEADER] {
    let mut header = [0; SEGMENT_HEADER];
    header[..8].copy_from_slice(&SEGMENT_MAGIC);
    header[8..12].copy_from_slice(&FORMAT_VERSION.to_be_bytes());
    header[16..32].copy_from_slice(&book.to_be_bytes());
    header[32..40].copy_from_slice(&first_seq.to_be_bytes());
    let crc = segment_crc(&header);
    header[12..16].copy_from_slice(&crc.to_be_bytes());
    header
}

/// What a segment says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) book: u128,
    pub(super) first_seq: u64,
}

/// Reads the octets that begin a segment; `octets` is shorter only where the file is.
pub(super) fn parse_segment_header(octets: &[u8]) -> Result<SegmentHeader, DamageKind> {
    let Some(header) = octets.first_chunk::<SEGMENT_HEADER>() else {
        return Err(DamageKind::SegmentShort {
            octets: octets.len(),
            needed: SEGMENT_HEADER,
        });
    };
    if header[..8] != SEGMENT_MAGIC {
        return Err(DamageKind::NotASegment);
    }
    let found = u32_at(header, 12);
    let computed = segment_crc(header);
    if found != computed {
        return Err(DamageKind::SegmentCrc { found, computed });
    }
    let version = u32_at(header, 8);
    if version != FORMAT_VERSION {
        return Err(DamageKind::Version { found: version });
    }
    let mut book = [0; 16];
    book.copy_from_slice(&header[16..32]);
    Ok(SegmentHeader {
        book: u128::from_be_bytes(book),
        first_seq: u64_at(header, 32),
    })
}

/// From what the CRCs of a segment's entries start.
pub(super) fn salt(book: u128, first_seq: u64) -> u32 {
    crc32c::crc32c_append(
        crc32c::crc32c(&book.to_be_bytes()),
        &first_seq.to_be_bytes(),
    )
}

/// Writes the header of the entry whose body is behind it in `entry`, which is at least as
/// long as a header.
pub(super) fn fill_entry_header(entry: &mut [u8], salt: u32, first_seq: u64, count: u32) {
    let Some((header, body)) = entry.split_first_chunk_mut::<ENTRY_HEADER>() else {
        return;
    };
    // Batches are limited far below 2^32 octets.
    let body_octets = u32::try_from(body.len()).unwrap_or(u32::MAX);
    header[..4].copy_from_slice(&ENTRY_MAGIC);
    header[4..8].copy_from_slice(&body_octets.to_be_bytes());
    header[8..16].copy_from_slice(&first_seq.to_be_bytes());
    header[16..20].copy_from_slice(&count.to_be_bytes());
    header[20..24].copy_from_slice(&crc32c::crc32c_append(salt, body).to_be_bytes());
    let crc = crc32c::crc32c_append(salt, &header[..24]);
    header[24..28].copy_from_slice(&crc.to_be_bytes());
}

/// The seal that ends a segment whose payloads end before `next_seq`.
pub(super) fn seal(salt: u32, next_seq: u64) -> [u8; ENTRY_HEADER + 1] {
    let mut seal = [0; ENTRY_HEADER + 1];
    seal[ENTRY_HEADER] = END_MARK;
    fill_entry_header(&mut seal, salt, next_seq, 0);
    seal
}

/// What an entry says about its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EntryHeader {
    pub(super) body_octets: usize,
    pub(super) first_seq: u64,
    pub(super) count: u32,
    body_crc: u32,
}

impl EntryHeader {
    /// Octets of the entry, header and body.
    pub(super) fn entry_octets(&self) -> u64 {
        (ENTRY_HEADER + self.body_octets) as u64
    }

    /// The number after the entry's last; `None` if there is no such number.
    pub(super) fn next_seq(&self) -> Option<u64> {
        self.first_seq.checked_add(u64::from(self.count))
    }

    /// Checks a body and splits it into payloads.
    pub(super) fn payloads<'a>(
        &self,
        salt: u32,
        body: &'a [u8],
    ) -> Result<Payloads<'a>, DamageKind> {
        let computed = crc32c::crc32c_append(salt, body);
        if computed != self.body_crc {
            return Err(DamageKind::EntryCrc {
                found: self.body_crc,
                computed,
            });
        }
        let broken = DamageKind::Payloads { count: self.count };
        let Some((&END_MARK, octets)) = body.split_last() else {
            return Err(broken);
        };
        let payloads = Payloads { octets };
        let mut walk = payloads.clone();
        let whole = walk.by_ref().count();
        if u32::try_from(whole) == Ok(self.count) && walk.octets.is_empty() {
            Ok(payloads)
        } else {
            Err(broken)
        }
    }
}

/// Reads the header of an entry. Only one that holds is told: its length is within
/// [`MAX_BODY_OCTETS`].
pub(super) fn parse_entry_header(octets: &[u8], salt: u32) -> Result<EntryHeader, DamageKind> {
    let Some(header) = octets.first_chunk::<ENTRY_HEADER>() else {
        return Err(DamageKind::EntryShort {
            octets: octets.len() as u64,
            needed: ENTRY_HEADER as u64,
        });
    };
    if header[..4] != ENTRY_MAGIC {
        return Err(DamageKind::NotAnEntry);
    }
    let found = u32_at(header, 24);
    let computed = crc32c::crc32c_append(salt, &header[..24]);
    if found != computed {
        return Err(DamageKind::EntryHeaderCrc { found, computed });
    }
    let body_octets = usize::try_from(u32_at(header, 4)).unwrap_or(usize::MAX);
    if body_octets == 0 || body_octets > MAX_BODY_OCTETS {
        return Err(DamageKind::EntryLength {
            octets: body_octets,
        });
    }
    Ok(EntryHeader {
        body_octets,
        first_seq: u64_at(header, 8),
        count: u32_at(header, 16),
        body_crc: u32_at(header, 20),
    })
}

/// The payloads of an entry, in order. Ends early only where the octets do.
#[derive(Clone, Debug)]
pub(super) struct Payloads<'a> {
    octets: &'a [u8],
}

impl<'a> Iterator for Payloads<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (len, rest) = self.octets.split_first_chunk::<4>()?;
        let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
        let (payload, rest) = rest.split_at_checked(len)?;
        self.octets = rest;
        Some(payload)
    }
}

fn segment_crc(header: &[u8; SEGMENT_HEADER]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&header[..12]), &header[16..])
}

fn u32_at<const N: usize>(octets: &[u8; N], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&octets[at..at + 4]);
    u32::from_be_bytes(number)
}

fn u64_at<const N: usize>(octets: &[u8; N], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&octets[at..at + 8]);
    u64::from_be_bytes(number)
}

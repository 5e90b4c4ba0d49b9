//! What the ledger says of itself: one record in a table of its own.
//!
//! ```text
//! "leasebook ledger"(16) format(4) crc(4) | book(16) | applied_seq(8) bindings(8) leases(8)
//! ```
//!
//! Numbers in network order; the CRC-32C is of everything behind it.

/// The only key of the table.
pub(super) const KEY: &[u8] = b"meta";

/// Changes whenever an older leasebook could not read what a newer one writes.
pub(super) const FORMAT: u32 = 1;

const MAGIC: &[u8; 16] = b"leasebook ledger";
const OCTETS: usize = 64;
const CRC_FROM: usize = 24;

/// The state that a checkpoint leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Meta {
    /// The number of the book, the same as in its journal.
    pub(crate) book: u128,
    /// The newest change that is in the ledger.
    pub(crate) applied_seq: u64,
    /// Records in the ledger.
    pub(crate) bindings: u64,
    /// Leases in them.
    pub(crate) leases: u64,
}

impl Meta {
    pub(super) fn octets(&self) -> [u8; OCTETS] {
        let mut octets = [0; OCTETS];
        let mut put = |at: usize, part: &[u8]| octets[at..at + part.len()].copy_from_slice(part);
        put(0, MAGIC);
        put(16, &FORMAT.to_be_bytes());
        put(24, &self.book.to_be_bytes());
        put(40, &self.applied_seq.to_be_bytes());
        put(48, &self.bindings.to_be_bytes());
        put(56, &self.leases.to_be_bytes());
        let crc = crc32c::crc32c(&octets[CRC_FROM..]);
        octets[20..24].copy_from_slice(&crc.to_be_bytes());
        octets
    }

    /// Reads it, or says what is wrong.
    pub(super) fn parse(octets: &[u8]) -> Result<Self, String> {
        if octets.get(..16) != Some(MAGIC) {
            return Err("it is no ledger of a leasebook".to_owned());
        }
        let format = u32::from_be_bytes(field(octets, 16));
        if format != FORMAT {
            return Err(format!(
                "it has format {format}, this leasebook reads and writes {FORMAT}"
            ));
        }
        let said = u32::from_be_bytes(field(octets, 20));
        let found = crc32c::crc32c(octets.get(CRC_FROM..).unwrap_or_default());
        if octets.len() != OCTETS || said != found {
            return Err("what it says of itself is damaged".to_owned());
        }
        Ok(Self {
            book: u128::from_be_bytes(field(octets, 24)),
            applied_seq: u64::from_be_bytes(field(octets, 40)),
            bindings: u64::from_be_bytes(field(octets, 48)),
            leases: u64::from_be_bytes(field(octets, 56)),
        })
    }
}

fn field<const N: usize>(octets: &[u8], at: usize) -> [u8; N] {
    let found = octets
        .get(at..)
        .and_then(|octets| octets.first_chunk::<N>());
    found.copied().unwrap_or([0; N])
}

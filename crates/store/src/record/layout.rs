//! Numbers of the record layout, and total readers for them.
//!
//! Inside the book integers are little-endian, as the machines are that read them in the
//! hot path; what goes to the network stays in network order. Readers give 0 for what
//! lies outside: [`super::RecordView::parse`] has refused such records before.

/// Octets of a record's head.
pub const HEAD_OCTETS: usize = 40;

/// Where in the head the number of the change is.
pub(super) const SEQ_AT: usize = 16;

/// Octets before the head in the one-record form: key, frame and rest lengths.
pub(crate) const LENGTHS_OCTETS: usize = 12;

/// Octets of one lease in the lease table.
pub(crate) const LEASE_OCTETS: usize = 40;

/// Octets of one entry in the table of relay identities.
pub(crate) const ID_OCTETS: usize = 12;

/// Octets before the lease table: counts and lengths.
pub(crate) const REST_HEAD_OCTETS: usize = 12;

/// Octets of a frame before the CLIENTID option: size, type, transaction-id, CLIENT_DATA header.
pub const FRAME_PREFIX_OCTETS: usize = 10;

/// Octets of an option's code and length (RFC 8415 §21.1).
pub const OPTION_HEADER_OCTETS: usize = 4;

/// Octets of an IAADDR option without inner options, header included.
pub const IAADDR_OCTETS: usize = 28;

/// Octets of an IAPREFIX option without inner options, header included.
pub const IAPREFIX_OCTETS: usize = 29;

/// Octets of a CLT_TIME option, header included.
pub const CLT_TIME_OCTETS: usize = 8;

/// Every bound lease has the record's CLT, so one age counts for all.
pub(crate) const FLAG_UNIFORM: u8 = 0b0001;
/// More than one Relay-ID or more than one Remote-ID in the relay chain.
pub(crate) const FLAG_MANY_IDS: u8 = 0b0010;
/// The leases do not fit one message; the frame is empty and must be made from the leases.
pub(super) const FLAG_OVERSIZE: u8 = 0b0100;
/// Some lease is not bound (declined, released, reclaimed, registered).
pub(super) const FLAG_INACTIVE: u8 = 0b1000;

#[inline]
pub(crate) fn u16_at(octets: &[u8], at: usize) -> u16 {
    read(octets, at).map_or(0, u16::from_le_bytes)
}

#[inline]
pub(crate) fn u32_at(octets: &[u8], at: usize) -> u32 {
    read(octets, at).map_or(0, u32::from_le_bytes)
}

#[inline]
pub(crate) fn u64_at(octets: &[u8], at: usize) -> u64 {
    read(octets, at).map_or(0, u64::from_le_bytes)
}

#[inline]
pub(crate) fn size_at(octets: &[u8], at: usize) -> usize {
    u32_at(octets, at) as usize
}

#[inline]
fn read<const N: usize>(octets: &[u8], at: usize) -> Option<[u8; N]> {
    octets.get(at..)?.first_chunk::<N>().copied()
}

//! Blocks: records packed together so that a few pages of the ledger hold many.
//!
//! A scan that meets one record a page misses the cache at each; one that meets a page of
//! records streams (docs/decisions/0002). Inside a block like lies with like, so the frames of
//! neighbours are one run of octets that goes to the socket with one copy:
//!
//! ```text
//!  header(16) | entry(52) * count | sentinel(12) | key * count | frame * count | rest * count
//!
//!  header    magic "LB"(2) count(2) crc(4) octets(4) flags(2) 0(2)
//!  entry     key at(4) frame at(4) rest at(4) | head(40)
//!  sentinel  the end of the last key, frame and rest: as an entry without head
//! ```
//!
//! Numbers are little-endian; places are octets from the start of the block; the CRC-32C is of
//! everything behind it. Keys ascend. A record too large for a block has one of its own.
//!
//! The CRC is checked when a block is changed and by `verify`, not by each scan: it would cost
//! more than everything else a scan does, and accessors are total, so what a damaged block can
//! do is tell something wrong, which no check of memory read a moment later could exclude either.

mod build;
mod view;

pub(crate) use build::{BlockBuilder, record_octets};
pub(crate) use view::BlockView;

use crate::record::HEAD_OCTETS;

/// What two pages of the ledger hold: 8192 octets less the 16 of a page header.
///
/// A scan pays for each block, a change for each octet of the block it falls into. Measured on
/// 500-octet records: one page scans at 17 M records a second, four pages at 25 to 49 M and
/// write four times as much for a change somewhere; two are the middle.
pub(crate) const BLOCK_CAPACITY: usize = 8_176;

const MAGIC: [u8; 2] = *b"LB";
const HEADER_OCTETS: usize = 16;
/// Octets of an entry before its head: where key, frame and rest are.
pub(crate) const PLACES_OCTETS: usize = 12;
const ENTRY_OCTETS: usize = PLACES_OCTETS + HEAD_OCTETS;
/// From where the CRC counts.
const CRC_FROM: usize = 8;

/// Records of this block on one link with equal relay tags have equal nearest Relay-IDs.
///
/// So one comparison of octets a block is enough to know that a tag's match is a match.
const FLAG_RELAYS_AGREE: u16 = 0b01;
/// Records of this block with equal remote tags have equal nearest Remote-IDs.
const FLAG_REMOTES_AGREE: u16 = 0b10;

#[cfg(test)]
mod tests;

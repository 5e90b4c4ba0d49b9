//! Frames of the book made true: the template path of [`super::reply`].

use leasebook_store::RecordView;
use leasebook_store::record::{
    FRAME_PREFIX_OCTETS, Head, IAADDR_OCTETS, IAPREFIX_OCTETS, OPTION_HEADER_OCTETS,
};
use leasebook_wire::Xid;
use leasebook_wire::code::OptionCode;

use super::reply::CLT_TIME_OCTETS;

/// Makes the frame at the beginning of `frames` true, and gives what is behind it.
///
/// ```text
/// size(2) 17 xid(3) 0 45 len(2) | 0 1 len(2) DUID | IAADDR(28) * n | IAPREFIX(29) * m | CLT_TIME(8)
/// ```
///
/// `None` if the frame is shorter than the record's head says; it is then half done.
#[inline]
pub(super) fn patch<'f>(
    frames: &'f mut [u8],
    head: &Head,
    xid: Xid,
    now: u64,
) -> Option<&'f mut [u8]> {
    let age = short(now.saturating_sub(head.clt));
    let (addresses, prefixes) = (usize::from(head.addresses), usize::from(head.prefixes));
    let leases_at = FRAME_HEAD_OCTETS + usize::from(head.client_len);
    let leases = addresses * IAADDR_OCTETS + prefixes * IAPREFIX_OCTETS;
    let (frame, rest) = frames.split_at_mut_checked(leases_at + leases + CLT_TIME_OCTETS)?;
    *frame.get_mut(XID_AT..)?.first_chunk_mut()? = xid.0;
    let clt: &mut [u8; 4] = frame.last_chunk_mut()?;
    *clt = age.to_be_bytes();
    if addresses == 0
        && let Some(options) = frame.last_chunk_mut::<{ IAPREFIX_OCTETS + CLT_TIME_OCTETS }>()
        && prefixes == 1
    {
        // One delegated prefix is what nearly every customer has: all places are constants.
        lessen(options.get_mut(4..12)?.first_chunk_mut()?, age);
        return Some(rest);
    }
    let leases = frame.get_mut(leases_at..)?;
    let (addresses, leases) = leases.split_at_mut_checked(addresses * IAADDR_OCTETS)?;
    for option in addresses.as_chunks_mut::<IAADDR_OCTETS>().0 {
        lessen(option.last_chunk_mut()?, age);
    }
    let (prefixes, _) = leases.split_at_mut_checked(prefixes * IAPREFIX_OCTETS)?;
    for option in prefixes.as_chunks_mut::<IAPREFIX_OCTETS>().0 {
        lessen(option.get_mut(4..12)?.first_chunk_mut()?, age);
    }
    Some(rest)
}

/// Lengthens the CLIENT_DATA of the frame at `start`, the last of `out`, by LQ_RELAY_DATA if the
/// record has any (BLQ-S-073 to BLQ-S-075); `false` if it does not fit a message.
#[inline]
pub(super) fn add_relay_data(start: usize, record: &RecordView<'_>, out: &mut Vec<u8>) -> bool {
    let Some(relay) = record.relay() else {
        return true;
    };
    let data = ADDRESS_OCTETS + relay.chain.len();
    let size = out.len() - start - SIZE_OCTETS + OPTION_HEADER_OCTETS + data;
    // The size is the largest of the three: what fits it fits the others.
    let (Ok(data), Ok(size)) = (u16::try_from(data), u16::try_from(size)) else {
        return false;
    };
    let Some(client_data) = size.checked_sub(CLIENT_DATA_AT) else {
        return false;
    };
    out.extend_from_slice(&OptionCode::LQ_RELAY_DATA.0.to_be_bytes());
    out.extend_from_slice(&data.to_be_bytes());
    out.extend_from_slice(&relay.peer.octets());
    out.extend_from_slice(relay.chain);
    match out
        .get_mut(start..)
        .and_then(|frame| frame.first_chunk_mut::<10>())
    {
        Some(head) => {
            [head[0], head[1]] = size.to_be_bytes();
            [head[8], head[9]] = client_data.to_be_bytes();
            true
        }
        None => false,
    }
}

/// Octets of a frame before its DUID: size, type, transaction-id, two option headers.
const FRAME_HEAD_OCTETS: usize = FRAME_PREFIX_OCTETS + OPTION_HEADER_OCTETS;

/// Where in a frame the transaction-id is: behind size and type.
const XID_AT: usize = 3;

/// Octets of the size before each message on TCP (WIRE-061).
const SIZE_OCTETS: usize = 2;

/// Octets of a message before the data of its CLIENT_DATA: type, transaction-id, option header.
const CLIENT_DATA_AT: u16 = 8;

/// Octets of an IPv6 address.
const ADDRESS_OCTETS: usize = 16;

/// Preferred (4) and valid (4), less `age`; infinity stays (BLQ-S-067).
#[inline]
fn lessen(lifetimes: &mut [u8; 8], age: u32) {
    let left = |lifetime: u32| {
        if lifetime == u32::MAX {
            lifetime
        } else {
            lifetime.saturating_sub(age)
        }
    };
    let (fields, _) = lifetimes.as_chunks_mut::<4>();
    for field in fields {
        *field = left(u32::from_be_bytes(*field)).to_be_bytes();
    }
}

/// An age as the four octets of CLT_TIME can tell it.
#[inline]
pub(super) fn short(age: u64) -> u32 {
    u32::try_from(age).unwrap_or(u32::MAX)
}

//! Who else touches our table: the kernel's notifications about nftables.

use std::io;

use super::super::kernel::{ENOBUFS, Netlink, messages};
use super::nft::Own;

/// NETLINK_NETFILTER. Source: linux/netlink.h.
const NETFILTER: isize = 12;

/// NFNLGRP_NFTABLES. Source: linux/netfilter/nfnetlink.h.
const GROUP: u32 = 7;

/// NFNL_SUBSYS_NFTABLES, the upper octet of a message's type.
const SUBSYSTEM: u16 = 10;

/// Where in a message things are: its type, who caused it, and the first attribute behind the
/// headers of netlink (16) and nfnetlink (4).
const TYPE_AT: std::ops::Range<usize> = 4..6;
const PROCESS_AT: std::ops::Range<usize> = 12..16;
const ATTRIBUTES_AT: usize = 20;

/// Begins to watch; calls `touched` when somebody else changed the table, until it says no.
pub(in crate::relay) fn watch(
    table: &str,
    own: Own,
    touched: impl Fn() -> bool + Send + 'static,
) -> io::Result<()> {
    let mut netlink = Netlink::open_family(NETFILTER, &[GROUP])?;
    // As the kernel tells it, with its end.
    let name = format!("{table}\0").into_bytes();
    let thread = std::thread::Builder::new().name("watch-filter".to_owned());
    thread.spawn(move || {
        loop {
            let is_ours =
                |message: &[u8]| about(message, &name).is_some_and(|by| !own.contains(by));
            let is_touched = match netlink.receive() {
                Ok(datagram) => messages(datagram).any(is_ours),
                // Notifications were lost; this may have been among them.
                Err(error) if error.raw_os_error() == Some(ENOBUFS) => true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => false,
                Err(_) => return,
            };
            if is_touched && !touched() {
                return;
            }
        }
    })?;
    Ok(())
}

/// Who changed something of the table with this name, if the message is about that.
fn about(message: &[u8], name: &[u8]) -> Option<u32> {
    let kind = u16::from_ne_bytes(message.get(TYPE_AT)?.try_into().ok()?);
    if kind >> 8 != SUBSYSTEM {
        return None;
    }
    let process = message.get(PROCESS_AT)?.try_into().ok()?;
    // The name of the table is attribute 1 of whatever is in a table, and of the table itself.
    let mut rest = message.get(ATTRIBUTES_AT..)?;
    while let Some((head, _)) = rest.split_first_chunk::<4>() {
        let [a, b, c, d] = *head;
        let octets = usize::from(u16::from_ne_bytes([a, b]));
        let kind = u16::from_ne_bytes([c, d]);
        let value = rest.get(4..octets)?;
        if kind == 1 && value == name {
            return Some(u32::from_ne_bytes(process));
        }
        rest = rest.get(octets.next_multiple_of(4)..).unwrap_or_default();
    }
    None
}

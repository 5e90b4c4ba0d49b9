//! What others change: interfaces, addresses, and our routes.

use std::io;

use tokio::sync::mpsc::UnboundedSender;

use super::routes::Marks;
use super::socket::{Netlink, messages};

/// RTNLGRP_LINK, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE. Source: linux/rtnetlink.h.
const GROUPS: [u32; 3] = [1, 9, 11];

/// RTM_NEWLINK to RTM_DELADDR: all that is about interfaces.
const INTERFACE_KINDS: std::ops::RangeInclusive<u16> = 16..=21;

/// RTM_DELROUTE.
const DELROUTE: u16 = 25;

/// Where the kind is in a netlink header, and the protocol in a route's message behind it.
const KIND_AT: std::ops::Range<usize> = 4..6;
const PROTOCOL_AT: usize = 16 + 5;

/// "No buffer space": notifications were lost.
const ENOBUFS: i32 = 105;

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Something about interfaces or their addresses.
    Interfaces,
    /// A route of ours went; perhaps we took it away ourselves.
    RouteGone,
    /// Notifications were lost: anything may have changed.
    Lost,
}

/// Begins to watch; tells each change to `tell`, and ends when nobody listens.
///
/// Only that something changed is told: what it is now is read then. So nothing has to be
/// taken apart here, and a flood costs little.
pub(crate) fn watch(marks: Marks, tell: UnboundedSender<Change>) -> io::Result<()> {
    let mut netlink = Netlink::open(&GROUPS)?;
    let thread = std::thread::Builder::new().name("watch".to_owned());
    thread.spawn(move || {
        loop {
            let change = match netlink.receive() {
                Ok(datagram) => first_change(datagram, marks.protocol),
                Err(error) if error.raw_os_error() == Some(ENOBUFS) => Some(Change::Lost),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
                Err(_) => return,
            };
            if let Some(change) = change
                && tell.send(change).is_err()
            {
                return;
            }
        }
    })?;
    Ok(())
}

/// What a datagram tells; the kernel puts one notification into each.
fn first_change(datagram: &[u8], protocol: u8) -> Option<Change> {
    messages(datagram).find_map(|message| {
        let kind = message.get(KIND_AT)?.try_into().ok()?;
        let kind = u16::from_ne_bytes(kind);
        if INTERFACE_KINDS.contains(&kind) {
            return Some(Change::Interfaces);
        }
        let is_ours = message.get(PROTOCOL_AT) == Some(&protocol);
        (kind == DELROUTE && is_ours).then_some(Change::RouteGone)
    })
}

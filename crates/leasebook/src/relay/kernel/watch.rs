//! What others change: interfaces, addresses, and our routes.

use std::io;

use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use tokio::sync::mpsc::UnboundedSender;

use super::routes::{Marks, ours};
use super::socket::{Netlink, messages};

/// RTNLGRP_LINK, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE. Source: linux/rtnetlink.h.
const GROUPS: [u32; 3] = [1, 9, 11];

/// RTM_NEWLINK to RTM_DELADDR: all that is about interfaces.
const INTERFACE_KINDS: std::ops::RangeInclusive<u16> = 16..=21;

/// RTM_NEWROUTE and RTM_DELROUTE.
const NEWROUTE: u16 = 24;
const DELROUTE: u16 = 25;

/// NLM_F_REPLACE in an RTM_NEWROUTE: another route went for it, of which nothing else is told.
const REPLACED: u16 = 0x100;

/// Where kind and flags are in a netlink header, and the protocol in a route's message behind it.
const KIND_AT: std::ops::Range<usize> = 4..6;
const FLAGS_AT: std::ops::Range<usize> = 6..8;
const PROTOCOL_AT: usize = 16 + 5;

/// "No buffer space": notifications were lost.
pub(crate) const ENOBUFS: i32 = 105;

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Something about interfaces or their addresses.
    Interfaces,
    /// A route of ours went, or another may have taken its place; perhaps we did it ourselves.
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
                Ok(datagram) => first_change(datagram, marks),
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
fn first_change(datagram: &[u8], marks: Marks) -> Option<Change> {
    messages(datagram).find_map(|message| {
        let number = |at: std::ops::Range<usize>| {
            let octets = message.get(at)?.try_into().ok()?;
            Some(u16::from_ne_bytes(octets))
        };
        let (kind, flags) = (number(KIND_AT)?, number(FLAGS_AT)?);
        if INTERFACE_KINDS.contains(&kind) {
            return Some(Change::Interfaces);
        }
        let is_ours = message.get(PROTOCOL_AT) == Some(&marks.protocol);
        let is_gone = match kind {
            // With another's gone, what was refused beside it can be tried again.
            DELROUTE => is_ours || is_rival(message, marks),
            NEWROUTE => !is_ours && flags & REPLACED != 0 && is_rival(message, marks),
            _ => false,
        };
        is_gone.then_some(Change::RouteGone)
    })
}

/// Whether a route of someone else has the table and metric of ours: only such a one can take
/// the place of ours.
fn is_rival(message: &[u8], marks: Marks) -> bool {
    let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(message);
    let Ok(NetlinkPayload::InnerMessage(
        RouteNetlinkMessage::NewRoute(route) | RouteNetlinkMessage::DelRoute(route),
    )) = message.map(|message| message.payload)
    else {
        return false;
    };
    let protocol = route.header.protocol.into();
    ours(&route, Marks { protocol, ..marks }).is_some()
}

#[cfg(test)]
mod tests {
    use netlink_packet_route::route::{RouteAttribute, RouteMessage};

    use super::*;

    const MARKS: Marks = Marks {
        protocol: 147,
        table: 254,
        metric: 1024,
    };

    fn told(kind: u16, protocol: u8, metric: u32, flags: u16) -> Option<Change> {
        let mut route = RouteMessage::default();
        route.header.address_family = netlink_packet_route::AddressFamily::Inet6;
        route.header.protocol = protocol.into();
        route.header.table = 254;
        route.header.kind = netlink_packet_route::route::RouteType::Unreachable;
        route.attributes = vec![RouteAttribute::Priority(metric)];
        let route = match kind {
            DELROUTE => RouteNetlinkMessage::DelRoute(route),
            _ => RouteNetlinkMessage::NewRoute(route),
        };
        let mut message = NetlinkMessage::from(route);
        message.header.flags = flags;
        message.finalize();
        let mut octets = vec![0; message.buffer_len()];
        message.serialize(&mut octets);
        first_change(&octets, MARKS)
    }

    /// RELAY-063: what may have cost us a route is told, and nothing else of what others do.
    #[test]
    fn only_what_concerns_our_routes_is_told() {
        let gone = Some(Change::RouteGone);
        assert_eq!(told(DELROUTE, 147, 1024, 0), gone);
        assert_eq!(told(NEWROUTE, 147, 1024, REPLACED), None, "our own doing");
        assert_eq!(told(NEWROUTE, 4, 1024, REPLACED), gone, "in place of ours");
        assert_eq!(told(NEWROUTE, 4, 1024, 0), None);
        assert_eq!(told(DELROUTE, 4, 1024, 0), gone, "ours has room again");
        assert_eq!(told(NEWROUTE, 4, 20, REPLACED), None, "beside ours");
        assert_eq!(told(DELROUTE, 4, 20, 0), None);
    }
}

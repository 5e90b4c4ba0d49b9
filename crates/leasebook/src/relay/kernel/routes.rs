//! Our routes in the kernel: those with our protocol number in our table (RELAY-063, D-46).

use std::collections::HashMap;
use std::io;
use std::net::Ipv6Addr;

use ipnet::Ipv6Net;
use leasebook_protocol::relay::reconcile::{Actual, RouteOp, Target, differences};
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::socket::Netlink;

/// Routes in one call: enough that the call costs nothing beside the work, few enough that the
/// kernel's answers fit its buffer should it refuse them all.
const BATCH: usize = 256;

/// "No such process": the route to be deleted is not there.
const ESRCH: i32 = 3;

/// "File exists": the prefix has a route of the same metric, and it is not known to be ours.
const EEXIST: i32 = 17;

/// How our routes are told from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks {
    /// The routing protocol.
    pub(crate) protocol: u8,
    /// The table.
    pub(crate) table: u32,
    /// The metric.
    pub(crate) metric: u32,
}

/// A change that the kernel refused.
#[derive(Debug)]
pub(crate) struct Failed {
    /// The change.
    pub(crate) op: RouteOp,
    /// Why.
    pub(crate) error: io::Error,
}

/// The way to the kernel's routes.
///
/// A route is put in place of another only where that one is known to be ours: the kernel itself
/// tells routes of one prefix apart by their metric alone, and would replace an operator's.
pub(crate) struct Routes {
    netlink: Netlink,
    marks: Marks,
    /// Ours as they were seen last, with every change since; none until they were seen.
    ours: Option<HashMap<Ipv6Net, Option<Target>>>,
}

impl Routes {
    /// Opens the way.
    pub(crate) fn open(marks: Marks) -> io::Result<Self> {
        Ok(Self {
            netlink: Netlink::open(&[])?,
            marks,
            ours: None,
        })
    }

    /// Finds out whether routes may be changed at all: takes one away that is never there.
    pub(crate) fn may_change(&mut self) -> io::Result<()> {
        let op = RouteOp {
            prefix: Ipv6Net::from(Ipv6Addr::UNSPECIFIED),
            target: None,
        };
        let refused = self.netlink.requests(&[(request(op, self.marks), 0)])?;
        let is_forbidden = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
        let mut errors = refused.into_iter().map(|refused| refused.error);
        errors.find(is_forbidden).map_or(Ok(()), Err)
    }

    /// Makes the changes in order; those that were refused. What is so already is left alone, so
    /// that nobody who watches the kernel hears of it (RELAY-064).
    pub(crate) fn apply(&mut self, ops: &[RouteOp]) -> io::Result<Vec<Failed>> {
        if self.ours.is_none() {
            self.actual()?;
        }
        let mut failed = Vec::new();
        let mut taken = Vec::new();
        for batch in ops.chunks(BATCH) {
            for one in self.apply_some(batch)? {
                match one.error.raw_os_error() {
                    Some(EEXIST) => taken.push(one.op),
                    _ => failed.push(one),
                }
            }
        }
        if !taken.is_empty() {
            // Later changes of the same prefix count alone.
            let last: HashMap<Ipv6Net, RouteOp> = ops.iter().map(|op| (op.prefix, *op)).collect();
            taken.retain(|op| last.get(&op.prefix) == Some(op));
            failed.extend(self.apply_to_taken(&taken)?);
        }
        Ok(failed)
    }

    /// Makes changes where a route was found that was not known: it may be ours all the same.
    fn apply_to_taken(&mut self, taken: &[RouteOp]) -> io::Result<Vec<Failed>> {
        self.actual()?;
        let is_ours = |op: &&RouteOp| {
            let ours = self.ours.as_ref();
            ours.is_some_and(|ours| ours.contains_key(&op.prefix))
        };
        let (ours, theirs): (Vec<&RouteOp>, Vec<&RouteOp>) = taken.iter().partition(is_ours);
        let ours: Vec<RouteOp> = ours.into_iter().copied().collect();
        let mut failed = Vec::new();
        for batch in ours.chunks(BATCH) {
            failed.extend(self.apply_some(batch)?);
        }
        failed.extend(theirs.into_iter().map(|op| Failed {
            op: *op,
            error: io::Error::new(
                io::ErrorKind::AlreadyExists,
                "the prefix has a route of the same metric that is not this relay's",
            ),
        }));
        Ok(failed)
    }

    /// Makes the changes of one batch; those that were refused.
    fn apply_some(&mut self, batch: &[RouteOp]) -> io::Result<Vec<Failed>> {
        let ours = self.ours.get_or_insert_default();
        let mut sent = Vec::with_capacity(batch.len());
        let mut requests = Vec::with_capacity(batch.len());
        for op in batch {
            let is_there = ours.get(&op.prefix).copied();
            let flags = match (op.target, is_there) {
                (Some(target), Some(there)) if there == Some(target) => continue,
                (Some(_), Some(_)) => NLM_F_CREATE | NLM_F_REPLACE,
                (Some(_), None) => NLM_F_CREATE | NLM_F_EXCL,
                (None, _) => 0,
            };
            match op.target {
                Some(target) => ours.insert(op.prefix, Some(target)),
                None => ours.remove(&op.prefix),
            };
            requests.push((request(*op, self.marks), flags));
            sent.push(*op);
        }
        let refused = self.netlink.requests(&requests).inspect_err(|_| {
            // How far the kernel came is not known.
            self.ours = None;
        })?;
        let ours = self.ours.get_or_insert_default();
        let mut failed = Vec::new();
        for refused in refused {
            let Some(op) = sent.get(refused.place).copied() else {
                continue;
            };
            if op.target.is_some() {
                ours.remove(&op.prefix);
            } else if refused.error.raw_os_error() == Some(ESRCH) {
                continue;
            }
            let error = refused.error;
            failed.push(Failed { op, error });
        }
        Ok(failed)
    }

    /// Our routes as they are.
    pub(crate) fn actual(&mut self) -> io::Result<Vec<Actual>> {
        let mut request = RouteMessage::default();
        request.header.address_family = AddressFamily::Inet6;
        let mut found = Vec::new();
        let marks = self.marks;
        self.netlink
            .dump(RouteNetlinkMessage::GetRoute(request), &mut |message| {
                if let RouteNetlinkMessage::NewRoute(route) = message {
                    found.extend(ours(&route, marks));
                }
            })?;
        self.ours = Some(found.iter().map(|one| (one.prefix, one.target)).collect());
        Ok(found)
    }

    /// Makes the kernel's routes equal to the wanted ones; what had to be done.
    ///
    /// With `keeps_unknown` those that are not wanted stay: after a start, what is not known yet
    /// may still be right (RELAY-064).
    pub(crate) fn hold(&mut self, wanted: &[RouteOp], keeps_unknown: bool) -> io::Result<Held> {
        let actual = self.actual()?;
        let ops = differences(&actual, wanted, keeps_unknown);
        let failed = self.apply(&ops)?;
        Ok(Held {
            actual: actual.len(),
            repaired: ops.len(),
            failed,
        })
    }
}

/// What holding routes came to.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// How many of ours there were.
    pub(crate) actual: usize,
    /// How many changes were needed.
    pub(crate) repaired: usize,
    /// Those that were refused.
    pub(crate) failed: Vec<Failed>,
}

/// What the kernel is told.
fn request(op: RouteOp, marks: Marks) -> RouteNetlinkMessage {
    let Marks {
        protocol,
        table,
        metric,
    } = marks;
    let mut route = RouteMessage::default();
    route.header = RouteHeader {
        address_family: AddressFamily::Inet6,
        destination_prefix_length: op.prefix.prefix_len(),
        protocol: protocol.into(),
        table: u8::try_from(table).unwrap_or(RouteHeader::RT_TABLE_UNSPEC),
        scope: RouteScope::Universe,
        kind: RouteType::Unicast,
        ..RouteHeader::default()
    };
    let destination = RouteAddress::Inet6(op.prefix.addr());
    route.attributes = vec![
        RouteAttribute::Destination(destination),
        RouteAttribute::Priority(metric),
    ];
    if u8::try_from(table).is_err() {
        route.attributes.push(RouteAttribute::Table(table));
    }
    match op.target {
        Some(Target::Interface { index, via }) => {
            let gateway = via.map(|via| RouteAttribute::Gateway(RouteAddress::Inet6(via)));
            route.attributes.extend(gateway);
            route.attributes.push(RouteAttribute::Oif(index));
            if via.is_some_and(|via| !via.is_unicast_link_local()) {
                route.header.flags = netlink_packet_route::route::RouteFlags::Onlink;
            }
        }
        Some(Target::Unreachable) => route.header.kind = RouteType::Unreachable,
        None => {
            // Whatever kind it is.
            route.header.kind = RouteType::Unspec;
            return RouteNetlinkMessage::DelRoute(route);
        }
    }
    RouteNetlinkMessage::NewRoute(route)
}

/// The route, if it is one of ours.
pub(super) fn ours(route: &RouteMessage, marks: Marks) -> Option<Actual> {
    if u8::from(route.header.protocol) != marks.protocol {
        return None;
    }
    let mut table = u32::from(route.header.table);
    let (mut prefix, mut index, mut via) = (Ipv6Addr::UNSPECIFIED, None, None);
    let mut metric = 0;
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Table(number) => table = *number,
            RouteAttribute::Destination(RouteAddress::Inet6(address)) => prefix = *address,
            RouteAttribute::Gateway(RouteAddress::Inet6(address)) => via = Some(*address),
            RouteAttribute::Oif(number) => index = Some(*number),
            RouteAttribute::Priority(number) => metric = *number,
            _ => {}
        }
    }
    if table != marks.table || metric != marks.metric {
        return None;
    }
    let target = match route.header.kind {
        RouteType::Unreachable => Some(Target::Unreachable),
        RouteType::Unicast => index.map(|index| Target::Interface { index, via }),
        _ => None,
    };
    let prefix = Ipv6Net::new(prefix, route.header.destination_prefix_length).ok()?;
    Some(Actual { prefix, target })
}

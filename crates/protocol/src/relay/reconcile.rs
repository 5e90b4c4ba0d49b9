//! What the kernel lacks, and has too much: wanted routes against actual ones (RELAY-063, D-46).

use std::collections::HashMap;
use std::net::Ipv6Addr;

use ipnet::Ipv6Net;

use super::ports::Ports;
use super::table::RouteChange;

/// Where a prefix goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To an interface, by an address on it where there is one.
    Interface {
        /// The system's number.
        index: u32,
        /// The address.
        via: Option<Ipv6Addr>,
    },
    /// Nowhere: senders are told that it is unreachable.
    Unreachable,
}

/// A change to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteOp {
    /// The prefix.
    pub prefix: Ipv6Net,
    /// Where it goes; none takes the route away.
    pub target: Option<Target>,
}

/// One of our routes as the kernel has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actual {
    /// The prefix.
    pub prefix: Ipv6Net,
    /// Where it goes; none is something we never make.
    pub target: Option<Target>,
}

/// A change in the kernel's terms; none while the interface is not there: its routes are asked
/// for again when it comes (RELAY-066).
pub fn operation(ports: &Ports, change: RouteChange) -> Option<RouteOp> {
    match change {
        RouteChange::Drop(prefix) => Some(RouteOp {
            prefix,
            target: None,
        }),
        RouteChange::Set(prefix, hop) => {
            let target = Target::Interface {
                index: ports.get(hop.port)?.index,
                via: hop.via,
            };
            Some(RouteOp {
                prefix,
                target: Some(target),
            })
        }
    }
}

/// What is to be changed, removals first. What is right is not touched; with `keeps_unknown`
/// nothing is taken away that is not wanted, for what is wanted is not all known yet.
pub fn differences(actual: &[Actual], wanted: &[RouteOp], keeps_unknown: bool) -> Vec<RouteOp> {
    let mut missing: HashMap<Ipv6Net, Option<Target>> =
        wanted.iter().map(|op| (op.prefix, op.target)).collect();
    let mut ops = Vec::new();
    for one in actual {
        match missing.get(&one.prefix) {
            Some(target) if *target == one.target => {
                missing.remove(&one.prefix);
            }
            Some(_) => {}
            None if keeps_unknown => {}
            None => ops.push(RouteOp {
                prefix: one.prefix,
                target: None,
            }),
        }
    }
    let is_missing = |op: &&RouteOp| missing.contains_key(&op.prefix);
    ops.extend(wanted.iter().filter(is_missing).copied());
    ops
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(prefix: &str, index: u32) -> RouteOp {
        let target = Target::Interface { index, via: None };
        RouteOp {
            prefix: prefix.parse().unwrap(),
            target: Some(target),
        }
    }

    fn actual(prefix: &str, index: u32) -> Actual {
        let RouteOp { prefix, target } = op(prefix, index);
        Actual { prefix, target }
    }

    /// RELAY-063, RELAY-064: what is right is not touched; what is missing, wrong or too much is
    /// put right, and what is not known yet stays while that is asked for.
    #[test]
    fn only_differences_are_repaired() {
        let (a, b, c) = ("2001:db8:1::/48", "2001:db8:2::/48", "2001:db8:3::/48");
        let there = [actual(a, 1), actual(b, 1), actual(c, 1)];
        let wanted = [op(a, 1), op(b, 2), op("2001:db8:4::/48", 1)];
        let gone = RouteOp {
            prefix: c.parse().unwrap(),
            target: None,
        };
        let repaired = differences(&there, &wanted, false);
        assert_eq!(repaired, [gone, wanted[1], wanted[2]]);
        let kept = differences(&there, &wanted, true);
        assert_eq!(kept, [wanted[1], wanted[2]]);
        assert_eq!(
            differences(&there, &[op(a, 1), op(b, 1), op(c, 1)], false),
            []
        );
    }
}

//! Interfaces, routes, and what is told of them.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv6Addr;

use ipnet::Ipv6Net;
use leasebook_protocol::relay::reconcile::{Actual, RouteOp, Target};

/// What a notification says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Interfaces,
    RouteGone,
    Lost,
}

#[derive(Clone, Debug)]
pub(crate) struct Interface {
    pub(crate) index: u32,
    pub(crate) is_up: bool,
}

/// A next hop: the system's number of the interface, and the address on it.
pub(crate) type Hop = (u32, Option<Ipv6Addr>);

#[derive(Default)]
pub(crate) struct Kernel {
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) routes: BTreeMap<Ipv6Net, Hop>,
    /// Notifications that the process has not read.
    pub(crate) told: VecDeque<Change>,
    /// Notifications are being lost; that it was so is told when it is over.
    pub(crate) loses: bool,
}

impl Kernel {
    pub(crate) fn tell(&mut self, change: Change) {
        if !self.loses {
            self.told.push_back(change);
        }
    }

    /// Nothing is lost any more.
    pub(crate) fn hear_again(&mut self) {
        if std::mem::take(&mut self.loses) {
            self.told.push_back(Change::Lost);
        }
    }

    /// What leads to an interface goes with it, and nobody is told of that.
    pub(crate) fn take_down(&mut self, port: usize) {
        let index = self.interfaces[port].index;
        self.interfaces[port].is_up = false;
        self.routes.retain(|_, hop| hop.0 != index);
        self.tell(Change::Interfaces);
    }

    pub(crate) fn bring_up(&mut self, port: usize, index: u32) {
        self.interfaces[port] = Interface { index, is_up: true };
        self.tell(Change::Interfaces);
    }

    pub(crate) fn remove(&mut self, prefix: Ipv6Net) {
        if self.routes.remove(&prefix).is_some() {
            self.tell(Change::RouteGone);
        }
    }

    /// Makes a change; false if it cannot be.
    pub(crate) fn apply(&mut self, op: &RouteOp) -> bool {
        match op.target {
            Some(Target::Interface { index, via }) => {
                let is_up = |one: &Interface| one.index == index && one.is_up;
                if !self.interfaces.iter().any(is_up) {
                    return false;
                }
                self.routes.insert(op.prefix, (index, via));
            }
            Some(Target::Unreachable) => return false,
            None => self.remove(op.prefix),
        }
        true
    }

    pub(crate) fn actual(&self) -> Vec<Actual> {
        let target = |hop: &Hop| Target::Interface {
            index: hop.0,
            via: hop.1,
        };
        self.routes
            .iter()
            .map(|(prefix, hop)| Actual {
                prefix: *prefix,
                target: Some(target(hop)),
            })
            .collect()
    }
}

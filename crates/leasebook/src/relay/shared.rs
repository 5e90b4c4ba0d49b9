//! The machine, shared by the thread of datagrams and the tasks of recovery, and what comes out of
//! it on the way to kernel, log and counters.

use leasebook_protocol::relay::{Notice, Relay, RouteChange};
use leasebook_wire::DuidRef;
use parking_lot::{Mutex, MutexGuard};

use super::keeper::Keeper;
use super::kernel::{RouteOp, Target};
use crate::clock::Clock;
use crate::log::events;
use crate::metrics::relay as counters;
use crate::tell;

/// What all parts of the daemon hold.
pub(super) struct Shared {
    relay: Mutex<Relay>,
    keeper: Keeper,
    /// The servers' names, in the order of the configuration.
    servers: Vec<String>,
    /// The clocks.
    pub(super) clock: Clock,
    /// Unreachable routes for aggregates.
    aggregates: Vec<RouteOp>,
}

impl Shared {
    /// Everything around a relay.
    pub(super) fn new(
        relay: Relay,
        keeper: Keeper,
        servers: Vec<String>,
        aggregates: &[ipnet::Ipv6Net],
    ) -> Self {
        let unreachable = |prefix: &ipnet::Ipv6Net| RouteOp {
            prefix: *prefix,
            target: Some(Target::Unreachable),
        };
        Self {
            relay: Mutex::new(relay),
            keeper,
            servers,
            clock: Clock::new(),
            aggregates: aggregates.iter().map(unreachable).collect(),
        }
    }

    /// The machine, alone; [`Shared::settle`] is due before it is let go.
    pub(super) fn relay(&self) -> MutexGuard<'_, Relay> {
        self.relay.lock()
    }

    /// The name of a server.
    pub(super) fn server(&self, place: u16) -> &str {
        self.servers
            .get(usize::from(place))
            .map_or("", String::as_str)
    }

    /// The thread that keeps the routes.
    pub(super) fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// Hands on what came out of the machine. Under its lock, so that the kernel is told of
    /// changes in their order.
    pub(super) fn settle(&self, relay: &mut Relay) {
        if relay.table().has_changes() {
            let changes = relay.take_changes();
            let ops = changes.into_iter().filter_map(|change| op(relay, change));
            self.keeper.change(ops.collect());
        }
        let (notices, lost) = relay.take_notices();
        for notice in notices {
            self.tell(relay, &notice);
        }
        if lost > 0 {
            tell!(events::RELAY_NOTICES_LOST, times = lost);
        }
    }

    /// Has the kernel's routes held equal to the wanted ones.
    pub(super) fn hold(&self, keeps_unknown: bool) {
        let relay = self.relay();
        let wanted = relay.table().wanted();
        let wanted = wanted.map(|(prefix, hop)| RouteChange::Set(prefix, hop));
        let wanted = wanted.filter_map(|change| op(&relay, change));
        let wanted = self.aggregates.iter().copied().chain(wanted).collect();
        self.keeper.hold(wanted, keeps_unknown);
    }

    fn tell(&self, relay: &Relay, notice: &Notice) {
        counters::count_notice(notice);
        let duid = |client: &[u8]| DuidRef::new(client).map(|duid| duid.to_string());
        let name = |client: &[u8]| duid(client).unwrap_or_default();
        match notice {
            Notice::Learnt {
                prefix,
                client,
                port,
            } => {
                let interface = relay.ports().name(*port);
                let client = name(client);
                tell!(events::RELAY_LEARNT, prefix = %prefix, client, interface);
            }
            Notice::Released { prefix, client } => {
                tell!(events::RELAY_RELEASED, prefix = %prefix, client = name(client));
            }
            Notice::Expired { prefix, client } => {
                tell!(events::RELAY_EXPIRED, prefix = %prefix, client = name(client));
            }
            Notice::Displaced {
                prefix,
                client,
                by,
                new_client,
            } => {
                let (client, new_client) = (name(client), name(new_client));
                tell!(events::RELAY_DISPLACED, prefix = %prefix, client, by = %by, new_client);
            }
            Notice::Refused {
                prefix,
                client,
                why,
                server,
            } => {
                let (client, server) = (name(client), server.map(|place| self.server(place)));
                tell!(events::RELAY_REFUSED, prefix = %prefix, client, why = %why, server);
            }
            Notice::BeyondLimit {
                prefix,
                client,
                port,
                limit,
                is_clients,
            } => {
                let scope = if *is_clients { "client" } else { "interface" };
                let interface = relay.ports().name(*port);
                let client = name(client);
                tell!(
                    events::RELAY_LIMIT_REACHED,
                    prefix = %prefix,
                    client,
                    interface,
                    scope,
                    limit
                );
            }
            Notice::Denied {
                prefix,
                client,
                server,
            } => {
                let (client, server) = (name(client), self.server(*server));
                tell!(events::RELAY_DENIED, prefix = %prefix, client, server);
            }
        }
    }
}

/// The change in the kernel's terms; none while the interface is not there.
fn op(relay: &Relay, change: RouteChange) -> Option<RouteOp> {
    match change {
        RouteChange::Drop(prefix) => Some(RouteOp {
            prefix,
            target: None,
        }),
        RouteChange::Set(prefix, hop) => {
            let index = relay.ports().get(hop.port)?.index;
            let target = Target::Interface {
                index,
                via: hop.via,
            };
            Some(RouteOp {
                prefix,
                target: Some(target),
            })
        }
    }
}

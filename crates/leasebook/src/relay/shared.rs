//! The machine, shared by the thread of datagrams and the tasks of recovery, and what comes out of
//! it on the way to kernel, log and counters.

use std::collections::HashMap;
use std::sync::Arc;

use leasebook_protocol::relay::reconcile::{RouteOp, Target, operation};
use leasebook_protocol::relay::{Notice, PortNo, Relay, RouteChange};
use parking_lot::{Mutex, MutexGuard};

use super::filter::{Change, Filter};
use super::keeper::Keeper;
use crate::clock::Clock;
use crate::config::relay::RelayConfig;
use crate::log::{clients, events};
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
    /// What customers may send, if that is filtered.
    filter: Option<Filter>,
}

impl Shared {
    /// Everything around a relay.
    pub(super) fn new(
        relay: Relay,
        keeper: Keeper,
        filter: Option<Filter>,
        config: &RelayConfig,
    ) -> Self {
        let unreachable = |prefix: &ipnet::Ipv6Net| RouteOp {
            prefix: *prefix,
            target: Some(Target::Unreachable),
        };
        let servers = config.servers.iter();
        Self {
            relay: Mutex::new(relay),
            keeper,
            servers: servers.map(|server| server.relay_to.to_string()).collect(),
            clock: Clock::new(),
            aggregates: config.routes.aggregates.iter().map(unreachable).collect(),
            filter,
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

    /// The filter, if there is one.
    pub(super) fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
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
            if let Some(filter) = &self.filter {
                filter.change(filtered(relay, &changes));
            }
            let ops = changes
                .into_iter()
                .filter_map(|change| operation(relay.ports(), change));
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
        let wanted = wanted.filter_map(|change| operation(relay.ports(), change));
        let wanted = self.aggregates.iter().copied().chain(wanted).collect();
        self.keeper.hold(wanted, keeps_unknown);
    }

    fn tell(&self, relay: &Relay, notice: &Notice) {
        counters::count_notice(notice);
        let name = clients::client;
        match notice {
            Notice::Learnt {
                prefix,
                client,
                port,
            } => {
                let interface = relay.ports().name(*port);
                let client = name(client);
                tell!(events::RELAY_LEARNT, prefix = %clients::prefix(*prefix), client, interface);
            }
            Notice::Released { prefix, client } => {
                tell!(events::RELAY_RELEASED, prefix = %clients::prefix(*prefix), client = name(client));
            }
            Notice::Expired { prefix, client } => {
                tell!(events::RELAY_EXPIRED, prefix = %clients::prefix(*prefix), client = name(client));
            }
            Notice::Displaced {
                prefix,
                client,
                by,
                new_client,
            } => {
                let (client, new_client) = (name(client), name(new_client));
                tell!(events::RELAY_DISPLACED, prefix = %clients::prefix(*prefix), client, by = %clients::prefix(*by), new_client);
            }
            Notice::Refused {
                prefix,
                client,
                why,
                server,
            } => {
                let (client, server) = (name(client), server.map(|place| self.server(place)));
                tell!(events::RELAY_REFUSED, prefix = %clients::prefix(*prefix), client, why = %why, server);
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
                    prefix = %clients::prefix(*prefix),
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
                tell!(events::RELAY_DENIED, prefix = %clients::prefix(*prefix), client, server);
            }
        }
    }
}

/// The changes as the filter is told them: an interface that is not there keeps its delegations.
fn filtered(relay: &Relay, changes: &[RouteChange]) -> Vec<Change> {
    let mut names: HashMap<PortNo, Arc<str>> = HashMap::new();
    let mut name = |port: PortNo| {
        let name = names.entry(port);
        Arc::clone(name.or_insert_with(|| relay.ports().name(port).into()))
    };
    changes
        .iter()
        .map(|change| match change {
            RouteChange::Set(prefix, hop) => (*prefix, Some(name(hop.port))),
            RouteChange::Drop(prefix) => (*prefix, None),
        })
        .collect()
}

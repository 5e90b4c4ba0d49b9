//! From the configuration to what the machines are set to.

use std::sync::Arc;

use leasebook_protocol::leasequery::config::{Allow, Config, Limits, QueryTypes, Timers, Unlisted};
use leasebook_protocol::links::{Link, Links};
use leasebook_store::LinkId;
use leasebook_wire::Duid;
use leasebook_wire::code::{OptionCode, QueryType};

use crate::config::{self, QueryKinds};

/// What judging and answering depend on; a reload makes a new one.
#[derive(Debug)]
pub(super) struct Settings {
    /// Rights, limits, timers.
    pub(super) config: Arc<Config>,
    /// The links.
    pub(super) links: Arc<Links>,
}

impl Settings {
    /// Takes them from a configuration.
    pub(super) fn of(config: &config::Config, server_id: Duid) -> Self {
        Self {
            config: Arc::new(responder(config, server_id)),
            links: Arc::new(links(config)),
        }
    }
}

/// The configured links, to be asked by address.
pub(crate) fn links(config: &config::Config) -> Links {
    let link = |link: &config::LinkConfig| Link {
        id: LinkId(link.id),
        on_link: link.on_link.clone(),
        relay_addresses: link.relay_addresses.clone(),
        delegated: link.prefix_pools.iter().map(|pool| pool.prefix).collect(),
    };
    Links::new(config.links.iter().map(link).collect())
}

fn responder(config: &config::Config, server_id: Duid) -> Config {
    let bulk = &config.bulk;
    let mut made = Config::new(server_id);
    made.query_types = types(bulk.types);
    if !bulk.allow.is_empty() {
        let allow = bulk.allow.iter().map(|allow| Allow {
            source: allow.source,
            query_types: types(allow.types),
        });
        made.allow = allow.collect();
    }
    made.unlisted = match bulk.unlisted {
        config::Unlisted::Close => Unlisted::Close,
        config::Unlisted::Refuse => Unlisted::Refuse,
    };
    made.sensitive = config
        .sensitive_options
        .iter()
        .copied()
        .map(OptionCode)
        .collect();
    let count = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
    made.limits = Limits {
        connections: count(bulk.max_connections),
        connections_per_source: count(bulk.max_connections_per_source),
        queries_per_connection: count(bulk.queries_per_connection),
        queries_per_source: count(bulk.queries_per_source),
        queries_per_second: bulk.queries_per_second,
    };
    made.timers = Timers {
        data: bulk.data_timeout,
        idle: bulk.idle_timeout,
    };
    made
}

fn types(kinds: QueryKinds) -> QueryTypes {
    let types: Vec<QueryType> = kinds.iter().map(|kind| QueryType(kind.code())).collect();
    QueryTypes::of(&types)
}

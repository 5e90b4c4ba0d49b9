//! What the thread that hears is set to; a reload replaces it as a whole.

use std::sync::Arc;

use leasebook_protocol::server::Config;
use leasebook_wire::Duid;

use super::query::Queries;
use crate::config;
use crate::serve::settings::Settings;

/// What the thread that hears works by.
pub(in crate::serve) struct Setup {
    /// What the DHCPv6 server is set to.
    pub(super) dhcp: Arc<Config>,
    /// What queries are answered by.
    pub(super) queries: Queries,
    /// Interfaces on which relays are heard by multicast, beside those of links.
    pub(super) relay_interfaces: Vec<String>,
    /// From how many leases of a hundred on a pool's filling is told; 0 is never.
    pub(super) pool_warning: u8,
}

impl Setup {
    /// Takes it from a configuration.
    pub(in crate::serve) fn of(config: &config::Config, server_id: &Duid) -> Self {
        let settings = Settings::of(config, server_id.clone());
        Self {
            dhcp: Arc::new(config.dhcp(server_id.clone())),
            queries: Queries::new(Arc::new(settings)),
            relay_interfaces: config.dhcp.relay_interfaces.clone(),
            pool_warning: config.dhcp.pool_warning,
        }
    }
}

//! The sockets on which clients and servers are heard: one for both, or one for each where they
//! are in different VRFs.

use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;

use super::error::{RelayError, system};
use super::kernel::Interface;
use crate::config::UdpAddress;
use crate::config::relay::RelayConfig;
use crate::serve::udp::Listener;

/// The hop limit of relayed multicast (RELAY-009).
const GROUP_HOPS: u32 = 8;

/// The table main. Source: linux/rtnetlink.h RT_TABLE_MAIN.
const TABLE_MAIN: u32 = 254;

/// The sockets.
#[derive(Clone)]
pub(super) struct Sockets {
    /// Where clients are heard.
    pub(super) clients: Arc<Listener>,
    /// Where servers are heard, if elsewhere.
    pub(super) servers: Option<Arc<Listener>>,
}

impl Sockets {
    /// Opens them.
    pub(super) fn open(config: &RelayConfig) -> Result<Self, RelayError> {
        let open = |vrf: Option<&String>| -> Result<Arc<Listener>, RelayError> {
            let listener = Listener::open(&UdpAddress {
                address: SocketAddr::from((Ipv6Addr::UNSPECIFIED, config.port)),
                device: vrf.cloned(),
            })?;
            listener
                .set_group_hops(GROUP_HOPS)
                .map_err(system("set the hop limit"))?;
            Ok(Arc::new(listener))
        };
        let vrf = &config.vrf;
        let clients = open(vrf.clients.as_ref())?;
        let servers = (vrf.clients != vrf.servers).then(|| open(vrf.servers.as_ref()));
        Ok(Self {
            clients,
            servers: servers.transpose()?,
        })
    }
}

/// The table of the routes: as configured, or that of the clients' VRF, or main. What is bound to
/// must be there.
pub(super) fn table(config: &RelayConfig, interfaces: &[Interface]) -> Result<u32, RelayError> {
    let vrfs = [config.vrf.clients.as_ref(), config.vrf.servers.as_ref()];
    for name in vrfs.into_iter().flatten() {
        if !interfaces.iter().any(|one| one.name == *name) {
            return Err(RelayError::NoVrf(name.clone()));
        }
    }
    if let Some(table) = config.routes.table {
        return Ok(table);
    }
    let of_clients = |one: &&Interface| Some(&one.name) == config.vrf.clients.as_ref();
    let vrf = interfaces.iter().find(of_clients);
    Ok(vrf.and_then(|one| one.vrf_table).unwrap_or(TABLE_MAIN))
}

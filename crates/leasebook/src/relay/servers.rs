//! Where messages are relayed to.

use std::net::{SocketAddr, SocketAddrV6};
use std::time::Duration;

use crate::config::relay::{RelayConfig, RelayServer};
use crate::log::events;
use crate::tell;

/// How long the name of a server may take to be found.
const FOUND_WITHIN: Duration = Duration::from_secs(2);

/// Whether any of the addresses depends on an interface, as that of a group does.
pub(super) fn are_on_interfaces(config: &RelayConfig) -> bool {
    let is_on_interface = |server: &RelayServer| match server.relay_to.address() {
        Ok(Some(SocketAddr::V6(address))) => address.scope_id() != 0,
        Ok(_) => false,
        // It is not there.
        Err(_) => true,
    };
    config.servers.iter().any(is_on_interface)
}

/// The addresses messages are relayed to; those that cannot be found are told and left out.
pub(super) async fn servers(config: &RelayConfig) -> Vec<SocketAddrV6> {
    let mut found = Vec::new();
    for server in &config.servers {
        let endpoint = &server.relay_to;
        let address = match endpoint.address() {
            Ok(Some(address)) => Ok(Some(address)),
            Ok(None) => look_up(&endpoint.to_string()).await,
            Err(error) => Err(error.to_string()),
        };
        match address {
            Ok(Some(SocketAddr::V6(address))) => found.push(address),
            Ok(_) => {
                tell!(events::RELAY_SERVER_UNKNOWN, server = %endpoint, error = "no IPv6 address");
            }
            Err(error) => tell!(events::RELAY_SERVER_UNKNOWN, server = %endpoint, error),
        }
    }
    found
}

/// The first IPv6 address of a name.
async fn look_up(name: &str) -> Result<Option<SocketAddr>, String> {
    let looked_up = tokio::time::timeout(FOUND_WITHIN, tokio::net::lookup_host(name)).await;
    let found = looked_up.map_err(|_| format!("not found within {FOUND_WITHIN:?}"))?;
    let mut addresses = found.map_err(|error| error.to_string())?;
    Ok(addresses.find(SocketAddr::is_ipv6))
}

//! Where messages are relayed to.

use std::net::{SocketAddr, SocketAddrV6};

use crate::config::relay::RelayConfig;
use crate::log::events;
use crate::tell;

/// The addresses messages are relayed to; those that cannot be found are told and left out.
pub(super) async fn servers(config: &RelayConfig) -> Vec<SocketAddrV6> {
    let mut found = Vec::new();
    for server in &config.servers {
        let endpoint = &server.relay_to;
        let address = match endpoint.address() {
            Ok(Some(address)) => Ok(Some(address)),
            Ok(None) => tokio::net::lookup_host(endpoint.to_string())
                .await
                .map(|mut addresses| addresses.find(SocketAddr::is_ipv6))
                .map_err(|error| error.to_string()),
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

//! Reaching a server: its addresses, the source, and one attempt after the other.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};

use crate::cli::values::{Endpoint, Host};

/// Where a server is and where we connect from.
#[derive(Clone, Debug)]
pub(super) struct Route {
    /// The server.
    pub(super) server: Endpoint,
    /// Our own address, and port or 0.
    pub(super) source: Option<SocketAddr>,
    /// For all addresses together; each gets an equal share, so that one that swallows
    /// packets does not keep the others from being tried.
    pub(super) timeout: Duration,
}

impl Route {
    /// Connects to the first address that answers.
    ///
    /// The error tells why each one did not, in words for the operator.
    pub(super) async fn connect(&self) -> Result<TcpStream, String> {
        let addresses = self.addresses().await?;
        let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        let share = self.timeout / count;
        let mut reasons = Vec::new();
        for address in addresses {
            let reason = match tokio::time::timeout(share, self.attempt(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer within {} s", share.as_secs()),
            };
            reasons.push(format!("{address}: {reason}"));
        }
        Err(reasons.join("; "))
    }

    /// Every address of the server, in the order the system's resolver prefers.
    async fn addresses(&self) -> Result<Vec<SocketAddr>, String> {
        let found = match &self.server.host {
            Host::Name(name) => tokio::net::lookup_host((name.as_str(), self.server.port))
                .await
                .map_err(|error| format!("cannot look up {name}: {error}"))?
                .collect(),
            Host::Address(_) | Host::Zoned(..) => {
                let address = self.server.address().map_err(|error| error.to_string())?;
                Vec::from_iter(address)
            }
        };
        // Bulk queries go straight to a unicast address (BLQ-R-008).
        let (unicast, others): (Vec<_>, Vec<_>) = found
            .into_iter()
            .partition(|address| !address.ip().is_multicast());
        match (unicast.is_empty(), others.first()) {
            (true, Some(other)) => Err(format!("{} is a multicast address", other.ip())),
            (true, None) => Err(format!("{} has no address", self.server)),
            (false, _) => Ok(unicast),
        }
    }

    async fn attempt(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let socket = match to.ip() {
            IpAddr::V4(_) => TcpSocket::new_v4()?,
            IpAddr::V6(_) => TcpSocket::new_v6()?,
        };
        if let Some(source) = self.source {
            if source.is_ipv4() != to.is_ipv4() {
                return Err(io::Error::new(
                    io::ErrorKind::AddrNotAvailable,
                    format!("it cannot be reached from {source}, of the other address family"),
                ));
            }
            // A port that is asked for must be usable again right after the last connection.
            socket.set_reuseaddr(source.port() != 0)?;
            socket.bind(source).map_err(|error| {
                io::Error::new(
                    error.kind(),
                    format!("cannot connect from {source}: {error}"),
                )
            })?;
        }
        let stream = socket.connect(to).await?;
        // A query is one small write, and the next may follow at once.
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::values::Server;

    fn route(server: &str) -> Route {
        Route {
            server: server.parse::<Server>().unwrap().endpoint().clone(),
            source: None,
            timeout: Duration::from_secs(5),
        }
    }

    /// BLQ-R-008: a multicast address is not connected to.
    #[tokio::test]
    async fn refuses_a_multicast_address() {
        let error = route("ff05::1:3").connect().await.unwrap_err();
        assert_eq!(error, "ff05::1:3 is a multicast address");
    }

    #[tokio::test]
    async fn connects_from_the_source_asked_for() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut route = route(&listener.local_addr().unwrap().to_string());
        route.source = "127.0.0.2:0".parse().ok();
        let stream = route.connect().await.unwrap();
        assert_eq!(stream.local_addr().unwrap().ip().to_string(), "127.0.0.2");
        route.source = "[::1]:0".parse().ok();
        let error = route.connect().await.unwrap_err();
        assert!(error.contains("other address family"), "{error}");
    }

    #[tokio::test]
    async fn tells_why_no_address_answered() {
        // Bound and not listening, so nobody else can take the port meanwhile.
        let bound = TcpSocket::new_v4().unwrap();
        bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = bound.local_addr().unwrap().to_string();
        let error = route(&address).connect().await.unwrap_err();
        assert!(error.starts_with(&format!("{address}: ")), "{error}");
    }
}

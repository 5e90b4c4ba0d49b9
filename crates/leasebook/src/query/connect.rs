//! Reaching a server: its addresses, the source, and one attempt after the other.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use leasebook_wire::code::DHCP_CLIENT_PORT;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

use crate::cli::values::{Endpoint, Host};

/// Where a server is and where we connect from.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// The server.
    pub(crate) server: Endpoint,
    /// Our own address, and port or 0.
    pub(crate) source: Option<SocketAddr>,
    /// The VRF or interface to connect through; none is as the system's routes have it.
    pub(crate) device: Option<String>,
    /// For all addresses together; each gets an equal share, so that one that swallows
    /// packets does not keep the others from being tried.
    pub(crate) timeout: Duration,
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

    /// A socket for datagrams to and from the first address that there is a way to; whether
    /// anyone is there only a reply can tell.
    ///
    /// The source port is 546 where the system gives it, since some servers answer to that
    /// whatever port asked (D-32), else any; or the one that was asked for.
    pub(super) async fn open_udp(&self) -> Result<UdpSocket, String> {
        let mut reasons = Vec::new();
        for address in self.addresses().await? {
            match self.open_udp_to(address).await {
                Ok(socket) => return Ok(socket),
                Err(error) => reasons.push(format!("{address}: {error}")),
            }
        }
        Err(reasons.join("; "))
    }

    async fn open_udp_to(&self, to: SocketAddr) -> io::Result<UdpSocket> {
        let from = self.source_to(to)?;
        let socket = match from.port() {
            0 => match UdpSocket::bind(SocketAddr::new(from.ip(), DHCP_CLIENT_PORT)).await {
                Ok(socket) => Ok(socket),
                // Not permitted, or in use by a DHCPv6 client of this machine.
                Err(_) => UdpSocket::bind(from).await,
            },
            _ => UdpSocket::bind(from).await,
        };
        let socket = socket.map_err(|error| cannot_use(from, &error))?;
        // From here on the system lets in datagrams of this address and port only.
        socket.connect(to).await?;
        Ok(socket)
    }

    /// Where to ask `to` from: the source asked for, or any.
    fn source_to(&self, to: SocketAddr) -> io::Result<SocketAddr> {
        let Some(source) = self.source else {
            let any = match to.ip() {
                IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            };
            return Ok(SocketAddr::new(any, 0));
        };
        if source.is_ipv4() == to.is_ipv4() {
            return Ok(source);
        }
        Err(io::Error::new(
            io::ErrorKind::AddrNotAvailable,
            format!("it cannot be reached from {source}, of the other address family"),
        ))
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
        // Queries go straight to a unicast address (BLQ-R-008, LQ-UDP-025).
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
        if let Some(device) = &self.device {
            socket.bind_device(Some(device.as_bytes()))?;
        }
        if self.source.is_some() {
            let source = self.source_to(to)?;
            // A port that is asked for must be usable again right after the last connection.
            socket.set_reuseaddr(source.port() != 0)?;
            socket
                .bind(source)
                .map_err(|error| cannot_use(source, &error))?;
        }
        let stream = socket.connect(to).await?;
        // A query is one small write, and the next may follow at once.
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// Whether the system lets us ask from here: that it does not is no server's fault (exit code 1).
///
/// # Errors
/// If the address is not ours, or its port is in use or not permitted.
pub(crate) fn try_source(source: SocketAddr, is_udp: bool) -> io::Result<()> {
    let (kind, protocol) = if is_udp {
        (Type::DGRAM, Protocol::UDP)
    } else {
        (Type::STREAM, Protocol::TCP)
    };
    let socket = Socket::new(Domain::for_address(source), kind, Some(protocol))?;
    socket.set_reuse_address(!is_udp && source.port() != 0)?;
    let bound = socket.bind(&source.into());
    bound.map_err(|error| cannot_use(source, &error))
}

fn cannot_use(source: SocketAddr, error: &io::Error) -> io::Error {
    let advice = match error.kind() {
        io::ErrorKind::AddrNotAvailable => "; it is no address of this machine",
        _ => "",
    };
    io::Error::new(
        error.kind(),
        format!("cannot connect from {source}: {error}{advice}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::values::Server;

    fn route(server: &str) -> Route {
        Route {
            server: server.parse::<Server>().unwrap().endpoint().clone(),
            source: None,
            device: None,
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

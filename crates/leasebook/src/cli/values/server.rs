//! Servers to ask and sources to ask from.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::str::FromStr;

/// The port of DHCPv6 servers, over UDP and TCP. Source: RFC 5460 §5.6; BLQ-R-001.
pub const DEFAULT_PORT: u16 = 547;

/// Where a server is: `host`, `host:port`, `[addr]:port`, or a bare IPv6 address.
///
/// An IPv6 address may end in a zone, as in `fe80::1%eth0`. Two colons or more outside of
/// brackets make a bare IPv6 address, so a port after one needs the brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server(Endpoint);

/// An address to connect from: `addr` or `[addr]:port`, without a port any free one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source(Endpoint);

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The host.
    pub host: Host,
    /// The port; 0 for any.
    pub port: u16,
}

/// A host as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name to be looked up.
    Name(String),
    /// An address.
    Address(IpAddr),
    /// An IPv6 address in a zone: the name or number of an interface.
    Zoned(Ipv6Addr, String),
}

/// Why a text is no server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The brackets or what stands in them.
    #[error("`{0}` is no IPv6 address in brackets; write [2001:db8::1]:547")]
    Brackets(String),
    /// Several colons, but no IPv6 address.
    #[error("`{0}` is no IPv6 address; write HOST, HOST:PORT, [ADDR]:PORT or an IPv6 address")]
    Address(String),
    /// Not a name that could be looked up.
    #[error("`{0}` is no host name; write HOST, HOST:PORT, [ADDR]:PORT or an IPv6 address")]
    Name(String),
    /// Not a port.
    #[error("`{0}` is no port; it is a number from 1 to 65535")]
    Port(String),
    /// Nothing, or something that needs looking up, after `%`.
    #[error("`{0}` names no zone after %; write an interface, as in fe80::1%eth0")]
    Zone(String),
    /// A name where an address is needed.
    #[error("`{0}` is no address of this machine; write ADDR or [ADDR]:PORT")]
    NotAddress(String),
}

/// A zone that is no interface here.
#[derive(Debug, thiserror::Error)]
#[error("no interface `{zone}` on this machine: {source}")]
pub struct ZoneError {
    /// The zone as written.
    zone: String,
    /// What the system said.
    source: std::io::Error,
}

impl Server {
    /// Host and port.
    pub fn endpoint(&self) -> &Endpoint {
        &self.0
    }
}

impl Source {
    /// Address and port.
    pub fn endpoint(&self) -> &Endpoint {
        &self.0
    }
}

impl FromStr for Server {
    type Err = ServerError;

    fn from_str(text: &str) -> Result<Self, ServerError> {
        endpoint(text, DEFAULT_PORT).map(Self)
    }
}

impl FromStr for Source {
    type Err = ServerError;

    fn from_str(text: &str) -> Result<Self, ServerError> {
        let endpoint = endpoint(text, 0)?;
        if matches!(endpoint.host, Host::Name(_)) {
            return Err(ServerError::NotAddress(text.to_owned()));
        }
        Ok(Self(endpoint))
    }
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.port;
        match &self.host {
            Host::Name(name) => write!(formatter, "{name}:{port}"),
            Host::Address(IpAddr::V4(address)) => write!(formatter, "{address}:{port}"),
            Host::Address(IpAddr::V6(address)) => write!(formatter, "[{address}]:{port}"),
            Host::Zoned(address, zone) => write!(formatter, "[{address}%{zone}]:{port}"),
        }
    }
}

impl Endpoint {
    /// The socket address, unless the host is a name to be looked up.
    ///
    /// A zone is turned into the interface's index, which asks the system.
    pub fn address(&self) -> Result<Option<SocketAddr>, ZoneError> {
        match &self.host {
            Host::Name(_) => Ok(None),
            Host::Address(address) => Ok(Some(SocketAddr::new(*address, self.port))),
            Host::Zoned(address, zone) => {
                let index = interface_index(zone).map_err(|source| ZoneError {
                    zone: zone.clone(),
                    source,
                })?;
                let address = SocketAddrV6::new(*address, self.port, 0, index);
                Ok(Some(SocketAddr::V6(address)))
            }
        }
    }
}

/// The index of an interface given by name or by number.
fn interface_index(zone: &str) -> std::io::Result<u32> {
    if let Ok(index) = zone.parse() {
        return Ok(index);
    }
    let any = rustix::net::socket(
        rustix::net::AddressFamily::INET6,
        rustix::net::SocketType::DGRAM,
        None,
    )?;
    Ok(rustix::net::netdevice::name_to_index(&any, zone)?)
}

/// Reads a host with or without a port.
fn endpoint(text: &str, default_port: u16) -> Result<Endpoint, ServerError> {
    if let Some(rest) = text.strip_prefix('[') {
        let brackets = || ServerError::Brackets(text.to_owned());
        let (inside, after) = rest.split_once(']').ok_or_else(brackets)?;
        let host = ipv6(inside)?.ok_or_else(brackets)?;
        let port = match after.strip_prefix(':') {
            Some(port) => read_port(port)?,
            None if after.is_empty() => default_port,
            None => return Err(brackets()),
        };
        return Ok(Endpoint { host, port });
    }
    if text.matches(':').count() > 1 {
        let host = ipv6(text)?.ok_or_else(|| ServerError::Address(text.to_owned()))?;
        let port = default_port;
        return Ok(Endpoint { host, port });
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, read_port(port)?),
        None => (text, default_port),
    };
    let host = match host.parse() {
        Ok(address) => Host::Address(address),
        Err(_) if is_name(host) => Host::Name(host.to_owned()),
        Err(_) => return Err(ServerError::Name(text.to_owned())),
    };
    Ok(Endpoint { host, port })
}

/// An IPv6 address, perhaps with a zone; `None` if it is none.
fn ipv6(text: &str) -> Result<Option<Host>, ServerError> {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (text, None),
    };
    let Ok(address) = address.parse::<Ipv6Addr>() else {
        return Ok(None);
    };
    match zone {
        None => Ok(Some(Host::Address(IpAddr::V6(address)))),
        Some("") => Err(ServerError::Zone(text.to_owned())),
        Some(zone) => Ok(Some(Host::Zoned(address, zone.to_owned()))),
    }
}

/// A port other than 0.
fn read_port(text: &str) -> Result<u16, ServerError> {
    text.parse()
        .ok()
        .filter(|port| *port != 0 && text.bytes().all(|octet| octet.is_ascii_digit()))
        .ok_or_else(|| ServerError::Port(text.to_owned()))
}

/// Whether a text could be a host's name.
fn is_name(text: &str) -> bool {
    /// The longest name in the DNS, in text. Source: RFC 1035 §2.3.4.
    const MAX_OCTETS: usize = 253;
    !text.is_empty()
        && text.len() <= MAX_OCTETS
        && !text.starts_with('-')
        && text
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BLQ-R-001: without a port it is 547, in every form.
    #[test]
    fn a_server_is_read_in_every_form() {
        let table = [
            ("dhcp.example.net", "dhcp.example.net:547"),
            ("dhcp:1547", "dhcp:1547"),
            ("192.0.2.1", "192.0.2.1:547"),
            ("127.0.0.1:1547", "127.0.0.1:1547"),
            ("2001:db8::1", "[2001:db8::1]:547"),
            ("2001:db8::1:547", "[2001:db8::1:547]:547"),
            ("[2001:db8::1]", "[2001:db8::1]:547"),
            ("[2001:db8::1]:1547", "[2001:db8::1]:1547"),
            ("::1", "[::1]:547"),
            ("fe80::1%eth0", "[fe80::1%eth0]:547"),
            ("[fe80::1%2]:1547", "[fe80::1%2]:1547"),
        ];
        for (text, shown) in table {
            let server: Server = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(server.to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_server_is_refused() {
        let table = [
            "",
            ":547",
            "host:",
            "host:0",
            "host:65536",
            "host:+1",
            "host:port",
            "[::1",
            "[::1]x",
            "[host]:547",
            "1:2:3",
            "fe80::1%",
            "a b",
            "-x",
            "00:01:02",
        ];
        for text in table {
            assert!(text.parse::<Server>().is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn a_source_is_an_address_with_any_port() {
        let source: Source = "2001:db8::1".parse().unwrap();
        assert_eq!(source.endpoint().port, 0);
        let source: Source = "[::1]:546".parse().unwrap();
        assert_eq!(source.to_string(), "[::1]:546");
        assert!("relay.example".parse::<Source>().is_err());
    }

    #[test]
    fn a_zone_becomes_the_index_of_its_interface() {
        let by_number: Server = "fe80::1%7".parse().unwrap();
        let Ok(Some(SocketAddr::V6(address))) = by_number.endpoint().address() else {
            panic!("no address");
        };
        assert_eq!(address.scope_id(), 7);
        let missing: Server = "fe80::1%no-such-if".parse().unwrap();
        assert!(missing.endpoint().address().is_err());
        let name: Server = "host".parse().unwrap();
        assert!(matches!(name.endpoint().address(), Ok(None)));
    }
}

//! Sockets that listen for Bulk Leasequery.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections the kernel holds for us before we accept them.
const BACKLOG: i32 = 128;

/// Why nothing can be heard at an address.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} (TCP): {source}{}", advice(source))]
pub(super) struct ListenError {
    address: SocketAddr,
    source: io::Error,
}

/// Listens on `address`; an IPv6 address is for IPv6 alone, so that `[::]` and `0.0.0.0` can
/// both be configured.
pub(super) fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    open(address).map_err(|source| ListenError { address, source })
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restart must not wait for the old connections' last packets.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

pub(super) fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need CAP_NET_BIND_SERVICE: run under the systemd unit, or choose another port"
        }
        io::ErrorKind::AddrInUse => "; another program listens there",
        io::ErrorKind::AddrNotAvailable => "; no interface of this machine has the address",
        _ => "",
    }
}

//! A UDP socket that tells where each datagram came in, and takes and gives many at once.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};

use crate::config::UdpAddress;
use leasebook_protocol::server::Arrival;
use leasebook_protocol::server::batch::Reply;
use nix::libc::in6_pktinfo;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrIn6, recvmmsg, sendmmsg,
    setsockopt, sockopt,
};
use socket2::{Domain, Protocol, Socket, Type};

/// Datagrams taken at once, at most.
pub(crate) const BATCH: usize = 64;

/// Datagrams taken at once while there are few: room for many costs more than to call again.
const FEW: usize = 8;

/// Octets of the largest datagram.
const DATAGRAM_OCTETS: usize = 65_536;

/// Octets the system may hold for us: a second of the highest load measured.
const RECEIVE_OCTETS: usize = 8 << 20;

/// All_DHCP_Relay_Agents_and_Servers (RFC 8415 §7.1).
const ALL_RELAYS_AND_SERVERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);

/// All_DHCP_Servers (RFC 8415 §7.1).
const ALL_SERVERS: Ipv6Addr = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 1, 3);

/// Why nothing can be heard at an address.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot listen on {address} (UDP): {source}{}",
    advice(source, address)
)]
pub(crate) struct UdpError {
    address: UdpAddress,
    source: io::Error,
}

/// A socket that listens for DHCPv6.
pub(crate) struct Listener {
    socket: UdpSocket,
    address: SocketAddrV6,
    device: Option<String>,
}

impl Listener {
    /// Listens on `address`, which is an IPv6 one.
    pub(crate) fn open(address: &UdpAddress) -> Result<Self, UdpError> {
        let fail = |source| UdpError {
            address: address.clone(),
            source,
        };
        let SocketAddr::V6(six) = address.address else {
            let what = "DHCPv6 is spoken over IPv6 alone";
            return Err(fail(io::Error::new(io::ErrorKind::InvalidInput, what)));
        };
        let device = address.device.clone();
        let socket = open(six, device.as_deref()).map_err(fail)?;
        let SocketAddr::V6(address) = socket.local_addr().map_err(fail)? else {
            return Err(fail(io::ErrorKind::InvalidInput.into()));
        };
        Ok(Self {
            socket,
            address,
            device,
        })
    }

    /// The device it is bound to: a VRF, or one interface.
    pub(crate) fn device(&self) -> Option<&str> {
        self.device.as_deref()
    }

    /// Where it listens, with the port the system chose.
    pub(crate) fn address(&self) -> SocketAddrV6 {
        self.address
    }

    /// Joins the groups of servers on an interface (DHCP-S-001); again is no error.
    ///
    /// Only a socket without an address of its own hears groups.
    pub(crate) fn join(&self, interface: u32) -> io::Result<()> {
        self.join_groups(interface, &[ALL_RELAYS_AND_SERVERS, ALL_SERVERS])
    }

    /// Joins the group of relays on an interface (RELAY-007); again is no error.
    pub(crate) fn join_relays(&self, interface: u32) -> io::Result<()> {
        self.join_groups(interface, &[ALL_RELAYS_AND_SERVERS])
    }

    fn join_groups(&self, interface: u32, groups: &[Ipv6Addr]) -> io::Result<()> {
        if !self.address.ip().is_unspecified() {
            return Ok(());
        }
        for group in groups {
            match self.socket.join_multicast_v6(group, interface) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                joined => joined?,
            }
        }
        Ok(())
    }

    /// Sends to groups with this hop limit (RELAY-009).
    pub(crate) fn set_group_hops(&self, hops: u32) -> io::Result<()> {
        socket2::SockRef::from(&self.socket).set_multicast_hops_v6(hops)
    }

    /// Sends all `replies`, whose octets lie in `octets`, in as few calls as their source
    /// addresses allow. Returns how many the system did not take, with its last words.
    pub(crate) fn send(&self, replies: &[&Reply], octets: &[u8]) -> (usize, Option<io::Error>) {
        let mut failed = (0, None);
        for group in replies.chunk_by(|one, other| origin(one) == origin(other)) {
            let mut rest = group;
            while !rest.is_empty() {
                match self.send_group(rest, octets) {
                    Ok(sent) if sent > 0 => rest = rest.get(sent..).unwrap_or_default(),
                    // The first of the rest is what was refused: a peer that is gone, a link
                    // that is down. It alone is lost.
                    outcome => {
                        rest = rest.get(1..).unwrap_or_default();
                        failed = (failed.0 + 1, outcome.err().or(failed.1));
                    }
                }
            }
        }
        failed
    }

    fn send_group(&self, group: &[&Reply], octets: &[u8]) -> io::Result<usize> {
        let slices: Vec<[IoSlice<'_>; 1]> = group
            .iter()
            .map(|reply| octets.get(reply.octets.clone()).unwrap_or_default())
            .map(|octets| [IoSlice::new(octets)])
            .collect();
        let addresses: Vec<_> = group
            .iter()
            .map(|reply| Some(SockaddrIn6::from(destination(reply))))
            .collect();
        let source = group.first().and_then(|reply| origin(reply));
        let source = source.map(|(from, interface)| in6_pktinfo {
            ipi6_addr: nix::libc::in6_addr {
                s6_addr: from.octets(),
            },
            ipi6_ifindex: interface,
        });
        let messages: Vec<_> = source.iter().map(ControlMessage::Ipv6PacketInfo).collect();
        let space = source.map(|_| nix::cmsg_space!(in6_pktinfo));
        let mut headers = MultiHeaders::preallocate(group.len(), space);
        let fd = self.socket.as_raw_fd();
        let sent = sendmmsg(
            fd,
            &mut headers,
            &slices,
            &addresses,
            &messages,
            MsgFlags::empty(),
        )?;
        Ok(sent.count())
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The source address and the interface that the system must be told: a link-local source is one
/// of its interface, and a group is reached by one (its scope, for groups of wider scope, is not
/// looked at). `::` and 0 leave it to the system.
fn origin(reply: &Reply) -> Option<(Ipv6Addr, u32)> {
    match reply.from {
        Some(from) if from.is_unicast_link_local() => Some((from, reply.interface)),
        Some(from) if reply.to.ip().is_multicast() => Some((from, reply.interface)),
        Some(from) => Some((from, 0)),
        None if reply.to.ip().is_multicast() => Some((Ipv6Addr::UNSPECIFIED, reply.interface)),
        None => None,
    }
}

/// A link-local destination needs the interface; others are routed.
fn destination(reply: &Reply) -> SocketAddrV6 {
    let mut to = reply.to;
    if to.ip().is_unicast_link_local() && to.scope_id() == 0 {
        to.set_scope_id(reply.interface);
    }
    to
}

/// Room for a burst of datagrams.
pub(crate) struct Inbox {
    octets: Vec<u8>,
    /// How many are taken at once, for now.
    room: usize,
}

/// What a burst was.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Burst {
    /// Datagrams taken.
    pub(crate) taken: usize,
    /// Those of them that nothing can be done with: no IPv6 source, or cut.
    pub(crate) unusable: usize,
    /// It filled the room there was, so that more may wait.
    pub(crate) has_more: bool,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        // Pages that no datagram touched take no memory.
        let octets = vec![0; BATCH * DATAGRAM_OCTETS];
        Self { octets, room: FEW }
    }

    /// Takes what the socket holds, at most [`BATCH`] datagrams, and gives each to `hear`.
    ///
    /// At most [`FEW`] where it held fewer than that the last time.
    pub(crate) fn take(
        &mut self,
        listener: &Listener,
        hear: &mut dyn FnMut(Arrival, &[u8]),
    ) -> io::Result<Burst> {
        let mut slices: Vec<[IoSliceMut<'_>; 1]> = self
            .octets
            .chunks_exact_mut(DATAGRAM_OCTETS)
            .take(self.room)
            .map(|room| [IoSliceMut::new(room)])
            .collect();
        // Made anew each time: a call leaves in it what came, as the room of the next.
        let space = nix::cmsg_space!(in6_pktinfo);
        let mut headers = MultiHeaders::<SockaddrIn6>::preallocate(self.room, Some(space));
        let fd = listener.socket.as_raw_fd();
        let flags = MsgFlags::MSG_DONTWAIT;
        let received = match recvmmsg(fd, &mut headers, &mut slices, flags, None) {
            Ok(received) => received,
            Err(nix::Error::EAGAIN | nix::Error::EINTR) => return Ok(Burst::default()),
            Err(error) => return Err(error.into()),
        };
        let mut burst = Burst::default();
        for datagram in received {
            burst.taken += 1;
            let info = datagram.cmsgs().ok().into_iter().flatten();
            let info = info.filter_map(|message| match message {
                ControlMessageOwned::Ipv6PacketInfo(info) => Some(info),
                _ => None,
            });
            let is_whole = !datagram.flags.contains(MsgFlags::MSG_TRUNC);
            let (Some(from), Some(info), true) = (datagram.address, info.last(), is_whole) else {
                burst.unusable += 1;
                continue;
            };
            let arrival = Arrival {
                from: SocketAddrV6::new(from.ip(), from.port(), 0, from.scope_id()),
                to: Ipv6Addr::from(info.ipi6_addr.s6_addr),
                interface: info.ipi6_ifindex,
            };
            hear(arrival, datagram.iovs().next().unwrap_or_default());
        }
        burst.has_more = burst.taken == self.room;
        self.room = if burst.has_more { BATCH } else { FEW };
        Ok(burst)
    }
}

fn advice(error: &io::Error, address: &UdpAddress) -> &'static str {
    match error.raw_os_error() {
        Some(nix::libc::ENODEV) if address.device.is_some() => "; there is no such device",
        _ => super::super::listen::advice(error),
    }
}

fn open(address: SocketAddrV6, device: Option<&str>) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
    // Before it has a port, when no privilege is needed for it (Linux 5.7).
    socket.bind_device(device.map(str::as_bytes))?;
    socket.set_only_v6(true)?;
    // A client or relay of the same machine may have the port on an address of its own.
    socket.set_reuse_address(true)?;
    setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
    // As much as we may: beyond the system's limit only with a privilege, and not needed.
    if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_OCTETS).is_err() {
        socket.set_recv_buffer_size(RECEIVE_OCTETS)?;
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Listener, UdpSocket) {
        let listener = Listener::open(&"[::1]:0".parse().unwrap()).unwrap();
        let client = UdpSocket::bind("[::1]:0").unwrap();
        client.connect(listener.address()).unwrap();
        (listener, client)
    }

    /// A device that is not there is told as such, and one that is there is told of.
    #[test]
    fn a_socket_is_bound_to_a_device() {
        let address: UdpAddress = "[::1]:0%lo".parse().unwrap();
        let listener = Listener::open(&address).unwrap();
        assert_eq!(listener.device(), Some("lo"));
        let client = UdpSocket::bind("[::1]:0").unwrap();
        client.send_to(b"x", listener.address()).unwrap();
        let mut heard = 0;
        let burst = Inbox::new()
            .take(&listener, &mut |_, _| heard += 1)
            .unwrap();
        assert_eq!((burst.taken, heard), (1, 1));
        let missing: UdpAddress = "[::1]:0%no-such-vrf".parse().unwrap();
        let error = Listener::open(&missing).err().unwrap().to_string();
        assert!(
            error.contains("%no-such-vrf") && error.contains("no such device"),
            "{error}"
        );
    }

    /// DHCP-S-098: what is heard tells its source, its destination and its interface.
    #[test]
    fn a_burst_is_taken_at_once_and_each_tells_how_it_came() {
        let (listener, client) = pair();
        for text in ["one", "", "three"] {
            client.send(text.as_bytes()).unwrap();
        }
        let mut heard = Vec::new();
        let burst = Inbox::new()
            .take(&listener, &mut |arrival, octets| {
                heard.push((arrival, octets.to_vec()));
            })
            .unwrap();
        assert_eq!((burst.taken, burst.unusable), (3, 0));
        let texts: Vec<&[u8]> = heard.iter().map(|(_, octets)| octets.as_slice()).collect();
        assert_eq!(texts, [&b"one"[..], b"", b"three"]);
        let (arrival, _) = &heard[0];
        assert_eq!(SocketAddr::V6(arrival.from), client.local_addr().unwrap());
        assert_eq!(arrival.to, Ipv6Addr::LOCALHOST);
        assert_ne!(arrival.interface, 0);
    }

    /// DHCP-S-098: replies go where they are to go, and one that cannot does not stop others.
    #[test]
    fn one_that_cannot_be_sent_does_not_stop_the_others() {
        let (listener, client) = pair();
        let SocketAddr::V6(to) = client.local_addr().unwrap() else {
            panic!()
        };
        let reply = |to, octets| Reply {
            to,
            from: None,
            interface: 1,
            octets,
            is_bound: false,
        };
        // No route leads to the discard prefix from a link-local scope that does not exist.
        let lost = SocketAddrV6::new("fe80::1".parse().unwrap(), 547, 0, 9_999_999);
        let replies = [reply(to, 0..3), reply(lost, 3..5), reply(to, 5..10)];
        let replies: Vec<&Reply> = replies.iter().collect();
        let (failed, error) = listener.send(&replies, b"onetwthree");
        assert_eq!(failed, 1);
        assert!(error.is_some());
        let mut inbox = [0; 16];
        assert_eq!(client.recv(&mut inbox).unwrap(), 3);
        assert_eq!(client.recv(&mut inbox).unwrap(), 5);
        assert_eq!(&inbox[..5], b"three");
    }

    /// DHCP-S-098: a reply to a unicast query leaves from the address that was asked.
    #[test]
    fn a_reply_leaves_from_the_address_that_was_asked() {
        let listener = Listener::open(&"[::]:0".parse().unwrap()).unwrap();
        let client = UdpSocket::bind("[::1]:0").unwrap();
        let SocketAddr::V6(to) = client.local_addr().unwrap() else {
            panic!()
        };
        let from = Some(Ipv6Addr::LOCALHOST);
        let reply = Reply {
            to,
            from,
            interface: 1,
            octets: 0..2,
            is_bound: false,
        };
        let (failed, error) = listener.send(&[&reply], b"ok");
        assert_eq!((failed, error.map(|error| error.to_string())), (0, None));
        let (_, source) = client.recv_from(&mut [0; 4]).unwrap();
        assert_eq!(
            source,
            SocketAddr::from((Ipv6Addr::LOCALHOST, listener.address().port()))
        );
    }
}

//! Datagrams of a load: many given and taken at once.

use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv6Addr, SocketAddrV6, UdpSocket};
use std::os::fd::{AsFd as _, AsRawFd as _};

use anyhow::Context as _;
use leasebook_wire::ComposeError;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn6, recvmmsg, sendmmsg};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Datagrams given or taken at once.
pub(crate) const BATCH: usize = 64;

/// Octets of the longest datagram that comes.
const ROOM_OCTETS: usize = 2048;

/// Octets the system may hold for a socket of ours, so that what is lost is lost elsewhere.
const BUFFER_OCTETS: usize = 16 << 20;

/// One socket of the load, and where it sends to.
pub(crate) struct Peer {
    socket: UdpSocket,
    target: SockaddrIn6,
    inbox: Vec<u8>,
    out: Outbox,
}

/// Datagrams to send, one behind the other.
#[derive(Default)]
struct Outbox {
    octets: Vec<u8>,
    ends: Vec<usize>,
}

impl Peer {
    /// A socket at `from` that sends to `target`.
    pub(crate) fn new(from: SocketAddrV6, target: SocketAddrV6) -> anyhow::Result<Self> {
        let socket = UdpSocket::bind(from).with_context(|| format!("cannot listen on {from}"))?;
        let buffers = socket2::SockRef::from(&socket);
        buffers.set_recv_buffer_size(BUFFER_OCTETS)?;
        buffers.set_send_buffer_size(BUFFER_OCTETS)?;
        Ok(Self {
            socket,
            target: target.into(),
            inbox: vec![0; BATCH * ROOM_OCTETS],
            out: Outbox::default(),
        })
    }

    /// Composes a datagram that [`Peer::send`] will send.
    pub(crate) fn put(
        &mut self,
        compose: impl FnOnce(&mut Vec<u8>) -> Result<(), ComposeError>,
    ) -> Result<(), ComposeError> {
        compose(&mut self.out.octets)?;
        self.out.ends.push(self.out.octets.len());
        Ok(())
    }

    /// Sends what was composed.
    pub(crate) fn send(&mut self) -> anyhow::Result<()> {
        let out = &self.out;
        let starts = std::iter::once(0).chain(out.ends.iter().copied());
        let ranges = starts.zip(&out.ends);
        let slices: Vec<[IoSlice<'_>; 1]> = ranges
            .filter_map(|(start, end)| out.octets.get(start..*end))
            .map(|octets| [IoSlice::new(octets)])
            .collect();
        let mut rest = slices.as_slice();
        while !rest.is_empty() {
            let some = rest.get(..BATCH).unwrap_or(rest);
            let addresses = vec![Some(self.target); some.len()];
            let mut headers = MultiHeaders::preallocate(some.len(), None);
            let (fd, flags) = (self.socket.as_raw_fd(), MsgFlags::empty());
            let sent = sendmmsg(fd, &mut headers, some, &addresses, [], flags)?.count();
            rest = rest.get(sent..).unwrap_or_default();
        }
        self.out.octets.clear();
        self.out.ends.clear();
        Ok(())
    }

    /// Gives what has come to `hear`, which may fill `self`'s outbox through what it returns;
    /// how many datagrams these were.
    pub(crate) fn receive(
        &mut self,
        hear: &mut dyn FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<usize> {
        let mut slices: Vec<[IoSliceMut<'_>; 1]> = self
            .inbox
            .chunks_exact_mut(ROOM_OCTETS)
            .map(|room| [IoSliceMut::new(room)])
            .collect();
        let mut headers = MultiHeaders::<SockaddrIn6>::preallocate(BATCH, None);
        let (fd, flags) = (self.socket.as_raw_fd(), MsgFlags::MSG_DONTWAIT);
        let received = match recvmmsg(fd, &mut headers, &mut slices, flags, None) {
            Ok(received) => received,
            Err(nix::Error::EAGAIN | nix::Error::EINTR) => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        let mut count = 0;
        for datagram in received {
            count += 1;
            hear(datagram.iovs().next().unwrap_or_default())?;
        }
        Ok(count)
    }

    /// What [`rest`] waits for.
    fn poll_fd(&self) -> PollFd<'_> {
        PollFd::from_borrowed_fd(self.socket.as_fd(), PollFlags::IN)
    }
}

/// Waits a little for the next datagram at any of these.
pub(crate) fn rest(peers: &[&Peer]) -> anyhow::Result<()> {
    let mut fds: Vec<PollFd<'_>> = peers.iter().map(|peer| peer.poll_fd()).collect();
    let patience = Timespec {
        tv_sec: 0,
        tv_nsec: 500_000,
    };
    poll(&mut fds, Some(&patience))?;
    Ok(())
}

/// An interface's link-local address with its scope, at a port.
pub(crate) fn link_local(interface: &str, port: u16) -> anyhow::Result<SocketAddrV6> {
    let index = nix::net::if_::if_nametoindex(interface)?;
    let table = std::fs::read_to_string("/proc/self/net/if_inet6")?;
    let is_its = |line: &&str| line.split_whitespace().last() == Some(interface);
    let mut addresses = table
        .lines()
        .filter(is_its)
        .filter_map(|line| u128::from_str_radix(line.get(..32)?, 16).ok())
        .map(Ipv6Addr::from_bits);
    let address = addresses.find(Ipv6Addr::is_unicast_link_local);
    let address = address.with_context(|| format!("{interface} has no link-local address"))?;
    Ok(SocketAddrV6::new(address, port, 0, index))
}

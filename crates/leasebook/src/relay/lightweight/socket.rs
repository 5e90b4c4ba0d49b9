//! Packet sockets on the ports of a bridge.
//!
//! They hear a frame before the bridge has it, and what they send leaves by the port itself.
//! A classic filter in the kernel lets pass what may be of DHCPv6 alone, and no tagged frame: its
//! tag would be lost on the way.

use std::io::{self, Read as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{LinkAddr, SockaddrStorage, bind};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

/// ETH_P_ALL, ETH_P_IPV6. Source: linux/if_ether.h.
const ETH_P_ALL: u16 = 0x0003;
const ETH_P_IPV6: u32 = 0x86dd;

/// Octets of the longest frame.
pub(super) const FRAME_OCTETS: usize = 1 << 16;

/// A socket on one interface.
pub(super) struct PortSocket(Socket);

impl PortSocket {
    /// Hears what comes in by an interface and may be for this port of UDP; needs CAP_NET_RAW.
    pub(super) fn open(interface: &str, port: u16) -> io::Result<Self> {
        let protocol = Protocol::from(i32::from(ETH_P_ALL.to_be()));
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol))?;
        socket.set_nonblocking(true)?;
        // Until it is bound it would hear all interfaces.
        socket.attach_filter(&[SockFilter::new(RETURN, 0, 0, 0)])?;
        bind(socket.as_raw_fd(), &address(interface)?)?;
        let mut octets = [0; 1];
        while (&socket).read(&mut octets).is_ok() {}
        socket.attach_filter(&filter(port))?;
        Ok(Self(socket))
    }

    /// The next frame that came; how many octets it has.
    pub(super) fn receive(&self, frame: &mut [u8]) -> io::Result<usize> {
        (&self.0).read(frame)
    }

    /// Sends a frame out of the interface, if it takes one at once.
    pub(super) fn send(&self, frame: &[u8]) -> io::Result<()> {
        self.0.send(frame).map(|_| ())
    }
}

impl AsFd for PortSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The address of an interface as packet sockets have it.
fn address(interface: &str) -> io::Result<LinkAddr> {
    let mut all = getifaddrs()?.filter(|one| one.interface_name == interface);
    let found = all.find_map(|one| {
        let address = one.address.as_ref();
        address.and_then(SockaddrStorage::as_link_addr).copied()
    });
    found.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// BPF_LD with BPF_B or BPF_H, absolute; BPF_JMP|BPF_JEQ|BPF_K; BPF_RET|BPF_K.
const LOAD_OCTET: u16 = 0x30;
const LOAD_HALF: u16 = 0x28;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;

/// Lets pass untagged frames that came in, of UDP to the port or of extension headers before it.
fn filter(port: u16) -> [SockFilter; 16] {
    /// SKF_AD_OFF with SKF_AD_PROTOCOL, SKF_AD_PKTTYPE, SKF_AD_VLAN_TAG_PRESENT. Source:
    /// linux/filter.h.
    const PROTOCOL: u32 = 0xffff_f000;
    const PACKET_TYPE: u32 = 0xffff_f004;
    const IS_TAGGED: u32 = 0xffff_f030;
    /// PACKET_OUTGOING. Source: linux/if_packet.h.
    const OUTGOING: u32 = 4;
    /// Behind the header of Ethernet: next header, and the port of UDP that follows at once.
    const NEXT_HEADER_AT: u32 = 14 + 6;
    const PORT_AT: u32 = 14 + 40 + 2;
    /// Source: IANA protocol numbers.
    const HOP_BY_HOP: u32 = 0;
    const UDP: u32 = 17;
    const ROUTING: u32 = 43;
    const DESTINATION: u32 = 60;
    let all = u32::try_from(FRAME_OCTETS).unwrap_or(u32::MAX);
    let when = |value, then, otherwise| SockFilter::new(JUMP_IF_EQUAL, then, otherwise, value);
    [
        SockFilter::new(LOAD_OCTET, 0, 0, PACKET_TYPE),
        when(OUTGOING, 13, 0),
        SockFilter::new(LOAD_OCTET, 0, 0, IS_TAGGED),
        when(0, 0, 11),
        SockFilter::new(LOAD_HALF, 0, 0, PROTOCOL),
        when(ETH_P_IPV6, 0, 9),
        SockFilter::new(LOAD_OCTET, 0, 0, NEXT_HEADER_AT),
        when(UDP, 3, 0),
        when(HOP_BY_HOP, 5, 0),
        when(ROUTING, 4, 0),
        when(DESTINATION, 3, 4),
        SockFilter::new(LOAD_HALF, 0, 0, PORT_AT),
        when(u32::from(port), 1, 2),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, all),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

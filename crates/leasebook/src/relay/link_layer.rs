//! Clients' link-layer addresses, from the frames that their messages came in (RFC 6939 §5).
//!
//! A packet socket hears the same datagrams as the UDP socket, and each before that does: the kernel
//! hands a frame to packet sockets first. So the address of whoever is heard by UDP is known then.
//! IPv6 headers with extensions are not followed; such a client's address is not told.

use std::collections::HashMap;
use std::io;
use std::net::Ipv6Addr;
use std::os::fd::AsRawFd as _;

use nix::sys::socket::{LinkAddr, recvfrom};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

/// ETH_P_IPV6. Source: linux/if_ether.h.
const ETH_P_IPV6: u16 = 0x86dd;

/// Next header of UDP. Source: RFC 8200 §3, IANA protocol numbers.
const UDP: u8 = 17;

/// Octets of an IPv6 header and the ports of UDP behind it: all that is looked at.
const HEADER_OCTETS: usize = 44;
const NEXT_HEADER_AT: usize = 6;
const SOURCE_AT: std::ops::Range<usize> = 8..24;
const PORT_AT: usize = 42;

/// Senders remembered; beyond it all are forgotten, and known again by their next message.
const MAX_SENDERS: usize = 1 << 16;

/// Octets of the longest link-layer address a packet socket tells. Source: packet(7).
pub(super) type LinkLayer = [u8; 6];

/// Hears frames, and remembers who sent them.
pub(super) struct LinkLayers {
    socket: Socket,
    senders: HashMap<(u32, Ipv6Addr), LinkLayer>,
}

impl LinkLayers {
    /// Hears what comes for this UDP port; needs CAP_NET_RAW.
    pub(super) fn open(port: u16) -> io::Result<Self> {
        let protocol = Protocol::from(i32::from(ETH_P_IPV6.to_be()));
        let socket = Socket::new(Domain::PACKET, Type::DGRAM, Some(protocol))?;
        socket.attach_filter(&filter(port))?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            senders: HashMap::new(),
        })
    }

    /// Takes in what came; to be called when UDP has something, before it is read.
    pub(super) fn hear(&mut self) {
        let mut octets = [0; HEADER_OCTETS];
        while let Ok((taken, from)) = recvfrom::<LinkAddr>(self.socket.as_raw_fd(), &mut octets) {
            let source = octets.get(..taken).and_then(source);
            let link_layer = from.as_ref().and_then(LinkAddr::addr);
            let (Some(source), Some(from), Some(link_layer)) = (source, from, link_layer) else {
                continue;
            };
            let interface = u32::try_from(from.ifindex()).unwrap_or(0);
            if self.senders.len() >= MAX_SENDERS {
                self.senders.clear();
            }
            self.senders.insert((interface, source), link_layer);
        }
    }

    /// The address of a sender, if it was heard.
    pub(super) fn of(&self, interface: u32, source: Ipv6Addr) -> Option<&LinkLayer> {
        self.senders.get(&(interface, source))
    }
}

/// The source of what is an IPv6 packet with UDP in it.
fn source(octets: &[u8]) -> Option<Ipv6Addr> {
    let is_udp = octets.get(NEXT_HEADER_AT) == Some(&UDP);
    let source: [u8; 16] = octets.get(SOURCE_AT)?.try_into().ok()?;
    is_udp.then(|| Ipv6Addr::from(source))
}

/// Lets pass what is for the port, and of that the headers.
fn filter(port: u16) -> [SockFilter; 6] {
    /// BPF_LD with BPF_B or BPF_H, absolute; BPF_JMP|BPF_JEQ|BPF_K; BPF_RET|BPF_K.
    const LOAD_OCTET: u16 = 0x30;
    const LOAD_HALF: u16 = 0x28;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let at = |place: usize| u32::try_from(place).unwrap_or(0);
    [
        SockFilter::new(LOAD_OCTET, 0, 0, at(NEXT_HEADER_AT)),
        SockFilter::new(JUMP_IF_EQUAL, 0, 3, u32::from(UDP)),
        SockFilter::new(LOAD_HALF, 0, 0, at(PORT_AT)),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, u32::from(port)),
        SockFilter::new(RETURN, 0, 0, at(HEADER_OCTETS)),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_read_where_udp_follows_at_once() {
        let mut packet = [0; HEADER_OCTETS];
        packet[NEXT_HEADER_AT] = UDP;
        packet[SOURCE_AT].copy_from_slice(&Ipv6Addr::LOCALHOST.octets());
        assert_eq!(source(&packet), Some(Ipv6Addr::LOCALHOST));
        packet[NEXT_HEADER_AT] = 0;
        assert_eq!(source(&packet), None);
        assert_eq!(source(&packet[..20]), None);
    }
}

//! Frames: from octets to what the lightweight relay works on, and back.

use std::net::Ipv6Addr;

use etherparse::checksum::Sum16BitWords;
use etherparse::{IpNumber, LinkSlice, NetSlice, PacketBuilder, SlicedPacket, TransportSlice};
use leasebook_protocol::relay::lightweight::Packet;

/// The hop limit of what is sent: it never leaves the link.
const HOP_LIMIT: u8 = 255;

/// Octets of a header of UDP. Source: RFC 768.
const UDP_HEADER_OCTETS: usize = 8;

/// Where in a header of UDP its checksum is.
const CHECKSUM_AT: std::ops::Range<usize> = 6..8;

/// The datagram in a frame; none if there is no whole one of UDP over IPv6, or it is damaged.
pub(super) fn parse(frame: &[u8]) -> Option<Packet<'_>> {
    let sliced = SlicedPacket::from_ethernet(frame).ok()?;
    let LinkSlice::Ethernet2(ethernet) = sliced.link.as_ref()? else {
        return None;
    };
    let Some(NetSlice::Ipv6(ip)) = &sliced.net else {
        return None;
    };
    let Some(TransportSlice::Udp(udp)) = &sliced.transport else {
        return None;
    };
    if !sliced.link_exts.is_empty() || sliced.is_ip_payload_fragmented() {
        return None;
    }
    let header = ip.header();
    let (source, destination) = (header.source_addr(), header.destination_addr());
    if !is_undamaged(&source, &destination, udp.slice()) {
        return None;
    }
    Some(Packet {
        link_source: ethernet.source(),
        link_destination: ethernet.destination(),
        source,
        destination,
        source_port: udp.source_port(),
        destination_port: udp.destination_port(),
        octets: udp.payload(),
    })
}

/// Whether the checksum is right, or not made yet: what this machine's own programs send over
/// virtual interfaces has only the sum of the addresses in its place, for hardware to complete.
fn is_undamaged(source: &Ipv6Addr, destination: &Ipv6Addr, udp: &[u8]) -> bool {
    let Ok(octets) = u32::try_from(udp.len()) else {
        return false;
    };
    let Some(told) = udp.get(CHECKSUM_AT) else {
        return false;
    };
    let pseudo = Sum16BitWords::new()
        .add_16bytes(source.octets())
        .add_16bytes(destination.octets())
        .add_4bytes(octets.to_be_bytes())
        .add_2bytes([0, IpNumber::UDP.0]);
    // The sum over everything, the checksum included, is all ones.
    // It comes with the octets as they lie in memory.
    let begun = !pseudo.ones_complement();
    let is_right = pseudo.add_slice(udp).ones_complement() == 0;
    (is_right && told != [0, 0]) || told == begun.to_ne_bytes()
}

/// Puts a datagram into a frame; false if it has no room there.
pub(super) fn compose(packet: &Packet<'_>, frame: &mut Vec<u8>) -> bool {
    frame.clear();
    let builder = PacketBuilder::ethernet2(packet.link_source, packet.link_destination)
        .ipv6(
            packet.source.octets(),
            packet.destination.octets(),
            HOP_LIMIT,
        )
        .udp(packet.source_port, packet.destination_port);
    packet.octets.len() <= usize::from(u16::MAX) - UDP_HEADER_OCTETS
        && builder.write(frame, packet.octets).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(octets: &[u8]) -> Packet<'_> {
        Packet {
            link_source: [2, 0, 0, 0, 0, 1],
            link_destination: [0x33, 0x33, 0, 1, 0, 2],
            source: "fe80::1".parse().unwrap(),
            destination: "ff02::1:2".parse().unwrap(),
            source_port: 546,
            destination_port: 547,
            octets,
        }
    }

    fn frame(octets: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        assert!(compose(&packet(octets), &mut frame));
        frame
    }

    /// RELAY-037: the addresses of both layers are kept, and damage is noticed.
    #[test]
    fn what_is_composed_is_parsed() {
        let whole = frame(&[1, 2, 3, 4, 5]);
        assert_eq!(parse(&whole), Some(packet(&[1, 2, 3, 4, 5])));
        for at in 54..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            assert_eq!(parse(&damaged), None, "octet {at}");
        }
    }

    #[test]
    fn a_checksum_that_hardware_is_to_complete_is_taken() {
        let mut whole = frame(&[1, 2, 3, 4]);
        let udp = whole.len() - 12;
        // fe80::1 + ff02::1:2 + 12 octets + 17, folded.
        let sum: u32 = 0xfe80 + 1 + 0xff02 + 1 + 2 + 12 + 17;
        let folded = u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
        whole[udp + 6..udp + 8].copy_from_slice(&folded.to_be_bytes());
        assert_eq!(parse(&whole), Some(packet(&[1, 2, 3, 4])));
    }

    proptest! {
        #[test]
        fn any_octets_are_taken(mut octets in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = parse(&octets);
            if octets.len() > 21 {
                octets[12..15].copy_from_slice(&[0x86, 0xdd, 0x60]);
                octets[20] = 17;
            }
            let _ = parse(&octets);
        }
    }
}

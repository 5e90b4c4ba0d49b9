"""What passes on a link: a packet socket, which has every frame as soon as it was sent.

tshark's own capturing hands frames over late, and those of the last moment not at all; so it gets a file to dissect instead.
"""

import fcntl
import itertools
import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv6Address
from pathlib import Path
from typing import Union

from harness import dissect
from harness.netns import Namespace

# linux/if_packet.h, linux/if_ether.h.
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC = 263, 1, 1
ETH_P_IPV6 = 0x86DD
# linux/sockios.h.
SIOCGIFINDEX = 0x8933
BUFFER_OCTETS = 8 << 20
FRAME_OCTETS = 65536
ETHERNET_OCTETS, IPV6_OCTETS, UDP_OCTETS = 14, 40, 8
PORTS = {546, 547}
LINKTYPE_ETHERNET = 1

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Datagram:
    """One datagram from or to a port of DHCPv6."""

    source: IPv6Address
    destination: IPv6Address
    ports: tuple[int, int]
    octets: bytes


class Capture:
    """A link's frames, from the beginning of the `with` block to its end."""

    def __init__(self, space: Namespace, interface: str = "bridge") -> None:
        self._space = space
        self._interface = interface
        self._frames: list[bytes] = []
        self._socket: Union[socket.socket, None] = None

    def __enter__(self) -> "Capture":
        self._socket = self._space.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IPV6))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_OCTETS)
        self._socket.bind((self._interface, ETH_P_IPV6))
        (index,) = struct.unpack("i", self._index())
        self._socket.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, struct.pack("iHH8s", index, PACKET_MR_PROMISC, 0, b""))
        self._socket.setblocking(False)
        return self

    def _index(self) -> bytes:
        """The number of the interface, as its namespace has it."""
        assert self._socket is not None
        asked = struct.pack("16s24x", self._interface.encode())
        return fcntl.ioctl(self._socket, SIOCGIFINDEX, asked)[16:20]

    def __exit__(self, *_: object) -> None:
        self.datagrams()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def datagrams(self) -> list[Datagram]:
        """All of DHCPv6 until now."""
        while self._socket is not None:
            try:
                frame = self._socket.recv(FRAME_OCTETS)
            except BlockingIOError:
                break
            if parse(frame):
                self._frames.append(frame)
        return [datagram for datagram in map(parse, self._frames) if datagram]

    def assert_well_formed(self, folder: Path) -> None:
        """Fails on what tshark cannot dissect."""
        datagrams = self.datagrams()
        assert datagrams, "nothing was captured"
        pcap = folder / f"{self._space.name}-{next(_numbers)}.pcap"
        with pcap.open("wb") as out:
            out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, LINKTYPE_ETHERNET))
            for number, frame in enumerate(self._frames):
                out.write(struct.pack("<IIII", 1, number, len(frame), len(frame)) + frame)
        dissect.assert_datagrams_well_formed(pcap, [datagram.octets for datagram in datagrams])


def parse(frame: bytes) -> Union[Datagram, None]:
    """The datagram in a frame of Ethernet; None if it is of another protocol or port. Fragments are none of DHCPv6 here."""
    if len(frame) < ETHERNET_OCTETS + IPV6_OCTETS + UDP_OCTETS or frame[ETHERNET_OCTETS + 6] != socket.IPPROTO_UDP:
        return None
    packet = frame[ETHERNET_OCTETS:]
    source, destination, *ports, length, _ = struct.unpack_from("!8x16s16sHHHH", packet)
    if PORTS.isdisjoint(ports):
        return None
    octets = packet[IPV6_OCTETS + UDP_OCTETS : IPV6_OCTETS + length]
    return Datagram(IPv6Address(source), IPv6Address(destination), (ports[0], ports[1]), octets)

"""tshark on what was spoken."""

import os
import shutil
import socket
import struct
import subprocess
from pathlib import Path
from typing import Iterable, Union

from harness import wire
from harness.waiting import wait_for

# Where tshark expects Bulk Leasequery (RFC 5460 §5.6), so that no option has to tell it.
SERVER_PORT = 547
REQUESTOR_PORT = 54321
LOOPBACK = socket.inet_pton(socket.AF_INET6, "::1")
LINKTYPE_RAW = 101
# An IPv6 payload holds 65535 octets; a longer message goes out in two segments.
SEGMENT_OCTETS = 32768
# tshark 4.0 calls every message without options malformed: it asks for the rest of the message, of which nothing is left.
# RFC 5460 §5.2.2 wants exactly such a LEASEQUERY-DONE, so this one is passed over, and nothing else.
BARE_DONE_OCTETS = 4
# PI_WARN of tshark's epan/proto.h: what is worse is an error or a malformed packet.
EXPERT_WARNING = 0x00600000


class Tshark:
    """One frame as tshark sees it."""

    def __init__(self, line: str) -> None:
        self.payload, kind, codes, malformed, self.experts = line.split("\t")
        self.type = int(kind)
        # Codes of all options at every depth, in the order of their octets.
        self.codes = [int(code) for code in codes.split(",") if code]
        self.is_malformed = bool(malformed)


def fields(pcap: Path, *more: str) -> list[Tshark]:
    """Every frame of a capture with a message in it."""
    names = ("tcp.payload", "dhcpv6.bulk_leasequery.msgtype", "dhcpv6.option.type", "_ws.malformed", "_ws.expert.message")
    wanted = [word for name in names for word in ("-e", name)]
    command = ["tshark", "-r", str(pcap), "-Y", "dhcpv6.bulk_leasequery", "-T", "fields", *wanted, *more]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [Tshark(line) for line in ran.stdout.splitlines()]


def write_pcap(path: Path, spoken: Iterable[tuple[bool, bytes]]) -> None:
    """A capture of one connection; each pair is (to the server?, one framed message), and each message a segment."""
    at = {True: 1000, False: 5000}
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, LINKTYPE_RAW))
        for index, (to_server, octets) in enumerate(spoken):
            for start in range(0, len(octets), SEGMENT_OCTETS):
                piece = octets[start : start + SEGMENT_OCTETS]
                packet = segment(to_server, at[to_server], at[not to_server], piece)
                out.write(struct.pack("<IIII", 1, index, len(packet), len(packet)) + packet)
                at[to_server] += len(piece)


def segment(to_server: bool, sequence: int, acknowledged: int, payload: bytes) -> bytes:
    """An IPv6 packet with a TCP segment; the checksum is left 0, which tshark does not look at by default."""
    ports = (REQUESTOR_PORT, SERVER_PORT) if to_server else (SERVER_PORT, REQUESTOR_PORT)
    tcp = struct.pack("!HHIIBBHHH", *ports, sequence, acknowledged, 5 << 4, 0x18, 65535, 0, 0) + payload
    return struct.pack("!IHBB", 6 << 28, len(tcp), socket.IPPROTO_TCP, 64) + LOOPBACK + LOOPBACK + tcp


def assert_well_formed(path: Path, spoken: Iterable[tuple[bool, bytes]]) -> list[int]:
    """Fails on a message that tshark cannot dissect; returns the types of all messages in order.

    `spoken` is cut into messages first, so that what tshark says is said of one message.
    """
    messages: list[tuple[bool, bytes]] = []
    streams: dict[bool, bytes] = {True: b"", False: b""}
    for to_server, octets in spoken:
        found, streams[to_server] = wire.unframe(streams[to_server] + octets)
        messages += [(to_server, message) for message in found]
    write_pcap(path, [(to_server, wire.frame(message)) for to_server, message in messages])
    seen = fields(path)
    types = [frame.type for frame in seen]
    assert types == [message[0] for _, message in messages], "tshark sees other messages than were sent"
    for frame, (_, message) in zip(seen, messages):
        is_bare_done = len(message) == BARE_DONE_OCTETS and frame.type == wire.LEASEQUERY_DONE
        assert is_bare_done or not frame.is_malformed, f"tshark: malformed: {message.hex()} ({frame.experts})"
        # It stops at an option it cannot take, without calling that malformed.
        assert frame.codes == wire.codes(message), f"tshark: other options than sent: {message.hex()} ({frame.experts})"
    return types


def why_not_capture() -> Union[str, None]:
    """Why loopback cannot be captured here; None if it can."""
    if shutil.which("tshark") is None:
        return "tshark is missing"
    return None if os.geteuid() == 0 else "capturing on loopback needs root"


class Capture:
    """tshark on loopback while the `with` block runs; only root may."""

    def __init__(self, path: Path, port: int, interface: str = "lo") -> None:
        self._path = path
        self._command = ["tshark", "-q", "-i", interface, "-f", f"tcp port {port}", "-w", str(path)]
        self._process: Union[subprocess.Popen[str], None] = None

    def __enter__(self) -> "Capture":
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        # It says "Capturing on" before dumpcap has opened the interface, and "Capture started." after.
        for line in self._process.stderr:
            if "Capture started" in line or "File: " in line:
                return self
        raise AssertionError("tshark ended before it captured anything")

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.communicate(timeout=20)


def streams(pcap: Path, port: int) -> list[tuple[bool, bytes]]:
    """The octets of a capture of one connection, in order, as (to the server?, octets); retransmissions left out."""
    command = ["tshark", "-r", str(pcap), "-Y", "tcp.len > 0 && !tcp.analysis.retransmission", "-T", "fields"]
    command += ["-e", "tcp.dstport", "-e", "tcp.payload"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    lines = [line.split("\t") for line in ran.stdout.splitlines()]
    return [(int(to) == port, bytes.fromhex(payload)) for to, payload in lines]


def wait_for_octets(pcap: Path, port: int, octets: int) -> None:
    """Returns when so many octets of payload are in the capture; the kernel hands them over a moment late."""
    wait_for("the capture", lambda: sum(len(payload) for _, payload in readable(pcap, port)) >= octets, 15)


def readable(pcap: Path, port: int) -> list[tuple[bool, bytes]]:
    """`streams`, or nothing while the file is still being begun or ends in the middle of a packet."""
    try:
        return streams(pcap, port)
    except subprocess.CalledProcessError:
        return []


class Packet:
    """One datagram of DHCPv6 as tshark sees it; of a relayed one, all messages in it."""

    def __init__(self, line: str) -> None:
        payload, types, codes, malformed, severities, self.experts = line.split("\t")
        self.octets = bytes.fromhex(payload)
        self.types = [int(kind) for kind in types.split(",") if kind]
        # Codes of all options at every depth, in the order of their octets.
        self.codes = [int(code) for code in codes.split(",") if code]
        self.is_malformed = bool(malformed)
        self.severities = [int(severity) for severity in severities.split(",") if severity]


def assert_datagrams_well_formed(pcap: Path, sent: Iterable[bytes]) -> None:
    """Fails on a datagram of a capture that tshark cannot dissect, or in which it sees other options than are there."""
    names = ("udp.payload", "dhcpv6.msgtype", "dhcpv6.option.type", "_ws.malformed", "_ws.expert.severity", "_ws.expert.message")
    wanted = [word for name in names for word in ("-e", name)]
    command = ["tshark", "-n", "-r", str(pcap), "-Y", "dhcpv6", "-T", "fields", *wanted]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    packets = [Packet(line) for line in ran.stdout.splitlines()]
    assert [packet.octets for packet in packets] == list(sent), "tshark sees other datagrams than were captured"
    for packet in packets:
        what = f"{packet.octets.hex()} ({packet.experts})"
        assert not packet.is_malformed, f"tshark: malformed: {what}"
        assert all(severity < EXPERT_WARNING for severity in packet.severities), f"tshark: doubtful: {what}"
        assert packet.codes == wire.codes(packet.octets), f"tshark: other options than sent: {packet.codes}: {what}"

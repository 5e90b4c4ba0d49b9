"""A DHCPv6 client of a few lines, for tests that want a client at the very moment and with the very message they choose.

What real clients do is tested with real clients.
"""

import itertools
import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv6Network
from typing import Sequence, Union

from harness import wire
from harness.netns import Namespace
from harness.waiting import Deadline

ELAPSED_TIME = 8
ALL_RELAYS = "ff02::1:2"
# A datagram is not lost between two ends of one machine; a server may still be starting.
REPEAT_SECS = 1.0
_xids = itertools.count(0x5B0001)


def duid(number: int) -> bytes:
    """A DUID-LL of a made-up client."""
    return bytes.fromhex("00030001") + b"\x02\x5b" + number.to_bytes(4, "big")


@dataclass(frozen=True)
class Delegated:
    """A prefix of a REPLY, with its lifetimes in seconds."""

    prefix: IPv6Network
    preferred: int
    valid: int


def prefixes(message: wire.Message) -> list[Delegated]:
    """Every prefix of every IA_PD of a message."""
    found = []
    for association in message.all(wire.IA_PD):
        for option in wire.options(association[12:]):
            if option.code == wire.IAPREFIX:
                preferred, valid, length = struct.unpack_from("!IIB", option.data)
                found.append(Delegated(IPv6Network((option.data[9:25], length)), preferred, valid))
    return found


def ia_pd(iaid: int, leases: Sequence[Union[Delegated, IPv6Network]] = ()) -> wire.Option:
    """An IA_PD; prefixes without lifetimes get zeros, as in a RELEASE."""
    body = struct.pack("!III", iaid, 0, 0)
    for lease in leases:
        lease = lease if isinstance(lease, Delegated) else Delegated(lease, 0, 0)
        fixed = struct.pack("!IIB", lease.preferred, lease.valid, lease.prefix.prefixlen)
        body += wire.Option(wire.IAPREFIX, fixed + lease.prefix.network_address.packed).compose()
    return wire.Option(wire.IA_PD, body)


class Subscriber:
    """A client on an interface of a namespace, with an address of its own there and as many IA_PDs as it is asked to have.

    Its number makes its DUID and its address, so that several can be on one interface.
    """

    def __init__(self, space: Namespace, number: int = 1, iaids: Sequence[int] = (1,), interface: str = "uplink") -> None:
        self.duid = duid(number)
        self.address = f"fe80::5b:{number:x}"
        self._iaids = list(iaids)
        space.ip("-6", "address", "replace", f"{self.address}/64", "dev", interface, "nodad")
        with space.inside():
            self._socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            self._scope = socket.if_nametoindex(interface)
        self._socket.bind((self.address, 546, 0, self._scope))
        self._server: bytes = b""
        self.held: list[Delegated] = []
        # Every message that came, in order.
        self.heard: list[wire.Message] = []
        # The octets of every message that was sent.
        self.said: list[bytes] = []

    def __enter__(self) -> "Subscriber":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, kind: int, more: Sequence[wire.Option] = (), *, server: bool = False) -> int:
        """Sends one message; its transaction-id."""
        xid = next(_xids)
        identities = [wire.Option(wire.CLIENTID, self.duid)]
        if server:
            identities.append(wire.Option(wire.SERVERID, self._server))
        elapsed = wire.Option(ELAPSED_TIME, bytes(2))
        self._send(wire.Message(kind, xid, (*identities, elapsed, *more)))
        return xid

    def _send(self, message: wire.Message) -> None:
        self.said.append(message.compose())
        self.send_octets(self.said[-1])

    def send_octets(self, octets: bytes, to: str = ALL_RELAYS) -> None:
        """Sends whatever octets, by its interface."""
        self._socket.sendto(octets, (to, 547, 0, self._scope))

    def exchange(self, kind: int, more: Sequence[wire.Option] = (), *, server: bool = False, seconds: float = 10) -> wire.Message:
        """Sends a message, and again while nothing comes; the answer."""
        deadline = Deadline(seconds)
        xids = set()
        while not deadline.is_over():
            xids.add(self.send(kind, more, server=server))
            answer = self.receive(xids, min(REPEAT_SECS, deadline.remaining()))
            if answer is not None:
                return answer
        raise AssertionError(f"no answer to message type {kind} within {seconds} s")

    def receive(self, xids: set[int], seconds: float) -> Union[wire.Message, None]:
        """The next answer to one of these transactions; None if none comes in time."""
        deadline = Deadline(seconds)
        while not deadline.is_over():
            self._socket.settimeout(deadline.remaining())
            try:
                octets = self._socket.recv(65536)
            except TimeoutError:
                return None
            message = wire.message(octets)
            self.heard.append(message)
            if message.xid in xids:
                return message
        return None

    def obtain(self, *, hints: Sequence[IPv6Network] = ()) -> list[Delegated]:
        """SOLICIT and REQUEST; the prefixes that the REPLY delegates."""
        hint = [Delegated(prefix, 0, 0) for prefix in hints]
        advertised = self.exchange(wire.SOLICIT, [ia_pd(iaid, hint) for iaid in self._iaids])
        assert advertised.type == wire.ADVERTISE, f"message type {advertised.type} is no ADVERTISE"
        self._server = advertised.first(wire.SERVERID) or b""
        offered = [wire.Option(wire.IA_PD, body) for body in advertised.all(wire.IA_PD)]
        return self._granted(self.exchange(wire.REQUEST, offered, server=True))

    def renew(self) -> list[Delegated]:
        return self._granted(self.exchange(wire.RENEW, self._associations(), server=True))

    def rebind(self) -> list[Delegated]:
        return self._granted(self.exchange(wire.REBIND, self._associations()))

    def release(self) -> wire.Message:
        """RELEASE of everything held; the REPLY."""
        answer = self.exchange(wire.RELEASE, self._associations(), server=True)
        self.held = []
        return answer

    def _granted(self, reply: wire.Message) -> list[Delegated]:
        assert reply.type == wire.REPLY, f"message type {reply.type} is no REPLY"
        self.held = prefixes(reply)
        assert self.held, f"the REPLY delegates nothing: {reply}"
        return self.held

    def _associations(self) -> list[wire.Option]:
        """What is held, in its IA_PDs; with several each has one prefix."""
        if len(self._iaids) == 1:
            return [ia_pd(self._iaids[0], self.held)]
        return [ia_pd(iaid, [lease]) for iaid, lease in zip(self._iaids, self.held)]

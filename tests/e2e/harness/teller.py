"""A Bulk Leasequery server that tells what a test has it tell, true or not.

A test gives a function from the query to the messages of the reply; being a generator, it can wait, and stop, between any two of them.
"""

import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network
from typing import Callable, Iterable, Union

from harness import wire
from harness.acceptor import Acceptor
from harness.netns import Namespace

QUERY_BY_ADDRESS, QUERY_BY_CLIENT_ID, QUERY_BY_RELAY_ID, QUERY_BY_LINK_ADDRESS, QUERY_BY_REMOTE_ID = 1, 2, 3, 4, 5
SERVER_ID = bytes.fromhex("00030001020000007e11")


@dataclass(frozen=True)
class Asked:
    """A query, taken apart."""

    message: wire.Message
    kind: int
    link: IPv6Address
    options: tuple[wire.Option, ...]

    def first(self, code: int) -> Union[bytes, None]:
        return next((option.data for option in self.options if option.code == code), None)

    def address(self) -> IPv6Address:
        """The address of a query by address."""
        return IPv6Address((self.first(wire.IAADDR) or bytes(16))[:16])


def asked(message: wire.Message) -> Asked:
    body = message.first(wire.LQ_QUERY) or bytes(17)
    return Asked(message, body[0], IPv6Address(body[1:17]), tuple(wire.options(body[17:])))


def path(relay_id: bytes, link: str, peer: str, interface: str = "", outermost: str = "2001:db8:ff::2") -> wire.Option:
    """LQ_RELAY_DATA of one relay."""
    options = [wire.Option(wire.RELAY_ID, relay_id)] if relay_id else []
    if interface:
        options.append(wire.Option(wire.INTERFACE_ID, interface.encode()))
    forward = bytes([wire.RELAY_FORW, 0]) + IPv6Address(link).packed + IPv6Address(peer).packed
    forward += b"".join(option.compose() for option in options)
    return wire.Option(wire.LQ_RELAY_DATA, IPv6Address(outermost).packed + forward)


@dataclass(frozen=True)
class Claim:
    """A client, and the prefix it is told to have."""

    client: bytes
    prefix: str
    relay_data: Union[wire.Option, None] = None
    valid: int = 3600
    preferred: int = 1800
    # Seconds since the server heard the client.
    clt: int = 10

    def option(self) -> wire.Option:
        net = IPv6Network(self.prefix)
        fixed = struct.pack("!IIB", self.preferred, self.valid, net.prefixlen) + net.network_address.packed
        inner = [wire.Option(wire.CLIENTID, self.client), wire.Option(wire.IAPREFIX, fixed)]
        inner.append(wire.Option(wire.CLT_TIME, struct.pack("!I", self.clt)))
        if self.relay_data:
            inner.append(self.relay_data)
        return wire.Option(wire.CLIENT_DATA, b"".join(option.compose() for option in inner))


def reply(query: Asked, *more: wire.Option) -> wire.Message:
    identities = [wire.Option(wire.CLIENTID, query.message.first(wire.CLIENTID) or b""), wire.Option(wire.SERVERID, SERVER_ID)]
    return wire.Message(wire.LEASEQUERY_REPLY, query.message.xid, (*identities, *more))


def status(code: int, text: str = "so it is") -> wire.Option:
    return wire.Option(wire.STATUS_CODE, struct.pack("!H", code) + text.encode())


def data(query: Asked, claim: Claim) -> wire.Message:
    return wire.Message(wire.LEASEQUERY_DATA, query.message.xid, (claim.option(),))


def done(query: Asked, *more: wire.Option) -> wire.Message:
    return wire.Message(wire.LEASEQUERY_DONE, query.message.xid, more)


def tell(query: Asked, claims: Iterable[Claim]) -> Iterable[wire.Message]:
    """A whole reply: what a server says that has these bindings."""
    first, *others = [*claims] or [None]
    if first is None:
        yield reply(query)
        return
    yield reply(query, first.option())
    for claim in others:
        yield data(query, claim)
    yield done(query)


def truthfully(claims: Iterable[Claim]) -> Callable[[Asked], Iterable[wire.Message]]:
    """Answers by relay-id with everything, and by address with what is there."""
    known = list(claims)

    def answer(query: Asked) -> Iterable[wire.Message]:
        if query.kind == QUERY_BY_RELAY_ID:
            return tell(query, known)
        if query.kind == QUERY_BY_ADDRESS:
            around = [claim for claim in known if query.address() in IPv6Network(claim.prefix)]
            # The longest match, and of equal ones the first.
            return tell(query, sorted(around, key=lambda claim: -IPv6Network(claim.prefix).prefixlen)[:1])
        return tell(query, [])

    return answer


class Teller(Acceptor):
    """Listens in a namespace and answers until the `with` block ends."""

    def __init__(self, space: Namespace, address: str, port: int, answer: Callable[[Asked], Iterable[wire.Message]]) -> None:
        with space.inside():
            listener = socket.create_server((address, port), family=socket.AF_INET6)
        super().__init__(listener)
        self._answer = answer
        # Queries as they came.
        self.asked: list[Asked] = []

    def __enter__(self) -> "Teller":
        self._start()
        return self

    def serve(self, connection: socket.socket) -> None:
        rest = b""
        while octets := connection.recv(65536):
            messages, rest = wire.unframe(rest + octets)
            for message in messages:
                query = asked(wire.message(message))
                self.asked.append(query)
                for answer in self._answer(query):
                    connection.sendall(wire.frame(answer.compose()))

    def kinds(self) -> list[int]:
        """The types of the queries that came, in order."""
        return [query.kind for query in self.asked]

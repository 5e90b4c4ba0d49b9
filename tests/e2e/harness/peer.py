"""A server that says what a recorded one said.

A query is recognised by its OPTION_LQ_QUERY, or by that without the ORO in it. The recorded reply goes out with the transaction-id and the CLIENTID of whoever asks
now, which is all a server has to repeat; every other octet is the recorded one. The stream is cut where the test wants it cut.
"""

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, Union

from harness import wire
from harness.acceptor import Acceptor

Cut = Callable[[bytes], Iterator[bytes]]


def whole(stream: bytes) -> Iterator[bytes]:
    """One write."""
    yield stream


def every(octets: int) -> Cut:
    """A write for each so many octets."""

    def cut(stream: bytes) -> Iterator[bytes]:
        for at in range(0, len(stream), octets):
            yield stream[at : at + octets]

    return cut


def at(position: int) -> Cut:
    """Two writes, the first of so many octets."""

    def cut(stream: bytes) -> Iterator[bytes]:
        yield stream[:position]
        yield stream[position:]

    return cut


@dataclass(frozen=True)
class Recording:
    """One query and what was answered, each without framing."""

    name: str
    query: bytes
    reply: tuple[bytes, ...]

    def messages(self) -> list[wire.Message]:
        return [wire.message(octets) for octets in self.reply]


def recordings(folder: Path) -> dict[str, Recording]:
    """The recorded exchanges of a folder by name."""
    found = {}
    for path in sorted(folder.glob("*.query.bin")):
        name = path.name.removesuffix(".query.bin")
        (query,), _ = wire.unframe(path.read_bytes())
        reply, rest = wire.unframe((folder / f"{name}.reply.bin").read_bytes())
        assert not rest, f"{name}: the recorded reply ends in the middle of a frame"
        found[name] = Recording(name, query, tuple(reply))
    return found


def readdressed(recorded: bytes, query: wire.Message) -> bytes:
    """A recorded message as the answer to `query`."""
    message = wire.message(recorded)
    client = query.first(wire.CLIENTID)
    repeat = [wire.Option(o.code, client) if o.code == wire.CLIENTID and client else o for o in message.options]
    return wire.Message(message.type, query.xid, tuple(repeat)).compose()


def without_oro(asked: bytes) -> bytes:
    """The body of an OPTION_LQ_QUERY that asks the same and for no option in particular."""
    head = wire.CONTAINERS[wire.LQ_QUERY]
    return asked[:head] + b"".join(o.compose() for o in wire.options(asked[head:]) if o.code != wire.ORO)


class RecordedPeer(Acceptor):
    """Listens on a port of ::1 and answers until the `with` block ends."""

    def __init__(self, known: dict[str, Recording], cut: Cut = whole, stop_after: Union[int, None] = None) -> None:
        super().__init__(socket.create_server(("::1", 0), family=socket.AF_INET6))
        exact = {wire.message(r.query).first(wire.LQ_QUERY): r for r in known.values()}
        self._answers = {**{without_oro(asked): recording for asked, recording in exact.items()}, **exact}
        self._cut = cut
        self._stop_after = stop_after
        # Queries as they came, and what went wrong here.
        self.asked: list[wire.Message] = []
        self.unknown: list[bytes] = []

    def __enter__(self) -> "RecordedPeer":
        self._start()
        return self

    def serve(self, connection: socket.socket) -> None:
        rest = b""
        while octets := connection.recv(65536):
            messages, rest = wire.unframe(rest + octets)
            for message in messages:
                if not self._answer(connection, wire.message(message)):
                    return

    def _answer(self, connection: socket.socket, query: wire.Message) -> bool:
        """Whether the connection stays."""
        self.asked.append(query)
        asked = query.first(wire.LQ_QUERY) or b""
        recording = self._answers.get(asked) or self._answers.get(without_oro(asked))
        if recording is None:
            self.unknown.append(query.compose())
            return False
        stream = b"".join(wire.frame(readdressed(octets, query)) for octets in recording.reply)
        for piece in self._cut(stream[: self._stop_after]):
            connection.sendall(piece)
        return self._stop_after is None

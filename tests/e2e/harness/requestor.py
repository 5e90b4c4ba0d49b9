"""A requestor on a plain socket, which keeps every octet that went either way."""

import fcntl
import socket
import struct
import termios
import time
from dataclasses import dataclass, field
from typing import Union

from harness import wire
from harness.waiting import Deadline

READ_OCTETS = 65536
# A server that has room to write does so many times within this.
STALL_SECS = 1.0


@dataclass
class Reply:
    """All messages of one transaction."""

    first: wire.Message
    data: list[wire.Message] = field(default_factory=list)
    done: Union[wire.Message, None] = None

    def status(self) -> int:
        return self.first.status()

    def bindings(self) -> list[wire.Binding]:
        """Every binding, in the order of the messages."""
        return [wire.binding(data) for message in [self.first, *self.data] for data in message.all(wire.CLIENT_DATA)]


def is_whole(reply: Reply) -> bool:
    """The three rules of RFC 5460 §6.3.1."""
    return reply.done is not None or reply.status() != wire.SUCCESS or reply.first.first(wire.CLIENT_DATA) is None


class Closed(Exception):
    """The server closed the connection; `rest` is what stood in an unfinished frame."""

    def __init__(self, rest: bytes) -> None:
        super().__init__(f"closed with {len(rest)} octets of an unfinished frame")
        self.rest = rest


class Requestor:
    """One connection. Everything has a deadline."""

    def __init__(self, host: str, port: int, *, source: str = "", seconds: float = 10.0, receive_buffer: int = 0) -> None:
        self._seconds = seconds
        self._socket = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        if receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(seconds)
        if source:
            self._socket.bind((source, 0))
        self._socket.connect((host, port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        # Whole messages that nobody has asked for yet, the next one last.
        self._ready: list[bytes] = []
        # (to the server?, octets), in order.
        self.spoken: list[tuple[bool, bytes]] = []

    def __enter__(self) -> "Requestor":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def port(self) -> int:
        return self._socket.getsockname()[1]

    def send_octets(self, octets: bytes) -> None:
        self._socket.sendall(octets)
        self.spoken.append((True, octets))

    def send(self, message: bytes) -> None:
        self.send_octets(wire.frame(message))

    def half_close(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    def receive(self, seconds: Union[float, None] = None) -> wire.Message:
        """The next message; `Closed` at the end of the stream; TimeoutError if none came in time."""
        deadline = Deadline(self._seconds if seconds is None else seconds)
        while True:
            if not self._ready:
                self._ready, self._rest = wire.unframe(self._rest)
                self._ready.reverse()
            if self._ready:
                return wire.message(self._ready.pop())
            self._socket.settimeout(deadline.remaining())
            try:
                octets = self._socket.recv(READ_OCTETS)
            except ConnectionResetError:
                octets = b""
            if not octets:
                raise Closed(self._rest)
            self.spoken.append((False, octets))
            self._rest += octets

    def is_stalled(self) -> bool:
        """Whether octets wait to be read and no more come: the sockets are full and the server waits for us."""
        waiting = struct.pack("i", 0)
        before = fcntl.ioctl(self._socket, termios.FIONREAD, waiting)
        time.sleep(STALL_SECS)
        return before != waiting and before == fcntl.ioctl(self._socket, termios.FIONREAD, waiting)

    def is_closed_within(self, seconds: float) -> bool:
        """Whether the server ends the stream in that time, without another message before."""
        try:
            self.receive(seconds)
        except Closed:
            return True
        except TimeoutError:
            return False
        return False

    def gather(self, *xids: int) -> dict[int, Reply]:
        """The replies to these transactions, in whatever order their messages come."""
        replies: dict[int, Reply] = {}
        while not all(xid in replies and is_whole(replies[xid]) for xid in xids):
            message = self.receive()
            assert message.xid in xids, f"a message of transaction {message.xid:#x}, which was not asked"
            if message.type == wire.LEASEQUERY_REPLY:
                assert message.xid not in replies, f"a second REPLY to {message.xid:#x}"
                replies[message.xid] = Reply(message)
                continue
            assert message.xid in replies, f"message type {message.type} before the REPLY to {message.xid:#x}"
            reply = replies[message.xid]
            assert not is_whole(reply), f"message type {message.type} behind the end of {message.xid:#x}"
            if message.type == wire.LEASEQUERY_DATA:
                reply.data.append(message)
            else:
                assert message.type == wire.LEASEQUERY_DONE, f"message type {message.type}"
                reply.done = message
        return replies

    def gather_rest(self, xid: int) -> list[wire.Binding]:
        """The bindings of a reply whose REPLY has been read already, to its DONE."""
        found = []
        while True:
            message = self.receive()
            assert message.xid == xid, f"a message of transaction {message.xid:#x}"
            if message.type == wire.LEASEQUERY_DONE:
                assert message.status() == wire.SUCCESS, f"ended with status {message.status()}"
                return found
            assert message.type == wire.LEASEQUERY_DATA, f"message type {message.type}"
            found += [wire.binding(data) for data in message.all(wire.CLIENT_DATA)]

    def ask(self, query: bytes) -> Reply:
        """Sends one query and gathers its reply."""
        self.send(query)
        xid = wire.message(query).xid
        return self.gather(xid)[xid]

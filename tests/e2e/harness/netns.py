"""Network namespaces of our own, so that routes can be set without touching the machine's."""

import contextlib
import ctypes
import itertools
import json
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any, Iterator, Sequence, TypeVar, Union

from harness.waiting import wait_for

_numbers = itertools.count(1)
_libc = ctypes.CDLL(None, use_errno=True)
# linux/sched.h
CLONE_NEWNET = 0x40000000
Self = TypeVar("Self", bound="Hosts")


def ip(*arguments: str, given: str = "") -> str:
    ran = subprocess.run(["ip", *arguments], input=given, capture_output=True, text=True, timeout=30)
    if ran.returncode:
        raise RuntimeError(f"ip {' '.join(arguments)}: {ran.stderr.strip()}")
    return ran.stdout


class Namespace:
    """A namespace with loopback up; taken away, with all in it, at the end of the `with` block."""

    def __init__(self) -> None:
        self.name = f"leasebook-{os.getpid()}-{next(_numbers)}"

    def __enter__(self) -> "Namespace":
        ip("netns", "add", self.name)
        self.ip("link", "set", "lo", "up")
        return self

    def __exit__(self, *_: object) -> None:
        ip("netns", "del", self.name)

    def ip(self, *arguments: str, given: str = "") -> str:
        """`ip` inside."""
        return ip("-netns", self.name, *arguments, given=given)

    def add_interface(self, name: str, addresses: Sequence[str] = ()) -> None:
        """An interface that is up, with nobody at its other end; the names of both are short (at most 13 letters)."""
        self.ip("link", "add", "name", name, "type", "veth", "peer", "name", f"{name}-o")
        self.ip("link", "set", f"{name}-o", "up")
        for address in addresses:
            self.ip("-6", "address", "add", address, "dev", name, "nodad")
        self.ip("link", "set", name, "up")

    def setting(self, path: str, value: str) -> None:
        """Sets one of the kernel's settings inside, by its path below /proc/sys."""
        with self.inside():
            Path("/proc/sys", path).write_text(value)

    def addresses(self, interface: str, scope: str = "global") -> set[str]:
        """The IPv6 addresses of an interface that can be used: neither tentative nor found to be a duplicate."""
        found = json.loads(self.ip("-6", "-json", "address", "show", "dev", interface, "scope", scope) or "[]")
        known = [info for entry in found for info in entry.get("addr_info", [])]
        # What the scope leaves out is told as {}.
        return {info["local"] for info in known if info and not info.get("tentative") and not info.get("dadfailed")}

    def routes(self, *more: str) -> list[dict[str, Any]]:
        return json.loads(self.ip("-6", "-json", "route", "show", *more) or "[]")

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """A socket of our own process that is inside."""
        with self.inside():
            return socket.socket(family, kind, protocol)

    def command(self, *arguments: str) -> list[str]:
        """The command line that runs a program inside."""
        return ["ip", "netns", "exec", self.name, *arguments]

    def run(self, *arguments: str, seconds: float = 30) -> subprocess.CompletedProcess[str]:
        """Runs a program inside to its end, whatever its exit code."""
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=seconds)

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Puts this thread inside; a socket made there stays there when the block ends."""
        with open("/proc/thread-self/ns/net") as outside, open(f"/run/netns/{self.name}") as here:
            enter(here.fileno())
            try:
                yield
            finally:
                enter(outside.fileno())

    def link_local(self, interface: str) -> str:
        """The link-local address of an interface, which comes when the other end is up as well."""
        return min(wait_for(f"a link-local address on {interface} of {self.name}", lambda: self.addresses(interface, scope="link")))


def enter(namespace: int) -> None:
    """Moves this thread into the network namespace of an open file."""
    if _libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def join(one: Namespace, its_end: str, other: Namespace, other_end: str) -> None:
    """A pair of virtual interfaces, one in each namespace, both up."""
    one.ip("link", "add", "name", its_end, "type", "veth", "peer", "name", other_end, "netns", other.name)
    one.ip("link", "set", its_end, "up")
    other.ip("link", "set", other_end, "up")


class Hosts(contextlib.ExitStack):
    """Namespaces that a test needs together; those that `build` enters go at the end of the `with` block, and when it fails half-way."""

    def build(self) -> None:
        """Makes and joins them."""
        raise NotImplementedError

    def __enter__(self: Self) -> Self:
        super().__enter__()
        try:
            self.build()
        except BaseException:
            # What a subclass judges at the end would hide why it failed.
            super().__exit__(None, None, None)
            raise
        return self


class Pair(Hosts):
    """Two namespaces joined by a pair of virtual interfaces named `joint`, with the addresses given."""

    def __init__(self, left: str, right: str) -> None:
        super().__init__()
        self._addresses = (left, right)

    def build(self) -> None:
        self.left, self.right = self.enter_context(Namespace()), self.enter_context(Namespace())
        join(self.left, "joint", self.right, "joint")
        for space, address in zip((self.left, self.right), self._addresses):
            space.ip("-6", "address", "add", address, "dev", "joint", "nodad")


def why_not() -> Union[str, None]:
    """Why there can be no namespaces here; None if there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need iproute2"
    try:
        with Namespace() as space:
            space.add_interface("probe")
    except RuntimeError as error:
        return f"network namespaces are not permitted here: {error}"
    return None

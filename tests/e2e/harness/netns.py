"""Network namespaces of our own, so that routes can be set without touching the machine's."""

import itertools
import json
import os
import shutil
import subprocess
from typing import Any, Sequence, Union

_numbers = itertools.count(1)


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

    def routes(self, *more: str) -> list[dict[str, Any]]:
        return json.loads(self.ip("-6", "-json", "route", "show", *more) or "[]")

    def command(self, *arguments: str) -> list[str]:
        """The command line that runs a program inside."""
        return ["ip", "netns", "exec", self.name, *arguments]


class Pair:
    """Two namespaces joined by a pair of virtual interfaces named `joint`, with the addresses given."""

    def __init__(self, left: str, right: str) -> None:
        self._addresses = (left, right)
        self.left, self.right = Namespace(), Namespace()

    def __enter__(self) -> "Pair":
        self.left.__enter__()
        try:
            self.right.__enter__()
            peer = ["peer", "name", "joint", "netns", self.right.name]
            self.left.ip("link", "add", "name", "joint", "type", "veth", *peer)
            for space, address in zip((self.left, self.right), self._addresses):
                space.ip("-6", "address", "add", address, "dev", "joint", "nodad")
                space.ip("link", "set", "joint", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for space in (self.right, self.left):
            if space.name in ip("netns", "list"):
                space.__exit__()


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

"""DHCPv6 clients that no one here wrote, one adapter each, all alike from outside.

An adapter writes the client's own configuration, runs it in an enclosure in its namespace, and tells which leases the client
believes that it has: from its own lease file or from what it told its script, not from what the server said.
"""

from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network
from typing import Union

from harness.enclosure import Enclosed
from harness.topology import UPLINK


@dataclass(frozen=True)
class Wish:
    """What a client is to ask for."""

    # How many IA_NA and IA_PD.
    addresses: int = 1
    prefixes: int = 0
    # A length of prefix to ask for.
    length: Union[int, None] = None
    rapid_commit: bool = False
    # Options alone, by INFORMATION-REQUEST.
    is_stateless: bool = False
    # Whether it lets itself be told to ask anew (RECONFIGURE), where it can.
    accepts_reconfigure: bool = False
    # Temporary addresses (IA_TA) instead of others, where it can.
    is_temporary: bool = False
    # What it says that it is, where it can.
    user_class: str = ""
    # A host name to tell the server, fully qualified.
    name: str = ""


@dataclass(frozen=True)
class Held:
    """The leases that a client believes that it has."""

    addresses: frozenset[IPv6Address] = frozenset()
    prefixes: frozenset[IPv6Network] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.addresses or self.prefixes)

    def whats(self) -> frozenset[Union[IPv6Address, IPv6Network]]:
        return self.addresses | self.prefixes


class Client(Enclosed):
    """A client; `can` names what of the scenarios it does at all."""

    can: frozenset[str] = frozenset()
    # Whether it breaks down when it has sent a DECLINE.
    ends_on_decline = False

    def __init__(self, space, folder, wish: Wish = Wish(), interface: str = UPLINK) -> None:  # noqa: ANN001
        super().__init__(space, folder)
        self.wish = wish
        self.interface = interface

    def held(self) -> Held:
        """What it believes that it has now."""
        raise NotImplementedError

    def release(self) -> None:
        """Has it give back what it has, and end."""
        raise NotImplementedError

    def stateless_traces(self, *values: str) -> tuple[str, ...]:
        """What is to be found in `options` when these values came in a REPLY to INFORMATION-REQUEST."""
        return values

    def options(self) -> str:
        """What it keeps of the options it was told, in whatever form: to look for values in."""
        raise NotImplementedError

    def wait_for_leases(self, seconds: float = 20) -> Held:
        """Waits until it has as many leases as it asks for."""

        def complete() -> Held:
            held = self.held()
            is_complete = len(held.addresses) == self.wish.addresses and len(held.prefixes) == self.wish.prefixes
            return held if is_complete else Held()

        return self.wait_until(f"{self.wish.addresses} addresses and {self.wish.prefixes} prefixes", complete, seconds)

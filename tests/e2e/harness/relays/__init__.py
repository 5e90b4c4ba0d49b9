"""DHCPv6 relays that no one here wrote, one adapter each, all alike from outside."""

import subprocess
from dataclasses import dataclass
from typing import Union

from harness.enclosure import Enclosed
from harness.topology import DOWNLINK, UPLINK


@dataclass(frozen=True)
class Route:
    """What a relay is to do; everything else is left at its defaults."""

    # Where messages go, the next relay or server; None is the group of servers.
    towards: Union[str, None] = None
    # An own address at which another relay further from the server is heard.
    heard_at: Union[str, None] = None
    # What the relay is to add, where it can.
    interface_id: Union[bytes, None] = None
    remote_id: Union[tuple[int, bytes], None] = None
    relay_id: Union[bytes, None] = None
    subscriber_id: Union[str, None] = None


class Relay(Enclosed):
    """A relay; `adds` names the options that it can add."""

    adds: frozenset[str] = frozenset()

    def __init__(self, space, folder, route: Route) -> None:  # noqa: ANN001
        super().__init__(space, folder)
        self.route = route
        self.down, self.up = DOWNLINK, UPLINK

    def is_ready(self) -> bool:
        """Whether it hears clients."""
        return self.is_running() and "547" in self.listening()

    def listening(self) -> str:
        """The UDP ports that someone in its namespace listens on."""
        ran = subprocess.run(self.space.command("ss", "-Hlun6"), capture_output=True, text=True, timeout=30, check=True)
        return " ".join(line.split()[3].rpartition(":")[2] for line in ran.stdout.splitlines())

    def wait_until_ready(self) -> None:
        self.wait_until("a socket on port 547", self.is_ready)

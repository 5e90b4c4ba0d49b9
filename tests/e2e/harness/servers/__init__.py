"""DHCPv6 servers that no one here wrote, one adapter each, all alike from outside.

Each serves the first customer's link of the edge: addresses from its on-link prefix, and a /56 out of `POOL`.
"""

from harness.edge import Edge
from harness.enclosure import Enclosed

# The server's interface, and what it leases.
INTERFACE = "up0"
LINK = "2001:db8:1::/64"
POOL, POOL_LENGTH, DELEGATED_LENGTH = "2001:db8:100::", 40, 56
VALID_SECS, PREFERRED_SECS = 600, 300


class Server(Enclosed):
    """A server; `lines` are what a test adds to its configuration."""

    def __init__(self, net: Edge, folder, lines: str = "") -> None:  # noqa: ANN001
        super().__init__(net.core, folder)
        self.lines = lines

    def is_ready(self) -> bool:
        """Whether it hears relays."""
        return ":547 " in self.space.run("ss", "-Hlun6").stdout

    def wait_until_ready(self) -> None:
        self.wait_until("a socket on port 547", self.is_ready)

"""A provider's edge in namespaces, and the relay and the server on it.

```
 core (server, upstream) ── edge (relay) ─┬─ customer 0 (client) ── host
   up0 2001:db8:ff::1    net0 ::2   cust0 └─ customer 1 (client) ...
```

Each customer's link is 2001:db8:N::/64 with N = 1, 2, ...; the relay has ::1 there, as `custN-1`. A customer has `uplink` there, and `downlink` towards its hosts.
"""

import json
import subprocess
import threading
from pathlib import Path
from typing import Any, Callable, Sequence, Union

from harness.daemon import BINARY, COMPLETE, Daemon, Server, leasebook
from harness.netns import Hosts, Namespace, join
from harness.subscriber import duid
from harness.teller import Claim, path
from harness.topology import DOWNLINK, UPLINK
from harness.waiting import wait_for

SERVER, EDGE = "2001:db8:ff::1", "2001:db8:ff::2"
RELAY_ID = "00:03:00:01:02:00:00:00:ed:9e"
PROTOCOL = "147"


def link(number: int) -> str:
    """The relay's address on the link of a customer."""
    return f"2001:db8:{number + 1}::1"


def teller_at(port: int) -> str:
    """The lines for a server that is asked on a port of the core, where nobody hears what is relayed."""
    return f'address = "[{SERVER}]:{port}"'


def claim(number: int, customer: int = 0, **more: Any) -> Claim:
    """The prefix of its number, of a client on a customer's link that came through the relay."""
    relay_data = path(relay_octets(), link(customer), f"fe80::5b:{number:x}", f"cust{customer}")
    return Claim(**{"client": duid(number), "prefix": prefix_of(number), "relay_data": relay_data, **more})


def prefix_of(number: int) -> str:
    return f"2001:db8:{0x100 + (number >> 8):x}:{(number & 0xFF) << 8:x}::/56"


def relay_octets() -> bytes:
    return bytes.fromhex(RELAY_ID.replace(":", ""))


class Edge(Hosts):
    """The namespaces, joined and addressed."""

    def __init__(self, customers: int = 1) -> None:
        super().__init__()
        self._count = customers

    def build(self) -> None:
        self.core, self.edge = self._namespace(), self._namespace()
        join(self.core, "up0", self.edge, "net0")
        self.core.ip("-6", "address", "add", f"{SERVER}/64", "dev", "up0")
        self.edge.ip("-6", "address", "add", f"{EDGE}/64", "dev", "net0")
        self.core.ip("-6", "route", "add", "default", "via", EDGE)
        self.customers: list[Namespace] = []
        for number in range(self._count):
            customer = self._namespace()
            join(self.edge, f"cust{number}", customer, UPLINK)
            self.edge.ip("-6", "address", "add", f"{link(number)}/64", "dev", f"cust{number}")
            self.customers.append(customer)
            gateway = self.edge.link_local(f"cust{number}")
            customer.ip("-6", "route", "add", "default", "via", gateway, "dev", UPLINK)

    def _namespace(self) -> Namespace:
        space = self.enter_context(Namespace())
        for kind in ("default", "all"):
            # Two ends of one machine need not look for duplicates, and nobody here advertises.
            space.setting(f"net/ipv6/conf/{kind}/accept_dad", "0")
            space.setting(f"net/ipv6/conf/{kind}/accept_ra", "0")
            space.setting(f"net/ipv6/conf/{kind}/forwarding", "1")
        return space

    def add_host(self, customer: Namespace) -> Namespace:
        """A host on a link behind a customer, without addresses."""
        host = self._namespace()
        join(customer, DOWNLINK, host, "eth0")
        return host

    def number_host(self, customer: Namespace, host: Namespace, prefix: object) -> str:
        """Gives the host an address in the first /64 of what was delegated, and the way out through the customer; the address."""
        base = str(prefix).split("/")[0]
        customer.ip("-6", "address", "replace", f"{base}a1/64", "dev", DOWNLINK)
        gateway = self.edge.link_local(f"cust{self.customers.index(customer)}")
        # A client may have taken away what it did not make itself.
        customer.ip("-6", "route", "replace", "default", "via", gateway, "dev", UPLINK)
        host.ip("-6", "address", "replace", f"{base}a2/64", "dev", "eth0")
        host.ip("-6", "route", "replace", "default", "via", f"{base}a1")
        return f"{base}a2"

    def reaches(self, address: str) -> bool:
        """Whether a ping from the core comes back."""
        return self.core.run("ping", "-6", "-n", "-c", "1", "-W", "1", address).returncode == 0

    def routes(self) -> dict[str, tuple[str, str]]:
        """The relay's routes: the prefix, with next hop and interface."""
        shown = self.edge.routes("proto", PROTOCOL)
        return {one["dst"]: (one.get("gateway", one.get("type", "")), one.get("dev", "")) for one in shown}

    def wait_for_routes(self, prefixes: Sequence[object], seconds: float = 15) -> dict[str, tuple[str, str]]:
        """Waits until the relay has routes for exactly these prefixes."""
        wanted = {str(prefix) for prefix in prefixes}
        try:
            wait_for("routes", lambda: self.routes().keys() == wanted, seconds)
        except AssertionError:
            found = self.routes().keys()
            missing, extra = sorted(wanted - found)[:20], sorted(found - wanted)[:20]
            raise AssertionError(f"after {seconds} s routes are missing: {missing}, and too many: {extra}") from None
        return self.routes()


def server_config(customers: int = 1, *, lifetimes: str = "", more: str = "") -> str:
    """leasebook's own server for the edge; `lifetimes` are lines for the section `dhcp`."""
    links = "".join(
        f"""
[[link]]
id = {number + 1}
name = "customer-{number}"
on-link = ["2001:db8:{number + 1}::/64"]
exclusions = ["{link(number)}"]

[[link.pool]]
addresses = "2001:db8:{number + 1}::/64"

[[link.prefix-pool]]
prefix = "2001:db8:{number + 1}00::/40"
delegated-length = 56
"""
        for number in range(customers)
    )
    return f"""
server-id = "00:02:00:00:09:bf:01:23:45:67:89"

[dhcp]
{lifetimes}

[[bulk.allow]]
source = "2001:db8:ff::/64"
{links}
{more}
"""


def edge_server(net: Edge, folder: Path, config: str = "") -> Server:
    """leasebook's own server in the core, with a pool of prefixes for each customer's link."""
    return Server(folder / "server", config or server_config(len(net.customers)), space=net.core)


def relay_config(folder: Path, *, servers: Sequence[str] = (f'address = "{SERVER}"',), interfaces: Sequence[str] = ('name = "cust*"',),
                 relay_id: str = RELAY_ID, more: str = "") -> str:
    """A relay for the edge; a server or an interface is the lines of its section."""
    identity = f'relay-id = "{relay_id}"' if relay_id else ""
    sections = "".join(f"\n[[server]]\n{lines}\n" for lines in servers) + "".join(f"\n[[interface]]\n{lines}\n" for lines in interfaces)
    return f'{identity}\nstate = "{folder / "state"}"\ncontrol = "{folder / "control"}"\n{sections}\n{more}\n'


class Relay(Daemon):
    """`leasebook relay` on the edge."""

    name = "relay"

    def __init__(self, net: Edge, folder: Path, config: Union[str, None] = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder / "relay.log", net.edge)
        self.net, self.folder = net, folder
        self.config = folder / "relay.toml"
        self.config.write_text(config or relay_config(folder))

    def command(self) -> list[str]:
        return [BINARY, "relay", "--config", str(self.config)]

    def ask(self, *words: object, expect: Union[int, None] = COMPLETE) -> subprocess.CompletedProcess[str]:
        """`leasebook relay WORDS`, asked over its control socket."""
        return leasebook("relay", *words, "--control", self.folder / "control", expect=expect)

    def told(self, *words: object, expect: Union[int, None] = COMPLETE) -> list[dict[str, Any]]:
        """The same as JSON, an object a line."""
        return [json.loads(line) for line in self.ask(*words, "--json", expect=expect).stdout.splitlines()]

    def status(self) -> dict[str, Any]:
        (status,) = self.told("status")
        return status

    def bindings(self) -> dict[str, dict[str, Any]]:
        """What it knows, by prefix."""
        return {one["prefix"]: one for one in self.told("bindings")}

    def wait_for_status(self, what: str, is_so: Callable[[dict[str, Any]], bool], seconds: float = 15) -> dict[str, Any]:
        """The first status of which `is_so` is true; a relay that has just been started may not answer yet."""

        def look() -> dict[str, Any]:
            ran = self.ask("status", "--json", expect=None)
            status = json.loads(ran.stdout) if ran.returncode == COMPLETE else {}
            return status if status and is_so(status) else {}

        return wait_for(what, look, seconds)


class RouteMonitor:
    """What `ip monitor route` tells of a namespace while the `with` block runs."""

    def __init__(self, space: Namespace) -> None:
        self._space = space
        self.lines: list[str] = []

    def __enter__(self) -> "RouteMonitor":
        command = self._space.command("ip", "-6", "monitor", "route")
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self._marks = 0
        self.mark()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(10)
        self._thread.join(10)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.strip())

    def mark(self) -> None:
        """Sets a route of its own and waits until that is told: what happened before has been told as well."""
        self._marks += 1
        mark = f"2001:db8:aaaa:{self._marks:x}::/64"

        def is_told() -> bool:
            self._space.ip("-6", "route", "replace", "unreachable", mark, "metric", "7")
            return any(mark in line for line in self.lines)

        wait_for("ip monitor", is_told)
        self._space.ip("-6", "route", "del", "unreachable", mark, "metric", "7")

    def about(self, prefix: object) -> list[str]:
        """The lines that name a prefix."""
        return [line for line in self.lines if f"{prefix} " in line]

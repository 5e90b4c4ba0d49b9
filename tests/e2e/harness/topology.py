"""Hosts and links of a test, each host a namespace of its own.

```
 direct      client ── access ── server
 relayed(1)  client ── access ── relay ── core ── server
 relayed(2)  client ── access ── relay ── middle ── relay ── core ── server
```

A link is a bridge in a namespace of its own, so that other hosts can be put on it and all that passes can be captured there.
"""

from ipaddress import IPv6Interface
from typing import Sequence

from harness.netns import Hosts, Namespace

# The interface of a client or a relay towards the server, and that away from it. A client has one too, for what it is delegated.
UPLINK, DOWNLINK = "uplink", "downlink"
# The server's interface.
SERVER_PORT = "port"

# The prefix of clients, and the relay's address in it.
ACCESS_PREFIX = "3fff:0:1::/64"
ACCESS_ADDRESS = "3fff:0:1::1/64"
# Of the other links, from the client outwards: the nearer relay's address, and that of the relay or server further out.
CORE_ADDRESSES = [("3fff:0:f0::2/64", "3fff:0:f0::1/64"), ("3fff:0:f1::2/64", "3fff:0:f1::1/64")]


class Link:
    """A link that hosts can be put on."""

    def __init__(self) -> None:
        self.space = Namespace()
        self._ports = 0

    def __enter__(self) -> "Link":
        self.space.__enter__()
        # All multicast goes everywhere, as on a plain wire.
        self.space.ip("link", "add", "name", "bridge", "type", "bridge", "mcast_snooping", "0")
        self.space.ip("link", "set", "bridge", "up")
        return self

    def __exit__(self, *_: object) -> None:
        self.space.__exit__()

    def attach(self, host: Namespace, name: str, addresses: Sequence[str] = ()) -> None:
        """Gives `host` an interface on this link, whose addresses can be used when this returns.

        No duplicates are looked for while it comes up, which would take seconds.
        """
        self._ports += 1
        port = f"port{self._ports}"
        self.space.ip("link", "add", "name", port, "type", "veth", "peer", "name", name, "netns", host.name)
        self.space.ip("link", "set", port, "master", "bridge", "up")
        bring_up(host, name, addresses)


def bring_up(host: Namespace, name: str, addresses: Sequence[str] = ()) -> None:
    """Brings an interface up without looking for duplicates, and waits for its link-local address."""
    host.setting(f"net/ipv6/conf/{name}/accept_dad", "0")
    host.ip("link", "set", name, "up")
    for address in addresses:
        host.ip("-6", "address", "add", address, "dev", name, "nodad")
    host.link_local(name)


class Topology(Hosts):
    """A client, relays and a server in a row."""

    def __init__(self, hops: int = 0) -> None:
        super().__init__()
        self.client, self.server = Namespace(), Namespace()
        # From the client outwards.
        self.relays = [Namespace() for _ in range(hops)]
        self.links = [Link() for _ in range(hops + 1)]

    @property
    def access(self) -> Link:
        """The client's link."""
        return self.links[0]

    @property
    def core(self) -> Link:
        """The server's link."""
        return self.links[-1]

    def build(self) -> None:
        for part in [self.client, self.server, *self.relays, *self.links]:
            self.enter_context(part)
        self._join()

    def _join(self) -> None:
        for host in self.relays:
            host.setting("net/ipv6/conf/all/forwarding", "1")
        self.access.attach(self.client, UPLINK)
        self.client.setting("net/ipv6/conf/default/accept_dad", "0")
        self.client.add_interface(DOWNLINK)
        if not self.relays:
            self.access.attach(self.server, SERVER_PORT, [ACCESS_ADDRESS])
            return
        self.access.attach(self.relays[0], DOWNLINK, [ACCESS_ADDRESS])
        further = [*self.relays[1:], self.server]
        for index, (nearer, host) in enumerate(zip(self.relays, further)):
            near, far = CORE_ADDRESSES[index]
            self.links[index + 1].attach(nearer, UPLINK, [near])
            is_server = host is self.server
            self.links[index + 1].attach(host, SERVER_PORT if is_server else DOWNLINK, [far])
            # What lies behind the nearer relay.
            behind = [ACCESS_PREFIX, *(str(IPv6Interface(far).network) for _, far in CORE_ADDRESSES[:index])]
            for prefix in behind:
                host.ip("-6", "route", "add", prefix, "via", str(IPv6Interface(near).ip))
            nearer.ip("-6", "route", "add", "default", "via", str(IPv6Interface(far).ip))

    def add_host(self, link: Link, interface: str = UPLINK, addresses: Sequence[str] = ()) -> Namespace:
        """One more host on a link; it goes with the rest."""
        host = self.enter_context(Namespace())
        link.attach(host, interface, addresses)
        if interface == UPLINK:
            host.setting("net/ipv6/conf/default/accept_dad", "0")
            host.add_interface(DOWNLINK)
        return host

    def server_address(self) -> str:
        """The server's address on its link."""
        addresses = self.server.addresses(SERVER_PORT, scope="global")
        return next(iter(addresses))


def direct() -> Topology:
    return Topology()


def relayed(hops: int) -> Topology:
    return Topology(hops)

"""A client's way to the server: hosts and links, the server at their end, and a record of all that was said."""

import json
import signal
from dataclasses import dataclass, replace
from ipaddress import IPv6Address, IPv6Network
from pathlib import Path
from typing import Any, Union

from harness import wire
from harness.capture import Capture, Datagram
from harness.clients import Client
from harness.daemon import Server, leasebook
from harness.netns import Hosts
from harness.topology import ACCESS_PREFIX, SERVER_PORT, Topology
from harness.waiting import wait_for

SERVER_ID = bytes.fromhex("0002000009bf0123456789")
MOVED_SERVER_ID = bytes.fromhex("0002000009bf0987654321")
POOL = (IPv6Address("3fff:0:1::1000"), IPv6Address("3fff:0:1::10ff"))
PREFIX_POOL = IPv6Network("3fff:100::/40")
DELEGATED_LENGTH = 56
DOMAIN = "access.example"
RESOLVER = IPv6Address("3fff:0:f0::53")
# Times that let a client renew while one waits for it; some make more of so small a T1, up to 18 s.
PREFERRED_SECS, VALID_SECS = 60, 90
LIFETIMES = f'preferred-lifetime = "{PREFERRED_SECS}s"\nvalid-lifetime = "{VALID_SECS}s"'
RENEWING = f't1 = "2s"\nt2 = "50s"\n{LIFETIMES}'
REBINDING = f't1 = "2s"\nt2 = "4s"\n{LIFETIMES}'

# What the server's log has of each reload.
RELOADED = "LBK_RELOADED"
# How a query calls what came from the server in its JSON lines: docs/cli.md.
Told = dict[str, Any]


@dataclass(frozen=True)
class Site:
    """What the server's configuration says; texts are lines of its sections."""

    hops: int = 0
    dhcp: str = ""
    link: str = ""
    pool: str = ""
    # Sections behind all others.
    more: str = ""
    server_id: bytes = SERVER_ID
    # The devices by which the server hears DHCPv6, a socket for each; all if none is named.
    devices: tuple[str, ...] = ()

    def text(self) -> str:
        clients, relays = ("", f'relay-interfaces = ["{SERVER_PORT}"]') if self.hops else (f'interfaces = ["{SERVER_PORT}"]', "")
        return f"""server-id = "{self.server_id.hex()}"
[dhcp]
{relays}
{self.dhcp}
[dhcp.options]
dns-servers = ["{RESOLVER}"]
domain-search = ["{DOMAIN}"]
[log]
level = "debug"
[[link]]
id = 1
name = "access"
on-link = ["{ACCESS_PREFIX}"]
{clients}
{self.link}
[[link.pool]]
addresses = "{POOL[0]}-{POOL[1]}"
{self.pool}
[[link.prefix-pool]]
prefix = "{PREFIX_POOL}"
delegated-length = {DELEGATED_LENGTH}
{self.more}
"""


class Access(Hosts):
    """All of it, running while the `with` block does; what was captured is judged at its end."""

    def __init__(self, folder: Path, site: Site = Site()) -> None:
        super().__init__()
        self.folder = folder
        self.site = site
        self.topology = Topology(site.hops)
        self.server = Server(folder / "server", site.text(), space=self.topology.server, devices=site.devices)
        # One for each link, from the client outwards.
        self.captures = [Capture(link.space) for link in self.topology.links]

    def build(self) -> None:
        for part in [self.topology, *self.captures, self.server]:
            self.enter_context(part)

    def __exit__(self, kind: object, *more: object) -> None:  # type: ignore[override]
        super().__exit__(kind, *more)  # type: ignore[arg-type]
        if kind is None:
            for capture in self.captures:
                capture.assert_well_formed(self.folder)

    def move_server(self) -> None:
        """The server ends; another one takes its book over, on another host and with another server-id."""
        self.server.stop()
        host = self.topology.add_host(self.topology.access, SERVER_PORT, ["3fff:0:1::2/64"])
        moved = replace(self.site, server_id=MOVED_SERVER_ID)
        self.server = self.enter_context(Server(self.folder / "moved", moved.text(), data=self.server.data, space=host))

    def change(self, old: str, new: str) -> None:
        """Puts another text into the configuration, and has the running server read it."""
        before = self.server.config.read_text()
        assert old in before
        self.server.config.write_text(before.replace(old, new))
        reloads = self.server.log().count(RELOADED)
        self.server.signal(signal.SIGHUP)
        wait_for("the reload", lambda: self.server.log().count(RELOADED) > reloads)

    def query(self, *what: object, expect: Union[int, None] = 0) -> list[Told]:
        """What `leasebook query` on the server's own host is told, one for each client and link."""
        words = ["query", "::1", *what, "--format", "json", "--quiet"]
        ran = leasebook(*words, space=self.server.space, expect=expect)
        return [json.loads(line) for line in ran.stdout.splitlines()]

    def clients_of(self, lease: Union[IPv6Address, IPv6Network], *how: str) -> list[Told]:
        """The bindings with a lease, asked by an address in it."""
        address = lease.network_address + 1 if isinstance(lease, IPv6Network) else lease
        return self.query("address", address, *how)

    def binding_of(self, client: Client) -> Told:
        """The one binding that has the client's leases; it must have all of them and no other."""
        held = client.held()
        (told,) = self.clients_of(next(iter(held.whats())))
        assert leases_of(told) == held.whats(), f"the client holds {held.whats()}, the book {leases_of(told)}"
        return told

    def said(self, kind: int) -> list[Datagram]:
        """The messages of a type on the client's own link, until now."""
        return [datagram for datagram in self.captures[0].datagrams() if datagram.octets[0] == kind]

    def answered(self, kind: int) -> list[tuple[wire.Message, wire.Message]]:
        """The messages of a type that got a REPLY there, with that."""
        replies = {reply.xid: reply for reply in (wire.message(datagram.octets) for datagram in self.said(wire.REPLY))}
        asked = [wire.message(datagram.octets) for datagram in self.said(kind)]
        return [(message, replies[message.xid]) for message in asked if message.xid in replies]


def leases_of(told: Told) -> frozenset[Union[IPv6Address, IPv6Network]]:
    """The addresses and prefixes of one binding."""
    leases = told["leases"]
    return frozenset(IPv6Address(lease["address"]) if "address" in lease else IPv6Network(lease["prefix"]) for lease in leases)

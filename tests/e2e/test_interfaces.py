"""Interfaces of the DHCPv6 server: those that come and go, and those that it is bound to."""

import socket
import struct
from contextlib import ExitStack
from ipaddress import IPv6Address
from pathlib import Path
from typing import Iterator

import pytest
from harness.clients import Wish
from harness.clients.dhclient import Dhclient
from harness.daemon import PORT, Server
from harness.netns import Namespace, join
from harness.topology import UPLINK, bring_up
from harness.waiting import wait_for

SOLICIT, ADVERTISE, RELAY_FORW, RELAY_REPL = 1, 2, 12, 13
CLIENT_PORT = 546
ALL_RELAYS_AND_SERVERS, ALL_SERVERS = "ff02::1:2", "ff05::1:3"
XID = b"\1\2\3"

POOL = (IPv6Address("3fff:0:1::1000"), IPv6Address("3fff:0:1::10ff"))
LINK = """
[[link]]
id = 1
name = "access"
on-link = ["3fff:0:1::/64"]
{more}
[[link.pool]]
addresses = "3fff:0:1::1000-3fff:0:1::10ff"
"""

pytestmark = pytest.mark.usefixtures("namespaces")


@pytest.fixture
def spaces() -> Iterator[tuple[Namespace, Namespace]]:
    """The server's namespace, and another."""
    with ExitStack() as stack:
        yield stack.enter_context(Namespace()), stack.enter_context(Namespace())


def option(code: int, data: bytes) -> bytes:
    return struct.pack(">HH", code, len(data)) + data


def solicit() -> bytes:
    identity = option(1, bytes.fromhex("00030001020000000007"))
    return bytes([SOLICIT]) + XID + identity + option(3, struct.pack(">III", 1, 0, 0))


def forwarded() -> bytes:
    addresses = IPv6Address("3fff:0:1::1").packed + IPv6Address("fe80::7").packed
    return bytes([RELAY_FORW, 0]) + addresses + option(9, solicit())


def talker(space: Namespace, port: int, interface: str) -> socket.socket:
    """A socket that sends to groups by this interface."""
    made = space.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    made.bind(("::", port))
    with space.inside():
        index = socket.if_nametoindex(interface)
    made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
    made.settimeout(0.5)
    return made


def hears(talker: socket.socket, octets: bytes, group: str, kind: int) -> bool:
    """Whether a message to the group gets an answer of this type soon."""
    talker.sendto(octets, (group, PORT))
    try:
        return talker.recv(65536)[0] == kind
    except TimeoutError:
        return False


def test_an_interface_that_comes_and_goes(spaces: tuple[Namespace, Namespace], tmp_path: Path) -> None:
    """DHCP-S-001, DHCP-S-015, DHCP-S-011: clients on an interface that was not there at the start are heard, and again when it was made anew."""
    here, there = spaces
    with Server(tmp_path, LINK.format(more='interfaces = ["late"]'), space=here) as server:
        for _ in range(2):
            before = server.log().count("DHCP_INTERFACE_JOINED")
            join(here, "late", there, "client")
            for space, name in ((here, "late"), (there, "client")):
                bring_up(space, name)
            wait_for("the interface to be joined", lambda: server.log().count("DHCP_INTERFACE_JOINED") > before)
            with talker(there, CLIENT_PORT, "client") as client:
                wait_for("an ADVERTISE", lambda: hears(client, solicit(), ALL_RELAYS_AND_SERVERS, ADVERTISE))
            gone = server.log().count("DHCP_INTERFACE_GONE")
            here.ip("link", "del", "late")
            wait_for("the interface to be missed", lambda: server.log().count("DHCP_INTERFACE_GONE") > gone)


def test_a_client_on_an_interface_that_appears_late_gets_a_lease(spaces: tuple[Namespace, Namespace], tmp_path: Path) -> None:
    """DHCP-S-001, DHCP-S-015: a client that no one here wrote is served where the interface appeared after the server, and again where it was made anew."""
    here, there = spaces
    with Server(tmp_path / "server", LINK.format(more='interfaces = ["late"]'), space=here):
        for turn in range(2):
            join(here, "late", there, UPLINK)
            for space, name in ((here, "late"), (there, UPLINK)):
                bring_up(space, name)
            # It asks from the first moment on, perhaps before the server hears it.
            with Dhclient(there, tmp_path / f"client-{turn}", Wish(addresses=1)) as client:
                (address,) = client.wait_for_leases().addresses
            assert POOL[0] <= address <= POOL[1]
            here.ip("link", "del", "late")


def test_relays_are_heard_by_multicast(spaces: tuple[Namespace, Namespace], tmp_path: Path) -> None:
    """DHCP-S-001, RELAY-007: where relay-interfaces names an interface, relays are heard there at ff05::1:3."""
    here, there = spaces
    join(here, "core", there, "relay")
    bring_up(here, "core", ["3fff:0:f0::2/64"])
    bring_up(there, "relay", ["3fff:0:f0::1/64"])
    config = '[dhcp]\nrelay-interfaces = ["core"]\n' + LINK.format(more="")
    with Server(tmp_path, config, space=here) as server, talker(there, PORT, "relay") as relay:
        server.wait_for_log("DHCP_INTERFACE_JOINED")
        wait_for("a RELAY-REPL", lambda: hears(relay, forwarded(), ALL_SERVERS, RELAY_REPL))


def test_a_server_bound_to_a_device_hears_by_it_alone(spaces: tuple[Namespace, Namespace], tmp_path: Path) -> None:
    """DHCP-S-098: what comes by another device than the one that listen.udp names, such as another VRF, is not heard."""
    here, there = spaces
    for number, name in enumerate(("one", "two")):
        join(here, name, there, name)
        bring_up(here, name, [f"3fff:0:f{number}::2/64"])
        bring_up(there, name, [f"3fff:0:f{number}::1/64"])
    server = Server(tmp_path, LINK.format(more=""), space=here, devices=["one"])
    with server, talker(there, PORT, "one") as relay:
        assert 'device="one"' in server.wait_for_log("DHCP_LISTENING")
        relay.sendto(forwarded(), ("3fff:0:f1::2", PORT))
        wait_for("a RELAY-REPL", lambda: hears(relay, forwarded(), "3fff:0:f0::2", RELAY_REPL))
        with pytest.raises(TimeoutError):
            # What was sent first would have been answered first.
            while relay.recv(65536):
                pass

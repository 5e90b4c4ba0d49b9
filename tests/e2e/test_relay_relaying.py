"""What the relay sends on, octet by octet, to a server and a client that are sockets of the test."""

import contextlib
import socket
import struct
from ipaddress import IPv6Address
from pathlib import Path
from typing import Iterator, Union

import pytest
from harness import wire
from harness.clients import Wish
from harness.clients.dibbler import DibblerClient
from harness.edge import EDGE, SERVER, Edge, Relay, edge_server, link, relay_config, relay_octets, server_config
from harness.relays import Route
from harness.relays.dhcrelay import Dhcrelay
from harness.subscriber import Subscriber, ia_pd
from harness.waiting import wait_for

pytestmark = pytest.mark.usefixtures("namespaces")

ALL_SERVERS = "ff05::1:3"
GROUP = [f'address = "{ALL_SERVERS}%net0"\nrecover = false']
DEBUG = '[log]\nlevel = "debug"'
UNICAST = [f'address = "{SERVER}"\nrecover = false']


@pytest.fixture
def net(namespaces: None) -> Iterator[Edge]:
    with Edge() as net:
        yield net


class Heard:
    """One datagram at the server's end."""

    def __init__(self, octets: bytes, hop_limit: int, source: str) -> None:
        self.octets, self.hop_limit, self.source = octets, hop_limit, source
        self.type, self.hops = octets[0], octets[1]
        self.link, self.peer = IPv6Address(octets[2:18]), IPv6Address(octets[18:34])
        self.options = {option.code: option.data for option in wire.options(octets[34:])}


class Ear:
    """Port 547 of the core, and whatever is said there."""

    def __init__(self, net: Edge, address: str = "::") -> None:
        self._socket = net.core.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self._socket.bind((address, 547))
        with net.core.inside():
            self._index = socket.if_nametoindex("up0")
        group = socket.inet_pton(socket.AF_INET6, ALL_SERVERS) + struct.pack("@I", self._index)
        self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
        self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)

    def __enter__(self) -> "Ear":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def hear(self, seconds: float = 10) -> Heard:
        """The next datagram."""
        self._socket.settimeout(seconds)
        octets, ancillary, _, source = self._socket.recvmsg(65536, 256)
        (hop_limit,) = [struct.unpack("@i", data)[0] for _, kind, data in ancillary if kind == socket.IPV6_HOPLIMIT]
        return Heard(octets, hop_limit, source[0])

    def say(self, octets: bytes) -> None:
        self._socket.sendto(octets, (EDGE, 547))

    def answer(self, heard: Heard, content: bytes) -> None:
        """A RELAY-REPL that gives the relay back what it said of the client."""
        head = bytes([wire.RELAY_REPL, heard.hops]) + heard.link.packed + heard.peer.packed
        back = [wire.Option(wire.INTERFACE_ID, heard.options[wire.INTERFACE_ID]), wire.Option(wire.RELAY_MSG, content)]
        self.say(head + b"".join(option.compose() for option in back))


@pytest.mark.parametrize("servers", [GROUP, UNICAST], ids=["group", "unicast"])
def test_a_message_goes_on_as_it_came(net: Edge, tmp_path: Path, servers: list[str]) -> None:
    """RELAY-001, RELAY-007, RELAY-009, RELAY-011, RELAY-013..016, RELAY-018: whatever its type and options; to a group with hop limit 8."""
    with Ear(net) as ear, Relay(net, tmp_path, relay_config(tmp_path, servers=servers)), Subscriber(net.customers[0]) as client:
        for kind in (wire.SOLICIT, wire.INFORMATION_REQUEST, 99):
            odd = [wire.Option(65001, b"nobody knows this"), ia_pd(7)]
            client.send(kind, odd)
            heard = ear.hear()
            assert heard.type == wire.RELAY_FORW and heard.hops == 0
            assert str(heard.link) == link(0) and str(heard.peer) == client.address
            assert heard.options[wire.RELAY_ID] == relay_octets() and heard.options[wire.INTERFACE_ID] == b"cust0"
            assert heard.options[wire.RELAY_MSG] == client.said[-1]
            if servers is GROUP:
                assert heard.hop_limit == 8
            else:
                assert heard.source == EDGE


def test_the_relay_never_answers_a_client(net: Edge, tmp_path: Path) -> None:
    """RELAY-034: with a server that is silent the client hears nothing, however often it asks."""
    with Ear(net) as ear, Relay(net, tmp_path, relay_config(tmp_path, servers=UNICAST)), Subscriber(net.customers[0]) as client:
        xids = {client.send(kind, [ia_pd(1)]) for kind in (wire.SOLICIT, wire.REQUEST, wire.RENEW, wire.REBIND, wire.RELEASE, wire.CONFIRM)}
        # All have gone through, so whatever the relay does about them it has done.
        for _ in xids:
            ear.hear()
        client.send(wire.INFORMATION_REQUEST)
        ear.answer(ear.hear(), wire.Message(wire.REPLY, 1, ()).compose())
        assert client.receive({1}, 10) is not None
        assert [message.xid for message in client.heard] == [1]


@pytest.mark.parametrize("allowed", [False, True])
def test_a_leasequery_of_a_customer_goes_on_only_where_it_may(net: Edge, tmp_path: Path, allowed: bool) -> None:
    """RELAY-012: customers could learn of each other; by default it is not relayed, and what comes behind it is."""
    interface = f'name = "cust*"\nleasequery = {str(allowed).lower()}'
    config = relay_config(tmp_path, servers=UNICAST, interfaces=[interface])
    with Ear(net) as ear, Relay(net, tmp_path, config), Subscriber(net.customers[0]) as client:
        client.send(wire.LEASEQUERY)
        client.send(wire.SOLICIT)
        kinds = [ear.hear().options[wire.RELAY_MSG][0] for _ in range(2 if allowed else 1)]
        assert kinds == ([wire.LEASEQUERY, wire.SOLICIT] if allowed else [wire.SOLICIT])


def test_an_answer_goes_back_as_it_came(net: Edge, tmp_path: Path) -> None:
    """RELAY-029, RELAY-030, RELAY-032, RELAY-033, RELAY-040: whatever type it has; from a stranger it is not taken."""
    net.core.ip("-6", "address", "add", "2001:db8:ff::bad/64", "dev", "up0")
    with contextlib.ExitStack() as stack:
        relay = stack.enter_context(Relay(net, tmp_path, relay_config(tmp_path, servers=UNICAST)))
        client = stack.enter_context(Subscriber(net.customers[0]))
        ear = stack.enter_context(Ear(net, SERVER))
        stranger = stack.enter_context(Ear(net, "2001:db8:ff::bad"))
        client.send(wire.SOLICIT)
        heard = ear.hear()
        stranger.answer(heard, wire.Message(wire.REPLY, 0xBAD, ()).compose())
        content = wire.Message(200, 0x600D, (wire.Option(65001, b"as it is"), ia_pd(7))).compose()
        ear.answer(heard, content)
        got = client.receive({0x600D}, 10)
        assert got is not None and got.compose() == content
        assert [message.xid for message in client.heard] == [0x600D]
        assert relay.bindings() == {}


def test_another_relay_is_relayed_where_it_is_trusted(net: Edge, tmp_path: Path) -> None:
    """RELAY-020..022, RELAY-049: ISC's dhcrelay nearer to the client; what it delegates is on its link and not ours to route."""
    customer = net.customers[0]
    host = net.add_host(customer)
    for space, address, interface in ((customer, "2001:db8:51::1/64", "downlink"), (customer, "2001:db8:1::51/64", "uplink")):
        space.ip("-6", "address", "add", address, "dev", interface)
    net.edge.ip("-6", "route", "add", "2001:db8:51::/64", "via", "2001:db8:1::51")
    config = server_config(more=FAR_LINK)
    host.ip("link", "set", "eth0", "name", "uplink")
    host.add_interface("downlink")
    with edge_server(net, tmp_path, config) as server:
        for trusted, folder in (("false", tmp_path / "untrusted"), ("true", tmp_path / "trusted")):
            settings = relay_config(folder, servers=UNICAST, interfaces=[f'name = "cust*"\ntrusted = {trusted}'], more=DEBUG)
            with Relay(net, folder, settings) as relay, Dhcrelay(customer, folder / "dhcrelay", Route(towards=link(0))):
                with DibblerClient(host, folder / "client", Wish(addresses=0, prefixes=1)) as client:
                    if trusted == "false":
                        wait_for("messages dropped", lambda: dropped(relay, "untrusted"))
                        assert not client.held()
                    else:
                        (prefix,) = client.wait_for_leases().prefixes
                        assert str(prefix).startswith("2001:db8:5")
                        assert relay.bindings() == {} == net.routes()
        assert server.log()


FAR_LINK = """
[[link]]
id = 51
name = "far"
on-link = ["2001:db8:51::/64"]
[[link.prefix-pool]]
prefix = "2001:db8:500::/40"
delegated-length = 56
"""


def dropped(relay: Relay, why: str) -> Union[str, None]:
    """The line of a dropped datagram in the relay's log, which is that of level debug."""
    return next((line for line in relay.log().splitlines() if "datagram dropped" in line and why in line), None)

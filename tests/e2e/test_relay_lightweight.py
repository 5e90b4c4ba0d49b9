"""The lightweight relay on the ports of a bridge, between real clients and our server.

```
 client 0 ── port0 ┐
 client 1 ── port1 ┤ access node: bridge, relay ── trunk ── server
 (trusted) ─ deep0 ┘
```
"""

import struct
from ipaddress import IPv6Address
from pathlib import Path
from typing import Iterator, Type

import pytest
from harness import wire
from harness.capture import Capture
from harness.clients import Client, Wish
from harness.clients.dhclient import Dhclient
from harness.clients.dibbler import DibblerClient
from harness.daemon import Server, leasebook
from harness.edge import Relay
from harness.netns import Hosts, Namespace, join
from harness.subscriber import Subscriber, ia_pd
from harness.topology import DOWNLINK, SERVER_PORT, UPLINK, bring_up
from harness.waiting import wait_for

PORTS = ["port0", "port1", "deep0"]
TABLE = ["bridge", "leasebook-lightweight"]
LINK_NAMES = "".join(
    f"""
[[link]]
id = {number + 1}
name = "{port}"
interface-ids = ["{port}"]
on-link = ["3fff:0:{number + 1}::/64"]
[[link.pool]]
addresses = "3fff:0:{number + 1}::1000-3fff:0:{number + 1}::10ff"
[[link.prefix-pool]]
prefix = "3fff:{number + 1}00::/40"
delegated-length = 56
"""
    for number, port in enumerate(PORTS)
)
SERVER_CONFIG = f"""server-id = "0002000009bf0123456789"
{LINK_NAMES}
[[link]]
id = 9
name = "network"
on-link = ["3fff:0:9::/64"]
interfaces = ["{SERVER_PORT}"]
"""
LIGHTWEIGHT = """[log]
level = "debug"
[lightweight]
network = ["trunk"]
[[lightweight.interface]]
name = "port*"
remote-id = "32473:{interface}"
[[lightweight.interface]]
name = "deep*"
trusted = true
"""

pytestmark = pytest.mark.usefixtures("namespaces")


class AccessNode(Hosts):
    """The namespaces, joined; `edge` is the access node, as the harness's relay calls where it runs."""

    def build(self) -> None:
        self.edge, self.core = self.enter_context(Namespace()), self.enter_context(Namespace())
        self.edge.ip("link", "add", "name", "bridge", "type", "bridge", "mcast_snooping", "0")
        self.edge.ip("link", "set", "bridge", "up")
        self.customers: dict[str, Namespace] = {}
        for port in PORTS:
            customer = self.customers[port] = self.enter_context(Namespace())
            self._attach(port, customer, UPLINK)
            customer.setting("net/ipv6/conf/default/accept_dad", "0")
            customer.add_interface(DOWNLINK)
        self._attach("trunk", self.core, SERVER_PORT, "3fff:0:9::1/64")

    def _attach(self, port: str, host: Namespace, interface: str, *addresses: str) -> None:
        join(self.edge, port, host, interface)
        self.edge.ip("link", "set", port, "master", "bridge")
        bring_up(host, interface, addresses)


@pytest.fixture
def node(namespaces: None) -> Iterator[AccessNode]:
    with AccessNode() as node:
        yield node


@pytest.fixture
def relay(node: AccessNode, tmp_path: Path) -> Iterator[Relay]:
    folder = tmp_path / "relay"
    own = f'state = "{folder / "state"}"\ncontrol = "{folder / "control"}"\n'
    with Relay(node, folder, own + LIGHTWEIGHT) as relay:  # type: ignore[arg-type]
        relay.wait_for_log("RELAY_LIGHTWEIGHT_GUARDED")
        yield relay


def counts(relay: Relay, interface: str) -> dict:
    """What the relay tells of an interface."""
    (found,) = [one for one in relay.status()["lightweight"] if one["interface"] == interface]
    return found


@pytest.mark.parametrize("client_type", [Dhclient, DibblerClient], ids=["dhclient", "dibbler"])
def test_a_client_gets_a_lease_of_its_port(node: AccessNode, relay: Relay, tmp_path: Path, client_type: Type[Client]) -> None:
    """RELAY-035, RELAY-036, RELAY-037, RELAY-039: wrapped towards the server with the client's addresses, unwrapped on its port alone."""
    client = node.customers["port0"]
    server = Server(tmp_path / "server", SERVER_CONFIG, space=node.core)
    up, other = Capture(node.core, SERVER_PORT), Capture(node.customers["port1"], UPLINK)
    own = Capture(client, UPLINK)
    with up, other, own, server, client_type(client, tmp_path / "client", Wish(addresses=1, prefixes=1)) as running:
        try:
            held = running.wait_for_leases()
        except AssertionError as error:
            raise AssertionError(f"{error}\n{relay.log()[-3000:]}\n{server.log()[-2000:]}") from error
        (address,) = held.addresses
        assert str(address).startswith("3fff:0:1::"), f"{address} is of another port's link"
        told = leasebook("query", "::1", "address", address, "--relay-data", "--format", "json", "--quiet", space=node.core, expect=None)
        link_local = IPv6Address(client.link_local(UPLINK))
        sent = [one for one in up.datagrams() if one.source == link_local]
        assert sent and all(one.octets[0] == wire.RELAY_FORW for one in sent), "an original passed"
        for one in sent:
            assert one.destination == IPv6Address("ff02::1:2") and one.ports == (547, 547)
            assert one.octets[2:18] == bytes(16) and one.octets[18:34] == link_local.packed
            message = wire.message(one.octets)
            assert message.first(wire.INTERFACE_ID) == b"port0"
            assert message.first(wire.REMOTE_ID) == struct.pack("!I", 32473) + b"port0"
        answers = [one for one in own.datagrams() if one.destination == link_local]
        assert {one.octets[0] for one in answers} == {wire.ADVERTISE, wire.REPLY}
        assert {one.ports for one in answers} == {(547, 546)}
        assert {one.source for one in answers} == {IPv6Address(node.core.link_local(SERVER_PORT))}
        assert not other.datagrams(), "another port heard of it"
        status = counts(relay, "port0")
        assert status["relayed"] >= 2 and status["returned"] >= 2 and not status["dropped"]
        up.assert_well_formed(tmp_path)
        own.assert_well_formed(tmp_path)
        assert "port0" in told.stdout or "706f727430" in told.stdout.replace(":", ""), told.stdout + told.stderr


def test_what_is_not_to_pass_is_dropped(node: AccessNode, relay: Relay, tmp_path: Path) -> None:
    """RELAY-036, RELAY-038, RELAY-039: by type and trust from clients, by INTERFACE_ID and peer-address from the network."""
    with Subscriber(node.customers["port0"]) as client, Subscriber(node.customers["deep0"], 2) as deep:
        up = Capture(node.core, SERVER_PORT)
        own = Capture(node.customers["port0"], UPLINK)
        with up, own:
            nested = bytes([wire.RELAY_FORW, 3]) + bytes(32) + wire.Option(wire.RELAY_MSG, b"\x01\x00\x00\x01").compose()
            client.send_octets(nested)
            client.send_octets(bytes([wire.ADVERTISE, 1, 2, 3]))
            wait_for("both counted", lambda: counts(relay, "port0")["dropped"] == {"untrusted-relay": 1, "server-message": 1})
            deep.send_octets(nested)
            wait_for("the trusted one", up.datagrams)
            (passed,) = up.datagrams()
            assert passed.octets[:2] == bytes([wire.RELAY_FORW, 4])

            # The network's side; a reply that is right comes last, so all before it are through then.
            peer = IPv6Address(node.customers["port0"].link_local(UPLINK))
            replies = [("port9", peer), ("port0", IPv6Address("fe80::bad")), ("port0", peer)]
            with Subscriber(node.core, 3, interface=SERVER_PORT) as network:
                network.send_octets(bytes([wire.SOLICIT, 1, 2, 3]), str(peer))
                for name, address in replies:
                    head = bytes([wire.RELAY_REPL, 0]) + bytes(16) + address.packed
                    inside = wire.Option(wire.INTERFACE_ID, name.encode()), wire.Option(wire.RELAY_MSG, b"\x07\x00\x00\x02")
                    octets = head + b"".join(option.compose() for option in inside)
                    network.send_octets(octets, str(peer))
                wait_for("the right one", lambda: counts(relay, "port0")["returned"] == 1)
            assert counts(relay, "trunk")["dropped"] == {"not-for-us": 1, "no-interface": 1, "other-peer": 1}
            came = [one for one in own.datagrams() if one.destination == peer]
            assert [one.octets for one in came] == [b"\x07\x00\x00\x02"]


def test_the_rules_are_put_back_and_stay(node: AccessNode, relay: Relay) -> None:
    """RELAY-036: flushed rules come back, and an orderly stop leaves them: without the relay nothing passes unmarked."""
    ran = node.edge.run("nft", "flush", "ruleset")
    assert ran.returncode == 0, ran.stderr
    wait_for("the rules again", lambda: "port*" in node.edge.run("nft", "list", "table", *TABLE).stdout)
    assert relay.stop() == 0
    assert "port*" in node.edge.run("nft", "list", "table", *TABLE).stdout
    with Subscriber(node.customers["port0"]) as client, Capture(node.core, SERVER_PORT) as up:
        client.send(wire.SOLICIT, [ia_pd(1)])
        dropped = lambda: "counter packets 0" not in node.edge.run("nft", "list", "table", *TABLE).stdout.split("port*")[1].splitlines()[0]  # noqa: E731
        wait_for("the original counted", dropped)
        assert not up.datagrams()

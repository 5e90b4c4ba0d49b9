"""The relay's story with clients that no one here wrote, and with servers that no one here wrote."""

import signal
from pathlib import Path
from typing import Iterator, Type

import pytest
from harness.clients import Client, Wish
from harness.clients.dhclient import Dhclient
from harness.clients.dhcpcd import Dhcpcd
from harness.clients.dibbler import DibblerClient
from harness.clients.networkd import Networkd
from harness.clients.wide import Dhcp6c
from harness.edge import UPLINK, Edge, Relay, edge_server, relay_config
from harness.waiting import wait_for

CLIENTS = [Dhclient, DibblerClient, Dhcp6c, Dhcpcd, Networkd]

pytestmark = pytest.mark.usefixtures("namespaces")


@pytest.fixture
def net(namespaces: None) -> Iterator[Edge]:
    with Edge() as net:
        yield net


@pytest.mark.parametrize("client_type", CLIENTS, ids=[client.name for client in CLIENTS])
def test_power_is_cut_and_the_route_is_back(net: Edge, tmp_path: Path, client_type: Type[Client]) -> None:
    """RELAY-007, RELAY-011, RELAY-029, RELAY-057, RELAY-065: delegated, pinged, power cut, back while the client is held still, released."""
    customer = net.customers[0]
    host = net.add_host(customer)
    relay = Relay(net, tmp_path, relay_config(tmp_path, relay_id=""))
    wish = Wish(addresses=1, prefixes=1)
    with edge_server(net, tmp_path), relay, client_type(customer, tmp_path / "client", wish) as client:
        (prefix,) = client.wait_for_leases().prefixes
        next_hop = customer.link_local(UPLINK)
        assert net.wait_for_routes([prefix]) == {str(prefix): (next_hop, "cust0")}
        address = net.number_host(customer, host, prefix)
        wait_for("a ping through the prefix", lambda: net.reaches(address))

        # It cannot say anything from here on.
        client.signal(signal.SIGSTOP)
        relay.kill()
        net.edge.ip("-6", "route", "flush", "proto", "147")
        assert not net.reaches(address)
        relay.start()
        assert net.wait_for_routes([prefix]) == {str(prefix): (next_hop, "cust0")}
        assert relay.bindings()[str(prefix)]["source"] != "reply"
        wait_for("a ping through the prefix", lambda: net.reaches(address))
        client.signal(signal.SIGCONT)

        if "release" in client.can:
            client.release()
            net.wait_for_routes([])

"""The relay's story with clients that no one here wrote, and with servers that no one here wrote."""

import signal
from ipaddress import IPv6Network
from pathlib import Path
from typing import Iterator, Type

import pytest
from harness.clients import Client, Wish
from harness.clients.dhclient import Dhclient
from harness.clients.dhcpcd import Dhcpcd
from harness.clients.dibbler import DibblerClient
from harness.clients.networkd import Networkd
from harness.clients.wide import Dhcp6c
from harness.edge import SERVER, UPLINK, Edge, Relay, edge_server, relay_config
from harness.servers import DELEGATED_LENGTH, POOL, POOL_LENGTH, VALID_SECS, Server
from harness.servers.dhcpd import Dhcpd
from harness.servers.dibbler import DibblerServer
from harness.servers.kea import Kea
from harness.waiting import wait_for

CLIENTS = [Dhclient, DibblerClient, Dhcp6c, Dhcpcd, Networkd]
SERVERS = [Kea, Dhcpd, DibblerServer]

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


@pytest.mark.parametrize("server_type", SERVERS, ids=[server.name for server in SERVERS])
def test_a_foreign_server_delegates_through_the_relay(net: Edge, tmp_path: Path, server_type: Type[Server]) -> None:
    """RELAY-011, RELAY-018, RELAY-029, RELAY-030, RELAY-057: a real client gets address and prefix, and the route is there until it gives them back."""
    customer = net.customers[0]
    host = net.add_host(customer)
    relay = Relay(net, tmp_path, relay_config(tmp_path, servers=[f'address = "{SERVER}"\nrecover = false']))
    wish = Wish(addresses=1, prefixes=1)
    with server_type(net, tmp_path / "server") as server, relay:
        with DibblerClient(customer, tmp_path / "client", wish) as client:
            try:
                held = client.wait_for_leases()
            except AssertionError as error:
                raise AssertionError(f"{error}\n{server.name}: {server.log()[-4000:]}\n{relay.log()[-2000:]}") from error
            (prefix,) = held.prefixes
            assert prefix.subnet_of(IPv6Network(f"{POOL}/{POOL_LENGTH}")) and prefix.prefixlen == DELEGATED_LENGTH
            assert net.wait_for_routes([prefix]) == {str(prefix): (customer.link_local(UPLINK), "cust0")}
            left = relay.bindings()[str(prefix)]
            assert VALID_SECS - 60 <= left["valid_secs"] <= VALID_SECS
            address = net.number_host(customer, host, prefix)
            wait_for("a ping through the prefix", lambda: net.reaches(address))
            client.release()
            net.wait_for_routes([])

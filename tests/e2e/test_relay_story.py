"""The relay's story: a customer's prefix is delegated, routed and used; the relay loses its power; the route is back before anyone spoke."""

import shutil
from ipaddress import IPv6Network
from pathlib import Path
from typing import Iterator

import pytest
from harness.edge import RELAY_ID, Edge, Relay, RouteMonitor, edge_server, relay_config, server_config
from harness.subscriber import Subscriber
from harness.waiting import Deadline, wait_for

pytestmark = pytest.mark.usefixtures("namespaces")


@pytest.fixture
def net(namespaces: None) -> Iterator[Edge]:
    with Edge() as net:
        yield net


def lose_power(net: Edge, relay: Relay) -> None:
    """Ends the relay as a power cut does: it says nothing any more, and its routes and its state are gone, but for who it is."""
    relay.kill()
    net.edge.ip("-6", "route", "flush", "proto", "147")
    assert not net.routes()
    for name in sorted((relay.folder / "state").iterdir()):
        if name.name != "relay-id":
            shutil.rmtree(name) if name.is_dir() else name.unlink()
    assert [name.name for name in (relay.folder / "state").iterdir()] == ["relay-id"]


def test_a_route_is_back_before_the_client_speaks(net: Edge, tmp_path: Path) -> None:
    """RELAY-007, RELAY-057, RELAY-058, RELAY-065, RELAY-069, RELAY-073: delegated, pinged, power lost, back by Bulk Leasequery, pinged."""
    relay = Relay(net, tmp_path, relay_config(tmp_path, relay_id=""))
    with edge_server(net, tmp_path), relay, Subscriber(net.customers[0]) as client:
        (delegated,) = client.obtain()
        assert delegated.prefix.prefixlen == 56
        there = net.wait_for_routes([delegated.prefix])
        assert there[str(delegated.prefix)] == (client.address, "cust0")
        customer = net.customers[0]
        host = net.number_host(customer, net.add_host(customer), delegated.prefix)
        wait_for("a ping through the prefix", lambda: net.reaches(host))
        spoken = len(client.heard)
        lose_power(net, relay)
        assert not net.reaches(host)
        relay.start()
        assert net.wait_for_routes([delegated.prefix]) == there
        wait_for("a ping through the prefix", lambda: net.reaches(host))
        assert len(client.heard) == spoken, "the client was spoken to"
        (binding,) = relay.told("bindings")
        assert binding["source"] != "reply" and binding["standing"] == "routed"
        # From here on the client is the same as ever.
        assert client.renew()[0].prefix == delegated.prefix
        wait_for("learning", lambda: relay.bindings()[str(delegated.prefix)]["source"] == "reply")
        client.release()
        net.wait_for_routes([])


def test_the_relay_id_survives_and_is_the_same(net: Edge, tmp_path: Path) -> None:
    """RELAY-003: what was generated once is kept, whatever happens to the rest."""
    relay = Relay(net, tmp_path, relay_config(tmp_path, relay_id=""))
    with edge_server(net, tmp_path), relay:
        first = relay.status()["relay_id"]
        lose_power(net, relay)
        relay.start()
        assert relay.status()["relay_id"] == first != RELAY_ID


def test_release_takes_the_route_away(net: Edge, tmp_path: Path) -> None:
    """RELAY-048, RELAY-057: at once, and nobody else's."""
    with edge_server(net, tmp_path), Relay(net, tmp_path) as relay:
        with Subscriber(net.customers[0]) as one, Subscriber(net.customers[0], 2, iaids=(1, 2)) as other:
            (kept,) = one.obtain()
            gone = other.obtain()
            assert len(gone) == 2
            net.wait_for_routes([kept.prefix, *(lease.prefix for lease in gone)])
            other.release()
            net.wait_for_routes([kept.prefix])
            assert list(relay.bindings()) == [str(kept.prefix)]


def test_expiry_takes_the_route_away_and_renewing_keeps_it(net: Edge, tmp_path: Path) -> None:
    """RELAY-047, RELAY-057: a prefix lives as long as the last REPLY says, and goes within the second."""
    valid = 6
    short = f'preferred-lifetime = "3s"\nvalid-lifetime = "{valid}s"'
    config = server_config(lifetimes=short)
    with edge_server(net, tmp_path, config), Relay(net, tmp_path) as relay:
        with Subscriber(net.customers[0]) as renews, Subscriber(net.customers[0], 2) as silent:
            (kept,) = renews.obtain()
            (ends,) = silent.obtain()
            assert kept.valid == ends.valid == valid
            net.wait_for_routes([kept.prefix, ends.prefix])
            # Within the second: a route that is gone while the relay shows a whole second left, or there when it shows none, would be a fault.
            last = valid
            deadline = Deadline(valid + 10)
            while str(ends.prefix) in net.routes():
                left = relay.bindings().get(str(ends.prefix), {"valid_secs": 0})["valid_secs"]
                assert left <= last, "it may not get longer by itself"
                last = left
                if relay.bindings().get(str(kept.prefix), {"valid_secs": 0})["valid_secs"] <= 3:
                    renews.renew()
                assert not deadline.is_over(), "the route outlived its prefix"
            assert last <= 1, f"the route went {last} s too early"
            assert list(relay.bindings()) == [str(kept.prefix)] == list(net.routes())


def test_a_restart_does_not_touch_a_working_route(net: Edge, tmp_path: Path) -> None:
    """RELAY-064: neither stopping nor starting withdraws or replaces what is right; `ip monitor` sees nothing of it."""
    relay = Relay(net, tmp_path)
    with edge_server(net, tmp_path), relay, Subscriber(net.customers[0]) as client:
        (delegated,) = client.obtain()
        net.wait_for_routes([delegated.prefix])
        with RouteMonitor(net.edge) as monitor:
            assert relay.stop() == 0
            assert net.routes().keys() == {str(delegated.prefix)}
            relay.start()
            relay.wait_for_status("recovery", lambda status: status["routed"] == 1)
            monitor.mark()
            assert monitor.about(delegated.prefix) == []
            relay.kill()
            relay.start()
            relay.wait_for_status("recovery", lambda status: status["routed"] == 1)
            monitor.mark()
            assert monitor.about(delegated.prefix) == []


def test_ready_is_said_when_the_routes_are_there(net: Edge, tmp_path: Path) -> None:
    """RELAY-065: what waits for the unit finds the recovery settled and the bindings in."""
    relay = Relay(net, tmp_path)
    with edge_server(net, tmp_path), relay:
        clients = [Subscriber(net.customers[0], number) for number in range(1, 6)]
        prefixes = [client.obtain()[0].prefix for client in clients]
        net.wait_for_routes(prefixes)
        for client in clients:
            client.__exit__()
        lose_power_of_configured(net, relay)
        relay.start()
        # `start` came back with READY: nothing needs waiting for.
        status = relay.status()
        assert status["settled"] and status["routed"] == len(prefixes)
        net.wait_for_routes(prefixes)


def lose_power_of_configured(net: Edge, relay: Relay) -> None:
    """The same for a relay whose Relay-ID is in its configuration: nothing at all is left."""
    relay.kill()
    net.edge.ip("-6", "route", "flush", "proto", "147")
    shutil.rmtree(relay.folder / "state", ignore_errors=True)


def test_pd_exclude_leaves_the_route_as_long_as_the_prefix(net: Edge, tmp_path: Path) -> None:
    """RELAY-056: the route has the delegated length, and the excluded part is reached by the more specific on-link route."""
    config = server_config().replace("delegated-length = 56", 'delegated-length = 56\npd-exclude = "0:0:0:ff::/64"')
    with edge_server(net, tmp_path, config), Relay(net, tmp_path), Subscriber(net.customers[0]) as client:
        (delegated,) = client.obtain()
        net.wait_for_routes([delegated.prefix])
        excluded = list(delegated.prefix.subnets(new_prefix=64))[255]
        net.edge.ip("-6", "route", "add", str(excluded), "dev", "cust0", "proto", "static")
        inside = lambda network: str(IPv6Network(network)[9])  # noqa: E731
        on_link = net.edge.ip("-6", "route", "get", inside(excluded))
        delegated_part = net.edge.ip("-6", "route", "get", inside(list(delegated.prefix.subnets(new_prefix=64))[1]))
        assert client.address not in on_link and client.address in delegated_part
        client.renew()
        assert net.wait_for_routes([delegated.prefix]).keys() == {str(delegated.prefix)}
        assert client.address not in net.edge.ip("-6", "route", "get", inside(excluded))

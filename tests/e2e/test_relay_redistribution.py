"""FRR and BIRD hand on what the relay got back, with the configurations of docs/relay.md word for word."""

import contextlib
from pathlib import Path
from typing import Iterator

import pytest
from harness import pages
from harness.daemon import leasebook
from harness.edge import EDGE, SERVER, Edge, Relay, RouteMonitor, claim, prefix_of, relay_config, teller_at
from harness.routers import Bird, Frr
from harness.teller import Teller, truthfully
from harness.waiting import wait_for

# The neighbour puts what it hears into its kernel.
NEIGHBOUR = f"""
router id 192.0.2.1;
protocol device {{ }}
protocol kernel {{ ipv6 {{ import none; export all; }}; }}
protocol bgp edge {{
  local {SERVER} as 64513;
  neighbor {EDGE} as 64512;
  connect delay time 1;
  connect retry time 1;
  ipv6 {{ import all; export none; }};
}}
"""


@pytest.fixture
def net(namespaces: None) -> Iterator[Edge]:
    with Edge() as net:
        yield net


@pytest.mark.parametrize("router", ["frr", "bird"])
def test_a_recovered_route_is_handed_on(net: Edge, tmp_path: Path, router: str) -> None:
    """RELAY-060: to a neighbour by BGP, and nothing else; withdrawn when the prefix ends; a restart of the relay is not heard of."""
    kept, ended = claim(1), claim(2)
    net.edge.ip("-6", "route", "add", "2001:db8:1ff:ff00::/56", "via", SERVER, "proto", "static")
    with contextlib.ExitStack() as stack:
        stack.enter_context(Bird(net.core, tmp_path / "neighbour", NEIGHBOUR))
        if router == "frr":
            stack.enter_context(Frr(net.edge, tmp_path / "frr", pages.example("relay.md", "/etc/frr/frr.conf")))
        else:
            stack.enter_context(Bird(net.edge, tmp_path / "bird", pages.example("relay.md", "/etc/bird/bird.conf")))
        stack.enter_context(Teller(net.core, SERVER, 1547, truthfully([kept, ended])))
        config = relay_config(tmp_path, servers=[teller_at(1547)])
        relay = stack.enter_context(Relay(net, tmp_path, config))
        net.wait_for_routes([kept.prefix, ended.prefix])

        def handed_on() -> set[str]:
            return {route["dst"] for route in net.core.routes("proto", "bird")}

        wait_for("the neighbour's routes", lambda: handed_on() == {kept.prefix, ended.prefix}, 30)
        (route,) = [route for route in net.core.routes("proto", "bird") if route["dst"] == prefix_of(1)]
        assert route["dev"] == "up0"
        with RouteMonitor(net.core) as monitor:
            relay.kill()
            relay.start()
            relay.ask("clear", ended.prefix)
            wait_for("the withdrawal", lambda: handed_on() == {kept.prefix}, 30)
            monitor.mark()
            assert monitor.about(kept.prefix) == []
            assert monitor.about(ended.prefix)


def test_the_page_has_a_configuration_that_is_right(tmp_path: Path) -> None:
    """SEC-009, SEC-017, RELAY-082: its example passes the check; clocks, IPsec and what Remote-IDs are worth have their place on it."""
    config = tmp_path / "relay.toml"
    config.write_text(pages.example("relay.md", "/etc/leasebook/relay.toml"))
    assert "right" in leasebook("relay", "check", "--config", config).stdout
    page = (pages.DOCS / "relay.md").read_text()
    assert "Remote-ID, Subscriber-ID and link-layer address in relayed messages are worth" in page
    assert "synchronised" in page and "mode = transport" in pages.example("relay.md", "/etc/swanctl/conf.d/dhcpv6.conf")

"""What customers may send: rules of nftables that follow the delegations."""

import json
import shutil
import subprocess
from ipaddress import IPv6Address, IPv6Network
from pathlib import Path
from typing import Iterator

import pytest
from harness.edge import SERVER, Edge, Relay, edge_server, link, relay_config
from harness.subscriber import Subscriber
from harness.teller import Teller, truthfully
from harness.waiting import wait_for
from test_relay_kernel import TELLER, claim

pytestmark = [
    pytest.mark.usefixtures("namespaces"),
    pytest.mark.skipif(shutil.which("nft") is None, reason="no nft here (package nftables)"),
]

TABLE = ["ip6", "leasebook-relay"]
FILTER = '[filter]\ningress = "delegations"\nloops = "reject"'


def nft(net: Edge, *words: str) -> str:
    ran = net.edge.run("nft", *words)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def elements(net: Edge) -> set[str]:
    """What is in the sets of delegated prefixes: interface and prefix."""
    ran = net.edge.run("nft", "-j", "list", "table", *TABLE)
    if ran.returncode:
        return set()
    found = set()
    for one in json.loads(ran.stdout)["nftables"]:
        name = one.get("set", {}).get("name", "")
        if name.startswith("delegated"):
            pairs = [element["concat"] for element in one["set"].get("elem", [])]
            found |= {f"{interface} {address}/{name.removeprefix('delegated')}" for interface, address in pairs}
    return found


def counted(net: Edge, name: str) -> int:
    (counter,) = [one["counter"] for one in json.loads(nft(net, "-j", "list", "counter", *TABLE, name))["nftables"] if "counter" in one]
    return counter["packets"]


def send_from(net: Edge, customer: int, source: str, to: str = SERVER) -> subprocess.CompletedProcess[str]:
    """A ping from a customer's router with a source of its own choice."""
    space = net.customers[customer]
    # On the link itself neighbours ask for it.
    is_on_link = IPv6Address(source) in IPv6Network(f"{link(customer)}/64", strict=False)
    space.ip("-6", "address", "replace", f"{source}/128", "dev", "uplink" if is_on_link else "lo", "nodad")
    return space.run("ping", "-6", "-n", "-c", "1", "-W", "1", "-I", source, to)


@pytest.fixture
def net(namespaces: None) -> Iterator[Edge]:
    with Edge(customers=2) as net:
        for customer, space in enumerate(net.customers):
            # The next hop of the prefixes that are told to be there.
            space.ip("-6", "address", "add", f"fe80::5b:{customer + 1:x}/64", "dev", "uplink", "nodad")
        yield net


@pytest.fixture
def relay(net: Edge, tmp_path: Path) -> Iterator[Relay]:
    claims = [claim(number, customer) for customer in range(2) for number in (1 + customer, 11 + customer)]
    with Teller(net.core, SERVER, 1547, truthfully(claims)):
        with Relay(net, tmp_path, relay_config(tmp_path, servers=TELLER, more=FILTER)) as relay:
            net.wait_for_routes([one.prefix for one in claims])
            wait_for("the sets", lambda: elements(net) == CLAIMED)
            yield relay


CLAIMED = {f"cust{customer} {claim(number, customer).prefix}" for customer in range(2) for number in (1 + customer, 11 + customer)}


def test_customers_send_from_what_is_delegated_to_them(net: Edge, relay: Relay) -> None:
    """RELAY-059: sources delegated on the interface pass, and those of its link; others do not, and are counted."""
    own, others = claim(1).prefix.replace("::/56", "::1"), claim(2).prefix.replace("::/56", "::1")
    assert send_from(net, 0, own).returncode == 0
    assert send_from(net, 0, "2001:db8:1::77").returncode == 0
    before = counted(net, "spoofed")
    for source in (others, "2001:db8:ff::99", "2001:db8:2::9"):
        assert send_from(net, 0, source).returncode != 0
    assert counted(net, "spoofed") - before == 3


def test_the_filter_follows_a_client(net: Edge, tmp_path: Path) -> None:
    """RELAY-059, SEC-020: a prefix passes from the reply that gives it until it is given back, with the length it has."""
    with edge_server(net, tmp_path), Relay(net, tmp_path / "relay", relay_config(tmp_path / "relay", more=FILTER)):
        wait_for("the rules", lambda: net.edge.run("nft", "list", "chain", *TABLE, "ingress").returncode == 0)
        with Subscriber(net.customers[0]) as client:
            (held,) = client.obtain()
            wait_for("the prefix in the set", lambda: elements(net) == {f"cust0 {held.prefix}"})
            client.release()
            wait_for("an empty set", lambda: elements(net) == set())


def test_what_others_do_to_the_rules_is_repaired(net: Edge, relay: Relay) -> None:
    """RELAY-059: rules flushed, sets emptied: all is back; what concerns other tables concerns nobody."""
    nft(net, "flush", "ruleset")
    wait_for("the sets again", lambda: elements(net) == CLAIMED)
    nft(net, "flush", "set", *TABLE, "delegated56")
    wait_for("the elements again", lambda: elements(net) == CLAIMED)
    loaded = relay.log().count("RELAY_FILTER_LOADED")
    for _ in range(10):
        nft(net, "add", "table", "ip6", "another")
        nft(net, "delete", "table", "ip6", "another")
    nft(net, "add", "element", *TABLE, "delegated56", '{ "cust0" . 2001:db8:bad:: }')
    wait_for("what is too much gone", lambda: elements(net) == CLAIMED)
    # One for the element; the last repair may have been told of in two pieces.
    assert relay.log().count("RELAY_FILTER_LOADED") <= loaded + 2


def test_a_restart_closes_nothing(net: Edge, relay: Relay, tmp_path: Path) -> None:
    """RELAY-064: with no server to ask, what an earlier run let in still passes."""
    relay.kill()
    silent = [f'address = "{SERVER}"\nbulk = "[{SERVER}]:1"']
    folder = tmp_path / "again"
    with Relay(net, folder, relay_config(folder, servers=silent, more=FILTER)) as again:
        again.wait_for_log("RELAY_FILTER_LOADED")
        assert elements(net) == CLAIMED
        own = claim(1).prefix.replace("::/56", "::1")
        before = counted(net, "spoofed")
        send_from(net, 0, own)
        assert counted(net, "spoofed") == before


def test_loops_end_at_the_relay(net: Edge, relay: Relay) -> None:
    """RELAY-061, RELAY-062: what would go back to where it came from is dropped, and its sender told."""
    own = claim(1).prefix.replace("::/56", "::1")
    unused = claim(1).prefix.replace("00::/56", "aa::5")
    looped = send_from(net, 0, own, unused)
    assert looped.returncode != 0
    assert counted(net, "looped") == 1
    assert "eject" in looped.stdout or "nreachable" in looped.stdout, looped.stdout
    # To another customer it is no loop.
    other = claim(2, 1).prefix.replace("::/56", "::1")
    before = counted(net, "looped")
    send_from(net, 0, own, other)
    assert counted(net, "looped") == before


def test_the_kernels_routes_can_be_the_filter(net: Edge, tmp_path: Path) -> None:
    """RELAY-059: strict reverse-path filtering, which needs no sets."""
    more = '[filter]\ningress = "routes"'
    with Teller(net.core, SERVER, 1547, truthfully([claim(1)])):
        with Relay(net, tmp_path, relay_config(tmp_path, servers=TELLER, more=more)) as relay:
            net.wait_for_routes([claim(1).prefix])
            relay.wait_for_log("RELAY_FILTER_LOADED")
            assert send_from(net, 0, claim(1).prefix.replace("::/56", "::1")).returncode == 0
            assert send_from(net, 0, f"{link(0)}7").returncode == 0
            assert send_from(net, 0, claim(2).prefix.replace("::/56", "::1")).returncode != 0
            assert counted(net, "spoofed") == 1

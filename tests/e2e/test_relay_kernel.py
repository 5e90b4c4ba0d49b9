"""The relay and a kernel that others work on too: what is lost comes back, and what is not the relay's stays."""

import datetime
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Iterator

import pytest
from harness.edge import SERVER, Edge, Relay, RouteMonitor, claim, edge_server, link, relay_config, relay_octets, teller_at
from harness.subscriber import Subscriber
from harness.teller import Claim, Teller, path, truthfully
from harness.waiting import wait_for

pytestmark = pytest.mark.usefixtures("namespaces")

TELLER = [teller_at(1547)]


@pytest.fixture
def net(namespaces: None) -> Iterator[Edge]:
    with Edge(customers=2) as net:
        yield net


CLAIMS = [claim(number, customer) for customer in range(2) for number in range(1 + 10 * customer, 4 + 10 * customer)]
PREFIXES = [one.prefix for one in CLAIMS]


@pytest.fixture
def teller(net: Edge) -> Iterator[Teller]:
    with Teller(net.core, SERVER, 1547, truthfully(CLAIMS)) as teller:
        yield teller


@pytest.fixture
def relay(net: Edge, teller: Teller, tmp_path: Path) -> Iterator[Relay]:
    with Relay(net, tmp_path, relay_config(tmp_path, servers=TELLER)) as relay:
        net.wait_for_routes(PREFIXES)
        yield relay


def test_a_deleted_route_comes_back(net: Edge, relay: Relay) -> None:
    """RELAY-063: whoever takes one of ours away."""
    before = net.routes()
    net.edge.ip("-6", "route", "del", PREFIXES[0])
    assert net.wait_for_routes(PREFIXES) == before
    relay.wait_for_log("RELAY_ROUTES_REPAIRED")


def test_flushed_routes_come_back(net: Edge, relay: Relay) -> None:
    """RELAY-063: all at once."""
    before = net.routes()
    net.edge.ip("-6", "route", "flush", "proto", "147")
    assert net.wait_for_routes(PREFIXES) == before


def test_a_route_put_elsewhere_comes_back(net: Edge, relay: Relay) -> None:
    """RELAY-063: one of ours that someone has changed, still with our protocol, and one that is too many."""
    before = net.routes()
    net.edge.ip("-6", "route", "replace", PREFIXES[0], "via", "fe80::bad", "dev", "cust1", "proto", "147", "metric", "1024")
    net.edge.ip("-6", "route", "add", "2001:db8:bad::/48", "via", "fe80::bad", "dev", "cust1", "proto", "147", "metric", "1024")
    # What is replaced by one of the same protocol is told by nobody; the next look finds it, which is when a route of ours goes.
    net.edge.ip("-6", "route", "del", PREFIXES[1])
    assert net.wait_for_routes(PREFIXES) == before


def test_routes_are_back_after_the_interface_was_down(net: Edge, relay: Relay) -> None:
    """RELAY-066: the kernel drops what leads to an interface that is down; it is asked to take it again when that is up."""
    before = net.routes()
    others = {prefix: hop for prefix, hop in before.items() if hop[1] == "cust1"}
    net.edge.ip("link", "set", "cust0", "down")
    wait_for("the kernel's own clearing", lambda: net.routes() == others)
    wait_for("bindings kept", lambda: relay.bindings().keys() == set(PREFIXES))
    net.edge.ip("link", "set", "cust0", "up")
    assert net.wait_for_routes(PREFIXES) == before
    relay.wait_for_status("interface", lambda status: len(status["interfaces"]) == 2)


def test_routes_stay_without_a_carrier(net: Edge, relay: Relay) -> None:
    """RELAY-066: S-2: the customer's router is off, its prefix stays routed."""
    before = net.routes()
    with RouteMonitor(net.edge) as monitor:
        net.customers[0].ip("link", "set", "uplink", "down")
        wait_for("no carrier", lambda: "NO-CARRIER" in net.edge.ip("link", "show", "cust0"))
        relay.wait_for_status("both interfaces", lambda status: len(status["interfaces"]) == 2)
        assert net.routes() == before
        net.customers[0].ip("link", "set", "uplink", "up")
        wait_for("a carrier", lambda: "NO-CARRIER" not in net.edge.ip("link", "show", "cust0"))
        assert net.wait_for_routes(PREFIXES) == before
        monitor.mark()
        assert not any(line.startswith("Deleted") for prefix in PREFIXES for line in monitor.about(prefix))


def test_routes_are_back_when_the_interface_was_made_anew(net: Edge, relay: Relay) -> None:
    """RELAY-019, RELAY-066: with another number of the system's, the same name and therefore the same INTERFACE_ID."""
    before = net.routes()
    index = net.edge.ip("-o", "link", "show", "cust0").split(":")[0]
    net.edge.ip("link", "del", "cust0")
    wait_for("the interface gone", lambda: len(relay.status()["interfaces"]) == 1)
    net.edge.ip("link", "add", "name", "cust0", "type", "veth", "peer", "name", "uplink", "netns", net.customers[0].name)
    net.customers[0].ip("link", "set", "uplink", "up")
    net.edge.ip("-6", "address", "add", f"{link(0)}/64", "dev", "cust0")
    net.edge.ip("link", "set", "cust0", "up")
    assert net.edge.ip("-o", "link", "show", "cust0").split(":")[0] != index
    assert net.wait_for_routes(PREFIXES) == before


def test_a_new_interface_needs_no_restart(net: Edge, tmp_path: Path) -> None:
    """RELAY-068: one that fits the pattern, as a new VLAN's does, is served from when it comes, and what is behind it is asked for."""
    there = claim(40)
    there = Claim(there.client, there.prefix, path(relay_octets(), "2001:db8:77::1", "fe80::5b:28", "cust0.7"))
    config = relay_config(tmp_path, servers=TELLER, interfaces=['name = "cust0.*"'])
    with Teller(net.core, SERVER, 1547, truthfully([there])) as teller, Relay(net, tmp_path, config) as relay:
        assert relay.status()["interfaces"] == []
        assert relay.bindings()[there.prefix]["standing"] == "unroutable" and not net.routes()
        asked = len(teller.asked)
        net.edge.add_interface("cust0.7", ["2001:db8:77::1/64"])
        assert net.wait_for_routes([there.prefix]) == {there.prefix: ("fe80::5b:28", "cust0.7")}
        assert len(teller.asked) > asked
        assert {one["interface"]: one["link_address"] for one in relay.status()["interfaces"]}["cust0.7"] == "2001:db8:77::1"


def test_routes_of_others_are_never_touched(net: Edge, teller: Teller, tmp_path: Path) -> None:
    """RELAY-063: not even where another has the same prefix with the same metric; that is told, and mended when the other goes."""
    foreign = ["via", "2001:db8:ff::1", "dev", "net0", "proto", "static", "metric", "1024"]
    net.edge.ip("-6", "route", "add", PREFIXES[0], *foreign)
    net.edge.ip("-6", "route", "add", "2001:db8:dead::/48", *foreign)
    net.edge.ip("-6", "route", "add", PREFIXES[1], "via", "2001:db8:ff::1", "dev", "net0", "proto", "static", "metric", "77")
    theirs = net.edge.routes("proto", "static")
    assert len(theirs) == 3
    with Relay(net, tmp_path, relay_config(tmp_path, servers=TELLER)) as relay:
        net.wait_for_routes(PREFIXES[1:])
        assert "not this relay's" in relay.wait_for_log("RELAY_ROUTE_FAILED")
        assert relay.status()["routes_refused"] >= 1
        net.edge.ip("-6", "route", "flush", "proto", "147")
        net.wait_for_routes(PREFIXES[1:])
        assert net.edge.routes("proto", "static") == theirs
        relay.ask("clear", PREFIXES[0])
        relay.ask("clear", PREFIXES[1])
        net.wait_for_routes(PREFIXES[2:])
        assert net.edge.routes("proto", "static") == theirs
        # Of the same prefix now ours is first, and then another's put in its place.
        relay.ask("recover")
        net.wait_for_routes(PREFIXES[1:])
        net.edge.ip("-6", "route", "del", PREFIXES[0], *foreign)
        net.wait_for_routes(PREFIXES, seconds=30)
        net.edge.ip("-6", "route", "replace", PREFIXES[2], *foreign)
        theirs = net.edge.routes("proto", "static")
        wait_for("the refusal", lambda: relay.status()["routes_refused"] >= 2)
        assert net.edge.routes("proto", "static") == theirs
        net.edge.ip("-6", "route", "del", PREFIXES[2], *foreign)
        net.wait_for_routes(PREFIXES, seconds=30)


def test_lost_notifications_are_noticed(net: Edge, relay: Relay) -> None:
    """RELAY-063: more changes at once than the socket holds; afterwards all is as it should be."""
    before = net.routes()
    # The relay cannot read while it is stopped, so that its socket overruns: 8 MiB hold some 20 000 notifications.
    many = [f"2001:db8:{0x4000 + (number >> 8):x}:{number & 0xFF:x}::/64 dev lo proto 99" for number in range(30_000)]
    relay.signal(signal.SIGSTOP)
    try:
        net.edge.ip("-6", "-batch", "-", given="".join(f"route add {one}\n" for one in many))
        net.edge.ip("-6", "route", "flush", "proto", "147")
        drops = net.edge.run("cat", "/proc/net/netlink").stdout
    finally:
        relay.signal(signal.SIGCONT)
    assert any(int(line.split()[8]) > 0 for line in drops.splitlines()[1:] if line.split()[1] == "0"), "nothing was lost, so nothing is shown"
    assert net.wait_for_routes(PREFIXES) == before


def test_an_aggregate_is_unreachable_but_for_its_delegations(net: Edge, teller: Teller, tmp_path: Path) -> None:
    """RELAY-057: what is not delegated of it does not loop; it comes back like any other route, and goes with its setting."""
    aggregate = "2001:db8:100::/40"
    config = relay_config(tmp_path, servers=TELLER, more=f'[routes]\naggregates = ["{aggregate}"]')
    with Relay(net, tmp_path, config) as relay:
        there = net.wait_for_routes([aggregate, *PREFIXES])
        assert there[aggregate][0] == "unreachable"
        assert "cust0" in net.edge.ip("-6", "route", "get", PREFIXES[0].replace("::/56", "::9"))
        got = net.edge.run("ip", "-6", "route", "get", "2001:db8:1ff::9")
        assert got.returncode != 0 or "unreachable" in got.stdout
        net.edge.ip("-6", "route", "del", "unreachable", aggregate, "metric", "1024")
        assert net.wait_for_routes([aggregate, *PREFIXES]) == there
        shown = {one["prefix"]: one for one in relay.told("routes")}
        assert shown[aggregate]["interface"] is None and shown[aggregate]["is_wanted"]
        relay.stop()
        relay.config.write_text(relay_config(tmp_path, servers=TELLER))
        relay.start()
        net.wait_for_routes(PREFIXES)


# Takes the place of the calendar's clock, and of no other: off by as many seconds as the file says.
CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    if (clock == CLOCK_REALTIME && !failed) {
        long seconds = 0;
        FILE *file = fopen(getenv("CLOCK_OFF_BY"), "r");
        if (file) { if (fscanf(file, "%ld", &seconds) != 1) seconds = 0; fclose(file); }
        now->tv_sec += seconds;
    }
    return failed;
}
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="a C compiler is missing")
def test_a_clock_that_jumps_ends_nothing(net: Edge, tmp_path: Path) -> None:
    """RELAY-082: nothing depends on the relay's clock being right, neither what is held nor what is got back."""
    (tmp_path / "clock.c").write_text(CLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "clock.so", tmp_path / "clock.c", "-ldl"], check=True, timeout=60)
    off_by = tmp_path / "off-by"
    off_by.write_text("0")
    relay = Relay(net, tmp_path, relay_config(tmp_path))
    relay.variables = {"LD_PRELOAD": str(tmp_path / "clock.so"), "CLOCK_OFF_BY": str(off_by)}
    with edge_server(net, tmp_path), relay, Subscriber(net.customers[0]) as client:
        (lease,) = client.obtain()
        there = net.wait_for_routes([lease.prefix])
        for years in (10, -10):
            off_by.write_text(str(years * 365 * 86400))
            relay.signal(signal.SIGHUP)
            # It is heard by the log that the clock has jumped.
            year = datetime.datetime.now(datetime.timezone.utc).year + years
            wait_for("the jump", lambda: any(line.startswith((str(year - 1), str(year), str(year + 1))) for line in relay.log().splitlines()))
            left = relay.bindings()[str(lease.prefix)]["valid_secs"]
            assert lease.valid - 60 < left <= lease.valid and net.routes() == there
            relay.ask("recover")
            left = relay.bindings()[str(lease.prefix)]["valid_secs"]
            assert lease.valid - 60 < left <= lease.valid and net.routes() == there
        client.renew()
        assert net.wait_for_routes([lease.prefix]) == there

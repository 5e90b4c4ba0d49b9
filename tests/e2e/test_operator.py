"""What an operator asks of a server while it runs: `leases show`, `stats` and `reconfigure`."""

import signal
from pathlib import Path

import pytest
from harness.daemon import LOCAL_ERROR, Server, leasebook
from harness.site import recorded_site

CLIENT = "00:03:00:01:02:01:00:00:00:05"


@pytest.fixture
def server(tmp_path: Path):
    """A server of Bulk Leasequery alone, without DHCPv6."""
    with recorded_site(tmp_path) as server:
        yield server


def of(server: Server, *what: object, **more: int) -> str:
    """What `leasebook leases` says of the server's store."""
    ran = leasebook("leases", *what, "--config", server.config, "--data", server.data, **more)
    return ran.stderr if more else ran.stdout


def test_a_server_of_bulk_leasequery_alone_is_asked(server: Server) -> None:
    """The store is its own, so it tells what is in it, by DUID and by lease, as the command does when it has ended."""
    page = of(server, "show", CLIENT)
    assert CLIENT in page and "(olt-" in page and "bound" in page
    (lease, *_) = [line.split()[1] for line in page.splitlines() if line.startswith("lease ")]
    assert of(server, "show", lease) == page
    assert "nothing in the book" in of(server, "show", "2001:db8:ffff::1")
    stats = of(server, "stats")
    assert " bindings, " in stats and "no pools: this server has no DHCPv6 (listen.udp)" in stats

    assert server.stop() == 0
    assert not (server.data / "control").exists()
    # But for how much time is left.
    still = lambda text: [line.partition(",")[0].partition("(")[0] for line in text.splitlines()]  # noqa: E731
    assert still(of(server, "show", CLIENT)) == still(page)
    assert stats.splitlines()[0].partition(" MiB")[0].rpartition(",")[0] in of(server, "stats")


def test_what_needs_dhcpv6_is_refused_in_words(server: Server) -> None:
    """Clients are told to renew by a DHCPv6 server alone."""
    assert "this server has no DHCPv6 (listen.udp)" in of(server, "reconfigure", CLIENT, expect=LOCAL_ERROR)


def test_links_are_named_as_the_newest_configuration_has_them(server: Server) -> None:
    """A reload changes what the server tells, and it answers as before."""
    before = of(server, "show", CLIENT)
    server.config.write_text(server.config.read_text().replace('name = "olt-', 'name = "shelf-'))
    server.signal(signal.SIGHUP)
    server.wait_for_log("LBK_RELOADED")
    after = of(server, "show", CLIENT)
    assert "(olt-" in before and "(shelf-" in after and "(olt-" not in after

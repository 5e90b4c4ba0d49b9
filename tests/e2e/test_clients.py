"""The DHCPv6 server and clients that no one here wrote, each in a namespace of its own."""

from pathlib import Path
from typing import Callable, Type

import pytest
from harness.access import Access, leases_of
from harness.clients import Client, Wish
from harness.clients.dhclient import Dhclient
from harness.clients.dhcpcd import Dhcpcd
from harness.clients.dibbler import DibblerClient
from harness.clients.networkd import Networkd
from harness.clients.wide import Dhcp6c
from harness.waiting import wait_for

CLIENTS = [Dhclient, DibblerClient, Dhcp6c, Dhcpcd, Networkd]

pytestmark = pytest.mark.usefixtures("namespaces")


def those_that_can(*abilities: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The test once for each client that does all of this."""
    able = [client for client in CLIENTS if client.can.issuperset(abilities)]
    return pytest.mark.parametrize("client_type", able, ids=[client.name for client in able])


@those_that_can("addresses", "prefixes")
def test_gets_an_address_and_a_prefix(client_type: Type[Client], tmp_path: Path) -> None:
    """DHCP-S-058, DHCP-S-066: what the client has is what the book says that it has."""
    wish = Wish(addresses=1, prefixes=1)
    with Access(tmp_path) as access, client_type(access.topology.client, tmp_path / "client", wish) as client:
        held = client.wait_for_leases()
        for lease in held.whats():
            (told,) = access.clients_of(lease)
            assert leases_of(told) == held.whats()


@those_that_can("release")
def test_gives_back_what_it_has(client_type: Type[Client], tmp_path: Path) -> None:
    """DHCP-S-083: what is released is no one's any more, and is there for the next."""
    wish = Wish(addresses=1, prefixes=1)
    with Access(tmp_path) as access, client_type(access.topology.client, tmp_path / "client", wish) as client:
        held = client.wait_for_leases()
        client.release()
        for lease in held.whats():
            wait_for(f"{lease} to be free", lambda: not access.clients_of(lease))

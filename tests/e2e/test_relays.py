"""The DHCPv6 server behind relays that no one here wrote, each in a namespace of its own."""

from pathlib import Path
from typing import Type

import pytest
from harness.access import Access, Site, leases_of
from harness.clients import Wish
from harness.clients.wide import Dhcp6c
from harness.relays import Relay, Route
from harness.relays.dhcrelay import Dhcrelay
from harness.relays.dibbler import DibblerRelay

RELAYS = [Dhcrelay, DibblerRelay]

pytestmark = pytest.mark.usefixtures("namespaces")


@pytest.mark.parametrize("relay_type", RELAYS, ids=[relay.name for relay in RELAYS])
@pytest.mark.parametrize("is_unicast", [True, False], ids=["unicast", "group"])
def test_a_client_behind_a_relay_gets_leases(relay_type: Type[Relay], is_unicast: bool, tmp_path: Path) -> None:
    """DHCP-S-016, DHCP-S-099: the link is that of the relay, and the reply finds its way back."""
    with Access(tmp_path, Site(hops=1)) as access:
        route = Route(access.topology.server_address() if is_unicast else None)
        with relay_type(access.topology.relays[0], tmp_path / "relay", route):
            with Dhcp6c(access.topology.client, tmp_path / "client", Wish(addresses=1, prefixes=1)) as client:
                held = client.wait_for_leases()
                (told,) = access.clients_of(next(iter(held.addresses)))
                assert leases_of(told) == held.whats()

"""All clients, and the choice of those that can do a thing."""

from typing import Callable

import pytest

from harness.clients.dhclient import Dhclient
from harness.clients.dhcpcd import Dhcpcd
from harness.clients.dibbler import DibblerClient
from harness.clients.networkd import Networkd
from harness.clients.wide import Dhcp6c

CLIENTS = [Dhclient, DibblerClient, Dhcp6c, Dhcpcd, Networkd]


def those_that_can(*abilities: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The test once for each client that does all of this."""
    able = [client for client in CLIENTS if client.can.issuperset(abilities)]
    return pytest.mark.parametrize("client_type", able, ids=[client.name for client in able])

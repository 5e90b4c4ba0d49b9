"""What an operator sets, and what clients that no one here wrote then do."""

from ipaddress import IPv6Address, IPv6Network
from pathlib import Path
from typing import Type

import pytest
from harness import wire
from harness.access import POOL, PREFIX_POOL, RENEWING, Access, Site, leases_of
from harness.clients import Client, Wish
from harness.clients.dhclient import Dhclient
from harness.clients.everyone import those_that_can
from harness.clients.networkd import Networkd
from harness.clients.wide import Dhcp6c
from harness.waiting import wait_for

BOTH = Wish(addresses=1, prefixes=1)
NEW_PREFIX_POOL = IPv6Network("3fff:200::/40")

pytestmark = pytest.mark.usefixtures("namespaces")


@those_that_can("addresses")
def test_waits_until_there_is_an_address(client_type: Type[Client], tmp_path: Path) -> None:
    """DHCP-S-061, DHCP-S-083: where the pool is used up a client is told so; it gets the address when another has given it back."""
    with Access(tmp_path) as access:
        access.change(f"{POOL[0]}-{POOL[1]}", f"{POOL[0]}-{POOL[0]}")
        first_host = access.topology.add_host(access.topology.access)
        with Dhcp6c(first_host, tmp_path / "first") as first:
            first.wait_for_leases()
            answers = len(access.said(wire.ADVERTISE))
            with client_type(access.topology.client, tmp_path / "client") as client:
                wait_for("an ADVERTISE without an address", lambda: access.said(wire.ADVERTISE)[answers:])
                refusal = wire.message(access.said(wire.ADVERTISE)[-1].octets)
                assert wire.leases_in(refusal) == set()
                assert wire.ia_statuses(refusal) == [wire.NO_ADDRS_AVAIL]
                first.release()
                assert client.wait_for_leases(60).addresses == {POOL[0]}
                access.binding_of(client)


def test_a_lease_ends_with_its_time(tmp_path: Path) -> None:
    """DHCP-S-028: a client that is gone keeps its leases until they end, and no longer."""
    with Access(tmp_path, Site(dhcp='preferred-lifetime = "3s"\nvalid-lifetime = "4s"')) as access:
        with Dhcp6c(access.topology.client, tmp_path / "client", BOTH) as client:
            held = client.wait_for_leases()
            client.kill()
        for lease in held.whats():
            wait_for(f"{lease} to end", lambda: not access.clients_of(lease), 20)


@those_that_can("addresses", "prefixes")
def test_is_renumbered_at_its_renewal(client_type: Type[Client], tmp_path: Path) -> None:
    """DHCP-S-076, DHCP-S-077: after a reload with another prefix pool the old prefix ends with the next RENEW, and a new one comes."""
    with Access(tmp_path, Site(dhcp=RENEWING)) as access:
        with client_type(access.topology.client, tmp_path / "client", BOTH) as client:
            held = client.wait_for_leases()
            access.change(str(PREFIX_POOL), str(NEW_PREFIX_POOL))
            client.wait_until("another prefix instead", lambda: client.held().prefixes.isdisjoint(held.prefixes) and client.held(), 60)
            now = client.wait_for_leases()
            assert now.addresses == held.addresses
            assert all(prefix.subnet_of(NEW_PREFIX_POOL) for prefix in now.prefixes)
            # What it was told to let go stays in the book, and is no one else's, while the answer that told might have been lost.
            (told,) = access.clients_of(next(iter(now.prefixes)))
            assert leases_of(told) - held.prefixes == now.whats()


def test_a_class_chooses_pool_and_options(tmp_path: Path) -> None:
    """DHCP-S-022, DHCP-S-048: systemd-networkd names its user class; the class has an address and a resolver of its own."""
    special, resolver = IPv6Address("3fff:0:1::2000"), "3fff::5353"
    pool = f'[[link.pool]]\naddresses = "{special}-{special}"\nclasses = ["business"]'
    members = f'members = [{{ user-class = "business" }}]\noptions = {{ dns-servers = ["{resolver}"] }}'
    with Access(tmp_path, Site(link=pool, more=f'[[class]]\nname = "business"\n{members}')) as access:
        other_host = access.topology.add_host(access.topology.access)
        with Dhcp6c(other_host, tmp_path / "other") as other:
            assert POOL[0] <= min(other.wait_for_leases().addresses) <= POOL[1]
        wish = Wish(addresses=1, user_class="business")
        with Networkd(access.topology.client, tmp_path / "client", wish) as client:
            assert client.wait_for_leases().addresses == {special}
            wait_for("the resolver", lambda: resolver in client.options())


def test_temporary_addresses(tmp_path: Path) -> None:
    """DHCP-S-025: where it is switched on, dhclient gets a temporary address."""
    with Access(tmp_path, Site(dhcp='obsolete = ["ia-ta"]')) as access:
        with Dhclient(access.topology.client, tmp_path / "client", Wish(addresses=1, is_temporary=True)) as client:
            (address,) = client.wait_for_leases().addresses
            assert POOL[0] <= address <= POOL[1]
            access.binding_of(client)

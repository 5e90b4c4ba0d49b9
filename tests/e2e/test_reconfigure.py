"""RECONFIGURE and clients that no one here wrote, which check the signature by their own code."""

from contextlib import ExitStack
from pathlib import Path
from typing import Type

import pytest
from harness import wire
from harness.access import Access, Site, leases_of
from harness.clients import Client, Wish
from harness.clients.dibbler import DibblerClient
from harness.clients.everyone import CLIENTS, those_that_can
from harness.daemon import leasebook
from harness.relays import Route
from harness.relays.dhcrelay import Dhcrelay
from harness.topology import SERVER_PORT
from harness.waiting import wait_for

ACCEPTING = Wish(addresses=1, prefixes=1, accepts_reconfigure=True)
RECONFIGURE = Site(dhcp="reconfigure = true")

pytestmark = pytest.mark.usefixtures("namespaces")


# The device by which the client is reached is not the first.
SEVERAL_DEVICES = ("lo", SERVER_PORT)


def tell_and_wait(access: Access, client: Client) -> None:
    """Has the operator tell the client to renew, which it does at once, and only for a signature that it found right."""
    held = client.wait_for_leases()
    before = len(access.answered(wire.RENEW))
    told = leasebook("leases", "reconfigure", next(iter(held.addresses)), "--data", access.server.data)
    assert "told 1 of 1" in told.stdout
    wait_for("a RENEW that was answered", lambda: len(access.answered(wire.RENEW)) > before)
    assert client.held() == held
    access.binding_of(client)


@those_that_can("reconfigure")
def test_a_client_that_is_told_to_renew_does(tmp_path: Path, client_type: Type[Client]) -> None:
    """DHCP-S-091..096: another's code finds the key in our REPLY and the signature of our RECONFIGURE right."""
    with Access(tmp_path, RECONFIGURE) as access:
        with client_type(access.topology.client, tmp_path / "client", ACCEPTING) as client:
            tell_and_wait(access, client)
            message = wire.message(access.said(wire.RECONFIGURE)[0].octets)
            assert message.xid == 0
            assert sorted(option.code for option in message.options) == sorted([wire.CLIENTID, wire.SERVERID, wire.RECONF_MSG, wire.AUTH])


@pytest.mark.parametrize("client_type", CLIENTS, ids=[client.name for client in CLIENTS])
def test_a_client_without_a_key_is_told_nothing(tmp_path: Path, client_type: Type[Client]) -> None:
    """DHCP-S-092: who does not accept RECONFIGURE gets no key, and the operator hears that no one is told. None does unless it is asked to."""
    with Access(tmp_path, RECONFIGURE) as access:
        with client_type(access.topology.client, tmp_path / "client", Wish(addresses=1)) as client:
            (address,) = client.wait_for_leases().addresses
            ran = leasebook("leases", "reconfigure", address, "--data", access.server.data, expect=1)
            assert "does not accept RECONFIGURE" in ran.stderr
            assert not access.said(wire.RECONFIGURE)
            (told,) = access.clients_of(address)
            assert leases_of(told) == {address}


@those_that_can("reconfigure")
def test_a_client_behind_a_relay_is_told_through_it(tmp_path: Path, client_type: Type[Client]) -> None:
    """DHCP-S-096: RECONFIGURE goes in a RELAY-REPL by the path that is kept with the binding."""
    with Access(tmp_path, Site(hops=1, dhcp=RECONFIGURE.dhcp)) as access:
        with Dhcrelay(access.topology.relays[0], tmp_path / "relay", Route(access.topology.server_address())):
            with client_type(access.topology.client, tmp_path / "client", ACCEPTING) as client:
                tell_and_wait(access, client)


@pytest.mark.parametrize(("hops", "is_restarted"), [(0, False), (1, False), (1, True)], ids=["direct", "relayed", "restarted"])
def test_a_client_is_told_by_the_device_that_it_was_heard_by(tmp_path: Path, hops: int, is_restarted: bool) -> None:
    """DHCP-S-096, DHCP-S-098: of sockets bound to a device each, the one that heard the client's last message reaches it; after a restart each is tried."""
    site = Site(hops=hops, dhcp=RECONFIGURE.dhcp, devices=SEVERAL_DEVICES)
    with ExitStack() as stack:
        access = stack.enter_context(Access(tmp_path, site))
        for host in access.topology.relays:
            stack.enter_context(Dhcrelay(host, tmp_path / "relay", Route(access.topology.server_address())))
        client = stack.enter_context(DibblerClient(access.topology.client, tmp_path / "client", ACCEPTING))
        client.wait_for_leases()
        if is_restarted:
            access.server.stop()
            access.server.start()
        tell_and_wait(access, client)

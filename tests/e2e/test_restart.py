"""What is left of leases when the server, or a client, is cut off in the middle."""

from contextlib import ExitStack
from ipaddress import IPv6Address, IPv6Network
from pathlib import Path
from typing import Type, Union

import pytest
from harness import wire
from harness.access import RENEWING, Access, Site, leases_of
from harness.clients import Client, Wish
from harness.clients.dhclient import Dhclient
from harness.clients.everyone import CLIENTS, those_that_can
from harness.enclosure import why_not
from harness.waiting import wait_for

BOTH = Wish(addresses=1, prefixes=1)
KILLS = 5

pytestmark = pytest.mark.usefixtures("namespaces")


def acknowledged(access: Access) -> set[Union[IPv6Address, IPv6Network]]:
    """Every lease that a REPLY gave to someone on the clients' link."""
    replies = [wire.message(datagram.octets) for datagram in access.said(wire.REPLY)]
    return {lease.what for reply in replies for lease in wire.leases_in(reply) if lease.valid}


def held_in_book(access: Access) -> set[Union[IPv6Address, IPv6Network]]:
    return {lease for told in access.query("link-address", "3fff:0:1::1") for lease in leases_of(told)}


def test_what_was_acknowledged_outlives_every_kill(tmp_path: Path) -> None:
    """DHCP-S-027, DHCP-S-039: the server is killed again and again under clients that come and renew; nothing is lost or given twice."""
    missing = [reason for reason in (why_not(client.program, client.package) for client in CLIENTS) if reason]
    if missing:
        pytest.skip("; ".join(missing))
    with Access(tmp_path, Site(dhcp=RENEWING)) as access, ExitStack() as stack:
        clients: list[Client] = []
        for number in range(KILLS):
            # One more client comes with each kill, which follows its first message, or the next answer to anyone.
            sign = wire.SOLICIT if number % 2 else wire.REPLY
            before = len(access.said(sign))
            host = access.topology.add_host(access.topology.access)
            client = CLIENTS[number % len(CLIENTS)](host, tmp_path / f"client{number}", BOTH)
            clients.append(stack.enter_context(client))
            wait_for("the moment to kill", lambda: len(access.said(sign)) > before, 30)
            access.server.kill()
            assert acknowledged(access), "something was acknowledged before"
            access.server.start()
            assert acknowledged(access) <= held_in_book(access)
        held = [client.wait_for_leases(45).whats() for client in clients]
        for client in clients:
            access.binding_of(client)
        assert len(frozenset().union(*held)) == sum(map(len, held)), "a lease is held by two"
        assert acknowledged(access) == held_in_book(access)


@those_that_can("addresses", "remember")
def test_a_client_that_comes_back_has_its_address_confirmed(client_type: Type[Client], tmp_path: Path) -> None:
    """DHCP-S-071, DHCP-S-078: cut off and started anew, the client asks whether its lease is still good, and it is."""
    with Access(tmp_path) as access, client_type(access.topology.client, tmp_path / "client", Wish(addresses=1)) as client:
        held = client.wait_for_leases()
        client.kill()
        solicits = len(access.said(wire.SOLICIT))
        client.start()
        answers = wait_for("an answer", lambda: access.answered(wire.CONFIRM) + access.answered(wire.REBIND), 30)
        message, reply = answers[0]
        assert {lease.what for lease in wire.leases_in(message)} == held.whats()
        assert reply.status() == wire.SUCCESS
        wait_for("the leases again", lambda: client.held() == held)
        access.binding_of(client)
        assert len(access.said(wire.SOLICIT)) == solicits, "it needed no new lease"


def test_a_client_that_comes_back_to_another_link_is_told_so(tmp_path: Path) -> None:
    """DHCP-S-071: the address does not fit where the client is now; it gets another one."""
    with Access(tmp_path) as access, Dhclient(access.topology.client, tmp_path / "client", Wish(addresses=1)) as client:
        (old,) = client.wait_for_leases().addresses
        client.kill()
        moved = access.site.text().replace("id = 1\n", "id = 3\n").replace("3fff:0:1:", "3fff:0:3:")
        access.server.stop()
        access.server.config.write_text(moved)
        access.server.start()
        client.start()
        _, reply = wait_for("an answer to CONFIRM", lambda: access.answered(wire.CONFIRM), 30)[0]
        assert reply.status() == wire.NOT_ON_LINK
        (new,) = client.wait_until("another address", lambda: client.held().addresses - {old}, 30)
        assert new in IPv6Network("3fff:0:3::/64")
        access.binding_of(client)

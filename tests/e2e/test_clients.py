"""The DHCPv6 server and clients that no one here wrote, each in a namespace of its own.

A scenario is a capability, run with each client that has it; `can` of the adapters says which do.
"""


import signal
from dataclasses import replace
from ipaddress import IPv6Network
from pathlib import Path
from typing import Type

import pytest
from harness import wire
from harness.access import (
    DELEGATED_LENGTH,
    DOMAIN,
    MOVED_SERVER_ID,
    POOL,
    REBINDING,
    RENEWING,
    RESOLVER,
    VALID_SECS,
    Access,
    Site,
)
from harness.clients import Client, Held, Wish
from harness.clients.everyone import those_that_can
from harness.clients.networkd import Networkd
from harness.topology import UPLINK
from harness.waiting import wait_for

BOTH = Wish(addresses=1, prefixes=1)
ANSWER_SECS = 45

pytestmark = pytest.mark.usefixtures("namespaces")


def wait_for_answer(access: Access, kind: int) -> tuple[wire.Message, wire.Message]:
    """The first message of a type that got a REPLY, with that."""
    return wait_for(f"a REPLY to message type {kind}", lambda: access.answered(kind), ANSWER_SECS)[0]


def wait_until_extended(access: Access, kind: int, held: Held) -> list[wire.Message]:
    """The answers to messages of a type, as soon as they extend all that a client has: some clients ask for each IA by itself."""

    def extended() -> list[wire.Message]:
        replies = [reply for _, reply in access.answered(kind)]
        whole = [lease for reply in replies for lease in wire.leases_in(reply) if lease.valid == VALID_SECS]
        return replies if {lease.what for lease in whole} == held.whats() else []

    return wait_for(f"answers to message type {kind} that extend {held}", extended, ANSWER_SECS)


@those_that_can("addresses", "prefixes")
def test_gets_an_address_and_a_prefix(client_type: Type[Client], tmp_path: Path) -> None:
    """DHCP-S-058, DHCP-S-066: what the client has is what the book says that it has."""
    with Access(tmp_path) as access, client_type(access.topology.client, tmp_path / "client", BOTH) as client:
        held = client.wait_for_leases()
        assert all(POOL[0] <= address <= POOL[1] for address in held.addresses)
        assert {prefix.prefixlen for prefix in held.prefixes} == {DELEGATED_LENGTH}
        access.binding_of(client)


@those_that_can("addresses")
def test_gets_an_address_alone(client_type: Type[Client], tmp_path: Path) -> None:
    """DHCP-S-066: a client that asks for no prefix gets none, and the options that it asks for."""
    with Access(tmp_path) as access, client_type(access.topology.client, tmp_path / "client") as client:
        client.wait_for_leases()
        access.binding_of(client)
        wait_for("the resolver", lambda: str(RESOLVER) in client.options())


@those_that_can("prefixes", "several")
def test_gets_several_prefixes(client_type: Type[Client], tmp_path: Path) -> None:
    """DHCP-S-020: each IA_PD of a client has a prefix of its own, and all are one binding."""
    wish = Wish(addresses=1, prefixes=3)
    with Access(tmp_path) as access, client_type(access.topology.client, tmp_path / "client", wish) as client:
        client.wait_for_leases()
        access.binding_of(client)


@those_that_can("prefixes", "length")
def test_gets_the_length_of_prefix_it_asks_for(client_type: Type[Client], tmp_path: Path) -> None:
    """DHCP-S-030: a prefix of the length asked for comes from the pool that has such, though another pool is first."""
    other = IPv6Network("3fff:200::/48")
    site = Site(more=f'[[link.prefix-pool]]\nprefix = "{other}"\ndelegated-length = 60')
    with Access(tmp_path, site) as access:
        with client_type(access.topology.client, tmp_path / "client", replace(BOTH, length=60)) as client:
            (prefix,) = client.wait_for_leases().prefixes
            assert prefix.prefixlen == 60 and prefix.subnet_of(other)
            access.binding_of(client)


@those_that_can("addresses", "prefixes")
def test_renews(client_type: Type[Client], tmp_path: Path) -> None:
    """DHCP-S-073: at T1 the client turns to its server, and keeps all that it has for as long again."""
    with Access(tmp_path, Site(dhcp=RENEWING)) as access:
        with client_type(access.topology.client, tmp_path / "client", BOTH) as client:
            held = client.wait_for_leases()
            wait_until_extended(access, wire.RENEW, held)
            assert client.held() == held
            assert access.binding_of(client)["clt_age"] <= 2
            assert not access.said(wire.REBIND), "it was its own server that extended"


@those_that_can("addresses", "prefixes")
def test_rebinds_after_the_server_moved(client_type: Type[Client], tmp_path: Path) -> None:
    """DHCP-S-004, DHCP-S-078: a server that has taken the book over leaves RENEW to the old one and extends at T2."""
    with Access(tmp_path, Site(dhcp=REBINDING)) as access:
        with client_type(access.topology.client, tmp_path / "client", BOTH) as client:
            held = client.wait_for_leases()
            access.move_server()
            replies = wait_until_extended(access, wire.REBIND, held)
            assert {reply.first(wire.SERVERID) for reply in replies} == {MOVED_SERVER_ID}
            assert client.held() == held
            access.binding_of(client)


@those_that_can("release")
def test_gives_back_what_it_has(client_type: Type[Client], tmp_path: Path) -> None:
    """DHCP-S-083, DHCP-S-084: what is released is no one's any more."""
    with Access(tmp_path) as access, client_type(access.topology.client, tmp_path / "client", BOTH) as client:
        held = client.wait_for_leases()
        client.release()
        for lease in held.whats():
            wait_for(f"{lease} to be free", lambda: not access.clients_of(lease))


@those_that_can("decline")
def test_declines_a_duplicate_address(client_type: Type[Client], tmp_path: Path) -> None:
    """DHCP-S-085, DHCP-S-086: an address that another host has is declined, and the client gets another one."""
    duplicate = POOL[0]
    # The kernel marks a duplicate only if it has no lifetime. Others it takes away, which dhcpcd 9.4 and dibbler do not see as such.
    lasting = 'preferred-lifetime = "infinity"\nvalid-lifetime = "infinity"'
    with Access(tmp_path, Site(dhcp=lasting, pool='order = "lowest"')) as access:
        access.topology.add_host(access.topology.access, addresses=[f"{duplicate}/64"])
        access.topology.client.setting(f"net/ipv6/conf/{UPLINK}/accept_dad", "1")
        with client_type(access.topology.client, tmp_path / "client", Wish(addresses=1)) as client:
            message, reply = wait_for_answer(access, wire.DECLINE)
            assert {lease.what for lease in wire.leases_in(message)} == {duplicate}
            assert reply.status() == wire.SUCCESS
            access.server.wait_for_log("DHCP_ADDRESS_DECLINED")
            if client.ends_on_decline:
                assert client.wait() == -signal.SIGSEGV
                client.forget()
                client.start()
            another = lambda: client.held().addresses - {duplicate}  # noqa: E731
            (address,) = client.wait_until("another address", another, 30)
            assert POOL[0] < address <= POOL[1]
            assert not access.clients_of(duplicate)
            assert access.clients_of(address)


@those_that_can("rapid-commit")
def test_commits_at_once_where_both_want_to(client_type: Type[Client], tmp_path: Path) -> None:
    """DHCP-S-059: two messages instead of four."""
    with Access(tmp_path, Site(dhcp="rapid-commit = true")) as access:
        with client_type(access.topology.client, tmp_path / "client", replace(BOTH, rapid_commit=True)) as client:
            client.wait_for_leases()
            access.binding_of(client)
            (reply,) = {datagram.octets for datagram in access.said(wire.REPLY)}
            assert wire.message(reply).first(wire.RAPID_COMMIT) == b""
            assert not access.said(wire.ADVERTISE) and not access.said(wire.REQUEST)


@those_that_can("rapid-commit")
def test_goes_the_long_way_where_the_server_wants_to(client_type: Type[Client], tmp_path: Path) -> None:
    """DHCP-S-058, DHCP-S-059: Rapid Commit that is not enabled is not in the answers, and is no hindrance."""
    with Access(tmp_path) as access:
        with client_type(access.topology.client, tmp_path / "client", replace(BOTH, rapid_commit=True)) as client:
            client.wait_for_leases()
            access.binding_of(client)
            answers = [*access.said(wire.ADVERTISE), *access.said(wire.REPLY)]
            assert len(answers) >= 2
            assert not any(wire.message(answer.octets).all(wire.RAPID_COMMIT) for answer in answers)


@those_that_can("stateless")
def test_asks_for_options_alone(client_type: Type[Client], tmp_path: Path) -> None:
    """DHCP-S-088: the options come, and the book knows nothing of it."""
    wish = Wish(addresses=0, is_stateless=True)
    with Access(tmp_path) as access, client_type(access.topology.client, tmp_path / "client", wish) as client:
        wait_for_answer(access, wire.INFORMATION_REQUEST)
        wait_for("the options", lambda: all(text in client.options() for text in client.stateless_traces(str(RESOLVER), DOMAIN)))
        assert access.query("link-address", "3fff:0:1::1") == []


@those_that_can("name")
def test_tells_its_name(client_type: Type[Client], tmp_path: Path) -> None:
    """DHCP-S-052, DHCP-S-053, DHCP-S-054: the name is answered, and kept with the binding."""
    name = "cpe-7" if client_type is Networkd else f"cpe-7.{DOMAIN}"
    with Access(tmp_path) as access:
        with client_type(access.topology.client, tmp_path / "client", Wish(addresses=1, name=name)) as client:
            client.wait_for_leases()
            request, reply = wait_for_answer(access, wire.REQUEST)
            answer, is_asked_for = reply.first(wire.CLIENT_FQDN), wire.CLIENT_FQDN in wire.codes_in(request.first(wire.ORO))
            assert (answer is not None) == is_asked_for
            if answer:
                assert answer[0] & 0b101 == 0b100, "N is 1 and S is 0, as no DNS is updated"
                assert answer[1:].startswith(b"\x05cpe-7")
            (told,) = access.clients_of(next(iter(client.held().addresses)), "--option", str(wire.CLIENT_FQDN))
            assert b"\x05cpe-7".hex(":") in str(told["options"])

"""The DHCPv6 server behind relays that no one here wrote, each in a namespace of its own."""

from contextlib import ExitStack, contextmanager
from ipaddress import IPv6Address, IPv6Interface
from pathlib import Path
from typing import Any, Iterator, Sequence, Type, Union

import pytest
from harness import wire
from harness.access import POOL, Access, Site, leases_of
from harness.clients import Client, Wish
from harness.clients.dhclient import Dhclient
from harness.clients.dhcpcd import Dhcpcd
from harness.clients.dibbler import DibblerClient
from harness.clients.networkd import Networkd
from harness.clients.wide import Dhcp6c
from harness.daemon import REFUSED
from harness.enclosure import Enclosed
from harness.relays import Relay, Route
from harness.relays.dhcrelay import Dhcrelay
from harness.relays.dibbler import DibblerRelay
from harness.relays.dnsmasq import Dnsmasq
from harness.topology import ACCESS_ADDRESS, CORE_ADDRESSES, SERVER_PORT, UPLINK
from harness.waiting import wait_for

RELAYS = [Dhcrelay, DibblerRelay, Dnsmasq]
# Each pair of relays that can be, the one nearer to the client first; only dnsmasq relays no relays.
PAIRS = [(near, far) for near in RELAYS for far in (Dhcrelay, DibblerRelay)]
BOTH = Wish(addresses=1, prefixes=1)

ENTERPRISE, PORT_NAME = 3561, b"olt-1/port-7"
INTERFACE_ID = b"\x00\x00\x00\x09"
# Of the relay nearer to the client, and of the other one.
RELAY_IDS = [bytes.fromhex("00030001020000000001"), bytes.fromhex("0003000102000000aa01")]
ACCESS_RELAY = str(IPv6Interface(ACCESS_ADDRESS).ip)

# The link between the relay and the server, where there can be clients as well.
CORE_LINK = f"""
[[link]]
id = 2
name = "core"
on-link = ["3fff:0:f0::/64"]
interfaces = ["{SERVER_PORT}"]
[[link.pool]]
addresses = "3fff:0:f0::1000-3fff:0:f0::10ff"
"""

pytestmark = pytest.mark.usefixtures("namespaces")


@contextmanager
def relayed(folder: Path, relays: Sequence[Type[Relay]], site: Site = Site(), to_group: bool = False) -> Iterator[Access]:
    """An access whose relays, named from the client outwards, run and add all that they can."""
    with ExitStack() as stack:
        access = stack.enter_context(Access(folder, Site(hops=len(relays), link=site.link, more=site.more)))
        further = [str(IPv6Interface(far).ip) for _, far in CORE_ADDRESSES]
        for index, relay_type in enumerate(relays):
            route = Route(
                None if to_group else further[index],
                heard_at=further[index - 1] if index else None,
                interface_id=INTERFACE_ID,
                remote_id=(ENTERPRISE, PORT_NAME),
                relay_id=RELAY_IDS[index],
                subscriber_id="customer-7",
            )
            stack.enter_context(relay_type(access.topology.relays[index], folder / f"relay{index}", route))
        yield access


def levels(access: Access, client: Client) -> list[dict[str, Any]]:
    """The relays of a client's binding as the server tells them, those nearest to the client last."""
    (told,) = access.clients_of(next(iter(client.held().whats())), "--relay-data")
    return told["relay"]["levels"]


def named(program: Type[Enclosed]) -> str:
    return program.name


@pytest.mark.parametrize("relay_type", RELAYS, ids=named)
@pytest.mark.parametrize("to_group", [False, True], ids=["unicast", "group"])
def test_a_client_behind_a_relay_gets_leases(relay_type: Type[Relay], to_group: bool, tmp_path: Path) -> None:
    """DHCP-S-001, DHCP-S-016, DHCP-S-099: the link is that of the relay, and the reply finds its way back."""
    with relayed(tmp_path, [relay_type], to_group=to_group) as access:
        with Dhcp6c(access.topology.client, tmp_path / "client", BOTH) as client:
            client.wait_for_leases()
            access.binding_of(client)


@pytest.mark.parametrize("client_type", [Dhclient, DibblerClient, Dhcpcd, Networkd], ids=named)
def test_every_client_gets_leases_through_a_relay(client_type: Type[Client], tmp_path: Path) -> None:
    """DHCP-S-010, DHCP-S-099: what a relay wraps is as good as what comes directly, whichever client sent it."""
    with relayed(tmp_path, [Dhcrelay]) as access:
        with client_type(access.topology.client, tmp_path / "client", BOTH) as client:
            client.wait_for_leases()
            access.binding_of(client)


def test_what_a_relay_adds_is_kept_and_found(tmp_path: Path) -> None:
    """DHCP-S-100, DHCP-S-102, LQ-UDP-014, LQ-UDP-016: Interface-ID, Remote-ID and Relay-ID are with the binding, in bulk and by datagram."""
    with relayed(tmp_path, [DibblerRelay]) as access, Dhcp6c(access.topology.client, tmp_path / "client", BOTH) as client:
        held = client.wait_for_leases()
        (level,) = levels(access, client)
        assert octets(level["interface_id"]) == INTERFACE_ID
        assert octets(level["relay_id"]) == RELAY_IDS[0]
        assert octets(level["remote_id"]) == ENTERPRISE.to_bytes(4, "big") + PORT_NAME
        assert (level["link_address"], level["hop_count"]) == (ACCESS_RELAY, 0)
        assert level["peer_address"] == access.topology.client.link_local(UPLINK)
        questions = [
            ("relay-id", RELAY_IDS[0].hex()),
            ("remote-id", f"{ENTERPRISE}:{PORT_NAME.decode()}"),
            ("link-address", ACCESS_RELAY),
            ("address", next(iter(held.addresses))),
            ("address", next(iter(held.addresses)), "--udp"),
        ]
        (duid,) = {told["client_id"] for told in access.query(*questions[0])}
        questions += [("client-id", duid), ("client-id", duid, "--udp")]
        for question in questions:
            (told,) = access.query(*question, "--relay-data")
            assert (told["client_id"], leases_of(told)) == (duid, held.whats()), question
            assert told["relay"]["levels"] == [level], question
        # Another relay and port have nothing, and another link is none.
        assert access.query("relay-id", RELAY_IDS[1].hex()) == []
        assert access.query("remote-id", f"{ENTERPRISE}:another-port") == []
        assert access.query("link-address", IPv6Interface(CORE_ADDRESSES[0][0]).ip, expect=REFUSED) == []


@pytest.mark.parametrize("pair", PAIRS, ids=[f"{near.name}-{far.name}" for near, far in PAIRS])
def test_two_relays_in_a_row(pair: tuple[Type[Relay], Type[Relay]], tmp_path: Path) -> None:
    """DHCP-S-016, DHCP-S-099, DHCP-S-102: the link is that of the relay nearest to the client; both are kept, and each finds the client."""
    with relayed(tmp_path, pair) as access, Dhcp6c(access.topology.client, tmp_path / "client", BOTH) as client:
        held = client.wait_for_leases()
        access.binding_of(client)
        outer, inner = levels(access, client)
        assert (inner["hop_count"], outer["hop_count"]) == (0, 1)
        assert inner["link_address"] == ACCESS_RELAY
        assert inner["peer_address"] == access.topology.client.link_local(UPLINK)
        assert outer["peer_address"] == str(IPv6Interface(CORE_ADDRESSES[0][0]).ip)
        for relay_type, level, relay_id in zip(pair, (inner, outer), RELAY_IDS):
            if "relay-id" in relay_type.adds:
                assert octets(level["relay_id"]) == relay_id
                (told,) = access.query("relay-id", relay_id.hex())
                assert leases_of(told) == held.whats()


@pytest.mark.parametrize("relay_type", [Dhcrelay, DibblerRelay], ids=named)
def test_renews_and_releases_through_a_relay(relay_type: Type[Relay], tmp_path: Path) -> None:
    """DHCP-S-073, DHCP-S-083: a client behind a relay extends what it has, and gives it back."""
    with relayed(tmp_path, [relay_type], Site(link='t1 = "2s"\nt2 = "50s"')) as access:
        with Dhcpcd(access.topology.client, tmp_path / "client", BOTH) as client:
            held = client.wait_for_leases()
            wait_for("a REPLY to RENEW", lambda: access.answered(wire.RENEW))
            assert client.held() == held
            client.release()
            for lease in held.whats():
                wait_for(f"{lease} to be free", lambda: not access.clients_of(lease))


def reserved(who: str) -> str:
    """A reservation of the last address of the pool."""
    return f'[[reservation]]\n{who}\naddresses = ["{POOL[1]}"]'


@pytest.mark.parametrize(
    ("relay_type", "who"),
    [
        (DibblerRelay, f'remote-id = "{ENTERPRISE}:{PORT_NAME.decode()}"'),
        (DibblerRelay, f'interface-id = "0x{INTERFACE_ID.hex()}"'),
        (Dhcrelay, 'subscriber-id = "customer-7"'),
        (Dnsmasq, None),
    ],
    ids=["remote-id", "interface-id", "subscriber-id", "link-layer"],
)
def test_a_reservation_is_for_whom_the_relay_names(relay_type: Type[Relay], who: Union[str, None], tmp_path: Path) -> None:
    """DHCP-S-021, DHCP-S-022: what a relay says of its client chooses the address."""
    site = Site(more=reserved(who or 'link-layer = "02:00:00:00:00:07"'))
    with relayed(tmp_path, [relay_type], site) as access:
        access.topology.client.ip("link", "set", UPLINK, "down")
        access.topology.client.ip("link", "set", UPLINK, "address", "02:00:00:00:00:07", "up")
        access.topology.client.link_local(UPLINK)
        with Dhcp6c(access.topology.client, tmp_path / "client", Wish(addresses=1)) as client:
            assert client.wait_for_leases().addresses == {POOL[1]}


def test_clients_of_two_links_get_their_own(tmp_path: Path) -> None:
    """DHCP-S-015, DHCP-S-016: one server has a client attached to it and one behind a relay, each on its link."""
    with relayed(tmp_path, [Dhcrelay], Site(more=CORE_LINK)) as access:
        neighbour = access.topology.add_host(access.topology.core)
        with Dhcp6c(access.topology.client, tmp_path / "far") as far, Dhcp6c(neighbour, tmp_path / "near") as near:
            (there,), (here,) = far.wait_for_leases().addresses, near.wait_for_leases().addresses
            assert POOL[0] <= there <= POOL[1]
            assert IPv6Address("3fff:0:f0::1000") <= here <= IPv6Address("3fff:0:f0::10ff")
            (told,) = access.clients_of(here, "--relay-data")
            assert told["relay"] is None


def octets(text: Union[str, None]) -> Union[bytes, None]:
    """Octets as the JSON lines write them."""
    return None if text is None else bytes.fromhex(text.replace(":", ""))

"""Where the server is asked, and how often one source may."""

import http.client
import socket
import struct
from pathlib import Path
from typing import Callable

import pytest
from harness import kea, queries, wire
from harness.daemon import PORT, Server, free_port, leasebook
from harness.netns import Namespace, Pair
from harness.site import LINKS, config, recorded_site
from harness.waiting import Deadline

CLIENT = bytes.fromhex("00030001020100000005")
SERVER, ASKER, OTHER = "3fff:f::1", "3fff:f::2", "3fff:f::3"
ALLOW = '[[bulk.allow]]\nsource = "3fff:f::/64"\n[[bulk.allow]]\nsource = "fe80::/10"\n'
SECONDS = 10


class AsConfigured(Server):
    """A server that listens where its configuration says, and where it says nothing."""

    def command(self) -> list[str]:
        return [word for word in super().command() if word not in ("--tcp", "--udp", f"[::]:{PORT}")]


@pytest.fixture
def pair(namespaces: None):
    with Pair(f"{SERVER}/64", f"{ASKER}/64") as pair:
        pair.right.ip("-6", "address", "add", f"{OTHER}/64", "dev", "joint", "nodad")
        pair.left.link_local("joint")
        pair.right.link_local("joint")
        yield pair


@pytest.fixture
def serve(tmp_path: Path, pair: Pair):
    """Starts a server in the left namespace; `bulk` and `more` are lines of its configuration."""
    running: list[Server] = []

    def serve(bulk: str = "", more: str = "") -> Server:
        leases = tmp_path / "kea-leases6.csv"
        leases.write_text(kea.shifted(kea.KEA))
        # The groups are joined on the interfaces that links name.
        links = LINKS.replace('name = "olt-0"', 'name = "olt-0"\ninterfaces = ["joint"]')
        text = config(bulk, allow=ALLOW, links=links, more=more)
        server = AsConfigured(tmp_path, text, space=pair.left)
        leasebook("leases", "import", leases, "--config", server.config, "--data", server.data, "--quiet")
        server.start()
        running.append(server)
        return server

    yield serve
    for server in running:
        server.__exit__()


def udp(space: Namespace, source: str = ASKER) -> socket.socket:
    asker = space.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    asker.settimeout(SECONDS)
    asker.bind((source, 0))
    return asker


def index_of_joint(space: Namespace) -> int:
    """What the kernel calls the interface between the two."""
    with space.inside():
        return socket.if_nametoindex("joint")


def reply_over_tcp(space: Namespace, address: tuple[str, int, int, int], query: bytes) -> wire.Message:
    with space.socket(socket.AF_INET6, socket.SOCK_STREAM) as asker:
        asker.settimeout(SECONDS)
        asker.connect(address)
        asker.sendall(struct.pack("!H", len(query)) + query)
        octets = b""
        while len(octets) < 2 or len(octets) < 2 + struct.unpack("!H", octets[:2])[0]:
            came = asker.recv(4096)
            assert came, "closed"
            octets += came
    return wire.message(octets[2 : 2 + struct.unpack("!H", octets[:2])[0]])


def test_tcp_port_547_is_the_default(serve: Callable[..., Server], pair: Pair) -> None:
    """BLQ-S-001: without a word about it, TCP 547 of every address."""
    serve()
    for number, address in enumerate([SERVER, pair.left.link_local("joint")]):
        scope = index_of_joint(pair.right) if address.startswith("fe80") else 0
        where = (address, PORT, 0, scope)
        reply = reply_over_tcp(pair.right, where, queries.by_client_id(CLIENT, xid=number + 1))
        assert (reply.type, reply.xid) == (wire.LEASEQUERY_REPLY, number + 1)
        assert reply.first(wire.CLIENT_DATA)


def test_every_address_configured_is_listened_on(tmp_path: Path) -> None:
    """BLQ-S-001: several addresses, on ports of their own."""
    server = recorded_site(tmp_path)
    ports = [server.port, free_port(), free_port()]
    server.more += [word for port in ports[1:] for word in ("--tcp", f"[::1]:{port}")]
    with server:
        for port in ports:
            server.port = port
            with server.connect() as requestor:
                assert requestor.ask(queries.by_client_id(CLIENT, xid=7)).bindings()


def test_udp_is_heard_on_547_by_unicast_and_multicast(serve: Callable[..., Server], pair: Pair) -> None:
    """LQ-UDP-001: on UDP 547, sent to the server's address, and to the groups that it joined."""
    serve(more='[listen]\nudp = ["[::]:547"]')
    index = index_of_joint(pair.right)
    with udp(pair.right) as asker:
        asker.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        for xid, to in enumerate([SERVER, "ff02::1:2", "ff05::1:3"], start=1):
            asker.sendto(queries.by_client_id(CLIENT, xid=xid), (to, PORT, 0, index if to.startswith("ff") else 0))
            octets, source = asker.recvfrom(65536)
            reply = wire.message(octets)
            assert (reply.type, reply.xid) == (wire.LEASEQUERY_REPLY, xid), to
            assert reply.first(wire.CLIENT_DATA), to
            assert source[1] == PORT


def counted(space: Namespace, port: int, what: str) -> float:
    """The sum of the counters whose lines begin with `what`."""
    with space.inside():
        connection = http.client.HTTPConnection("::1", port, timeout=SECONDS)
        connection.connect()
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(what) and 'outcome="too-often"' in line)


def test_a_flood_of_datagrams_is_bounded_by_source(serve: Callable[..., Server], pair: Pair) -> None:
    """SEC-006: what one source asks over UDP above its rate is dropped and counted; another is answered as before."""
    metrics = 9547
    serve("queries-per-second = 1", more=f'[listen]\nudp = ["[::]:547"]\n[metrics]\nlisten = "[::1]:{metrics}"')
    with udp(pair.right) as flood, udp(pair.right, OTHER) as other:
        for xid in range(1, 201):
            flood.sendto(queries.by_client_id(CLIENT, xid=xid), (SERVER, PORT))
        other.sendto(queries.by_client_id(CLIENT, xid=777), (SERVER, PORT))
        assert wire.message(other.recv(65536)).xid == 777
        # Four at once, and one for each second that has passed.
        deadline = Deadline(SECONDS)
        while counted(pair.left, metrics, "leasebook_dhcp_messages_total") < 100:
            assert not deadline.is_over()
        assert wire.message(flood.recv(65536)).xid == 1


def test_a_flood_of_queries_on_a_connection_waits(tmp_path: Path) -> None:
    """SEC-006: what one source asks over TCP above its rate waits, and is answered."""
    server = recorded_site(tmp_path, "queries-per-second = 4", more='[log]\nlevel = "debug"')
    with server, server.connect() as requestor:
        for xid in range(1, 21):
            requestor.send(queries.by_client_id(CLIENT, xid=xid))
        told = requestor.gather(*range(1, 21))
        assert all(reply.bindings() for reply in told.values())
        server.wait_for_log("BLQ_SOURCE_HELD")

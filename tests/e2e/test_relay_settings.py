"""The relay with what some networks need: VRFs, clients' link-layer addresses, delegations kept on disk, limits."""

import json
import shutil
import socket
import stat
import tempfile
from ipaddress import IPv6Address
from pathlib import Path
from typing import Iterator

import pytest
from harness import wire
from harness.daemon import BINARY
from harness.edge import SERVER, Edge, Relay, RouteMonitor, edge_server, link, relay_config
from harness.subscriber import Subscriber
from harness.teller import Teller, truthfully
from harness.topology import UPLINK
from harness.waiting import wait_for
from test_relay_kernel import TELLER, claim

pytestmark = pytest.mark.usefixtures("namespaces")

CLAIMS = [claim(1), claim(2)]
PREFIXES = [one.prefix for one in CLAIMS]
SILENT = [f'address = "{SERVER}"\nbulk = "[{SERVER}]:1"']


@pytest.fixture
def net(namespaces: None) -> Iterator[Edge]:
    with Edge() as net:
        yield net


def hears(net: Edge, relay: Relay, client: Subscriber) -> dict[int, bytes]:
    """The options that the relay adds to a client's SOLICIT, as they come to a server of a few lines."""
    with net.core.inside():
        server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        server.bind((SERVER, 547))
        server.settimeout(1)
    with server:

        def heard() -> dict[int, bytes]:
            client.send(wire.SOLICIT)
            try:
                octets, source = server.recvfrom(65536)
            except TimeoutError:
                return {}
            assert octets[0] == wire.RELAY_FORW
            found = {option.code: option.data for option in wire.options(octets[34:])}
            return {**found, 0: IPv6Address(source[0].split("%")[0]).packed}

        return wait_for("a relayed message", heard)


def test_servers_are_told_link_layer_addresses(net: Edge, tmp_path: Path) -> None:
    """RELAY-023, RELAY-025, RELAY-026: from the frame, in the option for it and in a Remote-ID; and what is supplied for clients."""
    interface = 'name = "cust*"\nclient-link-layer = true\nremote-id = "32473:{interface}/{link-layer}"\nsupply = ["65:0361626300"]'
    with Relay(net, tmp_path, relay_config(tmp_path, servers=SILENT, interfaces=[interface])) as relay, Subscriber(net.customers[0]) as client:
        options = hears(net, relay, client)
    (shown,) = json.loads(net.customers[0].ip("-json", "link", "show", UPLINK))
    address = shown["address"]
    assert options[79] == bytes([0, 1]) + bytes.fromhex(address.replace(":", ""))
    assert options[wire.REMOTE_ID] == (32473).to_bytes(4, "big") + f"cust0/{address}".encode()
    assert options[66] == bytes.fromhex("004100050361626300")


def make(net: Edge, *link: str) -> None:
    """Makes an interface on the edge; skips where the kernel has none of its kind."""
    try:
        net.edge.ip("link", "add", *link)
    except RuntimeError as error:
        if "Unknown device type" not in str(error):
            raise
        pytest.skip(f"this kernel has no interfaces of type {link[link.index('type') + 1]}")


def test_what_is_relayed_leaves_from_the_source_configured(net: Edge, tmp_path: Path) -> None:
    """SEC-011: servers can list the one address that the relay has for them."""
    net.edge.ip("-6", "address", "add", "2001:db8:aa::1/128", "dev", "lo")
    config = f'source = "2001:db8:aa::1"\n{relay_config(tmp_path, servers=SILENT)}'
    with Relay(net, tmp_path, config) as relay, Subscriber(net.customers[0]) as client:
        options = hears(net, relay, client)
    assert IPv6Address(options[0]) == IPv6Address("2001:db8:aa::1")


def test_a_vlan_tells_its_number(net: Edge, tmp_path: Path) -> None:
    """RELAY-023: whatever its name is."""
    make(net, "link", "cust0", "name", "gold", "type", "vlan", "id", "77")
    net.customers[0].ip("link", "add", "link", UPLINK, "name", "gold", "type", "vlan", "id", "77")
    net.edge.ip("-6", "address", "add", "2001:db8:77::1/64", "dev", "gold", "nodad")
    for space in (net.edge, net.customers[0]):
        space.ip("link", "set", "gold", "up")
    config = relay_config(tmp_path, servers=SILENT, interfaces=['name = "gold"\nsubscriber-id = "line {vlan}"'])
    with Relay(net, tmp_path, config) as relay, Subscriber(net.customers[0], interface="gold") as client:
        assert hears(net, relay, client)[38] == b"line 77"


def survives(net: Edge, relay: Relay, *table: str) -> None:
    """A client gets its prefix; the route is in the table, comes back after a reboot, and goes with the release."""
    show = ("table", *(table or ["main"]), "proto", "147")
    with Subscriber(net.customers[0]) as client:
        (held,) = client.obtain()
        wait_for("the route", lambda: net.edge.routes(*show))
        (route,) = net.edge.routes(*show)
        assert (route["dst"], route["gateway"], route["dev"]) == (str(held.prefix), client.address, "cust0")
        relay.kill()
        net.edge.ip("-6", "route", "flush", *show)
        relay.start()
        wait_for("the route again", lambda: net.edge.routes(*show) == [route])
        client.release()
        wait_for("no route", lambda: net.edge.routes(*show) == [])


@pytest.mark.parametrize(("side", "interface"), [("clients", "cust0"), ("servers", "net0")])
def test_each_side_can_have_a_socket_of_its_own(net: Edge, tmp_path: Path, side: str, interface: str) -> None:
    """RELAY-007, RELAY-030, RELAY-032: what is for clients leaves by the one, and what is for servers, bulk queries too, by the other."""
    folder = tmp_path / "relay"
    config = relay_config(folder, more=f'[vrf]\n{side} = "{interface}"')
    with edge_server(net, tmp_path), Relay(net, folder, config) as relay:
        survives(net, relay)


def test_clients_in_a_vrf(net: Edge, tmp_path: Path) -> None:
    """RELAY-007, RELAY-030: clients in a VRF and the server outside of it; routes go to the VRF's table."""
    make(net, "red", "type", "vrf", "table", "100")
    net.edge.ip("link", "set", "red", "up")
    net.edge.ip("link", "set", "cust0", "master", "red")
    # Changing its VRF takes the addresses of an interface away.
    net.edge.ip("-6", "address", "replace", f"{link(0)}/64", "dev", "cust0", "nodad")
    folder = tmp_path / "relay"
    with edge_server(net, tmp_path), Relay(net, folder, relay_config(folder, more='[vrf]\nclients = "red"')) as relay:
        survives(net, relay, "100")
        assert net.routes() == {}


def test_servers_in_a_vrf(net: Edge, tmp_path: Path) -> None:
    """RELAY-032: the server in a VRF and the clients outside of it, for what is relayed and what is asked in bulk."""
    make(net, "blue", "type", "vrf", "table", "200")
    net.edge.ip("link", "set", "blue", "up")
    net.edge.ip("link", "set", "net0", "master", "blue")
    net.edge.ip("-6", "address", "replace", "2001:db8:ff::2/64", "dev", "net0", "nodad")
    folder = tmp_path / "relay"
    config = f'source = "2001:db8:ff::2"\n{relay_config(folder, more=VRF_OF_SERVERS)}'
    with edge_server(net, tmp_path), Relay(net, folder, config) as relay:
        survives(net, relay)


VRF_OF_SERVERS = '[vrf]\nservers = "blue"'


def test_a_vrf_that_is_not_there_is_told(net: Edge, tmp_path: Path) -> None:
    """A relay that would hear nobody does not start."""
    relay = Relay(net, tmp_path, relay_config(tmp_path, more='[vrf]\nclients = "red"'))
    relay.launch().wait(20)
    assert "there is no VRF or interface `red`" in relay.log()


def test_delegations_kept_on_disk_are_routed_without_a_server(net: Edge, tmp_path: Path) -> None:
    """RELAY-065, SEC-025: after a reboot with no server in reach; the file is the relay's alone, and goes when it is not wanted."""
    folder = tmp_path / "relay"
    more = '[recovery]\nkeep-every = "1s"'
    kept = folder / "state" / "delegations"
    with Teller(net.core, SERVER, 1547, truthfully(CLAIMS)):
        with Relay(net, folder, relay_config(folder, servers=TELLER, more=more)) as relay:
            before = net.wait_for_routes(PREFIXES)
            wait_for("the file", lambda: kept.exists() and kept.read_text().count("2001:db8:") == len(PREFIXES))
            assert stat.S_IMODE(kept.stat().st_mode) == 0o600
            relay.kill()
    net.edge.ip("-6", "route", "flush", "proto", "147")
    with Relay(net, folder, relay_config(folder, servers=SILENT, more=more)) as relay:
        assert net.wait_for_routes(PREFIXES) == before
        assert {one["source"] for one in relay.bindings().values()} == {"disk"}
        assert relay.stop() == 0
    # What the server does not tell goes once it has told everything, and the rest is not touched.
    with Teller(net.core, SERVER, 1547, truthfully(CLAIMS[:1])), RouteMonitor(net.edge) as monitor:
        with Relay(net, folder, relay_config(folder, servers=TELLER, more=more)) as relay:
            net.wait_for_routes(PREFIXES[:1])
            wait_for("what the server told", lambda: relay.bindings()[PREFIXES[0]]["source"] == TELLER_NAME)
            monitor.mark()
            assert monitor.about(PREFIXES[0]) == []
    with Relay(net, folder, relay_config(folder, servers=SILENT)):
        wait_for("the file gone", lambda: not kept.exists())


TELLER_NAME = f"[{SERVER}]:1547"


def test_a_spoilt_file_is_set_aside(net: Edge, tmp_path: Path) -> None:
    """SEC-025: nothing of a file is believed that is not as it was written; the servers are asked all the same."""
    state = tmp_path / "state"
    state.mkdir()
    (state / "delegations").write_text('{"leasebook-delegations":1,"written":1}\n{"prefix":"2001:db8:bad::/48"}\n')
    more = '[recovery]\nkeep-every = "1h"'
    with Teller(net.core, SERVER, 1547, truthfully(CLAIMS)):
        with Relay(net, tmp_path, relay_config(tmp_path, servers=TELLER, more=more)) as relay:
            net.wait_for_routes(PREFIXES)
            relay.wait_for_log("RELAY_KEPT_SPOILT")
            assert (state / "delegations.spoilt").exists()


def counter(net: Edge, labels: str) -> float:
    """A counter of the relay, by its labels; 0 while it has not counted anything."""
    ask = "import urllib.request as r; print(r.urlopen('http://[::1]:9548/metrics').read().decode())"
    told = net.edge.run("/usr/bin/python3", "-c", ask).stdout
    return sum(float(line.split()[-1]) for line in told.splitlines() if labels in line)


def test_an_interfaces_clients_are_held_to_their_rate(net: Edge, tmp_path: Path) -> None:
    """SEC-019: what is above the rate is dropped and counted, and a client that waits is served."""
    more = '[limits]\nmessages-per-interface = 2\n[metrics]\nlisten = "[::1]:9548"'
    with edge_server(net, tmp_path), Relay(net, tmp_path / "relay", relay_config(tmp_path / "relay", more=more)) as relay:
        with Subscriber(net.customers[0]) as client:
            for _ in range(30):
                client.send(wire.SOLICIT)
            wait_for("what is above the rate", lambda: counter(net, 'why="too-often"') > 0)
            assert client.obtain()
            assert len(relay.bindings()) == 1


UNIT = Path(__file__).resolve().parents[2] / "packaging" / "leasebook-relay.service"
CAPABILITIES = "-all,+net_admin,+net_raw,+net_bind_service"


class Unprivileged(Relay):
    """The relay as the packaged unit runs it: not root, with three capabilities."""

    def command(self) -> list[str]:
        nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups"]
        capabilities = [f"--{kind}={CAPABILITIES}" for kind in ("bounding-set", "inh-caps", "ambient-caps")]
        return ["setpriv", *nobody, *capabilities, str(self.folder / "leasebook"), *super().command()[1:]]

    def start(self) -> None:
        """Its word to systemd does not get through from that user; its log tells the same."""
        ready = self.log().count("LBK_READY") if self._log.exists() else 0
        self.launch()
        wait_for("the relay", lambda: self._log.exists() and self.log().count("LBK_READY") > ready)


def test_three_capabilities_are_enough(net: Edge) -> None:
    """What packaging/leasebook-relay.service grants: routes, the filter, link-layer addresses and port 547 work with it."""
    assert "AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW CAP_NET_BIND_SERVICE\n" in UNIT.read_text()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        shutil.copy(BINARY, folder / "leasebook")
        more = '[filter]\ningress = "delegations"\n' if shutil.which("nft") else ""
        config = relay_config(folder, interfaces=['name = "cust*"\nclient-link-layer = true'], more=more)
        with edge_server(net, folder / "server"), Unprivileged(net, folder, config) as relay:
            survives(net, relay)
            assert "ERROR" not in relay.log(), relay.log()

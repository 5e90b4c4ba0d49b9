"""What an operator asks a relay that runs, and what a relay says that cannot run."""

import socket
import tempfile
import threading
from pathlib import Path
from typing import Iterable, Iterator

import pytest
from harness import wire
from harness.daemon import BINARY, COMPLETE, LOCAL_ERROR, PARTIAL, leasebook
from harness.edge import RELAY_ID, SERVER, Edge, Relay, RouteMonitor, claim, edge_server, link, prefix_of, relay_config, teller_at
from harness.netns import join
from harness.subscriber import Subscriber, duid
from harness.teller import QUERY_BY_RELAY_ID, Asked, Claim, Teller, truthfully
from harness.waiting import wait_for

pytestmark = pytest.mark.usefixtures("namespaces")

EXAMPLE = Path(__file__).resolve().parents[2] / "packaging" / "relay.toml.example"


@pytest.fixture
def net(namespaces: None) -> Iterator[Edge]:
    with Edge(customers=2) as net:
        yield net


@pytest.fixture
def known() -> list[Claim]:
    """What the server tells; a test may change it."""
    return [claim(1), claim(2), claim(3, customer=1)]


@pytest.fixture
def relay(net: Edge, known: list[Claim], tmp_path: Path) -> Iterator[Relay]:
    with Teller(net.core, SERVER, 1547, lambda query: truthfully(known)(query)):
        with Relay(net, tmp_path, relay_config(tmp_path, servers=[teller_at(1547)])) as relay:
            net.wait_for_routes([one.prefix for one in known])
            yield relay


def test_status(relay: Relay) -> None:
    """RELAY-080: who it is, what it knows and routes, its interfaces and servers; for people and for machines."""
    status = relay.status()
    assert status["relay_id"] == RELAY_ID and status["settled"] and status["known"] == status["routed"] == 3
    assert [(one["interface"], one["link_address"], one["routed"]) for one in status["interfaces"]] == [("cust0", link(0), 2), ("cust1", link(1), 1)]
    (server,) = status["servers"]
    assert server["server"] == f"[{SERVER}]:1547" and server["phase"] == "done" and server["leases"] == server["taken"] == 3
    text = relay.ask("status").stdout
    for word in (RELAY_ID, "settled", "3 routed", "cust1", link(1), f"[{SERVER}]:1547", "done"):
        assert word in text


def test_bindings_and_routes(net: Edge, relay: Relay) -> None:
    """RELAY-080: O-1: each active prefix with client, next hop, interface and what is left; the kernel's routes beside it."""
    shown = relay.bindings()
    one = shown[prefix_of(3)]
    assert one["client"].replace(":", "") == duid(3).hex()
    assert (one["interface"], one["next_hop"], one["standing"]) == ("cust1", "fe80::5b:3", "routed")
    assert 1700 < one["preferred_secs"] <= 1800 and 3500 < one["valid_secs"] <= 3600 and one["heard_secs_ago"] >= 10
    lines = relay.ask("bindings").stdout.splitlines()
    assert len(lines) == 1 + len(shown) and "NEXT HOP" in lines[0]
    (line,) = [line for line in lines if prefix_of(3) in line]
    for word in (one["client"], "cust1", "fe80::5b:3", "routed"):
        assert word in line
    routes = {route["prefix"]: (route["next_hop"], route["interface"]) for route in relay.told("routes")}
    assert routes == net.routes()
    assert all(prefix in relay.ask("routes").stdout for prefix in routes)


def test_a_learnt_binding_has_its_iaid(net: Edge, tmp_path: Path) -> None:
    """RELAY-050: DUID, IAID, prefix and length, lifetimes, next hop and interface, as the REPLY had them."""
    with edge_server(net, tmp_path), Relay(net, tmp_path) as relay, Subscriber(net.customers[1], 9, iaids=(77,)) as client:
        (lease,) = client.obtain()
        net.wait_for_routes([lease.prefix])
        shown = relay.bindings()[str(lease.prefix)]
        assert (shown["iaid"], shown["source"], shown["interface"], shown["next_hop"]) == (77, "reply", "cust1", client.address)
        assert lease.valid - 60 < shown["valid_secs"] <= lease.valid
        assert lease.preferred - 60 < shown["preferred_secs"] <= lease.preferred


def test_clearing(net: Edge, relay: Relay) -> None:
    """RELAY-081: O-2: one lease, one client, all of a port; and what there is not is said."""
    assert relay.ask("clear", prefix_of(1)).stdout == "1 cleared\n"
    net.wait_for_routes([prefix_of(2), prefix_of(3)])
    assert relay.told("clear", "--client", duid(2).hex(":")) == [{"cleared": 1}]
    net.wait_for_routes([prefix_of(3)])
    assert relay.ask("clear", "--interface", "cust1").stdout == "1 cleared\n"
    net.wait_for_routes([])
    assert relay.ask("clear", prefix_of(1)).stdout == "0 cleared\n"
    assert "no DUID" in relay.ask("clear", "--client", "zz", expect=LOCAL_ERROR).stderr
    assert "no interface `nosuch`" in relay.ask("clear", "--interface", "nosuch", expect=LOCAL_ERROR).stderr
    relay.ask("clear", expect=LOCAL_ERROR)
    # They come back when they are asked for.
    assert relay.ask("recover").returncode == COMPLETE
    net.wait_for_routes([prefix_of(1), prefix_of(2), prefix_of(3)])


def test_a_rehearsal_tells_the_difference_and_changes_nothing(net: Edge, relay: Relay, known: list[Claim]) -> None:
    """RELAY-085: what a reboot now would keep, lose, add and move."""
    (all_well,) = relay.told("recover", "--dry-run")
    assert (all_well["same"], all_well["missing"], all_well["extra"], all_well["elsewhere"]) == (3, [], [], [])
    before, bindings = net.routes(), relay.bindings().keys()
    known[:] = [claim(1), claim(2, customer=1), claim(4)]
    (outcome,) = relay.told("recover", "--dry-run")
    assert outcome["same"] == 1
    assert (outcome["missing"], outcome["extra"], outcome["elsewhere"]) == ([prefix_of(3)], [prefix_of(4)], [prefix_of(2)])
    text = relay.ask("recover", "--dry-run").stdout
    assert "1 routes would be the same" in text and f"{prefix_of(3)} would be missing" in text
    assert f"{prefix_of(4)} would be new" in text and f"{prefix_of(2)} would have another next hop" in text
    assert net.routes() == before and relay.bindings().keys() == bindings


def test_why(net: Edge, relay: Relay) -> None:
    """RELAY-080: what relay, kernel and server hold of a prefix, on one page."""
    (routed,) = relay.told("why", prefix_of(1).replace("::/56", "::9"))
    assert routed["relay"]["prefix"] == prefix_of(1) == routed["kernel"]["prefix"]
    assert routed["kernel"]["is_wanted"] and "is routed to fe80::5b:1 on cust0" in routed["verdict"]
    (says,) = routed["servers"]
    assert says["lease"] == prefix_of(1) and says["client"].replace(":", "") == duid(1).hex()
    text = relay.ask("why", prefix_of(1)).stdout
    for word in ("relay ", "server ", f"[{SERVER}]:1547", "fe80::5b:1", "heard", f"kernel   {prefix_of(1)} via fe80::5b:1 dev cust0\n"):
        assert word in text
    (nobody,) = relay.told("why", "2001:db8:7777::/48")
    assert nobody["verdict"] == "nobody knows it" and nobody["relay"] is None and nobody["kernel"] is None
    net.edge.ip("link", "set", "cust0", "down")
    wait_for("the interface", lambda: len(relay.status()["interfaces"]) == 1)
    (down,) = relay.told("why", prefix_of(1))
    assert "interface may be down" in down["verdict"]
    assert "no IPv6 prefix" in relay.ask("why", "zz", expect=LOCAL_ERROR).stderr


def test_why_does_not_wait_for_a_server_that_is_silent(net: Edge, known: list[Claim], tmp_path: Path) -> None:
    """RELAY-080: what relay and kernel hold is told all the same, and that a server said nothing."""
    gate = threading.Event()

    def silent(query: Asked) -> Iterable[wire.Message]:
        assert query.kind == QUERY_BY_RELAY_ID or gate.wait(30)
        yield from truthfully(known)(query)

    with Teller(net.core, SERVER, 1547, truthfully(known)), Teller(net.core, SERVER, 1548, silent):
        with Relay(net, tmp_path, relay_config(tmp_path, servers=[teller_at(1547), teller_at(1548)])) as relay:
            net.wait_for_routes([one.prefix for one in known])
            (why,) = relay.told("why", prefix_of(1))
            assert "is routed" in why["verdict"]
            says = {one["server"]: one for one in why["servers"]}
            assert says[f"[{SERVER}]:1547"]["lease"] == prefix_of(1)
            assert "silent" in says[f"[{SERVER}]:1548"]["error"] and len(why["servers"]) == 2
            gate.set()


def test_nobody_answers(tmp_path: Path) -> None:
    """What to do is said, where no relay runs."""
    for words in (["status"], ["bindings"], ["routes"], ["recover"], ["why", "2001:db8::/32"], ["clear", "2001:db8::/32"]):
        ran = leasebook("relay", *words, "--control", tmp_path / "control", expect=LOCAL_ERROR)
        assert "does `leasebook relay` run?" in ran.stderr and not ran.stdout


def test_the_example_is_right_and_complete(tmp_path: Path) -> None:
    """What is printed is the packaged file, and it passes the check."""
    printed = leasebook("relay", "example").stdout
    assert printed == EXAMPLE.read_text()
    (tmp_path / "relay.toml").write_text(printed)
    assert "right" in leasebook("relay", "check", "--config", tmp_path / "relay.toml").stdout


def test_a_wrong_configuration_is_told_with_its_line(tmp_path: Path) -> None:
    """By `check` and at the start alike."""
    config = tmp_path / "relay.toml"
    text = relay_config(tmp_path, more="[limits]\nprefix-per-client = 3")
    config.write_text(text)
    line = text.splitlines().index("prefix-per-client = 3") + 1
    for words in (["relay", "check", "--config", config], ["relay", "--config", config]):
        ran = leasebook(*words, expect=LOCAL_ERROR)
        assert f"{config}:{line}" in ran.stderr and "prefixes-per-client" in ran.stderr
    config.write_text(relay_config(tmp_path, servers=[]))
    assert "[[server]]" in leasebook("relay", "--config", config, expect=LOCAL_ERROR).stderr
    config.write_text(relay_config(tmp_path, interfaces=[]))
    assert "[[interface]]" in leasebook("relay", "--config", config, expect=LOCAL_ERROR).stderr
    assert "No such file" in leasebook("relay", "--config", tmp_path / "none", expect=LOCAL_ERROR).stderr


@pytest.mark.parametrize(("held", "word"), [("zz\n", "no DUID"), ("", "empty"), ("00\n", "too few")], ids=["corrupt", "empty", "short"])
def test_a_lost_identity_is_no_new_one_in_silence(net: Edge, tmp_path: Path, held: str, word: str) -> None:
    """RELAY-005: an error that names the file and what to do; the file stays as it is."""
    file = tmp_path / "state" / "relay-id"
    file.parent.mkdir()
    file.write_text(held)
    (tmp_path / "relay.toml").write_text(relay_config(tmp_path, relay_id=""))
    said = leasebook("relay", "--config", tmp_path / "relay.toml", expect=LOCAL_ERROR, space=net.edge).stderr
    for wanted in (str(file), word, "restore the file", "duid generate --relay", "relay-id in the configuration"):
        assert wanted in said
    assert said.count(word) == 1, "once is enough"
    assert file.read_text() == held and not net.routes()


def test_an_identity_that_cannot_be_read_is_told(net: Edge, tmp_path: Path) -> None:
    """RELAY-005: the same."""
    (tmp_path / "state" / "relay-id").mkdir(parents=True)
    (tmp_path / "relay.toml").write_text(relay_config(tmp_path, relay_id=""))
    said = leasebook("relay", "--config", tmp_path / "relay.toml", expect=LOCAL_ERROR, space=net.edge).stderr
    assert str(tmp_path / "state" / "relay-id") in said and "relay-id in the configuration" in said


def test_a_port_in_use_is_told(net: Edge, tmp_path: Path) -> None:
    (tmp_path / "relay.toml").write_text(relay_config(tmp_path))
    with net.edge.socket(socket.AF_INET6, socket.SOCK_DGRAM) as other:
        other.bind(("::", 547))
        said = leasebook("relay", "--config", tmp_path / "relay.toml", expect=LOCAL_ERROR, space=net.edge).stderr
    assert "547" in said and "another program listens there" in said


def test_an_interface_that_is_not_there_is_waited_for(net: Edge, tmp_path: Path) -> None:
    """RELAY-068: interfaces come and go; one that has not come is no error."""
    with Relay(net, tmp_path, relay_config(tmp_path, interfaces=['name = "eth9"'])) as relay:
        assert relay.status()["interfaces"] == []
        net.edge.add_interface("eth9", ["2001:db8:99::1/64"])
        relay.wait_for_status("the interface", lambda status: [one["interface"] for one in status["interfaces"]] == ["eth9"])


def test_the_manager_is_told_what_happens(net: Edge, known: list[Claim], tmp_path: Path) -> None:
    """READY after recovery, with what was routed as status; STOPPING at the end."""
    with tempfile.TemporaryDirectory(prefix="leasebook-") as short, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(f"{short}/notify")
        notify.settimeout(20)
        relay = Relay(net, tmp_path, relay_config(tmp_path, servers=[teller_at(1547)]))
        with Teller(net.core, SERVER, 1547, truthfully(known)):
            relay.launch(f"{short}/notify")
            said = ""
            while "READY=1" not in said:
                said += notify.recv(4096).decode()
            assert "STATUS=3 of 3 delegations routed" in said
            assert relay.stop() == 0
            while "STOPPING=1" not in said:
                said += notify.recv(4096).decode()


def test_the_story_in_one_command() -> None:
    """RELAY-065: `leasebook demo --reboot`, as README has it."""
    ran = leasebook("demo", "--reboot", "--bindings", "500", seconds=120)
    assert "has 500 routes in the kernel" in ran.stdout
    assert "its interface and routes go): 0 routes" in ran.stdout
    assert "500 routes are back, 500 of them as they were" in ran.stdout


def test_recovering_by_hand_does_not_wait_for_a_server_that_is_down(net: Edge, known: list[Claim], tmp_path: Path) -> None:
    """RELAY-068, RELAY-078: it ends when every server has answered or was tried in vain, and says which did not."""
    config = relay_config(tmp_path, servers=[teller_at(1547), teller_at(1548)])
    with Teller(net.core, SERVER, 1547, truthfully(known)), Relay(net, tmp_path, config) as relay:
        ran = relay.ask("recover", expect=PARTIAL)
        assert "Connection refused" in ran.stdout and "done" in ran.stdout
        (outcome,) = relay.told("recover", expect=PARTIAL)
        assert [one["phase"] for one in outcome["servers"]] == ["done", "retrying"]
        (rehearsal,) = relay.told("recover", "--dry-run", expect=PARTIAL)
        assert rehearsal["same"] == len(known) and rehearsal["servers"][1]["phase"] == "failed"


def test_a_relay_without_rights_says_so(net: Edge, tmp_path: Path) -> None:
    """Before it begins: neither without the port's right, nor without that to change routes."""
    (tmp_path / "relay.toml").write_text(relay_config(tmp_path))
    for kept, needed in (("", "CAP_NET_BIND_SERVICE"), (",+net_bind_service", "CAP_NET_ADMIN")):
        command = ["setpriv", f"--bounding-set=-all{kept}", "--inh-caps=-all", BINARY, "relay", "--config", str(tmp_path / "relay.toml")]
        ran = net.edge.run(*command, seconds=20)
        assert ran.returncode == LOCAL_ERROR and needed in ran.stderr, ran.stderr
        assert "RELAY_RECOVERING" not in ran.stderr


def test_a_second_relay_does_nothing(net: Edge, relay: Relay, tmp_path: Path) -> None:
    """RELAY-064: one that is started by mistake beside the first says so, and neither asks nor touches anything."""
    before = net.routes()
    with RouteMonitor(net.edge) as monitor:
        said = leasebook("relay", "--config", relay.config, expect=LOCAL_ERROR, space=net.edge).stderr
        assert "another relay" in said and str(relay.folder / "control") in said
        assert "RELAY_RECOVERING" not in said and "RELAY_INTERFACE_JOINED" not in said
        monitor.mark()
        assert not any(monitor.about(prefix) for prefix in before)
    assert relay.status()["routed"] == len(before)


def test_a_group_is_found_when_its_interface_comes(net: Edge, tmp_path: Path) -> None:
    """RELAY-008: servers by multicast on an interface that is not there yet; told, and used from when it is."""
    config = relay_config(tmp_path, servers=['address = "ff05::1:3%up9"\nrecover = false'])
    with Relay(net, tmp_path, config) as relay, Subscriber(net.customers[0]) as client:
        assert "up9" in relay.wait_for_log("RELAY_SERVER_UNKNOWN")
        join(net.edge, "up9", net.core, "down9")
        with net.core.socket(socket.AF_INET6, socket.SOCK_DGRAM) as server:
            with net.core.inside():
                index = socket.if_nametoindex("down9")
            server.bind(("::", 547))
            group = socket.inet_pton(socket.AF_INET6, "ff05::1:3") + index.to_bytes(4, "little")
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
            server.setblocking(False)

            def heard() -> bytes:
                client.send(wire.SOLICIT)
                try:
                    return server.recv(65536)
                except BlockingIOError:
                    return b""

            assert wait_for("a message", heard, 20)[0] == wire.RELAY_FORW

"""`leasebook query` against the recorded peer."""

import csv
import io
import json
import shutil
from ipaddress import IPv6Address, IPv6Network
from pathlib import Path
from typing import Any, Union

import pytest
from harness import dissect, kea, netns, peer, wire
from harness.daemon import COMPLETE, LOCAL_ERROR, NO_SERVER, PARTIAL, REFUSED, free_port, leasebook

RECORDED = peer.recordings(kea.KEA)
MANY = peer.recordings(kea.KEA_MANY)
CLIENT = "00:03:00:01:02:00:00:00:00:99"

# What is asked on the command line to get each recorded reply; two of them no right requestor can ask.
ASKED = {
    "by-relay-id": ["relay-id", "00030001020000000001"],
    "by-relay-id-outer-hop": ["relay-id", "0003000102000000aa01"],
    "by-relay-id-on-link": ["relay-id", "00030001020000000001", "--link", "3fff:0:1::1"],
    "by-relay-id-none": ["relay-id", "0003000102000000004d"],
    "by-link-address": ["link-address", "3fff:0:2::1"],
    "by-link-address-unknown": ["link-address", "2001:db8:dead::1"],
    "by-remote-id": ["remote-id", "3561:olt0/0/7"],
    "by-client-id": ["client-id", "00030001020100000005"],
    "by-address": ["address", "3fff:0:1::1:0:5"],
    "by-address-in-prefix": ["address", "3fff:101:0:500::1"],
    "relay-data-asked": ["remote-id", "3561:olt0/0/7", "--relay-data"],
}
What = Union[IPv6Address, IPv6Network]


def told(recording: peer.Recording) -> set[tuple[bytes, What]]:
    """Client and lease of everything in a recorded reply."""
    bodies = [data for message in recording.messages() for data in message.all(wire.CLIENT_DATA)]
    return {(binding.client, lease.what) for binding in map(wire.binding, bodies) for lease in binding.leases}


def what(text: str) -> What:
    return IPv6Network(text) if "/" in text else IPv6Address(text)


def duid(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def json_lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def from_json(output: str) -> set[tuple[bytes, What]]:
    pairs = [(line["client_id"], lease) for line in json_lines(output) for lease in line["leases"]]
    return {(duid(client), what(lease.get("prefix") or lease["address"])) for client, lease in pairs}


def from_csv(output: str) -> set[tuple[bytes, What]]:
    return {(duid(line["client_id"]), what(line["lease"])) for line in csv.DictReader(io.StringIO(output))}


def ask(server: peer.RecordedPeer, name: str, *more: str, expect: int = COMPLETE) -> str:
    return leasebook("query", f"[::1]:{server.port()}", *ASKED[name], "--client-id", CLIENT, *more, expect=expect).stdout


def test_every_query_is_asked_as_the_recorded_requestor_did() -> None:
    """BLQ-R-009, BLQ-R-010: apart from transaction-id and CLIENTID, which are ours, the octets are those another requestor sent."""
    with peer.RecordedPeer(RECORDED) as server:
        for name in ASKED:
            ask(server, name, "--format", "json", expect=REFUSED if name == "by-link-address-unknown" else COMPLETE)
        assert not server.unknown
        asked = {query.first(wire.LQ_QUERY) for query in server.asked}
    assert asked == {wire.message(RECORDED[name].query).first(wire.LQ_QUERY) for name in ASKED}


@pytest.mark.parametrize("cut", ["whole", 1, 2, 3, 7, 1000])
@pytest.mark.parametrize("name", sorted(set(ASKED) - {"by-link-address-unknown"}))
def test_everything_recorded_comes_out_however_it_is_cut(name: str, cut: Union[str, int]) -> None:
    """WIRE-062, BLQ-R-032: a peer with ways of its own is understood, in whatever pieces its octets come."""
    with peer.RecordedPeer(RECORDED, peer.whole if cut == "whole" else peer.every(int(cut))) as server:
        assert from_json(ask(server, name, "--format", "json")) == told(RECORDED[name])


def test_every_form_of_output_has_the_same_leases() -> None:
    """BLQ-R-012: and `routes` asks for relay data, without which there is no next hop."""
    with peer.RecordedPeer(RECORDED) as server:
        expected = told(RECORDED["by-relay-id"])
        assert from_json(ask(server, "by-relay-id", "--format", "json")) == expected
        assert from_csv(ask(server, "by-relay-id", "--format", "csv")) == expected
        table = ask(server, "by-relay-id", "--format", "table")
        assert all(str(lease) in table for _, lease in expected)
        routes = ask(server, "by-relay-id", "--format", "routes")
        prefixes = {str(lease) for _, lease in expected if isinstance(lease, IPv6Network)}
        assert {line.split()[2] for line in routes.splitlines() if line.startswith("route replace ")} == prefixes
        relay_data = wire.Option(wire.ORO, wire.LQ_RELAY_DATA.to_bytes(2, "big")).compose()
        assert (server.asked[-1].first(wire.LQ_QUERY) or b"").endswith(relay_data)


def test_a_second_page_of_dead_leases_is_marked_doubtful() -> None:
    """BLQ-R-045, BLQ-R-037: leases heard of longer ago than they have left are doubtful, preferred is lowered to valid."""
    query = ["relay-id", "00030001020000000000"]
    with peer.RecordedPeer(MANY) as server:
        output = leasebook("query", f"[::1]:{server.port()}", *query, "--format", "json").stdout
        assert not server.unknown
    leases = [(line, lease) for line in json_lines(output) for lease in line["leases"]]
    shown = {(duid(line["client_id"]), what(lease.get("prefix") or lease["address"])): lease for line, lease in leases}
    bodies = [data for message in MANY["by-relay-id"].messages() for data in message.all(wire.CLIENT_DATA)]
    sent = [(binding, lease) for binding in map(wire.binding, bodies) for lease in binding.leases]
    old = {(binding.client, lease.what) for binding, lease in sent if binding.clt >= lease.valid}
    assert len(old) == 7, "four that ended long ago, and three past half of their lifetime"
    assert {key for key, lease in shown.items() if lease["doubtful"]} == old
    assert any(lease.preferred > lease.valid for _, lease in sent)
    assert all(lease["preferred"] <= lease["valid"] for lease in shown.values())
    infinite = {(row.client, row.what) for row in kea.rows(kea.shifted(kea.KEA_MANY)) if row.valid == kea.INFINITE}
    assert infinite & set(shown)
    assert all(shown[key]["infinite"] for key in infinite & set(shown))


def test_exit_code_1_is_a_mistake_on_this_side() -> None:
    for arguments in (["query"], ["query", "::1", "relay-id", "no-hex"], ["query", "::1", "address", "::g"], ["nonsense"]):
        ran = leasebook(*arguments, expect=LOCAL_ERROR)
        assert ran.stderr and not ran.stdout


def test_exit_code_2_is_nobody_there() -> None:
    ran = leasebook("query", f"[::1]:{free_port()}", *ASKED["by-relay-id"], expect=NO_SERVER)
    assert not json_lines(leasebook("query", f"[::1]:{free_port()}", *ASKED["by-relay-id"], "--format", "json", expect=NO_SERVER).stdout)
    assert "refused" in ran.stderr.lower()


def test_exit_code_3_is_an_answer_that_ended_early() -> None:
    """BLQ-R-028: what came before a connection ended is kept and said to be partial."""
    with peer.RecordedPeer(RECORDED, stop_after=2000) as server:
        output = ask(server, "by-relay-id", "--format", "json", expect=PARTIAL)
    assert from_json(output) and from_json(output) < told(RECORDED["by-relay-id"])


def test_exit_code_3_is_one_server_of_two() -> None:
    """BLQ-R-038, BLQ-R-041: one server that fails does not hold up the other, and is named."""
    with peer.RecordedPeer(RECORDED) as server:
        servers = [f"[::1]:{server.port()}", f"[::1]:{free_port()}"]
        ran = leasebook("query", *servers, *ASKED["by-relay-id"], "--format", "json", expect=PARTIAL)
    assert from_json(ran.stdout) == told(RECORDED["by-relay-id"])
    assert servers[0] in ran.stderr and servers[1] in ran.stderr


def test_nothing_found_is_an_answer() -> None:
    """BLQ-R-021: a success without bindings is complete, and empty."""
    with peer.RecordedPeer(RECORDED) as server:
        assert ask(server, "by-relay-id-none", "--format", "json") == ""


def test_exit_code_4_is_a_refusal_with_its_status() -> None:
    """BLQ-R-020: a status other than Success is a failure, told by its name."""
    with peer.RecordedPeer(RECORDED) as server:
        address = f"[::1]:{server.port()}"
        ran = leasebook("query", address, *ASKED["by-link-address-unknown"], expect=REFUSED)
    assert "NotConfigured" in ran.stderr


def test_two_servers_are_joined() -> None:
    """BLQ-R-039: the same leases from two servers are shown once."""
    with peer.RecordedPeer(RECORDED) as one, peer.RecordedPeer(RECORDED) as two:
        servers = [f"[::1]:{server.port()}" for server in (one, two)]
        output = leasebook("query", *servers, *ASKED["by-relay-id"], "--format", "csv").stdout
    lines = list(csv.DictReader(io.StringIO(output)))
    assert from_csv(output) == told(RECORDED["by-relay-id"])
    assert len(lines) == len(from_csv(output))


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is missing")
def test_tshark_takes_every_query_for_well_formed(tmp_path: Path) -> None:
    with peer.RecordedPeer(RECORDED) as server:
        for name in ASKED:
            ask(server, name, expect=REFUSED if name == "by-link-address-unknown" else COMPLETE)
        spoken = [(True, wire.frame(query.compose())) for query in server.asked]
    dissect.assert_well_formed(tmp_path / "queries.pcap", spoken)


def test_routes_go_into_a_kernel(namespaces: None) -> None:
    """What `routes` prints the kernel takes, once and again, and then holds exactly that."""
    with peer.RecordedPeer(RECORDED) as server:
        batch = ask(server, "by-relay-id", "--format", "routes")
    with netns.Namespace() as space:
        for name in sorted({line.split(" dev ")[1].split()[0] for line in batch.splitlines() if line.startswith("route ")}):
            space.add_interface(name)
        for _ in range(2):
            space.ip("-6", "-batch", "-", given=batch)
            held = {route["dst"]: route for route in space.routes("proto", "147")}
            prefixes = {str(lease) for _, lease in told(RECORDED["by-relay-id"]) if isinstance(lease, IPv6Network)}
            assert set(held) == prefixes
            for line in batch.splitlines():
                if line.startswith("route "):
                    words = line.split()
                    route = held[words[2]]
                    assert (route["gateway"], route["dev"]) == (words[4], words[6])

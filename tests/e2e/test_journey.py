"""The main job: Kea's configuration and lease file go in, queries get everything back, routes go into a kernel."""

import csv
import io
import json
import time
from ipaddress import IPv6Address, IPv6Network
from pathlib import Path
from typing import Any, Callable, Iterator, Union

import pytest
from harness import kea, netns, peer, wire
from harness.daemon import COMPLETE, LOCAL_ERROR, REFUSED, Server, leasebook
from harness.kea import Row

# A few seconds pass between the import and the query.
SLACK_SECS = 30
What = Union[IPv6Address, IPv6Network]


def relay(duid: str) -> Callable[[Row], bool]:
    return lambda row: bytes.fromhex(duid) in row.relay_ids


REMOTE = (3561).to_bytes(4, "big") + b"olt0/0/7"
# Query on the command line, and the rows it asks for.
QUERIES: dict[str, tuple[list[str], Callable[[Row], bool]]] = {
    "by-relay-id": (["relay-id", "00:03:00:01:02:00:00:00:00:01"], relay("00030001020000000001")),
    "by-relay-id-outer-hop": (["relay-id", "0003000102000000aa01"], relay("0003000102000000aa01")),
    "by-relay-id-on-link": (
        ["relay-id", "00030001020000000001", "--link", "3fff:0:1::1"],
        lambda row: row.subnet == 2 and bytes.fromhex("00030001020000000001") in row.relay_ids,
    ),
    "by-relay-id-none": (["relay-id", "0003000102000000004d"], lambda row: False),
    "by-link-address": (["link-address", "3fff:0:2::1"], lambda row: row.subnet == 3),
    "by-remote-id": (["remote-id", "3561:olt0/0/7"], lambda row: REMOTE in row.remote_ids),
    "by-client-id": (["client-id", "00030001020100000005"], lambda row: row.client.hex() == "00030001020100000005"),
    "by-address": (["address", "3fff:0:1::1:0:5"], lambda row: row.what == IPv6Address("3fff:0:1::1:0:5")),
    "by-address-in-prefix": (["address", "3fff:101:0:500::1"], lambda row: row.what == IPv6Network("3fff:101:0:500::/56")),
}


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A migrated configuration, an imported lease file and the server on both; with the text of the lease file."""
    folder = tmp_path_factory.mktemp("journey")
    config = folder / "migrated.toml"
    leasebook("migrate", "kea", "--config", kea.KEA / "kea-dhcp6.conf", "--out", config)
    leasebook("check", "--config", config)
    leases = folder / "kea-leases6.csv"
    text = kea.shifted(kea.KEA)
    leases.write_text(text)
    server = Server(folder, config.read_text())
    leasebook("leases", "import", leases, "--config", server.config, "--data", server.data)
    with server:
        yield server, text


def ask(server: Server, name: str, *more: str, expect: int = COMPLETE) -> str:
    return leasebook("query", server.address(), *QUERIES[name][0], *more, expect=expect).stdout


def what(lease: dict[str, Any]) -> What:
    return IPv6Network(lease["prefix"]) if lease.get("prefix") else IPv6Address(lease["address"])


def bindings(output: str) -> kea.Expected:
    lines = [json.loads(line) for line in output.splitlines()]
    found = [(bytes.fromhex(line["client_id"].replace(":", "")), frozenset(map(what, line["leases"]))) for line in lines]
    assert len(found) == len(set(found)), "a binding came twice"
    return set(found)


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_every_query_gets_back_what_kea_had(journey: tuple[Server, str], name: str) -> None:
    """BLQ-S-022, BLQ-S-037, BLQ-S-039, BLQ-S-040: each client and link once, with all of its live leases."""
    server, text = journey
    expected = kea.expected(text, QUERIES[name][1])
    assert (name == "by-relay-id-none") == (not expected)
    assert bindings(ask(server, name, "--format", "json")) == expected


@pytest.mark.parametrize("name", ["by-relay-id", "by-relay-id-outer-hop", "by-relay-id-on-link", "by-link-address", "by-remote-id"])
def test_nothing_that_kea_answered_is_missing(journey: tuple[Server, str], name: str) -> None:
    """BLQ-S-036: all that the recorded server told, but for what was dead when it told it."""
    server, text = journey
    bodies = [data for message in peer.recordings(kea.KEA)[name].messages() for data in message.all(wire.CLIENT_DATA)]
    answered = {(binding.client, lease.what) for binding in map(wire.binding, bodies) for lease in binding.leases}
    live = {(row.client, row.what) for group in kea.bindings(text).values() for row in group}
    ours = {(client, lease) for client, leases in bindings(ask(server, name, "--format", "json")) for lease in leases}
    assert answered & live <= ours <= live


def test_lifetimes_and_ages_are_those_of_now(journey: tuple[Server, str]) -> None:
    """BLQ-S-067, BLQ-S-068: what is left of each lease, and how long ago its client was heard."""
    server, text = journey
    rows = {(row.client, row.what): row for group in kea.bindings(text).values() for row in group}
    now = time.time()
    lines = [json.loads(line) for line in ask(server, "by-link-address", "--format", "json").splitlines()]
    assert lines
    for line in lines:
        client = bytes.fromhex(line["client_id"].replace(":", ""))
        of_client = [rows[client, what(lease)] for lease in line["leases"]]
        heard = [row.last_heard() for row in of_client if row.valid != kea.INFINITE]
        for lease, row in zip(line["leases"], of_client):
            assert lease["preferred"] <= lease["valid"]
            assert lease["infinite"] == (row.valid == kea.INFINITE)
            if row.valid != kea.INFINITE:
                assert row.expire - now - SLACK_SECS <= lease["valid"] <= row.expire - now + 1
        if heard:
            assert now - max(heard) - 1 <= line["clt_age"] <= now - max(heard) + SLACK_SECS


def test_every_form_of_output_tells_the_same(journey: tuple[Server, str]) -> None:
    server, text = journey
    expected = {(client, lease) for client, leases in kea.expected(text, QUERIES["by-relay-id"][1]) for lease in leases}
    table = ask(server, "by-relay-id", "--format", "table")
    assert all(str(lease) in table for _, lease in expected)
    lines = csv.DictReader(io.StringIO(ask(server, "by-relay-id", "--format", "csv")))
    assert {(bytes.fromhex(line["client_id"].replace(":", "")), line["lease"]) for line in lines} == {(c, str(w)) for c, w in expected}
    routes = [line.split()[2] for line in ask(server, "by-relay-id", "--format", "routes").splitlines() if line.startswith("route ")]
    assert sorted(routes) == sorted(str(lease) for _, lease in expected if isinstance(lease, IPv6Network))


def test_an_unknown_link_is_refused(journey: tuple[Server, str]) -> None:
    """BLQ-S-035: a link-address that selects no link gets NotConfigured, and the command says so."""
    server, _ = journey
    ran = leasebook("query", server.address(), "link-address", "2001:db8:dead::1", expect=REFUSED)
    assert "NotConfigured" in ran.stderr


def test_the_routes_go_into_a_kernel(journey: tuple[Server, str], namespaces: None) -> None:
    """The kernel's table is exactly what `routes` printed, also when it is printed and taken again."""
    server, text = journey
    batch = ask(server, "by-relay-id", "--format", "routes")
    expected = {str(w) for _, leases in kea.expected(text, QUERIES["by-relay-id"][1]) for w in leases if isinstance(w, IPv6Network)}
    with netns.Namespace() as space:
        for name in sorted({line.split(" dev ")[1].split()[0] for line in batch.splitlines() if line.startswith("route ")}):
            space.add_interface(name)
        for _ in range(2):
            space.ip("-6", "-batch", "-", given=batch)
            assert {route["dst"] for route in space.routes("proto", "147")} == expected


def test_importing_again_changes_nothing(tmp_path: Path, journey: tuple[Server, str]) -> None:
    """Into a store of its own, since the server holds the other."""
    server, text = journey
    leases = tmp_path / "kea-leases6.csv"
    leases.write_text(text)
    command = ["leases", "import", leases, "--config", server.config, "--data", tmp_path / "data"]
    leasebook(*command)
    export = ["leases", "export", "--config", server.config, "--data", tmp_path / "data"]
    first = leasebook(*export).stdout
    leasebook(*command)
    assert first and leasebook(*export).stdout == first


def test_a_bad_configuration_names_its_line(tmp_path: Path) -> None:
    config = tmp_path / "leasebook.toml"
    config.write_text('data = "x"\n[bulk]\nmax-connection = 3\n')
    ran = leasebook("check", "--config", config, expect=LOCAL_ERROR)
    assert f"{config}:3" in ran.stderr and "max-connections" in ran.stderr

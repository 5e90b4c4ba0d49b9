"""The harness itself: were it wrong, nothing it says of leasebook would count."""

import os
import shutil
from ipaddress import IPv6Address, IPv6Network
from pathlib import Path

import pytest
from harness import dissect, kea, netns, peer, queries, wire
from harness.requestor import Closed, Requestor

RECORDED = {**{r.name: r for r in peer.recordings(kea.KEA).values()}}
MANY = peer.recordings(kea.KEA_MANY)
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is missing")

# What was asked in the recordings, built with scapy.
REBUILT = {
    "by-relay-id": queries.by_relay_id(bytes.fromhex("00030001020000000001"), xid=0x10),
    "by-relay-id-outer-hop": queries.by_relay_id(bytes.fromhex("0003000102000000aa01"), xid=0x11),
    "by-relay-id-on-link": queries.by_relay_id(bytes.fromhex("00030001020000000001"), link="3fff:0:1::1", xid=0x12),
    "by-relay-id-none": queries.by_relay_id(bytes.fromhex("0003000102000000004d"), xid=0x13),
    "by-relay-id-missing": queries.query(queries.RELAY_ID, xid=0x14),
    "by-link-address": queries.by_link_address("3fff:0:2::1", xid=0x15),
    "by-link-address-unknown": queries.by_link_address("2001:db8:dead::1", xid=0x16),
    "by-remote-id": queries.by_remote_id(3561, b"olt0/0/7", xid=0x17),
    "by-client-id": queries.by_client_id(bytes.fromhex("00030001020100000005"), xid=0x18),
    "by-address": queries.by_address("3fff:0:1::1:0:5", xid=0x19),
    "by-address-in-prefix": queries.by_address("3fff:101:0:500::1", xid=0x1A),
    "unknown-query-type": queries.query(77, xid=0x1B),
    "relay-data-asked": queries.by_remote_id(3561, b"olt0/0/7", xid=0x1C, oro=[wire.LQ_RELAY_DATA]),
}


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_scapy_builds_what_was_recorded(name: str) -> None:
    """Two codecs no one here wrote, scapy's and the recorded requestor's, agree on every query."""
    assert REBUILT[name].hex() == RECORDED[name].query.hex()


def test_every_recorded_reply_can_be_read() -> None:
    for recording in [*RECORDED.values(), *MANY.values()]:
        first, *rest = recording.messages()
        assert first.type == wire.LEASEQUERY_REPLY
        assert {message.type for message in rest} <= {wire.LEASEQUERY_DATA, wire.LEASEQUERY_DONE}
        for message in recording.messages():
            for data in message.all(wire.CLIENT_DATA):
                assert wire.binding(data).leases


def test_the_lease_file_holds_what_was_answered() -> None:
    """Rows read by hand and leases read from octets are the same, for a query that the recorded server answers rightly."""
    text = kea.shifted(kea.KEA)
    messages = RECORDED["by-link-address"].messages()
    told = {lease.what for message in messages for data in message.all(wire.CLIENT_DATA) for lease in wire.binding(data).leases}
    held = {what for _, whats in kea.expected(text, lambda row: row.subnet == 3) for what in whats}
    assert told == held


@pytest.mark.parametrize("folder", [kea.KEA, kea.KEA_MANY])
def test_a_shifted_lease_file_is_as_old_as_it_was(folder: Path) -> None:
    """What a recorded reply says is left of each lease is left of it again."""
    now = 2_000_000_000
    left = {row.what: row.expire - now for row in kea.rows(kea.shifted(folder, now=now)) if row.valid != kea.INFINITE}
    for message in peer.recordings(folder)["by-link-address"].messages():
        for data in message.all(wire.CLIENT_DATA):
            for lease in wire.binding(data).leases:
                assert abs(left.get(lease.what, lease.valid) - lease.valid) <= 1


def test_a_lease_file_is_read_to_its_last_column() -> None:
    rows = kea.rows(kea.shifted(kea.KEA))
    assert {type(row.what) for row in rows} == {IPv6Address, IPv6Network}
    assert any(len(row.relay_ids) == 2 for row in rows), "two hops with a Relay-ID each are in the recording"


@pytest.mark.parametrize("cut", [peer.whole, peer.every(1), peer.every(7), peer.at(1), peer.at(2), peer.at(3)])
def test_the_recorded_peer_replays_however_it_cuts(cut: peer.Cut) -> None:
    with peer.RecordedPeer(RECORDED, cut) as server, Requestor("::1", server.port()) as requestor:
        reply = requestor.ask(queries.by_remote_id(3561, b"olt0/0/7", xid=0xABCDEF, client=b"\x00\x03\x00\x01abc"))
        assert [b.client.hex() for b in reply.bindings()]
        assert reply.first.first(wire.CLIENTID) == b"\x00\x03\x00\x01abc"
        assert not server.unknown


def test_the_recorded_peer_can_stop_in_the_middle() -> None:
    with peer.RecordedPeer(RECORDED, stop_after=100) as server, Requestor("::1", server.port()) as requestor:
        with pytest.raises(Closed) as closed:
            requestor.ask(REBUILT["by-relay-id"])
        assert len(closed.value.rest) == 100


@needs_tshark
def test_tshark_finds_nothing_malformed_in_the_recording(tmp_path: Path) -> None:
    spoken = []
    for recording in [*RECORDED.values(), *MANY.values()]:
        spoken += [(True, wire.frame(recording.query)), *((False, wire.frame(octets)) for octets in recording.reply)]
    types = dissect.assert_well_formed(tmp_path / "recorded.pcap", spoken)
    assert types.count(wire.LEASEQUERY) == len(RECORDED) + len(MANY)


@needs_tshark
def test_tshark_finds_what_is_malformed(tmp_path: Path) -> None:
    spoiled = RECORDED["by-relay-id"].query[:-1]
    with pytest.raises(AssertionError, match="other options than sent|malformed"):
        dissect.assert_well_formed(tmp_path / "spoiled.pcap", [(True, wire.frame(spoiled))])


@pytest.mark.skipif(dissect.why_not_capture() is not None, reason=str(dissect.why_not_capture()))
def test_a_capture_on_loopback_has_the_octets_that_were_spoken(tmp_path: Path) -> None:
    pcap = tmp_path / "loopback.pcapng"
    with peer.RecordedPeer(RECORDED, peer.every(512)) as server:
        with dissect.Capture(pcap, server.port()), Requestor("::1", server.port()) as requestor:
            requestor.ask(REBUILT["by-relay-id"])
            dissect.wait_for_octets(pcap, server.port(), sum(len(octets) for _, octets in requestor.spoken))
        captured = dissect.streams(pcap, server.port())
        for to_server in (True, False):
            join = lambda spoken: b"".join(octets for to, octets in spoken if to == to_server)  # noqa: E731
            assert join(captured) == join(requestor.spoken)
        dissect.assert_well_formed(tmp_path / "cut.pcap", captured)


def test_a_namespace_has_routes_of_its_own(namespaces: None) -> None:
    with netns.Namespace() as space:
        space.add_interface("downlink", ["3fff::1/64"])
        space.ip("-6", "-batch", "-", given="route replace 3fff:100::/56 via fe80::1 dev downlink proto 201\n")
        assert [route["dst"] for route in space.routes("proto", "201")] == ["3fff:100::/56"]
    with netns.Pair("3fff:f::1/64", "3fff:f::2/64") as pair:
        assert pair.left.routes() and pair.right.routes()
    assert "leasebook-" not in "".join(line for line in netns.ip("netns", "list").splitlines() if f"-{os.getpid()}-" in line)

"""What the server says, octet by octet, to a requestor that shares no code with it."""

import shutil
from pathlib import Path
from typing import Callable, Iterator

import pytest
from harness import dissect, queries, wire
from harness.daemon import Server
from harness.requestor import Reply, Requestor
from harness.site import SERVER_ID, recorded_site

RELAY = bytes.fromhex("00030001020000000001")
OUTER_RELAY = bytes.fromhex("0003000102000000aa01")
CLIENT = bytes.fromhex("00030001020100000005")
RELAY_OF_CLIENT = bytes.fromhex("00030001020000000000")
REMOTE = (3561, b"olt0/0/7")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with recorded_site(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def requestor(server: Server) -> Iterator[Requestor]:
    with server.connect() as requestor:
        yield requestor


def assert_in_order(reply: Reply, query: bytes) -> None:
    """The sequence of messages and what each carries at its top, for a query that found something."""
    asked = wire.message(query)
    assert reply.first.xid == asked.xid
    assert reply.first.first(wire.SERVERID) == SERVER_ID
    assert reply.first.first(wire.CLIENTID) == asked.first(wire.CLIENTID)
    assert reply.first.first(wire.STATUS_CODE) is None
    assert len(reply.first.all(wire.CLIENT_DATA)) == 1
    for data in reply.data:
        assert [option.code for option in data.options] == [wire.CLIENT_DATA]
    assert reply.done is not None and reply.done.options == ()


def assert_refused(reply: Reply, query: bytes, status: int) -> None:
    """A REPLY with the status, words for people, and no data."""
    asked = wire.message(query)
    assert reply.status() == status
    assert len(reply.first.first(wire.STATUS_CODE) or b"") > 2, "a status needs words"
    assert reply.first.first(wire.SERVERID) == SERVER_ID
    assert reply.first.first(wire.CLIENTID) == asked.first(wire.CLIENTID)
    assert not reply.data and reply.done is None and not reply.first.all(wire.CLIENT_DATA)


def test_many_bindings_are_reply_data_and_done(requestor: Requestor) -> None:
    """BLQ-S-045..052, BLQ-S-054, BLQ-S-056: REPLY with the first, one DATA each, one bare DONE."""
    query = queries.by_relay_id(RELAY, xid=0x123456)
    reply = requestor.ask(query)
    assert len(reply.data) > 10
    assert_in_order(reply, query)


def test_one_binding_is_reply_and_done(requestor: Requestor) -> None:
    """BLQ-S-052, BLQ-S-049: a DONE follows one binding too, and no DATA comes before it."""
    query = queries.by_client_id(CLIENT, xid=1)
    reply = requestor.ask(query)
    assert not reply.data
    assert_in_order(reply, query)


def test_nothing_found_is_a_bare_reply(requestor: Requestor) -> None:
    """BLQ-S-038, BLQ-S-053, BLQ-S-055: neither status nor data, and no DONE: the next message answers the next query."""
    reply = requestor.ask(queries.by_relay_id(bytes.fromhex("0003000102000000004d"), xid=2))
    assert {option.code for option in reply.first.options} == {wire.SERVERID, wire.CLIENTID}
    assert requestor.ask(queries.by_client_id(CLIENT, xid=3)).first.xid == 3


@pytest.mark.parametrize(
    ("build", "status"),
    [
        (lambda xid: queries.query(77, xid=xid), wire.UNKNOWN_QUERY_TYPE),
        (lambda xid: queries.query(77, xid=xid, link="2001:db8::1"), wire.UNKNOWN_QUERY_TYPE),
        (lambda xid: queries.query(queries.RELAY_ID, xid=xid), wire.MALFORMED_QUERY),
        (lambda xid: queries.query(queries.RELAY_ID, [queries.OptRelayId(duid=RELAY)] * 2, xid=xid), wire.MALFORMED_QUERY),
        (lambda xid: queries.query(queries.RELAY_ID, xid=xid, link="2001:db8::1"), wire.MALFORMED_QUERY),
        (lambda xid: queries.by_link_address("::", xid=xid), wire.MALFORMED_QUERY),
        (lambda xid: queries.by_address("::", xid=xid), wire.MALFORMED_QUERY),
        (lambda xid: queries.by_link_address("2001:db8:dead::1", xid=xid), wire.NOT_CONFIGURED),
        (lambda xid: queries.by_relay_id(RELAY, xid=xid, link="2001:db8:dead::1"), wire.NOT_CONFIGURED),
        (lambda xid: queries.by_address("2001:db8:dead::1", xid=xid), wire.NOT_CONFIGURED),
    ],
)
def test_a_refusal_says_why_and_the_connection_stays(requestor: Requestor, build: Callable[[int], bytes], status: int) -> None:
    """BLQ-S-015..018, BLQ-S-031, BLQ-S-035, BLQ-S-046, BLQ-S-053, BLQ-S-057, BLQ-S-059, BLQ-S-060: status, words, no data, and on."""
    query = build(0x77)
    assert_refused(requestor.ask(query), query, status)
    assert requestor.ask(queries.by_client_id(CLIENT, xid=0x78)).bindings()


@pytest.mark.parametrize(
    "spoiled",
    [
        queries.by_client_id(CLIENT, xid=9, client=None),
        queries.by_client_id(CLIENT, xid=9, client=b""),
        queries.by_client_id(CLIENT, xid=9, client=bytes(131)),
        queries.by_client_id(CLIENT, xid=9) + wire.Option(wire.SERVERID, b"\x00\x03\x00\x01other").compose(),
        queries.by_client_id(CLIENT, xid=9)[:18],
        queries.by_client_id(CLIENT, xid=9) + wire.Option(wire.LQ_QUERY, bytes(17)).compose(),
        bytes([wire.LEASEQUERY_REPLY]) + queries.by_client_id(CLIENT, xid=9)[1:],
        bytes([200]) + queries.by_client_id(CLIENT, xid=9)[1:],
    ],
    ids=["no-client-id", "empty-client-id", "long-client-id", "other-server", "no-query", "two-queries", "a-reply", "unknown-type"],
)
def test_what_is_dropped_gets_no_answer_and_the_next_query_does(requestor: Requestor, spoiled: bytes) -> None:
    """BLQ-S-010..014: dropped in silence; the first answer is that to the next query."""
    requestor.send(spoiled)
    requestor.send(queries.by_client_id(CLIENT, xid=10))
    assert requestor.receive().xid == 10


def test_a_short_query_option_is_told(requestor: Requestor) -> None:
    """BLQ-S-014: an LQ_QUERY under 17 octets gets MalformedQuery, so that nobody waits for a timer."""
    query = queries.by_client_id(CLIENT, xid=4)[:18] + wire.Option(wire.LQ_QUERY, bytes([queries.CLIENT_ID]) + bytes(15)).compose()
    assert_refused(requestor.ask(query), query, wire.MALFORMED_QUERY)


def test_client_data_is_in_order_and_bare(requestor: Requestor) -> None:
    """BLQ-S-061, BLQ-S-063..066, BLQ-S-073: CLIENTID, addresses, prefixes, CLT_TIME, in this order; nothing that was not asked for."""
    reply = requestor.ask(queries.by_link_address("3fff:0:1::1", xid=5))
    bodies = [data for message in [reply.first, *reply.data] for data in message.all(wire.CLIENT_DATA)]
    assert len(bodies) > 10
    for body in bodies:
        codes = [option.code for option in wire.options(body)]
        order = [wire.CLIENTID, wire.IAADDR, wire.IAPREFIX, wire.CLT_TIME]
        assert codes == sorted(codes, key=order.index)
        assert codes.count(wire.CLIENTID) == codes.count(wire.CLT_TIME) == 1


def test_relay_data_comes_when_asked_for(requestor: Requestor) -> None:
    """BLQ-S-070, BLQ-S-073: what was asked for inside query-options and is held, inside CLIENT_DATA; what is unknown is passed over."""
    reply = requestor.ask(queries.by_client_id(CLIENT, xid=6, oro=[wire.LQ_RELAY_DATA, wire.REMOTE_ID, wire.RELAY_ID, 65000]))
    (binding,) = reply.bindings()
    assert set(binding.others) == {wire.LQ_RELAY_DATA, wire.REMOTE_ID, wire.RELAY_ID}
    chain = binding.others[wire.LQ_RELAY_DATA][16:]
    assert chain[0] == 12 and chain[1] == 0
    told = {option.code: option.data for option in wire.options(chain[34:])}
    assert told[wire.RELAY_ID] == binding.others[wire.RELAY_ID] == RELAY_OF_CLIENT
    assert 9 not in told, "the client's own message is left out"


def test_relay_data_has_every_hop(requestor: Requestor) -> None:
    """BLQ-S-041, BLQ-S-070, BLQ-S-073, BLQ-S-075: inside CLIENT_DATA, with the whole chain and without the client's message."""
    oro = [wire.LQ_RELAY_DATA, wire.REMOTE_ID, wire.RELAY_ID, 65000]
    reply = requestor.ask(queries.by_relay_id(OUTER_RELAY, xid=6, oro=oro))
    assert reply.bindings()
    for binding in reply.bindings():
        assert set(binding.others) == {wire.LQ_RELAY_DATA, wire.REMOTE_ID, wire.RELAY_ID}
        outer = binding.others[wire.LQ_RELAY_DATA][16:]
        assert outer[0] == 12 and outer[1] == 1, "the outermost RELAY-FORW, hop-count 1"
        outer_options = {option.code: option.data for option in wire.options(outer[34:])}
        assert outer_options[wire.RELAY_ID] == OUTER_RELAY
        inner = outer_options[9]
        assert inner[0] == 12 and inner[1] == 0
        inner_codes = [option.code for option in wire.options(inner[34:])]
        assert 9 not in inner_codes and wire.RELAY_ID in inner_codes


def test_the_oro_of_the_message_chooses_nothing(requestor: Requestor) -> None:
    """BLQ-S-071: only the one inside query-options does."""
    query = queries.by_client_id(CLIENT, xid=7) + wire.Option(wire.ORO, wire.LQ_RELAY_DATA.to_bytes(2, "big")).compose()
    assert all(not binding.others for binding in requestor.ask(query).bindings())


def test_lifetimes_in_the_question_are_ignored(requestor: Requestor) -> None:
    """BLQ-S-019: of the IAADDR only the address counts."""
    plain = queries.by_address("3fff:0:1::1:0:5", xid=8)
    odd = plain[:-8] + bytes.fromhex("ffffffff00000001")
    assert requestor.ask(plain).bindings()[0].whats() == requestor.ask(odd).bindings()[0].whats()


def test_pipelined_queries_are_all_answered(requestor: Requestor) -> None:
    """BLQ-S-076, BLQ-R-016: five types at once, in one segment, each whole; told apart by transaction-id."""
    asked = {
        0x100001: queries.by_relay_id(RELAY, xid=0x100001),
        0x100002: queries.by_link_address("3fff:0:2::1", xid=0x100002),
        0x100003: queries.by_remote_id(*REMOTE, xid=0x100003),
        0x100004: queries.by_client_id(CLIENT, xid=0x100004),
        0x100005: queries.by_address("3fff:101:0:500::1", xid=0x100005),
    }
    requestor.send_octets(b"".join(map(wire.frame, asked.values())))
    replies = requestor.gather(*asked)
    for xid, query in asked.items():
        assert_in_order(replies[xid], query)
    assert len(replies[0x100001].bindings()) > len(replies[0x100004].bindings()) == 1


def test_queries_come_in_any_pieces(requestor: Requestor) -> None:
    """WIRE-062: one octet a segment is a query like any other."""
    for octet in wire.frame(queries.by_client_id(CLIENT, xid=11)):
        requestor.send_octets(bytes([octet]))
    assert requestor.gather(11)[11].bindings()


def test_no_query_changes_anything(requestor: Requestor) -> None:
    """BLQ-S-021: the same question gets the same bindings again."""
    ask = lambda xid: {b.client: b.whats() for b in requestor.ask(queries.by_relay_id(RELAY, xid=xid)).bindings()}  # noqa: E731
    assert ask(12) == ask(13)


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is missing")
def test_tshark_finds_nothing_malformed(requestor: Requestor, tmp_path: Path) -> None:
    """WIRE-061, WIRE-065: a whole conversation, refusals and relay data included, as tshark sees it."""
    for query in (
        queries.by_relay_id(RELAY, xid=21, oro=[wire.LQ_RELAY_DATA, wire.INTERFACE_ID, wire.REMOTE_ID]),
        queries.by_link_address("3fff:0:2::1", xid=22),
        queries.by_address("3fff:101:0:500::1", xid=23),
        queries.query(77, xid=24),
        queries.by_relay_id(b"\x00\x03\x00\x01none", xid=25),
    ):
        requestor.ask(query)
    types = dissect.assert_well_formed(tmp_path / "session.pcap", requestor.spoken)
    assert types.count(wire.LEASEQUERY_REPLY) == 5 and types.count(wire.LEASEQUERY_DONE) == 3


@pytest.mark.skipif(dissect.why_not_capture() is not None, reason=str(dissect.why_not_capture()))
def test_a_capture_of_loopback_has_nothing_malformed(server: Server, tmp_path: Path) -> None:
    """WIRE-061: the octets that were really on the wire, with the segments the kernel made of them."""
    pcap = tmp_path / "loopback.pcapng"
    with dissect.Capture(pcap, server.port), server.connect() as requestor:
        requestor.ask(queries.by_relay_id(RELAY, xid=31))
        dissect.wait_for_octets(pcap, server.port, sum(len(octets) for _, octets in requestor.spoken))
    dissect.assert_well_formed(tmp_path / "cut.pcap", dissect.streams(pcap, server.port))

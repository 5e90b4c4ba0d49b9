"""How the server bears with requestors: limits, rights, timers, garbage, signals."""

import http.client
import shutil
import signal
import time
from pathlib import Path
from typing import Iterator

import pytest
from harness import queries, wire
from harness.daemon import Server, free_port, leasebook
from harness.requestor import Closed, Requestor
from harness.site import MANY_CLIENTS, MANY_RELAY, config, many_client, many_leases, recorded_site, site
from harness.waiting import wait_for

CLIENT = bytes.fromhex("00030001020100000005")
SMALL = queries.by_client_id(CLIENT, xid=1)
# Asking for relay data makes each message a few hundred octets, and all of them more than 10 MB.
LARGE = queries.by_relay_id(MANY_RELAY, xid=2, oro=[wire.LQ_RELAY_DATA, wire.RELAY_ID])
# So little is taken in advance that the server soon has to wait for the reader.
SMALL_BUFFER = 4096
# A timer of one second has ended by then, on a busy machine too.
SOON_SECS = 10


@pytest.fixture
def start(tmp_path: Path) -> Iterator[object]:
    """Starts servers on the recorded leases, with lines for the section `bulk`."""
    running: list[Server] = []

    def start(bulk: str = "", **more: str) -> Server:
        folder = tmp_path / str(len(running))
        folder.mkdir()
        server = recorded_site(folder, bulk, **more)
        server.start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.__exit__()


@pytest.fixture(scope="module")
def large_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store, imported once and copied by who needs it."""
    return site(tmp_path_factory.mktemp("large"), config(), many_leases(int(time.time()))).data


@pytest.fixture
def start_large(tmp_path: Path, large_store: Path) -> Iterator[object]:
    """Starts servers on more bindings than sockets can hold."""
    running: list[Server] = []

    def start(bulk: str = "", **more: str) -> Server:
        folder = tmp_path / str(len(running))
        folder.mkdir()
        server = Server(folder, config(bulk, **more))
        shutil.copytree(large_store, server.data)
        server.start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.__exit__()


def begin_large(server: Server, query: bytes = LARGE) -> Requestor:
    """A requestor that has asked for more than fits and read the first message only."""
    requestor = server.connect(receive_buffer=SMALL_BUFFER, seconds=60)
    requestor.send(query)
    assert requestor.receive().status() == wire.SUCCESS
    return requestor


def test_at_the_limit_an_idle_connection_gives_way(start) -> None:
    """BLQ-S-002, BLQ-S-004, SEC-001: the longest idle one is closed, the new one served."""
    server = start("max-connections = 2")
    with server.connect() as first, server.connect() as second:
        assert first.ask(SMALL).bindings() and second.ask(SMALL).bindings()
        with server.connect() as third:
            assert third.ask(SMALL).bindings()
            assert first.is_closed_within(SOON_SECS)
        assert second.ask(SMALL).bindings()


def test_at_the_limit_a_busy_connection_stays(start_large) -> None:
    """BLQ-S-002, BLQ-S-004: with nothing idle the new connection is closed at once."""
    server = start_large("max-connections = 1")
    with begin_large(server) as busy:
        with server.connect() as late:
            assert late.is_closed_within(SOON_SECS)
        assert len(busy.gather_rest(2)) == MANY_CLIENTS - 1


def test_an_unlisted_source_is_closed_at_once(start) -> None:
    """BLQ-S-005, SEC-002: no answer, no wait."""
    server = start(allow='[[bulk.allow]]\nsource = "2001:db8::/32"\n')
    with server.connect() as stranger:
        assert stranger.is_closed_within(SOON_SECS)


def test_an_unlisted_source_can_be_told(start) -> None:
    """BLQ-S-006, BLQ-S-015: NotAllowed before anything else that is wrong."""
    server = start('unlisted = "refuse"', allow='[[bulk.allow]]\nsource = "2001:db8::/32"\n')
    with server.connect() as stranger:
        assert stranger.ask(SMALL).status() == wire.NOT_ALLOWED
        assert stranger.ask(queries.query(77, xid=3)).status() == wire.NOT_ALLOWED


def test_a_source_may_ask_some_types_only(start) -> None:
    """BLQ-S-006, BLQ-S-059, SEC-002: NotAllowed for the others, and the connection stays."""
    server = start(allow='[[bulk.allow]]\nsource = "::1"\ntypes = ["client-id"]\n')
    with server.connect() as requestor:
        assert requestor.ask(queries.by_link_address("3fff:0:1::1", xid=4)).status() == wire.NOT_ALLOWED
        assert requestor.ask(SMALL).bindings()


def test_a_type_that_is_switched_off_is_unknown(start) -> None:
    """BLQ-S-016: UnknownQueryType, as for a type that does not exist."""
    server = start('types = ["client-id"]')
    with server.connect() as requestor:
        assert requestor.ask(queries.by_link_address("3fff:0:1::1", xid=4)).status() == wire.UNKNOWN_QUERY_TYPE


def test_sensitive_options_are_never_told(start) -> None:
    """BLQ-S-072, SEC-007: asked for or not."""
    server = start(top=f"sensitive-options = [{wire.REMOTE_ID}]")
    with server.connect() as requestor:
        query = queries.by_client_id(CLIENT, xid=5, oro=[wire.REMOTE_ID, wire.RELAY_ID])
        (binding,) = requestor.ask(query).bindings()
    assert set(binding.others) == {wire.RELAY_ID}


@pytest.mark.parametrize("octets", [b"", b"\x00", wire.frame(SMALL)[:-1]], ids=["silent", "half-a-size", "all-but-one"])
def test_who_begins_and_falls_silent_is_closed(start, octets: bytes) -> None:
    """BLQ-S-009, SEC-003: after the data timeout, and nobody else notices."""
    server = start('data-timeout = "1s"')
    with server.connect() as silent, server.connect() as other:
        silent.send_octets(octets)
        assert other.ask(SMALL).bindings()
        assert silent.is_closed_within(SOON_SECS)


def test_who_does_not_read_is_closed(start_large) -> None:
    """BLQ-S-009, BLQ-S-080: and meanwhile others are answered."""
    server = start_large('data-timeout = "1s"')
    with begin_large(server), server.connect() as other:
        assert other.ask(queries.by_client_id(many_client(7), xid=6)).bindings()
        server.wait_for_log("timeout", 30)


def test_an_idle_connection_is_closed(start) -> None:
    """BLQ-S-081, BLQ-S-082: kept after an answer, closed after the idle time."""
    server = start('idle-timeout = "1s"')
    with server.connect() as requestor:
        assert requestor.ask(SMALL).bindings()
        assert requestor.ask(SMALL).bindings()
        assert requestor.is_closed_within(SOON_SECS)


def test_three_malformed_messages_close(start) -> None:
    """WIRE-064, BLQ-S-010, D-17: the framing stays in step; the third malformed message closes."""
    server = start()
    with server.connect() as requestor:
        for spoiled in (b"", b"\x0e\x00"):
            requestor.send(spoiled)
        assert requestor.ask(SMALL).bindings()
        requestor.send(SMALL[:-1])
        assert requestor.is_closed_within(SOON_SECS)


def test_three_foreign_messages_in_a_row_close(start) -> None:
    """BLQ-S-010, D-17: a valid query between begins the count anew."""
    server = start()
    solicit = bytes([1]) + SMALL[1:]
    with server.connect() as requestor:
        for _ in range(2):
            requestor.send(solicit)
            requestor.send(solicit)
            assert requestor.ask(SMALL).bindings()
        for _ in range(3):
            requestor.send(solicit)
        assert requestor.is_closed_within(SOON_SECS)


def test_garbage_harms_nobody_else(start) -> None:
    """BLQ-S-080, SEC-005: whatever comes in on some connections, others are answered and the server lives."""
    server = start()
    kinds = [b"\xff" * 70000, bytes(70000), b"GET / HTTP/1.1\r\n\r\n" * 50, bytes(range(256)) * 300, wire.frame(SMALL) + b"\xff\xff\x00"]
    for garbage in kinds:
        with server.connect() as noisy, server.connect() as other:
            try:
                noisy.send_octets(garbage)
            except (BrokenPipeError, ConnectionResetError):
                pass
            assert other.ask(SMALL).bindings()
    assert server.stop() == 0


def test_half_close_is_answered_in_full(start) -> None:
    """BLQ-S-083: what was asked before is answered, then the server closes too."""
    server = start()
    with server.connect() as requestor:
        for xid in (11, 12, 13):
            requestor.send(queries.by_link_address("3fff:0:1::1", xid=xid))
        requestor.half_close()
        replies = requestor.gather(11, 12, 13)
        assert all(reply.done is not None for reply in replies.values())
        assert requestor.is_closed_within(SOON_SECS)


def test_a_transaction_id_in_use_is_dropped(start_large) -> None:
    """BLQ-S-020, D-18: the first goes on, the second is not answered; once answered, the same id is a new query."""
    server = start_large()
    with begin_large(server) as requestor:
        requestor.send(LARGE)
        assert len(requestor.gather_rest(2)) == MANY_CLIENTS - 1
        assert len(requestor.ask(LARGE).bindings()) == MANY_CLIENTS


def test_a_short_query_does_not_wait_for_a_long_one(start_large) -> None:
    """BLQ-S-079: replies share the connection in turns."""
    server = start_large()
    short = queries.by_client_id(many_client(7), xid=9)
    with server.connect() as requestor:
        requestor.send_octets(wire.frame(LARGE) + wire.frame(short))
        order = []
        while len(order) < 2:
            message = requestor.receive()
            if message.type == wire.LEASEQUERY_DONE:
                order.append(message.xid)
    assert order == [9, 2]


def test_one_query_at_a_time_is_answered_in_order(start_large) -> None:
    """BLQ-S-077, BLQ-S-078: with a limit of one the next is read when the last is done."""
    server = start_large("queries-per-connection = 1")
    short = queries.by_client_id(many_client(7), xid=9)
    with server.connect() as requestor:
        requestor.send_octets(wire.frame(LARGE) + wire.frame(short))
        xids = []
        while len(xids) < MANY_CLIENTS + 3:
            xids.append(requestor.receive().xid)
    assert xids == [2] * (MANY_CLIENTS + 1) + [9, 9]


def test_an_orderly_stop_tells_those_in_flight(start_large) -> None:
    """BLQ-S-058, BLQ-S-085..087: a DONE with QueryTerminated behind what was sent, then the close, and exit code 0."""
    server = start_large()
    with begin_large(server) as requestor, server.connect() as idle:
        server.signal(signal.SIGTERM)
        messages = []
        with pytest.raises(Closed) as closed:
            while True:
                messages.append(requestor.receive())
        assert messages[-1].type == wire.LEASEQUERY_DONE and messages[-1].status() == wire.QUERY_TERMINATED
        assert closed.value.rest == b""
        assert 0 < len(messages) < MANY_CLIENTS
        assert idle.is_closed_within(SOON_SECS)
        assert server.wait() == 0


def test_an_orderly_stop_tells_one_who_reads_slowly(start_large) -> None:
    """BLQ-S-058, BLQ-S-085..087: a DONE with QueryTerminated behind what was sent, then the close, and exit code 0."""
    server = start_large()
    with begin_large(server) as requestor:
        # Until the sockets are full, and the server waits for the reader.
        wait_for("the server to wait", lambda: requestor.is_stalled())
        server.signal(signal.SIGTERM)
        server.wait_for_log("LBK_STOPPING")
        messages = []
        with pytest.raises(Closed) as closed:
            while True:
                messages.append(requestor.receive())
        assert messages[-1].type == wire.LEASEQUERY_DONE and messages[-1].status() == wire.QUERY_TERMINATED
        assert closed.value.rest == b""
        assert 0 < len(messages) < MANY_CLIENTS
        assert server.wait() == 0


def test_a_stop_is_bounded_by_nobody_who_does_not_read(start_large) -> None:
    """BLQ-S-087: a requestor that takes nothing more does not hold the server up."""
    server = start_large()
    with begin_large(server):
        assert server.stop() == 0


def test_reload_changes_rights(start) -> None:
    """BLQ-S-005, BLQ-S-087: a right taken away by SIGHUP is gone for new connections, a right given is there."""
    server = start()
    closed = config(allow='[[bulk.allow]]\nsource = "2001:db8::/32"\n')
    opened = server.config.read_text()

    def is_served() -> bool:
        try:
            with server.connect() as requestor:
                return bool(requestor.ask(SMALL).bindings())
        except (Closed, OSError):
            return False

    assert is_served()
    server.config.write_text(closed)
    server.signal(signal.SIGHUP)
    wait_for("the right to be taken", lambda: not is_served())
    server.config.write_text(opened)
    server.signal(signal.SIGHUP)
    wait_for("the right to be given", is_served)


def test_reload_of_a_bad_file_changes_nothing(start) -> None:
    """And says what is wrong with it, with its line."""
    server = start()
    text = server.config.read_text()
    server.config.write_text(text + "\n[bulk.nonsense]\n")
    server.signal(signal.SIGHUP)
    server.wait_for_log("nonsense")
    with server.connect() as requestor:
        assert requestor.ask(SMALL).bindings()


def test_a_timer_below_the_default_is_a_warning(tmp_path: Path) -> None:
    """BLQ-S-007, BLQ-S-008: accepted, with a warning; 300 s is the default of the preset."""
    file = tmp_path / "leasebook.toml"
    file.write_text(config('data-timeout = "200s"'))
    assert "data-timeout" not in leasebook("check", "--config", file).stderr
    file.write_text(config('data-timeout = "200s"', top='timers = "rfc5460"'))
    assert "data-timeout" in leasebook("check", "--config", file).stderr


def test_counters_are_told(start) -> None:
    """Prometheus' text form, on the address configured."""
    port = free_port()
    server = start(more=f'[metrics]\nlisten = "[::1]:{port}"')
    with server.connect() as requestor:
        assert requestor.ask(SMALL).bindings()
    connection = http.client.HTTPConnection("::1", port, timeout=10)
    connection.request("GET", "/metrics")
    told = connection.getresponse().read().decode()
    connection.close()
    assert "# HELP leasebook_" in told
    assert CLIENT.hex() not in told.replace(":", "")

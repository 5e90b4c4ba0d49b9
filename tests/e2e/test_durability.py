"""What outlives the process."""

from pathlib import Path

from harness import kea, queries
from harness.daemon import LOCAL_ERROR, Server, leasebook
from harness.site import recorded_site

RELAY = bytes.fromhex("00030001020000000001")
QUERY = queries.by_relay_id(RELAY, xid=1, oro=[47])
STATE = frozenset[tuple[bytes, frozenset[kea.What], tuple[tuple[int, bytes], ...]]]


def told(server: Server) -> STATE:
    """Everything the server says of one relay, lifetimes left out."""
    with server.connect() as requestor:
        bindings = requestor.ask(QUERY).bindings()
    return frozenset((b.client, b.whats(), tuple(sorted(b.others.items()))) for b in bindings)


def test_a_crash_loses_nothing(tmp_path: Path) -> None:
    """BLQ-S-044: bindings and relay data are the same after kill -9, several times over."""
    server = recorded_site(tmp_path)
    with server:
        before = told(server)
        assert before
        for _ in range(3):
            server.kill()
            server.start()
            assert told(server) == before


def test_a_stop_in_order_loses_nothing(tmp_path: Path) -> None:
    """BLQ-S-044: the same after an orderly stop."""
    server = recorded_site(tmp_path)
    with server:
        before = told(server)
        assert server.stop() == 0
        server.start()
        assert told(server) == before


def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    """The first goes on; the second says which data it is about, and ends."""
    with recorded_site(tmp_path) as first:
        other = tmp_path / "other"
        other.mkdir()
        second = Server(other, first.config.read_text(), data=first.data)
        second.launch()
        assert second.wait() == LOCAL_ERROR
        assert str(first.data) in second.log()
        assert told(first)


def test_an_import_into_the_data_of_a_running_server_is_refused(tmp_path: Path) -> None:
    with recorded_site(tmp_path) as server:
        leases = tmp_path / "kea-leases6.csv"
        ran = leasebook("leases", "import", leases, "--config", server.config, "--data", server.data, expect=LOCAL_ERROR)
        assert str(server.data) in ran.stderr
        assert told(server)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    server = recorded_site(tmp_path)
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    elsewhere = Server(tmp_path, server.config.read_text(), data=blocked / "data")
    elsewhere.launch()
    assert elsewhere.wait() == LOCAL_ERROR
    assert str(blocked) in elsewhere.log()


def test_bad_rows_are_told_by_line_and_the_rest_counts(tmp_path: Path) -> None:
    """Import passes over what it cannot read, names file and line, and keeps the rest."""
    server = Server(tmp_path, recorded_site(tmp_path).config.read_text(), data=tmp_path / "second")
    lines = kea.shifted(kea.KEA).splitlines(keepends=True)
    lines[3] = "no,lease,at,all\n"
    file = tmp_path / "damaged.csv"
    file.write_text("".join(lines))
    ran = leasebook("leases", "import", file, "--config", server.config, "--data", server.data, expect=3)
    assert f"{file}:4" in ran.stderr or f"{file}, line 4" in ran.stderr
    with server:
        assert told(server)

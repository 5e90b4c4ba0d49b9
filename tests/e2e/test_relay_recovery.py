"""Getting everything back from servers of every kind: several, slow, down, ending early, without Relay-IDs, and lying."""

import threading
from ipaddress import IPv6Address, IPv6Network
from pathlib import Path
from typing import Callable, Iterable, Iterator

import pytest
from harness import kea, peer, wire
from harness.edge import SERVER, Edge, Relay, claim, edge_server, link, prefix_of, relay_config, relay_octets, teller_at
from harness.subscriber import Subscriber, duid
from harness.teller import (
    QUERY_BY_ADDRESS,
    QUERY_BY_LINK_ADDRESS,
    QUERY_BY_RELAY_ID,
    Asked,
    Claim,
    Teller,
    data,
    done,
    path,
    reply,
    status,
    tell,
    truthfully,
)
from harness.waiting import wait_for

pytestmark = pytest.mark.usefixtures("namespaces")

# leasebook's own server is relayed to, and a teller asked.
BOTH = f'address = "{SERVER}"\nbulk = "[{SERVER}]:1547"'
Answer = Callable[[Asked], Iterable[wire.Message]]


@pytest.fixture
def net(namespaces: None) -> Iterator[Edge]:
    with Edge(customers=2) as net:
        yield net


def ready_relay(net: Edge, folder: Path, *servers: str, **more: object) -> Relay:
    return Relay(net, folder, relay_config(folder, servers=servers, **more))


def test_two_servers_know_different_clients(net: Edge, tmp_path: Path) -> None:
    """RELAY-069: both are asked, by Relay-ID on all links, with LQ_RELAY_DATA in the ORO; what both say is united."""
    one, other = claim(1), claim(2, customer=1)
    with Teller(net.core, SERVER, 1547, truthfully([one])) as first, Teller(net.core, SERVER, 1548, truthfully([other])) as second:
        with ready_relay(net, tmp_path, teller_at(1547), teller_at(1548)):
            there = net.wait_for_routes([one.prefix, other.prefix])
            assert there[one.prefix] == ("fe80::5b:1", "cust0") and there[other.prefix] == ("fe80::5b:2", "cust1")
        for teller in (first, second):
            (query,) = teller.asked
            assert query.kind == QUERY_BY_RELAY_ID and query.link.is_unspecified and query.first(wire.RELAY_ID) == relay_octets()
            assert wire.LQ_RELAY_DATA.to_bytes(2, "big") in (query.first(wire.ORO) or b"")


@pytest.mark.parametrize("last", ["older", "newer"])
def test_the_newest_of_two_wins(net: Edge, tmp_path: Path, last: str) -> None:
    """RELAY-076, RELAY-073: of a client that moved, whoever of the servers speaks last."""
    gate = threading.Event()
    claims = {"older": claim(1, clt=500), "newer": claim(1, customer=1, clt=5)}

    def after_the_other(query: Asked) -> Iterable[wire.Message]:
        assert gate.wait(30)
        yield from truthfully([claims[last]])(query)

    (first,) = set(claims) - {last}
    with Teller(net.core, SERVER, 1547, truthfully([claims[first]])), Teller(net.core, SERVER, 1548, after_the_other):
        relay = ready_relay(net, tmp_path, teller_at(1547), teller_at(1548))
        relay.launch()
        try:
            net.wait_for_routes([prefix_of(1)])
            assert net.routes()[prefix_of(1)][1] == ("cust1" if first == "newer" else "cust0")
            gate.set()
            relay.wait_for_status("recovery", lambda status: status["settled"])
            wait_for("the newest", lambda: net.routes() == {prefix_of(1): ("fe80::5b:1", "cust1")})
        finally:
            relay.__exit__()


def test_one_server_is_down(net: Edge, tmp_path: Path) -> None:
    """RELAY-078: the other's bindings are in use meanwhile, and it is asked as soon as it is there."""
    with Teller(net.core, SERVER, 1547, truthfully([claim(1)])):
        with ready_relay(net, tmp_path, teller_at(1547), teller_at(1548)) as relay:
            net.wait_for_routes([prefix_of(1)])
            up, down = relay.status()["servers"]
            assert up["phase"] == "done" and down["phase"] == "retrying" and "refused" in down["detail"]
            with Teller(net.core, SERVER, 1548, truthfully([claim(2)])):
                net.wait_for_routes([prefix_of(1), prefix_of(2)], seconds=20)
                relay.wait_for_status("all", lambda status: [one["phase"] for one in status["servers"]] == ["done", "done"])


def test_one_server_is_slow(net: Edge, tmp_path: Path) -> None:
    """RELAY-075: routes go in as bindings come; ready is told when all have."""
    gate = threading.Event()

    def slowly(query: Asked) -> Iterable[wire.Message]:
        yield reply(query, claim(1).option())
        yield data(query, claim(2))
        assert gate.wait(30)
        yield data(query, claim(3))
        yield done(query)

    with Teller(net.core, SERVER, 1547, slowly), Teller(net.core, SERVER, 1548, truthfully([claim(4)])):
        relay = ready_relay(net, tmp_path, teller_at(1547), teller_at(1548))
        starting = threading.Thread(target=relay.start, daemon=True)
        starting.start()
        net.wait_for_routes([prefix_of(number) for number in (1, 2, 4)])
        slow, quick = relay.wait_for_status("one server", lambda status: status["servers"][1]["phase"] == "done")["servers"]
        assert slow["phase"] == "asking" and not relay.status()["settled"]
        assert starting.is_alive(), "READY came before the recovery had settled"
        gate.set()
        starting.join(20)
        assert not starting.is_alive() and relay.status()["settled"]
        net.wait_for_routes([prefix_of(number) for number in (1, 2, 3, 4)])
        relay.__exit__()


def test_ready_does_not_wait_for_ever(net: Edge, tmp_path: Path) -> None:
    """RELAY-068: with `ready-within` over, the unit is up while a server has not said a word."""
    gate = threading.Event()

    def never(query: Asked) -> Iterable[wire.Message]:
        assert gate.wait(60)
        yield reply(query)

    with Teller(net.core, SERVER, 1547, never):
        with ready_relay(net, tmp_path, teller_at(1547), more='[recovery]\nready-within = "1s"') as relay:
            assert not relay.status()["settled"]
        gate.set()


def test_one_server_ends_midway(net: Edge, tmp_path: Path) -> None:
    """RELAY-075, RELAY-078: what came before QueryTerminated is routed at once, and the rest when it is asked again."""
    claims = [claim(number) for number in range(1, 5)]
    attempts: list[list[str]] = []

    def better_the_second_time(query: Asked) -> Iterable[wire.Message]:
        attempts.append(sorted(net.routes()))
        if len(attempts) > 1:
            yield from tell(query, claims)
            return
        yield reply(query, claims[0].option())
        yield data(query, claims[1])
        yield done(query, status(wire.QUERY_TERMINATED, "going down"))

    with Teller(net.core, SERVER, 1547, better_the_second_time), ready_relay(net, tmp_path, teller_at(1547)) as relay:
        net.wait_for_routes([one.prefix for one in claims], seconds=20)
        assert attempts == [[], sorted([claims[0].prefix, claims[1].prefix])]
        relay.wait_for_log("RELAY_RECOVERY_RETRY")


def by_link_alone(refusal: int, claims: Iterable[Claim]) -> Answer:
    """A server that does not answer by relay-id; on the second link it has nothing configured."""
    known = list(claims)

    def answer(query: Asked) -> Iterable[wire.Message]:
        if query.kind == QUERY_BY_RELAY_ID:
            return [reply(query, status(refusal))]
        if query.kind == QUERY_BY_LINK_ADDRESS and str(query.link) == link(0):
            return tell(query, known)
        return [reply(query, status(wire.NOT_CONFIGURED))]

    return answer


@pytest.mark.parametrize("refusal", [wire.UNKNOWN_QUERY_TYPE, wire.NOT_ALLOWED])
def test_a_server_without_relay_ids_is_asked_by_link(net: Edge, tmp_path: Path, refusal: int) -> None:
    """RELAY-070, RELAY-072: for each link of a client; what has no Relay-ID is ours by its link, what has another's is not."""
    no_id = claim(1, relay_data=path(b"", link(0), "fe80::5b:1", "cust0"))
    others = claim(2, relay_data=path(bytes.fromhex("00030001020000000bad"), link(0), "fe80::5b:2", "cust0"))
    with Teller(net.core, SERVER, 1547, by_link_alone(refusal, [no_id, others])) as teller:
        with ready_relay(net, tmp_path, teller_at(1547)) as relay:
            assert net.wait_for_routes([no_id.prefix])[no_id.prefix] == ("fe80::5b:1", "cust0")
            assert relay.status()["servers"][0]["phase"] == "done"
        assert teller.kinds() == [QUERY_BY_RELAY_ID, QUERY_BY_LINK_ADDRESS, QUERY_BY_LINK_ADDRESS]
        assert {str(query.link) for query in teller.asked[1:]} == {link(0), link(1)}


def test_without_relay_data_the_configured_next_hop_serves(net: Edge, tmp_path: Path) -> None:
    """RELAY-074: with nothing configured the binding is listed, and why it has no route."""
    bare = claim(1, relay_data=None)
    with Teller(net.core, SERVER, 1547, by_link_alone(wire.NOT_ALLOWED, [bare])):
        with ready_relay(net, tmp_path / "without", teller_at(1547)) as relay:
            shown = relay.bindings()[bare.prefix]
            assert shown["standing"] == "unroutable" and "no relay data" in shown["reason"] and not net.routes()
            assert "no relay data" in relay.ask("why", bare.prefix).stdout
        configured = ['name = "cust*"\nnext-hop = "fe80::feed"']
        with ready_relay(net, tmp_path / "with", teller_at(1547), interfaces=configured):
            assert net.wait_for_routes([bare.prefix])[bare.prefix] == ("fe80::feed", "cust0")


LIES = {
    "everything": "::/0",
    "link-local": "fe80:0:0:5::/64",
    "multicast": "ff05::/16",
    "own-address": "2001:db8:1::/48",
    "loopback": "::/96",
}


def test_lies_are_refused_counted_and_shown(net: Edge, tmp_path: Path) -> None:
    """RELAY-054, RELAY-072, SEC-014: no route for any of them, the good one beside them has one, and the operator sees why."""
    good = claim(1)
    lies = [claim(number, prefix=prefix) for number, prefix in enumerate(LIES.values(), 2)]
    other = claim(20, relay_data=path(bytes.fromhex("00030001020000000bad"), link(0), "fe80::5b:14", "cust0"))
    with Teller(net.core, SERVER, 1547, truthfully([*lies, other, good])), ready_relay(net, tmp_path, teller_at(1547)) as relay:
        net.wait_for_routes([good.prefix])
        (server,) = relay.status()["servers"]
        assert server["refused"] == len(lies) + 1 and server["taken"] == 1
        assert f"{len(lies) + 1}" in relay.ask("status").stdout
        refused = [line for line in relay.log().splitlines() if "RELAY_REFUSED" in line]
        assert len(refused) == len(lies) + 1 and all(SERVER in line for line in refused)
        for lie in [*lies, other]:
            assert any(f"{IPv6Network(lie.prefix)}" in line for line in refused)
        for prefix, word in [("fe80:0:0:5::/64", "link-local"), ("2001:db8:1::/48", "our own address"), (other.prefix, "Relay-ID")]:
            (why,) = relay.told("why", prefix)
            assert word in why["verdict"], why
            assert word in relay.ask("why", prefix).stdout
        assert net.routes().keys() == {good.prefix}


def test_overlapping_claims_are_settled_by_asking_again(net: Edge, tmp_path: Path) -> None:
    """RELAY-083, RELAY-084, RELAY-054: two clients of one prefix; the server is asked by address and stands by one of them."""
    right, wrong = claim(1), claim(2, prefix=prefix_of(1))
    inside = claim(3, prefix="2001:db8:100:180::/60")

    def answer(query: Asked) -> Iterable[wire.Message]:
        if query.kind == QUERY_BY_ADDRESS:
            return tell(query, [right])
        return tell(query, [right, wrong, inside])

    with Teller(net.core, SERVER, 1547, answer) as teller, ready_relay(net, tmp_path, teller_at(1547)) as relay:
        assert net.wait_for_routes([right.prefix])[right.prefix] == ("fe80::5b:1", "cust0")
        (server,) = relay.wait_for_status("the questions", lambda status: status["servers"][0]["phase"] == "done")["servers"]
        assert server["denied"] == 2
        assert teller.kinds().count(QUERY_BY_ADDRESS) == 2
        shown = relay.bindings()
        assert shown[right.prefix]["standing"] == "routed" and shown[right.prefix]["client"].replace(":", "") == duid(1).hex()
        assert shown[inside.prefix]["standing"] == "quarantined"


def test_doubtful_claims_are_asked_about(net: Edge, tmp_path: Path) -> None:
    """RELAY-083, RELAY-084: confirmed is routed, denied is quarantined and listed, unanswered is routed and marked."""
    doubtful = {"valid": 600, "preferred": 300, "clt": 700}
    confirmed, denied, unanswered, sure = claim(1, **doubtful), claim(2, **doubtful), claim(3, **doubtful), claim(4)

    def answer(query: Asked) -> Iterable[wire.Message]:
        if query.kind != QUERY_BY_ADDRESS:
            return tell(query, [confirmed, denied, unanswered, sure])
        if query.address() in IPv6Network(confirmed.prefix):
            return tell(query, [confirmed])
        if query.address() in IPv6Network(denied.prefix):
            return [reply(query)]
        return [reply(query, status(wire.NOT_ALLOWED))]

    with Teller(net.core, SERVER, 1547, answer), ready_relay(net, tmp_path, teller_at(1547)) as relay:
        net.wait_for_routes([confirmed.prefix, unanswered.prefix, sure.prefix])
        relay.wait_for_status("the questions", lambda status: status["servers"][0]["phase"] == "done")
        standing = {prefix: one["standing"] for prefix, one in relay.bindings().items()}
        assert standing == {
            confirmed.prefix: "routed",
            denied.prefix: "quarantined",
            unanswered.prefix: "doubtful",
            sure.prefix: "routed",
        }
        assert relay.status()["standing"] == {"routed": 2, "quarantined": 1, "doubtful": 1}
        assert "denied it when asked again" in relay.ask("bindings").stdout
        (why,) = relay.told("why", denied.prefix)
        assert "known and not routed" in why["verdict"]
        assert "RELAY_DENIED" in relay.log()


def test_recorded_ghosts_get_no_route(net: Edge, tmp_path: Path) -> None:
    """RELAY-083, RELAY-084, BLQ-R-032: what a real server told, dead leases among the live ones, and what it knows when asked by address."""
    recording = peer.recordings(kea.KEA_MANY)["by-relay-id"]
    live = {row.client: row for row in kea.rows(kea.shifted(kea.KEA_MANY)) if row.is_live(kea.time.time())}
    relay_id = wire.options(wire.message(recording.query).first(wire.LQ_QUERY)[17:])[0].data

    def answer(query: Asked) -> Iterable[wire.Message]:
        if query.kind == QUERY_BY_RELAY_ID:
            return [wire.message(peer.readdressed(octets, query.message)) for octets in recording.reply]
        found = [row for row in live.values() if query.address() in row.what]
        left = [(row, max(1, row.expire - int(kea.time.time())) if row.valid != kea.INFINITE else kea.INFINITE) for row in found]
        return tell(query, [Claim(row.client, str(row.what), valid=valid, preferred=0, clt=60) for row, valid in left])

    net.edge.add_interface("pon0", ["3fff::1/64"])
    config = relay_config(tmp_path, servers=[teller_at(1547)], interfaces=['name = "pon0"'], relay_id=relay_id.hex())
    with Teller(net.core, SERVER, 1547, answer), Relay(net, tmp_path, config) as relay:
        told = {lease.what: (lease, clt) for octets in recording.reply for lease, clt in leases(octets)}
        truth = {row.what for row in live.values()} & told.keys()
        ghosts = told.keys() - truth
        # What was released comes out like any live lease: nothing in the reply betrays it, and only the client could tell.
        betrayed = {what for what in ghosts if told[what][1] >= told[what][0].valid}
        assert len(betrayed) >= 4, "the recording has ghosts"
        net.wait_for_routes(told.keys() - betrayed)
        quarantined = {prefix for prefix, one in relay.bindings().items() if one["standing"] == "quarantined"}
        assert quarantined == {str(what) for what in betrayed}
        (server,) = relay.status()["servers"]
        assert server["denied"] == len(betrayed) and server["deviations"] > 0
        # Live, though older than what is left of it: asked about and confirmed.
        assert server["confirmed"] >= 1


def test_a_recorded_reply_brings_everything_back(net: Edge, tmp_path: Path) -> None:
    """RELAY-065, RELAY-073, BLQ-R-032: what a real server told of one relay, addresses and all; each prefix to its client and interface."""
    recording = peer.recordings(kea.KEA)["by-relay-id"]
    relay_id = wire.options(wire.message(recording.query).first(wire.LQ_QUERY)[17:])[0].data

    def replay(query: Asked) -> Iterable[wire.Message]:
        if query.kind == QUERY_BY_RELAY_ID:
            return [wire.message(peer.readdressed(octets, query.message)) for octets in recording.reply]
        return [reply(query, status(wire.NOT_ALLOWED))]

    told = [wire.binding(body) for octets in recording.reply for body in wire.message(octets).all(wire.CLIENT_DATA)]
    paths = {lease.what: binding.others[wire.LQ_RELAY_DATA][16:] for binding in told for lease in binding.leases}
    prefixes = {what: octets for what, octets in paths.items() if isinstance(what, IPv6Network)}
    assert len(prefixes) > 10 and len(prefixes) < len(paths)
    # Where the reply itself says that each client is: interface and peer-address of the innermost relay.
    wanted = {}
    for what, octets in prefixes.items():
        options = {option.code: option.data for option in wire.options(octets[34:])}
        if relay_id == options.get(wire.RELAY_ID):
            wanted[str(what)] = (str(IPv6Address(octets[18:34])), options[wire.INTERFACE_ID].decode())
    interfaces = sorted({interface for _, interface in wanted.values()})
    for number, name in enumerate(interfaces):
        net.edge.add_interface(name, [f"3fff:0:{number:x}::ff/64"])
    names = [f'name = "{name}"' for name in interfaces]
    config = relay_config(tmp_path, servers=[teller_at(1547)], interfaces=names, relay_id=relay_id.hex())
    with Teller(net.core, SERVER, 1547, replay), Relay(net, tmp_path, config):
        assert net.wait_for_routes(wanted) == wanted


def leases(octets: bytes) -> list[tuple[wire.Lease, int]]:
    """The leases of one message of a reply, each with the time since its client was heard."""
    told = [wire.binding(body) for body in wire.message(octets).all(wire.CLIENT_DATA)]
    return [(lease, binding.clt) for binding in told for lease in binding.leases]


def test_what_is_learnt_meanwhile_wins(net: Edge, tmp_path: Path) -> None:
    """RELAY-076, RELAY-054: a recovery that began before speaks of the past, and of another client as well."""
    gate = threading.Event()
    known: list[Claim] = []

    def late(query: Asked) -> Iterable[wire.Message]:
        assert gate.wait(30)
        yield from tell(query, known)

    with edge_server(net, tmp_path), Teller(net.core, SERVER, 1547, late):
        relay = ready_relay(net, tmp_path, BOTH)
        relay.launch()
        try:
            relay.wait_for_status("the relay", bool)
            with Subscriber(net.customers[0], 1) as client, Subscriber(net.customers[0], 2) as second:
                (lease,), (other,) = client.obtain(), second.obtain()
                there = net.wait_for_routes([lease.prefix, other.prefix])
                known.append(claim(1, customer=1, prefix=str(lease.prefix), clt=100))
                known.append(claim(7, customer=1, prefix=str(other.prefix), clt=0))
                known.append(claim(3))
                gate.set()
                relay.wait_for_status("recovery", lambda status: status["settled"])
                after = net.wait_for_routes([lease.prefix, other.prefix, prefix_of(3)])
                assert {prefix: after[prefix] for prefix in there} == there
                assert relay.bindings()[str(lease.prefix)]["source"] == "reply"
                assert any(str(other.prefix) in line for line in relay.log().splitlines() if "RELAY_REFUSED" in line)
        finally:
            relay.__exit__()


def test_what_a_server_leaves_out_stays(net: Edge, tmp_path: Path) -> None:
    """RELAY-077, RELAY-068: a recovery on demand takes nothing away that was granted and has not ended."""
    with edge_server(net, tmp_path), Teller(net.core, SERVER, 1547, truthfully([])) as teller:
        with ready_relay(net, tmp_path, BOTH) as relay, Subscriber(net.customers[0]) as client:
            (lease,) = client.obtain()
            net.wait_for_routes([lease.prefix])
            asked = len(teller.asked)
            relay.ask("recover")
            assert len(teller.asked) > asked
            assert net.routes().keys() == {str(lease.prefix)} == relay.bindings().keys()


def test_a_binding_that_ends_during_recovery_has_no_route(net: Edge, tmp_path: Path) -> None:
    """RELAY-047, RELAY-075: it had one while it was valid, however long the server takes for the rest."""
    gate = threading.Event()
    brief = claim(1, valid=2, preferred=1, clt=1)

    def slowly(query: Asked) -> Iterable[wire.Message]:
        yield reply(query, brief.option())
        yield data(query, claim(2))
        assert gate.wait(30)
        yield done(query)

    with Teller(net.core, SERVER, 1547, slowly):
        relay = ready_relay(net, tmp_path, teller_at(1547))
        relay.launch()
        try:
            net.wait_for_routes([brief.prefix, prefix_of(2)])
            net.wait_for_routes([prefix_of(2)])
            assert not relay.status()["settled"]
            gate.set()
            relay.wait_for_status("recovery", lambda status: status["settled"])
            assert net.routes().keys() == {prefix_of(2)}
        finally:
            relay.__exit__()

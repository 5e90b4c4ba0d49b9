"""The recordings of tests/data, and what a Kea lease file says, read without leasebook.

Recorded times are absolute and would soon be past. `shifted` moves a lease file to the present: what was live when the replies were
recorded is live now, for as long.
"""

import csv
import io
import json
import re
import time
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network
from pathlib import Path
from typing import Callable, Union

from harness import wire

DATA = Path(__file__).resolve().parent.parent.parent / "data"
KEA = DATA / "kea-3.3.1"
KEA_MANY = DATA / "kea-3.3.1-many"

LEASE_TYPE_PREFIX = "2"
STATE_BOUND = "0"
INFINITE = 0xFFFFFFFF
# What Kea writes for a comma inside a field.
ESCAPED_COMMA = re.compile("&#x2c", re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """One line of a lease file."""

    client: bytes
    subnet: int
    what: Union[IPv6Address, IPv6Network]
    valid: int
    expire: int
    is_bound: bool
    relay_ids: frozenset[bytes]
    remote_ids: frozenset[bytes]

    def last_heard(self) -> int:
        return self.expire - self.valid if self.valid != INFINITE else 0

    def is_live(self, now: float) -> bool:
        return self.is_bound and (self.valid == INFINITE or self.expire > now)


def rows(text: str) -> list[Row]:
    """The rows that count: the file is a log, so the last one of a lease wins, and one with lifetime 0 deletes it."""
    last: dict[tuple[str, str], Union[Row, None]] = {}
    for fields in csv.DictReader(io.StringIO(text)):
        is_prefix = fields["lease_type"] == LEASE_TYPE_PREFIX
        key = (fields["lease_type"], fields["address"])
        last[key] = None if fields["valid_lifetime"] == "0" else row(fields, is_prefix)
    return [found for found in last.values() if found is not None]


def row(fields: dict[str, str], is_prefix: bool) -> Row:
    context = json.loads(ESCAPED_COMMA.sub(",", fields["user_context"]) or "{}")
    hops = context.get("ISC", {}).get("relay-info", [])
    return Row(
        client=bytes.fromhex(fields["duid"].replace(":", "")),
        subnet=int(fields["subnet_id"]),
        what=IPv6Network((fields["address"], int(fields["prefix_len"]))) if is_prefix else IPv6Address(fields["address"]),
        valid=int(fields["valid_lifetime"]),
        expire=int(fields["expire"]),
        is_bound=fields["state"] == STATE_BOUND,
        relay_ids=frozenset(bytes.fromhex(hop["relay-id"]) for hop in hops if "relay-id" in hop),
        remote_ids=frozenset(bytes.fromhex(hop["remote-id"]) for hop in hops if "remote-id" in hop),
    )


def recorded_at(folder: Path) -> int:
    """When the recording was made: what was left of a lease then tells."""
    expiries = {row.what: row.expire for row in rows((folder / "kea-leases6.csv").read_text())}
    first, _ = wire.unframe((folder / "by-link-address.reply.bin").read_bytes())
    (lease,) = wire.binding(wire.message(first[0]).first(wire.CLIENT_DATA) or b"").leases
    return expiries[lease.what] - lease.valid


def shifted(folder: Path, now: Union[float, None] = None) -> str:
    """The lease file of a recording, moved to the present."""
    by = int(time.time() if now is None else now) - recorded_at(folder)
    lines = (folder / "kea-leases6.csv").read_text().splitlines(keepends=True)
    column = lines[0].strip().split(",").index("expire")
    moved = [lines[0]]
    for line in lines[1:]:
        fields = line.split(",")
        fields[column] = str(int(fields[column]) + by)
        moved.append(",".join(fields))
    return "".join(moved)


What = Union[IPv6Address, IPv6Network]
# A binding as it is compared: the client and its leases on one link.
Expected = set[tuple[bytes, frozenset[What]]]


def bindings(text: str, now: Union[float, None] = None) -> dict[tuple[int, bytes], list[Row]]:
    """The live rows by link and client: what one message each is to be made of."""
    now = time.time() if now is None else now
    found: dict[tuple[int, bytes], list[Row]] = {}
    for row in rows(text):
        if row.is_live(now):
            found.setdefault((row.subnet, row.client), []).append(row)
    return found


def expected(text: str, matches: Callable[[Row], bool]) -> Expected:
    """The bindings in which any row matches, each with all of its live leases (decisions D-01)."""
    return {
        (client, frozenset(row.what for row in group))
        for (_, client), group in bindings(text).items()
        if any(matches(row) for row in group)
    }

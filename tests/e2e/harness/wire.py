"""DHCPv6 messages read from octets, with nothing but struct: a codec that shares no line with leasebook's.

Framing is RFC 5460 §5.1, messages RFC 8415 §8 and RFC 5007 §4.1, CLIENT_DATA RFC 5007 §4.1.2.2.
"""

import struct
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network
from typing import Union

SOLICIT, ADVERTISE, REQUEST, CONFIRM, RENEW, REBIND, REPLY, RELEASE, DECLINE = 1, 2, 3, 4, 5, 6, 7, 8, 9
RECONFIGURE, INFORMATION_REQUEST, RELAY_FORW, RELAY_REPL = 10, 11, 12, 13
LEASEQUERY, LEASEQUERY_REPLY, LEASEQUERY_DONE, LEASEQUERY_DATA = 14, 15, 16, 17

CLIENTID, SERVERID, IA_NA, IA_TA, IAADDR, ORO, RELAY_MSG, STATUS_CODE, RAPID_COMMIT, INTERFACE_ID = 1, 2, 3, 4, 5, 6, 9, 13, 14, 18
IA_PD, IAPREFIX, REMOTE_ID, LQ_QUERY, CLIENT_DATA, CLT_TIME, LQ_RELAY_DATA, RELAY_ID = 25, 26, 37, 44, 45, 46, 47, 53
AUTH, RECONF_MSG, CLIENT_FQDN = 11, 19, 39

NO_ADDRS_AVAIL, NO_BINDING, NOT_ON_LINK, USE_MULTICAST, NO_PREFIX_AVAIL = 2, 3, 4, 5, 6
SUCCESS, UNKNOWN_QUERY_TYPE, MALFORMED_QUERY, NOT_CONFIGURED, NOT_ALLOWED, QUERY_TERMINATED = 0, 7, 8, 9, 10, 11


class Malformed(Exception):
    """Octets that are not what they should be."""


@dataclass(frozen=True)
class Option:
    code: int
    data: bytes

    def compose(self) -> bytes:
        return struct.pack("!HH", self.code, len(self.data)) + self.data


def options(octets: bytes) -> list[Option]:
    """The options that fill `octets` to the end."""
    found, at = [], 0
    while at < len(octets):
        if at + 4 > len(octets):
            raise Malformed(f"{len(octets) - at} octets left at {at}, an option has at least 4")
        code, length = struct.unpack_from("!HH", octets, at)
        if at + 4 + length > len(octets):
            raise Malformed(f"option {code} at {at} has {length} octets, {len(octets) - at - 4} are left")
        found.append(Option(code, octets[at + 4 : at + 4 + length]))
        at += 4 + length
    return found


@dataclass(frozen=True)
class Message:
    type: int
    xid: int
    options: tuple[Option, ...]

    def all(self, code: int) -> list[bytes]:
        return [option.data for option in self.options if option.code == code]

    def first(self, code: int) -> Union[bytes, None]:
        found = self.all(code)
        return found[0] if found else None

    def status(self) -> int:
        """The status code; Success where there is none (RFC 8415 §7.5)."""
        data = self.first(STATUS_CODE)
        return SUCCESS if data is None else struct.unpack("!H", data[:2])[0]

    def compose(self) -> bytes:
        head = bytes([self.type]) + self.xid.to_bytes(3, "big")
        return head + b"".join(option.compose() for option in self.options)


def head_octets(octets: bytes) -> int:
    """Octets before the first option of a message: type and transaction-id, or those of a relay (RFC 8415 §9)."""
    return 34 if octets[:1] in (bytes([RELAY_FORW]), bytes([RELAY_REPL])) else 4


def message(octets: bytes) -> Message:
    if len(octets) < 4:
        raise Malformed(f"{len(octets)} octets, a message has at least 4")
    return Message(octets[0], int.from_bytes(octets[1:4], "big"), tuple(options(octets[head_octets(octets) :])))


def codes_in(oro: Union[bytes, None]) -> list[int]:
    """The codes that an ORO (RFC 8415 §21.7) names."""
    return list(struct.unpack(f"!{len(oro) // 2}H", oro)) if oro else []


def frame(octets: bytes) -> bytes:
    """The message with its size in front."""
    return struct.pack("!H", len(octets)) + octets


def unframe(stream: bytes) -> tuple[list[bytes], bytes]:
    """The messages that are complete in `stream`, and the octets behind them."""
    found = []
    while len(stream) >= 2:
        (size,) = struct.unpack_from("!H", stream)
        if len(stream) < 2 + size:
            break
        found.append(stream[2 : 2 + size])
        stream = stream[2 + size :]
    return found, stream


@dataclass(frozen=True)
class Lease:
    """An address or a prefix with what is left of its lifetimes, in seconds."""

    what: Union[IPv6Address, IPv6Network]
    preferred: int
    valid: int


def leases_in(told: Message) -> set[Lease]:
    """All leases in the IAs of a message."""
    inside = [option for option in told.options if option.code in (IA_NA, IA_PD)]
    inner = [option for ia in inside for option in options(ia.data[CONTAINERS[ia.code] :])]
    return {lease(option) for option in inner if option.code in (IAADDR, IAPREFIX)}


def ia_statuses(told: Message) -> list[int]:
    """The status codes inside its IAs, in their order."""
    inside = [option for option in told.options if option.code in (IA_NA, IA_PD)]
    inner = [option for ia in inside for option in options(ia.data[CONTAINERS[ia.code] :])]
    return [struct.unpack("!H", option.data[:2])[0] for option in inner if option.code == STATUS_CODE]


@dataclass(frozen=True)
class Binding:
    """One CLIENT_DATA: a client on one link."""

    client: bytes
    leases: tuple[Lease, ...]
    clt: int
    others: dict[int, bytes] = field(default_factory=dict, compare=False)

    def whats(self) -> frozenset[Union[IPv6Address, IPv6Network]]:
        return frozenset(lease.what for lease in self.leases)


def lease(option: Option) -> Lease:
    """An IAADDR (RFC 8415 §21.6) or IAPREFIX (§21.22), which order their fields differently."""
    if option.code == IAADDR:
        address, preferred, valid = struct.unpack_from("!16sII", option.data)
        options(option.data[24:])
        return Lease(IPv6Address(address), preferred, valid)
    preferred, valid, length, prefix = struct.unpack_from("!IIB16s", option.data)
    options(option.data[25:])
    return Lease(IPv6Network((prefix, length)), preferred, valid)


def binding(client_data: bytes) -> Binding:
    """What one CLIENT_DATA says; exactly one CLIENTID and one CLT_TIME are demanded."""
    inner = options(client_data)
    clients = [option.data for option in inner if option.code == CLIENTID]
    clts = [struct.unpack("!I", option.data)[0] for option in inner if option.code == CLT_TIME]
    if len(clients) != 1 or len(clts) != 1:
        raise Malformed(f"CLIENT_DATA with {len(clients)} CLIENTID and {len(clts)} CLT_TIME")
    leases = tuple(lease(option) for option in inner if option.code in (IAADDR, IAPREFIX))
    others = {o.code: o.data for o in inner if o.code not in (CLIENTID, CLT_TIME, IAADDR, IAPREFIX)}
    return Binding(clients[0], leases, clts[0], others)


# Where the options inside an option begin; tshark 4.0 does not look into LQ_RELAY_DATA.
CONTAINERS = {IA_NA: 12, IA_TA: 4, IA_PD: 12, IAADDR: 24, IAPREFIX: 25, LQ_QUERY: 17, CLIENT_DATA: 0}


def codes(octets: bytes) -> list[int]:
    """The codes of all options of a message and inside its containers, in the order of their octets."""

    def walk(inside: bytes) -> list[int]:
        found = []
        for option in options(inside):
            found.append(option.code)
            if option.code == RELAY_MSG:
                found += walk(option.data[head_octets(option.data) :])
            if option.code in CONTAINERS:
                found += walk(option.data[CONTAINERS[option.code] :])
        return found

    try:
        return walk(octets[head_octets(octets) :])
    except Malformed:
        return []

"""Queries built with scapy: its own option classes where it has them, packets described to it where it has none."""

from typing import Sequence, Union

from scapy.fields import ByteEnumField, FieldLenField, IP6Field, PacketListField, ShortField, StrLenField, X3BytesField
from scapy.layers.dhcp6 import DHCP6OptClientId, DHCP6OptIAAddress, DHCP6OptOptReq, DHCP6OptRemoteID, _dhcp6_dispatcher
from scapy.packet import Packet, Raw

from harness import wire

ADDRESS, CLIENT_ID, RELAY_ID, LINK_ADDRESS, REMOTE_ID = 1, 2, 3, 4, 5

# Who asks in the recordings.
RECORDED_CLIENT = bytes.fromhex("00030001020000000099")


class OptRelayId(Packet):
    """RFC 5460 §5.4.1; scapy 2.5 has no class for it."""

    name = "DHCP6 Relay-ID Option"
    fields_desc = [
        ShortField("optcode", wire.RELAY_ID),
        FieldLenField("optlen", None, length_of="duid"),
        StrLenField("duid", b"", length_from=lambda packet: packet.optlen),
    ]


class OptLqQuery(Packet):
    """RFC 5007 §4.1.2.1; scapy 2.5 has no class for it."""

    name = "DHCP6 Leasequery Option"
    fields_desc = [
        ShortField("optcode", wire.LQ_QUERY),
        FieldLenField("optlen", None, length_of="options", adjust=lambda packet, length: length + 17),
        ByteEnumField("type", RELAY_ID, {1: "ADDRESS", 2: "CLIENTID", 3: "RELAY_ID", 4: "LINK_ADDRESS", 5: "REMOTE_ID"}),
        IP6Field("link", "::"),
        PacketListField("options", [], _dhcp6_dispatcher, length_from=lambda packet: packet.optlen - 17),
    ]


class Leasequery(Packet):
    """RFC 5007 §4.1.1; scapy 2.5 has no class for it."""

    name = "DHCPv6 Leasequery"
    fields_desc = [ByteEnumField("msgtype", wire.LEASEQUERY, {wire.LEASEQUERY: "LEASEQUERY"}), X3BytesField("trid", 0)]


def client_id(duid: bytes) -> Packet:
    """scapy would parse a DUID; here it is octets."""
    return DHCP6OptClientId(duid=Raw(duid))


def query(
    kind: int,
    inner: Sequence[Packet] = (),
    *,
    xid: int,
    link: str = "::",
    client: Union[bytes, None] = RECORDED_CLIENT,
    oro: Sequence[int] = (),
) -> bytes:
    """The octets of a LEASEQUERY, without framing."""
    asked = [*inner, *([DHCP6OptOptReq(reqopts=list(oro))] if oro else [])]
    packet = Leasequery(trid=xid)
    if client is not None:
        packet = packet / client_id(client)
    return bytes(packet / OptLqQuery(type=kind, link=link, options=asked))


def by_address(address: str, **more: object) -> bytes:
    """The lifetimes are there to be ignored (BLQ-S-019): scapy would put other ones by itself."""
    return query(ADDRESS, [DHCP6OptIAAddress(addr=address, preflft=0, validlft=0)], **more)


def by_client_id(duid: bytes, **more: object) -> bytes:
    return query(CLIENT_ID, [client_id(duid)], **more)


def by_relay_id(duid: bytes, **more: object) -> bytes:
    return query(RELAY_ID, [OptRelayId(duid=duid)], **more)


def by_link_address(link: str, **more: object) -> bytes:
    return query(LINK_ADDRESS, link=link, **more)


def by_remote_id(enterprise: int, value: bytes, **more: object) -> bytes:
    return query(REMOTE_ID, [DHCP6OptRemoteID(enterprisenum=enterprise, remoteid=value)], **more)

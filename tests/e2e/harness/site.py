"""A configured and filled place for a server: configuration, lease file, store."""

from pathlib import Path

from harness import kea
from harness.daemon import Server, leasebook

SERVER_ID = bytes.fromhex("0002000009bf0123456789")

# The links of the recordings, by the subnets of their Kea configuration.
LINKS = "".join(
    f"""
[[link]]
id = {number + 1}
name = "olt-{number}"
on-link = ["3fff:0:{number}::/64"]
relay-addresses = ["3fff:0:{number}::1"]

[[link.pool]]
addresses = "3fff:0:{number}::/64"

[[link.prefix-pool]]
prefix = "3fff:10{number}::/32"
delegated-length = 56
"""
    for number in range(3)
)

ALLOW_LOOPBACK = """
[[bulk.allow]]
source = "::1"
"""


def config(bulk: str = "", *, top: str = "", allow: str = ALLOW_LOOPBACK, links: str = LINKS, more: str = "") -> str:
    """A configuration; `bulk` are lines of its section of that name, `top` lines before any section."""
    return f'server-id = "{SERVER_ID.hex()}"\n{top}\n[bulk]\n{bulk}\n{allow}\n{links}\n{more}\n'


def site(folder: Path, text: str, leases: str, name: str = "kea-leases6.csv") -> Server:
    """A server, not yet started, whose store has had this lease file imported."""
    server = Server(folder, text)
    file = folder / name
    file.write_text(leases)
    leasebook("leases", "import", file, "--config", server.config, "--data", server.data, "--quiet")
    return server


def recorded_site(folder: Path, bulk: str = "", **more: str) -> Server:
    """The same with the recorded leases, moved to the present."""
    return site(folder, config(bulk, **more), kea.shifted(kea.KEA))


# One relay with more clients than sockets can hold between server and requestor.
MANY_RELAY = bytes.fromhex("0003000102000000bb01")
MANY_CLIENTS = 40_000


def many_client(index: int) -> bytes:
    """The DUID of one of them: as long as a DUID may be, so that their bindings are many octets."""
    return b"\x00\x02\x00\x00\x0d\xe9" + index.to_bytes(4, "big") + bytes(120)


def many_leases(now: int, clients: int = MANY_CLIENTS) -> str:
    """A lease file with one prefix for each of many clients of one relay on the first link."""
    head = "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source,pool_id\n"
    comma = "&#x2c"
    relay = "".join(
        [
            '{"ISC": {"relay-info": [{"hop": 0',
            f'{comma} "link": "3fff:0:0::1"',
            f'{comma} "options": "0x0035000A{MANY_RELAY.hex()}"',
            f'{comma} "peer": "fe80::1"',
            f'{comma} "relay-id": "{MANY_RELAY.hex()}"',
            "}]}}",
        ]
    )

    def line(index: int) -> str:
        duid = ":".join(f"{octet:02x}" for octet in many_client(index))
        prefix = f"3fff:100:{index >> 8:x}:{(index & 0xFF) << 8:x}::"
        return f"{prefix},{duid},864000,{now + 863000},1,432000,2,1,56,0,0,,,0,{relay},,,0\n"

    return head + "".join(map(line, range(clients)))

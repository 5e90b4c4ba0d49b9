"""systemd-networkd."""

from ipaddress import IPv6Address, IPv6Network
from pathlib import Path
from typing import Mapping

from harness.clients import Client, Held
from harness.topology import DOWNLINK


class Networkd(Client):
    name = "systemd-networkd"
    program = "systemd-networkd"
    package = "systemd"
    # systemd 252 sends no RELEASE when it stops.
    can = frozenset({"addresses", "prefixes", "length", "rapid-commit", "stateless", "name"})

    def places(self) -> Mapping[str, Path]:
        (self.folder / "network").mkdir(exist_ok=True)
        (self.folder / "netif").mkdir(exist_ok=True)
        return {"/etc/systemd/network": self.folder / "network", "/run/systemd/netif": self.folder / "netif"}

    def start(self) -> None:
        self.places()
        self.folder.joinpath("netif").chmod(0o777)
        (self.folder / "network" / "10-up.network").write_text(self.uplink())
        (self.folder / "network" / "20-down.network").write_text(DOWNLINK_FILE)
        super().start()

    def uplink(self) -> str:
        request = "information-request" if self.wish.is_stateless else "solicit"
        lines = ["[Match]", f"Name={self.interface}", "[Network]", "DHCP=ipv6", "IPv6AcceptRA=no", "LinkLocalAddressing=ipv6"]
        lines += ["[DHCPv6]", f"WithoutRA={request}", f"RapidCommit={'yes' if self.wish.rapid_commit else 'no'}", "IAID=7"]
        lines += ["DUIDType=link-layer", f"UseAddress={'yes' if self.wish.addresses else 'no'}", "UseDNS=yes", "UseDomains=yes"]
        lines.append(f"UseDelegatedPrefix={'yes' if self.wish.prefixes else 'no'}")
        if self.wish.length:
            lines.append(f"PrefixDelegationHint=::/{self.wish.length}")
        lines += [f"UserClass={self.wish.user_class}"] if self.wish.user_class else []
        # It has one setting for the names of both protocols.
        lines += ["[DHCPv4]", f"Hostname={self.wish.name}"] if self.wish.name else ["[DHCPv4]", "SendHostname=no"]
        return "\n".join(lines) + "\n"

    def environment(self) -> Mapping[str, str]:
        return {"SYSTEMD_LOG_LEVEL": "debug", "SYSTEMD_LOG_TARGET": "console"}

    def arguments(self) -> list[str]:
        return []

    def held(self) -> Held:
        """Addresses are those it set.

        What it was delegated it makes unreachable as a whole, and gives the downlink an address of; only that goes away at once.
        """
        addresses = frozenset(map(IPv6Address, self.space.addresses(self.interface)))
        routes = self.space.routes("table", "all")
        unreachable = [route["dst"] for route in routes if route.get("type") == "unreachable" and route.get("protocol") == "dhcp"]
        used = [IPv6Address(address) for address in self.space.addresses(DOWNLINK)]
        prefixes = frozenset(prefix for prefix in map(IPv6Network, unreachable) if any(address in prefix for address in used))
        return Held(addresses, prefixes)

    def stateless_traces(self, *values: str) -> tuple[str, ...]:
        """systemd 252 writes them nowhere: that it has taken the reply is all it says."""
        return ("DHCPv6 client: State changed: information-request -> stopped",)

    def options(self) -> str:
        return self.log() + "\n".join(file.read_text() for file in sorted((self.folder / "netif").glob("links/*")))


DOWNLINK_FILE = f"""[Match]
Name={DOWNLINK}
[Network]
DHCPPrefixDelegation=yes
IPv6AcceptRA=no
IPv6SendRA=no
"""

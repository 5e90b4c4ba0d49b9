"""dnsmasq, as a relay only."""

from ipaddress import IPv6Interface

from harness.relays import Relay
from harness.topology import ACCESS_ADDRESS


class Dnsmasq(Relay):
    name = "dnsmasq"
    program = "dnsmasq"
    package = "dnsmasq-base"
    adds = frozenset({"link-layer"})

    def arguments(self) -> list[str]:
        # It is told by its own address on the link of clients which these are; a group needs the interface that leads there.
        server = self.route.towards or f"ff05::1:3,{self.up}"
        relay = f"{IPv6Interface(ACCESS_ADDRESS).ip},{server}"
        return ["-k", "-C", "/dev/null", "-p", "0", "--log-facility=-", "--log-dhcp", "--user=root", "-x", "", f"--dhcp-relay={relay}"]

"""ISC's dhcpd."""

from harness.servers import DELEGATED_LENGTH, INTERFACE, LINK, POOL, PREFERRED_SECS, VALID_SECS, Server

CONFIGURATION = f"""
default-lease-time {VALID_SECS};
preferred-lifetime {PREFERRED_SECS};
subnet6 2001:db8:ff::/64 {{ }}
subnet6 {LINK} {{
    range6 2001:db8:1::1000 2001:db8:1::1fff;
    prefix6 {POOL} 2001:db8:1ff:ff00:: /{DELEGATED_LENGTH};
}}
"""


class Dhcpd(Server):
    name = "dhcpd"
    program = "dhcpd"
    package = "isc-dhcp-server"

    def start(self) -> None:
        (self.folder / "dhcpd.conf").write_text(CONFIGURATION + self.lines)
        (self.folder / "leases").touch()
        super().start()

    def arguments(self) -> list[str]:
        files = ["-cf", f"{self.folder}/dhcpd.conf", "-lf", f"{self.folder}/leases", "-pf", f"{self.folder}/pid"]
        return ["-6", "-f", "-d", *files, INTERFACE]

"""dhcpcd of Roy Marples."""

import re
from ipaddress import IPv6Address, IPv6Network
from pathlib import Path
from typing import Mapping

from harness.clients import Client, Held
from harness.topology import DOWNLINK

# How often it is told to release; each time it has 10 s.
RELEASES = 3

# Called with each change; a line has the reason and all that is known of the interface.
SCRIPT = """#!/bin/sh
{ env | grep -E '^(reason|interface|new_dhcp6_|old_dhcp6_)' | sort | tr '\\n' ' '; echo; } >> %s/events
"""


class Dhcpcd(Client):
    name = "dhcpcd"
    program = "dhcpcd"
    package = "dhcpcd-base"
    # dhcpcd 9.4 knows DECLINE, but waits for ever for the end of duplicate address detection that failed.
    can = frozenset({"release", "remember", "addresses", "prefixes", "several", "length", "rapid-commit", "stateless", "name", "reconfigure"})

    def places(self) -> Mapping[str, Path]:
        folders = {"/var/lib/dhcpcd": "lib", "/run/dhcpcd": "run"}
        for folder in folders.values():
            (self.folder / folder).mkdir(exist_ok=True)
        return {place: self.folder / folder for place, folder in folders.items()}

    def start(self) -> None:
        script = self.folder / "script"
        script.write_text(SCRIPT % self.folder)
        script.chmod(0o755)
        (self.folder / "dhcpcd.conf").write_text(self.configuration())
        super().start()

    def configuration(self) -> str:
        lines = ["duid ll", "noipv6rs", "ipv6only", "nodelay", f"script {self.folder}/script", f"allowinterfaces {self.interface} {DOWNLINK}"]
        lines += ["option dhcp6_name_servers", "option dhcp6_domain_search"]
        if self.wish.rapid_commit:
            lines.append("option dhcp6_rapid_commit")
        if self.wish.accepts_reconfigure:
            lines.append("option dhcp6_reconfigure_accept")
        lines += [f"hostname {self.wish.name}", "fqdn both", "option dhcp6_fqdn"] if self.wish.name else ["fqdn disable"]
        lines.append(f"interface {self.interface}")
        if self.wish.is_stateless:
            lines.append(" inform6")
        else:
            lines += [f" ia_na {number + 1}" for number in range(self.wish.addresses)]
            wish = f"/::/{self.wish.length}" if self.wish.length else ""
            lines += [f" ia_pd {number + 100}{wish} {DOWNLINK}/{number + 1}" for number in range(self.wish.prefixes)]
        return "\n".join(lines) + "\n"

    def arguments(self) -> list[str]:
        return ["-6", "-B", "-d", "-f", f"{self.folder}/dhcpcd.conf", self.interface]

    def events(self) -> list[dict[str, str]]:
        file = self.folder / "events"
        lines = file.read_text().splitlines() if file.exists() else []
        return [dict(re.findall(r"(\w+)=(\S*)", line)) for line in lines]

    def held(self) -> Held:
        """What its script was told last of the leases of the interface."""
        of_leases = [event for event in self.events() if event.get("interface") == self.interface and event["reason"].endswith("6")]
        newest = of_leases[-1] if of_leases else {}
        addresses = [value for name, value in newest.items() if re.fullmatch(r"new_dhcp6_ia_na\d+_ia_addr\d+", name)]
        prefixes = [
            f"{value}/{newest[name + '_length']}"
            for name, value in newest.items()
            if re.fullmatch(r"new_dhcp6_ia_pd\d+_prefix\d+", name)
        ]
        return Held(frozenset(map(IPv6Address, addresses)), frozenset(map(IPv6Network, prefixes)))

    def options(self) -> str:
        file = self.folder / "events"
        return file.read_text() if file.exists() else ""

    def release(self) -> None:
        """A second dhcpcd tells the first by a signal, which that misses now and then when it is about to run a script."""
        for _ in range(RELEASES):
            self.run(self.program, "-6", "-k", "-f", f"{self.folder}/dhcpcd.conf", self.interface, expect=None)
            if not self.is_running():
                break
        self.wait()
